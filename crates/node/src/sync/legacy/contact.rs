//! A peer with its link: carries out what the link asks for.

use std::mem;
use std::sync::Arc;

use pandan_network::{Bytes, Connection, Protocol};
use pandan_operations::OperationId;
use pandan_replication::PeerId;
use pandan_replication::legacy::{self, Effect, Fault, Finished, Link, Memory, Outcome};

use super::brought::Brought;
use super::lines::Line;
use super::{LinkId, LinkInput, Tools, work};
use crate::sync::driver::Inputs;
use crate::sync::reasons;
use crate::sync::totals::Totals;

#[derive(Debug)]
pub(super) struct Contact {
    id: LinkId,
    connection: Connection,
    peer: PeerId,
    pub(super) link: Link,
    line: Line,
    /// What came and was not taken.
    unread: Bytes,
    brought: Brought,
    /// Bytes since the last session ended.
    bytes_in: u64,
    bytes_out: u64,
    /// What it did wrong since the last session ended.
    fault: Option<String>,
    /// Entries that it sent are on their way to the store.
    is_storing: bool,
    is_ended: bool,
}

impl Contact {
    pub(super) fn new(
        id: LinkId,
        connection: Connection,
        peer: PeerId,
        link: Link,
        protocol: Protocol,
        inputs: Inputs,
    ) -> Self {
        Self {
            id,
            line: Line::new(id, connection.clone(), protocol, inputs),
            connection,
            peer,
            link,
            unread: Bytes::new(),
            brought: Brought::default(),
            bytes_in: 0,
            bytes_out: 0,
            fault: None,
            is_storing: false,
            is_ended: false,
        }
    }

    pub(super) const fn peer(&self) -> PeerId {
        self.peer
    }

    pub(super) const fn is_storing(&self) -> bool {
        self.is_storing
    }

    pub(super) fn name(&self) -> pandan_network::PeerId {
        self.connection.peer()
    }

    /// Gives what is to be remembered. Bytes of the session that was under way count, too.
    pub(super) fn into_memory(mut self, tools: &Tools) -> Memory {
        let moved = self.take_moved();
        tools.board.moved(&self.name(), legacy::VERSION, &moved);
        self.link.into_memory()
    }

    fn take_moved(&mut self) -> Totals {
        Totals {
            bytes_in: mem::take(&mut self.bytes_in),
            bytes_out: mem::take(&mut self.bytes_out),
            ..Totals::default()
        }
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    pub(super) fn has_brought(&self, operation: &OperationId) -> bool {
        self.brought.has(operation)
    }

    /// When to look at it, unless something else happens before.
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        self.link.poll_timeout().filter(|_| !self.is_ended)
    }

    pub(super) fn input(&mut self, input: LinkInput, now: u64) {
        self.is_storing &= !matches!(input, LinkInput::Ingested(..));
        match input {
            LinkInput::Chunk(chunk) => {
                self.line.demand.has_read();
                self.bytes_in = self.bytes_in.saturating_add(chunk.len() as u64);
                self.unread = chunk;
            }
            LinkInput::Answer(read, answer) => self.link.answer(read, answer, now),
            LinkInput::Ingested(ingest, Some(verdicts)) => {
                self.link.ingested(ingest, &verdicts, now);
            }
            LinkInput::Ingested(_, None) | LinkInput::Ended | LinkInput::NotSpoken => self.end(),
        }
    }

    /// Neither stream can be put in order again: what is left is another connection.
    fn end(&mut self) {
        self.is_ended = true;
        self.connection.close();
    }

    /// Carries out all that is to be done; gives what the peer has done wrong, in points.
    pub(super) fn act(&mut self, now: u64, tools: &Tools) -> u32 {
        if self.is_ended {
            return 0;
        }
        let mut points = 0;
        self.link.timeout(now);
        while self.feed(now) | self.carry_out(tools, &mut points) {}
        if self.link.is_closed() {
            self.end();
        } else if self.unread.is_empty() && self.link.wants_input() {
            self.line.demand.read_next();
        }
        points
    }

    /// Hands over what came; gives whether any of it was taken.
    fn feed(&mut self, now: u64) -> bool {
        if self.unread.is_empty() || !self.link.wants_input() {
            return false;
        }
        let taken = self.link.handle(&self.unread, now);
        drop(self.unread.split_to(taken.min(self.unread.len())));
        taken > 0
    }

    /// Carries out what the link asks for, as far as the stream has room; gives whether there was
    /// anything.
    fn carry_out(&mut self, tools: &Tools, points: &mut u32) -> bool {
        let mut has_acted = false;
        while let Some(effect) = self.next_effect() {
            *points = points.saturating_add(self.effect(effect, tools));
            has_acted = true;
        }
        has_acted
    }

    /// What sends something comes only when there is room for it, and then is on its way.
    fn next_effect(&mut self) -> Option<Effect> {
        loop {
            let Some(room) = self.line.room() else { return self.link.poll_reports() };
            match self.link.poll()? {
                Effect::Send(message) => {
                    self.bytes_out = self.bytes_out.saturating_add(message.len() as u64);
                    room.send(message);
                }
                effect => return Some(effect),
            }
        }
    }

    fn effect(&mut self, effect: Effect, tools: &Tools) -> u32 {
        let (core, inputs) = (Arc::clone(&tools.core), tools.inputs.clone());
        match effect {
            Effect::Read(read, query) => {
                let places = Arc::clone(&tools.reads);
                self.line.spawn(work::read(core, places, self.id, read, query, inputs));
            }
            Effect::Ingest(ingest, received) => {
                self.brought.note(&received);
                self.is_storing = true;
                // Not given up with the connection: it may be somebody's fault.
                tokio::spawn(work::ingest(core, self.id, ingest, received, inputs));
            }
            Effect::Finished(finished) => self.finished(&finished, tools),
            Effect::Misbehaved(fault) => return self.misbehaved(&fault),
            // Was sent when it came.
            Effect::Send(_) => {}
        }
        0
    }

    fn misbehaved(&mut self, fault: &Fault) -> u32 {
        tracing::info!(peer = %self.name(), %fault, "peer broke a rule");
        self.fault = Some(fault.to_string());
        fault.points()
    }

    fn finished(&mut self, finished: &Finished, tools: &Tools) {
        tracing::debug!(peer = %self.name(), ?finished, "session ended");
        let sentence = match finished.outcome {
            Outcome::Complete => String::new(),
            Outcome::TimedOut => String::from("the peer fell silent"),
            Outcome::Replaced => String::from("the peer began anew"),
            Outcome::StoreFailed => String::from("the store cannot be read"),
            Outcome::Broken => self.fault.take().unwrap_or_default(),
        };
        let failure = reasons::of_outcome(finished.outcome).map(|reason| (reason, sentence));
        let counts = finished.counts;
        let totals = Totals {
            sessions: 1,
            failed: failure.is_some().into(),
            received: counts.received,
            stored: counts.stored,
            refused: counts.refused,
            sent: counts.sent,
            ..self.take_moved()
        };
        tools.board.ended_link(&self.name(), &totals, failure);
    }
}
