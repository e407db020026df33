//! The requests and answers that the book shows are those of a node.
//!
//! After a change on purpose, `cargo xtask book` writes them anew.

mod layout;
mod types;

use std::path::Path;
use std::{env, fs};

use pandan_bamboo::{ForkProof, NextArgs, SeqNum};
use pandan_node::{AskOptions, Asked, Interest, PartAsk};
use pandan_operations::{DocumentId, DocumentViewId, Float, RawValue, SchemaId};
use serde_json::{Value, json};

use crate::support::{Answer, Author, World, pin, relation, relations, str};
use layout::{json_text, shortened};

/// Ada and Bo, two places and three mushrooms.
struct Woods {
    world: World,
    ada: Author,
    bo: Author,
    place: SchemaId,
    mushroom: SchemaId,
    forest: DocumentId,
    /// The forest after Bo gave it another name.
    renamed: DocumentViewId,
    agaric: DocumentId,
    /// The agaric after Ada measured it again.
    measured: DocumentViewId,
}

impl Woods {
    fn new() -> Self {
        Self::on(World::in_memory())
    }

    fn on(world: World) -> Self {
        let (ada, bo) = (Author::new(1), Author::new(2));
        let place = ada.define(&world, "place", &[("name", "str")]);
        let to = |kind: &str| format!("{kind}({place})");
        let mushroom = ada.define(
            &world,
            "mushroom",
            &[
                ("edible", "bool"),
                ("first_seen", &to("pinned_relation")),
                ("found_at", &to("relation")),
                ("height_cm", "float"),
                ("name", "str"),
                ("seen_at", &to("relation_list")),
            ],
        );
        let [forest, meadow] =
            ["Forest", "Meadow"].map(|name| ada.create(&world, &place, &[("name", str(name))]));
        let grow = |author: &Author, name: &str, edible: bool, height: f64, at: DocumentId| {
            let fields = [
                ("edible", RawValue::Bool(edible)),
                ("first_seen", pin(&at.into())),
                ("found_at", relation(&at)),
                ("height_cm", RawValue::Float(Float::new(height))),
                ("name", str(name)),
                ("seen_at", relations(&[forest, meadow, forest])),
            ];
            author.create(&world, &mushroom, &fields)
        };
        let agaric = grow(&ada, "Fly agaric", false, 12.5, forest);
        grow(&bo, "Chanterelle", true, 6.0, forest);
        grow(&bo, "Parasol", true, 28.0, meadow);
        let height = RawValue::Float(Float::new(14.0));
        let measured = ada.update(&world, &mushroom, &agaric.into(), &[("height_cm", height)]);
        let renamed = bo.update(&world, &place, &forest.into(), &[("name", str("Old forest"))]);
        Self { world, ada, bo, place, mushroom, forest, renamed, agaric, measured }
    }

    /// A request over HTTP and its answer, as they stand on a page.
    fn exchange(&self, query: &str) -> String {
        self.exchange_with(query, &Value::Null)
    }

    fn exchange_with(&self, query: &str, variables: &Value) -> String {
        exchange_with(&self.world, query, variables)
    }

    /// Ada has signed another entry where she measured the agaric, and somebody shows both.
    fn fork(&self) {
        let (key, agaric) = (self.ada.key_pair.public_key(), self.agaric);
        let runtime = &self.world.runtime;
        let reading = self.world.node().read(move |snapshot| {
            let logs = snapshot.logs(&key)?;
            let log = logs.iter().find(|log| log.document == agaric).unwrap();
            snapshot.log(&key, log.log_id, SeqNum::FIRST, 2)
        });
        let entries = runtime.block_on(reading).unwrap();
        let [create, measured] = &entries[..] else { panic!("expected two entries") };
        let args = NextArgs::after(create.entry.header(), None).unwrap();
        let other = args.forge(&self.ada.key_pair, b"something else");
        let proof = ForkProof::new(&measured.entry.as_authentic(), &other.as_authentic()).unwrap();
        runtime.block_on(self.world.node().keep_proof(proof)).unwrap().unwrap();
    }
}

