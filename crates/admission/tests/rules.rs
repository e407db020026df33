//! One test for each rule and door.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{
    Memory, PIECE, admitted, candidate, create, delete, key_pair, memory, outcome, update,
};
use pandan_admission::{Candidate, Door, Fault, Missing, SchemaFact, Verdict, decide};
use pandan_bamboo::{EntryHash, ForkProof, Hash, Link, Links, LogId, NextArgs, SeqNum};
use pandan_identity::KeyPair;
use pandan_operations::{
    DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::Schema;

/// Stores operations of one author, each at the place that is the next one.
fn write(memory: &mut Memory, key_pair: &KeyPair, operation: &Operation) -> OperationId {
    let candidate = next(memory, key_pair, operation);
    admitted(memory.ingest(candidate, Door::Client)).id()
}

fn next(memory: &Memory, key_pair: &KeyPair, operation: &Operation) -> Candidate {
    let view = operation.previous().map(DocumentViewId::as_slice).unwrap_or_default();
    let args = memory.next_args(key_pair.public_key(), view).unwrap();
    candidate(key_pair, &args, operation)
}

fn check(memory: &mut Memory, candidate: &Candidate, door: Door, expected: &str) {
    assert_eq!(outcome(memory.ingest(candidate.clone(), door)), expected, "{door:?}");
}

#[test]
fn do4_a_deleted_document_takes_nothing_from_clients_and_everything_from_peers() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let document = write(&mut memory, &panda, &create(b"a"));
    let concurrent = next(&memory, &key_pair(2), &update(document, b"b"));
    write(&mut memory, &panda, &delete(document));
    check(&mut memory, &concurrent, Door::Client, "DOCUMENT_DELETED");
    check(&mut memory, &concurrent, Door::Peer, "admitted");
    let error = memory.next_args(panda.public_key(), &[document]).unwrap_err();
    assert_eq!((error.code(), error.requirement()), ("DOCUMENT_DELETED", Some("DO4")));
}

#[test]
fn pn23_a_retired_schema_takes_nothing_from_clients() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let retired = SchemaFact::Retired(Schema::system(PIECE).into());
    memory.schemas.insert(PIECE.into(), retired);
    let candidate = next(&memory, &panda, &create(b"a"));
    check(&mut memory, &candidate, Door::Client, "SCHEMA_RETIRED");
    check(&mut memory, &candidate, Door::Peer, "admitted");
}

#[test]
fn an_unknown_schema_is_waited_for() {
    let mut memory = Memory::default();
    let candidate = next(&memory, &key_pair(1), &create(b"a"));
    let Verdict::Wait(waiting) = memory.ingest(candidate, Door::Peer) else { panic!() };
    assert_eq!(waiting.missing, Missing::Schema(PIECE.into()));
    let refusal = waiting.into_refusal();
    assert_eq!((refusal.code(), refusal.fault()), ("SCHEMA_NOT_FOUND", Fault::Unavailable));
}

#[test]
fn do3_unknown_previous_operations_are_waited_for() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let unknown = OperationId::from_hash(Hash::of(b"unknown"));
    let args = NextArgs::first(LogId::new(0));
    let waiting = candidate(&panda, &args, &update(unknown, b"a"));
    let Verdict::Wait(waiting) = memory.ingest(waiting, Door::Peer) else { panic!() };
    assert_eq!(waiting.missing, Missing::Previous(unknown));
    let refusal = waiting.into_refusal();
    assert_eq!((refusal.code(), refusal.requirement()), ("PREVIOUS_NOT_FOUND", Some("DO3")));
}

/// What can be refused now does not take up room until it could be refused later.
#[test]
fn op6_an_operation_that_breaks_its_schema_does_not_wait_for_previous_ones() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let operation = Operation::Update {
        schema: PIECE.into(),
        previous: OperationId::from_hash(Hash::of(b"unknown")).into(),
        fields: Fields::from_pairs([("nothing", RawValue::Bool(true))]).unwrap(),
    };
    let candidate = candidate(&panda, &NextArgs::first(LogId::new(0)), &operation);
    check(&mut memory, &candidate, Door::Peer, "FIELD_UNKNOWN");
}

#[test]
fn dv2_previous_operations_are_of_one_document() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let both = [b"a", b"b"].map(|bytes| write(&mut memory, &panda, &create(bytes)));
    let operation = update(DocumentViewId::from_tips(both).unwrap(), b"c");
    let candidate = candidate(&key_pair(2), &NextArgs::first(LogId::new(0)), &operation);
    for door in [Door::Client, Door::Peer] {
        check(&mut memory, &candidate, door, "SEVERAL_DOCUMENTS");
    }
}

