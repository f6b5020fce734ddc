//! A plain map that does what the server should, and random commands for both.

use super::Value;
use super::collections::{self, Kind, split, wrong_type};
use super::results;
use rand::Rng;
use rand::rngs::SmallRng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Databases of a server.
pub const DATABASES: usize = 16;
/// The longest key that the tests use, in bytes.
pub const KEY_BYTES_MAX: usize = 65_528;
/// Expiration times count as equal up to this difference in milliseconds: the map's clock is not the server's.
const EXPIRY_TOLERANCE_MS: u64 = 300_000;
/// An expiration time that no test reaches, in milliseconds since 1970.
const FAR_MS: u64 = 4_000_000_000_000;

/// Words of a command that are shown at most.
const WORDS_SHOWN: usize = 8;

/// What a key holds.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What type it has.
    pub kind: Kind,
    /// The string; of a collection its words, joined.
    pub value: Arc<Vec<u8>>,
    /// When it expires, in milliseconds since 1970.
    pub expiry: Option<u64>,
}

/// The keys of one database.
pub type Database = BTreeMap<Arc<[u8]>, Entry>;

/// All databases.
#[derive(Clone, Debug)]
pub struct Model {
    /// By number.
    pub dbs: Vec<Database>,
}

/// A command for one database.
#[derive(Clone, Debug)]
pub struct Command {
    /// The database.
    pub db: usize,
    /// Name and arguments.
    pub words: Vec<Vec<u8>>,
}

/// How large things get.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Databases used.
    pub databases: usize,
    /// Different keys of each kind.
    pub keys: u32,
    /// Bytes of the largest values, which are rare.
    pub value_bytes_max: usize,
    /// Of a thousand keys, how many have the greatest length.
    pub long_keys: u32,
}

impl Default for Model {
    fn default() -> Self {
        Self { dbs: vec![Database::new(); DATABASES] }
    }
}

impl Entry {
    fn new(value: &[u8]) -> Self {
        Self { kind: Kind::String, value: Arc::new(value.to_vec()), expiry: None }
    }

    fn is(&self, other: &Entry) -> bool {
        let expiries = match (self.expiry, other.expiry) {
            (Some(a), Some(b)) => a.abs_diff(b) < EXPIRY_TOLERANCE_MS,
            (a, b) => a == b,
        };
        expiries && self.kind == other.kind && self.value == other.value
    }
}

impl Command {
    /// The words as slices.
    pub fn slices(&self) -> Vec<&[u8]> {
        self.words.iter().map(Vec::as_slice).collect()
    }

    /// The command as text.
    pub fn text(&self) -> String {
        let word = |word: &Vec<u8>| match word.len() {
            0..60 => String::from_utf8_lossy(word).into_owned(),
            bytes => format!("{}... ({bytes} bytes)", String::from_utf8_lossy(&word[..20])),
        };
        let mut words: Vec<String> = self.words.iter().take(WORDS_SHOWN).map(word).collect();
        if self.words.len() > WORDS_SHOWN {
            words.push(format!("... ({} words)", self.words.len()));
        }
        format!("db {}: {}", self.db, words.join(" "))
    }
}

impl Model {
    /// The first difference of the two, as text; `None` if they are equal.
    pub fn difference(&self, other: &Model) -> Option<String> {
        for (db, (ours, theirs)) in self.dbs.iter().zip(&other.dbs).enumerate() {
            for (key, entry) in ours {
                let what = match theirs.get(key) {
                    None => "is missing".into(),
                    Some(found) if !entry.is(found) => format!(
                        "holds {} bytes with deadline {:?} instead of {} with {:?}",
                        found.value.len(),
                        found.expiry,
                        entry.value.len(),
                        entry.expiry
                    ),
                    Some(_) => continue,
                };
                return Some(format!("db {db}: {} {what}", name(key)));
            }
            if let Some(key) = theirs.keys().find(|key| !ours.contains_key(*key)) {
                return Some(format!("db {db}: {} should not be there", name(key)));
            }
        }
        None
    }

    /// Number of keys in all databases.
    pub fn keys(&self) -> usize {
        self.dbs.iter().map(BTreeMap::len).sum()
    }

    /// Does what the server does, and says what it replies.
    pub fn apply(&mut self, command: &Command) -> Value {
        let words = command.slices();
        let name = String::from_utf8_lossy(words[0]).to_ascii_uppercase();
        match (name.as_str(), &words[1..]) {
            ("FLUSHALL", _) => self.dbs.iter_mut().for_each(BTreeMap::clear),
            ("SWAPDB", [a, b]) => self.dbs.swap(number(a) as usize, number(b) as usize),
            ("COPY", [from, to, _db, db, ..]) => return self.copy(command.db, from, number(db) as usize, to),
            ("EXEC", commands) => {
                let commands = commands.iter().map(|words| Command { db: command.db, words: split(words) });
                return Value::Array(commands.map(|command| self.apply(&command)).collect());
            }
            ("MOVE", [key, db]) => return self.move_key(command.db, key, number(db) as usize),
            (name, arguments) => return in_database(&mut self.dbs[command.db], name, arguments),
        }
        ok()
    }

