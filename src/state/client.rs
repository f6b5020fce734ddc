//! One client's own state, which no other thread touches.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::clients::ClientInfo;
use super::labels::ClientLabels;
use super::origin::ClientOrigin;
use super::tracking::TrackingMode;
use super::transaction::{Transaction, Watch};
use super::users::User;
use super::{ServerState, ShutdownMode};
use crate::resp::Protocol;

/// Whether replies are sent, as `CLIENT REPLY` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// All are sent.
    #[default]
    On,
    /// None is sent.
    Off,
    /// `CLIENT REPLY SKIP` has just run: the next command's reply is not sent.
    SkipNext,
    /// The command that follows `CLIENT REPLY SKIP` is running: its reply is not sent, the one after it is.
    Skip,
}

/// What the connection does after a local command.
///
/// Commands that ask for more than [`Next::Continue`] and [`Next::Close`] do not have `Flags::OVERTAKES`, so that all
/// earlier replies are sent before the connection waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// Continues with the next command.
    #[default]
    Continue,
    /// Sends the replies so far, this one included, and closes. Commands after it are not run.
    Close,
    /// Requests a checkpoint. With `wait`, the command's reply is held back until the checkpoint is durable; if that
    /// fails, it is replaced by an error.
    Checkpoint {
        /// Whether the reply waits for the checkpoint.
        wait: bool,
    },
    /// Requests that the server stops. No reply is sent; the client sees its connection close.
    Shutdown(ShutdownMode),
    /// Holds the command's reply back for this long.
    Sleep(Duration),
    /// Holds the command's reply back until a time, or until somebody ends the wait. The client is shown as blocked.
    Block {
        /// In milliseconds of uptime; `None`: no timeout.
        until_ms: Option<u64>,
    },
    /// Has the writer execute the client's transaction, and reply.
    Exec,
    /// Has the writer watch the keys that the command names, and reply.
    Watch,
}

/// The subscriptions of a client.
#[derive(Default)]
pub struct Listening {
    /// Channels.
    pub channels: BTreeSet<Box<[u8]>>,
    /// Patterns.
    pub patterns: BTreeSet<Box<[u8]>>,
    /// Shard channels.
    pub shard_channels: BTreeSet<Box<[u8]>>,
}

impl Listening {
    /// Number of channels and patterns: what `SUBSCRIBE` and related commands reply.
    pub fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count() == 0 && self.shard_channels.is_empty()
    }
}

/// The state of a client, moved into its transaction. If it is dropped there, the client leaves everything that it takes
/// part in: its connection, which ends then, only has the stand-in.
pub struct LentClient {
    /// The state, until it is moved back.
    client: Option<Box<ClientState>>,
    /// What all connections share.
    server: Arc<ServerState>,
}

impl Deref for LentClient {
    type Target = ClientState;

    fn deref(&self) -> &ClientState {
        self.client.as_deref().expect("it was not moved back")
    }
}

impl DerefMut for LentClient {
    fn deref_mut(&mut self) -> &mut ClientState {
        self.client.as_deref_mut().expect("it was not moved back")
    }
}

impl Drop for LentClient {
    fn drop(&mut self) {
        if let Some(client) = &mut self.client {
            client.leave(&self.server);
        }
    }
}

/// One client's own state.
pub struct ClientState {
    /// What others see of it.
    info: Arc<ClientInfo>,
    /// Its database.
    db: u16,
    /// How replies are encoded.
    protocol: Protocol,
    /// Its user.
    user: Arc<User>,
    /// Whether it gave the password, or none was required when it connected.
    authenticated: bool,
    /// Wrong passwords given in a row.
    auth_failures: u32,
    /// Whether replies are sent.
    reply_mode: ReplyMode,
    /// `CLIENT NO-EVICT`.
    pub no_evict: bool,
    /// `CLIENT NO-TOUCH`.
    pub no_touch: bool,
    /// Its subscriptions.
    listening: Listening,
    /// Its transaction, between `MULTI` and `EXEC`.
    transaction: Option<Box<Transaction>>,
    /// The keys that it watches.
    watch: Option<Arc<Watch>>,
    /// Bytes that the watched keys are charged.
    watched_bytes: u64,
    /// How it tracks keys, if it does.
    tracking: Option<Box<TrackingMode>>,
    /// `CLIENT CACHING`, for the next command.
    caching: bool,
    /// Whether it runs `MONITOR`.
    monitors: bool,
    /// Whether `EXEC` is running its local commands.
    pub is_in_exec: bool,
    /// Whether its origin has changed since it was last asked for.
    has_new_origin: bool,
}

