//! Our link with a peer as deployed nodes are.

use pandan_operations::DocumentId;
use pandan_replication::legacy::limits::IDLE_INITIATE_MS;
use pandan_replication::legacy::{Fault, Memory, Message, Outcome, Precedence};

use crate::deployed_peer::{Deployed, Duo};
use crate::pair::Node;
use crate::store::{Author, Store, schema, set};

const MINUTE: u64 = 60_000;

fn duo(ours: Store, theirs: Store, insists: bool, first_tick: u64) -> Duo {
    let (precedence, is_lower) =
        if insists { (Precedence::Insists, true) } else { (Precedence::Yields, false) };
    let schemas = [schema(0), schema(1)];
    let node = Node::new(ours, &schemas, precedence);
    Duo::new(node, Deployed::new(theirs, &schemas, is_lower), first_tick)
}

/// Documents of one author, each with an update.
fn documents(author: u8, count: usize) -> (Store, Vec<DocumentId>) {
    let (mut store, author) = (Store::default(), Author::new(author));
    let documents = (0..count).map(|_| {
        let document = author.create(&mut store, &schema(0), "first");
        author.update(&mut store, document, "second");
        document
    });
    let documents = documents.collect();
    (store, documents)
}

#[track_caller]
fn check_equal(duo: &Duo) {
    assert_eq!(duo.node.store.ids(), duo.peer.store.ids());
    assert_eq!(duo.node.faults, []);
    assert_eq!(duo.peer.errors, [""; 0]);
}

#[test]
fn both_directions_whoever_begins_and_whoever_has_something() {
    for (ours, theirs) in [(3, 2), (3, 0), (0, 2), (0, 0)] {
        for insists in [true, false] {
            // We begin at once; with the first tick at zero both do.
            for first_tick in [5_000, 0] {
                let mut duo =
                    duo(documents(1, ours).0, documents(2, theirs).0, insists, first_tick);
                duo.run(20_000);
                check_equal(&duo);
                assert_eq!(duo.node.store.items.len(), 2 * (ours + theirs));
                assert!(duo.peer.completed >= 3, "{}", duo.peer.completed);
            }
        }
    }
}

#[test]
fn the_peer_alone_begins() {
    // Nobody hears our announcement but the peer, who never announced anything.
    let (mut peer_store, _) = documents(2, 2);
    Author::new(3).create(&mut peer_store, &schema(1), "another schema");
    let mut peer = Deployed::new(peer_store, &[schema(0), schema(1)], true);
    peer.take_output();
    let node = Node::new(documents(1, 2).0, &[schema(0), schema(1)], Precedence::Insists);
    let mut duo = Duo::new(node, peer, 5_000);
    duo.run(4_000);
    assert_eq!(duo.peer.completed, 0);
    duo.run(2_000);
    check_equal(&duo);
    assert!(duo.node.finished.iter().all(|finished| !finished.initiated));
}

/// Both have sent a request before they heard that of the other.
fn both_at_once(insists: bool, schemas_of_peer: u8) -> Duo {
    let mut duo = duo(documents(1, 2).0, documents(2, 2).0, insists, 5_000);
    let announced = duo.peer.take_output();
    let announce = duo.node.work(0);
    duo.peer.read(&announce);
    duo.node.inbox.extend(announced);
    assert!(duo.node.read(usize::MAX, 0));
    // Our request is in the link's hands, theirs in the stream.
    match schemas_of_peer {
        0 => duo.peer.tick(),
        number => duo.peer.request(set([schema(number)])),
    }
    duo
}

#[test]
fn of_two_requests_for_the_same_set_that_of_the_higher_peer_stands() {
    for insists in [true, false] {
        let mut duo = both_at_once(insists, 0);
        duo.run(1_000);
        check_equal(&duo);
        assert_eq!(duo.peer.completed, 1);
        let initiated: Vec<_> = duo.node.finished.iter().map(|it| it.initiated).collect();
        assert_eq!(initiated, [insists]);
    }
}

#[test]
fn of_two_requests_with_one_id_the_other_is_repeated_under_a_new_one() {
    for insists in [true, false] {
        let mut duo = both_at_once(insists, 1);
        duo.run(1_000);
        check_equal(&duo);
        assert_eq!(duo.peer.completed, 2);
        let finished = &duo.node.finished;
        let (ours, theirs) = finished.iter().partition::<Vec<_>, _>(|it| it.initiated);
        assert_eq!((ours.len(), theirs.len()), (1, 1));
        let ids: Vec<_> = duo
            .peer
            .heard
            .iter()
            .filter_map(|message| match message {
                Message::SyncRequest { session, .. } => Some(*session),
                _ => None,
            })
            .collect();
        assert_eq!(ids, if insists { vec![0] } else { vec![0, 1] });
    }
}

