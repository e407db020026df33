//! Nodes, streams between them and a clock, all played from one seed.

use std::collections::VecDeque;
use std::sync::Arc;

use pandan_bamboo::{HeadState, Salt, SeqNum};
use pandan_operations::{OperationId, SchemaId};
use pandan_replication::{
    Acceptance, Answer, Commit, Effect, End, IngestId, Interest, Query, ReadId, Received, Session,
    Terms, Verdict,
};
use pandan_testkit::Random;

use super::model::{Model, Stored};

/// One end of a stream.
#[derive(Debug)]
pub struct Side {
    pub node: usize,
    pub session: Session,
    /// The other end.
    other: usize,
    /// Bytes on their way to this end.
    pipe: VecDeque<u8>,
    /// Bytes that came and are no whole frame yet.
    buffer: Vec<u8>,
    /// Whether nothing more comes into the pipe.
    is_ended: bool,
    is_end_told: bool,
    work: VecDeque<Work>,
    pub end: Option<End>,
    pub frames: usize,
    /// Documents of which the other side has told that they have changed.
    pub changed: Vec<OperationId>,
}

/// What the store of a node does for a session.
#[derive(Debug)]
enum Work {
    Read(ReadId, Query),
    Ingest(IngestId, Vec<Received>),
}

#[derive(Debug)]
pub struct World {
    pub nodes: Vec<Model>,
    pub sides: Vec<Side>,
    pub now: u64,
    random: Random,
}

impl World {
    pub fn new(nodes: Vec<Model>, seed: u64) -> Self {
        Self { nodes, sides: Vec::new(), now: 0, random: Random::new(seed) }
    }

    /// Connects two nodes; gives the sides.
    pub fn connect(&mut self, from: usize, to: usize, terms: Terms) -> (usize, usize) {
        let acceptance = Acceptance { interest: Interest::All, is_live: true };
        self.connect_with(from, to, terms, acceptance)
    }

    pub fn connect_with(
        &mut self,
        from: usize,
        to: usize,
        terms: Terms,
        acceptance: Acceptance,
    ) -> (usize, usize) {
        let salt = Salt::from_bytes([self.random.number() as u8; 16]);
        let ids = (self.sides.len(), self.sides.len() + 1);
        let initiator = Session::initiate(terms, salt, self.now);
        let responder = Session::accept(acceptance, self.now);
        self.sides.push(side(from, initiator, ids.1));
        self.sides.push(side(to, responder, ids.0));
        ids
    }

    /// Plays until nothing can happen any more, or until a time.
    pub fn run(&mut self, until: u64) {
        for _ in 0..2_000_000 {
            if self.step() {
                continue;
            }
            let due = self.sides.iter().filter_map(|side| side.session.poll_timeout()).min();
            match due.filter(|due| *due <= until) {
                Some(due) => {
                    self.now = self.now.max(due);
                    let now = self.now;
                    self.sides.iter_mut().for_each(|side| side.session.timeout(now));
                }
                None => {
                    self.now = self.now.max(until.min(self.now + 1));
                    return;
                }
            }
        }
        panic!("the sessions do not come to an end");
    }

    /// Ends the streams of a side at once, as when both nodes crash.
    pub fn cut(&mut self, side: usize) {
        for side in [side, self.sides[side].other] {
            self.sides[side].pipe.clear();
            self.sides[side].buffer.clear();
            // What was handed to the store is taken in whatever becomes of the stream.
            self.sides[side].work.retain(|work| matches!(work, Work::Ingest(..)));
            self.sides[side].session.closed();
        }
    }

    /// Plays some steps.
    pub fn run_steps(&mut self, steps: usize) {
        for _ in 0..steps {
            if !self.step() {
                return;
            }
        }
    }

    /// A node writes an entry.
    pub fn publish(&mut self, node: usize, stored: &Stored) {
        self.tell(node, std::slice::from_ref(stored));
    }

    fn tell(&mut self, node: usize, stored: &[Stored]) {
        for stored in stored {
            let first = self.nodes[node].at(&stored.log, SeqNum::FIRST);
            let document = first.map_or(stored.entry.hash(), |first| first.entry.hash());
            let commit = Commit {
                schema: self.nodes[node].schemas[usize::from(stored.payload[0])].clone(),
                document: OperationId::from(document).into(),
                operation: stored.entry.hash().into(),
                log: stored.log,
                seq_num: stored.seq_num,
                state: HeadState::of_line(stored.entry.hash()),
                received: Arc::new(stored.received()),
            };
            let sides = self.sides.iter_mut().filter(|side| side.node == node);
            sides.for_each(|side| side.session.commit(&commit));
        }
    }

    /// Does something that can be done, whatever chance says.
    fn step(&mut self) -> bool {
        let count = self.sides.len();
        let (first, kind) = (self.random.below(count), self.random.below(4));
        for offset in 0..count {
            let side = (first + offset) % count;
            for turn in 0..4 {
                let done = match (kind + turn) % 4 {
                    0 => self.effect(side),
                    1 => self.send(side),
                    2 => self.receive(side),
                    _ => self.work(side),
                };
                if done {
                    return true;
                }
            }
        }
        false
    }

