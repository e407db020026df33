//! Whatever the other side does, a session ends with a reason, and what it keeps is bounded.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test")]

mod common;

use common::model::{Model, author, log_name};
use common::{schemas, terms};
use pandan_bamboo::{Fingerprint, HeadState, LogId, NextArgs, Salt, SaltedState, SeqNum};
use pandan_replication::limits::{
    IDLE_TIMEOUT_MS, MAX_HEADS, MAX_PENDING_WANTS, MAX_PROOFS, MAX_QUEUE_BYTES, MAX_RANGES,
    MAX_RANGES_MESSAGES, MAX_READS, MAX_REFUSED, MAX_REPEATS, MAX_WANTS,
};
use pandan_replication::{
    Acceptance, Amount, Author, Bound, Busy, Content, Effect, End, Fault, Interest, KeyRange,
    LogKey, LogName, Message, RangeItem, Ranges, Received, Refusal, RefusalCode, Request, Session,
    TheirHead, Tip,
};
use pandan_testkit::Random;
use proptest::prelude::*;

const SALT: Salt = Salt::from_bytes([3; 16]);

/// An honest session, and its store.
struct Victim {
    session: Session,
    model: Model,
    end: Option<End>,
    said: Vec<Message>,
    /// Whether it reads what is sent to the hostile side, which may not want it.
    reads: bool,
    /// Whether its store is quick with proofs, and how many wait.
    keeps: bool,
    waiting_proofs: usize,
}

impl Victim {
    fn accepting(model: Model) -> Self {
        let acceptance = Acceptance { interest: Interest::All, is_live: true };
        Self::new(Session::accept(acceptance, 0), model)
    }

    fn new(session: Session, model: Model) -> Self {
        let mut victim = Self {
            session,
            model,
            end: None,
            said: Vec::new(),
            reads: true,
            keeps: true,
            waiting_proofs: 0,
        };
        victim.play();
        victim
    }

    /// Says something to it.
    fn hear(&mut self, message: &Message) -> Result<(), Busy> {
        self.hear_frame(&message.encode())
    }

    fn hear_frame(&mut self, frame: &[u8]) -> Result<(), Busy> {
        self.session.handle(frame, 0)?;
        self.play();
        Ok(())
    }

    fn play(&mut self) {
        loop {
            while let Some(effect) = self.session.poll() {
                self.effect(effect);
            }
            match self.reads.then(|| self.session.poll_frame(0)).flatten() {
                Some(frame) => self.said.push(Message::decode(&frame).unwrap()),
                None => return,
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Read(id, query) => {
                let answer = self.model.answer(self.session.schemas(), &query);
                self.session.answer(id, answer, 0);
            }
            Effect::Ingest(id, entries) => {
                let verdicts: Vec<_> =
                    entries.iter().map(|entry| self.model.ingest(entry)).collect();
                self.session.ingested(id, &verdicts, 0);
            }
            Effect::Finished(end) => {
                assert_eq!(self.end.replace(end), None, "it ends once");
            }
            Effect::Proof(proof) => {
                self.model.freeze(&proof);
                match self.keeps {
                    true => self.session.kept(0),
                    false => self.waiting_proofs += 1,
                }
            }
            _ => {}
        }
    }

    fn fault(&self) -> &Fault {
        match &self.end {
            Some(End::Failed(fault)) => fault,
            other => panic!("expected a fault, found {other:?}"),
        }
    }

    /// It ended with a fault, said so, and put it on the account of the other side.
    fn blames(&self) -> &Fault {
        let fault = self.fault();
        assert_eq!(self.session.status().points, fault.points());
        assert!(fault.points() > 0);
        if self.reads {
            assert!(matches!(self.said.last(), Some(Message::Refuse(_))), "{:?}", self.said.last());
        }
        fault
    }
}

fn all(content: Content) -> Ranges {
    let mut ranges = Ranges::default();
    ranges.push(RangeItem { range: KeyRange::ALL, content }).unwrap();
    ranges
}

fn fingerprint(byte: u8) -> Ranges {
    all(Content::Fingerprint(Fingerprint::from_bytes([byte; 8])))
}

fn request(ranges: Ranges) -> Message {
    let schemas = schemas().into();
    Message::Request(Request { salt: SALT, live: false, payloads_optional: false, schemas, ranges })
}

fn live_request(ranges: Ranges) -> Message {
    let Message::Request(request) = request(ranges) else { unreachable!() };
    Message::Request(Request { live: true, ..request })
}

fn model(logs: u64) -> Model {
    let mut model = Model::new(&schemas());
    for log in 0..logs {
        model.write(&author(1), log, 0, "text");
    }
    model
}

/// A session that is live, as the responder and with nothing stored.
fn live_victim() -> Victim {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&live_request(all(Content::Heads(Vec::new())))).unwrap();
    victim.hear(&Message::Done).unwrap();
    assert_eq!(victim.said.last(), Some(&Message::Done));
    victim
}

