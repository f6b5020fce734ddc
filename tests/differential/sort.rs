//! `SORT` of lists, sets and sorted sets. Known difference: sets that are not sorted come in the order of their members'
//! bytes, in redis-server in that of a hash table.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Family, commands, compare};
use crate::common::Value;

/// Makes random commands, valid ones mostly.
struct Sorting {
    random: SmallRng,
}

impl Sorting {
    fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.random.random_range(0..of.len())].to_owned()
    }

    fn key(&mut self) -> String {
        self.pick(&["l:0", "l:1", "s:0", "s:1", "z:0", "z:1", "z:2", "none", "w:1"])
    }

    fn element(&mut self) -> String {
        match self.below(60) {
            0 => self.pick(&["", "x", " 7", "inf"]),
            _ => format!("{}", self.random.random_range(-40..40)),
        }
    }
}

impl Family for Sorting {
    fn next(&mut self) -> Vec<String> {
        match self.below(12) {
            10 => {
                let push = self.pick(&["RPUSH", "LPUSH"]);
                let mut words = vec![push, self.pick(&["l:0", "l:1"])];
                (0..1 + self.below(6)).for_each(|_| words.push(self.element()));
                words
            }
            11 => vec!["LTRIM".into(), self.pick(&["l:0", "l:1"]), "-9".into(), "-1".into()],
            0 | 1 => {
                let mut words = vec!["SADD".into(), self.pick(&["s:0", "s:1"])];
                (0..1 + self.below(6)).for_each(|_| words.push(self.element()));
                words
            }
            2 => vec![
                "ZADD".into(),
                self.pick(&["z:0", "z:1", "z:2"]),
                self.below(9).to_string(),
                self.element(),
            ],
            3 => vec!["SET".into(), format!("w:{}", self.element()), self.element()],
            4 if self.below(8) == 0 => vec!["DEL".into(), self.key()],
            _ => {
                let mut words = vec![self.pick(&["SORT", "SORT", "SORT_RO"]), self.key()];
                match self.below(6) {
                    0 | 1 => words.extend(["BY".into(), "w:*".into()]),
                    2 if words[1].starts_with(['z', 'l']) => words.extend(["BY".into(), "nosort".into()]),
                    _ => {}
                }
                if self.below(3) == 0 {
                    words.extend(["LIMIT".into(), self.element(), self.element()]);
                }
                for pattern in ["#", "w:*", "w:*->f", "*", "w:1"] {
                    if self.below(8) == 0 {
                        words.extend(["GET".into(), pattern.into()]);
                    }
                }
                for option in ["DESC", "ASC", "bogus", "LIMIT", "GET"] {
                    if self.below(14) == 0 {
                        words.push(option.into());
                    }
                }
                if words[0] == "SORT" && self.below(5) == 0 {
                    words.extend(["STORE".into(), self.pick(&["l:0", "l:1"])]);
                }
                // With equal weights, no order is guaranteed.
                if self.below(2) == 0 && !words.contains(&"BY".into()) {
                    words.push("ALPHA".into());
                }
                words
            }
        }
    }

    fn alike(&self, _: &[String], ours: &Value, theirs: &Value) -> bool {
        ours == theirs
    }
}

/// Commands of this family.
pub(super) fn family(random: SmallRng) -> Box<dyn Family> {
    Box::new(Sorting { random })
}

#[test]
fn sorted_elements_are_those_of_redis_in_resp2() {
    compare("2", commands(15_000), family);
}

#[test]
fn sorted_elements_are_those_of_redis_in_resp3() {
    compare("3", commands(5_000), family);
}
