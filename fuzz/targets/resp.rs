//! See `tests/fuzz/targets/resp.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ackd_fuzz::targets::resp::run(bytes));