#[test]
fn an_entry_that_the_peer_refuses_is_kept_from_it_and_the_rest_goes_through() {
    // As it is when a document was deleted there and changed here.
    let (ours, documents) = documents(1, 8);
    let bad =
        ours.items.iter().rfind(|item| item.document == documents[3]).expect("an update").id();
    let mut duo = duo(ours, self::documents(2, 2).0, true, 5_000);
    duo.peer.store.refuses.insert(bad);
    duo.run(3 * MINUTE);
    assert_eq!(duo.peer.errors, ["refused entry"; 2], "and never again");
    let mut expected = duo.node.store.ids();
    expected.remove(&bad);
    assert_eq!(duo.peer.store.ids(), expected);
    let before = duo.peer.completed;
    duo.run(MINUTE);
    assert!(duo.peer.completed >= before + 10, "sessions come to their end");
    assert_eq!(duo.node.faults, []);
}

#[test]
fn several_refused_entries_are_found_one_after_the_other() {
    let (ours, documents) = documents(1, 8);
    let is_bad = |document: &DocumentId| [2, 3, 6].iter().any(|&bad| documents[bad] == *document);
    let bad: Vec<_> =
        ours.items.iter().filter(|it| is_bad(&it.document)).map(|item| item.id()).collect();
    let mut duo = duo(ours, Store::default(), false, 5_000);
    duo.peer.store.refuses.extend(&bad);
    duo.run(10 * MINUTE);
    assert_eq!(duo.peer.store.items.len(), 10);
    assert_eq!(duo.peer.errors.len(), 6);
    let (errors, completed) = (duo.peer.errors.len(), duo.peer.completed);
    duo.run(MINUTE);
    assert_eq!(duo.peer.errors.len(), errors);
    assert!(duo.peer.completed >= completed + 10);
}

#[test]
fn what_failed_is_remembered_over_connections() {
    let (ours, documents) = documents(1, 3);
    let bad =
        ours.items.iter().rfind(|item| item.document == documents[1]).expect("an update").id();
    let mut duo = duo(ours.clone(), Store::default(), true, 5_000);
    duo.peer.store.refuses.insert(bad);
    duo.run(3 * MINUTE);
    let memory = duo.node.link.into_memory();
    assert_eq!(memory.withheld_documents(), 1);
    let schemas = [schema(0), schema(1)];
    let node = Node::with_memory(ours, &schemas, Precedence::Insists, memory, duo.now);
    let mut store = Store::default();
    store.refuses.insert(bad);
    let mut again = Duo::new(node, Deployed::new(store, &schemas, true), duo.now + 5_000);
    again.now = duo.now;
    again.run(10_000);
    assert_eq!(again.peer.errors, [""; 0]);
    assert_eq!(again.peer.store.items.len(), 4);
}

#[test]
fn an_entry_that_we_refuse_is_not_asked_for_again() {
    let (theirs, documents) = documents(2, 4);
    let items = &theirs.items;
    let bad = items.iter().find(|item| item.document == documents[1]).expect("its first").id();
    let mut duo = duo(Store::default(), theirs, true, 5_000);
    duo.node.store.refuses.insert(bad);
    duo.run(MINUTE);
    assert_eq!(duo.node.store.items.len(), 6, "all but the log with the refused entry");
    assert_eq!(duo.peer.errors, [""; 0]);
    let refused: u64 = duo.node.finished.iter().map(|finished| finished.counts.refused).sum();
    let received: u64 = duo.node.finished.iter().map(|finished| finished.counts.received).sum();
    assert_eq!((refused, received), (2, 8), "each entry came once");
    assert!(duo.node.finished.iter().all(|finished| finished.outcome == Outcome::Complete));
    assert_eq!(duo.node.link.into_memory().refused_logs(), 1);
}

