//! Commands on streams. IDs are given, because generated ones have the time in them. Known differences: the numbers of
//! nodes of a radix tree, which ackd does not have; times; and what is so since Redis 7.2: `XINFO` says when a consumer was
//! active, and a consumer is created also if it gets nothing (here it always exists). The reference puts each entry into a
//! node of its own, so that `~` is as exact there as it is in ackd.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Family, commands, compare};
use crate::common::Value;

/// Fields of `XINFO` that are not compared.
const UNLIKE: [&str; 6] =
    ["radix-tree-keys", "radix-tree-nodes", "idle", "inactive", "seen-time", "active-time"];
/// Numbers from here on are times.
const TIMES: i64 = 1_000_000_000_000;

/// Makes random commands, valid ones mostly.
struct Streams {
    random: SmallRng,
    /// The first part of the next IDs.
    ms: u64,
    /// The next commands, the last one first.
    prepared: Vec<Vec<String>>,
}

impl Streams {
    fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.random.random_range(0..of.len())].to_owned()
    }

    /// A key of a stream, rarely of another type.
    fn key(&mut self) -> String {
        match self.below(40) {
            0 => "string".into(),
            1 | 2 => "none".into(),
            _ => format!("s:{}", self.below(4)),
        }
    }

    fn group(&mut self) -> String {
        if self.below(30) == 0 { "nobody".into() } else { format!("g{}", self.below(3)) }
    }

    fn consumer(&mut self) -> String {
        format!("c{}", self.below(4))
    }

    /// An ID that a stream may have, or had.
    fn id(&mut self) -> String {
        let back = u64::from(self.below(60));
        let ms = self.ms.saturating_sub(back * back / 40);
        match self.below(40) {
            0 => {
                self.pick(&["x", "", "-", "+", "5-", "-5", "1-1-1", "*", "18446744073709551616", "5-x", "0"])
            }
            1 => {
                self.pick(&["18446744073709551615-18446744073709551615", "0-0", " 5", "+5", "007-1", "5--1"])
            }
            2..6 => ms.to_string(),
            _ => format!("{ms}-{}", self.below(4)),
        }
    }

    fn bound(&mut self) -> String {
        let id = self.id();
        match self.below(8) {
            0 => format!("({id}"),
            1 => "-".into(),
            2 => "+".into(),
            _ => id,
        }
    }

    fn count(&mut self) -> String {
        match self.below(20) {
            0 => self.pick(&["x", "-1", "9223372036854775807", "0", "9223372036854775808"]),
            _ => (1 + self.below(6)).to_string(),
        }
    }

    /// Adds an option now and then.
    fn sometimes(&mut self, words: &mut Vec<String>, options: &[&str]) {
        for option in options {
            if self.below(6) == 0 {
                words.extend(option.split(' ').map(str::to_owned));
            }
        }
    }

    fn sometimes_count(&mut self, words: &mut Vec<String>) {
        if self.below(2) == 0 {
            words.extend(["COUNT".into(), self.count()]);
        }
    }

    /// How a stream is trimmed.
    fn trim(&mut self, words: &mut Vec<String>) {
        let option = self.pick(&["MAXLEN", "MAXLEN", "minid"]);
        words.push(option.clone());
        let sign = self.pick(&["", "=", "~", "~"]);
        if !sign.is_empty() {
            words.push(sign.clone());
        }
        words.push(match option.as_str() {
            "minid" => self.id(),
            _ => match self.below(12) {
                0 => self.pick(&["x", "-1", "0", "1"]),
                _ => (self.below(40)).to_string(),
            },
        });
        if sign == "~" && self.below(3) == 0 || self.below(40) == 0 {
            words.extend(["LIMIT".into(), self.pick(&["0", "1", "3", "10", "-1", "x"])]);
        }
    }

    fn add(&mut self) -> Vec<String> {
        if self.below(60) == 0 {
            return vec!["XADD".into(), "auto".into(), "*".into(), "f".into(), "v".into()];
        }
        let mut words = vec!["XADD".into(), self.key()];
        self.sometimes(&mut words, &["NOMKSTREAM"]);
        if self.below(4) == 0 {
            self.trim(&mut words);
        }
        self.ms += u64::from(self.below(3));
        words.push(match self.below(12) {
            // Nothing can be added after the highest ID.
            0 => Some(self.id()).filter(|id| !id.starts_with("184") && id != "*").unwrap_or_default(),
            1..5 => format!("{}-*", self.ms),
            _ => {
                let sequence = self.below(4);
                format!("{}-{sequence}", self.ms)
            }
        });
        let fields = if self.below(3) == 0 { 1 + self.below(4) } else { 1 };
        for field in 0..fields {
            let value = match self.below(60) {
                0 => String::new(),
                1 => "v".repeat(1 + self.below(5000) as usize),
                2 => "f".repeat(200),
                _ => format!("v{}", self.below(1000)),
            };
            words.extend([format!("f{field}"), value]);
        }
        if self.below(60) == 0 {
            words.pop();
        }
        words
    }

    fn read(&mut self, in_group: bool) -> Vec<String> {
        let mut words = vec![if in_group { "XREADGROUP" } else { "XREAD" }.into()];
        if in_group || self.below(60) == 0 {
            words.extend(["GROUP".into(), self.group(), self.consumer()]);
        }
        self.sometimes_count(&mut words);
        if self.below(8) == 0 {
            words.extend(["BLOCK".into(), self.pick(&["1", "2", "3", "x", "-1"])]);
        }
        if self.below(if in_group { 6 } else { 60 }) == 0 {
            words.push("NOACK".into());
        }
        words.push("STREAMS".into());
        let streams = if self.below(3) == 0 { 2 } else { 1 };
        (0..streams).for_each(|_| words.push(self.key()));
        for _ in 0..streams {
            let id = match self.below(30) {
                0 => "$".into(),
                1..20 if in_group => ">".into(),
                1 => ">".into(),
                // Redis 7.0 does not know `+` here.
                _ => Some(self.id()).filter(|id| id != "+").unwrap_or_default(),
            };
            words.push(id);
        }
        if self.below(60) == 0 {
            words.pop();
        }
        words
    }

    fn claim(&mut self) -> Vec<String> {
        let (key, group, consumer) = (self.key(), self.group(), self.consumer());
        let idle = self.pick(&["0", "0", "1000000", "-1", "x"]);
        if self.below(2) == 0 {
            let mut words = vec!["XAUTOCLAIM".into(), key, group, consumer, idle, self.bound()];
            self.sometimes_count(&mut words);
            self.sometimes(&mut words, &["JUSTID", "bogus"]);
            return words;
        }
        let mut words = vec!["XCLAIM".into(), key, group, consumer, idle];
        (0..1 + self.below(5)).for_each(|_| words.push(self.id()));
        let options = [
            "FORCE",
            "JUSTID",
            "IDLE 2000000",
            "TIME 5",
            "RETRYCOUNT 7",
            "IDLE x",
            "TIME x",
            "RETRYCOUNT -1",
        ];
        self.sometimes(&mut words, &options);
        if self.below(20) == 0 {
            words.extend(["LASTID".into(), self.id()]);
        }
        words
    }

    fn pending(&mut self) -> Vec<String> {
        let mut words = vec!["XPENDING".into(), self.key(), self.group()];
        if self.below(3) == 0 {
            return words;
        }
        if self.below(4) == 0 {
            words.extend(["IDLE".into(), self.pick(&["0", "1000000", "x"])]);
        }
        words.extend([self.bound(), self.bound(), self.count()]);
        if self.below(3) == 0 {
            words.push(self.consumer());
        }
        words
    }

    fn group_command(&mut self) -> Vec<String> {
        let (key, group) = (self.key(), self.group());
        let id = if self.below(3) == 0 { "$".into() } else { self.id() };
        match self.below(12) {
            0..5 => {
                let mut words = vec!["XGROUP".into(), "CREATE".into(), key, group, id];
                self.sometimes(&mut words, &["MKSTREAM", "MKSTREAM", "ENTRIESREAD 3", "ENTRIESREAD x"]);
                words
            }
            5 | 6 => {
                let mut words = vec!["XGROUP".into(), "SETID".into(), key, group, id];
                self.sometimes(&mut words, &["ENTRIESREAD 2", "ENTRIESREAD -1", "ENTRIESREAD -2", "bogus"]);
                words
            }
            7 => vec!["XGROUP".into(), "DESTROY".into(), key, group],
            8 | 9 => vec!["XGROUP".into(), "CREATECONSUMER".into(), key, group, self.consumer()],
            _ => vec!["XGROUP".into(), "DELCONSUMER".into(), key, group, self.consumer()],
        }
    }

    fn info(&mut self) -> Vec<String> {
        let key = self.key();
        match self.below(8) {
            0 | 1 => vec!["XINFO".into(), "STREAM".into(), key],
            2 | 3 => vec!["XINFO".into(), "STREAM".into(), key, "FULL".into(), "COUNT".into(), self.count()],
            4 => vec!["XINFO".into(), "STREAM".into(), key, "FULL".into()],
            5 | 6 => vec!["XINFO".into(), "GROUPS".into(), key],
            _ => vec!["XINFO".into(), "CONSUMERS".into(), key, self.group()],
        }
    }

    fn set_id(&mut self) -> Vec<String> {
        // Redis 7.0 lets the last ID be below that of a deleted entry; later versions do not.
        let id = if self.below(8) == 0 { self.pick(&["x", "-", "5-*"]) } else { format!("{}-9", self.ms) };
        let mut words = vec!["XSETID".into(), self.key(), id];
        if self.below(3) == 0 {
            words.extend(["ENTRIESADDED".into(), self.pick(&["0", "5", "100", "-1", "x"])]);
        }
        if self.below(3) == 0 {
            words.extend(["MAXDELETEDID".into(), self.id()]);
        }
        words
    }

    fn other(&mut self) -> Vec<String> {
        let key = self.key();
        match self.below(10) {
            0 => vec!["DEL".into(), key],
            1 => vec!["COPY".into(), key, self.key(), "REPLACE".into()],
            2 => vec!["RENAME".into(), key, self.key()],
            3 => vec!["EXPIRE".into(), key, "1000".into()],
            4 => vec![self.pick(&["TYPE", "EXISTS", "PERSIST", "SORT", "GET", "LLEN"]), key],
            5 => vec!["OBJECT".into(), "ENCODING".into(), key],
            6 => vec!["SCAN".into(), "0".into(), "TYPE".into(), "stream".into(), "MATCH".into(), key],
            7 => vec!["SET".into(), "string".into(), "v".into()],
            8 => vec![self.pick(&["XADD", "XGROUP", "XINFO", "XREAD", "XACK", "XLEN", "XCLAIM"]), key],
            _ => vec!["XLEN".into(), "auto".into()],
        }
    }
}

