//! Nodes with many peers.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use common::model::{Model, Stored, author};
use common::schemas;
use pandan_bamboo::{Hash, HeadState};
use pandan_operations::{OperationId, SchemaId};
use pandan_replication::limits::{
    BACK_OFF_MAX_MS, BACK_OFF_MIN_MS, BLOCKED_MS, IDLE_TIMEOUT_MS, MAX_PEERS, MAX_SCHEMAS,
    MAX_SESSIONS, RESYNC_INTERVAL_MS, RESYNC_JITTER_MS,
};
use pandan_replication::{
    Announcement, Commit, Effect, Interest, Message, PeerId, Peers, PeersConfig, PeersEffect,
    RefusalCode, Seed, StreamId,
};

/// Nodes that are all connected; the id of each is its number.
struct Net {
    nodes: Vec<(Peers, Model)>,
    streams: BTreeMap<StreamId, [usize; 2]>,
    blocked: BTreeSet<(usize, PeerId)>,
    /// Who ends which stream when all frames are sent.
    closing: BTreeSet<(usize, StreamId)>,
    opened: usize,
    now: u64,
}

fn id(node: usize) -> PeerId {
    PeerId([u8::try_from(node).unwrap(); 32])
}

fn peers(node: usize, interest: Interest) -> Peers {
    let mut peers =
        Peers::new(PeersConfig { own: id(node), interest, is_live: true }, Seed([7; 32]));
    peers.set_schemas(schemas());
    peers
}

impl Net {
    fn new(interests: impl IntoIterator<Item = Interest>) -> Self {
        let node = |(node, interest)| (peers(node, interest), Model::new(&schemas()));
        let mut net = Self {
            nodes: interests.into_iter().enumerate().map(node).collect(),
            streams: BTreeMap::new(),
            blocked: BTreeSet::new(),
            closing: BTreeSet::new(),
            opened: 0,
            now: 0,
        };
        for one in 0..net.nodes.len() {
            for other in (0..net.nodes.len()).filter(|other| *other != one) {
                assert!(net.nodes[one].0.connected(id(other), 0));
            }
        }
        net
    }

    fn play(&mut self) {
        while (0..self.nodes.len()).any(|node| self.step(node)) {}
    }

    fn step(&mut self, node: usize) -> bool {
        let now = self.now;
        if let Some(effect) = self.nodes[node].0.poll(now) {
            self.effect(node, effect);
            return true;
        }
        for (stream, [from, to]) in self.streams.clone() {
            let other = match node {
                node if node == from => to,
                node if node == to => from,
                _ => continue,
            };
            let wants = self.nodes[other].0.session(stream).is_some_and(|s| s.wants_input());
            if !wants {
                continue;
            }
            if let Some(frame) = self.nodes[node].0.poll_frame(stream, now) {
                self.nodes[other].0.handle(stream, &frame, now).unwrap();
                return true;
            }
            // Who has ended a session forgets it with the last frame, and ends the stream.
            let is_gone = self.nodes[node].0.session(stream).is_none();
            if self.closing.remove(&(node, stream)) || is_gone {
                self.nodes[other].0.closed(stream);
                return true;
            }
        }
        false
    }

    fn effect(&mut self, node: usize, effect: PeersEffect) {
        let now = self.now;
        match effect {
            PeersEffect::Announce(PeerId([peer, ..]), frame) => {
                self.nodes[usize::from(peer)].0.announced(id(node), &frame, now);
            }
            PeersEffect::Open(PeerId([peer, ..])) => {
                let stream = StreamId(u64::try_from(self.opened).unwrap());
                self.opened += 1;
                self.streams.insert(stream, [node, peer.into()]);
                assert!(self.nodes[usize::from(peer)].0.incoming(id(node), stream, now));
                self.nodes[node].0.opened(id(peer.into()), stream, now);
            }
            PeersEffect::Session(stream, effect) => self.session(node, stream, effect),
            PeersEffect::Block(peer, _) => {
                self.blocked.insert((node, peer));
            }
            other => panic!("unknown effect {other:?}"),
        }
    }

    fn session(&mut self, node: usize, stream: StreamId, effect: Effect) {
        let now = self.now;
        let (peers, model) = &mut self.nodes[node];
        match effect {
            Effect::Read(read, query) => {
                let schemas = peers.session(stream).unwrap().schemas().to_vec();
                peers.answer(stream, read, model.answer(&schemas, &query), now);
            }
            Effect::Ingest(ingest, entries) => {
                let before = model.entries.len();
                let verdicts: Vec<_> = entries.iter().map(|entry| model.ingest(entry)).collect();
                peers.ingested(stream, ingest, &verdicts, now);
                let new = model.entries[before..].to_vec();
                new.iter().for_each(|stored| self.nodes[node].0.commit(&commit(stored)));
            }
            Effect::Close => {
                self.closing.insert((node, stream));
            }
            _ => {}
        }
    }

