//! A node page, leaf or branch: cells sorted by key, as pure functions over the page's bytes.
//!
//! ```text
//!   32   p  prefix of all keys of the page
//!   +p  8n  heads: the first 8 key bytes after the prefix, zero padded, as numbers in the order of the keys
//!  +8n  2n  offsets of the cells
//!           gap
//!           heap, up to the end of the body: cells in any order, and garbage between them
//!
//! cell:  0 2  rest length: bytes of the key beyond the prefix
//!        2 2  payload length (11 bits), number of roots (2 bits), stem flag (1 bit)
//!        4    suffix: the key's bytes beyond the prefix and the head
//!             payload: the caller's bytes, then 24 bytes for each root; in a branch an 18-byte pointer
//! ```
//! Definitions: the *rest* of a key is what follows the page's prefix; its *head* is the first 8 bytes of the rest, its
//! *suffix* is what follows the head.
//!
//! Invariants: keys are strictly ascending; in a branch, cell 0 has no key and sorts before all keys; cells do not
//! overlap; heap = cells + garbage.
//!
//! This is one long file because no other file knows where a cell's bytes are in a page.
//!
//! Why the prefix comes first: a search reads header, prefix, heads and offsets, which are then on neighbouring cache
//! lines, and then one cell.

use std::{cmp::Ordering, ops::Range};

use super::page::{self, BODY_BYTES, BRANCH, Body, HEADER_BYTES, LEAF, PAGE_BYTES, read_u16, write_u16};
use super::root::{CELL_ROOTS_MAX, POINTER_BYTES, ROOT_BYTES, Root};

/// Keys of this length or longer are split into stems of this length.
pub(super) const STEM_BYTES: usize = 700;
/// Bytes of a node for heads, offsets, cells and prefix.
pub(super) const NODE_BYTES: usize = BODY_BYTES - HEADER_BYTES;
/// Bytes of a key's head.
pub(super) const HEAD_BYTES: usize = 8;
/// Head and offset of one cell.
pub(super) const SLOT_BYTES: usize = HEAD_BYTES + 2;
/// Bytes of a cell before its payload.
pub(super) const CELL_HEADER_BYTES: usize = 4;
/// Most cells that a node can hold.
pub(super) const CELLS_MAX: usize = NODE_BYTES / (SLOT_BYTES + CELL_HEADER_BYTES);

/// Bits of a cell's meta number that hold the payload's length.
pub(super) const PAYLOAD_MASK: usize = 0x7ff;
/// Where the number of roots starts in a cell's meta number.
const ROOTS_SHIFT: usize = 11;
/// The flag of a stem in a cell's meta number.
const STEM_FLAG: usize = 1 << 13;

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;
/// Cache lines that a short cell lies on.
const CELL_LINES: usize = 3;

const HEAP_START: usize = 4;
const GARBAGE: usize = 6;
const PREFIX_LEN: usize = 8;
const STEMS: usize = 10;

/// Longest key: 64 KiB, plus eight bytes so that such keys can be ordered by something else first.
pub const KEY_BYTES_MAX: usize = 65_536 + 8;
/// Maximum size of a cell: the caller's bytes and 24 for each root.
pub const CELL_BYTES_MAX: usize = 1_300;

// A cell's meta number holds its length.
const _: () = assert!(CELL_BYTES_MAX <= PAYLOAD_MASK);

// A page that overflows can always be split, because two of the largest cells fit one page.
const _: () = {
    let largest = SLOT_BYTES + CELL_HEADER_BYTES + STEM_BYTES - 1 - HEAD_BYTES + CELL_BYTES_MAX;
    assert!(2 * largest <= NODE_BYTES);
};

/// What a cell holds besides its key, in encoded form.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    /// Lengths and flags, as the cell keeps them.
    meta: u16,
    /// The payload's bytes, in consecutive pieces.
    pieces: [&'a [u8]; 3],
}

impl<'a> Payload<'a> {
    /// A caller's bytes, followed by encoded roots.
    pub(super) fn new([head, rest]: [&'a [u8]; 2], roots: &'a [u8]) -> Payload<'a> {
        debug_assert!(roots.len().is_multiple_of(ROOT_BYTES) && roots.len() <= CELL_ROOTS_MAX * ROOT_BYTES);
        let len = head.len() + rest.len() + roots.len();
        let meta = len | (roots.len() / ROOT_BYTES) << ROOTS_SHIFT;
        Payload { meta: meta as u16, pieces: [head, rest, roots] }
    }

