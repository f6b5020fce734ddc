//! What all connections share, and what one client owns.
//!
//! [`ServerState`] is shared by every connection, the writer and the administrator's commands. Everything in it is an
//! atomic, or a lock that no command of the data path takes. [`ClientState`] belongs to one connection's task. The part
//! of it that others see (`CLIENT LIST`, `CLIENT KILL`) is its [`ClientInfo`].

mod blocked;
mod client;
mod clients;
mod command_limits;
mod command_log;
mod deliver;
mod follow;
mod gauges;
mod labels;
mod latency;
mod latency_events;
mod limits;
mod marks;
mod monitors;
mod origin;
mod outbox;
mod pause;
mod publication;
mod pubsub;
mod scrub_figures;
mod shutdown;
mod stats;
mod tracking;
mod transaction;
mod users;

pub use blocked::{Blocked, UNBLOCKED, Unblock};
pub use client::{ClientState, LentClient, Listening, Next, ReplyMode};
pub use clients::{ClientInfo, Clients, Peer};
pub use command_limits::{CommandLimits, EncodingLimits};
pub use command_log::{CommandLog, CommandLogs, CommandRecord, Logged};
pub use deliver::Deliver;
pub use gauges::{DamageGauge, DatabaseGauges, Gauges, StorageGauges};
pub use labels::ClientLabels;
pub use latency::LatencyHistogram;
pub use latency_events::{LatencyEvent, LatencyEvents, LatencySample, LatencySeries};
pub use limits::Limits;
pub use marks::{KeptForClients, Subscriptions, TrackingMarks, TransactionMarks};
pub use monitors::Monitors;
pub use origin::ClientOrigin;
pub use outbox::{Message, Outbox, Pushed};
pub use pause::{Pause, PauseMode};
pub use publication::Publication;
pub use pubsub::{Channels, PubSub};
pub use scrub_figures::{ScrubFigures, ScrubPass};
pub use shutdown::{Shutdown, ShutdownMode};
pub use stats::{CommandTotals, Stats, Totals};
pub use tracking::{Tracking, TrackingMode, TrackingSizes};
pub use transaction::{COMMAND_OVERHEAD_BYTES, Queued, Transaction, Watch, WatchedKey};
pub use users::{User, Users};

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::clock::unix_now;
use crate::config::{OutputLimit, Settings};
use crate::resp::{Args, Reply};
use crate::spec::{Flags, Spec};

/// What all connections share.
pub struct ServerState {
    /// Live configuration values that connections read.
    pub limits: Limits,
    /// Counters for `INFO` and dashboards.
    pub stats: Stats,
    /// The users.
    pub users: Users,
    /// The connected clients.
    pub clients: Clients,
    /// The recent commands that were slow or large.
    pub command_logs: CommandLogs,
    /// The recent latency events.
    pub latency: LatencyEvents,
    /// Which client is subscribed to which channel.
    pub pubsub: PubSub,
    /// Which client may cache which key.
    pub tracking: Tracking,
    /// The clients that run `MONITOR`.
    pub monitors: Monitors,
    /// `CLIENT PAUSE`.
    pub pause: Pause,
    /// Whether readers see all that is synced.
    pub publication: Publication,
    /// What the writer keeps for clients.
    pub kept: KeptForClients,
    /// The figures of the scrub.
    pub scrub: ScrubFigures,
    /// Whether the server was asked to stop, and how.
    pub shutdown: Shutdown,
    /// The configuration, for `CONFIG`; set once when it is loaded.
    settings: OnceLock<Settings>,
    /// Forty hexadecimal digits, new at each start.
    run_id: String,
    /// When the server started, by the monotonic clock.
    started: Instant,
    /// When the server started, in milliseconds since the Unix epoch.
    started_unix_ms: u64,
    /// Figures of log and table; set when they are open.
    gauges: OnceLock<Arc<dyn Gauges>>,
}

/// How a run of a command ended.
#[derive(Clone, Copy, Debug)]
pub struct RunEnd {
    /// How long it took.
    pub took: Duration,
    /// Bytes of its reply.
    pub reply_bytes: u64,
    /// Whether the reply is an error.
    pub failed: bool,
}

