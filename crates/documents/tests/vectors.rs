//! Documents of the reference implementation and of the rules where these decide otherwise.

#[test]
fn do4_d11_documents_are_those_of_the_vectors() {
    pandan_testkit::vectors::assert_passes("documents.json");
}
