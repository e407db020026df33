//! Honest answers verify, and hold just what was asked for.

use std::collections::BTreeSet;

use pandan_admission::{Part, PartAsk, Payloads, Piece};
use pandan_bamboo::{SeqNum, certificate_pool, link_path};
use pandan_operations::{DocumentId, Operation, OperationId, SchemaId};
use pandan_replication::{AskItem, Interest, PartContent, Told};
use pandan_schema::Value;
use pandan_store::forks::ForkQuery;
use pandan_store::query::Selection;
use pandan_store::{DocumentRecord, MemoryStore, Snapshot, Store};
use pandan_sync::{Examined, Follow, Serving, log_name};
use pandan_testkit::{Delivery, History};

use crate::support::{Note, ask, on_all_stores, talk, talk_through};

fn part(examined: Examined) -> Part {
    match examined {
        Examined::Part(part) => *part,
        other => panic!("expected a part, found {other:?}"),
    }
}

fn places(part: &Part, log: &Piece) -> Vec<u64> {
    let same = |piece: &&Piece| piece.header().public_key() == log.header().public_key();
    part.pieces().iter().filter(same).map(|piece| piece.header().seq_num().number()).collect()
}

#[test]
fn re11_who_asks_gets_the_latest_view_with_its_certificate_pools_and_no_more() {
    on_all_stores(|new_store| {
        let note = Note::new(new_store());
        let asked = PartAsk::Document(note.id);
        let part = part(ask(&*note.store, asked, Payloads::All).unwrap());
        let state = part.state().unwrap();
        assert_eq!(state.view, note.cleo.view());
        let fields: Vec<_> = state.fields.iter().map(|(name, id)| (name.as_str(), *id)).collect();
        let expected =
            [("body", note.cleo.id()), ("stars", note.line[0].id()), ("title", note.bob.id())];
        assert_eq!(fields, expected);
        // Of Ada's log: the first entry, which sets a field, with its pool, and what Bob's log
        // begins on top of, with its own.
        let of = |signed: &pandan_testkit::Signed| {
            part.pieces().iter().find(|piece| piece.id() == signed.id()).unwrap()
        };
        let pool = certificate_pool(SeqNum::new(40).unwrap()).map(SeqNum::number);
        let expected: BTreeSet<_> = pool.chain([1]).collect();
        assert_eq!(places(&part, of(&note.line[0])), Vec::from_iter(expected));
        assert_eq!(part.pieces().len(), 4 + 2);
        for piece in part.pieces() {
            let is_asked = [&note.line[0], &note.bob, &note.cleo].map(|it| it.id());
            assert_eq!(piece.payload().is_some(), is_asked.contains(&piece.id()), "{piece:?}");
            assert!(!piece.lacks_payload());
        }
    });
}

#[test]
fn the_newest_part_of_a_log_comes_with_the_path_of_its_lowest_entry() {
    on_all_stores(|new_store| {
        let note = Note::new(new_store());
        let header = *note.line[0].entry.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        for count in [1, 2, 7, 39, 40, 41, 1_024] {
            let asked = PartAsk::Newest { author, log_id, count };
            let part = part(ask(&*note.store, asked, Payloads::All).unwrap());
            let lowest = 40_u64.saturating_sub(count) + 1;
            let path = link_path(SeqNum::new(lowest).unwrap(), SeqNum::FIRST).map(SeqNum::number);
            let expected: BTreeSet<_> = path.chain(lowest..=40).collect();
            assert_eq!(places(&part, &part.pieces()[0]), Vec::from_iter(expected));
            let payloads = part.pieces().iter().filter(|piece| piece.payload().is_some());
            assert_eq!(payloads.count() as u64, count.min(40));
        }
    });
}

