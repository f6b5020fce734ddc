//! Encoding effects. The format is documented at the top of [the module](super).

use super::cause::{Cause, put_head};
use super::change::Effect;
use super::decode::Effects;
use super::sink::{Sink, put_varint, varint_bytes};
use super::{FORMAT, FORMAT_CAUSED};

/// The buffer's memory is freed when it has grown past this, in bytes.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// The effects of the record being built, encoded. Kept by the writer and reused.
#[derive(Debug, Default)]
pub struct EffectBuffer {
    /// The effects, concatenated.
    bytes: Vec<u8>,
    /// Number of effects.
    count: u64,
    /// Who causes the record, encoded; empty for none.
    cause: Vec<u8>,
}

impl EffectBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was changed, so that there is no record to write.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of effects in the buffer.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The position of the next effect, for [`EffectBuffer::since`].
    pub fn mark(&self) -> usize {
        self.bytes.len()
    }

    /// Removes the effects added since `mark`.
    pub fn take_back(&mut self, mark: usize) {
        self.count -= self.since(mark).count() as u64;
        self.bytes.truncate(mark);
    }

    /// The effects added since `mark`.
    pub fn since(&self, mark: usize) -> Effects<'_> {
        Effects::encoded(&self.bytes[mark..])
    }

    /// Length of the payload, in bytes.
    pub fn payload_bytes(&self) -> usize {
        3 + self.cause.len() + varint_bytes(self.count) + self.bytes.len()
    }

    /// Sets who causes this record.
    pub fn set_cause(&mut self, cause: &Cause<'_>) {
        self.cause.clear();
        if !cause.is_empty() {
            cause.put(&mut self.cause);
        }
    }

    /// Sets the origin with this number in the group as the cause. Pass its encoding too if this record defines it.
    pub fn caused_by(&mut self, number: u32, origin: Option<&[u8]>) {
        self.cause.clear();
        put_head(number, origin.is_some(), false, &mut self.cause);
        self.cause.extend_from_slice(origin.unwrap_or_default());
    }

    /// Adds an effect.
    pub fn push(&mut self, effect: &Effect<'_>) {
        effect.encode(&mut self.bytes);
        self.count += 1;
    }

    /// The effects so far, in order.
    pub fn effects(&self) -> Effects<'_> {
        Effects::encoded(&self.bytes)
    }

    /// Writes the record's payload: the changes of the command `command_id`.
    pub fn write(&self, command_id: u16, sink: &mut impl Sink) {
        sink.push(if self.cause.is_empty() { FORMAT } else { FORMAT_CAUSED });
        sink.extend_from_slice(&command_id.to_le_bytes());
        sink.extend_from_slice(&self.cause);
        put_varint(self.count, sink);
        sink.extend_from_slice(&self.bytes);
    }

    /// Empties the buffer for the next record, including the cause.
    pub fn clear(&mut self) {
        self.count = 0;
        self.cause.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
    }
}
