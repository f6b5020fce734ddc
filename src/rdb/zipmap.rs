//! Zipmaps: the fields of a hash packed into one string, by Redis before 2.6.
//!
//! ```text
//! zipmap = number of fields u8, 254 or more if unknown | (length, field, length, unused u8, value, unused bytes) * number | FF
//! length = u8, or FE and u32 LE
//! ```

use super::error::RdbError;
use super::input::Input;

/// The byte after the last field.
const END: u8 = 0xFF;
/// The first byte of a long length, and the least number of fields that is not known.
const LONG: u8 = 0xFE;

/// Takes fields and their values. An error ends the reading.
type SeePair<'s> = dyn FnMut(&[u8], &[u8]) -> Result<(), RdbError> + 's;

/// Calls `see` with the fields of a zipmap and their values.
pub(super) fn each(bytes: &[u8], see: &mut SeePair<'_>) -> Result<(), RdbError> {
    let malformed = |_| RdbError::Packed("zipmap");
    let mut input = Input::new(bytes);
    let (number, mut count) = (input.byte().map_err(malformed)?, 0_u64);
    while input.rest() != [END] {
        let (field, value) = read(&mut input).map_err(malformed)?;
        see(field, value)?;
        count += 1;
    }
    if number >= LONG || u64::from(number) == count { Ok(()) } else { Err(RdbError::Packed("zipmap")) }
}

/// Reads a field and its value.
fn read<'a>(input: &mut Input<'a>) -> Result<(&'a [u8], &'a [u8]), RdbError> {
    let field_len = length(input)?;
    let field = input.take(field_len)?;
    let (value_len, unused) = (length(input)?, input.byte()?);
    let value = input.take(value_len)?;
    input.take(unused.into())?;
    Ok((field, value))
}

/// Reads a length.
fn length(input: &mut Input<'_>) -> Result<u64, RdbError> {
    match input.byte()? {
        END => Err(RdbError::Length),
        LONG => input.array().map(u32::from_le_bytes).map(u64::from),
        len => Ok(len.into()),
    }
}
