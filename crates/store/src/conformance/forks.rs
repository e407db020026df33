//! Logs with two entries for one place.

use std::sync::Arc;

use pandan_admission::Door;
use pandan_bamboo::{ForkProof, LogId, NextArgs, SeqNum};
use pandan_operations::{DocumentId, DocumentViewId, SystemSchema};
use pandan_schema::{FieldType, Schema, Value};

use super::author::{Author, Signed, fields, text};
use super::publishing::{body, world};
use super::world::{World, committed, forks};
use crate::contract::{Outcome, Store};
use crate::forks::{ForkQuery, Frozen};
use crate::limits::{MAX_FORK_DOCUMENTS, MAX_PROOFS_ALONE};

/// What was written at and above the fork is undone; what was before, and what others wrote on top
/// of it, stays.
pub(super) fn check_void(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let mut other = Author::new(2);
    let on_top = other.update(scene.note, scene.schema.id(), &scene.line[2].view(), title("other"));
    scene.world.publish(&on_top);
    assert_eq!(scene.values(), (Some("3".into()), Some("other".into())));
    let (frozen, outcome) = scene.world.offer_at(&scene.branch[0], Door::Peer).split();
    let frozen = frozen.expect("the entry forks the log");
    assert_eq!(frozen.proof, scene.proof());
    assert_eq!((frozen.document, frozen.schemas.len()), (Some(scene.note), 0));
    let stored = committed(outcome);
    assert!(stored.is_void && stored.next.is_none());
    // Entry 3 only holds its place: entry 2 is the last that counts of this log.
    assert_eq!(scene.values(), (Some("2".into()), Some("other".into())));
    let record = scene.world.document(scene.note);
    assert_eq!(record.view_id, on_top.view());
    // Who named a state keeps it.
    let named = scene.world.view(&on_top.view()).expect("all of it is stored");
    assert_eq!(named.field("body"), Some(&Value::Str("3".into())));
    assert_eq!(scene.world.snapshot().have_void(&[scene.note]).expect("it can be read"), [true]);
    // The line ends before the fork.
    let author = scene.world.author.public_key();
    let heads = scene.world.snapshot().logs(&author).expect("logs can be read");
    let head = heads.iter().find(|head| head.document == scene.note).expect("there is one");
    assert_eq!((head.seq_num, head.fork), (seq_num(2), Some(seq_num(3))));
    let log = scene.world.snapshot().log(&author, head.log_id, SeqNum::FIRST, 9);
    assert_eq!(log.expect("logs can be read").len(), 2);
    let all = scene.world.snapshot().document_entries(&scene.note, 0, 9);
    assert_eq!(all.expect("entries can be read").len(), 5);
}

/// Whatever comes first, and with or without the proof, the end is the same.
pub(super) fn check_any_order(new_store: &dyn Fn() -> Box<dyn Store>) {
    let expected = Scene::new(new_store);
    let outcome = expected.world.offer_at(&expected.branch[0], Door::Peer);
    assert!(matches!(outcome, Outcome::Forked(..)), "{outcome:?}");
    assert!(expected.world.publish_from_peer(&expected.branch[1]).is_void);
    let expected = expected.world.contents();
    for with_proof in [false, true] {
        for turn in 0..4 {
            let scene = Scene::without_notes(new_store);
            let mut left: Vec<_> = scene.line.iter().chain(&scene.branch).collect();
            left.rotate_left(turn);
            if with_proof {
                let frozen = scene.world.store.ingest_proof(scene.proof());
                let frozen = frozen.expect("it can be written").expect("it is news");
                assert_eq!(frozen.document, None);
            }
            while !left.is_empty() {
                let before = left.len();
                left.retain(|signed| {
                    let outcome = scene.world.offer_at(signed, Door::Peer);
                    matches!(outcome.entry(), Outcome::Wait(_))
                });
                assert!(left.len() < before, "nothing but what is here is waited for");
            }
            assert_eq!(scene.world.contents(), expected, "turn {turn}, proof {with_proof}");
        }
    }
}

/// Of three entries for one place the two with the lowest hashes are the proof, also when one is
/// stored and a proof of the two others comes.
///
/// A store once kept such a proof as it came, and forgot the entry that it had.
pub(super) fn check_three_sides(new_store: &dyn Fn() -> Box<dyn Store>) {
    for stored in 0..3 {
        let (world, schema) = world(new_store);
        let sides: Vec<_> = ["a", "b", "c"]
            .map(|name| world.author.clone().create(schema.id(), body(name)))
            .into_iter()
            .collect();
        world.publish(&sides[stored]);
        let (one, other) = (&sides[(stored + 1) % 3].entry, &sides[(stored + 2) % 3].entry);
        let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic());
        let proof = proof.expect("they are two entries for one place");
        let frozen = world.store.ingest_proof(proof).expect("it can be written");
        let mut hashes: Vec<_> = sides.iter().map(|side| side.entry.hash()).collect();
        hashes.sort_unstable();
        let found = frozen.expect("it is news").proof;
        assert_eq!(&found.entries().map(|entry| entry.hash())[..], &hashes[..2]);
    }
}

