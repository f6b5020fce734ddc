//! What is done with hostile bytes, and what must hold whatever they are.
//!
//! A target is a function from bytes to nothing. It panics when something does not hold: the code under test panicked or
//! overflowed, gave two answers to one question, or took memory for a length that the bytes merely claim. cargo-fuzz
//! calls the targets (`fuzz/`), and so does the replay of the seeds in this test.

pub mod glob;
mod input;
pub mod log;
mod log_sums;
pub mod memory;
pub mod payload;
pub mod resp;
pub mod table;
mod table_walk;

/// A function that takes hostile bytes.
pub type Target = fn(&[u8]);

/// All targets, with the names of their directories of seeds.
pub const TARGETS: [(&str, Target); 5] = [
    ("resp", resp::run),
    ("payload", payload::run),
    ("glob", glob::run),
    ("log", log::run),
    ("table", table::run),
];
