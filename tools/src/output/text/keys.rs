//! Text for changes of keys.

use std::io::{self, Write};

use ackd::effect::KeyChange;

use super::Text;

/// Where the value goes.
pub(super) fn target(text: &Text, out: &mut dyn Write, change: &KeyChange<'_>) -> io::Result<()> {
    match *change {
        KeyChange::Rename { to } => write!(out, "  -> {}", text.key(to)),
        KeyChange::Copy { to_db, to } => write!(out, "  -> db{to_db} {}", text.key(to)),
        KeyChange::Move { to_db } => write!(out, "  -> db{to_db}"),
        KeyChange::Delete { .. } | KeyChange::Expire { .. } => Ok(()),
    }
}
