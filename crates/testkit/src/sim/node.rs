//! A node: sessions, the intake and a store, driven as the node of this workspace drives them, but
//! by one thread and a virtual clock.

mod acting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pandan_admission::Door;
use pandan_bamboo::ForkProof;
use pandan_operations::SchemaId;
use pandan_replication::{
    Interest, PeerId, Peers, PeersConfig, Received, Seed, Session, StreamId, Verdict,
};
use pandan_store::{Store, StoreError};
use pandan_sync::{Fate, Intake, Serving, Taken, examine};

use super::disk::{Disk, DiskFaults, DiskStore};
use super::hostile::Mangler;
use super::net::{Event, Life, Net, Task};
use super::wires::{Piece, Side, stream_id};
use crate::Signed;

/// How many entries go to the writer as one batch.
const TAKEN_TOGETHER: usize = 32;

/// How long the writer takes for a batch at most, in milliseconds.
const WRITE_MS: usize = 10;

/// How long reports to the driver take at most, in milliseconds.
const REPORT_MS: usize = 5;

pub(super) struct Node {
    pub(super) index: usize,
    pub(super) id: PeerId,
    pub(super) disk: Disk,
    pub(super) faults: Arc<DiskFaults>,
    /// What it makes of the frames that it sends, if it is hostile.
    pub(super) mangler: Option<Mangler>,
    pub(super) is_slow: bool,
    /// How many things it does yet before it crashes.
    pub(super) doom: Option<u32>,
    /// Which of its lives this is.
    pub(super) life: u32,
    /// None while it is down.
    pub(super) alive: Option<Alive>,
}

/// What a node has in memory.
pub(super) struct Alive {
    pub(super) peers: Peers,
    pub(super) intake: Intake,
    store: Arc<DiskStore>,
    schemas: BTreeSet<SchemaId>,
    /// The connection with each peer.
    pub(super) lines: BTreeMap<PeerId, usize>,
    pub(super) ends: BTreeMap<StreamId, End>,
    /// Until when peers are kept out.
    pub(super) blocked: BTreeMap<PeerId, u64>,
    /// Whether news are of use.
    is_listening: bool,
    /// Whether the next news are lost.
    pub(super) is_deaf: bool,
    /// Whether news were lost.
    has_missed: bool,
    /// When the writer is done with what waits for it, and when the last news come.
    writer_at: u64,
    news_at: u64,
    /// For when it is to be woken.
    timer: Option<u64>,
}

/// The end of a stream of a session.
#[derive(Debug, Default)]
pub(super) struct End {
    /// The session has asked for the next frame.
    is_reading: bool,
    is_closing: bool,
    is_finished: bool,
    is_broken: bool,
    /// When it began.
    pub(super) since: u64,
}

impl Node {
    pub(super) const fn life(&self) -> Life {
        Life { node: self.index, number: self.life }
    }

    pub(super) const fn is_hostile(&self) -> bool {
        self.mangler.is_some()
    }

    /// Starts with what is on the disk.
    pub(super) fn start(&mut self, net: &mut Net) -> Result<(), StoreError> {
        self.faults.restart();
        let store = self.disk.open(&self.faults)?;
        let mut seed = [0; 32];
        seed.iter_mut().for_each(|byte| *byte = net.random.number().to_le_bytes()[0]);
        let config = PeersConfig { own: self.id, interest: Interest::All, is_live: true };
        let alive = Alive {
            peers: Peers::new(config, Seed(seed)),
            intake: Intake::new(Arc::clone(&store) as Arc<dyn Store>),
            schemas: store.schemas()?,
            store,
            lines: BTreeMap::new(),
            ends: BTreeMap::new(),
            blocked: BTreeMap::new(),
            is_listening: false,
            is_deaf: false,
            has_missed: false,
            writer_at: 0,
            news_at: 0,
            timer: None,
        };
        self.doom = None;
        let alive = self.alive.insert(alive);
        alive.know_schemas();
        Ok(())
    }

    /// Loses all that was in memory.
    pub(super) fn crash(&mut self) {
        self.alive = None;
        self.doom = None;
        self.life += 1;
    }

