//! The records that the writer's version can be built from anew.

/// Pages taken after which the version should be frozen: some tenths of a second of work.
const REDO_PAGES_MAX: u64 = 64 << 10;

/// The records of groups that were closed since the last version that is published.
pub(super) struct Redo {
    /// Bytes after which the version should be frozen.
    bytes_max: usize,
    /// Pages that the table had taken when the version was frozen last.
    pages_before: u64,
    /// Records since the version was frozen last.
    open: Records,
    /// Records before that, of a version that is frozen and not published yet.
    frozen: Records,
}

/// Some records in a row.
#[derive(Default)]
struct Records {
    /// LSN of the first.
    first_lsn: u64,
    /// The payloads, one behind the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Redo {
    /// No records. A version should be frozen when there are `bytes_max` bytes of them.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, pages_before: 0, open: Records::default(), frozen: Records::default() }
    }

    /// Adds the payloads of a group that is closed, and whose first record has this LSN.
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

    /// Whether so much is held, or it takes that many pages to do it once more, that the version should be frozen.
    pub fn is_full(&self, pages_taken: u64) -> bool {
        self.open.bytes.len() >= self.bytes_max || pages_taken - self.pages_before >= REDO_PAGES_MAX
    }

    /// The version was frozen when the table had taken `pages_taken` pages.
    pub fn freeze(&mut self, pages_taken: u64) {
        debug_assert!(self.frozen.ends.is_empty(), "one version at most is frozen");
        self.pages_before = pages_taken;
        std::mem::swap(&mut self.open, &mut self.frozen);
    }

    /// The version that was frozen is published: forgets what led to it.
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

    /// LSN and payload of the records since the version was frozen last, in order.
    pub fn since_frozen(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.open.iter()
    }

    /// LSN and payload of the records since the version that is published, in order.
    pub fn since_published(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.frozen.iter().chain(self.open.iter())
    }
}

impl Records {
    /// Forgets them, and keeps memory for `bytes_max` bytes.
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
