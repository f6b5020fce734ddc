//! Decoding payloads into effects.

use super::cause::Cause;
use super::change::Effect;
use super::input::{EffectError, Input, Reason};
use super::{FORMAT, FORMAT_CAUSED};

/// A payload that was checked completely.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    /// The command that made the record; see `Spec::id`.
    pub command_id: u16,
    /// Who caused it.
    pub cause: Cause<'a>,
    /// Number of effects.
    count: u64,
    /// The encoded effects.
    bytes: &'a [u8],
}

/// Decodes a payload. Checks all of it; never panics.
pub fn decode(payload: &[u8]) -> Result<Decoded<'_>, EffectError> {
    let mut input = Input { bytes: payload, at: 0 };
    let (command_id, cause) = head(&mut input)?;
    let count = input.varint()?;
    let start = input.at;
    for _ in 0..count {
        Effect::decode(&mut input)?;
    }
    if input.at != payload.len() {
        return Err(input.error(Reason::Trailing));
    }
    Ok(Decoded { command_id, cause, count, bytes: &payload[start..] })
}

/// Who caused a record, read without decoding its effects; `None` if that cannot be read.
pub fn cause(payload: &[u8]) -> Option<Cause<'_>> {
    head(&mut Input { bytes: payload, at: 0 }).ok().map(|(_, cause)| cause)
}

/// The part before the effects: the command, and who caused it.
fn head<'a>(input: &mut Input<'a>) -> Result<(u16, Cause<'a>), EffectError> {
    let format = input.byte()?;
    if format != FORMAT && format != FORMAT_CAUSED {
        return Err(EffectError { offset: 0, reason: Reason::UnknownFormat(format) });
    }
    let command_id = u16::from_le_bytes(input.array()?);
    let cause = if format == FORMAT_CAUSED { Cause::read(input)? } else { Cause::default() };
    Ok((command_id, cause))
}

impl<'a> Decoded<'a> {
    /// Number of effects.
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
    /// The rest of the payload. It was checked, or encoded by this program, so reading it cannot fail.
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
