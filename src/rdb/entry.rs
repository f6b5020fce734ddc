//! Elements that are packed together with others: text, or an integer in its place.

use super::error::RdbError;

/// A packed element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// Its bytes.
    Text(&'a [u8]),
    /// The integer that its bytes are the text of.
    Integer(i64),
}

impl Entry<'_> {
    /// Calls `see` with its bytes.
    pub(super) fn with_text<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
        match *self {
            Entry::Text(text) => see(text),
            Entry::Integer(integer) => see(itoa::Buffer::new().format(integer).as_bytes()),
        }
    }
}

/// Takes packed elements. An error ends the reading.
pub(super) type SeeEntry<'a, 's> = dyn FnMut(Entry<'a>) -> Result<(), RdbError> + 's;

/// Has `each` go through packed elements, and calls `see` with two at a time.
pub(super) fn pairs<'a>(
    see: &mut dyn FnMut(&Entry<'a>, Entry<'a>) -> Result<(), RdbError>,
    each: impl FnOnce(&mut SeeEntry<'a, '_>) -> Result<(), RdbError>,
) -> Result<(), RdbError> {
    let mut first = None;
    each(&mut |entry| match first.take() {
        Some(first) => see(&first, entry),
        None => {
            first = Some(entry);
            Ok(())
        }
    })?;
    if first.is_none() { Ok(()) } else { Err(RdbError::Odd) }
}
