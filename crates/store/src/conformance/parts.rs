//! Parts beside the logs: they are known as such, show nowhere else, and go when they are complete.

use pandan_admission::{
    ClaimedState, Door, Part, PartAsk, PartClaim, PartEntry, PartSubject, Payloads,
};
use pandan_bamboo::{ForkProof, LogId, NextArgs, SeqNum, link_path};
use pandan_operations::{DocumentId, FieldName, Operation, OperationId};
use pandan_schema::{FieldType, Schema};

use super::author::{Author, Signed, fields, text};
use super::world::World;
use crate::contract::{Outcome, Store};
use crate::limits::MAX_PARTS;
use crate::parts::{Keeping, KeptEntry, Teller};

const TELLER: Teller = Teller { peer: [7; 32], unix_seconds: 1_700_000_000 };

/// What is kept in part shows among the parts, and nowhere else.
pub(super) fn check_beside(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let before = scene.world.contents();
    let parts = [scene.newest(3, false), scene.document()];
    for part in &parts {
        assert_eq!(scene.keep(part), Keeping::Kept);
        let kept = scene.world.snapshot().part(&part.subject()).expect("it can be read");
        let kept = kept.expect("it was kept");
        assert_eq!(Part::verify(kept.claim(), Payloads::MayLack).as_ref(), Ok(part));
        assert_eq!(kept.teller, TELLER);
        let asked = kept.entries.iter().map(|kept| kept.is_asked);
        assert!(asked.eq(part.pieces().iter().map(|piece| piece.is_asked())));
    }
    assert_eq!(scene.world.contents(), before, "nothing else shows it");
    assert_eq!(scene.world.find_document(scene.note), None);
    let log = parts[0].pieces()[0].header();
    let entries = scene.world.snapshot().log(&log.public_key(), log.log_id(), SeqNum::FIRST, 99);
    assert_eq!(entries.expect("logs can be read"), []);
    // Documents come before logs.
    let told = scene.world.snapshot().parts().expect("they can be read");
    let subjects: Vec<_> = told.iter().map(|part| part.ask.subject()).collect();
    assert_eq!(subjects, [parts[1].subject(), parts[0].subject()]);
    let [document, log] = &told[..] else { panic!("expected two parts, found {told:?}") };
    assert_eq!((log.asked, log.lacking, log.latest), (3, 3, SeqNum::new(20)));
    assert_eq!(document.state.as_ref(), parts[1].state());
    assert_eq!((document.asked, document.lacking, document.latest), (2, 0, None));
    for (part, told) in parts.iter().zip([log, document]) {
        assert_eq!((told.entries, told.bytes), (part.pieces().len() as u64, part.size() as u64));
    }
    assert!(scene.forget(&parts[0].subject()) && !scene.forget(&parts[0].subject()));
    assert_eq!(scene.subjects(), [parts[1].subject()]);
}

/// A part is kept instead of the one before, of the same document or log.
pub(super) fn check_again(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let (without, with) = (scene.newest(3, false), scene.newest(5, true));
    for part in [&without, &with] {
        assert_eq!(scene.keep(part), Keeping::Kept);
    }
    let kept = scene.world.snapshot().part(&with.subject()).expect("it can be read");
    let kept = kept.expect("it was kept");
    assert_eq!((kept.ask, kept.lacking().count()), (*with.ask(), 0));
    assert_eq!(kept.entries.iter().filter(|kept| kept.is_asked).count(), 5);
    assert!(!kept.entries.iter().any(KeptEntry::lacks_payload));
}

/// A part goes with the transaction that stores the last of its entries.
pub(super) fn check_complete(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let (log, document) = (scene.newest(2, true), scene.document());
    assert_eq!(scene.keep(&log), Keeping::Kept);
    assert_eq!(scene.keep(&document), Keeping::Kept);
    for signed in &scene.line[..19] {
        scene.world.publish_from_peer(signed);
    }
    assert_eq!(scene.subjects(), [document.subject(), log.subject()], "one entry is missing");
    scene.world.publish_from_peer(&scene.line[19]);
    assert_eq!(scene.subjects(), []);
    assert_eq!(scene.world.document(scene.note).view_id, scene.line[19].view());
    // What is complete is not kept in part.
    assert_eq!(scene.keep(&log), Keeping::Stored);
    assert_eq!(scene.subjects(), []);
}

