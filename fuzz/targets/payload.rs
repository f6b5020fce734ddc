//! See `tests/fuzz/targets/payload.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ackd_fuzz::targets::payload::run(bytes));
