//! Text for changes of strings.

use std::io::{self, Write};

use ackd::effect::{Bits, StringChange};

/// Where the bytes go.
pub(super) fn target(out: &mut dyn Write, change: &StringChange<'_>) -> io::Result<()> {
    match change {
        StringChange::SetRange { offset, .. } => write!(out, "  at {offset}"),
        StringChange::Combine { bits, from_db, offset, count, .. } => {
            let bits = match bits {
                Bits::All => "and",
                Bits::Any => "or",
                Bits::Odd => "xor",
                Bits::None => "not",
                Bits::OnlyFirst => "diff",
                Bits::NotFirst => "diff1",
                Bits::FirstAndAnother => "andor",
                Bits::One => "one",
            };
            write!(out, "  {bits} {count} from {offset} of db{from_db}")
        }
        StringChange::Set { .. } | StringChange::Append { .. } => Ok(()),
    }
}
