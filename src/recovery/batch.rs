//! A batch of consecutive records, which replay applies together.

use crate::keyspace::{Applier, ApplyError};
use crate::table::TableWriter;

/// Records whose keys are looked up together.
const BATCH_RECORDS: usize = 64;
/// Bytes of payloads after which a batch takes no further record.
const BATCH_BYTES: usize = 128 << 10;

/// Consecutive records, so that the leaves of their keys can be fetched together before they are changed.
#[derive(Default)]
pub(super) struct Batch {
    /// The payloads, concatenated.
    bytes: Vec<u8>,
    /// LSN of each record, and where its payload ends.
    records: Vec<(u64, usize)>,
}

impl Batch {
    /// Adds a record.
    pub fn push(&mut self, lsn: u64, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.records.push((lsn, self.bytes.len()));
    }

    /// Whether the batch should be applied.
    pub fn is_full(&self) -> bool {
        self.records.len() >= BATCH_RECORDS || self.bytes.len() >= BATCH_BYTES
    }

    /// Whether a record makes it too long to hold in memory with others.
    pub fn is_long(&self) -> bool {
        self.bytes.len() > 2 * BATCH_BYTES
    }

    /// Applies the effects of all records, in order.
    pub fn apply(&self, writer: &mut TableWriter) -> Result<(), ApplyError> {
        let mut applier = Applier::new(writer);
        self.payloads().try_for_each(|(lsn, payload)| applier.prefetch(lsn, payload))?;
        self.payloads().try_for_each(|(lsn, payload)| applier.record(lsn, payload))
    }

    /// LSN and payload of each record.
    pub fn payloads(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let starts = std::iter::once(0).chain(self.records.iter().map(|&(_, end)| end));
        self.records.iter().zip(starts).map(|(&(lsn, end), start)| (lsn, &self.bytes[start..end]))
    }
}