#[test]
fn pn26_an_entry_that_is_stored_is_known() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let candidate = next(&memory, &panda, &create(b"a"));
    check(&mut memory, &candidate, Door::Client, "admitted");
    check(&mut memory, &candidate, Door::Client, "SEQ_NUM_MISMATCH");
    check(&mut memory, &candidate, Door::Peer, "known");
}

#[test]
fn pn10_two_entries_at_one_place_are_a_fork() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let [one, other] = [b"a", b"b"].map(|bytes| next(&memory, &panda, &create(bytes)));
    check(&mut memory, &one, Door::Client, "admitted");
    check(&mut memory, &other, Door::Client, "SEQ_NUM_MISMATCH");
    let facts = memory.facts(&other.questions());
    let Verdict::Fork(forked) = decide(other.clone(), &facts, Door::Peer) else {
        panic!("expected a fork proof");
    };
    let (proof, again) = (forked.proof, forked.candidate);
    assert_eq!(again.id(), other.id());
    let mut hashes = proof.entries().map(|entry| entry.hash());
    let mut expected = [one.header().hash(), other.header().hash()];
    hashes.sort_unstable();
    expected.sort_unstable();
    assert_eq!(hashes, expected);
}

#[test]
fn an_entry_ahead_of_its_log_waits_for_the_one_before_it() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let first = next(&memory, &panda, &create(b"a"));
    let args = NextArgs::after(first.header(), None).unwrap();
    let second = candidate(&panda, &args, &update(first.id(), b"b"));
    let Verdict::Wait(waiting) = memory.ingest(second.clone(), Door::Peer) else { panic!() };
    let two = SeqNum::FIRST.next().unwrap();
    let missing =
        Missing::Backlink { hash: first.header().hash(), expected: SeqNum::FIRST, found: two };
    assert_eq!(waiting.missing, missing);
    assert_eq!(waiting.into_refusal().code(), "SEQ_NUM_MISMATCH");
    check(&mut memory, &first, Door::Peer, "admitted");
    check(&mut memory, &second, Door::Peer, "admitted");
}

#[test]
fn nothing_follows_the_end_of_a_log() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let payload = create(b"a").encode();
    let last = NextArgs::first(LogId::new(0)).forge_end_of_log(&panda, &payload);
    let last = Candidate::examine(last.as_bytes(), &payload).unwrap();
    let document = last.id();
    let stored = admitted(memory.ingest(last.clone(), Door::Client));
    assert_eq!(stored.next(), None);
    let backlink = last.header().hash();
    let two = SeqNum::FIRST.next().unwrap();
    let args = NextArgs::new(LogId::new(0), two, Links::Next { backlink }).unwrap();
    let after = candidate(&panda, &args, &update(document, b"b"));
    for door in [Door::Client, Door::Peer] {
        check(&mut memory, &after, door, "LOG_ENDED");
    }
    let error = memory.next_args(panda.public_key(), &[document]).unwrap_err();
    assert_eq!(error.code(), "LOG_ENDED");
}

#[test]
fn do5_a_log_belongs_to_one_document_and_a_document_has_one_log_of_each_author() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let one = write(&mut memory, &panda, &create(b"a"));
    let two = write(&mut memory, &panda, &create(b"b"));
    let in_log_of_two = memory.next_args(panda.public_key(), &[two]).unwrap();
    let second_log = NextArgs::first(LogId::new(2));
    let new_document = candidate(&panda, &in_log_of_two, &create(b"c"));
    let wrong_log = candidate(&panda, &in_log_of_two, &update(one, b"c"));
    let another_log = candidate(&panda, &second_log, &update(one, b"c"));
    for door in [Door::Client, Door::Peer] {
        check(&mut memory, &new_document, door, "DOCUMENT_LOG_NOT_FOUND");
        check(&mut memory, &wrong_log, door, "LOG_ID_MISMATCH");
    }
    check(&mut memory, &another_log, Door::Client, "LOG_ID_MISMATCH");
}

