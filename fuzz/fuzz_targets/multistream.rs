//! Bytes as what a peer says at the beginning of a stream.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::multistream::check(bytes));
