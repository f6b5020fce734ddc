//! The same random commands to ackd and to a real redis-server: every reply must be the same.
//!
//! Debian's redis-server is the reference. The known differences are: the order of `KEYS`, of members and of fields (that of
//! a hash table in Redis, that of their bytes in ackd); random picks; which compact encoding of a collection
//! `OBJECT ENCODING` names; remaining times (a few milliseconds apart). `SET` gets no expiration times in the past, because
//! redis-server counts such keys in `DBSIZE` until it deletes them. For a number made by `INCRBYFLOAT`, `OBJECT ENCODING`
//! is `embstr` in redis-server and `int` in ackd.
//!
//! Also compared: the events that subscribers get (`events`), and which words of a command are keys (`key_places`).
//!
//! The long form, more than a million commands over all families: `ACKD_DIFFERENTIAL_COMMANDS=80000 cargo test --test
//! differential -- --nocapture`; a name after `--` selects a family.

#[path = "differential/bitmaps.rs"]
mod bitmaps;
#[path = "differential/command_info.rs"]
mod command_info;
mod common;
#[path = "differential/configuration.rs"]
mod configuration;
#[path = "differential/events.rs"]
mod events;
#[path = "differential/geo.rs"]
mod geo;
#[path = "differential/hyperloglogs.rs"]
mod hyperloglogs;
#[path = "differential/key_places.rs"]
mod key_places;
#[path = "differential/lists.rs"]
mod lists;
#[path = "differential/scans.rs"]
mod scans;
#[path = "differential/sort.rs"]
mod sort;
#[path = "differential/sorted_sets.rs"]
mod sorted_sets;

use std::iter;

use common::reference::Reference;
use common::{Client, TestServer, Value, encode, seed, seed_or, setting};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Commands sent in one pipeline.
const PIPELINE: usize = 32;
/// One pipeline in this many is one command, sent again and again: mostly it changes something once, and then nothing.
const REPEATS: u32 = 8;

/// Makes random commands, valid ones mostly.
struct Commands {
    random: SmallRng,
    /// Whether a transaction is open: replies in it are compared byte for byte.
    in_multi: bool,
}

