//! Directives of Redis that have no effect here.
//!
//! Files written for Redis can be used without a change. A directive that asks for something that is always true here,
//! or tunes a part that does not exist here, is accepted with the values that Redis accepts. A value that Redis refuses
//! is a mistake here too. Directives that would silently not be followed (encryption, access lists, renamed commands)
//! are refused: a server that starts without them is worse than one that says so.

use super::checks;
use super::directives::{Change, bytes, integer};
use super::value::Kind;

/// How a directive is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Tunes something that does not exist here. Every value that Redis accepts is accepted, and `CONFIG GET` shows it.
    Inert,
    /// Has one value here. Others are accepted with a warning that says why, and change nothing.
    Always(&'static str),
    /// Has one value here. Others are refused, with this reason.
    Refused(&'static str),
}

/// A directive of Redis without effect here.
pub struct Compat {
    /// Its name.
    pub name: &'static str,
    /// Its older name for the same value, or empty.
    pub alias: &'static str,
    /// The values that Redis accepts for it.
    pub kind: Kind,
    /// The value that `CONFIG GET` shows: the only one, or for [`Rule::Inert`] the one until another is set.
    pub value: &'static str,
    /// When Redis lets it change.
    pub change: Change,
    /// How it is treated.
    pub rule: Rule,
}

const SYNCED: &str = "always on here: every write is on disk before its reply";
const NO_SNAPSHOTS: &str = "there are no snapshot files here: every write is on disk before its reply";
const FOREGROUND: &str = "the server stays in the foreground; let a service manager run it in the background";
const ON_DISK: &str =
    "data lives in a file, not in memory: table-max-size limits it, and nothing is ever evicted";
const TRACKED: &str = "each command's latency is always tracked";
const NO_TLS: &str = "connections are not encrypted by this server";
const NO_ACL: &str = "there is one user, 'default'; set requirepass";
const NO_REPLICA: &str = "this server is no replica";
const NO_CLUSTER: &str = "this server is no cluster node";
const NO_MODULES: &str = "there are no modules";
const NO_RENAME: &str = "commands cannot be renamed or switched off";
const NO_SYSLOG: &str = "there is no syslog output; standard error and logfile are what can be logged to";

/// Any number of bytes.
const ANY_BYTES: Kind = bytes(0, u64::MAX);
/// A TCP port, or 0.
const PORT: Kind = integer(0, 65_535);
/// What Redis evicts when memory is full.
const EVICTION: &[&str] = &[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
];
/// The syslog facilities.
const FACILITIES: &[&str] =
    &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];

/// Rows of the table: rule, kind and change, then names with their alias, and values.
macro_rules! compat {
    ($($rule:expr, $kind:expr, $change:ident => { $($name:literal $(or $alias:literal)? $value:literal),+ $(,)? })+) => {
        /// All directives of Redis that have no effect here.
        pub static COMPAT: &[Compat] = &[$($(Compat {
            name: $name,
            alias: concat!($($alias)?),
            kind: $kind,
            value: $value,
            change: Change::$change,
            rule: $rule,
        },)+)+];
    };
}

