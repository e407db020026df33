//! Who is asked for related documents, and when.
//!
//! One session at a time has its turn: what it brings need not be asked for in the others. A peer
//! that keeps silent loses its turn.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use pandan_operations::{DocumentId, OperationId, SchemaId, SystemSchema};
use pandan_replication::limits::MAX_DOCUMENTS;
use pandan_replication::{Interest, Peers, Phase, Session, StreamId};
use pandan_store::{Snapshot, StoreError};

use super::relations::Relations;
use super::walk::Walk;
use super::{Follow, Rule};
use crate::News;
use crate::limits::{FOLLOW_PATIENCE_MS, MAX_CHANGED, MAX_QUEUED};

/// Follows relations: finds documents to ask for and asks the peers of live sessions.
#[derive(Debug)]
pub struct Follower {
    rule: Arc<Rule>,
    /// Of which schemas documents may be that are asked for.
    followed: Interest,
    agendas: BTreeMap<StreamId, Agenda>,
    /// Documents that were stored and not looked at.
    stored: BTreeSet<(SchemaId, DocumentId)>,
    turn: Option<Turn>,
    /// Who had the turn before.
    last: Option<StreamId>,
    is_looking: bool,
}

/// What is to be asked for in a session.
#[derive(Debug)]
struct Agenda {
    queue: BTreeSet<OperationId>,
    /// How far the walk over all documents is; none when it has come to the end.
    walk: Option<Walk>,
}

#[derive(Debug)]
struct Turn {
    stream: StreamId,
    /// Entries that had come when something came last.
    received: u64,
    since: u64,
}

/// Something to look up in the store.
#[derive(Debug)]
pub struct Look {
    rule: Arc<Rule>,
    task: Task,
}

#[derive(Debug)]
enum Task {
    Stored(BTreeSet<(SchemaId, DocumentId)>),
    Walk(StreamId, Walk),
}

/// What was found.
#[derive(Debug)]
pub struct Looked(Found);

#[derive(Debug)]
enum Found {
    Stored(BTreeSet<OperationId>),
    Walked(StreamId, BTreeSet<OperationId>, Option<Walk>),
}

impl Look {
    /// Looks it up.
    pub fn run(self, snapshot: &dyn Snapshot) -> Result<Looked, StoreError> {
        let Self { rule, task } = self;
        Ok(Looked(match task {
            Task::Stored(documents) => Found::Stored(related(snapshot, &rule, documents)?),
            Task::Walk(stream, walk) => {
                let (ids, walk) = walk.step(snapshot, &rule)?;
                Found::Walked(stream, ids, walk)
            }
        }))
    }
}

/// To what stored documents relate.
fn related(
    snapshot: &dyn Snapshot,
    rule: &Rule,
    stored: BTreeSet<(SchemaId, DocumentId)>,
) -> Result<BTreeSet<OperationId>, StoreError> {
    let mut schemas: BTreeMap<SchemaId, Vec<DocumentId>> = BTreeMap::new();
    for (schema, document) in stored {
        schemas.entry(schema).or_default().push(document);
    }
    let mut relations = Relations::new(snapshot, rule)?;
    for (schema, documents) in schemas {
        let Some((_, selection)) = relations.followed(&schema) else { continue };
        let records = snapshot.documents(&documents, &selection)?;
        records.iter().flatten().for_each(|record| relations.add(record));
    }
    relations.deepen()?;
    relations.into_ids()
}

impl Follower {
    /// A follower for a node with this interest; none if there is nothing to follow.
    #[must_use]
    pub fn new(interest: &Interest, follow: Follow) -> Option<Self> {
        let Interest::Schemas(schemas) = interest else { return None };
        let rule = Arc::new(Rule { schemas: schemas.clone(), follow });
        (follow != Follow::None).then(|| Self {
            rule,
            followed: follow.interest(),
            agendas: BTreeMap::new(),
            stored: BTreeSet::new(),
            turn: None,
            last: None,
            is_looking: false,
        })
    }

