//! Entries that nobody asked for are not taken.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::lone::{Lone, SALT, created};
use common::model::{Model, author, log_name};
use common::schemas;
use pandan_bamboo::{ForkProof, HeadState, SeqNum};
use pandan_operations::{OperationId, SchemaId, SystemSchema};
use pandan_replication::{
    Content, DocumentHeads, End, Fault, FrozenTip, Interest, Message, TheirHead, Tip,
};

fn blob() -> SchemaId {
    SystemSchema::Blob.into()
}

fn piece() -> SchemaId {
    SystemSchema::BlobPiece.into()
}

/// A session about blobs alone.
fn about_blobs() -> Lone {
    Lone::asked(Model::new(&schemas()), &[blob()], false, Content::Heads(Vec::new()))
}

fn entries_of(schema: SchemaId) -> Message {
    Message::Entries(vec![created(&author(1), 0, schema)])
}

/// A node that replicates some schemas took entries of any other that somebody sent to it.
#[test]
fn re17_entries_that_nobody_asked_for_end_the_session() {
    let mut lone = about_blobs();
    lone.say(&entries_of(piece()));
    let fault = Fault::Unasked { schema: piece() };
    assert_eq!((fault.points(), lone.session.status().points), (25, 25));
    assert_eq!(lone.end, Some(End::Failed(fault)));
    assert!(lone.model.entries.is_empty());
}

/// A log that has forked can be of another document on the other side.
#[test]
fn re17_who_sends_what_was_asked_for_is_not_blamed_if_it_is_of_another_schema() {
    let state = HeadState::from_bytes([1; 32]).salted(&SALT);
    let head = TheirHead { log: log_name(&author(1), 0), tip: Tip::Line(SeqNum::FIRST), state };
    let content = Content::Heads(vec![head]);
    let mut lone = Lone::asked(Model::new(&schemas()), &[blob()], false, content);
    assert!(lone.said.iter().any(|said| matches!(said, Message::Want(_))));
    lone.say(&entries_of(piece()));
    assert_eq!((lone.unasked.as_slice(), &lone.end), (&[piece()][..], &None));
    assert_eq!((lone.model.entries.len(), lone.session.status().points), (0, 0));
}

#[test]
fn re17_entries_of_the_session_and_definitions_are_taken() {
    let definitions = [SystemSchema::SchemaDefinition, SystemSchema::SchemaFieldDefinition];
    for schema in definitions.map(SchemaId::from).into_iter().chain([blob()]) {
        let mut lone = about_blobs();
        lone.say(&entries_of(schema));
        assert_eq!((lone.model.entries.len(), &lone.end), (1, &None));
    }
}

/// A live session about blobs in which a document was asked for, beside.
fn asking(schemas_beside: &Interest) -> Lone {
    let mut lone = Lone::live(Model::new(&schemas()), &[blob()]);
    let id = OperationId::from_hash(pandan_bamboo::Hash::of(b"somewhere"));
    assert!(lone.session.want_documents(vec![id], schemas_beside));
    lone.play();
    lone
}

fn told(lone: &mut Lone, tip: Tip) {
    let state = HeadState::from_bytes([1; 32]).salted(&SALT);
    let heads = vec![TheirHead { log: log_name(&author(1), 0), tip, state }];
    lone.say(&Message::DocumentHeads(DocumentHeads { heads, more: false }));
}

#[test]
fn re17_documents_that_were_asked_for_are_taken_if_they_are_of_schemas_that_are_wanted() {
    for (beside, is_taken) in [
        (Interest::All, true),
        (Interest::Schemas(vec![piece()]), true),
        (Interest::Schemas(Vec::new()), false),
    ] {
        let mut lone = asking(&beside);
        told(&mut lone, Tip::Line(SeqNum::FIRST));
        lone.say(&entries_of(piece()));
        assert_eq!(lone.model.entries.len(), usize::from(is_taken), "{beside:?}");
        let unasked: Vec<_> = (!is_taken).then(piece).into_iter().collect();
        assert_eq!((&lone.unasked, &lone.end), (&unasked, &None));
        let status = lone.session.status();
        assert_eq!((status.points, status.refused), (0, u64::from(!is_taken)));
    }
}

#[test]
fn re17_what_is_sent_beside_what_was_asked_for_is_passed_over() {
    let mut lone = asking(&Interest::All);
    lone.say(&entries_of(piece()));
    assert_eq!((lone.unasked.as_slice(), &lone.end), (&[piece()][..], &None));
    assert_eq!((lone.model.entries.len(), lone.session.status().refused), (0, 1));
}

/// Operations of a frozen log come when others name them, whatever was asked for of that log.
#[test]
fn entries_of_frozen_logs_may_come_with_what_was_asked_for() {
    let is_taken = |lone: &mut Lone| {
        lone.say(&entries_of(piece()));
        lone.unasked.is_empty()
    };
    let mut lone = asking(&Interest::All);
    let fork = SeqNum::FIRST.next().unwrap();
    told(&mut lone, Tip::Frozen(FrozenTip::new(None, fork).unwrap()));
    assert!(is_taken(&mut lone));

    let mut lone = asking(&Interest::All);
    let [one, other] =
        ["one", "other"].map(|text| Model::new(&schemas()).write(&author(1), 0, 0, text).entry);
    let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic()).unwrap();
    lone.say(&Message::Proof(Box::new(proof)));
    assert!(is_taken(&mut lone));

    let mut lone = asking(&Interest::Schemas(vec![blob()]));
    lone.say(&Message::Proof(Box::new(proof)));
    assert!(!is_taken(&mut lone), "but not of another schema");
}
