//! What a key's cell holds: type, expiry, and the value or where it is.
//!
//! ```text
//! cell     = tag u8 | expiry u64 LE, if flagged | payload | roots of the key's own trees
//! tag      = type (low 4 bits) | flags
//! expiry = milliseconds since 1970
//!
//!  type                        flag
//!   1  string                   10  has an expiry
//!   2  list                     20  string: raw, it was built up piecemeal; hash: timed, a field has an expiry
//!   3  hash                     40  in trees: the value is in trees of its own
//!   4  set                      80  reserved, 0
//!   5  sorted set
//!   6  stream
//!
//!  string, short     payload = the bytes
//!  string, in pieces payload = length u64 LE; one root: piece number u32 BE -> the bytes of the piece
//!  the others        see `collection`
//! ```
//!
//! Every piece but the last stands for [`PIECE_BYTES`] bytes of the value. A piece that is missing or shorter is filled
//! up with zeros. So a string that was written far past its end costs only what was written.

use super::error::KeyspaceError;
use crate::effect::VALUE_BYTES_MAX;
use crate::table::{CELL_BYTES_MAX, Cell, CellRoots, Root};

/// The longest string that is kept in its key's cell, in bytes.
pub const INLINE_BYTES_MAX: usize = 1024;
/// Bytes of a string that one piece stands for: three pieces fill a page.
pub const PIECE_BYTES: usize = 1280;

/// Maximum number of bytes of a cell before the payload.
const HEADER_BYTES_MAX: usize = 9;
/// Bytes of an encoded root.
const ROOT_BYTES: usize = 24;

const _: () = assert!(HEADER_BYTES_MAX + INLINE_BYTES_MAX <= CELL_BYTES_MAX);
const _: () = assert!(HEADER_BYTES_MAX + 8 + ROOT_BYTES <= CELL_BYTES_MAX);
const _: () = assert!(PIECE_BYTES <= CELL_BYTES_MAX);

/// Bits of the tag that hold the type.
const TYPE_BITS: u8 = 0x0F;
/// Tag flag: an expiry follows.
pub(super) const HAS_EXPIRY: u8 = 0x10;
/// Tag flag: the string was built up piecemeal.
const RAW: u8 = 0x20;
/// Tag flag: some field of the hash has an expiry.
const TIMED: u8 = 0x20;
/// Tag flag: the value is in trees of its own.
const IN_TREES: u8 = 0x40;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Bytes.
    String = 1,
    /// A list.
    List = 2,
    /// Fields and values.
    Hash = 3,
    /// Members.
    Set = 4,
    /// Members with scores.
    SortedSet = 5,
    /// A stream.
    Stream = 6,
}

impl Kind {
    /// The type's name, as `TYPE` replies.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Hash => "hash",
            Kind::Set => "set",
            Kind::SortedSet => "zset",
            Kind::Stream => "stream",
        }
    }

    /// The type with this number.
    fn from_bits(bits: u8) -> Option<Kind> {
        [Kind::String, Kind::List, Kind::Hash, Kind::Set, Kind::SortedSet, Kind::Stream]
            .into_iter()
            .find(|&kind| kind as u8 == bits)
    }
}

/// A key's cell, read.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    /// Type of the value.
    pub kind: Kind,
    /// When the key expires, in milliseconds since 1970.
    pub expire_at_ms: Option<u64>,
    /// Whether the value is a string that was built up piecemeal, or a hash of which some field has an expiry.
    flagged: bool,
    /// Whether the value is in trees of its own.
    pub(super) in_trees: bool,
    /// The bytes after the header.
    pub(super) payload: &'a [u8],
    /// The key's own trees.
    pub(super) roots: CellRoots,
}

/// The bytes of a string.
#[derive(Clone, Copy, Debug)]
pub enum Text<'a> {
    /// In the key's cell.
    Short(&'a [u8]),
    /// In a tree of its own.
    InPieces {
        /// Length, in bytes.
        len: u64,
        /// The tree: piece number to bytes.
        root: Root,
    },
}

