//! Payloads of each type, see there, and such that are made here.

use ackd::rdb::{Output, Seal};

/// All payloads with their names.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let files = [include_str!("../../src/rdb/payloads.txt"), include_str!("../../src/rdb/streams.txt")];
    let lines = files.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#'));
    let payloads = lines.map(|line| {
        let mut words = line.split(' ');
        let (name, hex) = (words.next().unwrap(), words.next().unwrap());
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (name, (0..hex.len()).step_by(2).map(byte).collect())
    });
    payloads.collect()
}

/// Whether redis-server 7.0 knows type and version of a payload.
pub fn is_known(payload: &[u8]) -> bool {
    payload[0] <= 19 && payload[payload.len() - 10] <= 10
}

/// A payload with a right footer.
pub fn sealed(value: &[u8], version: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut seal = Seal::new(&mut bytes);
    seal.put(value);
    seal.finish(version);
    bytes
}
