//! Streams in the plain map of [`super::keys`]: a stream is one sequence of words, in an order that does not depend on how it
//! was made. All IDs have the same first part, so that each command may add an entry without knowing the last one.

use super::Value;
use super::collections::{Kind, join, split};
use super::keys::{Command, Database, Entry};
use rand::Rng;
use rand::rngs::SmallRng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The first part of all IDs.
const MS: u64 = 7;
/// Keys of streams.
const KEYS: u32 = 2;

/// A group.
#[derive(Default)]
pub struct Group {
    /// The last ID that was delivered.
    pub last: (u64, u64),
    /// Pending entries: the consumer, and the number of deliveries.
    pub pending: BTreeMap<(u64, u64), (Vec<u8>, u64)>,
    /// The consumers.
    pub consumers: BTreeSet<Vec<u8>>,
}

/// A stream.
#[derive(Default)]
pub struct Stream {
    /// The last ID.
    pub last: (u64, u64),
    /// How many entries were added.
    pub added: u64,
    /// The highest ID that was deleted.
    pub max_deleted: (u64, u64),
    /// The fields and values of the entries.
    pub entries: BTreeMap<(u64, u64), Vec<Vec<u8>>>,
    /// The groups.
    pub groups: BTreeMap<Vec<u8>, Group>,
}

fn text(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// An ID as text.
pub fn id_text((ms, seq): (u64, u64)) -> Vec<u8> {
    format!("{ms}-{seq}").into_bytes()
}

/// The ID that a text says.
pub fn id_of(text: &[u8]) -> (u64, u64) {
    let text = std::str::from_utf8(text).expect("an ID is text");
    let (ms, seq) = text.split_once('-').unwrap_or((text, "0"));
    (ms.parse().expect("a number"), seq.parse().expect("a number"))
}

impl Stream {
    /// The stream as words.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let mut words = vec![id_text(self.last), text(self.added), id_text(self.max_deleted)];
        words.push(text(self.entries.len() as u64));
        for (id, fields) in &self.entries {
            words.extend([id_text(*id), text(fields.len() as u64)]);
            words.extend(fields.iter().cloned());
        }
        for (name, group) in &self.groups {
            words.extend([name.clone(), id_text(group.last), text(group.consumers.len() as u64)]);
            words.extend(group.consumers.iter().cloned());
            words.push(text(group.pending.len() as u64));
            for (id, (consumer, deliveries)) in &group.pending {
                words.extend([id_text(*id), consumer.clone(), text(*deliveries)]);
            }
        }
        words
    }

    /// The stream that words say.
    fn from_words(words: Vec<Vec<u8>>) -> Self {
        let mut words = words.into_iter();
        let mut next = || words.next();
        let number = |word: Option<Vec<u8>>| -> u64 {
            std::str::from_utf8(&word.expect("a word")).expect("text").parse().expect("a number")
        };
        let id = |word: Option<Vec<u8>>| id_of(&word.expect("a word"));
        let (last, added, max_deleted) = (id(next()), number(next()), id(next()));
        let mut stream = Self { last, added, max_deleted, ..Self::default() };
        for _ in 0..number(next()) {
            let (id, len) = (id(next()), number(next()));
            stream.entries.insert(id, (0..len).map(|_| next().expect("a word")).collect());
        }
        while let Some(name) = next() {
            let mut group = Group { last: id(next()), ..Group::default() };
            for _ in 0..number(next()) {
                group.consumers.insert(next().expect("a name"));
            }
            for _ in 0..number(next()) {
                let pending = (id(next()), (next().expect("a name"), number(next())));
                group.pending.insert(pending.0, pending.1);
            }
            stream.groups.insert(name, group);
        }
        stream
    }

    /// Deletes the first entries.
    fn trim(&mut self, count: usize) -> Value {
        (0..count).for_each(|_| drop(self.entries.pop_first()));
        Value::Integer(count as i64)
    }
}

/// An entry, as replies have it.
fn shown(id: (u64, u64), fields: &[Vec<u8>]) -> Value {
    let fields = fields.iter().cloned().map(Value::Bulk).collect();
    Value::Array(vec![Value::Bulk(id_text(id)), Value::Array(fields)])
}