impl ServerState {
    /// The state of a server that starts now.
    pub fn new(limits: Limits) -> Self {
        let run_id = rand::random::<[u8; 20]>().iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            limits,
            stats: Stats::default(),
            users: Users::default(),
            clients: Clients::default(),
            command_logs: CommandLogs::default(),
            latency: LatencyEvents::default(),
            pubsub: PubSub::default(),
            tracking: Tracking::default(),
            monitors: Monitors::default(),
            pause: Pause::default(),
            publication: Publication::default(),
            kept: KeptForClients::default(),
            scrub: ScrubFigures::default(),
            shutdown: Shutdown::default(),
            settings: OnceLock::new(),
            run_id,
            started: Instant::now(),
            started_unix_ms: unix_now().as_millis() as u64,
            gauges: OnceLock::new(),
        }
    }

    /// Whether any client watches or tracks keys.
    pub fn notes_touches(&self) -> bool {
        self.kept.watchers.load(SeqCst) > 0 || self.tracking.is_in_use()
    }

    /// Whether writes are paused.
    pub fn pauses_writes(&self) -> bool {
        self.pause.holds_writes(|| self.uptime_ms())
    }

    /// The current limits for commands on data.
    pub fn command_limits(&self) -> CommandLimits {
        CommandLimits {
            databases: self.limits.databases() as usize,
            value_bytes_max: self.limits.bulk_bytes_max().min(crate::effect::VALUE_BYTES_MAX),
            reply_bytes_max: self.limits.reply_bytes_max(),
            encodings: self.limits.encodings(),
        }
    }

    /// Forty hexadecimal digits, new at each start.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// When the server started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// When the server started, in milliseconds since the Unix epoch.
    pub fn started_unix_ms(&self) -> u64 {
        self.started_unix_ms
    }

    /// Milliseconds since the start, by the monotonic clock. [`ClientInfo`] counts in this time.
    pub fn uptime_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// Sets the configuration, and copies the values that commands read into the limits. Only the first call counts.
    pub fn set_settings(&self, settings: Settings) {
        settings.publish(self);
        let _ = self.settings.set(settings);
    }

    /// The configuration; all defaults until it is set.
    pub fn settings(&self) -> &Settings {
        self.settings.get_or_init(Settings::default)
    }

    /// Sets the source of the figures of log and table. Only the first call counts.
    pub fn set_gauges(&self, gauges: Arc<dyn Gauges>) {
        let _ = self.gauges.set(gauges);
    }

    /// Figures of log and table; `None` before they are open.
    pub fn gauges(&self) -> Option<&dyn Gauges> {
        self.gauges.get().map(|gauges| &**gauges)
    }

    /// Counts one run of a command, successful or not, and adds it to the logs if it was slow or large.
    ///
    /// Called once per run: by the connection for what it runs itself, by the writer for what was submitted.
    pub fn ran(&self, client_id: u64, spec: &Spec, args: &Args<'_>, run: RunEnd) {
        let RunEnd { took, reply_bytes, failed } = run;
        self.stats.ran(spec.id, took, failed);
        let reaches = |amount: u64, threshold: i64| threshold >= 0 && amount >= threshold as u64;
        let took_us = took.as_micros() as u64;
        if reaches(took_us, self.limits.slowlog_slower_than_us()) {
            self.keep(Logged::Slow, client_id, spec, args, took_us);
        }
        if reaches(reply_bytes, self.limits.reply_larger_than()) {
            self.keep(Logged::LargeReply, client_id, spec, args, reply_bytes);
        }
        let request_bytes = args.request_bytes();
        if reaches(request_bytes, self.limits.request_larger_than()) {
            self.keep(Logged::LargeRequest, client_id, spec, args, request_bytes);
        }
        if spec.flags.has(Flags::FAST) {
            self.took(LatencyEvent::FastCommand, took);
        } else {
            self.took(LatencyEvent::Command, took);
        }
    }

    /// Notes how long something took, if it was slow.
    #[inline]
    pub fn took(&self, event: LatencyEvent, took: Duration) {
        let threshold_ms = self.limits.latency_threshold_ms();
        if threshold_ms > 0 && took.as_millis() as u64 >= threshold_ms {
            self.latency.note(event, took);
        }
    }

    /// Disconnects a client if too many messages have been in its outbox for too long.
    pub fn check_outbox(&self, info: &ClientInfo) {
        if info.outbox().has_any() && info.outbox().is_over(self.output_limit(info), self.uptime_ms()) {
            self.give_up(info);
        }
    }

    /// The limit of a client's outbox.
    fn output_limit(&self, info: &ClientInfo) -> OutputLimit {
        if info.subscriptions().any() { self.limits.pubsub_output() } else { self.limits.normal_output() }
    }

    /// Disconnects a client that does not read its messages.
    #[cold]
    fn give_up(&self, info: &ClientInfo) {
        tracing::warn!(
            peer = info.addr(),
            id = info.id(),
            "client closed: it left more messages unread than client-output-buffer-limit allows"
        );
        info.kill();
    }

    /// Adds a command to a log, unless its flags forbid it.
    #[cold]
    fn keep(&self, reason: Logged, client_id: u64, spec: &Spec, args: &Args<'_>, amount: u64) {
        let len_max = match reason {
            Logged::Slow => self.limits.slowlog_len_max(),
            Logged::LargeRequest => self.limits.large_requests_max(),
            Logged::LargeReply => self.limits.large_replies_max(),
        };
        if spec.flags.has(Flags::SKIP_SLOWLOG) || len_max == 0 {
            return;
        }
        let client = self.clients.get(client_id);
        let (addr, name) = match &client {
            Some(info) => (info.addr().to_owned(), info.labels().name),
            None => (String::new(), Vec::new()),
        };
        self.command_logs.of(reason).keep(args, amount, addr, name, len_max);
    }
}

impl Deliver for ServerState {
    fn push<W: Fn(&mut Reply<'_>)>(&self, info: &ClientInfo, message: &mut Message<W>) {
        match info.outbox().push(message, self.output_limit(info), self.uptime_ms()) {
            Pushed::Queued => {}
            Pushed::First => info.wake(),
            Pushed::Full => self.give_up(info),
        }
    }

    fn client(&self, id: u64) -> Option<Arc<ClientInfo>> {
        self.clients.get(id)
    }

    fn tracking_keys_max(&self) -> u64 {
        self.limits.tracking_keys_max()
    }
}
