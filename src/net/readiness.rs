//! Which sockets can be read or written, found in batches.
//!
//! Each thread that serves connections sleeps in an epoll instance of its own. A client's socket is registered with one
//! of them once, for changes of its state (`EPOLLET`, epoll(7)). So a request costs no system call for waiting: many
//! sockets that become readable are one call of `epoll_wait`. To wake a sleeping thread, others ring its bell, an
//! eventfd(2). Timers and listeners, which are rare, do so from the reactor's own thread.
//!
//! Why not async-net's streams: async-io has one epoll instance for the process. Each wait for a socket is registered
//! there again, and the thread that holds its lock waits for all. With async-net instead of this file, and everything
//! else equal, a SET took 22 % more processor time with 50 clients and a GET 13 %; with pipelines of 16 commands, 2 %
//! and 30 %. From 1 to 1000 clients it was 10 % more on average, and never less. With 50 clients there were 15 % fewer
//! SETs per second, with pipelines 10 % fewer; other rates went either way, because others used the machine. (Medians
//! of 14 runs of redis-benchmark, alternating, 2 processors, one thread.)
//!
//! Invariant: a thread whose bell was rung after it last polled its future polls it before it sleeps.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::time::Timespec;
use slab::Slab;

use super::sleep::Sleep;
use super::socket_state::{ENDED, READ, SocketState, WRITE};

/// Maximum number of events taken with one call.
const EVENTS_MAX: usize = 256;
/// If there are fewer events than this, the thread checks for more before it acts on them.
const EVENTS_FEW: usize = 32;

/// The bell's number in events, distinct from the sockets'.
const BELL: u64 = u64::MAX;

/// A client's socket, in non-blocking mode: TCP or Unix.
pub type Stream = Box<dyn AsFd + Send + Sync>;

/// What a thread does besides its future.
pub trait Chores {
    /// Does what is due, before the thread sleeps.
    fn before_sleep(&mut self);

    /// Whether something is due. Asked when others can see that the thread sleeps, and ring it if something gets due.
    fn are_due(&self) -> bool;

    /// Does what is due as soon as the thread wakes. Returns whether there was anything.
    fn after_sleep(&mut self) -> bool;
}

/// The sockets that a thread watches while it sleeps.
pub struct Readiness {
    /// The epoll instance.
    epoll: OwnedFd,
    /// Interrupts the sleep. It is never read: each write is a change of its state.
    bell: OwnedFd,
    /// Whether the thread sleeps.
    sleep: Sleep,
    /// The sockets, by the number that their events carry.
    sockets: Mutex<Slab<Arc<SocketState>>>,
}

impl Readiness {
    /// An instance that watches no socket yet.
    ///
    /// # Errors
    /// The system has no file descriptor left.
    pub fn new() -> io::Result<Arc<Self>> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN | EventFlags::ET)?;
        Ok(Arc::new(Self { epoll, bell, sleep: Sleep::new(), sockets: Mutex::default() }))
    }

    /// Registers a client's socket.
    ///
    /// # Errors
    /// The system cannot watch it.
    pub fn register(self: &Arc<Self>, socket: Stream) -> io::Result<Registration> {
        let state = Arc::new(SocketState::default());
        let number = self.sockets().insert(state.clone());
        // From here on, dropping `Registration` frees the number.
        let registration = Registration { socket, state, number, readiness: self.clone() };
        let wanted = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, &registration.socket, EventData::new_u64(number as u64), wanted)?;
        Ok(registration)
    }

    /// Runs a future on this thread, the only one that may do so. It sleeps here when there is nothing to do; `chores`
    /// are its other work.
    ///
    /// # Errors
    /// The epoll instance failed.
    pub fn block_on<T>(
        self: &Arc<Self>,
        future: impl Future<Output = T>,
        mut chores: impl Chores,
    ) -> io::Result<T> {
        let waker = Waker::from(self.clone());
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            self.sleep.wake_up();
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            chores.before_sleep();
            self.rest(&mut chores)?;
        }
    }

    /// Waits for events or the bell, and takes the events. Does not wait if the bell was rung already, or if there are
    /// chores.
    ///
    /// If clients share the processors with the server, they may be in the middle of sending. So a thread that was
    /// woken for a few events yields its processor once, and then takes the new events too. That way it is woken less
    /// often.
    fn rest(&self, chores: &mut impl Chores) -> io::Result<()> {
        let sleeps = self.sleep.fall_asleep() && !chores.are_due();
        let taken = self.take(sleeps);
        self.sleep.stir();
        let mut taken = taken?;
        let worked = sleeps && chores.after_sleep();
        if sleeps && !worked && taken < EVENTS_FEW {
            thread::yield_now();
            taken = self.take(false)?;
        }
        while taken == EVENTS_MAX {
            taken = self.take(false)?;
        }
        Ok(())
    }

    /// Interrupts the thread's sleep, if it sleeps. If it does not, it looks for its chores before it sleeps.
    pub fn ring_if_asleep(&self) {
        if self.sleep.ring_if_asleep() {
            self.ring();
        }
    }

    /// Rings the bell.
    fn ring(&self) {
        // It can only fail after 2^64 writes.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Takes the pending events, up to `EVENTS_MAX`, and returns how many there were. If it `waits`, there is at least
    /// one, unless a signal arrives.
    fn take(&self, waits: bool) -> io::Result<usize> {
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut room = [MaybeUninit::uninit(); EVENTS_MAX];
        match epoll::wait(&self.epoll, &mut room[..], if waits { None } else { Some(&none) }) {
            Ok((events, _)) => {
                events.iter().for_each(|event| self.happened(event));
                Ok(events.len())
            }
            Err(rustix::io::Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes an event. If its socket is gone, another one with the same number may be woken, which then finds nothing.
    fn happened(&self, event: &Event) {
        if event.data.u64() == BELL {
            return;
        }
        let flags = event.flags;
        let read = if flags.contains(EventFlags::IN) { READ } else { 0 };
        let write = if flags.contains(EventFlags::OUT) { WRITE } else { 0 };
        let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        let ended = if broken || flags.contains(EventFlags::RDHUP) { ENDED } else { 0 };
        // A peer that has only stopped sending may still be slow to read.
        let write = if broken { WRITE } else { write };
        let number = event.data.u64() as usize;
        let Some(state) = self.sockets().get(number).cloned() else { return };
        state.happened(read | write | ended);
    }

    /// The sockets, locked.
    fn sockets(&self) -> MutexGuard<'_, Slab<Arc<SocketState>>> {
        self.sockets.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Wake for Readiness {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.sleep.ring() {
            self.ring();
        }
    }
}

/// A socket that is registered until this is dropped, which closes it. One task uses it.
pub struct Registration {
    /// The socket.
    socket: Stream,
    /// Its state.
    state: Arc<SocketState>,
    /// Its number.
    number: usize,
    /// Where it is registered.
    readiness: Arc<Readiness>,
}

impl Registration {
    /// Call before a read: a later wait is for data that arrives from now on.
    pub(super) fn before_read(&self) {
        self.state.clear(READ);
    }

    /// Call after a read that filled the whole buffer: there may be more.
    pub(super) fn may_hold_more(&self) {
        self.state.set(READ);
    }

    /// Call before a write after there was no room: a later wait is for room that appears from now on.
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

impl AsFd for Registration {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.readiness.sockets().remove(self.number);
    }
}
