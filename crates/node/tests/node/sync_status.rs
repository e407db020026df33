//! What a node tells of how it replicates: by peer and schema, and of forks.

use pandan_node::{PeerStatus, Phase};
use pandan_operations::{DocumentViewId, SchemaId, SystemSchema};
use serde_json::{Value, json};

use crate::support::{Author, World, str};

/// The status of the one peer of a node, once both have the same of so many logs.
fn settled(world: &World, logs: usize) -> PeerStatus {
    world.wait_until("both have the same", |status| {
        let session = status.peers.first().and_then(|peer| peer.session);
        session.is_some_and(|session| session.phase == Phase::Live) && world.heads().len() == logs
    });
    world.node().sync_status().peers.remove(0)
}

#[test]
fn what_came_and_went_is_told_by_peer_and_schema() {
    let (ours, theirs) = (World::replicating(), World::replicating());
    let ada = Author::new(1);
    let band = ada.define(&theirs, "band", &[("name", "str")]);
    for name in ["Can", "Neu!", "Faust"] {
        ada.create(&theirs, &band, &[("name", str(name))]);
    }
    ours.keep(&theirs);
    settled(&ours, 5);
    ours.wait_until("all is counted", |status| {
        let peer = status.peers.first();
        peer.and_then(|peer| peer.schemas.get(&band)).is_some_and(|it| it.received >= 3)
    });
    let came = settled(&ours, 5).schemas;
    let went = settled(&theirs, 5).schemas;
    let [definition, field] =
        [SystemSchema::SchemaDefinition, SystemSchema::SchemaFieldDefinition].map(SchemaId::from);
    for (schema, count) in [(&band, 3), (&definition, 1), (&field, 1)] {
        let (came, went) = (came[schema], went[schema]);
        // A session that ends for one with more schemas may have sent what comes again.
        assert!(came.received >= count && went.sent >= count, "{came:?} {went:?}");
        assert_eq!((came.sent, went.received), (0, 0));
        assert!(came.bytes_in > 100 * came.received && went.bytes_out > 100 * went.sent);
        assert_eq!((came.missing, came.percent()), (0, 100));
        assert!(came.agreed.is_some() && went.agreed.is_some());
    }
    let peers = ours.get("/peers", &[]).json();
    let schemas = peers["peers"][0]["schemas"].as_array().unwrap();
    let told = schemas.iter().find(|schema| schema["schema"] == band.to_string()).unwrap();
    assert_eq!(told["missing"], json!(0));
    assert!(told["received"].as_u64().is_some_and(|received| received >= 3), "{told}");
    assert!(told["agreed_unix_seconds"].is_u64());
    assert_eq!(peers["forks"], json!({ "known": 0, "latest": [] }));
}

#[test]
fn forks_are_told_with_the_documents_that_they_change() {
    let (ours, theirs) = (World::replicating(), World::replicating());
    let (ada, schema) = (Author::new(1), SchemaId::from(SystemSchema::SchemaFieldDefinition));
    let field = [("name", str("first")), ("type", str("int"))];
    let ids = [&ours, &theirs].map(|world| ada.create(world, &schema, &field));
    let view = DocumentViewId::from(ids[0]);
    ada.update(&ours, &schema, &view, &[("name", str("here"))]);
    ada.update(&theirs, &schema, &view, &[("name", str("there"))]);
    let mut forks = ours.node().forks();
    ours.keep(&theirs);
    let frozen = ours.runtime.block_on(forks.next()).unwrap().unwrap();
    assert_eq!(frozen.document, Some(ids[0]));
    assert_eq!(frozen.proof.public_key(), ada.key_pair.public_key());
    ours.wait_until("the fork is in the status", |status| {
        status.forks.known == 1 && !status.forks.latest.is_empty()
    });
    let latest = ours.node().sync_status().forks.latest[0];
    assert_eq!(latest.document, Some(ids[0]));
    assert_eq!((latest.author, latest.seq_num.number()), (ada.key_pair.public_key(), 2));

    let told = &ours.get("/peers", &[]).json()["forks"];
    assert_eq!(told["known"], 1);
    let document: Value = json!(ids[0].to_string());
    assert_eq!(
        (&told["latest"][0]["document"], &told["latest"][0]["seq_num"]),
        (&document, &json!("2"))
    );
    let forks = ours.data("{ forks { forks { documents } } }")["forks"]["forks"].clone();
    assert_eq!(forks, json!([{ "documents": [document] }]));
}

#[test]
fn forks_of_before_are_counted_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, ada) = (World::replicating_in(folder.path()), Author::new(1));
    let schema = SchemaId::from(SystemSchema::SchemaFieldDefinition);
    let theirs = World::replicating();
    let field = [("name", str("first")), ("type", str("int"))];
    let ids = [&ours, &theirs].map(|world| ada.create(world, &schema, &field));
    for (world, name) in [(&ours, "here"), (&theirs, "there")] {
        ada.update(world, &schema, &ids[0].into(), &[("name", str(name))]);
    }
    ours.keep(&theirs);
    ours.wait_until("the fork is known", |status| status.forks.known == 1);
    ours.stop();
    let ours = World::replicating_in(folder.path());
    ours.wait_until("the fork is known", |status| status.forks.known == 1);
    assert!(ours.node().sync_status().forks.latest.is_empty());
}
