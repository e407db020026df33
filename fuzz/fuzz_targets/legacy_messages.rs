//! Bytes as the stream of a peer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::legacy_messages::check(bytes));