    /// An entry was stored. It may belong to a document with relations.
    pub fn stored(&mut self, news: &News) {
        let (schema, document) = (&news.committed.schema, news.committed.document);
        // Definitions are replicated, and pieces relate to nothing.
        let is_plain = matches!(schema, SchemaId::System(system) if *system != SystemSchema::Blob);
        if !is_plain && !news.committed.is_void {
            self.note(schema.clone(), document);
        }
    }

    /// Remembers to look at a document. Sessions that begin later walk over all.
    fn note(&mut self, schema: SchemaId, document: DocumentId) {
        if self.agendas.is_empty() {
            return;
        }
        self.stored.insert((schema, document));
        if self.stored.len() > MAX_CHANGED {
            self.stored.clear();
            self.walk_again();
        }
    }

    /// The peer of a session has something new of documents that it was asked for.
    pub fn changed(&mut self, stream: StreamId, ids: Vec<OperationId>) {
        if let Some(agenda) = self.agendas.get_mut(&stream) {
            agenda.add(ids);
        }
    }

    /// A look that was handed out came to nothing: what it was for comes with the next session.
    pub fn failed(&mut self) {
        self.is_looking = false;
    }

    /// What a look has found.
    pub fn looked(&mut self, looked: Looked) {
        self.is_looking = false;
        match looked.0 {
            Found::Stored(ids) => {
                self.agendas.values_mut().for_each(|agenda| agenda.add(ids.iter().copied()));
            }
            Found::Walked(stream, ids, walk) => {
                if let Some(agenda) = self.agendas.get_mut(&stream) {
                    // A walk that was to begin anew meanwhile does.
                    agenda.queue.extend(ids);
                    agenda.walk = agenda.walk.take().or(walk);
                }
            }
        }
    }

    /// When to come back, unless something else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.turn.as_ref().map(|turn| turn.since.saturating_add(FOLLOW_PATIENCE_MS))
    }

    /// Does what can be done, given all streams with sessions. What it gives is to be looked up
    /// before there is more to do.
    #[must_use]
    pub fn drive(
        &mut self,
        peers: &mut Peers,
        streams: impl Iterator<Item = StreamId>,
        now: u64,
    ) -> Option<Look> {
        let is_live = |session: &Session| session.status().phase == Phase::Live;
        let live = streams.filter(|stream| peers.session(*stream).is_some_and(is_live));
        let mut agendas = mem::take(&mut self.agendas);
        self.agendas = live
            .map(|stream| (stream, agendas.remove(&stream).unwrap_or_else(Agenda::new)))
            .collect();
        self.end_turn(peers, now);
        while self.turn.is_none() && self.ask(peers, now) {}
        if self.is_looking {
            return None;
        }
        let task = self.next_task()?;
        self.is_looking = true;
        Some(Look { rule: Arc::clone(&self.rule), task })
    }

    fn walk_again(&mut self) {
        self.agendas.values_mut().for_each(|agenda| agenda.walk = Some(Walk::default()));
    }

    /// Ends the turn of a session that has got all or is gone, or whose peer sends nothing.
    fn end_turn(&mut self, peers: &Peers, now: u64) {
        let Some(turn) = &mut self.turn else { return };
        let session = peers.session(turn.stream);
        let Some(session) = session.filter(|session| session.wants_documents()) else {
            self.turn = None;
            return;
        };
        let received = session.status().received;
        if received != turn.received {
            (turn.received, turn.since) = (received, now);
        }
        if turn.since.saturating_add(FOLLOW_PATIENCE_MS) <= now {
            self.turn = None;
        }
    }

    /// Gives the turn to the next session in which something is to be asked for, and asks. Gives
    /// whether there was one.
    fn ask(&mut self, peers: &mut Peers, now: u64) -> bool {
        let is_ready = |(stream, agenda): &(&StreamId, &Agenda)| {
            let session = peers.session(**stream);
            !agenda.queue.is_empty() && session.is_some_and(|session| !session.wants_documents())
        };
        let ready: Vec<_> =
            self.agendas.iter().filter(is_ready).map(|(stream, _)| *stream).collect();
        let next = ready.iter().find(|stream| self.last.is_none_or(|last| last <= **stream));
        let Some(stream) = next.or(ready.first()).copied() else { return false };
        let Some(agenda) = self.agendas.get_mut(&stream) else { return false };
        let ids = agenda.take();
        let received = peers.session(stream).map_or(0, |session| session.status().received);
        self.last = Some(stream);
        if peers.want_documents(stream, ids, &self.followed) {
            self.turn = Some(Turn { stream, received, since: now });
        }
        true
    }

    fn next_task(&mut self) -> Option<Task> {
        if self.agendas.is_empty() {
            self.stored.clear();
            return None;
        }
        if !self.stored.is_empty() {
            return Some(Task::Stored(mem::take(&mut self.stored)));
        }
        // The walk is ahead of the questions by one of them, so that the queue stays small.
        let is_due = |agenda: &&mut Agenda| agenda.queue.len() < MAX_DOCUMENTS;
        let mut agendas = self.agendas.iter_mut();
        agendas.find_map(|(stream, agenda)| {
            let walk = Some(agenda).filter(is_due)?.walk.take()?;
            Some(Task::Walk(*stream, walk))
        })
    }
}

