//! A running node, asked over HTTP as clients ask, and people who publish to it.
#![allow(dead_code, unreachable_pub, reason = "shared by the files of this test")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pandan_bamboo::{EntryHash, Links, LogId, NextArgs, SeqNum};
use pandan_identity::KeyPair;
use pandan_node::{Follow, Interest, Limits, Node, NodeBuilder, Replication, SyncStatus};
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SystemSchema,
};
use pandan_store::Store;
use pandan_store::heads::HeadRange;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A node on a free port.
pub struct World {
    pub runtime: Runtime,
    pub node: Option<Node>,
    pub url: String,
    agent: ureq::Agent,
    _folder: Option<tempfile::TempDir>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

impl World {
    pub fn in_memory() -> Self {
        Self::start(Node::builder().in_memory(), None)
    }

    pub fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::start(Node::builder().in_memory().limits(limits), None)
    }

    pub fn with_store(store: Arc<dyn Store>) -> Self {
        Self::start(Node::builder().store(store), None)
    }

    pub fn with_store_and_limits(store: Arc<dyn Store>, change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::start(Node::builder().store(store).limits(limits), None)
    }

    pub fn on_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start(Node::builder().data_dir(folder.path()), Some(folder))
    }

    pub fn in_folder(folder: &Path) -> Self {
        Self::start(Node::builder().data_dir(folder), None)
    }

    /// A node that replicates on a free port of this machine.
    pub fn replicating() -> Self {
        Self::start(replicating(Node::builder().in_memory()), None)
    }

    /// The same, with other settings.
    pub fn replicating_with(change: impl FnOnce(&mut Replication)) -> Self {
        let mut replication = Replication::at("127.0.0.1:0".parse().unwrap());
        change(&mut replication);
        Self::start(Node::builder().in_memory().replication(replication), None)
    }

    /// The same on disk, which replicates a list of schemas and follows relations from there.
    pub fn following(schemas: &[&SchemaId], follow: Follow) -> Self {
        let mut replication = Replication::at("127.0.0.1:0".parse().unwrap());
        let schemas = schemas.iter().copied().cloned().collect();
        replication.interest = Interest::in_schemas(schemas).unwrap();
        replication.follow = follow;
        let folder = tempfile::tempdir().unwrap();
        let builder = Node::builder().data_dir(folder.path()).replication(replication);
        Self::start(builder, Some(folder))
    }

    /// The same, with other settings and its data in a folder.
    pub fn replicating_with_in(folder: &Path, change: impl FnOnce(&mut Replication)) -> Self {
        let mut replication = Replication::at("127.0.0.1:0".parse().unwrap());
        change(&mut replication);
        Self::start(Node::builder().data_dir(folder).replication(replication), None)
    }

    /// The same, with its data in a folder.
    pub fn replicating_in(folder: &Path) -> Self {
        Self::start(replicating(Node::builder().data_dir(folder)), None)
    }

    /// The same, with a store of its own and other limits.
    pub fn replicating_in_store(store: Arc<dyn Store>, change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::start(replicating(Node::builder().in_memory().store(store).limits(limits)), None)
    }

    /// Stays connected with another node from now on.
    pub fn keep(&self, other: &Self) {
        let address = other.node().quic_address().unwrap();
        self.runtime.block_on(self.node().keep_peer(address, other.node().peer_id()));
    }

    /// Waits until something holds, as often as the status of replication changes.
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut(&SyncStatus) -> bool) {
        let mut changes = self.node().sync_changes().unwrap();
        let limit = Instant::now() + Duration::from_secs(60);
        while !holds(&self.node().sync_status()) {
            assert!(Instant::now() < limit, "{what}: {:#?}", self.node().sync_status());
            // What is stored changes without a word of a session, too.
            let next = changes.changed();
            let wait = async { tokio::time::timeout(Duration::from_millis(50), next).await };
            let _ = self.runtime.block_on(wait);
        }
    }

    /// All heads of logs: two nodes with the same hold the same entries.
    pub fn heads(&self) -> Vec<pandan_store::heads::Head> {
        let schemas = self.node().schemas();
        let ranges: Vec<_> =
            schemas.iter().map(|known| HeadRange::all(known.schema.id().clone())).collect();
        let reading = self.node().read(move |snapshot| snapshot.heads(&ranges, usize::MAX));
        let heads = self.runtime.block_on(reading).unwrap();
        let mut heads: Vec<_> = heads.into_iter().map(|found| found.head).collect();
        heads.sort_by_key(pandan_store::heads::Head::place);
        heads
    }

    /// The node of another process.
    pub fn elsewhere(url: String) -> Self {
        Self { runtime: runtime(), node: None, url, agent: agent(), _folder: None }
    }

    fn start(builder: NodeBuilder, folder: Option<tempfile::TempDir>) -> Self {
        let runtime = runtime();
        let node = runtime.block_on(builder.http("127.0.0.1:0".parse().unwrap()).start()).unwrap();
        let url = format!("http://{}", node.addresses()[0]);
        Self { runtime, node: Some(node), url, agent: agent(), _folder: folder }
    }

    /// The node, which was not stopped.
    pub fn node(&self) -> &Node {
        self.node.as_ref().unwrap()
    }

    /// Stops the node; what is on disk stays.
    pub fn stop(&mut self) {
        if let Some(node) = self.node.take() {
            self.runtime.block_on(node.shutdown());
        }
    }

    /// Stops the node and starts it again on the same folder.
    pub fn restart(mut self) -> Self {
        self.stop();
        let folder = self._folder.take().expect("only nodes on disk can be started again");
        Self::start(Node::builder().data_dir(folder.path()), Some(folder))
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, &[])
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match method {
            "GET" | "HEAD" | "OPTIONS" => self.agent.run(request.body(()).unwrap()),
            _ => self.agent.run(request.body(body).unwrap()),
        };
        let (parts, mut body) = response.unwrap().into_parts();
        let body = body.with_config().limit(u64::MAX).read_to_vec().unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Sends a GraphQL request and gives back the whole answer.
    pub fn ask(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let answer =
            self.send("POST", "/graphql", &[("content-type", "application/json")], body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.json()
    }

    /// Asks for something that has an answer.
    pub fn data(&self, query: &str) -> Value {
        self.data_with(query, json!({}))
    }

    pub fn data_with(&self, query: &str, variables: Value) -> Value {
        let answer = self.ask(query, variables);
        assert_eq!(answer.get("errors"), None, "{query}\n{answer}");
        answer["data"].clone()
    }

    /// Asks for something that is refused, and gives back the first error.
    pub fn error(&self, query: &str) -> Value {
        self.error_with(query, json!({}))
    }

    pub fn error_with(&self, query: &str, variables: Value) -> Value {
        let answer = self.ask(query, variables);
        let errors = answer["errors"].as_array();
        assert!(errors.is_some_and(|errors| !errors.is_empty()), "{query}\n{answer}");
        answer["errors"][0].clone()
    }
}

