//! Signed entries with links of all sorts.

#![no_main]

use pandan_fuzz::log_play::{Play, check};

libfuzzer_sys::fuzz_target!(|input: Play| check(input));
