//! Answers of peers that lie: nothing of them is taken (RE12).

use pandan_admission::{PartAsk, PartError, Payloads};
use pandan_bamboo::{ForkProof, LogId, NextArgs};
use pandan_operations::{FieldName, Operation};
use pandan_replication::limits::{MAX_PART_BYTES, MAX_PART_ENTRIES};
use pandan_replication::{
    Ask, Asker, AskerEffect, End, Fault, Message, PartContent, PartMessage, Received, Told,
};
use pandan_store::MemoryStore;
use pandan_sync::{Examined, Serving, ask_item, examine_told};
use pandan_testkit::{Author, Signed, fields, text};

use crate::support::{Note, change_entries, talk_through};

fn note() -> Note {
    Note::new(std::sync::Arc::new(MemoryStore::new()))
}

fn received(signed: &Signed) -> Received {
    Received { entry: signed.entry.as_bytes().to_vec(), payload: Some(signed.payload.clone()) }
}

fn newest(note: &Note, count: u64) -> PartAsk {
    let header = note.line[0].entry.header();
    PartAsk::Newest { author: header.public_key(), log_id: header.log_id(), count }
}

/// What comes of an answer that somebody has changed on its way.
fn changed(
    note: &Note,
    asked: PartAsk,
    mut change: impl FnMut(&mut Vec<Received>),
) -> Result<Examined, PartError> {
    told(note, asked, |message| change_entries(message, &mut change))
}

fn told(
    note: &Note,
    asked: PartAsk,
    change: impl FnMut(Message) -> Vec<Message>,
) -> Result<Examined, PartError> {
    let ask = Ask { payloads_optional: false, items: vec![ask_item(&asked)] };
    let mut talk = talk_through(&*note.store, &Serving::ALL, ask, change);
    assert_eq!(talk.end, End::Complete);
    examine_told(asked, Payloads::All, talk.told.remove(0))
}

#[test]
fn re12_what_a_peer_tells_is_verified_alone_and_nothing_else_is_taken() {
    let note = note();
    let document = PartAsk::Document(note.id);
    let mallory = Author::new(7);
    let args = NextArgs::first(LogId::new(0));
    let operation = Operation::decode(&note.line[0].payload).unwrap();
    let foreign = mallory.sign(&args, &operation);
    for asked in [document, newest(&note, 3)] {
        // Unchanged it is taken.
        assert!(matches!(changed(&note, asked, |_| {}), Ok(Examined::Part(_))));
        // One entry less, whichever.
        let mut count = 0;
        changed(&note, asked, |entries| count = entries.len()).unwrap();
        for index in 0..count {
            let result = changed(&note, asked, |entries| drop(entries.remove(index)));
            assert!(result.is_err(), "without entry {index} of {count}: {result:?}");
        }
        // Any byte of any entry changed.
        for index in 0..count {
            let result = changed(&note, asked, |entries| {
                let last = entries[index].entry.len() - 1;
                entries[index].entry[last] ^= 1;
            });
            assert!(matches!(result, Err(PartError::Signature(_))), "{result:?}");
        }
        // A payload that is none of its entry.
        let result = changed(&note, asked, |entries| {
            entries.iter_mut().for_each(|it| it.payload = it.payload.as_ref().map(|_| vec![1]));
        });
        assert!(matches!(result, Err(PartError::Payload(_))), "{result:?}");
        // A payload that is missing, and one of an entry that only proves others.
        let result = changed(&note, asked, |entries| {
            entries.iter_mut().for_each(|it| it.payload = None);
        });
        assert!(matches!(result, Err(PartError::NoPayload { .. })), "{result:?}");
        let result = changed(&note, asked, |entries| {
            let path = note.line.iter().map(received);
            for full in path {
                let without = entries.iter_mut().find(|it| it.entry == full.entry);
                without.into_iter().for_each(|it| it.payload = full.payload.clone());
            }
        });
        assert!(matches!(result, Err(PartError::ExtraPayload { .. })), "{result:?}");
        // The same entry twice, and another order.
        let result = changed(&note, asked, |entries| entries.push(entries[0].clone()));
        assert!(result.is_err(), "{result:?}");
        let result = changed(&note, asked, |entries| entries.reverse());
        assert!(result.is_err(), "{result:?}");
        // An entry of somebody else, wherever it stands.
        for at_end in [false, true] {
            let result = changed(&note, asked, |entries| {
                let index = if at_end { entries.len() } else { 0 };
                entries.insert(index, received(&foreign));
            });
            assert!(
                matches!(
                    result,
                    Err(PartError::OtherLog { .. } | PartError::Extra { .. } | PartError::Order)
                ),
                "{result:?}"
            );
        }
    }
}

