//! A session that hears anything, from its peer as from its store.

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use pandan_bamboo::{
    EncodedEntry, Fingerprint, ForkProof, HeadState, LogId, NextArgs, Salt, SeqNum,
};
use pandan_identity::KeyPair;
use pandan_operations::{OperationId, SystemSchema};
use pandan_replication::limits::{MAX_ENTRIES, MAX_FRAME_LENGTH, MAX_INGESTS, MAX_QUEUE_BYTES};
use pandan_replication::{
    Acceptance, Amount, Announcement, Answer, Ask, AskItem, Bound, Content, Cursor, DocumentHeads,
    Effect, End, FoundHeads, Head, HeadList, IngestId, Interest, KeyRange, LogKey, LogName,
    Message, Page, Part, PartContent, PartMessage, Phase, Query, RangeItem, Ranges, ReadId,
    Received, Refusal, RefusalCode, Request, Session, Split, Terms, TheirHead, Tip, Verdict,
    WantDocuments,
};

use crate::usage;

/// What happens to a session.
#[derive(Arbitrary, Debug)]
pub struct Play {
    initiates: bool,
    live: bool,
    events: Vec<Event>,
}

#[derive(Arbitrary, Debug)]
enum Event {
    Say(Said),
    Frame(Vec<u8>),
    Answer { kind: u8, number: u8 },
    Ingested { verdict: u8 },
    Kept,
    Send,
    Pass(u16),
    Commit(u8),
    Fork(u8),
    Close,
    Unavailable,
    Refuse,
    WantDocuments([u8; 2]),
}

#[derive(Arbitrary, Debug)]
enum Said {
    Request { fingerprint: [u8; 8], live: bool },
    Fingerprints(Vec<(u8, [u8; 8])>),
    Heads(Vec<(u8, u8, [u8; 8])>),
    NoRanges,
    Want(u8, u8),
    Entries { log: u8, count: u8 },
    Probe(u8, u8),
    Probed(Option<u8>),
    Have(Vec<(u8, u8, [u8; 8])>),
    Prune,
    Proof(u8),
    Done,
    WantDocuments { ids: [u8; 2], after: Option<u8> },
    DocumentHeads { heads: Vec<(u8, u8, [u8; 8])>, more: bool },
    Changed([u8; 2]),
    Offer(u64),
    Refuse(u8),
    Announce { versions: [u8; 2], all: bool },
    Ask { kind: u8, number: u8 },
    Part { item: u8, kind: u8, number: u8 },
}

/// What waits for its turn.
#[derive(Default)]
struct Pending {
    reads: Vec<(ReadId, Query)>,
    ingests: VecDeque<(IngestId, usize)>,
    proofs: usize,
    end: Option<End>,
}

/// Plays everything and looks at what comes out.
pub fn check(play: &Play) {
    let salt = Salt::from_bytes([1; 16]);
    let mut session = if play.initiates {
        let terms = Terms::new(vec![SystemSchema::Blob.into()]).expect("there is a schema");
        Session::initiate(if play.live { terms.live() } else { terms }, salt, 0)
    } else {
        Session::accept(Acceptance { interest: Interest::All, is_live: play.live }, 0)
    };
    let (mut pending, mut now) = (Pending::default(), 0_u64);
    for event in &play.events {
        happen(&mut session, event, &mut pending, &mut now);
        collect(&mut session, &mut pending);
        assert_eq!(usage::check(session.usage()), Ok(()), "what is kept is bounded");
        let status = session.status();
        assert_eq!(status.phase == Phase::Over, pending.end.is_some());
        if let Some(End::Failed(fault)) = &pending.end {
            assert!(status.points >= fault.points());
        }
    }
    let mut left = 0;
    while let Some(frame) = session.poll_frame(now) {
        left += frame.len();
        check_frame(&frame);
        collect(&mut session, &mut pending);
        assert!(left <= 2 * MAX_QUEUE_BYTES + MAX_FRAME_LENGTH, "what waits is bounded");
    }
}

