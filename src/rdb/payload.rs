//! The frame of a payload: version and checksum behind the value.

use crc::{CRC_64_REDIS, Crc, Digest, Table};

use super::input::Input;
use super::output::Output;
use super::types::TIMED_VERSION;

/// Bytes behind the value: the version and the checksum.
pub const FOOTER_BYTES: usize = VERSION_BYTES + SUM_BYTES;
const VERSION_BYTES: usize = 2;
const SUM_BYTES: usize = 8;

/// The newest version that is read.
const VERSION_MAX: u16 = TIMED_VERSION;

/// Computes checksums.
static SUMS: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// A payload that is damaged, or of a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DUMP payload version or checksum are wrong")]
pub struct WrongPayload;

/// Checks a payload. Returns its type's number and its value. Like Redis, bytes behind the value are ignored.
pub fn open(payload: &[u8]) -> Result<Input<'_>, WrongPayload> {
    let (summed, sum) = payload.split_last_chunk::<SUM_BYTES>().ok_or(WrongPayload)?;
    let (value, version) = summed.split_last_chunk::<VERSION_BYTES>().ok_or(WrongPayload)?;
    let is_right =
        u16::from_le_bytes(*version) <= VERSION_MAX && u64::from_le_bytes(*sum) == SUMS.checksum(summed);
    if is_right { Ok(Input::new(value)) } else { Err(WrongPayload) }
}

/// Passes the bytes of a payload on, and adds the footer.
pub struct Seal<'o, O> {
    /// Where the bytes go.
    output: &'o mut O,
    /// Their checksum so far.
    sum: Digest<'static, u64, Table<16>>,
}

impl<'o, O: Output> Seal<'o, O> {
    /// A payload without any bytes yet.
    pub fn new(output: &'o mut O) -> Self {
        Self { output, sum: SUMS.digest() }
    }

    /// Ends a payload whose types are those of `version`.
    pub fn finish(mut self, version: u16) {
        self.put(&version.to_le_bytes());
        self.output.put(&self.sum.finalize().to_le_bytes());
    }
}

impl<O: Output> Output for Seal<'_, O> {
    fn put(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.output.put(bytes);
    }

    fn is_full(&self) -> bool {
        self.output.is_full()
    }
}
