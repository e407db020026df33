//! The bytes of messages, written out by hand, and what is wrong with others.

use ciborium::Value;
use pandan_bamboo::{LogId, SeqNum};
use pandan_operations::SystemSchema::{Blob, BlobPiece, SchemaDefinition, SchemaFieldDefinition};
use pandan_replication::legacy::limits::{MAX_LOGS, MAX_SCHEMAS, MAX_SCHEMAS_LENGTH};
use pandan_replication::legacy::{
    AuthorLogs, DecodeMessageError, Message, Mode, Problem, SchemaSet, SchemaSetError, VERSION,
};
use proptest::prelude::*;

use crate::store::{schema, set};

/// Parts of messages side by side, each as it is or as so many equal bytes.
macro_rules! bytes {
    ($($part:expr),* $(,)?) => { [$($part.as_slice()),*].concat() };
}

fn check(message: &Message, bytes: &[u8]) {
    assert_eq!(message.encode(), bytes);
    assert_eq!(Message::decode(bytes).as_ref(), Ok(message));
    // Another library reads the same items and writes the same bytes.
    let value: Value = ciborium::from_reader(bytes).expect("it is CBOR");
    let mut again = Vec::new();
    ciborium::into_writer(&value, &mut again).expect("it is written to memory");
    assert_eq!(again, bytes);
}

#[test]
fn announce() {
    let schemas = set([Blob.into(), SchemaDefinition.into()]);
    check(
        &Message::Announce { version: VERSION, timestamp: 1_700_000_000, schemas },
        &bytes![
            b"\x84\x00\x01\x1a\x65\x53\xf1\x00\x82",
            b"\x74schema_definition_v1",
            b"\x67blob_v1",
        ],
    );
    let schemas = set([]);
    check(&Message::Announce { version: 1, timestamp: 0, schemas }, b"\x84\x00\x01\x00\x80");
}

#[test]
fn sync_request() {
    let schemas = set([schema(0xab), SchemaFieldDefinition.into()]);
    check(
        &Message::SyncRequest { session: 0, mode: Mode::LogHeights, schemas },
        &bytes![
            b"\x84\x01\x00\x00\x82",
            b"\x78\x1aschema_field_definition_v1",
            b"\x78\x4athing_0020",
            b"ab".repeat(32),
        ],
    );
    let schemas = set([BlobPiece.into()]);
    check(
        &Message::SyncRequest { session: 24, mode: Mode::SetReconciliation, schemas },
        b"\x84\x01\x18\x18\x01\x81\x6dblob_piece_v1",
    );
}

#[test]
fn entry() {
    let (entry, operation) = (vec![0xee; 134], vec![0x0f; 300]);
    check(
        &Message::Entry { session: 3, entry: entry.clone(), operation: Some(operation) },
        &bytes![b"\x84\x02\x03\x58\x86", [0xee; 134], b"\x59\x01\x2c", [0x0f; 300]],
    );
    let without = Message::Entry { session: 3, entry, operation: None };
    check(&without, &bytes![b"\x84\x02\x03\x58\x86", [0xee; 134], b"\xf6"]);
    let shorter = bytes![b"\x83\x02\x03\x58\x86", [0xee; 134]];
    assert_eq!(Message::decode(&shorter), Ok(without));
}

#[test]
fn sync_done() {
    check(&Message::SyncDone { session: 7, live: false }, b"\x83\x03\x07\xf4");
    check(&Message::SyncDone { session: 256, live: true }, b"\x83\x03\x19\x01\x00\xf5");
}

#[test]
fn have() {
    let log = |log_id, seq_num| (LogId::new(log_id), SeqNum::new(seq_num).expect("not 0"));
    let one = AuthorLogs { author: [1; 32], logs: vec![log(0, 1), log(300, 70_000)] };
    let two = AuthorLogs { author: [2; 32], logs: vec![] };
    check(
        &Message::Have { session: 1, authors: vec![one, two] },
        &bytes![
            b"\x83\x0a\x01\x82",
            b"\x82\x58\x20",
            [1; 32],
            b"\x82\x82\x00\x01\x82\x19\x01\x2c\x1a\x00\x01\x11\x70",
            b"\x82\x58\x20",
            [2; 32],
            b"\x80",
        ],
    );
    check(&Message::Have { session: 0, authors: vec![] }, b"\x83\x0a\x00\x80");
}

