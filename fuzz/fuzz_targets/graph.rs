//! Operations that refer to each other in every way.

#![no_main]

use pandan_fuzz::graph::{Wild, check};

libfuzzer_sys::fuzz_target!(|input: Wild| check(input));
