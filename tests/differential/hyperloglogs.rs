//! Commands on HyperLogLogs, with their bytes. Known difference: `PFCOUNT` of redis-server writes the count into the
//! string, here it is a read.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Family, commands, compare};
use crate::common::Value;

/// Makes random commands, valid ones mostly.
struct HyperLogLogs {
    random: SmallRng,
    /// About how many different elements there are now: keys become dense at the end.
    elements: u32,
}

impl HyperLogLogs {
    fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    fn key(&mut self) -> String {
        match self.below(60) {
            0 => "set".into(),
            1 => "text".into(),
            2 => "corrupt".into(),
            _ => format!("h:{}", self.below(5)),
        }
    }
}

impl Family for HyperLogLogs {
    fn next(&mut self) -> Vec<String> {
        self.elements += 1;
        let mut words = Vec::new();
        match self.below(20) {
            0..10 => {
                words.extend(["PFADD".into(), self.key()]);
                for _ in 0..self.random.random_range(0..30) {
                    words.push(
                        "e".repeat(self.below(20) as usize) + &self.below(self.elements * 2).to_string(),
                    );
                }
            }
            10..12 => words.extend(["PFCOUNT".into(), self.key()]),
            12 => words.extend(["PFCOUNT".into(), self.key(), self.key(), self.key()]),
            13 => {
                words.extend(["PFMERGE".into(), self.key()]);
                (0..self.random.random_range(0..3)).for_each(|_| words.push(self.key()));
            }
            14..17 => words.extend(["GET".into(), self.key()]),
            17 => {
                words.extend(["COPY".into(), format!("h:{}", self.below(5)), "h:0".into(), "REPLACE".into()])
            }
            18 => match self.below(12) {
                0 => words.extend(["DEL".into(), self.key()]),
                1 => words.extend(["SADD".into(), "set".into(), "a".into()]),
                2 => words.extend(["SET".into(), "text".into(), "HYLL too short".into()]),
                _ => words.extend(["STRLEN".into(), self.key()]),
            },
            _ => {
                // The cached count is marked as out of date: otherwise the registers would not be read.
                let corrupt = "HYLL\u{1}\0\0\0\0\0\0\0\0\0\u{80}\u{5}\u{7}\u{9}";
                words.extend(["SET".into(), "corrupt".into(), corrupt.into()]);
            }
        }
        words
    }

    fn alike(&self, words: &[String], ours: &Value, theirs: &Value) -> bool {
        match (words[0].as_str(), ours, theirs) {
            ("GET", ..) if words[1] == "corrupt" => true,
            ("GET", Value::Bulk(ours), Value::Bulk(theirs)) if ours.len() >= 16 => {
                // The cached count is in bytes 8 to 15.
                ours.len() == theirs.len() && ours[..8] == theirs[..8] && ours[16..] == theirs[16..]
            }
            ("PFADD", ours, theirs) if words[1] == "corrupt" => {
                // Redis finds the damage only if it reads that byte.
                ours == theirs || *theirs != Value::Null && matches!(ours, Value::Error(_))
            }
            _ => ours == theirs,
        }
    }

    fn told_alike(&self, words: &[String]) -> bool {
        // See `alike`.
        words[0] != "PFADD" || words[1] != "corrupt"
    }
}

/// Commands of this family.
pub(super) fn family(random: SmallRng) -> Box<dyn Family> {
    Box::new(HyperLogLogs { random, elements: 10 })
}

#[test]
fn replies_on_hyperloglogs_are_those_of_redis_in_resp2() {
    compare("2", commands(10_000), family);
}
