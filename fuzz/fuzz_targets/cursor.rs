//! Bytes as cursors.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::cursor::check(bytes));