/// A client is told that the log is frozen, and goes on in a new one.
pub(super) fn check_going_on(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let outcome = scene.world.offer(&scene.branch[0]);
    assert!(matches!(&outcome, Outcome::Refused(it) if it.code() == "SEQ_NUM_MISMATCH"));
    scene.world.offer_at(&scene.branch[0], Door::Peer).split().0.expect("it forks the log");
    let schema = scene.schema.id().clone();
    let third = scene.line[2].view();
    let refused = scene.world.author.update(scene.note, &schema, &third, body("on"));
    match scene.world.offer(&refused) {
        Outcome::Refused(refusal) => assert_eq!(refusal.code(), "LOG_FROZEN"),
        other => panic!("expected the log to be frozen, found {other:?}"),
    }
    let view = scene.world.document(scene.note).view_id;
    assert_eq!(view, scene.line[1].view());
    let author = scene.world.author.public_key();
    let args = scene.world.snapshot().next_args(&author, Some(&view)).expect("it can be read");
    let args = args.expect("there is a new log");
    assert_eq!(args.seq_num(), SeqNum::FIRST);
    let operation =
        pandan_operations::Operation::Update { schema, previous: view, fields: body("on") };
    let on = scene.world.author.sign(&args, &operation);
    scene.world.publish(&on);
    assert_eq!(scene.values().0, Some("on".into()));
    let next = scene.world.snapshot().next_args(&author, Some(&on.view()));
    let next = next.expect("it can be read").expect("the new log goes on");
    assert_eq!((next.log_id(), next.seq_num()), (args.log_id(), seq_num(2)));
}

/// A fork at the first entry withdraws both documents; a later one undoes a DELETE.
pub(super) fn check_withdrawn(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let mut twin = world.author.clone();
    let one = world.create(&schema, body("one"));
    let update = Author::new(2).update(one, schema.id(), &one.into(), body("more"));
    world.publish(&update);
    let other = twin.create(schema.id(), body("other"));
    let frozen = world.offer_at(&other, Door::Peer).split().0.expect("it forks the log");
    assert_eq!(frozen.document, Some(one));
    for document in [one, other.document()] {
        let record = world.document(document);
        assert!(record.is_deleted() && record.is_edited);
        assert_eq!(record.view_id, document.into());
        assert_eq!(world.view(&document.into()), None);
    }
    assert_eq!(world.contents().counts.deleted, 2);
    let mut documents = [one, other.document()];
    documents.sort_unstable();
    let [fork] = forks(&*world.snapshot(), None, None).try_into().expect("there is one fork");
    assert_eq!((&fork.documents[..], fork.documents_total), (&documents[..], 2));

    let kept = world.create(&schema, body("kept"));
    let mut twin = world.author.clone();
    world.delete(kept);
    assert!(world.document(kept).is_deleted());
    let update = twin.update(kept, schema.id(), &kept.into(), body("x"));
    world.offer_at(&update, Door::Peer).split().0.expect("it forks the log");
    let record = world.document(kept);
    assert_eq!(record.field("body"), Some(&Value::Str("kept".into())));
    assert_eq!(record.view_id, kept.into());
    assert_eq!(world.contents().counts.deleted, 2);
    assert_eq!(world.ids(&schema, Vec::new()), [kept]);
}

/// Schemas stay what they are, whoever forks the log of a definition; but with a definition that is
/// back they are in use again, and with one that is withdrawn they are not.
pub(super) fn check_definitions(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, _) = world(new_store);
    let definition = world.author.define("panda", &[("body", FieldType::Str)]);
    for signed in &definition.signed {
        world.publish(signed);
    }
    let known = |world: &World| world.schema(&definition.schema).map(|known| known.retired);
    let mut twin = world.author.clone();
    world.delete(definition.document);
    assert_eq!(known(&world), Some(true));
    let system = SystemSchema::SchemaDefinition.into();
    let view = DocumentViewId::from(definition.document);
    let rename = twin.update(definition.document, &system, &view, fields([("name", text("bear"))]));
    let frozen = world.offer_at(&rename, Door::Peer).split().0.expect("it forks the log");
    let told = |frozen: &Frozen| -> Vec<_> {
        frozen.schemas.iter().map(|it| (it.schema.id().clone(), it.retired)).collect()
    };
    assert_eq!(told(&frozen), [(definition.schema.clone(), false)]);
    assert_eq!(known(&world), Some(false));
    let note = world.author.create(&definition.schema, body("in use"));
    world.publish(&note);
    // The state that the void operation left behind can be claimed all the same.
    let renamed = format!("bear_{}", rename.view()).parse().expect("it is a schema id");
    world.publish_from_peer(&world.author.clone().create(&renamed, body("x")));

    let proof = {
        let mut other = world.author.copy_at(definition.document, 0);
        let again = other.define_schema("other", &[definition.signed[0].view()]);
        let first = definition.signed.last().expect("the definition comes last");
        prove(first, &again)
    };
    let frozen = world.store.ingest_proof(proof).expect("it can be written").expect("it is news");
    assert_eq!(frozen.document, Some(definition.document));
    assert!(told(&frozen).contains(&(definition.schema.clone(), true)), "{frozen:?}");
    assert_eq!(known(&world), Some(true));
    assert!(!world.document(note.document()).is_deleted());
    world.publish_from_peer(&world.author.clone().update(
        note.document(),
        &definition.schema,
        &note.view(),
        body("later"),
    ));
}

