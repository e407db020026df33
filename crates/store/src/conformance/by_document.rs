//! Logs and entries document by document.

use std::collections::BTreeMap;

use pandan_admission::Door;
use pandan_bamboo::{Hash, LogId, SeqNum};
use pandan_operations::{DocumentId, DocumentViewId, RawValue, SchemaId, SystemSchema};
use pandan_schema::FieldType;

use super::author::{
    Author, Signed, fields, pinned_relation, pinned_relation_list, relation, relation_list, text,
};
use super::forks;
use super::publishing::{body, world};
use super::world::World;
use crate::contract::{Snapshot, Store, StoredEntry};
use crate::heads::{Budget, DocumentHead, NeededLog};

const ANY: Budget = Budget { entries: usize::MAX, bytes: usize::MAX };

/// What the heads of documents have to be, out of all that was stored, in that order.
#[derive(Default)]
struct Expected {
    documents: Vec<DocumentId>,
    logs: BTreeMap<DocumentId, BTreeMap<([u8; 32], LogId), DocumentHead>>,
}

impl Expected {
    fn add(&mut self, document: DocumentId, signed: &Signed) {
        let header = signed.entry.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        if !self.logs.contains_key(&document) {
            self.documents.push(document);
        }
        let head = DocumentHead { document, author, log_id, seq_num: header.seq_num() };
        let logs = self.logs.entry(document).or_default();
        logs.insert((*author.as_bytes(), log_id), head);
    }

    fn heads(&self) -> Vec<DocumentHead> {
        self.documents.iter().flat_map(|id| self.logs[id].values().copied()).collect()
    }
}

fn heads(snapshot: &dyn Snapshot, schemas: &[SchemaId], limit: usize) -> Vec<DocumentHead> {
    snapshot.document_heads(schemas, limit).expect("heads can be read")
}

/// Heads come by document, in the order in which documents began; deleted documents have theirs,
/// those of other schemas have not.
pub(super) fn check_heads(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, note) = world(new_store);
    let mark = world.define("mark", &[("body", FieldType::Str)]);
    let (note, mark) = (note.id().clone(), mark.id().clone());
    let mut authors: Vec<_> = [7, 3, 9, 5].map(Author::new).into();
    // As stored, ids of the upper half are negative numbers.
    authors.push(Author::new(3).from_log(LogId::new(u64::MAX - 9)));
    let (mut notes, mut both) = (Expected::default(), Expected::default());
    for number in 0..10 {
        let schema = if number % 3 == 0 { &mark } else { &note };
        let create = authors[number % 5].create(schema, body("begin"));
        let (document, mut view) = (create.document(), create.view());
        let mut signed = vec![create];
        for guest in number..number + number % 4 {
            let update = authors[guest % 5].update(document, schema, &view, body("go on"));
            view = update.view();
            signed.push(update);
        }
        if number % 4 == 1 {
            signed.push(authors[number % 5].delete(document, schema, &view));
        }
        for signed in &signed {
            world.publish(signed);
            both.add(document, signed);
            if *schema == note {
                notes.add(document, signed);
            }
        }
    }
    let snapshot = world.snapshot();
    assert_eq!(heads(&*snapshot, std::slice::from_ref(&note), usize::MAX), notes.heads());
    let all = both.heads();
    for limit in [0, 1, 7, all.len(), usize::MAX] {
        let expected = &all[..limit.min(all.len())];
        assert_eq!(heads(&*snapshot, &[note.clone(), mark.clone()], limit), expected);
    }
    assert_eq!(heads(&*snapshot, &[], usize::MAX), []);
    let unknown = world.author.define("other", &[("body", FieldType::Str)]).schema;
    assert_eq!(heads(&*snapshot, &[unknown], usize::MAX), []);
}

/// Of a frozen log counts what is before the fork, and nothing when that is nothing.
pub(super) fn check_frozen(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = forks::Scene::new(new_store);
    for signed in &scene.branch {
        scene.world.offer_at(signed, Door::Peer);
    }
    let schema = scene.schema.id().clone();
    let twin = Author::new(9);
    let sides = ["a", "b"].map(|name| {
        twin.clone().create(&schema, fields([("body", text(name)), ("title", text(name))]))
    });
    scene.world.publish_from_peer(&sides[0]);
    scene.world.offer_at(&sides[1], Door::Peer).split().0.expect("it forks the log");
    let frozen = scene.line[0].entry.header();
    let snapshot = scene.world.snapshot();
    let found = heads(&*snapshot, std::slice::from_ref(&schema), usize::MAX);
    let of_log = found.iter().find(|it| it.author == frozen.public_key());
    let fork = scene.proof().seq_num();
    assert_eq!(of_log.and_then(|head| head.seq_num.next()), Some(fork));
    let all: Vec<_> = SystemSchema::ALL.map(SchemaId::from).into_iter().chain([schema]).collect();
    let all = heads(&*snapshot, &all, usize::MAX);
    assert!(found.iter().all(|it| all.contains(it)));
    assert!(all.iter().all(|it| it.author != twin.public_key()), "nothing is left of it");
    let part = |signed: &Signed, from| {
        let header = signed.entry.header();
        NeededLog { author: header.public_key(), log_id: header.log_id(), from, to: SeqNum::MAX }
    };
    let whole = [part(&scene.line[0], SeqNum::FIRST), part(&sides[0], SeqNum::FIRST)];
    let entries = snapshot.needed_entries(&whole, None, ANY).expect("entries can be read");
    let before = scene.line.iter().filter(|it| it.entry.header().seq_num() < fork);
    assert_eq!(entries.entries, before.map(stored).collect::<Vec<_>>());
}