fn names(count: usize) -> impl Iterator<Item = LogName> {
    (0..count).map(|number| LogName {
        author: Author::MIN,
        log_id: LogId::new(u64::try_from(number).unwrap()),
    })
}

fn invented_heads(count: usize) -> Vec<TheirHead> {
    let state = SaltedState::from_bytes([0; 8]);
    names(count).map(|log| TheirHead { log, tip: Tip::Line(SeqNum::FIRST), state }).collect()
}

#[test]
fn messages_at_the_wrong_time_end_the_session() {
    let heads = || Message::Have(invented_heads(1));
    let want = || Message::Want(vec![(log_name(&author(1), 0), SeqNum::FIRST)]);
    let empty = || Message::Ranges(Ranges::default());
    let entries = || Message::Entries(vec![model(1).entries[0].received()]);
    let equal = || request(all(Content::Heads(Vec::new())));
    for (messages, name) in [
        (vec![Message::Done], "done before the request"),
        (vec![empty()], "ranges before the request"),
        (vec![equal(), equal()], "two requests"),
        (vec![equal(), empty()], "ranges when comparing is over"),
        (vec![equal(), want()], "wishes when comparing is over"),
        (vec![equal(), Message::Done, entries()], "entries after done"),
        (vec![equal(), Message::Done, Message::Done], "done twice"),
        (vec![equal(), heads()], "news before done"),
        (vec![equal(), Message::Prune], "prune before done"),
        (vec![equal(), Message::Probed(None)], "an answer to nothing"),
        (vec![request(fingerprint(1)), Message::Done], "done while comparing"),
    ] {
        let mut victim = Victim::accepting(model(0));
        let last = messages.len() - 1;
        for (index, message) in messages.iter().enumerate() {
            assert_eq!(victim.end, None, "{name}");
            let message = match message {
                Message::Done if index < last => {
                    victim.said.clear();
                    &Message::Done
                }
                message => message,
            };
            victim.hear(message).unwrap();
        }
        assert!(matches!(victim.blames(), Fault::Unexpected { .. }), "{name}");
    }
}

#[test]
fn frames_that_are_no_messages_end_the_session() {
    let mut victim = Victim::accepting(model(1));
    victim.hear_frame(&[0x77, 1, 2]).unwrap();
    assert!(matches!(victim.blames(), Fault::Malformed(_)));
    assert_eq!(victim.hear_frame(&[0x09]), Err(Busy), "nothing is heard after the end");
}

#[test]
fn other_schemas_are_refused_without_blame() {
    let interest = Interest::Schemas(schemas()[..2].to_vec());
    let session = Session::accept(Acceptance { interest, is_live: false }, 0);
    let mut victim = Victim::new(session, model(0));
    victim.hear(&request(Ranges::default())).unwrap();
    assert_eq!((victim.fault(), victim.fault().points()), (&Fault::Schemas, 0));
    let Some(Message::Refuse(refusal)) = victim.said.last() else { panic!("it says why") };
    assert_eq!(refusal.code, RefusalCode::SCHEMAS);
}

