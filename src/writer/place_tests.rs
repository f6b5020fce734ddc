//! Which thread runs the writer: a task of the tests in place of the writer, and real threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::place::{Place, Progress, Steps};
use crate::committer::WriterError;
use crate::table::TableError;

/// Long enough for a woken thread to run.
const SOON: Duration = Duration::from_millis(50);

/// What a step is told to return.
type Next = Result<Progress, WriterError>;

/// Steps that return what the test says, or [`Progress::Idle`], and report whether they may wait and on which thread.
struct Told {
    next: Receiver<Next>,
    steps: Sender<(bool, bool)>,
}

impl Steps for Told {
    fn step(&mut self, may_wait: bool) -> Next {
        let is_own = thread::current().name() == Some("own");
        self.steps.send((may_wait, is_own)).unwrap();
        self.next.try_recv().unwrap_or(Ok(Progress::Idle))
    }
}

/// A place with such a task, and its own thread.
struct Served {
    place: Arc<Place>,
    own: JoinHandle<Result<(), WriterError>>,
    next: Sender<Next>,
    steps: Receiver<(bool, bool)>,
    is_rung: Arc<AtomicBool>,
}

/// A step of the own thread, which may wait.
const OWN: (bool, bool) = (true, true);
/// A step of a thread that serves connections, which may not.
const HOST: (bool, bool) = (false, false);

impl Served {
    /// So many threads serve connections, of which the test's is one.
    fn new(hosts: usize) -> Self {
        let place = Arc::new(Place::new());
        let ((next, told), (report, steps)) = (channel(), channel());
        let served = place.clone();
        let task = Box::new(Told { next: told, steps: report });
        let own = thread::Builder::new().name("own".into()).spawn(move || served.serve(task)).unwrap();
        let is_rung = Arc::new(AtomicBool::new(false));
        let rung = is_rung.clone();
        place.begin_hosting(hosts, move || rung.store(true, SeqCst));
        let served = Self { place, own, next, steps, is_rung };
        served.expect(OWN);
        served.rest();
        served
    }

    /// The next step is `step`.
    fn expect(&self, step: (bool, bool)) {
        assert_eq!(self.steps.recv_timeout(Duration::from_secs(10)), Ok(step));
    }

    /// There is no step until somebody wakes the writer.
    fn rest(&self) {
        assert!(self.steps.recv_timeout(SOON).is_err());
    }

    /// Ends the task.
    fn end(self) {
        self.next.send(Ok(Progress::Ended)).unwrap();
        self.place.call();
        assert!(self.own.join().unwrap().is_ok());
    }
}

#[test]
fn one_thread_that_serves_connections_runs_the_writer_before_it_sleeps() {
    let served = Served::new(1);
    served.place.submitted(1);
    served.place.submitted(2);
    assert!(served.is_rung.load(SeqCst), "it may sleep");
    served.rest();
    assert!(served.place.is_waiting());
    assert!(served.place.run_or_call());
    served.expect(HOST);
    assert!(!served.place.run_or_call(), "there is nothing to do");
    served.place.notify();
    assert!(served.place.run_or_call());
    served.expect(HOST);
    served.end();
}

#[test]
fn the_own_thread_is_called_for_many_commands_and_before_what_takes_time() {
    let served = Served::new(1);
    served.place.submitted(1000);
    served.expect(OWN);
    served.rest();
    assert!(!served.place.run_or_call());
    served.place.submitted(1);
    served.place.hand_over();
    served.expect(OWN);
    served.rest();
    served.place.hand_over();
    served.rest();
    served.end();
}

#[test]
fn a_run_that_needs_the_own_thread_or_lasts_too_long_goes_on_there() {
    let served = Served::new(1);
    served.next.send(Ok(Progress::NeedsThread)).unwrap();
    served.place.submitted(1);
    assert!(served.place.run_or_call());
    served.expect(HOST);
    served.expect(OWN);
    served.rest();
    (0..4).for_each(|_| served.next.send(Ok(Progress::More)).unwrap());
    served.place.submitted(1);
    assert!(served.place.run_or_call());
    (0..4).for_each(|_| served.expect(HOST));
    served.expect(OWN);
    served.end();
}

#[test]
fn several_threads_call_the_own_thread_once_for_what_they_submitted() {
    let served = Served::new(2);
    served.place.submitted(1);
    served.place.submitted(15);
    served.rest();
    assert!(!served.is_rung.load(SeqCst), "those that submit look before they sleep");
    assert!(!served.place.run_or_call());
    served.expect(OWN);
    served.rest();
    served.place.submitted(16);
    served.expect(OWN);
    served.place.notify();
    served.expect(OWN);
    served.end();
}

#[test]
fn without_threads_that_serve_connections_the_own_thread_is_called_at_once() {
    let served = Served::new(1);
    served.place.submitted(1);
    served.place.end_hosting();
    served.expect(OWN);
    served.rest();
    served.place.submitted(1);
    served.expect(OWN);
    served.end();
}

#[test]
fn an_error_ends_the_own_thread_wherever_it_was_met() {
    for on_host in [true, false] {
        let served = Served::new(1);
        served.next.send(Err(TableError::Faulted.into())).unwrap();
        if on_host {
            served.place.submitted(1);
            assert!(served.place.run_or_call());
            served.expect(HOST);
        } else {
            served.place.call();
            served.expect(OWN);
        }
        assert!(matches!(served.own.join().unwrap(), Err(WriterError::Table(TableError::Faulted))));
        served.place.submitted(1);
        assert!(!served.place.is_waiting() && !served.place.run_or_call(), "there is no writer any more");
    }
}
