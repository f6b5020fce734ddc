//! Changing strings: set, append, and write at an offset.

use std::ops::Range;

use smallvec::SmallVec;

use super::cell::{self, INLINE_BYTES_MAX, Text};
use super::combine::{COMBINED_BYTES, combine};
use super::error::KeyspaceError;
use super::lookup::lookup;
use super::pieces;
use super::put::{Expiries, Old, overwrite, put};
use crate::effect::{Bits, Items, StringChange, VALUE_BYTES_MAX};
use crate::table::{Root, TableWriter};

/// Makes the change.
pub(super) fn apply(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    change: &StringChange<'_>,
) -> Result<(), KeyspaceError> {
    match *change {
        StringChange::Set { value, expire_at_ms, raw } => set(table, place, value, expire_at_ms, raw),
        StringChange::Append { value } => append(table, place, value),
        StringChange::SetRange { offset, value } => set_range(table, place, offset, value, change.name()),
        StringChange::Combine { bits, from_db, sources, offset, count } => {
            let sources = Sources { bits, db: from_db, keys: sources };
            add_combined(table, place, &sources, offset..offset + count)
        }
    }
}

/// Sets `key` to the string `value`, in place of its old value.
fn set(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    value: &[u8],
    expire_at_ms: Option<u64>,
    raw: bool,
) -> Result<(), KeyspaceError> {
    let expiries = Expiries { key: expire_at_ms, first_field: None };
    if value.len() <= INLINE_BYTES_MAX {
        let cell = cell::short(expire_at_ms, raw, value);
        return overwrite(table, (db, key), cell.pieces(), expiries);
    }
    let old = Old::of(table, db, key)?;
    let pieces = pieces::new(table, value)?;
    let cell = cell::in_pieces(expire_at_ms, raw, value.len() as u64);
    put(table, (db, key), (cell.pieces(), &[pieces]), old, expiries)
}

/// Adds `value` to the end of a string.
fn append(table: &mut TableWriter, (db, key): (usize, &[u8]), value: &[u8]) -> Result<(), KeyspaceError> {
    match string(table, db, key, "append")? {
        None => set(table, (db, key), value, None, false),
        Some((_, text)) => set_range(table, (db, key), text.len(), value, "append"),
    }
}

/// Strings that are combined.
struct Sources<'a> {
    /// Which bits are set.
    bits: Bits,
    /// Their database.
    db: usize,
    /// Their keys.
    keys: Items<'a>,
}

/// Adds a combination of parts of other strings to the end of a string, block by block.
fn add_combined(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    sources: &Sources<'_>,
    part: Range<u64>,
) -> Result<(), KeyspaceError> {
    let misfit = |reason| KeyspaceError::Mismatch { effect: "combine", reason };
    if sources.db == place.0 && sources.keys.iter().any(|key| key == place.1) {
        return Err(misfit("it adds a string to itself"));
    }
    let (mut at, mut block) = (part.start, Vec::with_capacity(COMBINED_BYTES));
    while at < part.end {
        let end = part.end.min(at + COMBINED_BYTES as u64);
        block.clear();
        {
            let view = table.view();
            let mut texts: SmallVec<[Text<'_>; 4]> = SmallVec::new();
            for key in sources.keys {
                texts.push(match lookup(&view, sources.db, key)? {
                    Some(value) => value.text()?.ok_or(misfit("a source holds no string"))?,
                    None => Text::Short(&[]),
                });
            }
            combine(sources.bits, &view, &texts, (at, end), &mut block)?;
        }
        append(table, place, &block)?;
        at = end;
    }
    Ok(())
}

/// Writes `value` to `offset` of a string.
fn set_range(
    table: &mut TableWriter,
    (db, key): (usize, &[u8]),
    offset: u64,
    value: &[u8],
    effect: &'static str,
) -> Result<(), KeyspaceError> {
    let (expire_at_ms, old) = string(table, db, key, effect)?.unwrap_or((None, OldText::Short(Vec::new())));
    let expiries = Expiries { key: expire_at_ms, first_field: None };
    let len = old.len().max(offset.saturating_add(value.len() as u64));
    if len > VALUE_BYTES_MAX {
        return Err(KeyspaceError::Mismatch { effect, reason: "its string grows too long" });
    }
    let mut pieces = match old {
        OldText::Short(mut bytes) if len <= INLINE_BYTES_MAX as u64 => {
            bytes.resize(len as usize, 0);
            bytes[offset as usize..][..value.len()].copy_from_slice(value);
            let cell = cell::short(expire_at_ms, true, &bytes);
            return put(table, (db, key), (cell.pieces(), &[]), Old::kept(expiries), expiries);
        }
        OldText::Short(bytes) => pieces::new(table, &bytes)?,
        OldText::InPieces { root, .. } => root,
    };
    pieces::write(table, &mut pieces, offset, value)?;
    let cell = cell::in_pieces(expire_at_ms, true, len);
    put(table, (db, key), (cell.pieces(), &[pieces]), Old::kept(expiries), expiries)
}

/// An owned copy of a string, so that the table can be changed while it is used.
enum OldText {
    /// The bytes.
    Short(Vec<u8>),
    /// The tree that holds them.
    InPieces {
        /// Length, in bytes.
        len: u64,
        /// The pieces.
        root: Root,
    },
}

impl OldText {
    /// Length, in bytes.
    fn len(&self) -> u64 {
        match self {
            OldText::Short(bytes) => bytes.len() as u64,
            OldText::InPieces { len, .. } => *len,
        }
    }
}

/// Expiry and bytes of the string at `key`, or `None` if the key does not exist.
fn string(
    table: &TableWriter,
    db: usize,
    key: &[u8],
    effect: &'static str,
) -> Result<Option<(Option<u64>, OldText)>, KeyspaceError> {
    let view = table.view();
    let Some(value) = lookup(&view, db, key)? else {
        return Ok(None);
    };
    let text = match value.text()? {
        Some(Text::Short(bytes)) => OldText::Short(bytes.to_vec()),
        Some(Text::InPieces { len, root }) => OldText::InPieces { len, root },
        None => return Err(KeyspaceError::Mismatch { effect, reason: "its key holds no string" }),
    };
    Ok(Some((value.expire_at_ms, text)))
}