#[test]
fn bounds_in_unknown_schemas_are_a_fault() {
    let mut victim = Victim::accepting(model(0));
    let range = KeyRange::new(LogKey::MIN, Bound::Key(LogKey::of_schema(4))).unwrap();
    let mut ranges = Ranges::default();
    ranges.push(RangeItem { range, content: Content::Heads(Vec::new()) }).unwrap();
    victim.hear(&request(ranges)).unwrap();
    assert_eq!(victim.blames(), &Fault::Bound { schemas: 4 });
}

#[test]
fn fingerprints_that_lie_cost_no_more_than_so_many_messages() {
    let mut victim = Victim::accepting(model(26));
    victim.hear(&request(fingerprint(0))).unwrap();
    for count in 0..=MAX_RANGES_MESSAGES {
        assert_eq!(victim.end, None, "message {count}");
        victim.said.clear();
        victim.hear(&Message::Ranges(fingerprint(count as u8))).unwrap();
    }
    assert_eq!(victim.blames(), &Fault::TooManyRanges { max: MAX_RANGES_MESSAGES });
}

#[test]
fn the_largest_message_of_ranges_has_a_bounded_answer() {
    for kind in 0..2 {
        let mut victim = Victim::accepting(model(200));
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
        victim.hear(&request(ranges)).unwrap();
        let answer = victim.said.iter().find(|said| matches!(said, Message::Ranges(_)));
        assert!(answer.is_some_and(|answer| Message::decode(&answer.encode()).is_ok()));
        assert_eq!(victim.end, None);
    }
}

#[test]
fn heads_of_logs_that_are_nowhere_are_asked_for_and_that_is_all() {
    let mut victim = Victim::accepting(model(3));
    victim.hear(&request(all(Content::Heads(invented_heads(MAX_HEADS))))).unwrap();
    let wanted = victim.said.iter().map(|said| match said {
        Message::Want(wants) => wants.len(),
        _ => 0,
    });
    assert_eq!(wanted.sum::<usize>(), MAX_HEADS);
    victim.hear(&Message::Done).unwrap();
    victim.session.closed();
    victim.play();
    assert_eq!(victim.end, Some(End::Complete));
    assert_eq!(victim.session.status().received, 0);
}

#[test]
fn wishes_are_limited() {
    let mut victim = Victim::accepting(model(60));
    // It does not read what the victim sends, so nothing is served.
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.reads = false;
    let rounds = MAX_PENDING_WANTS / MAX_WANTS + 2;
    for round in 0..rounds {
        let log = |name: LogName| LogName {
            log_id: LogId::new(name.log_id.number() + (round * MAX_WANTS) as u64),
            ..name
        };
        let wants = names(MAX_WANTS).map(|name| (log(name), SeqNum::FIRST)).collect();
        let message = Message::Want(wants).encode();
        // Not played: the store is slow.
        let _ = victim.session.handle(&message, 0);
    }
    victim.play();
    assert_eq!(victim.blames(), &Fault::TooManyWants { max: MAX_PENDING_WANTS });
}

#[test]
fn who_asks_and_does_not_read_is_refused() {
    let mut victim = Victim::accepting(model(60));
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.reads = false;
    let probe = Message::Probe(log_name(&author(1), 0), SeqNum::FIRST);
    let length = Message::Probed(Some(model(1).entries[0].received().entry)).encode().len();
    for _ in 0..MAX_QUEUE_BYTES / length + 2 {
        if victim.end.is_some() {
            break;
        }
        // The model is slow with many entries; one answer is as good as another.
        victim.session.handle(&probe.encode(), 0).unwrap();
        let Some(Effect::Read(id, _)) = victim.session.poll() else { break };
        let entry = Box::new(victim.model.entries[0].entry);
        victim.session.answer(id, pandan_replication::Answer::Entry(Some(entry)), 0);
    }
    victim.play();
    assert_eq!(victim.blames(), &Fault::NotReading { max: MAX_QUEUE_BYTES });
}