/// Which of two logs came first cannot be told; what can, is which of them the author goes on with.
#[test]
fn pn37_peers_bring_several_logs_of_one_author_for_a_document() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let one = write(&mut memory, &panda, &create(b"a"));
    let second = candidate(&panda, &NextArgs::first(LogId::new(7)), &update(one, b"b"));
    check(&mut memory, &second, Door::Peer, "admitted");
    let next = memory.next_args(panda.public_key(), &[second.id()]).unwrap();
    assert_eq!(next.log_id(), LogId::new(0));
    // Each of them goes on, but there is no third one.
    let args = NextArgs::after(second.header(), None).unwrap();
    let on = candidate(&panda, &args, &update(second.id(), b"c"));
    check(&mut memory, &on, Door::Client, "admitted");
    let third = candidate(&panda, &NextArgs::first(LogId::new(8)), &update(one, b"d"));
    check(&mut memory, &third, Door::Client, "LOG_ID_MISMATCH");
}

/// An author with the same entries at places 1 and 2 of a log and two branches from 3 on.
struct Forked {
    memory: Memory,
    panda: KeyPair,
    line: [Candidate; 4],
    other: [Candidate; 2],
}

fn forked() -> Forked {
    let (mut memory, panda) = (memory(), key_pair(1));
    let first = next(&memory, &panda, &create(b"1"));
    check(&mut memory, &first, Door::Client, "admitted");
    let second = next(&memory, &panda, &update(first.id(), b"2"));
    check(&mut memory, &second, Door::Client, "admitted");
    let branch = |memory: &mut Memory, data: [&[u8]; 2]| {
        let third = next(memory, &panda, &update(second.id(), data[0]));
        let mut ahead = memory.clone();
        check(&mut ahead, &third, Door::Client, "admitted");
        let fourth = next(&ahead, &panda, &update(third.id(), data[1]));
        [third, fourth]
    };
    let [other_third, other_fourth] = branch(&mut memory, [b"b3", b"b4"]);
    let [third, fourth] = branch(&mut memory, [b"a3", b"a4"]);
    for candidate in [&third, &fourth] {
        check(&mut memory, candidate, Door::Client, "admitted");
    }
    let (line, other) = ([first, second, third, fourth], [other_third, other_fourth]);
    Forked { memory, panda, line, other }
}

#[test]
fn pn35_a_frozen_log_takes_connectors_from_peers_and_nothing_from_clients() {
    let Forked { mut memory, panda, line, other } = forked();
    check(&mut memory, &other[0], Door::Client, "SEQ_NUM_MISMATCH");
    let void = admitted(memory.ingest(other[0].clone(), Door::Peer));
    assert!(void.is_void() && void.next().is_none());
    let [_, _, third, fourth] = &line;
    // All that is at or above the fork is known or void, links or not.
    for known in [&other[0], third, fourth] {
        let facts = memory.facts(&known.questions());
        assert!(matches!(
            decide(known.clone(), &facts, Door::Peer),
            Verdict::Known { is_void: true }
        ));
    }
    let nowhere = EntryHash::from_hash(Hash::of(b"nowhere"));
    let ten = SeqNum::new(10).unwrap();
    let links = Links::Next { backlink: nowhere };
    let far = NextArgs::new(LogId::new(0), ten, links).unwrap();
    let far = candidate(&panda, &far, &update(fourth.id(), b"far"));
    for candidate in [&other[1], &far] {
        check(&mut memory, candidate, Door::Client, "LOG_FROZEN");
        check(&mut memory, candidate, Door::Peer, "admitted");
    }
    // Below the fork all is as it was.
    check(&mut memory, &line[1], Door::Client, "SEQ_NUM_MISMATCH");
    check(&mut memory, &line[1], Door::Peer, "known");
}

#[test]
fn pn35_a_void_entry_needs_its_schema_and_what_was_before() {
    let Forked { mut memory, panda, other, .. } = forked();
    check(&mut memory, &other[0], Door::Peer, "admitted");
    let (backlink, six) = (other[0].header().hash(), SeqNum::new(6).unwrap());
    let args = NextArgs::new(LogId::new(0), six, Links::Next { backlink }).unwrap();
    let place = |operation: &Operation| candidate(&panda, &args, operation);
    let nowhere = OperationId::from_hash(Hash::of(b"nowhere"));
    check(&mut memory, &place(&update(nowhere, b"a")), Door::Peer, "wait");
    check(&mut memory, &place(&create(b"a")), Door::Peer, "DOCUMENT_LOG_NOT_FOUND");
    let fields = Fields::from_pairs([("zoo", RawValue::Bool(true))]).unwrap();
    let previous = other[0].id().into();
    let unfitting = Operation::Update { schema: PIECE.into(), previous, fields };
    check(&mut memory, &place(&unfitting), Door::Peer, "FIELD_UNKNOWN");
}