#[test]
fn what_is_refused() {
    let item = |expected, found| Problem::Item { expected, found };
    let items = |expected, found| Problem::Items { expected, found };
    let cases: &[(&[u8], usize, Problem)] = &[
        (b"", 0, Problem::EndOfInput { expected: 1, found: 0 }),
        (b"\x05", 0, item("a message", "an unsigned integer")),
        (b"\x84\x04\x00\x00\x00", 1, Problem::MessageType { found: 4 }),
        (b"\x84\x18\x18\x00\x00\x00", 1, Problem::MessageType { found: 24 }),
        (b"\x84\x18\x00\x01\x00\x80", 1, Problem::LongHead { argument: 0 }),
        (b"\x98\x04\x00\x01\x00\x80", 0, Problem::LongHead { argument: 4 }),
        (b"\x9f\x00\x01\x00\x80\xff", 0, Problem::Indefinite),
        (b"\x84\x00\x1c", 2, Problem::Reserved { found: 28 }),
        (b"\x83\x00\x01\x00", 0, items(4, 3)),
        (b"\x85\x00\x01\x00\x80\x00", 0, items(4, 5)),
        (b"\x84\x03\x00\xf4\xf4", 0, items(3, 4)),
        (b"\x82\x02\x00", 0, items(4, 2)),
        (b"\x83\x03\x00\xf4\x00", 4, Problem::Trailing { found: 1 }),
        (b"\x83\x03\x00\xf6", 3, item("a truth value for live mode", "null")),
        (b"\x83\x03\x20\xf4", 2, Problem::Foreign { found: "a negative integer" }),
        (b"\x83\x03\x00\xf9\x00\x00", 3, Problem::Foreign { found: "a float" }),
        (b"\x84\x01\x00\x02\x81\x67blob_v1", 3, Problem::Mode { found: 2 }),
        (b"\x84\x01\x00\x00\x80", 4, Problem::NoSchemas),
        (b"\x84\x00\x01\x00\x82\x67blob_v1\x67blob_v1", 13, Problem::SchemaOrder),
        (b"\x84\x00\x01\x00\x82\x67blob_v1\x74schema_definition_v1", 13, Problem::SchemaOrder),
        (b"\x84\x00\x01\x00\x81\x47blob_v1", 5, item("a schema id", "bytes")),
        (b"\x84\x00\x01\x00\x81\x62\xc3\x28", 6, Problem::Utf8),
        (b"\x84\x02\x00\x41\x00\x40", 3, Problem::EntryLength { min: 134, max: 226, found: 1 }),
        (b"\x84\x02\x00\xf6\x40", 3, item("an entry", "null")),
        (b"\x83\x0a\x00\x81\x82\x41\x00\x80", 5, Problem::KeyLength { expected: 32, found: 1 }),
        (b"\x83\x0a\x00\x81\x81\x40", 4, items(2, 1)),
        (b"\x83\x0a\x00\x81\x83\x40\x80\x80", 4, items(2, 3)),
        (b"\x84\x0a\x00\x80\x80", 0, items(3, 4)),
    ];
    for (bytes, offset, problem) in cases {
        let expected = DecodeMessageError { offset: *offset, problem: *problem };
        assert_eq!(Message::decode(bytes), Err(expected), "{bytes:02x?}");
    }
}

#[test]
fn a_schema_id_that_is_none_is_refused() {
    let error = Message::decode(b"\x84\x00\x01\x00\x81\x67blob_v2").unwrap_err();
    assert_eq!(error.offset, 5);
    assert!(matches!(error.problem, Problem::SchemaId(_)));
}

#[test]
fn sequence_numbers_begin_with_1() {
    let bytes = bytes![b"\x83\x0a\x00\x81\x82\x58\x20", [1; 32], b"\x81\x82\x00\x00"];
    let error = Message::decode(&bytes).unwrap_err();
    assert_eq!(error, DecodeMessageError { offset: 42, problem: Problem::SeqNum });
}

#[test]
fn lengths_of_entries_and_operations_at_the_limit_and_past_it() {
    let message = |entry, operation| Message::Entry {
        session: 0,
        entry: vec![0; entry],
        operation: Some(vec![0; operation]),
    };
    for (entry, operation, is_taken) in [
        (133, 0, false),
        (134, 0, true),
        (226, 0, true),
        (227, 0, false),
        (134, 512 * 1024, true),
        (134, 512 * 1024 + 1, false),
    ] {
        let message = message(entry, operation);
        let decoded = Message::decode(&message.encode());
        assert_eq!(decoded.is_ok(), is_taken, "{entry} {operation} {decoded:?}");
    }
}