#[test]
fn more_of_a_log_than_was_asked_for_is_a_fault() {
    let note = note();
    // Entry 22 is on no path of what is asked for.
    let extra = received(&note.line[21]);
    for asked in [PartAsk::Document(note.id), newest(&note, 3)] {
        let result = changed(&note, asked, |entries| {
            let place = |it: &Received| {
                let of_ada = note
                    .line
                    .iter()
                    .position(|signed| signed.entry.as_bytes() == it.entry.as_slice());
                of_ada.is_none_or(|place| place > 21)
            };
            let start = entries.iter().position(|it| it.entry == note.line[0].entry.as_bytes());
            let start = start.unwrap();
            let index = entries[start..].iter().position(place).unwrap();
            entries.insert(start + index, Received { payload: None, ..extra.clone() });
        });
        assert!(result.is_err(), "{result:?}");
    }
    // All of a log is a line, too, and more than its newest entries.
    let result = changed(&note, newest(&note, 3), |entries| {
        *entries = note.line.iter().map(received).collect();
    });
    assert!(matches!(result, Err(PartError::ExtraPayload { .. } | PartError::Extra { .. })));
}

#[test]
fn entries_of_another_document_are_a_fault() {
    let mut note = note();
    let title = Operation::decode(&note.line[0].payload).unwrap().fields().unwrap().clone();
    let other = note.ada.create(&note.schema, title);
    crate::support::bring(&*note.store, std::slice::from_ref(&other));
    let result = told(&note, PartAsk::Document(note.id), |message| match message {
        Message::Part(PartMessage { item, content: PartContent::State { fields, .. } }) => {
            let fields = fields.into_iter().map(|(name, _)| (name, other.id())).collect();
            let content = PartContent::State { view: other.view(), fields };
            vec![Message::Part(PartMessage { item, content })]
        }
        message => change_entries(message, |entries| *entries = vec![received(&other)]),
    });
    assert!(matches!(result, Err(PartError::OtherDocument { .. })), "{result:?}");
}

#[test]
fn states_that_the_entries_do_not_bear_out_are_a_fault() {
    let note = note();
    let name = |name| FieldName::parse(name).unwrap();
    let [first, bob, cleo] = [&note.line[0], &note.bob, &note.cleo].map(Signed::id);
    let good = [(name("body"), cleo), (name("stars"), first), (name("title"), bob)];
    let with = |change: &dyn Fn(&mut Vec<(FieldName, _)>)| {
        told(&note, PartAsk::Document(note.id), |message| match message {
            Message::Part(PartMessage { item, content: PartContent::State { view, .. } }) => {
                let mut fields = good.to_vec();
                change(&mut fields);
                let content = PartContent::State { view, fields };
                vec![Message::Part(PartMessage { item, content })]
            }
            message => vec![message],
        })
    };
    assert!(matches!(with(&|_| {}), Ok(Examined::Part(_))));
    let result = with(&|fields| fields[1].1 = bob);
    assert!(matches!(result, Err(PartError::NotWritten { .. })), "{result:?}");
    let result = with(&|fields| drop(fields.pop()));
    assert!(matches!(result, Err(PartError::Fields)), "{result:?}");
    let result = with(&|fields| fields.push((name("zoo"), bob)));
    assert!(matches!(result, Err(PartError::Fields)), "{result:?}");
    let result = with(&Vec::clear);
    assert!(matches!(result, Err(PartError::Deleted { .. })), "{result:?}");
    let result = with(&|fields| fields[1].1 = note.line[20].id());
    assert!(matches!(result, Err(PartError::NoOperation { .. })), "{result:?}");
    // No state, or two.
    let without = told(&note, PartAsk::Document(note.id), |message| match message {
        Message::Part(PartMessage { content: PartContent::State { .. }, .. }) => Vec::new(),
        message => vec![message],
    });
    assert!(matches!(without, Err(PartError::NoState)), "{without:?}");
}

