//! A small data set to run commands on, and a test that compares it with a plain map.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::effect::{self, EffectBuffer};
use crate::keyspace::{Estimate, Keyspace, KeyspaceError, Lookups, Room};
use crate::resp::{Args, Protocol, Reply, Span};
use crate::spec::{self, Spec};
use crate::state::CommandLimits;
use crate::table::{MemoryFile, Root, Table, TableOptions, TableWriter, View};

/// The time at which a data set starts, in milliseconds since 1970.
pub(super) const START_MS: u64 = 1_700_000_000_000;

/// A table, and what the writer keeps for it.
pub(super) struct Data {
    /// What readers share.
    _table: Arc<Table>,
    /// The table's writer.
    pub(super) writer: TableWriter,
    /// Payloads of all records.
    pub(super) records: Vec<Vec<u8>>,
    /// The client's database.
    pub(super) db: usize,
    /// The time, in milliseconds since 1970.
    pub(super) now_ms: u64,
    /// Limits of the configuration.
    pub(super) limits: CommandLimits,
    /// The client's protocol.
    pub(super) protocol: Protocol,
    /// What the last command reserved.
    pub(super) asked: Asked,
}

/// Grants all space, and counts what was asked for.
#[derive(Default)]
pub(super) struct Asked {
    /// Bytes of the record's payload.
    pub(super) log_bytes: u64,
    /// Pages, for all effects together.
    pub(super) pages: u64,
}

impl Room for Asked {
    fn secure(&mut self, _table: &mut TableWriter, need: Estimate) -> Result<(), KeyspaceError> {
        self.log_bytes = need.log_bytes;
        self.pages += need.table_pages;
        Ok(())
    }
}

impl Data {
    /// No keys.
    pub(super) fn new() -> Self {
        let (table, writer) = Table::create(
            Box::new(MemoryFile::new(1 << 26)),
            &TableOptions { seed: 1, ..Default::default() },
        )
        .unwrap();
        Self {
            _table: table,
            writer,
            records: Vec::new(),
            db: 0,
            now_ms: START_MS,
            limits: CommandLimits::default(),
            protocol: Protocol::Resp2,
            asked: Asked::default(),
        }
    }

    /// Runs a command given as words; returns its reply.
    pub(super) fn run_words(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let input = words.concat();
        let mut start = 0;
        let span = |word: &&[u8]| {
            start += word.len() as u32;
            Span { start: start - word.len() as u32, len: word.len() as u32 }
        };
        let spans: Vec<Span> = words.iter().map(span).collect();
        let args = Args::new(&input, &spans);
        let spec =
            resolve(&args).unwrap_or_else(|| panic!("no command {:?}", String::from_utf8_lossy(words[0])));
        assert!(spec.takes(words.len()), "{} with {} words", spec.name, words.len());
        let call = Call { spec, args, db: self.db, now_ms: self.now_ms, limits: self.limits };
        let mut record = EffectBuffer::new();
        let mut out = Vec::new();
        let mut lookups = Lookups::default();
        let mut room = Asked::default();
        let mut keys = Keyspace::new(&mut self.writer, Some(&mut record)).within(&mut room);
        execute(&call, &mut keys, &mut Reply::new(&mut out, self.protocol), &mut lookups).unwrap();
        purge_passed(&mut lookups, |db, key| keys.purge(db, key, self.now_ms)).unwrap();
        self.asked = room;
        if !record.is_empty() {
            assert_eq!(record.payload_bytes() as u64, self.asked.log_bytes, "{} was asked for", spec.name);
            let mut payload = Vec::new();
            record.write(spec.id, &mut payload);
            self.records.push(payload);
        }
        out
    }

    /// Runs a command given as a line; returns its reply with `|` for line ends.
    pub(super) fn run(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> =
            line.split(' ').map(|word| if word == "''" { b"".as_slice() } else { word.as_bytes() }).collect();
        let reply = String::from_utf8(self.run_words(&words)).unwrap();
        reply.strip_suffix("\r\n").unwrap().replace("\r\n", "|")
    }

