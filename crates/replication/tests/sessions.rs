//! Who opens sessions again and again, or goes before it is known what became of what it sent.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::lone::{SALT, all};
use common::model::{Model, author};
use common::schemas;
use pandan_replication::limits::{
    MAX_ENDING, MAX_PEERS, SESSION_INTERVAL_MS, SESSIONS_AT_ONCE, SESSIONS_TAKEN_AT_ONCE,
};
use pandan_replication::{
    Announcement, Content, Effect, End, IngestId, Interest, Message, PeerId, Peers, PeersConfig,
    PeersEffect, Received, Refusal, RefusalCode, Request, Seed, StreamId, Verdict,
};

const OTHER: PeerId = PeerId([5; 32]);

fn peers(own: u8, interest: Interest) -> Peers {
    let config = PeersConfig { own: PeerId([own; 32]), interest, is_live: true };
    let mut peers = Peers::new(config, Seed([7; 32]));
    peers.set_schemas(schemas());
    peers
}

fn request() -> Message {
    Message::Request(Request {
        salt: SALT,
        live: true,
        payloads_optional: false,
        schemas: schemas().into(),
        ranges: all(Content::Heads(Vec::new())),
    })
}

/// An entry with another payload than its own.
fn forged(log: u64) -> Received {
    let good = Model::new(&schemas()).write(&author(1), log, 0, "text").received();
    Received { payload: Some(b"another".to_vec()), ..good }
}

/// Everything that is to be done now, but for frames.
fn effects(peers: &mut Peers) -> Vec<PeersEffect> {
    std::iter::from_fn(|| peers.poll(0)).collect()
}

/// The peer opens a session and sends an entry that is forged; gives what the store is to take.
fn send_forged(peers: &mut Peers, stream: StreamId, log: u64) -> IngestId {
    assert!(peers.incoming(OTHER, stream, 0));
    peers.handle(stream, &request().encode(), 0).unwrap();
    peers.handle(stream, &Message::Entries(vec![forged(log)]).encode(), 0).unwrap();
    let ingest = effects(peers).into_iter().find_map(|effect| match effect {
        PeersEffect::Session(of, Effect::Ingest(id, _)) if of == stream => Some(id),
        _ => None,
    });
    ingest.unwrap()
}

#[test]
fn who_opens_another_stream_is_blamed_for_what_came_on_the_one_before() {
    let mut peers = peers(9, Interest::All);
    assert!(peers.connected(OTHER, 0));
    let ingest = send_forged(&mut peers, StreamId(1), 0);
    assert!(peers.incoming(OTHER, StreamId(2), 0));
    assert_eq!(effects(&mut peers), []);
    assert!(peers.is_over(StreamId(1)) && peers.session(StreamId(1)).is_some());
    peers.ingested(StreamId(1), ingest, &[Verdict::Refused], 0);
    let end = PeersEffect::Session(StreamId(1), Effect::Finished(End::Gone));
    assert_eq!(effects(&mut peers), [end]);
    assert_eq!(peers.points(OTHER, 0), 5);
    assert!(peers.session(StreamId(1)).is_none(), "nothing is kept of it");
    assert!(!peers.is_over(StreamId(2)), "the other one goes on");
}

#[test]
fn who_disconnects_is_blamed_for_what_came_before() {
    let mut peers = peers(9, Interest::All);
    assert!(peers.connected(OTHER, 0));
    let ingest = send_forged(&mut peers, StreamId(1), 0);
    peers.disconnected(OTHER, 0);
    assert_eq!(effects(&mut peers), []);
    peers.ingested(StreamId(1), ingest, &[Verdict::Refused], 0);
    assert_eq!(effects(&mut peers).len(), 1);
    assert_eq!((peers.points(OTHER, 0), peers.session(StreamId(1)).is_none()), (5, true));
}

#[test]
fn so_many_sessions_of_a_peer_wait_for_what_became_of_entries() {
    let mut peers = peers(9, Interest::All);
    assert!(peers.connected(OTHER, 0));
    for number in 0..=MAX_ENDING as u64 {
        send_forged(&mut peers, StreamId(number), number);
    }
    let next = StreamId(100);
    assert!(!peers.incoming(OTHER, next, 0), "one goes on, and there are so many beside it");
    let first = peers.session(StreamId(0)).map(|session| session.usage().ingests);
    assert_eq!(first, Some(1));
}