fn replicating(builder: NodeBuilder) -> NodeBuilder {
    builder.replication(Replication::at("127.0.0.1:0".parse().unwrap()))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Somebody who publishes, as the JavaScript clients do.
pub struct Author {
    pub key_pair: KeyPair,
}

const NEXT_ARGS: &str = "query nextArgs($publicKey: String!, $viewId: String) {
    nextArgs(publicKey: $publicKey, viewId: $viewId) { logId seqNum skiplink backlink }
}";

const PUBLISH: &str = "mutation publish($entry: String!, $operation: String!) {
    publish(entry: $entry, operation: $operation) { logId seqNum skiplink backlink }
}";

impl Author {
    pub fn new(number: u8) -> Self {
        Self { key_pair: KeyPair::from_seed(&[number; 32]) }
    }

    pub fn public_key(&self) -> String {
        self.key_pair.public_key().to_string()
    }

    pub fn next_args(&self, world: &World, view: Option<&DocumentViewId>) -> NextArgs {
        let mut variables = json!({ "publicKey": self.public_key() });
        if let Some(view) = view {
            variables["viewId"] = json!(view.to_string());
        }
        parse_next_args(&world.data_with(NEXT_ARGS, variables)["nextArgs"])
    }

    /// Publishes an operation and gives back its id.
    pub fn publish(&self, world: &World, operation: &Operation) -> OperationId {
        let answer = self.try_publish(world, operation);
        assert_eq!(answer.1.get("errors"), None, "{}", answer.1);
        let next = parse_next_args(&answer.1["data"]["publish"]);
        assert_eq!(next.links().backlink(), Some(EntryHash::from_hash(*answer.0.as_hash())));
        answer.0
    }

    /// Publishes an operation and gives back its id and the whole answer.
    pub fn try_publish(&self, world: &World, operation: &Operation) -> (OperationId, Value) {
        let arguments = self.next_args(world, operation.previous());
        let payload = operation.encode();
        let entry = arguments.forge(&self.key_pair, &payload);
        let variables = json!({ "entry": hex(entry.as_bytes()), "operation": hex(&payload) });
        (OperationId::from_hash(*entry.hash().as_hash()), world.ask(PUBLISH, variables))
    }

