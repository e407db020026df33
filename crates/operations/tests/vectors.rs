//! Operations against the vectors that the reference implementation made.

mod common;

use common::{hex, list, load, operation, text, to_hex};
use pandan_bamboo::{Hash, HashError};
use pandan_operations::{Operation, Problem, SchemaIdError, ViewIdError};

#[test]
fn en1_operations_are_written_and_read_bit_for_bit() {
    let vectors = load("operations.json");
    let vectors = list(&vectors["operations"]);
    assert!(vectors.len() > 200);
    for vector in vectors {
        let (built, bytes) = (operation(&vector["operation"]), hex(&vector["encoded"]));
        assert_eq!(to_hex(&built.encode()), to_hex(&bytes), "{}", vector["what"]);
        assert_eq!(Operation::decode(&bytes), Ok(built), "{}", vector["what"]);
        assert_eq!(Hash::of(&bytes).to_string(), text(&vector["hash"]));
    }
}

#[test]
fn en1_odd_encodings_are_refused_and_honest_ones_taken() {
    let vectors = load("operations_odd.json");
    for vector in list(&vectors["odd"]).iter().chain(list(&vectors["plain"])) {
        let (what, bytes) = (text(&vector["what"]), hex(&vector["encoded"]));
        match Operation::decode(&bytes) {
            Ok(decoded) => {
                assert_eq!(decoded, operation(&vector["plain"]), "{what}");
                assert_eq!(to_hex(&decoded.encode()), to_hex(&bytes), "{what}");
                let decided = text(&vector["decided"]) == "accept";
                assert!(decided || REFUSED_BY_SCHEMA.contains(&text(&vector["reason"])), "{what}");
            }
            Err(error) => {
                let decided = text(&vector["decided"]) == "refuse";
                assert!(decided || is_odd_hash(error.problem), "{what}: {error:?}");
            }
        }
    }
}

/// What needs a schema to be refused.
const REFUSED_BY_SCHEMA: [&str; 6] = [
    "relation-odd",
    "pinned-relation-list-odd",
    "type-matrix",
    "schema-definition-odd",
    "field-definition-odd",
    "blob-odd",
];

#[test]
fn op1_invalid_operations_are_refused_for_the_right_reason() {
    let vectors = load("operations_invalid.json");
    for vector in list(&vectors["operations"]) {
        let (what, error) = (text(&vector["what"]), text(&vector["error"]));
        let decoded = Operation::decode(&hex(&vector["encoded"]));
        let is_decoding = text(&vector["stage"]) == "decode";
        match decoded {
            Ok(_) => assert!(!is_decoding, "{what} ({error}) was taken"),
            Err(found) if is_decoding => {
                let is_right = is_expected(error, found.problem) || is_stricter(found.problem);
                assert!(is_right, "{what}: {error}, but found {found:?}");
            }
            Err(found) => assert!(is_stricter(found.problem), "{what}: {error}, found {found:?}"),
        }
    }
}

/// Which of our problems each error word of the vectors stands for.
fn is_expected(error: &str, problem: Problem) -> bool {
    use Problem as P;
    use SchemaIdError as S;
    match error {
        // A list of hashes is known to be one before its items are read.
        "cbor-end-of-input" => matches!(problem, P::EndOfInput { .. } | P::Item { .. }),
        "cbor-syntax" => matches!(problem, P::Reserved { .. } | P::Utf8),
        // Hashes in lists are a kind of value to the reference. It looks at the kind of an item
        // before its text.
        "cbor-depth" | "value-kind" | "wrong-kind" => {
            matches!(problem, P::Item { .. } | P::Hash(_) | P::Utf8)
        }
        "missing-version" | "missing-action" | "missing-schema-id" | "missing-previous"
        | "missing-fields" | "too-many-items" => matches!(problem, P::Items { .. }),
        "unknown-version" => matches!(problem, P::Version { .. }),
        "unknown-action" => matches!(problem, P::Action { .. }),
        "negative" => matches!(problem, P::Item { found: "a negative integer", .. }),
        "int-range" => matches!(problem, P::IntRange),
        "field-order" => matches!(problem, P::FieldOrder),
        "field-duplicate" => matches!(problem, P::DuplicateField),
        "hash-length" | "hash-prefix" => matches!(problem, P::Hash(_)),
        "view-id-empty" => matches!(problem, P::Previous(ViewIdError::Empty)),
        "view-id-order" => matches!(problem, P::Previous(ViewIdError::Order { .. })),
        "schema-id:no-underscore" => matches!(problem, P::SchemaId(S::NoVersion)),
        "schema-id:no-name" => matches!(problem, P::SchemaId(S::NoName)),
        "schema-id:name" => matches!(problem, P::SchemaId(S::Name(_))),
        // The one text of an underscore and nothing else has neither name nor hash.
        "schema-id:hash-length" | "schema-id:hash-hex" | "schema-id:hash-prefix" => {
            matches!(problem, P::SchemaId(S::ViewId(ViewIdError::Hash(_)) | S::NoName))
        }
        "schema-id:view-id-order" => {
            matches!(problem, P::SchemaId(S::ViewId(ViewIdError::Order { .. })))
        }
        "schema-id:unknown-system-schema" | "schema-id:version" => {
            matches!(problem, P::SchemaId(S::UnknownSystemSchema))
        }
        _ => false,
    }
}

/// Where we refuse what the reference takes, or looks at later.
fn is_stricter(problem: Problem) -> bool {
    let is_other_form = matches!(
        problem,
        Problem::LongHead { .. }
            | Problem::Indefinite { .. }
            | Problem::Item { found: "a tag", .. }
            | Problem::FloatWidth { .. }
            | Problem::Nan
            | Problem::Trailing { .. }
    );
    // The reference reads the frame from a byte string as well, and `previous` from text.
    let is_other_kind = matches!(
        problem,
        Problem::Item { expected: "an array of 4 or 5 items", found: "bytes" }
            | Problem::Item { expected: "an array of previous operations", found: "text" }
    );
    // The number of items is judged before the items; no type has empty lists in lists; there are
    // no other versions of system schemas.
    let is_early = matches!(
        problem,
        Problem::Items { .. }
            | Problem::EmptyInnerList
            | Problem::SchemaId(SchemaIdError::UnknownSystemSchema)
    );
    is_other_form || is_other_kind || is_early || is_odd_hash(problem)
}

/// Hashes have one form: the length byte is 32, digits are in lower case.
fn is_odd_hash(problem: Problem) -> bool {
    let (Problem::Hash(hash) | Problem::SchemaId(SchemaIdError::ViewId(ViewIdError::Hash(hash)))) =
        problem
    else {
        return false;
    };
    matches!(hash, HashError::DigestLength { .. } | HashError::UpperCase { .. })
}
