//! Text for changes of lists.

use std::io::{self, Write};

use ackd::effect::{End, ListChange};

/// Which elements change.
pub(super) fn target(out: &mut dyn Write, change: &ListChange<'_>) -> io::Result<()> {
    match change {
        ListChange::Push { .. } => Ok(()),
        ListChange::Pop { count, .. } => write!(out, "  {count}"),
        ListChange::Insert { index, before, .. } => {
            write!(out, "  at {index}, {} pivot", if *before { "before" } else { "after" })
        }
        ListChange::Remove { end: End::Head, count, .. } => write!(out, "  first {count}"),
        ListChange::Remove { end: End::Tail, count, .. } => write!(out, "  last {count}"),
        ListChange::Set { index, .. } => write!(out, "  at {index}"),
        ListChange::Trim { index, count } => write!(out, "  keep {count} from {index}"),
    }
}