#[test]
fn payloads_are_left_out_and_come_later() {
    on_all_stores(|new_store| {
        let note = Note::new(new_store());
        let header = *note.line[0].entry.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        let asked = PartAsk::Newest { author, log_id, count: 3 };
        let part = part(ask(&*note.store, asked, Payloads::MayLack).unwrap());
        let lacking: Vec<_> = part.pieces().iter().filter(|piece| piece.lacks_payload()).collect();
        let places: Vec<_> = lacking.iter().map(|piece| piece.header().seq_num()).collect();
        assert_eq!(places.iter().map(|place| place.number()).collect::<Vec<_>>(), [38, 39, 40]);
        let item = AskItem::Payloads { log: log_name(&author, log_id), places };
        let [Told::Part { entries, .. }] = &talk(&*note.store, vec![item]).told[..] else {
            panic!("expected entries with payloads")
        };
        let found: Vec<_> = entries.iter().map(|entry| entry.payload.clone().unwrap()).collect();
        let expected: Vec<_> = note.line[37..].iter().map(|it| it.payload.clone()).collect();
        assert_eq!(found, expected);

        let asked = PartAsk::Document(note.id);
        let part = match ask(&*note.store, asked, Payloads::MayLack).unwrap() {
            Examined::Part(part) => part,
            other => panic!("expected a part, found {other:?}"),
        };
        // All of these begin logs, which their payloads bind to the document.
        assert!(part.pieces().iter().all(|piece| !piece.lacks_payload()));
    });
}

#[test]
fn schemas_that_are_not_replicated_are_not_served() {
    let note = Note::new(std::sync::Arc::new(MemoryStore::new()));
    let header = *note.line[0].entry.header();
    let log = log_name(&header.public_key(), header.log_id());
    let items = vec![
        AskItem::Document(note.id),
        AskItem::Newest { log, count: 3 },
        AskItem::Payloads { log, places: vec![SeqNum::FIRST] },
        AskItem::Whole(note.id),
        AskItem::WholeOf(log),
    ];
    let (none, own) = (Vec::new(), vec![note.schema.clone()]);
    for (schemas, follow, is_told) in [
        (none.clone(), Follow::None, false),
        (none.clone(), Follow::Blobs, false),
        (none, Follow::All, true),
        (own, Follow::None, true),
    ] {
        let ask = pandan_replication::Ask { payloads_optional: false, items: items.clone() };
        let serving = Serving::new(Interest::Schemas(schemas), follow);
        let talk = talk_through(&*note.store, &serving, ask, |message| vec![message]);
        assert_eq!(talk.told.len(), items.len());
        assert!(talk.told.iter().all(|told| (*told != Told::Nothing) == is_told), "{talk:?}");
    }
}

#[test]
fn what_is_not_there_is_told_as_nothing() {
    on_all_stores(|new_store| {
        let note = Note::new(new_store());
        let stranger = pandan_testkit::Author::new(9).public_key();
        let log_id = pandan_bamboo::LogId::new(0);
        let unknown = DocumentId::from_hash(*note.bob.id().as_hash());
        for asked in
            [PartAsk::Document(unknown), PartAsk::Newest { author: stranger, log_id, count: 1 }]
        {
            let examined = ask(&*note.store, asked, Payloads::All).unwrap();
            assert_eq!(examined, Examined::Nothing);
        }
    });
}

#[test]
fn what_is_more_than_a_part_is_told_as_too_much() {
    on_all_stores(|new_store| {
        let note = Note::new(new_store());
        let mut ada = note.ada.clone();
        let mut view = note.cleo.view();
        for _ in 0..9 {
            let body = pandan_testkit::text(&"x".repeat(500_000));
            let values = pandan_testkit::fields([("body", body)]);
            let update = ada.update(note.id, &note.schema, &view, values);
            view = update.view();
            crate::support::bring(&*note.store, &[update]);
        }
        let header = *note.line[0].entry.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        let newest = |count| PartAsk::Newest { author, log_id, count };
        let asked = |count, payloads| ask(&*note.store, newest(count), payloads).unwrap();
        assert!(matches!(asked(8, Payloads::All), Examined::Part(_)));
        assert_eq!(asked(9, Payloads::All), Examined::TooMuch);
        assert!(matches!(asked(9, Payloads::MayLack), Examined::Part(_)));
    });
}

