//! Nodes that find each other and end with the same.

use pandan_node::Phase;
use pandan_operations::{DocumentViewId, RawValue, SchemaId, SystemSchema};
use serde_json::json;

use crate::support::{Author, World, str};

fn is_live(world: &World, other: &World) -> bool {
    let peer = other.node().peer_id().unwrap();
    let status = world.node().sync_status();
    let session = status.peers.iter().find(|status| status.peer == peer);
    session.and_then(|peer| peer.session).is_some_and(|session| session.phase == Phase::Live)
}

/// Waits until both have the same, and sessions are live.
fn converge(one: &World, other: &World) {
    one.wait_until("both are live with the same", |_| {
        is_live(one, other) && is_live(other, one) && one.heads() == other.heads()
    });
}

#[test]
fn a_node_catches_up_with_another() {
    let (ours, theirs) = (World::replicating(), World::replicating());
    let ada = Author::new(1);
    let band = ada.define(&theirs, "band", &[("founded", "int"), ("name", "str")]);
    for year in 0..500 {
        ada.create(&theirs, &band, &[("founded", RawValue::Int(year)), ("name", str("Can"))]);
    }
    ours.keep(&theirs);
    converge(&ours, &theirs);
    let query = format!("{{ all_{band} {{ totalCount }} }}");
    assert_eq!(ours.data(&query)[format!("all_{band}")]["totalCount"], json!(500));
    let status = ours.node().sync_status();
    assert_eq!((status.totals.received, status.totals.refused), (503, 0), "{status:#?}");
}

#[test]
fn news_go_both_ways_and_agreement_is_noticed() {
    let (ours, theirs) = (World::replicating(), World::replicating());
    let (ada, bob) = (Author::new(1), Author::new(2));
    theirs.keep(&ours);
    converge(&ours, &theirs);
    let band = ada.define(&ours, "band", &[("name", "str")]);
    converge(&ours, &theirs);
    let id = bob.create(&theirs, &band, &[("name", str("Can"))]);
    converge(&ours, &theirs);
    let view = ada.update(&ours, &band, &DocumentViewId::from(id), &[("name", str("Neu!"))]);
    converge(&ours, &theirs);
    let query = format!("{{ {band}(id: \"{id}\") {{ meta {{ viewId }} fields {{ name }} }} }}");
    let document = json!({ "meta": { "viewId": view.to_string() }, "fields": { "name": "Neu!" } });
    for world in [&ours, &theirs] {
        assert_eq!(world.data(&query)[band.to_string()], document);
    }
    assert!(ours.node().sync_status().peers[0].agreed.is_some());
}

#[test]
fn a_chain_of_nodes_passes_everything_on() {
    let worlds: Vec<_> = (0..4).map(|_| World::replicating()).collect();
    let ada = Author::new(1);
    let band = ada.define(&worlds[0], "band", &[("name", "str")]);
    for pair in worlds.windows(2) {
        pair[0].keep(&pair[1]);
    }
    for name in ["Can", "Neu!", "Faust"] {
        ada.create(&worlds[0], &band, &[("name", str(name))]);
    }
    converge(&worlds[2], &worlds[3]);
    worlds[3].wait_until("the last has it", |_| worlds[3].heads() == worlds[0].heads());
    ada.create(&worlds[3], &band, &[("name", str("Cluster"))]);
    worlds[0].wait_until("the first has it", |_| worlds[3].heads() == worlds[0].heads());
}

#[test]
fn nodes_that_were_apart_find_each_other_again() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let ours = World::replicating_in(folders[0].path());
    let mut theirs = World::replicating_in(folders[1].path());
    let ada = Author::new(1);
    ours.keep(&theirs);
    let band = ada.define(&ours, "band", &[("name", "str")]);
    converge(&ours, &theirs);
    let name = theirs.node().peer_id();
    theirs.stop();
    let id = ada.create(&ours, &band, &[("name", str("Can"))]);
    let theirs = World::replicating_in(folders[1].path());
    assert_eq!(theirs.node().peer_id(), name, "the key of a node stays");
    ada.update(&ours, &band, &DocumentViewId::from(id), &[("name", str("Neu!"))]);
    theirs.keep(&ours);
    converge(&ours, &theirs);
}

