//! See `tests/fuzz/targets/rdb.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ackd_fuzz::targets::rdb::run(bytes));
