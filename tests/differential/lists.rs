//! Commands on lists, including those that wait, with very short timeouts.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Family, commands, compare};
use crate::common::Value;

/// Makes random commands, valid ones mostly.
struct Lists {
    random: SmallRng,
}

impl Lists {
    fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.random.random_range(0..of.len())].to_owned()
    }

    /// One of few keys, so that commands share keys; one of the lists becomes long.
    fn key(&mut self) -> String {
        match self.below(40) {
            0 => "string".into(),
            1 => "missing".into(),
            2..12 => "long".into(),
            _ => format!("l:{}", self.below(6)),
        }
    }

    /// One of few elements, so that commands share them; some are integers, unusual, or long.
    fn element(&mut self) -> String {
        match self.below(60) {
            0 => String::new(),
            1 => "x".repeat(self.random.random_range(60..3000)),
            2 => self.pick(&["007", "-0", "1.5", "9223372036854775807", "a b\r\n", "\u{e9}"]),
            3 => "y".repeat(100_000),
            4..30 => self.below(12).to_string(),
            _ => format!("e:{}", self.below(20)),
        }
    }

    fn elements(&mut self) -> Vec<String> {
        let most = if self.below(12) == 0 { 150 } else { 5 };
        (0..self.random.random_range(1..most)).map(|_| self.element()).collect()
    }

    fn index(&mut self) -> String {
        match self.below(40) {
            0 => self.pick(&["x", "", "1.5", "9223372036854775807", "-9223372036854775808"]),
            1..6 => self.random.random_range(-600..600).to_string(),
            _ => self.random.random_range(-8..8).to_string(),
        }
    }

    fn end(&mut self) -> String {
        if self.below(40) == 0 { "UP".into() } else { self.pick(&["LEFT", "RIGHT", "left", "Right"]) }
    }

    /// A short timeout, or none.
    fn timeout(&mut self) -> String {
        if self.below(8) == 0 { self.pick(&["x", "", "nan", "-1", "-0.5"]) } else { "0.003".into() }
    }

    /// Keys, after their number.
    fn counted_keys(&mut self) -> Vec<String> {
        let keys: Vec<String> = (0..self.random.random_range(1..4)).map(|_| self.key()).collect();
        let count = if self.below(20) == 0 { self.index() } else { keys.len().to_string() };
        std::iter::once(count).chain(keys).collect()
    }

    /// The end and the number of `LMPOP`.
    fn popped(&mut self) -> Vec<String> {
        let mut words = vec![self.end()];
        if self.below(2) == 0 {
            words.extend(["COUNT".to_owned(), self.pick(&["1", "2", "5", "300", "0", "-1", "x"])]);
        }
        words
    }

    /// A command that may wait.
    fn waiting(&mut self, choice: u32) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        macro_rules! say { ($($word:expr),*) => {{ $(let word = $word; words.push(word.to_string());)* }} }
        match choice {
            80..82 => say!(self.pick(&["BLPOP", "BRPOP"]), self.key(), self.key(), self.timeout()),
            82 => say!("BLMOVE", self.key(), self.key(), self.end(), self.end(), self.timeout()),
            83 => say!("BRPOPLPUSH", self.key(), self.key(), self.timeout()),
            _ => {
                say!("BLMPOP", self.timeout());
                words.extend(self.counted_keys());
                words.extend(self.popped());
            }
        }
        words
    }
}

impl Family for Lists {
    fn next(&mut self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        macro_rules! say { ($($word:expr),*) => {{ $(let word = $word; words.push(word.to_string());)* }} }
        match self.below(100) {
            0..20 => {
                say!(self.pick(&["LPUSH", "RPUSH"]), self.key());
                words.extend(self.elements());
            }
            20..22 => {
                say!(self.pick(&["LPUSHX", "RPUSHX"]), self.key());
                words.extend(self.elements());
            }
            22..26 => say!(self.pick(&["LPOP", "RPOP"]), self.key()),
            26..30 => say!(
                self.pick(&["LPOP", "RPOP"]),
                self.key(),
                self.pick(&["1", "3", "20", "200", "0", "-1", "x"])
            ),
            30..33 => say!("LLEN", self.key()),
            33..38 => say!("LINDEX", self.key(), self.index()),
            38..43 => say!("LSET", self.key(), self.index(), self.element()),
            43..50 => say!("LRANGE", self.key(), self.index(), self.index()),
            50..53 => say!("LTRIM", self.key(), self.index(), self.index()),
            53..58 => say!("LREM", self.key(), self.index(), self.element()),
            58..64 => say!(
                "LINSERT",
                self.key(),
                self.pick(&["BEFORE", "AFTER", "before", "BESIDE"]),
                self.element(),
                self.element()
            ),
            64..71 => {
                say!("LPOS", self.key(), self.element());
                for _ in 0..self.below(3) {
                    say!(
                        self.pick(&["RANK", "COUNT", "MAXLEN", "bogus"]),
                        self.pick(&["0", "1", "2", "-1", "-2", "10", "x"])
                    );
                }
            }
            71..75 => say!("LMOVE", self.key(), self.key(), self.end(), self.end()),
            75..77 => say!("RPOPLPUSH", self.key(), self.key()),
            77..80 => {
                say!("LMPOP");
                words.extend(self.counted_keys());
                words.extend(self.popped());
            }
            choice @ 80..85 => return self.waiting(choice),
            85 => say!(self.pick(&["DEL", "TYPE", "EXISTS", "PERSIST"]), self.key()),
            86 => say!("OBJECT", "ENCODING", self.key()),
            87 => say!("RENAME", self.key(), self.key()),
            88 => say!("COPY", self.key(), self.key(), "REPLACE"),
            89 => say!("EXPIRE", self.key(), self.pick(&["100000", "0", "200000"])),
            90 => say!("SET", "string", self.element()),
            91 => say!(
                self.pick(&["GET", "INCR", "SADD", "LPUSH", "LPOP", "BLPOP", "LMOVE", "LMPOP"]),
                self.key()
            ),
            92 => say!("EXPIRETIME", "missing"),
            _ => {
                say!(self.pick(&["LPUSH", "RPUSH"]), "long");
                words.extend(self.elements());
            }
        }
        words
    }

    /// Before 7.2, redis-server names `quicklist` as the encoding of every list. Relative expiration times may differ by
    /// some seconds, because the servers get the command at different times.
    fn alike(&self, words: &[String], ours: &Value, theirs: &Value) -> bool {
        let is_list =
            |value: &Value| matches!(value, Value::Bulk(name) if name == b"quicklist" || name == b"listpack");
        match (words[0].as_str(), ours, theirs) {
            ("OBJECT", ours, theirs) if is_list(ours) && is_list(theirs) => true,
            ("EXPIRETIME", Value::Integer(ours), Value::Integer(theirs)) if *ours > 0 => {
                ours.abs_diff(*theirs) <= 10
            }
            _ => ours == theirs,
        }
    }
}

/// Commands of this family.
pub(super) fn family(random: SmallRng) -> Box<dyn Family> {
    Box::new(Lists { random })
}

#[test]
fn replies_about_lists_are_those_of_redis_in_resp2() {
    compare("2", commands(20_000), family);
}

#[test]
fn replies_about_lists_are_those_of_redis_in_resp3() {
    compare("3", commands(20_000), family);
}
