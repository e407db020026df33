//! What was told is kept in part, and completed when asked (RE13).

use pandan_admission::{Door, Part, PartAsk, PartSubject, Payloads};
use pandan_replication::{AskItem, Told};
use pandan_store::heads::LogPlace;
use pandan_store::query::Selection;
use pandan_store::{Keeping, Store, Teller};
use pandan_sync::{Examined, Fate, Intake, examine, log_name, whole_item};

use crate::support::{Note, ask, on_all_stores, talk};

const TELLER: Teller = Teller { peer: [7; 32], unix_seconds: 1_700_000_000 };

fn part(store: &dyn Store, asked: PartAsk, payloads: Payloads) -> Part {
    match ask(store, asked, payloads).unwrap() {
        Examined::Part(part) => *part,
        other => panic!("expected a part, found {other:?}"),
    }
}

#[test]
fn re13_what_is_held_in_part_is_known_as_such_and_completed_when_asked() {
    on_all_stores(|new_store| {
        let (note, store) = (Note::new(new_store()), new_store());
        let header = *note.line[0].entry.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        let newest = PartAsk::Newest { author, log_id, count: 5 };
        for asked in [PartAsk::Document(note.id), newest] {
            let part = part(&*note.store, asked, Payloads::All);
            assert_eq!(store.keep_part(&part, TELLER).unwrap(), Keeping::Kept);
        }
        let snapshot = store.snapshot().unwrap();
        let subjects = [PartSubject::Document(note.id), PartSubject::Log { author, log_id }];
        let found: Vec<_> =
            snapshot.parts().unwrap().iter().map(|part| part.ask.subject()).collect();
        assert_eq!(found, subjects);
        // Nowhere else is anything of it, and nobody who asks gets it from here.
        assert_eq!(snapshot.documents(&[note.id], &Selection::All).unwrap(), [None]);
        assert_eq!(snapshot.heads_of(&[LogPlace::of(&author, log_id)]).unwrap(), [None]);
        assert_eq!(snapshot.counts().unwrap().entries, 0);
        let items = vec![
            AskItem::Document(note.id),
            AskItem::Newest { log: log_name(&author, log_id), count: 5 },
            AskItem::Whole(note.id),
        ];
        assert_eq!(talk(&*store, items).told, [Told::Nothing, Told::Nothing, Told::Nothing]);

        let talk = talk(&*note.store, vec![whole_item(&subjects[1])]);
        let mut intake = Intake::new(store.clone());
        let batch = talk.handed_on.iter().map(|it| (examine(it).unwrap(), Door::Peer));
        let taken = intake.take(batch.collect()).unwrap();
        assert!(taken.judged.iter().all(|it| matches!(it.fate, Fate::Stored(_))));
        let snapshot = store.snapshot().unwrap();
        assert_eq!(snapshot.parts().unwrap(), []);
        let expected = note.store.snapshot().unwrap();
        let expected = expected.documents(&[note.id], &Selection::All).unwrap();
        assert_eq!(snapshot.documents(&[note.id], &Selection::All).unwrap(), expected);
    });
}

#[test]
fn payloads_that_were_left_out_are_filled_in() {
    on_all_stores(|new_store| {
        let (note, store) = (Note::new(new_store()), new_store());
        let header = *note.line[0].entry.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        let newest = PartAsk::Newest { author, log_id, count: 5 };
        let without = part(&*note.store, newest, Payloads::MayLack);
        assert_eq!(store.keep_part(&without, TELLER).unwrap(), Keeping::Kept);
        let kept = store.snapshot().unwrap().part(&newest.subject()).unwrap().unwrap();
        let places: Vec<_> = kept.lacking().map(|entry| entry.header().seq_num()).collect();
        let item = AskItem::Payloads { log: log_name(&author, log_id), places };
        let [Told::Part { entries, .. }] = &talk(&*note.store, vec![item]).told[..] else {
            panic!("expected entries with payloads")
        };
        let mut claim = kept.claim();
        for entry in entries {
            assert_eq!(claim.fork_with(&entry.entry), Ok(None));
            assert!(claim.fill(&entry.entry, entry.payload.clone().unwrap()));
        }
        let full = Part::verify(claim.clone(), Payloads::All).unwrap();
        assert_eq!(full, part(&*note.store, newest, Payloads::All));
        // A payload that is none of its entry is noticed, and one of no entry not taken.
        let last = entries.last().unwrap();
        assert!(claim.fill(&last.entry, vec![1]));
        assert!(Part::verify(claim.clone(), Payloads::All).is_err());
        assert!(!claim.fill(note.bob.entry.as_bytes(), note.bob.payload.clone()));
    });
}
