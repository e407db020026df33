//! Two stores that send each other what they lack end with the same logs, forks and documents.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pandan_admission::{Arrival as Arrived, Candidate, Door, WaitingRoom};
use pandan_bamboo::{EntryHash, ForkProof, SeqNum};
use pandan_operations::{DocumentId, DocumentViewId, SchemaId};
use pandan_store::conformance::{contents, forks};
use pandan_store::heads::{
    Arrival, Budget, Head, HeadRange, LogPlace, WantedEntries, WantedLog, Wants,
};
use pandan_store::{
    Committed, DocumentRecord, Durability, MemoryStore, Options, Outcome, Snapshot, SqliteStore,
    Store, StoredEntry,
};
use pandan_testkit::{History, Random, deliveries, forked_histories};
use proptest::prelude::*;

/// A store, and the entries that wait for others.
struct Side {
    store: Box<dyn Store>,
    room: WaitingRoom,
}

type Heads = BTreeMap<LogPlace, (SchemaId, Head)>;

impl Side {
    fn new(store: impl Store) -> Self {
        Self { store: Box::new(store), room: WaitingRoom::new() }
    }

    /// Brings a part of a history, and some proofs of its forks.
    fn bring(&self, history: &History, random: &mut Random) {
        let kept = history.signed.iter().filter(|_| !random.chance(7)).collect::<Vec<_>>();
        // What lacks something is left out.
        let batch = kept.into_iter().map(|signed| (signed.candidate(), Door::Peer)).collect();
        self.store.ingest(batch).expect("the store can be written to");
        for proof in history.proofs() {
            if random.chance(10) {
                self.store.ingest_proof(proof).expect("the store can be written to");
            }
        }
    }

    fn snapshot(&self) -> Box<dyn Snapshot> {
        self.store.snapshot().expect("a snapshot can be taken")
    }

    fn heads(&self) -> Heads {
        let snapshot = self.snapshot();
        let schemas = snapshot.schemas().expect("schemas can be read");
        let ids: Vec<_> = schemas.into_iter().map(|it| it.schema.id().clone()).collect();
        let ranges: Vec<_> = ids.iter().cloned().map(HeadRange::all).collect();
        let heads = snapshot.heads(&ranges, usize::MAX).expect("heads can be read");
        heads.into_iter().map(|it| (it.head.place(), (ids[it.range].clone(), it.head))).collect()
    }

    fn proofs(&self) -> Vec<ForkProof> {
        forks(&*self.snapshot(), None, None).into_iter().map(|fork| fork.proof).collect()
    }

    /// All documents but those that are withdrawn: nobody has to have what is void.
    fn documents(&self) -> BTreeMap<DocumentId, DocumentRecord> {
        let is_withdrawn = |record: &DocumentRecord| {
            record.is_deleted() && record.view_id == DocumentViewId::from(record.id)
        };
        let mut documents = contents(&*self.snapshot()).documents;
        documents.retain(|_, record| !is_withdrawn(record));
        documents
    }

    fn freeze(&mut self, proof: ForkProof) -> Vec<Candidate> {
        let frozen = self.store.ingest_proof(proof).expect("the store can be written to");
        frozen.map(|frozen| self.room.frozen(&frozen.proof)).unwrap_or_default()
    }

    /// Takes in a page. Returns how many of its entries have to wait.
    fn take(&mut self, page: WantedEntries) -> usize {
        let mut queue = VecDeque::new();
        for proof in page.proofs {
            queue.extend(self.freeze(proof));
        }
        queue.extend(page.entries.iter().map(candidate));
        let mut waiting = 0;
        while !queue.is_empty() {
            let batch = queue.drain(..).map(|candidate| (candidate, Door::Peer)).collect();
            for outcome in self.store.ingest(batch).expect("the store can be written to") {
                waiting += usize::from(matches!(outcome.entry(), Outcome::Wait(_)));
                queue.extend(self.settle(outcome));
            }
        }
        waiting
    }

