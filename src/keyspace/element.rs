//! The encoding of one element: the value of a hash field, or an element of a list.
//!
//! ```text
//! element = tag u8 | expiry u64 LE, if flagged | bytes, or their length u64 LE if they are in pieces
//!
//!  tag  10  has an expiry, in milliseconds since 1970
//!       40  in pieces: the bytes are in the cell's first tree, as those of a long string are
//! ```
//!
//! An element in pieces has a tree of its own and so cannot be packed: its collection is in trees.

use super::cell::{CellBytes, HAS_EXPIRY, INLINE_BYTES_MAX, Text};
use super::error::KeyspaceError;
use super::pieces;
use crate::table::{CELL_BYTES_MAX, Cell, CellRoots, Root, TableWriter};

/// Tag flag: the bytes are in pieces.
const IN_PIECES: u8 = 0x40;

const _: () = assert!(9 + INLINE_BYTES_MAX <= CELL_BYTES_MAX);

/// An element, read.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// When it expires, in milliseconds since 1970.
    pub expire_at_ms: Option<u64>,
    /// Its bytes.
    pub text: Text<'a>,
}

impl<'a> Element<'a> {
    /// Reads an element's cell.
    #[inline]
    pub fn read(cell: &Cell<'a>) -> Result<Self, KeyspaceError> {
        let bad = KeyspaceError::BadCell;
        let (&tag, rest) = cell.bytes.split_first().ok_or(bad("an element without a tag"))?;
        if tag & !(HAS_EXPIRY | IN_PIECES) != 0 {
            return Err(bad("an element with an unknown tag"));
        }
        let (expire_at_ms, rest) = match rest.split_first_chunk() {
            _ if tag & HAS_EXPIRY == 0 => (None, rest),
            Some((expiry, rest)) => (Some(u64::from_le_bytes(*expiry)), rest),
            None => return Err(bad("an element without room for its deadline")),
        };
        if tag & IN_PIECES == 0 {
            return Ok(Self { expire_at_ms, text: Text::Short(rest) });
        }
        Ok(Self { expire_at_ms, text: Text::in_pieces(rest, &cell.roots)? })
    }

    /// Whether the expiry has passed at `now_ms`.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expire_at_ms.is_some_and(|expiry| expiry <= now_ms)
    }
}

/// The cell of an element with `value`, and the tree of its pieces if it needs one.
pub(super) fn new<'v>(
    table: &mut TableWriter,
    expire_at_ms: Option<u64>,
    value: &'v [u8],
) -> Result<(CellBytes<'v>, Option<Root>), KeyspaceError> {
    if value.len() <= INLINE_BYTES_MAX {
        return Ok((CellBytes::new(0, expire_at_ms, value), None));
    }
    let cell = CellBytes::new(IN_PIECES, expire_at_ms, &[]).with_length(value.len() as u64);
    Ok((cell, Some(pieces::new(table, value)?)))
}

/// The bytes of an element's cell with another expiry.
pub(super) fn with_expiry(bytes: &[u8], expire_at_ms: Option<u64>) -> Result<CellBytes<'_>, KeyspaceError> {
    // Read only for its checks, which do not need the pieces themselves.
    Element::read(&Cell { bytes, roots: CellRoots::NONE })?;
    let rest = if bytes[0] & HAS_EXPIRY == 0 { &bytes[1..] } else { &bytes[9..] };
    Ok(CellBytes::new(bytes[0] & !HAS_EXPIRY, expire_at_ms, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Element<'_>, KeyspaceError> {
        Element::read(&Cell { bytes, roots: CellRoots::NONE })
    }

    #[test]
    fn elements_have_their_bytes() {
        let element = read(b"\x00ab").unwrap();
        assert!(matches!(element, Element { expire_at_ms: None, text: Text::Short(b"ab") }));
        let timed = with_expiry(b"\x00ab", Some(5)).unwrap().pieces().concat();
        assert_eq!(timed, b"\x10\x05\0\0\0\0\0\0\0ab");
        assert_eq!(read(&timed).unwrap().expire_at_ms, Some(5));
        assert!(read(&timed).unwrap().is_expired(5) && !read(&timed).unwrap().is_expired(4));
        assert_eq!(with_expiry(&timed, None).unwrap().pieces().concat(), b"\x00ab");
        let long = read(b"\x40\x03\0\0\0\0\0\0\0").unwrap();
        assert!(matches!(long.text, Text::InPieces { len: 3, .. }));
    }

    #[test]
    fn an_element_that_nobody_wrote_is_refused() {
        for bytes in [b"".as_slice(), b"\x01", b"\x80a", b"\x10\x01", b"\x40\x01"] {
            assert!(matches!(read(bytes), Err(KeyspaceError::BadCell(_))), "{bytes:?}");
        }
    }
}
