//! The encoding of one entry of a stream: its fields and values.
//!
//! ```text
//! entry = tag u8 | words, or their length u64 LE if they are in pieces
//! words = (length varint, bytes) *: field, value ...
//!
//!  tag  01  only values: the fields are those that the stream keeps once, see `stream`
//!       40  in pieces: the words are in the cell's first tree, as the bytes of a long string are
//! ```

use std::borrow::Cow;

use smallvec::SmallVec;

use super::cell::{CellBytes, INLINE_BYTES_MAX, Text};
use super::error::KeyspaceError;
use super::pieces;
use crate::effect::Items;
use crate::table::{Cell, Root, TableWriter, View};

/// Tag flag: the fields are those of the stream.
const ONLY_VALUES: u8 = 0x01;
/// Tag flag: the words are in pieces.
const IN_PIECES: u8 = 0x40;

/// Words that are being collected.
pub(super) type WordBytes = SmallVec<[u8; 128]>;

/// An entry of a stream, read.
pub struct StreamEntry<'a> {
    /// The fields that the stream keeps, if the entry has only values.
    fields: Option<&'a [u8]>,
    /// The other words.
    words: Cow<'a, [u8]>,
}

impl<'a> StreamEntry<'a> {
    /// Reads the cell of an entry of a stream that keeps `fields`.
    pub(super) fn read(view: &View<'_>, fields: &'a [u8], cell: &Cell<'a>) -> Result<Self, KeyspaceError> {
        let (&tag, rest) =
            cell.bytes.split_first().ok_or(KeyspaceError::BadCell("an entry without a tag"))?;
        if tag & !(ONLY_VALUES | IN_PIECES) != 0 {
            return Err(KeyspaceError::BadCell("an entry with an unknown tag"));
        }
        let words = match tag & IN_PIECES {
            0 => Cow::Borrowed(rest),
            _ => Text::in_pieces(rest, &cell.roots)?.to_contiguous(view)?,
        };
        Ok(Self { fields: (tag & ONLY_VALUES != 0).then_some(fields), words })
    }

    /// Number of its fields.
    pub fn len(&self) -> Result<usize, KeyspaceError> {
        let (mut words, mut own) = (Words(self.fields.unwrap_or(&self.words)), 0);
        while words.next()?.is_some() {
            own += 1;
        }
        Ok(if self.fields.is_some() { own } else { own / 2 })
    }

    /// Whether it has no field.
    pub fn is_empty(&self) -> Result<bool, KeyspaceError> {
        Ok(self.len()? == 0)
    }

    /// Calls `see` with the fields and their values.
    pub fn each<E: From<KeyspaceError>>(
        &self,
        mut see: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        const BAD: KeyspaceError = KeyspaceError::BadCell("an entry with a field that has no value");
        let mut words = Words(&self.words);
        if let Some(fields) = self.fields {
            let mut fields = Words(fields);
            while let Some(field) = fields.next()? {
                see(field, words.next()?.ok_or(BAD)?)?;
            }
            return Ok(());
        }
        while let Some(field) = words.next()? {
            see(field, words.next()?.ok_or(BAD)?)?;
        }
        Ok(())
    }
}

/// Words, one after the other. The bytes are not trusted.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// The next word.
    fn next(&mut self) -> Result<Option<&'a [u8]>, KeyspaceError> {
        const CUT: KeyspaceError = KeyspaceError::BadCell("an entry that is cut off");
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut len = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(CUT)?;
            self.0 = rest;
            len |= usize::from(byte & 0x7F).checked_shl(shift).ok_or(CUT)?;
            if byte & 0x80 == 0 {
                let (word, rest) = self.0.split_at_checked(len).ok_or(CUT)?;
                self.0 = rest;
                return Ok(Some(word));
            }
        }
        Err(CUT)
    }
}

/// Adds a word.
fn put_word(word: &[u8], words: &mut WordBytes) {
    let mut len = word.len();
    while len >= 0x80 {
        words.push(len as u8 | 0x80);
        len >>= 7;
    }
    words.push(len as u8);
    words.extend_from_slice(word);
}

/// The fields of an entry as a stream keeps them; `None` if they take more than `bytes_max` bytes.
pub(super) fn fields_of(entry: Items<'_>, bytes_max: usize) -> Option<WordBytes> {
    let mut words = WordBytes::new();
    for (field, _) in entry.pairs() {
        if words.len() + field.len() > bytes_max {
            return None;
        }
        put_word(field, &mut words);
    }
    (words.len() <= bytes_max).then_some(words)
}

/// The cell of a new entry of a stream that keeps `fields`, and the tree of its pieces if it needs one.
pub(super) fn new(
    table: &mut TableWriter,
    fields: &[u8],
    entry: Items<'_>,
) -> Result<(WordBytes, Option<Root>), KeyspaceError> {
    let mut kept = Words(fields);
    let mut same = !fields.is_empty();
    for (field, _) in entry.pairs() {
        same = same && kept.next()? == Some(field);
    }
    let only_values = same && kept.next()?.is_none();
    let mut words = WordBytes::new();
    let words: &[u8] = if only_values {
        entry.pairs().for_each(|(_, value)| put_word(value, &mut words));
        &words
    } else {
        entry.encoded()
    };
    let tag = if only_values { ONLY_VALUES } else { 0 };
    if words.len() <= INLINE_BYTES_MAX {
        let mut cell = WordBytes::from_slice(&[tag]);
        cell.extend_from_slice(words);
        return Ok((cell, None));
    }
    let head = CellBytes::new(tag | IN_PIECES, None, &[]).with_length(words.len() as u64);
    let pieces = pieces::new(table, words)?;
    Ok((WordBytes::from_slice(head.pieces()[0]), Some(pieces)))
}
