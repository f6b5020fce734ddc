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

/// Calls `see` with the entries of a listpack.
pub(super) fn each<'a>(bytes: &'a [u8], see: &mut SeeEntry<'a, '_>) -> Result<(), RdbError> {
    let malformed = RdbError::Packed("listpack");
    let mut input = Input::new(bytes);
    let len = u32::from_le_bytes(input.array().map_err(|_| malformed)?);
    let number = u16::from_le_bytes(input.array().map_err(|_| malformed)?);
    if len as usize != bytes.len() || bytes.len() <= HEADER_BYTES {
        return Err(malformed);
    }
    let mut count: u64 = 0;
    while input.rest() != [END] {
        let before = input.rest().len();
        let entry = read(&mut input).map_err(|_| malformed)?;
        let entry_bytes = before - input.rest().len();
        check_back(entry_bytes, &mut input).map_err(|_| malformed)?;
        see(entry)?;
        count += 1;
    }
    if number == UNKNOWN || u64::from(number) == count { Ok(()) } else { Err(malformed) }
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
        _ => return Err(RdbError::Packed("listpack")),
    })
}

/// An integer of three bytes.
pub(super) fn int_24([low, middle, high]: [u8; 3]) -> i64 {
    (i32::from_le_bytes([0, low, middle, high]) >> 8).into()
}

/// Reads the length of an entry that is behind it, and checks that it is right.
fn check_back(entry_bytes: usize, input: &mut Input<'_>) -> Result<(), RdbError> {
    let mut bytes = 1;
    while entry_bytes >> (7 * bytes) > 0 {
        bytes += 1;
    }
    for index in (0..bytes).rev() {
        let flag = if index + 1 < bytes { 0x80 } else { 0 };
        if input.byte()? != (entry_bytes >> (7 * index) & 0x7F) as u8 | flag {
            return Err(RdbError::Packed("listpack"));
        }
    }
    Ok(())
}
