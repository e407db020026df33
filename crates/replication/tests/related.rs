//! Documents of other schemas than those of a session, asked for by their ids.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::model::{Model, author};
use common::schemas;
use common::world::World;
use pandan_bamboo::{Hash, HeadState, LogId, Salt, SeqNum};
use pandan_operations::OperationId;
use pandan_replication::limits::{
    MAX_DOCUMENTS, MAX_HEADS, MAX_PENDING_WANTS, MAX_WATCHED, PAUSE_PENDING,
};
use pandan_replication::{
    Acceptance, Answer, Author, DocumentHeads, Effect, End, FoundHeads, Interest, LogName, Message,
    Phase, Query, Request, Terms, TheirHead, Tip, WantDocuments,
};

/// Of the schemas of both nodes, sessions are about the first two.
const BESIDE: u8 = 3;

/// Two nodes, live; the second one has some documents of another schema. Gives the sides and the
/// ids of the documents.
fn live(documents: u64, seed: u64) -> (World, [usize; 2], Vec<OperationId>) {
    let mut world = World::new(vec![Model::new(&schemas()); 2], seed);
    let create = |log| world.nodes[1].write(&author(7), log, BESIDE, "first");
    let ids = (0..documents).map(create).map(|it| it.entry.hash().into()).collect();
    world.nodes[1].write(&author(8), 0, 1, "of the session");
    let terms = Terms::new(schemas()[..2].to_vec()).unwrap().live();
    let (from, to) = world.connect(0, 1, terms);
    world.run(1_000);
    assert_eq!(world.sides[from].session.status().phase, Phase::Live);
    assert_eq!(world.nodes[0].entries.len(), 1, "others do not come by themselves");
    (world, [from, to], ids)
}

fn ask(world: &mut World, side: usize, ids: &[OperationId]) {
    assert!(world.sides[side].session.want_documents(ids.to_vec(), &Interest::All));
    world.run(world.now + 1_000);
    assert!(!world.sides[side].session.wants_documents());
}

fn nothing(number: u16) -> OperationId {
    let mut digest = [0; 32];
    digest[..2].copy_from_slice(&number.to_be_bytes());
    OperationId::from_hash(Hash::from_digest(digest))
}

#[test]
fn re15_documents_that_are_asked_for_come_whatever_their_schema() {
    for seed in 0..20 {
        let (mut world, [from, to], ids) = live(10, seed);
        let second = world.nodes[1].write(&author(7), 1, BESIDE, "second");
        ask(&mut world, from, &[ids[0], second.entry.hash().into(), nothing(0)]);
        let logs: Vec<_> = world.nodes[0].entries.iter().map(|it| it.log.log_id.number()).collect();
        assert_eq!(logs.len(), 4);
        assert_eq!(logs.iter().filter(|log| **log == 1).count(), 2, "both entries of one");
        // What is here does not come again.
        let before = world.sides[from].session.status().received;
        ask(&mut world, from, &ids[..4]);
        assert_eq!(world.sides[from].session.status().received, before + 2);
        // The other way round there is nothing that is lacking.
        ask(&mut world, to, &ids);
        assert_eq!(world.sides[to].session.status().received, 0);
        for side in [from, to] {
            assert_eq!(world.sides[side].session.status().points, 0);
            assert_eq!(world.sides[side].session.status().phase, Phase::Live);
        }
    }
}

#[test]
fn re15_changes_of_what_was_asked_for_are_told() {
    let (mut world, [from, to], ids) = live(3, 1);
    ask(&mut world, from, &[ids[0], ids[1]]);
    let writes = [(0, "again"), (2, "not asked for")];
    for (log, text) in writes {
        let stored = world.nodes[1].write(&author(7), log, BESIDE, text);
        world.publish(1, &stored);
    }
    world.run(world.now + 1_000);
    assert_eq!(world.sides[from].changed, [ids[0]]);
    ask(&mut world, from, &[ids[0]]);
    let count = world.nodes[0].entries.len();
    assert_eq!(count, 4, "one of the session, two of one document, one of the other");
    // What comes from the other side is no news to it.
    assert_eq!(world.sides[to].changed, []);
}

#[test]
fn what_is_not_there_yet_is_told_when_it_comes() {
    let (mut world, [from, _], _) = live(1, 2);
    let later = world.nodes[1].clone().write(&author(9), 0, BESIDE, "later");
    ask(&mut world, from, &[later.entry.hash().into()]);
    let stored = world.nodes[1].write(&author(9), 0, BESIDE, "later");
    world.publish(1, &stored);
    world.run(world.now + 1_000);
    assert_eq!(world.sides[from].changed, [later.entry.hash().into()]);
}

