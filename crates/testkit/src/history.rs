//! What several people wrote.

use pandan_bamboo::{ForkProof, Hash};
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Float, OperationId, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::FieldType;

use crate::{
    Author, Random, Signed, fields, pinned_relation, pinned_relation_list, relation, relation_list,
    text,
};

/// Entries of several authors: they define schemas, change and delete them, and write documents,
/// sometimes without knowing of each other.
#[derive(Clone, Debug)]
pub struct History {
    /// All entries, in an order in which each can be stored.
    pub signed: Vec<Signed>,
}

impl History {
    /// Makes up a history of about so many entries.
    #[must_use]
    pub fn from_seed(seed: u64, length: usize) -> Self {
        Self::from_random(Random::new(seed), length)
    }

    /// Makes up a history of about so many entries, as chance will have it.
    #[must_use]
    pub fn from_random(random: Random, length: usize) -> Self {
        Self::of_people(People::new(random), length)
    }

    /// Makes up a history in which some authors fork their logs, and some begin second ones.
    #[must_use]
    pub fn with_forks(seed: u64, length: usize) -> Self {
        Self::with_forks_from_random(Random::new(seed), length)
    }

    /// Makes up a history with forks, as chance will have it.
    #[must_use]
    pub fn with_forks_from_random(random: Random, length: usize) -> Self {
        Self::of_people(People { forks: true, ..People::new(random) }, length)
    }

    /// The same without schemas that are several states of a definition at a time. With forks, if
    /// asked for.
    #[must_use]
    pub fn with_plain_schemas(random: Random, length: usize, forks: bool) -> Self {
        Self::of_people(People { forks, is_plain: true, ..People::new(random) }, length)
    }

    fn of_people(mut people: People, length: usize) -> Self {
        people.define_schema();
        while people.signed.len() < length {
            people.act();
        }
        Self { signed: people.signed }
    }

    /// The proofs of all pairs of entries at one place, each of which a node may come to know.
    #[must_use]
    pub fn proofs(&self) -> Vec<ForkProof> {
        let entries: Vec<_> = self.signed.iter().map(|signed| &signed.entry).collect();
        let pairs = entries
            .iter()
            .enumerate()
            .flat_map(|(index, one)| entries[..index].iter().map(move |other| (one, other)));
        let proofs =
            pairs.map(|(one, other)| ForkProof::new(&one.as_authentic(), &other.as_authentic()));
        proofs.filter_map(Result::ok).collect()
    }
}

struct People {
    random: Random,
    authors: Vec<Author>,
    documents: Vec<Document>,
    schemas: Vec<Version>,
    signed: Vec<Signed>,
    /// Whether authors fork their logs.
    forks: bool,
    /// Whether a version of a schema is one state of its definition.
    is_plain: bool,
}

struct Document {
    id: DocumentId,
    schema: SchemaId,
    types: Vec<(String, FieldType)>,
    operations: Vec<OperationId>,
    tips: Vec<OperationId>,
}

/// A schema, or a version of one.
#[derive(Clone)]
struct Version {
    id: SchemaId,
    types: Vec<(String, FieldType)>,
}

/// Long enough to tell apart, few enough that updates meet.
const NAMES: [&str; 6] = ["alpha", "b", "c_3", "Delta", "e", "zeta"];

impl People {
    fn new(random: Random) -> Self {
        let authors = (1..=4).map(Author::new).collect();
        let (documents, schemas, signed) = (Vec::new(), Vec::new(), Vec::new());
        Self { random, authors, documents, schemas, signed, forks: false, is_plain: false }
    }

    fn act(&mut self) {
        if self.forks && self.random.chance(15) {
            return self.fork();
        }
        match self.random.below(100) {
            0..4 => self.define_schema(),
            4..10 => self.new_version(),
            10..30 => self.create(),
            30..36 => self.delete(),
            _ => self.update(),
        }
    }

    /// Lets an author go on from an earlier place of one of its logs, or in another log.
    fn fork(&mut self) {
        let (author, index) = (self.author(), self.random.below(self.documents.len()));
        let document = self.documents[index].id;
        let length = self.authors[author].length_of(document);
        if length == 0 {
            return;
        }
        let copy = match self.random.chance(20) {
            true => self.authors[author].without_log(document),
            false => self.authors[author].copy_at(document, self.random.below(length)),
        };
        let line = std::mem::replace(&mut self.authors[author], copy);
        // What an author without entries begins may be a document of its own.
        if self.authors[author].length_of(document) == 0 && self.random.chance(30) {
            self.create_by(author);
        } else {
            for _ in 0..=self.random.below(3) {
                self.change_by(author, index);
            }
        }
        if self.random.chance(60) {
            self.authors[author] = line;
        }
    }

