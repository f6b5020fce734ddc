//! Payloads of records: each is refused, or has exactly one encoding; and applying it to a table succeeds or fails with an
//! error.
//!
//! Input: a payload. If its command's number is odd, it is applied to an empty table, otherwise to one with everything in it.

use ackd::effect::{EffectBuffer, cause, decode};
use ackd::keyspace::Keyspace;
use ackd::table::{MemoryFile, Table, TableWriter, verify};

use super::base;
use super::memory::bounded;

/// Effects on strings longer than this are not applied: they only fill the table with zeros.
const OFFSET_MAX: u64 = 1 << 20;

pub fn run(bytes: &[u8]) {
    let decoded = match bounded(bytes.len(), || decode(bytes)) {
        Ok(decoded) => decoded,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error}");
            return;
        }
    };
    let mut effects = EffectBuffer::new();
    assert_eq!(cause(bytes), Some(decoded.cause));
    effects.set_cause(&decoded.cause);
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
    use ackd::effect::{Change, Effect, StringChange};
    let is_long = |effect: Effect<'_>| match effect {
        Effect::Key { change: Change::String(StringChange::SetRange { offset, .. }), .. } => {
            offset > OFFSET_MAX
        }
        Effect::Key { change: Change::String(StringChange::Combine { count, .. }), .. } => count > OFFSET_MAX,
        _ => false,
    };
    if decoded.count() == 0 || decoded.effects().any(is_long) {
        return;
    }
    let file = if decoded.command_id % 2 == 1 {
        MemoryFile::new(base::TABLE_BYTES)
    } else {
        MemoryFile::from_image(base::table(), base::TABLE_BYTES)
    };
    let mut writer = writer_of(&file);
    let mut keys = Keyspace::new(&mut writer, None);
    for effect in decoded.effects() {
        if keys.apply(&effect).is_err() {
            break;
        }
    }
    let frozen = writer.freeze();
    writer.publish(frozen);
    let durable = writer.begin_checkpoint(8, 8).run().expect("a checkpoint has its headroom");
    writer.end_checkpoint(durable);
    drop(writer);
    let report = verify(&*file.image(), &mut |_| {}).expect("a table");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// The writer of the table in the file, or of a new one.
fn writer_of(file: &MemoryFile) -> TableWriter {
    let options = base::options();
    let made = match file.image().is_empty() {
        true => Table::create(Box::new(file.clone()), &options),
        false => Table::open(Box::new(file.clone()), &options),
    };
    made.expect("a sound table").1
}