fn happen(session: &mut Session, event: &Event, pending: &mut Pending, now: &mut u64) {
    match event {
        Event::Say(said) => hear(session, &message(said).encode(), *now),
        Event::Frame(frame) => hear(session, frame, *now),
        Event::Answer { kind, number } => {
            if !pending.reads.is_empty() {
                let index = usize::from(*number) % pending.reads.len();
                let (id, query) = pending.reads.swap_remove(index);
                session.answer(id, answer(&query, *kind, *number), *now);
            }
        }
        Event::Ingested { verdict } => {
            if let Some((id, count)) = pending.ingests.pop_front() {
                session.ingested(id, &vec![verdict_of(*verdict); count], *now);
            }
        }
        Event::Kept => {
            if pending.proofs > 0 {
                pending.proofs -= 1;
                session.kept(*now);
            }
        }
        Event::Send => {
            if let Some(frame) = session.poll_frame(*now) {
                check_frame(&frame);
            }
        }
        Event::Pass(ms) => {
            *now += u64::from(*ms);
            session.timeout(*now);
        }
        Event::Commit(number) => session.commit(&commit(*number)),
        Event::Fork(number) => session.fork(&proof(*number)),
        Event::Close => session.closed(),
        Event::Unavailable => session.unavailable(),
        Event::Refuse => session.refuse(refusal(0)),
        Event::WantDocuments(ids) => {
            let _ = session.want_documents(operations(*ids), &Interest::All);
        }
    }
}

fn hear(session: &mut Session, frame: &[u8], now: u64) {
    let wants = session.wants_input();
    assert_eq!(session.handle(frame, now).is_ok(), wants);
}

fn collect(session: &mut Session, pending: &mut Pending) {
    while let Some(effect) = session.poll() {
        assert_eq!(pending.end, None, "nothing comes after the end");
        match effect {
            Effect::Read(id, query) => pending.reads.push((id, query)),
            Effect::Ingest(id, entries) => {
                assert!(pending.ingests.len() < MAX_INGESTS, "batches are bounded");
                assert!((1..=MAX_ENTRIES).contains(&entries.len()));
                pending.ingests.push_back((id, entries.len()));
            }
            Effect::Proof(_) => pending.proofs += 1,
            Effect::Finished(end) => {
                pending.end = Some(end);
                pending.reads.clear();
                pending.ingests.clear();
                pending.proofs = 0;
            }
            _ => {}
        }
    }
}

fn check_frame(frame: &[u8]) {
    let message = Message::decode(frame).expect("what is sent is a message");
    assert_eq!(message.encode(), frame);
}

fn key_pair() -> KeyPair {
    KeyPair::from_seed(&[9; 32])
}

fn log(number: u8) -> LogName {
    LogName { author: key_pair().public_key().into(), log_id: LogId::new((number % 8).into()) }
}

fn key(number: u8) -> LogKey {
    LogKey { schema: 0, log: log(number) }
}

fn seq_num(number: u8) -> SeqNum {
    SeqNum::new(u64::from(number) + 1).expect("not 0")
}

fn entry(number: u8) -> EncodedEntry {
    NextArgs::first(LogId::new((number % 8).into())).forge(&key_pair(), &[number / 8])
}

fn received(number: u8) -> Received {
    Received { entry: entry(number).as_bytes().to_vec(), payload: Some(vec![number / 8]) }
}

fn head(number: u8, latest: u8) -> Head {
    let state = HeadState::from_bytes([latest; 32]);
    Head { key: key(number), tip: Tip::Line(seq_num(latest)), state }
}

fn their_heads(heads: &[(u8, u8, [u8; 8])]) -> Vec<TheirHead> {
    let mut heads: Vec<_> = heads
        .iter()
        .map(|(number, latest, state)| TheirHead {
            log: log(*number),
            tip: Tip::Line(seq_num(*latest)),
            state: pandan_bamboo::SaltedState::from_bytes(*state),
        })
        .collect();
    heads.sort_by_key(|head| head.log);
    heads.dedup_by_key(|head| head.log);
    heads
}

