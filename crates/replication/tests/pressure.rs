//! What waits for the other side is bounded, whoever makes it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::sync::Arc;

use common::lone::Lone;
use common::model::{Model, Stored, author};
use common::schemas;
use pandan_bamboo::{Fingerprint, ForkProof, HeadState, LogId, SaltedState, SeqNum};
use pandan_operations::OperationId;
use pandan_replication::limits::{
    IDLE_TIMEOUT_MS, LOGS_READ_LOW, MAX_FRAME_LENGTH, MAX_HEADS, MAX_REMEMBERED, MAX_REPEATS,
    QUEUE_BYTES_HIGH,
};
use pandan_replication::{
    Author, Bound, Commit, Content, End, Fault, KeyRange, LogKey, LogName, Message, RangeItem,
    Ranges, TheirHead, Tip,
};

fn model(logs: u64) -> Model {
    let mut model = Model::new(&schemas());
    (0..logs).for_each(|log| drop(model.write(&author(1), log, 0, "text")));
    model
}

/// Heads of logs that are nowhere, of the lowest authors.
fn invented(first: u64, count: usize) -> Vec<TheirHead> {
    let state = SaltedState::from_bytes([0; 8]);
    let log = |log_id| LogName { author: Author::MIN, log_id: LogId::new(log_id) };
    let logs = (first..).take(count).map(log);
    logs.map(|log| TheirHead { log, tip: Tip::Line(SeqNum::FIRST), state }).collect()
}

/// Each message with heads was answered with as many wishes, whether they were taken or not: half a
/// gigabyte waited in the end.
#[test]
fn who_compares_and_does_not_read_is_not_heard_further() {
    let fingerprint = |number: u8| Content::Fingerprint(Fingerprint::from_bytes([number; 8]));
    let mut lone = Lone::asked(model(60), &schemas(), false, fingerprint(0));
    lone.is_heard = false;
    for number in 1..20_u8 {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        let log = LogName { author: Author::from_bytes(bytes), log_id: LogId::new(0) };
        let middle = LogKey { schema: 0, log };
        let heads = Content::Heads(invented(u64::from(number) * 10_000, MAX_HEADS));
        let mut ranges = Ranges::default();
        let range = KeyRange::new(LogKey::MIN, Bound::Key(middle)).unwrap();
        ranges.push(RangeItem { range, content: heads }).unwrap();
        let range = KeyRange::new(middle, Bound::End).unwrap();
        ranges.push(RangeItem { range, content: fingerprint(number) }).unwrap();
        if lone.try_say(&Message::Ranges(ranges)).is_err() {
            break;
        }
        let waiting = lone.session.usage().queued_bytes;
        assert!(waiting <= QUEUE_BYTES_HIGH + MAX_FRAME_LENGTH, "{waiting} bytes");
    }
    assert!(matches!(lone.end, Some(End::Failed(_))), "{:?}", lone.end);
}

fn proof(log: u64) -> ForkProof {
    let entry = |text| Model::new(&schemas()).write(&author(1), log, 0, text).entry;
    let [one, other] = ["one", "other"].map(entry);
    ForkProof::new(&one.as_authentic(), &other.as_authentic()).unwrap()
}

/// Somebody forks its logs, and somebody else does not read what is told of that.
#[test]
fn forks_are_told_no_faster_than_they_are_read() {
    let mut lone = Lone::live(model(1), &schemas());
    lone.is_heard = false;
    let proof = proof(0);
    for _ in 0..20_000 {
        lone.session.fork(&proof);
    }
    let waiting = lone.session.usage().queued_bytes;
    assert!((QUEUE_BYTES_HIGH..QUEUE_BYTES_HIGH + 1_000).contains(&waiting), "{waiting} bytes");
    lone.is_heard = true;
    lone.play();
    assert_eq!(lone.end, Some(End::CompareAgain), "the others are found by comparing");
}

