//! Commands on strings.

use std::io::{self, Write};

use ackd::effect::StringChange;

use super::held::HeldBack;
use super::words::{command, number};

pub(super) fn print(
    held: &mut HeldBack,
    out: &mut dyn Write,
    (db, key): (usize, &[u8]),
    change: &StringChange<'_>,
) -> io::Result<()> {
    match *change {
        StringChange::Set { value, expire_at_ms, .. } => {
            held.drop_key(db, key);
            match held.if_far(db, key, expire_at_ms) {
                Some(expiry) => command(out, &[b"SET", key, value, b"PXAT", number(expiry).as_bytes()]),
                None => command(out, &[b"SET", key, value]),
            }
        }
        StringChange::Append { value } => command(out, &[b"APPEND", key, value]),
        StringChange::SetRange { offset, value } => {
            command(out, &[b"SETRANGE", key, number(offset).as_bytes(), value])
        }
        // Only drafts are made like this, and those are held back.
        StringChange::Combine { .. } => Ok(()),
    }
}
