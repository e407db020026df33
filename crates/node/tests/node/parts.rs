//! Nodes that hold only a part of what others have.

use std::time::Duration;

use pandan_bamboo::{LogId, NextArgs, SeqNum};
use pandan_network::{Config, Network, Protocol, Stream};
use pandan_node::{AskError, AskOptions, Asked, Interest, MAX_NEWEST, PartAsk, PartSubject};
use pandan_operations::{DocumentId, DocumentViewId, FieldName, Operation, RawValue, SchemaId};
use pandan_replication::limits::MAX_FRAME_LENGTH;
use pandan_replication::{Ask, AskItem, Message, PartContent, PartMessage};
use serde_json::json;

use crate::support::{Author, World, str};

/// A node that replicates nothing on its own.
fn light() -> World {
    World::replicating_with(|replication| replication.interest = Interest::Schemas(Vec::new()))
}

fn connect(one: &World, other: &World) {
    one.keep(other);
    let peer = other.node().peer_id();
    one.wait_until("they are connected", |status| {
        status.peers.iter().any(|it| it.is_connected && Some(it.peer) == peer)
    });
}

/// A band by two people, of which the second has only seen the latest state.
fn band(world: &World) -> (SchemaId, DocumentId, DocumentViewId) {
    let (ada, bob) = (Author::new(1), Author::new(2));
    let schema = ada.define(world, "band", &[("founded", "int"), ("name", "str")]);
    let first = [("founded", RawValue::Int(1968)), ("name", str("Inner Space"))];
    let id = ada.create(world, &schema, &first);
    let mut view = DocumentViewId::from(id);
    for number in 0..30 {
        let name = str(&format!("Inner Space {number}"));
        view = ada.update(world, &schema, &view, &[("name", name)]);
    }
    let view = bob.update(world, &schema, &view, &[("name", str("Can"))]);
    (schema, id, view)
}

fn ask(world: &World, ask: PartAsk, options: AskOptions) -> Result<Asked, AskError> {
    world.runtime.block_on(world.node().ask(ask, options))
}

fn subjects(world: &World) -> Vec<PartSubject> {
    let parts = world.runtime.block_on(world.node().parts()).unwrap();
    parts.iter().map(|part| part.ask.subject()).collect()
}

#[test]
fn a_light_node_asks_for_a_document_and_completes_it() {
    let (light, full) = (light(), World::replicating());
    let (schema, id, view) = band(&full);
    connect(&light, &full);
    let peer = full.node().peer_id().unwrap();
    let asked = ask(&light, PartAsk::Document(id), AskOptions::default()).unwrap();
    let Asked::Kept(part) = asked else { panic!("expected a part, found {asked:?}") };
    assert_eq!(part.teller.peer, *peer.public_key().as_bytes());
    let state = part.state.unwrap();
    assert_eq!(state.view, view);
    let shown: Vec<_> = state.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(shown, ["founded", "name"]);
    assert_eq!((part.asked, part.lacking), (2, 0));
    assert_eq!(subjects(&light), [PartSubject::Document(id)]);
    let query = "query($id: DocumentId) { parts(documentId: $id) {
        documentId publicKey logId viewId deleted entries withoutOperation __typename } }";
    let shown = json!({
        "documentId": id.to_string(), "publicKey": null, "logId": null,
        "viewId": view.to_string(), "deleted": false,
        "entries": part.entries, "withoutOperation": 0, "__typename": "Part",
    });
    assert_eq!(light.data_with(query, json!({}))["parts"], json!([shown]));
    assert_eq!(light.data_with(query, json!({ "id": id.to_string() }))["parts"], json!([shown]));
    let other = DocumentId::from_hash(*view.as_slice()[0].as_hash());
    assert_eq!(light.data_with(query, json!({ "id": other.to_string() }))["parts"], json!([]));
    // It is no document: the schema is not even known.
    assert!(light.heads().is_empty() && light.node().schemas().len() == 4);

    let subject = PartSubject::Document(id);
    let completed = light.runtime.block_on(light.node().complete(subject, Some(peer)));
    let completed = completed.unwrap().unwrap();
    assert_eq!((completed.stored, completed.refused, completed.peer), (3 + 32, 0, peer));
    assert_eq!(subjects(&light), []);
    assert_eq!(light.data("{ parts { entries } }")["parts"], json!([]));
    assert_eq!(light.heads(), full.heads());
    let query = format!("{{ {schema}(id: \"{id}\") {{ meta {{ viewId }} fields {{ name }} }} }}");
    let document = json!({ "meta": { "viewId": view.to_string() }, "fields": { "name": "Can" } });
    assert_eq!(light.data(&query)[schema.to_string()], document);
    // Asked again, all of it is here.
    let asked = ask(&light, PartAsk::Document(id), AskOptions::default()).unwrap();
    assert_eq!(asked, Asked::Stored { peer });
}

