//! Entries that somebody lacks, and what comes with them.

use std::collections::BTreeSet;

use pandan_admission::Door;
use pandan_bamboo::{ForkProof, LogId, SeqNum};
use pandan_operations::SchemaId;
use pandan_schema::FieldType;

use super::author::{Author, Signed};
use super::forks::{self, prove, seq_num};
use super::heads::Scene;
use super::publishing::{body, world};
use super::world::World;
use crate::contract::{Snapshot, Store, StoredEntry};
use crate::heads::{Amount, Arrival, Budget, HeadRange, WantedLog, Wants};
use crate::limits::MAX_LOGS_SORTED;

const BUDGETS: [(usize, usize); 4] =
    [(1, usize::MAX), (4, usize::MAX), (1_000, usize::MAX), (1_000, 700)];

/// All pages of what somebody wants.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pages {
    proofs: Vec<ForkProof>,
    entries: Vec<StoredEntry>,
    /// How many entries there were after each page but the last, and how many were announced.
    left: Vec<(usize, Amount)>,
}

impl Pages {
    fn read(snapshot: &dyn Snapshot, wants: &Wants, (entries, bytes): (usize, usize)) -> Self {
        let budget = Budget { entries, bytes };
        let (mut all, mut after) = (Self::default(), Arrival::default());
        loop {
            let page = snapshot.wanted_entries(wants, after, budget).expect("entries can be read");
            assert!(page.proofs.len() + page.entries.len() <= entries);
            assert!(page.proofs.is_empty() || all.entries.is_empty(), "proofs come first");
            let hashes: BTreeSet<_> = page.entries.iter().map(|it| it.entry.hash()).collect();
            assert_eq!(hashes.len(), page.entries.len(), "an entry comes once in a page");
            all.proofs.extend(page.proofs);
            all.entries.extend(page.entries);
            let Some(next) = page.next else {
                assert_eq!(page.left, Amount::default());
                return all;
            };
            assert!(next > after, "every page comes further");
            after = Arrival::from_number(next.number());
            all.left.push((all.entries.len(), page.left));
        }
    }

    /// What each page says of what comes is right when nothing comes that was not asked for.
    fn check_left(&self) {
        for (read, left) in &self.left {
            assert_eq!(left.entries, (self.entries.len() - read) as u64);
            assert_eq!(left.bytes == 0, *read == 0 || left.entries == 0);
        }
    }
}

fn from(signed: &Signed, from: SeqNum) -> WantedLog {
    let header = signed.entry.header();
    WantedLog { author: header.public_key(), log_id: header.log_id(), from }
}

/// All of the logs to which entries belong.
fn logs(signed: &[&Signed]) -> Wants {
    let logs = signed.iter().map(|signed| from(signed, SeqNum::FIRST)).collect();
    Wants { logs, ranges: Vec::new() }
}

fn all(schema: &SchemaId) -> Wants {
    Wants { logs: Vec::new(), ranges: vec![HeadRange::all(schema.clone())] }
}

fn stored<'a>(signed: impl IntoIterator<Item = &'a Signed>) -> Vec<StoredEntry> {
    let stored = |it: &Signed| StoredEntry { entry: it.entry, operation: Some(it.payload.clone()) };
    signed.into_iter().map(stored).collect()
}

/// Wanted entries come in the order in which they were stored, in pages of any size.
pub(super) fn check_order(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let snapshot = scene.world.snapshot();
    let third = seq_num(3);
    let long = scene.signed.iter().filter(|it| it.entry.header().seq_num() == third);
    let logs: Vec<_> = long.map(|it| from(it, third)).collect();
    let some = Wants { logs: logs.clone(), ranges: Vec::new() };
    let of_one = all(&scene.schemas[0]);
    let both = Wants { logs, ranges: of_one.ranges.clone() };
    let (is_late, is_of_one) = (
        |it: &Signed| it.entry.header().seq_num() >= third,
        |it: &Signed| it.schema() == scene.schemas[0],
    );
    let check = |wants: &Wants, is_wanted: &dyn Fn(&Signed) -> bool| {
        for budget in BUDGETS {
            let pages = Pages::read(&*snapshot, wants, budget);
            assert_eq!(pages.entries, stored(scene.signed.iter().filter(|it| is_wanted(it))));
            assert_eq!(pages.proofs, []);
            pages.check_left();
        }
    };
    check(&some, &is_late);
    check(&of_one, &is_of_one);
    check(&both, &|it| is_late(it) || is_of_one(it));
    check(&Wants::default(), &|_| false);
}

