//! The real server over its socket, next to a plain map: random commands on several databases, with kills and orderly
//! stops in between; replies and contents are those of the map.
//!
//! After each restart everything is read back: `DBSIZE`, all keys by `SCAN`, their values, and whether they expire. A kill
//! comes in the middle of a pipeline: afterwards the state must be that after some prefix of the pipeline with at least all
//! answered commands.
//!
//! The long form: `ACKD_MODEL_ROUNDS=300 cargo test --release --test model -- --nocapture`.

mod common;

use common::collections::Kind;
use common::keys::{Command, DATABASES, Entry, Model, Shape, any_command};
use common::{Client, TestServer, Value, encode, seed, setting};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Databases, keys and values: some of several MB, some keys of the greatest length.
const SHAPE: Shape = Shape { databases: 5, keys: 60, value_bytes_max: 3 << 20, long_keys: 10 };
/// Pipelines of one life.
const PIPELINES: u32 = 25;
/// Commands of a pipeline at most.
const PIPELINE_MAX: u32 = 24;

/// A client and the database that it has selected.
struct Session {
    client: Client,
    db: usize,
}

impl Session {
    fn new(server: &TestServer) -> Self {
        Self { client: server.client(), db: 0 }
    }

    /// Sends commands in one write, each with the `SELECT` that it needs, and returns for each how many replies come before
    /// its own.
    fn send(&mut self, commands: &[Command]) -> Vec<usize> {
        let mut bytes = Vec::new();
        let mut selects = Vec::new();
        for command in commands {
            selects.push(self.select(command.db, &mut bytes));
            bytes.extend(encode(&command.slices()));
        }
        self.client.send(&bytes).expect("the server takes commands");
        selects
    }

    /// Appends a `SELECT` if it is needed; returns the number of its replies.
    fn select(&mut self, db: usize, bytes: &mut Vec<u8>) -> usize {
        if self.db == db {
            return 0;
        }
        self.db = db;
        bytes.extend(encode(&[b"SELECT", db.to_string().as_bytes()]));
        1
    }

    /// Reads the reply of one command.
    fn reply(&mut self, selects: usize) -> std::io::Result<Value> {
        for _ in 0..selects {
            assert_eq!(self.client.reply()?, Value::Simple("OK".into()));
        }
        self.client.reply()
    }

    /// Runs one command.
    fn command(&mut self, db: usize, words: &[&[u8]]) -> Value {
        let mut bytes = Vec::new();
        let selects = self.select(db, &mut bytes);
        bytes.extend(encode(words));
        self.client.send(&bytes).expect("the server takes commands");
        self.reply(selects).expect("the server answers")
    }
}

/// Commands of one pipeline. Large replies come last, because nobody reads while the pipeline is sent.
fn pipeline(random: &mut SmallRng) -> Vec<Command> {
    let mut commands = Vec::new();
    for _ in 0..random.random_range(1..=PIPELINE_MAX) {
        let command = any_command(random, &SHAPE);
        let large = command.words[0].starts_with(b"GET");
        commands.push(command);
        if large {
            break;
        }
    }
    commands
}

/// Reads all databases back, in every way that the server offers.
fn read_all(session: &mut Session, random: &mut SmallRng) -> Model {
    let mut model = Model::default();
    for db in 0..DATABASES {
        let keys = scan(session, db, random);
        let Value::Integer(size) = session.command(db, &[b"DBSIZE"]) else { panic!("DBSIZE is a number") };
        assert_eq!(size, keys.len() as i64, "DBSIZE of db {db}");
        for key in keys {
            let Value::Bulk(value) = session.command(db, &[b"GET", &key]) else {
                panic!("a key of SCAN is there")
            };
            assert_eq!(session.command(db, &[b"STRLEN", &key]), Value::Integer(value.len() as i64));
            let Value::Integer(expiry) = session.command(db, &[b"PEXPIRETIME", &key]) else {
                panic!("PEXPIRETIME is a number")
            };
            let expiry = u64::try_from(expiry).ok();
            model.dbs[db].insert(key.into(), Entry { kind: Kind::String, value: Arc::new(value), expiry });
        }
    }
    model
}

