//! Limits of the executor's work.

/// Limits of the executor's work.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// Replies to one submission grow to about this many bytes; the rest of the submission must be submitted again.
    pub output_bytes_max: usize,
    /// The most expired keys that active expiry deletes in one group.
    pub expire_keys_max: usize,
    /// The most pages of dropped trees that one group frees.
    pub reclaim_pages_max: usize,
    /// Log bytes that only commands which free space may use.
    pub log_reserve_bytes: u64,
    /// Table pages that only commands which free space may use: some hundred deletes, and a checkpoint's own pages.
    pub table_reserve_pages: u64,
    /// Bytes of records after which a version is frozen although nobody reads it. Until then they are kept in memory.
    pub redo_bytes_max: usize,
    /// The most bytes of the record of one transaction.
    pub transaction_log_bytes_max: u64,
}

impl Default for ExecutorOptions {
    fn default() -> Self {
        Self {
            output_bytes_max: 1 << 20,
            expire_keys_max: 200,
            reclaim_pages_max: 256,
            log_reserve_bytes: 256 << 10,
            table_reserve_pages: 1024,
            redo_bytes_max: 16 << 20,
            transaction_log_bytes_max: 512 << 20,
        }
    }
}
