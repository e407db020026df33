//! The documents that a lock file makes, and new commits on top of it.

use std::collections::BTreeMap;

use anyhow::Context;
use pandan_bamboo::LogId;
use pandan_documents::{Document, DocumentOperation};
use pandan_identity::{KeyPair, PublicKey};
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Operation, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::{DefinitionView, FieldDefinitionView, Schema, Value};

use super::lock::{Commit, Lock};
use crate::failure::unverified;
use crate::proof::{Logs, Proven};

/// The state after all commits.
#[derive(Debug)]
pub(crate) struct Workshop<'a> {
    key_pair: &'a KeyPair,
    commits: Vec<Commit>,
    documents: BTreeMap<DocumentId, Vec<DocumentOperation>>,
    logs: Logs,
    log_ids: BTreeMap<(PublicKey, DocumentId), LogId>,
}

/// A schema as the commits define it, with the documents that do.
#[derive(Clone, Debug)]
pub(crate) struct Defined {
    pub(crate) document: DocumentId,
    pub(crate) view: DefinitionView,
    pub(crate) fields: Vec<DefinedField>,
}

/// A field as the commits define it.
#[derive(Clone, Debug)]
pub(crate) struct DefinedField {
    pub(crate) document: DocumentId,
    pub(crate) view: FieldDefinitionView,
}

impl<'a> Workshop<'a> {
    /// Plays all commits of a lock file.
    pub(crate) fn new(key_pair: &'a KeyPair, lock: Lock) -> anyhow::Result<Self> {
        let mut workshop = Self {
            key_pair,
            commits: Vec::with_capacity(lock.commits.len()),
            documents: BTreeMap::new(),
            logs: Logs::default(),
            log_ids: BTreeMap::new(),
        };
        for (commit, number) in lock.commits.into_iter().zip(1..) {
            workshop.play(commit).map_err(|error| {
                unverified(format!("commit {number} of the lock file does not hold: {error:#}"))
            })?;
        }
        Ok(workshop)
    }

    /// The lock file with all commits.
    pub(crate) fn into_lock(self) -> Lock {
        Lock { commits: self.commits }
    }

    /// Number of commits.
    pub(crate) fn len(&self) -> usize {
        self.commits.len()
    }

    /// The commits from a place on.
    pub(crate) fn commits_from(&self, start: usize) -> &[Commit] {
        self.commits.get(start..).unwrap_or_default()
    }

    /// The schemas which are defined after all commits, deleted and incomplete ones left out.
    pub(crate) fn defined(&self) -> anyhow::Result<Vec<Defined>> {
        let mut all = Vec::new();
        for (id, operations) in &self.documents {
            if is_of(operations, SystemSchema::SchemaDefinition)
                && let Some(defined) = self.definition(*id, operations)?
            {
                all.push(defined);
            }
        }
        Ok(all)
    }

    /// Commits a new document and returns its id.
    pub(crate) fn create(
        &mut self,
        schema: SystemSchema,
        fields: Vec<(&str, Value)>,
    ) -> anyhow::Result<DocumentId> {
        let log_id = self.logs.unused(self.author()).context("all log ids are used up")?;
        let operation = Operation::Create { schema: schema.into(), fields: raw(fields)? };
        let id = self.commit(log_id, operation)?;
        Ok(id)
    }

    /// Commits a change of a document and returns the id of its new state.
    pub(crate) fn update(
        &mut self,
        document: DocumentId,
        previous: DocumentViewId,
        schema: SystemSchema,
        fields: Vec<(&str, Value)>,
    ) -> anyhow::Result<DocumentViewId> {
        let log_id = match self.log_ids.get(&(self.author(), document)) {
            Some(log_id) => *log_id,
            None => self.logs.unused(self.author()).context("all log ids are used up")?,
        };
        let operation = Operation::Update { schema: schema.into(), previous, fields: raw(fields)? };
        Ok(self.commit(log_id, operation)?.into())
    }

    fn author(&self) -> PublicKey {
        self.key_pair.public_key()
    }

    /// Signs and plays a commit; the result is the hash of its entry.
    fn commit(&mut self, log_id: LogId, operation: Operation) -> anyhow::Result<DocumentId> {
        let args = self.logs.next_args(self.author(), log_id);
        let args = args.with_context(|| format!("log {log_id} has ended"))?;
        let payload = operation.encode();
        let entry = args.forge(self.key_pair, &payload);
        let header = *entry.header();
        let commit = Commit {
            entry_hash: header.hash(),
            entry: entry.as_bytes().to_vec(),
            operation: payload,
            author: self.author(),
            decoded: operation,
        };
        self.play(commit)?;
        Ok(DocumentId::from(*header.hash().as_hash()))
    }

    fn play(&mut self, commit: Commit) -> anyhow::Result<()> {
        let proven = Proven::check(&commit.entry, &commit.operation)?;
        let header = proven.header;
        self.logs.push(header)?;
        let system = match proven.operation.schema() {
            SchemaId::System(system) => *system,
            other => anyhow::bail!("it belongs to schema {other}, not to a schema definition"),
        };
        let operation = proven.typed(&Schema::system(system))?;
        let document = match operation.previous() {
            None => DocumentId::from(operation.id),
            Some(previous) => self.document_of(previous)?,
        };
        self.log_ids.insert((header.public_key(), document), header.log_id());
        self.documents.entry(document).or_default().push(operation);
        self.commits.push(commit);
        Ok(())
    }

    fn document_of(&self, view: &DocumentViewId) -> anyhow::Result<DocumentId> {
        let holds = |operations: &Vec<DocumentOperation>| {
            view.iter().all(|id| operations.iter().any(|operation| operation.id == *id))
        };
        let found = self.documents.iter().find(|(_, operations)| holds(operations));
        found.map(|(id, _)| *id).with_context(|| format!("no earlier commit made {view}"))
    }

    fn definition(
        &self,
        document: DocumentId,
        operations: &[DocumentOperation],
    ) -> anyhow::Result<Option<Defined>> {
        let built = Document::build(operations.iter().cloned())?.into_view();
        let Some(fields) = built.fields else { return Ok(None) };
        let fields = fields.iter().map(|(name, field)| (name.as_str(), &field.value));
        let view = DefinitionView::from_fields(built.id, fields)
            .context("a schema definition lacks fields")?;
        let fields = view.fields.iter().map(|id| self.field(id)).collect::<Result<_, _>>()?;
        Ok(Some(Defined { document, view, fields }))
    }

    fn field(&self, id: &DocumentViewId) -> anyhow::Result<DefinedField> {
        let document = self.document_of(id)?;
        let operations = self.documents.get(&document).into_iter().flatten().cloned();
        let built = Document::build_view(operations, id)?.into_view();
        let fields = built.fields.unwrap_or_default();
        let fields = fields.iter().map(|(name, field)| (name.as_str(), &field.value));
        let view = FieldDefinitionView::from_fields(built.id, fields)
            .with_context(|| format!("{id} is no field definition"))?;
        Ok(DefinedField { document, view })
    }
}

fn is_of(operations: &[DocumentOperation], schema: SystemSchema) -> bool {
    operations.first().is_some_and(|operation| *operation.schema() == SchemaId::from(schema))
}

fn raw(fields: Vec<(&str, Value)>) -> anyhow::Result<Fields> {
    let pairs = fields.into_iter().map(|(name, value)| (name, value.to_raw()));
    Ok(Fields::from_pairs(pairs.collect::<Vec<(&str, RawValue)>>())?)
}
