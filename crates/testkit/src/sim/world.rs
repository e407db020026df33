//! The world: plays events until everybody has come to rest.

mod faults;

use std::collections::BTreeMap;
use std::sync::Arc;

use pandan_admission::Door;
use pandan_bamboo::{EntryHash, ForkProof};
use pandan_identity::PublicKey;
use pandan_replication::PeerId;
use pandan_store::MemoryStore;
use pandan_sync::Fate;
use tempfile::TempDir;

use super::bounds;
use super::disk::{Disk, DiskFaults};
use super::hostile::Mangler;
use super::net::{Event, Fault, Life, Net, Task};
use super::node::{Node, accepted};
use super::plan::{LASTS_MS, Plan};
use super::wires::{Connection, Side, stream_id};
use crate::{History, Random, Signed};

/// How long a client waits before it tries again, at most.
const PATIENCE_MS: usize = 2_000;

/// How long after a connection is lost the sides find out, at most.
const NOTICE_MS: usize = 8_000;

/// How long nodes wait before they dial again, at most.
const DIAL_MS: usize = 2_000;

/// More events than this at one moment are a loop.
const EVENTS_AT_ONCE_MAX: u64 = 1_000_000;

pub(super) struct World {
    pub(super) net: Net,
    pub(super) nodes: Vec<Node>,
    links: Vec<Link>,
    history: Vec<Signed>,
    /// Entries of which a client heard that they are stored.
    pub(super) acknowledged: Vec<usize>,
    trouble_ends: u64,
    has_forks: bool,
    /// Whether sessions fail.
    pub(super) fail_sessions: bool,
    /// What must not happen.
    pub(super) problem: Option<String>,
    /// Where files are.
    _folder: TempDir,
}

struct Link {
    nodes: [usize; 2],
    is_cut: bool,
    connection: Option<usize>,
    latency: (u64, u64),
    window: usize,
}

impl World {
    pub(super) fn new(plan: &Plan, mut random: Random) -> Self {
        let folder = TempDir::with_prefix("pandan-sim").expect("a folder can be made");
        let honest = plan.nodes - plan.hostile;
        let nodes = (0..plan.nodes).map(|index| {
            let mangler = (index >= honest).then(|| Mangler::new(Random::new(random.number())));
            // Half of the nodes keep what they have in files, the first in any case.
            let disk = match index == 0 || random.chance(50) {
                true => Disk::File(folder.path().join(format!("{index}.sqlite"))),
                false => Disk::Memory(MemoryStore::new()),
            };
            Node {
                index,
                id: any_id(&mut random),
                disk,
                faults: Arc::new(DiskFaults::new(random.number())),
                mangler,
                is_slow: false,
                doom: None,
                life: 0,
                alive: None,
            }
        });
        let nodes = nodes.collect();
        let (length, forks) = (plan.entries, plan.troubles.forks);
        let of_people = Random::new(random.number());
        let history = match (plan.troubles.plain_schemas, forks) {
            (true, forks) => History::with_plain_schemas(of_people, length, forks),
            (false, true) => History::with_forks_from_random(of_people, length),
            (false, false) => History::from_random(of_people, length),
        };
        let links = plan.links.iter().map(|nodes| Link::new(*nodes, &mut random)).collect();
        let mut world = Self {
            net: Net::new(random),
            nodes,
            links,
            history: history.signed,
            acknowledged: Vec::new(),
            trouble_ends: plan.trouble_ends,
            has_forks: forks,
            fail_sessions: plan.troubles.fail_sessions(),
            problem: None,
            _folder: folder,
        };
        world.begin(plan);
        world
    }

    fn begin(&mut self, plan: &Plan) {
        for node in 0..self.nodes.len() {
            self.start(node);
            if let Some(mangler) = &self.nodes[node].mangler {
                self.net.note(format_args!("node {node} is hostile: {:?}", mangler.habits()));
            }
        }
        for link in 0..self.links.len() {
            self.net.soon(DIAL_MS, Event::Dial(link));
        }
        // Mostly in the order in which they were written.
        let step = self.trouble_ends / self.history.len().max(1) as u64;
        for entry in 0..self.history.len() {
            let at = step * entry as u64 + self.net.random.below(PATIENCE_MS) as u64;
            self.net.agenda.put(at, Event::Publish { entry });
        }
        for (at, fault) in &plan.faults {
            self.net.agenda.put(*at, Event::Fault(*fault));
        }
    }

    /// Plays until a time, or until something happens that must not.
    pub(super) fn run(&mut self, until: u64) {
        let (mut moment, mut events) = (self.net.now(), 0);
        while self.problem.is_none()
            && let Some(event) = self.net.agenda.next(until)
        {
            self.net.totals.events += 1;
            events = if moment == self.net.now() { events + 1 } else { 0 };
            moment = self.net.now();
            if events > EVENTS_AT_ONCE_MAX {
                self.fail(format!("the nodes do not come to rest; the last event is {event:?}"));
            }
            self.event(event);
        }
    }