compat! {
    Rule::Always(SYNCED), Kind::YesNo, Live => { "appendonly" "yes", "no-appendfsync-on-rewrite" "no" }
    Rule::Always(SYNCED), Kind::OneOf(&["everysec", "always", "no"]), Live => { "appendfsync" "always" }
    Rule::Always(NO_SNAPSHOTS), Kind::Checked(checks::save), Live => { "save" "" }
    Rule::Always(FOREGROUND), Kind::YesNo, Start => { "daemonize" "no" }
    Rule::Always(ON_DISK), ANY_BYTES, Live => { "maxmemory" "0" }
    Rule::Always(ON_DISK), Kind::OneOf(EVICTION), Live => { "maxmemory-policy" "noeviction" }
    Rule::Always(TRACKED), Kind::YesNo, Live => { "latency-tracking" "yes" }
    Rule::Always(NO_SYSLOG), Kind::YesNo, Start => { "syslog-enabled" "no" }
    Rule::Refused(NO_TLS), PORT, Live => { "tls-port" "0" }
    Rule::Refused(NO_TLS), Kind::YesNo, Live => { "tls-replication" "no", "tls-cluster" "no" }
    Rule::Refused(NO_ACL), Kind::Text, Start => { "aclfile" "" }
    Rule::Refused(NO_ACL), Kind::Words, Start => { "user" "" }
    Rule::Refused(NO_REPLICA), Kind::Checked(checks::replica_of), Start => { "replicaof" or "slaveof" "" }
    Rule::Refused(NO_CLUSTER), Kind::YesNo, Start => { "cluster-enabled" "no" }
    Rule::Refused(NO_MODULES), Kind::Words, Start => { "loadmodule" "" }
    Rule::Refused(NO_RENAME), Kind::Words, Start => { "rename-command" "" }
    Rule::Inert, Kind::YesNo, Start => {
        "always-show-logo" "no", "disable-thp" "yes", "gopher-enabled" "no", "io-threads-do-reads" "no",
        "rdbchecksum" "yes", "set-proc-title" "yes",
    }
    Rule::Inert, Kind::YesNo, Live => {
        "activedefrag" "no", "activerehashing" "yes", "aof-disable-auto-gc" "no", "aof-load-truncated" "yes",
        "aof-rewrite-incremental-fsync" "yes", "aof-timestamp-enabled" "no", "aof-use-rdb-preamble" "yes",
        "cluster-allow-pubsubshard-when-down" "yes", "cluster-allow-reads-when-down" "no",
        "cluster-allow-replica-migration" "yes",
        "cluster-replica-no-failover" or "cluster-slave-no-failover" "no",
        "cluster-require-full-coverage" "yes", "crash-log-enabled" "yes", "crash-memcheck-enabled" "yes",
        "dynamic-hz" "yes", "jemalloc-bg-thread" "yes", "lazyfree-lazy-eviction" "no",
        "lazyfree-lazy-expire" "no", "lazyfree-lazy-server-del" "no", "lazyfree-lazy-user-del" "no",
        "lazyfree-lazy-user-flush" "no", "rdb-del-sync-files" "no", "rdb-save-incremental-fsync" "yes",
        "rdbcompression" "yes", "repl-disable-tcp-nodelay" "no", "repl-diskless-sync" "yes",
        "replica-announced" "yes", "replica-ignore-disk-write-errors" "no",
        "replica-ignore-maxmemory" or "slave-ignore-maxmemory" "yes",
        "replica-lazy-flush" or "slave-lazy-flush" "no", "replica-read-only" or "slave-read-only" "yes",
        "replica-serve-stale-data" or "slave-serve-stale-data" "yes", "stop-writes-on-bgsave-error" "yes",
        "tls-prefer-server-ciphers" "no", "tls-session-caching" "yes",
    }
    Rule::Inert, Kind::OneOf(&["no", "yes", "local"]), Start => {
        "enable-module-command" "no", "enable-protected-configs" "no",
    }
    Rule::Inert, Kind::OneOf(&["allchannels", "resetchannels"]), Live => {
        "acl-pubsub-default" "resetchannels",
    }
    Rule::Inert, Kind::OneOf(&["ip", "hostname", "unknown-endpoint"]), Live => {
        "cluster-preferred-endpoint-type" "ip",
    }
    Rule::Inert, Kind::OneOf(&["no", "yes", "relative", "absolute"]), Live => { "oom-score-adj" "no" }
    Rule::Inert, Kind::OneOf(&["ignore", "panic", "panic-on-replicas"]), Live => {
        "propagation-error-behavior" "ignore",
    }
    Rule::Inert, Kind::OneOf(&["disabled", "on-empty-db", "swapdb"]), Live => {
        "repl-diskless-load" "disabled",
    }
    Rule::Inert, Kind::OneOf(&["no", "yes", "clients"]), Live => { "sanitize-dump-payload" "no" }
    Rule::Inert, Kind::OneOf(&["no", "yes", "optional"]), Live => { "tls-auth-clients" "yes" }
    Rule::Inert, Kind::OneOf(FACILITIES), Start => { "syslog-facility" "local0" }
    Rule::Inert, integer(0, i32::MAX as i64), Live => {
        "auto-aof-rewrite-percentage" "100", "cluster-migration-barrier" "1",
        "cluster-replica-validity-factor" or "cluster-slave-validity-factor" "10", "lfu-decay-time" "1",
        "lfu-log-factor" "10", "list-compress-depth" "0", "min-replicas-max-lag" or "min-slaves-max-lag" "10",
        "min-replicas-to-write" or "min-slaves-to-write" "0", "repl-diskless-sync-delay" "5",
        "repl-diskless-sync-max-replicas" "0", "repl-diskless-sync-period" "0",
        "replica-priority" or "slave-priority" "100", "shutdown-timeout" "10",
        "tls-session-cache-size" "20480", "tls-session-cache-timeout" "300",
    }
    Rule::Inert, integer(1, i32::MAX as i64), Live => {
        "maxmemory-samples" "5", "repl-ping-replica-period" or "repl-ping-slave-period" "10",
        "repl-timeout" "60",
    }
    Rule::Inert, integer(0, i64::MAX), Live => {
        "acllog-max-len" "128", "busy-reply-threshold" or "lua-time-limit" "5000",
        "cluster-node-timeout" "15000", "hash-max-listpack-entries" or "hash-max-ziplist-entries" "512",
        "repl-backlog-ttl" "3600", "set-max-intset-entries" "512", "set-max-listpack-entries" "128",
        "stream-node-max-entries" "100", "zset-max-listpack-entries" or "zset-max-ziplist-entries" "128",
    }
    Rule::Inert, integer(1, i64::MAX), Live => { "active-defrag-max-scan-fields" "1000" }
    Rule::Inert, integer(1, 99), Live => { "active-defrag-cycle-max" "25", "active-defrag-cycle-min" "1" }
    Rule::Inert, integer(0, 1000), Live => {
        "active-defrag-threshold-lower" "10", "active-defrag-threshold-upper" "100",
    }
    Rule::Inert, integer(1, 10), Live => { "active-expire-effort" "1" }
    Rule::Inert, integer(0, 100), Live => { "maxmemory-eviction-tenacity" "10" }
    Rule::Inert, integer(i32::MIN as i64, i32::MAX as i64), Live => {
        "list-max-listpack-size" or "list-max-ziplist-size" "-2",
    }
    Rule::Inert, integer(1, 128), Start => { "io-threads" "1" }
    Rule::Inert, integer(0, u32::MAX as i64), Start => { "socket-mark-id" "0" }
    Rule::Inert, PORT, Live => {
        "cluster-announce-bus-port" "0", "cluster-announce-port" "0", "cluster-announce-tls-port" "0",
        "replica-announce-port" or "slave-announce-port" "0",
    }
    Rule::Inert, PORT, Start => { "cluster-port" "0" }
    Rule::Inert, bytes(0, i64::MAX as u64), Live => {
        "auto-aof-rewrite-min-size" "67108864", "hash-max-listpack-value" or "hash-max-ziplist-value" "64",
        "hll-sparse-max-bytes" "3000", "set-max-listpack-value" "64", "stream-node-max-bytes" "4096",
        "zset-max-listpack-value" or "zset-max-ziplist-value" "64",
    }
    Rule::Inert, bytes(1, i64::MAX as u64), Live => {
        "active-defrag-ignore-bytes" "104857600",
    }
    Rule::Inert, Kind::Checked(checks::backlog), Live => { "repl-backlog-size" "1048576" }
    Rule::Inert, ANY_BYTES, Live => { "cluster-link-sendbuf-limit" "0" }
    Rule::Inert, Kind::Checked(checks::bytes_or_percent), Live => { "maxmemory-clients" "0" }
    Rule::Inert, Kind::Checked(checks::percentiles), Live => {
        "latency-tracking-info-percentiles" "50 99 99.9",
    }
    Rule::Inert, Kind::Checked(checks::oom_scores), Live => { "oom-score-adj-values" "0 200 800" }
    Rule::Inert, Kind::Checked(checks::on_signal), Live => {
        "shutdown-on-sigint" "default", "shutdown-on-sigterm" "default",
    }
    Rule::Inert, Kind::Checked(checks::host_name), Live => { "cluster-announce-hostname" "" }
    Rule::Inert, Kind::Checked(checks::title_template), Live => {
        "proc-title-template" "{title} {listen-addr} {server-mode}",
    }
    Rule::Inert, Kind::Checked(checks::file_name), Start => {
        "appenddirname" "appendonlydir", "appendfilename" "appendonly.aof",
    }
    Rule::Inert, Kind::Checked(checks::file_name), Protected => { "dbfilename" "dump.rdb" }
    Rule::Inert, Kind::Text, Start => {
        "aof_rewrite_cpulist" "", "bgsave_cpulist" "", "bio_cpulist" "", "cluster-config-file" "nodes.conf",
        "server_cpulist" "", "syslog-ident" "ackd",
    }
    Rule::Inert, Kind::Text, Live => {
        "bind-source-addr" "", "cluster-announce-human-nodename" "", "cluster-announce-ip" "",
        "ignore-warnings" "", "locale-collate" "", "masterauth" "", "masteruser" "",
        "replica-announce-ip" or "slave-announce-ip" "", "tls-ca-cert-dir" "", "tls-ca-cert-file" "",
        "tls-cert-file" "", "tls-ciphers" "", "tls-ciphersuites" "", "tls-client-cert-file" "",
        "tls-client-key-file" "", "tls-client-key-file-pass" "", "tls-dh-params-file" "", "tls-key-file" "",
        "tls-key-file-pass" "", "tls-protocols" "",
    }
}

/// Inert directives whose value is a secret: accepted, and neither kept nor shown.
pub const SECRET: &[&str] = &["masterauth", "tls-key-file-pass", "tls-client-key-file-pass"];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::DIRECTIVES;

    #[test]
    fn each_name_stands_in_the_tables_once() {
        let mut seen = HashSet::new();
        let aliases = COMPAT.iter().map(|row| row.alias).filter(|alias| !alias.is_empty());
        let names = COMPAT.iter().map(|row| row.name).chain(aliases);
        for name in names.chain(DIRECTIVES.iter().map(|row| row.name)) {
            assert!(seen.insert(name), "{name} twice");
            assert_eq!(name, name.to_ascii_lowercase());
        }
        assert!(SECRET.iter().all(|name| seen.contains(name)));
    }

    #[test]
    fn each_value_shown_is_one_that_is_taken() {
        for row in COMPAT.iter().filter(|row| !row.value.is_empty()) {
            assert_eq!(row.kind.normal(&[row.value.into()]), Ok(row.value.into()), "{}", row.name);
        }
    }
}
