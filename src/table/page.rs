//! Pages: the header that every page starts with, and the checksum that it ends with.
//!
//! ```text
//!    0  1  kind: 1 leaf, 2 branch, 3 catalogue, 4 allocation map, 5 index of the allocation map
//!    1  1  level: 0 for leaves, one more than its children's for a branch
//!    2  2  number of cells
//!    4  2  heap start: lowest byte of the cells, which grow down from the page's end
//!    6  2  garbage: bytes in the heap that belong to no cell
//!    8  2  prefix length: bytes that all keys of the page share, kept once
//!   10  2  stems: cells whose tree holds keys that go on (long keys)
//!   12  4  part: place in the allocation map or its index; zero in other pages
//!   16  8  the page's own number
//!   24  8  generation that wrote the page
//!   32     what the kind says
//! 4092  4  crc32 of all bytes before it, filled in at a checkpoint
//! ```
//! All numbers are little-endian. The checksum comes last so that many threads can read a `Body`, the bytes before it,
//! while the checkpoint stores the checksum.

/// Size of a page in memory and in the file.
pub const PAGE_BYTES: usize = 4096;
/// Bytes of a page before its checksum.
pub(super) const BODY_BYTES: usize = PAGE_BYTES - 4;
/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 32;
/// Number of meta pages at the start of the file.
pub(super) const META_PAGES: u64 = 2;

const _: () = assert!(BODY_BYTES.is_multiple_of(4) && BODY_BYTES + 4 == PAGE_BYTES);
const _: () = assert!(HEADER_BYTES == 32 && HEADER_BYTES.is_multiple_of(8));

/// A page without its checksum.
pub(super) type Body = [u8; BODY_BYTES];

/// Kind byte of a leaf.
pub(super) const LEAF: u8 = 1;
/// Kind byte of a branch.
pub(super) const BRANCH: u8 = 2;
/// Kind byte of the catalogue, which holds the roots of a version.
pub(super) const CATALOGUE: u8 = 3;
/// Kind byte of a part of the allocation map.
pub(super) const MAP: u8 = 4;
/// Kind byte of a part of the allocation map's index.
pub(super) const MAP_INDEX: u8 = 5;

/// Reads a two-byte number.
#[inline]
pub(super) fn read_u16(body: &Body, at: usize) -> usize {
    usize::from(u16::from_le_bytes([body[at], body[at + 1]]))
}

/// Writes a two-byte number.
#[inline]
pub(super) fn write_u16(body: &mut Body, at: usize, value: usize) {
    debug_assert!(value <= usize::from(u16::MAX));
    body[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
}

/// Reads an eight-byte number.
#[inline]
pub(super) fn read_u64(body: &Body, at: usize) -> u64 {
    u64::from_le_bytes(body[at..at + 8].try_into().expect("eight bytes"))
}

/// Writes an eight-byte number.
#[inline]
pub(super) fn write_u64(body: &mut Body, at: usize, value: u64) {
    body[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// What the page holds.
#[inline]
pub(super) fn kind(body: &Body) -> u8 {
    body[0]
}

/// Height above the leaves.
#[inline]
pub(super) fn level(body: &Body) -> u8 {
    body[1]
}

/// The page's own number.
#[inline]
pub(super) fn number(body: &Body) -> u64 {
    read_u64(body, 16)
}

/// The generation that wrote the page.
#[inline]
pub(super) fn generation(body: &Body) -> u64 {
    read_u64(body, 24)
}

/// Position of the page in the allocation map or its index.
pub(super) fn part(body: &Body) -> u32 {
    u32::from_le_bytes(body[12..16].try_into().expect("four bytes"))
}

/// Stamps a page with its number and its generation.
#[inline]
pub(super) fn set_identity(body: &mut Body, number: u64, generation: u64) {
    write_u64(body, 16, number);
    write_u64(body, 24, generation);
}

/// Starts a page that holds no cells: kind and position, zeros in the other header fields.
pub(super) fn start(body: &mut Body, kind: u8, part: u32) {
    body[..HEADER_BYTES].fill(0);
    body[0] = kind;
    body[12..16].copy_from_slice(&part.to_le_bytes());
}

/// The checksum of these bytes.
pub(super) fn checksum(body: &Body) -> u32 {
    crc32fast::hash(body)
}
