//! What comes in.

use std::sync::Arc;

use pandan_admission::{Door, NextArgsError};
use pandan_bamboo::{LogId, NextArgs, SeqNum};
use pandan_operations::{DocumentViewId, Fields, Operation, RawValue};
use pandan_schema::{FieldType, Schema};

use super::author::{Author, Signed, fields, text};
use super::world::World;
use super::zoo::no_operation;
use crate::contract::{Outcome, Store};

/// Long enough for all sorts of links.
const LENGTH: u64 = 45;

pub(super) fn world(new_store: &dyn Fn() -> Box<dyn Store>) -> (World, Arc<Schema>) {
    let mut world = World::new(new_store());
    let schema = world.define("note", &[("body", FieldType::Str)]);
    (world, schema)
}

pub(super) fn body(body: &str) -> Fields {
    fields([("body", text(body))])
}

/// What a store hands out as next arguments can be used, and what it returns on publishing is the
/// same.
pub(super) fn check_chain(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let key = world.author.public_key();
    let next = |world: &World, view: &DocumentViewId| {
        world.snapshot().next_args(&key, Some(view)).expect("next arguments can be read")
    };
    let create = world.author.create(schema.id(), body("0"));
    let (document, mut view) = (create.document(), create.view());
    assert_eq!(
        next(&world, &view),
        Err(NextArgsError::OperationNotFound { operation: create.id() }),
        "tools find out so whether an operation is known"
    );
    let mut committed = world.publish(&create);
    for number in 1..LENGTH {
        assert_eq!(committed.document, document);
        assert_eq!(committed.author, key);
        assert_eq!(committed.schema, *schema.id());
        assert_eq!(committed.operation, *view.iter().next().expect("a view is never empty"));
        let args = next(&world, &view).expect("the document can be changed");
        assert_eq!(committed.next, Some(args), "the answer to publishing is that of next_args");
        assert_eq!(args, world.author.next_args(document), "entry {number}");
        assert_eq!(args, next(&world, &document.into()).expect("any view of the document will do"));
        let change = world.author.update(document, schema.id(), &view, body(&number.to_string()));
        view = change.view();
        committed = world.publish(&change);
        let record = world.document(document);
        assert_eq!(record.view_id, view, "what was published is there at once");
        assert_eq!(record.fields.map(|fields| fields.len()), Some(1));
    }
}

/// Next arguments without a view are those of a new log.
pub(super) fn check_new_logs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let mut other = Author::new(2);
    let next = |world: &World, author: &Author, view: Option<&DocumentViewId>| {
        let args = world.snapshot().next_args(&author.public_key(), view);
        args.expect("next arguments can be read")
    };
    assert_eq!(next(&world, &other, None), Ok(NextArgs::first(LogId::new(0))));
    let note = world.create(&schema, body("mine"));
    let args = next(&world, &other, Some(&note.into()));
    assert_eq!(args, Ok(NextArgs::first(LogId::new(0))), "a new log for the document of another");
    world.publish(&other.update(note, schema.id(), &note.into(), body("ours")));
    assert_eq!(next(&world, &other, None), Ok(NextArgs::first(LogId::new(1))));
    // Gaps are allowed, and what follows comes behind the greatest.
    let mut other = other.from_log(LogId::new(41));
    world.publish(&other.create(schema.id(), body("theirs")));
    assert_eq!(next(&world, &other, None), Ok(NextArgs::first(LogId::new(42))));
    let mut lower = Author::with_key_pair(other.key_pair().clone()).from_log(LogId::new(7));
    world.publish(&lower.create(schema.id(), body("theirs, too")));
    assert_eq!(next(&world, &other, None), Ok(NextArgs::first(LogId::new(42))));
    let unknown = Author::new(3);
    assert_eq!(next(&world, &unknown, None), Ok(NextArgs::first(LogId::new(0))));
    let two = world.create(&schema, body("another"));
    let mixed = DocumentViewId::from_tips([note, two].map(Into::into)).expect("there are two tips");
    let answer = next(&world, &other, Some(&mixed));
    assert!(matches!(answer, Err(NextArgsError::SeveralDocuments { .. })), "{answer:?}");
    world.delete(note);
    assert_eq!(next(&world, &other, Some(&note.into())), Err(NextArgsError::DocumentDeleted));
}

/// Log ids span all of `u64`, and the greatest is the last.
pub(super) fn check_great_log_ids(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (world, schema) = world(new_store);
    let mut author = Author::new(2);
    let key = author.public_key();
    let next =
        |world: &World| world.snapshot().next_args(&key, None).expect("next arguments can be read");
    let numbers = [0, 1, i64::MAX as u64 - 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX - 1];
    for number in numbers {
        author = author.from_log(LogId::new(number));
        world.publish(&author.create(schema.id(), body(&number.to_string())));
        assert_eq!(next(&world), Ok(NextArgs::first(LogId::new(number + 1))));
        let logs = world.snapshot().logs(&key).expect("logs can be read");
        assert_eq!(logs.last().map(|log| log.log_id), Some(LogId::new(number)), "ordered by id");
    }
    let last = author.create(schema.id(), body("last"));
    let document = world.publish(&last).document;
    assert_eq!(next(&world), Err(NextArgsError::MaxLogId));
    let change = author.update(document, schema.id(), &last.view(), body("still open"));
    world.publish(&change);
    let entries = world.snapshot().log(&key, LogId::new(u64::MAX), SeqNum::FIRST, 10);
    assert_eq!(entries.expect("logs can be read").len(), 2);
}