impl Streams {
    fn any(&mut self) -> Vec<String> {
        match self.below(60) {
            0..14 => self.add(),
            14 => vec!["XLEN".into(), self.key()],
            15..19 => {
                let mut words =
                    vec![self.pick(&["XRANGE", "XREVRANGE"]), self.key(), self.bound(), self.bound()];
                self.sometimes_count(&mut words);
                words
            }
            19..22 => self.read(false),
            22..32 => self.read(true),
            32..36 => {
                let mut words = vec!["XDEL".into(), self.key()];
                (0..1 + self.below(4)).for_each(|_| words.push(self.id()));
                words
            }
            36 | 37 => {
                let mut words = vec!["XTRIM".into(), self.key()];
                self.trim(&mut words);
                words
            }
            38 => self.set_id(),
            39..43 => self.group_command(),
            43..47 => {
                let mut words = vec!["XACK".into(), self.key(), self.group()];
                (0..1 + self.below(4)).for_each(|_| words.push(self.id()));
                words
            }
            47..50 => self.pending(),
            50..53 => self.claim(),
            53..58 => self.info(),
            _ => self.other(),
        }
    }
}

/// The keys of a command that creates a consumer, since Redis 7.2 also if it gets nothing.
fn keys_with_consumer(command: &[String]) -> Vec<String> {
    match command[0].as_str() {
        "XCLAIM" | "XAUTOCLAIM" => command[1..2].to_vec(),
        "XREADGROUP" => {
            let keys = command.iter().skip_while(|word| *word != "STREAMS").skip(1);
            let len = keys.clone().count() / 2;
            keys.take(len).cloned().collect()
        }
        _ => Vec::new(),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(String::from).collect()
}

impl Family for Streams {
    fn next(&mut self) -> Vec<String> {
        if let Some(prepared) = self.prepared.pop() {
            return prepared;
        }
        let command = self.any();
        for key in keys_with_consumer(&command) {
            let mut creation = vec!["XGROUP".into(), "CREATECONSUMER".into(), key];
            creation.extend_from_slice(command.get(2..4).unwrap_or_default());
            self.prepared.insert(0, creation);
        }
        self.prepared.insert(0, command);
        self.prepared.pop().unwrap_or_default()
    }

    fn alike(&self, words: &[String], ours: &Value, theirs: &Value) -> bool {
        let name = words[0].as_str();
        if name == "CONFIG" || name == "XADD" && words.iter().any(|word| word == "*") {
            return std::mem::discriminant(ours) == std::mem::discriminant(theirs);
        }
        match (ours, theirs) {
            // Redis 7.2 puts the name in quotes.
            (Value::Error(ours), Value::Error(theirs)) if ours.starts_with("ERR Unbalanced") => {
                theirs.starts_with("ERR Unbalanced")
            }
            _ => comparable(name, ours) == comparable(name, theirs),
        }
    }
}

/// A reply without what is not compared.
fn comparable(name: &str, value: &Value) -> Value {
    match value {
        Value::Integer(number) if *number >= TIMES => Value::Integer(TIMES),
        Value::Array(values) => {
            let mut kept = Vec::new();
            let mut values = values.iter();
            while let Some(value) = values.next() {
                match value {
                    Value::Bulk(field) if name == "XINFO" && is_unlike(field) => drop(values.next()),
                    value => kept.push(comparable(name, value)),
                }
            }
            if name == "XPENDING" && kept.len() == 4 && matches!(kept[2], Value::Integer(_)) {
                kept[2] = Value::Integer(0);
            }
            Value::Array(kept)
        }
        Value::Map(pairs) => {
            let kept =
                pairs.iter().filter(|(field, _)| !matches!(field, Value::Bulk(field) if is_unlike(field)));
            Value::Map(kept.map(|(field, value)| (field.clone(), comparable(name, value))).collect())
        }
        value => value.clone(),
    }
}

/// Whether a field of `XINFO` is not compared.
fn is_unlike(field: &[u8]) -> bool {
    UNLIKE.iter().any(|unlike| unlike.as_bytes() == field)
}

/// Commands of this family.
pub(super) fn family(random: SmallRng) -> Box<dyn Family> {
    Box::new(Streams { random, ms: 1000, prepared: vec![words("CONFIG SET stream-node-max-entries 1")] })
}

#[test]
fn replies_on_streams_are_those_of_redis_in_resp2() {
    compare("2", commands(30_000), family);
}

#[test]
fn replies_on_streams_are_those_of_redis_in_resp3() {
    compare("3", commands(30_000), family);
}
