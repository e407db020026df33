//! Bytes as an entry.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::entry::check(bytes));
