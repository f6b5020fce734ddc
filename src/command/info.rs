//! `INFO`: the state of the server as text, in Redis's sections and under its names, and a section of our own.
//!
//! Fields about parts that do not exist here are left out, except those that dashboards and client libraries read.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{SystemTime, UNIX_EPOCH};

use super::connection::REDIS_VERSION;
use super::local::{Outcome, is};
use super::memory::{client_bytes, dataset, percentage};
use super::process::{self, human};
use super::{LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::{DamageGauge, LatencyHistogram, StorageGauges};
use crate::version::VERSION;

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[(&spec::INFO, Run::Local(info))];

/// A function that writes the fields of one section.
type WriteFields = fn(&mut String, &LocalCtx<'_>);

/// One section.
struct Section {
    /// Its name, as in its heading.
    name: &'static str,
    /// Whether a plain `INFO` shows it.
    is_default: bool,
    /// Writes its fields.
    write: WriteFields,
}

/// All sections, in the order of the reply.
const SECTIONS: &[Section] = &[
    Section { name: "Server", is_default: true, write: server },
    Section { name: "Clients", is_default: true, write: clients },
    Section { name: "Memory", is_default: true, write: memory },
    Section { name: "Persistence", is_default: true, write: persistence },
    Section { name: "Durability", is_default: true, write: durability },
    Section { name: "Stats", is_default: true, write: stats },
    Section { name: "Replication", is_default: true, write: replication },
    Section { name: "CPU", is_default: true, write: cpu },
    Section { name: "Modules", is_default: true, write: |_, _| {} },
    Section { name: "Commandstats", is_default: false, write: command_stats },
    Section { name: "Errorstats", is_default: true, write: error_stats },
    Section { name: "Latencystats", is_default: false, write: latency_stats },
    Section { name: "Cluster", is_default: true, write: cluster },
    Section { name: "Keyspace", is_default: true, write: keyspace },
];

/// `INFO [section ...]`
fn info(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let everything = |word: &[u8]| is(word, "all") || is(word, "everything");
    let wanted = |section: &Section| {
        args.len() == 1 && section.is_default
            || args.from(1).any(|word| {
                everything(word) || is(word, "default") && section.is_default || is(word, section.name)
            })
    };
    let mut text = String::new();
    for section in SECTIONS.iter().filter(|section| wanted(section)) {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        field(&mut text, format_args!("# {}", section.name));
        (section.write)(&mut text, ctx);
    }
    reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

/// Writes one line.
fn field(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = write!(text, "{line}\r\n");
}

/// Lines of `name: value`.
macro_rules! fields {
    ($text:ident, $($name:literal: $value:expr),+ $(,)?) => {
        $(field($text, format_args!(concat!($name, ":{}"), $value));)+
    };
}

/// The figures of log and table; all zero before they are open.
fn storage(ctx: &LocalCtx<'_>) -> StorageGauges {
    ctx.server.gauges().map(|gauges| gauges.storage()).unwrap_or_default()
}

/// Time since the Unix epoch.
fn since_epoch() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn server(text: &mut String, ctx: &LocalCtx<'_>) {
    let config = ctx.server.settings().current();
    let uptime_s = ctx.server.uptime_ms() / 1000;
    let now = since_epoch();
    let executable = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let file = ctx.server.settings().file().map(|path| path.display().to_string()).unwrap_or_default();
    fields!(text,
        "redis_version": REDIS_VERSION,
        "server_name": "ackd",
        "ackd_version": VERSION,
        "redis_git_sha1": "00000000",
        "redis_git_dirty": 0,
        "redis_build_id": "0000000000000000",
        "redis_mode": "standalone",
        "os": os(),
        "arch_bits": usize::BITS,
        "monotonic_clock": "POSIX clock_gettime",
        "multiplexing_api": "epoll",
        "gcc_version": "0.0.0",
        "process_id": std::process::id(),
        "process_supervised": String::from_utf8_lossy(&ctx.server.settings().shown("supervised")),
        "run_id": ctx.server.run_id(),
        "tcp_port": config.port,
        "server_time_usec": now.as_micros(),
        "uptime_in_seconds": uptime_s,
        "uptime_in_days": uptime_s / 86_400,
        "hz": config.hz,
        "configured_hz": config.hz,
        "lru_clock": now.as_secs() & 0xff_ffff,
        "executable": executable,
        "config_file": file,
        "io_threads_active": u8::from(config.thread_count() > 1),
        "threads": config.thread_count(),
    );
}

/// The operating system, its version and the machine.
fn os() -> String {
    let name = rustix::system::uname();
    [name.sysname(), name.release(), name.machine()].map(|part| part.to_string_lossy().into_owned()).join(" ")
}

fn clients(text: &mut String, ctx: &LocalCtx<'_>) {
    let list = ctx.server.clients.list();
    let largest_input = list.iter().map(|info| info.query_bytes().0).max().unwrap_or(0);
    let largest_output = list.iter().map(|info| info.reply_bytes()).max().unwrap_or(0);
    fields!(text,
        "connected_clients": list.len(),
        "cluster_connections": 0,
        "maxclients": ctx.server.limits.clients_max(),
        "client_recent_max_input_buffer": largest_input,
        "client_recent_max_output_buffer": largest_output,
        "blocked_clients": list.iter().filter(|info| info.is_blocked()).count(),
        "tracking_clients": ctx.server.tracking.sizes().clients,
        "pubsub_clients": list.iter().filter(|info| info.subscriptions().any()).count(),
        "watching_clients": list.iter().filter(|info| info.transaction().watched_keys.load(Relaxed)).count(),
        "clients_in_timeout_table": list.iter().filter(|info| info.blocked().is_set() && info.blocked().until_ms().is_some()).count(),
        "total_blocking_keys": ctx.server.kept.awaited_keys.load(Relaxed),
        "total_blocking_keys_on_nokey": 0,
        "clients_waiting_for_writer": list.iter().filter(|info| info.is_waiting()).count(),
    );
}

fn memory(text: &mut String, ctx: &LocalCtx<'_>) {
    let memory = process::memory();
    let clients = client_bytes(ctx);
    let (_, dataset) = dataset(ctx);
    let system = process::system_memory_bytes();
    fields!(text,
        "used_memory": memory.own_bytes,
        "used_memory_human": human(memory.own_bytes),
        "used_memory_rss": memory.resident_bytes,
        "used_memory_rss_human": human(memory.resident_bytes),
        "used_memory_peak": memory.peak_bytes,
        "used_memory_peak_human": human(memory.peak_bytes),
        "used_memory_peak_perc": format_args!("{:.2}%", percentage(memory.resident_bytes, memory.peak_bytes)),
        "used_memory_overhead": memory.own_bytes,
        "used_memory_startup": 0,
        "used_memory_dataset": dataset,
        "used_memory_dataset_perc": format_args!("{:.2}%", percentage(dataset, dataset + memory.own_bytes)),
        "mapped_memory_resident": memory.file_bytes,
        "allocator_allocated": memory.own_bytes,
        "allocator_active": memory.own_bytes,
        "allocator_resident": memory.own_bytes,
        "total_system_memory": system,
        "total_system_memory_human": human(system),
        "used_memory_lua": 0,
        "used_memory_vm_eval": 0,
        "used_memory_lua_human": "0B",
        "used_memory_scripts_eval": 0,
        "number_of_cached_scripts": 0,
        "number_of_functions": 0,
        "number_of_libraries": 0,
        "used_memory_vm_functions": 0,
        "used_memory_vm_total": 0,
        "used_memory_vm_total_human": "0B",
        "used_memory_functions": 0,
        "used_memory_scripts": 0,
        "used_memory_scripts_human": "0B",
        "maxmemory": 0,
        "maxmemory_human": "0B",
        "maxmemory_policy": "noeviction",
        "allocator_frag_ratio": "1.00",
        "allocator_frag_bytes": 0,
        "allocator_rss_ratio": "1.00",
        "allocator_rss_bytes": 0,
        "rss_overhead_ratio": format_args!("{:.2}", memory.overhead_ratio()),
        "rss_overhead_bytes": memory.file_bytes,
        "mem_fragmentation_ratio": "1.00",
        "mem_fragmentation_bytes": 0,
        "mem_not_counted_for_evict": 0,
        "mem_replication_backlog": 0,
        "mem_total_replication_buffers": 0,
        "mem_clients_slaves": 0,
        "mem_clients_normal": clients,
        "mem_cluster_links": 0,
        "mem_aof_buffer": 0,
        "mem_allocator": "mimalloc",
        "active_defrag_running": 0,
        "lazyfree_pending_objects": 0,
        "lazyfreed_objects": 0,
    );
}

/// What `Durability` says, under Redis's names: a checkpoint is a save, the log is the append-only file.
fn persistence(text: &mut String, ctx: &LocalCtx<'_>) {
    let storage = storage(ctx);
    let last_save_s = match storage.checkpoint_unix_ms {
        0 => ctx.server.started_unix_ms() / 1000,
        unix_ms => unix_ms / 1000,
    };
    fields!(text,
        "loading": 0,
        "async_loading": 0,
        "current_cow_peak": 0,
        "current_cow_size": 0,
        "current_cow_size_age": 0,
        "current_fork_perc": "0.00",
        "current_save_keys_processed": 0,
        "current_save_keys_total": 0,
        "rdb_changes_since_last_save": storage.last_lsn.saturating_sub(storage.checkpoint_lsn),
        "rdb_bgsave_in_progress": u8::from(storage.checkpoint_running),
        "rdb_last_save_time": last_save_s,
        "rdb_last_bgsave_status": if storage.checkpoint_ok { "ok" } else { "err" },
        "rdb_last_bgsave_time_sec": -1,
        "rdb_current_bgsave_time_sec": -1,
        "rdb_saves": 0,
        "rdb_last_cow_size": 0,
        "rdb_last_load_keys_expired": 0,
        "rdb_last_load_keys_loaded": 0,
        "aof_enabled": 1,
        "aof_rewrite_in_progress": 0,
        "aof_rewrite_scheduled": 0,
        "aof_last_rewrite_time_sec": -1,
        "aof_current_rewrite_time_sec": -1,
        "aof_last_bgrewrite_status": "ok",
        "aof_rewrites": 0,
        "aof_rewrites_consecutive_failures": 0,
        "aof_last_write_status": if storage.writable { "ok" } else { "err" },
        "aof_last_cow_size": 0,
        "module_fork_in_progress": 0,
        "module_fork_last_cow_size": 0,
        "aof_current_size": storage.log_bytes,
        "aof_base_size": 0,
        "aof_pending_rewrite": 0,
        "aof_buffer_length": 0,
        "aof_pending_bio_fsync": 0,
        "aof_delayed_fsync": 0,
    );
}

fn durability(text: &mut String, ctx: &LocalCtx<'_>) {
    let storage = storage(ctx);
    let batch = if storage.groups == 0 { 0.0 } else { storage.records as f64 / storage.groups as f64 };
    let age_s = match storage.checkpoint_unix_ms {
        0 => -1,
        unix_ms => (since_epoch().as_millis() as u64).saturating_sub(unix_ms) as i64 / 1000,
    };
    fields!(text,
        "writes_accepted": u8::from(storage.writable),
        "wal_last_lsn": storage.last_lsn,
        "wal_durable_lsn": storage.synced_lsn,
        "wal_size_bytes": storage.log_bytes,
        "wal_segments": storage.log_segments,
        "wal_method": storage.log_method,
        "wal_groups": storage.groups,
        "wal_records": storage.records,
        "wal_batch_avg": format_args!("{batch:.2}"),
        "wal_fsync_usec_p50": storage.sync_us_p50,
        "wal_fsync_usec_p99": storage.sync_us_p99,
        "checkpoint_lsn": storage.checkpoint_lsn,
        "checkpoint_age_sec": age_s,
        "checkpoint_in_progress": u8::from(storage.checkpoint_running),
        "checkpoint_last_status": if storage.checkpoint_ok { "ok" } else { "err" },
        "clock_ahead_ms": storage.clock_ahead_ms,
        "recovery_ms_last": storage.recovery_ms,
        "recovery_records_last": storage.recovery_records,
        "table_size_bytes": storage.table_bytes,
        "table_used_bytes": storage.table_used_bytes,
    );
    integrity(text, ctx);
}

/// The most damaged pages that are listed.
const DAMAGE_SHOWN_MAX: usize = 16;

/// The progress of the scrub, and the damaged pages.
fn integrity(text: &mut String, ctx: &LocalCtx<'_>) {
    let (passes, pages) = ctx.server.scrub.running();
    let (last, last_unix_s) = ctx.server.scrub.last();
    let damage = ctx.server.gauges().map(|gauges| gauges.damage()).unwrap_or_default();
    fields!(text,
        "scrub_rate_pages_per_sec": ctx.server.limits.scrub_rate(),
        "scrub_passes": passes,
        "scrub_current_pages": pages,
        "scrub_last_end_time": last_unix_s,
        "scrub_last_duration_sec": last.seconds,
        "scrub_last_pages": last.pages,
        "scrub_last_damaged_pages": last.damaged,
        "damaged_pages": damage.len(),
    );
    for (index, page) in damage.iter().take(DAMAGE_SHOWN_MAX).enumerate() {
        let DamageGauge { page, offset, reason, keys } = page;
        field(
            text,
            format_args!("damaged_page_{index}:page={page},offset={offset},keys={keys},reason={reason}"),
        );
    }
}

fn stats(text: &mut String, ctx: &LocalCtx<'_>) {
    let totals = ctx.server.stats.totals();
    let [commands_per_s, in_per_s, out_per_s] = ctx.server.stats.rates();
    let tracking = ctx.server.tracking.sizes();
    let kilobytes = |bytes: u64| bytes as f64 / 1024.0;
    fields!(text,
        "total_connections_received": totals.connections_received,
        "total_commands_processed": totals.commands,
        "instantaneous_ops_per_sec": commands_per_s,
        "total_net_input_bytes": totals.net_in_bytes,
        "total_net_output_bytes": totals.net_out_bytes,
        "total_net_repl_input_bytes": 0,
        "total_net_repl_output_bytes": 0,
        "instantaneous_input_kbps": format_args!("{:.2}", kilobytes(in_per_s)),
        "instantaneous_output_kbps": format_args!("{:.2}", kilobytes(out_per_s)),
        "instantaneous_input_repl_kbps": "0.00",
        "instantaneous_output_repl_kbps": "0.00",
        "rejected_connections": totals.connections_rejected,
        "sync_full": 0,
        "sync_partial_ok": 0,
        "sync_partial_err": 0,
        "expired_keys": totals.expired_keys,
        "worked_out_beside": totals.worked_out,
        "worked_out_in_vain": totals.outdated,
        "expired_stale_perc": "0.00",
        "expired_time_cap_reached_count": 0,
        "expire_cycle_cpu_milliseconds": 0,
        "evicted_keys": 0,
        "evicted_clients": 0,
        "total_eviction_exceeded_time": 0,
        "current_eviction_exceeded_time": 0,
        "keyspace_hits": totals.keyspace_hits,
        "keyspace_misses": totals.keyspace_misses,
        "pubsub_channels": ctx.server.pubsub.channels.len(),
        "pubsub_patterns": ctx.server.pubsub.patterns_len(),
        "pubsubshard_channels": ctx.server.pubsub.shard_channels.len(),
        "latest_fork_usec": 0,
        "total_forks": 0,
        "migrate_cached_sockets": 0,
        "slave_expires_tracked_keys": 0,
        "active_defrag_hits": 0,
        "active_defrag_misses": 0,
        "active_defrag_key_hits": 0,
        "active_defrag_key_misses": 0,
        "total_active_defrag_time": 0,
        "current_active_defrag_time": 0,
        "tracking_total_keys": tracking.keys,
        "tracking_total_items": tracking.items,
        "tracking_total_prefixes": tracking.prefixes,
        "unexpected_error_replies": 0,
        "total_error_replies": totals.errors,
        "dump_payload_sanitizations": 0,
    );
}

fn replication(text: &mut String, ctx: &LocalCtx<'_>) {
    fields!(text,
        "role": "master",
        "connected_slaves": 0,
        "master_failover_state": "no-failover",
        "master_replid": ctx.server.run_id(),
        "master_replid2": "0000000000000000000000000000000000000000",
        "master_repl_offset": 0,
        "second_repl_offset": -1,
        "repl_backlog_active": 0,
        "repl_backlog_size": 0,
        "repl_backlog_first_byte_offset": 0,
        "repl_backlog_histlen": 0,
    );
}

fn cpu(text: &mut String, _: &LocalCtx<'_>) {
    let (system, user) = process::processor_times();
    fields!(text,
        "used_cpu_sys": format_args!("{:.6}", system.as_secs_f64()),
        "used_cpu_user": format_args!("{:.6}", user.as_secs_f64()),
        "used_cpu_sys_children": "0.000000",
        "used_cpu_user_children": "0.000000",
    );
}

fn command_stats(text: &mut String, ctx: &LocalCtx<'_>) {
    for spec in spec::all() {
        if let Some(counted) = ctx.server.stats.command(spec.id) {
            let per_call = if counted.calls == 0 { 0.0 } else { counted.us as f64 / counted.calls as f64 };
            field(
                text,
                format_args!(
                    "cmdstat_{}:calls={},usec={},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}",
                    spec.name, counted.calls, counted.us, counted.rejected, counted.failed
                ),
            );
        }
    }
}

fn error_stats(text: &mut String, ctx: &LocalCtx<'_>) {
    for (code, count) in ctx.server.stats.errors() {
        field(text, format_args!("errorstat_{}:count={count}", code.replace([':', '\r', '\n'], "_")));
    }
}

fn latency_stats(text: &mut String, ctx: &LocalCtx<'_>) {
    for spec in spec::all() {
        let latency = ctx.server.stats.latency(spec.id);
        if latency.count() > 0 {
            let us = |percent: f64| percentile_us(&latency, percent);
            field(
                text,
                format_args!(
                    "latency_percentiles_usec_{}:p50={:.3},p99={:.3},p99.9={:.3}",
                    spec.name,
                    us(50.0),
                    us(99.0),
                    us(99.9)
                ),
            );
        }
    }
}

/// A percentile in microseconds.
fn percentile_us(latency: &LatencyHistogram, percent: f64) -> f64 {
    latency.percentile_ns(percent) as f64 / 1000.0
}

fn cluster(text: &mut String, _: &LocalCtx<'_>) {
    fields!(text, "cluster_enabled": 0);
}

fn keyspace(text: &mut String, ctx: &LocalCtx<'_>) {
    let now_ms = since_epoch().as_millis() as u64;
    for db in 0..ctx.server.limits.databases() as usize {
        let Some(shown) = ctx.database(db) else { return };
        if shown.keys > 0 {
            let average_ms = shown.average_expiry_ms.map_or(0, |expiry_ms| expiry_ms.saturating_sub(now_ms));
            let (keys, expires) = (shown.keys, shown.expires);
            field(text, format_args!("db{db}:keys={keys},expires={expires},avg_ttl={average_ms}"));
        }
    }
}
