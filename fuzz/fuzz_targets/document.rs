//! Documents with many branches.

#![no_main]

use pandan_fuzz::document::{Sketches, check};

libfuzzer_sys::fuzz_target!(|input: Sketches| check(input));
