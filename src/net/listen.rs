//! Opens the sockets that clients connect to.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use async_net::TcpListener;
use async_net::unix::UnixListener;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseport;
use smol::Async;
use socket2::{Domain, SockAddr, Socket, Type};

use super::readiness::Stream;
use crate::file_id::FileId;
use crate::owner;

/// What clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// A listening socket. Dropping one for a Unix socket removes its path, unless another process has taken the path
/// since.
pub struct Listener {
    /// The listening socket.
    socket: ListeningSocket,
    /// The file that a Unix socket created at its path.
    made: Option<FileId>,
    /// What clients connect to; the actual port if 0 was configured.
    endpoint: Endpoint,
}

/// A listening socket.
enum ListeningSocket {
    /// On a TCP address.
    Tcp(TcpListener),
    /// On a path.
    Unix(UnixListener),
}

/// A socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {endpoint}: {source}")]
pub struct ListenError {
    /// The address or path, as it was given.
    pub endpoint: String,
    /// Why.
    pub source: io::Error,
}

impl Listener {
    /// Listens on a TCP address. `backlog` is the number of connections that may wait to be accepted.
    ///
    /// # Errors
    /// The address is taken, is not one of this machine, or may not be used.
    pub fn tcp(address: SocketAddr, backlog: i32) -> Result<Self, ListenError> {
        Self::tcp_beside(address, backlog, false)
    }

    /// Like [`Listener::tcp`]; with `shares`, together with others that share their port too (see
    /// [`Listener::share_port`]).
    pub fn tcp_beside(address: SocketAddr, backlog: i32, shares: bool) -> Result<Self, ListenError> {
        let open = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            set_socket_reuseport(&socket, shares)?;
            if address.is_ipv6() {
                socket.set_only_v6(true)?;
            }
            socket.bind(&address.into())?;
            socket.listen(backlog)?;
            let address = socket.local_addr()?.as_socket().unwrap_or(address);
            let socket = ListeningSocket::Tcp(Async::<std::net::TcpListener>::new(socket.into())?.into());
            Ok(Self { socket, made: None, endpoint: Endpoint::Tcp(address) })
        };
        open().map_err(|source| ListenError { endpoint: address.to_string(), source })
    }

    /// Listens on a Unix socket at `path`, whose permissions become `mode` before anybody can connect. A socket that an
    /// earlier process left there is removed. A socket that somebody listens on, or anything else, is left alone.
    ///
    /// # Errors
    /// The path cannot be used, or holds something that is not a socket or is in use.
    pub fn unix(path: &Path, mode: Option<u32>, backlog: i32) -> Result<Self, ListenError> {
        let open = || {
            remove_abandoned(path)?;
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&SockAddr::unix(path)?)?;
            let made = FileId::at(path).ok();
            if let Some(mode) = mode {
                fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
            }
            owner::pass_on(path)?;
            socket.listen(backlog)?;
            let socket = Async::<std::os::unix::net::UnixListener>::new(OwnedFd::from(socket).into())?.into();
            Ok(Self {
                socket: ListeningSocket::Unix(socket),
                made,
                endpoint: Endpoint::Unix(path.to_owned()),
            })
        };
        open().map_err(|source| ListenError { endpoint: path.display().to_string(), source })
    }

    /// Listens on all of `bind` (addresses as in Redis's `bind`: IPv4, IPv6, `*` and `::*` for all; a `-` in front
    /// makes one optional) at `port`. With port 0 the system chooses.
    ///
    /// # Errors
    /// An address that is not optional cannot be listened on, or none could.
    pub fn bind_all(bind: &[String], port: u16, backlog: i32) -> Result<Vec<Self>, ListenError> {
        Self::each_address(bind, port, |address| Self::tcp(address, backlog))
    }

    /// Calls `open` with each address of `bind`, by the rules of [`Listener::bind_all`].
    pub fn each_address<T>(
        bind: &[String],
        port: u16,
        mut open: impl FnMut(SocketAddr) -> Result<T, ListenError>,
    ) -> Result<Vec<T>, ListenError> {
        let mut opened = Vec::new();
        for word in bind {
            let (optional, address) = match word.strip_prefix('-') {
                Some(address) => (true, address),
                None => (false, word.as_str()),
            };
            let listener = parse_address(address)
                .map_err(|source| ListenError { endpoint: address.to_owned(), source })
                .and_then(|ip| open(SocketAddr::new(ip, port)));
            match listener {
                Ok(listener) => opened.push(listener),
                Err(error) if optional => tracing::info!(%error, "optional address left out"),
                Err(error) => return Err(error),
            }
        }
        if opened.is_empty() && !bind.is_empty() {
            let source = io::Error::from(io::ErrorKind::AddrNotAvailable);
            return Err(ListenError { endpoint: bind.join(" "), source });
        }
        Ok(opened)
    }

    /// Sets whether other sockets of this process may listen on the same port, at addresses that overlap. Only used
    /// while listeners are exchanged: at other times a second server could take clients away.
    pub fn share_port(&self, shares: bool) {
        // If the system does not support this, an address that overlaps cannot be opened, and the old listeners stay.
        let _ = set_socket_reuseport(self, shares);
    }

    /// Waits for the next connection and accepts it.
    ///
    /// # Errors
    /// The connection is already broken, or the process has no file descriptor for it.
    pub async fn accept(&self) -> io::Result<Stream> {
        Ok(match &self.socket {
            ListeningSocket::Tcp(socket) => Box::new(socket.accept().await?.0),
            ListeningSocket::Unix(socket) => Box::new(socket.accept().await?.0),
        })
    }

    /// What clients connect to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The file that it made, if it is a Unix socket.
    pub fn made(&self) -> Option<(&Path, FileId)> {
        match &self.endpoint {
            Endpoint::Unix(path) => self.made.map(|id| (path.as_path(), id)),
            Endpoint::Tcp(_) => None,
        }
    }

    /// The TCP address, if it is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.endpoint {
            Endpoint::Tcp(address) => Some(address),
            Endpoint::Unix(_) => None,
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            ListeningSocket::Tcp(socket) => socket.as_fd(),
            ListeningSocket::Unix(socket) => socket.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let (Endpoint::Unix(path), Some(made)) = (&self.endpoint, &self.made) {
            made.remove(path);
        }
    }
}

