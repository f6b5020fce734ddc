//! The directives that have an effect here: one declarative table, from which everything about them is generated.
//!
//! The fields of [`Config`], reading and writing of values, `CONFIG GET/SET/REWRITE`, the help text and the example
//! file are all generated from this table. The first sentence of a directive's text is its line in the help. Directives
//! of Redis without an effect here are in [`super::compat`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::choices::{DebugCommand, LogFormat, LogLevel, Supervised, WalMethod};
use super::lines::Word;
use super::outputs::OutputLimits;
use super::password::Password;
use super::value::{Kind, Permissions, Setting, TimeUnit};
use crate::descriptors::Descriptors;
use crate::keyspace::Classes;
use crate::resp::INPUT_BYTES_MAX;
use crate::table::{FILE_BYTES_LIMIT, PAGE_BYTES};

/// Maximum number of pages that the scrub reads per second.
pub const SCRUB_RATE_MAX: u64 = 5120;

/// What a directive is about: the headings of the help text and of the example file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Where the server listens.
    Network,
    /// Who may do what.
    Security,
    /// Limits of one client, and of all of them together.
    Clients,
    /// Where the data is.
    Data,
    /// How writes become durable, and how soon a restart is done.
    Durability,
    /// How damage is found.
    Integrity,
    /// What is reported.
    Reporting,
    /// The process.
    Process,
}

impl Group {
    /// All groups, in the order of the help text.
    pub const ALL: [Group; 8] = [
        Group::Network,
        Group::Security,
        Group::Clients,
        Group::Data,
        Group::Durability,
        Group::Integrity,
        Group::Reporting,
        Group::Process,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Network => "Network",
            Group::Security => "Security",
            Group::Clients => "Clients and their limits",
            Group::Data => "Data",
            Group::Durability => "Durability and recovery",
            Group::Integrity => "Damage",
            Group::Reporting => "Logging and reporting",
            Group::Process => "Process",
        }
    }
}

/// When a directive may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At run time too, with `CONFIG SET`.
    Live,
    /// Only before the start.
    Start,
    /// Only before the start: it is the path of a file or a directory, which no client may choose.
    Protected,
}

/// The description of one directive.
pub struct Directive {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// The kind of its value.
    pub kind: Kind,
    /// The default value, as it is written in a file.
    pub default: &'static str,
    /// When it may change.
    pub change: Change,
    /// Its documentation, line by line.
    pub text: &'static [&'static str],
    /// Sets it from the words of a line.
    pub(super) parse: fn(&mut Config, &[Word]) -> Result<(), String>,
    /// Its value as configured.
    pub(super) format: fn(&Config) -> Word,
    /// Its value as it is written in a file.
    pub(super) write: fn(&Config) -> Word,
}

