//! Directives that Redis knows and that have nothing to do here.
//!
//! Files written for Redis are read without a change. What asks for a promise that holds here anyway, or tunes a part
//! that does not exist, is accepted; what would be quietly not done (encryption, access lists, renamed commands) is
//! refused, for a server that starts without them is worse than one that says so.

/// What becomes of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Tunes something that does not exist here. Any value is accepted and shown again by `CONFIG GET`.
    Inert,
    /// Has one value here. Another one is accepted with a warning that says why, and changes nothing.
    Always(&'static str),
    /// Has one value here. Another one is refused, with this reason.
    Refused(&'static str),
}

/// A directive of Redis without effect here.
pub struct Compat {
    /// Its name.
    pub name: &'static str,
    /// The value that `CONFIG GET` shows: the only one, or for [`Rule::Inert`] the one until another is given.
    pub value: &'static str,
    /// What becomes of it.
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

/// Rows of the table: rule, then names and values.
macro_rules! compat {
    ($($rule:expr => { $($name:literal $value:literal),+ $(,)? })+) => {
        /// All directives of Redis that have no effect here.
        pub static COMPAT: &[Compat] = &[$($(Compat { name: $name, value: $value, rule: $rule },)+)+];
    };
}

compat! {
    Rule::Always(SYNCED) => { "appendonly" "yes", "appendfsync" "always", "no-appendfsync-on-rewrite" "no" }
    Rule::Always(NO_SNAPSHOTS) => { "save" "" }
    Rule::Always(FOREGROUND) => { "daemonize" "no" }
    Rule::Always(ON_DISK) => { "maxmemory" "0", "maxmemory-policy" "noeviction" }
    Rule::Always(TRACKED) => { "latency-tracking" "yes" }
    Rule::Always(NO_SYSLOG) => { "syslog-enabled" "no" }
    Rule::Refused(NO_TLS) => { "tls-port" "0", "tls-replication" "no", "tls-cluster" "no" }
    Rule::Refused(NO_ACL) => { "aclfile" "", "user" "" }
    Rule::Refused(NO_REPLICA) => { "replicaof" "", "slaveof" "" }
    Rule::Refused(NO_CLUSTER) => { "cluster-enabled" "no" }
    Rule::Refused(NO_MODULES) => { "loadmodule" "" }
    Rule::Refused(NO_RENAME) => { "rename-command" "" }
    Rule::Inert => {
        "acl-pubsub-default" "resetchannels", "acllog-max-len" "128",
        "active-defrag-cycle-max" "25", "active-defrag-cycle-min" "1", "active-defrag-ignore-bytes" "104857600",
        "active-defrag-max-scan-fields" "1000", "active-defrag-threshold-lower" "10",
        "active-defrag-threshold-upper" "100", "active-expire-effort" "1", "activedefrag" "no",
        "activerehashing" "yes", "always-show-logo" "no", "aof-disable-auto-gc" "no", "aof-load-truncated" "yes",
        "aof-rewrite-incremental-fsync" "yes", "aof-timestamp-enabled" "no", "aof-use-rdb-preamble" "yes",
        "aof_rewrite_cpulist" "", "appenddirname" "appendonlydir", "appendfilename" "appendonly.aof",
        "auto-aof-rewrite-min-size" "67108864", "auto-aof-rewrite-percentage" "100",
        "bgsave_cpulist" "", "bind-source-addr" "", "bio_cpulist" "", "busy-reply-threshold" "5000",
        "cluster-allow-pubsubshard-when-down" "yes", "cluster-allow-reads-when-down" "no",
        "cluster-allow-replica-migration" "yes", "cluster-announce-bus-port" "0", "cluster-announce-hostname" "",
        "cluster-announce-human-nodename" "", "cluster-announce-ip" "", "cluster-announce-port" "0",
        "cluster-announce-tls-port" "0", "cluster-config-file" "nodes.conf", "cluster-link-sendbuf-limit" "0",
        "cluster-migration-barrier" "1", "cluster-node-timeout" "15000", "cluster-port" "0",
        "cluster-preferred-endpoint-type" "ip", "cluster-replica-no-failover" "no",
        "cluster-replica-validity-factor" "10", "cluster-require-full-coverage" "yes",
        "cluster-slave-no-failover" "no", "cluster-slave-validity-factor" "10",
        "crash-log-enabled" "yes", "crash-memcheck-enabled" "yes", "dbfilename" "dump.rdb", "disable-thp" "yes",
        "dynamic-hz" "yes", "enable-debug-command" "no", "enable-module-command" "no",
        "enable-protected-configs" "no", "gopher-enabled" "no",
        "hash-max-listpack-entries" "512", "hash-max-listpack-value" "64", "hash-max-ziplist-entries" "512",
        "hash-max-ziplist-value" "64", "hll-sparse-max-bytes" "3000", "ignore-warnings" "", "io-threads" "1",
        "io-threads-do-reads" "no", "jemalloc-bg-thread" "yes",
        "latency-tracking-info-percentiles" "50 99 99.9", "lazyfree-lazy-eviction" "no",
        "lazyfree-lazy-expire" "no", "lazyfree-lazy-server-del" "no", "lazyfree-lazy-user-del" "no",
        "lazyfree-lazy-user-flush" "no", "lfu-decay-time" "1", "lfu-log-factor" "10", "list-compress-depth" "0",
        "list-max-listpack-size" "-2", "list-max-ziplist-size" "-2", "locale-collate" "", "lua-time-limit" "5000",
        "masterauth" "", "masteruser" "", "maxmemory-clients" "0", "maxmemory-eviction-tenacity" "10",
        "maxmemory-samples" "5", "min-replicas-max-lag" "10", "min-replicas-to-write" "0",
        "min-slaves-max-lag" "10", "min-slaves-to-write" "0", "oom-score-adj" "no",
        "oom-score-adj-values" "0 200 800", "proc-title-template" "{title} {listen-addr} {server-mode}",
        "propagation-error-behavior" "ignore", "rdb-del-sync-files" "no", "rdb-save-incremental-fsync" "yes",
        "rdbchecksum" "yes", "rdbcompression" "yes", "repl-backlog-size" "1048576", "repl-backlog-ttl" "3600",
        "repl-disable-tcp-nodelay" "no", "repl-diskless-load" "disabled", "repl-diskless-sync" "yes",
        "repl-diskless-sync-delay" "5", "repl-diskless-sync-max-replicas" "0", "repl-diskless-sync-period" "0",
        "repl-ping-replica-period" "10", "repl-ping-slave-period" "10", "repl-timeout" "60",
        "replica-announce-ip" "", "replica-announce-port" "0", "replica-announced" "yes",
        "replica-ignore-disk-write-errors" "no", "replica-ignore-maxmemory" "yes", "replica-lazy-flush" "no",
        "replica-priority" "100", "replica-read-only" "yes", "replica-serve-stale-data" "yes",
        "sanitize-dump-payload" "no", "server_cpulist" "", "set-max-intset-entries" "512",
        "set-max-listpack-entries" "128", "set-max-listpack-value" "64", "set-proc-title" "yes",
        "shutdown-on-sigint" "default", "shutdown-on-sigterm" "default", "shutdown-timeout" "10",
        "slave-announce-ip" "", "slave-announce-port" "0", "slave-ignore-maxmemory" "yes", "slave-lazy-flush" "no",
        "slave-priority" "100", "slave-read-only" "yes", "slave-serve-stale-data" "yes", "socket-mark-id" "0",
        "stop-writes-on-bgsave-error" "yes", "stream-node-max-bytes" "4096", "stream-node-max-entries" "100",
        "syslog-facility" "local0", "syslog-ident" "ackd",
        "tls-auth-clients" "yes", "tls-ca-cert-dir" "", "tls-ca-cert-file" "", "tls-cert-file" "",
        "tls-ciphers" "", "tls-ciphersuites" "", "tls-client-cert-file" "", "tls-client-key-file" "",
        "tls-client-key-file-pass" "", "tls-dh-params-file" "", "tls-key-file" "", "tls-key-file-pass" "",
        "tls-prefer-server-ciphers" "no", "tls-protocols" "", "tls-session-cache-size" "20480",
        "tls-session-cache-timeout" "300", "tls-session-caching" "yes",
        "zset-max-listpack-entries" "128", "zset-max-listpack-value" "64", "zset-max-ziplist-entries" "128",
        "zset-max-ziplist-value" "64",
    }
}

/// Directives whose lines add up instead of each replacing the one before.
pub const REPEATED: &[&str] = &["client-output-buffer-limit"];

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
        for name in COMPAT.iter().map(|row| row.name).chain(DIRECTIVES.iter().map(|row| row.name)) {
            assert!(seen.insert(name), "{name} twice");
            assert_eq!(name, name.to_ascii_lowercase());
        }
        assert!(REPEATED.iter().chain(SECRET).all(|name| seen.contains(name)));
    }
}