#[test]
fn logs_at_the_limit_and_past_it() {
    let have = |count: usize| {
        let seq_num = SeqNum::FIRST;
        let logs = (0..count as u64).map(|log_id| (LogId::new(log_id), seq_num)).collect();
        Message::Have { session: 0, authors: vec![AuthorLogs { author: [0; 32], logs }] }
    };
    let at = have(MAX_LOGS);
    assert_eq!(Message::decode(&at.encode()), Ok(at));
    let problem = Problem::TooManyLogs { max: MAX_LOGS };
    let error = Message::decode(&have(MAX_LOGS + 1).encode()).unwrap_err();
    assert_eq!(error, DecodeMessageError { offset: 39, problem });
}

#[test]
fn schemas_at_the_limit_and_past_it() {
    let schemas = |count: usize| {
        (0..count).map(|number| format!("ss_0020{number:064x}").parse().expect("it is an id"))
    };
    let at = SchemaSet::new(schemas(MAX_SCHEMAS)).expect("just so many are allowed");
    let message = Message::Announce { version: 1, timestamp: 0, schemas: at.clone() };
    assert_eq!(Message::decode(&message.encode()), Ok(message));
    assert_eq!(at.intersection(&at), at);
    let past = SchemaSet::new(schemas(MAX_SCHEMAS + 1)).unwrap_err();
    let found = MAX_SCHEMAS as u64 + 1;
    assert_eq!(past, SchemaSetError::TooMany { max: MAX_SCHEMAS, found });
    let fitting = |count| SchemaSet::fitting(schemas(count).chain(schemas(1)));
    assert_eq!([MAX_SCHEMAS, MAX_SCHEMAS + 1].map(fitting), [at.clone(), at]);
}

#[test]
fn texts_of_schemas_at_the_limit_and_past_it() {
    // Each defined by a view of 100 operations.
    let view: String = (0..100).map(|number| format!("_0020{number:064x}")).collect();
    let name = |number: usize, length: usize| format!("{}{number:0>4}", "s".repeat(length));
    let id = |number, length| format!("{}{view}", name(number, length)).parse();
    let length = view.len() + 5;
    let count = MAX_SCHEMAS_LENGTH / length;
    let room = MAX_SCHEMAS_LENGTH - count * length;
    let of = |extra: usize| {
        // The rest is shared out among the names, which have at most 64 characters.
        let share = move |number: usize| 1 + (extra + count - 1 - number) / count;
        (0..count).map(move |number| id(number, share(number)).expect("an id"))
    };
    let fits = SchemaSet::new(of(room)).expect("it is just as long as allowed");
    assert_eq!(SchemaSet::fitting(of(room)), fits);
    assert_eq!(SchemaSet::fitting(of(room + 1)).as_slice().len(), count - 1);
    let found = MAX_SCHEMAS_LENGTH + 1;
    let error = SchemaSetError::TooLong { max: MAX_SCHEMAS_LENGTH, found };
    assert_eq!(SchemaSet::new(of(room + 1)), Err(error));
}

fn messages() -> impl Strategy<Value = Message> {
    let schemas = prop::collection::vec(any::<u8>(), 1..5)
        .prop_map(|numbers| set(numbers.into_iter().map(schema).chain([Blob.into()])));
    let announce =
        (any::<u64>(), any::<u64>(), schemas.clone()).prop_map(|(version, timestamp, schemas)| {
            Message::Announce { version, timestamp, schemas }
        });
    let request = (any::<u64>(), schemas).prop_map(|(session, schemas)| Message::SyncRequest {
        session,
        mode: Mode::LogHeights,
        schemas,
    });
    let entry = (
        any::<u64>(),
        prop::collection::vec(any::<u8>(), 134..=226),
        prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
    );
    let entry =
        entry.prop_map(|(session, entry, operation)| Message::Entry { session, entry, operation });
    let done = (any::<u64>(), any::<bool>())
        .prop_map(|(session, live)| Message::SyncDone { session, live });
    let log = (any::<u64>(), 1..=u64::MAX)
        .prop_map(|(log_id, seq)| (LogId::new(log_id), SeqNum::new(seq).expect("not 0")));
    let author = (any::<[u8; 32]>(), prop::collection::vec(log, 0..4))
        .prop_map(|(author, logs)| AuthorLogs { author, logs });
    let have = (any::<u64>(), prop::collection::vec(author, 0..4))
        .prop_map(|(session, authors)| Message::Have { session, authors });
    prop_oneof![announce, request, entry, done, have]
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in messages()) {
        let bytes = message.encode();
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn what_is_read_is_written_the_same(
        message in messages(),
        place in any::<prop::sample::Index>(),
        bits in 1..=u8::MAX,
    ) {
        let mut bytes = message.encode();
        let place = place.index(bytes.len());
        bytes[place] ^= bits;
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
    }
}
