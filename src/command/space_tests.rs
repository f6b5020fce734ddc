//! What each writing command asks for before it changes anything, and what it takes: bytes of the log, and pages of the
//! table. Every command of the table has its cases here, on keys of several shapes.
//!
//! The bytes are secured exactly. Pages are asked for generously, but not beyond [`FACTOR_MAX`] times and [`SLACK_PAGES`]
//! what is taken; commands of [`ASKING_ON_THE_WAY`] take more, which the table then finds page by page or refuses.
//!
//! The figures: `cargo test --lib what_commands_ask_for -- --nocapture`

use std::collections::BTreeMap;

use super::tests::Data;
use crate::effect;
use crate::spec;

/// Pages that are asked for are at most this many times those that are taken, apart from [`SLACK_PAGES`].
const FACTOR_MAX: u64 = 4;
/// Pages that are asked for whatever a command takes: for one effect the ways to the key and its expiries, and to a few
/// elements.
const SLACK_PAGES: u64 = 48;
/// Commands that take more pages than they ask for: what they copy within the table is not walked before, and the elements
/// that a long range takes out may stand side by side in one order and far apart in another.
const ASKING_ON_THE_WAY: [&str; 2] = ["copy", "zremrangebyrank"];

/// Elements of the large collections.
const ELEMENTS: usize = 5000;

