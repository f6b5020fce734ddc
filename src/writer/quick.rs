//! Which jobs take microseconds, whatever the data.

use super::queue::Job;
use crate::submission::{Item, Submission};

/// The most bytes of input of a submission that is quick.
const QUICK_INPUT_BYTES_MAX: usize = 256 << 10;
/// The most keys of a quick `WATCH`.
const QUICK_WATCH_WORDS_MAX: u32 = 64;
/// Bytes that the record of a quick command takes in the log besides its words.
const RECORD_BYTES: usize = 256;
/// The words of a quick command are in its record this often at most.
const WORDS_IN_RECORD: usize = 4;

/// Whether a job can run on a thread that serves connections.
pub(super) fn is_quick(job: &Job) -> bool {
    match job {
        Job::Submission(submission) => {
            submission.input.len() <= QUICK_INPUT_BYTES_MAX && submission.items.iter().all(is_quick_item)
        }
        Job::Publish { .. } | Job::Unblock { .. } => true,
        Job::Checkpoint { .. } | Job::Tick | Job::Shutdown { .. } => false,
    }
}

/// Whether an item takes microseconds.
fn is_quick_item(item: &Item) -> bool {
    match item {
        Item::Execute { spec, spans, .. } => spec.is_quick(*spans as usize),
        Item::Watch { spans, .. } => *spans <= QUICK_WATCH_WORDS_MAX,
        Item::Transaction(_) | Item::Store { .. } => false,
        Item::KnownReply(_) | Item::Purge { .. } => true,
    }
}

/// The most bytes that a quick job adds to the log.
pub(super) fn log_bytes(job: &Job) -> usize {
    match job {
        Job::Submission(submission) => {
            let Submission { input, items, .. } = &**submission;
            input.len() * WORDS_IN_RECORD + items.len() * RECORD_BYTES
        }
        _ => 0,
    }
}