impl Commands {
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.random.random_range(0..of.len())]
    }

    /// One of few keys, so that commands share keys; some names have unusual bytes.
    fn key(&mut self) -> String {
        match self.random.random_range(0..40) {
            0 => String::new(),
            1 => "key with spaces\r\n".into(),
            2 => "k".repeat(3000),
            3..6 => self.key_of("set"),
            6..9 => self.key_of("hash"),
            _ => format!("key:{}", self.random.random_range(0..24)),
        }
    }

    /// A key that mostly holds a value of this type.
    fn key_of(&mut self, kind: &str) -> String {
        match self.random.random_range(0..30) {
            0 => format!("key:{}", self.random.random_range(0..24)),
            1 => "missing".into(),
            _ => format!("{kind}:{}", self.random.random_range(0..6)),
        }
    }

    /// One of few members or fields, so that commands share them; some are integers, unusual, or long.
    fn member(&mut self) -> String {
        match self.random.random_range(0..40) {
            0 => String::new(),
            1 => "m".repeat(self.random.random_range(50..3000)),
            2 => self.pick(&["007", "-0", "1.5", "9223372036854775807", "a b\r\n", "\u{e9}"]).into(),
            3..20 => format!("{}", self.random.random_range(-5i64..60)),
            _ => format!("member:{}", self.random.random_range(0..60)),
        }
    }

    /// Some members.
    fn members(&mut self) -> Vec<String> {
        let most = if self.random.random_range(0..20) == 0 { 200 } else { 6 };
        (0..self.random.random_range(1..most)).map(|_| self.member()).collect()
    }

    /// A command on sets or hashes. Commands that remove random elements remove all of them, so that both servers keep
    /// the same data.
    fn next_on_elements(&mut self) -> Vec<String> {
        match self.random.random_range(0..44) {
            choice @ ..22 => self.next_on_sets(choice),
            choice => self.next_on_hashes(choice),
        }
    }

    fn next_on_sets(&mut self, choice: u32) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        macro_rules! say { ($($word:expr),*) => {{ $(let word = $word; words.push(word.to_string());)* }} }
        match choice {
            0..6 => {
                say!("SADD", self.key_of("set"));
                words.extend(self.members());
            }
            6..9 => {
                say!(self.pick(&["SREM", "SMISMEMBER"]), self.key_of("set"));
                words.extend(self.members());
            }
            9 => say!("SISMEMBER", self.key_of("set"), self.member()),
            10 => say!("SCARD", self.key_of("set")),
            11..13 => say!("SMEMBERS", self.key_of("set")),
            13 => say!("SMOVE", self.key_of("set"), self.key_of("set"), self.member()),
            14 => say!("SPOP", self.key_of("set"), self.pick(&["100000", "0", "-1", "x"])),
            15 => say!("SPOP", "nothing"),
            16 => say!("SRANDMEMBER", self.key_of("set"), self.number()),
            17 => say!("SRANDMEMBER", "nothing"),
            18..20 => {
                let name =
                    self.pick(&["SINTER", "SUNION", "SDIFF", "SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]);
                say!(name);
                for _ in 0..self.random.random_range(1..4) {
                    say!(self.key_of("set"));
                }
            }
            20 => {
                say!("SINTERCARD", self.pick(&["1", "2", "2", "3", "0", "x"]), self.key_of("set"));
                say!(self.key_of("set"));
                if self.random.random_range(0..3) == 0 {
                    say!("LIMIT", self.number());
                }
            }
            _ => {
                say!(
                    self.pick(&["SSCAN", "HSCAN"]),
                    self.key(),
                    self.pick(&["0", "0", "0", "x"]),
                    "COUNT",
                    "100000"
                );
                if self.random.random_range(0..2) == 0 {
                    say!("MATCH", self.pick(&["*", "member:1*", "1?", "[^m]*", "5"]));
                }
            }
        }
        words
    }

    fn next_on_hashes(&mut self, choice: u32) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        macro_rules! say { ($($word:expr),*) => {{ $(let word = $word; words.push(word.to_string());)* }} }
        match choice {
            22..27 => {
                say!(self.pick(&["HSET", "HSET", "HMSET"]), self.key_of("hash"));
                for field in self.members() {
                    say!(field, self.value());
                }
            }
            27 => say!("HSETNX", self.key_of("hash"), self.member(), self.value()),
            28..30 => say!(self.pick(&["HGET", "HEXISTS", "HSTRLEN"]), self.key_of("hash"), self.member()),
            30..33 => {
                say!(self.pick(&["HMGET", "HDEL"]), self.key_of("hash"));
                words.extend(self.members());
            }
            33..36 => say!(self.pick(&["HGETALL", "HKEYS", "HVALS", "HLEN"]), self.key_of("hash")),
            36 => say!("HINCRBY", self.key_of("hash"), self.member(), self.number()),
            37 => say!("HINCRBYFLOAT", self.key_of("hash"), self.member(), self.value()),
            38 => {
                say!("HRANDFIELD", self.key_of("hash"), self.number());
                if self.random.random_range(0..2) == 0 {
                    say!(self.pick(&["WITHVALUES", "WITHVALUES", "bogus"]));
                }
            }
            39 => say!("HRANDFIELD", "nothing"),
            40 => say!(self.pick(&["TYPE", "DEL", "PERSIST", "OBJECT ENCODING"]), self.key()),
            41 => say!(
                self.pick(&["HSET", "SADD", "HMGET", "SINTERCARD", "SMOVE", "SSCAN", "HINCRBY"]),
                self.key()
            ),
            42 => say!("HSET", self.key_of("hash"), self.member(), self.value(), self.member()),
            _ => say!("COPY", self.key_of("hash"), self.key_of("set"), "REPLACE"),
        }
        if words[0] == "OBJECT ENCODING" {
            words.splice(..1, ["OBJECT".into(), "ENCODING".into()]);
        }
        words
    }

    fn value(&mut self) -> String {
        match self.random.random_range(0..12) {
            0 => String::new(),
            1 => "x".repeat(self.random.random_range(1..20_000)),
            2 => "not a number".into(),
            3 => self.pick(&["0", "-0", "007", "+5", " 5", "5 ", "1e3", "3.0", "inf", "nan", "0x10"]).into(),
            4 => self.pick(&["9223372036854775807", "-9223372036854775808", "9223372036854775808"]).into(),
            5 | 6 => format!("{}", self.random.random_range(-1000i64..1000)),
            7 => format!("{:.3}", self.random.random_range(-1000.0..1000.0)),
            _ => {
                let len = self.random.random_range(0..60);
                (0..len).map(|_| self.random.random_range(b'a'..=b'e') as char).collect()
            }
        }
    }

    fn number(&mut self) -> String {
        match self.random.random_range(0..14) {
            0 => "abc".into(),
            1 => "9223372036854775807".into(),
            2 => "-9223372036854775808".into(),
            3 => "".into(),
            4 => "1.5".into(),
            _ => format!("{}", self.random.random_range(-30i64..60)),
        }
    }

    /// No option, or an expiration time that is not reached during the test or is in the past.
    fn expiry(&mut self) -> Vec<String> {
        let option = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
        match self.random.random_range(0..14) {
            0 => option("EX", "1000"),
            1 => option("px", "1000000"),
            2 => option("EXAT", "4000000000"),
            3 => option("PXAT", "4000000000000"),
            4 => option("EX", "0"),
            5 => option("PX", "-5"),
            6 => option("EX", "abc"),
            7 => option("EX", "9223372036854775807"),
            8 => vec!["KEEPTTL".into()],
            _ => Vec::new(),
        }
    }

    /// The next command; inside a transaction, none whose reply may differ a little.
    fn any(&mut self) -> Vec<String> {
        if self.random.random_range(0..25) == 0 {
            return self.transaction_command();
        }
        loop {
            let words = self.data_command();
            let name = words[0].to_ascii_uppercase();
            let is_loose =
                ["KEYS", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "OBJECT"].contains(&name.as_str());
            if !(self.in_multi && is_loose) {
                return words;
            }
        }
    }

    /// A command that begins, ends or watches.
    fn transaction_command(&mut self) -> Vec<String> {
        let name = match self.random.random_range(0..10) {
            0..4 => "MULTI",
            4..8 => "EXEC",
            8 => "DISCARD",
            _ => self.pick(&["WATCH", "UNWATCH"]),
        };
        match name {
            "MULTI" => self.in_multi = true,
            "EXEC" | "DISCARD" => self.in_multi = false,
            "WATCH" => return vec![name.into(), self.key(), self.key()],
            _ => {}
        }
        vec![name.into()]
    }

    fn data_command(&mut self) -> Vec<String> {
        // Replies on sets and hashes may come in another order.
        if !self.in_multi && self.random.random_range(0..5) < 2 {
            return self.next_on_elements();
        }
        match self.random.random_range(0..60) {
            choice @ ..33 => self.string_command(choice),
            choice @ 33..50 => self.key_command(choice),
            choice => self.other_command(choice),
        }
    }

    fn string_command(&mut self, choice: u32) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        macro_rules! say { ($($word:expr),*) => {{ $(let word = $word; words.push(word.to_string());)* }} }
        match choice {
            0..6 => {
                say!("SET", self.key(), self.value());
                words.extend(self.expiry());
                for option in ["NX", "XX", "GET", "bogus"] {
                    if self.random.random_range(0..12) == 0 {
                        say!(option);
                    }
                }
            }
            6..9 => say!("GET", self.key()),
            9 => say!("GETSET", self.key(), self.value()),
            10 => say!("GETDEL", self.key()),
            11 => {
                say!("GETEX", self.key());
                words.extend(self.expiry());
                if self.random.random_range(0..5) == 0 {
                    say!("PERSIST");
                }
            }
            12 => say!("SETNX", self.key(), self.value()),
            13 => say!(
                "SETEX",
                self.key(),
                self.pick(&["100", "0", "-1", "x", "9223372036854775"]),
                self.value()
            ),
            14 => say!("PSETEX", self.key(), self.pick(&["100000", "0", "-1", "x"]), self.value()),
            15 => say!("MGET", self.key(), self.key(), self.key()),
            16 => say!("MSET", self.key(), self.value(), self.key(), self.value()),
            17 => say!("MSETNX", self.key(), self.value(), self.key(), self.value()),
            18..21 => say!("APPEND", self.key(), self.value()),
            21 => say!("STRLEN", self.key()),
            22..24 => say!(self.pick(&["GETRANGE", "SUBSTR"]), self.key(), self.number(), self.number()),
            24..26 => say!("SETRANGE", self.key(), self.number(), self.value()),
            26..28 => say!(self.pick(&["INCR", "DECR"]), self.key()),
            28..30 => say!(self.pick(&["INCRBY", "DECRBY"]), self.key(), self.number()),
            30..32 => say!("INCRBYFLOAT", self.key(), self.value()),
            _ => {
                say!("LCS", self.key(), self.key());
                for option in ["LEN", "IDX", "WITHMATCHLEN", "bogus"] {
                    if self.random.random_range(0..5) == 0 {
                        say!(option);
                    }
                }
                if self.random.random_range(0..4) == 0 {
                    say!("MINMATCHLEN", self.number());
                }
            }
        }
        words
    }

    fn key_command(&mut self, choice: u32) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        macro_rules! say { ($($word:expr),*) => {{ $(let word = $word; words.push(word.to_string());)* }} }
        match choice {
            33..35 => say!(self.pick(&["DEL", "UNLINK"]), self.key(), self.key()),
            35 => say!(self.pick(&["EXISTS", "TOUCH"]), self.key(), self.key(), self.key()),
            36 => say!("TYPE", self.key()),
            37 => say!(
                "KEYS",
                self.pick(&["*", "key:*", "key:1?", "key:[1-3]", "*:2", "k\\ey:*", "[^k]*", "key:{1}"])
            ),
            38 => say!(self.pick(&["RENAME", "RENAMENX"]), self.key(), self.key()),
            39 => {
                say!("COPY", self.key(), self.key());
                if self.random.random_range(0..3) == 0 {
                    say!("DB", self.pick(&["0", "1", "2", "99", "x"]));
                }
                if self.random.random_range(0..3) == 0 {
                    say!("REPLACE");
                }
            }
            40 => say!("MOVE", self.key(), self.pick(&["0", "1", "2", "99", "x"])),
            41..45 => {
                // Times are far apart, so that a millisecond does not matter for GT and LT.
                let seconds: u64 = 1000 * self.random.random_range(1..100_000);
                let (name, far) = [
                    ("EXPIRE", seconds),
                    ("PEXPIRE", seconds * 1000),
                    ("EXPIREAT", 4_000_000_000 + seconds),
                    ("PEXPIREAT", (4_000_000_000 + seconds) * 1000),
                ][self.random.random_range(0..4)];
                let far = far.to_string();
                let time = self.pick(&[&far, &far, &far, "0", "-1", "x", "9223372036854775807"]).to_owned();
                say!(name, self.key(), time);
                for option in ["NX", "XX", "GT", "LT", "bogus"] {
                    if self.random.random_range(0..10) == 0 {
                        say!(option);
                    }
                }
            }
            45..47 => say!(self.pick(&["TTL", "PTTL"]), self.key()),
            47 => say!(self.pick(&["EXPIRETIME", "PEXPIRETIME"]), self.key()),
            48 => say!("PERSIST", self.key()),
            _ => say!("OBJECT", self.pick(&["ENCODING", "encoding", "FREQ", "nonsense"]), self.key()),
        }
        words
    }

    fn other_command(&mut self, choice: u32) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        macro_rules! say { ($($word:expr),*) => {{ $(let word = $word; words.push(word.to_string());)* }} }
        match choice {
            50 => say!("DBSIZE"),
            51 => say!("SELECT", self.pick(&["0", "1", "2", "99", "-1", "x"])),
            52 => say!("SWAPDB", self.pick(&["0", "1", "99", "x"]), self.pick(&["1", "2", "-1"])),
            53 => match self.random.random_range(0..8) {
                0 => say!(self.pick(&["FLUSHDB", "FLUSHALL"]), self.pick(&["SYNC", "ASYNC", "bogus"])),
                1 => say!("FLUSHDB"),
                _ => say!("DBSIZE"),
            },
            54 => say!("PING", self.value()),
            55 => say!("ECHO", self.value()),
            56 => say!("nosuchcommand", self.key(), "and", "more"),
            57 => say!(self.pick(&["GET", "SET", "MSET", "APPEND", "TTL", "COPY", "EXPIRE", "LCS", "SCAN"])),
            58 => say!("MSET", self.key(), self.value(), self.key()),
            _ => say!("GET", self.key(), "one too many"),
        }
        words
    }
}

