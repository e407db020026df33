//! Histories and strays, brought to the model and to SQLite.

#![no_main]

use pandan_fuzz::store_play::{Play, check};

libfuzzer_sys::fuzz_target!(|input: Play| check(input));
