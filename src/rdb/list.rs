//! Lists: elements one by one, or some of them packed together.

use super::error::RdbError;
use super::input::Input;
use super::part::{Part, See};
use super::types::Type;
use super::{listpack, ziplist};

/// What a node of a list is: one element.
const PLAIN: u64 = 1;
/// What a node of a list is: a listpack.
const PACKED: u64 = 2;

/// Reads a list.
pub(super) fn read(of: Type, input: &mut Input<'_>, see: &mut See<'_>) -> Result<(), RdbError> {
    if of == Type::ListZiplist {
        return ziplist::each(&input.text()?, &mut |entry| entry.with_text(|text| see(Part::Element(text))));
    }
    for _ in 0..input.length()? {
        match of {
            Type::ListQuicklist => read_ziplist(input, see)?,
            Type::ListQuicklist2 => read_node(input, see)?,
            _ => see(Part::Element(&input.text()?))?,
        }
    }
    Ok(())
}

/// Reads a node that is a ziplist.
fn read_ziplist(input: &mut Input<'_>, see: &mut See<'_>) -> Result<(), RdbError> {
    ziplist::each(&input.text()?, &mut |entry| entry.with_text(|text| see(Part::Element(text))))
}

/// Reads a node that says what it is.
fn read_node(input: &mut Input<'_>, see: &mut See<'_>) -> Result<(), RdbError> {
    let (container, node) = (input.length()?, input.text()?);
    match container {
        PLAIN if !node.is_empty() => see(Part::Element(&node)),
        PACKED => listpack::each(&node, &mut |entry| entry.with_text(|text| see(Part::Element(text)))),
        _ => Err(RdbError::Packed("quicklist")),
    }
}
