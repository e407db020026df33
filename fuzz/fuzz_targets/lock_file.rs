//! Bytes as a lock file of schemas.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::lock_file::check(bytes));