    /// A payload in one piece.
    fn whole(meta: u16, bytes: &'a [u8]) -> Payload<'a> {
        Payload { meta, pieces: [bytes, &[], &[]] }
    }

    /// The root of the tree that holds the ends of a stem's keys.
    pub(super) fn stem(root: &'a [u8; ROOT_BYTES]) -> Payload<'a> {
        Self::whole((ROOT_BYTES | 1 << ROOTS_SHIFT | STEM_FLAG) as u16, root)
    }

    /// A pointer to a child.
    pub(super) fn pointer(pointer: &'a [u8; POINTER_BYTES]) -> Payload<'a> {
        Self::whole(POINTER_BYTES as u16, pointer)
    }

    /// Length of the payload in the cell.
    pub(super) fn len(&self) -> usize {
        usize::from(self.meta) & PAYLOAD_MASK
    }

    /// Whether the cell is a stem.
    pub(super) fn is_stem(&self) -> bool {
        usize::from(self.meta) & STEM_FLAG != 0
    }

    /// Writes the payload to `out`, which has exactly its length.
    fn write(&self, out: &mut [u8]) {
        let mut start = 0;
        for piece in self.pieces {
            out[start..start + piece.len()].copy_from_slice(piece);
            start += piece.len();
        }
    }
}

/// Bytes of a cell whose key has a rest of `rest_len` bytes.
pub(super) fn cell_bytes(rest_len: usize, payload_len: usize) -> usize {
    CELL_HEADER_BYTES + payload_len + rest_len.saturating_sub(HEAD_BYTES)
}

/// Number of cells.
#[inline]
pub(super) fn cells(body: &Body) -> usize {
    read_u16(body, 2)
}

/// Index of the first cell or the last one.
#[inline]
pub(super) fn edge(body: &Body, first: bool) -> usize {
    if first { 0 } else { cells(body) - 1 }
}

/// Length of the page's prefix.
#[inline]
pub(super) fn prefix_len(body: &Body) -> usize {
    read_u16(body, PREFIX_LEN)
}

/// The prefix that all keys share.
#[inline]
pub(super) fn prefix(body: &Body) -> &[u8] {
    &body[HEADER_BYTES..HEADER_BYTES + prefix_len(body)]
}

/// Number of cells that are stems.
#[inline]
pub(super) fn stems(body: &Body) -> usize {
    read_u16(body, STEMS)
}

/// Whether the page is a leaf.
#[inline]
pub(super) fn is_leaf(body: &Body) -> bool {
    page::kind(body) == LEAF
}

/// Bytes used by heads, offsets, cells and prefix, without garbage.
pub(super) fn used(body: &Body) -> usize {
    prefix_len(body) + SLOT_BYTES * cells(body) + BODY_BYTES
        - read_u16(body, HEAP_START)
        - read_u16(body, GARBAGE)
}

/// Position of a cell's head.
#[inline]
fn head_at(body: &Body, index: usize) -> usize {
    HEADER_BYTES + prefix_len(body) + HEAD_BYTES * index
}

/// The heads of all cells.
#[inline]
fn heads(body: &Body) -> &[[u8; HEAD_BYTES]] {
    let at = head_at(body, 0);
    body[at..at + HEAD_BYTES * cells(body)].as_chunks().0
}

/// The head of one cell.
#[inline]
fn head(body: &Body, index: usize) -> u64 {
    page::read_u64(body, head_at(body, index))
}

/// Position of a cell's offset if there are `cells` cells.
#[inline]
fn offset_at(body: &Body, cells: usize, index: usize) -> usize {
    head_at(body, cells) + 2 * index
}

/// Offset of one cell.
#[inline]
fn offset(body: &Body, index: usize) -> usize {
    debug_assert!(index < cells(body));
    read_u16(body, offset_at(body, cells(body), index))
}

/// The head of a key's rest, as a number that sorts like the bytes.
#[inline]
fn head_of(rest: &[u8]) -> u64 {
    match rest.first_chunk::<HEAD_BYTES>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; HEAD_BYTES];
            bytes[..rest.len()].copy_from_slice(rest);
            u64::from_be_bytes(bytes)
        }
    }
}

