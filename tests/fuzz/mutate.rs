//! Mutations of seeds: bits flipped, bytes removed, inserted and replaced, numbers set to edge cases.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Mutations of one input at most.
const MUTATIONS_MAX: u32 = 6;
/// Bytes up to which inputs grow.
const INPUT_BYTES_MAX: usize = 64 << 10;
/// Edge cases of numbers.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    u64::MAX / 2,
    u64::MAX - 1,
    u64::MAX,
];
/// Words that often cause errors.
const WORDS: [&[u8]; 16] = [
    b"\r\n",
    b"*",
    b"$",
    b"-1",
    b"0",
    b"536870912",
    b"1048577",
    b"18446744073709551615",
    b"9223372036854775808",
    b"\"",
    b"'",
    b"\\",
    b"\0",
    b"[",
    b"a*",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
];

/// Makes inputs; the same seed makes the same ones.
pub struct Mutator(SmallRng);

impl Mutator {
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// A seed with a few mutations.
    pub fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.any(seeds).clone();
        for _ in 0..self.0.random_range(1..=MUTATIONS_MAX) {
            self.step(&mut bytes, seeds);
        }
        bytes.truncate(INPUT_BYTES_MAX);
        bytes
    }

    fn any<'s, T>(&mut self, of: &'s [T]) -> &'s T {
        &of[self.0.random_range(0..of.len())]
    }

    /// An offset in the bytes, or their end. Every second one is near the start, where headers are.
    fn place(&mut self, bytes: &[u8]) -> usize {
        let end = if self.0.random() { bytes.len() } else { bytes.len().min(40) };
        self.0.random_range(0..=end)
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.place(bytes);
        let len = 1 << self.0.random_range(0..9);
        start..(start + self.0.random_range(0..=len)).min(bytes.len())
    }

    fn step(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.place(bytes);
        match self.0.random_range(0..10) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << self.0.random_range(0..8),
            2 if at < bytes.len() => bytes[at] = self.0.random(),
            3 => bytes.truncate(at),
            4 => {
                let edge = self.any(&EDGES).to_le_bytes();
                let len = 1 << self.0.random_range(0..4);
                let place = bytes[at..].iter_mut();
                place.zip(&edge[..len]).for_each(|(byte, new)| *byte = *new);
            }
            5 => {
                let word = *self.any(&WORDS);
                bytes.splice(at..at, word.iter().copied());
            }
            6 => drop(bytes.drain(self.range(bytes))),
            7 => {
                let copy = bytes[self.range(bytes)].to_vec();
                bytes.splice(at..at, copy);
            }
            8 => {
                let other = self.any(seeds).clone();
                let part = other[self.range(&other)].to_vec();
                let end = (at + part.len()).min(bytes.len());
                bytes.splice(at..end, part);
            }
            _ => {
                let range = self.range(bytes);
                bytes[range].iter_mut().for_each(|byte| *byte = self.0.random());
            }
        }
    }
}