    /// Runs each line and compares its reply.
    pub(super) fn expect(&mut self, lines: &[(&str, &str)]) {
        for (line, expected) in lines {
            assert_eq!(self.run(line), *expected, "{line}");
        }
    }

    /// Ends the group, as the writer does.
    pub(super) fn publish(&mut self) {
        let frozen = self.writer.freeze();
        self.writer.publish(frozen);
        while self.writer.reclaim(100).unwrap() > 0 {}
    }

    /// The names of the effects of the last record.
    pub(super) fn last_effects(&self) -> Vec<&'static str> {
        let decoded = effect::decode(self.records.last().unwrap()).unwrap();
        decoded.effects().map(|effect| effect.name()).collect()
    }

    /// Another data set, made from this one's records.
    pub(super) fn replayed(&self) -> Data {
        let mut copy = Data::new();
        for payload in &self.records {
            let mut keyspace = Keyspace::new(&mut copy.writer, None);
            for effect in effect::decode(payload).unwrap().effects() {
                keyspace.apply(&effect).unwrap();
            }
        }
        copy
    }

    /// All trees, with the contents of the trees in their cells.
    pub(super) fn dump(&self) -> Vec<(usize, Vec<u8>, Vec<u8>)> {
        fn add(view: &View<'_>, slot: usize, root: Root, dump: &mut Vec<(usize, Vec<u8>, Vec<u8>)>) {
            let mut cursor = view.cursor(root);
            while let Some((key, cell)) = cursor.next().unwrap() {
                dump.push((slot, key.to_vec(), cell.bytes.to_vec()));
                cell.roots.iter().for_each(|root| add(view, slot, *root, dump));
            }
        }
        let view = self.writer.view();
        let mut dump = Vec::new();
        (0..113).for_each(|slot| add(&view, slot, view.root(slot), &mut dump));
        dump
    }
}

/// What a plain map knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    value: Vec<u8>,
    expiry: Option<u64>,
}

/// Databases of plain maps, with a few commands implemented in the simplest way.
#[derive(Default)]
struct Model {
    dbs: [BTreeMap<Vec<u8>, Known>; 3],
}

impl Model {
    /// Forgets what has expired.
    fn purge(&mut self, now_ms: u64) {
        for db in &mut self.dbs {
            db.retain(|_, known| known.expiry.is_none_or(|expiry| expiry > now_ms));
        }
    }
}

/// A key, another one, and what a random command does with them.
struct Turn {
    key: Vec<u8>,
    other: Vec<u8>,
    value: Vec<u8>,
    offset: usize,
}

/// A reply, and the expected one.
type Compared = (Vec<u8>, Vec<u8>);

fn integer(number: usize) -> Vec<u8> {
    format!(":{number}\r\n").into_bytes()
}