/// What a command on a stream does, and what is replied; `None` if it is no command on streams.
pub fn apply(keys: &mut Database, name: &str, arguments: &[&[u8]]) -> Option<Value> {
    if !name.starts_with('X') {
        return None;
    }
    let key = match name {
        "XREADGROUP" => arguments[arguments.len() - 2],
        "XGROUP" => arguments[1],
        _ => arguments[0],
    };
    let found = match keys.get(key) {
        Some(entry) if entry.kind == Kind::Stream => Some(Stream::from_words(split(&entry.value))),
        Some(_) => return Some(super::collections::wrong_type()),
        None => None,
    };
    let was_there = found.is_some();
    let mut stream = found.unwrap_or_default();
    let (reply, exists) = run(&mut stream, was_there, name, arguments);
    if exists {
        let empty = || Entry { kind: Kind::Stream, value: Arc::default(), expiry: None };
        keys.entry(key.into()).or_insert_with(empty).value = Arc::new(join(&stream.words()));
    }
    Some(reply)
}

/// Runs a command on a stream. Returns the reply, and whether there is a stream now.
fn run(stream: &mut Stream, was_there: bool, name: &str, arguments: &[&[u8]]) -> (Value, bool) {
    let reply = match (name, arguments) {
        ("XADD", [_, _, fields @ ..]) => {
            let id = if stream.last.0 == MS { (MS, stream.last.1 + 1) } else { (MS, 0) };
            (stream.last, stream.added) = (id, stream.added + 1);
            stream.entries.insert(id, fields.iter().map(|word| word.to_vec()).collect());
            return (Value::Bulk(id_text(id)), true);
        }
        ("XDEL", [_, ids @ ..]) => {
            let gone: BTreeSet<_> =
                ids.iter().map(|id| id_of(id)).filter(|id| stream.entries.remove(id).is_some()).collect();
            stream.max_deleted = stream.max_deleted.max(gone.last().copied().unwrap_or_default());
            Value::Integer(gone.len() as i64)
        }
        ("XTRIM", [_, b"MAXLEN", len]) => {
            let len = std::str::from_utf8(len).unwrap().parse().unwrap();
            stream.trim(stream.entries.len().saturating_sub(len))
        }
        ("XTRIM", [_, _minid, id]) => stream.trim(stream.entries.range(..id_of(id)).count()),
        ("XGROUP", [_create, _, group, id, _mkstream]) => {
            if stream.groups.contains_key(*group) {
                Value::Error("BUSYGROUP Consumer Group name already exists".into())
            } else {
                stream.groups.insert(group.to_vec(), Group { last: id_of(id), ..Group::default() });
                return (Value::Simple("OK".into()), true);
            }
        }
        ("XREADGROUP", [_, group, consumer, _count, count, _streams, key, id]) => {
            let count = std::str::from_utf8(count).unwrap().parse().unwrap();
            match stream.groups.get_mut(*group) {
                None => Value::Error(format!(
                    "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
                    String::from_utf8_lossy(key),
                    String::from_utf8_lossy(group)
                )),
                Some(group) => read(&stream.entries, group, (key, consumer), count, *id == b">"),
            }
        }
        ("XACK", [_, group, ids @ ..]) => {
            let Some(group) = stream.groups.get_mut(*group) else { return (Value::Integer(0), was_there) };
            let gone = ids.iter().filter(|id| group.pending.remove(&id_of(id)).is_some());
            Value::Integer(gone.count() as i64)
        }
        ("XCLAIM", [key, group, consumer, _idle, ids @ ..]) => match stream.groups.get_mut(*group) {
            None => Value::Error(format!(
                "NOGROUP No such key '{}' or consumer group '{}'",
                String::from_utf8_lossy(key),
                String::from_utf8_lossy(group)
            )),
            Some(group) => claim(&stream.entries, group, consumer, ids),
        },
        (name, _) => panic!("the model knows no {name}"),
    };
    (reply, was_there)
}

