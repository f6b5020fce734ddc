//! A note that the table stores for its user next to the metas: a few bytes that are durable as soon as they are
//! written, independent of checkpoints.
//!
//! ```text
//!   0  8  magic "ackdnote"
//!   8  8  number: one more than that of the note before
//!  16  4  length of the text in bytes
//!  20     the text, then zeros
//! 508  4  crc32 of all bytes before it
//! ```
//! All numbers are little-endian. A note is in one sector, [`NOTE_AT`] bytes after the start of page 0 or 1: number n
//! is kept in slot 2 + n mod 2, so a new note never overwrites the newest one. A file without notes has zeros there.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::map::{META_BYTES, NOTE_AT, TableFile, slot_place};
use super::page::PAGE_BYTES;
use super::source::PageSource;

/// Bytes of the longest text.
pub const NOTE_BYTES_MAX: usize = CHECKSUM_AT - TEXT_AT;

/// First bytes of a note.
const MAGIC: [u8; 8] = *b"ackdnote";
/// Offset of the text.
const TEXT_AT: usize = 20;
/// Offset of the checksum.
const CHECKSUM_AT: usize = META_BYTES - 4;
/// The slots of notes; those of metas are 0 and 1.
const SLOTS: [usize; 2] = [2, 3];

const _: () = assert!(NOTE_AT >= META_BYTES && NOTE_AT + META_BYTES <= PAGE_BYTES);

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its number.
    number: u64,
    /// Its text.
    pub text: Vec<u8>,
}

impl Note {
    /// The note as it is written.
    fn encode(&self) -> [u8; META_BYTES] {
        let mut out = [0; META_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..16].copy_from_slice(&self.number.to_le_bytes());
        out[16..20].copy_from_slice(&(self.text.len() as u32).to_le_bytes());
        out[TEXT_AT..][..self.text.len()].copy_from_slice(&self.text);
        let checksum = crc32fast::hash(&out[..CHECKSUM_AT]);
        out[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Decodes a note; `None` if there is none or it is damaged.
    pub fn decode(bytes: &[u8; META_BYTES]) -> Option<Note> {
        let short = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let length = short(16) as usize;
        let is_whole = bytes[..8] == MAGIC
            && short(CHECKSUM_AT) == crc32fast::hash(&bytes[..CHECKSUM_AT])
            && length <= NOTE_BYTES_MAX;
        is_whole.then(|| Note {
            number: u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes")),
            text: bytes[TEXT_AT..][..length].to_vec(),
        })
    }

    /// The newer of two notes.
    pub fn newest(notes: [Option<Note>; 2]) -> Option<Note> {
        notes.into_iter().flatten().max_by_key(|note| note.number)
    }
}

/// The newest note of a file.
pub(super) fn read(file: &dyn TableFile) -> io::Result<Option<Note>> {
    let [first, second] = SLOTS.map(|slot| file.read_meta(slot));
    Ok(Note::newest([Note::decode(&first?), Note::decode(&second?)]))
}

/// The newest note in the file of a table that is not open.
pub fn read_note(source: &(impl PageSource + ?Sized)) -> Option<Note> {
    Note::newest(SLOTS.map(|slot| {
        let (number, at) = slot_place(slot);
        let mut page = [0; PAGE_BYTES];
        source.read_page(number as u64, &mut page).ok()?;
        Note::decode(page[at..].first_chunk().expect("a sector of the page"))
    }))
}

/// The note of an open table.
pub(super) struct Notes(Mutex<Option<Note>>);

impl Notes {
    /// Starts with the newest note that was found in the file.
    pub(super) fn new(found: Option<Note>) -> Self {
        Self(Mutex::new(found))
    }

    /// The text of the newest note.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|note| note.text.clone())
    }

    /// Writes a note to `file`; it is durable when this returns.
    pub(super) fn write(&self, file: &dyn TableFile, text: &[u8]) -> io::Result<()> {
        assert!(text.len() <= NOTE_BYTES_MAX, "a note fits its sector");
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = newest.as_ref().map_or(1, |note| note.number + 1);
        let note = Note { number, text: text.to_vec() };
        file.write_meta(SLOTS[(number % 2) as usize], &note.encode())?;
        file.sync_meta()?;
        *newest = Some(note);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_note_stay_what_they_are() {
        let note = Note { number: 7, text: b"text".to_vec() };
        let bytes = note.encode();
        assert_eq!(bytes[..24], *b"ackdnote\x07\0\0\0\0\0\0\0\x04\0\0\0text");
        assert!(bytes[24..CHECKSUM_AT].iter().all(|byte| *byte == 0));
        assert_eq!(Note::decode(&bytes), Some(note));
    }

    #[test]
    fn a_damaged_note_is_none() {
        let bytes = Note { number: 7, text: b"text".to_vec() }.encode();
        for bit in 0..META_BYTES * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Note::decode(&bytes), None, "bit {bit}");
        }
        assert_eq!(Note::decode(&[0; META_BYTES]), None);
    }
}
