//! Nodes in one thread, all connected with each other, with a clock that the tests turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pandan_admission::Door;
use pandan_operations::{Operation, SchemaId};
use pandan_replication::{
    Effect, Interest, PeerId, Peers, PeersConfig, PeersEffect, Received, Seed, StreamId,
};
use pandan_store::conformance::Signed;
use pandan_store::{MemoryStore, Store};
use pandan_sync::{Fate, Follow, Follower, Intake, News, Serving, Taken, answer, examine};

pub(crate) struct Node {
    peers: Peers,
    pub(crate) store: Arc<MemoryStore>,
    intake: Intake,
    follower: Option<Follower>,
    serving: Serving,
    /// The schema of each entry that came, known ones too.
    pub(crate) received: Vec<SchemaId>,
    /// Nothing that it says is heard.
    pub(crate) is_mute: bool,
}

pub(crate) struct Net {
    pub(crate) nodes: Vec<Node>,
    streams: BTreeMap<StreamId, [usize; 2]>,
    /// Who ends which stream when all frames are sent.
    closing: BTreeSet<(usize, StreamId)>,
    pub(crate) now: u64,
}

fn id(node: usize) -> PeerId {
    PeerId([u8::try_from(node).unwrap(); 32])
}

impl Node {
    fn new(number: usize, interest: Interest, follow: Follow) -> Self {
        let store = Arc::new(MemoryStore::new());
        let follower = Follower::new(&interest, follow);
        let serving = Serving::new(interest.clone(), follow);
        let config = PeersConfig { own: id(number), interest, is_live: true };
        Self {
            peers: Peers::new(config, Seed([7; 32])),
            intake: Intake::new(store.clone()),
            store,
            follower,
            serving,
            received: Vec::new(),
            is_mute: false,
        }
    }

    fn take(&mut self, received: &[Received], door: Door) -> Taken {
        let candidates = received.iter().map(|it| (examine(it).unwrap(), door)).collect();
        let taken = self.intake.take(candidates).unwrap();
        taken.news.iter().for_each(|news| self.peers.commit(&news.commit()));
        self.know_schemas();
        taken
    }

    fn tell(&mut self, news: &[News]) {
        if let Some(follower) = &mut self.follower {
            news.iter().for_each(|news| follower.stored(news));
        }
    }

    fn know_schemas(&mut self) {
        let schemas = self.store.snapshot().unwrap().schemas().unwrap();
        let ids = schemas.iter().map(|known| known.schema.id().clone()).collect();
        self.peers.set_schemas(ids);
    }

    /// Follows relations; gives whether something was looked up.
    fn follow(&mut self, streams: impl Iterator<Item = StreamId>, now: u64) -> bool {
        let Some(follower) = &mut self.follower else { return false };
        let Some(look) = follower.drive(&mut self.peers, streams, now) else { return false };
        follower.looked(look.run(&*self.store.snapshot().unwrap()).unwrap());
        true
    }
}

impl Net {
    /// Nodes that know nothing, each with what it replicates and follows.
    pub(crate) fn new(nodes: impl IntoIterator<Item = (Interest, Follow)>) -> Self {
        let node = |(number, (interest, follow))| Node::new(number, interest, follow);
        let nodes = nodes.into_iter().enumerate().map(node).collect();
        Self { nodes, streams: BTreeMap::new(), closing: BTreeSet::new(), now: 0 }
    }

    pub(crate) fn connect(&mut self) {
        for one in 0..self.nodes.len() {
            self.nodes[one].know_schemas();
            for other in (0..self.nodes.len()).filter(|other| *other != one) {
                assert!(self.nodes[one].peers.connected(id(other), self.now));
            }
        }
        self.play();
    }

    pub(crate) fn publish(&mut self, node: usize, signed: &Signed) {
        let received = Received {
            entry: signed.entry.as_bytes().to_vec(),
            payload: Some(signed.payload.clone()),
        };
        let taken = self.nodes[node].take(&[received], Door::Client);
        assert!(matches!(taken.judged[0].fate, Fate::Stored(_)), "{:?}", taken.judged);
        self.nodes[node].tell(&taken.news);
    }

