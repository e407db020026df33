//! Bytes as an operation.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::operation::check(bytes));