#[test]
fn so_many_reads_at_a_time_and_no_more() {
    let mut victim = Victim::accepting(model(60));
    victim.hear(&request(fingerprint(1))).unwrap();
    let probe = Message::Probe(log_name(&author(1), 0), SeqNum::FIRST).encode();
    for _ in 0..MAX_READS {
        assert!(victim.session.wants_input());
        victim.session.handle(&probe, 0).unwrap();
    }
    assert_eq!(victim.session.handle(&probe, 0), Err(Busy));
    victim.play();
    assert!(victim.session.wants_input());
}

#[test]
fn entries_that_are_none_end_the_session() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    let entry = vec![7; 140];
    victim.hear(&Message::Entries(vec![Received { entry, payload: Some(vec![0]) }])).unwrap();
    assert!(matches!(victim.blames(), Fault::Entry(_)));
}

#[test]
fn a_payload_that_is_missing_ends_the_session() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    let received = Received { payload: None, ..model(1).entries[0].received() };
    victim.hear(&Message::Entries(vec![received])).unwrap();
    assert_eq!(victim.blames(), &Fault::PayloadMissing);
}

#[test]
fn re7_entries_that_are_refused_skip_their_log_and_count() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    let mut spoilt = model(u64::try_from(MAX_REFUSED).unwrap() + 1).entries;
    for stored in &mut spoilt {
        stored.payload.push(1);
    }
    let (last, first) = spoilt.split_last().unwrap();
    for (count, stored) in (1..).zip(first) {
        // The second time it is not even looked at.
        for _ in 0..2 {
            victim.hear(&Message::Entries(vec![stored.received()])).unwrap();
            assert_eq!(victim.end, None);
        }
        assert_eq!(victim.session.status().points, 5 * count);
        assert_eq!(victim.session.status().refused, 2 * u64::from(count));
    }
    let good = Model::new(&schemas()).write(&author(2), 0, 0, "good");
    victim.hear(&Message::Entries(vec![good.received()])).unwrap();
    assert_eq!(victim.session.status().stored, 1, "others go on");
    victim.hear(&Message::Entries(vec![last.received()])).unwrap();
    assert_eq!(victim.fault(), &Fault::TooManyRefused { max: MAX_REFUSED });
}

#[test]
fn entries_nobody_asked_for_are_taken_as_any_others() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    let entries = model(5).entries.iter().map(|stored| stored.received()).collect();
    victim.hear(&Message::Entries(entries)).unwrap();
    assert_eq!((victim.session.status().stored, victim.model.entries.len()), (5, 5));
}

#[test]
fn the_same_entries_again_and_again_end_the_session() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    let message = Message::Entries(vec![model(1).entries[0].received(); 64]);
    let mut repeats = 0;
    while victim.end.is_none() {
        victim.hear(&message).unwrap();
        repeats += 64;
        assert!(repeats <= MAX_REPEATS + 2 * 64);
    }
    assert_eq!(victim.blames(), &Fault::TooManyRepeats { max: MAX_REPEATS });
}

#[test]
fn offers_that_lie_change_nothing_but_the_progress_shown() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    for _ in 0..3 {
        let amount = Amount { entries: u64::MAX, bytes: u64::MAX };
        victim.hear(&Message::Offer(amount)).unwrap();
    }
    assert_eq!((victim.session.status().percent(), &victim.end), (0, &None));
}

fn proof(log: u64) -> Message {
    let entry = |text| Model::new(&schemas()).write(&author(1), log, 0, text).entry;
    let [one, other] = ["one", "other"].map(entry);
    let proof = pandan_bamboo::ForkProof::new(&one.as_authentic(), &other.as_authentic());
    Message::Proof(Box::new(proof.unwrap()))
}

