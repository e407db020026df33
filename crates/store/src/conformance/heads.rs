//! Comparing logs: heads, sums over them, and the entries that somebody lacks.

use std::collections::{BTreeMap, BTreeSet};

use pandan_admission::Door;
use pandan_bamboo::{Hash, HeadState, HeadsSum, LogId};
use pandan_identity::KeyPair;
use pandan_operations::{Fields, OperationId, SchemaId};
use pandan_schema::FieldType;

use super::author::{Author, Signed, fields, text};
use super::world::World;
use crate::contract::{Snapshot, Store};
use crate::heads::{Head, HeadInRange, HeadRange, HeadsPart, LogPlace};

/// Two schemas, several authors and all that they signed, in the order of storing.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) schemas: [SchemaId; 2],
    pub(super) signed: Vec<Signed>,
}

impl Scene {
    pub(super) fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let mut world = World::new(new_store());
        let schemas = ["note", "mark"].map(|name| {
            let schema = world.define(name, &[("body", FieldType::Str)]);
            schema.id().clone()
        });
        let mut scene = Self { world, schemas, signed: Vec::new() };
        for number in 0_u8..12 {
            let mut author =
                Author::new(10 + number % 4).from_log(LogId::new(u64::from(number / 4) * 300));
            let schema = scene.schemas[usize::from(number % 3 == 0)].clone();
            let create = author.create(&schema, body(0));
            let (document, mut view) = (create.document(), create.view());
            scene.publish(create);
            for length in 0..usize::from(number) {
                let update = author.update(document, &schema, &view, body(length + 1));
                view = update.view();
                scene.publish(update);
            }
        }
        scene
    }

    fn publish(&mut self, signed: Signed) {
        self.world.publish(&signed);
        self.signed.push(signed);
    }

    pub(super) fn ranges(&self) -> Vec<HeadRange> {
        self.schemas.iter().cloned().map(HeadRange::all).collect()
    }

    /// What the heads have to be.
    fn heads(&self, ranges: &[HeadRange]) -> Vec<HeadInRange> {
        let mut heads = Vec::new();
        for (range, asked) in ranges.iter().enumerate() {
            let of_schema = self.signed.iter().filter(|it| it.schema() == asked.schema);
            // Later entries of a log take the place of those before.
            let latest: BTreeMap<_, _> = of_schema.map(|it| (place(it), it)).collect();
            let within = latest.iter().filter(|(place, _)| asked.contains(place));
            heads.extend(within.map(|(_, signed)| HeadInRange { range, head: head(signed) }));
        }
        heads
    }
}

fn body(number: usize) -> Fields {
    fields([("body", text(&number.to_string()))])
}

fn place(signed: &Signed) -> LogPlace {
    let header = signed.entry.header();
    LogPlace::of(&header.public_key(), header.log_id())
}

fn head(signed: &Signed) -> Head {
    let header = signed.entry.header();
    Head {
        fork: None,
        author: header.public_key(),
        log_id: header.log_id(),
        latest: Some(header.seq_num()),
        state: HeadState::of_line(header.hash()),
    }
}

fn heads(snapshot: &dyn Snapshot, ranges: &[HeadRange], limit: usize) -> Vec<HeadInRange> {
    snapshot.heads(ranges, limit).expect("heads can be read")
}

fn split(snapshot: &dyn Snapshot, ranges: &[HeadRange], parts: usize) -> Vec<HeadsPart> {
    snapshot.split_heads(ranges, parts).expect("heads can be summed up")
}

fn sum<'a>(heads: impl IntoIterator<Item = &'a HeadInRange>) -> HeadsSum {
    let mut sum = HeadsSum::EMPTY;
    heads.into_iter().for_each(|it| sum.add(&it.head.state));
    sum
}

/// Reads all heads, and sees that sums and single questions tell the same.
pub(super) fn consistent(snapshot: &dyn Snapshot, ranges: &[HeadRange]) -> Vec<HeadInRange> {
    let all = heads(snapshot, ranges, usize::MAX);
    check_split(snapshot, ranges, 1, &all);
    check_split(snapshot, ranges, 5, &all);
    let places: Vec<_> = all.iter().map(|it| it.head.place()).collect();
    let single = snapshot.heads_of(&places).expect("heads can be read");
    let expected = all.iter().map(|it| Some((ranges[it.range].schema.clone(), it.head)));
    assert!(single.into_iter().eq(expected), "single heads differ from those of ranges");
    all
}