/// Declares [`Config`] and [`DIRECTIVES`] from one list of
/// `/// text` `field: Type = "name" "default" kind, change;`.
macro_rules! directives {
    ($($group:ident {
        $($(#[doc = $text:literal])+ $field:ident: $type:ty = $name:literal $default:literal $kind:expr, $change:ident;)+
    })+) => {
        /// The values in force.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($($(#[doc = $text])+ pub $field: $type,)+)+
            /// Values given to directives without an effect here, so that `CONFIG GET` shows them.
            pub(crate) inert: BTreeMap<&'static str, Word>,
        }

        /// All directives, by group and in the order in which they are shown.
        pub static DIRECTIVES: &[Directive] = &[$($(Directive {
            name: $name,
            group: Group::$group,
            kind: $kind,
            default: $default,
            change: Change::$change,
            text: &[$($text),+],
            parse: |config, words| {
                Setting::update(&mut config.$field, words, &$kind)
            },
            format: |config| config.$field.format(&$kind),
            write: |config| config.$field.write(&$kind),
        },)+)+];

        impl Default for Config {
            fn default() -> Self {
                Config {
                    $($($field: default_value(&$kind, $default),)+)+
                    inert: BTreeMap::new(),
                }
            }
        }
    };
}

/// Parses the text of a default.
fn default_value<T: Setting>(kind: &Kind, text: &str) -> T {
    super::lines::split(text.as_bytes())
        .map_err(|error| error.to_string())
        .and_then(|words| T::parse(&words, kind))
        .expect("the table's defaults are valid")
}

/// A whole number from `min` to `max`.
pub(super) const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

/// A number of bytes from `min` to `max`.
pub(super) const fn bytes(min: u64, max: u64) -> Kind {
    Kind::Bytes { min, max }
}

/// A number of bytes from `min` to `max`. The value in force is at most `most`, in whole `unit`s.
const fn size(min: u64, max: u64, most: u64, unit: u64) -> Kind {
    assert!(most.is_multiple_of(unit));
    Kind::Size { min, max, most, unit }
}

/// A time in seconds, up to what Redis allows.
const fn seconds(min: u64) -> Kind {
    Kind::Time { unit: TimeUnit::Seconds, min, max: i32::MAX as u64 }
}

/// A time in milliseconds.
const fn millis(min: u64, max: u64) -> Kind {
    Kind::Time { unit: TimeUnit::Milliseconds, min, max }
}

/// 1024 bytes.
const KB: u64 = 1 << 10;
/// 1024 KB.
const MB: u64 = 1 << 20;
/// 1024 MB.
const GB: u64 = 1 << 30;

directives! {
    Network {
        /// Addresses to listen on.
        /// `*` stands for all IPv4 addresses and `-::*` for all IPv6 ones. A leading `-` means that it is no error if
        /// the machine lacks the address.
        bind: Vec<String> = "bind" "127.0.0.1 -::1" Kind::Words, Live;
        /// TCP port to listen on.
        /// 0 listens on no TCP port.
        port: u16 = "port" "6379" integer(0, 65535), Live;
        /// Connections that may wait to be accepted.
        /// The kernel's own limit (net.core.somaxconn) holds too.
        tcp_backlog: u32 = "tcp-backlog" "511" integer(1, i32::MAX as i64), Start;
        /// Seconds of silence after which a connection is probed.
        /// Finds clients that vanished. 0: never.
        tcp_keepalive: Duration = "tcp-keepalive" "300" seconds(0), Live;
        /// Path of a Unix socket to listen on too.
        /// Empty: none.
        unix_socket: Option<PathBuf> = "unixsocket" "\"\"" Kind::Text, Start;
        /// Permissions of the Unix socket.
        unix_socket_permissions: Permissions = "unixsocketperm" "700" Kind::Permissions, Start;
    }
    Security {
        /// Refuse clients of other machines while no password is set.
        protected_mode: bool = "protected-mode" "yes" Kind::YesNo, Live;
        /// Password that clients give with AUTH or HELLO.
        /// Kept as a SHA-256 digest; `CONFIG GET` and the log never show it. A file may hold the digest itself, which
        /// is also what `CONFIG REWRITE` writes: `sha256:` and 64 hexadecimal digits. Choose a long random password:
        /// whoever reads the digest can try passwords at leisure. Empty: no password.
        password: Password = "requirepass" "\"\"" Kind::Secret, Live;
        /// Wrong passwords after which a connection is closed.
        auth_failures_max: u32 = "auth-failures-max" "10" integer(1, 1_000_000), Live;
        /// Time that a client has to give the password.
        /// Counts only while a password is set. 0: any time.
        unauthenticated_timeout: Duration = "unauthenticated-timeout" "10" seconds(0), Live;
        /// Bytes that a client may have outstanding before it gave the password.
        unauthenticated_bytes_max: u64 = "unauthenticated-bytes-max" "64kb" bytes(KB, GB), Live;
        /// Who may use DEBUG.
        /// `local` is for clients of this machine.
        debug_command: DebugCommand = "enable-debug-command" "no" Kind::OneOf(DebugCommand::NAMES), Start;
    }
    Clients {
        /// Connections at a time.
        /// One more gets an error and is closed.
        clients_max: u32 = "maxclients" "10000" integer(1, 4_294_967_295), Live;
        /// Seconds of silence after which a client is disconnected.
        /// 0: never.
        idle_timeout: Duration = "timeout" "0" seconds(0), Live;
        /// Largest single argument of a command.
        bulk_bytes_max: u64 = "proto-max-bulk-len" "512mb" bytes(MB, 512 * MB), Live;
        /// Largest amount of a client's input that is kept before it can be run.
        input_bytes_max: u64 = "client-query-buffer-limit" "1gb"
            size(MB, i64::MAX as u64, INPUT_BYTES_MAX, 1), Live;
        /// Bytes of replies that wait for a client before its next command runs.
        /// A client that does not read its replies is not read from either.
        output_bytes_max: u64 = "output-buffer-bytes" "256kb" bytes(16 * KB, GB), Live;
        /// Bytes of a reply that is made before it is sent: to a write, or to EXEC.
        /// A command whose reply would be longer is refused, and changes nothing.
        reply_bytes_max: u64 = "reply-bytes-max" "1gb" bytes(MB, 2 * GB), Live;
        /// Bytes of messages that may wait for a client, by its class.
        /// Each class: its name, hard limit, soft limit, seconds.
        /// Published messages, invalidations and monitored commands wait while a client does not read. One that is
        /// behind by more than the hard limit, or for this many seconds by more than the soft one, is disconnected.
        /// Class `pubsub` is for clients that listen to channels, `normal` for all others; 0 is no limit but 1 GiB.
        outputs: OutputLimits = "client-output-buffer-limit"
            "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60" Kind::Words, Live;
        /// Channels and patterns that one client may listen to.
        subscriptions_max: u32 = "subscriptions-max" "1000000" integer(1, 4_294_967_295), Live;
        /// Bytes of commands that a client may queue between MULTI and EXEC.
        /// The names of watched keys count too. One command more is refused, and EXEC with it.
        transaction_bytes_max: u64 = "transaction-bytes-max" "256mb" bytes(MB, GB), Live;
        /// Commands that a client may queue between MULTI and EXEC.
        transaction_commands_max: u32 = "transaction-commands-max" "1000000" integer(1, 16_777_216), Live;
        /// Keys that are remembered for clients that cache (CLIENT TRACKING).
        /// When there are more, clients drop some that did not change. 0: no limit.
        tracking_keys_max: u64 = "tracking-table-max-keys" "1000000" integer(0, i64::MAX), Live;
        /// Submissions of clients that may wait for the writer.
        /// When this many wait, connections stop reading.
        queue_commands_max: u32 = "queue-commands-max" "16384" integer(1, 1 << 24), Start;
        /// Bytes of commands that may wait for the writer.
        /// A single larger submission still passes, alone.
        queue_bytes_max: u64 = "queue-bytes-max" "256mb" bytes(MB, 64 * GB), Start;
    }
    Data {
        /// Directory of the data.
        /// Made at the first start, for its owner only. One server at a time uses it.
        dir: PathBuf = "dir" "ackd-data" Kind::Text, Protected;
        /// Number of databases, for SELECT.
        /// It can grow later; it must not shrink below a database that holds keys.
        databases: u32 = "databases" "16" integer(1, 56), Start;
        /// Largest size of the table file.
        /// Twice as much address space is reserved at the start; disk is used as data comes.
        table_bytes_max: u64 = "table-max-size" "1tb"
            size(16 * MB, 64 << 40, FILE_BYTES_LIMIT, PAGE_BYTES as u64), Start;
    }
    Durability {
        /// How the log is written.
        /// `direct` writes past the page cache and is durable when the write returns; `buffered` writes and then
        /// syncs; `auto` takes direct where the file system has it. Each makes a write durable before its reply.
        wal_method: WalMethod = "wal-method" "auto" Kind::OneOf(WalMethod::NAMES), Start;
        /// Size of a log segment.
        wal_segment_bytes: u64 = "wal-segment-size" "64mb" size(MB, 4 * GB, 4 * GB, 4096), Start;
        /// Log segments made ahead of need.
        wal_spare_segments: u32 = "wal-spare-segments" "2" integer(1, 64), Start;
        /// History to keep: bytes of log that checkpoints no longer need.
        /// The log tool reads it: to look back, and to go back in time. 0: none is kept.
        wal_keep_bytes: u64 = "wal-keep" "0" bytes(0, 1 << 50), Start;
        /// Whether records of the log say which client caused them.
        /// The log tool shows it: user, address, name and library of the client.
        wal_origin: bool = "wal-origin" "yes" Kind::YesNo, Start;
        /// Most bytes of records that are made durable together.
        group_bytes_max: u64 = "group-bytes-max" "4mb" bytes(64 * KB, GB), Start;
        /// Time that a restart may take to replay the log.
        /// A checkpoint is made when the log since the last one would take longer.
        recovery_target: Duration = "recovery-target-ms" "800" millis(10, 3_600_000), Live;
        /// Seconds after which a checkpoint is made anyway, if anything was written.
        /// 0: only when the recovery target asks for it, and at shutdown.
        checkpoint_interval: Duration = "checkpoint-interval" "300" seconds(0), Live;
    }
    Integrity {
        /// Pages of the table that are read each second to find damage.
        /// A page has 4 KiB. All pages in use are read in turn, from the disk, and those that are damaged are named in
        /// the log and by INFO. 0: none.
        scrub_rate: u32 = "scrub-rate" "1000" Kind::Hint { min: 0, max: SCRUB_RATE_MAX as i64 }, Live;
    }
    Reporting {
        /// How much is logged.
        log_level: LogLevel = "loglevel" "notice" Kind::OneOf(LogLevel::NAMES), Live;
        /// The shape of the log's lines.
        log_format: LogFormat = "log-format" "auto" Kind::OneOf(LogFormat::NAMES), Start;
        /// File that the log of events goes to.
        /// Empty: standard error.
        log_file: Option<PathBuf> = "logfile" "\"\"" Kind::Text, Start;
        /// Microseconds from which on a command is kept in the slow log.
        /// -1: none is kept; 0: all are.
        slowlog_micros: i64 = "slowlog-log-slower-than" "10000" integer(-1, i64::MAX), Live;
        /// Bytes from which on a request is kept in the log of large requests.
        /// -1: none is kept; 0: all are.
        request_larger_than: i64 = "commandlog-request-larger-than" "1048576" integer(-1, i64::MAX), Live;
        /// Commands that the log of large requests keeps.
        large_requests_max: u32 = "commandlog-large-request-max-len" "128" integer(0, 1_000_000), Live;
        /// Bytes from which on a reply is kept in the log of large replies.
        /// -1: none is kept; 0: all are.
        reply_larger_than: i64 = "commandlog-reply-larger-than" "1048576" integer(-1, i64::MAX), Live;
        /// Commands that the log of large replies keeps.
        large_replies_max: u32 = "commandlog-large-reply-max-len" "128" integer(0, 1_000_000), Live;
        /// Milliseconds from which on LATENCY keeps what took long.
        /// Commands, syncs of the log, checkpoints, rounds of expiry. 0: nothing is kept.
        latency_threshold: Duration = "latency-monitor-threshold" "0" millis(0, i64::MAX as u64), Live;
        /// Events of keys that are published, by letters as in Redis.
        /// K, E: on `__keyspace@<db>__:<key>`, on `__keyevent@<db>__:<event>`; g$lshzxetd: classes, all of them A;
        /// m: misses; n: new keys; o: replaced values; c: values replaced by another type. Empty: none.
        notified: Classes = "notify-keyspace-events" "\"\"" Kind::Text, Live;
        /// Commands that the slow log keeps.
        slowlog_len_max: u32 = "slowlog-max-len" "128" integer(0, 1_000_000), Live;
    }
    Process {
        /// Threads that serve connections.
        /// 0: one less than there are cores, for the writer needs one too.
        threads: u32 = "threads" "0" integer(0, 1024), Start;
        /// Times a second that expired keys are looked for, and that rates are measured.
        hz: u32 = "hz" "10" Kind::Hint { min: 1, max: 500 }, Live;
        /// Who is told when the server is ready and when it stops.
        supervised: Supervised = "supervised" "no" Kind::OneOf(Supervised::NAMES), Start;
        /// File that the process id is written to.
        /// Empty: none.
        pid_file: Option<PathBuf> = "pidfile" "\"\"" Kind::Text, Start;
    }
}

impl Config {
    /// Number of threads that serve connections: the configured number, or one less than the number of cores, which
    /// leaves one for the writer.
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().max(2) - 1),
            count => count as usize,
        }
    }

    /// The file descriptors that a server with this configuration needs for itself.
    pub fn descriptors(&self) -> Descriptors {
        Descriptors::new(self.thread_count(), self.wal_spare_segments, self.bind.len() + 1)
    }
}
