//! Takes jobs from the queue ahead of their execution, so that the leaves of their keys are prefetched.

use std::collections::VecDeque;

use super::queue::{Job, WriterInbox};
use crate::executor::Executor;

/// Jobs taken ahead of their execution.
const TAKEN_MAX: usize = 16;

/// Commands taken ahead, unless one job has more. Their leaves must stay in the processor's cache until they run.
const TAKEN_ITEMS_MAX: usize = 16;

/// The queue, and the jobs that were taken from it and have not run yet.
pub(super) struct Intake {
    /// The queue.
    inbox: WriterInbox,
    /// The jobs taken.
    taken: VecDeque<Job>,
}

impl Intake {
    /// An intake that has taken nothing.
    pub fn new(inbox: WriterInbox) -> Self {
        Self { inbox, taken: VecDeque::new() }
    }

    /// The next of the taken jobs, if it `fits`. The cells of the keys of the one after it are prefetched.
    pub fn next_if(&mut self, executor: &mut Executor, fits: impl FnOnce(&Job) -> bool) -> Option<Job> {
        if !fits(self.taken.front()?) {
            return None;
        }
        let job = self.taken.pop_front();
        if let Some(Job::Submission(after)) = self.taken.front() {
            executor.prefetch_cells(after);
        }
        job
    }

    /// Takes a job from the queue, if none is taken.
    pub fn take_first(&mut self) {
        if self.taken.is_empty() {
            self.taken.extend(self.inbox.try_recv());
        }
    }

    /// Takes some jobs from the queue, and prefetches the leaves of their keys.
    pub fn take_ahead(&mut self, executor: &mut Executor) {
        let mut items: usize = self.taken.iter().map(items).sum();
        while self.taken.len() < TAKEN_MAX && items < TAKEN_ITEMS_MAX {
            let Some(job) = self.inbox.try_recv() else { return };
            if let Job::Submission(submission) = &job {
                executor.prefetch(submission);
            }
            items += self::items(&job);
            self.taken.push_back(job);
        }
    }

    /// Number of waiting jobs, taken or not.
    pub fn len(&self) -> usize {
        self.taken.len() + self.inbox.len()
    }

    /// Whether there are no taken jobs.
    pub fn has_taken_none(&self) -> bool {
        self.taken.is_empty()
    }

    /// Whether no job waits, taken or not.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.inbox.is_empty()
    }

    /// Whether the queue is empty.
    pub fn is_inbox_empty(&self) -> bool {
        self.inbox.is_empty()
    }

    /// Frees the memory that is kept for later.
    pub fn let_go(&mut self) {
        self.taken.shrink_to_fit();
    }
}

/// Number of items of a job.
fn items(job: &Job) -> usize {
    match job {
        Job::Submission(submission) => submission.items.len(),
        _ => 0,
    }
}
