//! Ziplists: elements packed into one string, by Redis before 7.0.
//!
//! ```text
//! ziplist = length in bytes u32 LE | offset of the last entry u32 LE | number of entries u16 LE, 65535 if unknown
//!           | entry * number | FF
//! entry   = length of the entry before u8, or FE and u32 LE | encoding and bytes
//!
//!  00llllll                    length, bytes
//!  01llllll llllllll           length, bytes
//!  10------ length u32 BE      bytes
//!  C0 D0 E0 F0 FE              integer of 2, 4, 8, 3, 1 bytes LE
//!  F1 to FD                    integer 0 to 12
//! ```

use super::entry::{Entry, SeeEntry};
use super::error::RdbError;
use super::input::Input;
use super::listpack::int_24;

/// Bytes before the first entry.
const HEADER_BYTES: usize = 10;
/// The byte after the last entry.
const END: u8 = 0xFF;
/// The number of entries if it is not known.
const UNKNOWN: u16 = 65535;
/// The first byte of the length of a long entry.
const LONG: u8 = 0xFE;

/// Calls `see` with the entries of a ziplist.
pub(super) fn each<'a>(bytes: &'a [u8], see: &mut SeeEntry<'a, '_>) -> Result<(), RdbError> {
    let malformed = RdbError::Packed("ziplist");
    let mut input = Input::new(bytes);
    let len = u32::from_le_bytes(input.array().map_err(|_| malformed)?);
    let last = u32::from_le_bytes(input.array().map_err(|_| malformed)?);
    let number = u16::from_le_bytes(input.array().map_err(|_| malformed)?);
    if len as usize != bytes.len() || bytes.len() <= HEADER_BYTES {
        return Err(malformed);
    }
    let (mut count, mut last_at, mut entry_bytes): (u64, _, _) = (0, HEADER_BYTES, 0);
    while input.rest() != [END] {
        last_at = bytes.len() - input.rest().len();
        if before(&mut input).map_err(|_| malformed)? as usize != entry_bytes {
            return Err(malformed);
        }
        let entry = read(&mut input).map_err(|_| malformed)?;
        entry_bytes = bytes.len() - input.rest().len() - last_at;
        see(entry)?;
        count += 1;
    }
    let is_right = last as usize == last_at && (number == UNKNOWN || u64::from(number) == count);
    if is_right { Ok(()) } else { Err(malformed) }
}

/// Reads the length of the entry before.
fn before(input: &mut Input<'_>) -> Result<u32, RdbError> {
    match input.byte()? {
        LONG => input.array().map(u32::from_le_bytes),
        len => Ok(len.into()),
    }
}

/// Reads an entry after the length of the one before.
fn read<'a>(input: &mut Input<'a>) -> Result<Entry<'a>, RdbError> {
    let first = input.byte()?;
    let text = |input: &mut Input<'a>, len: u64| input.take(len).map(Entry::Text);
    Ok(match first {
        0..0x40 => text(input, first.into())?,
        0x40..0x80 => {
            let len = u16::from_be_bytes([first & 0x3F, input.byte()?]);
            text(input, len.into())?
        }
        0x80..0xC0 => {
            let len = u32::from_be_bytes(input.array()?);
            text(input, len.into())?
        }
        0xC0 => Entry::Integer(i16::from_le_bytes(input.array()?).into()),
        0xD0 => Entry::Integer(i32::from_le_bytes(input.array()?).into()),
        0xE0 => Entry::Integer(i64::from_le_bytes(input.array()?)),
        0xF0 => Entry::Integer(int_24(input.array()?)),
        0xFE => Entry::Integer(i8::from_le_bytes(input.array()?).into()),
        0xF1..=0xFD => Entry::Integer(i64::from(first & 0x0F) - 1),
        _ => return Err(RdbError::Packed("ziplist")),
    })
}
