//! Which sockets can be read or written, learned in batches.
//!
//! A client's socket is registered once, for changes of its state (`EPOLLET`, epoll(7)), with an epoll instance that all
//! clients share; the instance itself is what the reactor watches. So a request costs no system call for waiting: many
//! sockets that become readable are one event of the reactor and one call of `epoll_wait`.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use async_io::Async;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::Timespec;
use slab::Slab;

use super::ready::{ENDED, READ, Ready, WRITE};

/// Events taken with one call.
const EVENTS_MAX: usize = 256;
/// A client's socket, in non-blocking mode: TCP or Unix.
pub type Stream = Box<dyn AsFd + Send + Sync>;

/// All sockets that are watched.
pub struct Readiness {
    /// The epoll instance.
    epoll: Async<OwnedFd>,
    /// The sockets, by the number that their events carry.
    sockets: Mutex<Slab<Arc<Ready>>>,
}

impl Readiness {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// The system has no epoll instance left, or the reactor cannot watch it.
    pub fn new() -> io::Result<Arc<Self>> {
        let epoll = Async::new_nonblocking(epoll::create(CreateFlags::CLOEXEC)?)?;
        Ok(Arc::new(Self { epoll, sockets: Mutex::default() }))
    }

    /// Begins to watch a client's socket.
    ///
    /// # Errors
    /// The system cannot watch it.
    pub fn watch(self: &Arc<Self>, socket: Stream) -> io::Result<Watched> {
        let state = Arc::new(Ready::default());
        let number = self.sockets().insert(state.clone());
        // From here on the number is given back by `Watched`.
        let watched = Watched { socket, state, number, readiness: self.clone() };
        let wanted = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(self.epoll.as_fd(), &watched.socket, EventData::new_u64(number as u64), wanted)?;
        Ok(watched)
    }

    /// Takes events for ever, and wakes those who wait for them.
    ///
    /// # Errors
    /// The reactor or the epoll instance failed.
    pub async fn run(&self) -> io::Result<()> {
        loop {
            self.epoll.readable().await?;
            while self.take()? == EVENTS_MAX {}
        }
    }

    /// Takes the events that are there, up to `EVENTS_MAX`, and says how many there were.
    fn take(&self) -> io::Result<usize> {
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut room = [MaybeUninit::uninit(); EVENTS_MAX];
        match epoll::wait(self.epoll.as_fd(), &mut room[..], Some(&none)) {
            Ok((events, _)) => {
                events.iter().for_each(|event| self.happened(event));
                Ok(events.len())
            }
            Err(rustix::io::Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes an event. One for a socket that is gone meanwhile may wake another, which then finds nothing.
    fn happened(&self, event: &Event) {
        let flags = event.flags;
        let read = if flags.contains(EventFlags::IN) { READ } else { 0 };
        let write = if flags.contains(EventFlags::OUT) { WRITE } else { 0 };
        let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        let ended = if broken || flags.contains(EventFlags::RDHUP) { ENDED } else { 0 };
        // A side that only stopped sending may well be slow to read.
        let write = if broken { WRITE } else { write };
        let number = event.data.u64() as usize;
        let Some(state) = self.sockets().get(number).cloned() else { return };
        state.happened(read | write | ended);
    }

    /// The sockets, locked.
    fn sockets(&self) -> MutexGuard<'_, Slab<Arc<Ready>>> {
        self.sockets.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A socket that is watched until this is dropped, which closes it. One task uses it.
pub struct Watched {
    /// The socket.
    socket: Stream,
    /// What is known of it.
    state: Arc<Ready>,
    /// Its number.
    number: usize,
    /// Where it is watched.
    readiness: Arc<Readiness>,
}

impl Watched {
    /// About to read: a later wait is for what comes from now on.
    pub(super) fn before_read(&self) {
        self.state.clear(READ);
    }

    /// The read filled all the room that it had, so there may be more.
    pub(super) fn may_hold_more(&self) {
        self.state.set(READ);
    }

    /// About to write after there was no room: a later wait is for room that comes from now on.
    pub(super) fn before_write(&self) {
        self.state.clear(WRITE);
    }

    /// Waits until there may be something to read.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.state.poll(READ | ENDED, context)
    }

    /// Waits until there may be room to write.
    pub(super) fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.state.poll(WRITE, context)
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.readiness.sockets().remove(self.number);
    }
}