#[test]
fn peers_and_counts_are_told_to_those_who_run_the_node_only() {
    let (ours, theirs) = (World::replicating(), World::replicating());
    let ada = Author::new(1);
    ada.define(&theirs, "band", &[("name", "str")]);
    ours.keep(&theirs);
    converge(&ours, &theirs);
    let answer = ours.get("/peers", &[("origin", "https://example.org")]);
    assert_eq!(answer.header("access-control-allow-origin"), None, "addresses are not for pages");
    let status = answer.json();
    let peer = &status["peers"][0];
    assert_eq!(peer["peer"], json!(theirs.node().peer_id().unwrap().to_string()));
    assert_eq!((&peer["connected"], &peer["session"]["phase"]), (&json!(true), &json!("live")));
    assert_eq!(status["totals"]["received"], json!(2));

    let answer = ours.get("/metrics", &[("origin", "https://example.org")]);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for line in ["pandan_entries 2", "pandan_peers_connected 1", "pandan_waiting_entries 0"] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    let id = theirs.node().peer_id().unwrap();
    let received = format!("pandan_sync_entries_received_total{{peer=\"{id}\",protocol=\"2\"}} 2");
    assert!(text.contains(&received), "{received} in {text}");

    let alone = World::in_memory();
    let status = json!({ "replicates": false, "peers": [], "totals": status["totals"] });
    assert_eq!(alone.get("/peers", &[]).json()["replicates"], status["replicates"]);
    assert!(!alone.get("/metrics", &[]).text().contains("pandan_sync_"));
}

fn forks(world: &World) -> serde_json::Value {
    let query = "{ forks { totalCount forks { publicKey logId seqNum } } }";
    world.data(query)["forks"].clone()
}

/// Waits until both know the fork of a log from this place on.
fn agree_on_fork(ours: &World, theirs: &World, seq_num: &str) {
    ours.wait_until("both know the fork", |_| {
        let [one, other] = [ours, theirs].map(forks);
        one == other && one["totalCount"] == 1 && one["forks"][0]["seqNum"] == seq_num
    });
}

#[test]
fn a_fork_is_found_between_nodes_that_hold_one_side_each() {
    let (ours, theirs) = (World::replicating(), World::replicating());
    let ada = Author::new(1);
    let schema = SchemaId::from(SystemSchema::SchemaFieldDefinition);
    let field = |name| [("name", str(name)), ("type", str("int"))];
    let ids = [&ours, &theirs].map(|world| ada.create(world, &schema, &field("first")));
    assert_eq!(ids[0], ids[1], "one entry, published twice");
    let view = DocumentViewId::from(ids[0]);
    ada.update(&ours, &schema, &view, &[("name", str("here"))]);
    ada.update(&theirs, &schema, &view, &[("name", str("there"))]);
    ours.keep(&theirs);
    agree_on_fork(&ours, &theirs, "2");
    let query = format!("{{ doc: {schema}(id: \"{}\") {{ fields {{ name }} }} }}", ids[0]);
    for world in [&ours, &theirs] {
        assert_eq!(world.data(&query)["doc"]["fields"]["name"], json!("first"), "both are void");
    }
}

#[test]
fn a_fork_at_the_first_entry_is_told_to_who_holds_one_side() {
    let (ours, theirs, witness) =
        (World::replicating(), World::replicating(), World::replicating());
    let ada = Author::new(1);
    let schema = SchemaId::from(SystemSchema::SchemaFieldDefinition);
    for (world, name) in [(&ours, "here"), (&theirs, "there")] {
        ada.create(world, &schema, &[("name", str(name)), ("type", str("int"))]);
    }
    ours.keep(&theirs);
    agree_on_fork(&ours, &theirs, "1");
    // Here one side is stored, and there is no head of the log to compare with.
    ada.create(&witness, &schema, &[("name", str("here")), ("type", str("int"))]);
    witness.keep(&ours);
    agree_on_fork(&ours, &witness, "1");
}
