//! The one task that owns all sessions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pandan_admission::{Door, Refusal};
use pandan_identity::PublicKey;
use pandan_network::{Bytes, Connection, Event, Network, Protocol, Stream};
use pandan_replication::{
    Answer, Effect, IngestId, Interest, PeerId, Peers, PeersConfig, PeersEffect, ReadId, Seed,
    Session, StreamId, VERSION, Verdict, legacy,
};
use pandan_sync::{Follow, Looked};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::sleep_until;

use super::asking::Desk;
use super::error::ReplicationError;
use super::follow::Following;
use super::legacy::{Legacy, LinkId, LinkInput, Tools};
use super::lines::{Ends, Line};
use super::news::{Bulletin, NewsReceiver};
use super::status::Board;
use super::work;
use crate::node::Core;

/// How many reports of tasks wait for the driver; those who report more wait themselves.
const INPUTS_MAX: usize = 256;

/// How many inputs are taken before their effects are carried out.
const INPUTS_TOGETHER: usize = 64;

/// Something that the driver has to know.
#[derive(Debug)]
pub(super) enum Input {
    /// An announcement of a peer.
    Announced(PeerId, Bytes),
    /// The stream that was asked for, unless there is none.
    Opened(PeerId, Option<Stream>),
    /// A stream of a peer with its first frame.
    Incoming(PeerId, Box<Stream>, Bytes),
    Frame(StreamId, Bytes),
    /// A frame was sent.
    Sent,
    /// Nothing more comes, or the stream is broken.
    Ended(StreamId),
    Answer(StreamId, ReadId, Answer),
    /// Related documents that were looked for; none when the store could not be read.
    Looked(Option<Looked>),
    /// What became of entries; none when the store does not take any.
    Ingested(StreamId, IngestId, Option<Vec<Verdict>>),
    /// A peer did something wrong when it asked, or was asked, for parts: points.
    Misbehaved(PeerId, u32),
    /// Something of a peer that speaks version 1.
    Link(LinkId, LinkInput),
    /// A proof was dealt with.
    Kept(StreamId),
}

/// The way to the driver.
#[derive(Clone, Debug)]
pub(super) struct Inputs(mpsc::Sender<Input>);

impl Inputs {
    pub(super) async fn send(&self, input: Input) {
        // Fails when the driver has stopped, and all tasks with it.
        let _ = self.0.send(input).await;
    }

    /// How many wait.
    pub(super) fn queued(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }
}

pub(super) struct Driver {
    network: Network,
    protocol: Protocol,
    core: Arc<Core>,
    news: NewsReceiver,
    board: Arc<Board>,
    peers: Peers,
    /// The peers that speak version 1.
    legacy: Legacy,
    lines: HashMap<PeerId, Line>,
    ends: HashMap<StreamId, Ends>,
    next_stream: u64,
    /// Where those who ask for parts are answered.
    desk: Arc<Desk>,
    /// Places for questions that are being answered.
    reads: Arc<Semaphore>,
    following: Following,
    inputs: Inputs,
    waiting: mpsc::Receiver<Input>,
    started: Instant,
}

