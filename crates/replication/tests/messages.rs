//! Messages: one encoding, bounded, and nothing that comes panics.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;

use common::model::{Model, author};
use common::schemas;
use pandan_bamboo::{Fingerprint, ForkProof, Hash, LogId, Salt, SaltedState, SeqNum};
use pandan_operations::{OperationId, SchemaId};
use pandan_replication::limits::{
    MAX_DOCUMENTS, MAX_ENTRIES, MAX_FRAME_LENGTH, MAX_HEADS, MAX_RANGES, MAX_REFUSAL_TEXT,
    MAX_SCHEMAS, MAX_VERSIONS, MAX_WANTS,
};
use pandan_replication::{
    Amount, Announcement, Author, Bound, Content, DocumentHeads, Field, FrozenTip, Interest,
    KeyRange, LogKey, LogName, Message, MessageProblem, RangeItem, Ranges, Received, Refusal,
    RefusalCode, Request, TheirHead, Tip, WantDocuments,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

fn seq_nums() -> impl Strategy<Value = SeqNum> {
    prop_oneof![1_u64..300, 1_u64..].prop_map(|number| SeqNum::new(number).unwrap())
}

fn log_names() -> impl Strategy<Value = LogName> {
    let author = prop_oneof![
        (0_u8..4).prop_map(|first| {
            let mut bytes = [0; 32];
            bytes[0] = first;
            bytes
        }),
        any::<[u8; 32]>(),
    ];
    (author, prop_oneof![0_u64..3, any::<u64>()]).prop_map(|(author, log_id)| LogName {
        author: Author::from_bytes(author),
        log_id: LogId::new(log_id),
    })
}

fn tips() -> impl Strategy<Value = Tip> {
    let frozen = (seq_nums(), seq_nums(), any::<bool>()).prop_map(|(one, other, has_latest)| {
        let (latest, fork) = (one.min(other), one.max(other));
        let latest = (has_latest && latest < fork).then_some(latest);
        Tip::Frozen(FrozenTip::new(latest, fork).unwrap())
    });
    prop_oneof![seq_nums().prop_map(Tip::Line), frozen]
}

fn heads() -> impl Strategy<Value = Vec<TheirHead>> {
    btree_map(log_names(), (tips(), any::<[u8; 8]>()), 0..12).prop_map(|heads| {
        let head =
            |(log, (tip, state))| TheirHead { log, tip, state: SaltedState::from_bytes(state) };
        heads.into_iter().map(head).collect()
    })
}

fn ranges() -> impl Strategy<Value = Ranges> {
    let key = (0_u16..3, log_names()).prop_map(|(schema, log)| LogKey { schema, log });
    let kinds = vec((0_u8..3, any::<[u8; 8]>(), heads()), 12);
    (btree_set(key, 0..11), kinds, any::<bool>()).prop_map(|(keys, kinds, to_end)| {
        let bounds = keys.into_iter().map(Bound::Key).chain(to_end.then_some(Bound::End));
        let (mut ranges, mut start) = (Ranges::default(), LogKey::MIN);
        for (end, (kind, bytes, mut heads)) in bounds.zip(kinds) {
            let Some(range) = KeyRange::new(start, end) else { continue };
            heads.retain(|head| range.contains(&LogKey { schema: start.schema, log: head.log }));
            let content = match kind {
                0 => None,
                1 => Some(Content::Fingerprint(Fingerprint::from_bytes(bytes))),
                _ => Some(Content::Heads(heads)),
            };
            if let Some(content) = content {
                ranges.push(RangeItem { range, content }).unwrap();
            }
            let Bound::Key(key) = end else { break };
            start = key;
        }
        ranges
    })
}

fn subsets() -> impl Strategy<Value = Vec<SchemaId>> {
    proptest::sample::subsequence(schemas(), 1..=4)
}

fn entries() -> Vec<Received> {
    let mut model = Model::new(&schemas());
    for place in 0..4 {
        model.write(&author(1), 7, 0, &format!("entry {place}"));
    }
    let mut entries: Vec<_> = model.entries.iter().map(|stored| stored.received()).collect();
    entries[2].payload = None;
    entries
}

fn proof() -> ForkProof {
    let [one, other] =
        ["one", "other"].map(|text| Model::new(&schemas()).write(&author(1), 0, 0, text).entry);
    ForkProof::new(&one.as_authentic(), &other.as_authentic()).unwrap()
}

fn messages() -> impl Strategy<Value = Message> {
    let request = (any::<[u8; 16]>(), any::<[bool; 2]>(), subsets(), ranges()).prop_map(
        |(salt, [live, payloads_optional], schemas, ranges)| {
            let (salt, schemas) = (Salt::from_bytes(salt), schemas.into());
            Message::Request(Request { salt, live, payloads_optional, schemas, ranges })
        },
    );
    let want = btree_map(log_names(), seq_nums(), 1..9);
    let interest = prop_oneof![
        Just((Interest::All, Vec::new())),
        subsets().prop_map(|hints| (Interest::All, hints)),
        Just((Interest::Schemas(Vec::new()), Vec::new())),
        subsets().prop_map(|schemas| (Interest::Schemas(schemas), Vec::new()))
    ];
    let announce = (btree_set(any::<u64>(), 1..5), interest).prop_map(|(versions, interest)| {
        let ((interest, hints), versions) = (interest, versions.into_iter().collect());
        Message::Announce(Announcement { versions, interest, hints })
    });
    prop_oneof![
        request,
        ranges().prop_map(Message::Ranges),
        want.prop_map(|wants| Message::Want(wants.into_iter().collect())),
        (1_usize..5).prop_map(|count| Message::Entries(entries()[..count].to_vec())),
        any::<(u64, u64)>().prop_map(|(entries, bytes)| Message::Offer(Amount { entries, bytes })),
        (log_names(), seq_nums()).prop_map(|(log, seq_num)| Message::Probe(log, seq_num)),
        any::<bool>().prop_map(|there| Message::Probed(there.then(|| entries()[1].entry.clone()))),
        Just(Message::Proof(Box::new(proof()))),
        Just(Message::Done),
        heads()
            .prop_filter_map("none", |heads| (!heads.is_empty()).then_some(Message::Have(heads))),
        Just(Message::Prune),
        (any::<u64>(), ".{0,50}")
            .prop_map(|(code, text)| { Message::Refuse(Refusal::new(RefusalCode(code), &text)) }),
        (operations(), proptest::option::of(log_names()))
            .prop_map(|(ids, after)| Message::WantDocuments(WantDocuments { ids, after })),
        (heads(), any::<bool>()).prop_map(|(heads, more)| {
            let more = more && !heads.is_empty();
            Message::DocumentHeads(DocumentHeads { heads, more })
        }),
        operations().prop_map(Message::Changed),
        announce,
    ]
}

fn operations() -> impl Strategy<Value = Vec<OperationId>> {
    let id = |digest| OperationId::from_hash(Hash::from_digest(digest));
    btree_set(any::<[u8; 32]>(), 1..5).prop_map(move |ids| ids.into_iter().map(id).collect())
}

fn many_operations(count: usize) -> Vec<OperationId> {
    let id = |number: usize| {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
        OperationId::from_hash(Hash::from_digest(digest))
    };
    (0..count).map(id).collect()
}

proptest! {
    #[test]
    fn re3_messages_have_one_encoding(message in messages(), offset: prop::sample::Index, bit in 0_u32..8) {
        let frame = message.encode();
        let decoded = Message::decode(&frame);
        prop_assert_eq!(decoded.as_ref(), Ok(&message));

        for length in 0..frame.len().min(300) {
            if let Ok(shorter) = Message::decode(&frame[..length]) {
                prop_assert_eq!(shorter.encode(), &frame[..length]);
            }
        }
        let longer = [&frame[..], &[0]].concat();
        if let Ok(longer_message) = Message::decode(&longer) {
            prop_assert_eq!(longer_message.encode(), longer);
        }
        let mut changed = frame.clone();
        changed[offset.index(frame.len())] ^= 1_u8 << bit;
        if let Ok(other) = Message::decode(&changed) {
            prop_assert_ne!(&other, &message);
            prop_assert_eq!(other.encode(), changed);
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(
        type_ in 0_u8..0x13, bytes in vec(prop_oneof![0_u8..4, any::<u8>()], 0..200),
    ) {
        let frame = [&[type_], &bytes[..]].concat();
        match Message::decode(&frame) {
            Ok(message) => prop_assert_eq!(message.encode(), frame),
            Err(error) => prop_assert!(error.offset <= frame.len()),
        }
    }

    #[test]
    fn bounds_between_keys_are_short_and_divide(one in log_names(), other in log_names(), schema in 0_u16..3) {
        let [one, other] = [(0, one), (schema, other)].map(|(schema, log)| LogKey { schema, log });
        let (below, from) = (one.min(other), one.max(other));
        prop_assume!(below != from);
        let bound = Bound::between(below, from);
        prop_assert!(Bound::Key(below) < bound && bound <= Bound::Key(from));
    }
}

#[test]
fn errors_name_field_offset_and_problem() {
    use MessageProblem::{Limit, NotCanonical, Order, Trailing, Truncated, Unknown};
    let error = |bytes: &[u8]| Message::decode(bytes).unwrap_err();
    for (bytes, field, offset, problem) in [
        (&[][..], Field::Message, 0, Truncated { expected: 1, found: 0 }),
        (&[0x99], Field::Message, 0, Unknown { found: 0x99 }),
        (&[0x09, 0x00], Field::Message, 1, Trailing { found: 1 }),
        (&[0x01, 0x03], Field::Version, 1, Limit { min: 2, max: 2, found: 3 }),
        (&[0x05, 0xf8, 0x01, 0x00], Field::Length, 1, MessageProblem::Number),
        // Two ranges that are skipped, one, one behind the end, and one that goes backwards.
        (&[0x02, 2, 1, 1, 0, 0, 1, 2, 0, 0], Field::Range, 6, NotCanonical),
        (&[0x02, 1, 0, 0], Field::Range, 4, NotCanonical),
        (&[0x02, 2, 0, 2, 0, 0, 2, 0], Field::Range, 5, Order),
        (&[0x02, 2, 1, 1, 0, 2, 0, 1, 1, 0, 2, 0], Field::Range, 7, Order),
        // The prefix of an author ends with a zero.
        (&[0x02, 1, 1, 0, 2, 7, 0], Field::Prefix, 4, NotCanonical),
        (&[0x06, 1], Field::Author, 1, Truncated { expected: 32, found: 1 }),
        (&[0x07, 1, 9], Field::Entry, 2, Limit { min: 134, max: 226, found: 1 }),
        (&[0x0a, 1, 4], Field::Flags, 2, Unknown { found: 4 }),
        (&[0x0a, 1, 1], Field::Flags, 2, NotCanonical),
    ] {
        let found = error(bytes);
        assert_eq!(
            (found.field, found.offset, found.problem),
            (field, offset, problem),
            "{bytes:?}"
        );
    }
}

/// A list with as many items as it may have, and with one more, each of them decoded.
fn check_limit(name: &str, max: usize, message: impl Fn(usize) -> Message) {
    let frame = message(max).encode();
    assert!(Message::decode(&frame).is_ok(), "{max} of {name}: {:?}", Message::decode(&frame));
    let error = Message::decode(&message(max + 1).encode()).unwrap_err();
    let found = u64::try_from(max + 1).unwrap();
    assert!(
        matches!(error.problem, MessageProblem::Limit { found: number, .. } if number == found),
        "{name}: {error}"
    );
}

fn names(count: usize) -> impl Iterator<Item = LogName> {
    (0..count).map(|number| LogName {
        author: Author::MIN,
        log_id: LogId::new(u64::try_from(number).unwrap()),
    })
}

fn many_heads(count: usize) -> Vec<TheirHead> {
    let state = SaltedState::from_bytes([0; 8]);
    names(count).map(|log| TheirHead { log, tip: Tip::Line(SeqNum::FIRST), state }).collect()
}

fn many_schemas(count: usize) -> Vec<SchemaId> {
    let number = |number| format!("panda_0020{number:064x}").parse().unwrap();
    (0..count).map(number).collect()
}

#[test]
fn re3_lists_are_limited() {
    let ranges = |count: usize| {
        let mut ranges = Ranges::default();
        let mut start = LogKey::MIN;
        for log in names(count + 1).skip(1) {
            let key = LogKey { schema: 0, log };
            let range = KeyRange::new(start, Bound::Key(key)).unwrap();
            let content = Content::Fingerprint(Fingerprint::from_bytes([0; 8]));
            ranges.push(RangeItem { range, content }).unwrap();
            start = key;
        }
        ranges
    };
    check_limit("ranges", MAX_RANGES, |count| Message::Ranges(ranges(count)));
    check_limit("heads", MAX_HEADS, |count| Message::Have(many_heads(count)));
    check_limit("wants", MAX_WANTS, |count| {
        Message::Want(names(count).map(|log| (log, SeqNum::FIRST)).collect())
    });
    check_limit("entries", MAX_ENTRIES, |count| {
        Message::Entries(vec![entries()[2].clone(); count])
    });
    check_limit("documents", MAX_DOCUMENTS, |count| {
        Message::WantDocuments(WantDocuments { ids: many_operations(count), after: None })
    });
    check_limit("changes", MAX_DOCUMENTS, |count| Message::Changed(many_operations(count)));
    check_limit("heads of documents", MAX_HEADS, |count| {
        Message::DocumentHeads(DocumentHeads { heads: many_heads(count), more: false })
    });
    check_limit("schemas", MAX_SCHEMAS, |count| {
        let interest = Interest::Schemas(many_schemas(count));
        Message::Announce(Announcement { versions: vec![2], interest, hints: Vec::new() })
    });
    check_limit("schemas", MAX_SCHEMAS, |count| {
        let hints = many_schemas(count);
        Message::Announce(Announcement { versions: vec![2], interest: Interest::All, hints })
    });
    check_limit("versions", MAX_VERSIONS, |count| {
        let versions = (0..u64::try_from(count).unwrap()).collect();
        let interest = Interest::All;
        Message::Announce(Announcement { versions, interest, hints: Vec::new() })
    });
    let refusal =
        |length| Message::Refuse(Refusal { code: RefusalCode::BUSY, text: "a".repeat(length) });
    check_limit("text", MAX_REFUSAL_TEXT, refusal);
    let cut = Refusal::new(RefusalCode::BUSY, &"ä".repeat(MAX_REFUSAL_TEXT));
    assert_eq!(cut.text.len(), MAX_REFUSAL_TEXT);
}

#[test]
fn heads_of_all_ranges_are_limited_together() {
    let all = many_heads(MAX_HEADS + 1);
    let message = |count: usize| {
        let mut ranges = Ranges::default();
        let middle = Bound::Key(LogKey { schema: 0, log: all[10].log });
        let halves = [(LogKey::MIN, middle, &all[..10])];
        let rest = LogKey { schema: 0, log: all[10].log };
        for (start, end, heads) in halves.into_iter().chain([(rest, Bound::End, &all[10..count])]) {
            let range = KeyRange::new(start, end).unwrap();
            ranges.push(RangeItem { range, content: Content::Heads(heads.to_vec()) }).unwrap();
        }
        Message::Ranges(ranges).encode()
    };
    assert!(Message::decode(&message(MAX_HEADS)).is_ok());
    assert!(Message::decode(&message(MAX_HEADS + 1)).is_err());
}

#[test]
fn frames_are_limited() {
    let error = Message::decode(&vec![4; MAX_FRAME_LENGTH + 1]).unwrap_err();
    assert!(matches!(error.problem, MessageProblem::Limit { .. }));
    let error = Message::decode(&vec![4; MAX_FRAME_LENGTH]).unwrap_err();
    assert!(!matches!(
        (error.field, error.problem),
        (Field::Message, MessageProblem::Limit { .. })
    ));
}

#[test]
fn interests_meet() {
    let all = schemas();
    let some = Interest::Schemas(all[1..3].to_vec());
    let other = Interest::Schemas(all[2..].to_vec());
    let table = BTreeMap::from([
        (0, (Interest::All.common(&some), all[1..3].to_vec())),
        (1, (some.common(&other), all[2..3].to_vec())),
        (2, (other.common(&Interest::All), all[2..].to_vec())),
        (3, (Interest::All.common(&Interest::All), Vec::new())),
    ]);
    table.values().for_each(|(found, expected)| assert_eq!(found, expected));
}