    fn change_by(&mut self, author: usize, index: usize) {
        let types = self.documents[index].types.clone();
        let view = self.some_view(index);
        let is_definition = types.is_empty();
        let values = match self.random.chance(85) && !is_definition {
            true => Some(self.values(&types, false)),
            false => None,
        };
        let signed = self.change(author, index, &view, values);
        self.signed.push(signed);
    }

    fn author(&mut self) -> usize {
        self.random.below(self.authors.len())
    }

    /// Adds a document that was just begun.
    fn begun(&mut self, signed: Signed, version: Version) {
        let Version { id: schema, types } = version;
        let (id, operation) = (signed.document(), signed.id());
        let (operations, tips) = (vec![operation], vec![operation]);
        self.documents.push(Document { id, schema, types, operations, tips });
        self.signed.push(signed);
    }

    fn define_field(&mut self, name: &str) -> (DocumentViewId, (String, FieldType)) {
        let field_type = self.field_type();
        let author = self.author();
        let signed = self.authors[author].define_field(name, &field_type);
        let view = signed.view();
        self.begun(signed, system(SystemSchema::SchemaFieldDefinition));
        (view, (name.into(), field_type))
    }

    fn define_schema(&mut self) {
        let names = self.random.some(&NAMES, 4);
        let defined: Vec<_> = names.into_iter().map(|name| self.define_field(name)).collect();
        let (views, mut types): (Vec<_>, Vec<_>) = defined.into_iter().unzip();
        types.sort();
        let author = self.author();
        let signed = self.authors[author].define_schema("thing", &views);
        let id = schema_id("thing", &signed.view());
        self.begun(signed, system(SystemSchema::SchemaDefinition));
        self.schemas.push(Version { id, types });
    }

    /// Renames a schema on top of some state of it, or does so to two concurrent states.
    fn new_version(&mut self) {
        let Some(schema) = self.schemas.get(self.random.below(self.schemas.len())).cloned() else {
            return;
        };
        let Some(view) = schema.id.view_id().cloned() else { return };
        let Some(index) = self
            .documents
            .iter()
            .position(|document| document.operations.contains(&view.as_slice()[0]))
        else {
            return;
        };
        let branches = 1 + self.random.below(3);
        let mut tips = Vec::new();
        for _ in 0..branches {
            // All branches get one name, so that whichever wins gives the same.
            let values = fields([("name", text("renamed"))]);
            let author = self.author();
            let signed = self.change(author, index, &view, Some(values));
            tips.push(signed.id());
            self.signed.push(signed);
        }
        let some = self.random.some(&tips, if self.is_plain { 1 } else { branches });
        let view = DocumentViewId::from_tips(some).expect("there is at least one");
        self.schemas.push(Version { id: schema_id("renamed", &view), types: schema.types });
    }

    fn create(&mut self) {
        let author = self.author();
        self.create_by(author);
    }

    fn create_by(&mut self, author: usize) {
        let version = match self.random.below(10) {
            0 => system(SystemSchema::BlobPiece),
            _ => self.random.pick(&self.schemas).clone(),
        };
        let values = self.values(&version.types, true);
        let signed = self.authors[author].create(&version.id, values);
        self.begun(signed, version);
    }

    fn update(&mut self) {
        let Some(index) = self.some_document() else { return };
        let types = self.documents[index].types.clone();
        let values = self.values(&types, false);
        let view = self.some_view(index);
        let author = self.author();
        let signed = self.change(author, index, &view, Some(values));
        self.signed.push(signed);
    }

    fn delete(&mut self) {
        // Schemas and fields are deleted as well, but seldom.
        let index = match self.random.chance(85) {
            true => self.some_document(),
            false => Some(self.random.below(self.documents.len())),
        };
        let Some(index) = index else { return };
        let view = self.some_view(index);
        let author = self.author();
        let signed = self.change(author, index, &view, None);
        self.signed.push(signed);
    }

