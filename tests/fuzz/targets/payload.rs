//! Payloads of records: each is refused, or has one spelling; and applying it to a table ends in order.
//!
//! Input: a payload.

use ackd::effect::{EffectBuffer, decode};
use ackd::keyspace::Keyspace;
use ackd::table::{MemoryFile, Table, TableOptions};

use super::memory::bounded;

/// Effects on strings longer than this are not applied: they only fill the table with zeros.
const OFFSET_MAX: u64 = 1 << 20;
/// Largest size of the table in which effects are applied.
const TABLE_BYTES: u64 = 256 << 10;

pub fn run(bytes: &[u8]) {
    let decoded = match bounded(bytes.len(), || decode(bytes)) {
        Ok(decoded) => decoded,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error}");
            return;
        }
    };
    let mut effects = EffectBuffer::new();
    bounded(bytes.len(), || decoded.effects().for_each(|effect| effects.push(&effect)));
    assert_eq!(effects.count(), decoded.count());
    let mut again = Vec::new();
    effects.write(decoded.command_id, &mut again);
    assert!(again == bytes, "a payload has one spelling");
    for effect in decoded.effects() {
        assert!(!effect.name().is_empty() && effect.touched().count() <= 2);
        if let Some(items) = effect.items() {
            assert_eq!(items.iter().count() as u64, items.len());
        }
    }
    apply(&decoded);
}

/// Replays the record, as recovery would.
fn apply(decoded: &ackd::effect::Decoded<'_>) {
    use ackd::effect::Effect;
    let is_long =
        |effect: Effect<'_>| matches!(effect, Effect::SetRange { offset, .. } if offset > OFFSET_MAX);
    if decoded.count() == 0 || decoded.effects().any(is_long) {
        return;
    }
    let options = TableOptions { file_bytes_max: TABLE_BYTES, headroom_pages: 4, instance_id: 1, seed: 1 };
    let file = MemoryFile::new(TABLE_BYTES);
    let (_table, mut writer) = Table::create(Box::new(file), &options).expect("a new table");
    let mut keys = Keyspace::new(&mut writer, None);
    for effect in decoded.effects() {
        if keys.apply(&effect).is_err() {
            return;
        }
    }
    let frozen = writer.freeze();
    writer.publish(frozen);
}
