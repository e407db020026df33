//! Sequences of requests and the answers of the reference implementation.

#[test]
fn publish_and_next_args_answer_as_the_vectors() {
    pandan_testkit::vectors::assert_passes("publish.json");
}
