//! Values in Redis's format: each is refused and changes nothing, or is stored; then what is written of it is read as the same
//! value again.
//!
//! Input: a type and a value, as in a payload without its footer.

use ackd::command::{Call, execute};
use ackd::effect::EffectBuffer;
use ackd::keyspace::{Keyspace, Lookups};
use ackd::rdb::{
    FOOTER_BYTES, Input, NodeWriter, Output, Part, RdbError, Seal, Stream, StreamType, put_length,
    put_stream_end, read_stream, read_value,
};
use ackd::resp::{Args, Protocol, Reply, Span};
use ackd::spec::{self, Spec};
use ackd::state::CommandLimits;
use ackd::table::{MemoryFile, Table, TableWriter};

use super::base;
use super::memory::{bounded, bounded_by};

/// One compressed byte becomes this many at most, and one packed byte this many as text.
const FACTOR_MAX: usize = 88 * 5;

/// More bytes of entries are not copied.
const COPIED_BYTES_MAX: usize = 1 << 20;

pub fn run(bytes: &[u8]) {
    let parts = bounded_by(88 * bytes.len() + (64 << 10), || read(bytes));
    let payload = sealed(bytes);
    let opened = bounded(bytes.len(), || ackd::rdb::open(&payload).map(|input| input.rest().len()));
    assert_eq!(opened, Ok(bytes.len()));
    assert!(ackd::rdb::open(bytes).is_err() || bytes.len() >= FOOTER_BYTES);
    run_stream(bytes);
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

/// A stream is refused, or what is written of it is read as the same.
fn run_stream(bytes: &[u8]) {
    let Some(of) = bytes.first().and_then(|number| StreamType::of(*number)) else { return };
    let mut input = Input::new(&bytes[1..]);
    let read = bounded_by(88 * bytes.len() + (64 << 10), || read_stream(of, &mut input, &mut |_, _| Ok(())));
    let Ok((written, stream)) = copy(of, &bytes[1..]) else { return };
    assert_eq!(read.as_ref(), Ok(&stream));
    let again = copy(of, &written);
    assert!(
        again.is_ok_and(|again| again == (written, stream)),
        "what is written of a stream is read as the same"
    );
}

/// Reads a stream, and writes it again.
fn copy(of: StreamType, bytes: &[u8]) -> Result<(Vec<u8>, Stream), RdbError> {
    let (mut nodes, mut count, mut node, mut copied) = (Vec::new(), 0, NodeWriter::default(), 0);
    let stream = read_stream(of, &mut Input::new(bytes), &mut |id, fields| {
        let mut pairs = Vec::new();
        fields.each(|field, value| {
            copied += field.len() + value.len();
            pairs.push((field.to_vec(), value.to_vec()));
            // Entries may share long names.
            if copied <= COPIED_BYTES_MAX { Ok(()) } else { Err(RdbError::Refused) }
        })?;
        if node.is_full() {
            node.finish(&mut nodes);
            count += 1;
        }
        node.add(id, pairs.iter().map(|(field, value)| (&field[..], &value[..])));
        Ok(())
    })?;
    if !node.is_empty() {
        node.finish(&mut nodes);
        count += 1;
    }
    let mut written = Vec::new();
    put_length(count, &mut written);
    written.extend(nodes);
    put_stream_end(of, &stream, &mut written);
    Ok((written, stream))
}

/// Reads a value; the number of its parts.
fn read(bytes: &[u8]) -> Result<u64, RdbError> {
    let mut input = Input::new(bytes);
    let (number, mut parts, mut part_bytes) = (input.byte()?, 0, 0);
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