/// Whatever people wrote, forks included: what is told of each document verifies and shows what the
/// store shows.
#[test]
fn parts_of_all_documents_verify_and_show_what_the_store_shows() {
    for seed in 0..12 {
        let store = MemoryStore::new();
        Delivery::in_order().bring(&History::with_forks(seed, 150), &store);
        let snapshot = store.snapshot().unwrap();
        let (mut parts, mut withdrawn) = (0, 0);
        for record in documents(&*snapshot) {
            let asked = PartAsk::Document(record.id);
            match ask(&store, asked, Payloads::All).unwrap() {
                Examined::Part(part) => {
                    parts += 1;
                    compare(&*snapshot, &record, &part);
                }
                Examined::Withdrawn(_) => withdrawn += 1,
                // Operations on top of void ones have to be asked for with all others.
                Examined::TooMuch => assert_eq!(snapshot.have_void(&[record.id]).unwrap(), [true]),
                Examined::Nothing => panic!("document {} is there", record.id),
            }
        }
        assert!(parts > 10, "{parts} parts, {withdrawn} withdrawn");
    }
}

fn documents(snapshot: &dyn Snapshot) -> Vec<DocumentRecord> {
    let schemas = snapshot.schemas().unwrap();
    let schemas = schemas.into_iter().map(|known| known.schema.id().clone());
    let ranges: Vec<_> = schemas.map(pandan_store::heads::HeadRange::all).collect();
    let heads = snapshot.heads(&ranges, usize::MAX).unwrap();
    let mut ids = BTreeSet::new();
    for head in heads {
        let logs = snapshot.logs(&head.head.author).unwrap();
        ids.extend(logs.into_iter().map(|log| log.document));
    }
    let query = ForkQuery { author: None, document: None, after: None, first: 1_000 };
    let forks = snapshot.forks(&query).unwrap().forks;
    ids.extend(forks.into_iter().flat_map(|fork| fork.documents));
    let ids: Vec<_> = ids.into_iter().collect();
    snapshot.documents(&ids, &Selection::All).unwrap().into_iter().flatten().collect()
}

fn compare(snapshot: &dyn Snapshot, record: &DocumentRecord, part: &Part) {
    let state = part.state().unwrap();
    assert_eq!(state.view, record.view_id);
    let names = |fields: &Vec<(_, Value)>| fields.iter().map(|(name, _)| name).cloned().collect();
    let expected: Vec<pandan_operations::FieldName> =
        record.fields.as_ref().map(names).unwrap_or_default();
    let found: Vec<_> = state.fields.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(found, expected);
    for (name, id) in &state.fields {
        let raw = written(part, id, name.as_str());
        // What the store shows is what this operation wrote.
        let stored =
            snapshot.entry(&pandan_bamboo::EntryHash::from_hash(*id.as_hash())).unwrap().unwrap();
        let operation = Operation::decode(&stored.operation.unwrap()).unwrap();
        assert_eq!(operation.fields().unwrap().get(name.as_str()), Some(&raw));
        if let (Some(Value::Str(shown)), pandan_operations::RawValue::Str(raw)) =
            (record.field(name.as_str()), &raw)
        {
            assert_eq!(shown, raw);
        }
    }
    let schemas: BTreeSet<SchemaId> = part
        .pieces()
        .iter()
        .filter_map(|piece| piece.operation().map(|operation| operation.schema().clone()))
        .collect();
    assert_eq!(schemas, BTreeSet::from([record.schema.clone()]));
}

fn written(part: &Part, id: &OperationId, name: &str) -> pandan_operations::RawValue {
    let piece = part.pieces().iter().find(|piece| piece.id() == *id).unwrap();
    piece.operation().unwrap().fields().unwrap().get(name).unwrap().clone()
}

#[test]
fn many_items_are_answered_in_order_and_large_answers_in_several_frames() {
    on_all_stores(|new_store| {
        let note = Note::new(new_store());
        let items: Vec<_> = (0..64).map(|_| AskItem::Document(note.id)).collect();
        let talk = talk(&*note.store, items);
        assert_eq!(talk.told.len(), 64);
        assert!(talk.told.iter().all(|told| *told == talk.told[0]));
        for frame in &talk.frames {
            if let pandan_replication::Message::Part(part) = frame {
                assert!(matches!(
                    part.content,
                    PartContent::State { .. } | PartContent::Entries(_)
                ));
            }
        }
    });
}