    fn settle(&mut self, outcome: Outcome) -> Vec<Candidate> {
        let (frozen, outcome) = outcome.split();
        let mut again = frozen.map(|it| self.room.frozen(&it.proof)).unwrap_or_default();
        match outcome {
            Outcome::Committed(Committed {
                author, log_id, seq_num, operation, schemas, ..
            }) => {
                let schemas: Vec<_> = schemas.iter().map(|it| it.schema.id().clone()).collect();
                let arrived = Arrived { author, log_id, seq_num, operation, schemas: &schemas };
                again.extend(self.room.arrived(arrived));
            }
            Outcome::Wait(waiting) => drop(self.room.hold(*waiting)),
            Outcome::Refused(refusal) => panic!("a good entry was refused: {refusal:?}"),
            Outcome::Known { .. } | Outcome::Forked(..) => {}
        }
        again
    }
}

fn candidate(stored: &StoredEntry) -> Candidate {
    let payload = stored.operation.as_deref().expect("no operation was deleted");
    Candidate::examine(stored.entry.as_bytes(), payload).expect("what is stored is good")
}

/// What one side wants of another, as it follows from their heads and forks.
fn wants(own: &Side, other: &Side, random: &mut Random) -> Wants {
    let (ours, theirs) = (own.heads(), other.heads());
    let mut logs = BTreeMap::new();
    for place in ours.keys().chain(theirs.keys()) {
        let (ours, theirs) = (ours.get(place), theirs.get(place));
        if ours != theirs
            && let Some((_, head)) = ours.or(theirs)
        {
            let from = ours.map_or(SeqNum::FIRST, |(_, head)| {
                let next = head.latest.map_or(Some(SeqNum::FIRST), SeqNum::next);
                let next = next.expect("logs are short");
                if head.fork.is_some_and(|fork| fork <= next) { SeqNum::MAX } else { next }
            });
            logs.insert(*place, WantedLog { author: head.author, log_id: head.log_id, from });
        }
    }
    let known: BTreeSet<_> = own.proofs().iter().map(entries_of).collect();
    for proof in other.proofs().iter().filter(|proof| !known.contains(&entries_of(proof))) {
        let (author, log_id) = (proof.public_key(), proof.log_id());
        let log = WantedLog { author, log_id, from: SeqNum::MAX };
        logs.entry(LogPlace::of(&author, log_id)).or_insert(log);
    }
    let mut ranges = Vec::new();
    // Who has nothing of a schema, or lost track, asks for all of it.
    for schema in theirs.values().map(|(schema, _)| schema).collect::<BTreeSet<_>>() {
        if ours.values().all(|(other, _)| other != schema) || random.chance(5) {
            ranges.push(HeadRange::all(schema.clone()));
            let is_of_schema =
                |place: &LogPlace| theirs.get(place).is_some_and(|it| it.0 == *schema);
            logs.retain(|place, _| !is_of_schema(place));
        }
    }
    Wants { logs: logs.into_values().collect(), ranges }
}

fn entries_of(proof: &ForkProof) -> [EntryHash; 2] {
    proof.entries().map(|entry| entry.hash())
}

/// Sends pages; returns how many entries had to wait.
fn send(from: &dyn Snapshot, to: &mut Side, wants: &Wants, budget: Budget) -> usize {
    let (mut waiting, mut after) = (0, Arrival::default());
    loop {
        let page = from.wanted_entries(wants, after, budget).expect("entries can be read");
        let next = page.next;
        waiting += to.take(page);
        match next {
            Some(next) => after = next,
            None => return waiting,
        }
    }
}

/// Looks for the places where lines differ, as sessions do by asking for single entries.
fn hunt(one: &mut Side, other: &mut Side) {
    let (heads, others) = (one.heads(), other.heads());
    let differing = heads.iter().filter(|(place, it)| others.get(*place).is_some_and(|o| o != *it));
    for (_, (_, head)) in differing {
        let [line, twin] = [&one.store, &other.store].map(|store| {
            let snapshot = store.snapshot().expect("a snapshot can be taken");
            snapshot.log(&head.author, head.log_id, SeqNum::FIRST, 1_000).expect("it can be read")
        });
        let fork = line.iter().zip(&twin).find(|(one, other)| one != other);
        let Some((first, second)) = fork else { continue };
        let proof = ForkProof::new(&first.entry.as_authentic(), &second.entry.as_authentic());
        for side in [&mut *one, &mut *other] {
            let again = side.freeze(proof.expect("they are of one place"));
            assert!(again.is_empty(), "nothing waits for a branch that nobody sent");
        }
    }
}