/// Of many proofs about one log that of the earliest place counts, with the lowest hashes.
pub(super) fn check_proofs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let keep = |proof| scene.world.store.ingest_proof(proof).expect("it can be written");
    let third = |data: &str| {
        let mut author = scene.before_third.clone();
        author.update(scene.note, scene.schema.id(), &scene.line[1].view(), body(data))
    };
    let mut entries: Vec<_> = (0..4).map(|number| third(&format!("x{number}"))).collect();
    entries.sort_by_key(|signed| signed.entry.hash());
    let frozen = keep(prove(&entries[2], &entries[3])).expect("it is news");
    assert_eq!(frozen.document, Some(scene.note));
    assert!(keep(prove(&entries[2], &entries[3])).is_none());
    let frozen = keep(prove(&entries[1], &entries[3])).expect("it is news");
    assert_eq!((frozen.document, frozen.proof), (None, prove(&entries[1], &entries[2])));
    let frozen = keep(prove(&entries[0], &entries[3])).expect("it is news");
    assert_eq!(frozen.proof, prove(&entries[0], &entries[1]));
    let later = scene.branch[1].clone();
    assert!(scene.world.offer_at(&later, Door::Peer).split().0.is_none());
    let mut author = scene.world.author.copy_at(scene.note, 1);
    let second = author.update(scene.note, scene.schema.id(), &scene.note.into(), body("y"));
    let frozen = keep(prove(&scene.line[1], &second)).expect("it is news");
    assert_eq!((frozen.document, frozen.proof.seq_num()), (Some(scene.note), seq_num(2)));
    assert!(keep(prove(&entries[0], &entries[1])).is_none());
    assert_eq!(scene.values().0, Some("1".into()));
    assert_eq!(forks(&*scene.world.snapshot(), None, None).len(), 1);
}

/// Forks are told page by page, of all or of some.
pub(super) fn check_pages(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let mut documents = Vec::new();
    for number in 1..4 {
        let twin = Author::new(number);
        let mut author = twin.clone();
        if number == 1 {
            author = world.author.clone();
        }
        for log in 0..3 {
            let twin = author.clone();
            let one = author.create(schema.id(), body(&log.to_string()));
            world.publish(&one);
            world.offer_at(&twin.clone().create(schema.id(), body("x")), Door::Peer);
            documents.push((author.public_key(), one.document()));
        }
        if number == 1 {
            world.author = author;
        }
    }
    let all = forks(&*world.snapshot(), None, None);
    assert_eq!(all.len(), 9);
    let places: Vec<_> = all.iter().map(|it| (it.proof.public_key(), it.proof.log_id())).collect();
    assert!(places.is_sorted());
    for (author, document) in documents {
        assert_eq!(forks(&*world.snapshot(), Some(author), None).len(), 3);
        let [fork] = forks(&*world.snapshot(), None, Some(document)).try_into().expect("one");
        assert!(fork.proof.public_key() == author && fork.documents.contains(&document));
        let other = Author::new(9).public_key();
        assert!(forks(&*world.snapshot(), Some(other), Some(document)).is_empty());
    }
    let nothing = ForkQuery { author: None, document: None, after: None, first: 0 };
    let page = world.snapshot().forks(&nothing).expect("forks can be read");
    assert_eq!((page.forks.len(), page.has_next, page.total), (0, true, 9));
}

