//! A walk over all documents of the replicated schemas, to find what they relate to.

use std::collections::BTreeSet;

use pandan_operations::OperationId;
use pandan_store::cursor::Cursor;
use pandan_store::query::{CollectionQuery, Order, Window};
use pandan_store::{Snapshot, StoreError};

use super::Rule;
use super::relations::Relations;
use crate::limits::DOCUMENTS_WALKED;

/// Where a walk stands. Each step reads a limited number of documents.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    /// Index of the schema.
    schema: usize,
    /// The last document of the schema that was looked at.
    after: Option<Cursor>,
}

impl Walk {
    /// Makes a step. Gives the ids to ask for, and where to go on; none at the end.
    pub(super) fn step(
        mut self,
        snapshot: &dyn Snapshot,
        rule: &Rule,
    ) -> Result<(BTreeSet<OperationId>, Option<Self>), StoreError> {
        let mut relations = Relations::new(snapshot, rule)?;
        while let Some(id) = rule.schemas.get(self.schema) {
            let Some((schema, selection)) = relations.followed(id) else {
                self.schema += 1;
                continue;
            };
            let window = Window { first: DOCUMENTS_WALKED, after: self.after.take(), count: false };
            let (conditions, order) = (Vec::new(), Order::default());
            let query = CollectionQuery { schema, conditions, order, window, selection };
            let page = snapshot.collection(&query)?;
            let mut has_next = page.has_next;
            let mut items = page.items.into_iter();
            while let Some(item) = items.next() {
                relations.add(&item.document);
                self.after = Some(item.cursor);
                if relations.is_full() {
                    has_next |= items.len() > 0;
                    break;
                }
            }
            if !has_next {
                self = Self { schema: self.schema + 1, after: None };
            }
            relations.deepen()?;
            return Ok((relations.into_ids()?, Some(self)));
        }
        Ok((BTreeSet::new(), None))
    }
}
