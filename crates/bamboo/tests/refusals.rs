//! Entries that must be refused, each for the right reason, and odd ones that Pandan decides on.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use pandan_bamboo::Entry;

#[test]
fn ba1_invalid_entries_are_refused_for_the_right_reason() {
    pandan_testkit::vectors::assert_passes("entries_invalid.json");
}

#[test]
fn ba1_odd_entries_are_decided_upon_and_refused_for_what_is_odd() {
    pandan_testkit::vectors::assert_passes("entries_odd.json");
}

#[test]
fn pn5_errors_name_offset_expected_and_found() {
    let log = common::log(1, 0, 4);
    let good = log[3].as_bytes();
    let changed = |offset: usize, byte: u8| {
        let mut bytes = good.to_vec();
        bytes[offset] = byte;
        Entry::decode(&bytes).unwrap_err().to_string()
    };
    let longer = [good, &[0]].concat();
    for (found, expected) in [
        (
            Entry::decode(&[]).unwrap_err().to_string(),
            "expected 1 bytes of tag at offset 0, found 0",
        ),
        (changed(0, 2), "expected tag 0x00 or 0x01 at offset 0, found 0x02"),
        (changed(34, 0), "expected a sequence number of at least 1 at offset 34, found 0"),
        (changed(35, 1), "skiplink at offset 35 is not a hash"),
        (changed(70, 0x21), "backlink at offset 69 is not a hash"),
        (
            Entry::decode(&good[..100]).unwrap_err().to_string(),
            "expected 34 bytes of backlink at offset 69, found 31",
        ),
        (
            Entry::decode(&longer).unwrap_err().to_string(),
            "expected the end of the entry at offset 202, found 1 more bytes",
        ),
    ] {
        assert_eq!(found, expected);
    }
}
