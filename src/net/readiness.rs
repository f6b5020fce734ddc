//! Which sockets can be read or written, learned in batches.
//!
//! Each thread that serves connections sleeps in an epoll instance of its own. A client's socket is registered with one
//! of them once, for changes of its state (`EPOLLET`, epoll(7)). So a request costs no system call for waiting: many
//! sockets that become readable are one call of `epoll_wait`. Who wakes a sleeping thread rings its bell, an eventfd(2);
//! timers and listeners, which are rare, do so from the reactor's own thread.
//!
//! Why not async-net's streams: async-io has one epoll instance for the process, in which each wait for a socket is
//! registered anew, and whichever thread holds its lock waits there for all. With these in the place of this file, all else
//! equal, a SET of 50 clients took 22 % more processor time and a GET 13 %, with pipelines of 16 commands 2 % and 30 %; from 1
//! to 1000 clients it was 10 % on average, and nowhere less. SETs of 50 clients were 15 % fewer a second, 10 % with
//! pipelines; other rates went either way, for others used the machine. (Medians of 14 runs of redis-benchmark, in turns,
//! 2 processors, one thread.)
//!
//! Invariant: a thread whose bell was rung since it last polled its future polls it before it sleeps.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::time::Timespec;
use slab::Slab;

use super::socket_state::{ENDED, READ, SocketState, WRITE};

/// Events taken with one call.
const EVENTS_MAX: usize = 256;
/// Fewer events than these are looked at once more before they are acted on.
const EVENTS_FEW: usize = 32;

/// The thread runs its future, and will look at the bell before it sleeps.
const AWAKE: u8 = 0;
/// The bell was rung since.
const RUNG: u8 = 1;
/// The thread sleeps, or is about to.
const ASLEEP: u8 = 2;
/// The bell's number among the sockets'.
const BELL: u64 = u64::MAX;

/// A client's socket, in non-blocking mode: TCP or Unix.
pub type Stream = Box<dyn AsFd + Send + Sync>;

/// The sockets that a thread watches in its sleep.
pub struct Readiness {
    /// The epoll instance.
    epoll: OwnedFd,
    /// What interrupts the sleep. It is never read: each write is a change of its state.
    bell: OwnedFd,
    /// `AWAKE`, `RUNG` or `ASLEEP`.
    thread: AtomicU8,
    /// The sockets, by the number that their events carry.
    sockets: Mutex<Slab<Arc<SocketState>>>,
}

impl Readiness {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// The system has no file descriptor left.
    pub fn new() -> io::Result<Arc<Self>> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN | EventFlags::ET)?;
        let thread = AtomicU8::new(AWAKE);
        Ok(Arc::new(Self { epoll, bell, thread, sockets: Mutex::default() }))
    }

    /// Registers a client's socket.
    ///
    /// # Errors
    /// The system cannot watch it.
    pub fn register(self: &Arc<Self>, socket: Stream) -> io::Result<Registration> {
        let state = Arc::new(SocketState::default());
        let number = self.sockets().insert(state.clone());
        // From here on the number is given back by `Registration`.
        let registration = Registration { socket, state, number, readiness: self.clone() };
        let wanted = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, &registration.socket, EventData::new_u64(number as u64), wanted)?;
        Ok(registration)
    }

    /// Runs a future on this thread, of which there is to be one only; it sleeps here when there is nothing to do, and
    /// calls `before_sleep` each time before it does.
    ///
    /// # Errors
    /// The epoll instance failed.
    pub fn block_on<T>(
        self: &Arc<Self>,
        future: impl Future<Output = T>,
        mut before_sleep: impl FnMut(),
    ) -> io::Result<T> {
        let waker = Waker::from(self.clone());
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            before_sleep();
            self.sleep()?;
        }
    }

    /// Waits for events or the bell, and takes them; does not wait if the bell was rung already.
    ///
    /// Where clients share the processors with the server, they may be in the middle of sending: a thread that was woken
    /// for a few events yields its processor once, and takes what came meanwhile along. So it is woken less often.
    fn sleep(&self) -> io::Result<()> {
        let is_quiet = self.thread.compare_exchange(AWAKE, ASLEEP, SeqCst, SeqCst).is_ok();
        let taken = self.take(is_quiet);
        self.thread.swap(AWAKE, SeqCst);
        let mut taken = taken?;
        if is_quiet && taken < EVENTS_FEW {
            thread::yield_now();
            taken = self.take(false)?;
        }
        while taken == EVENTS_MAX {
            taken = self.take(false)?;
        }
        Ok(())
    }

    /// Takes the events that are there, up to `EVENTS_MAX`, and says how many there were. If it `waits`, for one at least,
    /// unless a signal comes.
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

    /// Notes an event. One for a socket that is gone meanwhile may wake another, which then finds nothing.
    fn happened(&self, event: &Event) {
        if event.data.u64() == BELL {
            return;
        }
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
    fn sockets(&self) -> MutexGuard<'_, Slab<Arc<SocketState>>> {
        self.sockets.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Wake for Readiness {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.thread.swap(RUNG, SeqCst) == ASLEEP {
            // It can only fail when nobody has heard it 2^64 times.
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }
}

/// A socket that is registered until this is dropped, which closes it. One task uses it.
pub struct Registration {
    /// The socket.
    socket: Stream,
    /// What is known of it.
    state: Arc<SocketState>,
    /// Its number.
    number: usize,
    /// Where it is registered.
    readiness: Arc<Readiness>,
}

impl Registration {
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
