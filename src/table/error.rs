//! What can go wrong in the table, in its caller's terms.
//!
//! Each kind of failure has its own variant. `Full` changes nothing and may pass, `Corrupt` names the page, `Io` is
//! final (a failed sync is never retried), and the limits on keys and cells are the caller's mistakes.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

/// Why an operation on the table failed.
#[derive(Debug, Error)]
pub enum TableError {
    /// A page does not match the pointer to it in its parent or in the meta. Nothing was read from it.
    #[error("data page {page} of table.ackd is damaged: {reason}")]
    Corrupt {
        /// Number of the bad page in the file.
        page: u64,
        /// What is wrong with it.
        reason: CorruptReason,
    },
    /// Pages became unreadable while they were being read. Nothing read in that time is trusted.
    #[error("data pages of table.ackd became unreadable")]
    Faulted,
    /// The read has visited more pages than its budget allows, or nobody waits for it any more.
    #[error("the read was given up")]
    OverBudget,
    /// Another program cut the file while it was in use.
    #[error("table.ackd has {pages} pages and was cut to {bytes} bytes by somebody else")]
    Cut {
        /// Length of the file now.
        bytes: u64,
        /// Pages that it must have.
        pages: u64,
    },
    /// Another program overwrote the file while it was in use.
    #[error("table.ackd was overwritten by somebody else: restore it, with its log, from one backup")]
    Overwritten,
    /// There is no room for the change; nothing was changed. Reads go on, and so do deletes from the headroom.
    #[error("no space for the table: {needed_bytes} bytes more for {path}: {}", full_reason(source.as_ref()), path = path.display())]
    Full {
        /// The table's file.
        path: PathBuf,
        /// Bytes by which the file would have to grow.
        needed_bytes: u64,
        /// The file system's error, or `None` if the table's own size limit is reached.
        source: Option<io::Error>,
    },
    /// The operating system refused; after a failed sync or write the table must not be used any more.
    #[error("cannot {operation} {path}: {source}")]
    Io {
        /// The operation, as an infinitive.
        operation: &'static str,
        /// The file it was done to.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Another process holds the table's file.
    #[error("{path} is in use by another process")]
    Locked {
        /// The table's file.
        path: PathBuf,
    },
    /// The key is longer than `KEY_BYTES_MAX`.
    #[error("a key of {bytes} bytes is too long for the table")]
    KeyTooLong {
        /// Length of the key.
        bytes: usize,
    },
    /// The cell is larger than `CELL_BYTES_MAX`, or has more than three roots.
    #[error("a cell of {bytes} bytes with {roots} roots is too large for the table")]
    CellTooLarge {
        /// Bytes and encoded roots together.
        bytes: usize,
        /// Number of nested roots.
        roots: usize,
    },
    /// The table has more pages than its mapping may have.
    #[error("table.ackd has {pages} pages of 4096 bytes, and table-max-size allows {pages_max}")]
    TooLong {
        /// Pages of the table.
        pages: u64,
        /// Pages that can be mapped.
        pages_max: u64,
    },
    /// Neither meta page can be used, so the table cannot be opened.
    #[error("no usable meta page: slot 0 {first}; slot 1 {second}")]
    NoMeta {
        /// What is wrong with slot 0.
        first: MetaFault,
        /// What is wrong with slot 1.
        second: MetaFault,
    },
    /// Both meta pages are valid and claim the same checkpoint, or belong to different tables.
    #[error("the two meta pages contradict each other at checkpoint {sequence}")]
    MetasDisagree {
        /// Number of the checkpoint that both claim, or of the newer one.
        sequence: u64,
    },
}

impl TableError {
    /// Whether the file is damaged, as opposed to one that could not be read, written or grown.
    pub fn is_damage(&self) -> bool {
        match self {
            TableError::Corrupt { reason, .. } => *reason != CorruptReason::Unreadable,
            TableError::MetasDisagree { .. } => true,
            // A file of a newer version is intact, only not for this program; and what cannot be read may be intact.
            TableError::NoMeta { first, second } => ![first, second]
                .iter()
                .any(|fault| matches!(fault, MetaFault::Version(_) | MetaFault::Unreadable)),
            _ => false,
        }
    }

