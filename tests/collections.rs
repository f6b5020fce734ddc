//! Sets and hashes on the real server, next to plain maps: random commands, with kills and orderly stops in between.
//!
//! After each restart everything is read back. A kill comes in the middle of a pipeline: afterwards the state must be that
//! after some prefix of the pipeline with at least all answered commands. The last test runs every command on every type
//! that it does not accept.
//!
//! The long form: `ACKD_COLLECTIONS_ROUNDS=200 cargo test --release --test collections -- --nocapture`.

mod common;

use common::{Client, TestServer, Value, encode, eventually, seed, setting};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Sets and hashes each.
const KEYS: u32 = 6;
/// Commands of a pipeline.
const PIPELINE: usize = 24;
/// Pipelines of one life.
const PIPELINES: usize = 30;

/// What is in the server.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    sets: BTreeMap<String, BTreeSet<Vec<u8>>>,
    hashes: BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>,
}

/// One command: its words.
type Command = Vec<Vec<u8>>;

/// A name: one of a few, so that commands share keys; some are long.
fn name(random: &mut SmallRng) -> Vec<u8> {
    match random.random_range(0..80_u32) {
        0 => vec![b'n'; 5000],
        1 => Vec::new(),
        number => format!("name:{}", number * 7).into_bytes(),
    }
}

/// A value, sometimes one of many pieces.
fn value(random: &mut SmallRng) -> Vec<u8> {
    let len = match random.random_range(0..50) {
        0 => random.random_range(1000..200_000),
        _ => random.random_range(0..40),
    };
    let byte: u8 = random.random();
    vec![byte; len]
}

/// A random command.
fn command(random: &mut SmallRng) -> Command {
    let (set, hash) =
        (format!("s{}", random.random_range(0..KEYS)), format!("h{}", random.random_range(0..KEYS)));
    let mut words: Command;
    let names = if random.random_range(0..4) == 0 { 40 } else { 4 };
    let names: Vec<Vec<u8>> = (0..random.random_range(1..names)).map(|_| name(random)).collect();
    let text = |word: &str| word.as_bytes().to_vec();
    match random.random_range(0..14) {
        0..4 => words = vec![text("SADD"), text(&set)],
        4..6 => words = vec![text("SREM"), text(&set)],
        6 => {
            let other = format!("s{}", random.random_range(0..KEYS));
            return vec![text("SUNIONSTORE"), text(&set), text(&set), text(&other)];
        }
        7 => {
            let other = format!("s{}", random.random_range(0..KEYS));
            return vec![text("SMOVE"), text(&set), text(&other), names[0].clone()];
        }
        8..11 => {
            words = vec![text("HSET"), text(&hash)];
            names.into_iter().for_each(|name| words.extend([name, value(random)]));
            return words;
        }
        11..13 => words = vec![text("HDEL"), text(&hash)],
        _ => return vec![text("DEL"), text(if random.random() { &set } else { &hash })],
    }
    words.extend(names);
    words
}

impl Model {
    /// Does what the command does; its reply.
    fn apply(&mut self, command: &Command) -> i64 {
        let text = |word: &[u8]| String::from_utf8(word.to_vec()).unwrap();
        let key = text(&command[1]);
        let set = |model: &Self, key: &str| model.sets.get(key).cloned().unwrap_or_default();
        let count = match command[0].as_slice() {
            b"SADD" => {
                let set = self.sets.entry(key).or_default();
                command[2..].iter().filter(|member| set.insert(member.to_vec())).count()
            }
            b"SREM" => {
                let set = self.sets.entry(key).or_default();
                command[2..].iter().filter(|member| set.remove(*member)).count()
            }
            b"SUNIONSTORE" => {
                let union = &set(self, &text(&command[2])) | &set(self, &text(&command[3]));
                let len = union.len();
                self.sets.insert(key, union);
                len
            }
            b"SMOVE" => {
                let moves = self.sets.entry(key).or_default().remove(&command[3]);
                if moves {
                    self.sets.entry(text(&command[2])).or_default().insert(command[3].clone());
                }
                usize::from(moves)
            }
            b"HSET" => {
                let hash = self.hashes.entry(key).or_default();
                let pairs = command[2..].chunks(2);
                pairs.filter(|pair| hash.insert(pair[0].clone(), pair[1].clone()).is_none()).count()
            }
            b"HDEL" => {
                let hash = self.hashes.entry(key).or_default();
                command[2..].iter().filter(|field| hash.remove(*field).is_some()).count()
            }
            _ => usize::from(self.sets.remove(&key).is_some() || self.hashes.remove(&key).is_some()),
        };
        self.sets.retain(|_, set| !set.is_empty());
        self.hashes.retain(|_, hash| !hash.is_empty());
        count as i64
    }
}

