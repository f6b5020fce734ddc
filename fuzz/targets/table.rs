//! See `tests/fuzz/targets/table.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ackd_fuzz::targets::table::run(bytes));
