//! The records that the writer's version can be built from anew.

/// Pages taken after which the version should be frozen: some tenths of a second of work.
const REDO_PAGES_MAX: u64 = 64 << 10;

/// The records of the groups that were closed since the last freeze.
pub(super) struct Redo {
    /// Bytes after which the version should be frozen.
    bytes_max: usize,
    /// Pages that the table had taken when the version was frozen last.
    pages_before: u64,
    /// The payloads, one behind the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Redo {
    /// No records. A version should be frozen when there are so many bytes of them.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, pages_before: 0, bytes: Vec::new(), ends: Vec::new() }
    }

    /// Adds the payloads of a group that is closed.
    pub fn push<'p>(&mut self, payloads: impl Iterator<Item = &'p [u8]>) {
        for payload in payloads {
            self.bytes.extend_from_slice(payload);
            self.ends.push(self.bytes.len());
        }
    }

    /// Number of records.
    pub fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Whether so much is held, or it takes so many pages to do it once more, that the version should be frozen.
    pub fn is_full(&self, pages_taken: u64) -> bool {
        self.bytes.len() >= self.bytes_max || pages_taken - self.pages_before >= REDO_PAGES_MAX
    }

    /// Forgets all: the version was frozen when the table had taken so many pages.
    pub fn clear(&mut self, pages_taken: u64) {
        self.pages_before = pages_taken;
        self.bytes.clear();
        self.bytes.shrink_to(self.bytes_max);
        self.ends.clear();
    }

    /// Frees what is kept for later, if there is no record.
    pub fn let_go(&mut self) {
        if self.ends.is_empty() {
            (self.bytes, self.ends) = (Vec::new(), Vec::new());
        }
    }

    /// The payloads, in order.
    pub(super) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}