impl ClientState {
    /// The state of a client that just connected.
    pub fn new(info: Arc<ClientInfo>) -> Self {
        let user = info.user();
        let mut client = Self::nameless(info, user.clone());
        let authenticated = !user.has_password();
        client.set_user(user, authenticated);
        client
    }

    /// A client with only an ID and a user.
    fn nameless(info: Arc<ClientInfo>, user: Arc<User>) -> Self {
        Self {
            info,
            db: 0,
            protocol: Protocol::Resp2,
            user,
            authenticated: false,
            auth_failures: 0,
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
            listening: Listening::default(),
            transaction: None,
            watch: None,
            watched_bytes: 0,
            tracking: None,
            caching: false,
            monitors: false,
            is_in_exec: false,
            has_new_origin: false,
        }
    }

    /// Moves the client's state out, so that the writer can run commands with it. Until it comes back, a stand-in has
    /// its user and the settings for replies; no command may run meanwhile.
    fn lend(&mut self, server: &Arc<ServerState>) -> LentClient {
        let stand_in = Self {
            db: self.db,
            protocol: self.protocol,
            authenticated: self.authenticated,
            reply_mode: self.reply_mode,
            has_new_origin: std::mem::take(&mut self.has_new_origin),
            ..Self::nameless(self.info.clone(), self.user.clone())
        };
        let client = Box::new(std::mem::replace(self, stand_in));
        LentClient { client: Some(client), server: server.clone() }
    }

    /// What others see of it: ID, addresses, name.
    pub fn info(&self) -> &Arc<ClientInfo> {
        &self.info
    }

    /// `CLIENT ID`.
    pub fn id(&self) -> u64 {
        self.info.id()
    }

    /// Its database.
    pub fn db(&self) -> u16 {
        self.db
    }

    /// `SELECT`. The caller must have checked that the database exists.
    pub fn select(&mut self, db: u16) {
        self.db = db;
        self.info.set_db(db);
    }

