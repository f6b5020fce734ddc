//! Text for changes of whole databases.

use std::io::{self, Write};

use ackd::effect::DatabaseChange;

/// The other database of a swap.
pub(super) fn target(out: &mut dyn Write, change: &DatabaseChange) -> io::Result<()> {
    match change {
        DatabaseChange::Swap { b, .. } => write!(out, "  <-> db{b}"),
        DatabaseChange::Flush { .. } | DatabaseChange::FlushAll => Ok(()),
    }
}
