//! Entries that are none, that are refused, and that come again and again.

use pandan_replication::limits::{MAX_REFUSED, MAX_REPEATS};
use pandan_replication::{Amount, Fault, Message, Received};

use crate::common::lone::Lone;
use crate::common::model::{Model, author};
use crate::common::schemas;
use crate::messages::{fingerprint, model, proof, request};

#[test]
fn entries_that_are_none_end_the_session() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    let entry = vec![7; 140];
    lone.try_say(&Message::Entries(vec![Received { entry, payload: Some(vec![0]) }])).unwrap();
    assert!(matches!(lone.blames(), Fault::Entry(_)));
}

#[test]
fn a_payload_that_is_missing_ends_the_session() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    let received = Received { payload: None, ..model(1).entries[0].received() };
    lone.try_say(&Message::Entries(vec![received])).unwrap();
    assert_eq!(lone.blames(), &Fault::PayloadMissing);
}

#[test]
fn re7_entries_that_are_refused_skip_their_log_and_count() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    let mut spoilt = model(u64::try_from(MAX_REFUSED).unwrap() + 1).entries;
    for stored in &mut spoilt {
        stored.payload.push(1);
    }
    let (last, first) = spoilt.split_last().unwrap();
    for (count, stored) in (1..).zip(first) {
        // The second time it is not even looked at.
        for _ in 0..2 {
            lone.try_say(&Message::Entries(vec![stored.received()])).unwrap();
            assert_eq!(lone.end, None);
        }
        assert_eq!(lone.session.status().points, 5 * count);
        assert_eq!(lone.session.status().refused, 2 * u64::from(count));
    }
    let good = Model::new(&schemas()).write(&author(2), 0, 0, "good");
    lone.try_say(&Message::Entries(vec![good.received()])).unwrap();
    assert_eq!(lone.session.status().stored, 1, "others go on");
    lone.try_say(&Message::Entries(vec![last.received()])).unwrap();
    assert_eq!(lone.fault(), &Fault::TooManyRefused { max: MAX_REFUSED });
}

#[test]
fn entries_nobody_asked_for_are_taken_as_any_others() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    let entries = model(5).entries.iter().map(|stored| stored.received()).collect();
    lone.try_say(&Message::Entries(entries)).unwrap();
    assert_eq!((lone.session.status().stored, lone.model.entries.len()), (5, 5));
}

#[test]
fn the_same_entries_again_and_again_end_the_session() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    let message = Message::Entries(vec![model(1).entries[0].received(); 64]);
    let mut repeats = 0;
    while lone.end.is_none() {
        lone.try_say(&message).unwrap();
        repeats += 64;
        assert!(repeats <= MAX_REPEATS + 2 * 64);
    }
    assert_eq!(lone.blames(), &Fault::TooManyRepeats { max: MAX_REPEATS });
}

#[test]
fn offers_that_lie_change_nothing_but_the_progress_shown() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    for _ in 0..3 {
        let amount = Amount { entries: u64::MAX, bytes: u64::MAX };
        lone.try_say(&Message::Offer(amount)).unwrap();
    }
    assert_eq!((lone.session.status().percent(), &lone.end), (0, &None));
}

/// Void entries come again with each that needs them.
#[test]
fn void_entries_may_come_again() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    lone.try_say(&proof(0)).unwrap();
    let void = Model::new(&schemas()).write(&author(1), 0, 0, "one").received();
    let message = Message::Entries(vec![void; 64]);
    for _ in 0..=2 * MAX_REPEATS / 64 {
        lone.try_say(&message).unwrap();
    }
    assert_eq!(lone.end, None);
    assert!(lone.session.status().known > MAX_REPEATS);
    // The same of one that counts is too much.
    let other = Message::Entries(vec![model(2).entries[1].received(); 64]);
    while lone.end.is_none() {
        lone.try_say(&other).unwrap();
    }
    assert_eq!(lone.blames(), &Fault::TooManyRepeats { max: MAX_REPEATS });
}
