//! Prepares segments ahead of need and recycles old ones, on a thread of its own.
//!
//! A segment is used only after its file holds written zeros (or an earlier use), is synced, and its name is
//! synced in the directory: then appending changes no metadata. A full disk is noticed here and nowhere else.
//!
//! Order of steps, each durable before the next: file as `*.tmp` with zeros, synced > renamed to the segment's
//! name > directory synced > ready. Recycling: an old segment renamed to a new number > directory synced >
//! ready. It keeps its old header until it is taken into use; the header's smaller number says that it is not in
//! use yet.
//!
//! Invariants: `ready` is ascending in sequence, all above the active segment's. Old segments are recycled or
//! removed oldest first, one directory sync each, so no crash leaves a gap in what remains.

mod files;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{LogError, is_full};
use crate::identities::look_at_open;
use crate::options::LogOptions;
use crate::storage::Storage;
pub(crate) use files::write_zeros;

/// Pause between attempts to prepare a segment on a full disk.
const RETRY: Duration = Duration::from_millis(200);
/// If the disk was full less than this ago, that is reported without another attempt.
const FULL_FRESH: Duration = Duration::from_millis(100);

/// A segment ready to be taken into use.
#[derive(Debug)]
pub(crate) struct Prepared<F> {
    /// Number of the segment; it gives the file's name.
    pub sequence: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// The file, open for writing.
    pub file: F,
    /// Whether it holds an earlier use; otherwise it is zero.
    pub recycled: bool,
}

/// A segment whose content is no longer needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retired {
    /// Number of the segment.
    pub sequence: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Whether its unused space is known to be zero: it was prepared and never taken into use.
    pub unused_zeros: bool,
}

/// Prepares segments, by its own thread or on demand.
pub(crate) struct Preparer<S: Storage> {
    shared: Arc<Shared<S>>,
    /// The thread, when there is one.
    thread: Option<JoinHandle<()>>,
}

struct Shared<S: Storage> {
    storage: S,
    /// Length in bytes of an ordinary segment.
    segment_bytes: u64,
    /// Number of segments to keep ready; fewer make it prepare new ones.
    wanted: usize,
    /// Number of segments ready at which old ones are removed instead of recycled.
    wanted_max: usize,
    /// Whether there is a thread that does the work.
    threaded: AtomicBool,
    state: Mutex<State<S::File>>,
    /// Notified at every change of `state`.
    changed: Condvar,
}

struct State<F> {
    /// Segments ready for use, ascending in sequence.
    ready: VecDeque<Prepared<F>>,
    /// Segments to recycle or remove, in the order in which that must happen.
    retired: VecDeque<Retired>,
    /// Number for the next segment file made.
    next_sequence: u64,
    /// Number of the segment in use; files prepared below it have to be renumbered.
    active_sequence: u64,
    /// What stopped the last attempt.
    problem: Option<Problem>,
    /// Callers that wait for a segment: no pause while there are any.
    waiting: usize,
    /// The thread has to end.
    stop: bool,
}

/// The state, locked.
type Locked<'s, S> = MutexGuard<'s, State<<S as Storage>::File>>;

/// How fast a file is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Without pauses: someone waits for the segment.
    Fast,
    /// With pauses, so that the device is free for groups; without pauses once someone waits.
    Gentle,
}

/// Why no segment could be prepared.
#[derive(Debug)]
struct Problem {
    /// File or directory that the failed call was about.
    name: String,
    /// What was being done.
    op: &'static str,
    /// Bytes of space that were needed.
    needed: u64,
    error: io::Error,
    at: Instant,
}

/// One piece of work, chosen under the lock and done outside of it.
enum Task {
    Create { sequence: u64 },
    Recycle { retired: Retired, sequence: u64 },
    Remove { retired: Retired },
}