impl Driver {
    pub(super) fn new(
        network: Network,
        (protocol, legacy): (Protocol, Option<Protocol>),
        (interest, follow): (Interest, Follow),
        core: Arc<Core>,
        news: NewsReceiver,
        board: Arc<Board>,
    ) -> Result<Self, ReplicationError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(ReplicationError::Random)?;
        let own = to_own(&network.handle().peer());
        let (inputs, waiting) = mpsc::channel(INPUTS_MAX);
        let (inputs, reads) = (Inputs(inputs), Arc::new(Semaphore::new(work::READS_TOGETHER)));
        let tools = Tools {
            core: Arc::clone(&core),
            board: Arc::clone(&board),
            reads: Arc::clone(&reads),
            inputs: inputs.clone(),
        };
        let legacy = Legacy::new(legacy, own, interest.clone(), tools);
        let (places, reports) = (Arc::clone(&reads), inputs.clone());
        let following = Following::new(&interest, follow, Arc::clone(&core), places, reports);
        let desk = Desk {
            core: Arc::clone(&core),
            board: Arc::clone(&board),
            serving: following.serving(),
            reads: Arc::clone(&reads),
            inputs: inputs.clone(),
        };
        let peers = Peers::new(PeersConfig { own, interest, is_live: true }, Seed(seed));
        Ok(Self {
            network,
            protocol,
            core,
            news,
            board,
            peers,
            legacy,
            lines: HashMap::new(),
            ends: HashMap::new(),
            next_stream: 0,
            desk: Arc::new(desk),
            reads,
            following,
            inputs,
            waiting,
            started: Instant::now(),
        })
    }

    /// The way to it.
    pub(super) fn inputs(&self) -> Inputs {
        self.inputs.clone()
    }

    /// Runs until told to stop.
    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        self.know_schemas();
        loop {
            let due = self.next_due();
            tokio::select! {
                // An error says that nobody is left who could stop it.
                _ = stopped.wait_for(|stopped| *stopped) => break,
                event = self.network.next_event() => self.event(event),
                Some(input) = self.waiting.recv() => self.input(input),
                bulletin = self.news.next() => self.bulletin(bulletin),
                () = at(due) => {}
            }
            for _ in 0..INPUTS_TOGETHER {
                let Ok(input) = self.waiting.try_recv() else { break };
                self.input(input);
            }
            while let Some(bulletin) = self.news.try_next() {
                self.bulletin(bulletin);
            }
            self.act();
        }
        self.ends.clear();
        self.lines.clear();
        self.legacy.clear();
        self.network.shutdown().await;
    }

    /// Milliseconds since the start.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn next_due(&self) -> Option<Instant> {
        let follow = self.following.poll_timeout();
        let due = [self.peers.poll_timeout(), self.legacy.poll_timeout(), follow];
        let due = due.into_iter().flatten().min()?;
        self.started.checked_add(Duration::from_millis(due))
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::PeerConnected(connection) => self.connected(connection),
            Event::PeerDisconnected { peer, reason } => {
                tracing::info!(%peer, %reason, "peer disconnected");
                let id = to_own(&peer);
                self.lines.remove(&id);
                self.legacy.disconnected(id);
                self.peers.disconnected(id, self.now());
                self.board.disconnected(&peer);
            }
            Event::Listening { address } => tracing::info!(%address, "listening for nodes"),
            Event::Discovered { peer, addresses } => {
                tracing::info!(%peer, ?addresses, "found a node in the local network");
            }
            Event::Refused { reason, count, .. } => self.board.turned_away(&reason, count),
            _ => {}
        }
    }

    fn connected(&mut self, connection: Connection) {
        let peer = connection.peer();
        let id = to_own(&peer);
        if !self.peers.connected(id, self.now()) {
            connection.close();
            return;
        }
        tracing::info!(%peer, address = %connection.address(), "peer connected");
        // What is stored before news are of use is known before a link begins.
        self.news.set_open(true);
        self.know_schemas();
        let has_link = self.legacy.connected(&connection, id, self.now());
        let version = if has_link { legacy::VERSION } else { VERSION };
        self.board.connected(peer, connection.address(), connection.direction(), version);
        if !has_link {
            self.open_line(id, connection);
        }
    }

    fn open_line(&mut self, id: PeerId, connection: Connection) {
        let (protocol, desk) = (self.protocol.clone(), Arc::clone(&self.desk));
        let line = Line::new(connection, id, protocol, self.inputs.clone(), desk);
        self.lines.insert(id, line);
    }

    fn input(&mut self, input: Input) {
        let now = self.now();
        match input {
            Input::Announced(peer, frame) => self.peers.announced(peer, &frame, now),
            Input::Opened(peer, None) => self.peers.not_opened(peer, now),
            Input::Opened(peer, Some(stream)) => {
                let id = self.stream(stream, None);
                self.peers.opened(peer, id, now);
            }
            Input::Incoming(peer, stream, first) => {
                let id = self.stream(*stream, Some(first));
                if !self.peers.incoming(peer, id, now) {
                    self.ends.remove(&id);
                }
            }
            Input::Frame(stream, frame) => {
                if let Some(ends) = self.ends.get_mut(&stream) {
                    ends.demand.has_read();
                }
                // A frame comes only when the session has asked for it, unless it has ended.
                let _ = self.peers.handle(stream, &frame, now);
            }
            Input::Sent => {}
            Input::Ended(stream) => self.peers.closed(stream),
            Input::Answer(stream, id, answer) => self.peers.answer(stream, id, answer, now),
            Input::Ingested(stream, id, Some(verdicts)) => {
                self.peers.ingested(stream, id, &verdicts, now);
            }
            Input::Ingested(stream, _, None) => self.peers.unavailable(stream),
            Input::Misbehaved(peer, points) => self.peers.misbehaved(peer, points, now),
            Input::Link(link, input) => {
                if let Some(connection) = self.legacy.input(link, input, now) {
                    self.board.speaks(&connection.peer(), VERSION);
                    let id = to_own(&connection.peer());
                    self.open_line(id, connection);
                    // It has to hear what is of interest here.
                    let _ = self.peers.connected(id, now);
                }
            }
            Input::Looked(looked) => self.following.looked(looked),
            Input::Kept(stream) => self.peers.kept(stream, now),
        }
    }

    /// Gives a stream a name. From now on news are of use; what was stored before was told to nobody.
    fn stream(&mut self, stream: Stream, first: Option<Bytes>) -> StreamId {
        if !self.news.set_open(true) {
            self.know_schemas();
        }
        let id = StreamId(self.next_stream);
        self.next_stream = self.next_stream.wrapping_add(1);
        self.ends.insert(id, Ends::new(id, stream, first, self.inputs.clone()));
        id
    }

    fn bulletin(&mut self, bulletin: Bulletin) {
        match bulletin {
            Bulletin::Stored(news) => {
                news.iter().for_each(|news| self.peers.commit(&news.commit()));
                self.legacy.stored(&news, self.now());
                self.following.stored(&news);
                if news.iter().any(|news| !news.committed.schemas.is_empty()) {
                    self.know_schemas();
                }
            }
            Bulletin::Fork(proof) => {
                self.peers.fork(&proof, None);
                // A definition without what became void may be another schema.
                self.know_schemas();
            }
        }
    }

    fn know_schemas(&mut self) {
        let api = self.core.catalog.api();
        let schemas: Vec<_> = api.schemas().map(|known| known.schema.id().clone()).collect();
        self.legacy.set_schemas(&schemas, self.now());
        self.peers.set_schemas(schemas);
    }

    /// Carries out all that is to be done.
    fn act(&mut self) {
        let now = self.now();
        if self.news.take_missed() {
            self.peers.compare_again();
            self.legacy.compare_again(now);
            self.know_schemas();
        }
        self.legacy.act(now);
        for (peer, points) in self.legacy.take_faults() {
            self.peers.misbehaved(peer, points, now);
        }
        self.peers.timeout(now);
        // Sending makes room, which can make a session go on.
        loop {
            while let Some(effect) = self.peers.poll(now) {
                self.effect(effect);
            }
            self.following.drive(&mut self.peers, self.ends.keys().copied(), now);
            if !self.send(now) {
                break;
            }
        }
        self.tidy();
    }

    fn effect(&mut self, effect: PeersEffect) {
        match effect {
            PeersEffect::Announce(peer, frame) => {
                if let Some(line) = self.lines.get(&peer) {
                    line.announce(frame);
                }
            }
            PeersEffect::Open(peer) => {
                // Known before the session begins, if news have come meanwhile.
                self.know_schemas();
                match self.lines.get_mut(&peer) {
                    Some(line) => line.open(peer, self.protocol.clone(), self.inputs.clone()),
                    None => self.peers.not_opened(peer, self.now()),
                }
            }
            PeersEffect::Session(stream, effect) => self.session_effect(stream, effect),
            PeersEffect::Block(peer, until) => {
                // It may have gone already, and is kept out all the same.
                let peer = to_network(&peer);
                tracing::warn!(%peer, "peer is kept out: it breaks the rules");
                let time = Duration::from_millis(until.saturating_sub(self.now()));
                self.network.handle().block_for(peer, time);
            }
            _ => {}
        }
    }

    fn session_effect(&mut self, stream: StreamId, effect: Effect) {
        let (core, inputs) = (Arc::clone(&self.core), self.inputs.clone());
        let Some(ends) = self.ends.get_mut(&stream) else { return };
        match effect {
            Effect::Read(id, query) => {
                let session = self.peers.session(stream);
                let schemas = session.map(Session::shared_schemas).unwrap_or_default();
                let places = Arc::clone(&self.reads);
                let scope = (schemas, self.following.serving());
                ends.spawn(work::read(core, places, stream, id, scope, query, inputs));
            }
            Effect::Ingest(id, received) => {
                let turn = ends.turns.next();
                ends.spawn(work::ingest(core, stream, id, received, turn, inputs));
            }
            Effect::Proof(proof) => {
                // Not given up with the stream.
                tokio::spawn(work::keep(core, stream, proof, inputs));
            }
            Effect::Changed(ids) => self.following.changed(stream, ids),
            Effect::Unasked(schema) => {
                let refusal = Refusal::NotAskedFor { schema };
                tracing::debug!(?stream, %refusal, "an entry of a peer was passed over");
                self.core.counters.refused(Door::Peer, &refusal);
            }
            // Ends when all frames are sent.
            Effect::Close => ends.close(),
            Effect::Finished(end) => {
                tracing::debug!(?stream, ?end, "session ended");
                let counts = self.peers.take_schema_counts(stream);
                let session = self.peers.session(stream);
                // The connection may be gone.
                let peer = self.peers.peer_of(stream).as_ref().map(to_network);
                if let (Some(session), Some(peer)) = (session, peer) {
                    self.board.ended(&peer, ends.schemas(), (session.status(), &end), counts);
                }
            }
            _ => {}
        }
    }

    /// Hands frames to the streams that have room; gives whether there were any.
    fn send(&mut self, now: u64) -> bool {
        let mut has_sent = false;
        for (&stream, ends) in &mut self.ends {
            if ends.is_broken() {
                while self.peers.poll_frame(stream, now).is_some() {}
            }
            let mut is_empty = false;
            while !is_empty && let Some(room) = ends.room() {
                match self.peers.poll_frame(stream, now) {
                    Some(frame) => {
                        room.send(frame);
                        has_sent = true;
                    }
                    None => is_empty = true,
                }
            }
            if is_empty {
                ends.finish_if_closing();
            }
        }
        has_sent
    }

    /// Lets sessions read on, tells how they get on, and gives up the streams of those that ended.
    fn tidy(&mut self) {
        let Self { peers, ends, lines, board, .. } = self;
        ends.retain(|stream, ends| {
            let counts = peers.take_schema_counts(*stream);
            let (Some(session), Some(peer)) = (peers.session(*stream), peers.peer_of(*stream))
            else {
                return false;
            };
            if session.wants_input() {
                ends.demand.read_next();
            }
            ends.note_schemas(session);
            if !peers.is_over(*stream)
                && let Some(line) = lines.get(&peer)
            {
                let (peer, schemas) = (line.connection.peer(), ends.schemas());
                board.progress(&peer, schemas, session.status(), counts);
            }
            true
        });
        self.news.set_open(!self.ends.is_empty() || !self.legacy.is_empty());
    }
}

pub(super) fn to_own(peer: &pandan_network::PeerId) -> PeerId {
    PeerId(*peer.public_key().as_bytes())
}

fn to_network(peer: &PeerId) -> pandan_network::PeerId {
    PublicKey::from_stored_bytes(peer.0).into()
}

/// Waits for a time; for ever if there is none.
pub(super) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
