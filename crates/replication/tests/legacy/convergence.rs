//! Two of our links end with the same logs, however the bytes are cut.

use pandan_operations::{DocumentId, SystemSchema};
use pandan_replication::legacy::Outcome;
use proptest::prelude::*;

use crate::pair::Pair;
use crate::store::{Author, Store, schema};

/// What somebody does on one of the two sides.
#[derive(Clone, Debug)]
struct Act {
    side: bool,
    author: u8,
    schema: u8,
    /// Which document to change; a new one if there is none.
    document: usize,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (any::<bool>(), 0..3_u8, 0..2_u8, 0..12_usize);
    let act =
        act.prop_map(|(side, author, schema, document)| Act { side, author, schema, document });
    prop::collection::vec(act, 0..40)
}

impl Act {
    fn apply(&self, pair: &mut Pair) {
        // One key on two devices would fork its logs.
        let author = Author::new(1 + self.author + if self.side { 10 } else { 0 });
        let node = if self.side { &mut pair.one } else { &mut pair.two };
        let documents: Vec<DocumentId> =
            node.store.items.iter().map(|item| item.document).collect();
        let schema = match documents.get(self.document) {
            Some(document) => author.update(&mut node.store, *document, "changed").schema,
            None => {
                let schema = schema(self.schema);
                author.create(&mut node.store, &schema, "new");
                schema
            }
        };
        node.changed(&schema, pair.now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_end_with_the_same_logs(
        before in acts(),
        meanwhile in acts(),
        sizes in prop::collection::vec(1..2000_usize, 1..20),
    ) {
        let mut pair = Pair::new(Store::default(), Store::default(), &[schema(0), schema(1)]);
        for act in &before {
            act.apply(&mut pair);
        }
        let mut sizes = sizes.into_iter().cycle();
        let mut chunks = || sizes.next().expect("it goes round");
        for act in &meanwhile {
            act.apply(&mut pair);
            pair.run(700, &mut chunks);
        }
        pair.run(10_000, &mut chunks);
        prop_assert_eq!(pair.one.store.ids(), pair.two.store.ids());
        prop_assert!(pair.one.faults.is_empty() && pair.two.faults.is_empty());
        let mut outcomes = pair.one.finished.iter().chain(&pair.two.finished);
        prop_assert!(outcomes.all(|finished| finished.outcome == Outcome::Complete));
    }
}

#[test]
fn large_differences_go_through_in_pages() {
    let mut store = Store::default();
    let author = Author::new(1);
    for _ in 0..300 {
        let document = author.create(&mut store, &schema(0), "new");
        author.update(&mut store, document, "changed");
    }
    let mut pair = Pair::new(store, Store::default(), &[schema(0)]);
    pair.run(1_000, &mut || 10_000);
    assert_eq!(pair.two.store.ids(), pair.one.store.ids());
    let sent: u64 = pair.one.finished.iter().map(|finished| finished.counts.sent).sum();
    assert_eq!(sent, 600);
}

#[test]
fn blobs_go_only_with_what_relates_to_them() {
    let mut store = Store::default();
    let author = Author::new(1);
    author.create(&mut store, &schema(0), "relates to a blob");
    let (blob, piece) = (SystemSchema::Blob.into(), SystemSchema::BlobPiece.into());
    let related = author.create(&mut store, &blob, "related");
    let piece_of_it = author.create(&mut store, &piece, "its piece");
    author.create(&mut store, &blob, "nobody's");
    store.related = [related, piece_of_it].into();
    let schemas = [schema(0), blob, piece];
    let mut pair = Pair::new(store, Store::default(), &schemas);
    pair.run(1_000, &mut || 1_000);
    let got: Vec<_> = pair.two.store.items.iter().map(|item| item.document).collect();
    assert_eq!(got.len(), 3);
    assert!(got.contains(&related) && got.contains(&piece_of_it));
}

#[test]
fn sessions_about_blobs_alone_move_nothing() {
    let mut store = Store::default();
    let blob = SystemSchema::Blob.into();
    let document = Author::new(1).create(&mut store, &blob, "a blob");
    store.related = [document].into();
    let mut pair = Pair::new(store, Store::default(), &[blob]);
    pair.run(1_000, &mut || 1_000);
    assert!(pair.one.queries.is_empty());
    assert_eq!(pair.two.finished.len(), 1);
    assert!(pair.two.store.items.is_empty());
}