    fn publish(&mut self, node: usize, text: &str) {
        let (peers, model) = &mut self.nodes[node];
        let stored = model.write(&author(u8::try_from(node).unwrap()), 0, 1, text);
        peers.commit(&commit(&stored));
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        let now = self.now;
        self.nodes.iter_mut().for_each(|(peers, _)| peers.timeout(now));
        self.play();
    }
}

fn commit(stored: &Stored) -> Commit {
    Commit {
        schema: schemas()[usize::from(stored.payload[0]).min(3)].clone(),
        document: OperationId::from(stored.entry.hash()).into(),
        operation: stored.entry.hash().into(),
        log: stored.log,
        seq_num: stored.seq_num,
        state: HeadState::of_line(stored.entry.hash()),
        received: Arc::new(stored.received()),
    }
}

#[test]
fn re10_each_pair_has_one_session_and_news_reach_everybody() {
    let mut net = Net::new([Interest::All, Interest::All, Interest::Schemas(schemas())]);
    net.nodes[1].1.write(&author(9), 4, 2, "old");
    net.play();
    assert_eq!(net.opened, 3);
    assert!(net.streams.values().all(|[from, to]| from < to), "the lower id opens");
    net.publish(2, "news");
    net.play();
    net.pass(500);
    let heads = net.nodes[0].1.heads(&schemas());
    assert_eq!(heads.len(), 2);
    assert!(net.nodes.iter().all(|(_, model)| model.heads(&schemas()) == heads));
    assert_eq!(net.opened, 3);
}

#[test]
fn without_schemas_in_common_there_is_no_session() {
    let halves = [schemas()[..2].to_vec(), schemas()[2..].to_vec()];
    let mut net = Net::new(halves.map(Interest::Schemas));
    net.play();
    assert_eq!(net.opened, 0);
    assert_eq!(net.nodes[0].0.poll_timeout(), None);
}

#[test]
fn more_schemas_make_new_sessions() {
    let mut net = Net::new([Interest::All, Interest::All]);
    for (peers, _) in &mut net.nodes {
        peers.set_schemas(schemas()[..1].to_vec());
    }
    net.nodes[1].1.write(&author(9), 4, 2, "of the third schema");
    net.play();
    assert_eq!(net.nodes[0].1.entries.len(), 0);
    net.nodes[0].0.set_schemas(schemas());
    net.play();
    assert_eq!((net.opened, net.nodes[0].1.entries.len()), (2, 1));
}

#[test]
fn schemas_that_only_who_is_asked_knows_are_replicated_too() {
    let mut net = Net::new([Interest::All, Interest::All]);
    net.nodes[0].0.set_schemas(schemas()[..1].to_vec());
    net.nodes[1].1.write(&author(9), 4, 2, "of the third schema");
    net.play();
    assert_eq!((net.opened, net.nodes[0].1.entries.len()), (2, 1));
    // Being told again changes nothing, nor does learning of them on one's own.
    net.nodes[1].0.set_schemas(schemas()[1..].to_vec());
    net.nodes[0].0.set_schemas(schemas());
    net.play();
    assert_eq!(net.opened, 2);
}

#[test]
fn schemas_that_are_too_many_for_a_session_take_several() {
    let many = (0..MAX_SCHEMAS + 10).map(|number| {
        let id = OperationId::from_hash(Hash::of(&number.to_be_bytes()));
        SchemaId::from_str(&format!("thing_{id}")).unwrap()
    });
    let many: Vec<SchemaId> = many.chain(schemas()).collect();
    let last = many.iter().max().unwrap();
    let mut net = Net::new([Interest::All, Interest::All]);
    for (peers, model) in &mut net.nodes {
        peers.set_schemas(many.clone());
        model.schemas.push(last.clone());
    }
    // Of the first and of the last schema in order.
    for (log_id, schema) in [(4, 0), (5, 4)] {
        net.nodes[1].1.write(&author(9), log_id, schema, "one of many");
    }
    net.play();
    assert_eq!((net.opened, net.nodes[0].1.entries.len()), (2, 2));
    // The last one goes on live, until it is time to compare all anew.
    while net.opened < 4 {
        let due = net.nodes[0].0.poll_timeout().unwrap();
        assert!(due <= RESYNC_INTERVAL_MS + RESYNC_JITTER_MS);
        net.pass(due - net.now);
    }
}

