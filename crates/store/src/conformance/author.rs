//! People who write: they sign entries and keep track of their logs.

use std::collections::BTreeMap;

use pandan_admission::Candidate;
use pandan_bamboo::{EncodedEntry, EntryHash, LogId, NextArgs, SeqNum};
use pandan_identity::{KeyPair, PublicKey};
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId,
};
use pandan_schema::{FieldType, SystemSchema};

/// An author with a key pair and logs of its own, one for each document that it writes.
///
/// Everything is signed without asking a store, so that entries can be handed over late, in
/// batches and in another order.
#[derive(Clone, Debug)]
pub struct Author {
    key_pair: KeyPair,
    next_log: Option<LogId>,
    logs: BTreeMap<DocumentId, Vec<EncodedEntry>>,
}

/// A signed entry and its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The entry.
    pub entry: EncodedEntry,
    /// The encoded operation.
    pub payload: Vec<u8>,
}

impl Author {
    /// The author whose secret seed consists of this number.
    #[must_use]
    pub fn new(number: u8) -> Self {
        Self::with_key_pair(KeyPair::from_seed(&[number; 32]))
    }

    /// An author with this key pair, who has not written anything yet.
    #[must_use]
    pub const fn with_key_pair(key_pair: KeyPair) -> Self {
        Self { key_pair, next_log: Some(LogId::new(0)), logs: BTreeMap::new() }
    }

    /// Writes its next document in this log.
    #[must_use]
    pub const fn from_log(mut self, log_id: LogId) -> Self {
        self.next_log = Some(log_id);
        self
    }

    /// The key pair.
    #[must_use]
    pub const fn key_pair(&self) -> &KeyPair {
        &self.key_pair
    }

    /// The name of the author.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key_pair.public_key()
    }

    /// Begins a document.
    ///
    /// # Panics
    ///
    /// If all log ids are used up.
    pub fn create(&mut self, schema: &SchemaId, fields: Fields) -> Signed {
        let args = NextArgs::first(self.take_log());
        let signed = self.sign(&args, &Operation::Create { schema: schema.clone(), fields });
        self.logs.insert(signed.document(), vec![signed.entry]);
        signed
    }

    /// Changes fields of a document.
    pub fn update(
        &mut self,
        document: DocumentId,
        schema: &SchemaId,
        previous: &DocumentViewId,
        fields: Fields,
    ) -> Signed {
        let (schema, previous) = (schema.clone(), previous.clone());
        self.append(document, &Operation::Update { schema, previous, fields })
    }

    /// Deletes a document.
    pub fn delete(
        &mut self,
        document: DocumentId,
        schema: &SchemaId,
        previous: &DocumentViewId,
    ) -> Signed {
        let (schema, previous) = (schema.clone(), previous.clone());
        self.append(document, &Operation::Delete { schema, previous })
    }

    /// Signs an operation as the next entry of the log for a document.
    pub fn append(&mut self, document: DocumentId, operation: &Operation) -> Signed {
        let args = self.next_args(document);
        let signed = self.sign(&args, operation);
        self.logs.entry(document).or_default().push(signed.entry);
        signed
    }

    /// Signs an operation at any place, without remembering it.
    #[must_use]
    pub fn sign(&self, args: &NextArgs, operation: &Operation) -> Signed {
        let payload = operation.encode();
        Signed { entry: args.forge(&self.key_pair, &payload), payload }
    }

    /// The arguments for the next entry by this author in a document.
    pub fn next_args(&mut self, document: DocumentId) -> NextArgs {
        let Some(tip) = self.logs.get(&document).and_then(|log| log.last()) else {
            return NextArgs::first(self.take_log());
        };
        let target = tip.header().seq_num().next().and_then(SeqNum::skiplink);
        let skiplink = target.and_then(|target| self.hash_at(document, target));
        NextArgs::after(tip.header(), skiplink).expect("an author knows all of its own log")
    }

    /// The author as it would be with nothing but the first `length` entries of its log for a
    /// document: what it writes there from now on forks the log. Without any entry the log is the
    /// next one that it begins.
    #[must_use]
    pub fn copy_at(&self, document: DocumentId, length: usize) -> Self {
        let mut copy = self.clone();
        let log = copy.logs.entry(document).or_default();
        let log_id = log.first().map(|entry| entry.header().log_id());
        log.truncate(length);
        if log.is_empty() {
            copy.logs.remove(&document);
            copy.next_log = log_id.or(copy.next_log);
        }
        copy
    }

    /// The author as it would be had it lost what it wrote in a document: it begins another log.
    #[must_use]
    pub fn without_log(&self, document: DocumentId) -> Self {
        let mut copy = self.clone();
        copy.logs.remove(&document);
        copy
    }

    /// How many entries its log for a document has.
    #[must_use]
    pub fn length_of(&self, document: DocumentId) -> usize {
        self.logs.get(&document).map_or(0, Vec::len)
    }

    /// The hash of the author's entry at a place of its log for a document.
    #[must_use]
    pub fn hash_at(&self, document: DocumentId, seq_num: SeqNum) -> Option<EntryHash> {
        let index = usize::try_from(seq_num.number() - 1).ok()?;
        self.logs.get(&document)?.get(index).map(EncodedEntry::hash)
    }

    fn take_log(&mut self) -> LogId {
        let log_id = self.next_log.expect("there are log ids left");
        self.next_log = log_id.next();
        log_id
    }

    /// Writes the documents that define a schema: its fields, then the definition.
    ///
    /// Returns what was signed, in an order in which it can be published.
    pub fn define(&mut self, name: &str, fields: &[(&str, FieldType)]) -> Definition {
        let mut signed: Vec<_> =
            fields.iter().map(|(name, field_type)| self.define_field(name, field_type)).collect();
        let views: Vec<_> = signed.iter().map(Signed::view).collect();
        let definition = self.define_schema(name, &views);
        let id = format!("{name}_{}", definition.view());
        let schema = id.parse().expect("the name is one of a schema");
        let document = definition.document();
        signed.push(definition);
        Definition { schema, document, signed }
    }

    /// Writes the document that defines a field.
    pub fn define_field(&mut self, name: &str, field_type: &FieldType) -> Signed {
        let values = [("name", text(name)), ("type", text(&field_type.to_string()))];
        self.create(&SystemSchema::SchemaFieldDefinition.into(), fields(values))
    }

    /// Writes the document that defines a schema.
    pub fn define_schema(&mut self, name: &str, fields_views: &[DocumentViewId]) -> Signed {
        let values = [
            ("name", text(name)),
            ("description", text("")),
            ("fields", pinned_relation_list(fields_views)),
        ];
        self.create(&SystemSchema::SchemaDefinition.into(), fields(values))
    }
}

