//! Two links that talk to each other over pipes in memory, with a clock of their own.

use std::collections::VecDeque;

use pandan_operations::SchemaId;
use pandan_replication::legacy::{
    Config, Effect, Fault, Finished, Link, Memory, Precedence, Query, SchemaSet, Serves,
};

use crate::store::Store;

/// A link with its store, and what came out of it.
pub(crate) struct Node {
    pub(crate) link: Link,
    pub(crate) store: Store,
    /// Bytes from the peer that were not taken yet.
    pub(crate) inbox: VecDeque<u8>,
    pub(crate) finished: Vec<Finished>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) queries: Vec<Query>,
    pub(crate) sent_bytes: usize,
}

impl Node {
    pub(crate) fn new(store: Store, schemas: &[SchemaId], precedence: Precedence) -> Self {
        Self::with_memory(store, schemas, precedence, Memory::new(), 0)
    }

    pub(crate) fn with_memory(
        store: Store,
        schemas: &[SchemaId],
        precedence: Precedence,
        memory: Memory,
        now: u64,
    ) -> Self {
        let schemas = SchemaSet::new(schemas.iter().cloned()).expect("there are few");
        let config = Config { precedence, serves: Serves::Everything, schemas, timestamp: 1 };
        Self {
            link: Link::new(config, memory, now),
            store,
            inbox: VecDeque::new(),
            finished: Vec::new(),
            faults: Vec::new(),
            queries: Vec::new(),
            sent_bytes: 0,
        }
    }

    /// Reads up to so many bytes; whether any were taken.
    pub(crate) fn read(&mut self, chunk: usize, now: u64) -> bool {
        if !self.link.wants_input() || self.inbox.is_empty() {
            return false;
        }
        let length = chunk.clamp(1, self.inbox.len());
        let bytes: Vec<_> = self.inbox.iter().take(length).copied().collect();
        let taken = self.link.handle(&bytes, now);
        self.inbox.drain(..taken);
        taken > 0
    }

    /// Does what the link asks for until it wants nothing more; gives the bytes that it sends.
    pub(crate) fn work(&mut self, now: u64) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(effect) = self.link.poll() {
            match effect {
                Effect::Send(bytes) => sent.extend(bytes),
                Effect::Read(id, query) => {
                    let answer = self.store.answer(&query);
                    self.queries.push(query);
                    self.link.answer(id, answer, now);
                }
                Effect::Ingest(id, entries) => {
                    assert!(!self.link.wants_input());
                    let verdicts: Vec<_> =
                        entries.iter().map(|entry| self.store.ingest(entry)).collect();
                    self.link.ingested(id, &verdicts, now);
                }
                Effect::Finished(finished) => self.finished.push(finished),
                Effect::Misbehaved(fault) => self.faults.push(fault),
            }
        }
        self.sent_bytes += sent.len();
        sent
    }

    /// Something of this schema is new in the store.
    pub(crate) fn changed(&mut self, schema: &SchemaId, now: u64) {
        self.link.store_changed(schema, now);
    }
}

/// Two nodes with a connection between them.
pub(crate) struct Pair {
    pub(crate) one: Node,
    pub(crate) two: Node,
    pub(crate) now: u64,
}

impl Pair {
    pub(crate) fn new(one: Store, two: Store, schemas: &[SchemaId]) -> Self {
        Self {
            one: Node::new(one, schemas, Precedence::Insists),
            two: Node::new(two, schemas, Precedence::Yields),
            now: 0,
        }
    }

    /// Lets them talk until nothing happens any more, in chunks of these sizes.
    pub(crate) fn talk(&mut self, chunks: &mut impl FnMut() -> usize) {
        // Far more than any exchange in these tests takes.
        for _ in 0..1_000_000 {
            let to_two = self.one.work(self.now);
            let to_one = self.two.work(self.now);
            let is_quiet = to_two.is_empty() && to_one.is_empty();
            self.two.inbox.extend(to_two);
            self.one.inbox.extend(to_one);
            let read = [self.one.read(chunks(), self.now), self.two.read(chunks(), self.now)];
            if is_quiet && read == [false, false] {
                return;
            }
        }
        panic!("they never stop talking");
    }

    /// Lets them talk for so long.
    pub(crate) fn run(&mut self, duration: u64, chunks: &mut impl FnMut() -> usize) {
        let end = self.now + duration;
        loop {
            self.talk(chunks);
            let next =
                [&self.one, &self.two].into_iter().filter_map(|node| node.link.poll_timeout());
            match next.min().filter(|next| *next <= end) {
                Some(next) => {
                    assert!(next > self.now, "what is due was done");
                    self.now = next;
                    self.one.link.timeout(next);
                    self.two.link.timeout(next);
                }
                None => break,
            }
        }
        self.now = end;
    }
}
