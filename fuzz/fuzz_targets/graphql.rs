//! Bytes as a query with variables.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::graphql::check(bytes));
