//! A session of replication with a hostile peer and a strange store.

#![no_main]

libfuzzer_sys::fuzz_target!(|play: pandan_fuzz::session::Play| pandan_fuzz::session::check(&play));