    /// A document that defines nothing.
    fn some_document(&mut self) -> Option<usize> {
        let is_definition = |document: &Document| {
            matches!(
                document.schema,
                SchemaId::System(
                    SystemSchema::SchemaDefinition | SystemSchema::SchemaFieldDefinition
                )
            )
        };
        let indexes: Vec<_> =
            (0..self.documents.len()).filter(|&it| !is_definition(&self.documents[it])).collect();
        (!indexes.is_empty()).then(|| *self.random.pick(&indexes))
    }

    /// Mostly the latest state of a document, else what somebody may have known before, ancestors
    /// beside descendants included.
    fn some_view(&mut self, index: usize) -> DocumentViewId {
        let document = &self.documents[index];
        let tips = if self.random.chance(60) {
            document.tips.clone()
        } else {
            self.random.some(&document.operations, 3)
        };
        DocumentViewId::from_tips(tips).expect("a document has operations")
    }

    /// Signs an UPDATE, or a DELETE when there are no values.
    fn change(
        &mut self,
        author: usize,
        index: usize,
        previous: &DocumentViewId,
        values: Option<Fields>,
    ) -> Signed {
        let (author, document) = (&mut self.authors[author], &mut self.documents[index]);
        let signed = match values {
            Some(values) => author.update(document.id, &document.schema, previous, values),
            None => author.delete(document.id, &document.schema, previous),
        };
        document.tips.retain(|tip| !previous.contains(tip));
        document.tips.push(signed.id());
        document.operations.push(signed.id());
        signed
    }

    fn field_type(&mut self) -> FieldType {
        let targets: Vec<_> = self.schemas.iter().map(|version| version.id.clone()).collect();
        let target = match targets.as_slice() {
            [] => SystemSchema::BlobPiece.into(),
            targets => self.random.pick(targets).clone(),
        };
        match self.random.below(9) {
            0 => FieldType::Bool,
            1 => FieldType::Int,
            2 => FieldType::Float,
            3 => FieldType::Str,
            4 => FieldType::Bytes,
            5 => FieldType::Relation(target),
            6 => FieldType::RelationList(target),
            7 => FieldType::PinnedRelation(target),
            _ => FieldType::PinnedRelationList(target),
        }
    }

    /// Values for all fields, or for some.
    fn values(&mut self, types: &[(String, FieldType)], all: bool) -> Fields {
        let mut values = Vec::new();
        for (name, field_type) in types {
            if all || self.random.chance(50) {
                values.push((name.as_str(), self.value(field_type)));
            }
        }
        fields(values)
    }

    fn value(&mut self, field_type: &FieldType) -> RawValue {
        let few = self.random.below(4);
        let number = i64::try_from(self.random.below(7)).unwrap_or(0) - 3;
        match field_type {
            FieldType::Bool => RawValue::Bool(few > 1),
            FieldType::Int => RawValue::Int(*self.random.pick(&[number, i64::MIN, i64::MAX])),
            FieldType::Float => {
                let odd = [0.0, -0.0, 0.1, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
                RawValue::Float(Float::new(*self.random.pick(&odd)))
            }
            FieldType::Str => {
                text(self.random.pick::<&str>(&["", "a", "A", "ä", "b\0c", "100%", "x_y"]))
            }
            FieldType::Bytes => RawValue::Bytes(vec![7; few]),
            FieldType::Relation(_) => relation(self.some_target()),
            FieldType::RelationList(_) => {
                relation_list(&(0..few).map(|_| self.some_target()).collect::<Vec<_>>())
            }
            FieldType::PinnedRelation(_) => pinned_relation(&self.some_pin()),
            FieldType::PinnedRelationList(_) => {
                pinned_relation_list(&(0..few).map(|_| self.some_pin()).collect::<Vec<_>>())
            }
        }
    }

    fn some_target(&mut self) -> DocumentId {
        match self.documents.len() {
            0 => DocumentId::from_hash(Hash::of(b"nothing")),
            count => self.documents[self.random.below(count)].id,
        }
    }

    fn some_pin(&mut self) -> DocumentViewId {
        match self.documents.len() {
            0 => DocumentId::from_hash(Hash::of(b"nothing")).into(),
            count => {
                let index = self.random.below(count);
                self.some_view(index)
            }
        }
    }
}

fn schema_id(name: &str, view: &DocumentViewId) -> SchemaId {
    SchemaId::application(name.parse().expect("the name is good"), view.clone())
}

fn system(system: SystemSchema) -> Version {
    let types = match system {
        SystemSchema::BlobPiece => vec![("data".into(), FieldType::Bytes)],
        _ => Vec::new(),
    };
    Version { id: system.into(), types }
}
