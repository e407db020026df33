//! A store that is obviously right: signed entries in the order in which they came.

use std::collections::{BTreeMap, BTreeSet};

use pandan_bamboo::{
    EncodedEntry, Entry, EntryHash, ForkProof, HeadState, HeadsSum, LogId, NextArgs, Salt, SeqNum,
};
use pandan_identity::KeyPair;
use pandan_operations::{OperationId, SchemaId};
use pandan_replication::{
    Amount, Answer, Author, Bound, Cursor, FoundHeads, FrozenTip, Head, HeadList, KeyRange, LogKey,
    LogName, Page, Part, Query, Received, Split, Tip, Verdict, Wants,
};

/// An entry; the first byte of a payload says which schema it is of.
#[derive(Clone, Debug)]
pub struct Stored {
    pub log: LogName,
    pub seq_num: SeqNum,
    pub entry: EncodedEntry,
    pub payload: Vec<u8>,
}

impl Stored {
    pub fn new(entry: EncodedEntry, payload: Vec<u8>) -> Self {
        let header = entry.header();
        let log = LogName { author: header.public_key().into(), log_id: header.log_id() };
        Self { log, seq_num: header.seq_num(), entry, payload }
    }

    pub fn received(&self) -> Received {
        Received { entry: self.entry.as_bytes().to_vec(), payload: Some(self.payload.clone()) }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    /// In order of arrival.
    pub entries: Vec<Stored>,
    pub forks: BTreeMap<LogName, ForkProof>,
    pub void: BTreeSet<EntryHash>,
    /// All schemas; payloads name them by their index here.
    pub schemas: Vec<SchemaId>,
    /// Bytes of entries and payloads that came, known ones too.
    pub bytes_in: usize,
    /// How many heads of documents are told at a time, if not as many as a session asks for.
    pub heads_told: Option<usize>,
}

impl Model {
    pub fn new(schemas: &[SchemaId]) -> Self {
        Self { schemas: schemas.to_vec(), ..Self::default() }
    }

    /// Continues a log.
    pub fn write(&mut self, author: &KeyPair, log_id: u64, schema: u8, text: &str) -> Stored {
        let log_id = LogId::new(log_id);
        let log = LogName { author: author.public_key().into(), log_id };
        let args = match self.latest(&log) {
            None => NextArgs::first(log_id),
            Some(tip) => {
                let skiplink = tip.seq_num.next().unwrap().skiplink();
                let skiplink = skiplink.map(|place| self.at(&log, place).unwrap().entry.hash());
                NextArgs::after(tip.entry.header(), skiplink).unwrap()
            }
        };
        let payload = [&[schema], text.as_bytes()].concat();
        let stored = Stored::new(args.forge(author, &payload), payload);
        self.entries.push(stored.clone());
        stored
    }

    pub fn at(&self, log: &LogName, seq_num: SeqNum) -> Option<&Stored> {
        self.entries.iter().find(|stored| stored.log == *log && stored.seq_num == seq_num)
    }

    pub fn latest(&self, log: &LogName) -> Option<&Stored> {
        self.entries.iter().filter(|stored| stored.log == *log).max_by_key(|stored| stored.seq_num)
    }

    pub fn ingest(&mut self, received: &Received) -> Verdict {
        let payload = received.payload.clone().unwrap_or_default();
        self.bytes_in += received.entry.len() + payload.len();
        let Ok(entry) = Entry::decode(&received.entry).unwrap().authenticate() else {
            return Verdict::Refused;
        };
        if entry.bind(&payload).is_err() || payload.is_empty() {
            return Verdict::Refused;
        }
        let stored = Stored::new(entry.to_encoded(), payload);
        let (log, seq_num, hash) = (stored.log, stored.seq_num, stored.entry.hash());
        if let Some(fork) = self.forks.get(&log)
            && seq_num >= fork.seq_num()
        {
            return if self.void.insert(hash) { Verdict::Stored } else { Verdict::KnownVoid };
        }
        if let Some(same) = self.at(&log, seq_num) {
            if same.entry.hash() == hash {
                return Verdict::Known;
            }
            let proof = ForkProof::new(&same.entry.as_authentic(), &entry).unwrap();
            self.freeze(&proof);
            return Verdict::Fork(Box::new(proof));
        }
        let latest = self.latest(&log);
        if latest.map_or(Some(SeqNum::FIRST), |tip| tip.seq_num.next()) != Some(seq_num) {
            return Verdict::Waiting;
        }
        if latest.map(|tip| tip.entry.hash()) != entry.header().links().backlink() {
            return Verdict::Detached;
        }
        self.entries.push(stored);
        Verdict::Stored
    }

