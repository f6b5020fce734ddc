//! Geospatial commands. Known differences: the digits of scores; redis-server 7.0 searches a box in cells that do not always
//! cover all of it, so the boxes in this test are small.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Family, alike_numbers, commands, compare};
use crate::common::Value;

/// Makes random commands, valid ones mostly.
struct Positions {
    random: SmallRng,
}

impl Positions {
    fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.random.random_range(0..of.len())].to_owned()
    }

    fn key(&mut self) -> String {
        if self.below(30) == 0 { self.pick(&["text", "none"]) } else { format!("g:{}", self.below(4)) }
    }

    fn member(&mut self) -> String {
        format!("m{}", self.below(150))
    }

    /// Longitude and latitude.
    fn position(&mut self) -> [String; 2] {
        if self.below(60) == 0 {
            return [
                self.pick(&["180", "-180", "181", "x", "0"]),
                self.pick(&["85.05112878", "-85.06", "90", "0"]),
            ];
        }
        let near = self.below(3) > 0;
        let (longitude, latitude) = if near { (1.0, 1.0) } else { (170.0, 80.0) };
        [longitude, latitude].map(|max| format!("{:.6}", self.random.random_range(-max..max)))
    }

    fn size(&mut self) -> [String; 2] {
        let unit = self.pick(&["m", "km", "FT", "mi", "km", "m", "km", "mm"]);
        let size = match self.below(40) {
            // Redis 7.0 misses positions for a radius of `inf`, and across a pole. So there is no `inf`, and all sizes are
            // below 509 km, also in miles: the positions closest to a pole are 550 km from it.
            0 => self.pick(&["-1", "x", "0"]),
            _ => format!("{:.3}", 10_f64.powf(self.random.random_range(0.0..2.5))),
        };
        [size, unit]
    }

    fn options(&mut self, words: &mut Vec<String>) {
        // Without an order, and with equal distances at a limit, no order is guaranteed.
        words.push(self.pick(&["ASC", "DESC", "asc"]));
        for option in ["WITHCOORD", "WITHDIST", "withhash", "bogus"] {
            if self.below(if option == "bogus" { 60 } else { 4 }) == 0 {
                words.push(option.into());
            }
        }
        if self.below(4) == 0 {
            words.extend(["COUNT".into(), self.pick(&["1", "2", "5", "100", "0", "x"])]);
        }
    }

    fn search(&mut self, words: &mut Vec<String>) {
        if self.below(2) == 0 {
            words.extend(["FROMMEMBER".into(), self.member()]);
        } else {
            words.push("FROMLONLAT".into());
            words.extend(self.position());
        }
        let [width, unit] = self.size();
        if self.below(3) == 0 {
            words.extend(["BYBOX".into(), width.clone(), width, unit]);
        } else {
            words.extend(["BYRADIUS".into(), width, unit]);
        }
    }
}

impl Family for Positions {
    fn next(&mut self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        match self.below(20) {
            0..5 => {
                words.extend(["GEOADD".into(), self.key()]);
                for option in ["NX", "XX", "CH"] {
                    if self.below(8) == 0 {
                        words.push(option.into());
                    }
                }
                for _ in 0..1 + self.below(6) {
                    let position = self.position();
                    // The order of members at the same place is not guaranteed: each of the special places has its own.
                    let is_special = ["180", "-180", "181", "x", "0"].contains(&position[0].as_str());
                    let member = if is_special { position.join(":") } else { self.member() };
                    words.extend(position);
                    words.push(member);
                }
            }
            5 => {
                words.extend(["GEODIST".into(), self.key(), self.member(), self.member()]);
                if self.below(2) == 0 {
                    words.push(self.pick(&["m", "KM", "ft", "mi", "x"]));
                }
            }
            6 => words.extend(["GEOHASH".into(), self.key(), self.member(), self.member()]),
            7 => words.extend(["GEOPOS".into(), self.key(), self.member(), self.member()]),
            8..12 => {
                words.extend(["GEOSEARCH".into(), self.key()]);
                self.search(&mut words);
                self.options(&mut words);
            }
            12 | 13 => {
                words.extend(["GEOSEARCHSTORE".into(), "d".into(), self.key()]);
                self.search(&mut words);
                if self.below(2) == 0 {
                    words.push("STOREDIST".into());
                }
            }
            14 | 15 => {
                words.extend([self.pick(&["GEORADIUS", "GEORADIUS_RO"]), self.key()]);
                words.extend(self.position());
                words.extend(self.size());
                self.options(&mut words);
            }
            16 => {
                words.extend([
                    self.pick(&["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"]),
                    self.key(),
                    self.member(),
                ]);
                words.extend(self.size());
                self.options(&mut words);
                if self.below(3) == 0 {
                    words.extend([self.pick(&["STORE", "STOREDIST"]), "d".into()]);
                }
            }
            17 => words.extend(["ZRANGE".into(), "d".into(), "0".into(), "-1".into()]),
            18 => words.extend(["ZSCORE".into(), self.key(), self.member()]),
            _ => words.extend(["SET".into(), "text".into(), "x".into()]),
        }
        words
    }

    fn alike(&self, words: &[String], ours: &Value, theirs: &Value) -> bool {
        match (words[0].as_str(), ours, theirs) {
            // Distances that differ only in their last digits may be in another order.
            ("ZRANGE", Value::Array(ours), Value::Array(theirs)) => {
                let sorted = |members: &[Value]| {
                    let mut members: Vec<String> = members.iter().map(Value::text).collect();
                    members.sort();
                    members
                };
                sorted(ours) == sorted(theirs)
            }
            _ => alike_numbers(ours, theirs),
        }
    }
}

/// Commands of this family.
pub(super) fn family(random: SmallRng) -> Box<dyn Family> {
    Box::new(Positions { random })
}

#[test]
fn replies_on_places_are_those_of_redis_in_resp2() {
    compare("2", commands(10_000), family);
}

#[test]
fn replies_on_places_are_those_of_redis_in_resp3() {
    compare("3", commands(10_000), family);
}
