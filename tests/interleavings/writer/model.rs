//! A host that submits, runs the writer and sleeps; the log's thread, which reports that a group landed; and the writer's own
//! thread.

use super::sleep::Sleep;
use super::station::{Ended, Station};
use crate::explore;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// What a job needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// No time: the host may do it.
    Nothing,
    /// The own thread.
    Thread,
}

/// What a thread sleeps on. (loom forgets the `unpark` of a thread that waits for a lock.)
#[derive(Default)]
struct Bell(Mutex<bool>, Condvar);

impl Bell {
    fn ring(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }

    /// Waits until it was rung since the last time.
    fn wait(&self) {
        let mut rung = self.0.lock().unwrap();
        while !*rung {
            rung = self.1.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// Jobs, and the threads that see to them.
struct Server {
    station: Station,
    sleep: Sleep,
    /// Where the host sleeps.
    host: Bell,
    /// Where the own thread sleeps.
    own: Bell,
    /// The writer: how many jobs it did. One thread at a time has it.
    writer: Mutex<u64>,
    /// Jobs that the host may do.
    quick: AtomicU64,
    /// Jobs for the own thread.
    slow: AtomicU64,
    /// Jobs that are done and answered.
    done: AtomicU64,
    /// Whether all threads are to end.
    is_over: AtomicBool,
}

impl Server {
    fn new() -> Arc<Self> {
        let server = Self {
            station: Station::vacant(),
            sleep: Sleep::new(),
            host: Bell::default(),
            own: Bell::default(),
            writer: Mutex::new(0),
            quick: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            done: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        };
        server.station.open();
        assert!(server.station.begin_called() && server.station.end_called(), "the own thread runs it first");
        Arc::new(server)
    }

    /// A job came that the host may do, as in `place`.
    fn wake(&self) {
        self.quick.fetch_add(1, Ordering::AcqRel);
        if self.station.wake() && self.sleep.ring_if_asleep() {
            self.host.ring();
        }
    }

    /// A job came for the own thread.
    fn call(&self) {
        self.slow.fetch_add(1, Ordering::AcqRel);
        if self.station.call() {
            self.own.ring();
        }
    }

    /// Does all jobs that may be done. Returns what the others need.
    fn step(&self, may_wait: bool) -> Needs {
        let quick = self.quick.swap(0, Ordering::AcqRel);
        let slow = if may_wait { self.slow.swap(0, Ordering::AcqRel) } else { 0 };
        *self.writer.try_lock().expect("no other thread runs the writer") += quick + slow;
        if quick + slow > 0 {
            self.done.fetch_add(quick + slow, Ordering::AcqRel);
            // The task that waits for the reply.
            if self.sleep.ring() {
                self.host.ring();
            }
        }
        let is_left = !may_wait && self.slow.load(Ordering::Acquire) > 0;
        if is_left { Needs::Thread } else { Needs::Nothing }
    }

    /// The host runs the writer, as in `place`.
    fn run(&self) {
        if !self.station.begin() {
            return;
        }
        loop {
            if self.step(false) == Needs::Thread {
                self.station.hand_over();
                return self.own.ring();
            }
            match self.station.end() {
                Ended::Rests => return,
                Ended::Continues => {}
                Ended::Called => return self.own.ring(),
            }
        }
    }

    /// The host's loop, as in `net::readiness`, until `jobs` are answered.
    fn run_host(&self, jobs: u64) {
        loop {
            self.sleep.wake_up();
            if self.done.load(Ordering::Acquire) == jobs {
                break;
            }
            self.run();
            if self.sleep.fall_asleep() && !self.station.is_waiting() {
                self.host.wait();
            }
            self.sleep.stir();
        }
        self.is_over.store(true, Ordering::Release);
        self.own.ring();
    }

    /// The own thread's loop, as in `place`.
    fn run_own(&self) {
        while !self.is_over.load(Ordering::Acquire) {
            if !self.station.begin_called() {
                self.own.wait();
                continue;
            }
            loop {
                assert!(self.step(true) == Needs::Nothing);
                if self.station.end_called() {
                    break;
                }
            }
        }
        self.station.close();
        assert!(!self.station.wake() && !self.station.call(), "there is nobody to be woken");
    }
}

/// Starts the own thread.
fn own_thread(server: &Arc<Server>) -> thread::JoinHandle<()> {
    let server = server.clone();
    thread::spawn(move || server.run_own())
}

/// A group lands while the host submits, runs the writer, or falls asleep; nobody else is there.
#[test]
fn a_landing_is_noticed_by_the_host() {
    let runs = explore("landing", || {
        let server = Server::new();
        let log = server.clone();
        let log = thread::spawn(move || log.wake());
        server.wake();
        server.run_host(2);
        log.join().expect("the log's thread goes on");
        assert_eq!(*server.writer.lock().unwrap(), 2);
    });
    assert!(runs > 10);
}

/// The same, but nobody looks after the group for so long that the log's thread calls the own thread.
#[test]
fn a_landing_that_nobody_looks_after_is_for_the_own_thread() {
    let runs = explore("watchdog", || {
        let server = Server::new();
        let own = own_thread(&server);
        let log = server.clone();
        let log = thread::spawn(move || {
            log.wake();
            if log.station.call_if_waiting() {
                log.own.ring();
            }
        });
        server.run_host(1);
        log.join().expect("the log's thread goes on");
        own.join().expect("the own thread goes on");
        assert_eq!(*server.writer.lock().unwrap(), 1);
    });
    assert!(runs > 100);
}

/// The own thread is called while the host runs the writer, and the host wakes it while the own thread does.
#[test]
fn what_takes_time_is_for_the_own_thread() {
    let runs = explore("call", || {
        let server = Server::new();
        let own = own_thread(&server);
        let other = server.clone();
        let other = thread::spawn(move || other.call());
        server.wake();
        server.run_host(2);
        other.join().expect("the other thread goes on");
        own.join().expect("the own thread goes on");
        assert_eq!(*server.writer.lock().unwrap(), 2);
    });
    assert!(runs > 100);
}
