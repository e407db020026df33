//! Nodes and peers that speak version 1 of the replication protocol only.

use pandan_node::network::{Config, Event, Network, Protocol};
use pandan_operations::{DocumentId, DocumentViewId, SchemaId, SystemSchema};
use pandan_replication::Message;
use serde_json::json;

use crate::peer::Peer;
use crate::support::{Author, World, pin, relation, str};

/// Whoever speaks version 1 has stores of its own; this one takes what clients publish.
fn source() -> (World, Peer) {
    let peer = Peer::new(9);
    (World::with_store(peer.store()), peer)
}

/// Waits until both have the same.
fn converge(ours: &World, peer: &Peer) {
    ours.wait_until("both have the same", |_| ours.heads() == peer.heads());
}

#[test]
fn a_node_and_a_peer_of_version_1_end_with_the_same() {
    let (ours, (theirs, peer)) = (World::replicating(), source());
    let (ada, bob, eve) = (Author::new(1), Author::new(2), Author::new(3));
    let band = ada.define(&theirs, "band", &[("name", "str")]);
    let [can, neu, faust] =
        ["Can", "Neu", "Faust"].map(|name| ada.create(&theirs, &band, &[("name", str(name))]));
    let view = bob.update(&theirs, &band, &DocumentViewId::from(neu), &[("name", str("Neu!"))]);
    ada.update(&theirs, &band, &view, &[("name", str("Neu! 75"))]);
    ada.delete(&theirs, &band, &DocumentViewId::from(faust));
    let song = eve.define(&ours, "song", &[("title", "str")]);
    eve.create(&ours, &song, &[("title", str("Hallogallo"))]);
    peer.dial(&ours);
    converge(&ours, &peer);

    let query =
        format!("{{ all_{band} {{ documents {{ meta {{ documentId }} fields {{ name }} }} }} }}");
    let mut documents = ours.data(&query)[format!("all_{band}")]["documents"].clone();
    let documents = documents.as_array_mut().unwrap();
    documents.sort_by_key(|document| document["fields"]["name"].to_string());
    let document = |id: DocumentId, name: &str| json!({ "meta": { "documentId": id.to_string() }, "fields": { "name": name } });
    assert_eq!(documents[..], [document(can, "Can"), document(neu, "Neu! 75")]);
    ours.wait_until("they have agreed", |status| status.peers[0].agreed.is_some());
    let status = ours.node().sync_status();
    assert_eq!((status.peers[0].version, status.totals.refused), (1, 0), "{status:#?}");
    assert!(status.totals.received >= 8 && status.totals.bytes_out > 0, "{status:#?}");
    assert!(peer.faults().is_empty(), "{:?}", peer.faults());
    let shown = ours.get("/peers", &[]).json();
    assert_eq!(
        (&shown["peers"][0]["version"], &shown["peers"][0]["session"]),
        (&json!(1), &json!(null))
    );
    let text = ours.get("/metrics", &[]).text();
    assert!(text.lines().any(|line| line == "pandan_peers_legacy 1"), "{text}");
}

#[test]
fn news_reach_a_peer_of_version_1_and_come_from_it() {
    let (ours, (theirs, peer)) = (World::replicating(), source());
    let (ada, bob) = (Author::new(1), Author::new(2));
    let band = ada.define(&theirs, "band", &[("name", "str")]);
    // Also when the node dials.
    peer.listen_for(&ours);
    converge(&ours, &peer);
    let can = ada.create(&theirs, &band, &[("name", str("Can"))]);
    converge(&ours, &peer);
    bob.update(&ours, &band, &DocumentViewId::from(can), &[("name", str("CAN"))]);
    converge(&ours, &peer);
    let song = bob.define(&ours, "song", &[("title", "str")]);
    bob.create(&ours, &song, &[("title", str("Vitamin C"))]);
    converge(&ours, &peer);
    assert!(peer.faults().is_empty(), "{:?}", peer.faults());
}

#[test]
fn blobs_go_with_documents_that_relate_to_them() {
    let (ours, (theirs, peer)) = (World::replicating(), source());
    let (ada, bob) = (Author::new(1), Author::new(2));
    let kinds = [("cover", "relation(blob_v1)"), ("print", "pinned_relation(blob_v1)")];
    let album = ada.define(&theirs, "album", &kinds);
    let create = |author: &Author, world: &World, name: &str| {
        let blob = |part| author.blob(world, "text/plain", format!("{name} {part}").as_bytes(), 4);
        let (cover, print) = (blob("cover"), blob("print"));
        let print = pin(&DocumentViewId::from(print));
        author.create(world, &album, &[("cover", relation(&cover)), ("print", print)]);
        cover
    };
    let cover = create(&ada, &theirs, "first");
    let alone = ada.blob(&theirs, "text/plain", b"nobody relates to it", 10);
    peer.dial(&ours);
    let is_there = |world: &World, blob: DocumentId| world.get(&format!("/blobs/{blob}"), &[]);
    ours.wait_until("the blob is there", |_| is_there(&ours, cover).status == 200);
    assert_eq!(is_there(&ours, cover).text(), "first cover");
    let other = create(&bob, &ours, "second");
    ours.wait_until("the other blob is there", |_| is_there(&theirs, other).status == 200);
    ours.wait_until("both agree", |status| status.peers[0].agreed.is_some());
    assert_eq!(is_there(&ours, alone).status, 404, "nothing relates to it");
}