/// Whether two replies to the same command are the same, except for known differences: the order of `KEYS`, and times by
/// up to two seconds.
fn alike(words: &[String], ours: &Value, theirs: &Value) -> bool {
    match (words[0].to_ascii_uppercase().as_str(), ours, theirs) {
        ("KEYS" | "HKEYS" | "HVALS", Value::Array(ours), Value::Array(theirs)) => {
            sorted(ours) == sorted(theirs)
        }
        ("SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" | "SPOP", ours, theirs) => match (ours, theirs) {
            (Value::Set(ours), Value::Set(theirs)) | (Value::Array(ours), Value::Array(theirs)) => {
                sorted(ours) == sorted(theirs)
            }
            _ => ours == theirs,
        },
        ("HGETALL", Value::Array(ours), Value::Array(theirs)) => sorted_pairs(ours) == sorted_pairs(theirs),
        ("HGETALL", Value::Map(ours), Value::Map(theirs)) => {
            let flat = |pairs: &[(Value, Value)]| {
                pairs.iter().flat_map(|(field, value)| [field.clone(), value.clone()]).collect::<Vec<_>>()
            };
            sorted_pairs(&flat(ours)) == sorted_pairs(&flat(theirs))
        }
        ("SSCAN" | "HSCAN", Value::Array(ours), Value::Array(theirs)) => match (&ours[..], &theirs[..]) {
            ([cursor, Value::Array(ours)], [other, Value::Array(theirs)]) => {
                let of_set = words[0] == "SSCAN";
                cursor == other
                    && if of_set {
                        sorted(ours) == sorted(theirs)
                    } else {
                        sorted_pairs(ours) == sorted_pairs(theirs)
                    }
            }
            _ => false,
        },
        ("SRANDMEMBER" | "HRANDFIELD", Value::Array(ours), Value::Array(theirs)) => {
            let is_count = words.len() == 3 && !words[2].starts_with('-');
            ours.len() == theirs.len() && (!is_count || distinct(ours) == distinct(theirs))
        }
        ("OBJECT", Value::Bulk(ours), Value::Bulk(theirs)) if is_collection(ours) => is_collection(theirs),
        ("TTL" | "EXPIRETIME", Value::Integer(ours), Value::Integer(theirs)) => ours.abs_diff(*theirs) <= 2,
        ("PTTL" | "PEXPIRETIME", Value::Integer(ours), Value::Integer(theirs)) => {
            ours.abs_diff(*theirs) <= 2000
        }
        ("OBJECT", Value::Bulk(ours), Value::Bulk(theirs)) if ours == b"int" && theirs == b"embstr" => true,
        _ => ours == theirs,
    }
}