fn send(client: &mut Client, commands: &[Command]) {
    let words = |command: &Command| encode(&command.iter().map(Vec::as_slice).collect::<Vec<_>>());
    client.send(&commands.iter().flat_map(words).collect::<Vec<u8>>()).expect("the server takes commands");
}

fn bytes(value: Value) -> Vec<u8> {
    let Value::Bulk(bytes) = value else { panic!("{value:?} is no bulk string") };
    bytes
}

/// Reads everything back, whole and by cursor.
fn read_all(client: &mut Client, random: &mut SmallRng) -> Model {
    let mut model = Model::default();
    let Value::Array(keys) = client.run("KEYS *") else { panic!("KEYS is an array") };
    for key in keys.iter().map(Value::text) {
        let is_set = client.run(&format!("TYPE {key}")) == Value::Simple("set".into());
        let scanned = scan(client, &key, is_set, random);
        if is_set {
            let Value::Array(members) = client.run(&format!("SMEMBERS {key}")) else { panic!("an array") };
            let members: BTreeSet<Vec<u8>> = members.into_iter().map(bytes).collect();
            assert_eq!(client.run(&format!("SCARD {key}")), Value::Integer(members.len() as i64));
            assert_eq!(scanned, members);
            model.sets.insert(key, members);
        } else {
            let Value::Array(flat) = client.run(&format!("HGETALL {key}")) else { panic!("an array") };
            let flat: Vec<Vec<u8>> = flat.into_iter().map(bytes).collect();
            let hash: BTreeMap<_, _> =
                flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            assert_eq!(client.run(&format!("HLEN {key}")), Value::Integer(hash.len() as i64));
            assert!(scanned.iter().eq(hash.keys()));
            model.hashes.insert(key, hash);
        }
    }
    model
}

/// All members or fields, by `SSCAN` or `HSCAN`.
fn scan(client: &mut Client, key: &str, is_set: bool, random: &mut SmallRng) -> BTreeSet<Vec<u8>> {
    let (mut names, mut cursor) = (BTreeSet::new(), "0".to_owned());
    loop {
        let count = random.random_range(1..20);
        let line = match is_set {
            true => format!("SSCAN {key} {cursor} COUNT {count}"),
            false => format!("HSCAN {key} {cursor} COUNT {count} NOVALUES"),
        };
        let Value::Array(parts) = client.run(&line) else { panic!("a scan answers an array") };
        let [next, Value::Array(found)] = &parts[..] else { panic!("a scan answers a cursor and names") };
        names.extend(found.iter().cloned().map(bytes));
        cursor = next.text();
        if cursor == "0" {
            return names;
        }
    }
}

