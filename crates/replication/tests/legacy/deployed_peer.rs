//! A peer that behaves as deployed nodes do, its weaknesses included, written down from the
//! description of their sessions and not from our link.

use std::collections::VecDeque;

use pandan_operations::SchemaId;
use pandan_replication::legacy::{
    Answer, AuthorLogs, Frames, LogHeight, Message, Mode, Need, Query, SchemaSet, Verdict,
};

use crate::pair::Node;
use crate::store::{Item, Store, set};

/// One side of a connection, as deployed nodes are.
pub(crate) struct Deployed {
    pub(crate) store: Store,
    /// Whether its peer id is the lower one.
    is_lower: bool,
    schemas: SchemaSet,
    theirs: Option<(u64, SchemaSet)>,
    pub(crate) sessions: Vec<Session>,
    frames: Frames,
    outbox: VecDeque<u8>,
    /// What it took for an error of its peer.
    pub(crate) errors: Vec<&'static str>,
    /// Sessions that came to their end.
    pub(crate) completed: usize,
    /// What it heard, without what was in it.
    pub(crate) heard: Vec<Message>,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) schemas: SchemaSet,
    outbound: bool,
    established: bool,
    their_have: bool,
    our_done: bool,
    their_done: bool,
}

impl Deployed {
    pub(crate) fn new(store: Store, schemas: &[SchemaId], is_lower: bool) -> Self {
        let schemas = set(schemas.iter().cloned());
        let mut peer = Self {
            store,
            is_lower,
            schemas: schemas.clone(),
            theirs: None,
            sessions: Vec::new(),
            frames: Frames::new(),
            outbox: VecDeque::new(),
            errors: Vec::new(),
            completed: 0,
            heard: Vec::new(),
        };
        peer.send(&Message::Announce { version: 1, timestamp: 1, schemas });
        peer
    }

