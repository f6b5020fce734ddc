//! What was taken from the queue ahead of its execution, so that the leaves of its keys can be fetched meanwhile.

use std::collections::VecDeque;

use super::queue::{Job, WriterInbox};
use crate::executor::Executor;

/// Jobs taken ahead of their execution.
const TAKEN_MAX: usize = 16;

/// Commands taken ahead, unless one job holds more: their leaves are to stay in the processor's cache until then.
const TAKEN_ITEMS_MAX: usize = 16;

/// The queue, and what was taken from it and not dealt with yet.
pub(super) struct Intake {
    /// Where commands come from.
    inbox: WriterInbox,
    /// What was taken.
    taken: VecDeque<Job>,
}

impl Intake {
    /// Nothing was taken.
    pub fn new(inbox: WriterInbox) -> Self {
        Self { inbox, taken: VecDeque::new() }
    }

    /// Waits until there is a job; `false` when there never will be.
    pub async fn wait(&mut self) -> bool {
        if self.taken.is_empty() {
            let Some(job) = self.inbox.recv().await else { return false };
            self.taken.push_back(job);
        }
        true
    }

    /// The next of the jobs that were taken.
    pub fn next(&mut self) -> Option<Job> {
        self.taken.pop_front()
    }

    /// Takes some of the jobs that wait, and has the leaves of their keys fetched while others are executed.
    pub fn take_ahead(&mut self, executor: &Executor) {
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

    /// Number of jobs that wait, taken or not.
    pub fn len(&self) -> usize {
        self.taken.len() + self.inbox.len()
    }

    /// Whether all that was taken is dealt with.
    pub fn has_taken_none(&self) -> bool {
        self.taken.is_empty()
    }

    /// Whether all that came was taken.
    pub fn is_inbox_empty(&self) -> bool {
        self.inbox.is_empty()
    }

    /// Frees the memory that is kept for later.
    pub fn let_go(&mut self) {
        self.taken.shrink_to_fit();
    }
}

/// Number of things that a job asks to be answered.
fn items(job: &Job) -> usize {
    match job {
        Job::Submission(submission) => submission.items.len(),
        _ => 0,
    }
}