/// Names in order.
fn sorted(names: &[Value]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(Value::text).collect();
    names.sort();
    names
}

/// Names with their values in order.
fn sorted_pairs(flat: &[Value]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = flat.chunks(2).map(|pair| (pair[0].text(), pair[1].text())).collect();
    pairs.sort();
    pairs
}

/// How many different names there are.
fn distinct(names: &[Value]) -> usize {
    let mut names = sorted(names);
    names.dedup();
    names.len()
}

/// Whether this is an encoding of a set or hash.
fn is_collection(encoding: &[u8]) -> bool {
    [b"listpack".as_slice(), b"hashtable", b"intset"].contains(&encoding)
}

/// Whether two replies are the same, except for the digits of numbers: redis-server 7.0 prints scores with 17 digits, later
/// versions and ackd with as few as identify the number.
fn alike_numbers(ours: &Value, theirs: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bulk(_) | Value::Double(_) => value.text().parse::<f64>().ok(),
        _ => None,
    };
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| alike_numbers(ours, theirs))
        }
        (Value::Bulk(_), Value::Bulk(_)) | (Value::Double(_), Value::Double(_)) => {
            ours == theirs || number(ours).is_some() && number(ours) == number(theirs)
        }
        _ => ours == theirs,
    }
}

/// A family of commands, and how its replies are compared.
trait Family {
    /// The next random command.
    fn next(&mut self) -> Vec<String>;

