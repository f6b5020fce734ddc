//! Commands on bits.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Family, commands, compare};
use crate::common::Value;

/// Makes random commands, valid ones mostly.
struct Bitmaps {
    random: SmallRng,
}

impl Bitmaps {
    fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.random.random_range(0..of.len())].to_owned()
    }

    fn key(&mut self) -> String {
        if self.below(40) == 0 { "list".into() } else { format!("b:{}", self.below(6)) }
    }

    fn offset(&mut self) -> String {
        match self.below(30) {
            0 => self.pick(&["x", "-1", "", "#1", "4294967296", "9223372036854775807"]),
            1..4 => self.below(40_000).to_string(),
            _ => self.below(300).to_string(),
        }
    }

    fn position(&mut self) -> String {
        match self.below(30) {
            0 => self.pick(&["x", "", "9223372036854775807", "-9223372036854775807"]),
            1..4 => self.random.random_range(-20_000..40_000).to_string(),
            _ => self.random.random_range(-50..100).to_string(),
        }
    }

    fn format(&mut self) -> String {
        match self.below(30) {
            0 => self.pick(&["u64", "i65", "u0", "x8", "u", "u08", "I8"]),
            1..5 => self.pick(&["i64", "u63", "i1", "u1"]),
            _ => format!("{}{}", self.pick(&["u", "i"]), 1 + self.below(63)),
        }
    }

    fn range(&mut self, words: &mut Vec<String>) {
        words.extend([self.position(), self.position()]);
        if self.below(3) == 0 {
            words.push(self.pick(&["BYTE", "BIT", "bit", "bogus"]));
        }
    }

    fn field(&mut self) -> Vec<String> {
        let read_only = self.below(6) == 0;
        let mut words = vec![if read_only { "BITFIELD_RO" } else { "BITFIELD" }.to_owned(), self.key()];
        for _ in 0..self.below(5) {
            let kind = if read_only && self.below(30) > 0 { 0 } else { self.below(7) };
            let offset = if self.below(3) == 0 { format!("#{}", self.below(20)) } else { self.offset() };
            let amount = match self.below(6) {
                0 => self.pick(&["9223372036854775807", "-9223372036854775808", "x"]),
                1 => self.random.random::<i64>().to_string(),
                _ => self.random.random_range(-300..300).to_string(),
            };
            match kind {
                0 | 1 => words.extend(["GET".into(), self.format(), offset]),
                // Numbers near the lowest one overflow in redis-server before they are compared with the limits.
                2 | 3 => {
                    let amount = amount.parse().map_or(amount, |amount: i64| (amount / 4).to_string());
                    words.extend(["SET".into(), self.format(), offset, amount]);
                }
                4 | 5 => words.extend(["INCRBY".into(), self.format(), offset, amount]),
                _ => words.extend([
                    "OVERFLOW".into(),
                    self.pick(&["WRAP", "SAT", "FAIL", "sat", "fail", "fail", "no"]),
                ]),
            }
        }
        if self.below(40) == 0 {
            words.pop();
        }
        words
    }
}

impl Family for Bitmaps {
    fn next(&mut self) -> Vec<String> {
        match self.below(24) {
            0..4 => {
                vec!["SETBIT".into(), self.key(), self.offset(), self.pick(&["0", "1", "1", "1", "2", "x"])]
            }
            4 | 5 => vec!["GETBIT".into(), self.key(), self.offset()],
            6..9 => {
                let mut words = vec!["BITCOUNT".into(), self.key()];
                match self.below(10) {
                    0..3 => {}
                    3 => words.push(self.position()),
                    _ => self.range(&mut words),
                }
                words
            }
            9..12 => {
                let mut words = vec!["BITPOS".into(), self.key(), self.pick(&["0", "1", "0", "1", "2", "x"])];
                match self.below(10) {
                    0..3 => {}
                    3..5 => words.push(self.position()),
                    _ => self.range(&mut words),
                }
                words
            }
            12..14 => {
                let mut words =
                    vec!["BITOP".into(), self.pick(&["AND", "OR", "XOR", "NOT", "xor", "no"]), self.key()];
                (0..1 + self.below(3)).for_each(|_| words.push(self.key()));
                words
            }
            14..20 => self.field(),
            20 => vec!["GET".into(), self.key()],
            21 => {
                let fill = self.pick(&["\u{7f}", "\0", "U", "x"]);
                let len = self.below(3000) as usize;
                vec!["SET".into(), self.key(), fill.repeat(len)]
            }
            22 => vec![self.pick(&["STRLEN", "DEL", "TYPE"]), self.key()],
            _ => vec!["SADD".into(), "list".into(), "a".into()],
        }
    }

    fn alike(&self, _: &[String], ours: &Value, theirs: &Value) -> bool {
        ours == theirs
    }
}

/// Commands of this family.
pub(super) fn family(random: SmallRng) -> Box<dyn Family> {
    Box::new(Bitmaps { random })
}

#[test]
fn replies_on_bits_are_those_of_redis_in_resp2() {
    compare("2", commands(20_000), family);
}

#[test]
fn replies_on_bits_are_those_of_redis_in_resp3() {
    compare("3", commands(10_000), family);
}
