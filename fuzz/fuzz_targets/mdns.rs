//! Bytes as what is heard in the local network.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::mdns::check(bytes));