impl<S: Storage> Preparer<S> {
    /// A preparer whose next new segment has number `next_sequence`; `ready` was prepared before.
    pub fn new(
        storage: S,
        options: &LogOptions,
        ready: VecDeque<Prepared<S::File>>,
        next_sequence: u64,
        active_sequence: u64,
    ) -> Self {
        let state = State {
            ready,
            retired: VecDeque::new(),
            next_sequence,
            active_sequence,
            problem: None,
            waiting: 0,
            stop: false,
        };
        let shared = Shared {
            storage,
            segment_bytes: options.segment_bytes,
            wanted: options.spare_segments,
            wanted_max: options.spare_segments_max.max(options.spare_segments),
            threaded: AtomicBool::new(false),
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        Self { shared: Arc::new(shared), thread: None }
    }

    /// Starts the thread. Without it, [`Preparer::work`] does the same on demand.
    pub fn start_thread(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("wal-prepare".into()).spawn(move || shared.run())?;
        self.shared.threaded.store(true, Ordering::Relaxed);
        self.thread = Some(thread);
        Ok(())
    }

    /// Does all waiting work on this thread if the preparer has no thread.
    pub fn work(&self) {
        if self.thread.is_none() {
            self.shared.work();
        }
    }

    /// Waits until a segment is ready. The error says why none can be prepared now.
    pub fn wait_ready(&self) -> Result<(), LogError> {
        self.work();
        let mut state = self.shared.lock();
        state.waiting += 1;
        let (mut state, result) = self.wait_with(state);
        state.waiting -= 1;
        result
    }

    fn wait_with<'s>(&'s self, mut state: Locked<'s, S>) -> (Locked<'s, S>, Result<(), LogError>) {
        loop {
            if let Err(error) = self.shared.check_final(&state) {
                return (state, Err(error));
            }
            if !state.ready.is_empty() {
                return (state, Ok(()));
            }
            let fresh = |problem: &&Problem| self.thread.is_none() || problem.at.elapsed() < FULL_FRESH;
            if let Some(problem) = state.problem.as_ref().filter(fresh) {
                let error = problem.to_error(&self.shared.storage);
                return (state, Err(error));
            }
            let died = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
            assert!(!died, "the thread that prepares segments died");
            self.shared.changed.notify_all();
            state = self.shared.wait(state, RETRY);
        }
    }

    /// Takes the next ready segment, if any.
    pub fn take(&self) -> Option<Prepared<S::File>> {
        let mut state = self.shared.lock();
        let prepared = state.ready.pop_front()?;
        self.shared.changed.notify_all();
        Some(prepared)
    }

    /// Sets which segment is in use now. Ready segments with smaller numbers get new numbers.
    pub fn activated(&self, sequence: u64) {
        let mut state = self.shared.lock();
        state.active_sequence = sequence;
        while state.ready.front().is_some_and(|prepared| prepared.sequence < sequence) {
            if let Some(prepared) = state.ready.pop_front() {
                state.retire_prepared(&prepared);
            }
        }
        self.shared.changed.notify_all();
    }

    /// Makes a segment of `bytes` immediately, on this thread.
    pub fn make(&self, bytes: u64) -> Result<Prepared<S::File>, LogError> {
        let sequence = self.shared.lock().take_sequence();
        let made = self.shared.create(sequence, bytes, Pace::Fast);
        made.map_err(|problem| problem.to_error(&self.shared.storage))
    }

    /// Passes on segments that are no longer needed, oldest first.
    pub fn retire(&self, segments: impl IntoIterator<Item = Retired>) {
        let mut state = self.shared.lock();
        state.retired.extend(segments);
        self.shared.changed.notify_all();
        drop(state);
        self.work();
    }

    /// Checks that the names of the ready segments refer to their files.
    pub fn look_at_ready(&self) -> Result<(), LogError> {
        let state = self.shared.lock();
        let look = |prepared: &Prepared<S::File>| {
            look_at_open(&self.shared.storage, prepared.sequence, &prepared.file)
        };
        state.ready.iter().try_for_each(look)
    }

    /// The error that ends the log, if one happened here.
    pub fn check(&self) -> Result<(), LogError> {
        self.shared.check_final(&self.shared.lock())
    }

    /// Number of segments ready, and whether the disk was full at the last attempt.
    pub fn status(&self) -> (usize, bool) {
        let state = self.shared.lock();
        (state.ready.len(), state.problem.as_ref().is_some_and(|problem| is_full(&problem.error)))
    }
}

impl<S: Storage> Drop for Preparer<S> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened; the log ends here either way.
            let _ = thread.join();
        }
    }
}

