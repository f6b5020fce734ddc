//! Commands on sorted sets. Known differences: the digits of scores (a negative zero is a zero in ackd), the order in
//! which `ZSCAN` returns members, and which members `ZRANDMEMBER` picks.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Family, alike_numbers, commands, compare};
use crate::common::Value;

/// Makes random commands, valid ones mostly.
struct SortedSets {
    random: SmallRng,
}

impl SortedSets {
    fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.random.random_range(0..of.len())].to_owned()
    }

    /// A key of a sorted set, rarely of another type.
    fn key(&mut self) -> String {
        match self.below(30) {
            0 => "string".into(),
            1 | 2 => format!("set:{}", self.below(2)),
            3 => "none".into(),
            _ => format!("z:{}", self.below(6)),
        }
    }

    /// A key of a sorted set where all scores are equal.
    fn lexical_key(&mut self) -> String {
        format!("lex:{}", self.below(2))
    }

    fn member(&mut self) -> String {
        match self.below(50) {
            0 => String::new(),
            1 => "long".repeat(40),
            2 => "m\r\n".into(),
            _ => format!("m{}", self.below(160)),
        }
    }

    /// A score; sums of these are exact.
    fn score(&mut self) -> String {
        match self.below(40) {
            0 => self.pick(&["inf", "-inf", "+inf", "Infinity"]),
            1 => self.pick(&["nan", "x", "", " 1", "1 ", "1e999", "0x10", "1e-400", "-0"]),
            2..8 => format!("{}", f64::from(self.random.random_range(-40..40)) / 4.0),
            8 => "1e300".into(),
            _ => format!("{}", self.random.random_range(-12..12)),
        }
    }

    fn score_bound(&mut self) -> String {
        let score = self.score();
        if self.below(3) == 0 { format!("({score}") } else { score }
    }

    fn member_bound(&mut self) -> String {
        let member = self.member();
        match self.below(10) {
            0 => "-".into(),
            1 => "+".into(),
            2 => self.pick(&["", "a", "+a", "(", "["]),
            3..6 => format!("({member}"),
            _ => format!("[{member}"),
        }
    }

    fn position(&mut self) -> String {
        match self.below(30) {
            0 => self.pick(&["x", "", "9223372036854775807", "-9223372036854775808", "1.5"]),
            _ => format!("{}", self.random.random_range(-20..60)),
        }
    }

    /// Adds an option now and then.
    fn sometimes(&mut self, words: &mut Vec<String>, options: &[&str]) {
        for option in options {
            if self.below(5) == 0 {
                words.extend(option.split(' ').map(str::to_owned));
            }
        }
    }

    fn limit(&mut self, words: &mut Vec<String>) {
        if self.below(4) == 0 {
            words.extend(["LIMIT".into(), self.position(), self.position()]);
        }
    }

    fn combination(&mut self, stores: bool) -> Vec<String> {
        let operation = self.pick(&["ZUNION", "ZINTER", "ZDIFF"]);
        let mut words = vec![if stores { format!("{operation}STORE") } else { operation }];
        if stores {
            words.push(self.key());
        }
        let keys = 1 + self.below(3);
        words.push(if self.below(20) == 0 { self.pick(&["0", "x", "9", "-1"]) } else { keys.to_string() });
        (0..keys).for_each(|_| words.push(self.key()));
        if self.below(3) == 0 {
            words.push("WEIGHTS".into());
            (0..keys).for_each(|_| words.push(self.pick(&["1", "2", "-0.5", "0", "inf", "3", "1e3"])));
        }
        self.sometimes(&mut words, &["AGGREGATE SUM", "AGGREGATE MIN", "aggregate max", "WITHSCORES"]);
        words
    }

    fn range(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        match self.below(8) {
            0 => words.extend(["ZRANGE".into(), self.key(), self.position(), self.position()]),
            1 => words.extend(["ZREVRANGE".into(), self.key(), self.position(), self.position()]),
            2 => words.extend([
                "ZRANGE".into(),
                self.key(),
                self.score_bound(),
                self.score_bound(),
                "BYSCORE".into(),
            ]),
            3 => {
                let name = self.pick(&["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]);
                words.extend([name, self.key(), self.score_bound(), self.score_bound()]);
            }
            4 => {
                let (key, min, max) = (self.lexical_key(), self.member_bound(), self.member_bound());
                words.extend(["ZRANGE".into(), key, min, max, "BYLEX".into()]);
            }
            5 => {
                let name = self.pick(&["ZRANGEBYLEX", "ZREVRANGEBYLEX"]);
                words.extend([name, self.lexical_key(), self.member_bound(), self.member_bound()]);
            }
            6 => {
                let (key, source) = (self.key(), self.key());
                words.extend(["ZRANGESTORE".into(), key, source, self.score_bound(), self.score_bound()]);
                words.push("BYSCORE".into());
            }
            _ => {
                let (key, source) = (self.key(), self.key());
                words.extend(["ZRANGESTORE".into(), key, source, self.position(), self.position()]);
            }
        }
        self.sometimes(&mut words, &["REV"]);
        self.limit(&mut words);
        self.sometimes(&mut words, &["WITHSCORES"]);
        if self.below(40) == 0 {
            words.push("bogus".into());
        }
        words
    }

    fn removal(&mut self) -> Vec<String> {
        match self.below(4) {
            0 => vec!["ZREMRANGEBYRANK".into(), self.key(), self.position(), self.position()],
            1 => vec!["ZREMRANGEBYSCORE".into(), self.key(), self.score_bound(), self.score_bound()],
            2 => vec!["ZREMRANGEBYLEX".into(), self.lexical_key(), self.member_bound(), self.member_bound()],
            _ => {
                let mut words = vec!["ZREM".into(), self.key()];
                (0..1 + self.below(20)).for_each(|_| words.push(self.member()));
                words
            }
        }
    }

    fn pop(&mut self) -> Vec<String> {
        if self.below(4) == 0 {
            return self.pop_or_wait();
        }
        if self.below(2) == 0 {
            let mut words = vec![self.pick(&["ZPOPMIN", "ZPOPMAX"]), self.key()];
            if self.below(2) == 0 {
                words.push(self.pick(&["0", "1", "3", "10", "-1", "x", "40"]));
            }
            return words;
        }
        let keys = 1 + self.below(3);
        let mut words = vec!["ZMPOP".into(), keys.to_string()];
        (0..keys).for_each(|_| words.push(self.key()));
        words.push(self.pick(&["MIN", "MAX", "max", "bogus"]));
        self.sometimes(&mut words, &["COUNT 3", "COUNT 0"]);
        words
    }

    /// A command that waits, not for long.
    fn pop_or_wait(&mut self) -> Vec<String> {
        let timeout = match self.below(8) {
            0 => self.pick(&["x", "", "nan", "-1"]),
            _ => "0.003".into(),
        };
        let keys: Vec<String> = (0..1 + self.below(3)).map(|_| self.key()).collect();
        if self.below(2) == 0 {
            let mut words = vec![self.pick(&["BZPOPMIN", "BZPOPMAX"])];
            words.extend(keys);
            words.push(timeout);
            return words;
        }
        let mut words = vec!["BZMPOP".into(), timeout, keys.len().to_string()];
        words.extend(keys);
        words.push(self.pick(&["MIN", "MAX", "max", "bogus"]));
        self.sometimes(&mut words, &["COUNT 3", "COUNT 0", "COUNT x"]);
        words
    }

    fn add(&mut self) -> Vec<String> {
        let lexical = self.below(3) == 0;
        let mut words = vec!["ZADD".into(), if lexical { self.lexical_key() } else { self.key() }];
        if lexical {
            for _ in 0..1 + self.below(20) {
                words.extend(["0".into(), self.member()]);
            }
            return words;
        }
        self.sometimes(&mut words, &["NX", "XX", "GT", "LT", "CH", "INCR"]);
        let pairs = if words.len() > 3 { 1 + self.below(2) } else { 1 + self.below(24) };
        (0..pairs).for_each(|_| words.extend([self.score(), self.member()]));
        if self.below(40) == 0 {
            words.pop();
        }
        words
    }
}

impl Family for SortedSets {
    fn next(&mut self) -> Vec<String> {
        match self.below(40) {
            0..10 => self.add(),
            10 => vec!["ZINCRBY".into(), self.key(), self.score(), self.member()],
            11 => vec!["ZCARD".into(), self.key()],
            12 => vec!["ZSCORE".into(), self.key(), self.member()],
            13 => vec!["ZMSCORE".into(), self.key(), self.member(), self.member(), self.member()],
            14 | 15 => vec![self.pick(&["ZRANK", "ZREVRANK"]), self.key(), self.member()],
            16 => vec!["ZCOUNT".into(), self.key(), self.score_bound(), self.score_bound()],
            17 => vec!["ZLEXCOUNT".into(), self.lexical_key(), self.member_bound(), self.member_bound()],
            18..26 => self.range(),
            26 | 27 => self.removal(),
            28 | 29 => self.pop(),
            30 => {
                let mut words = vec!["ZRANDMEMBER".into(), self.key()];
                self.sometimes(&mut words, &["3", "-5", "WITHSCORES"]);
                words
            }
            31 => vec!["ZSCAN".into(), self.key(), "0".into(), "COUNT".into(), "100000".into()],
            32 | 33 => self.combination(false),
            34 | 35 => self.combination(true),
            36 => {
                let mut words = vec!["ZINTERCARD".into(), "2".into(), self.key(), self.key()];
                self.sometimes(&mut words, &["LIMIT 3", "LIMIT 0", "LIMIT -1", "LIMIT x"]);
                words
            }
            37 => vec![self.pick(&["TYPE", "EXISTS", "ZADD", "ZUNION", "PERSIST"]), self.key()],
            38 => {
                let (from, to) = (self.key(), format!("z:{}", self.random.random_range(0..6)));
                match self.below(8) {
                    0 => vec!["DEL".into(), to],
                    1 => vec!["COPY".into(), from, to, "REPLACE".into()],
                    2 => vec!["EXPIRE".into(), to, "1000".into()],
                    _ => vec!["SADD".into(), format!("set:{}", self.below(2)), self.member(), self.member()],
                }
            }
            _ => vec!["SET".into(), "string".into(), "value".into()],
        }
    }

    fn alike(&self, words: &[String], ours: &Value, theirs: &Value) -> bool {
        match (words[0].as_str(), ours, theirs) {
            ("ZRANDMEMBER", Value::Array(ours), Value::Array(theirs)) => ours.len() == theirs.len(),
            ("ZRANDMEMBER", Value::Bulk(_), Value::Bulk(_)) => true,
            ("ZSCAN", Value::Array(ours), Value::Array(theirs)) => {
                let pairs = |reply: &[Value]| {
                    let Value::Array(elements) = &reply[1] else { panic!("{reply:?}") };
                    let mut pairs: Vec<_> = elements
                        .chunks(2)
                        .map(|pair| {
                            (pair[0].text(), (pair[1].text().parse::<f64>().unwrap() + 0.0).to_bits())
                        })
                        .collect();
                    pairs.sort();
                    pairs
                };
                pairs(ours) == pairs(theirs)
            }
            _ => alike_numbers(ours, theirs),
        }
    }
}

/// Commands of this family.
pub(super) fn family(random: SmallRng) -> Box<dyn Family> {
    Box::new(SortedSets { random })
}

#[test]
fn replies_on_sorted_sets_are_those_of_redis_in_resp2() {
    compare("2", commands(30_000), family);
}

#[test]
fn replies_on_sorted_sets_are_those_of_redis_in_resp3() {
    compare("3", commands(30_000), family);
}
