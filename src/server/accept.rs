//! Takes connections, and refuses those that may not be served.
//!
//! One failed accept never ends the loop. When the process has no file descriptor left, a spare one is given up for a
//! moment to take the connection off the queue and close it, so that the peer learns of it and the loop does not spin.
//! In that moment whoever opens a file may get the descriptor, and keep it: the log, for its next segment. So there are
//! several, and nobody is served while one is missing that could be had back.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use async_io::Timer;
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags, accept_with, send};
use socket2::{SockRef, TcpKeepalive};

use super::executor::Spawner;
use super::listen::{Endpoint, Listener};
use crate::connection::{Services, Stream, serve};
use crate::state::Peer;

/// Pause of an accept loop after a failure that will not pass at once.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Time between two reports of failures to accept.
const TOLD_INTERVAL: Duration = Duration::from_secs(10);
/// Spare file descriptors: more than the log takes for all the segments that it may keep for reuse.
const SPARES: usize = 12;
/// Connections taken in a row before other tasks of the thread get their turn.
const ACCEPTS_MAX: u32 = 64;
/// Probes without an answer after which a silent peer counts as gone.
const KEEPALIVE_PROBES: u32 = 3;

/// What a client that may not connect from where it is gets to read.
const PROTECTED: &str = "-DENIED ackd is running in protected mode because protected mode is enabled and no \
password is set for the default user. In this mode connections are only accepted from the loopback interface. \
If you want to connect from external computers, you may adopt one of the following solutions: \
1) Disable protected mode by sending the command 'CONFIG SET protected-mode no' from the loopback interface, \
after making sure that the server is not reachable from the internet. \
2) Set the protected-mode option to 'no' in the configuration file, and restart the server. \
3) Start the server with '--protected-mode no'. \
4) Set a password for the default user. \
NOTE: You only need to do one of the above things in order for the server to accept connections from the outside.\r\n";

/// What a client beyond the limit gets to read.
const TOO_MANY: &str = "-ERR max number of clients reached\r\n";

/// File descriptors kept for the moment in which there is none left; shared by all accept loops.
pub(super) struct Spares {
    /// Those that are there.
    files: Mutex<Vec<File>>,
    /// How many there should be.
    wanted: usize,
}

impl Spares {
    /// Opens the spare descriptors: where there are few, no more than half of what is left.
    pub fn new() -> Self {
        let mut files = Vec::new();
        if !fill(&mut files, SPARES) {
            files.truncate(files.len().div_ceil(2));
        }
        Self { wanted: files.len(), files: Mutex::new(files) }
    }

    /// Opens those that are missing, if that can be; says whether all are there.
    fn refill(&self) -> bool {
        fill(&mut self.files(), self.wanted)
    }

    /// Takes connections off the queue of `listener` with spare descriptors, one by one, and closes them. Returns how
    /// many.
    fn turn_away(&self, listener: &Listener) -> u32 {
        let mut files = self.files();
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let mut turned_away = 0;
        while turned_away < ACCEPTS_MAX {
            match accept_with(listener.as_fd(), flags) {
                Ok(stream) => {
                    refuse(&stream, TOO_MANY);
                    turned_away += 1;
                }
                // At first it is given up here; later somebody else was quicker to use the one that was.
                Err(Errno::MFILE | Errno::NFILE) if files.pop().is_some() => {}
                Err(_) => break,
            }
        }
        fill(&mut files, self.wanted);
        turned_away
    }

    /// Those that are there, locked.
    fn files(&self) -> MutexGuard<'_, Vec<File>> {
        self.files.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Opens files until there are `wanted`; says whether that could be.
fn fill(files: &mut Vec<File>, wanted: usize) -> bool {
    while files.len() < wanted {
        let Ok(file) = File::open("/dev/null") else { return false };
        files.push(file);
    }
    true
}

/// Takes connections until the listener is closed.
pub(super) async fn accept(
    services: &Services,
    listener: &Listener,
    spawner: &Spawner,
    spares: &Spares,
    is_closed: &AtomicBool,
) {
    let mut in_a_row = 0;
    let mut told: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok(stream) if spares.refill() => admit(services, listener, spawner, stream),
            Ok(stream) => {
                services.state.stats.refused();
                refuse(&stream, TOO_MANY);
            }
            Err(_) if is_closed.load(Relaxed) => return,
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::INTR | Errno::CONNABORTED) => {}
                errno => {
                    if told.is_none_or(|at| at.elapsed() >= TOLD_INTERVAL) {
                        told = Some(Instant::now());
                        tracing::warn!(%error, "cannot accept connections");
                    }
                    if matches!(errno, Some(Errno::MFILE | Errno::NFILE)) {
                        (0..spares.turn_away(listener)).for_each(|_| services.state.stats.refused());
                    }
                    Timer::after(BACK_OFF).await;
                }
            },
        }
        in_a_row += 1;
        if in_a_row == ACCEPTS_MAX {
            in_a_row = 0;
            futures_lite::future::yield_now().await;
        }
    }
}

