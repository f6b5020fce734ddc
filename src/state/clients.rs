//! The connected clients, as others see them.
//!
//! A connection keeps its own state. Here is the part that `CLIENT LIST`, `CLIENT KILL` and the idle check need. The
//! values are relaxed atomics, so a listing is not an exact snapshot of one moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use super::blocked::Blocked;
use super::labels::ClientLabels;
use super::marks::{Subscriptions, TrackingMarks, TransactionMarks};
use super::outbox::Outbox;
use super::users::User;
use crate::resp::Protocol;
use crate::spec::COMMAND_IDS_MAX;
use Ordering::{Relaxed, SeqCst};

/// The two ends of a client's connection.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The client's end: `ip:port`, `[ip6]:port`, or the path of the Unix socket with `:0`.
    pub addr: String,
    /// The server's end, in the same form.
    pub laddr: String,
    /// Whether the connection came over a Unix socket.
    pub is_unix: bool,
    /// Number of the socket's file descriptor, for display.
    pub fd: i32,
}

impl Peer {
    /// Whether the client is on this machine.
    pub fn is_local(&self) -> bool {
        let ip = || self.addr.parse::<std::net::SocketAddr>().map(|address| address.ip().to_canonical());
        self.is_unix || ip().is_ok_and(|ip| ip.is_loopback())
    }
}

/// One client, as others see it. Times are milliseconds of uptime, see `ServerState::uptime_ms`.
pub struct ClientInfo {
    /// `CLIENT ID`: ascending, never reused.
    id: u64,
    /// The two ends of the connection.
    peer: Peer,
    /// When it connected.
    connected_ms: u64,
    /// When it last sent something.
    active_ms: AtomicU64,
    /// Its database.
    db: AtomicU32,
    /// Its protocol: 2 or 3.
    protocol: AtomicU8,
    /// Its user.
    user: Mutex<Arc<User>>,
    /// Whether it may run commands.
    authenticated: AtomicBool,
    /// ID of its last command; `COMMAND_IDS_MAX` before the first.
    last_command: AtomicU16,
    /// Commands that it sent.
    commands: AtomicU64,
    /// Bytes that it sent.
    in_bytes: AtomicU64,
    /// Bytes that were sent to it.
    out_bytes: AtomicU64,
    /// Bytes of its commands not yet run.
    query_bytes: AtomicUsize,
    /// Bytes that its query buffer could still take.
    query_bytes_free: AtomicUsize,
    /// Bytes of replies that are not sent yet.
    reply_bytes: AtomicUsize,
    /// Whether the connection must end.
    killed: AtomicBool,
    /// Whether commands of this client are with the writer.
    waiting: AtomicBool,
    /// Whether a pause holds its next command back.
    paused: AtomicBool,
    /// Whether it runs `MONITOR`.
    monitors: AtomicBool,
    /// The number of its subscriptions.
    subscriptions: Subscriptions,
    /// Its transaction, between `MULTI` and `EXEC`.
    transaction: TransactionMarks,
    /// Whether and how it tracks keys.
    tracking: TrackingMarks,
    /// `REDIRECT` of its tracking: the ID of the client that is notified; 0: itself.
    redirect: AtomicU64,
    /// Messages to it that are not replies.
    outbox: Outbox,
    /// Whether a command of this client waits for data, or for a time.
    blocked: Blocked,
    /// The name and library that it set.
    labels: Mutex<ClientLabels>,
    /// Wakes the connection's task while it waits for the socket or for a point in time.
    waker: Mutex<Option<Waker>>,
}

impl ClientInfo {
    /// `CLIENT ID`.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The client's end: `ip:port`, or the Unix socket's path.
    pub fn addr(&self) -> &str {
        &self.peer.addr
    }

    /// The two ends of the connection.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// When it connected, in milliseconds of uptime.
    pub fn connected_ms(&self) -> u64 {
        self.connected_ms
    }

    /// When it last sent something, in milliseconds of uptime.
    pub fn active_ms(&self) -> u64 {
        self.active_ms.load(Relaxed)
    }

    /// Its database.
    pub fn db(&self) -> u32 {
        self.db.load(Relaxed)
    }

    /// Its protocol: 2 or 3.
    pub fn protocol_version(&self) -> u8 {
        self.protocol.load(Relaxed)
    }

    /// Whether it may run commands.
    pub fn is_authenticated(&self) -> bool {
        self.authenticated.load(Relaxed)
    }

    /// ID of its last command, see `spec::by_id`.
    pub fn last_command(&self) -> Option<u16> {
        let id = self.last_command.load(Relaxed);
        (usize::from(id) < COMMAND_IDS_MAX).then_some(id)
    }

    /// Commands that it sent.
    pub fn commands(&self) -> u64 {
        self.commands.load(Relaxed)
    }

    /// Bytes that it sent, and bytes that were sent to it.
    pub fn net_bytes(&self) -> (u64, u64) {
        (self.in_bytes.load(Relaxed), self.out_bytes.load(Relaxed))
    }

