//! What a thread that serves connections does between their tasks: it runs the writer, or wakes it, and frees memory.

use super::buffers::Buffers;
use crate::ebb;
use crate::net::Chores;
use crate::writer::WriterQueue;

/// The chores of a thread that serves connections.
pub struct ThreadChores {
    /// The writer.
    writer: WriterQueue,
}

impl ThreadChores {
    /// Chores of a thread whose tasks submit to `writer`.
    pub fn new(writer: WriterQueue) -> Self {
        Self { writer }
    }
}

impl Chores for ThreadChores {
    fn before_sleep(&mut self) {
        self.writer.run_or_call();
        ebb::hear(Buffers::let_go);
    }

    fn are_due(&self) -> bool {
        self.writer.is_waiting()
    }

    fn after_sleep(&mut self) -> bool {
        self.writer.run_or_call()
    }
}
