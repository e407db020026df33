//! Logs that their authors forked, over GraphQL and for those who embed a node.

use std::sync::Arc;

use pandan_admission::{Candidate, Door};
use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
use pandan_bamboo::{EncodedEntry, ForkProof, NextArgs};
use pandan_operations::{DocumentId, DocumentViewId, Operation, SchemaId, SystemSchema};
use pandan_store::{MemoryStore, Store};
use serde_json::{Value, json};

use crate::support::{Author, World, fields, hex, str};

fn field_definition() -> SchemaId {
    SchemaId::from(SystemSchema::SchemaFieldDefinition)
}

/// A document whose second entry was written twice.
struct Scene {
    world: World,
    store: Arc<MemoryStore>,
    ada: Author,
    document: DocumentId,
    line: EncodedEntry,
    other: EncodedEntry,
    payload: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let world = World::with_store(Arc::clone(&store) as Arc<dyn Store>);
        let ada = Author::new(1);
        let values = [("name", str("first")), ("type", str("int"))];
        let document = ada.create(&world, &field_definition(), &values);
        let view = DocumentViewId::from(document);
        let args = ada.next_args(&world, Some(&view));
        let [line, other] = ["second", "other"].map(|name| sign(&ada, &args, &view, name));
        publish(&world, &line);
        Self { world, store, ada, document, line: line.0, other: other.0, payload: other.1 }
    }

    fn proof(&self) -> ForkProof {
        ForkProof::new(&self.line.as_authentic(), &self.other.as_authentic()).unwrap()
    }

    fn ask(&self) -> Value {
        let query = format!(
            "{{ doc: {}(id: \"{}\") {{ fields {{ name }} meta {{ forked viewId }} }} }}",
            field_definition(),
            self.document
        );
        self.world.data(&query)["doc"].clone()
    }
}

fn sign(
    author: &Author,
    args: &NextArgs,
    view: &DocumentViewId,
    name: &str,
) -> (EncodedEntry, Vec<u8>) {
    let operation = Operation::Update {
        schema: field_definition(),
        previous: view.clone(),
        fields: fields(&[("name", str(name))]),
    };
    let payload = operation.encode();
    (args.forge(&author.key_pair, &payload), payload)
}

fn publish(world: &World, (entry, payload): &(EncodedEntry, Vec<u8>)) -> Value {
    let query = "mutation($entry: String!, $operation: String!) {
        publish(entry: $entry, operation: $operation) { logId seqNum }
    }";
    let variables = json!({ "entry": hex(entry.as_bytes()), "operation": hex(payload) });
    world.ask(query, variables)
}

#[test]
fn a_fork_is_told_with_its_proof() {
    let scene = Scene::new();
    let none = scene.world.data("{ forks { totalCount hasNextPage endCursor forks { logId } } }");
    let expected = json!({ "totalCount": 0, "hasNextPage": false, "endCursor": null, "forks": [] });
    assert_eq!(none["forks"], expected);
    assert_eq!(scene.ask()["meta"]["forked"], json!(false));
    let candidate = Candidate::examine(scene.other.as_bytes(), &scene.payload).unwrap();
    scene.store.ingest(vec![(candidate, Door::Peer)]).unwrap();

    let document = scene.ask();
    assert_eq!(document["fields"]["name"], json!("first"));
    assert_eq!(document["meta"]["forked"], json!(true));
    assert_eq!(document["meta"]["viewId"], json!(scene.document.to_string()));
    let query = "query($author: PublicKey, $document: DocumentId, $after: String) {
        forks(first: 1, author: $author, documentId: $document, after: $after) {
          totalCount hasNextPage endCursor
          forks { publicKey logId seqNum entries proof documents totalDocuments __typename } } }";
    let author = scene.ada.public_key();
    let variables = json!({ "author": author, "document": scene.document.to_string() });
    let page = scene.world.data_with(query, variables)["forks"].clone();
    let proof = scene.proof();
    let expected = json!({
        "publicKey": author,
        "logId": "0",
        "seqNum": "2",
        "entries": proof.entries().map(|entry| entry.hash().to_string()),
        "proof": hex(proof.encode(&mut [0; MAX_FORK_PROOF_LENGTH])),
        "documents": [scene.document.to_string()],
        "totalDocuments": 1,
        "__typename": "Fork",
    });
    assert_eq!(page["forks"], json!([expected]));
    let rest = scene.world.data_with(query, json!({ "after": page["endCursor"] }));
    assert_eq!((&rest["forks"]["forks"], &rest["forks"]["totalCount"]), (&json!([]), &json!(1)));
    let odd = scene.world.ask(query, json!({ "after": "somewhere" }));
    assert_eq!(odd["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[test]
fn pn35_a_client_hears_that_the_log_is_frozen_and_goes_on() {
    let scene = Scene::new();
    let mut forks = scene.world.node().forks();
    let kept = scene.world.runtime.block_on(scene.world.node().keep_proof(scene.proof()));
    assert_eq!(kept.unwrap().unwrap().document, Some(scene.document));
    let again = scene.world.runtime.block_on(scene.world.node().keep_proof(scene.proof()));
    assert!(again.unwrap().is_none());
    let news = scene.world.runtime.block_on(forks.next()).unwrap().unwrap();
    assert_eq!(news.proof, scene.proof());

    let third = NextArgs::after(scene.line.header(), None).unwrap();
    let view = DocumentViewId::from(scene.document);
    let refused = publish(&scene.world, &sign(&scene.ada, &third, &view, "third"));
    assert_eq!(refused["errors"][0]["extensions"]["code"], "LOG_FROZEN");
    let args = scene.ada.next_args(&scene.world, Some(&view));
    assert_eq!((args.log_id().number(), args.seq_num().number()), (1, 1));
    let on = publish(&scene.world, &sign(&scene.ada, &args, &view, "on"));
    assert_eq!(on["data"]["publish"], json!({ "logId": "1", "seqNum": "2" }));
    assert_eq!(scene.ask()["fields"]["name"], json!("on"));
}

/// Of a log of which only the fork is known, the last entry before it is published with the
/// arguments for a new log.
#[test]
fn pn36_the_last_entry_before_a_fork_leads_to_a_new_log() {
    let world = World::in_memory();
    let ada = Author::new(1);
    let args = NextArgs::first(pandan_bamboo::LogId::new(0));
    let values = fields(&[("name", str("a")), ("type", str("int"))]);
    let create = Operation::Create { schema: field_definition(), fields: values }.encode();
    let first = args.forge(&ada.key_pair, &create);
    let document = DocumentId::from_hash(*first.hash().as_hash());
    let next = NextArgs::after(first.header(), None).unwrap();
    let [one, other] =
        ["b", "c"].map(|name| sign(&ada, &next, &DocumentViewId::from(document), name).0);
    let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic()).unwrap();
    world.runtime.block_on(world.node().keep_proof(proof)).unwrap();
    let answer = publish(&world, &(first, create));
    assert_eq!(answer["data"]["publish"], json!({ "logId": "1", "seqNum": "1" }));
}
