//! Bytes as histories and strays, brought to the model and to SQLite.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pandan_fuzz::store_play::check(bytes));