/// Begins to serve a connection, unless it is to be refused.
pub(super) fn admit(services: &Services, listener: &Listener, spawner: &Spawner, stream: Stream) {
    let state = &services.state;
    let peer = describe(listener, &stream);
    if state.clients.len() >= state.limits.clients_max() as usize {
        state.stats.refused();
        return refuse(&stream, TOO_MANY);
    }
    if state.limits.protected_mode() && !state.limits.has_password() && !is_local(&stream) {
        state.stats.refused();
        tracing::warn!(peer = peer.addr, "connection refused by protected mode");
        return refuse(&stream, PROTECTED);
    }
    if !peer.is_unix {
        tune(&stream, state.limits.tcp_keepalive_s());
    }
    match spawner.watch(stream) {
        Ok(stream) => {
            state.stats.connected();
            let info = state.clients.add(peer, state.uptime_ms());
            spawner.spawn(serve(services.clone(), stream, info));
        }
        Err(error) => tracing::warn!(%error, peer = peer.addr, "cannot watch a connection"),
    }
}

/// Says why, and closes. The text is short enough for the socket's empty buffer; if not, it is cut.
fn refuse(stream: &impl AsFd, text: &str) {
    let _ = send(stream, text.as_bytes(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}

/// Switches off delays, and has the kernel look after silent peers.
fn tune(stream: &impl AsFd, keepalive_s: u32) {
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    if keepalive_s > 0 {
        let interval = Duration::from_secs(u64::from((keepalive_s / KEEPALIVE_PROBES).max(1)));
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(u64::from(keepalive_s)))
            .with_interval(interval);
        let _ = socket.set_tcp_keepalive(&keepalive);
        let _ = rustix::net::sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES);
    }
}

/// The two ends of a connection, for display.
fn describe(listener: &Listener, stream: &impl AsFd) -> Peer {
    let socket = SockRef::from(stream);
    let fd = stream.as_fd().as_raw_fd();
    match listener.endpoint() {
        Endpoint::Unix(path) => {
            let addr = format!("{}:0", path.display());
            Peer { laddr: addr.clone(), addr, is_unix: true, fd }
        }
        Endpoint::Tcp(_) => {
            let show = |address: std::io::Result<socket2::SockAddr>| {
                address.ok().and_then(|address| address.as_socket()).map_or_else(
                    || "?:0".to_owned(),
                    |address| SocketAddr::new(address.ip().to_canonical(), address.port()).to_string(),
                )
            };
            Peer { addr: show(socket.peer_addr()), laddr: show(socket.local_addr()), is_unix: false, fd }
        }
    }
}

/// Whether the peer is on this machine: it came over a Unix socket or from a loopback address.
fn is_local(stream: &impl AsFd) -> bool {
    match SockRef::from(stream).peer_addr() {
        Ok(address) => address.as_socket().is_none_or(|address| is_own(address.ip())),
        Err(_) => false,
    }
}

/// Whether packets from this address cannot have come from another machine.
fn is_own(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_cannot_take_all_spare_descriptors() {
        // Those that wait for reuse, the one in use and the one that is being made.
        assert!(SPARES > wal::LogOptions::default().spare_segments_max + 2);
    }

    #[test]
    fn only_loopback_addresses_pass_protected_mode() {
        let is_own = |text: &str| is_own(text.parse().unwrap());
        for own in ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"] {
            assert!(is_own(own), "{own}");
        }
        for other in
            ["10.0.0.1", "192.168.0.1", "0.0.0.0", "128.0.0.1", "::", "::2", "fe80::1", "::ffff:10.0.0.1"]
        {
            assert!(!is_own(other), "{other}");
        }
    }
}
