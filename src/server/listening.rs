//! The listeners of a running server, and how they are replaced while clients are served.
//!
//! New sockets are opened first. Only when all of them listen are the old ones closed, and not before every connection
//! that waits in them is accepted. A listener stays if its address is wanted again, or another one that covers it: so a
//! client that knows such an address finds it open at any time. If an address cannot be opened, everything stays as it
//! was. Connected clients notice nothing.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use async_executor::Task;
use rustix::net::{Shutdown, SocketFlags, accept_with, shutdown};

use super::accept;
use super::executor::Spawner;
use crate::connection::Services;
use crate::net::{ListenError, Listener, Spares};

/// The listeners of a running server.
pub(super) struct Listening {
    /// The services for each connection.
    services: Services,
    /// Where connections and accept loops run.
    spawner: Spawner,
    /// The spare file descriptors for when there are none left.
    spares: Spares,
    /// The open listeners; `None` once the server stops.
    open: Mutex<Option<Vec<Door>>>,
}

/// A listener with its accept loop.
struct Door {
    /// The listener.
    listener: Arc<Listener>,
    /// Whether it is closed: its loop must end.
    is_closed: Arc<AtomicBool>,
    /// The accept loop. It ends when this is dropped.
    task: Task<()>,
}

/// Whether a listener at `wide` also receives connections to `address`: it is the same, or stands for all addresses.
fn covers(wide: SocketAddr, address: SocketAddr) -> bool {
    let is_all = wide.ip().is_unspecified() && wide.is_ipv4() == address.is_ipv4();
    wide.port() == address.port() && (is_all || wide.ip() == address.ip())
}

impl Listening {
    /// Begins to accept connections from `listeners`.
    pub fn start(services: Services, spawner: Spawner, listeners: Vec<Listener>) -> Arc<Self> {
        let listening = Arc::new(Self { services, spawner, spares: Spares::open(), open: Mutex::default() });
        let open = listeners.into_iter().map(|listener| listening.serve(Arc::new(listener))).collect();
        *listening.lock() = Some(open);
        listening
    }

    /// Listens on all of `bind` at `port` instead of the current TCP addresses; port 0 means no TCP.
    ///
    /// # Errors
    /// An address cannot be listened on. Then everything stays as it was.
    pub fn exchange(self: &Arc<Self>, bind: &[String], port: u16, backlog: i32) -> Result<(), ListenError> {
        let mut doors = self.lock();
        let Some(open) = &mut *doors else { return Ok(()) };
        let old: Vec<Arc<Listener>> = open.iter().map(|door| door.listener.clone()).collect();
        let share = |listeners: &[Arc<Listener>], shares| {
            let tcp = listeners.iter().filter(|listener| listener.address().is_some());
            tcp.for_each(|listener| listener.share_port(shares));
        };
        share(&old, true);
        let mut seen = Vec::new();
        let opened = match port {
            0 => Ok(Vec::new()),
            port => Listener::each_address(bind, port, |address| {
                if seen.contains(&address) {
                    let source = ErrorKind::AddrInUse.into();
                    return Err(ListenError { endpoint: address.to_string(), source });
                }
                seen.push(address);
                match old.iter().find(|listener| listener.address() == Some(address)) {
                    Some(same) => Ok(same.clone()),
                    None => Listener::tcp_beside(address, backlog, true).map(Arc::new),
                }
            }),
        };
        if let Ok(wanted) = &opened {
            let stays = |door: &Door| match door.listener.address() {
                None => true,
                Some(address) => {
                    wanted.iter().filter_map(|other| other.address()).any(|other| covers(other, address))
                }
            };
            let (stay, gone): (Vec<Door>, Vec<Door>) = open.drain(..).partition(stays);
            let is_new = |listener: &&Arc<Listener>| !old.iter().any(|other| Arc::ptr_eq(other, listener));
            open.extend(stay);
            open.extend(wanted.iter().filter(is_new).map(|listener| self.serve(listener.clone())));
            gone.into_iter().for_each(|door| self.close(door));
        }
        share(&old, false);
        share(opened.as_deref().unwrap_or_default(), false);
        opened.map(drop)
    }

    /// Stops accepting connections.
    pub async fn stop(&self) {
        let doors = self.lock().take();
        for door in doors.into_iter().flatten() {
            door.task.cancel().await;
        }
    }

    /// Accepts connections from `listener`.
    fn serve(self: &Arc<Self>, listener: Arc<Listener>) -> Door {
        let is_closed = Arc::new(AtomicBool::new(false));
        let (own, door, closed) = (self.clone(), listener.clone(), is_closed.clone());
        let task = self.spawner.spawn_scoped(async move {
            accept::accept(&own.services, &door, &own.spawner, &own.spares, &closed).await;
        });
        Door { listener, is_closed, task }
    }

    /// Closes a listener, after the connections that wait in it are accepted.
    fn close(&self, Door { listener, is_closed, task }: Door) {
        is_closed.store(true, Relaxed);
        drop(task);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        while let Ok(stream) = accept_with(&*listener, flags) {
            accept::admit(&self.services, &listener, &self.spawner, Box::new(stream));
        }
        // The loop may hold the socket for a moment longer: it must not accept anyone in that time.
        let _ = shutdown(&*listener, Shutdown::Read);
    }

    /// The open listeners, locked.
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Door>>> {
        self.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