    /// How replies are encoded.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// `HELLO`. Commands that call this build their reply in the new protocol themselves.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.info.set_protocol(protocol);
    }

    /// Whether it may run commands that need authentication.
    #[inline]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated || !self.user.has_password()
    }

    /// Its user.
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Logs the client in as `user`.
    pub fn log_in(&mut self, user: Arc<User>) {
        self.set_user(user, true);
    }

    /// Sets its user.
    fn set_user(&mut self, user: Arc<User>, authenticated: bool) {
        self.info.set_user(user.clone(), authenticated);
        self.user = user;
        self.authenticated = authenticated;
        self.auth_failures = 0;
        self.has_new_origin = true;
    }

    /// Changes the name and library that it set.
    pub fn label(&mut self, change: impl FnOnce(&mut ClientLabels)) {
        self.info.label(change);
        self.has_new_origin = true;
    }

    /// Its origin, as records name it, if that has changed since the last call.
    pub fn new_origin(&mut self) -> Option<Arc<ClientOrigin>> {
        let origin = || ClientOrigin::new(self.user.name(), self.info.addr(), &self.info.labels());
        std::mem::take(&mut self.has_new_origin).then(|| Arc::new(origin()))
    }

    /// Counts a wrong password; returns how many were given in a row.
    pub fn auth_failed(&mut self) -> u32 {
        self.auth_failures += 1;
        self.auth_failures
    }

    /// Whether replies are sent.
    pub fn reply_mode(&self) -> ReplyMode {
        self.reply_mode
    }

    /// `CLIENT REPLY`: [`ReplyMode::SkipNext`] for `SKIP`. The command itself only replies to `ON`.
    pub fn set_reply_mode(&mut self, mode: ReplyMode) {
        self.reply_mode = mode;
    }

    /// `RESET`: everything is as with a new connection, except the name and version of the client library. If the reply
    /// to `RESET` itself is to be skipped, it still is.
    pub fn reset(&mut self, server: &ServerState) {
        self.leave(server);
        self.select(0);
        self.set_protocol(Protocol::Resp2);
        if self.reply_mode != ReplyMode::Skip {
            self.reply_mode = ReplyMode::On;
        }
        self.no_evict = false;
        self.no_touch = false;
        self.label(|labels| labels.name.clear());
        let user = server.users.default_user();
        self.set_user(user.clone(), !user.has_password());
    }

    /// Ends everything that the client takes part in: transaction, subscriptions, tracking, `MONITOR`.
    pub fn leave(&mut self, server: &ServerState) {
        self.discard();
        let id = self.id();
        let listening = std::mem::take(&mut self.listening);
        listening.channels.iter().for_each(|channel| server.pubsub.channels.unsubscribe(channel, id));
        listening.patterns.iter().for_each(|pattern| server.pubsub.unsubscribe_pattern(pattern, id));
        listening.shard_channels.iter().for_each(|name| server.pubsub.shard_channels.unsubscribe(name, id));
        self.show_listening();
        self.set_tracking(server, None);
        self.set_monitors(server, false);
    }

    /// Whether commands need further checks before they run: the client is in a transaction, tracks keys, runs
    /// `MONITOR`, or is subscribed with RESP2. The data path only checks this.
    #[inline]
    pub fn is_special(&self) -> bool {
        self.transaction.is_some() || self.tracking.is_some() || self.monitors || self.is_listening_only()
    }

    /// Whether it runs `MONITOR`.
    pub fn monitors(&self) -> bool {
        self.monitors
    }

    /// Starts or ends `MONITOR`.
    pub fn set_monitors(&mut self, server: &ServerState, monitors: bool) {
        if monitors && !self.monitors {
            server.monitors.add(&self.info);
        } else if !monitors && self.monitors {
            server.monitors.remove(self.id());
        }
        self.monitors = monitors;
        self.info.set_monitors(monitors);
    }

    /// Whether the connection is for messages only: with RESP2 a client cannot distinguish them from replies.
    #[inline]
    pub fn is_listening_only(&self) -> bool {
        self.protocol == Protocol::Resp2 && !self.listening.is_empty()
    }

    /// Its subscriptions.
    pub fn listening(&self) -> &Listening {
        &self.listening
    }

    /// Changes its subscriptions. The caller updates the registry of channels.
    pub fn listen<R>(&mut self, change: impl FnOnce(&mut Listening) -> R) -> R {
        let result = change(&mut self.listening);
        self.show_listening();
        result
    }

    /// Shows the number of its subscriptions to others.
    fn show_listening(&self) {
        let shown = self.info.subscriptions();
        shown.channels.store(self.listening.channels.len(), Relaxed);
        shown.patterns.store(self.listening.patterns.len(), Relaxed);
        shown.shard_channels.store(self.listening.shard_channels.len(), Relaxed);
    }

    /// Its transaction, between `MULTI` and `EXEC`.
    pub fn transaction(&self) -> Option<&Transaction> {
        self.transaction.as_deref()
    }

    /// Begins a transaction.
    pub fn begin_transaction(&mut self) {
        self.transaction = Some(Box::new(Transaction::new(self.db)));
        self.show_transaction();
    }

    /// Changes the transaction, if there is one.
    pub fn change_transaction(&mut self, change: impl FnOnce(&mut Transaction)) {
        if let Some(transaction) = self.transaction.as_deref_mut() {
            change(transaction);
            self.show_transaction();
        }
    }

    /// Ends the transaction and returns it, with the watched keys.
    pub fn take_transaction(&mut self) -> Option<Box<Transaction>> {
        let mut transaction = self.transaction.take()?;
        transaction.watch = self.watch.take();
        self.watched_bytes = 0;
        transaction.is_tracked = self.tracks_next();
        self.show_transaction();
        Some(transaction)
    }

    /// Moves the client's state into its transaction, so that the transaction's local commands can run in order. Others
    /// still see the client in the transaction.
    pub fn join(&mut self, transaction: &mut Transaction, server: &Arc<ServerState>) {
        self.is_in_exec = true;
        self.show(Some(transaction));
        transaction.client = Some(self.lend(server));
    }

    /// Moves the client's state back from its transaction.
    pub fn return_from(&mut self, transaction: &mut Transaction) {
        let Some(client) = transaction.client.take().and_then(|mut lent| lent.client.take()) else { return };
        *self = *client;
        self.is_in_exec = false;
        self.caching = false;
        self.show_transaction();
    }

    /// Forgets the transaction and the watched keys.
    pub fn discard(&mut self) {
        self.transaction = None;
        self.unwatch();
        self.show_transaction();
    }

    /// The keys that it watches; creates the list if there is none.
    pub fn watch(&mut self) -> &Arc<Watch> {
        self.info.transaction().watched_keys.store(true, Relaxed);
        self.watch.get_or_insert_default()
    }

    /// Whether a key that it watches was changed.
    pub fn is_watch_touched(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_touched())
    }

    /// Charges bytes for watched keys; returns the sum.
    pub fn charge_watch(&mut self, bytes: u64) -> u64 {
        self.watched_bytes += bytes;
        self.watched_bytes
    }

    /// Stops watching keys.
    pub fn unwatch(&mut self) {
        self.watch = None;
        self.watched_bytes = 0;
        self.info.transaction().watched_keys.store(false, Relaxed);
    }

    /// Shows the transaction to others.
    fn show_transaction(&self) {
        self.show(self.transaction());
    }

    /// Shows a transaction to others.
    fn show(&self, transaction: Option<&Transaction>) {
        let shown = self.info.transaction();
        let (commands, bytes) = match transaction {
            Some(transaction) => (transaction.commands.len() as i64, transaction.charged_bytes()),
            None => (-1, 0),
        };
        shown.commands.store(commands, Relaxed);
        shown.bytes.store(bytes, Relaxed);
        shown.watched_keys.store(self.watch.is_some(), Relaxed);
    }

    /// How it tracks keys.
    pub fn tracking(&self) -> Option<&TrackingMode> {
        self.tracking.as_deref()
    }

    /// Changes how it tracks keys; `None`: not at all.
    pub fn set_tracking(&mut self, server: &ServerState, mode: Option<TrackingMode>) {
        self.caching = false;
        match &mode {
            Some(mode) => {
                self.info.set_tracking(true, mode.prefixes.is_some(), mode.redirect.unwrap_or(0));
                server.tracking.start(&self.info, mode.clone());
            }
            None if self.tracking.is_some() => {
                self.info.set_tracking(false, false, 0);
                server.tracking.stop(self.id());
            }
            None => {}
        }
        self.tracking = mode.map(Box::new);
    }

    /// `CLIENT CACHING`.
    pub fn set_caching(&mut self, caching: bool) {
        self.caching = caching;
    }

    /// Whether `CLIENT CACHING` applies to the next command.
    pub fn is_caching(&self) -> bool {
        self.caching
    }

    /// Whether the keys that the next command reads are remembered for it.
    pub fn tracks_next(&self) -> bool {
        self.tracking.as_ref().is_some_and(|mode| {
            mode.prefixes.is_none() && (!mode.opt_in || self.caching) && !(mode.opt_out && self.caching)
        })
    }
}
