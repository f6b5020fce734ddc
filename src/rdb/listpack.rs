//! Listpacks: elements packed into one string.
//!
//! ```text
//! listpack = length in bytes u32 LE | number of entries u16 LE, 65535 if unknown | entry * number | FF
//! entry    = encoding and bytes | length of these, seven bits a byte, the highest first; all but the first are flagged
//!
//!  0xxxxxxx                    integer 0 to 127
//!  10llllll                    length, bytes
//!  110xxxxx xxxxxxxx           integer of 13 bits
//!  1110llll llllllll           length, bytes
//!  F0  length u32 LE, bytes
//!  F1 F2 F3 F4                 integer of 2, 3, 4, 8 bytes LE
//! ```

use super::entry::{Entry, SeeEntry};
use super::error::RdbError;
use super::input::Input;

/// Bytes before the first entry.
const HEADER_BYTES: usize = 6;
/// The byte after the last entry.
const END: u8 = 0xFF;
/// The number of entries if it is not known.
const UNKNOWN: u16 = 65535;

/// The error of a listpack that does not follow its format.
const MALFORMED: RdbError = RdbError::Packed("listpack");

/// Calls `see` with the entries of a listpack.
pub(super) fn each<'a>(bytes: &'a [u8], see: &mut SeeEntry<'a, '_>) -> Result<(), RdbError> {
    let mut entries = Entries::new(bytes)?;
    while let Some(entry) = entries.next()? {
        see(entry)?;
    }
    Ok(())
}

/// The entries of a listpack that were not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries<'a> {
    /// Their bytes.
    input: Input<'a>,
    /// The number of entries according to the header.
    number: u16,
    /// Number of entries that were read.
    count: u64,
}

impl<'a> Entries<'a> {
    /// The entries of a listpack.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, RdbError> {
        let mut input = Input::new(bytes);
        let len = u32::from_le_bytes(input.array().map_err(|_| MALFORMED)?);
        let number = u16::from_le_bytes(input.array().map_err(|_| MALFORMED)?);
        if len as usize != bytes.len() || bytes.len() <= HEADER_BYTES {
            return Err(MALFORMED);
        }
        Ok(Self { input, number, count: 0 })
    }

    /// Number of entries that were read.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The next entry; `None` if there are no more, and the listpack is whole.
    pub(super) fn next(&mut self) -> Result<Option<Entry<'a>>, RdbError> {
        if self.input.rest() == [END] {
            let is_right = self.number == UNKNOWN || u64::from(self.number) == self.count;
            return if is_right { Ok(None) } else { Err(MALFORMED) };
        }
        let before = self.input.rest().len();
        let entry = read(&mut self.input).map_err(|_| MALFORMED)?;
        let entry_bytes = before - self.input.rest().len();
        check_back(entry_bytes, &mut self.input).map_err(|_| MALFORMED)?;
        self.count += 1;
        Ok(Some(entry))
    }
}

/// Reads an entry up to its bytes.
fn read<'a>(input: &mut Input<'a>) -> Result<Entry<'a>, RdbError> {
    let first = input.byte()?;
    let text = |input: &mut Input<'a>, len: u64| input.take(len).map(Entry::Text);
    Ok(match first {
        0..0x80 => Entry::Integer(first.into()),
        0x80..0xC0 => text(input, u64::from(first & 0x3F))?,
        0xC0..0xE0 => {
            let bits = i16::from_be_bytes([first & 0x1F, input.byte()?]);
            Entry::Integer((bits << 3 >> 3).into())
        }
        0xE0..0xF0 => {
            let len = u16::from_be_bytes([first & 0x0F, input.byte()?]);
            text(input, len.into())?
        }
        0xF0 => {
            let len = u32::from_le_bytes(input.array()?);
            text(input, len.into())?
        }
        0xF1 => Entry::Integer(i16::from_le_bytes(input.array()?).into()),
        0xF2 => Entry::Integer(int_24(input.array()?)),
        0xF3 => Entry::Integer(i32::from_le_bytes(input.array()?).into()),
        0xF4 => Entry::Integer(i64::from_le_bytes(input.array()?)),
        _ => return Err(MALFORMED),
    })
}

/// An integer of three bytes.
pub(super) fn int_24([low, middle, high]: [u8; 3]) -> i64 {
    (i32::from_le_bytes([0, low, middle, high]) >> 8).into()
}

/// Reads the length of an entry that is behind it, and checks that it is right.
fn check_back(entry_bytes: usize, input: &mut Input<'_>) -> Result<(), RdbError> {
    let bytes = back_bytes(entry_bytes);
    let is_right = (0..bytes).rev().try_fold(true, |is_right, index| {
        Ok(is_right && input.byte()? == back_byte(entry_bytes, index, bytes))
    })?;
    if is_right { Ok(()) } else { Err(MALFORMED) }
}

/// Number of bytes of the length that is behind an entry.
fn back_bytes(entry_bytes: usize) -> u32 {
    (usize::BITS - entry_bytes.leading_zeros()).div_ceil(7).max(1)
}

/// A byte of that length; the last one has index 0.
fn back_byte(entry_bytes: usize, index: u32, bytes: u32) -> u8 {
    let flag = if index + 1 < bytes { 0x80 } else { 0 };
    (entry_bytes >> (7 * index) & 0x7F) as u8 | flag
}

/// Makes a listpack.
#[derive(Debug, Default)]
pub(super) struct Packer {
    /// The entries.
    bytes: Vec<u8>,
    /// Number of entries.
    count: u64,
}

impl Packer {
    /// Number of entries.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Number of bytes of the entries.
    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an integer.
    pub(super) fn integer(&mut self, integer: i64) {
        let start = self.bytes.len();
        if let 0..0x80 = integer {
            self.bytes.push(integer as u8);
        } else if let Ok(integer) = i16::try_from(integer) {
            self.bytes.push(0xF1);
            self.bytes.extend(integer.to_le_bytes());
        } else if let Ok(integer) = i32::try_from(integer) {
            self.bytes.push(0xF3);
            self.bytes.extend(integer.to_le_bytes());
        } else {
            self.bytes.push(0xF4);
            self.bytes.extend(integer.to_le_bytes());
        }
        self.end(start);
    }

    /// Adds a text, of which there are less than 4 GiB.
    pub(super) fn text(&mut self, text: &[u8]) {
        let start = self.bytes.len();
        match text.len() {
            len @ 0..0x40 => self.bytes.push(0x80 | len as u8),
            len @ 0x40..0x1000 => self.bytes.extend((0xE000 | len as u16).to_be_bytes()),
            len => {
                self.bytes.push(0xF0);
                self.bytes.extend((len as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
        self.end(start);
    }

    /// Ends the entry that began at `start`.
    fn end(&mut self, start: usize) {
        let entry_bytes = self.bytes.len() - start;
        let back = back_bytes(entry_bytes);
        for index in (0..back).rev() {
            self.bytes.push(back_byte(entry_bytes, index, back));
        }
        self.count += 1;
    }

    /// Adds all entries of another one.
    pub(super) fn append(&mut self, other: &Packer) {
        self.bytes.extend_from_slice(&other.bytes);
        self.count += other.count;
    }

    /// The listpack.
    pub(super) fn finish(self) -> Vec<u8> {
        let number = u16::try_from(self.count).unwrap_or(UNKNOWN);
        let len = (HEADER_BYTES + self.bytes.len() + 1) as u32;
        [&len.to_le_bytes()[..], &number.to_le_bytes(), &self.bytes, &[END]].concat()
    }
}