/// All keys of a database, by `SCAN`.
fn scan(session: &mut Session, db: usize, random: &mut SmallRng) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        let count = random.random_range(1..30).to_string();
        let reply = session.command(db, &[b"SCAN", cursor.as_bytes(), b"COUNT", count.as_bytes()]);
        let Value::Array(parts) = reply else { panic!("SCAN answers an array") };
        let [next, Value::Array(found)] = &parts[..] else { panic!("SCAN answers a cursor and keys") };
        for key in found {
            let Value::Bulk(key) = key else { panic!("a key is a bulk string") };
            keys.insert(key.clone());
        }
        cursor = next.text();
        if cursor == "0" {
            return keys;
        }
    }
}

/// How a life ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// By SIGKILL, after all commands were answered.
    Kill,
    /// By SIGKILL in the middle of a pipeline.
    KillBusy,
    /// By SIGTERM.
    Stop,
}

/// The map after the shortest prefix of `commands` that leads to `state`, from `acked` commands on.
fn after_prefix(model: &Model, commands: &[Command], acked: usize, state: &Model) -> Model {
    let mut candidate = model.clone();
    commands[..acked].iter().for_each(|command| drop(candidate.apply(command)));
    let mut first = None;
    for command in &commands[acked..] {
        let Some(difference) = candidate.difference(state) else { return candidate };
        first.get_or_insert(difference);
        candidate.apply(command);
    }
    if let Some(difference) = candidate.difference(state) {
        let sent: Vec<String> = commands.iter().map(Command::text).collect();
        let first = first.unwrap_or(difference);
        panic!("no prefix of the pipeline leads here; {acked} were answered: {first}; {sent:#?}");
    }
    candidate
}

/// One life: commands, each with the reply that the map gives.
fn live(session: &mut Session, model: &mut Model, random: &mut SmallRng) {
    for _ in 0..PIPELINES {
        let commands = pipeline(random);
        let selects = session.send(&commands);
        for (command, selects) in commands.iter().zip(selects) {
            let reply = session.reply(selects).expect("the server answers");
            let expected = model.apply(command);
            let (got, wanted) = (short(&reply), short(&expected));
            assert!(reply == expected, "{}: {got} instead of {wanted}", command.text());
        }
    }
}

/// The end of one life; returns the commands that may or may not have been applied, and how many of them were answered.
fn end(
    server: &mut TestServer,
    mut session: Session,
    end: End,
    random: &mut SmallRng,
) -> (Vec<Command>, usize) {
    match end {
        End::Kill => server.kill(),
        End::Stop => assert!(server.stop().success()),
        End::KillBusy => {
            let mut commands: Vec<Command> = (0..4).flat_map(|_| pipeline(random)).collect();
            commands.retain(|command| !command.words[0].starts_with(b"GET"));
            let selects = session.send(&commands);
            let answered = random.random_range(0..=commands.len());
            for selects in &selects[..answered] {
                session.reply(*selects).expect("the server answers");
            }
            server.kill();
            return (commands, answered);
        }
    }
    (Vec::new(), 0)
}

/// A reply as short text.
fn short(reply: &Value) -> String {
    let text = format!("{reply:?}");
    text.chars().take(120).collect()
}

#[test]
fn the_server_holds_what_a_plain_map_holds_through_kills_and_stops() {
    let mut random = SmallRng::seed_from_u64(seed("--test model"));
    let rounds = setting("ACKD_MODEL_ROUNDS", 10);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let flags = ["--wal-segment-size", "4mb", "--recovery-target-ms", "10", "--loglevel", "warning"];
    let mut model = Model::default();
    for round in 0..rounds {
        let mut server = TestServer::start(&dir, &flags);
        let mut session = Session::new(&server);
        live(&mut session, &mut model, &mut random);
        let how = [End::Kill, End::KillBusy, End::Stop][random.random_range(0..3)];
        eprintln!("round {round}: {} keys, then {how:?}", model.keys());
        let (commands, answered) = end(&mut server, session, how, &mut random);
        drop(server);

        let server = TestServer::start(&dir, &flags);
        let state = read_all(&mut Session::new(&server), &mut random);
        model = after_prefix(&model, &commands, answered, &state);
    }
}
