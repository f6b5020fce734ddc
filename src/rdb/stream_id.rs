//! IDs of stream entries.

use super::error::RdbError;
use super::input::Input;
use super::output::{Output, put_length};

/// The ID of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// Milliseconds since 1970.
    pub ms: u64,
    /// Number among the entries of the same millisecond.
    pub sequence: u64,
}

impl StreamId {
    /// The ID in 16 bytes.
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Self { ms: (number >> 64) as u64, sequence: number as u64 }
    }

    /// Its 16 bytes.
    pub(super) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.sequence)).to_be_bytes()
    }

    /// Reads an ID that is two lengths.
    pub(super) fn read(input: &mut Input<'_>) -> Result<Self, RdbError> {
        Ok(Self { ms: input.length()?, sequence: input.length()? })
    }

    /// Writes the ID as two lengths.
    pub(super) fn put(self, output: &mut impl Output) {
        put_length(self.ms, output);
        put_length(self.sequence, output);
    }
}
