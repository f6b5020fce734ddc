//! Accepts connections, and refuses those that may not be served.
//!
//! A failed accept never ends the loop. When the process has no file descriptor left, waiting clients are refused with
//! [spare](Spares) ones. No client is served while a spare one is missing that could be opened again.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use smol::Timer;

use super::executor::Spawner;
use crate::connection::{Services, serve};
use crate::net::{self, Endpoint, Listener, Plain, Spares, Stream, Transport, refuse};
use crate::state::Peer;

/// Pause of an accept loop after a failure that will not go away at once.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Minimum time between two reports of failed accepts.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// Number of connections accepted in a row before other tasks of the thread get their turn.
const ACCEPTS_MAX: u32 = 64;

/// The text for a client that may not connect from its address.
const PROTECTED: &str = "-DENIED ackd is running in protected mode because protected mode is enabled and no \
password is set for the default user. In this mode connections are only accepted from the loopback interface. \
If you want to connect from external computers, you may adopt one of the following solutions: \
1) Disable protected mode by sending the command 'CONFIG SET protected-mode no' from the loopback interface, \
after making sure that the server is not reachable from the internet. \
2) Set the protected-mode option to 'no' in the configuration file, and restart the server. \
3) Start the server with '--protected-mode no'. \
4) Set a password for the default user. \
NOTE: You only need to do one of the above things in order for the server to accept connections from the outside.\r\n";

/// The text for a client above the limit.
const TOO_MANY: &str = "-ERR max number of clients reached\r\n";

/// Accepts connections until the listener is closed.
pub(super) async fn accept(
    services: &Services,
    listener: &Listener,
    spawner: &Spawner,
    spares: &Spares,
    is_closed: &AtomicBool,
) {
    let mut in_a_row = 0;
    let mut reported: Option<Instant> = None;
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
                    if reported.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
                        reported = Some(Instant::now());
                        tracing::warn!(%error, "cannot accept connections");
                    }
                    if matches!(errno, Some(Errno::MFILE | Errno::NFILE)) {
                        let turned_away = spares.turn_away(listener, ACCEPTS_MAX, TOO_MANY);
                        (0..turned_away).for_each(|_| services.state.stats.refused());
                    }
                    Timer::after(BACK_OFF).await;
                }
            },
        }
        in_a_row += 1;
        if in_a_row == ACCEPTS_MAX {
            in_a_row = 0;
            smol::future::yield_now().await;
        }
    }
}

/// Begins to serve a connection, or refuses it.
pub(super) fn admit(services: &Services, listener: &Listener, spawner: &Spawner, stream: Stream) {
    let state = &services.state;
    let peer = describe(listener, &stream);
    if state.clients.len() >= state.limits.clients_max() as usize {
        state.stats.refused();
        return refuse(&stream, TOO_MANY);
    }
    if state.limits.protected_mode() && !state.users.default_user().has_password() && !net::is_local(&stream)
    {
        state.stats.refused();
        tracing::warn!(peer = peer.addr, "connection refused by protected mode");
        return refuse(&stream, PROTECTED);
    }
    if !peer.is_unix {
        net::tune(&stream, state.limits.tcp_keepalive_s());
    }
    match spawner.register(stream) {
        Ok(socket) => {
            state.stats.connected();
            let info = state.clients.add(peer, state.users.default_user(), state.uptime_ms());
            let transport = Transport::Plain(Plain::new(socket));
            spawner.spawn(serve(services.clone(), transport, info));
        }
        Err(error) => tracing::warn!(%error, peer = peer.addr, "cannot watch a connection"),
    }
}

/// The two ends of a connection, for display.
fn describe(listener: &Listener, stream: &impl AsFd) -> Peer {
    let fd = stream.as_fd().as_raw_fd();
    match listener.endpoint() {
        Endpoint::Unix(path) => {
            let addr = format!("{}:0", path.display());
            Peer { laddr: addr.clone(), addr, is_unix: true, fd }
        }
        Endpoint::Tcp(_) => {
            let (addr, laddr) = net::ends(stream);
            Peer { addr, laddr, is_unix: false, fd }
        }
    }
}
