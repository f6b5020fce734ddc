//! Runs of cells, and how they are laid out on pages: one page with a cell inserted, or two neighbours joined.
//!
//! A page's prefix is chosen here, whenever a page is rebuilt. A prefix saves space only while the longest key still
//! fills its head after the prefix. So the prefix chosen is the common prefix, cut to the length of the longest key
//! less a head. No other prefix makes the page smaller.

use std::ops::Range;

use super::{
    node::{
        self, CELLS_MAX, HEAD_BYTES, KeyBytes, NODE_BYTES, Payload, SLOT_BYTES, STEM_BYTES, cell_bytes,
        payload_whole,
    },
    page::Body,
};

/// Cells in key order, not necessarily on one page.
pub(super) trait Cells {
    /// Number of cells.
    fn len(&self) -> usize;
    /// The key of a cell. It is assembled in `out` if it is not stored in one piece.
    fn key<'k>(&'k self, index: usize, out: &'k mut KeyBytes) -> &'k [u8];
    /// Length of that key.
    fn key_len(&self, index: usize) -> usize;
    /// What the cell holds besides its key.
    fn payload(&self, index: usize) -> Payload<'_>;
}

/// The cells of a page with one more inserted.
pub(super) struct WithInserted<'a> {
    /// The page.
    pub body: &'a Body,
    /// Index of the new cell.
    pub at: usize,
    /// Its key.
    pub key: &'a [u8],
    /// What it holds.
    pub payload: Payload<'a>,
}

impl Cells for WithInserted<'_> {
    fn len(&self) -> usize {
        node::cells(self.body) + 1
    }

    fn key<'k>(&'k self, index: usize, out: &'k mut KeyBytes) -> &'k [u8] {
        if index == self.at {
            self.key
        } else {
            node::key(self.body, index - usize::from(index > self.at), out)
        }
    }

    fn key_len(&self, index: usize) -> usize {
        if index == self.at {
            self.key.len()
        } else {
            node::key_len(self.body, index - usize::from(index > self.at))
        }
    }

    fn payload(&self, index: usize) -> Payload<'_> {
        if index == self.at {
            self.payload
        } else {
            payload_whole(self.body, index - usize::from(index > self.at))
        }
    }
}

/// The cells of two neighbours, one after the other.
pub(super) struct Joined<'a> {
    /// The page with the lower keys.
    pub left: &'a Body,
    /// The page with the higher keys.
    pub right: &'a Body,
    /// For branches: the separator between them, which becomes the key of the right one's cell 0.
    pub separator: Option<&'a [u8]>,
}

impl Joined<'_> {
    /// The page of a cell and its index there.
    fn locate(&self, index: usize) -> (&Body, usize) {
        let left = node::cells(self.left);
        if index < left { (self.left, index) } else { (self.right, index - left) }
    }

    /// The separator, if it is the key of this cell.
    fn separator_at(&self, index: usize) -> Option<&[u8]> {
        self.separator.filter(|_| index == node::cells(self.left))
    }
}

impl Cells for Joined<'_> {
    fn len(&self) -> usize {
        node::cells(self.left) + node::cells(self.right)
    }

    fn key<'k>(&'k self, index: usize, out: &'k mut KeyBytes) -> &'k [u8] {
        if let Some(separator) = self.separator_at(index) {
            return separator;
        }
        let (body, index) = self.locate(index);
        node::key(body, index, out)
    }

    fn key_len(&self, index: usize) -> usize {
        if let Some(separator) = self.separator_at(index) {
            return separator.len();
        }
        let (body, index) = self.locate(index);
        node::key_len(body, index)
    }

    fn payload(&self, index: usize) -> Payload<'_> {
        let (body, index) = self.locate(index);
        payload_whole(body, index)
    }
}

/// How a run of cells would be laid out on one page.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// Length of the page's prefix.
    prefix_len: usize,
    /// Bytes that the page would use.
    bytes: usize,
}

impl Plan {
    /// Whether the run fits one page.
    pub(super) fn fits(&self) -> bool {
        self.bytes <= NODE_BYTES
    }

