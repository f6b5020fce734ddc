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
}

impl Run {
    /// Whether the function is for commands of this kind.
    pub(super) const fn fits(self, kind: Kind) -> bool {
        matches!(
            (kind, self),
            (Kind::Local, Run::Local(_)) | (Kind::Read, Run::Read(_)) | (Kind::Write, Run::Write(_))
        )
    }
}
