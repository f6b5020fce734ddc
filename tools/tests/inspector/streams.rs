//! Effects on streams and groups, made by random commands and replayed into a real redis-server: it shows the same of them.

use std::sync::Arc;

use ackd::command::{self, Call};
use ackd::effect::EffectBuffer;
use ackd::keyspace::{Keyspace, Lookups};
use ackd::resp::{Args, Protocol, Reply, Span};
use ackd::state::CommandLimits;
use ackd::table::{MemoryFile, Table, TableOptions, TableWriter};

use crate::common::Data;
use crate::redis::{Random, Redis};

/// The time at which the commands start, in milliseconds since 1970. It has passed, so Redis takes it as it is.
const START_MS: u64 = 1_700_000_000_000;
/// Fields of `XINFO` that differ: a radix tree that ackd does not have, and when a consumer was seen, which no command sets.
const UNLIKE: [&str; 4] = ["radix-tree-keys", "radix-tree-nodes", "seen-time", "active-time"];
/// Keys, and their names in both servers.
const KEYS: [&str; 2] = ["jobs", "events"];

/// Runs commands on a table in memory, and keeps their records.
struct Server {
    _table: Arc<Table>,
    writer: TableWriter,
    records: Vec<Vec<u8>>,
    now_ms: u64,
}

impl Server {
    fn new() -> Self {
        let file = Box::new(MemoryFile::new(1 << 26));
        let (table, writer) = Table::create(file, &TableOptions { seed: 1, ..Default::default() }).unwrap();
        Self { _table: table, writer, records: Vec::new(), now_ms: START_MS }
    }

    /// Runs a command; returns its reply.
    fn run(&mut self, line: &str) -> String {
        let spans: Vec<Span> = line
            .split(' ')
            .map(|word| Span {
                start: (word.as_ptr() as usize - line.as_ptr() as usize) as u32,
                len: word.len() as u32,
            })
            .collect();
        let args = Args::new(line.as_bytes(), &spans);
        let spec = command::find(&args).unwrap_or_else(|| panic!("no command {line}"));
        let call = Call { spec, args, db: 0, now_ms: self.now_ms, limits: CommandLimits::default() };
        let (mut record, mut out) = (EffectBuffer::new(), Vec::new());
        let mut keyspace = Keyspace::new(&mut self.writer, Some(&mut record));
        let mut reply = Reply::new(&mut out, Protocol::Resp2);
        command::execute(&call, &mut keyspace, &mut reply, &mut Lookups::default()).unwrap();
        if !record.is_empty() {
            let mut payload = Vec::new();
            record.write(spec.id, &mut payload);
            self.records.push(payload);
        }
        String::from_utf8(out).unwrap()
    }
}

/// A random command on a stream.
fn any_command(random: &mut Random, now_ms: u64) -> String {
    let key = KEYS[random.below(2)];
    let (group, consumer) = (format!("g{}", random.below(2)), format!("c{}", random.below(3)));
    let id = |random: &mut Random| {
        let ago = random.below(60) as u64;
        format!("{}-{}", now_ms - ago * ago, random.below(2))
    };
    let ids = |random: &mut Random| (0..=random.below(6)).map(|_| id(random)).collect::<Vec<_>>().join(" ");
    match random.below(40) {
        0..12 => format!("xadd {key} {now_ms}-* field {}", random.below(1000)),
        12 => {
            format!("xadd {key} nomkstream maxlen {} * a {} b {}", random.below(40), "x".repeat(2000), now_ms)
        }
        13 | 14 => format!("xdel {key} {}", ids(random)),
        15 => format!("xtrim {key} maxlen {}", random.below(30)),
        16 => format!("xtrim {key} minid {} delref", id(random)),
        17 | 18 => format!("xgroup create {key} {group} {} mkstream", id(random)),
        19 => format!("xgroup setid {key} {group} {} entriesread {}", id(random), random.below(9)),
        20 if random.below(4) == 0 => format!("xgroup destroy {key} {group}"),
        21 => format!("xgroup createconsumer {key} {group} {consumer}"),
        22 => format!("xgroup delconsumer {key} {group} {consumer}"),
        23..28 => {
            format!("xreadgroup group {group} {consumer} count {} streams {key} >", 1 + random.below(8))
        }
        28 => format!("xreadgroup group {group} {consumer} count 3 noack streams {key} >"),
        29 => format!("xreadgroup group {group} {consumer} streams {key} 0"),
        30..33 => format!("xack {key} {group} {}", ids(random)),
        33 => format!("xackdel {key} {group} ids 1 {}", id(random)),
        34 => format!("xclaim {key} {group} {consumer} 0 {} force", ids(random)),
        35 => format!(
            "xclaim {key} {group} {consumer} 5 {} retrycount 7 justid lastid {}",
            ids(random),
            id(random)
        ),
        36 => format!("xautoclaim {key} {group} {consumer} 20 0"),
        37 => format!("xsetid {key} {now_ms}-9 entriesadded {}", 100 + random.below(100)),
        38 if random.below(4) == 0 => format!("copy {key} {} replace", KEYS[random.below(2)]),
        39 if random.below(8) == 0 => format!("del {key}"),
        _ => format!("pexpireat {key} 4102444800000"),
    }
}

/// A reply.
#[derive(Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    List(Vec<Value>),
}

/// Reads the next reply, without what is not compared.
fn parse(lines: &mut dyn Iterator<Item = &str>) -> Value {
    let line = lines.next().expect("a reply");
    match line.as_bytes()[0] {
        b'*' => {
            let len = line[1..].parse::<usize>().unwrap_or(0);
            let mut values = (0..len).map(|_| parse(&mut *lines)).collect::<Vec<_>>().into_iter();
            let mut kept = Vec::new();
            while let Some(value) = values.next() {
                match &value {
                    Value::Text(text) if UNLIKE.contains(&text.as_str()) => drop(values.next()),
                    _ => kept.push(value),
                }
            }
            Value::List(kept)
        }
        b'$' if line != "$-1" => Value::Text(lines.next().expect("a bulk string").into()),
        _ => Value::Text(line.into()),
    }
}

#[test]
fn a_redis_shows_the_same_streams_and_groups() {
    let mut redis = None;
    for seed in 0..6 {
        let (mut server, mut random) = (Server::new(), Random(seed));
        for _ in 0..400 {
            server.now_ms += random.below(20) as u64;
            let command = any_command(&mut random, server.now_ms);
            server.run(&command);
        }
        let mut data = Data::new();
        server.records.chunks(7).for_each(|records| _ = data.payloads(records));
        data.seal();
        let ran = data.run(&["dump", "DIR", "--format", "resp"]).expect(0);
        let redis = redis.get_or_insert_with(|| Redis::start(data.path()));
        redis.run(b"FLUSHALL\r\n");
        let replies = redis.run(&ran.out);
        assert!(!replies.contains("\r\n-"), "seed {seed}: {replies}");
        for key in KEYS {
            let theirs = redis.run(format!("XINFO STREAM {key} FULL COUNT 0\r\n").as_bytes());
            let ours = server.run(&format!("xinfo stream {key} full count 0"));
            assert!(ours.len() > 100, "seed {seed}: {key} holds next to nothing");
            let [ours, theirs] = [&ours, &theirs].map(|reply| parse(&mut reply.split("\r\n")));
            assert_eq!(ours, theirs, "seed {seed}: {key}");
        }
    }
}