#[test]
fn the_newest_part_of_a_log_comes_without_payloads_and_they_later() {
    let (light, full) = (light(), World::replicating());
    let (_, id, _) = band(&full);
    connect(&light, &full);
    let author = Author::new(1).key_pair.public_key();
    let logs = full.runtime.block_on(full.node().read(move |snapshot| snapshot.logs(&author)));
    let log_id = logs.unwrap().iter().find(|log| log.document == id).unwrap().log_id;
    let newest = PartAsk::Newest { author, log_id, count: 4 };
    let asked = ask(&light, newest, AskOptions::default().without_payloads()).unwrap();
    let Asked::Kept(part) = asked else { panic!("expected a part, found {asked:?}") };
    assert_eq!((part.asked, part.lacking, part.latest), (4, 4, SeqNum::new(31)));
    let shown =
        light.data("{ parts { documentId publicKey logId viewId deleted withoutOperation } }");
    let expected = json!([{
        "documentId": null, "publicKey": author.to_string(), "logId": log_id.to_string(),
        "viewId": null, "deleted": null, "withoutOperation": 4,
    }]);
    assert_eq!(shown["parts"], expected);
    let subject = newest.subject();
    let asked = light.runtime.block_on(light.node().fetch_payloads(subject, None)).unwrap();
    let Asked::Kept(part) = asked else { panic!("expected a part, found {asked:?}") };
    assert_eq!((part.asked, part.lacking), (4, 0));
    // Of a log, its document is completed.
    let completed = light.runtime.block_on(light.node().complete(subject, None)).unwrap().unwrap();
    assert_eq!(completed.stored, 3 + 32);
    assert_eq!(subjects(&light), []);
}

/// What asks peers for something cannot be sent by pages from elsewhere, nor can they read it.
#[test]
fn parts_are_for_those_who_run_the_node_only() {
    let (light, full) = (light(), World::replicating());
    let (_, id, view) = band(&full);
    connect(&light, &full);
    let origin = ("origin", "https://example.org");
    let asking = ("access-control-request-method", "POST");
    for path in ["/parts", "/parts/complete", "/parts/forget", "/parts/payloads"] {
        let answer = light.send("OPTIONS", path, &[origin, asking], &[]);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        assert_eq!(answer.header("access-control-allow-headers"), None, "{path}");
        let body = json!({ "document": id.to_string() }).to_string();
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            let headers = [origin, ("content-type", kind)];
            let answer = light.send("POST", path, &headers, body.as_bytes());
            assert_eq!(answer.status, 415, "{path} {kind}");
            let answer = light.send("POST", path, &[origin], body.as_bytes());
            assert_eq!(answer.status, 415, "{path}");
        }
    }
    assert_eq!(subjects(&light), []);
    let send = |path: &str, body: serde_json::Value| {
        let headers = [("content-type", "application/json; charset=utf-8")];
        light.send("POST", path, &headers, body.to_string().as_bytes())
    };
    let document = json!({ "document": id.to_string() });
    let answer = send("/parts", document.clone());
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let answer = answer.json();
    assert_eq!(
        (&answer["outcome"], &answer["part"]["view"]),
        (&json!("kept"), &json!(view.to_string()))
    );
    let answer = light.get("/parts", &[origin]);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.json()["parts"][0]["document"], document["document"]);
    let answer = light.get(&format!("/parts/{id}"), &[]).json();
    assert_eq!(answer["part"]["deleted"], json!(false));
    assert!(answer["entries"].as_array().is_some_and(|entries| entries.len() > 2));

    let author = Author::new(1).public_key();
    for (body, status, code) in [
        (json!([]), 400, "BAD_REQUEST"),
        (json!({}), 400, "BAD_REQUEST"),
        (json!({ "document": "abc" }), 400, "BAD_REQUEST"),
        (json!({ "author": author, "log_id": "0" }), 400, "BAD_REQUEST"),
        (json!({ "author": author, "log_id": "0", "newest": 0 }), 400, "BAD_REQUEST"),
        (json!({ "author": author, "log_id": "0", "newest": 1025 }), 400, "BAD_REQUEST"),
        (json!({ "document": id.to_string(), "peer": "me" }), 400, "BAD_REQUEST"),
        (json!({ "document": id.to_string(), "without_payloads": 1 }), 400, "BAD_REQUEST"),
    ] {
        let answer = send("/parts", body.clone());
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.json()["errors"][0]["extensions"]["code"], json!(code), "{body}");
    }
    let many = json!({ "author": author, "log_id": "0", "newest": MAX_NEWEST + 1 });
    let told = send("/parts", many).json()["errors"][0]["message"].clone();
    assert_eq!(told, json!(format!("\"newest\" has to be a number from 1 to {MAX_NEWEST}")));
    let answer = send("/parts/forget", document.clone());
    assert_eq!(answer.json(), json!({ "forgotten": true }));
    let answer = send("/parts/payloads", document.clone());
    assert_eq!(answer.status, 404);
    let answer = light.get(&format!("/parts/{id}"), &[]);
    assert_eq!(answer.status, 404);
    let answer = send("/parts/complete", document).json();
    assert_eq!(
        (&answer["completed"]["stored"], &answer["held_in_part"]),
        (&json!(35), &json!(false))
    );
}

