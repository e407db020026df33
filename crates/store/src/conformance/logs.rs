//! Reading entries and logs.

use std::sync::Arc;

use pandan_bamboo::{EntryHash, Hash, LogId, SeqNum};
use pandan_operations::{DocumentId, Fields};
use pandan_schema::{FieldType, Schema};

use super::author::{Author, Signed, fields, text};
use super::world::World;
use crate::contract::{Counts, LogHead, Store, StoredEntry};
use crate::forks::ForkQuery;
use crate::heads::{Arrival, Budget, HeadRange, Wants};
use crate::query::{Selection, Targets};
use crate::{Cancel, StoreError};

struct Scene {
    world: World,
    schema: Arc<Schema>,
    other: Author,
    /// A note of the first author and all that was signed for it: the first 5 entries by its
    /// author, then in turn by both.
    note: DocumentId,
    signed: Vec<Signed>,
}

fn body(number: usize) -> Fields {
    fields([("body", text(&number.to_string()))])
}

impl Scene {
    fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let mut world = World::new(new_store());
        let schema = world.define("note", &[("body", FieldType::Str)]);
        let create = world.author.create(schema.id(), body(0));
        let note = create.document();
        let mut scene = Self { world, schema, other: Author::new(2), note, signed: vec![create] };
        for number in 1..12 {
            let last = scene.signed.last().expect("there is the first one");
            let is_mine = number < 5 || number % 2 == 0;
            let author = if is_mine { &mut scene.world.author } else { &mut scene.other };
            let next = author.update(note, scene.schema.id(), &last.view(), body(number));
            scene.signed.push(next);
        }
        scene.signed.iter().for_each(|signed| drop(scene.world.publish(signed)));
        scene
    }

    /// What an author signed.
    fn by(&self, author: &Author) -> Vec<StoredEntry> {
        let key = author.public_key();
        let signed = self.signed.iter().filter(|it| it.entry.header().public_key() == key);
        signed.map(stored).collect()
    }
}

fn stored(signed: &Signed) -> StoredEntry {
    StoredEntry { entry: signed.entry, operation: Some(signed.payload.clone()) }
}

fn seq_num(number: u64) -> SeqNum {
    SeqNum::new(number).expect("it is not 0")
}

/// Entries come back byte for byte.
pub(super) fn check_entries(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let snapshot = scene.world.snapshot();
    for signed in &scene.signed {
        let found = snapshot.entry(&signed.entry.hash()).expect("entries can be read");
        assert_eq!(found, Some(stored(signed)));
    }
    let none = EntryHash::from_hash(Hash::of(b"none"));
    assert_eq!(snapshot.entry(&none).expect("entries can be read"), None);
}

/// Logs are read from any place on, as far as one likes.
pub(super) fn check_logs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let snapshot = scene.world.snapshot();
    let mine = &scene.world.author;
    let log_id = scene.signed[0].entry.header().log_id();
    let all = scene.by(mine);
    for from in 1..=all.len() + 2 {
        for limit in [0, 1, 3, 100] {
            let first = seq_num(from as u64);
            let found = snapshot.log(&mine.public_key(), log_id, first, limit);
            let expected: Vec<_> = all.iter().skip(from - 1).take(limit).cloned().collect();
            assert_eq!(found.expect("logs can be read"), expected, "from {from}, up to {limit}");
        }
    }
    for (author, log_id) in [(mine, LogId::new(99)), (&Author::new(9), log_id)] {
        let found = snapshot.log(&author.public_key(), log_id, SeqNum::FIRST, 10);
        assert!(found.expect("logs can be read").is_empty());
        let far = snapshot.log(&author.public_key(), log_id, SeqNum::MAX, usize::MAX);
        assert!(far.expect("logs can be read").is_empty());
    }
}

/// The heads of all logs of an author, by log id.
pub(super) fn check_heads(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let other = scene.other.clone().from_log(LogId::new(u64::MAX));
    let far = other.clone().create(scene.schema.id(), body(0));
    scene.world.publish(&far);
    let heads = scene.world.snapshot().logs(&scene.other.public_key());
    let expected = [
        LogHead { log_id: LogId::new(0), document: scene.note, seq_num: seq_num(4), fork: None },
        LogHead {
            log_id: LogId::new(u64::MAX),
            document: far.document(),
            seq_num: seq_num(1),
            fork: None,
        },
    ];
    assert_eq!(heads.expect("logs can be read"), expected);
    scene.other = other;
    let none = scene.world.snapshot().logs(&Author::new(9).public_key());
    assert!(none.expect("logs can be read").is_empty());
}

/// The entries of a document come in the order in which they were stored.
pub(super) fn check_document_entries(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let snapshot = scene.world.snapshot();
    let all: Vec<_> = scene.signed.iter().map(stored).collect();
    for skip in [0, 1, 5, 11, 12, 100] {
        for limit in [0, 1, 7, 100] {
            let found = snapshot.document_entries(&scene.note, skip, limit);
            let expected: Vec<_> = all.iter().skip(skip).take(limit).cloned().collect();
            assert_eq!(found.expect("entries can be read"), expected, "{limit} after {skip}");
        }
    }
    let none = DocumentId::from_hash(Hash::of(b"none"));
    let found = snapshot.document_entries(&none, 0, 10).expect("entries can be read");
    assert!(found.is_empty());
}