#[test]
fn who_does_not_take_the_end_of_a_session_keeps_no_place() {
    let mut peers = peers(1, Interest::All);
    assert!(peers.connected(id(0), 0));
    let stream = StreamId(7);
    assert!(peers.incoming(id(0), stream, 0));
    peers.handle(stream, &[0xff], 0).unwrap();
    while peers.poll(0).is_some() {}
    assert!(peers.is_over(stream) && peers.session(stream).is_some(), "a refusal waits");
    assert_eq!(peers.poll_timeout(), Some(IDLE_TIMEOUT_MS));
    peers.timeout(IDLE_TIMEOUT_MS - 1);
    assert!(peers.session(stream).is_some());
    peers.timeout(IDLE_TIMEOUT_MS);
    assert!(peers.session(stream).is_none());
}

#[test]
fn sessions_begin_anew_in_time() {
    let mut net = Net::new([Interest::All, Interest::All]);
    net.play();
    let due = net.nodes[0].0.poll_timeout().unwrap();
    net.pass(due);
    assert_eq!(net.opened, 2);
}

#[test]
fn who_comes_back_is_compared_with_at_once() {
    let mut net = Net::new([Interest::All, Interest::All]);
    net.play();
    let opened = net.opened;
    // The other node stops in good order, and is started again.
    let stream = *net.streams.keys().next_back().unwrap();
    net.nodes[0].0.closed(stream);
    net.play();
    for node in 0..2 {
        net.nodes[node].0.disconnected(id(1 - node), net.now);
        assert!(net.nodes[node].0.connected(id(1 - node), net.now));
    }
    net.play();
    assert_eq!(net.opened, opened + 1);
}

/// A node ends a session to compare anew; when its peer sends at that moment, the stream breaks before
/// the reason is read. They went without news for five minutes then.
#[test]
fn live_sessions_that_end_without_a_word_are_followed_by_others_soon() {
    let mut net = Net::new([Interest::All, Interest::All]);
    net.play();
    let stream = *net.streams.keys().next_back().unwrap();
    net.nodes[1].0.compare_again();
    while net.nodes[1].0.poll(net.now).is_some() {}
    // What it has said is lost.
    while net.nodes[1].0.poll_frame(stream, net.now).is_some() {}
    net.nodes[0].0.closed(stream);
    net.play();
    let opened = net.opened;
    net.pass(BACK_OFF_MIN_MS);
    assert_eq!(net.opened, opened + 1);
}

/// Who wants no news ends every session.
#[test]
fn who_ends_all_live_sessions_is_asked_less_and_less() {
    let mut net = Net::new([Interest::All, Interest::All]);
    net.play();
    let mut wait = 0;
    for _ in 0..12 {
        let stream = *net.streams.keys().next_back().unwrap();
        for node in 0..2 {
            net.nodes[node].0.closed(stream);
        }
        net.play();
        let (ended, opened) = (net.now, net.opened);
        while net.opened == opened {
            let due = net.nodes[0].0.poll_timeout().unwrap();
            net.pass(due - net.now);
        }
        wait = net.now - ended;
    }
    assert!(wait >= BACK_OFF_MAX_MS / 2, "{wait}");
}

#[test]
fn failures_are_followed_by_longer_and_longer_waits() {
    let mut net = Net::new([Interest::All, Interest::All]);
    let mut waits = Vec::new();
    for _ in 0..12 {
        // Announcements go, streams do not.
        while let Some(effect) = net.nodes[0].0.poll(net.now) {
            match effect {
                PeersEffect::Open(peer) => net.nodes[0].0.not_opened(peer, net.now),
                other => net.effect(0, other),
            }
        }
        if waits.is_empty() {
            while let Some(effect) = net.nodes[1].0.poll(net.now) {
                net.effect(1, effect);
            }
            waits.push(0);
            continue;
        }
        let due = net.nodes[0].0.poll_timeout().unwrap();
        waits.push(due - net.now);
        net.now = due;
        net.nodes[0].0.timeout(due);
    }
    let mut most = BACK_OFF_MIN_MS;
    for wait in &waits[1..] {
        assert!((most / 2..=most).contains(wait), "{waits:?}");
        most = (2 * most).min(BACK_OFF_MAX_MS);
    }
    assert_eq!(most, BACK_OFF_MAX_MS);
}

#[test]
fn who_misbehaves_is_kept_out_for_some_time() {
    let mut peers = peers(0, Interest::All);
    let other = id(1);
    assert!(peers.connected(other, 0));
    let mut streams = 0;
    let blocked = loop {
        streams += 1;
        assert!(streams <= 4, "four times 25 points are enough");
        assert!(peers.incoming(other, StreamId(streams), 0));
        peers.handle(StreamId(streams), &[0x55], 0).unwrap();
        let block = std::iter::from_fn(|| peers.poll(0)).find_map(|effect| match effect {
            PeersEffect::Block(peer, until) => Some((peer, until)),
            _ => None,
        });
        if let Some(block) = block {
            break block;
        }
        assert_eq!(peers.points(other, 0), 25 * u32::try_from(streams).unwrap());
    };
    assert_eq!(blocked, (other, BLOCKED_MS));
    peers.disconnected(other, 0);
    assert!(!peers.connected(other, BLOCKED_MS - 1));
    assert!(peers.connected(other, BLOCKED_MS));
}

