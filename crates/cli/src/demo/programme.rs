//! Publishing the festival: schemas, places, artists and events.

use anyhow::Context;
use pandan_operations::{DocumentId, Fields, Operation, SchemaId};
use pandan_schema::Schema;

use super::festival;
use super::people::People;
use crate::client::Client;
use crate::definitions;
use crate::schema::build;
use crate::schema::lock::Lock;
use crate::schema::manifest::Manifest;
use crate::schema::workshop::Workshop;

/// The schemas of the festival, as the node knows them.
#[derive(Debug)]
pub(crate) struct Schemas {
    pub(crate) venue: Schema,
    pub(crate) artist: Schema,
    pub(crate) event: Schema,
    /// The documents that define them, with the schemas of those.
    pub(crate) definitions: Vec<(DocumentId, Schema)>,
}

/// What was published.
#[derive(Debug)]
pub(crate) struct Programme {
    pub(crate) venues: Vec<DocumentId>,
    pub(crate) artists: Vec<DocumentId>,
    pub(crate) events: Vec<DocumentId>,
}

impl Programme {
    /// How many documents.
    pub(crate) fn len(&self) -> usize {
        self.venues.len() + self.artists.len() + self.events.len()
    }
}

/// Signs the definitions, publishes them and reads the schemas back from the node.
pub(crate) fn define(client: &Client, people: &People) -> anyhow::Result<Schemas> {
    let manifest = Manifest::parse(festival::SCHEMAS).context("the festival's schemas")?;
    let mut workshop = Workshop::new(&people.at(0).key_pair, Lock::default())?;
    let built = build::build(&mut workshop, &manifest)?;
    for commit in workshop.commits_from(0) {
        client.publish(&commit.entry, &commit.operation)?;
    }
    let find = |name: &str| {
        let found = built.iter().find(|built| built.id.name() == name);
        definitions::schema(client, &found.with_context(|| format!("no schema {name}"))?.id)
    };
    let (venue, artist, event) = (find("venue")?, find("artist")?, find("event")?);
    Ok(Schemas { venue, artist, event, definitions: definitions(&workshop) })
}

/// In a new lock file every commit creates a document.
fn definitions(workshop: &Workshop<'_>) -> Vec<(DocumentId, Schema)> {
    let commits = workshop.commits_from(0).iter().filter_map(|commit| {
        let SchemaId::System(system) = commit.decoded.schema() else { return None };
        Some((DocumentId::from(*commit.entry_hash.as_hash()), Schema::system(*system)))
    });
    commits.collect()
}

/// Publishes all documents.
pub(crate) fn publish(people: &mut People, schemas: &Schemas) -> anyhow::Result<Programme> {
    let venues = people.create_all(&creates(schemas.venue.id(), festival::venues()))?;
    let artists = people.create_all(&creates(schemas.artist.id(), festival::artists()))?;
    let events = festival::events(&venues, &artists);
    let events = people.create_all(&creates(schemas.event.id(), events))?;
    Ok(Programme { venues, artists, events })
}

fn creates(schema: &SchemaId, fields: Vec<Fields>) -> Vec<Operation> {
    let create = |fields| Operation::Create { schema: schema.clone(), fields };
    fields.into_iter().map(create).collect()
}
