//! Who asks for more than it takes.

use pandan_bamboo::{Fingerprint, LogId, SeqNum};
use pandan_replication::limits::{
    GRAFT_DELAY_MS, MAX_PENDING_WANTS, MAX_QUEUE_BYTES, MAX_RANGES_MESSAGES, MAX_READS, MAX_WANTS,
};
use pandan_replication::{
    Bound, Busy, Content, Effect, End, Fault, KeyRange, LogKey, LogName, Message, RangeItem,
    Ranges, TheirHead,
};

use crate::common::lone::Lone;
use crate::common::model::{author, log_name};
use crate::messages::{fingerprint, invented_heads, live_lone, model, names, proof, request};

#[test]
fn wishes_are_limited() {
    let mut lone = Lone::accepting(model(60));
    // It does not read what the lone sends, so nothing is served.
    lone.try_say(&request(fingerprint(1))).unwrap();
    lone.is_heard = false;
    let rounds = MAX_PENDING_WANTS / MAX_WANTS + 2;
    for round in 0..rounds {
        let log = |name: LogName| LogName {
            log_id: LogId::new(name.log_id.number() + (round * MAX_WANTS) as u64),
            ..name
        };
        let wants = names(MAX_WANTS).map(|name| (log(name), SeqNum::FIRST)).collect();
        let message = Message::Want(wants).encode();
        // Not played: the store is slow.
        let _ = lone.session.handle(&message, 0);
    }
    lone.play();
    assert_eq!(lone.blames(), &Fault::TooManyWants { max: MAX_PENDING_WANTS });
}

#[test]
fn who_asks_and_does_not_read_is_refused() {
    let mut lone = Lone::accepting(model(60));
    lone.try_say(&request(fingerprint(1))).unwrap();
    lone.is_heard = false;
    let probe = Message::Probe(log_name(&author(1), 0), SeqNum::FIRST);
    let length = Message::Probed(Some(model(1).entries[0].received().entry)).encode().len();
    for _ in 0..MAX_QUEUE_BYTES / length + 2 {
        if lone.end.is_some() {
            break;
        }
        // The model is slow with many entries; one answer is as good as another.
        lone.session.handle(&probe.encode(), 0).unwrap();
        let Some(Effect::Read(id, _)) = lone.session.poll() else { break };
        let entry = Box::new(lone.model.entries[0].entry);
        lone.session.answer(id, pandan_replication::Answer::Entry(Some(entry)), 0);
    }
    lone.play();
    assert_eq!(lone.blames(), &Fault::NotReading { max: MAX_QUEUE_BYTES });
}

#[test]
fn so_many_reads_at_a_time_and_no_more() {
    let mut lone = Lone::accepting(model(60));
    lone.try_say(&request(fingerprint(1))).unwrap();
    let probe = Message::Probe(log_name(&author(1), 0), SeqNum::FIRST).encode();
    for _ in 0..MAX_READS {
        assert!(lone.session.wants_input());
        lone.session.handle(&probe, 0).unwrap();
    }
    assert_eq!(lone.session.handle(&probe, 0), Err(Busy));
    lone.play();
    assert!(lone.session.wants_input());
}

impl Lone {
    /// What waits for somebody who takes nothing is less than what it would be refused for.
    #[track_caller]
    fn keeps_little(&self) {
        let queued = self.session.usage().queued_bytes;
        assert!(queued < MAX_QUEUE_BYTES, "{queued} bytes");
    }

    /// Takes what waits.
    fn catch_up(&mut self) {
        self.is_heard = true;
        self.play();
    }
}

/// Heads of other logs than those of the rounds before.
fn heads_of_round(round: u64, count: usize) -> Vec<TheirHead> {
    let later = |head: TheirHead| {
        let log_id = LogId::new(head.log.log_id.number() + round * count as u64);
        TheirHead { log: LogName { log_id, ..head.log }, ..head }
    };
    invented_heads(count).into_iter().map(later).collect()
}

/// Ranges of which one differs, so that comparing goes on, and many logs that are nowhere.
fn much_to_answer() -> Ranges {
    let schema = LogKey::of_schema(1);
    let mut ranges = Ranges::default();
    for (start, end, content) in [
        (LogKey::MIN, Bound::Key(schema), Content::Fingerprint(Fingerprint::from_bytes([9; 8]))),
        (schema, Bound::End, Content::Heads(invented_heads(8_000))),
    ] {
        let range = KeyRange::new(start, end).unwrap();
        ranges.push(RangeItem { range, content }).unwrap();
    }
    ranges
}

/// Each of these is answered with what is lacking and with ranges; who did not read them could have
/// made a node keep a thousand answers.
#[test]
fn answers_to_ranges_do_not_pile_up_for_who_does_not_read() {
    let mut lone = Lone::accepting(model(26));
    lone.try_say(&request(fingerprint(1))).unwrap();
    lone.is_heard = false;
    let ranges = Message::Ranges(much_to_answer());
    for _ in 0..MAX_RANGES_MESSAGES {
        if lone.try_say(&ranges).is_err() {
            break;
        }
        lone.keeps_little();
    }
    assert!(matches!(lone.blames(), Fault::Unexpected { .. }), "it did not wait for its turn");
}

#[test]
fn who_reads_late_is_answered_late() {
    let mut lone = Lone::accepting(model(26));
    lone.try_say(&request(fingerprint(1))).unwrap();
    lone.is_heard = false;
    let ranges = Message::Ranges(much_to_answer());
    let said = lone.said.len();
    for _ in 0..3 {
        lone.try_say(&ranges).unwrap();
    }
    assert_eq!((lone.said.len(), &lone.end), (said, &None));
    lone.catch_up();
    let ranges = lone.said.iter().filter(|said| matches!(said, Message::Ranges(_))).count();
    assert_eq!((ranges, &lone.end), (4, &None));
}

#[test]
fn questions_about_news_do_not_pile_up_for_who_does_not_read() {
    let mut lone = live_lone();
    lone.is_heard = false;
    for round in 0..100 {
        lone.try_say(&Message::Have(heads_of_round(round, 3_000))).unwrap();
        lone.session.timeout(GRAFT_DELAY_MS);
        lone.play();
        lone.keeps_little();
    }
    // What it did not ask for it finds when it compares anew.
    lone.catch_up();
    assert_eq!(lone.end, Some(End::CompareAgain));
}

#[test]
fn forks_do_not_pile_up_for_who_does_not_read() {
    let mut lone = live_lone();
    lone.is_heard = false;
    let Message::Proof(proof) = proof(0) else { unreachable!() };
    let length = Message::Proof(proof.clone()).encode().len();
    for _ in 0..2 * MAX_QUEUE_BYTES / length {
        lone.session.fork(&proof);
        lone.keeps_little();
    }
    lone.catch_up();
    assert_eq!(lone.end, Some(End::CompareAgain));
}