/// Several logs of one author for a document are all taken from peers.
pub(super) fn check_second_logs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let note = world.create(&schema, body("0"));
    let mut again = world.author.without_log(note);
    let second = again.update(note, schema.id(), &note.into(), body("1"));
    let third = again.update(note, schema.id(), &second.view(), body("2"));
    match world.offer(&second) {
        Outcome::Refused(refusal) => assert_eq!(refusal.code(), "LOG_ID_MISMATCH"),
        other => panic!("expected a second log to be refused, found {other:?}"),
    }
    world.publish_from_peer(&second);
    world.publish(&third);
    let author = world.author.public_key();
    let args = world.snapshot().next_args(&author, Some(&third.view())).expect("it can be read");
    let args = args.expect("the first log goes on");
    let first = world.author.next_args(note);
    assert_eq!((args.log_id(), args.seq_num()), (first.log_id(), seq_num(2)));
    assert_eq!(world.document(note).field("body"), Some(&Value::Str("2".into())));
}

/// At the limits: proofs about logs of which nothing is stored, and documents of a fork.
pub(super) fn check_limits(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (world, schema) = world(new_store);
    let stranger = Author::new(9);
    let entry = |log_id: u64, data: &str| {
        let fields = body(data);
        let operation =
            pandan_operations::Operation::Create { schema: schema.id().clone(), fields };
        stranger.sign(&NextArgs::first(LogId::new(log_id)), &operation)
    };
    let second = |log_id: u64, data: &str| {
        let first = entry(log_id, "a");
        let previous = first.view();
        let operation = pandan_operations::Operation::Update {
            schema: schema.id().clone(),
            previous,
            fields: body(data),
        };
        let args = NextArgs::after(first.entry.header(), None).expect("it is the second");
        stranger.sign(&args, &operation)
    };
    let keep = |log_id| {
        let proof = prove(&second(log_id, "a"), &second(log_id, "b"));
        world.store.ingest_proof(proof).expect("it can be written").is_some()
    };
    for log_id in 0..MAX_PROOFS_ALONE as u64 {
        assert!(keep(log_id));
    }
    assert!(!keep(MAX_PROOFS_ALONE as u64));
    assert_eq!(world.contents().counts.forks, MAX_PROOFS_ALONE as u64);
    // With an entry that is stored a proof is not alone any more.
    let beyond = MAX_PROOFS_ALONE as u64;
    world.publish_from_peer(&entry(beyond, "a"));
    assert!(keep(beyond));
    for number in 0..=MAX_FORK_DOCUMENTS {
        let signed = entry(0, &number.to_string());
        world.offer_at(&signed, Door::Peer);
    }
    let query =
        ForkQuery { author: Some(stranger.public_key()), document: None, after: None, first: 1 };
    let page = world.snapshot().forks(&query).expect("forks can be read");
    let [fork] = &page.forks[..] else { panic!("{page:?}") };
    assert_eq!(fork.documents.len(), MAX_FORK_DOCUMENTS);
    assert_eq!(fork.documents_total, MAX_FORK_DOCUMENTS as u64 + 1);
}

/// A note of which the author wrote the third entry twice.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) schema: Arc<Schema>,
    pub(super) note: DocumentId,
    pub(super) line: [Signed; 3],
    pub(super) branch: [Signed; 2],
    before_third: Author,
}

impl Scene {
    pub(super) fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let scene = Self::without_notes(new_store);
        for signed in &scene.line {
            scene.world.publish(signed);
        }
        scene
    }

    fn without_notes(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let mut world = World::new(new_store());
        let schema = world.define("note", &[("body", FieldType::Str), ("title", FieldType::Str)]);
        let id = schema.id().clone();
        let values = [("body", text("1")), ("title", text("mine"))];
        let first = world.author.create(&id, fields(values));
        let note = first.document();
        let second = world.author.update(note, &id, &first.view(), body("2"));
        let before_third = world.author.clone();
        let mut other = before_third.clone();
        let third = world.author.update(note, &id, &second.view(), body("3"));
        let branch = other.update(note, &id, &second.view(), body("other 3"));
        let branch_end = other.update(note, &id, &branch.view(), body("other 4"));
        let (line, branch) = ([first, second, third], [branch, branch_end]);
        Self { world, schema, note, line, branch, before_third }
    }

    pub(super) fn proof(&self) -> ForkProof {
        prove(&self.line[2], &self.branch[0])
    }

    fn values(&self) -> (Option<String>, Option<String>) {
        let record = self.world.document(self.note);
        let value = |name: &str| match record.field(name) {
            Some(Value::Str(text)) => Some(text.clone()),
            _ => None,
        };
        (value("body"), value("title"))
    }
}

fn title(title: &str) -> pandan_operations::Fields {
    fields([("title", text(title))])
}

pub(super) fn prove(one: &Signed, other: &Signed) -> ForkProof {
    let proof = ForkProof::new(&one.entry.as_authentic(), &other.entry.as_authentic());
    proof.expect("they are two entries of one place")
}

pub(super) fn seq_num(number: u64) -> SeqNum {
    SeqNum::new(number).expect("it is not 0")
}