fn exchange_with(world: &World, query: &str, variables: &Value) -> String {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let answer = world.send("POST", "/graphql", &[], body.as_bytes());
    let mut text = format!("```graphql\n{}\n```\n\n", query.trim());
    if variables.is_object() {
        text += &format!("```json\n{}\n```\n\n", json_text(&variables.to_string()));
    }
    text += &format!("```json\n{}\n```\n", json_text(&answer.text()));
    shortened(&text)
}

fn check(name: &str, expected: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/guide/examples");
    let path = folder.join(format!("graphql-{name}.txt"));
    if env::var_os("UPDATE_EXAMPLES").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{} is out of date; run `cargo xtask book`", path.display());
}

#[test]
fn queries_in_the_book_are_answered_so() {
    let woods = Woods::new();
    let Woods { mushroom, place, forest, agaric, .. } = &woods;
    check(
        "single",
        &woods.exchange(&format!(
            "{{
  {mushroom}(id: \"{agaric}\") {{
    meta {{ documentId viewId owner }}
    fields {{ name height_cm found_at {{ fields {{ name }} }} }}
  }}
}}"
        )),
    );
    check(
        "view",
        &woods.exchange(&format!(
            "{{
  {mushroom}(viewId: \"{agaric}\") {{
    fields {{ name height_cm }}
  }}
}}"
        )),
    );
    let page = |after: &str| {
        format!(
            "{{
  all_{mushroom}(
    filter: {{ height_cm: {{ lt: 20 }} }}
    orderBy: name
    first: 1{after}
  ) {{
    totalCount
    hasNextPage
    endCursor
    documents {{ fields {{ name height_cm }} }}
  }}
}}"
        )
    };
    check("collection", &woods.exchange(&page("")));
    let first = woods.world.data(&page(""))[format!("all_{mushroom}")]["endCursor"].to_string();
    check("next-page", &woods.exchange(&page(&format!("\n    after: {first}"))));
    check(
        "relations",
        &woods.exchange(&format!(
            "{{
  {mushroom}(id: \"{agaric}\") {{
    fields {{
      found_at {{ meta {{ viewId }} fields {{ name }} }}
      first_seen {{ meta {{ viewId }} fields {{ name }} }}
      seen_at(first: 2) {{ totalCount documents {{ fields {{ name }} }} }}
    }}
  }}
}}"
        )),
    );
    let owner = woods.bo.public_key();
    check(
        "meta",
        &woods.exchange(&format!(
            "{{
  all_{mushroom}(
    meta: {{ owner: {{ eq: \"{owner}\" }}, edited: {{ eq: false }} }}
    orderBy: height_cm
    orderDirection: DESC
  ) {{
    documents {{ fields {{ name }} }}
  }}
}}"
        )),
    );
    woods.ada.delete(&woods.world, place, &woods.renamed);
    check(
        "deleted",
        &woods.exchange(&format!(
            "{{
  gone: {place}(id: \"{forest}\") {{ fields {{ name }} }}
  deleted: all_{place}(meta: {{ deleted: {{ eq: true }} }}) {{
    documents {{ meta {{ documentId viewId }} fields {{ name }} }}
  }}
}}"
        )),
    );
}

