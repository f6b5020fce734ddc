//! Text for changes of strings.

use std::io::{self, Write};

use ackd::effect::StringChange;

/// Where the bytes go.
pub(super) fn target(out: &mut dyn Write, change: &StringChange<'_>) -> io::Result<()> {
    match change {
        StringChange::SetRange { offset, .. } => write!(out, "  at {offset}"),
        StringChange::Set { .. } | StringChange::Append { .. } => Ok(()),
    }
}