/// Length of a cell's payload.
#[inline]
fn payload_len_at(body: &Body, at: usize) -> usize {
    read_u16(body, at + 2) & PAYLOAD_MASK
}

/// Position of a cell's payload.
#[inline]
fn payload_range(body: &Body, at: usize) -> Range<usize> {
    let start = at + CELL_HEADER_BYTES + read_u16(body, at).saturating_sub(HEAD_BYTES);
    start..start + payload_len_at(body, at)
}

/// The suffix of the key of a cell whose rest is longer than a head.
#[inline]
fn suffix(body: &Body, at: usize, rest_len: usize) -> &[u8] {
    &body[at + CELL_HEADER_BYTES..at + CELL_HEADER_BYTES + rest_len - HEAD_BYTES]
}

/// A cell's payload: the caller's bytes and the encoded roots.
#[inline]
pub(super) fn payload(body: &Body, index: usize) -> &[u8] {
    &body[payload_range(body, offset(body, index))]
}

/// A cell's payload, to be overwritten at the same length.
#[inline]
pub(super) fn payload_mut(body: &mut Body, index: usize) -> &mut [u8] {
    let range = payload_range(body, offset(body, index));
    &mut body[range]
}

/// A cell's payload with its flags, to be written elsewhere.
pub(super) fn payload_whole(body: &Body, index: usize) -> Payload<'_> {
    let meta = read_u16(body, offset(body, index) + 2) as u16;
    Payload::whole(meta, payload(body, index))
}

/// Bytes of a cell's payload that are encoded roots.
#[inline]
pub(super) fn root_bytes(body: &Body, index: usize) -> usize {
    (read_u16(body, offset(body, index) + 2) >> ROOTS_SHIFT & 3) * ROOT_BYTES
}

/// Whether a cell is a stem.
#[inline]
pub(super) fn is_stem(body: &Body, index: usize) -> bool {
    stems(body) > 0 && read_u16(body, offset(body, index) + 2) & STEM_FLAG != 0
}

/// Length of a cell's whole key.
pub(super) fn key_len(body: &Body, index: usize) -> usize {
    prefix_len(body) + read_u16(body, offset(body, index))
}

/// Writes a cell's whole key through `write`, in up to three pieces.
#[inline]
pub(super) fn key_pieces(body: &Body, index: usize, mut write: impl FnMut(&[u8])) {
    write(prefix(body));
    rest_pieces(body, index, write);
}

/// Writes what follows the prefix in a cell's key through `write`, in up to two pieces.
#[inline]
pub(super) fn rest_pieces(body: &Body, index: usize, mut write: impl FnMut(&[u8])) {
    let at = offset(body, index);
    let rest_len = read_u16(body, at);
    let head = head(body, index).to_be_bytes();
    write(&head[..rest_len.min(HEAD_BYTES)]);
    if rest_len > HEAD_BYTES {
        write(suffix(body, at, rest_len));
    }
}

/// A buffer for the longest key that a node can hold.
pub(super) type KeyBytes = [u8; STEM_BYTES];

/// A cell's whole key, assembled in `out`.
pub(super) fn key<'k>(body: &Body, index: usize, out: &'k mut KeyBytes) -> &'k [u8] {
    let mut len = 0;
    key_pieces(body, index, |piece| {
        out[len..len + piece.len()].copy_from_slice(piece);
        len += piece.len();
    });
    &out[..len]
}

/// Compares a cell's key with `rest`; their heads are equal.
#[inline]
fn compare_tie(body: &Body, index: usize, rest: &[u8]) -> Ordering {
    let at = offset(body, index);
    let rest_len = read_u16(body, at);
    if rest_len > HEAD_BYTES && rest.len() > HEAD_BYTES {
        suffix(body, at, rest_len).cmp(&rest[HEAD_BYTES..])
    } else {
        rest_len.cmp(&rest.len())
    }
}

/// First index from `from` on whose head is not below `wanted`.
#[inline]
fn first_head(heads: &[[u8; HEAD_BYTES]], from: usize, wanted: u64) -> usize {
    let heads = &heads[from..];
    if heads.is_empty() {
        return from;
    }
    let (mut base, mut size) = (0, heads.len());
    while size > 1 {
        let half = size / 2;
        let below = u64::from_le_bytes(heads[base + half - 1]) < wanted;
        base = std::hint::select_unpredictable(below, base + half, base);
        size -= half;
    }
    from + base + usize::from(u64::from_le_bytes(heads[base]) < wanted)
}