#[test]
fn writing_in_the_book_is_answered_so() {
    let woods = Woods::new();
    let (key, view) = (woods.ada.public_key(), &woods.measured);
    check(
        "next-args",
        &woods.exchange(&format!(
            "{{
  nextArgs(publicKey: \"{key}\", viewId: \"{view}\") {{
    logId
    seqNum
    backlink
    skiplink
  }}
}}"
        )),
    );
    let arguments = woods.ada.next_args(&woods.world, Some(view));
    let operation = pandan_operations::Operation::Update {
        schema: woods.mushroom.clone(),
        previous: view.clone(),
        fields: crate::support::fields(&[("edible", RawValue::Bool(false))]),
    };
    let payload = operation.encode();
    let entry = arguments.forge(&woods.ada.key_pair, &payload);
    let variables = json!({
        "entry": crate::support::hex(entry.as_bytes()),
        "operation": crate::support::hex(&payload),
    });
    let publish = "mutation publish($entry: EncodedEntry!, $operation: EncodedOperation!) {
  publish(entry: $entry, operation: $operation) {
    logId
    seqNum
    backlink
    skiplink
  }
}";
    check("publish", &woods.exchange_with(publish, &variables));
    check("refused", &woods.exchange_with(publish, &variables));
    let mushroom = &woods.mushroom;
    let nowhere = format!("0020{}", "00".repeat(32));
    check(
        "partly",
        &woods.exchange(&format!(
            "{{
  all_{mushroom} {{ totalCount }}
  nextArgs(publicKey: \"{key}\", viewId: \"{nowhere}\") {{ logId }}
}}"
        )),
    );
    check("entries", &{
        let agaric = woods.agaric;
        woods.exchange(&format!(
            "{{
  documentEntries(id: \"{agaric}\", first: 2) {{
    entry
    operation
  }}
}}"
        ))
    });
}

#[test]
fn forks_in_the_book_are_told_so() {
    let woods = Woods::new();
    let Woods { mushroom, agaric, .. } = &woods;
    woods.fork();
    check(
        "forks",
        &woods.exchange(&format!(
            "{{
  {mushroom}(id: \"{agaric}\") {{
    meta {{ forked viewId }}
    fields {{ height_cm }}
  }}
  forks(documentId: \"{agaric}\") {{
    totalCount
    forks {{ publicKey logId seqNum entries documents }}
  }}
}}"
        )),
    );
}

#[test]
fn parts_in_the_book_are_told_so() {
    let woods = Woods::on(World::replicating());
    let Woods { mushroom, agaric, .. } = &woods;
    let light = World::replicating_with(|it| it.interest = Interest::Schemas(Vec::new()));
    light.keep(&woods.world);
    light.wait_until("they are connected", |status| !status.peers.is_empty());
    let asking = light.node().ask(PartAsk::Document(*agaric), AskOptions::default());
    let asked = light.runtime.block_on(asking).unwrap();
    assert!(matches!(asked, Asked::Kept(_)), "{asked:?}");
    let query = format!(
        "{{
  parts(documentId: \"{agaric}\") {{ viewId deleted entries withoutOperation }}
}}"
    );
    check("parts", &exchange_with(&light, &query, &Value::Null));
    assert!(
        light
            .error(&format!("{{ {mushroom}(id: \"{agaric}\") {{ meta {{ owner }} }} }}"))
            .is_object()
    );
}

#[test]
fn files_in_the_book_are_sent_so() {
    let woods = Woods::new();
    let blob = woods.ada.blob(&woods.world, "text/plain", b"Under the old birch.", 8);
    let path = format!("/blobs/{blob}");
    let mut text = shown("GET", &path, &[], &woods.world.get(&path, &[]));
    let range = [("range", "bytes=10-")];
    text += "\n";
    text += &shown("GET", &path, &range, &woods.world.get(&path, &range));
    check("blob", &shortened(&text));
}

/// A request and its answer; headers that say something about the blob.
fn shown(method: &str, path: &str, asked: &[(&str, &str)], answer: &Answer) -> String {
    let mut text = format!("{method} {path}\n");
    for (name, value) in asked {
        text += &format!("{name}: {value}\n");
    }
    text += &format!("\n{}\n", answer.status);
    for name in ["content-type", "content-length", "content-range", "etag", "cache-control"] {
        if let Some(value) = answer.header(name) {
            text += &format!("{name}: {value}\n");
        }
    }
    text + "\n" + &answer.text() + "\n"
}

#[test]
fn types_in_the_book_are_those_of_the_api() {
    let woods = Woods::new();
    check("sdl", &shortened(&types::of_schema(&woods.world, &woods.mushroom)));
    check("shared-sdl", &types::shared(&woods.world));
    check("signed-sdl", &types::signed(&woods.world));
    check("filters", &types::filters());
}
