//! What sessions and peers hold does not grow with what they have heard and done: after four times
//! as much of it they hold as many bytes.
//!
//! [`Session::usage`] counts what is known to be kept; here everything counts that was allocated.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;
#[path = "../../testkit/tests/counting/mod.rs"]
mod counting;

use std::sync::{Arc, LazyLock};

use common::model::{Model, Stored, author};
use common::{schemas, terms};
use counting::measure;
use pandan_bamboo::{Fingerprint, ForkProof, HeadState, LogId, Salt, SaltedState, SeqNum};
use pandan_operations::OperationId;
use pandan_replication::limits::GRAFT_DELAY_MS;
use pandan_replication::{
    Acceptance, Amount, Announcement, Answer, Content, DocumentHeads, Effect, FoundHeads, Interest,
    KeyRange, LogName, Message, Page, PeerId, Peers, PeersConfig, PeersEffect, Query, RangeItem,
    Ranges, Refusal, RefusalCode, Request, Seed, Session, Split, StreamId, TheirHead, Tip, Verdict,
    WantDocuments,
};

/// How often something happens, and then again three times as often.
const TIMES: u64 = 500;

/// By how many bytes what is held may differ: lists have room for twice what is in them.
const SLACK: usize = 2_048;

/// Seven logs, so that what is remembered of each does not count as growth.
const LOGS: u64 = 7;

/// A session that is live and whose store has nothing. What is sent is read at once.
struct Live {
    session: Session,
    /// What becomes of all entries that come.
    verdict: Verdict,
}

impl Live {
    fn new(verdict: Verdict) -> Self {
        let acceptance = Acceptance { interest: Interest::All, is_live: true };
        let mut live = Self { session: Session::accept(acceptance, 0), verdict };
        let mut ranges = Ranges::default();
        ranges.push(RangeItem { range: KeyRange::ALL, content: Content::Heads(vec![]) }).unwrap();
        let (salt, schemas) = (Salt::from_bytes([3; 16]), schemas().into());
        live.hear(&Message::Request(Request {
            salt,
            live: true,
            payloads_optional: false,
            schemas,
            ranges,
        }));
        live.hear(&Message::Done);
        live
    }

    fn hear(&mut self, message: &Message) {
        self.session.handle(&message.encode(), 0).unwrap();
        self.play();
    }

    fn play(&mut self) {
        loop {
            while let Some(effect) = self.session.poll() {
                self.effect(effect);
            }
            if self.session.poll_frame(0).is_none() {
                return;
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Read(id, query) => self.session.answer(id, nothing(&query), 0),
            Effect::Ingest(id, entries) => {
                self.session.ingested(id, &vec![self.verdict.clone(); entries.len()], 0);
            }
            Effect::Proof(_) => self.session.kept(0),
            Effect::Finished(end) => panic!("it ended: {end:?}"),
            _ => {}
        }
    }
}

fn nothing(query: &Query) -> Answer {
    match query {
        Query::Split { ranges, .. } => Answer::Splits(vec![
            Split {
                count: 0,
                fingerprint: Fingerprint::from_bytes([0; 8]),
                parts: Vec::new()
            };
            ranges.len()
        ]),
        Query::Heads { ranges } => Answer::Lists(vec![Default::default(); ranges.len()]),
        Query::HeadsOf { .. } | Query::AnyHeads { .. } => Answer::Heads(Vec::new()),
        Query::Entries { .. } => Answer::Page(Page::default()),
        Query::Entry { .. } => Answer::Entry(None),
        Query::DocumentHeads { .. } => Answer::DocumentHeads(FoundHeads::default()),
    }
}

/// The bytes that are held after so many times of something.
fn held<T>(begin: impl Fn() -> T, again: impl Fn(&mut T, u64), times: u64) -> usize {
    let work = || {
        let mut thing = begin();
        (0..times).for_each(|number| again(&mut thing, number));
        thing
    };
    measure(work).held
}

#[track_caller]
fn does_not_grow<T>(what: &str, begin: impl Fn() -> T, again: impl Fn(&mut T, u64)) {
    // Made once, and not what is measured.
    LazyLock::force(&ENTRIES);
    LazyLock::force(&PROOF);
    let [few, many] = [TIMES, 4 * TIMES].map(|times| held(&begin, &again, times));
    assert!(many <= few + SLACK, "{what}: {few} bytes, after four times as much {many}");
}

fn log(number: u64) -> LogName {
    LogName { author: author(1).public_key().into(), log_id: LogId::new(number % LOGS) }
}

static ENTRIES: LazyLock<Vec<Stored>> = LazyLock::new(|| {
    let mut model = Model::new(&schemas());
    (0..LOGS).map(|log| model.write(&author(1), log, 0, "text")).collect()
});

static PROOF: LazyLock<ForkProof> = LazyLock::new(|| {
    let entry = |text| Model::new(&schemas()).write(&author(1), 0, 0, text).entry;
    let [one, other] = ["one", "other"].map(entry);
    ForkProof::new(&one.as_authentic(), &other.as_authentic()).unwrap()
});

/// One of the entries, of one log after the other.
fn entry(number: u64) -> &'static Stored {
    &ENTRIES[usize::try_from(number % LOGS).unwrap()]
}

fn head(number: u64) -> TheirHead {
    let state = SaltedState::from_bytes(number.to_be_bytes());
    TheirHead { log: log(number), tip: Tip::Line(SeqNum::new(number + 1).unwrap()), state }
}

fn operation(number: u64) -> OperationId {
    OperationId::from(entry(number).entry.hash())
}

fn wish(number: u64) -> WantDocuments {
    WantDocuments { ids: vec![operation(number)], after: None }
}

