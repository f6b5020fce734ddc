//! IDs of the entries of streams, encoded in 16 bytes that sort like the IDs.
//!
//! ```text
//! id = milliseconds u64 BE | sequence number u64 BE
//! ```

use std::fmt;

/// Bytes of an ID.
pub const ENTRY_ID_BYTES: usize = 16;

/// The ID of an entry of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId {
    /// Milliseconds since 1970, mostly.
    pub ms: u64,
    /// Tells entries of one millisecond apart.
    pub seq: u64,
}

impl EntryId {
    /// The lowest ID, which no entry has.
    pub const MIN: EntryId = EntryId { ms: 0, seq: 0 };
    /// The highest ID.
    pub const MAX: EntryId = EntryId { ms: u64::MAX, seq: u64::MAX };

    /// The next higher ID, or `None` for the highest.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The next lower ID, or `None` for the lowest.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Its bytes, which sort like the IDs.
    pub fn to_bytes(self) -> [u8; ENTRY_ID_BYTES] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The ID with these bytes, or `None` if they are not as many as an ID has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let number = u128::from_be_bytes(bytes.try_into().ok()?);
        Some(Self { ms: (number >> 64) as u64, seq: number as u64 })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_neighbours_and_bytes_in_their_order() {
        let id = |ms, seq| EntryId { ms, seq };
        let ascending = [id(0, 0), id(0, 1), id(0, u64::MAX), id(1, 0), id(256, 0), id(u64::MAX, u64::MAX)];
        assert!(ascending.is_sorted() && ascending.map(EntryId::to_bytes).is_sorted());
        for id in ascending {
            assert_eq!(EntryId::from_bytes(&id.to_bytes()), Some(id));
            assert!(id.next().is_none_or(|next| next > id && next.previous() == Some(id)));
            assert!(id.previous().is_none_or(|previous| previous.next() == Some(id)));
        }
        assert_eq!(id(0, u64::MAX).next(), Some(id(1, 0)));
        assert_eq!((EntryId::MAX.next(), EntryId::MIN.previous()), (None, None));
        assert_eq!(EntryId::from_bytes(&[0; 15]), None);
        assert_eq!(id(5, 7).to_string(), "5-7");
    }
}