impl<'a> Value<'a> {
    /// Reads a cell.
    #[inline]
    pub fn read(cell: &Cell<'a>) -> Result<Self, KeyspaceError> {
        let (&tag, rest) = cell.bytes.split_first().ok_or(KeyspaceError::BadCell("it is empty"))?;
        let kind = Kind::from_bits(tag & TYPE_BITS).ok_or(KeyspaceError::BadCell("unknown type"))?;
        let (expire_at_ms, payload) = if tag & HAS_EXPIRY == 0 {
            (None, rest)
        } else {
            let (expiry, payload) =
                rest.split_first_chunk().ok_or(KeyspaceError::BadCell("no room for its deadline"))?;
            (Some(u64::from_le_bytes(*expiry)), payload)
        };
        let (flagged, in_trees) = (tag & RAW != 0, tag & IN_TREES != 0);
        if in_trees && cell.roots.is_empty() {
            return Err(KeyspaceError::BadCell("a value in trees without a tree"));
        }
        Ok(Self { kind, expire_at_ms, flagged, in_trees, payload, roots: cell.roots })
    }

    /// Whether the value is a string that was built up piecemeal.
    pub fn is_raw(&self) -> bool {
        self.kind == Kind::String && self.flagged
    }

    /// Whether the value is a hash of which some field has an expiry.
    #[inline]
    pub fn is_timed(&self) -> bool {
        self.flagged && self.kind == Kind::Hash
    }

    /// Whether the expiry has passed at `now_ms`.
    #[inline]
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expire_at_ms.is_some_and(|expiry| expiry <= now_ms)
    }

    /// The bytes of the string, or `None` if it is not a string.
    #[inline]
    pub fn text(&self) -> Result<Option<Text<'a>>, KeyspaceError> {
        if self.kind != Kind::String {
            return Ok(None);
        }
        if !self.in_trees {
            return Ok(Some(Text::Short(self.payload)));
        }
        Text::in_pieces(self.payload, &self.roots).map(Some)
    }
}

impl Text<'_> {
    /// The string whose length is in `bytes` and whose pieces are in the first of `roots`.
    pub(super) fn in_pieces(bytes: &[u8], roots: &CellRoots) -> Result<Self, KeyspaceError> {
        let len = bytes.try_into().map_err(|_| KeyspaceError::BadCell("no length of its pieces"))?;
        let len = u64::from_le_bytes(len);
        if len > VALUE_BYTES_MAX {
            return Err(KeyspaceError::BadCell("its pieces are longer than values can be"));
        }
        Ok(Text::InPieces { len, root: roots.first().copied().unwrap_or(Root::EMPTY) })
    }

    /// Length, in bytes.
    pub fn len(&self) -> u64 {
        match *self {
            Text::Short(bytes) => bytes.len() as u64,
            Text::InPieces { len, .. } => len,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Maximum number of bytes of a cell before the caller's: tag, expiry and a length.
const HEAD_BYTES_MAX: usize = HEADER_BYTES_MAX + 8;

/// The bytes of a cell that is to be stored.
pub(super) struct CellBytes<'a> {
    /// The head: tag, expiry and length. Only the first `head_len` bytes are used.
    head: [u8; HEAD_BYTES_MAX],
    /// Length of the head.
    head_len: u8,
    /// The bytes after the head.
    rest: &'a [u8],
}

impl<'a> CellBytes<'a> {
    /// A cell with a tag and an expiry, followed by `rest`.
    pub(super) fn new(tag: u8, expire_at_ms: Option<u64>, rest: &'a [u8]) -> Self {
        let mut head = [0; HEAD_BYTES_MAX];
        let head_len = match expire_at_ms {
            Some(expiry) => {
                head[0] = tag | HAS_EXPIRY;
                head[1..9].copy_from_slice(&expiry.to_le_bytes());
                9
            }
            None => {
                head[0] = tag;
                1
            }
        };
        Self { head, head_len, rest }
    }

    /// The same with a length at the end of the head.
    pub(super) fn with_length(mut self, len: u64) -> Self {
        let at = usize::from(self.head_len);
        self.head[at..at + 8].copy_from_slice(&len.to_le_bytes());
        self.head_len += 8;
        self
    }

    /// The bytes in two consecutive pieces.
    #[inline]
    pub(super) fn pieces(&self) -> [&[u8]; 2] {
        [&self.head[..usize::from(self.head_len)], self.rest]
    }
}

/// The cell of a short string.
pub(super) fn short(expire_at_ms: Option<u64>, raw: bool, text: &[u8]) -> CellBytes<'_> {
    debug_assert!(text.len() <= INLINE_BYTES_MAX);
    let flags = if raw { RAW } else { 0 };
    CellBytes::new(Kind::String as u8 | flags, expire_at_ms, text)
}

