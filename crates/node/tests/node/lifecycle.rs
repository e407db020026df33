//! Starting, embedding and stopping.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use pandan_bamboo::{LogId, NextArgs};
use pandan_identity::KeyPair;
use pandan_node::{Config, Missed, Node, PublishError, Request, StartError, Storage};
use pandan_operations::{Fields, Operation, RawValue, SystemSchema};
use pandan_store::MemoryStore;

use crate::support::{Author, World, str};

fn free() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn piece(byte: u8) -> Vec<u8> {
    let fields = Fields::from_pairs([("data", RawValue::Bytes(vec![byte]))]).unwrap();
    Operation::Create { schema: SystemSchema::BlobPiece.into(), fields }.encode()
}

#[tokio::test]
async fn a_node_can_be_used_without_http() {
    let node = Node::builder().in_memory().without_http().start().await.unwrap();
    assert!(node.addresses().is_empty());
    let mut commits = node.subscribe();
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let payload = piece(1);
    let arguments = node.next_args(&key_pair.public_key(), None).await.unwrap().unwrap();
    let entry = arguments.forge(&key_pair, &payload);
    let next = node.publish(entry.as_bytes(), &payload).await.unwrap();
    assert_eq!(next, NextArgs::after(entry.header(), None).unwrap());
    let committed = commits.next().await.unwrap().unwrap();
    assert_eq!(committed.author, key_pair.public_key());
    assert_eq!(committed.schema, SystemSchema::BlobPiece.into());
    let answer = node.query(Request::new("query($n: Int) { a: all_blob_piece_v1(first: $n) { documents { fields { data } } } }").variable("n", 1)).await;
    assert_eq!(answer.to_json(), r#"{"data":{"a":{"documents":[{"fields":{"data":"01"}}]}}}"#);
    assert_eq!(node.schemas().len(), 4);
    assert_eq!(node.read(|snapshot| snapshot.counts()).await.unwrap().entries, 1);
    let other = node.clone();
    node.shutdown().await;
    assert!(matches!(other.publish(entry.as_bytes(), &payload).await, Err(PublishError::Stopping)));
    drop(other);
    assert!(commits.next().await.is_none());
}

#[tokio::test]
async fn the_last_entry_of_a_log_is_stored_and_has_no_next() {
    let node = Node::builder().in_memory().without_http().start().await.unwrap();
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let payload = piece(1);
    let entry = NextArgs::first(LogId::new(0)).forge_end_of_log(&key_pair, &payload);
    let result = node.publish(entry.as_bytes(), &payload).await;
    assert!(matches!(result, Err(PublishError::LogEnded(_))), "{result:?}");
    assert_eq!(node.read(|snapshot| snapshot.counts()).await.unwrap().entries, 1);
}

#[tokio::test]
async fn a_folder_belongs_to_one_node() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("made").join("when needed");
    let node = Node::builder().data_dir(&inner).without_http().start().await.unwrap();
    let refused = Node::builder().data_dir(&inner).without_http().start().await.unwrap_err();
    assert!(
        matches!(refused, StartError::InUse { holder: Some(id), .. } if id == std::process::id()),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("in use by another node"));
    node.shutdown().await;
    Node::builder().data_dir(&inner).without_http().start().await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let refused = Node::builder().data_dir(&file).without_http().start().await.unwrap_err();
    assert!(matches!(refused, StartError::Folder { .. }));
    assert!(refused.to_string().contains("file"), "{refused}");
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_says_what_to_do() {
    let taken = TcpListener::bind(free()).unwrap();
    let address = taken.local_addr().unwrap();
    let refused = Node::builder().in_memory().http(address).start().await.unwrap_err();
    assert!(matches!(refused, StartError::PortTaken { .. }));
    let message = refused.to_string();
    assert!(
        message.contains(&address.to_string()) && message.contains("another port"),
        "{message}"
    );
}

#[test]
fn acknowledged_entries_survive_a_restart() {
    let world = World::on_disk();
    let ada = Author::new(1);
    let band = ada.define(&world, "band", &[("name", "str")]);
    let id = ada.create(&world, &band, &[("name", str("Can"))]);
    let world = world.restart();
    let query = format!("{{ a: {band}(id: \"{id}\") {{ fields {{ name }} }} }}");
    assert_eq!(world.data(&query)["a"]["fields"]["name"], "Can");
    let next = ada.next_args(&world, Some(&id.into()));
    assert_eq!(next.seq_num().number(), 2);
}

#[test]
fn a_store_of_your_own_can_be_used() {
    let store = Arc::new(MemoryStore::new());
    let ada = Author::new(1);
    let mut world = World::with_store(store.clone());
    let band = ada.define(&world, "band", &[("name", "str")]);
    world.stop();
    let world = World::with_store(store);
    ada.create(&world, &band, &[("name", str("Can"))]);
}

#[test]
fn stopping_waits_for_what_was_begun() {
    let mut world = World::in_memory();
    let node = world.node.clone().unwrap();
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let publishing: Vec<_> = (0..50_u8)
        .map(|number| {
            let payload = piece(number);
            let entry = NextArgs::first(LogId::new(number.into())).forge(&key_pair, &payload);
            let node = node.clone();
            world.runtime.spawn(async move { node.publish(entry.as_bytes(), &payload).await })
        })
        .collect();
    drop(node);
    world.stop();
    for result in publishing {
        let result = world.runtime.block_on(result).unwrap();
        assert!(matches!(result, Ok(_) | Err(PublishError::Stopping)), "{result:?}");
    }
}

#[tokio::test]
async fn slow_subscribers_hear_what_they_missed() {
    let node = Node::builder().in_memory().without_http().start().await.unwrap();
    let mut commits = node.subscribe();
    let key_pair = KeyPair::from_seed(&[1; 32]);
    for number in 0..300_u64 {
        let payload = piece(number.to_le_bytes()[0]);
        let entry = NextArgs::first(LogId::new(number)).forge(&key_pair, &payload);
        node.publish(entry.as_bytes(), &payload).await.unwrap();
    }
    let Missed { missed } = commits.next().await.unwrap().unwrap_err();
    let mut heard = 0;
    while missed + heard < 300 {
        commits.next().await.unwrap().unwrap();
        heard += 1;
    }
    assert!(missed > 0 && heard > 0);
}

#[tokio::test]
async fn a_node_works_on_one_thread() {
    let node = Node::builder().in_memory().http(free()).start().await.unwrap();
    let answers = (0..20).map(|_| {
        let node = node.clone();
        tokio::spawn(
            async move { node.query(Request::new("{ all_blob_v1 { totalCount } }")).await },
        )
    });
    for answer in answers.collect::<Vec<_>>() {
        assert!(answer.await.unwrap().errors().is_empty());
    }
    drop(node);
}

#[tokio::test]
async fn a_full_database_takes_no_more_and_goes_on_answering() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.storage = Storage::Folder(folder.path().to_owned());
    config.http = None;
    config.quota_bytes = Some(1_000_000);
    let node = Node::builder().config(config).start().await.unwrap();
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let mut stored = 0;
    let refused = loop {
        let fields = Fields::from_pairs([("data", RawValue::Bytes(vec![1; 100_000]))]).unwrap();
        let payload = Operation::Create { schema: SystemSchema::BlobPiece.into(), fields }.encode();
        let entry = NextArgs::first(LogId::new(stored)).forge(&key_pair, &payload);
        match node.publish(entry.as_bytes(), &payload).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code(), "STORAGE_FULL", "{refused}");
    assert!(stored > 0);
    let answer = node.query(Request::new("{ a: all_blob_piece_v1 { totalCount } }")).await;
    assert_eq!(answer.to_json(), format!("{{\"data\":{{\"a\":{{\"totalCount\":{stored}}}}}}}"));
    node.shutdown().await;
}