/// An entry that stands where another one is stored or kept is a fork.
pub(super) fn check_forks(new_store: &dyn Fn() -> Box<dyn Store>) {
    // The part comes first: the entry that is stored later forks the log.
    let scene = Scene::new(new_store);
    let part = scene.newest(2, true);
    assert_eq!(scene.keep(&part), Keeping::Kept);
    scene.line[..12].iter().for_each(|signed| drop(scene.world.publish_from_peer(signed)));
    // Entry 13 is on the path of the part.
    let outcome = scene.world.offer_at(&scene.branch[0], Door::Peer);
    let (frozen, outcome) = outcome.split();
    assert_eq!(frozen.expect("it forks the log").proof, scene.proof());
    assert!(matches!(&outcome, Outcome::Committed(committed) if committed.is_void));
    assert_eq!(scene.subjects(), [], "its entries are void");
    assert_eq!(scene.world.document(scene.note).view_id, scene.line[11].view());
    match scene.keep(&part) {
        Keeping::Void(proof) => assert_eq!(*proof, scene.proof()),
        other => panic!("expected a fork to be known, found {other:?}"),
    }
    // A client that publishes it forks the log as well.
    let scene = Scene::new(new_store);
    assert_eq!(scene.keep(&part), Keeping::Kept);
    scene.line[..12].iter().for_each(|signed| drop(scene.world.publish_from_peer(signed)));
    let (frozen, outcome) = scene.world.offer_at(&scene.branch[0], Door::Client).split();
    assert_eq!(frozen.expect("it forks the log").proof, scene.proof());
    assert!(matches!(&outcome, Outcome::Refused(refusal) if refusal.code() == "LOG_FROZEN"));
    // The branch is stored first: the part is not kept.
    let scene = Scene::new(new_store);
    let line = scene.line[..12].iter().chain(&scene.branch);
    line.for_each(|signed| drop(scene.world.publish_from_peer(signed)));
    assert_eq!(scene.keep(&part), Keeping::Forked(vec![scene.proof()]));
    assert_eq!(scene.subjects(), []);
    // Two parts tell of two sides.
    let scene = Scene::new(new_store);
    assert_eq!(scene.keep(&part), Keeping::Kept);
    let other = scene.part(13, 1, true, |number| match number {
        13 => &scene.branch[0],
        number => &scene.line[number - 1],
    });
    assert_eq!(scene.keep(&other), Keeping::Forked(vec![scene.proof()]));
    assert_eq!(scene.subjects(), [part.subject()]);
    // The proof comes from elsewhere.
    scene.world.store.ingest_proof(scene.proof()).expect("it can be written").expect("it is news");
    assert_eq!(scene.subjects(), []);
}

/// There is room for so many parts, and for one more when one goes.
pub(super) fn check_limit(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let author = Author::new(9);
    let part = |log_id: usize| {
        let args = NextArgs::first(LogId::new(log_id as u64));
        let operation = Operation::decode(&scene.line[0].payload).expect("it is an operation");
        let signed = author.sign(&args, &operation);
        let entry = entry(&signed, true);
        let header = signed.entry.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        let ask = PartAsk::Newest { author, log_id, count: 1 };
        let claim = PartClaim { ask, state: None, entries: vec![entry], proofs: Vec::new() };
        Part::verify(claim, Payloads::All).expect("it verifies")
    };
    for log_id in 0..MAX_PARTS {
        assert_eq!(scene.keep(&part(log_id)), Keeping::Kept);
    }
    assert_eq!(scene.keep(&part(MAX_PARTS)), Keeping::Full { max: MAX_PARTS });
    assert_eq!(scene.keep(&part(0)), Keeping::Kept, "it takes the place of itself");
    assert!(scene.forget(&part(1).subject()));
    assert_eq!(scene.keep(&part(MAX_PARTS)), Keeping::Kept);
}