/// Removes the socket at `path` if nobody listens on it. Returns an error if somebody does.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Ok(());
    }
    let id = FileId::of(&found);
    // Do not wait: the queue of a listener may be full.
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    let answer = probe.connect(&SockAddr::unix(path)?);
    match answer.as_ref().map_err(Errno::from_io_error) {
        Err(Some(Errno::CONNREFUSED)) => {
            id.remove(path);
            Ok(())
        }
        Err(Some(Errno::NOENT)) => Ok(()),
        Ok(()) | Err(Some(Errno::AGAIN)) => {
            Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there"))
        }
        // This process may not open it, or it is of another kind: its owner may use it.
        Err(_) => answer,
    }
}

/// Parses one address of `bind`.
fn parse_address(text: &str) -> io::Result<IpAddr> {
    match text {
        "*" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        "::*" => Ok(Ipv6Addr::UNSPECIFIED.into()),
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => text.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_optional_address_may_be_missing_and_others_may_not() {
        let bind = |words: &[&str]| {
            Listener::bind_all(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>(), 0, 16)
        };
        assert_eq!(bind(&["127.0.0.1", "-203.0.113.7"]).unwrap().len(), 1);
        assert!(bind(&["127.0.0.1", "203.0.113.7"]).is_err());
        assert!(bind(&["-203.0.113.7"]).is_err());
        assert!(bind(&["nonsense"]).is_err());
        let port = bind(&["127.0.0.1"]).unwrap()[0].address().unwrap().port();
        assert_ne!(port, 0);
    }

    #[test]
    fn a_unix_socket_has_its_mode_and_replaces_only_a_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let first = Listener::unix(&path, Some(0o600), 16).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(first);
        assert!(!path.exists());
        fs::write(&path, "data").unwrap();
        assert!(Listener::unix(&path, None, 16).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"data");
    }

    #[test]
    fn a_socket_that_somebody_listens_on_stays_and_one_that_was_left_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let first = Listener::unix(&path, None, 16).unwrap();
        let error = Listener::unix(&path, None, 16).err().unwrap();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse, "{error}");
        assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
        drop(first);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "its process left it");
        assert!(Listener::unix(&path, None, 16).is_ok());
    }

    #[test]
    fn a_listener_whose_queue_is_full_counts_as_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _first = Listener::unix(&path, None, 0).unwrap();
        let connect = || {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket.connect(&SockAddr::unix(&path).unwrap()).map(|()| socket)
        };
        let waiting: Vec<Socket> = (0..8).map_while(|_| connect().ok()).collect();
        assert!(waiting.len() < 8, "the queue has an end");
        assert_eq!(Listener::unix(&path, None, 16).err().unwrap().source.kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists());
    }

    #[test]
    fn the_end_of_a_listener_leaves_the_socket_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let first = Listener::unix(&path, None, 16).unwrap();
        fs::remove_file(&path).unwrap();
        let second = Listener::unix(&path, None, 16).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