    /// The points of a node at another one.
    pub(crate) fn points(&mut self, at: usize, of: usize) -> u32 {
        self.nodes[at].peers.points(id(of), self.now)
    }

    pub(crate) fn play(&mut self) {
        while (0..self.nodes.len()).any(|node| self.step(node)) {}
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now += ms;
        let now = self.now;
        self.nodes.iter_mut().for_each(|node| node.peers.timeout(now));
        self.play();
    }

    fn step(&mut self, node: usize) -> bool {
        let now = self.now;
        if let Some(effect) = self.nodes[node].peers.poll(now) {
            self.effect(node, effect);
            return true;
        }
        let own = self.streams.iter().filter(|(_, ends)| ends.contains(&node));
        let own: Vec<_> = own.map(|(stream, _)| *stream).collect();
        if self.nodes[node].follow(own.iter().copied(), now) {
            return true;
        }
        own.into_iter().any(|stream| self.pass_on(node, stream))
    }

    /// Carries a frame, or the end of a stream.
    fn pass_on(&mut self, node: usize, stream: StreamId) -> bool {
        let [from, to] = self.streams[&stream];
        let (other, now) = (if node == from { to } else { from }, self.now);
        let wants = self.nodes[other].peers.session(stream).is_some_and(|s| s.wants_input());
        if !wants || self.nodes[node].is_mute {
            return false;
        }
        if let Some(frame) = self.nodes[node].peers.poll_frame(stream, now) {
            self.nodes[other].peers.handle(stream, &frame, now).unwrap();
            return true;
        }
        let is_gone = self.nodes[node].peers.session(stream).is_none();
        let ends = self.closing.remove(&(node, stream)) || is_gone;
        if ends {
            self.nodes[other].peers.closed(stream);
        }
        ends
    }

    fn effect(&mut self, node: usize, effect: PeersEffect) {
        let now = self.now;
        match effect {
            PeersEffect::Announce(PeerId([peer, ..]), frame) => {
                self.nodes[usize::from(peer)].peers.announced(id(node), &frame, now);
            }
            PeersEffect::Open(PeerId([peer, ..])) => {
                let stream = StreamId(u64::try_from(self.streams.len()).unwrap());
                self.streams.insert(stream, [node, peer.into()]);
                assert!(self.nodes[usize::from(peer)].peers.incoming(id(node), stream, now));
                self.nodes[node].peers.opened(id(peer.into()), stream, now);
            }
            PeersEffect::Session(stream, effect) => self.session(node, stream, effect),
            other => panic!("nobody does what leads to {other:?}"),
        }
    }

    fn session(&mut self, number: usize, stream: StreamId, effect: Effect) {
        let now = self.now;
        let node = &mut self.nodes[number];
        match effect {
            Effect::Read(read, query) => {
                let schemas = node.peers.session(stream).unwrap().shared_schemas();
                let snapshot = node.store.snapshot().unwrap();
                let answer = answer(&*snapshot, &schemas, &node.serving, &query).unwrap();
                node.peers.answer(stream, read, answer, now);
            }
            Effect::Ingest(ingest, received) => {
                node.received.extend(received.iter().map(schema));
                let taken = node.take(&received, Door::Peer);
                let verdicts: Vec<_> = taken.judged.iter().map(|it| it.verdict()).collect();
                node.peers.ingested(stream, ingest, &verdicts, now);
                node.tell(&taken.news);
            }
            Effect::Changed(ids) => {
                if let Some(follower) = &mut node.follower {
                    follower.changed(stream, ids);
                }
            }
            Effect::Close => {
                self.closing.insert((number, stream));
            }
            _ => {}
        }
    }
}

fn schema(received: &Received) -> SchemaId {
    Operation::decode(received.payload.as_ref().unwrap()).unwrap().schema().clone()
}
