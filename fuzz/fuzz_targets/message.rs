//! Bytes as a message of replication.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::message::check(bytes));
