//! How the configuration wants the data opened.

use wal::LogOptions;

use crate::config::{Config, WalMethod};
use crate::memory_limit::memory_limit_bytes;
use crate::table::TableOptions;
use crate::writer::{ExecutorOptions, WriterOptions};

/// How a data directory is opened.
pub struct StorageOptions {
    /// The log's segments.
    pub(super) log: LogOptions,
    /// Whether the log goes through the page cache even where it need not.
    pub(super) log_buffered: bool,
    /// The table's file.
    pub(super) table: TableOptions,
    /// The writer's work.
    pub(super) writer: WriterOptions,
    /// Messages that wait for the writer at most.
    pub(super) queue_messages_max: usize,
    /// Bytes of commands that wait for the writer at most.
    pub(super) queue_bytes_max: usize,
}

impl StorageOptions {
    /// How the configuration wants the data opened, with `accept_tail_loss` at the price of a damaged last group.
    pub fn new(config: &Config, accept_tail_loss: bool) -> Self {
        Self {
            log: LogOptions {
                segment_bytes: config.wal_segment_bytes,
                spare_segments: config.wal_spare_segments as usize,
                keep_bytes: config.wal_keep_bytes,
                accept_tail_loss,
                ..LogOptions::default()
            },
            log_buffered: config.wal_method == WalMethod::Buffered,
            table: TableOptions {
                file_bytes_max: config.table_bytes_max,
                instance_id: rand::random(),
                ..TableOptions::default()
            },
            writer: WriterOptions {
                group_bytes_max: usize::try_from(config.group_bytes_max).unwrap_or(usize::MAX),
                executor: ExecutorOptions { redo_bytes_max: redo_bytes_max(), ..ExecutorOptions::default() },
            },
            queue_messages_max: config.queue_commands_max as usize,
            queue_bytes_max: usize::try_from(config.queue_bytes_max).unwrap_or(usize::MAX),
        }
    }
}

/// Bytes of records that are held so that a version need not be frozen: each freeze has its pages copied once more. Enough
/// for all records between two checkpoints of small values, where memory is not short.
fn redo_bytes_max() -> usize {
    usize::try_from(memory_limit_bytes() / 16).unwrap_or(usize::MAX).min(64 << 20)
}