#[test]
fn entries_whose_payload_is_gone_are_never_sent_nor_what_builds_on_them() {
    let (mut ours, documents) = documents(1, 3);
    let author = Author::new(5);
    author.update(&mut ours, documents[1], "third, by another author");
    let gone =
        ours.items.iter_mut().find(|item| item.document == documents[1]).expect("it is there");
    gone.operation = None;
    let mut duo = duo(ours, Store::default(), true, 5_000);
    duo.run(MINUTE);
    assert_eq!(duo.peer.errors, [""; 0]);
    assert_eq!(duo.peer.store.items.len(), 4);
    assert!(duo.peer.completed > 10);
}

#[test]
fn entries_of_schemas_that_are_not_known_yet_come_when_they_are() {
    let (theirs, _) = documents(2, 3);
    let mut duo = duo(Store::default(), theirs, true, 5_000);
    duo.node.store.unknown.insert(schema(0));
    duo.run(10_000);
    assert!(duo.node.store.items.is_empty());
    duo.node.store.unknown.clear();
    duo.run(5_000);
    check_equal(&duo);
}

#[test]
fn an_idle_pair_costs_us_one_session_a_minute_and_what_the_peer_asks_for() {
    let mut duo = duo(documents(1, 2).0, Store::default(), true, 5_000);
    duo.run(1_000);
    duo.node.finished.clear();
    duo.run(10 * MINUTE);
    let ours = duo.node.finished.iter().filter(|finished| finished.initiated).count();
    assert_eq!(ours, 0, "the peer's sessions are as good");
    assert_eq!(duo.node.finished.len(), 120);

    let mut duo = self::duo(documents(1, 2).0, Store::default(), true, u64::MAX);
    duo.run(1_000);
    duo.node.finished.clear();
    duo.run(10 * IDLE_INITIATE_MS);
    assert_eq!(duo.node.finished.len(), 10);
}

#[test]
fn what_is_new_is_pushed_at_once() {
    let mut duo = duo(Store::default(), Store::default(), true, 5_000);
    duo.run(12_000);
    let author = Author::new(1);
    let document = author.create(&mut duo.node.store, &schema(0), "new");
    duo.node.changed(&schema(0), duo.now);
    duo.talk();
    assert_eq!(duo.peer.store.items.len(), 1, "without waiting");
    author.update(&mut duo.node.store, document, "newer");
    duo.node.changed(&schema(0), duo.now);
    duo.talk();
    assert_eq!(duo.peer.store.items.len(), 1, "not twice in a second");
    duo.run(1_000);
    check_equal(&duo);
}

#[test]
fn a_second_have_fails_the_session_on_both_sides() {
    let mut duo = duo(documents(1, 1).0, documents(2, 1).0, true, u64::MAX);
    duo.run(1_000);
    let request = || Message::SyncRequest {
        session: 0,
        mode: pandan_replication::legacy::Mode::LogHeights,
        schemas: set([schema(0)]),
    };
    let have = || Message::Have { session: 0, authors: vec![] };
    // Theirs.
    duo.peer.read(&request().encode());
    duo.peer.read(&have().encode());
    duo.peer.read(&have().encode());
    assert_eq!(duo.peer.errors, ["second Have"]);
    assert!(duo.peer.sessions.is_empty());
    // Ours.
    for message in [request(), have(), have()] {
        duo.node.inbox.extend(message.encode());
        while duo.node.read(usize::MAX, duo.now) {
            duo.node.work(duo.now);
        }
    }
    assert_eq!(duo.node.faults, [Fault::Unexpected { session: 0, found: "Have" }]);
    assert_eq!(duo.node.finished.last().expect("it ended").outcome, Outcome::Broken);
}

#[test]
fn a_peer_that_forgot_a_session_is_served_anew() {
    let mut duo = duo(documents(1, 1).0, Store::default(), true, 5_000);
    duo.run(1_000);
    // It opens a session and loses it before our answer.
    duo.peer.tick();
    duo.node.inbox.extend(duo.peer.take_output());
    while duo.node.read(usize::MAX, duo.now) {
        duo.node.work(duo.now);
    }
    duo.peer.sessions.clear();
    duo.run(6_000);
    let outcomes: Vec<_> = duo.node.finished.iter().map(|finished| finished.outcome).collect();
    assert_eq!(outcomes, [Outcome::Complete, Outcome::Replaced, Outcome::Complete]);
    check_equal(&duo);
}

#[test]
fn a_memory_without_anything_is_empty() {
    let memory = Memory::new();
    assert_eq!((memory.refused_logs(), memory.withheld_documents()), (0, 0));
}