#[test]
fn forks_that_have_nothing_to_do_with_what_was_asked_for_are_a_fault() {
    let note = note();
    let fork = |author: &Author, log_id| {
        let args = NextArgs::first(log_id);
        let operation = |title: &str| Operation::Create {
            schema: note.schema.clone(),
            fields: fields([("title", text(title))]),
        };
        let [one, other] = ["a", "b"].map(|title| author.sign(&args, &operation(title)).entry);
        ForkProof::new(&one.as_authentic(), &other.as_authentic()).unwrap()
    };
    let header = *note.line[0].entry.header();
    let others = fork(&Author::new(9), LogId::new(0));
    let below = {
        let first = &note.line[0].entry;
        let forged = fork(&note.ada, header.log_id());
        ForkProof::new(&first.as_authentic(), &forged.entries()[0].as_authentic()).unwrap()
    };
    for asked in [PartAsk::Document(note.id), newest(&note, 3)] {
        let with = |proof: &ForkProof| {
            told(&note, asked, |message| match message {
                Message::Done => {
                    let content = PartContent::Proof(Box::new(*proof));
                    vec![Message::Part(PartMessage { item: 0, content }), message]
                }
                message => vec![message],
            })
        };
        assert!(matches!(with(&others), Err(PartError::OtherFork { .. })));
        assert!(matches!(with(&below), Err(PartError::Void { .. })));
        // Nor can such a fork stand for the whole answer.
        let instead = told(&note, asked, |message| match message {
            Message::Done => {
                let content = PartContent::Proof(Box::new(others));
                vec![Message::Part(PartMessage { item: 0, content }), message]
            }
            _ => Vec::new(),
        });
        assert!(matches!(instead, Err(PartError::OtherFork { .. })), "{instead:?}");
    }
}

#[test]
fn endless_answers_and_silence_end() {
    let note = note();
    let ask = || Ask { payloads_optional: false, items: vec![ask_item(&newest(&note, 3))] };
    let entry = |payload| Received { entry: vec![0; 150], payload };
    let part =
        |entries| Message::Part(PartMessage { item: 0, content: PartContent::Entries(entries) });
    let ends = |asker: &mut Asker| loop {
        match asker.poll() {
            Some(AskerEffect::Finished(end)) => return Some(end),
            Some(AskerEffect::Told(_, Told::Part { .. })) => panic!("it is not over"),
            Some(_) => {}
            None => return None,
        }
    };
    let full = vec![entry(None); 1_024];
    let mut asker = Asker::new(ask(), 0);
    for _ in 0..MAX_PART_ENTRIES / 1_024 {
        asker.handle(&part(full.clone()).encode(), 0).unwrap();
        assert_eq!(ends(&mut asker), None);
    }
    asker.handle(&part(vec![entry(None)]).encode(), 0).unwrap();
    let max = MAX_PART_ENTRIES as u64;
    assert_eq!(ends(&mut asker), Some(End::Failed(Fault::TooManyEntries { max })));

    let mut asker = Asker::new(ask(), 0);
    let size = MAX_PART_BYTES / 16;
    for _ in 0..16 {
        let large = vec![entry(Some(vec![0; size - 150]))];
        asker.handle(&part(large).encode(), 0).unwrap();
        assert_eq!(ends(&mut asker), None);
    }
    asker.handle(&part(vec![entry(None)]).encode(), 0).unwrap();
    let max = MAX_PART_BYTES;
    assert_eq!(ends(&mut asker), Some(End::Failed(Fault::TooManyBytes { max })));

    let mut asker = Asker::new(ask(), 5);
    let due = asker.poll_timeout().unwrap();
    asker.timeout(due - 1);
    assert_eq!(ends(&mut asker), None);
    asker.timeout(due);
    assert!(matches!(ends(&mut asker), Some(End::Failed(Fault::Idle { .. }))));
    // The other side is told why.
    asker.poll_frame(due).unwrap();
    let frame = asker.poll_frame(due);
    assert!(frame.is_none() || matches!(Message::decode(&frame.unwrap()), Ok(Message::Refuse(_))));
}