#[test]
fn a_branch_that_does_not_fit_stops_nothing_else() {
    let (ours, (theirs, peer)) = (World::replicating(), source());
    let (ada, bob) = (Author::new(1), Author::new(2));
    let schema = SchemaId::from(SystemSchema::SchemaFieldDefinition);
    let field = |name| [("name", str(name)), ("type", str("int"))];
    let ids = [&ours, &theirs].map(|world| ada.create(world, &schema, &field("first")));
    let view = DocumentViewId::from(ids[0]);
    ada.update(&ours, &schema, &view, &[("name", str("here"))]);
    let view = ada.update(&theirs, &schema, &view, &[("name", str("there"))]);
    ada.update(&theirs, &schema, &view, &[("name", str("further"))]);
    let band = bob.define(&theirs, "band", &[("name", "str")]);
    let can = bob.create(&theirs, &band, &[("name", str("Can"))]);
    ada.define(&ours, "song", &[("title", "str")]);
    peer.dial(&ours);
    let has = |heads: &[pandan_store::heads::Head], author: &Author| {
        heads.iter().filter(|head| head.author == author.key_pair.public_key()).count()
    };
    ours.wait_until("all but the fork has come", |_| {
        // Two of the definition and the document.
        has(&ours.heads(), &bob) == 3 && has(&peer.heads(), &ada) == 3
    });
    let query = format!("{{ {band}(id: \"{can}\") {{ fields {{ name }} }} }}");
    ours.wait_until("it is materialised", |_| ours.ask(&query, json!({})).get("errors").is_none());
    assert_eq!(ours.data(&query)[band.to_string()]["fields"]["name"], "Can");
    ours.wait_until("they agree on all else", |status| status.peers[0].agreed.is_some());
    let refused = ours.node().sync_status().totals.refused;
    assert_eq!(refused, 1, "the third entry of the branch, which comes once");
    assert!(peer.faults().is_empty(), "{:?}", peer.faults());
}

#[test]
fn nodes_of_pandan_speak_version_2_with_each_other() {
    let (ours, theirs) = (World::replicating(), World::replicating());
    ours.keep(&theirs);
    for world in [&ours, &theirs] {
        world.wait_until("both are connected", |status| !status.peers.is_empty());
        assert_eq!(world.node().sync_status().peers[0].version, 2);
        let text = world.get("/metrics", &[]).text();
        assert!(text.lines().any(|line| line == "pandan_peers_legacy 0"), "{text}");
    }
}

#[test]
fn a_node_that_speaks_version_2_only_lets_others_know() {
    let (ours, (_, peer)) = (World::replicating_with(|it| it.legacy = false), source());
    let refused = peer.send(&ours, b"").unwrap_err();
    assert_eq!(refused, "no agreement on the protocol");
}

#[test]
fn who_has_not_greeted_and_speaks_version_2_is_served() {
    let ours = World::replicating();
    let mut config = Config::new("127.0.0.1:0".parse().unwrap());
    config.greets = false;
    config.protocols = vec![Protocol::frames(Protocol::PANDAN, 1 << 20).unwrap()];
    let first = ours.runtime.block_on(async {
        let mut network = Network::bind(config, &Author::new(7).key_pair).unwrap();
        let address = network.handle().local_address().unwrap();
        ours.node().keep_peer(address, None).await;
        let connection = loop {
            if let Event::PeerConnected(connection) = network.next_event().await {
                break connection;
            }
        };
        let mut stream = connection.accept().await.unwrap();
        stream.receiver.receive().await.unwrap().unwrap()
    });
    assert!(Message::is_announcement(&first));
}

#[test]
fn who_sends_what_is_no_message_is_kept_out() {
    let (ours, (_, peer)) = (World::replicating(), source());
    // Four times 25 points.
    for _ in 0..4 {
        peer.send(&ours, b"\xff").unwrap();
    }
    let refused = peer.send(&ours, b"\xff");
    assert!(refused.is_err(), "it is not let in any more");
}