    /// Counts something that is done; gives whether the node crashes instead, or has done so while
    /// it wrote.
    fn is_doomed(&mut self) -> bool {
        if self.faults.has_crashed() {
            return true;
        }
        match &mut self.doom {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// Somebody hands in an entry. None when there is no answer.
    pub(super) fn publish(&mut self, signed: &Signed, door: Door, net: &mut Net) -> Option<Fate> {
        let alive = self.alive.as_mut()?;
        let mut taken = alive.intake.take(vec![(signed.candidate(), door)]).ok()?;
        if self.is_doomed() {
            return None;
        }
        let fate = taken.judged.pop().map(|judged| judged.fate);
        self.tell(taken, net);
        fate
    }

    pub(super) fn connected(&mut self, peer: PeerId, connection: usize, net: &mut Net) {
        let now = net.now();
        let Some(alive) = &mut self.alive else { return };
        let is_blocked = alive.blocked.get(&peer).is_some_and(|until| *until > now);
        if is_blocked || !alive.peers.connected(peer, now) {
            net.lose(connection, 0);
            return;
        }
        alive.lines.insert(peer, connection);
    }

    pub(super) fn lost(&mut self, peer: PeerId, connection: usize, net: &mut Net) {
        let Some(alive) = &mut self.alive else { return };
        if alive.lines.get(&peer) != Some(&connection) {
            return;
        }
        // Ends of streams may be noticed before that of their connection.
        if net.random.chance(50) {
            for &id in alive.ends.keys() {
                if alive.peers.peer_of(id) == Some(peer) {
                    alive.peers.closed(id);
                }
            }
        }
        alive.lines.remove(&peer);
        alive.peers.disconnected(peer, net.now());
    }

    pub(super) fn opened(&mut self, peer: PeerId, connection: usize, side: Side, net: &mut Net) {
        let now = net.now();
        let Some(alive) = &mut self.alive else { return };
        if !net.connections[connection].is_up || alive.lines.get(&peer) != Some(&connection) {
            alive.peers.not_opened(peer, now);
            return;
        }
        let more = self.mangler.as_mut().map(|mangler| mangler.more_streams(&net.recorded));
        for frame in more.unwrap_or_default() {
            let id = net.open(connection, side);
            net.send(id, frame);
        }
        let id = net.open(connection, side);
        alive.listen();
        alive.ends.insert(id, End { since: now, ..End::default() });
        alive.peers.opened(peer, id, now);
    }

    pub(super) fn incoming(&mut self, peer: PeerId, id: StreamId, net: &mut Net) {
        let now = net.now();
        let Some(alive) = &mut self.alive else { return };
        alive.listen();
        if alive.peers.incoming(peer, id, now) {
            alive.ends.insert(id, End { since: now, ..End::default() });
        } else {
            net.give_up(id);
        }
    }

    pub(super) fn read(&mut self, id: StreamId, net: &mut Net) {
        if self.mangler.as_ref().is_some_and(|mangler| mangler.ignores(id)) {
            return;
        }
        let Some(alive) = &mut self.alive else { return };
        let Some(end) = alive.ends.get_mut(&id).filter(|end| end.is_reading) else { return };
        match net.read(id) {
            Some(Piece::Frame(frame)) => {
                end.is_reading = false;
                // A frame comes only when the session has asked for it, unless it has ended.
                let _ = alive.peers.handle(id, &frame, net.now());
            }
            // Nothing more comes, so the reading never ends.
            Some(Piece::End) => {
                alive.peers.closed(id);
            }
            None => {}
        }
    }

    /// Does something that was begun before; gives whether the node crashes meanwhile.
    pub(super) fn task(&mut self, task: Task, net: &mut Net) -> bool {
        let (now, life) = (net.now(), self.life());
        let Some(alive) = &mut self.alive else { return false };
        match task {
            Task::Read(stream, id, query) => {
                let session = alive.peers.session(stream);
                let schemas = session.map(Session::shared_schemas).unwrap_or_default();
                let answer = alive.store.snapshot();
                let answer = answer
                    .and_then(|it| pandan_sync::answer(&*it, &schemas, &Serving::ALL, &query));
                let answer = answer.unwrap_or(pandan_replication::Answer::Unavailable);
                net.soon(REPORT_MS, Event::Task(life, Task::Answer(stream, id, answer)));
            }
            Task::Answer(stream, id, answer) => alive.peers.answer(stream, id, answer, now),
            Task::Ingest(stream, id, received) => {
                let Some(verdicts) = self.ingest(&received, net) else { return true };
                net.soon(REPORT_MS, Event::Task(life, Task::Ingested(stream, id, verdicts)));
            }
            Task::Ingested(stream, id, Some(verdicts)) => {
                alive.peers.ingested(stream, id, &verdicts, now);
            }
            Task::Ingested(stream, _, None) => alive.peers.unavailable(stream),
            Task::Keep(stream, proof) => {
                if self.keep(*proof, net) {
                    return true;
                }
                net.soon(REPORT_MS, Event::Task(life, Task::Kept(stream)));
            }
            Task::Kept(stream) => alive.peers.kept(stream, now),
            Task::Stored(_) if std::mem::take(&mut alive.is_deaf) => alive.has_missed = true,
            Task::Stored(news) => {
                news.iter().for_each(|news| alive.peers.commit(&news.commit()));
                if news.iter().any(|news| !news.committed.schemas.is_empty()) {
                    alive.know_schemas();
                }
            }
            Task::Fork(proof) => {
                alive.peers.fork(&proof, None);
                alive.know_schemas();
            }
        }
        false
    }

    /// Takes entries in, some at a time. None when the node crashes, and no verdicts when the disk
    /// fails.
    fn ingest(&mut self, received: &[Received], net: &mut Net) -> Option<Option<Vec<Verdict>>> {
        let mut verdicts = Some(Vec::new());
        for batch in received.chunks(TAKEN_TOGETHER) {
            let examined: Vec<_> = batch.iter().map(|received| examine(received).ok()).collect();
            let refused: Vec<_> = examined.iter().map(Option::is_none).collect();
            let candidates = examined.into_iter().flatten().map(|it| (it, Door::Peer)).collect();
            let taken = self.alive.as_mut()?.intake.take(candidates);
            if self.is_doomed() {
                return None;
            }
            let Ok(mut taken) = taken else {
                verdicts = None;
                continue;
            };
            let judged = std::mem::take(&mut taken.judged);
            self.tell(taken, net);
            let mut judged = judged.iter();
            let verdict = |refused: bool| match refused {
                true => Verdict::Refused,
                false => judged.next().expect("one verdict for one candidate").verdict(),
            };
            let batch = refused.into_iter().map(verdict);
            if let Some(verdicts) = &mut verdicts {
                verdicts.extend(batch);
            }
        }
        Some(verdicts)
    }

    fn keep(&mut self, proof: ForkProof, net: &mut Net) -> bool {
        let Some(alive) = &mut self.alive else { return false };
        let kept = alive.intake.keep(proof);
        if self.is_doomed() {
            return true;
        }
        if let Ok((frozen, mut taken)) = kept {
            taken.forks.extend(frozen);
            self.tell(taken, net);
        }
        false
    }

    /// Makes new schemas known, then tells the news: forks first.
    fn tell(&mut self, taken: Taken, net: &mut Net) {
        let life = self.life();
        let Some(alive) = &mut self.alive else { return };
        let Taken { news, forks, .. } = taken;
        let of_news = news.iter().flat_map(|news| &news.committed.schemas);
        let known = of_news.chain(forks.iter().flat_map(|frozen| &frozen.schemas));
        alive.schemas.extend(known.map(|known| known.schema.id().clone()));
        if !alive.is_listening {
            return;
        }
        let forks = forks.into_iter().map(|frozen| Task::Fork(Box::new(frozen.proof)));
        let news = (!news.is_empty()).then_some(Task::Stored(news));
        for task in forks.chain(news) {
            let at = net.now() + net.random.below(REPORT_MS + 1) as u64;
            alive.news_at = alive.news_at.max(at);
            net.agenda.put(alive.news_at, Event::Task(life, task));
        }
    }
}

impl Alive {
    /// From now on news are of use; what was stored before was told to nobody.
    fn listen(&mut self) {
        if !std::mem::replace(&mut self.is_listening, true) {
            self.know_schemas();
        }
    }

    fn know_schemas(&mut self) {
        self.peers.set_schemas(self.schemas.iter().cloned().collect());
    }

    /// Puts something behind all that waits for the writer.
    fn write(&mut self, event: Event, net: &mut Net) {
        let took = net.random.below(WRITE_MS + 1) as u64;
        self.writer_at = self.writer_at.max(net.now()) + took;
        net.agenda.put(self.writer_at, event);
    }
}

/// The name of the end of a stream at the side that did not open it.
pub(super) fn accepted(stream: usize) -> StreamId {
    stream_id(stream, 1)
}
