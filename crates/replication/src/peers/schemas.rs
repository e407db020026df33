//! Which schemas the sessions with a peer are about, and what happens when that changes (RE10).

use alloc::vec::Vec;

use pandan_operations::SchemaId;

use super::peer::Peer;
use super::{PeerId, Peers, PeersEffect, StreamId, VERSION};
use crate::limits::MAX_SCHEMAS;
use crate::{Announcement, Interest, Message};

impl Peers {
    /// The schemas that are known here, at the beginning and when there are more. Sessions with
    /// nodes that want everything begin anew.
    pub fn set_schemas(&mut self, mut schemas: Vec<SchemaId>) {
        schemas.sort_unstable();
        schemas.dedup();
        if self.known == schemas {
            return;
        }
        self.known = schemas;
        let streams: Vec<_> = self.sessions.keys().copied().collect();
        for stream in streams {
            self.renew(stream);
            self.hint(stream);
        }
    }

    /// Ends a session that this node has opened when there are other schemas in common by now.
    pub(super) fn renew(&mut self, stream: StreamId) {
        let Some(running) = self.sessions.get(&stream) else { return };
        let is_old = self.config.own < running.peer && running.about != self.common(running.peer);
        if is_old && let Some(running) = self.sessions.get_mut(&stream) {
            running.session.compare_again();
        }
    }

    /// Tells who has opened a session about everything which schemas it does not know.
    pub(super) fn hint(&mut self, stream: StreamId) {
        let Some(running) = self.sessions.get_mut(&stream) else { return };
        let id = running.peer;
        let wants_all = |peer: &Peer| peer.interest == Some(Interest::All);
        let is_about_all = self.config.interest == Interest::All
            && self.peers.get(&id).is_some_and(wants_all)
            && !running.session.schemas().is_empty();
        if self.config.own < id || !is_about_all {
            return;
        }
        let is_news = |schema: &&SchemaId| {
            let asked = running.session.schemas();
            asked.binary_search(schema).is_err() && running.about.binary_search(schema).is_err()
        };
        let hints: Vec<_> = self.known.iter().filter(is_news).take(MAX_SCHEMAS).cloned().collect();
        if !hints.is_empty() {
            running.about.extend_from_slice(&hints);
            running.about.sort_unstable();
            self.announce(id, hints);
        }
    }

    pub(super) fn announce(&mut self, id: PeerId, hints: Vec<SchemaId>) {
        let interest = self.config.interest.clone();
        let announcement = Announcement { versions: alloc::vec![VERSION], interest, hints };
        let frame = Message::Announce(announcement).encode();
        self.effects.push_back(PeersEffect::Announce(id, frame));
    }

    /// Whether there is a schema in common.
    pub(super) fn has_common(&self, peer: &Peer) -> bool {
        match (&self.config.interest, &peer.interest) {
            (_, None) => false,
            (Interest::All, Some(Interest::All)) => {
                !(self.known.is_empty() && peer.hints.is_empty())
            }
            (Interest::All, Some(Interest::Schemas(theirs))) => !theirs.is_empty(),
            (Interest::Schemas(own), Some(theirs)) => {
                own.iter().any(|schema| theirs.includes(schema))
            }
        }
    }

    pub(super) fn common(&self, id: PeerId) -> Vec<SchemaId> {
        let theirs = self.peers.get(&id).and_then(|peer| peer.interest.as_ref());
        match (&self.config.interest, theirs) {
            (_, None) => Vec::new(),
            (Interest::All, Some(Interest::All)) => {
                let hints = self.peers.get(&id).map_or(&[][..], |peer| &peer.hints);
                let mut schemas = [self.known.as_slice(), hints].concat();
                schemas.sort_unstable();
                schemas.dedup();
                schemas
            }
            (own, Some(theirs)) => own.common(theirs),
        }
    }
}
