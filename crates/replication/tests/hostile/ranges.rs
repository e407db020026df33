//! Ranges that lie, that are many, and that are about nothing.

use pandan_bamboo::{Fingerprint, LogId};
use pandan_replication::limits::{MAX_HEADS, MAX_RANGES, MAX_RANGES_MESSAGES};
use pandan_replication::{
    Author, Bound, Content, End, Fault, KeyRange, LogKey, LogName, Message, RangeItem, Ranges,
};

use crate::common::lone::{Lone, all};
use crate::messages::{fingerprint, invented_heads, model, request};

#[test]
fn bounds_in_unknown_schemas_are_a_fault() {
    let mut lone = Lone::accepting(model(0));
    let range = KeyRange::new(LogKey::MIN, Bound::Key(LogKey::of_schema(4))).unwrap();
    let mut ranges = Ranges::default();
    ranges.push(RangeItem { range, content: Content::Heads(Vec::new()) }).unwrap();
    lone.try_say(&request(ranges)).unwrap();
    assert_eq!(lone.blames(), &Fault::Bound { schemas: 4 });
}

#[test]
fn fingerprints_that_lie_cost_no_more_than_so_many_messages() {
    let mut lone = Lone::accepting(model(26));
    lone.try_say(&request(fingerprint(0))).unwrap();
    for count in 0..=MAX_RANGES_MESSAGES {
        assert_eq!(lone.end, None, "message {count}");
        lone.said.clear();
        lone.try_say(&Message::Ranges(fingerprint(count as u8))).unwrap();
    }
    assert_eq!(lone.blames(), &Fault::TooManyRanges { max: MAX_RANGES_MESSAGES });
}

#[test]
fn the_largest_message_of_ranges_has_a_bounded_answer() {
    for kind in 0..2 {
        let mut lone = Lone::accepting(model(200));
        let mut ranges = Ranges::default();
        let mut start = LogKey::MIN;
        for number in 0..MAX_RANGES {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&(number as u16 + 1).to_be_bytes());
            let log = LogName { author: Author::from_bytes(bytes), log_id: LogId::new(0) };
            let end = Bound::Key(LogKey { schema: 0, log });
            let content = match kind {
                0 => Content::Fingerprint(Fingerprint::from_bytes([1; 8])),
                _ => Content::Heads(Vec::new()),
            };
            let range = KeyRange::new(start, end).unwrap();
            ranges.push(RangeItem { range, content }).unwrap();
            start = LogKey { schema: 0, log };
        }
        lone.try_say(&request(ranges)).unwrap();
        let answer = lone.said.iter().find(|said| matches!(said, Message::Ranges(_)));
        assert!(answer.is_some_and(|answer| Message::decode(&answer.encode()).is_ok()));
        assert_eq!(lone.end, None);
    }
}

#[test]
fn heads_of_logs_that_are_nowhere_are_asked_for_and_that_is_all() {
    let mut lone = Lone::accepting(model(3));
    lone.try_say(&request(all(Content::Heads(invented_heads(MAX_HEADS))))).unwrap();
    let wanted = lone.said.iter().map(|said| match said {
        Message::Want(wants) => wants.len(),
        _ => 0,
    });
    assert_eq!(wanted.sum::<usize>(), MAX_HEADS);
    lone.try_say(&Message::Done).unwrap();
    lone.session.closed();
    lone.play();
    assert_eq!(lone.end, Some(End::Complete));
    assert_eq!(lone.session.status().received, 0);
}