/// Commands with lines that change something, by shape of their keys. `V` is a value of 50,000 bytes.
const CASES: &[(&str, &[&str])] = &[
    ("append", &["append short x", "append long V"]),
    ("bitfield", &["bitfield short set u8 0 1", "bitfield long set u8 #40000 7 incrby i5 100 1"]),
    ("bitop", &["bitop not d short", "bitop or d long short"]),
    ("blmove", &["blmove list small right left 0", "blmove small d left left 0"]),
    ("blmpop", &["blmpop 0 1 list left count 1", "blmpop 0 1 list right count 4000"]),
    ("blpop", &["blpop list 0", "blpop small 0"]),
    ("brpop", &["brpop list 0"]),
    ("brpoplpush", &["brpoplpush list d 0"]),
    ("bzmpop", &["bzmpop 0 1 sorted min count 1", "bzmpop 0 1 sorted max count 3000"]),
    ("bzpopmax", &["bzpopmax sorted 0"]),
    ("bzpopmin", &["bzpopmin sorted 0"]),
    ("copy", &["copy short d", "copy long d", "copy hash d", "copy list d", "copy set d", "copy sorted d"]),
    ("decr", &["decr short"]),
    ("decrby", &["decrby short 10"]),
    ("del", &["del short", "del long hash list set sorted", "del k1 k77 k999 k2222"]),
    ("expire", &["expire short 100", "expire hash 100"]),
    ("expireat", &["expireat k8 99999999999"]),
    ("flushall", &["flushall"]),
    ("flushdb", &["flushdb"]),
    ("geoadd", &["geoadd geo 1 2 new", "geoadd d 1 2 a 3 4 b"]),
    ("georadius", &["georadius geo 0 0 1 m store d", "georadius geo 0 0 20000 km store d"]),
    ("georadiusbymember", &["georadiusbymember geo m7 50 km store d"]),
    (
        "geosearchstore",
        &[
            "geosearchstore d geo fromlonlat 0 0 byradius 1 m",
            "geosearchstore d geo frommember m7 byradius 1 m",
            "geosearchstore d geo fromlonlat 0 0 byradius 20000 km",
        ],
    ),
    ("getdel", &["getdel short", "getdel long"]),
    ("getex", &["getex short ex 100"]),
    ("getset", &["getset short x"]),
    ("hdel", &["hdel hash m7", "hdel hash m1 m700 m1400 m2100 m2800 m3500 m4200 m4900 m5 m6"]),
    ("hexpire", &["hexpire hash 100 fields 1 m7"]),
    ("hexpireat", &["hexpireat hash 1999999999 fields 2 m7 m8"]),
    ("hgetdel", &["hgetdel hash fields 1 m7"]),
    ("hgetex", &["hgetex hash ex 100 fields 1 m7"]),
    ("hincrby", &["hincrby d f 1", "hincrby due f 1"]),
    ("hincrbyfloat", &["hincrbyfloat d f 1.5", "hincrbyfloat d f 1e300"]),
    ("hmset", &["hmset hash a 1 b 2 c 3"]),
    ("hpersist", &["hpersist timed fields 1 m7"]),
    ("hpexpire", &["hpexpire hash 100 fields 1 m7"]),
    ("hpexpireat", &["hpexpireat hash 1999999999999 fields 1 m7"]),
    ("hset", &["hset hash m7 x", "hset d f v", "hset hash f V", "hset due f v"]),
    ("hsetex", &["hsetex hash ex 100 fields 2 m7 x m8 y", "hsetex d fields 1 f v"]),
    ("hsetnx", &["hsetnx hash new x"]),
    ("incr", &["incr short", "incr gone"]),
    ("incrby", &["incrby short 10"]),
    ("incrbyfloat", &["incrbyfloat short 1e300"]),
    ("linsert", &["linsert list before m2500 x"]),
    ("lmove", &["lmove list d right left", "lmove small list right left"]),
    ("lmpop", &["lmpop 1 list left", "lmpop 1 list left count 4000"]),
    ("lpop", &["lpop list", "lpop list 4000", "lpop list 5000"]),
    ("lpush", &["lpush list x y z", "lpush list V", "lpush d x"]),
    ("lpushx", &["lpushx list x"]),
    ("lrem", &["lrem list 1 m2500", "lrem same 0 x"]),
    ("lset", &["lset list 2500 x", "lset list 2500 V"]),
    ("ltrim", &["ltrim list 0 0", "ltrim list 10 4990", "ltrim list 1 -1"]),
    ("move", &["move short 1", "move hash 1"]),
    ("mset", &["mset a 1 b 2 k77 3", "mset a V b V"]),
    ("msetnx", &["msetnx a 1 b 2"]),
    ("persist", &["persist k7"]),
    ("pexpire", &["pexpire short 100"]),
    ("pexpireat", &["pexpireat short 9999999999999"]),
    ("pfadd", &["pfadd d x", "pfadd sketch new1 new2 new3"]),
    ("pfmerge", &["pfmerge d sketch", "pfmerge few sketch"]),
    ("psetex", &["psetex short 100 x"]),
    ("rename", &["rename short d", "rename hash list"]),
    ("renamenx", &["renamenx sorted d"]),
    ("rpop", &["rpop list", "rpop list 4000"]),
    ("rpoplpush", &["rpoplpush list d"]),
    ("rpush", &["rpush list x", "rpush small V"]),
    ("rpushx", &["rpushx list x"]),
    ("sadd", &["sadd set new", "sadd d a b c", "sadd set a b c d e f g h i j k l"]),
    (
        "sdiffstore",
        &["sdiffstore d set one", "sdiffstore few_members one set", "sdiffstore d one few_members"],
    ),
    ("set", &["set short x", "set k3000 x", "set long V", "set hash x", "set gone x ex 100"]),
    ("setbit", &["setbit short 4 1", "setbit long 100000 1", "setbit d 100000 1"]),
    ("setex", &["setex short 100 x"]),
    ("setnx", &["setnx d x"]),
    ("setrange", &["setrange short 3 x", "setrange long 20000 V"]),
    ("sinterstore", &["sinterstore d one set", "sinterstore d set set"]),
    ("smove", &["smove set d m7"]),
    ("sort", &["sort list limit 0 1 alpha store d", "sort list alpha store d"]),
    ("spop", &["spop set", "spop set 2000", "spop set 5000"]),
    ("srem", &["srem set m7"]),
    ("sunionstore", &["sunionstore d set set", "sunionstore set one"]),
    ("swapdb", &["swapdb 0 1"]),
    ("unlink", &["unlink short hash"]),
    ("zadd", &["zadd sorted 1 m7", "zadd d 1 a 2 b", "zadd sorted 1.5 x1 2.5 x2 3.5 x3 4.5 x4 5.5 x5"]),
    ("zdiffstore", &["zdiffstore d 2 sorted one", "zdiffstore d 1 sorted"]),
    ("zincrby", &["zincrby sorted 5 m7"]),
    ("zinterstore", &["zinterstore d 2 sorted one", "zinterstore d 2 sorted set"]),
    ("zmpop", &["zmpop 1 sorted min", "zmpop 1 sorted max count 3000"]),
    ("zpopmax", &["zpopmax sorted", "zpopmax sorted 3000"]),
    ("zpopmin", &["zpopmin sorted"]),
    (
        "zrangestore",
        &["zrangestore d sorted 0 0", "zrangestore d sorted 0 -1", "zrangestore sorted sorted 1 2"],
    ),
    ("zrem", &["zrem sorted m7"]),
    ("zremrangebylex", &["zremrangebylex lexed [m7 [m70", "zremrangebylex lexed [m2 +"]),
    ("zremrangebyrank", &["zremrangebyrank sorted 0 0", "zremrangebyrank sorted 1 4000"]),
    ("zremrangebyscore", &["zremrangebyscore sorted 100 200"]),
    ("zunionstore", &["zunionstore d 2 sorted one", "zunionstore d 1 one"]),
];