    fn send(&mut self, message: &Message) {
        self.outbox.extend(message.encode());
    }

    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        self.outbox.drain(..).collect()
    }

    /// What it does every five seconds.
    pub(crate) fn tick(&mut self) {
        let Some((_, theirs)) = &self.theirs else { return };
        let schemas = self.schemas.intersection(theirs);
        let is_open = self.sessions.iter().any(|session| session.schemas == schemas);
        if !schemas.is_empty() && self.sessions.len() < 3 && !is_open {
            self.request(schemas);
        }
    }

    pub(crate) fn request(&mut self, schemas: SchemaSet) {
        let id = self.sessions.last().map_or(0, |session| session.id + 1);
        self.open(id, &schemas, true);
        self.send(&Message::SyncRequest { session: id, mode: Mode::LogHeights, schemas });
    }

    fn open(&mut self, id: u64, schemas: &SchemaSet, outbound: bool) {
        self.sessions.push(Session {
            id,
            schemas: schemas.clone(),
            outbound,
            established: !outbound,
            their_have: false,
            our_done: false,
            their_done: false,
        });
    }

    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        while let Some(bytes) = self.frames.take(&mut bytes).expect("it is well formed") {
            let message = Message::decode(&bytes).expect("it is a message");
            self.heard.push(message.clone());
            self.hear(message);
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Announce { timestamp, schemas, .. } => {
                if self.theirs.as_ref().is_none_or(|(known, _)| timestamp > *known) {
                    self.theirs = Some((timestamp, schemas));
                }
            }
            Message::SyncRequest { session, mode, schemas } => {
                assert_eq!(mode, Mode::LogHeights);
                self.on_request(session, &schemas);
            }
            Message::Have { session, authors } => self.on_have(session, &authors),
            Message::Entry { session, entry, operation } => {
                let operation = operation.expect("the whole node stops here");
                self.on_entry(session, entry, operation);
            }
            Message::SyncDone { session, live } => {
                assert!(!live);
                self.on_done(session);
            }
        }
    }

    fn on_request(&mut self, id: u64, schemas: &SchemaSet) {
        let meets = |session: &Session| session.id == id || session.schemas == *schemas;
        if let Some(index) = self.sessions.iter().position(meets) {
            if self.sessions[index].established {
                return self.fail(id, "repeated request");
            }
            if !self.is_lower {
                return;
            }
            let dropped = self.sessions.remove(index);
            self.serve(id, schemas);
            if dropped.schemas != *schemas {
                self.request(dropped.schemas);
            }
            return;
        }
        self.serve(id, schemas);
    }

    fn serve(&mut self, id: u64, schemas: &SchemaSet) {
        self.open(id, schemas, false);
        let heights = self.heights(schemas);
        self.send_have(id, &heights);
        if heights.is_empty() {
            self.send_done(id);
        }
    }

    fn session(&mut self, id: u64) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    fn fail(&mut self, id: u64, error: &'static str) {
        self.errors.push(error);
        self.sessions.retain(|session| session.id != id);
    }

    fn on_have(&mut self, id: u64, theirs: &[AuthorLogs]) {
        let Some(session) = self.session(id) else { return };
        if session.their_have {
            return self.fail(id, "second Have");
        }
        session.their_have = true;
        session.established = true;
        let (outbound, our_done) = (session.outbound, session.our_done);
        let schemas = session.schemas.clone();
        let heights = self.heights(&schemas);
        if outbound {
            self.send_have(id, &heights);
        }
        if !our_done {
            for item in self.lacking(&heights, theirs) {
                let received = item.received();
                let operation = Some(received.operation);
                self.send(&Message::Entry { session: id, entry: received.entry, operation });
            }
            self.send_done(id);
        }
        self.end(id);
    }

    fn on_entry(&mut self, id: u64, entry: Vec<u8>, operation: Vec<u8>) {
        let Some(session) = self.session(id) else { return };
        if !session.their_have || session.their_done {
            return self.fail(id, "unexpected Entry");
        }
        let received = pandan_replication::legacy::Received { entry, operation };
        match self.store.ingest(&received) {
            Verdict::Stored | Verdict::Known | Verdict::UnknownSchema => {}
            Verdict::Waiting | Verdict::Refused | Verdict::Forged => self.fail(id, "refused entry"),
        }
    }

    fn on_done(&mut self, id: u64) {
        let Some(session) = self.session(id) else { return };
        if !session.their_have || session.their_done {
            return self.fail(id, "unexpected SyncDone");
        }
        session.their_done = true;
        self.end(id);
    }

    fn end(&mut self, id: u64) {
        if self.session(id).is_some_and(|session| session.our_done && session.their_done) {
            self.sessions.retain(|session| session.id != id);
            self.completed += 1;
        }
    }

    fn send_have(&mut self, session: u64, heights: &[LogHeight]) {
        let mut authors: Vec<AuthorLogs> = Vec::new();
        for height in heights {
            let (author, log) = (*height.author.as_bytes(), (height.log_id, height.seq_num));
            match authors.iter_mut().find(|it| it.author == author) {
                Some(author) => author.logs.push(log),
                None => authors.push(AuthorLogs { author, logs: vec![log] }),
            }
        }
        self.send(&Message::Have { session, authors });
    }

    fn send_done(&mut self, id: u64) {
        self.session(id).expect("it is open").our_done = true;
        self.send(&Message::SyncDone { session: id, live: false });
    }

    fn heights(&self, schemas: &SchemaSet) -> Vec<LogHeight> {
        let query = Query::Heights { schemas: schemas.clone(), limit: usize::MAX };
        let Answer::Heights(heights) = self.store.answer(&query) else { panic!("heights") };
        heights
    }

    fn lacking(&self, heights: &[LogHeight], theirs: &[AuthorLogs]) -> Vec<Item> {
        let theirs = |height: &LogHeight| {
            let author = theirs.iter().find(|it| it.author == *height.author.as_bytes())?;
            let log = author.logs.iter().find(|(log_id, _)| *log_id == height.log_id)?;
            Some(log.1)
        };
        let needs: Vec<_> = heights
            .iter()
            .filter(|height| theirs(height) < Some(height.seq_num))
            .map(|height| Need {
                document: height.document,
                author: height.author,
                log_id: height.log_id,
                from: theirs(height)
                    .and_then(|it| it.next())
                    .unwrap_or(pandan_bamboo::SeqNum::FIRST),
                to: height.seq_num,
            })
            .collect();
        self.store.needed(&needs).into_iter().cloned().collect()
    }
}

/// One of our nodes and a deployed one.
pub(crate) struct Duo {
    pub(crate) node: Node,
    pub(crate) peer: Deployed,
    pub(crate) now: u64,
    next_tick: u64,
}

impl Duo {
    /// The deployed one ticks for the first time after so long.
    pub(crate) fn new(node: Node, peer: Deployed, first_tick: u64) -> Self {
        Self { node, peer, now: 0, next_tick: first_tick }
    }

    /// Lets them talk until they have nothing to say.
    pub(crate) fn talk(&mut self) {
        loop {
            let (to_peer, to_node) = (self.node.work(self.now), self.peer.take_output());
            self.peer.read(&to_peer);
            self.node.inbox.extend(&to_node);
            while self.node.read(100, self.now) {
                let to_peer = self.node.work(self.now);
                self.peer.read(&to_peer);
            }
            if to_peer.is_empty() && to_node.is_empty() {
                return;
            }
        }
    }

    pub(crate) fn run(&mut self, duration: u64) {
        let end = self.now + duration;
        loop {
            self.talk();
            let due = self.node.link.poll_timeout().unwrap_or(u64::MAX).min(self.next_tick);
            if due > end {
                break;
            }
            assert!(due >= self.now, "what is due was done");
            self.now = due;
            if due == self.next_tick {
                self.next_tick += 5_000;
                self.peer.tick();
            }
            self.node.link.timeout(due);
        }
        self.now = end;
    }
}