impl Agenda {
    fn new() -> Self {
        Self { queue: BTreeSet::new(), walk: Some(Walk::default()) }
    }

    fn add(&mut self, ids: impl IntoIterator<Item = OperationId>) {
        self.queue.extend(ids);
        if self.queue.len() > MAX_QUEUED {
            self.queue.clear();
            self.walk = Some(Walk::default());
        }
    }

    /// Takes as many ids as can be asked for together.
    fn take(&mut self) -> Vec<OperationId> {
        let mut ids = mem::take(&mut self.queue);
        if let Some(rest) = ids.iter().nth(MAX_DOCUMENTS).copied() {
            self.queue = ids.split_off(&rest);
        }
        ids.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use pandan_bamboo::Hash;

    use super::*;

    fn id(number: usize) -> OperationId {
        OperationId::from_hash(Hash::of(&number.to_be_bytes()))
    }

    #[test]
    fn so_many_ids_wait_and_then_all_is_walked_over() {
        let mut agenda = Agenda { queue: BTreeSet::new(), walk: None };
        agenda.add((0..MAX_QUEUED).map(id));
        assert_eq!((agenda.queue.len(), agenda.walk.is_some()), (MAX_QUEUED, false));
        assert_eq!(agenda.take().len(), MAX_DOCUMENTS);
        assert_eq!(agenda.queue.len(), MAX_QUEUED - MAX_DOCUMENTS);
        agenda.add((0..=MAX_QUEUED).map(id));
        assert_eq!((agenda.queue.len(), agenda.walk.is_some()), (0, true));
    }

    #[test]
    fn so_many_documents_wait_and_then_all_is_walked_over() {
        let interest = Interest::Schemas(Vec::new());
        let mut follower = Follower::new(&interest, Follow::All).expect("it follows");
        let note = |follower: &mut Follower, count: usize| {
            let documents = (0..count).map(|number| DocumentId::from(id(number)));
            documents.for_each(|document| follower.note(SystemSchema::Blob.into(), document));
        };
        note(&mut follower, 1);
        assert!(follower.stored.is_empty(), "without sessions nothing is kept");
        let agenda = Agenda { queue: BTreeSet::new(), walk: None };
        follower.agendas.insert(StreamId(0), agenda);
        note(&mut follower, MAX_CHANGED);
        assert_eq!(follower.stored.len(), MAX_CHANGED);
        note(&mut follower, MAX_CHANGED + 1);
        assert!(follower.stored.is_empty());
        assert!(follower.agendas[&StreamId(0)].walk.is_some());
    }

    #[test]
    fn who_replicates_everything_or_follows_nothing_needs_no_follower() {
        assert!(Follower::new(&Interest::All, Follow::All).is_none());
        assert!(Follower::new(&Interest::Schemas(Vec::new()), Follow::None).is_none());
    }
}
