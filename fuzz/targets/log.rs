//! See `tests/fuzz/targets/log.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ackd_fuzz::targets::log::run(bytes));