#[test]
fn sets_and_hashes_are_those_of_plain_maps_through_kills_and_stops() {
    let mut random = SmallRng::seed_from_u64(seed("--test collections"));
    let rounds = setting("ACKD_COLLECTIONS_ROUNDS", 8);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let flags = ["--wal-segment-size", "4mb", "--recovery-target-ms", "10", "--loglevel", "warning"];
    let mut model = Model::default();
    for _ in 0..rounds {
        let mut server = TestServer::start(&dir, &flags);
        let mut client = server.client();
        for _ in 0..PIPELINES {
            let commands: Vec<Command> = (0..PIPELINE).map(|_| command(&mut random)).collect();
            send(&mut client, &commands);
            for command in &commands {
                let expected = Value::Integer(model.apply(command));
                let name = String::from_utf8_lossy(&command[0]);
                assert_eq!(client.reply().expect("the server answers"), expected, "{name}");
            }
        }
        let commands: Vec<Command> = (0..PIPELINE * 4).map(|_| command(&mut random)).collect();
        send(&mut client, &commands);
        let answered = random.random_range(0..=commands.len());
        for command in &commands[..answered] {
            assert_eq!(client.reply().expect("the server answers"), Value::Integer(model.apply(command)));
        }
        let mut rest = commands[answered..].iter();
        if random.random_range(0..3) == 0 {
            for command in rest.by_ref() {
                assert_eq!(client.reply().expect("the server answers"), Value::Integer(model.apply(command)));
            }
            assert!(server.stop().success());
        } else {
            server.kill();
        }
        drop(server);

        let server = TestServer::start(&dir, &flags);
        let state = read_all(&mut server.client(), &mut random);
        while model != state {
            let next = rest.next().expect("some prefix of the pipeline leads to what is there");
            model.apply(next);
        }
    }
}

#[test]
fn fields_expire_by_themselves_and_stay_gone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let mut client = server.client();
    client.run("HSET h keep 1 soon 2");
    client.run("HSET gone a 1 b 2");
    let fields: String = (0..1000).map(|number| format!(" f{number} v")).collect();
    client.run(&format!("HSET large{fields} keep v"));
    let fields: String = (0..1000).map(|number| format!(" f{number}")).collect();
    client.run("HPEXPIRE h 50 FIELDS 1 soon");
    client.run("HPEXPIRE gone 50 FIELDS 2 a b");
    client.run(&format!("HPEXPIRE large 50 FIELDS 1000{fields}"));
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(client.run("HLEN large"), Value::Integer(1));
    assert_eq!(client.run("HGET h soon"), Value::Null);
    assert_eq!(client.run("EXISTS gone"), Value::Integer(0));
    // Until the writer has deleted the expired keys that nobody reads.
    let used = |client: &mut Client| match client.run("MEMORY USAGE large") {
        Value::Integer(bytes) => bytes,
        other => panic!("{other:?}"),
    };
    eventually("fields that are due are deleted", || used(&mut client) <= 200);
    server.kill();
    drop(server);
    let server = TestServer::start(&dir, &["--loglevel", "warning"]);
    let mut client = server.client();
    assert_eq!(client.run("HKEYS h"), Value::Array(vec![Value::Bulk(b"keep".to_vec())]));
    assert_eq!(client.run("HKEYS large"), Value::Array(vec![Value::Bulk(b"keep".to_vec())]));
    assert_eq!(client.run("DBSIZE"), Value::Integer(2));
}

