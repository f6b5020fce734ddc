//! See `tools/tests/fuzz/inspector.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ackd_fuzz::inspector::run(bytes));