#[test]
fn parts_are_let_go_and_stay_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let full = World::replicating();
    let (_, id, _) = band(&full);
    let interest = Interest::Schemas(Vec::new());
    let start = || World::replicating_with_in(folder.path(), |it| it.interest = interest.clone());
    let mut light = start();
    connect(&light, &full);
    let asked = ask(&light, PartAsk::Document(id), AskOptions::default()).unwrap();
    assert!(matches!(asked, Asked::Kept(_)), "{asked:?}");
    light.stop();
    let light = start();
    let subject = PartSubject::Document(id);
    assert_eq!(subjects(&light), [subject]);
    assert!(light.runtime.block_on(light.node().forget_part(subject)).unwrap());
    assert!(!light.runtime.block_on(light.node().forget_part(subject)).unwrap());
    assert_eq!(subjects(&light), []);
}

#[test]
fn who_cannot_be_asked_and_what_is_not_there_is_told() {
    let (light, full) = (light(), World::replicating());
    let (_, id, view) = band(&full);
    let document = PartAsk::Document(id);
    let error = ask(&light, document, AskOptions::default()).unwrap_err();
    assert_eq!(error.code(), "NOT_CONNECTED");
    let offline = World::in_memory();
    assert_eq!(ask(&offline, document, AskOptions::default()).unwrap_err().code(), "NODE_OFFLINE");
    connect(&light, &full);
    let stranger = AskOptions::default().peer(light.node().peer_id().unwrap());
    assert_eq!(ask(&light, document, stranger).unwrap_err().code(), "NOT_CONNECTED");
    let unknown = DocumentId::from_hash(*view.as_slice()[0].as_hash());
    let asked = ask(&light, PartAsk::Document(unknown), AskOptions::default()).unwrap();
    assert_eq!(asked, Asked::Nothing);
    // The light node has it in part at most, and gives nothing of that away.
    ask(&light, document, AskOptions::default()).unwrap();
    let peer = AskOptions::default().peer(light.node().peer_id().unwrap());
    assert_eq!(ask(&full, document, peer).unwrap(), Asked::Nothing);
    let subject = PartSubject::Document(unknown);
    let completed = light.runtime.block_on(light.node().complete(subject, None)).unwrap();
    assert_eq!(completed, None);
    let payloads = light.runtime.block_on(light.node().fetch_payloads(subject, None));
    assert_eq!(payloads.unwrap_err().code(), "NO_PART");
}

