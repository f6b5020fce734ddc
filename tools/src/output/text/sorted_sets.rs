//! Text for changes of sorted sets.

use std::io::{self, Write};

use ackd::effect::{Ranks, SortedSetChange};

use super::Text;

/// Which elements are copied.
pub(super) fn target(text: &Text, out: &mut dyn Write, change: &SortedSetChange<'_>) -> io::Result<()> {
    let (part, ranks) = match change {
        SortedSetChange::Add { .. } | SortedSetChange::Remove { .. } => return Ok(()),
        SortedSetChange::CopyOrder { part } => (part, None),
        SortedSetChange::CopyMembers { part, ranks } => (part, Some(ranks)),
    };
    write!(out, "  {} from {} of db{} {}", part.count, part.index, part.from_db, text.key(part.from))?;
    match ranks {
        None => Ok(()),
        Some(Ranks { first, behind, within: true }) => write!(out, "  ranks {first}..{behind}"),
        Some(Ranks { first, behind, within: false }) => write!(out, "  but ranks {first}..{behind}"),
    }
}
