//! Bytes as entries of a log, and as a fork proof.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::log::check(bytes));
