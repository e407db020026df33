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

#[cfg(test)]
mod tests {
    use pandan_admission::Door;
    use pandan_bamboo::Hash;
    use pandan_operations::{DocumentId, SchemaId};
    use pandan_schema::FieldType;
    use pandan_store::conformance::{Author, Signed, fields, relation, relation_list};
    use pandan_store::{MemoryStore, Store};

    use super::*;
    use crate::follow::Follow;
    use crate::limits::{MAX_FOLLOW_DEPTH, MAX_FOLLOWED};

    fn publish(store: &MemoryStore, signed: &[Signed]) {
        let batch = signed.iter().map(|it| (it.candidate(), Door::Peer)).collect();
        store.ingest(batch).expect("memory can be written");
    }

    /// How many ids each step finds.
    fn steps(store: &MemoryStore, schema: &SchemaId, follow: Follow) -> Vec<usize> {
        let rule = Rule { schemas: vec![schema.clone()], follow };
        let snapshot = store.snapshot().expect("memory can be read");
        let (mut found, mut walk) = (Vec::new(), Some(Walk::default()));
        while let Some(place) = walk.take() {
            let (ids, next) = place.step(&*snapshot, &rule).expect("memory can be read");
            found.push(ids.len());
            walk = next;
        }
        assert_eq!(found.pop(), Some(0), "the last step finds that it is the end");
        found
    }

    /// Documents of a schema, each with a list of so many others.
    fn lists(documents: usize, relations: usize) -> Vec<usize> {
        let (store, mut author) = (MemoryStore::new(), Author::new(1));
        let target = author.define("target", &[("body", FieldType::Str)]);
        let list = FieldType::RelationList(target.schema.clone());
        let source = author.define("source", &[("list", list)]);
        publish(&store, &target.signed);
        publish(&store, &source.signed);
        for document in 0..documents {
            let id = |number: usize| {
                let bytes = [document.to_be_bytes(), number.to_be_bytes()].concat();
                DocumentId::from_hash(Hash::of(&bytes))
            };
            let ids: Vec<_> = (0..relations).map(id).collect();
            publish(
                &store,
                &[author.create(&source.schema, fields([("list", relation_list(&ids))]))],
            );
        }
        steps(&store, &source.schema, Follow::All)
    }

    #[test]
    fn so_much_is_found_together_and_the_rest_in_the_next_step() {
        let relations = MAX_FOLLOWED / 8;
        assert_eq!(lists(9, relations), [MAX_FOLLOWED, relations]);
        assert_eq!(lists(9, relations - 1), [9 * (relations - 1)]);
    }

    #[test]
    fn documents_are_looked_at_so_many_at_a_time() {
        assert_eq!(lists(DOCUMENTS_WALKED, 1), [DOCUMENTS_WALKED]);
        assert_eq!(lists(DOCUMENTS_WALKED + 1, 1), [DOCUMENTS_WALKED, 1]);
        assert_eq!(lists(0, 1), [0]);
    }

    /// A chain of documents, each of another schema and related to the one before.
    fn chain(length: usize, follow: Follow) -> Vec<usize> {
        let (store, mut author) = (MemoryStore::new(), Author::new(1));
        let first = author.define("link", &[("body", FieldType::Str)]);
        publish(&store, &first.signed);
        let body = fields([("body", pandan_store::conformance::text("end"))]);
        let mut end = author.create(&first.schema, body);
        let mut schema = first.schema;
        publish(&store, std::slice::from_ref(&end));
        for _ in 0..length {
            let next = author.define("link", &[("next", FieldType::Relation(schema))]);
            publish(&store, &next.signed);
            schema = next.schema;
            end = author.create(&schema, fields([("next", relation(end.document()))]));
            publish(&store, std::slice::from_ref(&end));
        }
        steps(&store, &schema, follow)
    }

    #[test]
    fn relations_are_followed_so_far_at_once() {
        assert_eq!(chain(1, Follow::All), [1]);
        assert_eq!(chain(MAX_FOLLOW_DEPTH, Follow::All), [MAX_FOLLOW_DEPTH]);
        assert_eq!(chain(MAX_FOLLOW_DEPTH + 1, Follow::All), [MAX_FOLLOW_DEPTH]);
        assert_eq!(chain(3, Follow::Blobs), [], "nothing of them is a blob");
    }
}