/// The cell of a string in pieces. The pieces are in the cell's first tree.
pub(super) fn in_pieces(expire_at_ms: Option<u64>, raw: bool, len: u64) -> CellBytes<'static> {
    let flags = IN_TREES | if raw { RAW } else { 0 };
    CellBytes::new(Kind::String as u8 | flags, expire_at_ms, &[]).with_length(len)
}

/// The cell of a collection; its trees, if it has any, are the cell's.
pub(super) fn collection(
    kind: Kind,
    expire_at_ms: Option<u64>,
    timed: bool,
    in_trees: bool,
    payload: &[u8],
) -> CellBytes<'_> {
    let flags = if timed { TIMED } else { 0 } | if in_trees { IN_TREES } else { 0 };
    CellBytes::new(kind as u8 | flags, expire_at_ms, payload)
}

/// The bytes of any cell with another expiry.
pub(super) fn with_expiry<'a>(
    cell: &Cell<'a>,
    expire_at_ms: Option<u64>,
) -> Result<CellBytes<'a>, KeyspaceError> {
    let value = Value::read(cell)?;
    Ok(CellBytes::new(cell.bytes[0] & !HAS_EXPIRY, expire_at_ms, value.payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::CellRoots;

    fn read(bytes: &[u8]) -> Result<Value<'_>, KeyspaceError> {
        Value::read(&Cell { bytes, roots: CellRoots::default() })
    }

    #[test]
    fn cells_have_their_bytes() {
        let expiry = Some(0x0102_0304_0506_0708);
        assert_eq!(short(None, false, b"ab").pieces().concat(), b"\x01ab");
        assert_eq!(short(expiry, true, b"ab").pieces().concat(), b"\x31\x08\x07\x06\x05\x04\x03\x02\x01ab");
        assert_eq!(in_pieces(None, false, 3).pieces().concat(), b"\x41\x03\0\0\0\0\0\0\0");
        assert_eq!(
            in_pieces(expiry, true, 3).pieces().concat(),
            b"\x71\x08\x07\x06\x05\x04\x03\x02\x01\x03\0\0\0\0\0\0\0"
        );
        assert_eq!(collection(Kind::Set, None, false, false, b"\x01a").pieces().concat(), b"\x04\x01a");
        assert_eq!(
            collection(Kind::Hash, expiry, true, true, b"").pieces().concat(),
            b"\x73\x08\x07\x06\x05\x04\x03\x02\x01"
        );
    }

    #[test]
    fn an_expiry_comes_and_goes_without_touching_the_rest() {
        let plain = Cell { bytes: b"\x22ab", roots: CellRoots::default() };
        let timed = with_expiry(&plain, Some(5)).unwrap().pieces().concat();
        assert_eq!(timed, b"\x32\x05\0\0\0\0\0\0\0ab");
        let timed = Cell { bytes: &timed, roots: CellRoots::default() };
        assert_eq!(with_expiry(&timed, None).unwrap().pieces().concat(), plain.bytes);
    }

    #[test]
    fn a_cell_that_nobody_wrote_is_refused() {
        for bytes in [b"".as_slice(), b"\x00", b"\x0f", b"\x11\x01", b"\x09abc"] {
            assert!(matches!(read(bytes), Err(KeyspaceError::BadCell(_))), "{bytes:?}");
        }
        assert!(matches!(read(b"\x41\x01\0\0\0\0\0\0\0"), Err(KeyspaceError::BadCell(_))), "no tree");
        assert!(read(b"\x03abc").unwrap().text().unwrap().is_none());
    }

    #[test]
    fn a_string_in_pieces_is_as_long_as_values_can_be() {
        let string = read(b"\x01").unwrap();
        let is_read = |payload: &[u8]| Value { in_trees: true, payload, ..string }.text().is_ok();
        assert!(!is_read(b"abc"));
        for (len, right) in
            [(0, true), (VALUE_BYTES_MAX, true), (VALUE_BYTES_MAX + 1, false), (u64::MAX, false)]
        {
            assert_eq!(is_read(&len.to_le_bytes()), right, "{len}");
        }
    }
}