/// Everything is counted.
pub(super) fn check_counts(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let counts = |scene: &Scene| scene.world.snapshot().counts().expect("counts can be read");
    let expected =
        Counts { entries: 14, documents: 3, deleted: 0, logs: 4, forks: 0, authors: 2, schemas: 5 };
    assert_eq!(counts(&scene), expected);
    scene.world.delete(scene.note);
    assert_eq!(counts(&scene), Counts { entries: 15, deleted: 1, ..expected });
    let empty = World::new(new_store()).snapshot().counts().expect("counts can be read");
    assert_eq!(empty, Counts { schemas: 4, ..Counts::default() });
}

/// A snapshot does not see what was stored after it was taken.
pub(super) fn check_snapshots(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let snapshot = scene.world.snapshot();
    let before = super::contents(&*snapshot);
    let heads = snapshot.logs(&scene.other.public_key()).expect("logs can be read");
    let view = scene.world.update(scene.note, body(100));
    let later = scene.world.create(&scene.schema, body(0));
    let schema = scene.world.define("other", &[("body", FieldType::Str)]);
    scene.world.create(&schema, body(0));
    scene.world.delete(later);
    let after = scene.world.contents();
    assert_ne!(before, after);
    assert_eq!(super::contents(&*snapshot), before);
    assert_eq!(snapshot.logs(&scene.other.public_key()).expect("logs can be read"), heads);
    let found = snapshot.views(&[view]).expect("views can be read");
    assert_eq!(found, [None]);
    let found = snapshot.document_entries(&scene.note, 0, 100).expect("entries can be read");
    assert_eq!(found.len(), scene.signed.len());
    drop(snapshot);
    assert_eq!(scene.world.contents(), after);
}

/// Whoever is cancelled reads no more, and those who come next do.
pub(super) fn check_cancelled(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let (note, author) = (scene.note, scene.other.public_key());
    let (collection, hash) = (super::world::all(&scene.schema), scene.signed[0].entry.hash());
    let ranges = [HeadRange::all(scene.schema.id().clone())];
    let budget = Budget { entries: 10, bytes: 1_000 };
    let forks = ForkQuery { author: None, document: None, after: None, first: 10 };
    for _ in 0..3 {
        let (mut snapshot, cancel) = (scene.world.snapshot(), Cancel::new());
        snapshot.heed(cancel.clone());
        assert_eq!(super::contents(&*snapshot), scene.world.contents());
        cancel.cancel();
        let lists = super::world::list(&scene.schema, note, "body", Targets::Documents(vec![note]));
        let errors = [
            snapshot.next_args(&author, None).err(),
            snapshot.entry(&hash).err(),
            snapshot.log(&author, LogId::new(0), SeqNum::FIRST, 10).err(),
            snapshot.logs(&author).err(),
            snapshot.document_entries(&note, 0, 10).err(),
            snapshot.schemas().err(),
            snapshot.documents(&[note], &Selection::All).err(),
            snapshot.views(&[note.into()]).err(),
            snapshot.collection(&collection).err(),
            snapshot.lists(&lists).err(),
            snapshot.split_heads(&ranges, 1).err(),
            snapshot.heads(&ranges, 1).err(),
            snapshot.heads_of(&[]).err(),
            snapshot.wanted_entries(&Wants::default(), Arrival::default(), budget).err(),
            snapshot.forks(&forks).err(),
            snapshot.have_void(&[note]).err(),
            snapshot.counts().err(),
        ];
        let is_cancelled = |error: &Option<_>| matches!(error, Some(StoreError::Cancelled));
        assert!(errors.iter().all(is_cancelled), "{errors:?}");
    }
}

/// Any number of snapshots can be read at once and on any thread, while others are written.
pub(super) fn check_threads(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let store = &*scene.world.store;
    std::thread::scope(|threads| {
        for number in 10..14 {
            let (schema, note) = (scene.schema.id(), scene.note);
            threads.spawn(move || {
                let mut author = Author::new(number);
                let mut view = note.into();
                for round in 0..5 {
                    let signed = author.update(note, schema, &view, body(round));
                    view = signed.view();
                    let batch = vec![(signed.candidate(), pandan_admission::Door::Client)];
                    let outcomes = store.ingest(batch).expect("it can be written");
                    outcomes.into_iter().for_each(|it| drop(super::world::committed(it)));
                    let snapshot = store.snapshot().expect("a snapshot can be taken");
                    let seen = snapshot.logs(&author.public_key()).expect("logs can be read");
                    assert_eq!(seen[0].seq_num.number(), round as u64 + 1, "one's own writes");
                    let entries = snapshot.document_entries(&note, 0, 1_000);
                    let entries = entries.expect("entries can be read").len();
                    let counts = snapshot.counts().expect("counts can be read");
                    assert_eq!(entries + 2, usize::try_from(counts.entries).unwrap_or(0));
                }
            });
        }
    });
    let found = scene.world.snapshot().document_entries(&scene.note, 0, 1_000);
    assert_eq!(found.expect("entries can be read").len(), scene.signed.len() + 20);
    assert_eq!(scene.world.document(scene.note).view_id.len(), 5);
}