fn stored(signed: &Signed) -> StoredEntry {
    StoredEntry { entry: signed.entry, operation: Some(signed.payload.clone()) }
}

/// Documents with fields of every kind of relation to blobs.
struct Blobs {
    world: World,
    post: SchemaId,
    author: Author,
}

impl Blobs {
    fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let mut world = World::new(new_store());
        let blob = SchemaId::from(SystemSchema::Blob);
        let kinds = [
            ("list", FieldType::RelationList(blob.clone())),
            ("one", FieldType::Relation(blob.clone())),
            ("other", FieldType::Relation(SystemSchema::BlobPiece.into())),
            ("pin", FieldType::PinnedRelation(blob.clone())),
            ("pins", FieldType::PinnedRelationList(blob)),
        ];
        let post = world.define("post", &kinds).id().clone();
        Self { world, post, author: Author::new(5) }
    }

    fn piece(&mut self, data: u8) -> Signed {
        let data = fields([("data", RawValue::Bytes(vec![data]))]);
        let piece = self.author.create(&SystemSchema::BlobPiece.into(), data);
        self.world.publish(&piece);
        piece
    }

    fn blob(&mut self, pieces: &[&Signed]) -> Signed {
        let mut values = Self::content(pieces).to_vec();
        values.push(("mime_type", text("text/plain")));
        let blob = self.author.create(&SystemSchema::Blob.into(), fields(values));
        self.world.publish(&blob);
        blob
    }

    fn update(&mut self, blob: &Signed, pieces: &[&Signed]) {
        let (schema, values) = (SystemSchema::Blob.into(), fields(Self::content(pieces)));
        let update = self.author.update(blob.document(), &schema, &blob.view(), values);
        self.world.publish(&update);
    }

    fn content(pieces: &[&Signed]) -> [(&'static str, RawValue); 2] {
        let views: Vec<_> = pieces.iter().map(|piece| piece.view()).collect();
        let length = i64::try_from(pieces.len()).expect("they are few");
        [("length", RawValue::Int(length)), ("pieces", pinned_relation_list(&views))]
    }

    fn post(&mut self, relations: &[(&str, RawValue)]) -> Signed {
        let nothing = DocumentId::from_hash(Hash::of(b"not stored"));
        let mut values = vec![
            ("list", relation_list(&[])),
            ("one", relation(nothing)),
            ("other", relation(nothing)),
            ("pin", pinned_relation(&DocumentViewId::from(nothing))),
            ("pins", pinned_relation_list(&[])),
        ];
        for (name, value) in relations {
            values.retain(|(other, _)| other != name);
            values.push((name, value.clone()));
        }
        let post = self.author.create(&self.post.clone(), fields(values));
        self.world.publish(&post);
        post
    }

    /// Which documents are told of, of these kinds, if the posts relate to them.
    fn found(&self, kinds: &[SystemSchema], from: &[&SchemaId]) -> Vec<DocumentId> {
        let kinds: Vec<SchemaId> = kinds.iter().copied().map(SchemaId::from).collect();
        let from: Vec<_> = from.iter().copied().cloned().collect();
        let snapshot = self.world.snapshot();
        let all = snapshot.blob_heads(&kinds, &from, usize::MAX).expect("heads can be read");
        for limit in [0, 1, 3] {
            let some = snapshot.blob_heads(&kinds, &from, limit).expect("heads can be read");
            assert_eq!(some, all[..limit.min(all.len())]);
        }
        all.iter().map(|head| head.document).collect()
    }
}

