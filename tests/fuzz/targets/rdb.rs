//! Values in Redis's format: each is refused and changes nothing, or is stored; then what is written of it is read as the same
//! value again.
//!
//! Input: a type and a value, as in a payload without its footer.

use ackd::command::{Call, execute};
use ackd::effect::EffectBuffer;
use ackd::keyspace::{Keyspace, Lookups};
use ackd::rdb::{FOOTER_BYTES, Input, Output, Part, RdbError, Seal, StreamType, read_stream, read_value};
use ackd::resp::{Args, Protocol, Reply, Span};
use ackd::spec::{self, Spec};
use ackd::state::CommandLimits;
use ackd::table::{MemoryFile, Table, TableWriter};

use super::base;
use super::memory::{bounded, bounded_by};

/// One compressed byte becomes this many at most, and one packed byte this many as text.
const FACTOR_MAX: usize = 88 * 5;

/// What is known of a stream besides its entries: of a pending entry or a group, several times what a payload has.
const STREAM_FACTOR: usize = 40;

pub fn run(bytes: &[u8]) {
    let bytes_max = (88 + STREAM_FACTOR) * bytes.len() + (64 << 10);
    let parts = bounded_by(bytes_max, || read(bytes));
    let payload = sealed(bytes);
    let opened = bounded(bytes.len(), || ackd::rdb::open(&payload).map(|input| input.rest().len()));
    assert_eq!(opened, Ok(bytes.len()));
    assert!(ackd::rdb::open(bytes).is_err() || bytes.len() >= FOOTER_BYTES);
    let mut writer = writer();
    let (reply, is_changed) = run_command(&mut writer, &spec::RESTORE, &[b"restore", b"a", b"0", &payload]);
    if reply.starts_with(b"-") {
        assert!(!is_changed, "{:?}", String::from_utf8_lossy(&reply));
        return;
    }
    assert_eq!(reply, b"+OK\r\n");
    assert!(parts.is_ok_and(|parts| parts > 0) && is_changed);
    let written = dump(&mut writer, b"a");
    // In a table of its own, so that there is as much space.
    let mut writer = self::writer();
    let words: &[&[u8]] = &[b"restore", b"b", b"0", &written];
    assert_eq!(run_command(&mut writer, &spec::RESTORE, words).0, b"+OK\r\n");
    assert!(dump(&mut writer, b"b") == written, "what is written of a value is read as the same");
}

/// Reads a value; the number of its parts.
fn read(bytes: &[u8]) -> Result<u64, RdbError> {
    let mut input = Input::new(bytes);
    let (number, mut parts, mut part_bytes) = (input.byte()?, 0, 0);
    if let Some(of) = StreamType::of(number) {
        // One without entries is also a value.
        return read_stream(of, &mut input, &mut |_, _| Ok(())).map(|stream| 1 + stream.len);
    }
    read_value(number, &mut input, &mut |part| {
        parts += 1;
        part_bytes += match part {
            Part::Text(text) | Part::Element(text) | Part::Member(text) | Part::Scored(text, _) => text.len(),
            Part::Field { field, value, .. } => field.len() + value.len(),
        };
        assert!(part_bytes <= FACTOR_MAX * bytes.len(), "more bytes than can be compressed into these");
        Ok(())
    })?;
    Ok(parts)
}

/// The payload of a value.
fn sealed(value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut seal = Seal::new(&mut bytes);
    seal.put(value);
    seal.finish(12);
    bytes
}

/// The writer of an empty table.
fn writer() -> TableWriter {
    let file = MemoryFile::new(base::TABLE_BYTES);
    Table::create(Box::new(file), &base::options()).expect("a new table").1
}

/// What `DUMP` says of a key.
fn dump(writer: &mut TableWriter, key: &[u8]) -> Vec<u8> {
    let (reply, _) = run_command(writer, &spec::DUMP, &[b"dump", key]);
    assert_eq!(reply[0], b'$');
    let header = reply.iter().position(|byte| *byte == b'\n').expect("a length") + 1;
    reply[header..reply.len() - 2].to_vec()
}

/// Runs a command at a time before all expiry times; its reply, and whether it has changed anything. One for which there is no
/// space is refused.
fn run_command(writer: &mut TableWriter, spec: &'static Spec, words: &[&[u8]]) -> (Vec<u8>, bool) {
    let (input, mut at) = (words.concat(), 0);
    let spans: Vec<Span> = words
        .iter()
        .map(|word| {
            at += word.len() as u32;
            Span { start: at - word.len() as u32, len: word.len() as u32 }
        })
        .collect();
    let args = Args::new(&input, &spans);
    let call = Call { spec, args, db: 0, now_ms: 0, limits: CommandLimits::default() };
    let (mut effects, mut out, mut lookups) = (EffectBuffer::new(), Vec::new(), Lookups::default());
    let mut reply = Reply::new(&mut out, Protocol::Resp2);
    let mut keys = Keyspace::new(writer, Some(&mut effects));
    match execute(&call, &mut keys, &mut reply, &mut lookups) {
        Ok(()) => (out, !effects.is_empty()),
        Err(error) => (format!("-{error}").into_bytes(), false),
    }
}
