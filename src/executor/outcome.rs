//! How a command ended, and whose doing it was.

use crate::command::Wait;

/// Id under which the log shows effects that no command of a client caused.
pub(super) const NO_COMMAND: u16 = 0;
/// Whose doing effects are that no client caused.
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
}

/// There was no space for a command's changes, or its reply would be too long: what it changed is taken back. Holds the
/// error reply.
pub(super) struct Refused(pub String);
