//! Asking peers: which, for what, and what becomes of what they tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use pandan_admission::{Part, PartAsk, PartClaim, PartSubject, Payloads};
use pandan_bamboo::{ForkProof, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_network::{Connection, Handle, PeerId, Protocol};
use pandan_replication::limits::{MAX_ASK_ITEMS, MAX_ASK_PLACES};
use pandan_replication::{Ask, AskItem, End, Told, VERSION};
use pandan_store::{Keeping, PartSummary, Teller};
use pandan_sync::{Examined, ask_item, examine_told, log_name, whole_item};
use tokio::sync::Semaphore;

use super::talk::{Talk, talk};
use super::{AskError, AskOptions, Asked, Completed};
use crate::node::Core;
use crate::sync::driver::{Input, Inputs, to_own};
use crate::sync::status::Board;
use crate::sync::unix_seconds;

/// How many asks of this node are under way at the same time; others wait.
const ASKS_TOGETHER: usize = 4;

/// Points for a part that does not verify.
const UNVERIFIED_POINTS: u32 = 50;

/// The side of a node that asks.
#[derive(Debug)]
pub(in crate::sync) struct Asking {
    network: Handle,
    protocol: Protocol,
    core: Arc<Core>,
    inputs: Inputs,
    board: Arc<Board>,
    places: Semaphore,
}

impl Asking {
    pub(in crate::sync) fn new(
        network: Handle,
        protocol: Protocol,
        core: Arc<Core>,
        inputs: Inputs,
        board: Arc<Board>,
    ) -> Self {
        let places = Semaphore::new(ASKS_TOGETHER);
        Self { network, protocol, core, inputs, board, places }
    }

    /// Asks for a part, and keeps it if it verifies.
    pub(in crate::sync) async fn ask(
        &self,
        ask: PartAsk,
        options: AskOptions,
    ) -> Result<Asked, AskError> {
        let _place = self.places.acquire().await;
        let payloads = if options.without_payloads { Payloads::MayLack } else { Payloads::All };
        let mut failure = None;
        let mut too_much = None;
        for connection in self.connections(options.peer)? {
            let peer = connection.peer();
            let items = vec![ask_item(&ask)];
            let told = self.told(&connection, options.without_payloads, items).await;
            let examined = match told {
                Ok(talk) => self.examine(peer, ask, payloads, talk).await,
                Err(error) => Err(error),
            };
            match examined {
                Ok(Examined::Nothing) => {}
                Ok(Examined::TooMuch) => too_much = Some(Asked::TooMuch { peer }),
                Ok(Examined::Withdrawn(proofs)) => return self.forked(proofs).await,
                Ok(Examined::Part(part)) => return self.keep(peer, *part).await,
                Err(error) => failure = Some(error),
            }
        }
        match (too_much, failure) {
            (Some(too_much), _) => Ok(too_much),
            (None, Some(failure)) => Err(failure),
            (None, None) => Ok(Asked::Nothing),
        }
    }

    /// Asks for the payloads that a part lacks. They may come from anybody: those of a wrong entry
    /// do not verify.
    pub(in crate::sync) async fn fetch_payloads(
        &self,
        subject: PartSubject,
        peer: Option<PeerId>,
    ) -> Result<Asked, AskError> {
        let _place = self.places.acquire().await;
        let kept = self.core.read(move |snapshot| snapshot.part(&subject)).await?;
        let kept = kept.ok_or(AskError::NoPart)?;
        let items = payload_items(kept.lacking().map(|entry| {
            let header = entry.header();
            (header.public_key(), header.log_id(), header.seq_num())
        }));
        if items.is_empty() {
            return Ok(Asked::Kept(kept.summary()));
        }
        let mut failure = None;
        for connection in self.connections(peer)? {
            let told = self.told(&connection, false, items.clone()).await;
            let filled = match told {
                Ok(talk) => self.fill(connection.peer(), kept.claim(), talk).await,
                Err(error) => Err(error),
            };
            match filled {
                Ok(Filled::Nothing) => {}
                Ok(Filled::Part(part)) => return self.keep_told(*part, kept.teller).await,
                Ok(Filled::Forked(proof)) => return self.forked(vec![*proof]).await,
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(Asked::Nothing), Err)
    }

    /// Asks for all of the document that something is a part of. Its entries go through the door of
    /// peers, and what comes of them is an ordinary document. None when no peer has it.
    pub(in crate::sync) async fn complete(
        &self,
        subject: PartSubject,
        peer: Option<PeerId>,
    ) -> Result<Option<Completed>, AskError> {
        let _place = self.places.acquire().await;
        let mut failure = None;
        for connection in self.connections(peer)? {
            let failed = |reason: &str| {
                let (peer, reason) = (connection.peer(), String::from(reason));
                Some(AskError::Ended { peer, reason })
            };
            match self.told(&connection, false, vec![whole_item(&subject)]).await {
                Ok(Talk { told, completed, .. }) => match told.as_slice() {
                    [Told::Whole] => {
                        let read = self.core.read(move |it| pandan_sync::is_whole(it, &subject));
                        if read.await? {
                            return Ok(Some(completed));
                        }
                        failure = failed("what it told is not all of it");
                    }
                    [Told::TooMuch] => failure = failed("it is written in too many logs"),
                    _ => {}
                },
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// Whom to ask.
    fn connections(&self, peer: Option<PeerId>) -> Result<Vec<Connection>, AskError> {
        let connections = match peer {
            Some(peer) => self.network.connection(&peer).into_iter().collect(),
            None => self.network.connections(),
        };
        if connections.is_empty() { Err(AskError::NotConnected) } else { Ok(connections) }
    }

    /// Asks a peer, and counts what it does wrong against it.
    async fn told(
        &self,
        connection: &Connection,
        payloads_optional: bool,
        items: Vec<AskItem>,
    ) -> Result<Talk, AskError> {
        let peer = connection.peer();
        let ask = Ask { payloads_optional, items };
        let talk = talk(&self.core, connection, &self.protocol, ask).await?;
        self.board.moved(&peer, VERSION, &talk.moved());
        if talk.points > 0 {
            self.blame(peer, talk.points).await;
        }
        match &talk.end {
            End::Complete => Ok(talk),
            End::Refused(refusal) => Err(AskError::Ended { peer, reason: refusal.text.clone() }),
            End::Failed(fault) => Err(AskError::Ended { peer, reason: fault.to_string() }),
            _ => Err(AskError::Internal),
        }
    }

    async fn blame(&self, peer: PeerId, points: u32) {
        self.inputs.send(Input::Misbehaved(to_own(&peer), points)).await;
    }

    async fn examine(
        &self,
        peer: PeerId,
        ask: PartAsk,
        payloads: Payloads,
        talk: Talk,
    ) -> Result<Examined, AskError> {
        let told = talk.told.into_iter().next().ok_or(AskError::Internal)?;
        let examined = self.core.examine(move || examine_told(ask, payloads, told)).await;
        self.blamed(peer, examined.ok_or(AskError::Internal)?).await
    }

    async fn blamed<T>(
        &self,
        peer: PeerId,
        result: Result<T, pandan_admission::PartError>,
    ) -> Result<T, AskError> {
        match result {
            Ok(examined) => Ok(examined),
            Err(source) => {
                tracing::info!(%peer, error = %source, "what a peer told does not verify");
                self.blame(peer, UNVERIFIED_POINTS).await;
                Err(AskError::Unverified { peer, source })
            }
        }
    }

    /// Puts payloads that were told into a part.
    async fn fill(&self, peer: PeerId, claim: PartClaim, talk: Talk) -> Result<Filled, AskError> {
        let filled = self.core.examine(move || fill(claim, talk.told)).await;
        self.blamed(peer, filled.ok_or(AskError::Internal)?).await
    }

    async fn keep(&self, peer: PeerId, part: Part) -> Result<Asked, AskError> {
        for proof in part.proofs() {
            self.core.keep(*proof).await?;
        }
        let unix_seconds = unix_seconds();
        let teller = Teller { peer: *peer.public_key().as_bytes(), unix_seconds };
        self.keep_told(part, teller).await
    }

    async fn keep_told(&self, part: Part, teller: Teller) -> Result<Asked, AskError> {
        let (store, subject) = (Arc::clone(&self.core.store), part.subject());
        let keeping = tokio::task::spawn_blocking(move || store.keep_part(&part, teller)).await;
        match keeping.map_err(|_| AskError::Internal)?? {
            Keeping::Kept => Ok(Asked::Kept(self.summary(subject).await?)),
            Keeping::Stored => {
                let key = PublicKey::from_bytes(&teller.peer).map_err(|_| AskError::Internal)?;
                Ok(Asked::Stored { peer: PeerId::from(key) })
            }
            Keeping::Forked(proofs) => self.forked(proofs).await,
            Keeping::Void(proof) => Ok(Asked::Forked(vec![*proof])),
            Keeping::Full { max } => Err(AskError::Full { max }),
        }
    }

    async fn summary(&self, subject: PartSubject) -> Result<PartSummary, AskError> {
        let kept = self.core.read(move |snapshot| snapshot.part(&subject)).await?;
        Ok(kept.ok_or(AskError::NoPart)?.summary())
    }

    /// Keeps the proofs of forks.
    async fn forked(&self, proofs: Vec<ForkProof>) -> Result<Asked, AskError> {
        for proof in &proofs {
            self.core.keep(*proof).await?;
        }
        Ok(Asked::Forked(proofs))
    }
}

/// What came of asking for payloads.
enum Filled {
    Nothing,
    Part(Box<Part>),
    Forked(Box<ForkProof>),
}

/// Entries with payloads go to those that are there without.
fn fill(mut claim: PartClaim, told: Vec<Told>) -> Result<Filled, pandan_admission::PartError> {
    let mut is_filled = false;
    for told in told {
        let Told::Part { entries, .. } = told else { continue };
        for received in entries {
            if let Some(proof) = claim.fork_with(&received.entry)? {
                return Ok(Filled::Forked(Box::new(proof)));
            }
            if let Some(payload) = received.payload {
                is_filled |= claim.fill(&received.entry, payload);
            }
        }
    }
    if !is_filled {
        return Ok(Filled::Nothing);
    }
    Ok(Filled::Part(Box::new(Part::verify(claim, Payloads::MayLack)?)))
}

/// Asks for the payloads of entries, as many as an ask has room for.
fn payload_items(places: impl Iterator<Item = (PublicKey, LogId, SeqNum)>) -> Vec<AskItem> {
    let mut logs: BTreeMap<(PublicKey, LogId), Vec<SeqNum>> = BTreeMap::new();
    for (author, log_id, seq_num) in places {
        logs.entry((author, log_id)).or_default().push(seq_num);
    }
    let items = logs.into_iter().flat_map(|((author, log_id), places)| {
        let log = log_name(&author, log_id);
        let chunks: Vec<_> = places.chunks(MAX_ASK_PLACES).map(<[_]>::to_vec).collect();
        chunks.into_iter().map(move |places| AskItem::Payloads { log, places })
    });
    items.take(MAX_ASK_ITEMS).collect()
}