    fn copy(&mut self, from_db: usize, from: &[u8], to_db: usize, to: &[u8]) -> Value {
        let copied = self.dbs[from_db].get(from).cloned();
        let found = copied.is_some();
        copied.map(|entry| self.dbs[to_db].insert(to.into(), entry));
        Value::Integer(i64::from(found))
    }

    fn move_key(&mut self, from_db: usize, key: &[u8], to_db: usize) -> Value {
        if self.dbs[to_db].contains_key(key) {
            return Value::Integer(0);
        }
        let moved = self.dbs[from_db].remove(key);
        let found = moved.is_some();
        moved.map(|entry| self.dbs[to_db].insert(key.into(), entry));
        Value::Integer(i64::from(found))
    }
}

/// A command that touches one database only.
fn in_database(keys: &mut Database, name: &str, arguments: &[&[u8]]) -> Value {
    let integer = |number: usize| Value::Integer(number as i64);
    let of_strings = ["GET", "GETDEL", "APPEND", "SETRANGE", "INCR"].contains(&name);
    if of_strings && keys.get(arguments[0]).is_some_and(|entry| entry.kind != Kind::String) {
        return wrong_type();
    }
    match (name, arguments) {
        ("SET", [key, value]) => {
            keys.insert((*key).into(), Entry::new(value));
            ok()
        }
        ("SET", [key, value, _pxat, expiry]) => {
            let entry = Entry { expiry: Some(number(expiry) as u64), ..Entry::new(value) };
            keys.insert((*key).into(), entry);
            ok()
        }
        ("MSET", pairs) => {
            for pair in pairs.chunks_exact(2) {
                keys.insert(pair[0].into(), Entry::new(pair[1]));
            }
            ok()
        }
        ("GET", [key]) => {
            keys.get(*key).map_or(Value::Null, |entry| Value::Bulk(entry.value.as_ref().clone()))
        }
        ("GETDEL", [key]) => {
            keys.remove(*key).map_or(Value::Null, |entry| Value::Bulk(entry.value.as_ref().clone()))
        }
        ("DEL", names) => integer(names.iter().filter(|key| keys.remove(**key).is_some()).count()),
        ("APPEND", [key, value]) => {
            let entry = keys.entry((*key).into()).or_insert_with(|| Entry::new(b""));
            Arc::make_mut(&mut entry.value).extend_from_slice(value);
            integer(entry.value.len())
        }
        ("SETRANGE", [key, offset, value]) => integer(set_range(keys, key, number(offset) as usize, value)),
        ("INCR", [key]) => increment(keys, key),
        ("EXPIRE", [key, seconds]) => expiry(keys, key, now_ms() + number(seconds) as u64 * 1000),
        ("PEXPIREAT", [key, ms]) => expiry(keys, key, number(ms) as u64),
        ("PERSIST", [key]) => {
            let had = keys.get_mut(*key).is_some_and(|entry| entry.expiry.take().is_some());
            integer(usize::from(had))
        }
        ("RENAME", [from, to]) => match keys.remove(*from) {
            Some(entry) => {
                keys.insert((*to).into(), entry);
                ok()
            }
            None => Value::Error("ERR no such key".into()),
        },
        ("FLUSHDB", []) => {
            keys.clear();
            ok()
        }
        (name, arguments) => {
            results::apply(keys, name, arguments).unwrap_or_else(|| collections::apply(keys, name, arguments))
        }
    }
}

/// Overwrites part of a string; returns its new length.
fn set_range(keys: &mut Database, key: &[u8], offset: usize, value: &[u8]) -> usize {
    if value.is_empty() {
        return keys.get(key).map_or(0, |entry| entry.value.len());
    }
    let entry = keys.entry(key.into()).or_insert_with(|| Entry::new(b""));
    let bytes = Arc::make_mut(&mut entry.value);
    bytes.resize(bytes.len().max(offset + value.len()), 0);
    bytes[offset..][..value.len()].copy_from_slice(value);
    bytes.len()
}

fn increment(keys: &mut Database, key: &[u8]) -> Value {
    let text = keys.get(key).map_or(b"0".to_vec(), |entry| entry.value.as_ref().clone());
    let found = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<i64>().ok());
    let Some(found) = found.filter(|found| found.to_string().as_bytes() == text) else {
        return Value::Error("ERR value is not an integer or out of range".into());
    };
    let entry = keys.entry(key.into()).or_insert_with(|| Entry::new(b""));
    entry.value = Arc::new((found + 1).to_string().into_bytes());
    Value::Integer(found + 1)
}

fn expiry(keys: &mut Database, key: &[u8], ms: u64) -> Value {
    let found = keys.get_mut(key).map(|entry| entry.expiry = Some(ms));
    Value::Integer(i64::from(found.is_some()))
}