#[test]
fn a_fork_between_what_two_peers_tell_is_kept_as_a_proof() {
    let (light, one, other) = (light(), World::replicating(), World::replicating());
    let (schema, id, _) = band(&one);
    // The other node knows another second entry of the log.
    let author = Author::new(1);
    let key = author.key_pair.public_key();
    let all = one.runtime.block_on(one.node().read(move |snapshot| {
        let mut entries = Vec::new();
        for log in snapshot.logs(&key)? {
            let limit = if log.document == id { 1 } else { usize::MAX };
            entries.extend(snapshot.log(&key, log.log_id, SeqNum::FIRST, limit)?);
        }
        Ok(entries)
    }));
    let all = all.unwrap();
    let create = all.iter().find(|it| DocumentId::from_hash(*it.entry.hash().as_hash()) == id);
    let create = create.unwrap().entry;
    for stored in &all {
        let payload = stored.operation.as_deref().unwrap();
        let publishing = other.node().publish(stored.entry.as_bytes(), payload);
        other.runtime.block_on(publishing).unwrap();
    }
    let operation = Operation::Update {
        schema,
        previous: id.into(),
        fields: crate::support::fields(&[("name", str("Neu!"))]),
    };
    let payload = operation.encode();
    let args = NextArgs::after(create.header(), None).unwrap();
    let fork = args.forge(&author.key_pair, &payload);
    other.runtime.block_on(other.node().publish(fork.as_bytes(), &payload)).unwrap();

    connect(&light, &one);
    connect(&light, &other);
    let from = |world: &World| AskOptions::default().peer(world.node().peer_id().unwrap());
    let log_id = create.header().log_id();
    let newest = PartAsk::Newest { author: key, log_id, count: 100 };
    let asked = ask(&light, newest, from(&one)).unwrap();
    assert!(matches!(asked, Asked::Kept(_)), "{asked:?}");
    let asked = ask(&light, newest, from(&other)).unwrap();
    let Asked::Forked(proofs) = asked else { panic!("expected a fork, found {asked:?}") };
    assert_eq!((proofs.len(), proofs[0].seq_num()), (1, SeqNum::new(2).unwrap()));
    // What was kept of the log is void, and whoever tells of it is told so.
    assert_eq!(subjects(&light), []);
    let asked = ask(&light, newest, from(&one)).unwrap();
    assert_eq!(asked, Asked::Forked(proofs));
}

/// A peer that answers whoever asks with these messages.
struct Liar {
    runtime: tokio::runtime::Runtime,
    network: pandan_network::Handle,
    address: std::net::SocketAddr,
}

impl Liar {
    fn new(answer: Vec<Message>) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let length = u32::try_from(MAX_FRAME_LENGTH).unwrap();
        let protocol = Protocol::frames(Protocol::PANDAN, length).unwrap();
        let mut config = Config::new("127.0.0.1:0".parse().unwrap());
        config.protocols = vec![protocol];
        let key_pair = pandan_identity::KeyPair::from_seed(&[77; 32]);
        let mut network = {
            let _entered = runtime.enter();
            Network::bind(config, &key_pair).unwrap()
        };
        let handle = network.handle();
        let address = handle.local_address().unwrap();
        runtime.spawn(async move {
            loop {
                let event = network.next_event().await;
                let pandan_network::Event::PeerConnected(connection) = event else { continue };
                let answer = answer.clone();
                tokio::spawn(async move {
                    // Without the stream for announcements the node gives the connection up.
                    let mut held = Vec::new();
                    while let Some(stream) = connection.accept().await {
                        let Stream { mut sender, mut receiver, .. } = stream;
                        let Ok(Some(first)) = receiver.receive().await else { continue };
                        if !Message::is_ask(&first) {
                            held.push((sender, receiver));
                            continue;
                        }
                        for message in &answer {
                            let _ = sender.send(message.encode()).await;
                        }
                        let _ = sender.finish().await;
                    }
                });
            }
        });
        Self { runtime, network: handle, address }
    }
}

