//! Operations against the vectors that the reference implementation made: decoding, encoding and
//! checking against their schemas.

#[test]
fn en1_operations_are_written_and_read_bit_for_bit() {
    pandan_testkit::vectors::assert_passes("operations.json");
}

#[test]
fn en1_odd_encodings_are_refused_and_honest_ones_taken() {
    pandan_testkit::vectors::assert_passes("operations_odd.json");
}

#[test]
fn op1_invalid_operations_are_refused_for_the_right_reason() {
    pandan_testkit::vectors::assert_passes("operations_invalid.json");
}