/// Commands on strings; `@` stands for the key.
const OF_STRINGS: &[&str] = &[
    "GET @",
    "APPEND @ v",
    "STRLEN @",
    "GETRANGE @ 0 1",
    "SETRANGE @ 0 v",
    "INCR @",
    "DECRBY @ 1",
    "INCRBYFLOAT @ 1",
    "GETSET @ v",
    "GETDEL @",
    "GETEX @",
    "SET @ v GET",
];
/// Commands on sets; `@` stands for the key.
const OF_SETS: &[&str] = &[
    "SADD @ a",
    "SREM @ a",
    "SISMEMBER @ a",
    "SMISMEMBER @ a b",
    "SCARD @",
    "SMEMBERS @",
    "SMOVE @ set a",
    "SMOVE set @ a",
    "SSCAN @ 0",
    "SPOP @",
    "SPOP @ 2",
    "SRANDMEMBER @",
    "SRANDMEMBER @ 2",
    "SINTER @",
    "SINTER set @",
    "SUNION @ set",
    "SDIFF set @",
    "SINTERCARD 2 set @",
    "SINTERSTORE x @",
    "SUNIONSTORE x set @",
    "SDIFFSTORE x @ set",
];
/// Commands on hashes; `@` stands for the key.
const OF_HASHES: &[&str] = &[
    "HSET @ f v",
    "HMSET @ f v",
    "HSETNX @ f v",
    "HGET @ f",
    "HMGET @ f g",
    "HGETALL @",
    "HKEYS @",
    "HVALS @",
    "HDEL @ f",
    "HEXISTS @ f",
    "HLEN @",
    "HSTRLEN @ f",
    "HSCAN @ 0",
    "HRANDFIELD @",
    "HRANDFIELD @ 2 WITHVALUES",
    "HINCRBY @ f 1",
    "HINCRBYFLOAT @ f 1",
    "HEXPIRE @ 9 FIELDS 1 f",
    "HPEXPIRE @ 9 FIELDS 1 f",
    "HEXPIREAT @ 9 FIELDS 1 f",
    "HPEXPIREAT @ 9 FIELDS 1 f",
    "HTTL @ FIELDS 1 f",
    "HPTTL @ FIELDS 1 f",
    "HEXPIRETIME @ FIELDS 1 f",
    "HPEXPIRETIME @ FIELDS 1 f",
    "HPERSIST @ FIELDS 1 f",
    "HGETDEL @ FIELDS 1 f",
    "HGETEX @ FIELDS 1 f",
    "HSETEX @ FIELDS 1 f v",
];
/// Commands on streams; `@` stands for the key.
const OF_STREAMS: &[&str] = &[
    "XADD @ * f v",
    "XLEN @",
    "XRANGE @ - +",
    "XREVRANGE @ + -",
    "XREAD STREAMS @ 0",
    "XREAD BLOCK 0 STREAMS @ $",
    "XREADGROUP GROUP g c STREAMS @ >",
    "XDEL @ 1-1",
    "XDELEX @ IDS 1 1-1",
    "XTRIM @ MAXLEN 1",
    "XSETID @ 1-1",
    "XGROUP CREATE @ g 0 MKSTREAM",
    "XGROUP CREATECONSUMER @ g c",
    "XGROUP DELCONSUMER @ g c",
    "XGROUP DESTROY @ g",
    "XGROUP SETID @ g 0",
    "XACK @ g 1-1",
    "XACKDEL @ g IDS 1 1-1",
    "XPENDING @ g",
    "XCLAIM @ g c 0 1-1",
    "XAUTOCLAIM @ g c 0 0",
    "XINFO STREAM @",
    "XINFO GROUPS @",
    "XINFO CONSUMERS @ g",
];

#[test]
fn a_command_against_another_type_gets_one_error() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let mut client = server.client();
    client.run("SET string v");
    client.run("SADD set a");
    client.run("HSET hash f v");
    client.run("XADD stream * f v");
    let families = [(OF_STRINGS, "string"), (OF_SETS, "set"), (OF_HASHES, "hash"), (OF_STREAMS, "stream")];
    for protocol in ["2", "3"] {
        client.run(&format!("HELLO {protocol}"));
        for (commands, own) in families {
            for other in ["string", "set", "hash", "stream"].into_iter().filter(|other| *other != own) {
                for command in commands {
                    let reply = client.run(&command.replace('@', other));
                    assert!(
                        matches!(&reply, Value::Error(text) if text.starts_with("WRONGTYPE")),
                        "{command} on a {other}: {reply:?}"
                    );
                    assert_eq!(client.run("PING"), Value::Simple("PONG".into()), "{command}");
                }
            }
        }
    }
    assert_eq!(client.run("DBSIZE"), Value::Integer(4));
    assert_eq!(client.run("GET string"), Value::Bulk(b"v".to_vec()));
}
