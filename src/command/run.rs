//! What runs a command.

use super::{CommandError, LocalCtx, ReadCtx, WriteCtx};
use crate::resp::{Args, Reply};
use crate::spec::Kind;

/// A command on the connection's own thread, with the client's state.
pub type LocalFn = fn(&mut LocalCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;
/// A command that only reads, from a snapshot or from the writer's version.
pub type ReadFn = fn(&mut ReadCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;
/// A command that may change data, on the writer.
pub type WriteFn = fn(&mut WriteCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;

/// What runs a command, by its [`Kind`].
#[derive(Clone, Copy)]
pub enum Run {
    /// With the client's own state.
    Local(LocalFn),
    /// On a version of the data.
    Read(ReadFn),
    /// On the writer's version, or on one that is not changed.
    Write(WriteFn),
}

impl Run {
    /// Whether it runs commands of this kind.
    pub(super) const fn fits(self, kind: Kind) -> bool {
        matches!(
            (kind, self),
            (Kind::Local, Run::Local(_)) | (Kind::Read, Run::Read(_)) | (Kind::Write, Run::Write(_))
        )
    }
}