/// Reads new entries, or all that are pending.
fn read(
    entries: &BTreeMap<(u64, u64), Vec<Vec<u8>>>,
    group: &mut Group,
    (key, consumer): (&[u8], &[u8]),
    count: usize,
    is_new: bool,
) -> Value {
    group.consumers.insert(consumer.to_vec());
    let mut found = Vec::new();
    if is_new {
        let last = group.last;
        for (id, fields) in entries.range(last..).filter(|(id, _)| **id > last).take(count) {
            group.last = *id;
            group.pending.insert(*id, (consumer.to_vec(), 1));
            found.push(shown(*id, fields));
        }
        if found.is_empty() {
            return Value::Null;
        }
    } else {
        let own = group.pending.iter_mut().filter(|(_, (holder, _))| holder == consumer);
        for (id, (_, deliveries)) in own.take(count) {
            match entries.get(id) {
                Some(fields) => {
                    *deliveries += 1;
                    found.push(shown(*id, fields));
                }
                None => found.push(Value::Array(vec![Value::Bulk(id_text(*id)), Value::Null])),
            }
        }
    }
    Value::Array(vec![Value::Array(vec![Value::Bulk(key.to_vec()), Value::Array(found)])])
}

/// Claims pending entries.
fn claim(
    entries: &BTreeMap<(u64, u64), Vec<Vec<u8>>>,
    group: &mut Group,
    consumer: &[u8],
    ids: &[&[u8]],
) -> Value {
    group.consumers.insert(consumer.to_vec());
    let mut claimed = Vec::new();
    for id in ids.iter().map(|id| id_of(id)) {
        let Some((holder, deliveries)) = group.pending.get_mut(&id) else { continue };
        match entries.get(&id) {
            Some(fields) => {
                (*holder, *deliveries) = (consumer.to_vec(), *deliveries + 1);
                claimed.push(shown(id, fields));
            }
            None => drop(group.pending.remove(&id)),
        }
    }
    Value::Array(claimed)
}

/// A random command on a stream.
pub fn any_stream_command(random: &mut SmallRng, databases: usize) -> Command {
    let db = random.random_range(0..databases);
    let key = format!("stream{}", random.random_range(0..KEYS)).into_bytes();
    let group = format!("g{}", random.random_range(0..2)).into_bytes();
    let consumer = format!("c{}", random.random_range(0..3)).into_bytes();
    let id = |random: &mut SmallRng| id_text((MS, random.random_range(0..120)));
    let ids = |random: &mut SmallRng| (0..random.random_range(1..6)).map(|_| id(random)).collect::<Vec<_>>();
    let words = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
    let words = match random.random_range(0..30) {
        0 => words(&[b"DEL", &key]),
        1 => words(&[b"PEXPIREAT", &key, b"4000000000000"]),
        2 => words(&[b"RENAME", &key, format!("stream{}", random.random_range(0..KEYS)).as_bytes()]),
        3..13 => {
            let value = vec![b'v'; [3, 20, 100, 1500][random.random_range(0..4)]];
            let field = if random.random_range(0..4) == 0 { b"other".as_slice() } else { b"field" };
            words(&[b"XADD", &key, format!("{MS}-*").as_bytes(), field, &value])
        }
        13 | 14 => [words(&[b"XDEL", &key]), ids(random)].concat(),
        15 => words(&[b"XTRIM", &key, b"MAXLEN", &text(random.random_range(0..60))]),
        16 => words(&[b"XTRIM", &key, b"MINID", &id(random)]),
        17 | 18 => words(&[b"XGROUP", b"CREATE", &key, &group, &id(random), b"MKSTREAM"]),
        19..24 => {
            let (count, from) = (text(random.random_range(1..9)), [b">", b"0"][random.random_range(0..2)]);
            words(&[b"XREADGROUP", b"GROUP", &group, &consumer, b"COUNT", &count, b"STREAMS", &key, from])
        }
        24..27 => [words(&[b"XACK", &key, &group]), ids(random)].concat(),
        _ => [words(&[b"XCLAIM", &key, &group, &consumer, b"0"]), ids(random)].concat(),
    };
    Command { db, words }
}