/// Makes a message of a number.
type Make = fn(u64) -> Message;

#[test]
fn sessions_hold_no_more_after_more_messages() {
    let messages: [(&str, Make); 8] = [
        ("Want", |number| Message::Want(vec![(log(number), SeqNum::FIRST)])),
        ("Offer", |number| Message::Offer(Amount { entries: number, bytes: number })),
        ("Probe", |number| Message::Probe(log(number), SeqNum::FIRST)),
        ("Proof", |_| Message::Proof(Box::new(*PROOF))),
        ("Have", |number| Message::Have(vec![head(number)])),
        ("Prune", |_| Message::Prune),
        ("WantDocuments", |number| Message::WantDocuments(wish(number))),
        ("Changed", |number| Message::Changed(vec![operation(number)])),
    ];
    for (name, message) in messages {
        let hear = |live: &mut Live, number| live.hear(&message(number));
        does_not_grow(name, || Live::new(Verdict::Stored), hear);
    }
}

#[test]
fn sessions_hold_no_more_after_more_entries() {
    let fork = Verdict::Fork(Box::new(*PROOF));
    for verdict in [Verdict::Stored, Verdict::KnownVoid, Verdict::Waiting, Verdict::Detached, fork]
    {
        let name = format!("{verdict:?}");
        let hear = |live: &mut Live, number: u64| {
            live.hear(&Message::Entries(vec![entry(number).received()]));
        };
        does_not_grow(&name, || Live::new(verdict.clone()), hear);
    }
}

#[test]
fn sessions_hold_no_more_after_more_news() {
    let commit = |live: &mut Live, number: u64| {
        let stored = entry(number);
        live.session.commit(&pandan_replication::Commit {
            schema: schemas()[0].clone(),
            document: OperationId::from(stored.entry.hash()).into(),
            operation: stored.entry.hash().into(),
            log: stored.log,
            seq_num: SeqNum::new(number + 1).unwrap(),
            state: HeadState::of_line(stored.entry.hash()),
            received: Arc::new(stored.received()),
        });
        live.play();
    };
    does_not_grow("commits", || Live::new(Verdict::Stored), commit);
    let fork = |live: &mut Live, _| {
        live.session.fork(&PROOF);
        live.play();
    };
    does_not_grow("forks", || Live::new(Verdict::Stored), fork);
    let late = |live: &mut Live, number| {
        live.hear(&Message::Have(vec![head(number)]));
        live.session.timeout(GRAFT_DELAY_MS);
        live.play();
    };
    does_not_grow("news that nobody brings", || Live::new(Verdict::Stored), late);
    let documents = |live: &mut Live, number| {
        assert!(live.session.want_documents(vec![operation(number)], &Interest::All));
        live.play();
        live.hear(&Message::DocumentHeads(DocumentHeads::default()));
    };
    does_not_grow("documents", || Live::new(Verdict::Stored), documents);
}

/// A node that others come to, which opens no sessions itself.
fn peers() -> Peers {
    let config = PeersConfig { own: PeerId([255; 32]), interest: Interest::All, is_live: true };
    let mut peers = Peers::new(config, Seed([7; 32]));
    peers.set_schemas(schemas());
    assert!(peers.connected(PeerId([1; 32]), 0));
    peers
}

/// Carries out what peers want done; there is nothing in the store.
fn settle(peers: &mut Peers, now: u64) {
    while let Some(effect) = peers.poll(now) {
        if let PeersEffect::Session(stream, Effect::Read(id, query)) = effect {
            peers.answer(stream, id, nothing(&query), now);
        }
    }
}

#[test]
fn peers_hold_no_more_after_more_sessions() {
    let peer = PeerId([1; 32]);
    let request = {
        let mut session = Session::initiate(terms().live(), Salt::from_bytes([3; 16]), 0);
        while let Some(effect) = session.poll() {
            let Effect::Read(id, query) = effect else { continue };
            session.answer(id, nothing(&query), 0);
        }
        session.poll_frame(0).unwrap()
    };
    let session = |peers: &mut Peers, number: u64| {
        // Not so soon after the one before that it would be refused.
        let (stream, now) = (StreamId(number), number * 60_000);
        assert!(peers.incoming(peer, stream, now));
        peers.handle(stream, &request, now).unwrap();
        settle(peers, now);
        while peers.poll_frame(stream, now).is_some() {}
        let refusal = Refusal::new(RefusalCode::COMPARE_AGAIN, "");
        peers.handle(stream, &Message::Refuse(refusal).encode(), now).unwrap();
        settle(peers, now);
        while peers.poll_frame(stream, now).is_some() {}
        assert!(peers.session(stream).is_none());
    };
    does_not_grow("sessions", peers, session);
}

#[test]
fn peers_hold_no_more_after_more_connections_and_announcements() {
    let announcement =
        Announcement { versions: vec![2], interest: Interest::All, hints: schemas() };
    let announcement = Message::Announce(announcement).encode();
    let announce = |peers: &mut Peers, _| {
        peers.announced(PeerId([1; 32]), &announcement, 0);
        settle(peers, 0);
    };
    does_not_grow("announcements", peers, announce);
    let connect = |peers: &mut Peers, _| {
        peers.disconnected(PeerId([1; 32]), 0);
        assert!(peers.connected(PeerId([1; 32]), 0));
        settle(peers, 0);
    };
    does_not_grow("connections", peers, connect);
    let malformed = |peers: &mut Peers, number| {
        // As seldom as it takes not to be kept out.
        peers.announced(PeerId([1; 32]), &[0x55], number * 3_600_000);
        settle(peers, number * 3_600_000);
    };
    does_not_grow("announcements that are none", peers, malformed);
}
