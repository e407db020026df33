//! What the examples tell: Ada defines a schema and writes a document, Bo writes to it as well.

use pandan_bamboo::{EncodedEntry, EntryHash, LogId, NextArgs};
use pandan_identity::KeyPair;
use pandan_operations::{
    DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SchemaName, SystemSchema,
};

/// An entry and its operation.
pub(crate) struct Written {
    pub(crate) entry: EncodedEntry,
    pub(crate) operation: Operation,
}

impl Written {
    pub(crate) fn id(&self) -> OperationId {
        self.entry.hash().into()
    }

    pub(crate) fn hash(&self) -> EntryHash {
        self.entry.hash()
    }
}

pub(crate) struct Story {
    pub(crate) ada: KeyPair,
    /// The definitions of the fields `edible` and `name`.
    pub(crate) fields: [Written; 2],
    pub(crate) definition: Written,
    pub(crate) schema: SchemaId,
    /// CREATE, two UPDATEs and DELETE in one log of Ada.
    pub(crate) log: [Written; 4],
    /// An UPDATE of Bo that knows nothing but the CREATE.
    pub(crate) bo: Written,
    /// An UPDATE of Bo that knows both sides.
    pub(crate) merge: Written,
}

impl Story {
    pub(crate) fn new() -> Self {
        let (ada, bo) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
        let first = |log_id, operation| write(&ada, NextArgs::first(LogId::new(log_id)), operation);
        let fields = [("edible", "bool"), ("name", "str")];
        let [edible, name] = fields.map(|(name, kind)| field(name, kind));
        let fields = [first(0, edible), first(1, name)];
        let definition = first(2, definition(&fields));
        let name = SchemaName::parse("mushroom").unwrap();
        let schema = SchemaId::application(name, definition.id().into());
        let create = first(
            3,
            Operation::Create {
                schema: schema.clone(),
                fields: Fields::from_iter([
                    ("edible", RawValue::Bool(true)),
                    ("name", RawValue::Str("Fly agaric".into())),
                ]),
            },
        );
        let update = |previous, field: (&str, RawValue)| Operation::Update {
            schema: schema.clone(),
            previous,
            fields: Fields::from_iter([field]),
        };
        let previous = DocumentViewId::from(create.id());
        let edible = |value| ("edible", RawValue::Bool(value));
        let second = write(&ada, after(&create), update(previous.clone(), edible(false)));
        let title = ("name", RawValue::Str("Amanita muscaria".into()));
        let of_bo = write(&bo, NextArgs::first(LogId::new(0)), update(previous, title));
        let both = DocumentViewId::from_tips([second.id(), of_bo.id()]).unwrap();
        let text = RawValue::Str("Fly agaric (Amanita muscaria)".into());
        let merge = write(&bo, after(&of_bo), update(both, ("name", text)));
        let third = write(&ada, after(&second), update(merge.id().into(), edible(false)));
        let delete = Operation::Delete { schema: schema.clone(), previous: third.id().into() };
        let args = NextArgs::after(third.entry.header(), Some(create.hash())).unwrap();
        let fourth = write(&ada, args, delete);
        let log = [create, second, third, fourth];
        Self { ada, fields, definition, schema, log, bo: of_bo, merge }
    }
}

// ANCHOR: write
pub(crate) fn write(author: &KeyPair, args: NextArgs, operation: Operation) -> Written {
    Written { entry: args.forge(author, &operation.encode()), operation }
}
// ANCHOR_END: write

/// For entries 2 and 3, which have no skiplink.
pub(crate) fn after(written: &Written) -> NextArgs {
    NextArgs::after(written.entry.header(), None).unwrap()
}

fn field(name: &str, kind: &str) -> Operation {
    let text = |text: &str| RawValue::Str(text.into());
    Operation::Create {
        schema: SystemSchema::SchemaFieldDefinition.into(),
        fields: Fields::from_iter([("name", text(name)), ("type", text(kind))]),
    }
}

fn definition(fields: &[Written; 2]) -> Operation {
    let pins = fields.iter().map(|field| vec![*field.id().as_hash()]).collect();
    Operation::Create {
        schema: SystemSchema::SchemaDefinition.into(),
        fields: Fields::from_iter([
            ("description", RawValue::Str("What grows in our forest".into())),
            ("fields", RawValue::NestedHashList(pins)),
            ("name", RawValue::Str("mushroom".into())),
        ]),
    }
}
