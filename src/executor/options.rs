//! Limits of the executor's work.

/// Limits of the executor's work.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// Replies to one submission grow to about this many bytes; what is left of it then is answered in the next turn.
    pub output_bytes_max: usize,
    /// Expired keys that one group deletes by itself at most.
    pub expire_keys_max: usize,
    /// Pages of cut-off trees that one group frees at most.
    pub reclaim_pages_max: usize,
    /// Log bytes that only commands which free space may use.
    pub log_reserve_bytes: u64,
    /// Table pages that only commands which free space may use: some hundred deletes, and a checkpoint's own pages.
    pub table_reserve_pages: u64,
    /// Bytes of records after which a version is frozen although nobody reads it: they are held in memory until then.
    pub redo_bytes_max: usize,
    /// Whether records say who caused them.
    pub records_origins: bool,
    /// Bytes that the record of one transaction may need at most.
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
            records_origins: true,
            transaction_log_bytes_max: 512 << 20,
        }
    }
}
