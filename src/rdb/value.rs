//! Reading a value of any type.

use super::error::RdbError;
use super::input::Input;
use super::part::Part;
use super::types::{Kind, Type};
use super::{hash, list, set, sorted_set, string};

/// Reads a value of the type with this number, and calls `see` with its parts. If `see` returns an error, the reading ends
/// with that. A value that turns out to be malformed is so after some of its parts were seen.
pub fn read_value(
    number: u8,
    input: &mut Input<'_>,
    see: &mut dyn FnMut(Part<'_>) -> Result<(), RdbError>,
) -> Result<Kind, RdbError> {
    let of = Type::of(number).ok_or(RdbError::UnknownType(number))?;
    let mut is_empty = true;
    let see = &mut |part: Part<'_>| {
        is_empty = false;
        see(part)
    };
    match of.kind() {
        Kind::String => string::read(input, see),
        Kind::List => list::read(of, input, see),
        Kind::Set => set::read(of, input, see),
        Kind::SortedSet => sorted_set::read(of, input, see),
        Kind::Hash => hash::read(of, input, see),
    }?;
    if is_empty { Err(RdbError::Empty) } else { Ok(of.kind()) }
}