/// Each stream on which nobody heard why it was refused took a place for half a minute, so that one
/// peer could take all of them.
#[test]
fn who_does_not_hear_why_its_sessions_are_refused_takes_one_place() {
    let mut peers = peers(9, Interest::Schemas(schemas()[..1].to_vec()));
    let id = |number: u8| PeerId([10 + number; 32]);
    for number in 0..6 {
        assert!(peers.connected(id(number), 0));
    }
    for stream in 0..300 {
        let stream = StreamId(stream);
        assert!(peers.incoming(id((stream.0 % 5) as u8), stream, 0));
        peers.handle(stream, &request().encode(), 0).unwrap();
        effects(&mut peers);
    }
    assert_eq!(peers.points(id(0), 0), 0);
    assert!(peers.incoming(id(5), StreamId(1_000), 0));
    assert!(!peers.is_over(StreamId(1_000)));
}

/// Who answered each session by asking for another one made a node open them as fast as it could.
#[test]
fn re10_sessions_are_opened_at_a_pace() {
    let mut peers = peers(1, Interest::All);
    assert!(peers.connected(OTHER, 0));
    let announcement = Announcement { versions: vec![2], interest: Interest::All, hints: vec![] };
    peers.announced(OTHER, &Message::Announce(announcement).encode(), 0);
    let mut opened = 0;
    while effects(&mut peers).contains(&PeersEffect::Open(OTHER)) {
        let stream = StreamId(opened);
        opened += 1;
        peers.opened(OTHER, stream, 0);
        let again = Refusal::new(RefusalCode::COMPARE_AGAIN, "news were left out");
        peers.handle(stream, &Message::Refuse(again).encode(), 0).unwrap();
        assert!(opened <= SESSIONS_AT_ONCE);
    }
    assert_eq!(opened, SESSIONS_AT_ONCE);
    assert_eq!(peers.poll_timeout().map(|due| due.min(SESSION_INTERVAL_MS)), Some(1_000));
    peers.timeout(SESSION_INTERVAL_MS);
    assert!(effects(&mut peers).contains(&PeersEffect::Open(OTHER)));
}

#[test]
fn re10_who_opens_sessions_faster_than_that_is_refused() {
    let mut peers = peers(9, Interest::All);
    assert!(peers.connected(OTHER, 0));
    for number in 0..=SESSIONS_TAKEN_AT_ONCE {
        assert_eq!(peers.points(OTHER, 0), 0, "session {number}");
        assert!(peers.incoming(OTHER, StreamId(number), 0));
        effects(&mut peers);
    }
    assert_eq!(peers.points(OTHER, 0), 5);
    let last = StreamId(SESSIONS_TAKEN_AT_ONCE);
    let refusal = Message::decode(&peers.poll_frame(last, 0).unwrap());
    assert!(matches!(refusal, Ok(Message::Refuse(Refusal { code: RefusalCode::BUSY, .. }))));
    // The session before it goes on, and later there may be another one.
    assert!(!peers.is_over(StreamId(SESSIONS_TAKEN_AT_ONCE - 1)));
    assert!(peers.incoming(OTHER, StreamId(1_000), SESSION_INTERVAL_MS));
    assert!(!peers.is_over(StreamId(1_000)));
}

/// As many peers as are remembered, all of which had done something wrong, kept out everybody else.
#[test]
fn who_misbehaved_and_is_gone_makes_room_for_others() {
    let mut peers = peers(9, Interest::All);
    let id = |number: usize| {
        let mut bytes = [1; 32];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        PeerId(bytes)
    };
    for number in 0..MAX_PEERS {
        assert!(peers.connected(id(number), 0));
        peers.misbehaved(id(number), if number == 7 { 1 } else { 100 }, 0);
        peers.disconnected(id(number), 0);
        effects(&mut peers);
    }
    assert!(peers.connected(id(MAX_PEERS), 0));
    assert_eq!(peers.points(id(7), 0), 0, "whom least speaks against is forgotten");
    assert!(!peers.connected(id(8), 0), "others are still kept out");
}