    /// Takes a proof; gives whether it says anything new.
    pub fn freeze(&mut self, proof: &ForkProof) -> bool {
        let log = LogName { author: proof.public_key().into(), log_id: proof.log_id() };
        let kept = match self.forks.get(&log) {
            Some(known) if known.seq_num() < proof.seq_num() => *known,
            Some(known) if known.seq_num() == proof.seq_num() => lowest(known, proof),
            _ => *proof,
        };
        let from = kept.seq_num();
        let is_new = self.forks.insert(log, kept) != Some(kept);
        let is_void = |stored: &Stored| stored.log == log && stored.seq_num >= from;
        self.void.extend(self.entries.iter().filter(|e| is_void(e)).map(|e| e.entry.hash()));
        self.entries.retain(|stored| !is_void(stored));
        is_new
    }

    /// All heads in the order of some schemas.
    pub fn heads(&self, schemas: &[SchemaId]) -> Vec<Head> {
        let mut logs: BTreeMap<LogName, Option<&Stored>> =
            self.forks.keys().map(|log| (*log, None)).collect();
        logs.extend(self.entries.iter().map(|stored| (stored.log, Some(stored))));
        let mut heads: Vec<_> = logs
            .into_iter()
            .filter_map(|(log, tip)| Some(self.head(self.schema(&log, tip, schemas)?, log, tip)))
            .collect();
        heads.sort_by_key(|head| head.key);
        heads
    }

    /// A log of which nothing is there but the proof of its fork has the first of the schemas.
    fn schema(&self, log: &LogName, tip: Option<&Stored>, schemas: &[SchemaId]) -> Option<u16> {
        let index = tip.map_or(0, |tip| usize::from(tip.payload[0]));
        assert!(tip.is_some() || self.forks.contains_key(log));
        let place = schemas.binary_search(self.schemas.get(index)?).ok()?;
        u16::try_from(place).ok()
    }

    fn head(&self, schema: u16, log: LogName, tip: Option<&Stored>) -> Head {
        let key = LogKey { schema, log };
        let (latest, hash) = (tip.map(|tip| tip.seq_num), tip.map(|tip| tip.entry.hash()));
        let Some(fork) = self.forks.get(&log) else {
            let (tip, state) = (Tip::Line(latest.unwrap()), HeadState::of_line(hash.unwrap()));
            return Head { key, tip, state };
        };
        let state = HeadState::of_frozen(hash, fork.seq_num(), fork.entries().map(|e| e.hash()));
        Head { key, tip: Tip::Frozen(FrozenTip::new(latest, fork.seq_num()).unwrap()), state }
    }

    pub fn answer(&self, schemas: &[SchemaId], query: &Query) -> Answer {
        let heads = self.heads(schemas);
        match query {
            Query::Split { ranges, parts, salt } => Answer::Splits(
                ranges
                    .iter()
                    .map(|(range, theirs)| {
                        let heads = within(&heads, range);
                        let mut split = split(&heads, range.end(), *parts, salt);
                        if Some(split.fingerprint) == *theirs {
                            split.parts.clear();
                        }
                        split
                    })
                    .collect(),
            ),
            Query::Heads { ranges } => Answer::Lists(
                ranges
                    .iter()
                    .map(|(range, limit)| {
                        let mut heads = within(&heads, range);
                        let more = heads.len() > *limit;
                        heads.truncate(*limit);
                        HeadList { heads, more }
                    })
                    .collect(),
            ),
            Query::HeadsOf { logs } => {
                let mut heads = heads;
                heads.retain(|head| logs.binary_search(&head.key.log).is_ok());
                heads.sort_by_key(|head| head.key.log);
                Answer::Heads(heads)
            }
            Query::Entries { wants, after, budget_bytes, budget_entries } => {
                let wanted = wanted(&self.heads(&self.schemas), &heads, wants);
                Answer::Page(self.page(&wanted, *after, *budget_bytes, *budget_entries))
            }
            Query::Entry { log, seq_num } => {
                let is_known = heads.iter().any(|head| head.key.log == *log);
                let stored = self.at(log, *seq_num).filter(|_| is_known);
                Answer::Entry(stored.map(|stored| Box::new(stored.entry)))
            }
            Query::DocumentHeads { ids, after, limit } => {
                let limit = self.heads_told.unwrap_or(*limit);
                Answer::DocumentHeads(self.document_heads(ids, *after, limit))
            }
            Query::AnyHeads { logs } => {
                let mut heads = self.heads(&self.schemas);
                heads.retain(|head| logs.binary_search(&head.key.log).is_ok());
                heads.sort_by_key(|head| head.key.log);
                Answer::Heads(heads)
            }
        }
    }