#[test]
fn pn30_an_earlier_fork_takes_the_place_of_a_later_one() {
    let Forked { mut memory, panda, line, other } = forked();
    check(&mut memory, &other[1], Door::Peer, "wait");
    check(&mut memory, &other[0], Door::Peer, "admitted");
    let log = (panda.public_key(), LogId::new(0));
    assert_eq!(memory.forks[&log].seq_num().number(), 3);
    let second = NextArgs::after(line[0].header(), None).unwrap();
    let second = candidate(&panda, &second, &update(line[0].id(), b"c2"));
    check(&mut memory, &second, Door::Peer, "admitted");
    assert_eq!(memory.forks[&log].seq_num().number(), 2);
    // From an earlier place on everything is void that was not.
    let void = candidate(
        &panda,
        &NextArgs::after(line[1].header(), None).unwrap(),
        &update(line[1].id(), b"c3"),
    );
    assert!(admitted(memory.ingest(void, Door::Peer)).is_void());
    assert_eq!(memory.forks[&log].seq_num().number(), 2);
}

/// Whoever sees the end of another branch first does not know that it is one.
#[test]
fn pn30_an_entry_with_other_links_waits_for_the_branch_that_it_is_of() {
    let Forked { mut memory, other, line, .. } = forked();
    let mut late = memory.clone();
    late.entries.retain(|place, _| place.2.number() < 4);
    let Verdict::Wait(waiting) = late.ingest(other[1].clone(), Door::Peer) else { panic!() };
    let (named, stored) = (other[0].header().hash(), line[2].header().hash());
    assert_eq!(waiting.missing, Missing::Branch { link: Link::Backlink, named, stored });
    assert_eq!(waiting.into_refusal().code(), "BACKLINK_MISMATCH");
    check(&mut late, &other[1], Door::Client, "BACKLINK_MISMATCH");
    // Where the place is taken it is a fork of its own, until an earlier one shows.
    check(&mut memory, &other[0], Door::Peer, "admitted");
    check(&mut memory, &other[1], Door::Peer, "admitted");
}

#[test]
fn pn36_an_author_goes_on_in_a_new_log() {
    let Forked { mut memory, panda, line, other } = forked();
    check(&mut memory, &other[0], Door::Peer, "admitted");
    let tip = line[1].id();
    let args = memory.next_args(panda.public_key(), &[tip]).unwrap();
    assert_eq!((args.log_id(), args.seq_num()), (LogId::new(1), SeqNum::FIRST));
    let on = candidate(&panda, &args, &update(tip, b"on"));
    check(&mut memory, &on, Door::Client, "admitted");
    let next = memory.next_args(panda.public_key(), &[on.id()]).unwrap();
    assert_eq!((next.log_id(), next.seq_num().number()), (LogId::new(1), 2));
    // One new log is enough.
    let third = candidate(&panda, &NextArgs::first(LogId::new(2)), &update(tip, b"more"));
    check(&mut memory, &third, Door::Client, "LOG_ID_MISMATCH");
}

/// The entry before the fork is the last of the line, and tells no place for another one.
#[test]
fn pn35_nothing_follows_the_last_entry_before_a_fork() {
    let Forked { memory: full, line, other, .. } = forked();
    let proof = ForkProof::new(&line[2].entry().as_authentic(), &other[0].entry().as_authentic());
    let mut memory = memory();
    memory.freeze(&proof.unwrap());
    let first = admitted(memory.ingest(line[0].clone(), Door::Client));
    assert_eq!(first.next().map(|next| next.seq_num().number()), Some(2));
    let second = admitted(memory.ingest(line[1].clone(), Door::Client));
    assert_eq!(second.next(), None);
    check(&mut memory, &line[2], Door::Client, "LOG_FROZEN");
    check(&mut memory, &line[3], Door::Peer, "wait");
    check(&mut memory, &line[2], Door::Peer, "admitted");
    check(&mut memory, &line[3], Door::Peer, "admitted");
    assert_eq!(memory.operations.len(), full.operations.len());
}

