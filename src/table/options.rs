//! How a table is created or opened.

use std::hash::{BuildHasher, RandomState};

use super::map::FILE_BYTES_MAX_DEFAULT;

/// How a table is created or opened.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Maximum size of the file. The size of its mapping is a limit too.
    pub file_bytes_max: u64,
    /// Pages that only deletes and checkpoints may take, so that they work when the table is full.
    pub headroom_pages: u64,
    /// Minimum number of pages that stay free, and minimum number that are cut off the file at a time.
    pub slack_pages: u64,
    /// Identity of the data set. Used at creation only.
    pub instance_id: u64,
    /// Source of salts and of skipped generations. The same seed gives the same file.
    pub seed: u64,
}

impl Default for TableOptions {
    fn default() -> TableOptions {
        TableOptions {
            file_bytes_max: FILE_BYTES_MAX_DEFAULT,
            headroom_pages: 256,
            slack_pages: 1024,
            instance_id: 0,
            seed: RandomState::new().hash_one("table"),
        }
    }
}
