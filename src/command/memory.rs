//! `MEMORY`: the memory of the process. The data itself is in the table's file, which the system caches.

use std::time::Duration;

use super::local::{self, Outcome, unknown_subcommand};
use super::process::{self, ProcessMemory};
use super::{LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::MEMORY, Run::Local(unknown_subcommand)),
    (&spec::MEMORY_USAGE, Run::Read(super::keys::memory_usage)),
    (&spec::MEMORY_DOCTOR, Run::Local(doctor)),
    (&spec::MEMORY_MALLOC_STATS, Run::Local(malloc_stats)),
    (&spec::MEMORY_PURGE, Run::Local(purge)),
    (&spec::MEMORY_STATS, Run::Local(stats)),
    (&spec::MEMORY_HELP, Run::Local(help)),
];

/// `MEMORY DOCTOR`
fn doctor(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let memory = process::memory();
    let mut text = format!(
        "The process holds {} in memory of its own, and maps {} of the data that the system holds in its cache.\n\
         The system takes cached data back when it needs the memory; nothing is evicted and nothing is lost.\n",
        process::human(memory.own_bytes),
        process::human(memory.file_bytes),
    );
    if let Some(gauges) = ctx.server.gauges() {
        let used = gauges.storage().table_used_bytes;
        if used > process::system_memory_bytes() {
            text.push_str(
                "The data is larger than the machine's memory: reads of cold keys wait for the disk.\n",
            );
        }
    }
    if ctx.server.uptime_ms() < Duration::from_secs(60).as_millis() as u64 {
        text.push_str("The server has just started: its cache is still cold.\n");
    }
    reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

/// `MEMORY MALLOC-STATS`
fn malloc_stats(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.verbatim(*b"txt", b"Stats not supported for the current allocator");
    Ok(())
}

/// `MEMORY PURGE` does nothing: the allocator gives unused memory back by itself.
fn purge(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.ok();
    Ok(())
}

/// `MEMORY STATS`
fn stats(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let memory = process::memory();
    let clients = client_bytes(ctx);
    let (keys, dataset) = dataset(ctx);
    let integers = [
        ("peak.allocated", memory.peak_bytes),
        ("total.allocated", memory.own_bytes),
        ("startup.allocated", 0),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
        ("overhead.total", memory.own_bytes),
        ("keys.count", keys),
        ("keys.bytes-per-key", dataset.checked_div(keys).unwrap_or(0)),
        ("dataset.bytes", dataset),
        ("allocator.allocated", memory.own_bytes),
        ("allocator.active", memory.own_bytes),
        ("allocator.resident", memory.own_bytes),
        ("allocator-fragmentation.bytes", 0),
        ("allocator-rss.bytes", 0),
        ("rss-overhead.bytes", memory.file_bytes),
        ("fragmentation.bytes", 0),
    ];
    let ratios = [
        ("dataset.percentage", percentage(dataset, dataset + memory.own_bytes)),
        ("peak.percentage", percentage(memory.resident_bytes, memory.peak_bytes)),
        ("allocator-fragmentation.ratio", 1.0),
        ("allocator-rss.ratio", 1.0),
        ("rss-overhead.ratio", memory.overhead_ratio()),
        ("fragmentation", 1.0),
    ];
    reply.map(integers.len() + ratios.len());
    for (name, value) in integers {
        reply.bulk(name.as_bytes());
        reply.integer(value as i64);
    }
    for (name, value) in ratios {
        reply.bulk(name.as_bytes());
        reply.double_text(&value.to_string());
    }
    Ok(())
}

/// Bytes of all clients' buffers.
pub(super) fn client_bytes(ctx: &LocalCtx<'_>) -> u64 {
    let held = |info: &std::sync::Arc<crate::state::ClientInfo>| {
        let (query, free) = info.query_bytes();
        (query + free + info.reply_bytes()) as u64
    };
    ctx.server.clients.list().iter().map(held).sum()
}

/// Number of keys of all databases, and the bytes that the data takes in the table.
pub(super) fn dataset(ctx: &LocalCtx<'_>) -> (u64, u64) {
    let Some(gauges) = ctx.server.gauges() else { return (0, 0) };
    let databases = ctx.server.limits.databases() as usize;
    let keys = (0..databases).map(|db| gauges.database(db).keys).sum();
    (keys, gauges.storage().table_used_bytes)
}

/// `part` of `whole`, in percent.
pub(super) fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

impl ProcessMemory {
    /// Resident memory divided by the process's own memory.
    pub(super) fn overhead_ratio(&self) -> f64 {
        if self.own_bytes == 0 { 1.0 } else { self.resident_bytes as f64 / self.own_bytes as f64 }
    }
}

/// `MEMORY HELP`
fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
    ];
    local::help(reply, "MEMORY", &lines);
    Ok(())
}
