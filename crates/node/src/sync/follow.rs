//! Documents to which those of the replicated schemas relate.

use std::sync::Arc;

use pandan_operations::{OperationId, SystemSchema};
use pandan_replication::{Interest, Peers, StreamId};
use pandan_sync::{Follow, Follower, Look, Looked, News, Serving};
use tokio::sync::Semaphore;

use super::driver::{Input, Inputs};
use crate::node::Core;

/// What a node replicates: definitions as well when it follows relations, since nobody knows
/// without them what others relate to. One that replicates nothing has nothing to follow.
pub(super) fn interest(interest: Interest, follow: Follow) -> Interest {
    match interest {
        Interest::Schemas(mut schemas) if follow != Follow::None && !schemas.is_empty() => {
            schemas.push(SystemSchema::SchemaDefinition.into());
            schemas.push(SystemSchema::SchemaFieldDefinition.into());
            schemas.sort_unstable();
            schemas.dedup();
            Interest::Schemas(schemas)
        }
        interest => interest,
    }
}

/// The part of the driver that follows relations.
pub(super) struct Following {
    /// None when there is nothing to follow.
    follower: Option<Follower>,
    serving: Arc<Serving>,
    core: Arc<Core>,
    places: Arc<Semaphore>,
    inputs: Inputs,
}

impl Following {
    pub(super) fn new(
        interest: &Interest,
        follow: Follow,
        core: Arc<Core>,
        places: Arc<Semaphore>,
        inputs: Inputs,
    ) -> Self {
        let serving = Arc::new(Serving::new(interest.clone(), follow));
        Self { follower: Follower::new(interest, follow), serving, core, places, inputs }
    }

    /// What this node hands out.
    pub(super) fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.serving)
    }

    pub(super) fn stored(&mut self, news: &[News]) {
        if let Some(follower) = &mut self.follower {
            news.iter().for_each(|news| follower.stored(news));
        }
    }

    pub(super) fn changed(&mut self, stream: StreamId, ids: Vec<OperationId>) {
        if let Some(follower) = &mut self.follower {
            follower.changed(stream, ids);
        }
    }

    /// What was looked up; none when the store could not be read.
    pub(super) fn looked(&mut self, looked: Option<Looked>) {
        match (&mut self.follower, looked) {
            (Some(follower), Some(looked)) => follower.looked(looked),
            (Some(follower), None) => follower.failed(),
            (None, _) => {}
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<u64> {
        self.follower.as_ref()?.poll_timeout()
    }

    /// Asks peers, and looks up what to ask for.
    pub(super) fn drive(
        &mut self,
        peers: &mut Peers,
        streams: impl Iterator<Item = StreamId>,
        now: u64,
    ) {
        let look = self.follower.as_mut().and_then(|follower| follower.drive(peers, streams, now));
        if let Some(look) = look {
            let (core, places) = (Arc::clone(&self.core), Arc::clone(&self.places));
            tokio::spawn(run(core, places, look, self.inputs.clone()));
        }
    }
}

async fn run(core: Arc<Core>, places: Arc<Semaphore>, look: Look, inputs: Inputs) {
    let _place = places.acquire_owned().await;
    let looked = core.read(move |snapshot| look.run(snapshot)).await;
    let looked = looked.inspect_err(|error| {
        tracing::warn!(%error, "related documents were not looked for");
    });
    inputs.send(Input::Looked(looked.ok())).await;
}
