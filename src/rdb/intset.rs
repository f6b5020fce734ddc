//! Sets of integers, packed into one string.
//!
//! ```text
//! intset = bytes of an integer u32 LE: 2, 4 or 8 | number of integers u32 LE | integer LE * number, in ascending order
//! ```

use super::error::RdbError;
use super::input::Input;

/// Takes members. An error ends the reading.
type SeeMember<'s> = dyn FnMut(&[u8]) -> Result<(), RdbError> + 's;

/// Calls `see` with the texts of the integers.
pub(super) fn each(bytes: &[u8], see: &mut SeeMember<'_>) -> Result<(), RdbError> {
    let malformed = RdbError::Packed("intset");
    let mut input = Input::new(bytes);
    let width = u32::from_le_bytes(input.array().map_err(|_| malformed)?);
    let number = u32::from_le_bytes(input.array().map_err(|_| malformed)?);
    let is_whole = u64::from(width) * u64::from(number) == input.rest().len() as u64;
    if !matches!(width, 2 | 4 | 8) || !is_whole {
        return Err(malformed);
    }
    let mut before = None;
    for integer in input.rest().chunks_exact(width as usize) {
        // The bytes are in the upper part, so that the sign comes along.
        let mut bits = [0; 8];
        bits[8 - integer.len()..].copy_from_slice(integer);
        let integer = i64::from_le_bytes(bits) >> (64 - 8 * width);
        if before.is_some_and(|before| before >= integer) {
            return Err(malformed);
        }
        before = Some(integer);
        see(itoa::Buffer::new().format(integer).as_bytes())?;
    }
    Ok(())
}
