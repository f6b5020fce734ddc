//! See `tests/fuzz/targets/glob.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ackd_fuzz::targets::glob::run(bytes));
