//! When a link says something, and what is remembered.

use pandan_replication::legacy::limits::{
    MAX_BACK_OFF_MS, MAX_SESSIONS, MIN_BACK_OFF_MS, REQUEST_SILENCE_MS, TICK_MS,
};
use pandan_replication::legacy::{
    Answer, Config, Effect, Link, Memory, Message, Mode, Outcome, Precedence, Query, Serves,
};

use crate::store::{schema, set};

fn config() -> Config {
    Config {
        precedence: Precedence::Insists,
        serves: Serves::Everything,
        schemas: set([schema(0)]),
        timestamp: 100,
    }
}

fn announce(timestamp: u64, numbers: &[u8]) -> Message {
    let schemas = set(numbers.iter().map(|number| schema(*number)));
    Message::Announce { version: 1, timestamp, schemas }
}

/// Everything that the link has to say, messages decoded.
fn drain(link: &mut Link) -> (Vec<Message>, Vec<Effect>) {
    let (mut messages, mut others) = (Vec::new(), Vec::new());
    while let Some(effect) = link.poll() {
        match effect {
            Effect::Send(bytes) => messages.push(Message::decode(&bytes).expect("a message")),
            other => others.push(other),
        }
    }
    (messages, others)
}

fn messages(link: &mut Link) -> Vec<Message> {
    drain(link).0
}

fn hear(link: &mut Link, message: &Message, now: u64) {
    let bytes = message.encode();
    assert_eq!(link.handle(&bytes, now), bytes.len());
}

fn schemas_of(message: &Message) -> Vec<u8> {
    let Message::SyncRequest { schemas, .. } = message else { panic!("{message:?}") };
    (0..9).filter(|number| schemas.contains(&schema(*number))).collect()
}

#[test]
fn announcements_go_out_at_once_and_with_the_tick_when_newer() {
    let mut link = Link::new(config(), Memory::new(), 0);
    assert_eq!(messages(&mut link), [announce(100, &[0])]);
    link.announce(set([schema(0), schema(1)]), 101, 1_000);
    link.announce(set([schema(0), schema(2)]), 102, 2_000);
    assert_eq!(messages(&mut link), []);
    assert_eq!(link.poll_timeout(), Some(TICK_MS));
    link.timeout(TICK_MS - 1);
    assert_eq!(messages(&mut link), []);
    link.timeout(TICK_MS);
    assert_eq!(messages(&mut link), [announce(102, &[0, 2])]);
    // The same again is no news.
    link.announce(set([schema(0), schema(2)]), 103, 3 * TICK_MS);
    assert_eq!(messages(&mut link), []);
    assert_eq!(link.poll_timeout(), None);
}

#[test]
fn a_clock_that_was_set_back_does_not_hold_up_announcements() {
    let mut link = Link::new(config(), Memory::new(), 0);
    drain(&mut link);
    link.announce(set([schema(1)]), 7, TICK_MS);
    assert_eq!(messages(&mut link), [announce(101, &[1])]);
}

#[test]
fn the_announcement_with_the_larger_timestamp_is_kept() {
    let mut schemas = config();
    schemas.schemas = set([schema(0), schema(1), schema(2)]);
    let mut link = Link::new(schemas, Memory::new(), 0);
    drain(&mut link);
    hear(&mut link, &announce(50, &[0, 7]), 0);
    assert_eq!(schemas_of(&messages(&mut link)[0]), [0]);
    // Neither an older one, nor one of the same time, nor one of another version counts.
    hear(&mut link, &announce(49, &[0, 1]), 1_000);
    hear(&mut link, &announce(50, &[0, 1]), 2_000);
    let schemas = set([schema(1)]);
    hear(&mut link, &Message::Announce { version: 2, timestamp: 90, schemas }, 3_000);
    assert_eq!(messages(&mut link), []);
    hear(&mut link, &announce(51, &[0, 1]), 4_000);
    assert_eq!(schemas_of(&messages(&mut link)[0]), [0, 1]);
}