    fn effect(&mut self, index: usize) -> bool {
        let side = &mut self.sides[index];
        let Some(effect) = side.session.poll() else { return false };
        match effect {
            Effect::Read(id, query) => side.work.push_back(Work::Read(id, query)),
            Effect::Ingest(id, entries) => side.work.push_back(Work::Ingest(id, entries)),
            Effect::Proof(proof) => {
                let node = side.node;
                side.session.kept(self.now);
                if self.nodes[node].freeze(&proof) {
                    let sides = self.sides.iter_mut().enumerate();
                    let others = sides.filter(|(other, side)| *other != index && side.node == node);
                    others.for_each(|(_, side)| side.session.fork(&proof));
                }
            }
            Effect::Close => self.end(index),
            Effect::Changed(ids) => side.changed.extend(ids),
            Effect::Finished(end) => side.end = Some(end),
            other => panic!("unknown effect {other:?}"),
        }
        true
    }

    fn end(&mut self, index: usize) {
        while self.send(index) {}
        let other = self.sides[index].other;
        self.sides[other].is_ended = true;
    }

    fn send(&mut self, index: usize) -> bool {
        let Some(frame) = self.sides[index].session.poll_frame(self.now) else {
            let other = self.sides[index].other;
            let ends = self.sides[index].end.is_some() && !self.sides[other].is_ended;
            self.sides[other].is_ended |= ends;
            return ends;
        };
        self.sides[index].frames += 1;
        let other = self.sides[index].other;
        let length = u32::try_from(frame.len()).unwrap();
        self.sides[other].pipe.extend(length.to_be_bytes());
        self.sides[other].pipe.extend(frame);
        true
    }

    /// A piece of the stream arrives, of any length.
    fn receive(&mut self, index: usize) -> bool {
        let now = self.now;
        let side = &mut self.sides[index];
        if !side.session.wants_input() {
            return false;
        }
        if side.pipe.is_empty() {
            let tells = side.is_ended && !side.is_end_told;
            if tells {
                side.is_end_told = true;
                side.session.closed();
            }
            return tells;
        }
        let most = if self.random.chance(50) { 40 } else { 100_000 };
        let count = (1 + self.random.below(most)).min(side.pipe.len());
        side.buffer.extend(side.pipe.drain(..count));
        while let Some(length) = side.buffer.first_chunk::<4>() {
            let end = 4 + usize::try_from(u32::from_be_bytes(*length)).unwrap();
            if side.buffer.len() < end || !side.session.wants_input() {
                break;
            }
            let frame: Vec<u8> = side.buffer.drain(..end).skip(4).collect();
            side.session.handle(&frame, now).unwrap();
        }
        // What could not be handed in comes again.
        if side.buffer.len() >= 4 && !side.session.wants_input() {
            let rest: Vec<u8> = side.buffer.drain(..).collect();
            rest.into_iter().rev().for_each(|byte| side.pipe.push_front(byte));
        }
        true
    }

    fn work(&mut self, index: usize) -> bool {
        let now = self.now;
        let side = &mut self.sides[index];
        let model = &mut self.nodes[side.node];
        let place = if self.random.chance(50) { 0 } else { side.work.len().saturating_sub(1) };
        match side.take_work(place) {
            None => return false,
            Some(Work::Read(id, query)) => {
                let answer = model.answer(side.session.schemas(), &query);
                side.session.answer(id, answer, now);
            }
            Some(Work::Ingest(id, entries)) => {
                let before = model.entries.len();
                let verdicts: Vec<Verdict> =
                    entries.iter().map(|entry| model.ingest(entry)).collect();
                let new = model.entries.get(before..).unwrap_or_default().to_vec();
                let (node, session) = (side.node, &mut side.session);
                session.ingested(id, &verdicts, now);
                let sides = self.sides.iter_mut().enumerate();
                let others = sides.filter(|(other, side)| *other != index && side.node == node);
                for (_, side) in others {
                    for verdict in &verdicts {
                        if let Verdict::Fork(proof) = verdict {
                            side.session.fork(proof);
                        }
                    }
                }
                self.tell(node, &new);
            }
        }
        true
    }
}

impl Side {
    /// A piece of work, or the first entries where it would be others: these come in order.
    fn take_work(&mut self, index: usize) -> Option<Work> {
        let is_ingest = |work: &Work| matches!(work, Work::Ingest(..));
        let first = self.work.iter().position(is_ingest);
        let index = match self.work.get(index)? {
            Work::Ingest(..) => first?,
            Work::Read(..) => index,
        };
        self.work.remove(index)
    }
}

fn side(node: usize, session: Session, other: usize) -> Side {
    Side {
        node,
        session,
        other,
        pipe: VecDeque::new(),
        buffer: Vec::new(),
        is_ended: false,
        is_end_told: false,
        work: VecDeque::new(),
        end: None,
        frames: 0,
        changed: Vec::new(),
    }
}

/// An answer for a session outside of a world.
pub fn answer_from(model: &Model, schemas: &[SchemaId], query: &Query) -> Answer {
    model.answer(schemas, query)
}
