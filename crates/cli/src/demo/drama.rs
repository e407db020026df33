//! What people do to one another's documents: edit at the same time, merge, cancel, cheat.

use anyhow::ensure;
use pandan_operations::{DocumentId, DocumentViewId, Float, Operation, OperationId};
use pandan_schema::Value;
use serde_json::json;

use super::festival::{fields, price, text};
use super::people::People;
use super::programme::{Programme, Schemas};
use crate::client::{Client, ClientError};
use crate::publisher::Published;

/// How it went.
#[derive(Debug)]
pub(crate) struct Drama {
    /// The event that two people edited without knowing of each other.
    pub(crate) contested: DocumentId,
    /// Its state with both edits in it, not merged yet.
    pub(crate) split: DocumentViewId,
    /// The title which everybody saw until the merge.
    pub(crate) shown: String,
    /// The state that a third person made of it.
    pub(crate) merged: OperationId,
    /// The event that was cancelled.
    pub(crate) cancelled: DocumentId,
    /// Words of the node about a forged entry.
    pub(crate) refusal: String,
    /// Number of operations.
    pub(crate) operations: usize,
}

/// New prices for some events, by others than those who published them.
const REPRICED: usize = 24;

/// Plays it.
pub(crate) fn play(
    client: &Client,
    people: &People,
    schemas: &Schemas,
    programme: &Programme,
) -> anyhow::Result<Drama> {
    let stage = Stage { client, people, schemas };
    for (index, event) in programme.events.iter().enumerate().take(REPRICED) {
        let cheaper = Value::Float(Float::new((price(index) - 2.0).max(0.0)));
        stage.update(index + 2, DocumentViewId::from(*event), "price", cheaper)?;
    }
    let (contested, cancelled) = (programme.events[100], programme.events[200]);
    let refusal = stage.forge(contested)?;

    let titles = ["Grand Opening Gala".to_owned(), "Opening Night, now outdoors".to_owned()];
    let first = stage.update(1, contested.into(), "title", text(&titles[0]))?;
    let second = stage.update(4, contested.into(), "title", text(&titles[1]))?;
    let split = DocumentViewId::from_tips([first.operation, second.operation]);
    let split = split.expect("two operations are a view");
    let shown = stage.title(&contested)?;
    ensure!(titles.contains(&shown), "the node shows {shown}, which nobody wrote");

    let title = text("Grand Opening Gala, now outdoors");
    let merged = stage.update(5, split.clone(), "title", title)?.operation;

    let delete =
        Operation::Delete { schema: schemas.event.id().clone(), previous: cancelled.into() };
    people.publish(3, &delete)?;
    Ok(Drama { contested, split, shown, merged, cancelled, refusal, operations: REPRICED + 4 })
}

struct Stage<'a> {
    client: &'a Client,
    people: &'a People,
    schemas: &'a Schemas,
}

impl Stage<'_> {
    fn update(
        &self,
        who: usize,
        previous: DocumentViewId,
        name: &str,
        value: Value,
    ) -> Result<Published, ClientError> {
        let schema = self.schemas.event.id().clone();
        let fields = fields([(name, value)]);
        self.people.publish(who, &Operation::Update { schema, previous, fields })
    }

    fn title(&self, event: &DocumentId) -> anyhow::Result<String> {
        let schema = self.schemas.event.id();
        let query = format!("{{ event: {schema}(id: \"{event}\") {{ fields {{ title }} }} }}");
        let data = self.client.query(&query, &json!({}))?;
        Ok(data["event"]["fields"]["title"].as_str().unwrap_or_default().to_owned())
    }

    /// Somebody changes a byte of what another person signed; the node must refuse.
    fn forge(&self, event: DocumentId) -> anyhow::Result<String> {
        let schema = self.schemas.event.id().clone();
        let fields = fields([("title", text("Free beer"))]);
        let payload = Operation::Update { schema, previous: event.into(), fields }.encode();
        let key_pair = &self.people.at(2).key_pair;
        let view = DocumentViewId::from(event);
        let args = self.client.next_args(&key_pair.public_key(), Some(&view))?;
        let mut entry = args.forge(key_pair, &payload).as_bytes().to_vec();
        let last = entry.len() - 1;
        entry[last - 40] ^= 1;
        match self.client.publish(&entry, &payload) {
            Err(ClientError::Refused { message, .. }) => Ok(message),
            Err(other) => Err(other.into()),
            Ok(_) => anyhow::bail!("the node took an entry with a broken signature"),
        }
    }
}