/// A live session may be silent, but who takes nothing of what it tells is not there.
#[test]
fn who_does_not_read_news_is_given_up() {
    let mut lone = Lone::live(model(1), &schemas());
    lone.is_heard = false;
    assert_eq!(lone.session.poll_timeout(), None);
    // Long after something has last happened.
    let now = 10 * IDLE_TIMEOUT_MS;
    lone.session.commit(&commit(&model(2).entries[1]));
    lone.session.timeout(now);
    assert_eq!(lone.session.poll_timeout(), Some(now + IDLE_TIMEOUT_MS));
    lone.session.timeout(now + IDLE_TIMEOUT_MS - 1);
    lone.play();
    assert_eq!(lone.end, None);
    lone.session.timeout(now + IDLE_TIMEOUT_MS);
    lone.play();
    assert_eq!(lone.end, Some(End::Failed(Fault::Idle { ms: IDLE_TIMEOUT_MS })));
}

#[test]
fn a_fork_does_not_go_back_to_who_told_of_it() {
    let mut lone = Lone::live(model(1), &schemas());
    lone.say(&Message::Proof(Box::new(proof(0))));
    lone.session.fork(&proof(0));
    lone.session.fork(&proof(1));
    lone.play();
    assert_eq!(lone.said, [Message::Proof(Box::new(proof(1)))]);
}

#[test]
fn the_store_is_asked_about_so_many_logs_and_then_no_frame_is_read() {
    for (count, wants) in [(LOGS_READ_LOW - 1, true), (LOGS_READ_LOW, false)] {
        let mut lone = Lone::live(model(1), &schemas());
        lone.answers = false;
        lone.say(&Message::Have(invented(0, count)));
        assert_eq!(lone.session.wants_input(), wants, "{count} logs");
        lone.answers = true;
        lone.play();
        assert!(lone.session.wants_input() || lone.end.is_some());
    }
}

fn commit(stored: &Stored) -> Commit {
    let id = OperationId::from(stored.entry.hash());
    Commit {
        schema: schemas()[0].clone(),
        document: id.into(),
        operation: id,
        log: stored.log,
        seq_num: stored.seq_num,
        state: HeadState::of_line(stored.entry.hash()),
        received: Arc::new(stored.received()),
    }
}

/// Of many logs those were forgotten first that had come first, also if there was just something new
/// in them; so it went back to where it came from.
#[test]
fn news_do_not_go_back_however_many_logs_there_are() {
    let mut lone = Lone::live(Model::new(&schemas()), &schemas());
    let count = u64::try_from(MAX_REMEMBERED).unwrap();
    let mut theirs = Model::new(&schemas());
    let first: Vec<_> = (0..count).map(|log| theirs.write(&author(2), log, 0, "first")).collect();
    for stored in first.chunks(500) {
        lone.say(&Message::Entries(stored.iter().map(Stored::received).collect()));
    }
    // The model looks through all entries for the latest of a log.
    theirs.entries.truncate(1);
    let news = [
        theirs.write(&author(2), 0, 0, "second"),
        theirs.write(&author(2), count, 0, "of another log"),
    ];
    lone.say(&Message::Entries(news.iter().map(Stored::received).collect()));
    lone.said.clear();
    news.iter().for_each(|stored| lone.session.commit(&commit(stored)));
    lone.play();
    assert_eq!(lone.said, []);
}

/// Who tells of news first, and sends them when asked, has sent nothing twice, though they may have
/// come from somebody else meanwhile.
#[test]
fn news_that_somebody_else_brought_first_are_no_repeats() {
    let logs = MAX_REPEATS + 1;
    let mut lone = Lone::live(Model::new(&schemas()), &schemas());
    let theirs = model(logs);
    let state = SaltedState::from_bytes([0; 8]);
    let head =
        |stored: &Stored| TheirHead { log: stored.log, tip: Tip::Line(stored.seq_num), state };
    lone.say(&Message::Have(theirs.entries.iter().map(head).collect()));
    lone.model = theirs.clone();
    for stored in theirs.entries.chunks(500) {
        lone.say(&Message::Entries(stored.iter().map(Stored::received).collect()));
    }
    assert_eq!((&lone.end, lone.session.status().known), (&None, logs));
}