fn message(said: &Said) -> Message {
    let all = |content| {
        let mut ranges = Ranges::default();
        ranges.push(RangeItem { range: KeyRange::ALL, content }).expect("the first");
        ranges
    };
    match said {
        Said::Request { fingerprint, live } => Message::Request(Request {
            salt: Salt::from_bytes([1; 16]),
            live: *live,
            payloads_optional: false,
            schemas: [SystemSchema::Blob.into()].into(),
            ranges: all(Content::Fingerprint(Fingerprint::from_bytes(*fingerprint))),
        }),
        Said::Fingerprints(parts) => Message::Ranges(fingerprints(parts)),
        Said::Heads(heads) => Message::Ranges(all(Content::Heads(their_heads(heads)))),
        Said::NoRanges => Message::Ranges(Ranges::default()),
        Said::Want(number, from) => Message::Want(vec![(log(*number), seq_num(*from))]),
        Said::Entries { log, count } => {
            Message::Entries(vec![received(*log); usize::from(*count).max(1)])
        }
        Said::Probe(number, place) => Message::Probe(log(*number), seq_num(*place)),
        Said::Probed(number) => {
            Message::Probed(number.map(|number| entry(number).as_bytes().to_vec()))
        }
        Said::Have(heads) if !heads.is_empty() => Message::Have(their_heads(heads)),
        Said::Have(_) | Said::Prune => Message::Prune,
        Said::Proof(number) => Message::Proof(Box::new(proof(*number))),
        Said::Done => Message::Done,
        Said::WantDocuments { ids, after } => {
            Message::WantDocuments(WantDocuments { ids: operations(*ids), after: after.map(log) })
        }
        Said::DocumentHeads { heads, more } => {
            let heads = their_heads(heads);
            let more = *more && !heads.is_empty();
            Message::DocumentHeads(DocumentHeads { heads, more })
        }
        Said::Changed(ids) => Message::Changed(operations(*ids)),
        Said::Offer(entries) => Message::Offer(Amount { entries: *entries, bytes: *entries }),
        Said::Refuse(code) => Message::Refuse(refusal(*code)),
        Said::Announce { versions, all } => {
            let mut versions = versions.map(u64::from).to_vec();
            versions.sort_unstable();
            versions.dedup();
            let schemas = vec![SystemSchema::Blob.into()];
            let (interest, hints) = match all {
                true => (Interest::All, schemas),
                false => (Interest::Schemas(schemas), Vec::new()),
            };
            Message::Announce(Announcement { versions, interest, hints })
        }
        Said::Ask { kind, number } => Message::Ask(Ask {
            payloads_optional: kind % 2 == 0,
            items: vec![item(*kind, *number)],
        }),
        Said::Part { item, kind, number } => {
            let content = match kind % 4 {
                0 => PartContent::Nothing,
                1 => PartContent::Entries(vec![received(*number)]),
                2 => PartContent::Proof(Box::new(proof(*number))),
                _ => PartContent::TooMuch,
            };
            Message::Part(PartMessage { item: usize::from(*item), content })
        }
    }
}

fn item(kind: u8, number: u8) -> AskItem {
    let document = || OperationId::from(entry(number).hash()).into();
    let log = log(number);
    match kind / 2 % 5 {
        0 => AskItem::Document(document()),
        1 => AskItem::Newest { log, count: u64::from(number) + 1 },
        2 => AskItem::Payloads { log, places: vec![seq_num(number)] },
        3 => AskItem::Whole(document()),
        _ => AskItem::WholeOf(log),
    }
}

fn proof(number: u8) -> ForkProof {
    let [one, other] = [number, number.wrapping_add(8)].map(entry);
    let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic());
    proof.expect("two entries for one place")
}

