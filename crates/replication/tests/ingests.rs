//! Entries are handed to the store while it still writes those before, up to a limit, and whatever
//! else is said is heard as if they were taken in one after the other.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test")]

mod common;

use std::collections::VecDeque;

use common::model::{Model, author};
use common::schemas;
use pandan_bamboo::Salt;
use pandan_replication::limits::{INGEST_BYTES_LOW, MAX_INGESTS};
use pandan_replication::{
    Acceptance, Busy, Content, Effect, End, Fault, IngestId, Interest, KeyRange, Message, Phase,
    RangeItem, Ranges, Received, Refusal, RefusalCode, Request, Session, Verdict,
};

/// A session whose store takes its time.
struct Slow {
    session: Session,
    model: Model,
    ingests: VecDeque<(IngestId, Vec<Received>)>,
    said: Vec<Message>,
    end: Option<End>,
}

impl Slow {
    /// It accepts a session of somebody who has said that there is nothing to compare.
    fn new(is_live: bool) -> Self {
        let acceptance = Acceptance { interest: Interest::All, is_live: true };
        let session = Session::accept(acceptance, 0);
        let (model, ingests) = (Model::new(&schemas()), VecDeque::new());
        let mut slow = Self { session, model, ingests, said: Vec::new(), end: None };
        let mut ranges = Ranges::default();
        let content = Content::Heads(Vec::new());
        ranges.push(RangeItem { range: KeyRange::ALL, content }).unwrap();
        slow.hear(&Message::Request(Request {
            salt: Salt::from_bytes([3; 16]),
            live: is_live,
            payloads_optional: false,
            schemas: schemas().into(),
            ranges,
        }))
        .unwrap();
        slow
    }

    fn hear(&mut self, message: &Message) -> Result<(), Busy> {
        self.session.handle(&message.encode(), 0)?;
        self.play();
        Ok(())
    }

    fn play(&mut self) {
        loop {
            while let Some(effect) = self.session.poll() {
                match effect {
                    Effect::Read(id, query) => {
                        let answer = self.model.answer(self.session.schemas(), &query);
                        self.session.answer(id, answer, 0);
                    }
                    Effect::Ingest(id, entries) => self.ingests.push_back((id, entries)),
                    Effect::Finished(end) => assert_eq!(self.end.replace(end), None),
                    _ => {}
                }
            }
            let Some(frame) = self.session.poll_frame(0) else { return };
            self.said.push(Message::decode(&frame).unwrap());
        }
    }

    /// The store is through with the next batch.
    fn take_in(&mut self) {
        let (id, entries) = self.ingests.pop_front().unwrap();
        let verdicts: Vec<_> = entries.iter().map(|entry| self.model.ingest(entry)).collect();
        self.session.ingested(id, &verdicts, 0);
        self.play();
    }
}

/// Entries of one log, one in each message, with payloads of so many bytes.
fn messages(count: usize, bytes: usize) -> Vec<Message> {
    let (mut model, text) = (Model::new(&schemas()), "x".repeat(bytes - 1));
    (0..count)
        .map(|_| model.write(&author(1), 0, 0, &text))
        .map(|stored| Message::Entries(vec![stored.received()]))
        .collect()
}

fn bytes_of(message: &Message) -> usize {
    let Message::Entries(entries) = message else { panic!("no entries: {message:?}") };
    let payload = |entry: &Received| entry.payload.as_ref().map_or(0, Vec::len);
    entries.iter().map(|entry| entry.entry.len() + payload(entry)).sum()
}

#[test]
fn re7_entries_are_handed_on_in_order_while_others_are_taken_in() {
    let mut slow = Slow::new(false);
    let messages = messages(3, 10);
    messages.iter().for_each(|message| slow.hear(message).unwrap());
    let handed: Vec<_> = slow.ingests.iter().map(|(_, entries)| entries.clone()).collect();
    let sent = messages.iter().map(|message| match message {
        Message::Entries(entries) => entries.clone(),
        other => panic!("no entries: {other:?}"),
    });
    assert_eq!(handed, sent.collect::<Vec<_>>());
    assert!(slow.ingests.iter().is_sorted_by_key(|(id, _)| id), "batches have names in order");
    (0..3).for_each(|_| slow.take_in());
    let status = slow.session.status();
    assert_eq!((status.received, status.stored, status.waiting), (3, 3, 0));
}

#[test]
fn so_many_batches_on_their_way_and_no_more() {
    let mut slow = Slow::new(false);
    let messages = messages(MAX_INGESTS + 1, 10);
    let (last, first) = messages.split_last().unwrap();
    for message in first {
        assert!(slow.session.wants_input());
        slow.hear(message).unwrap();
    }
    assert_eq!(slow.hear(last), Err(Busy));
    slow.take_in();
    slow.hear(last).unwrap();
    assert_eq!(slow.ingests.len(), MAX_INGESTS);
}

#[test]
fn so_many_bytes_on_their_way_and_no_more() {
    let whole = messages(3, INGEST_BYTES_LOW / 2);
    // What is missing from the limit, and one byte less.
    let rest = |bytes: usize| {
        let entry = bytes_of(&whole[0]) - INGEST_BYTES_LOW / 2;
        messages(1, INGEST_BYTES_LOW - bytes_of(&whole[0]) - entry - bytes).remove(0)
    };
    for (bytes, wants) in [(0, false), (1, true)] {
        let mut slow = Slow::new(false);
        slow.hear(&whole[0]).unwrap();
        slow.hear(&rest(bytes)).unwrap();
        let sent: usize = bytes_of(&whole[0]) + bytes_of(&rest(bytes));
        assert_eq!(sent, INGEST_BYTES_LOW - bytes, "as many as there are to be");
        assert_eq!(slow.session.wants_input(), wants, "{sent} bytes");
        assert_eq!(slow.hear(&whole[1]).is_ok(), wants);
        slow.take_in();
        assert_eq!(slow.session.wants_input(), !wants, "{bytes}");
    }
}