/// Blobs come when others relate to them, by any kind of relation, and with all that were ever
/// their pieces.
pub(super) fn check_blobs(new_store: &dyn Fn() -> Box<dyn Store>) {
    const BOTH: [SystemSchema; 2] = [SystemSchema::Blob, SystemSchema::BlobPiece];
    let mut blobs = Blobs::new(new_store);
    let pieces: Vec<_> = (0..8).map(|number| blobs.piece(number)).collect();
    let all: Vec<_> = pieces[..6].iter().map(|piece| blobs.blob(&[piece])).collect();
    let post = blobs.post.clone();
    assert_eq!(blobs.found(&BOTH, &[&post]), []);
    blobs.post(&[("one", relation(all[0].document()))]);
    blobs.post(&[("list", relation_list(&[all[1].document()]))]);
    blobs.post(&[("pin", pinned_relation(&all[2].view()))]);
    blobs.post(&[("pins", pinned_relation_list(&[all[3].view()]))]);
    // What is no relation to a blob, and one that was withdrawn.
    blobs.post(&[("other", relation(pieces[7].document()))]);
    let gone = blobs.post(&[("one", relation(all[5].document()))]);
    let delete = blobs.author.delete(gone.document(), &post, &gone.view());
    blobs.world.publish(&delete);
    // An earlier state is still pinned.
    blobs.update(&all[2], &[&pieces[6]]);
    let ids = |signed: &[&Signed]| signed.iter().map(|it| it.document()).collect::<Vec<_>>();
    let of_blobs = ids(&[&all[0], &all[1], &all[2], &all[3]]);
    let of_pieces = ids(&[&pieces[0], &pieces[1], &pieces[2], &pieces[3], &pieces[6]]);
    assert_eq!(blobs.found(&[SystemSchema::Blob], &[&post]), of_blobs);
    assert_eq!(blobs.found(&[SystemSchema::BlobPiece], &[&post]), of_pieces);
    assert_eq!(blobs.found(&BOTH, &[&post]), [of_pieces, of_blobs].concat());
    assert_eq!(blobs.found(&BOTH, &[]), []);
    assert_eq!(blobs.found(&[SystemSchema::SchemaDefinition], &[&post]), []);
    // Whoever has a deleted blob has to hear of it.
    let delete = blobs.author.delete(all[0].document(), &SystemSchema::Blob.into(), &all[0].view());
    blobs.world.publish(&delete);
    let both = blobs.found(&BOTH, &[&post]);
    assert!(both.contains(&all[0].document()) && both.contains(&pieces[0].document()));
}

/// What is needed of logs comes in the order in which they were stored, in pages of any size.
pub(super) fn check_needed(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (world, schema) = world(new_store);
    let schema = schema.id().clone();
    let mut authors: Vec<_> = [7, 3, 9].map(Author::new).into();
    let create = authors[0].create(&schema, body("begin"));
    let (document, mut view) = (create.document(), create.view());
    let mut signed = vec![create];
    for number in 1..20 {
        let update = authors[number * number % 3].update(document, &schema, &view, body("go on"));
        view = update.view();
        signed.push(update);
    }
    for signed in &signed {
        world.publish(signed);
    }
    let (from, to) = (forks::seq_num(2), forks::seq_num(4));
    let of = |author: &Author| NeededLog {
        author: author.public_key(),
        log_id: LogId::new(0),
        from,
        to,
    };
    let is_in = |signed: &&Signed| (from..=to).contains(&signed.entry.header().seq_num());
    let wanted: Vec<_> = signed.iter().filter(is_in).map(stored).collect();
    let needed: Vec<_> = authors.iter().map(of).chain([of(&Author::new(1))]).collect();
    let snapshot = world.snapshot();
    for (entries, bytes) in
        [(1, usize::MAX), (2, usize::MAX), (9, 700), (9, 1), (0, 0), (99, 99_999)]
    {
        let (budget, mut found, mut after) = (Budget { entries, bytes }, Vec::new(), None);
        loop {
            let page = snapshot.needed_entries(&needed, after.as_ref(), budget);
            let page = page.expect("entries can be read");
            assert!((1..=entries.max(1)).contains(&page.entries.len()));
            after = page.entries.last().map(|it| it.entry.hash());
            found.extend(page.entries);
            if !page.has_more {
                break;
            }
        }
        assert_eq!(found, wanted, "{budget:?}");
    }
    // What is behind the last, or not there.
    let read = |needed: &[NeededLog], after: &Signed| {
        let page = snapshot.needed_entries(needed, Some(&after.entry.hash()), ANY);
        page.expect("entries can be read").entries
    };
    assert_eq!(read(&needed, signed.last().expect("there are some")), []);
    let elsewhere = Author::new(20).create(&schema, body("not stored"));
    assert_eq!(read(&needed, &elsewhere), wanted);
    let beyond = NeededLog { from: SeqNum::MAX, to: SeqNum::MAX, ..needed[0] };
    assert_eq!(read(&[beyond], &signed[0]), []);
    assert_eq!(read(&[], &signed[0]), []);
}