    /// Whether two replies to the same command are the same, except for known differences.
    fn alike(&self, words: &[String], ours: &Value, theirs: &Value) -> bool;

    /// Whether both servers tell the same of a command.
    fn told_alike(&self, _words: &[String]) -> bool {
        true
    }
}

impl Family for Commands {
    fn next(&mut self) -> Vec<String> {
        self.any()
    }

    fn alike(&self, words: &[String], ours: &Value, theirs: &Value) -> bool {
        alike(words, ours, theirs)
    }
}

/// The number of commands for a family: as many as the long form has for strings, or a part of that.
fn commands(default: u64) -> u64 {
    setting("ACKD_DIFFERENTIAL_COMMANDS", default)
}

/// The seed of a comparison. The short form sends the same commands each time, so that it shows the effect of a change in
/// ackd. The long form sends other commands in each run, so that it finds new differences.
fn comparison_seed() -> u64 {
    const SHORT: u64 = 7;
    match std::env::var_os("ACKD_DIFFERENTIAL_COMMANDS") {
        Some(_) => seed("--test differential"),
        None => seed_or("--test differential", || SHORT),
    }
}

/// Sends commands to both in one write each.
fn send(ours: &mut Client, theirs: &mut Client, pipeline: &[Vec<String>]) {
    let bytes: Vec<u8> = pipeline
        .iter()
        .flat_map(|words| encode(&words.iter().map(String::as_bytes).collect::<Vec<_>>()))
        .collect();
    ours.send(&bytes).unwrap();
    theirs.send(&bytes).unwrap();
}