fn refusal(code: u8) -> Refusal {
    Refusal::new(RefusalCode(code.into()), "no reason")
}

/// Operations, in order.
fn operations(numbers: [u8; 2]) -> Vec<OperationId> {
    let mut ids = numbers.map(|number| OperationId::from(entry(number).hash())).to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn fingerprints(parts: &[(u8, [u8; 8])]) -> Ranges {
    let mut ends: Vec<_> = parts.to_vec();
    ends.sort_by_key(|(number, _)| log(*number));
    let (mut ranges, mut start) = (Ranges::default(), LogKey::MIN);
    for (number, bytes) in ends {
        let Some(range) = KeyRange::new(start, Bound::Key(key(number))) else { continue };
        let content = Content::Fingerprint(Fingerprint::from_bytes(bytes));
        ranges.push(RangeItem { range, content }).expect("they ascend");
        start = key(number);
    }
    ranges
}

/// An answer of the right kind, mostly; what it says need not fit anything else.
fn answer(query: &Query, kind: u8, number: u8) -> Answer {
    let fingerprint = Fingerprint::from_bytes([kind; 8]);
    match query {
        _ if kind == 0 => Answer::Unavailable,
        _ if kind == 1 => Answer::Heads(Vec::new()),
        Query::Split { ranges, parts, .. } => {
            let part = |index: usize| Part {
                end: if index % 2 == 0 { Bound::Key(key(number)) } else { Bound::End },
                fingerprint,
            };
            let parts = (0..(*parts).min(usize::from(number))).map(part).collect();
            let split = Split { count: u64::from(number), fingerprint, parts };
            Answer::Splits(vec![split; ranges.len()])
        }
        Query::Heads { ranges } => {
            let list = |(_, limit): &(KeyRange, usize)| HeadList {
                heads: (0..number.min(8)).take(*limit).map(|log| head(log, kind)).collect(),
                more: kind % 2 == 0,
            };
            Answer::Lists(ranges.iter().map(list).collect())
        }
        Query::HeadsOf { logs } => {
            let known = |number: &u8| logs.contains(&log(*number));
            Answer::Heads((0..8).filter(known).map(|log| head(log, kind)).collect())
        }
        Query::Entries { .. } => Answer::Page(Page {
            entries: vec![received(number); usize::from(kind % 4)],
            next: (kind % 3 == 0).then_some(Cursor(number.into())),
            ..Page::default()
        }),
        Query::Entry { .. } => Answer::Entry((kind % 2 == 0).then(|| Box::new(entry(number)))),
        Query::DocumentHeads { .. } => {
            let heads: Vec<_> = (0..number % 8).map(|log| head(log, kind)).collect();
            let more = kind % 2 == 0 && !heads.is_empty();
            let headless = (kind % 3 == 0).then(|| log(number)).into_iter().collect();
            Answer::DocumentHeads(FoundHeads { heads, headless, more })
        }
        Query::AnyHeads { logs } => {
            let known = |number: &u8| logs.contains(&log(*number));
            Answer::Heads((0..8).filter(known).map(|log| head(log, kind)).collect())
        }
    }
}

fn verdict_of(number: u8) -> Verdict {
    match number % 7 {
        6 => Verdict::Fork(Box::new(proof(number))),
        0 => Verdict::Stored,
        5 => Verdict::KnownVoid,
        1 => Verdict::Known,
        2 => Verdict::Waiting,
        3 => Verdict::Refused,
        _ => Verdict::Detached,
    }
}

fn commit(number: u8) -> pandan_replication::Commit {
    let entry = entry(number);
    pandan_replication::Commit {
        schema: SystemSchema::Blob.into(),
        document: OperationId::from(entry.hash()).into(),
        operation: entry.hash().into(),
        log: log(number),
        seq_num: SeqNum::FIRST,
        state: HeadState::of_line(entry.hash()),
        received: received(number).into(),
    }
}