impl<F> State<F> {
    fn take_sequence(&mut self) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }

    fn retire_prepared(&mut self, prepared: &Prepared<F>) {
        let (sequence, bytes) = (prepared.sequence, prepared.bytes);
        self.retired.push_back(Retired { sequence, bytes, unused_zeros: !prepared.recycled });
    }

    /// The next task. Old segments come first, since recycling them may save making a new one.
    fn next_task(&mut self, wanted: usize, wanted_max: usize, segment_bytes: u64) -> Option<Task> {
        if let Some(retired) = self.retired.pop_front() {
            return Some(if self.ready.len() < wanted_max && retired.bytes == segment_bytes {
                Task::Recycle { retired, sequence: self.take_sequence() }
            } else {
                Task::Remove { retired }
            });
        }
        (self.ready.len() < wanted).then(|| Task::Create { sequence: self.take_sequence() })
    }
}

impl<S: Storage> Shared<S> {
    /// [`Pace::Gentle`] on the preparer's own thread.
    fn pace(&self) -> Pace {
        if self.threaded.load(Ordering::Relaxed) { Pace::Gentle } else { Pace::Fast }
    }

    fn lock(&self) -> Locked<'_, S> {
        // No code panics while it holds the lock with the state half changed.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: Locked<'s, S>, time: Duration) -> Locked<'s, S> {
        let waited = self.changed.wait_timeout(state, time);
        waited.unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    fn check_final(&self, state: &State<S::File>) -> Result<(), LogError> {
        match &state.problem {
            Some(problem) if !is_full(&problem.error) => Err(problem.to_error(&self.storage)),
            _ => Ok(()),
        }
    }

    /// The thread's loop: works, then waits for a change, or for the time of the next attempt.
    fn run(&self) {
        loop {
            self.work();
            let mut state = self.lock();
            while !state.stop && !state.has_work(self.wanted) {
                state = self.wait(state, Duration::from_secs(3600));
            }
            let failed = state.problem.is_some();
            let since = Instant::now();
            while failed && !state.stop && state.waiting == 0 && since.elapsed() < RETRY {
                state = self.wait(state, RETRY);
            }
            if state.stop {
                return;
            }
        }
    }

    /// Does tasks until there is none left or one fails.
    fn work(&self) {
        loop {
            let task = {
                let mut state = self.lock();
                if state.stop || self.check_final(&state).is_err() {
                    return;
                }
                let Some(task) = state.next_task(self.wanted, self.wanted_max, self.segment_bytes) else {
                    return;
                };
                task
            };
            let failed = self.run_task(task);
            self.changed.notify_all();
            if failed {
                return;
            }
        }
    }

    /// Does one task and records how it went; returns whether it failed.
    fn run_task(&self, task: Task) -> bool {
        let (done, retired) = match task {
            Task::Create { sequence } => {
                (self.create(sequence, self.segment_bytes, self.pace()).map(Some), None)
            }
            Task::Recycle { retired, sequence } => (self.recycle(retired, sequence).map(Some), Some(retired)),
            Task::Remove { retired } => (self.remove(retired).map(|()| None), Some(retired)),
        };
        let mut state = self.lock();
        match done {
            Ok(prepared) => {
                state.problem = None;
                match prepared {
                    Some(prepared) if prepared.sequence < state.active_sequence => {
                        state.retire_prepared(&prepared);
                    }
                    Some(prepared) => state.ready.push_back(prepared),
                    None => {}
                }
                false
            }
            Err(problem) => {
                // The segment still has its old name here, so the task can be tried again.
                if is_full(&problem.error) {
                    retired.into_iter().for_each(|retired| state.retired.push_front(retired));
                }
                state.problem = Some(problem);
                true
            }
        }
    }
}

impl<F> State<F> {
    fn has_work(&self, wanted: usize) -> bool {
        let ended = self.problem.as_ref().is_some_and(|problem| !is_full(&problem.error));
        !ended && (!self.retired.is_empty() || self.ready.len() < wanted)
    }
}

impl Problem {
    fn new(op: &'static str, name: &str, needed: u64, error: io::Error) -> Self {
        Self { name: name.to_owned(), op, needed, error, at: Instant::now() }
    }

    fn to_error<S: Storage>(&self, storage: &S) -> LogError {
        let path = storage.path(&self.name);
        let source = match self.error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.error.kind(), self.error.to_string()),
        };
        if is_full(&source) {
            LogError::Full { path, needed: self.needed, source }
        } else {
            LogError::Io { op: self.op, path, source }
        }
    }
}
