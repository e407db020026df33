//! Related documents: from whom they come, and how often.
#![allow(clippy::unwrap_used, reason = "a test")]

mod net;

use net::Net;
use pandan_operations::{DocumentId, OperationId, RawValue, SchemaId, SystemSchema};
use pandan_replication::Interest;
use pandan_schema::FieldType;
use pandan_store::Store;
use pandan_store::conformance::{Author, fields, pinned_relation_list, relation, text};
use pandan_sync::Follow;
use pandan_sync::limits::{DOCUMENTS_WALKED, FOLLOW_PATIENCE_MS};

fn blob_schema() -> SchemaId {
    SystemSchema::Blob.into()
}

fn piece_schema() -> SchemaId {
    SystemSchema::BlobPiece.into()
}

/// What is published: by one author, on all of some nodes.
struct Scene {
    net: Net,
    author: Author,
    album: SchemaId,
    /// Who has it from the beginning.
    sources: Vec<usize>,
}

impl Scene {
    /// Node 0 replicates albums and follows blobs, the others replicate everything.
    fn new(sources: usize) -> Self {
        let mut author = Author::new(1);
        let field = FieldType::Relation(blob_schema());
        let definition = author.define("album", &[("cover", field)]);
        let album = definition.schema.clone();
        let mut schemas = vec![
            album.clone(),
            SystemSchema::SchemaDefinition.into(),
            SystemSchema::SchemaFieldDefinition.into(),
        ];
        schemas.sort_unstable();
        let others = (0..sources).map(|_| (Interest::All, Follow::None));
        let first = (Interest::Schemas(schemas), Follow::Blobs);
        let net = Net::new([first].into_iter().chain(others));
        let sources: Vec<_> = (1..=sources).collect();
        let mut scene = Self { net, author, album, sources };
        definition.signed.iter().for_each(|signed| scene.publish(signed));
        scene
    }

    fn publish(&mut self, signed: &pandan_store::conformance::Signed) {
        self.sources.clone().into_iter().for_each(|node| self.net.publish(node, signed));
    }

    /// A blob of one piece, and an album with it.
    fn album(&mut self, number: usize) -> DocumentId {
        let data = RawValue::Bytes(number.to_be_bytes().to_vec());
        let piece = self.author.create(&piece_schema(), fields([("data", data)]));
        let pieces = pinned_relation_list(&[piece.view()]);
        let blob = fields([
            ("length", RawValue::Int(8)),
            ("mime_type", text("text/plain")),
            ("pieces", pieces),
        ]);
        let blob = self.author.create(&blob_schema(), blob);
        let cover = fields([("cover", relation(blob.document()))]);
        let album = self.author.create(&self.album, cover);
        [piece, blob.clone(), album].iter().for_each(|signed| self.publish(signed));
        blob.document()
    }

    /// Whether node 0 has a blob.
    fn has(&self, blob: DocumentId) -> bool {
        let snapshot = self.net.nodes[0].store.snapshot().unwrap();
        snapshot.are_stored(&[OperationId::from(blob)]).unwrap() == [true]
    }

    /// How many entries of blobs and pieces have come to node 0.
    fn received(&self) -> usize {
        let related = [blob_schema(), piece_schema()];
        let received = self.net.nodes[0].received.iter();
        received.filter(|schema| related.contains(schema)).count()
    }
}

#[test]
fn what_all_peers_have_comes_once() {
    let mut scene = Scene::new(3);
    let blobs: Vec<_> = (0..20).map(|number| scene.album(number)).collect();
    scene.net.connect();
    assert!(blobs.iter().all(|blob| scene.has(*blob)));
    assert_eq!(scene.received(), 40, "a blob and a piece of each");
}

#[test]
fn more_documents_than_are_looked_at_together_are_all_followed() {
    for count in [DOCUMENTS_WALKED, DOCUMENTS_WALKED + 1, 2 * DOCUMENTS_WALKED + 1] {
        let mut scene = Scene::new(1);
        let blobs: Vec<_> = (0..count).map(|number| scene.album(number)).collect();
        scene.net.connect();
        assert!(blobs.iter().all(|blob| scene.has(*blob)), "{count}");
        assert_eq!(scene.received(), 2 * count);
    }
}

#[test]
fn news_are_followed_and_who_is_silent_loses_its_turn() {
    let mut scene = Scene::new(2);
    scene.net.connect();
    let first = scene.album(1);
    scene.net.play();
    assert!(scene.has(first));
    // The peer of the first session says nothing any more.
    scene.net.nodes[1].is_mute = true;
    scene.sources = vec![2];
    let second = scene.album(2);
    // Only heads come on one of the two links, and are waited for on the other.
    scene.net.play();
    scene.net.pass(1_000);
    scene.net.pass(FOLLOW_PATIENCE_MS - 1);
    assert!(!scene.has(second));
    scene.net.pass(1);
    assert!(scene.has(second));
}

#[test]
fn blobs_that_come_to_a_peer_later_are_sent_for_then() {
    let mut scene = Scene::new(1);
    scene.net.connect();
    let data = fields([("data", RawValue::Bytes(vec![7; 8]))]);
    let piece = scene.author.create(&piece_schema(), data);
    let blob = fields([
        ("length", RawValue::Int(8)),
        ("mime_type", text("text/plain")),
        ("pieces", pinned_relation_list(&[piece.view()])),
    ]);
    let blob = scene.author.create(&blob_schema(), blob);
    let album = scene.author.create(&scene.album, fields([("cover", relation(blob.document()))]));
    scene.publish(&album);
    scene.net.play();
    assert_eq!(scene.received(), 0);
    scene.publish(&piece);
    scene.publish(&blob);
    scene.net.play();
    assert!(scene.has(blob.document()));
    assert_eq!(scene.received(), 2);
}

/// A relation can name a document of another schema than it says. Whoever passes that on has done
/// nothing wrong, but nobody wants it.
#[test]
fn re17_documents_of_other_schemas_do_not_come_whatever_a_relation_says() {
    let mut scene = Scene::new(1);
    let diary = scene.author.define("diary", &[("entry", FieldType::Str)]);
    diary.signed.iter().for_each(|signed| scene.publish(signed));
    let day = scene.author.create(&diary.schema, fields([("entry", text("Dear diary"))]));
    scene.publish(&day);
    let cover = fields([("cover", relation(day.document()))]);
    let album = scene.author.create(&scene.album, cover);
    scene.publish(&album);
    let blob = scene.album(1);
    scene.net.connect();
    assert!(scene.has(album.document()) && scene.has(blob));
    assert!(!scene.has(day.document()));
    assert_eq!(scene.net.points(0, 1), 0);
    // It keeps nobody from asking for others.
    let blob = scene.album(2);
    scene.net.play();
    assert!(scene.has(blob));
}