#[test]
fn nothing_is_asked_for_without_common_schemas() {
    let mut link = Link::new(config(), Memory::new(), 0);
    drain(&mut link);
    hear(&mut link, &announce(1, &[1]), 0);
    assert_eq!(messages(&mut link), []);
    assert_eq!(link.poll_timeout(), None);
}

#[test]
fn a_peer_that_never_answers_is_asked_less_and_less() {
    let mut link = Link::new(config(), Memory::new(), 0);
    drain(&mut link);
    hear(&mut link, &announce(1, &[0]), 0);
    let mut asked = Vec::new();
    for _ in 0..20 {
        let (messages, others) = drain(&mut link);
        let now = asked.last().map_or(0, |(at, _)| *at);
        for message in messages {
            let Message::SyncRequest { session, .. } = message else { panic!("{message:?}") };
            asked.push((now, session));
        }
        let is_end = |effect: &Effect| matches!(effect, Effect::Finished(_));
        assert!(others.iter().all(is_end));
        let next = link.poll_timeout().expect("it goes on");
        if let Some(last) = asked.last_mut() {
            last.0 = next;
        }
        link.timeout(next);
    }
    // Each request is given up, then comes the wait.
    let ids: Vec<_> = asked.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids, (0..10).collect::<Vec<_>>(), "a new id each time");
    let times: Vec<_> = asked.iter().map(|(at, _)| *at).collect();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let expected: Vec<_> = (1..10)
        .map(|failures: u32| (MIN_BACK_OFF_MS << failures).min(MAX_BACK_OFF_MS))
        .map(|wait| wait + REQUEST_SILENCE_MS)
        .collect();
    assert_eq!(pauses, expected);
}

#[test]
fn a_store_that_fails_ends_the_session() {
    let mut link = Link::new(config(), Memory::new(), 0);
    drain(&mut link);
    hear(&mut link, &announce(1, &[0]), 0);
    drain(&mut link);
    hear(&mut link, &Message::Have { session: 0, authors: vec![] }, 0);
    let Some(Effect::Read(id, Query::Heights { .. })) = link.poll() else { panic!("no question") };
    link.answer(id, Answer::Failed, 0);
    let (messages, others) = drain(&mut link);
    assert!(messages.is_empty());
    let [Effect::Finished(finished)] = &others[..] else { panic!("{others:?}") };
    assert_eq!(finished.outcome, Outcome::StoreFailed);
    // Too late, and twice.
    link.answer(id, Answer::Heights(vec![]), 0);
    assert_eq!(drain(&mut link).0, []);
}

#[test]
fn sessions_at_the_limit_beyond_which_we_open_none() {
    let mut config = config();
    config.schemas = set([schema(0), schema(1), schema(2), schema(3)]);
    let mut link = Link::new(config, Memory::new(), 0);
    let request = |session: u64, number| {
        let schemas = set([schema(number)]);
        Message::SyncRequest { session, mode: Mode::LogHeights, schemas }
    };
    drain(&mut link);
    (1..3).for_each(|session| hear(&mut link, &request(session, 8), 0));
    hear(&mut link, &request(3, 9), 0);
    drain(&mut link);
    // Two sessions of the peer (one of three took the place of another); there is room for one.
    for (timestamp, number, asked) in [(1, 0, true), (2, 1, false)] {
        let now = timestamp * 2_000;
        hear(&mut link, &announce(timestamp, &[number]), now);
        assert_eq!(!messages(&mut link).is_empty(), asked);
    }
    assert_eq!(MAX_SESSIONS, 3);
}

#[test]
fn precedence_is_the_order_of_peer_ids() {
    let (low, high) = (b"\x00\x24\x08\x01\x12\x20a", b"\x00\x24\x08\x01\x12\x20b");
    assert_eq!(Precedence::of_peer_ids(low, high), Precedence::Yields);
    assert_eq!(Precedence::of_peer_ids(high, low), Precedence::Insists);
}
