//! The keys that long commands work on.

use std::net::SocketAddr;

use crate::Outcome;
use crate::client::Client;
use crate::load::{self, LoadError, Work};

/// Elements that one command adds.
const BATCH: u64 = 1000;
/// Bytes of a plain key's value.
const VALUE_BYTES: usize = 16;

/// Data that a command needs. `N` is the number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// `list`: N numbers in no order.
    List,
    /// `set` and `set2`: N members each, half of them in both.
    Sets,
    /// `zset` and `zset2`: the same with scores.
    SortedSets,
    /// `hash`: N fields.
    Hash,
    /// `geo`: N places.
    Places,
    /// `string` and `string2`: N * 100 bytes each.
    Strings,
    /// `value`: N * 200 bytes.
    Value,
    /// `text1` and `text2`: ten times the root of N bytes each.
    Texts,
    /// `sketch:0`, `sketch:1` ...: N / 1000 HyperLogLogs.
    Sketches,
    /// N plain keys.
    Keys,
}

impl Data {
    /// Creates the keys.
    pub fn fill(self, address: SocketAddr, elements: u64) -> Outcome {
        let mut client = Client::connect(address)?;
        let mut collection = |command: &str, key: &str, from: u64, element: fn(u64) -> Vec<String>| {
            add(&mut client, &[command, key], from..from + elements, element)
        };
        let half = elements / 2;
        match self {
            Self::List => collection("RPUSH", "list", 0, |index| vec![scattered(index).to_string()])?,
            Self::Sets => {
                collection("SADD", "set", 0, |index| vec![member(index)])?;
                collection("SADD", "set2", half, |index| vec![member(index)])?;
            }
            Self::SortedSets => {
                let scored = |index| vec![scattered(index).to_string(), member(index)];
                collection("ZADD", "zset", 0, scored)?;
                collection("ZADD", "zset2", half, scored)?;
            }
            Self::Hash => {
                collection("HSET", "hash", 0, |index| vec![member(index), scattered(index).to_string()])?;
            }
            Self::Places => collection("GEOADD", "geo", 0, place)?,
            Self::Strings => {
                client.run(&[&b"SET"[..], b"string", &text(elements * 100, 1)])?;
                client.run(&[&b"SET"[..], b"string2", &text(elements * 100, 2)])?;
            }
            Self::Value => client.run(&[&b"SET"[..], b"value", &text(elements * 200, 3)])?,
            Self::Texts => {
                let bytes = elements.isqrt() * 10;
                client.run(&[&b"SET"[..], b"text1", &text(bytes, 4)])?;
                client.run(&[&b"SET"[..], b"text2", &text(bytes, 5)])?;
            }
            Self::Sketches => {
                for index in 0..sketches(elements) {
                    let key = format!("sketch:{index}");
                    add(&mut client, &["PFADD", &key], index * BATCH..(index + 1) * BATCH, |index| {
                        vec![member(index)]
                    })?;
                }
            }
            Self::Keys => load::fill(address, Work::Set, elements, VALUE_BYTES)?,
        }
        Ok(())
    }
}

/// Number of HyperLogLogs.
pub fn sketches(elements: u64) -> u64 {
    elements.div_ceil(BATCH)
}

/// Adds elements to a collection, with many in a command.
fn add(
    client: &mut Client,
    command: &[&str],
    numbers: std::ops::Range<u64>,
    element: fn(u64) -> Vec<String>,
) -> Result<(), LoadError> {
    let mut from = numbers.start;
    while from < numbers.end {
        let to = numbers.end.min(from + BATCH);
        let mut words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        words.extend((from..to).flat_map(element));
        client.run(&words)?;
        from = to;
    }
    Ok(())
}

/// The name of a member or field.
fn member(index: u64) -> String {
    format!("member:{index:09}")
}

/// A place, with its name.
fn place(index: u64) -> Vec<String> {
    let number = scattered(index);
    let (longitude, latitude) = (number % 3600, number / 3600 % 1600);
    let degrees = |tenths: u64, from: f64| (from + tenths as f64 / 10.0).to_string();
    vec![degrees(longitude, -180.0), degrees(latitude, -80.0), member(index)]
}

/// A number of 32 bits that looks random; different for each index below 2^32.
fn scattered(index: u64) -> u64 {
    index * 2_654_435_761 % (1 << 32)
}

/// Bytes of a string: lower-case letters that repeat after some millions.
fn text(bytes: u64, seed: u64) -> Vec<u8> {
    (0..bytes).map(|index| b'a' + (scattered(index + seed * 1_000_003) >> 20) as u8 % 26).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn elements_are_all_different() {
        let numbers: HashSet<u64> = (0..100_000).map(scattered).collect();
        assert_eq!(numbers.len(), 100_000);
        assert!(!(0..1000).map(scattered).is_sorted());
    }

    #[test]
    fn places_are_on_the_map() {
        for index in 0..100_000 {
            let place = place(index);
            let [longitude, latitude] = [0, 1].map(|word: usize| place[word].parse::<f64>().unwrap());
            assert!((-180.0..=180.0).contains(&longitude) && (-85.0..=85.0).contains(&latitude));
        }
    }

    #[test]
    fn texts_of_two_seeds_differ() {
        let (one, other) = (text(1000, 1), text(1000, 2));
        assert!(one != other && one.iter().all(u8::is_ascii_lowercase));
    }
}