/// The documents that define a schema.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The id that the schema will have.
    pub schema: SchemaId,
    /// The document of the definition.
    pub document: DocumentId,
    /// All entries, that of the definition last.
    pub signed: Vec<Signed>,
}

impl Signed {
    /// The schema that the operation claims to follow.
    ///
    /// # Panics
    ///
    /// If the payload is not an operation.
    #[must_use]
    pub fn schema(&self) -> SchemaId {
        Operation::decode(&self.payload).expect("it is an operation").schema().clone()
    }

    /// The operation, named by the hash of the entry.
    #[must_use]
    pub const fn id(&self) -> OperationId {
        OperationId::from_hash(*self.entry.header().hash().as_hash())
    }

    /// The document, if the operation is a CREATE.
    #[must_use]
    pub const fn document(&self) -> DocumentId {
        DocumentId::from_hash(*self.entry.header().hash().as_hash())
    }

    /// The state right behind the operation.
    #[must_use]
    pub fn view(&self) -> DocumentViewId {
        self.id().into()
    }

    /// What a store takes.
    ///
    /// # Panics
    ///
    /// If entry and payload do not belong together: they were signed here, so they do.
    #[must_use]
    pub fn candidate(&self) -> Candidate {
        Candidate::examine(self.entry.as_bytes(), &self.payload)
            .expect("what an author signs is a well-formed entry with its operation")
    }
}

/// Fields of an operation.
///
/// # Panics
///
/// If a name comes twice.
#[must_use]
pub fn fields<'a>(pairs: impl IntoIterator<Item = (&'a str, RawValue)>) -> Fields {
    Fields::from_pairs(pairs).expect("every field is given once")
}

/// A text.
#[must_use]
pub fn text(text: &str) -> RawValue {
    RawValue::Str(text.into())
}

/// A relation.
#[must_use]
pub fn relation(id: DocumentId) -> RawValue {
    RawValue::Bytes(id.encode().to_vec())
}

/// A list of relations.
#[must_use]
pub fn relation_list(ids: &[DocumentId]) -> RawValue {
    RawValue::HashList(ids.iter().map(|id| *id.as_hash()).collect())
}

/// A pinned relation.
#[must_use]
pub fn pinned_relation(id: &DocumentViewId) -> RawValue {
    RawValue::HashList(id.iter().map(|id| *id.as_hash()).collect())
}

/// A list of pinned relations.
#[must_use]
pub fn pinned_relation_list(ids: &[DocumentViewId]) -> RawValue {
    // Encoded, an empty list is the same in both kinds of lists.
    if ids.is_empty() {
        return RawValue::HashList(Vec::new());
    }
    let hashes = |id: &DocumentViewId| id.iter().map(|id| *id.as_hash()).collect();
    RawValue::NestedHashList(ids.iter().map(hashes).collect())
}