/// A random command.
pub fn any_command(random: &mut SmallRng, shape: &Shape) -> Command {
    let db = random.random_range(0..shape.databases);
    let key = any_key(random, shape);
    let other = any_key(random, shape);
    let words: Vec<Vec<u8>> = match random.random_range(0..1000) {
        0..270 => vec![b"SET".to_vec(), key, any_value(random, shape)],
        270..300 => {
            let expiry = far(random);
            vec![b"SET".to_vec(), key, any_value(random, shape), b"PXAT".to_vec(), expiry]
        }
        300..380 => vec![b"DEL".to_vec(), key, other],
        380..460 => vec![b"INCR".to_vec(), [b"n".as_slice(), &key[..key.len().min(5)]].concat()],
        460..540 => vec![b"APPEND".to_vec(), key, any_value(random, shape)],
        540..620 => {
            let reach = [100, 3000, shape.value_bytes_max][random.random_range(0..3)];
            let offset = random.random_range(0..reach);
            vec![b"SETRANGE".to_vec(), key, text(offset), any_value(random, shape)]
        }
        620..720 => {
            let pairs = random.random_range(2..8);
            let value = any_value(random, shape);
            let mut words = vec![b"MSET".to_vec()];
            for _ in 0..pairs {
                words.extend([any_key(random, shape), value.clone()]);
            }
            words
        }
        720..750 => vec![b"EXPIRE".to_vec(), key, text(random.random_range(1000..2000) * 1000)],
        750..780 => vec![b"PEXPIREAT".to_vec(), key, far(random)],
        780..800 => vec![b"PERSIST".to_vec(), key],
        800..860 => vec![b"RENAME".to_vec(), key, other],
        860..900 => {
            let to_db = random.random_range(0..shape.databases);
            if (db, &key) == (to_db, &other) {
                return any_command(random, shape);
            }
            vec![b"COPY".to_vec(), key, other, b"DB".to_vec(), text(to_db), b"REPLACE".to_vec()]
        }
        900..920 => vec![b"MOVE".to_vec(), key, text((db + 1) % shape.databases.max(2))],
        920..960 => vec![b"GET".to_vec(), key],
        960..985 => vec![b"GETDEL".to_vec(), key],
        985..990 => vec![b"FLUSHDB".to_vec()],
        990..999 => {
            let (a, b) = (random.random_range(0..shape.databases), random.random_range(0..shape.databases));
            vec![b"SWAPDB".to_vec(), text(a), text(b)]
        }
        _ => vec![b"FLUSHALL".to_vec()],
    };
    Command { db, words }
}

/// A key from a small set, so that commands share keys: empty, short, with long common prefixes, and of the full length.
fn any_key(random: &mut SmallRng, shape: &Shape) -> Vec<u8> {
    if random.random_range(0..1000) < shape.long_keys {
        let mut key = vec![b'z'; KEY_BYTES_MAX - random.random_range(0..2)];
        key[40_000] = random.random_range(b'a'..b'c');
        return key;
    }
    let number = random.random_range(0..shape.keys);
    match random.random_range(0..20) {
        0..13 => format!("k{number}").into_bytes(),
        13..16 => format!("user:{:08}:profile:{number}", number % 7).into_bytes(),
        16..18 => [vec![b'p'; 300 + number as usize % 3], number.to_be_bytes().to_vec()].concat(),
        18 => vec![b'a' + (number % 26) as u8; 690 + number as usize % 30],
        _ => vec![0; number as usize % 4],
    }
}

/// A value: mostly short, sometimes a number, rarely in many pieces.
fn any_value(random: &mut SmallRng, shape: &Shape) -> Vec<u8> {
    let bytes = match random.random_range(0..100) {
        0..15 => return text(random.random_range(0..1000)),
        15..75 => random.random_range(0..60),
        75..88 => random.random_range(0..1100),
        88..97 => random.random_range(1000..6000),
        _ => random.random_range(0..shape.value_bytes_max),
    };
    // The bytes differ by value and offset, so that pieces cannot be mistaken for each other.
    let mut word = random.random::<u64>() | 1;
    (0..bytes)
        .map(|_| {
            word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (word >> 56) as u8
        })
        .collect()
}

fn far(random: &mut SmallRng) -> Vec<u8> {
    (FAR_MS + random.random_range(0..1000) * 1_000_000).to_string().into_bytes()
}

fn text(number: usize) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn number(word: &[u8]) -> i64 {
    std::str::from_utf8(word).ok().and_then(|text| text.parse().ok()).expect("a number among the arguments")
}

fn ok() -> Value {
    Value::Simple("OK".into())
}

fn now_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A key as text.
fn name(key: &[u8]) -> String {
    format!("{:?} ({} bytes)", String::from_utf8_lossy(&key[..key.len().min(30)]), key.len())
}
