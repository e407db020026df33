//! Schemas against the vectors that the reference implementation made.

#[test]
fn sc1_sc10_names_types_ids_and_definitions_are_those_of_the_vectors() {
    pandan_testkit::vectors::assert_passes("schemas.json");
}