fn text(value: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

fn ok() -> Vec<u8> {
    b"+OK\r\n".to_vec()
}

/// One random command on both sides.
fn step(random: &mut SmallRng, data: &mut Data, model: &mut Model) {
    let len = [0, 1, 5, 40, 1024, 1025, 1280, 3000, 9000][random.random_range(0..9)];
    let turn = Turn {
        key: format!("k{}", random.random_range(0..12)).into_bytes(),
        other: format!("k{}", random.random_range(0..12)).into_bytes(),
        value: vec![b'a' + random.random_range(0..26_u8); len],
        offset: random.random_range(0..6000_usize),
    };
    let (reply, expected) = match random.random_range(0..16) {
        0..5 => step_of_values(random, data, model, turn),
        5..9 => step_of_keys(random, data, model, turn),
        9..13 => step_of_names(random, data, model, turn),
        _ => step_of_databases(random, data, model, turn),
    };
    assert_eq!(String::from_utf8_lossy(&reply), String::from_utf8_lossy(&expected));
}

/// A command on the bytes of a string.
fn step_of_values(random: &mut SmallRng, data: &mut Data, model: &mut Model, turn: Turn) -> Compared {
    let Turn { key, value, offset, .. } = turn;
    let map = &mut model.dbs[data.db];
    match random.random_range(0..5) {
        0 => {
            map.insert(key.clone(), Known { value: value.clone(), expiry: None });
            (data.run_words(&[b"SET", &key, &value]), ok())
        }
        1 => {
            let ms = random.random_range(1..5000_u64);
            map.insert(key.clone(), Known { value: value.clone(), expiry: Some(data.now_ms + ms) });
            (data.run_words(&[b"SET", &key, &value, b"PX", ms.to_string().as_bytes()]), ok())
        }
        2 => {
            let known = map.entry(key.clone()).or_insert(Known { value: Vec::new(), expiry: None });
            known.value.extend_from_slice(&value);
            (data.run_words(&[b"APPEND", &key, &value]), integer(known.value.len()))
        }
        3 => {
            let mut len = map.get(&key).map_or(0, |known| known.value.len());
            if !value.is_empty() {
                let known = map.entry(key.clone()).or_insert(Known { value: Vec::new(), expiry: None });
                len = len.max(offset + value.len());
                known.value.resize(len, 0);
                known.value[offset..][..value.len()].copy_from_slice(&value);
            }
            (data.run_words(&[b"SETRANGE", &key, offset.to_string().as_bytes(), &value]), integer(len))
        }
        _ => {
            let end = offset + random.random_range(0..4000);
            let part = map.get(&key).map_or(&[][..], |known| {
                let len = known.value.len();
                &known.value[offset.min(len)..(end + 1).min(len)]
            });
            let expected = text(part);
            let (start, end) = (offset.to_string(), end.to_string());
            (data.run_words(&[b"GETRANGE", &key, start.as_bytes(), end.as_bytes()]), expected)
        }
    }
}

/// A command on a key as a whole.
fn step_of_keys(random: &mut SmallRng, data: &mut Data, model: &mut Model, turn: Turn) -> Compared {
    let Turn { key, other, .. } = turn;
    let map = &mut model.dbs[data.db];
    match random.random_range(0..4) {
        0 => {
            let expected = map.get(&key).map_or(b"$-1\r\n".to_vec(), |known| text(&known.value));
            (data.run_words(&[b"GET", &key]), expected)
        }
        1 => {
            let first = usize::from(map.remove(&key).is_some());
            let expected = integer(first + usize::from(map.remove(&other).is_some()));
            (data.run_words(&[b"DEL", &key, &other]), expected)
        }
        2 => {
            let ms = random.random_range(-1000..5000_i64);
            let found = map.contains_key(&key);
            if ms <= 0 {
                map.remove(&key);
            } else if let Some(known) = map.get_mut(&key) {
                known.expiry = Some(data.now_ms + ms as u64);
            }
            (data.run_words(&[b"PEXPIRE", &key, ms.to_string().as_bytes()]), integer(usize::from(found)))
        }
        _ => {
            let had = map.get_mut(&key).is_some_and(|known| known.expiry.take().is_some());
            (data.run_words(&[b"PERSIST", &key]), integer(usize::from(had)))
        }
    }
}

/// A command that moves a key, or counts.
fn step_of_names(random: &mut SmallRng, data: &mut Data, model: &mut Model, turn: Turn) -> Compared {
    let Turn { key, other, .. } = turn;
    let db = data.db;
    match random.random_range(0..4) {
        0 => {
            let reply = data.run_words(&[b"RENAME", &key, &other]);
            let Some(known) = model.dbs[db].remove(&key) else {
                return (reply, b"-ERR no such key\r\n".to_vec());
            };
            model.dbs[db].insert(other, known);
            (reply, ok())
        }
        1 => {
            let to_db = random.random_range(0..3);
            let same = (db, &key) == (to_db, &other);
            let to_db = if same { (to_db + 1) % 3 } else { to_db };
            let known = model.dbs[db].get(&key).cloned();
            let number = to_db.to_string();
            let reply = data.run_words(&[b"COPY", &key, &other, b"REPLACE", b"DB", number.as_bytes()]);
            let found = known.is_some();
            known.map(|known| model.dbs[to_db].insert(other, known));
            (reply, integer(usize::from(found)))
        }
        2 => {
            let to_db = (db + 1) % 3;
            let reply = data.run_words(&[b"MOVE", &key, to_db.to_string().as_bytes()]);
            let moves = model.dbs[db].contains_key(&key) && !model.dbs[to_db].contains_key(&key);
            if moves {
                let known = model.dbs[db].remove(&key).unwrap();
                model.dbs[to_db].insert(key, known);
            }
            (reply, integer(usize::from(moves)))
        }
        _ => {
            let known = model.dbs[db].get(&key).cloned();
            let number = known.as_ref().map_or(Some(0), |known| crate::number::parse_i64(&known.value));
            let reply = data.run_words(&[b"INCR", &key]);
            let Some(number) = number else {
                return (reply, b"-ERR value is not an integer or out of range\r\n".to_vec());
            };
            let expiry = known.and_then(|known| known.expiry);
            let value = (number + 1).to_string().into_bytes();
            model.dbs[db].insert(key, Known { value, expiry });
            (reply, integer(number as usize + 1))
        }
    }
}

/// A command on databases.
fn step_of_databases(random: &mut SmallRng, data: &mut Data, model: &mut Model, turn: Turn) -> Compared {
    let key = turn.key;
    let (now_ms, db) = (data.now_ms, data.db);
    let choice = random.random_range(0..60);
    let map = &mut model.dbs[db];
    match choice {
        0 => {
            let (a, b) = (random.random_range(0..3_usize), random.random_range(0..3_usize));
            model.dbs.swap(a, b);
            (data.run_words(&[b"SWAPDB", a.to_string().as_bytes(), b.to_string().as_bytes()]), ok())
        }
        1 => {
            map.clear();
            (data.run_words(&[b"FLUSHDB"]), ok())
        }
        2..22 => {
            let expected =
                map.get(&key).map_or(-2, |known| known.expiry.map_or(-1, |at| (at - now_ms) as i64));
            (data.run_words(&[b"PTTL", &key]), format!(":{expected}\r\n").into_bytes())
        }
        _ => {
            let names: Vec<u8> = map.keys().flat_map(|name| text(name)).collect();
            let expected = [format!("*{}\r\n", map.len()).into_bytes(), names].concat();
            (data.run_words(&[b"KEYS", b"k*"]), expected)
        }
    }
}

#[test]
fn random_commands_do_what_a_plain_map_does_and_replay_gives_the_same_data() {
    for seed in 0..6 {
        eprintln!("seed {seed}");
        let mut random = SmallRng::seed_from_u64(seed);
        let (mut data, mut model) = (Data::new(), Model::default());
        for turn in 0..1500 {
            model.purge(data.now_ms);
            step(&mut random, &mut data, &mut model);
            data.now_ms += random.random_range(0..40);
            if turn % 50 == 0 {
                data.db = random.random_range(0..3);
                data.publish();
            }
        }
        assert_eq!(data.replayed().dump(), data.dump(), "seed {seed}");
        expiries_are_those_of_the_cells(&data);
        data.run("FLUSHALL");
        assert!(data.dump().is_empty());
    }
}

/// A key is in the tree of expiry times if and only if its cell has that expiry.
fn expiries_are_those_of_the_cells(data: &Data) {
    let (mut in_cells, mut in_trees) = (Vec::new(), Vec::new());
    let view = data.writer.view();
    for slot in 0..112 {
        let mut cursor = view.cursor(view.root(slot));
        while let Some((key, cell)) = cursor.next().unwrap() {
            if slot % 2 == 1 {
                in_trees.push((slot / 2, key.to_vec()));
            } else if let Some(at) = crate::keyspace::Value::read(&cell).unwrap().expire_at_ms {
                in_cells.push((slot / 2, [&at.to_be_bytes(), key].concat()));
            }
        }
    }
    in_cells.sort();
    in_trees.sort();
    assert_eq!(in_cells, in_trees);
}

/// Every command, on a key that holds a hash, gives exactly one reply, and the string commands say `WRONGTYPE`.
#[test]
fn another_type_is_refused_by_every_string_command() {
    let lines = [
        "GET h",
        "GETSET h v",
        "GETDEL h",
        "GETEX h",
        "GETEX h EX 10",
        "SET h v GET",
        "APPEND h v",
        "STRLEN h",
        "GETRANGE h 0 1",
        "SUBSTR h 0 1",
        "SETRANGE h 0 v",
        "SETRANGE h 0 ''",
        "INCR h",
        "DECR h",
        "INCRBY h 1",
        "DECRBY h 1",
        "INCRBYFLOAT h 1",
    ];
    let mut data = Data::new();
    let mut root = data.writer.root(0);
    data.writer.insert(&mut root, b"h", b"\x03", &[]).unwrap();
    data.writer.set_root(0, root);
    let before = data.dump();
    for line in lines {
        assert_eq!(data.run(line), CommandError::WRONG_TYPE.to_string().replacen("", "-", 1), "{line}");
    }
    assert!(data.run("LCS h h").starts_with("-ERR The specified keys must contain string values"));
    assert!(data.records.is_empty());
    assert_eq!(data.dump(), before, "nothing was changed");
    data.expect(&[
        ("TYPE h", "+hash"),
        ("MGET h", "*1|$-1"),
        ("SETNX h v", ":0"),
        ("EXISTS h", ":1"),
        ("SCAN 0 TYPE hash", "*2|$1|0|*1|$1|h"),
        ("SCAN 0 TYPE string", "*2|$1|0|*0"),
        ("EXPIRE h 10", ":1"),
        ("COPY h h2", ":1"),
        ("RENAME h2 h3", "+OK"),
        ("MOVE h3 1", ":1"),
        ("TTL h", ":10"),
        ("PERSIST h", ":1"),
        ("SET h v", "+OK"),
        ("GET h", "$1|v"),
    ]);
}

#[test]
fn expired_keys_are_deleted_wherever_they_stand() {
    let mut data = Data::new();
    data.expect(&[("RPUSH l a b c d e f", ":6"), ("ZADD z 1 a 2 b 3 c", ":3"), ("GEOADD g 1 1 a", ":1")]);
    for line in [
        "LMPOP 2 l due LEFT",
        "BLMPOP 0 3 none due l RIGHT",
        "ZMPOP 2 z due MIN",
        "BZMPOP 0 2 z due MAX",
        "ZUNIONSTORE to 2 z due",
        "ZDIFFSTORE to 3 none z due",
        "SORT l ALPHA STORE due",
        "SORT l BY nosort GET store STORE due",
        "GEORADIUS g 1 1 1 m STORE due",
        "GEORADIUSBYMEMBER g a 1 m ASC STOREDIST due",
    ] {
        data.expect(&[("DEL due", ":0"), ("SET due v PX 1", "+OK")]);
        data.now_ms += 1;
        data.run(line);
        assert_eq!(data.last_effects()[0], "expired", "{line}");
        data.run("DEL due");
    }
}

/// The command that `args` name: of a container its subcommand.
fn resolve(args: &Args<'_>) -> Option<&'static Spec> {
    let spec = spec::lookup(&args[0])?;
    if spec.is_container() { spec.subcommand(args.get(1)?) } else { Some(spec) }
}