fn compare(protocol: &str, commands: u64, family: impl FnOnce(SmallRng) -> Box<dyn Family>) {
    let seed = comparison_seed();
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let reference = Reference::start(root.path());
    let (mut ours, mut theirs) = (server.client(), reference.client());
    for client in [&mut ours, &mut theirs] {
        let hello = client.run(&format!("HELLO {protocol}"));
        assert!(matches!(hello, Value::Map(_) | Value::Array(_)), "{hello:?}");
    }
    let mut source = family(SmallRng::seed_from_u64(seed));
    let mut repeats = SmallRng::seed_from_u64(!seed);
    let mut history: Vec<String> = Vec::new();
    for _ in 0..commands.div_ceil(PIPELINE as u64) {
        let first = source.next();
        // A list that is sorted into itself with two patterns doubles each time.
        let is_repeated = repeats.random_range(0..REPEATS) == 0 && !first.iter().any(|word| word == "STORE");
        let pipeline: Vec<Vec<String>> = match is_repeated {
            true => vec![first; PIPELINE],
            false => iter::once(first).chain(iter::repeat_with(|| source.next())).take(PIPELINE).collect(),
        };
        if !is_repeated {
            send(&mut ours, &mut theirs, &pipeline);
        }
        for words in &pipeline {
            if is_repeated {
                send(&mut ours, &mut theirs, std::slice::from_ref(words));
            }
            history.push(words.iter().map(|word| format!("{word:.40?} ")).collect());
            let our = ours.reply().expect("ackd answers");
            let their = theirs.reply().expect("redis-server answers");
            let recent = history.len().saturating_sub(40);
            assert!(
                source.alike(words, &our, &their),
                "{}\nours   {our:?}\ntheirs {their:?}\nafter:\n{}",
                words.join(" "),
                history[recent..].join("\n")
            );
        }
    }
    eprintln!("{} commands in RESP{protocol}, 0 differences", history.len());
}

#[test]
fn replies_are_those_of_redis_in_resp2() {
    compare("2", commands(40_000), |random| Box::new(Commands { random, in_multi: false }));
}

#[test]
fn replies_are_those_of_redis_in_resp3() {
    compare("3", commands(40_000), |random| Box::new(Commands { random, in_multi: false }));
}
