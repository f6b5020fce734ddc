//! The functions that run commands.

use super::{CommandError, LocalCtx, ReadCtx, WriteCtx};
use crate::resp::{Args, Reply};
use crate::spec::{Kind, Spec};

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
    /// The same, for a command that only reads with some words, see [`Spec::only_reads`](crate::spec::Spec::only_reads).
    WriteOrRead {
        /// Runs it in any case.
        write: WriteFn,
        /// Runs it if it only reads.
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

    /// Whether the function is for a command with this row.
    pub(super) const fn fits(self, spec: &Spec) -> bool {
        matches!(
            (spec.kind, spec.reading_form, self),
            (Kind::Local, None, Run::Local(_))
                | (Kind::Read, None, Run::Read(_))
                | (Kind::Write, None, Run::Write(_))
                | (Kind::Write, Some(_), Run::WriteOrRead { .. })
        )
    }
}