/// Finds a key among the cells from `from` on: its index, or the index where it would be inserted.
#[inline]
pub(super) fn search(body: &Body, from: usize, key: &[u8]) -> Result<usize, usize> {
    let prefix = prefix(body);
    let rest = match key.split_at_checked(prefix.len()) {
        Some((start, rest)) if start == prefix => rest,
        _ => return Err(if key < prefix { from } else { cells(body) }),
    };
    let wanted = head_of(rest);
    let heads = heads(body);
    let mut low = first_head(heads, from, wanted);
    if low == heads.len() || u64::from_le_bytes(heads[low]) != wanted {
        return Err(low);
    }
    match compare_tie(body, low, rest) {
        Ordering::Equal => return Ok(low),
        Ordering::Greater => return Err(low),
        Ordering::Less => low += 1,
    }
    let mut high = if wanted == u64::MAX { heads.len() } else { first_head(heads, low, wanted + 1) };
    while low < high {
        let middle = (low + high) / 2;
        match compare_tie(body, middle, rest) {
            Ordering::Equal => return Ok(middle),
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

/// The index at which a key is, if it is there at all. Looks at cells only if several keys have its head.
#[inline]
pub(super) fn probable(body: &Body, key: &[u8]) -> Option<usize> {
    let wanted = head_of(key.strip_prefix(prefix(body))?);
    let heads = heads(body);
    let low = first_head(heads, 0, wanted);
    let is_wanted = |index: usize| heads.get(index).is_some_and(|head| u64::from_le_bytes(*head) == wanted);
    match (is_wanted(low), is_wanted(low + 1)) {
        (false, _) => None,
        (true, false) => Some(low),
        (true, true) => search(body, low, key).ok(),
    }
}

/// Whether there is a cell at `index`, and its key is `key`.
#[inline]
pub(super) fn is_key(body: &Body, index: usize, key: &[u8]) -> bool {
    index < cells(body)
        && key
            .strip_prefix(prefix(body))
            .is_some_and(|rest| head(body, index) == head_of(rest) && compare_tie(body, index, rest).is_eq())
}

/// The cache lines of the page in which a cell starts, as far as a short one reaches.
#[inline]
pub(super) fn cell_lines(body: &Body, index: usize) -> Range<usize> {
    let first = offset(body, index) / LINE_BYTES;
    first..(first + CELL_LINES).min(PAGE_BYTES / LINE_BYTES)
}

/// Makes the page a node without cells whose keys will share `prefix`.
pub(super) fn start(body: &mut Body, level: u8, prefix: &[u8]) {
    body[0] = if level == 0 { LEAF } else { BRANCH };
    body[1] = level;
    write_u16(body, 2, 0);
    write_u16(body, HEAP_START, BODY_BYTES);
    write_u16(body, GARBAGE, 0);
    write_u16(body, PREFIX_LEN, prefix.len());
    write_u16(body, STEMS, 0);
    body[12..16].fill(0);
    body[HEADER_BYTES..HEADER_BYTES + prefix.len()].copy_from_slice(prefix);
}

/// Fills a newly started page with cells in key order.
pub(super) struct Builder<'a> {
    /// The page.
    body: &'a mut Body,
    /// Number of cells so far.
    next: usize,
    /// Number of cells that there will be.
    count: usize,
}

impl<'a> Builder<'a> {
    /// Prepares the page for `count` cells.
    pub(super) fn new(body: &'a mut Body, count: usize) -> Builder<'a> {
        assert!(cells(body) == 0 && count <= CELLS_MAX);
        write_u16(body, 2, count);
        Builder { body, next: 0, count }
    }

    /// Adds the next cell. All of them together must fit the page.
    pub(super) fn push(&mut self, rest: &[u8], payload: Payload<'_>) {
        let at = push_cell(self.body, rest, payload);
        page::write_u64(self.body, head_at(self.body, self.next), head_of(rest));
        write_u16(self.body, offset_at(self.body, self.count, self.next), at);
        self.next += 1;
    }
}

/// Copies a node without the gap, its page number and its generation.
#[inline]
pub(super) fn copy(from: &Body, to: &mut Body) {
    let low = offset_at(from, cells(from), cells(from));
    let high = read_u16(from, HEAP_START);
    to[..low].copy_from_slice(&from[..low]);
    to[high..].copy_from_slice(&from[high..]);
}

/// Puts a cell at `index` if it fits. `rest` is its key beyond the page's prefix. In a branch, `rest` must be empty
/// for index 0. `spare` is overwritten when the page must be compacted.
pub(super) fn insert(
    body: &mut Body,
    index: usize,
    rest: &[u8],
    payload: Payload<'_>,
    spare: &mut Body,
) -> bool {
    let count = cells(body);
    let bytes = cell_bytes(rest.len(), payload.len());
    let free = read_u16(body, HEAP_START) - offset_at(body, count, count);
    if free < bytes + SLOT_BYTES {
        if free + read_u16(body, GARBAGE) < bytes + SLOT_BYTES {
            return false;
        }
        compact(body, spare);
    }
    let at = push_cell(body, rest, payload);
    open_slot(body, index, count);
    page::write_u64(body, head_at(body, index), head_of(rest));
    write_u16(body, offset_at(body, count + 1, index), at);
    true
}

/// Writes a cell at the low end of the heap and returns its offset.
fn push_cell(body: &mut Body, rest: &[u8], payload: Payload<'_>) -> usize {
    let at = read_u16(body, HEAP_START) - cell_bytes(rest.len(), payload.len());
    write_u16(body, at, rest.len());
    write_u16(body, at + 2, usize::from(payload.meta));
    let suffix = rest.get(HEAD_BYTES..).unwrap_or(&[]);
    let payload_at = at + CELL_HEADER_BYTES + suffix.len();
    body[at + CELL_HEADER_BYTES..payload_at].copy_from_slice(suffix);
    payload.write(&mut body[payload_at..payload_at + payload.len()]);
    write_u16(body, HEAP_START, at);
    if payload.is_stem() {
        write_u16(body, STEMS, stems(body) + 1);
    }
    at
}

/// Makes room for one more head and offset at `index`.
fn open_slot(body: &mut Body, index: usize, count: usize) {
    let (old, new) = (head_at(body, count), head_at(body, count + 1));
    body.copy_within(old + 2 * index..old + 2 * count, new + 2 * index + 2);
    body.copy_within(old..old + 2 * index, new);
    let heads = head_at(body, index);
    body.copy_within(heads..old, heads + HEAD_BYTES);
    write_u16(body, 2, count + 1);
}

/// Removes the cell at `index`; its bytes become garbage.
pub(super) fn remove(body: &mut Body, index: usize) {
    let count = cells(body);
    let at = offset(body, index);
    if is_stem(body, index) {
        write_u16(body, STEMS, stems(body) - 1);
    }
    let bytes = cell_bytes(read_u16(body, at), payload_len_at(body, at));
    if at == read_u16(body, HEAP_START) {
        write_u16(body, HEAP_START, at + bytes);
    } else {
        write_u16(body, GARBAGE, read_u16(body, GARBAGE) + bytes);
    }
    let (old, new) = (head_at(body, count), head_at(body, count - 1));
    let heads = head_at(body, index);
    body.copy_within(heads + HEAD_BYTES..old, heads);
    body.copy_within(old..old + 2 * index, new);
    body.copy_within(old + 2 * index + 2..old + 2 * count, new + 2 * index);
    write_u16(body, 2, count - 1);
}

/// Overwrites the payload of a cell if the new one has the same length and kind.
#[inline]
pub(super) fn overwrite(body: &mut Body, index: usize, payload: Payload<'_>) -> bool {
    let at = offset(body, index);
    if read_u16(body, at + 2) != usize::from(payload.meta) {
        return false;
    }
    let range = payload_range(body, at);
    payload.write(&mut body[range]);
    true
}

/// Removes the key of a branch's cell 0, so that the cell sorts before all keys.
pub(super) fn clear_first_key(body: &mut Body) {
    let at = offset(body, 0);
    let payload = payload_range(body, at);
    let garbage = payload.start - at - CELL_HEADER_BYTES;
    body.copy_within(payload, at + CELL_HEADER_BYTES);
    write_u16(body, at, 0);
    write_u16(body, GARBAGE, read_u16(body, GARBAGE) + garbage);
    page::write_u64(body, head_at(body, 0), 0);
}

/// Moves the cells together at the page's end. The keys keep their prefix, so heads do not change.
fn compact(body: &mut Body, spare: &mut Body) {
    let old_start = read_u16(body, HEAP_START);
    spare[old_start..].copy_from_slice(&body[old_start..]);
    let count = cells(body);
    let mut start = BODY_BYTES;
    for index in 0..count {
        let at = offset(body, index);
        let bytes = cell_bytes(read_u16(spare, at), payload_len_at(spare, at));
        start -= bytes;
        body[start..start + bytes].copy_from_slice(&spare[at..at + bytes]);
        write_u16(body, offset_at(body, count, index), start);
    }
    write_u16(body, HEAP_START, start);
    write_u16(body, GARBAGE, 0);
}

/// Checks every number inside a node, so that no later access to it can leave the page.
pub(super) fn validate(body: &Body) -> Result<(), &'static str> {
    let (count, heap, prefix) = (cells(body), read_u16(body, HEAP_START), prefix_len(body));
    let leaf = is_leaf(body);
    if leaf != (page::level(body) == 0) {
        return Err("the level does not fit the kind");
    }
    if count == 0 || count > CELLS_MAX {
        return Err("an impossible number of cells");
    }
    if prefix > STEM_BYTES || heap > BODY_BYTES || heap < offset_at(body, count, count) {
        return Err("heap and prefix do not fit the page");
    }
    let (mut bytes, mut stems_found) = (0, 0);
    for index in 0..count {
        bytes += validate_cell(body, index, heap)?;
        stems_found += usize::from(is_stem(body, index));
    }
    if bytes + read_u16(body, GARBAGE) != BODY_BYTES - heap {
        return Err("cells and garbage do not fill the heap");
    }
    if stems_found != stems(body) || (stems_found > 0 && !leaf) {
        return Err("a wrong number of stems");
    }
    let from = usize::from(!leaf);
    if !heads(body)[from..].is_sorted_by_key(|head| u64::from_le_bytes(*head)) {
        return Err("heads out of order");
    }
    Ok(())
}

/// Checks one cell's numbers and returns how many heap bytes it takes.
fn validate_cell(body: &Body, index: usize, heap: usize) -> Result<usize, &'static str> {
    let at = offset(body, index);
    if at < heap || at + CELL_HEADER_BYTES > BODY_BYTES {
        return Err("a cell's offset lies outside the heap");
    }
    let (rest_len, meta) = (read_u16(body, at), read_u16(body, at + 2));
    let payload_len = meta & PAYLOAD_MASK;
    let bytes = cell_bytes(rest_len, payload_len);
    if at + bytes > BODY_BYTES {
        return Err("a cell does not end inside the heap");
    }
    if prefix_len(body) + rest_len > STEM_BYTES {
        return Err("a key is too long");
    }
    // A search compares whole heads, so the part of a head that a short key does not fill must be zeros.
    if rest_len < HEAD_BYTES
        && head(body, index).checked_shl(8 * rest_len as u32).is_some_and(|rest| rest != 0)
    {
        return Err("a head that is longer than its key");
    }
    let stem = meta & STEM_FLAG != 0;
    if stem != (is_leaf(body) && prefix_len(body) + rest_len == STEM_BYTES) {
        return Err("a stem of the wrong length");
    }
    let fits = match is_leaf(body) {
        false => meta == POINTER_BYTES && (index > 0 || rest_len == 0),
        true if stem => meta == ROOT_BYTES | 1 << ROOTS_SHIFT | STEM_FLAG,
        true => meta >> 14 == 0 && (meta >> ROOTS_SHIFT & 3) * ROOT_BYTES <= payload_len,
    };
    if !fits {
        return Err("a payload that does not fit its kind");
    }
    let roots = &body[..at + bytes][at + bytes - root_bytes(body, index)..];
    if !roots.as_chunks().0.iter().all(|root| Root::decode(root).is_possible()) {
        return Err("a root that no tree can have");
    }
    Ok(bytes)
}

/// Whether two cells of a valid node share bytes. No change of a node leads to that.
pub(super) fn cells_overlap(body: &Body) -> bool {
    let mut ranges: Vec<(usize, usize)> = (0..cells(body))
        .map(|index| (offset(body, index), payload_range(body, offset(body, index)).end))
        .collect();
    ranges.sort_unstable();
    ranges.windows(2).any(|pair| pair[0].1 > pair[1].0)
}

#[cfg(test)]
mod tests;