/// An honest peer may know of many forks; a hostile one gets no further than the store does.
#[test]
fn proofs_come_no_faster_than_the_store_takes_them() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.keeps = false;
    for log in 0..MAX_PROOFS {
        assert!(victim.session.wants_input(), "proof {log}");
        victim.hear(&proof(log as u64)).unwrap();
    }
    assert_eq!(victim.hear(&proof(0)), Err(Busy));
    assert_eq!((victim.waiting_proofs, &victim.end), (MAX_PROOFS, &None));
    // The store works, so the silence is nobody's fault.
    victim.session.timeout(IDLE_TIMEOUT_MS);
    assert_eq!(victim.session.poll(), None);
    victim.session.kept(IDLE_TIMEOUT_MS);
    assert_eq!(victim.hear(&proof(MAX_PROOFS as u64)), Ok(()));
    assert_eq!(victim.hear(&proof(0)), Err(Busy));
}

#[test]
fn any_number_of_proofs_is_taken() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    for log in 0..20 * MAX_PROOFS {
        victim.hear(&proof(log as u64)).unwrap();
    }
    assert_eq!((victim.model.forks.len(), &victim.end), (20 * MAX_PROOFS, &None));
    assert_eq!(victim.session.status().points, 0);
}

/// Void entries come again with each that needs them.
#[test]
fn void_entries_may_come_again() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.hear(&proof(0)).unwrap();
    let void = Model::new(&schemas()).write(&author(1), 0, 0, "one").received();
    let message = Message::Entries(vec![void; 64]);
    for _ in 0..=2 * MAX_REPEATS / 64 {
        victim.hear(&message).unwrap();
    }
    assert_eq!(victim.end, None);
    assert!(victim.session.status().known > MAX_REPEATS);
    // The same of one that counts is too much.
    let other = Message::Entries(vec![model(2).entries[1].received(); 64]);
    while victim.end.is_none() {
        victim.hear(&other).unwrap();
    }
    assert_eq!(victim.blames(), &Fault::TooManyRepeats { max: MAX_REPEATS });
}

/// Claims another state for a log that the victim has, so that it looks for a fork.
fn probing() -> Victim {
    let mut victim = Victim::accepting(model(1));
    let head = TheirHead {
        log: log_name(&author(1), 0),
        tip: Tip::Line(SeqNum::FIRST),
        state: SaltedState::from_bytes([9; 8]),
    };
    victim.hear(&request(all(Content::Heads(vec![head])))).unwrap();
    let probe = Message::Probe(head.log, SeqNum::FIRST);
    assert!(victim.said.contains(&probe));
    victim
}

#[test]
fn re9_answers_to_probes_are_evidence_or_a_fault() {
    let own = model(1).entries[0].received().entry;
    let mut forged = own.clone();
    *forged.last_mut().unwrap() ^= 1;
    let elsewhere = Model::new(&schemas()).write(&author(1), 8, 0, "text").received().entry;
    for (entry, fault) in [(forged, "NotAuthentic"), (elsewhere, "OtherEntry")] {
        let mut victim = probing();
        victim.hear(&Message::Probed(Some(entry))).unwrap();
        assert!(format!("{:?}", victim.blames()).starts_with(fault));
    }
    // It lied about the state, or has nothing to show: no harm was done.
    for entry in [Some(own), None] {
        let mut victim = probing();
        victim.hear(&Message::Probed(entry)).unwrap();
        victim.hear(&Message::Done).unwrap();
        assert_eq!((&victim.end, victim.model.forks.len()), (&None, 0));
        assert_eq!(victim.said.last(), Some(&Message::Done));
    }
    let other = NextArgs::first(LogId::new(0)).forge(&author(1), b"other");
    let mut victim = probing();
    victim.hear(&Message::Probed(Some(other.as_bytes().to_vec()))).unwrap();
    assert_eq!(victim.model.forks.len(), 1);
    assert!(victim.said.iter().any(|said| matches!(said, Message::Proof(_))));
}

#[test]
fn silence_ends_the_session() {
    let mut victim = Victim::accepting(model(60));
    assert_eq!(victim.session.poll_timeout(), Some(IDLE_TIMEOUT_MS));
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.session.timeout(IDLE_TIMEOUT_MS - 1);
    victim.play();
    assert_eq!(victim.end, None);
    victim.session.timeout(IDLE_TIMEOUT_MS);
    victim.play();
    assert_eq!(victim.blames(), &Fault::Idle { ms: IDLE_TIMEOUT_MS });
}