#[test]
fn what_is_said_beside_entries_is_heard_when_they_are_taken_in() {
    let mut slow = Slow::new(true);
    messages(2, 10).iter().for_each(|message| slow.hear(message).unwrap());
    slow.hear(&Message::Done).unwrap();
    assert!(!slow.session.wants_input(), "nothing is heard before what waits");
    assert_eq!(slow.hear(&Message::Prune), Err(Busy));
    slow.take_in();
    assert_ne!(slow.session.status().phase, Phase::Live);
    slow.take_in();
    assert_eq!((slow.session.status().phase, slow.session.status().stored), (Phase::Live, 2));
    assert_eq!(slow.said.last(), Some(&Message::Done));
    assert!(slow.session.wants_input());
}

#[test]
fn a_refusal_is_heard_when_entries_before_it_are_taken_in() {
    let mut slow = Slow::new(true);
    slow.hear(&messages(1, 10)[0]).unwrap();
    let refusal = Refusal::new(RefusalCode::COMPARE_AGAIN, "time to compare anew");
    slow.hear(&Message::Refuse(refusal)).unwrap();
    assert_eq!(slow.end, None);
    slow.take_in();
    assert_eq!((slow.end, slow.session.status().stored), (Some(End::CompareAgain), 1));
}

#[test]
fn a_stream_that_breaks_off_does_not_hide_what_became_of_entries() {
    let mut slow = Slow::new(true);
    messages(2, 10).iter().for_each(|message| slow.hear(message).unwrap());
    slow.session.closed();
    slow.take_in();
    assert_eq!(slow.end, None);
    slow.take_in();
    assert_eq!(slow.end, Some(End::Failed(Fault::ClosedEarly)));
    assert_eq!(slow.session.status().stored, 2);
}

#[test]
fn a_message_that_is_none_waits_as_others_do_and_ends_the_session() {
    let mut slow = Slow::new(false);
    slow.hear(&messages(1, 10)[0]).unwrap();
    slow.session.handle(&[0xff], 0).unwrap();
    slow.play();
    assert_eq!(slow.end, None);
    slow.take_in();
    assert!(matches!(slow.end, Some(End::Failed(Fault::Malformed(_)))), "{:?}", slow.end);
    assert_eq!(slow.session.status().stored, 1);
}

#[test]
fn what_became_of_batches_may_be_told_in_any_order() {
    let mut slow = Slow::new(false);
    messages(3, 10).iter().for_each(|message| slow.hear(message).unwrap());
    let ids: Vec<_> = slow.ingests.iter().map(|(id, _)| *id).collect();
    for (id, verdict) in ids.iter().rev().zip([Verdict::Waiting, Verdict::Known, Verdict::Stored]) {
        slow.session.ingested(*id, &[verdict], 0);
        // A second time it is nothing.
        slow.session.ingested(*id, &[Verdict::Refused], 0);
    }
    let status = slow.session.status();
    let counts = (status.stored, status.known, status.waiting, status.refused);
    assert_eq!((counts, slow.end), ((1, 1, 1, 0), None));
}

/// A session that ended with entries on their way to the store forgot them, so who sent forged ones
/// and then another stream was never blamed.
#[test]
fn re7_what_became_of_entries_counts_when_the_session_is_over_meanwhile() {
    let gone = |session: &mut Session| session.gone();
    let refuse =
        |session: &mut Session| session.refuse(Refusal::new(RefusalCode::BUSY, "enough for today"));
    for end in [gone, refuse] {
        let mut slow = Slow::new(true);
        let mut messages = messages(2, 10);
        let Message::Entries(entries) = &mut messages[1] else { panic!("it has entries") };
        entries[0].payload = Some(b"another".to_vec());
        messages.iter().for_each(|message| slow.hear(message).unwrap());
        end(&mut slow.session);
        slow.play();
        assert!(slow.session.is_over() && slow.end.is_none());
        assert_eq!(slow.session.poll_timeout(), None, "the store works");
        slow.take_in();
        assert_eq!(slow.end, None);
        slow.take_in();
        assert!(matches!(slow.end, Some(End::Gone | End::Refused(_))));
        let status = slow.session.status();
        assert_eq!((status.stored, status.refused, status.points), (1, 1, 5));
        assert_eq!(status.phase, Phase::Over);
    }
}

#[test]
fn a_store_that_takes_nothing_keeps_no_session_waiting() {
    let mut slow = Slow::new(true);
    messages(2, 10).iter().for_each(|message| slow.hear(message).unwrap());
    slow.session.unavailable();
    slow.play();
    assert_eq!(slow.end, Some(End::Failed(Fault::Unavailable)));
    let mut slow = Slow::new(true);
    messages(2, 10).iter().for_each(|message| slow.hear(message).unwrap());
    slow.session.gone();
    slow.session.unavailable();
    slow.play();
    assert_eq!(slow.end, Some(End::Gone));
}
