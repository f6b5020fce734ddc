//! How a command ended, and who caused its effects.

use crate::command::Wait;

/// The command ID of records that no client's command caused.
pub(super) const NO_COMMAND: u16 = 0;
/// The client of effects that no client caused.
pub(super) const NO_CLIENT: Option<u64> = None;

/// How a command ended.
pub(super) enum Outcome {
    /// With a reply.
    Replied {
        /// Whether that is an error.
        failed: bool,
    },
    /// It waits for data, and did nothing.
    Waits(Wait),
    /// It only reads, and takes long: it must not run here.
    TakesLong,
}

/// There was no space for a command's changes, or its reply would be too long. Its changes are undone. Holds the error
/// reply.
pub(super) struct Refused(pub String);