    /// Each log is a document here, named by any of its entries.
    fn document_heads(
        &self,
        ids: &[OperationId],
        after: Option<LogName>,
        limit: usize,
    ) -> FoundHeads {
        let is_named =
            |stored: &&Stored| ids.iter().any(|id| id.as_hash() == stored.entry.hash().as_hash());
        let logs: BTreeSet<_> =
            self.entries.iter().filter(is_named).map(|stored| stored.log).collect();
        let mut heads = self.heads(&self.schemas);
        heads.retain(|head| logs.contains(&head.key.log) && Some(head.key.log) > after);
        heads.sort_by_key(|head| head.key.log);
        let more = heads.len() > limit;
        heads.truncate(limit);
        FoundHeads { heads, headless: Vec::new(), more }
    }

    fn page(
        &self,
        wanted: &BTreeMap<LogName, SeqNum>,
        after: Option<Cursor>,
        budget_bytes: usize,
        budget_entries: usize,
    ) -> Page {
        let mut page = Page::default();
        if after.is_none() {
            let forks = self.forks.iter().filter(|(log, _)| wanted.contains_key(log));
            page.proofs = forks.map(|(_, proof)| *proof).collect();
        }
        let start = after.map_or(0, |Cursor(place)| usize::try_from(place).unwrap());
        let mut bytes = 0;
        for (index, stored) in self.entries.iter().enumerate().skip(start) {
            if wanted.get(&stored.log).is_none_or(|from| stored.seq_num < *from) {
                continue;
            }
            let received = stored.received();
            let length = received.entry.len() + stored.payload.len();
            let is_full = bytes + length > budget_bytes || page.entries.len() >= budget_entries;
            if page.next.is_some() || is_full && !page.entries.is_empty() {
                page.next = page.next.or(Some(Cursor(u64::try_from(index).unwrap())));
                page.left.entries += 1;
                page.left.bytes += u64::try_from(length).unwrap();
                continue;
            }
            bytes += length;
            page.entries.push(received);
        }
        assert!(page.left == Amount::default() || page.next.is_some());
        page
    }
}

/// Of two proofs for one place, the one with the two lowest entries of both.
fn lowest(one: &ForkProof, other: &ForkProof) -> ForkProof {
    let mut entries = [one.entries(), other.entries()].concat();
    entries.sort_by_key(|entry| entry.hash());
    entries.dedup_by_key(|entry| entry.hash());
    ForkProof::new(&entries[0].as_authentic(), &entries[1].as_authentic()).unwrap()
}

fn within(heads: &[Head], range: &KeyRange) -> Vec<Head> {
    heads.iter().filter(|head| range.contains(&head.key)).copied().collect()
}

/// Logs may be asked for whatever their schemas are, as with related documents.
fn wanted(all: &[Head], heads: &[Head], wants: &Wants) -> BTreeMap<LogName, SeqNum> {
    let known: BTreeSet<_> = all.iter().map(|head| head.key.log).collect();
    let in_ranges = wants.ranges.iter().flat_map(|range| within(heads, range));
    let logs = wants.logs.iter().copied().filter(|(log, _)| known.contains(log));
    logs.chain(in_ranges.map(|head| (head.key.log, SeqNum::FIRST))).collect()
}

/// Fingerprints of heads as a whole and in parts.
pub fn split(heads: &[Head], end: Bound, parts: usize, salt: &Salt) -> Split {
    let sum = |heads: &[Head]| {
        let mut sum = HeadsSum::EMPTY;
        heads.iter().for_each(|head| sum.add(&head.state));
        sum.fingerprint(salt)
    };
    let size = heads.len().div_ceil(parts).max(1);
    let chunks: Vec<_> = heads.chunks(size).collect();
    let ends = chunks
        .windows(2)
        .map(|pair| Bound::between(pair[0].last().unwrap().key, pair[1].first().unwrap().key));
    let ends = ends.chain([end]);
    let parts = chunks.iter().zip(ends);
    Split {
        count: u64::try_from(heads.len()).unwrap(),
        fingerprint: sum(heads),
        parts: parts.map(|(heads, end)| Part { end, fingerprint: sum(heads) }).collect(),
    }
}

/// A key pair for a number.
pub fn author(seed: u8) -> KeyPair {
    KeyPair::from_seed(&[seed; 32])
}

/// A name of a log of an author.
pub fn log_name(author: &KeyPair, log_id: u64) -> LogName {
    LogName { author: Author::from(author.public_key()), log_id: LogId::new(log_id) }
}