/// Parts follow each other, are about as many as asked for, and hold the sums of their heads.
fn check_split(
    snapshot: &dyn Snapshot,
    ranges: &[HeadRange],
    parts: usize,
    all: &[HeadInRange],
) -> Vec<HeadsPart> {
    let found = split(snapshot, ranges, parts);
    assert!(found.len() <= parts, "{} parts instead of {parts}", found.len());
    assert_eq!(found.is_empty(), all.is_empty());
    let begin = |part: &HeadsPart| (part.range, part.from);
    assert!(found.first().is_none_or(|part| begin(part) == (0, None)));
    for (index, part) in found.iter().enumerate() {
        let next = found.get(index + 1).map(begin);
        let at = |it: &&HeadInRange| (it.range, Some(it.head.place()));
        let is_within =
            |it: &&HeadInRange| begin(part) <= at(it) && next.is_none_or(|next| at(it) < next);
        assert_eq!(*part.sum, sum(all.iter().filter(is_within)), "part {index} of {parts}");
        assert!(part.sum.count() > 0);
        let of_range = || all.iter().filter(|it| it.range == part.range);
        let before = of_range().rfind(|it| at(it) < begin(part));
        let pair = before.zip(of_range().find(is_within));
        let between = pair
            .map(|(before, first)| LogPlace::between(&before.head.place(), &first.head.place()));
        assert_eq!(part.from, between, "part {index} of {parts} begins at the shortest place");
    }
    found
}

/// Heads come in order, of any range, as many as one likes.
pub(super) fn check_ranges(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let snapshot = scene.world.snapshot();
    let all = scene.heads(&scene.ranges());
    assert_eq!(heads(&*snapshot, &scene.ranges(), usize::MAX), all);
    for limit in [0, 1, 5, all.len()] {
        assert_eq!(heads(&*snapshot, &scene.ranges(), limit), all[..limit]);
    }
    let mut bounds: Vec<_> = all.iter().map(|it| Some(it.head.place())).collect();
    bounds.extend([None, Some(LogPlace { author: [0x7f; 32], log_id: LogId::new(u64::MAX) })]);
    for from in &bounds {
        for to in &bounds {
            let schema = scene.schemas[0].clone();
            let range = [HeadRange { schema, from: *from, to: *to }];
            assert_eq!(heads(&*snapshot, &range, usize::MAX), scene.heads(&range));
            check_split(&*snapshot, &range, 3, &scene.heads(&range));
        }
    }
}

/// Parts are of nearly equal size.
pub(super) fn check_parts(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let snapshot = scene.world.snapshot();
    let all = scene.heads(&scene.ranges());
    for parts in 1..=all.len() + 2 {
        let found = check_split(&*snapshot, &scene.ranges(), parts, &all);
        assert_eq!(found.len(), parts.min(all.len()));
        let sizes = || found.iter().map(|part| part.sum.count());
        assert!(sizes().max().zip(sizes().min()).is_some_and(|(most, least)| most - least <= 1));
    }
}

/// Sums stay right while a schema gets more logs than a store sums up together, in one go, one by
/// one, and when the logs become longer.
pub(super) fn check_many_logs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let schema = world.define("note", &[("body", FieldType::Str)]).id().clone();
    let ranges = [HeadRange::all(schema.clone())];
    let mut author = Author::new(3);
    let creates: Vec<_> = (0..700).map(|number| author.create(&schema, body(number))).collect();
    world.ingest(&creates.iter().collect::<Vec<_>>(), Door::Peer);
    let all = consistent(&*world.snapshot(), &ranges);
    assert_eq!(all.len(), 700);
    for (number, create) in creates.iter().enumerate().step_by(7) {
        let update = author.update(create.document(), &schema, &create.view(), body(number));
        world.publish(&update);
        if number % 3 == 0 {
            world.publish(&author.create(&schema, body(number)));
        }
    }
    let all = consistent(&*world.snapshot(), &ranges);
    let parts = check_split(&*world.snapshot(), &ranges, 4, &all);
    assert_eq!(parts.len(), 4);
    let middle = all[all.len() / 2].head.place();
    for (from, to) in [(Some(middle), None), (None, Some(middle))] {
        let range = [HeadRange { schema: schema.clone(), from, to }];
        consistent(&*world.snapshot(), &range);
    }
}

/// Where logs are of many authors, a few bytes tell where a part begins.
pub(super) fn check_short_places(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let schema = world.define("note", &[("body", FieldType::Str)]).id().clone();
    let seed = |number: usize| *Hash::of(&number.to_be_bytes()).digest();
    let author = |number| Author::with_key_pair(KeyPair::from_seed(&seed(number)));
    let creates: Vec<_> = (0..1_200).map(|it| author(it).create(&schema, body(it))).collect();
    world.ingest(&creates.iter().collect::<Vec<_>>(), Door::Peer);
    let ranges = [HeadRange::all(schema)];
    let all = heads(&*world.snapshot(), &ranges, usize::MAX);
    for parts in [4, 16] {
        let found = check_split(&*world.snapshot(), &ranges, parts, &all);
        assert!(found.len() > 3);
        for place in found.iter().filter_map(|part| part.from) {
            assert!(place.author[4..] == [0; 28] && place.log_id.number() == 0, "{place:?}");
        }
    }
}