/// A document that begins at a fork is withdrawn, and a client hears that it is deleted.
#[test]
fn pn34_a_fork_at_the_first_entry_withdraws_the_document() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let [one, other] = [b"a", b"b"].map(|bytes| next(&memory, &panda, &create(bytes)));
    check(&mut memory, &one, Door::Client, "admitted");
    let update = next(&memory, &key_pair(2), &update(one.id(), b"c"));
    check(&mut memory, &other, Door::Peer, "admitted");
    check(&mut memory, &update, Door::Client, "DOCUMENT_DELETED");
    check(&mut memory, &update, Door::Peer, "admitted");
    let args = memory.next_args(panda.public_key(), &[]).unwrap();
    assert_eq!(args.log_id(), LogId::new(1));
}

#[test]
fn ba4_log_ids_may_leave_gaps_and_reach_the_greatest() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let args = NextArgs::first(LogId::new(u64::MAX));
    let candidate = candidate(&panda, &args, &create(b"a"));
    check(&mut memory, &candidate, Door::Client, "admitted");
    let error = memory.next_args(panda.public_key(), &[]).unwrap_err();
    assert_eq!(error.code(), "MAX_LOG_ID_REACHED");
}

#[test]
fn the_entry_with_the_greatest_sequence_number_has_no_next_one() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let document = write(&mut memory, &panda, &create(b"a"));
    // The store is brought into a state that would take too long to reach.
    let before = SeqNum::MAX.previous().unwrap();
    let link = |text: &[u8]| EntryHash::from_hash(Hash::of(text));
    let links = |seq_num: SeqNum, backlink| {
        let skiplink = seq_num.skiplink().map(|_| link(b"skiplink"));
        Links::new(seq_num, Some(backlink), skiplink).unwrap()
    };
    let args = NextArgs::new(LogId::new(0), before, links(before, link(b"backlink"))).unwrap();
    let before_last = candidate(&panda, &args, &update(document, b"b"));
    let place = (panda.public_key(), LogId::new(0), before);
    memory.entries.insert(place, *before_last.entry());
    let args =
        NextArgs::new(LogId::new(0), SeqNum::MAX, links(SeqNum::MAX, before_last.header().hash()));
    let last = candidate(&panda, &args.unwrap(), &update(document, b"c"));
    let Verdict::Wait(waiting) = memory.ingest(last.clone(), Door::Client) else { panic!() };
    assert_eq!(waiting.into_refusal().code(), "SKIPLINK_NOT_FOUND");

    memory.entries.insert((panda.public_key(), LogId::new(0), SeqNum::MAX), *last.entry());
    check(&mut memory, &last, Door::Client, "MAX_SEQ_NUM_REACHED");
    check(&mut memory, &last, Door::Peer, "known");
    let error = memory.next_args(panda.public_key(), &[document]).unwrap_err();
    assert_eq!(error.code(), "MAX_SEQ_NUM_REACHED");
}

fn blob(length: i64, pieces: &[OperationId]) -> Operation {
    let pieces = pieces.iter().map(|piece| vec![*piece.as_hash()]).collect();
    Operation::Create {
        schema: SchemaId::System(SystemSchema::Blob),
        fields: Fields::from_pairs([
            ("length", RawValue::Int(length)),
            ("mime_type", RawValue::Str("text/plain".into())),
            ("pieces", RawValue::NestedHashList(pieces)),
        ])
        .unwrap(),
    }
}

#[test]
fn pn24_clients_publish_complete_blobs() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let piece = write(&mut memory, &panda, &create(b"bamboo"));
    let unknown = OperationId::from_hash(Hash::of(b"unknown"));
    for (length, pieces, expected) in [
        (6, &[piece][..], "admitted"),
        (12, &[piece, piece], "admitted"),
        (5, &[piece], "BLOB_LENGTH_MISMATCH"),
        (-1, &[piece], "SYSTEM_SCHEMA_RULE"),
        (6, &[piece, unknown], "BLOB_PIECE_MISSING"),
    ] {
        let candidate = next(&memory, &panda, &blob(length, pieces));
        check(&mut memory, &candidate, Door::Client, expected);
    }
    let incomplete = next(&memory, &panda, &blob(6, &[unknown]));
    check(&mut memory, &incomplete, Door::Peer, "admitted");
}