/// Logs of which every fourth is a line, and the others fork at their second entry; and one that
/// forks at its first.
struct Forked {
    world: World,
    schema: SchemaId,
    /// What is not void.
    lines: Vec<Signed>,
    proofs: Vec<ForkProof>,
    withdrawn: [Signed; 2],
}

impl Forked {
    fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let (world, schema) = world(new_store);
        let schema = schema.id().clone();
        let (mut lines, mut proofs) = (Vec::new(), Vec::new());
        for number in 2..5 {
            let mut author = Author::new(number);
            for log in 0..4 {
                let create = author.create(&schema, body("first"));
                let (document, view) = (create.document(), create.view());
                let mut twin = author.clone();
                let update = author.update(document, &schema, &view, body("second"));
                world.publish(&create);
                world.publish(&update);
                lines.push(create);
                if log == 3 {
                    lines.push(update);
                    continue;
                }
                let other = twin.update(document, &schema, &view, body("other"));
                world.offer_at(&other, Door::Peer).split().0.expect("it forks the log");
                proofs.push(prove(&update, &other));
            }
        }
        let mut author = Author::new(9);
        let mut twin = author.clone();
        let withdrawn = [author.create(&schema, body("a")), twin.create(&schema, body("b"))];
        world.publish(&withdrawn[0]);
        world.offer_at(&withdrawn[1], Door::Peer).split().0.expect("it forks the log");
        Self { world, schema, lines, proofs, withdrawn }
    }

    fn check(&self, wants: &Wants, proofs: &[ForkProof], lines: &[&Signed]) {
        let by_log = |proof: &ForkProof| (proof.public_key(), proof.log_id());
        let mut expected = proofs.to_vec();
        expected.sort_by_key(by_log);
        for budget in BUDGETS {
            let mut pages = Pages::read(&*self.world.snapshot(), wants, budget);
            pages.proofs.sort_by_key(by_log);
            assert_eq!(pages.proofs, expected);
            assert_eq!(pages.entries, stored(lines.iter().copied()));
            pages.check_left();
        }
    }
}

/// The proofs of wanted logs come before all entries, of every log once; what is void does not
/// come.
pub(super) fn check_proofs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let forked = Forked::new(new_store);
    let lines: Vec<_> = forked.lines.iter().collect();
    forked.check(&all(&forked.schema), &forked.proofs, &lines);
    // Beyond the end of logs there is nothing but their proofs.
    let mut wants = logs(&lines);
    for log in &mut wants.logs {
        log.from = SeqNum::MAX;
    }
    forked.check(&wants, &forked.proofs, &[]);
    // Nothing is left of a log that forks at its first entry, but it can be named.
    let withdrawn = prove(&forked.withdrawn[0], &forked.withdrawn[1]);
    let named = logs(&[&forked.withdrawn[0]]);
    forked.check(&named, &[withdrawn], &[]);
    let both = Wants { logs: named.logs, ranges: all(&forked.schema).ranges };
    forked.check(&both, &[forked.proofs.clone(), vec![withdrawn]].concat(), &lines);
    let first = Wants { logs: logs(&lines[..1]).logs, ranges: Vec::new() };
    forked.check(&first, &forked.proofs[..1], &lines[..1]);
}