    /// A page that fails a check.
    #[cold]
    pub(super) fn corrupt(page: u64, reason: CorruptReason) -> TableError {
        TableError::Corrupt { page, reason }
    }
}

/// Why the file cannot grow.
fn full_reason(source: Option<&io::Error>) -> String {
    source.map_or_else(|| "table-max-size is reached".to_owned(), io::Error::to_string)
}

/// What is wrong with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorruptReason {
    /// The checksum does not fit the bytes.
    Checksum {
        /// The checksum that the page carries.
        stored: u32,
        /// The checksum of its bytes.
        computed: u32,
    },
    /// The page carries the number of another page: a misdirected write.
    PageNumber {
        /// The number that it carries.
        found: u64,
    },
    /// The page is older or newer than its parent's pointer says: a lost or stale write.
    Generation {
        /// What the parent says.
        expected: u64,
        /// What the page says.
        found: u64,
    },
    /// A page of another kind was expected here.
    Kind {
        /// The kind byte that was found.
        found: u8,
    },
    /// The page is at the wrong level of its tree.
    Level {
        /// What the parent says.
        expected: u8,
        /// What the page says.
        found: u8,
    },
    /// The pointer leads past the end of the file.
    OutOfFile {
        /// Number of pages in the file.
        pages: u64,
    },
    /// An offset, a length or a number inside the page does not fit the page.
    Structure(&'static str),
    /// Keys are out of order, inside the page or against the separators above it.
    Order {
        /// Index of the cell that is out of order.
        cell: u16,
    },
    /// The number of keys below the page differs from what its parent says.
    Count {
        /// What the parent says.
        expected: u64,
        /// What was counted.
        found: u64,
    },
    /// The page is in use but the allocation map says that it is free.
    NotAllocated,
    /// The allocation map says that the page is in use but nothing refers to it.
    Leaked,
    /// The page is referred to twice.
    Shared,
    /// The tree is deeper than any tree can be.
    Depth,
    /// The operating system could not read the page.
    Unreadable,
}

impl fmt::Display for CorruptReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use CorruptReason::*;
        match *self {
            Checksum { stored, computed } => {
                write!(out, "checksum {stored:08x} stored, {computed:08x} computed")
            }
            PageNumber { found } => write!(out, "it carries page number {found}"),
            Generation { expected, found } => write!(out, "generation {found} instead of {expected}"),
            Kind { found } => write!(out, "unexpected kind {found}"),
            Level { expected, found } => write!(out, "level {found} instead of {expected}"),
            OutOfFile { pages } => write!(out, "it lies outside the file's {pages} pages"),
            Structure(what) => write!(out, "{what}"),
            Order { cell } => write!(out, "the key of cell {cell} is out of order"),
            Count { expected, found } => write!(out, "{found} keys instead of {expected}"),
            NotAllocated => write!(out, "in use, but free by the allocation map"),
            Leaked => write!(out, "allocated, but nothing refers to it"),
            Shared => write!(out, "referred to more than once"),
            Depth => write!(out, "the tree is too deep"),
            Unreadable => write!(out, "it cannot be read"),
        }
    }
}

/// What is wrong with a meta page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaFault {
    /// The operating system could not read it.
    Unreadable,
    /// The file ends before it.
    OutOfFile,
    /// It was never written: all bytes are zero.
    Blank,
    /// It does not start with the table's magic bytes.
    Magic,
    /// Its checksum does not fit its bytes.
    Checksum,
    /// It was written by another version of the format.
    Version(u32),
    /// Its page size is not the one this program uses.
    PageSize(u32),
    /// It belongs to the other slot, or its numbers contradict each other.
    Inconsistent,
    /// It can be used.
    None,
}

impl fmt::Display for MetaFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            MetaFault::Unreadable => write!(out, "cannot be read"),
            MetaFault::OutOfFile => write!(out, "lies outside the file, which was cut"),
            MetaFault::Blank => write!(out, "was never written"),
            MetaFault::Magic => write!(out, "is not a table's"),
            MetaFault::Checksum => write!(out, "has a wrong checksum"),
            MetaFault::Version(found) => write!(out, "has format version {found}"),
            MetaFault::PageSize(found) => write!(out, "has a page size of {found} bytes"),
            MetaFault::Inconsistent => write!(out, "contradicts itself"),
            MetaFault::None => write!(out, "can be used"),
        }
    }
}

/// Whether an error means that there is no space left, as opposed to a failing device.
pub(super) fn is_full(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let full = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| full.contains(&code))
        || error.kind() == io::ErrorKind::StorageFull
}
