//! The records from which the writer's version can be rebuilt.

/// Pages allocated after which the version should be frozen: a few tenths of a second of work.
const REDO_PAGES_MAX: u64 = 64 << 10;

/// The records of closed groups since the published version.
pub(super) struct Redo {
    /// Bytes after which the version should be frozen.
    bytes_max: usize,
    /// Pages that the table had allocated when the version was last frozen.
    pages_before: u64,
    /// Records since the version was last frozen.
    open: Records,
    /// Records before that, if the frozen version is not published yet.
    frozen: Records,
}

/// Consecutive records.
#[derive(Default)]
struct Records {
    /// LSN of the first.
    first_lsn: u64,
    /// The payloads, concatenated.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Redo {
    /// No records. The version should be frozen when there are `bytes_max` bytes of them.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, pages_before: 0, open: Records::default(), frozen: Records::default() }
    }

    /// Adds the payloads of a closed group, whose first record has this LSN.
    pub fn push<'p>(&mut self, first_lsn: u64, payloads: impl Iterator<Item = &'p [u8]>) {
        let Records { first_lsn: first, bytes, ends } = &mut self.open;
        if ends.is_empty() {
            *first = first_lsn;
        }
        for payload in payloads {
            bytes.extend_from_slice(payload);
            ends.push(bytes.len());
        }
    }

    /// Whether the version should be frozen, because there are too many bytes of records, or applying them again would
    /// take too many pages.
    pub fn is_full(&self, pages_taken: u64) -> bool {
        self.open.bytes.len() >= self.bytes_max || pages_taken - self.pages_before >= REDO_PAGES_MAX
    }

    /// The version was frozen when the table had allocated `pages_taken` pages.
    pub fn freeze(&mut self, pages_taken: u64) {
        debug_assert!(self.frozen.ends.is_empty(), "one version at most is frozen");
        self.pages_before = pages_taken;
        std::mem::swap(&mut self.open, &mut self.frozen);
    }

    /// The frozen version is published: forgets its records.
    pub fn published(&mut self) {
        self.frozen.clear(self.bytes_max);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.open.clear(self.bytes_max);
        self.frozen.clear(self.bytes_max);
    }

    /// Frees what is kept for later.
    pub fn let_go(&mut self) {
        for records in [&mut self.open, &mut self.frozen] {
            if records.ends.is_empty() {
                *records = Records::default();
            }
        }
    }

    /// LSN and payload of the records since the version was last frozen, in order.
    pub fn since_frozen(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.open.iter()
    }

    /// LSN and payload of the records since the published version, in order.
    pub fn since_published(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.frozen.iter().chain(self.open.iter())
    }
}

impl Records {
    /// Forgets them, but keeps memory for `bytes_max` bytes.
    fn clear(&mut self, bytes_max: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(bytes_max);
        self.ends.clear();
    }

    /// LSN and payload of each.
    fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let payloads = starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end]);
        (self.first_lsn..).zip(payloads)
    }
}