/// Until its connection was gone, a node looked for what there is to do again and again without rest.
#[test]
fn who_is_kept_out_is_left_alone_before_it_may_come_again() {
    let mut peers = peers(0, Interest::All);
    assert!(peers.connected(id(1), 0));
    let announcement =
        Announcement { versions: vec![2], interest: Interest::All, hints: schemas() };
    let announcement = Message::Announce(announcement).encode();
    peers.announced(id(1), &announcement, 0);
    while let Some(effect) = peers.poll(0) {
        if let PeersEffect::Open(peer) = effect {
            peers.not_opened(peer, 0);
        }
    }
    let due = peers.poll_timeout().unwrap();
    assert!((1..=BACK_OFF_MIN_MS).contains(&due));
    peers.misbehaved(id(1), 100, 0);
    peers.timeout(due);
    let effects: Vec<_> = std::iter::from_fn(|| peers.poll(due)).collect();
    assert_eq!(effects, [PeersEffect::Block(id(1), BLOCKED_MS)]);
    assert_eq!(peers.poll_timeout(), Some(BLOCKED_MS));
    peers.timeout(BLOCKED_MS);
    assert_eq!(peers.poll(BLOCKED_MS), Some(PeersEffect::Open(id(1))));
}

#[test]
fn who_misbehaves_in_another_protocol_is_kept_out_as_well() {
    let mut peers = peers(0, Interest::All);
    assert!(peers.connected(id(1), 0));
    peers.misbehaved(id(1), 99, 0);
    assert_eq!(peers.points(id(1), 0), 99);
    peers.misbehaved(id(1), 1, 0);
    let mut effects = std::iter::from_fn(|| peers.poll(0));
    assert!(effects.any(|effect| effect == PeersEffect::Block(id(1), BLOCKED_MS)));
    // Who is not known has no account.
    peers.misbehaved(id(2), 100, 0);
    assert_eq!((peers.poll(0), peers.points(id(2), 0)), (None, 0));
}

#[test]
fn points_are_forgiven() {
    let mut peers = peers(0, Interest::All);
    assert!(peers.connected(id(1), 0));
    peers.announced(id(1), &[0x55], 0);
    assert_eq!(peers.points(id(1), 0), 25);
    assert_eq!(peers.points(id(1), 10 * 60_000), 15);
    assert_eq!(peers.points(id(1), 10_000 * 60_000), 0);
}

#[test]
fn peers_and_sessions_are_limited() {
    let numbered = |number: usize| {
        let mut bytes = [1; 32];
        bytes[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
        PeerId(bytes)
    };
    let mut peers = peers(0, Interest::All);
    for number in 0..MAX_PEERS {
        assert!(peers.connected(numbered(number), 0));
        while peers.poll(0).is_some() {}
    }
    assert!(!peers.connected(numbered(MAX_PEERS), 0));
    peers.disconnected(numbered(5), 0);
    assert!(peers.connected(numbered(MAX_PEERS), 0), "who is not there is forgotten");

    for number in 10..=10 + MAX_SESSIONS {
        let stream = StreamId(u64::try_from(number).unwrap());
        assert!(peers.incoming(numbered(number), stream, 0));
        let refusal = peers.poll_frame(stream, 0).map(|frame| Message::decode(&frame).unwrap());
        match refusal {
            None => assert!(number < 10 + MAX_SESSIONS),
            Some(Message::Refuse(refusal)) => {
                assert_eq!((number, refusal.code), (10 + MAX_SESSIONS, RefusalCode::BUSY));
            }
            other => panic!("expected a refusal, found {other:?}"),
        }
    }
    // Who does not even listen to the refusal is reset.
    let answers = (0..MAX_SESSIONS).map(|number| {
        let stream = StreamId(u64::try_from(1_000 + number).unwrap());
        peers.incoming(numbered(200 + number), stream, 0)
    });
    assert_eq!(answers.filter(|taken| *taken).count(), MAX_SESSIONS - 1);
}

#[test]
fn nobody_is_asked_who_speaks_other_versions() {
    let mut peers = peers(0, Interest::All);
    assert!(peers.connected(id(1), 0));
    let announcement =
        Announcement { versions: vec![1, 3], interest: Interest::All, hints: vec![] };
    peers.announced(id(1), &Message::Announce(announcement).encode(), 0);
    let effects: Vec<_> = std::iter::from_fn(|| peers.poll(0)).collect();
    assert!(matches!(effects[..], [PeersEffect::Announce(..)]), "{effects:?}");
}