    /// From now on nothing goes wrong, but that hostile nodes lie about what there is.
    pub(super) fn repair(&mut self) {
        self.net.note(format_args!("nothing goes wrong any more"));
        for node in 0..self.nodes.len() {
            self.nodes[node].faults.set_full(false);
            self.nodes[node].faults.set_unreadable(false);
            self.nodes[node].is_slow = false;
            self.nodes[node].doom = None;
            self.nodes[node].faults.restart();
            if let Some(mangler) = &mut self.nodes[node].mangler {
                mangler.calm_down();
            }
            self.start(node);
        }
        for link in 0..self.links.len() {
            self.links[link].is_cut = false;
            self.net.soon(DIAL_MS, Event::Dial(link));
        }
    }

    /// Cuts all links for good.
    pub(super) fn part(&mut self) {
        for link in 0..self.links.len() {
            self.fault(Fault::Cut(link));
        }
    }

    /// The links between honest nodes that do not keep each other out.
    pub(super) fn honest_links(&self) -> impl Iterator<Item = [usize; 2]> {
        let is_honest =
            |link: &&Link| link.nodes.iter().all(|node| !self.nodes[*node].is_hostile());
        self.links.iter().filter(is_honest).map(|link| link.nodes)
    }

    pub(super) fn signed(&self, entry: usize) -> &Signed {
        &self.history[entry]
    }

    /// All entries that people of this history have signed, and those of hostile nodes, with their
    /// payloads.
    pub(super) fn all_signed(&self) -> BTreeMap<EntryHash, &[u8]> {
        let of_people =
            self.history.iter().map(|signed| (signed.entry.hash(), signed.payload.as_slice()));
        let hostile = self.nodes.iter().filter_map(|node| node.mangler.as_ref());
        let hostile = hostile.flat_map(Mangler::signed);
        of_people.chain(hostile.map(|(hash, payload)| (*hash, payload.as_slice()))).collect()
    }

    /// Whether a hostile node signs as this author.
    pub(super) fn is_of_hostile(&self, author: &PublicKey) -> bool {
        let mut hostile = self.nodes.iter().filter_map(|node| node.mangler.as_ref());
        hostile.any(|it| it.author() == *author)
    }

    /// Whether a log forks in the history, or is one of a hostile author and may.
    pub(super) fn may_fork(&self, proof: &ForkProof) -> bool {
        let history = History { signed: self.history.clone() };
        let log = |proof: &ForkProof| (proof.public_key(), proof.log_id());
        self.is_of_hostile(&proof.public_key())
            || history.proofs().iter().any(|known| log(known) == log(proof))
    }

