//! Whole documents, with those that define their schemas.

use pandan_bamboo::SeqNum;
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, FieldName, OperationId, SchemaId};
use pandan_replication::limits::{BATCH_BYTES, MAX_ENTRIES, MAX_PENDING_WANTS};
use pandan_replication::{AskAnswer, Cursor, PartContent};
use pandan_schema::Value;
use pandan_store::StoreError;
use pandan_store::heads::{Arrival, Budget, WantedLog, Wants};
use pandan_store::query::Selection;

use super::Asked;
use crate::answers::received;

/// The field of a schema definition that lists its fields.
const FIELDS: &str = "fields";

impl Asked<'_> {
    /// Some of the entries of a document and of those that define its schema, in the order in which
    /// they were stored.
    pub(super) fn whole(
        &self,
        id: DocumentId,
        after: Option<Cursor>,
    ) -> Result<AskAnswer, StoreError> {
        let Some(schema) = self.schema_of(id)? else { return Ok(AskAnswer::default()) };
        let mut ids = self.definitions(&schema)?;
        ids.push(id);
        let ids: Vec<OperationId> = ids.into_iter().map(OperationId::from).collect();
        let logs = self.snapshot.document_logs(&ids, None, MAX_PENDING_WANTS)?;
        if logs.len() == MAX_PENDING_WANTS {
            return Ok(AskAnswer { contents: super::too_much(), next: None });
        }
        let logs = logs.into_iter().filter_map(|(_, place)| {
            let author = PublicKey::from_bytes(&place.author).ok()?;
            Some(WantedLog { author, log_id: place.log_id, from: SeqNum::FIRST })
        });
        let wants = Wants { logs: logs.collect(), ranges: Vec::new() };
        let after = after.map(|Cursor(number)| Arrival::from_number(number)).unwrap_or_default();
        let budget = Budget { entries: MAX_ENTRIES, bytes: BATCH_BYTES };
        let found = self.snapshot.wanted_entries(&wants, after, budget)?;
        let proofs = found.proofs.into_iter().map(|proof| PartContent::Proof(Box::new(proof)));
        let mut contents: Vec<_> = proofs.collect();
        let entries = found.entries.into_iter().filter(|stored| stored.operation.is_some());
        let entries: Vec<_> = entries.map(received).collect();
        if !entries.is_empty() {
            contents.push(PartContent::Entries(entries));
        }
        Ok(AskAnswer { contents, next: found.next.map(|arrival| Cursor(arrival.number())) })
    }

    /// The schema of a document that is handed out.
    pub(super) fn schema_of(&self, id: DocumentId) -> Result<Option<SchemaId>, StoreError> {
        let nothing = Selection::Only(Vec::new());
        let record = self.snapshot.documents(&[id], &nothing)?.into_iter().flatten().next();
        Ok(record.map(|record| record.schema).filter(|schema| self.serving.covers(schema)))
    }

    /// The documents that define a schema, as far as they are known; none for system schemas.
    fn definitions(&self, schema: &SchemaId) -> Result<Vec<DocumentId>, StoreError> {
        let Some(view) = schema.view_id() else { return Ok(Vec::new()) };
        let definition = self.snapshot.views(std::slice::from_ref(view))?;
        let Some(definition) = definition.into_iter().flatten().next() else {
            return Ok(Vec::new());
        };
        let mut ids = vec![definition.id];
        let is_list = |(name, _): &&(FieldName, Value)| name.as_str() == FIELDS;
        let fields = definition.fields.iter().flatten().find(is_list);
        if let Some((_, Value::PinnedRelationList(views))) = fields {
            let views: &[DocumentViewId] = views;
            ids.extend(self.snapshot.views(views)?.into_iter().flatten().map(|field| field.id));
        }
        Ok(ids)
    }
}
