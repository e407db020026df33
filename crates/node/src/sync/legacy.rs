//! Peers that speak version 1 of the protocol: a link for each of them, its stream and its work.
//!
//! Who greets as Pandan's nodes do speaks version 2, and nothing of this is for it. To others a
//! stream of version 1 is opened at once: deployed nodes close a connection without streams.

mod brought;
mod contact;
mod leaving;
mod lines;
mod memories;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use pandan_network::{Bytes, Connection, Protocol};
use pandan_operations::SchemaId;
use pandan_replication::legacy::{
    Answer, Config, IngestId, Link, Precedence, ReadId, SchemaSet, Serves, Verdict,
};
use pandan_replication::{Interest, PeerId};
use pandan_sync::News;
use tokio::sync::Semaphore;

use super::driver::Inputs;
use super::status::Board;
use super::unix_seconds;
use crate::node::Core;
use contact::Contact;
use leaving::Leaving;
use memories::Memories;

/// Names a connection with a link; none other has or had its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId(u64);

/// Something that a link has to know.
#[derive(Debug)]
pub(super) enum LinkInput {
    /// The peer does not speak version 1.
    NotSpoken,
    /// Bytes from the peer.
    Chunk(Bytes),
    /// One of both streams is broken, or could not be opened.
    Ended,
    Answer(ReadId, Answer),
    /// What became of entries; none when the store does not take any.
    Ingested(IngestId, Option<Vec<Verdict>>),
}

/// What links work with.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    pub(super) core: Arc<Core>,
    pub(super) board: Arc<Board>,
    /// Places for questions that are being answered.
    pub(super) reads: Arc<Semaphore>,
    pub(super) inputs: Inputs,
}

/// All links.
#[derive(Debug)]
pub(super) struct Legacy {
    /// None when version 1 is not spoken.
    protocol: Option<Protocol>,
    own: PeerId,
    interest: Interest,
    /// What we announce.
    schemas: SchemaSet,
    contacts: BTreeMap<LinkId, Contact>,
    memories: Memories,
    leaving: Leaving,
    next: u64,
    /// What peers have done wrong, in points.
    faults: Vec<(PeerId, u32)>,
    tools: Tools,
}

impl Legacy {
    pub(super) fn new(
        protocol: Option<Protocol>,
        own: PeerId,
        interest: Interest,
        tools: Tools,
    ) -> Self {
        Self {
            protocol,
            own,
            interest,
            schemas: SchemaSet::fitting([]),
            contacts: BTreeMap::new(),
            memories: Memories::default(),
            leaving: Leaving::default(),
            next: 0,
            faults: Vec::new(),
            tools,
        }
    }

    /// Takes the connection over if its peer may speak version 1.
    pub(super) fn connected(&mut self, connection: &Connection, peer: PeerId, now: u64) -> bool {
        let Some(protocol) = self.protocol.clone().filter(|_| !connection.has_greeted()) else {
            return false;
        };
        let serves = match &self.interest {
            Interest::All => Serves::Everything,
            Interest::Schemas(_) => Serves::Announced,
        };
        // Both ids are keys with the same bytes in front of them.
        let precedence = Precedence::of_peer_ids(&self.own.0, &peer.0);
        let schemas = self.schemas.clone();
        let config = Config { precedence, serves, schemas, timestamp: unix_seconds() };
        let link = Link::new(config, self.memories.take(&peer), now);
        let id = LinkId(self.next);
        self.next = self.next.wrapping_add(1);
        let inputs = self.tools.inputs.clone();
        let contact = Contact::new(id, connection.clone(), peer, link, protocol, inputs);
        self.contacts.insert(id, contact);
        true
    }

    /// The connection with a peer is gone. What is to be remembered of it is kept.
    pub(super) fn disconnected(&mut self, peer: PeerId) {
        let mut of_peer = self.contacts.extract_if(.., |_, contact| contact.peer() == peer);
        if let Some((id, contact)) = of_peer.next() {
            if contact.is_storing() {
                self.leaving.begin(id, peer);
            }
            self.memories.put(peer, contact.into_memory(&self.tools));
        }
    }

    /// Takes what a link has to know. Gives back the connection when version 1 is not spoken there.
    pub(super) fn input(&mut self, id: LinkId, input: LinkInput, now: u64) -> Option<Connection> {
        if matches!(input, LinkInput::NotSpoken) {
            return self.contacts.remove(&id).map(Contact::into_connection);
        }
        if let Some(contact) = self.contacts.get_mut(&id) {
            contact.input(input, now);
        } else if let LinkInput::Ingested(_, verdicts) = input {
            self.faults.extend(self.leaving.end(id, &verdicts.unwrap_or_default()));
        }
        None
    }

    /// These schemas are known now.
    pub(super) fn set_schemas(&mut self, known: &[SchemaId], now: u64) {
        let schemas = match &self.interest {
            Interest::All => SchemaSet::fitting(known.iter().cloned()),
            Interest::Schemas(schemas) => SchemaSet::fitting(schemas.iter().cloned()),
        };
        if schemas == self.schemas {
            return;
        }
        for contact in self.contacts.values_mut() {
            contact.link.announce(schemas.clone(), unix_seconds(), now);
        }
        self.schemas = schemas;
    }

    /// These entries were stored.
    pub(super) fn stored(&mut self, news: &[News], now: u64) {
        for contact in self.contacts.values_mut() {
            for News { committed, .. } in news {
                if !contact.has_brought(&committed.operation) {
                    contact.link.store_changed(&committed.schema, now);
                }
            }
        }
    }

    /// Anything may have been stored.
    pub(super) fn compare_again(&mut self, now: u64) {
        for contact in self.contacts.values_mut() {
            for schema in self.schemas.as_slice() {
                contact.link.store_changed(schema, now);
            }
        }
    }

    /// Carries out all that is to be done.
    pub(super) fn act(&mut self, now: u64) {
        for contact in self.contacts.values_mut() {
            let points = contact.act(now, &self.tools);
            if points > 0 {
                self.faults.push((contact.peer(), points));
            }
        }
    }

    /// What peers have done wrong since this was asked last, in points.
    pub(super) fn take_faults(&mut self) -> Vec<(PeerId, u32)> {
        std::mem::take(&mut self.faults)
    }

    pub(super) fn poll_timeout(&self) -> Option<u64> {
        self.contacts.values().filter_map(Contact::poll_timeout).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.contacts.is_empty()
    }

    /// Gives up all links.
    pub(super) fn clear(&mut self) {
        self.contacts.clear();
    }
}