    pub(super) fn fail(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Wake(node) => self.act(node),
            Event::Dial(link) => self.dial(link),
            Event::Connected(connection, side) => self.connected(connection, side),
            Event::Lost(connection, side) => self.lost(connection, side),
            Event::Announced(connection, side, frame) => {
                let connection = &self.net.connections[connection];
                let (node, peer) = connection.seen_from(side);
                let (is_heard, now) =
                    (connection.is_up && connection.is_known[side], self.net.now());
                if let Some(alive) = &mut self.nodes[node].alive
                    && is_heard
                {
                    alive.peers.announced(peer, &frame, now);
                }
                self.act(node);
            }
            Event::Opened(connection, side) => {
                let (node, peer) = self.net.connections[connection].seen_from(side);
                self.nodes[node].opened(peer, connection, side, &mut self.net);
                self.act(node);
            }
            Event::Begun(stream) => self.begun(stream),
            Event::Read(stream, side) => {
                let stream_ = &mut self.net.streams[stream];
                stream_.pipes[side].is_due = false;
                let node = stream_.nodes[side];
                self.nodes[node].read(stream_id(stream, side), &mut self.net);
                self.act(node);
            }
            Event::Task(life, task) => self.task(life, task),
            Event::Publish { entry } => self.publish(entry),
            Event::Fault(fault) => self.fault(fault),
        }
    }

    fn act(&mut self, node: usize) {
        if self.nodes[node].alive.is_none() {
            return;
        }
        if self.nodes[node].faults.has_crashed() {
            return self.crash(node);
        }
        let Some(blocked) = self.nodes[node].act(&mut self.net) else {
            return self.crash(node);
        };
        self.check_bounds(node);
        for peer in blocked {
            let name = self.nodes.iter().position(|other| other.id == peer);
            let is_wrong = name.is_some_and(|name| !self.nodes[name].is_hostile());
            self.net.note(format_args!("node {node} keeps node {name:?} out"));
            if let Some(name) = name.filter(|_| !is_wrong && self.net.now() < self.trouble_ends) {
                // It comes again under another name.
                self.net.soon(LASTS_MS, Event::Fault(Fault::Crash(name, 0)));
            }
            if is_wrong && !self.nodes[node].is_hostile() {
                self.fail(format!("node {node} keeps {name:?} out, which kept to the rules"));
            }
        }
    }

    fn check_bounds(&mut self, node: usize) {
        let Node { alive, mangler, .. } = &self.nodes[node];
        let of_hostile = self.nodes.iter().filter_map(|node| Some(node.mangler.as_ref()?.signed()));
        let signed = self.history.len() + of_hostile.map(BTreeMap::len).sum::<usize>();
        if let (Some(alive), None) = (alive, mangler)
            && let Err(problem) = bounds::check(alive, signed)
        {
            self.fail(format!("node {node} keeps {problem}"));
        }
    }

    fn task(&mut self, life: Life, task: Task) {
        let node = &mut self.nodes[life.node];
        if node.life() != life || node.alive.is_none() {
            return;
        }
        if node.task(task, &mut self.net) {
            return self.crash(life.node);
        }
        self.act(life.node);
    }

    fn publish(&mut self, entry: usize) {
        // People mostly write at the same node.
        let author = self.history[entry].entry.header().public_key().as_bytes()[0];
        let node = match self.net.random.chance(60) {
            true => usize::from(author) % self.nodes.len(),
            false => self.net.random.below(self.nodes.len()),
        };
        // No client can fork a log at a node that knows better; who brings it as a peer does can.
        let is_peer = self.has_forks && self.net.random.chance(30);
        let door = if is_peer { Door::Peer } else { Door::Client };
        let fate = match self.nodes[node].is_hostile() {
            true => None,
            false => self.nodes[node].publish(&self.history[entry], door, &mut self.net),
        };
        match fate {
            Some(Fate::Stored(_) | Fate::Known { .. }) => {
                self.net.note(format_args!("node {node} stored entry {entry}"));
                self.acknowledged.push(entry);
            }
            Some(Fate::Refused(_)) => {}
            // In the end clients give up, so that the nodes can come to rest.
            _ if self.net.now() >= self.trouble_ends => {}
            _ => self.net.soon(PATIENCE_MS, Event::Publish { entry }),
        }
        if self.nodes[node].doom == Some(0) {
            return self.crash(node);
        }
        self.act(node);
    }

    fn dial(&mut self, index: usize) {
        let link = &mut self.links[index];
        let is_up = link.connection.is_some_and(|it| self.net.connections[it].is_up);
        if is_up || link.is_cut {
            return;
        }
        let now = self.net.now();
        let [one, other] = link.nodes.map(|node| &self.nodes[node]);
        let lets_in = |node: &Node, peer: &Node| {
            let blocked = node.alive.as_ref().map(|alive| alive.blocked.get(&peer.id));
            blocked.is_some_and(|until| until.is_none_or(|until| *until <= now))
        };
        if !lets_in(one, other) || !lets_in(other, one) {
            return self.net.soon(DIAL_MS, Event::Dial(index));
        }
        self.net.connections.push(Connection {
            link: index,
            nodes: link.nodes,
            ids: link.nodes.map(|node| self.nodes[node].id),
            is_up: true,
            is_known: [false; 2],
            latency: link.latency,
            window: link.window,
            announced_at: [0; 2],
        });
        let connection = self.net.connections.len() - 1;
        link.connection = Some(connection);
        let at = now + link.latency.0;
        for side in 0..2 {
            self.net.agenda.put(at, Event::Connected(connection, side));
        }
    }

    fn connected(&mut self, connection: usize, side: Side) {
        let Connection { link, is_up, .. } = self.net.connections[connection];
        if !is_up {
            return;
        }
        let (node, peer) = self.net.connections[connection].seen_from(side);
        // A side that has not noticed the end of the connection before does so now.
        let older = self.net.connections.iter().position(|it| {
            it.link == link && it.nodes[side] == node && it.is_known[side] && !it.is_up
        });
        if let Some(older) = older {
            self.lost(older, side);
        }
        self.net.connections[connection].is_known[side] = true;
        self.nodes[node].connected(peer, connection, &mut self.net);
        self.act(node);
    }

    fn lost(&mut self, connection: usize, side: Side) {
        let it = &mut self.net.connections[connection];
        let (link, (node, peer)) = (it.link, it.seen_from(side));
        if std::mem::take(&mut it.is_known[side]) {
            self.nodes[node].lost(peer, connection, &mut self.net);
            self.act(node);
        }
        self.net.soon(DIAL_MS, Event::Dial(link));
    }

    fn begun(&mut self, stream: usize) {
        let stream_ = &self.net.streams[stream];
        let connection = &self.net.connections[stream_.connection];
        let side = connection.side_of(stream_.nodes[1]);
        if connection.is_up && connection.is_known[side] {
            let (node, peer) = connection.seen_from(side);
            self.nodes[node].incoming(peer, accepted(stream), &mut self.net);
            self.act(node);
        }
    }
}

impl Link {
    fn new(nodes: [usize; 2], random: &mut Random) -> Self {
        let latency = *random.pick(&[(1, 0), (1, 5), (20, 100), (200, 800)]);
        let window = *random.pick(&[2_000, 65_536, 1_000_000]);
        Self { nodes, is_cut: false, connection: None, latency, window }
    }
}

fn any_id(random: &mut Random) -> PeerId {
    PeerId(std::array::from_fn(|_| random.number().to_le_bytes()[0]))
}
