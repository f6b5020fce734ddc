//! A connection that was just accepted: where it comes from, and how it is set up or refused.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::{SendFlags, send};
use socket2::{SockAddr, SockRef, TcpKeepalive};

/// Number of unanswered probes after which a silent peer counts as gone.
const KEEPALIVE_PROBES: u32 = 3;

/// Sends the reason. The text is short enough for the socket's empty buffer; if not, it is cut.
pub fn refuse(stream: &impl AsFd, text: &str) {
    let _ = send(stream, text.as_bytes(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}

/// Disables delays (Nagle's algorithm), and lets the kernel probe silent peers.
pub fn tune(stream: &impl AsFd, keepalive_s: u32) {
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

/// The two ends of a TCP connection, for display: the peer's, and the server's.
pub fn ends(stream: &impl AsFd) -> (String, String) {
    let socket = SockRef::from(stream);
    let show = |address: io::Result<SockAddr>| {
        address.ok().and_then(|address| address.as_socket()).map_or_else(
            || "?:0".to_owned(),
            |address| SocketAddr::new(address.ip().to_canonical(), address.port()).to_string(),
        )
    };
    (show(socket.peer_addr()), show(socket.local_addr()))
}

/// Whether the peer is on this machine: it uses a Unix socket or a loopback address.
pub fn is_local(stream: &impl AsFd) -> bool {
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