/// Everybody may change every document, each in a log of their own.
pub(super) fn check_several_authors(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let note = world.create(&schema, body("0"));
    let owner = world.author.public_key();
    let mut view = note.into();
    let mut others = [2, 3, 4].map(Author::new);
    for round in 0..3 {
        for other in &mut others {
            let change = other.update(note, schema.id(), &view, body(&round.to_string()));
            let committed = world.publish(&change);
            assert_eq!((committed.author, committed.document), (other.public_key(), note));
            view = change.view();
        }
    }
    let record = world.document(note);
    assert_eq!((record.owner, record.view_id), (owner, view.clone()));
    let delete = others[0].delete(note, schema.id(), &view);
    world.publish(&delete);
    assert!(world.document(note).is_deleted());
    for other in &others {
        let logs = world.snapshot().logs(&other.public_key()).expect("logs can be read");
        assert_eq!(logs.len(), 1, "one log for one document");
    }
}

/// Candidates of one batch build on each other, and a bad one loses only itself.
pub(super) fn check_batches(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let definition = world.author.define("note", &[("body", FieldType::Str)]);
    let schema = &definition.schema;
    let create = world.author.create(schema, body("a"));
    let document = create.document();
    let bad = world.author.create(schema, fields([("body", RawValue::Int(1))]));
    let change = world.author.update(document, schema, &create.view(), body("b"));
    let mut other = Author::new(2);
    let theirs = other.update(document, schema, &change.view(), body("c"));
    let early = other.update(document, schema, &no_operation().into(), body("d"));
    let end = world.author.delete(document, schema, &theirs.view());
    let mut batch: Vec<_> = definition.signed.iter().collect();
    batch.extend([&create, &bad, &change, &change, &theirs, &early, &end]);
    let outcomes = world.ingest(&batch, Door::Peer);
    let words: Vec<_> = outcomes.iter().map(word).collect();
    assert_eq!(
        words,
        ["new", "new", "new", "refused", "new", "known", "new", "wait", "new"],
        "{outcomes:?}"
    );
    let schemas = outcomes.iter().flat_map(|outcome| match outcome {
        Outcome::Committed(committed) => committed.schemas.clone(),
        _ => Vec::new(),
    });
    let schemas: Vec<_> = schemas.map(|known| known.schema.id().clone()).collect();
    assert_eq!(schemas, std::slice::from_ref(schema), "it became known once");
    assert!(world.document(document).is_deleted());
    assert!(world.ingest(&[], Door::Peer).is_empty(), "an empty batch is no error");
    let again = world.ingest(&batch, Door::Peer);
    let words: Vec<_> = again.iter().map(word).collect();
    assert_eq!(
        words,
        ["known", "known", "known", "refused", "known", "known", "known", "wait", "known"]
    );
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed(_) => "new",
        Outcome::Known { .. } => "known",
        Outcome::Wait(_) => "wait",
        Outcome::Refused(_) => "refused",
        Outcome::Forked(..) => "forked",
    }
}

/// Nothing follows the entry that ends a log; others may still write to the document.
pub(super) fn check_end_of_log(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let note = world.create(&schema, body("0"));
    let args = world.author.next_args(note);
    let update = |previous: DocumentViewId, text| Operation::Update {
        schema: schema.id().clone(),
        previous,
        fields: body(text),
    };
    let payload = update(note.into(), "1").encode();
    let end = args.forge_end_of_log(world.author.key_pair(), &payload);
    let end = Signed { entry: end, payload };
    assert_eq!(world.publish(&end).next, None);
    let key = world.author.public_key();
    let answer = world.snapshot().next_args(&key, Some(&note.into()));
    let answer = answer.expect("next arguments can be read");
    assert_eq!(answer, Err(NextArgsError::LogEnded { log_id: args.log_id() }));
    let links = pandan_bamboo::Links::Next { backlink: end.entry.hash() };
    let seq_num = SeqNum::new(3).expect("it is not 0");
    let behind = NextArgs::new(args.log_id(), seq_num, links).expect("such are its links");
    let behind = world.author.sign(&behind, &update(end.view(), "2"));
    for door in [Door::Client, Door::Peer] {
        match world.offer_at(&behind, door) {
            Outcome::Refused(refusal) => assert_eq!(refusal.code(), "LOG_ENDED"),
            other => panic!("expected a refusal at {door:?}, found {other:?}"),
        }
    }
    let theirs = Author::new(2).append(note, &update(end.view(), "3"));
    world.publish(&theirs);
    assert_eq!(world.document(note).view_id, theirs.view());
}

/// What a peer sends twice is known; a client hears that its entry is not the next one.
pub(super) fn check_known(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let create = world.author.create(schema.id(), body("a"));
    world.publish(&create);
    let before = world.contents();
    for _ in 0..2 {
        assert_eq!(word(&world.offer_at(&create, Door::Peer)), "known");
        assert_eq!(word(&world.offer(&create)), "refused");
    }
    assert_eq!(world.contents(), before);
}