#[test]
fn nothing_of_what_a_liar_tells_is_kept_and_it_counts_against_it() {
    let light = light();
    let author = Author::new(1);
    let payload = Operation::Create {
        schema: "note_0020b177ec1bf26dfb3b7010d473e6d44713b29b765b99c6e60ecbfae742de496543"
            .parse()
            .unwrap(),
        fields: crate::support::fields(&[("title", str("a"))]),
    }
    .encode();
    let entry = NextArgs::first(LogId::new(0)).forge(&author.key_pair, &payload);
    let id = DocumentId::from_hash(*entry.hash().as_hash());
    // A state, and an entry that does not bear it out: it is of another document.
    let content = PartContent::State {
        view: id.into(),
        fields: vec![(FieldName::parse("title").unwrap(), *id.as_operation_id())],
    };
    let received =
        pandan_replication::Received { entry: entry.as_bytes().to_vec(), payload: Some(payload) };
    let answer = vec![
        Message::Part(PartMessage { item: 0, content }),
        Message::Part(PartMessage { item: 0, content: PartContent::Entries(vec![received]) }),
        Message::Done,
    ];
    let liar = Liar::new(answer);
    let peer = liar.network.peer();
    light.runtime.block_on(light.node().keep_peer(liar.address, Some(peer)));
    light.wait_until("they are connected", |status| {
        status.peers.iter().any(|it| it.is_connected && it.peer == peer)
    });
    // What it tells is true of this document, and not of another.
    let asked = ask(&light, PartAsk::Document(id), AskOptions::default()).unwrap();
    assert!(matches!(asked, Asked::Kept(_)), "{asked:?}");
    let other = DocumentId::from_hash(pandan_bamboo::Hash::of(b"another"));
    for _ in 0..2 {
        let error = ask(&light, PartAsk::Document(other), AskOptions::default()).unwrap_err();
        assert_eq!(error.code(), "PART_UNVERIFIED", "{error}");
    }
    assert_eq!(subjects(&light), [PartSubject::Document(id)]);
    // Twice is enough: it is kept out.
    light.wait_until("it is kept out", |status| status.peers.iter().all(|it| !it.is_connected));
    drop(liar.runtime);
}

/// Whoever said that it had told all of a document was believed.
#[test]
fn a_document_is_not_complete_because_somebody_says_so() {
    let light = light();
    let author = Author::new(1);
    let fields = crate::support::fields(&[("name", str("title")), ("type", str("str"))]);
    let schema = pandan_operations::SystemSchema::SchemaFieldDefinition.into();
    let payload = Operation::Create { schema, fields }.encode();
    let entry = NextArgs::first(LogId::new(0)).forge(&author.key_pair, &payload);
    let received =
        pandan_replication::Received { entry: entry.as_bytes().to_vec(), payload: Some(payload) };
    let content = PartContent::Entries(vec![received]);
    let liar = Liar::new(vec![Message::Part(PartMessage { item: 0, content }), Message::Done]);
    let peer = liar.network.peer();
    light.runtime.block_on(light.node().keep_peer(liar.address, Some(peer)));
    light.wait_until("they are connected", |status| {
        status.peers.iter().any(|it| it.is_connected && it.peer == peer)
    });
    let subject = PartSubject::Document(DocumentId::from_hash(pandan_bamboo::Hash::of(b"it")));
    let completed = light.runtime.block_on(light.node().complete(subject, None));
    assert_eq!(completed.unwrap_err().code(), "ASK_ENDED");
    drop(liar.runtime);
}

#[test]
fn who_asks_badly_is_refused() {
    let full = World::replicating();
    let (_, id, _) = band(&full);
    let liar = Liar::new(Vec::new());
    let peer = full.node().peer_id();
    let address = full.node().quic_address().unwrap();
    let talk = |frame: Vec<u8>| {
        let network = liar.network.clone();
        liar.runtime.block_on(async move {
            network.keep(address, peer).await;
            let connection = loop {
                match network.connection(&peer.unwrap()) {
                    Some(connection) => break connection,
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            };
            let length = u32::try_from(MAX_FRAME_LENGTH).unwrap();
            let protocol = Protocol::frames(Protocol::PANDAN, length).unwrap();
            let Stream { mut sender, mut receiver, .. } = connection.open(&protocol).await.unwrap();
            sender.send(frame).await.unwrap();
            let mut messages = Vec::new();
            while let Ok(Some(frame)) = receiver.receive().await {
                messages.push(Message::decode(&frame).unwrap());
            }
            messages
        })
    };
    let good = Message::Ask(Ask { payloads_optional: false, items: vec![AskItem::Document(id)] });
    let answer = talk(good.encode());
    assert!(matches!(&answer[..], [Message::Part(_), Message::Part(_), Message::Done]));
    let answer = talk(vec![0x11, 0, 0]);
    assert!(matches!(&answer[..], [Message::Refuse(_)]), "{answer:?}");
}