    pub fn create(
        &self,
        world: &World,
        schema: &SchemaId,
        fields: &[(&str, RawValue)],
    ) -> DocumentId {
        let operation = Operation::Create { schema: schema.clone(), fields: self::fields(fields) };
        self.publish(world, &operation).into()
    }

    pub fn update(
        &self,
        world: &World,
        schema: &SchemaId,
        previous: &DocumentViewId,
        fields: &[(&str, RawValue)],
    ) -> DocumentViewId {
        let operation = Operation::Update {
            schema: schema.clone(),
            previous: previous.clone(),
            fields: self::fields(fields),
        };
        self.publish(world, &operation).into()
    }

    pub fn delete(
        &self,
        world: &World,
        schema: &SchemaId,
        previous: &DocumentViewId,
    ) -> DocumentViewId {
        let operation = Operation::Delete { schema: schema.clone(), previous: previous.clone() };
        self.publish(world, &operation).into()
    }

    /// Publishes the documents that define a schema.
    pub fn define(&self, world: &World, name: &str, fields: &[(&str, &str)]) -> SchemaId {
        let field_definition = SchemaId::from(SystemSchema::SchemaFieldDefinition);
        let pins = fields.iter().map(|(name, kind)| {
            let id =
                self.create(world, &field_definition, &[("name", str(name)), ("type", str(kind))]);
            vec![*id.as_hash()]
        });
        let pins = pins.collect();
        self.define_with_pins(world, name, pins)
    }

    pub fn define_with_pins(
        &self,
        world: &World,
        name: &str,
        pins: Vec<Vec<pandan_bamboo::Hash>>,
    ) -> SchemaId {
        let definition = self.create(
            world,
            &SchemaId::from(SystemSchema::SchemaDefinition),
            &[
                ("name", str(name)),
                ("description", str(&format!("About {name}"))),
                ("fields", RawValue::NestedHashList(pins)),
            ],
        );
        format!("{name}_{definition}").parse().unwrap()
    }

    /// Publishes the pieces of a blob and the blob.
    pub fn blob(&self, world: &World, mime_type: &str, bytes: &[u8], piece: usize) -> DocumentId {
        let pieces = bytes.chunks(piece).map(|data| {
            let id = self.create(
                world,
                &SchemaId::from(SystemSchema::BlobPiece),
                &[("data", RawValue::Bytes(data.to_vec()))],
            );
            vec![*id.as_hash()]
        });
        let pieces = RawValue::NestedHashList(pieces.collect());
        let length = RawValue::Int(i64::try_from(bytes.len()).unwrap());
        let fields = [("length", length), ("mime_type", str(mime_type)), ("pieces", pieces)];
        self.create(world, &SchemaId::from(SystemSchema::Blob), &fields)
    }
}

pub fn fields(fields: &[(&str, RawValue)]) -> Fields {
    Fields::from_pairs(fields.iter().map(|(name, value)| (*name, value.clone()))).unwrap()
}

pub fn str(text: &str) -> RawValue {
    RawValue::Str(String::from(text))
}

pub fn relation(id: &DocumentId) -> RawValue {
    RawValue::Bytes(id.encode().to_vec())
}

pub fn relations(ids: &[DocumentId]) -> RawValue {
    RawValue::HashList(ids.iter().map(|id| *id.as_hash()).collect())
}

pub fn pin(view: &DocumentViewId) -> RawValue {
    RawValue::HashList(view.iter().map(|id| *id.as_hash()).collect())
}

pub fn pins(views: &[DocumentViewId]) -> RawValue {
    let hashes = |view: &DocumentViewId| view.iter().map(|id| *id.as_hash()).collect();
    if views.is_empty() {
        return RawValue::HashList(Vec::new());
    }
    RawValue::NestedHashList(views.iter().map(hashes).collect())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn parse_next_args(value: &Value) -> NextArgs {
    let seq_num: SeqNum = value["seqNum"].as_str().unwrap().parse().unwrap();
    let log_id: LogId = value["logId"].as_str().unwrap().parse().unwrap();
    let hash = |name: &str| value[name].as_str().map(|text| text.parse::<EntryHash>().unwrap());
    let links = Links::new(seq_num, hash("backlink"), hash("skiplink")).unwrap();
    NextArgs::new(log_id, seq_num, links).unwrap()
}