/// A large and a small key of each type, expired keys, and many others.
fn shapes() -> Data {
    let mut data = Data::new();
    let members: Vec<String> = (0..ELEMENTS).map(|number| format!("m{number}")).collect();
    for (index, part) in members.chunks(500).enumerate() {
        let first = index * 500;
        let words = |each: &dyn Fn(usize, &String) -> String| {
            let numbered = part.iter().enumerate();
            numbered.map(|(at, member)| each(first + at, member)).collect::<Vec<_>>().join(" ")
        };
        data.run(&format!("rpush list {}", words(&|_, member| member.clone())));
        data.run(&format!("sadd set {}", words(&|_, member| member.clone())));
        data.run(&format!("pfadd sketch {}", words(&|_, member| member.clone())));
        data.run(&format!("hset hash {}", words(&|number, member| format!("{member} value{number}"))));
        data.run(&format!("zadd sorted {}", words(&|number, member| format!("{number} {member}"))));
        data.run(&format!("zadd lexed {}", words(&|_, member| format!("0 {member}"))));
        let place = |number: usize, member: &String| format!("{} {} {member}", number / 50, number % 50);
        data.run(&format!("geoadd geo {}", words(&place)));
        data.run(&format!("rpush same {}", ["x"; 50].join(" ")));
        data.run(&format!("mset {}", words(&|number, _| format!("k{number} {number}"))));
    }
    (0..ELEMENTS).step_by(7).for_each(|number| drop(data.run(&format!("expire k{number} 1000"))));
    data.run("set short 12");
    data.run(&format!("set long {}", "v".repeat(100_000)));
    data.run("rpush small a b c");
    data.run("sadd one m7");
    data.run("sadd few_members a b c");
    data.run("pfadd few a b c");
    for (key, ttl_ms) in [("timed", 1_000_000), ("due", 1)] {
        let fields = &members[..300];
        let pairs: Vec<String> = fields.iter().map(|field| format!("{field} v")).collect();
        data.run(&format!("hset {key} {}", pairs.join(" ")));
        data.run(&format!("hpexpire {key} {ttl_ms} fields 300 {}", fields.join(" ")));
    }
    data.run("set gone 1 px 1");
    data.now_ms += 1000;
    data.publish();
    data
}

/// One line: what was asked for and what was taken.
struct Row {
    /// The command's line.
    line: &'static str,
    /// Bytes of the log.
    log_bytes: u64,
    /// Pages that were asked for.
    asked_pages: u64,
    /// Pages that were taken.
    taken_pages: u64,
    /// Effects, each of which asks.
    effects: u64,
}

/// Runs a line and takes it back.
fn measured(data: &mut Data, line: &'static str) -> Row {
    let (records, dirty) = (data.records.len(), data.writer.dirty_pages());
    let long = "V".repeat(50_000);
    let words: Vec<&[u8]> =
        line.split(' ').map(|word| if word == "V" { long.as_bytes() } else { word.as_bytes() }).collect();
    let reply = data.run_words(&words);
    assert_ne!(reply[0], b'-', "{line}: {}", String::from_utf8_lossy(&reply));
    let taken_pages = data.writer.dirty_pages() - dirty;
    assert_eq!(data.records.len(), records + 1, "{line} changes nothing");
    let record = data.records.pop().expect("it was just looked for");
    data.writer.roll_back();
    Row {
        line,
        log_bytes: data.asked.log_bytes,
        asked_pages: data.asked.pages,
        taken_pages,
        effects: effect::decode(&record).expect("a record").effects().count() as u64,
    }
}

#[test]
fn what_commands_ask_for_is_what_they_take() {
    let cases: BTreeMap<&str, &[&str]> = CASES.iter().copied().collect();
    let writing = spec::all().filter(|spec| spec.is_write());
    let missing: Vec<&str> = writing.map(|spec| spec.name).filter(|name| !cases.contains_key(name)).collect();
    assert!(missing.is_empty(), "commands without a case: {missing:?}");
    let mut data = shapes();
    eprintln!("{:60} {:>10} {:>8} {:>8} {:>7}", "", "log bytes", "asked", "taken", "factor");
    let mut wrong = Vec::new();
    for (name, lines) in cases {
        for row in lines.iter().map(|line| measured(&mut data, line)) {
            let Row { line, log_bytes, asked_pages, taken_pages, effects } = row;
            let factor = asked_pages as f64 / taken_pages.max(1) as f64;
            eprintln!("{line:60} {log_bytes:>10} {asked_pages:>8} {taken_pages:>8} {factor:>7.1}");
            let too_many = asked_pages > FACTOR_MAX * taken_pages + SLACK_PAGES * effects;
            let too_few = taken_pages > asked_pages && !ASKING_ON_THE_WAY.contains(&name);
            if too_many || too_few {
                wrong.push(line);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