#[test]
fn answers_that_are_cut_off_are_gone_on_with() {
    for told in [1, 3, 9, 10, 11] {
        let (mut world, [from, _], ids) = live(10, 3);
        world.nodes[1].heads_told = Some(told);
        ask(&mut world, from, &ids);
        assert_eq!(world.nodes[0].entries.len(), 11, "{told} at a time");
    }
}

#[test]
fn only_so_many_are_asked_for_together_and_only_when_live() {
    let (mut world, [from, _], ids) = live(1, 4);
    let many: Vec<_> = (0..=u16::try_from(MAX_DOCUMENTS).unwrap()).map(nothing).collect();
    let session = &mut world.sides[from].session;
    assert!(!session.want_documents(many.clone(), &Interest::All));
    assert!(!session.want_documents(Vec::new(), &Interest::All));
    assert!(session.want_documents(many[1..].to_vec(), &Interest::All));
    assert!(!session.want_documents(ids.clone(), &Interest::All), "one question at a time");
    world.run(world.now + 1_000);
    ask(&mut world, from, &ids);
    assert_eq!(world.nodes[0].entries.len(), 2);

    let terms = Terms::new(schemas()).unwrap();
    let (from, _) = world.connect(0, 1, terms);
    assert!(!world.sides[from].session.want_documents(ids.clone(), &Interest::All));
    world.run(world.now + 1_000);
    assert_eq!(world.sides[from].end, Some(End::Complete));
    assert!(!world.sides[from].session.want_documents(ids, &Interest::All));
}

#[test]
fn links_on_which_heads_are_told_stay_so_when_related_documents_are_asked_for() {
    let (mut world, [from, to], ids) = live(1, 5);
    let prune = Message::Prune.encode();
    world.sides[to].session.handle(&prune, world.now).unwrap();
    ask(&mut world, from, &ids);
    let stored = world.nodes[1].write(&author(8), 0, 1, "news");
    world.publish(1, &stored);
    let mut frames = Vec::new();
    while let Some(frame) = world.sides[to].session.poll_frame(world.now) {
        frames.push(Message::decode(&frame).unwrap());
    }
    assert!(matches!(frames[..], [Message::Have(_)]), "{frames:?}");
}

/// Who asks and does not keep to the rules meets a responder that is live.
fn end_of(world: &mut World, side: usize, messages: &[Message]) -> Option<End> {
    for message in messages {
        if world.sides[side].session.wants_input() {
            world.sides[side].session.handle(&message.encode(), world.now).unwrap();
        }
    }
    while let Some(effect) = world.sides[side].session.poll() {
        if let Effect::Finished(end) = effect {
            return Some(end);
        }
    }
    None
}

fn want(ids: &[OperationId]) -> Message {
    Message::WantDocuments(WantDocuments { ids: ids.to_vec(), after: None })
}

fn heads(logs: impl IntoIterator<Item = u64>, more: bool) -> Message {
    let author = Author::from(author(5).public_key());
    let head = |log_id| TheirHead {
        log: LogName { author, log_id: LogId::new(log_id) },
        tip: Tip::Line(SeqNum::FIRST),
        state: HeadState::from_bytes([0; 32]).salted(&Salt::from_bytes([0; 16])),
    };
    Message::DocumentHeads(DocumentHeads { heads: logs.into_iter().map(head).collect(), more })
}

fn is_fault(end: Option<End>) -> bool {
    matches!(end, Some(End::Failed(fault)) if fault.points() > 0)
}

#[test]
fn re15_one_question_at_a_time_is_answered_and_answers_answer_a_question() {
    let (mut world, [from, to], ids) = live(1, 6);
    assert!(is_fault(end_of(&mut world, to, &[want(&ids), want(&ids)])), "two questions");
    let (mut world, _, _) = live(1, 6);
    assert!(is_fault(end_of(&mut world, from, &[heads([], false)])), "no question");
    let (mut world, _, _) = live(1, 6);
    assert!(world.sides[from].session.want_documents(ids.clone(), &Interest::All));
    let _ = world.sides[from].session.poll_frame(0);
    let twice = [heads([1], false), heads([2], false)];
    assert!(is_fault(end_of(&mut world, from, &twice)), "two answers");

    // Before a session is live, nobody asks.
    let mut session = pandan_replication::Session::accept(
        Acceptance { interest: Interest::All, is_live: true },
        0,
    );
    let request = Request {
        salt: Salt::from_bytes([1; 16]),
        live: true,
        payloads_optional: false,
        schemas: schemas().into(),
        ranges: pandan_replication::Ranges::default(),
    };
    session.handle(&Message::Request(request).encode(), 0).unwrap();
    session.handle(&want(&ids).encode(), 0).unwrap();
    assert!(session.status().points > 0);
}

