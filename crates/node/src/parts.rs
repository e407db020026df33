//! What a node holds in part, and how it comes by it.

use std::sync::Arc;

use pandan_admission::{PartAsk, PartSubject};
use pandan_network::PeerId;
use pandan_store::{KeptPart, PartSummary, StoreError};

use crate::Node;
use crate::node::Core;
use crate::sync::{AskError, AskOptions, Asked, Completed, Sync};

impl Node {
    /// Asks peers for a document at its latest view, or for the newest part of a log, and keeps
    /// what verifies beside the logs. It is in no document and no answer of the API but those about
    /// parts, until [`Node::complete`] makes it whole.
    pub async fn ask(&self, ask: PartAsk, options: AskOptions) -> Result<Asked, AskError> {
        self.core.ask(ask, options).await
    }

    /// Asks for the payloads that a part lacks.
    pub async fn fetch_payloads(
        &self,
        subject: PartSubject,
        peer: Option<PeerId>,
    ) -> Result<Asked, AskError> {
        self.core.fetch_payloads(subject, peer).await
    }

    /// Asks for all of a document, or of the one that a log belongs to, with those that define its
    /// schema. What comes is judged like all that peers bring, and then the document is an ordinary
    /// one. None when no peer has it.
    pub async fn complete(
        &self,
        subject: PartSubject,
        peer: Option<PeerId>,
    ) -> Result<Option<Completed>, AskError> {
        self.core.complete(subject, peer).await
    }

    /// What is held in part: documents by id, then logs by author and log id.
    pub async fn parts(&self) -> Result<Vec<PartSummary>, StoreError> {
        self.core.read(|snapshot| snapshot.parts()).await
    }

    /// A part with its entries.
    pub async fn part(&self, subject: PartSubject) -> Result<Option<KeptPart>, StoreError> {
        self.core.read(move |snapshot| snapshot.part(&subject)).await
    }

    /// Lets a part go; tells whether it was there.
    pub async fn forget_part(&self, subject: PartSubject) -> Result<bool, AskError> {
        self.core.forget_part(subject).await
    }
}

impl Core {
    fn replicating(&self) -> Result<Arc<Sync>, AskError> {
        self.sync().ok_or(AskError::Offline)
    }

    pub(crate) async fn ask(&self, ask: PartAsk, options: AskOptions) -> Result<Asked, AskError> {
        self.replicating()?.ask(ask, options).await
    }

    pub(crate) async fn fetch_payloads(
        &self,
        subject: PartSubject,
        peer: Option<PeerId>,
    ) -> Result<Asked, AskError> {
        self.replicating()?.fetch_payloads(subject, peer).await
    }

    pub(crate) async fn complete(
        &self,
        subject: PartSubject,
        peer: Option<PeerId>,
    ) -> Result<Option<Completed>, AskError> {
        self.replicating()?.complete(subject, peer).await
    }

    pub(crate) async fn forget_part(&self, subject: PartSubject) -> Result<bool, AskError> {
        let store = Arc::clone(&self.store);
        let forgetting = tokio::task::spawn_blocking(move || store.forget_part(&subject)).await;
        Ok(forgetting.map_err(|_| AskError::Internal)??)
    }
}
