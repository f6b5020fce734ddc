//! The fuzz targets: what is done with hostile bytes, and what must hold for any bytes.
//!
//! A target is a function that takes bytes. It panics if something does not hold: the code under test panicked or
//! overflowed, gave two different answers to one question, or allocated memory for a length that the bytes only claim.
//! cargo-fuzz calls the targets (`fuzz`), and so does the replay of the seeds in this test.

#![allow(dead_code)]

pub mod base;
pub mod glob;
pub mod input;
pub mod log;
pub mod log_sums;
pub mod memory;
pub mod payload;
pub mod rdb;
pub mod resp;
pub mod table;
mod table_values;
mod table_walk;
