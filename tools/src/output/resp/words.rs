//! Commands as bytes.

use std::io::{self, Write};

use ackd::effect::Items;

/// Writes one command: an array of bulk strings.
pub(super) fn command(out: &mut dyn Write, words: &[&[u8]]) -> io::Result<()> {
    items(out, words, Items::default())
}

/// Writes one command with items at its end.
pub(super) fn items(out: &mut dyn Write, words: &[&[u8]], items: Items<'_>) -> io::Result<()> {
    write!(out, "*{}\r\n", words.len() as u64 + items.len())?;
    for word in words.iter().copied().chain(items) {
        write!(out, "${}\r\n", word.len())?;
        out.write_all(word)?;
        out.write_all(b"\r\n")?;
    }
    Ok(())
}

/// A number for the protocol. Expiry times beyond its range become its largest number.
pub(super) fn number(value: u64) -> String {
    value.min(i64::MAX as u64).to_string()
}
