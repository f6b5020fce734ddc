//! Payloads to effects.

use super::FORMAT;
use super::change::Effect;
use super::input::{EffectError, Input, Reason};

/// A payload that was checked from end to end.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    /// The command that made the record; see `Spec::id`.
    pub command_id: u16,
    /// How many effects there are.
    count: u64,
    /// The encoded effects.
    bytes: &'a [u8],
}

/// Reads a payload: checks all of it, changes nothing, never panics.
pub fn decode(payload: &[u8]) -> Result<Decoded<'_>, EffectError> {
    let mut input = Input { bytes: payload, at: 0 };
    let format = input.byte()?;
    if format != FORMAT {
        return Err(EffectError { offset: 0, reason: Reason::UnknownFormat(format) });
    }
    let command_id = u16::from_le_bytes([input.byte()?, input.byte()?]);
    let count = input.varint()?;
    let start = input.at;
    for _ in 0..count {
        Effect::decode(&mut input)?;
    }
    if input.at != payload.len() {
        return Err(input.error(Reason::Trailing));
    }
    Ok(Decoded { command_id, count, bytes: &payload[start..] })
}

impl<'a> Decoded<'a> {
    /// How many effects there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The effects, in order.
    pub fn effects(&self) -> Effects<'a> {
        Effects { input: Input { bytes: self.bytes, at: 0 } }
    }
}

/// The effects of a payload, in order.
#[derive(Clone, Debug)]
pub struct Effects<'a> {
    /// What is left of the payload. It was checked, or written here: reading it cannot fail.
    input: Input<'a>,
}

impl<'a> Effects<'a> {
    /// The effects in `bytes`, which this program encoded itself.
    pub(super) fn encoded(bytes: &'a [u8]) -> Self {
        Self { input: Input { bytes, at: 0 } }
    }
}

impl<'a> Iterator for Effects<'a> {
    type Item = Effect<'a>;

    fn next(&mut self) -> Option<Effect<'a>> {
        if self.input.at == self.input.bytes.len() {
            return None;
        }
        Some(Effect::decode(&mut self.input).expect("decode() has read these bytes before"))
    }
}
