//! Commands on sets.

use std::io::{self, Write};

use ackd::effect::SetChange;

use super::words::items;

pub(super) fn print(out: &mut dyn Write, key: &[u8], change: &SetChange<'_>) -> io::Result<()> {
    match *change {
        SetChange::Add { members } => items(out, &[b"SADD", key], members),
        SetChange::Remove { members } => items(out, &[b"SREM", key], members),
    }
}