#[test]
fn a_stream_that_breaks_ends_the_session() {
    let mut victim = Victim::accepting(model(60));
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.session.closed();
    victim.play();
    assert_eq!(victim.fault(), &Fault::ClosedEarly);
}

#[test]
fn a_refusal_ends_the_session() {
    let mut victim = Victim::accepting(model(60));
    victim.hear(&request(fingerprint(1))).unwrap();
    let refusal = Refusal::new(RefusalCode::BUSY, "come later");
    victim.hear(&Message::Refuse(refusal.clone())).unwrap();
    assert_eq!(victim.end, Some(End::Refused(refusal)));
    assert_eq!(victim.session.status().points, 0);
}

#[test]
fn news_of_nothing_are_waited_for_and_asked_for_once() {
    let mut victim = live_victim();
    victim.hear(&Message::Have(invented_heads(5000))).unwrap();
    assert!(victim.end.is_some(), "more than it waits for: it compares anew");
    let mut victim = live_victim();
    victim.hear(&Message::Have(invented_heads(3))).unwrap();
    victim.said.clear();
    victim.session.timeout(pandan_replication::limits::GRAFT_DELAY_MS);
    victim.play();
    let wants: Vec<_> = names(3).map(|log| (log, SeqNum::FIRST)).collect();
    assert_eq!(victim.said, [Message::Want(wants)]);
    assert_eq!(victim.session.poll_timeout(), None);
}

fn any_message(random: &mut Random, model: &Model) -> Message {
    let entry = random.pick(&model.entries).clone();
    let head = |random: &mut Random| TheirHead {
        log: log_name(&author(1), u64::try_from(random.below(8)).unwrap()),
        tip: Tip::Line(SeqNum::new(1 + random.number() % 4).unwrap()),
        state: HeadState::from_bytes([random.number() as u8; 32]).salted(&SALT),
    };
    match random.below(15) {
        0 => request(fingerprint(random.number() as u8)),
        1 => live_request(all(Content::Heads(vec![head(random)]))),
        2 | 3 => Message::Ranges(fingerprint(random.number() as u8)),
        4 => Message::Ranges(all(Content::Heads(vec![head(random)]))),
        5 => Message::Ranges(Ranges::default()),
        6 => Message::Want(vec![(head(random).log, SeqNum::FIRST)]),
        7 | 8 => Message::Entries(vec![entry.received(); 1 + random.below(3)]),
        9 => Message::Probe(head(random).log, entry.seq_num),
        10 => Message::Probed(random.chance(50).then(|| entry.received().entry)),
        11 => Message::Have(vec![head(random)]),
        12 => Message::Prune,
        13 => Message::Offer(Amount { entries: random.number(), bytes: 1 }),
        _ => Message::Done,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_messages_end_in_a_reason_or_go_on(seed: u64, initiates: bool) {
        let mut random = Random::new(seed);
        let other = {
            let mut other = Model::new(&schemas());
            for log in 0..8 {
                for place in 0..3 {
                    other.write(&author(1), log, 0, &format!("{seed} {place}"));
                }
            }
            other
        };
        let mut victim = if initiates {
            Victim::new(Session::initiate(terms().live(), SALT, 0), model(30))
        } else {
            Victim::accepting(model(30))
        };
        if !initiates {
            victim.hear(&live_request(fingerprint(1))).unwrap();
        }
        for _ in 0..60 {
            let message = any_message(&mut random, &other);
            if victim.hear(&message).is_err() {
                break;
            }
        }
        if let Some(End::Failed(fault)) = &victim.end {
            prop_assert!(fault.points() > 0);
            prop_assert!(victim.session.status().points >= fault.points());
        } else {
            prop_assert!(!matches!(victim.end, Some(End::Complete)));
        }
    }
}