    /// Bytes that the page would use.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Number of leading bytes that two keys share.
pub(super) fn common_len(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// How the cells of `range` would be laid out on one page of this level. In a branch the first cell has no key.
pub(super) fn plan(cells: &impl Cells, range: Range<usize>, level: u8) -> Plan {
    let keyed = range.start + usize::from(level > 0)..range.end;
    let (mut first, mut last) = ([0; STEM_BYTES], [0; STEM_BYTES]);
    let common = match keyed.is_empty() {
        true => 0,
        false => common_len(cells.key(keyed.start, &mut first), cells.key(keyed.end - 1, &mut last)),
    };
    let longest = keyed.clone().map(|index| cells.key_len(index)).max().unwrap_or(0);
    let prefix_len = common.min(longest.saturating_sub(HEAD_BYTES));
    let mut bytes = prefix_len + SLOT_BYTES * range.len();
    for index in range {
        let rest_len = if index < keyed.start { 0 } else { cells.key_len(index) - prefix_len };
        bytes += cell_bytes(rest_len, cells.payload(index).len());
    }
    Plan { prefix_len, bytes }
}

/// Lays out the cells of `range` on a page. The plan must be for this range, and fit.
pub(super) fn build(cells: &impl Cells, range: Range<usize>, level: u8, plan: Plan, out: &mut Body) {
    assert!(plan.fits());
    let mut bytes = [0; STEM_BYTES];
    let keyed = range.start + usize::from(level > 0);
    let prefix = if keyed < range.end { &cells.key(keyed, &mut bytes)[..plan.prefix_len] } else { &[] };
    node::start(out, level, prefix);
    let mut builder = node::Builder::new(out, range.len());
    for index in range {
        let rest = if index < keyed { &[] } else { &cells.key(index, &mut bytes)[plan.prefix_len..] };
        builder.push(rest, cells.payload(index));
    }
}

/// Where to cut a run that does not fit one page: the index of the first cell of the right page.
///
/// `at` is the index of the new cell. `prefix_len` is the length of the old page's prefix if the new key has it too. A
/// cell at either end gets a page of its own, so that keys inserted in order, ascending or descending, leave full
/// pages. Otherwise both halves get about the same number of bytes. A key without the old prefix is always at one end
/// of the page.
pub(super) fn cut(cells: &impl Cells, at: usize, prefix_len: Option<usize>, level: u8) -> usize {
    let count = cells.len();
    if at + 1 == count {
        return if level == 0 { count - 1 } else { count - 2 };
    }
    // In a branch cell 0 has no key: no new cell comes before it.
    if level == 0 && at == 0 || level > 0 && at == 1 {
        return at + 1;
    }
    let Some(prefix_len) = prefix_len else { return 1 };
    let mut sizes = [0; CELLS_MAX + 1];
    for (index, size) in sizes[..count].iter_mut().enumerate() {
        let rest_len = cells.key_len(index).saturating_sub(prefix_len);
        *size = SLOT_BYTES + cell_bytes(rest_len, cells.payload(index).len());
    }
    balanced_cut(&sizes[..count], prefix_len)
}

/// The cut with which both pages fit and differ least.
fn balanced_cut(sizes: &[usize], prefix_len: usize) -> usize {
    let total: usize = sizes.iter().sum();
    let mut best = (usize::MAX, 0);
    let mut left = 0;
    for (index, size) in sizes[..sizes.len() - 1].iter().enumerate() {
        left += size;
        let right = total - left;
        if left.max(right) + prefix_len <= NODE_BYTES {
            best = best.min((left.abs_diff(right), index + 1));
        }
    }
    assert!(best.1 > 0, "two largest cells fit one page, so there is a cut");
    best.1
}

/// The shortest key that is above `left` and not above `right`.
pub(super) fn separator<'a>(left: &[u8], right: &'a [u8]) -> &'a [u8] {
    debug_assert!(left < right);
    &right[..common_len(left, right) + 1]
}