#[test]
fn clients_update_length_and_pieces_of_a_blob_together() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let piece = write(&mut memory, &panda, &create(b"bamboo"));
    let document = write(&mut memory, &panda, &blob(6, &[piece]));
    for (field, value, expected) in [
        ("length", RawValue::Int(7), "BLOB_FIELDS_APART"),
        ("mime_type", RawValue::Str("image/png".into()), "admitted"),
    ] {
        let operation = Operation::Update {
            schema: SchemaId::System(SystemSchema::Blob),
            previous: document.into(),
            fields: Fields::from_pairs([(field, value)]).unwrap(),
        };
        let candidate = next(&memory, &panda, &operation);
        check(&mut memory, &candidate, Door::Client, expected);
    }
}

#[test]
fn op1_ba1_ba2_bytes_that_are_nothing_are_refused() {
    let panda = key_pair(1);
    let payload = create(b"a").encode();
    let entry = NextArgs::first(LogId::new(0)).forge(&panda, &payload);
    let mut forged = entry.as_bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let other = create(b"b").encode();
    for (entry, operation, code, requirement) in [
        (entry.as_bytes(), &b"\x00"[..], "OPERATION_MALFORMED", "OP1"),
        (b"", &payload, "ENTRY_MALFORMED", "BA1"),
        (&forged, &payload, "SIGNATURE_INVALID", "BA1"),
        (entry.as_bytes(), &other, "PAYLOAD_HASH_MISMATCH", "BA2"),
    ] {
        let refusal = Candidate::examine(entry, operation).unwrap_err();
        assert_eq!((refusal.code(), refusal.requirement()), (code, Some(requirement)));
    }
}

/// A store that answers other questions than were asked never gets an entry admitted.
/// Entries and operations are judged alike at both doors; only what is missing differs, since a
/// peer may bring it later.
#[test]
fn no1_no2_no3_both_doors_ask_for_the_same() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let document = write(&mut memory, &panda, &create(b"a"));
    let other = Operation::Delete { schema: SystemSchema::Blob.into(), previous: document.into() };
    memory.schemas.insert(
        SystemSchema::Blob.into(),
        SchemaFact::Active(Schema::system(SystemSchema::Blob).into()),
    );
    let args = memory.next_args(panda.public_key(), &[document]).unwrap();
    let backlink = EntryHash::from_hash(Hash::of(b"another entry"));
    let wrong = NextArgs::new(args.log_id(), args.seq_num(), Links::Next { backlink }).unwrap();
    let first = NextArgs::first(args.log_id());
    for (candidate, expected) in [
        (candidate(&panda, &args, &other), "SCHEMA_MISMATCH"),
        (candidate(&panda, &args, &create(b"b")), "DOCUMENT_LOG_NOT_FOUND"),
    ] {
        for door in [Door::Client, Door::Peer] {
            check(&mut memory, &candidate, door, expected);
        }
    }
    let unknown = OperationId::from_hash(Hash::of(b"unknown"));
    // What a link names instead may come, and be the proof of a fork.
    let wrong = candidate(&panda, &wrong, &update(document, b"b"));
    check(&mut memory, &wrong, Door::Client, "BACKLINK_MISMATCH");
    check(&mut memory, &wrong, Door::Peer, "wait");
    let early = candidate(&key_pair(2), &first, &update(unknown, b"b"));
    for door in [Door::Client, Door::Peer] {
        check(&mut memory, &early, door, "wait");
    }
}

#[test]
fn wrong_facts_admit_nothing() {
    let (mut memory, panda) = (memory(), key_pair(1));
    let document = write(&mut memory, &panda, &create(b"a"));
    let other = write(&mut memory, &panda, &create(b"b"));
    let candidate = next(&memory, &panda, &update(document, b"c"));
    let facts = memory.facts(&candidate.questions());

    let mut without_previous = facts.clone();
    without_previous.previous.clear();
    assert_eq!(outcome(decide(candidate.clone(), &without_previous, Door::Peer)), "wait");

    let mut of_other = facts.clone();
    of_other.document.as_mut().unwrap().id = other.into();
    assert_eq!(outcome(decide(candidate.clone(), &of_other, Door::Peer)), "WRONG_FACTS");

    let mut without_document = facts.clone();
    without_document.document = None;
    assert_eq!(outcome(decide(candidate.clone(), &without_document, Door::Peer)), "WRONG_FACTS");

    let mut log_of_other = facts.clone();
    log_of_other.log.as_mut().unwrap().document = other.into();
    assert_eq!(outcome(decide(candidate.clone(), &log_of_other, Door::Peer)), "WRONG_FACTS");

    let mut without_log = facts;
    without_log.log = None;
    assert_eq!(outcome(decide(candidate, &without_log, Door::Peer)), "wait");
}