/// Void operations come right before those that name them, with what they need themselves, and
/// nowhere else.
pub(super) fn check_connectors(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = forks::Scene::new(new_store);
    let (line, branch) = (&scene.line, &scene.branch);
    for signed in branch {
        scene.world.offer_at(signed, Door::Peer);
    }
    let guest = |number, tips: &[&Signed]| {
        let view = pandan_operations::DocumentViewId::from_tips(tips.iter().map(|it| it.id()));
        let view = view.expect("there is one");
        let guest = Author::new(number).update(scene.note, scene.schema.id(), &view, body("x"));
        scene.world.publish(&guest);
        guest
    };
    let one = guest(2, &[&branch[1]]);
    let two = guest(3, &[&line[2], &one]);
    let three = guest(4, &[&branch[1], &two]);
    let four = guest(5, &[&three]);
    let read = |wants: &Wants, entries| {
        Pages::read(&*scene.world.snapshot(), wants, (entries, usize::MAX))
    };
    let check = |wants: &Wants, expected: &[&Signed]| {
        for entries in [1, 2, 3, 1_000] {
            let pages = read(wants, entries);
            assert_eq!((pages.entries, pages.proofs), (stored(expected.iter().copied()), vec![]));
        }
    };
    check(&logs(&[&one]), &[&branch[0], &branch[1], &one]);
    check(&logs(&[&two]), &[&line[2], &two]);
    check(&logs(&[&four]), &[&four]);
    // Another page has them again.
    let three_of_them = logs(&[&one, &two, &three]);
    let (one_page, pages) = (read(&three_of_them, 6), read(&three_of_them, 1));
    let begin = [&branch[0], &branch[1], &one, &line[2], &two];
    assert_eq!(one_page.entries, stored(begin.into_iter().chain([&three])));
    assert_eq!(pages.entries, stored(begin.into_iter().chain([&branch[0], &branch[1], &three])));
    // Nobody asks for those of the forked log itself.
    let own = read(&logs(&[&line[0]]), 9);
    assert_eq!((own.entries, own.proofs), (stored(&line[..2]), vec![scene.proof()]));
}

/// A document comes with the void operations that its schema is made of.
pub(super) fn check_schemas(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, _) = world(new_store);
    let definition = world.author.define("panda", &[("body", FieldType::Str)]);
    for signed in &definition.signed {
        world.publish(signed);
    }
    let note = Author::new(2).create(&definition.schema, body("in use"));
    world.publish(&note);
    let [field, first] = &definition.signed[..] else { panic!("a field and a definition") };
    let update = Author::new(3).update(note.document(), &definition.schema, &note.view(), body(""));
    world.publish(&update);
    let check = |void: &[&Signed]| {
        for entries in [1, 9] {
            let read = |signed: &Signed| {
                Pages::read(&*world.snapshot(), &logs(&[signed]), (entries, usize::MAX)).entries
            };
            assert_eq!(read(&note), stored(void.iter().copied().chain([&note])));
            // Who has the document has its schema.
            assert_eq!(read(&update), stored([&update]));
        }
    };
    check(&[]);
    let mut other = Author::new(1).from_log(field.entry.header().log_id());
    let again = other.define_field("other", &FieldType::Int);
    world.store.ingest_proof(prove(field, &again)).expect("it can be written").expect("it is news");
    check(&[field]);
    let mut other = world.author.copy_at(definition.document, 0);
    let again = other.define_schema("other", &[field.view()]);
    world.store.ingest_proof(prove(first, &again)).expect("it can be written").expect("it is news");
    check(&[field, first]);
}

/// Of many logs everything comes as of few: as many as are sorted, and one more.
pub(super) fn check_many_logs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let schema = world.define("note", &[("body", FieldType::Str)]).id().clone();
    let mut author = Author::new(3).from_log(LogId::new(7));
    let creates: Vec<_> = (0..MAX_LOGS_SORTED).map(|_| author.create(&schema, body("x"))).collect();
    world.ingest(&creates.iter().collect::<Vec<_>>(), Door::Peer);
    let first = &creates[0];
    let twin = author.clone();
    let [void, other] = [(author, "a"), (twin, "b")].map(|(mut author, text)| {
        author.update(first.document(), &schema, &first.view(), body(text))
    });
    world.offer_at(&void, Door::Peer);
    world.offer_at(&other, Door::Peer).split().0.expect("it forks the log");
    let mut expected: Vec<_> = creates.iter().collect();
    let budget = (1_000, usize::MAX);
    let pages = Pages::read(&*world.snapshot(), &all(&schema), budget);
    assert_eq!(pages.entries, stored(expected.iter().copied()));
    pages.check_left();

    let mut guest = Author::new(4);
    let on_top = guest.update(first.document(), &schema, &void.view(), body("y"));
    world.publish(&on_top);
    expected.extend([&void, &on_top]);
    let pages = Pages::read(&*world.snapshot(), &all(&schema), budget);
    assert_eq!(pages.entries, stored(expected));
    assert_eq!(pages.proofs, [prove(&void, &other)]);
    for (read, left) in &pages.left {
        let rest = (pages.entries.len() - read) as u64;
        assert!(left.entries.abs_diff(rest) < 50, "{left:?} instead of {rest}");
    }
}