fn exchange(one: &mut Side, other: &mut Side, random: &mut Random) {
    for round in 0.. {
        assert!(round < 6, "they do not come to an end");
        hunt(one, other);
        if one.heads() == other.heads() && one.proofs() == other.proofs() {
            return;
        }
        let agree_on_forks = one.proofs() == other.proofs();
        let budget = Budget { entries: 1 + random.below(20), bytes: 200 + random.below(20_000) };
        let both = [wants(one, other, random), wants(other, one, random)];
        let snapshots = [other.snapshot(), one.snapshot()];
        let waiting = send(&*snapshots[0], one, &both[0], budget)
            + send(&*snapshots[1], other, &both[1], budget);
        assert!(!agree_on_forks || waiting == 0, "all that entries need comes before them");
    }
}

fn sqlite(folder: &tempfile::TempDir) -> SqliteStore {
    let options = Options { durability: Durability::Normal, ..Options::default() };
    SqliteStore::open(folder.path().join("pandan.sqlite"), options).expect("a new store opens")
}

/// Some logs from anywhere on, and some ranges.
fn some_wants(side: &Side, random: &mut Random) -> Wants {
    let heads: Vec<_> = side.heads().into_values().collect();
    let mut wants = Wants::default();
    for (_, head) in random.some(&heads, 8) {
        let from = SeqNum::new(1 + random.below(4) as u64).expect("it is not 0");
        wants.logs.push(WantedLog { author: head.author, log_id: head.log_id, from });
    }
    for proof in random.some(&side.proofs(), 3) {
        let (author, log_id) = (proof.public_key(), proof.log_id());
        wants.logs.push(WantedLog { author, log_id, from: SeqNum::MAX });
    }
    for (schema, head) in random.some(&heads, 2) {
        let (from, to) = match random.chance(50) {
            true => (Some(head.place()), None),
            false => (None, Some(head.place())),
        };
        wants.ranges.push(HeadRange { schema, from, to });
    }
    wants
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn two_stores_that_exchange_what_they_lack_end_alike(
        history in forked_histories(120),
        seed in any::<u64>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (mut one, mut other) = (Side::new(MemoryStore::new()), Side::new(sqlite(&folder)));
        let mut random = Random::new(seed);
        one.bring(&history, &mut random);
        other.bring(&history, &mut random);
        exchange(&mut one, &mut other, &mut random);
        prop_assert_eq!(one.heads(), other.heads());
        prop_assert_eq!(one.proofs(), other.proofs());
        prop_assert_eq!(one.documents(), other.documents());
    }

    #[test]
    fn both_stores_send_the_same(
        history in forked_histories(100),
        delivery in deliveries(),
        seed in any::<u64>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let both = [Side::new(MemoryStore::new()), Side::new(sqlite(&folder))];
        for side in &both {
            delivery.bring(&history, &*side.store);
        }
        let mut random = Random::new(seed);
        for _ in 0..10 {
            let wants = some_wants(&both[0], &mut random);
            let budget = Budget { entries: 1 + random.below(20), bytes: usize::MAX };
            let mut after = [Arrival::default(); 2];
            let (mut proofs, mut sent) = ([Vec::new(), Vec::new()], 0);
            loop {
                let [expected, found] = [0, 1].map(|it| {
                    let snapshot = both[it].snapshot();
                    snapshot.wanted_entries(&wants, after[it], budget).expect("it can be read")
                });
                prop_assert_eq!(&found.entries, &expected.entries);
                prop_assert_eq!(found.proofs.len(), expected.proofs.len());
                prop_assert_eq!(found.left, expected.left);
                sent += found.entries.len();
                let next = [expected.next, found.next];
                for (all, page) in proofs.iter_mut().zip([expected, found]) {
                    all.extend(page.proofs.iter().map(entries_of));
                }
                match next {
                    [Some(one), Some(other)] => after = [one, other],
                    next => {
                        prop_assert_eq!(next, [None, None]);
                        break;
                    }
                }
                prop_assert!(sent < 10_000);
            }
            proofs.iter_mut().for_each(|all| all.sort_unstable());
            prop_assert_eq!(&proofs[0], &proofs[1]);
        }
    }
}
