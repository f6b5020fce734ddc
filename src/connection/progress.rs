//! How far a long command is that is worked out beside the writer.

use std::sync::Arc;

use smol::lock::SemaphoreGuard;

use crate::writer::{Completion, Submission};

/// How far the first command of a submission is.
#[derive(Default)]
pub(super) struct Progress {
    /// Whether it is long: the writer says so.
    pub is_long: bool,
    /// How often it was worked out.
    pub tries: u32,
    /// Held until its result is stored: results may be long.
    pub permit: Option<Arc<SemaphoreGuard<'static>>>,
}

impl Progress {
    /// How far the command is that is the first one after a completion.
    pub fn next(self, completion: &Completion) -> Self {
        let is_long = completion.submission.long_ahead;
        if completion.executed > 0 || !is_long {
            Self { is_long, ..Self::default() }
        } else {
            Self { is_long, ..self }
        }
    }
}

/// What became of a long command.
pub(super) enum Outcome {
    /// It changes nothing, and is answered.
    Answered(Completion),
    /// The writer goes on with it.
    ForWriter(Box<Submission>),
}
