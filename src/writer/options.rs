//! Limits of the writer's work.

use crate::executor::ExecutorOptions;

/// Limits of the writer's work.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// A group takes no further commands when it holds this many bytes.
    pub group_bytes_max: usize,
    /// Limits of what is executed.
    pub executor: ExecutorOptions,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { group_bytes_max: 1 << 20, executor: ExecutorOptions::default() }
    }
}