/// A note of 20 entries of which nothing is stored, and another entry 13.
struct Scene {
    world: World,
    note: DocumentId,
    line: Vec<Signed>,
    branch: [Signed; 1],
}

impl Scene {
    fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let mut world = World::new(new_store());
        let schema: std::sync::Arc<Schema> =
            world.define("note", &[("body", FieldType::Str), ("title", FieldType::Str)]);
        let create = fields([("body", text("b")), ("title", text("1"))]);
        let mut line = vec![world.author.create(schema.id(), create)];
        let note = line[0].document();
        let update = |author: &mut Author, before: &Signed, title: &str| {
            author.update(note, schema.id(), &before.view(), fields([("title", text(title))]))
        };
        for number in 2..=20 {
            let last = line[line.len() - 1].clone();
            line.push(update(&mut world.author, &last, &number.to_string()));
        }
        let mut copy = world.author.copy_at(note, 12);
        let branch = [update(&mut copy, &line[11], "other")];
        Self { world, note, line, branch }
    }

    fn proof(&self) -> ForkProof {
        let (one, other) = (&self.line[12].entry, &self.branch[0].entry);
        ForkProof::new(&one.as_authentic(), &other.as_authentic()).expect("it is a fork")
    }

    fn keep(&self, part: &Part) -> Keeping {
        self.world.store.keep_part(part, TELLER).expect("it can be written")
    }

    fn forget(&self, subject: &PartSubject) -> bool {
        self.world.store.forget_part(subject).expect("it can be written")
    }

    fn subjects(&self) -> Vec<PartSubject> {
        let parts = self.world.snapshot().parts().expect("they can be read");
        parts.iter().map(|part| part.ask.subject()).collect()
    }

    fn newest(&self, count: usize, payloads: bool) -> Part {
        self.part(20, count, payloads, |number| &self.line[number - 1])
    }

    /// The newest entries of a log that reaches to `top`.
    fn part<'s>(
        &'s self,
        top: usize,
        count: usize,
        payloads: bool,
        at: impl Fn(usize) -> &'s Signed,
    ) -> Part {
        let lowest = top + 1 - count;
        let mut places = path(lowest);
        places.extend(lowest + 1..=top);
        let entries = places.into_iter();
        let entries =
            entries.map(|number| entry(at(number), payloads && number >= lowest)).collect();
        let header = self.line[0].entry.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        let ask = PartAsk::Newest { author, log_id, count: count as u64 };
        let claim = PartClaim { ask, state: None, entries, proofs: Vec::new() };
        let payloads = if payloads { Payloads::All } else { Payloads::MayLack };
        Part::verify(claim, payloads).expect("it verifies")
    }

    /// The note at its latest view: the CREATE for one field, the last update for the other.
    fn document(&self) -> Part {
        let id = |signed: &Signed| -> OperationId { signed.id() };
        let name = |name| FieldName::parse(name).expect("it is a name");
        let (first, last) = (id(&self.line[0]), id(&self.line[19]));
        let state = ClaimedState {
            view: last.into(),
            fields: vec![(name("body"), first), (name("title"), last)],
        };
        let places = path(20).into_iter();
        let entries = places.map(|number| entry(&self.line[number - 1], matches!(number, 1 | 20)));
        let ask = PartAsk::Document(self.note);
        let entries = entries.collect();
        let claim = PartClaim { ask, state: Some(state), entries, proofs: Vec::new() };
        Part::verify(claim, Payloads::All).expect("it verifies")
    }
}

/// The places from the first entry up to this one.
fn path(to: usize) -> Vec<usize> {
    let to = SeqNum::new(to as u64).expect("it is not 0");
    let mut places: Vec<_> =
        link_path(to, SeqNum::FIRST).filter_map(|it| usize::try_from(it.number()).ok()).collect();
    places.reverse();
    places
}

fn entry(signed: &Signed, with_payload: bool) -> PartEntry {
    PartEntry {
        entry: signed.entry.as_bytes().to_vec(),
        payload: with_payload.then(|| signed.payload.clone()),
    }
}
