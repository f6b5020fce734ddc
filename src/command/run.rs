//! The functions that run commands.

use super::{CommandError, LocalCtx, ReadCtx, WriteCtx};
use crate::resp::{Args, Reply};
use crate::spec::Kind;

/// Runs a local command on the connection's own thread, with the client's state.
pub type LocalFn = fn(&mut LocalCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;
/// Runs a command that only reads, on a snapshot or on the writer's version.
pub type ReadFn = fn(&mut ReadCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;
/// Runs a command that may change data.
pub type WriteFn = fn(&mut WriteCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;

/// The function that runs a command, by the command's [`Kind`].
#[derive(Clone, Copy)]
pub enum Run {
    /// With the client's own state.
    Local(LocalFn),
    /// On a version of the data.
    Read(ReadFn),
    /// On the writer's version, or on a published one that it must not change.
    Write(WriteFn),
    /// The same, but if its words say that it stores nothing, it only reads.
    WriteOrRead {
        /// Runs it in any case.
        write: WriteFn,
        /// Whether it may store something.
        stores: fn(&Args<'_>) -> bool,
        /// Runs it if it stores nothing.
        read: ReadFn,
    },
}

impl Run {
    /// The function that runs a writing command.
    pub(super) fn write(self) -> Option<WriteFn> {
        match self {
            Run::Write(write) | Run::WriteOrRead { write, .. } => Some(write),
            Run::Local(_) | Run::Read(_) => None,
        }
    }

    /// The function that runs a command that only reads.
    pub(super) fn read(self) -> Option<ReadFn> {
        match self {
            Run::Read(read) | Run::WriteOrRead { read, .. } => Some(read),
            Run::Local(_) | Run::Write(_) => None,
        }
    }

    /// Whether a command with these words only reads.
    pub fn only_reads(self, args: &Args<'_>) -> bool {
        match self {
            Run::Read(_) => true,
            Run::WriteOrRead { stores, .. } => !stores(args),
            Run::Local(_) | Run::Write(_) => false,
        }
    }

    /// Whether the function is for commands of this kind.
    pub(super) const fn fits(self, kind: Kind) -> bool {
        matches!(
            (kind, self),
            (Kind::Local, Run::Local(_))
                | (Kind::Read, Run::Read(_))
                | (Kind::Write, Run::Write(_) | Run::WriteOrRead { .. })
        )
    }
}