/// Answers what a session asks the store of the first node; its other effects are nothing here.
fn answer_reads(world: &mut World, side: usize) {
    let session = &mut world.sides[side].session;
    while let Some(effect) = session.poll() {
        if let Effect::Read(id, query) = effect {
            session.answer(id, world.nodes[0].answer(&schemas(), &query), 0);
        }
    }
}

#[test]
fn heads_that_do_not_go_on_where_they_were_cut_off_are_a_fault() {
    let (mut world, [from, _], ids) = live(1, 7);
    assert!(world.sides[from].session.want_documents(ids, &Interest::All));
    let said = |world: &mut World, message: Message| {
        while world.sides[from].session.poll_frame(0).is_some() {}
        world.sides[from].session.handle(&message.encode(), 0).unwrap();
        answer_reads(world, from);
        world.sides[from].session.status().points
    };
    assert_eq!(said(&mut world, heads([1, 5], true)), 0);
    assert_eq!(said(&mut world, heads([6], true)), 0);
    assert!(said(&mut world, heads([6], true)) > 0);
}

#[test]
fn who_tells_of_more_than_it_sends_is_not_asked_for_more() {
    let (mut world, [from, _], ids) = live(1, 8);
    assert!(world.sides[from].session.want_documents(ids, &Interest::All));
    let mut asked = 0;
    let mut next = 0;
    loop {
        let mut is_asked = false;
        while let Some(frame) = world.sides[from].session.poll_frame(0) {
            let message = Message::decode(&frame).unwrap();
            is_asked |= matches!(message, Message::WantDocuments(_));
        }
        if !is_asked {
            break;
        }
        asked += 1;
        let count = u64::try_from(MAX_HEADS).unwrap();
        let message = heads(next..next + count, true);
        next += count;
        world.sides[from].session.handle(&message.encode(), 0).unwrap();
        answer_reads(&mut world, from);
    }
    assert_eq!(asked, 1);
    const { assert!(MAX_HEADS > PAUSE_PENDING) };
    assert!(world.sides[from].session.wants_documents());
}

#[test]
fn only_so_many_documents_are_watched() {
    let (mut world, [from, _], ids) = live(2, 9);
    ask(&mut world, from, &[ids[0]]);
    ask(&mut world, from, &[ids[1]]);
    let others: Vec<_> = (0..u16::try_from(MAX_WATCHED - 1).unwrap()).map(nothing).collect();
    others.chunks(MAX_DOCUMENTS).for_each(|ids| ask(&mut world, from, ids));
    for log in [0, 1] {
        let stored = world.nodes[1].write(&author(7), log, BESIDE, "again");
        world.publish(1, &stored);
    }
    world.run(world.now + 1_000);
    assert_eq!(world.sides[from].changed, [ids[1]], "the oldest is forgotten");
}

#[test]
fn documents_that_were_not_asked_for_do_not_change() {
    let (mut world, [from, _], ids) = live(2, 10);
    ask(&mut world, from, &[ids[0]]);
    let mut both = ids.clone();
    both.sort_unstable();
    world.sides[from].session.handle(&Message::Changed(both).encode(), world.now).unwrap();
    world.run(world.now + 1_000);
    assert_eq!(world.sides[from].changed, [ids[0]]);
}

/// There may be as many forks as somebody likes, and who asks for a document that was written in all
/// of these logs has done nothing wrong.
#[test]
fn who_asks_is_not_blamed_for_how_many_logs_there_are() {
    let (mut world, [_, to], ids) = live(1, 11);
    let side = &mut world.sides[to].session;
    side.handle(&want(&ids).encode(), 0).unwrap();
    let log = |log_id| LogName { author: Author::MIN, log_id: LogId::new(log_id) };
    let headless = (0..=u64::try_from(MAX_PENDING_WANTS).unwrap()).map(log).collect();
    let found = FoundHeads { heads: Vec::new(), headless, more: false };
    while let Some(effect) = side.poll() {
        if let Effect::Read(id, Query::DocumentHeads { .. }) = effect {
            side.answer(id, Answer::DocumentHeads(found.clone()), 0);
        }
    }
    assert_eq!((side.status().phase, side.status().points), (Phase::Live, 0));
}