/// Logs are found by the documents that are written in them.
pub(super) fn check_document_logs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let schema = scene.schemas[0].clone();
    let note = scene.signed.iter().find(|it| it.schema() == schema).expect("there is one").clone();
    let guest = Author::new(20).from_log(LogId::new(u64::MAX)).update(
        note.document(),
        &schema,
        &note.view(),
        body(1),
    );
    scene.publish(guest.clone());
    // Two documents begin at one place of a log, of which nothing is left.
    let mut twice = Author::new(9);
    let (one, other) = (twice.clone().create(&schema, body(1)), twice.create(&schema, body(2)));
    scene.publish(one.clone());
    scene.world.offer_at(&other, Door::Peer).split().0.expect("it forks the log");
    let snapshot = scene.world.snapshot();
    let ids = |signed: &[&Signed]| {
        signed.iter().map(|it| it.document().into()).collect::<Vec<OperationId>>()
    };
    let after = |ids: &[OperationId], after: Option<&LogPlace>, limit| {
        snapshot.document_logs(ids, after, limit).expect("logs can be found")
    };
    let logs = |ids: &[OperationId], limit| after(ids, None, limit);
    let expect = |signed: &[&Signed]| {
        let places: BTreeSet<_> = signed.iter().map(|it| place(it)).collect();
        places.into_iter().map(|place| (schema.clone(), place)).collect::<Vec<_>>()
    };
    assert_eq!(logs(&ids(&[&note]), 9), expect(&[&note, &guest]));
    let asked = ids(&[&one, &note, &other, &note, &guest]);
    let all = expect(&[&note, &guest, &one]);
    assert_eq!(all.len(), 3);
    for limit in 0..=4 {
        assert_eq!(logs(&asked, limit), all[..limit.min(3)]);
    }
    assert_eq!(logs(&[], 9), []);
    for (count, (_, place)) in (1..).zip(&all) {
        assert_eq!(after(&asked, Some(place), 9), all[count..], "those behind a place");
        let before = LogPlace { author: [0; 32], log_id: place.log_id };
        assert_eq!(after(&asked, Some(&before), 9), all);
    }
    // Any operation names its document.
    assert_eq!(logs(&[guest.entry.hash().into()], 9), expect(&[&note, &guest]));
}

/// Operations are known when they are stored, whether they count or not.
pub(super) fn check_stored(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let id = |signed: &Signed| OperationId::from(signed.entry.hash());
    let ids: Vec<_> = scene.signed.iter().map(id).collect();
    let schema = scene.schemas[0].clone();
    let mut twice = Author::new(9);
    let (one, other) = (twice.clone().create(&schema, body(1)), twice.create(&schema, body(2)));
    let stranger = Author::new(8).create(&schema, body(3));
    scene.publish(one.clone());
    let is_stored = |scene: &Scene, ids: &[OperationId]| {
        scene.world.snapshot().are_stored(ids).expect("operations can be found")
    };
    assert_eq!(is_stored(&scene, &[id(&stranger), id(&one), id(&other)]), [false, true, false]);
    scene.world.offer_at(&other, Door::Peer).split().0.expect("it forks the log");
    assert_eq!(is_stored(&scene, &[id(&one), id(&one), id(&stranger)]), [true, true, false]);
    assert_eq!(is_stored(&scene, &ids), vec![true; ids.len()]);
    assert_eq!(is_stored(&scene, &[]), []);
}

/// There is nothing of unknown schemas, authors and logs.
pub(super) fn check_unknown(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let unknown = scene.world.author.define("other", &[("body", FieldType::Str)]).schema;
    let ranges = [HeadRange::all(unknown)];
    let snapshot = scene.world.snapshot();
    assert_eq!(heads(&*snapshot, &ranges, 10), []);
    assert_eq!(split(&*snapshot, &ranges, 4), []);
    let mut known = scene.ranges();
    known.insert(0, ranges[0].clone());
    let expected = scene.heads(&known);
    assert_eq!(heads(&*snapshot, &known, usize::MAX), expected);
    check_split(&*snapshot, &known, 4, &expected);
    let nobody = LogPlace { author: [0xff; 32], log_id: LogId::new(0) };
    assert_eq!(snapshot.heads_of(&[nobody]).expect("heads can be read"), [None]);
}