    /// Bytes of its commands not yet run, and bytes that its query buffer could still take.
    pub fn query_bytes(&self) -> (usize, usize) {
        (self.query_bytes.load(Relaxed), self.query_bytes_free.load(Relaxed))
    }

    /// Bytes of replies that are not sent yet.
    pub fn reply_bytes(&self) -> usize {
        self.reply_bytes.load(Relaxed)
    }

    /// Whether commands of this client are with the writer.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Relaxed)
    }

    /// Whether a command of this client waits for data.
    pub fn blocked(&self) -> &Blocked {
        &self.blocked
    }

    /// Whether a command of this client waits: for data, for a time, or for the end of a pause.
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_set() || self.paused.load(Relaxed)
    }

    /// Notes whether a pause holds its next command back.
    pub fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Relaxed);
    }

    /// The name and library that it set.
    pub fn labels(&self) -> ClientLabels {
        self.lock_labels().clone()
    }

    /// Changes the name and library that it set.
    pub(super) fn label(&self, change: impl FnOnce(&mut ClientLabels)) {
        change(&mut self.lock_labels());
    }

    /// Ends the connection as soon as its task notices: at once, unless it waits for the writer. Replies that are not
    /// sent yet may be lost.
    pub fn kill(&self) {
        self.killed.store(true, SeqCst);
        self.wake();
    }

    /// Whether [`ClientInfo::kill`] was called.
    pub fn is_killed(&self) -> bool {
        self.killed.load(SeqCst)
    }

    /// Wakes the connection's task, which then checks again what it waits for.
    pub fn wake(&self) {
        let waker = self.waker.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sets the waker of the connection's task. To be called when the task starts.
    pub fn register(&self, waker: &Waker) {
        *self.waker.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(waker.clone());
    }

    /// Notes bytes received.
    pub fn received(&self, bytes: usize, now_ms: u64) {
        self.in_bytes.store(self.in_bytes.load(Relaxed) + bytes as u64, Relaxed);
        self.active_ms.store(now_ms, Relaxed);
    }

    /// Notes that the client's wait has ended, so that the wait does not count as idle time.
    pub fn served(&self, now_ms: u64) {
        self.active_ms.store(now_ms, Relaxed);
    }

    /// Notes bytes sent.
    pub fn sent(&self, bytes: usize) {
        self.out_bytes.store(self.out_bytes.load(Relaxed) + bytes as u64, Relaxed);
    }

    /// Notes commands received, and the ID of the last one that exists.
    pub fn took(&self, commands: u64, last_id: Option<u16>) {
        self.commands.store(self.commands.load(Relaxed) + commands, Relaxed);
        if let Some(id) = last_id {
            self.last_command.store(id, Relaxed);
        }
    }

    /// Notes how many bytes the connection's input buffer holds and could still take.
    pub fn hold_query(&self, query_bytes: usize, query_bytes_free: usize) {
        self.query_bytes.store(query_bytes, Relaxed);
        self.query_bytes_free.store(query_bytes_free, Relaxed);
    }

    /// Notes the bytes of replies that are not sent yet.
    pub fn hold_replies(&self, reply_bytes: usize) {
        self.reply_bytes.store(reply_bytes, Relaxed);
    }

    /// Notes whether commands of this client are with the writer.
    pub fn set_waiting(&self, waiting: bool) {
        self.waiting.store(waiting, Relaxed);
    }

    /// Notes the database.
    pub fn set_db(&self, db: u16) {
        self.db.store(u32::from(db), Relaxed);
    }

    /// Notes the protocol; messages are encoded in it from now on.
    pub fn set_protocol(&self, protocol: Protocol) {
        self.protocol.store(if protocol == Protocol::Resp3 { 3 } else { 2 }, Relaxed);
        self.outbox.set_protocol(protocol);
    }

    /// Messages to it that are not replies.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The number of its subscriptions.
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// Its transaction, between `MULTI` and `EXEC`.
    pub fn transaction(&self) -> &TransactionMarks {
        &self.transaction
    }

    /// Whether it runs `MONITOR`.
    pub fn monitors(&self) -> bool {
        self.monitors.load(Relaxed)
    }

    /// Notes whether it runs `MONITOR`.
    pub fn set_monitors(&self, monitors: bool) {
        self.monitors.store(monitors, Relaxed);
    }

    /// Whether and how it tracks keys.
    pub fn tracking(&self) -> &TrackingMarks {
        &self.tracking
    }

    /// The client that gets its invalidation messages: -1 if it does not track, 0 if it gets them itself.
    pub fn redirect(&self) -> i64 {
        if self.tracking.on.load(Relaxed) { self.redirect.load(Relaxed) as i64 } else { -1 }
    }

    /// Notes how it tracks keys; `redirect` is 0 if it gets the messages itself.
    pub fn set_tracking(&self, on: bool, broadcast: bool, redirect: u64) {
        self.tracking.on.store(on, Relaxed);
        self.tracking.broadcast.store(broadcast, Relaxed);
        self.tracking.redirect_broken.store(false, Relaxed);
        self.redirect.store(redirect, Relaxed);
    }

    /// Notes whether the client that it redirects to is gone.
    pub fn set_redirect_broken(&self, broken: bool) {
        self.tracking.redirect_broken.store(broken, Relaxed);
    }

    /// Whether the client that it redirects to is gone.
    pub fn is_redirect_broken(&self) -> bool {
        self.tracking.redirect_broken.load(Relaxed)
    }

    /// Its user.
    pub fn user(&self) -> Arc<User> {
        self.user.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Notes its user, and whether it may run commands.
    pub fn set_user(&self, user: Arc<User>, authenticated: bool) {
        *self.user.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = user;
        self.authenticated.store(authenticated, Relaxed);
    }

    /// The labels, locked.
    fn lock_labels(&self) -> MutexGuard<'_, ClientLabels> {
        self.labels.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The connected clients.
#[derive(Default)]
pub struct Clients {
    /// By ID, so that a listing is in the order of connecting.
    connected: Mutex<BTreeMap<u64, Arc<ClientInfo>>>,
    /// The last ID given.
    last_id: AtomicU64,
}

impl Clients {
    /// Adds a client that connected at `now_ms`. It starts as `user`, not authenticated, in database 0, with RESP2.
    pub fn add(&self, peer: Peer, user: &Arc<User>, now_ms: u64) -> Arc<ClientInfo> {
        let info = Arc::new(ClientInfo {
            id: self.last_id.fetch_add(1, Relaxed) + 1,
            peer,
            connected_ms: now_ms,
            active_ms: AtomicU64::new(now_ms),
            db: AtomicU32::new(0),
            protocol: AtomicU8::new(2),
            user: Mutex::new(user.clone()),
            authenticated: AtomicBool::new(false),
            last_command: AtomicU16::new(COMMAND_IDS_MAX as u16),
            commands: AtomicU64::new(0),
            in_bytes: AtomicU64::new(0),
            out_bytes: AtomicU64::new(0),
            query_bytes: AtomicUsize::new(0),
            query_bytes_free: AtomicUsize::new(0),
            reply_bytes: AtomicUsize::new(0),
            killed: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            monitors: AtomicBool::new(false),
            subscriptions: Subscriptions::default(),
            transaction: TransactionMarks::default(),
            tracking: TrackingMarks::default(),
            redirect: AtomicU64::new(0),
            outbox: Outbox::default(),
            blocked: Blocked::default(),
            labels: Mutex::default(),
            waker: Mutex::new(None),
        });
        self.lock().insert(info.id, info.clone());
        info
    }

    /// Removes a client that is gone.
    pub fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// The client with this ID.
    pub fn get(&self, id: u64) -> Option<Arc<ClientInfo>> {
        self.lock().get(&id).cloned()
    }

    /// All clients, in the order of connecting.
    pub fn list(&self) -> Vec<Arc<ClientInfo>> {
        self.lock().values().cloned().collect()
    }

    /// Number of clients.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes the tasks of all connections: a pause was lifted, or the server stops.
    pub fn wake_all(&self) {
        self.list().iter().for_each(|info| info.wake());
    }

    /// The clients, locked.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<ClientInfo>>> {
        self.connected.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::super::users::Users;
    use super::*;

    #[test]
    fn loopback_addresses_and_unix_sockets_are_local() {
        let is_local =
            |addr: &str, is_unix| Peer { addr: addr.into(), is_unix, ..Peer::default() }.is_local();
        assert!(is_local("127.0.0.1:9", false) && is_local("[::1]:9", false) && is_local("/run/s:0", true));
        assert!(!is_local("10.0.0.1:9", false) && !is_local("[fe80::1]:9", false) && !is_local("?:0", false));
    }

    #[test]
    fn clients_are_listed_in_the_order_of_connecting() {
        let (clients, users) = (Clients::default(), Users::default());
        let user = users.default_user();
        let ids: Vec<u64> = (0..3).map(|_| clients.add(Peer::default(), user, 5).id()).collect();
        assert_eq!(ids, [1, 2, 3]);
        clients.remove(2);
        assert_eq!(clients.list().iter().map(|info| info.id()).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(clients.add(Peer::default(), user, 5).id(), 4);
        assert!(clients.get(2).is_none());
    }

    #[test]
    fn a_kill_wakes_whoever_waits() {
        struct Count(AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, SeqCst);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let info = Clients::default().add(Peer::default(), Users::default().default_user(), 0);
        info.register(&Waker::from(count.clone()));
        assert!(!info.is_killed());
        info.kill();
        info.kill();
        assert!(info.is_killed());
        assert_eq!(count.0.load(SeqCst), 2);
    }
}
