//! What a request asks for, with everything about it settled: fragments put in, variables replaced,
//! arguments read, limits kept. A plan refers to no text and can be carried out on any thread.

use std::borrow::Cow;
use std::sync::Arc;

use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId};
use pandan_schema::{FieldName, Schema};
use pandan_store::ForkQuery;
use pandan_store::cursor::Cursor;
use pandan_store::query::{Condition, Order, Selection, Window};

use super::answer::Key;
use super::error::Error;
use super::introspection::{IntroPlan, Subject};
use super::syntax::Location;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) is_mutation: bool,
    pub(crate) fields: Vec<RootField>,
}

#[derive(Debug)]
pub(crate) struct RootField {
    pub(crate) key: Key,
    pub(crate) at: Location,
    /// Whether the answer can be null; an error in a field that cannot takes all others with it.
    pub(crate) is_nullable: bool,
    pub(crate) root: Result<Root, Error>,
}

#[derive(Debug)]
pub(crate) enum Root {
    TypeName(Cow<'static, str>),
    NextArgs { author: PublicKey, view: Option<DocumentViewId>, leaves: Leaves },
    Publish { entry: Vec<u8>, operation: Vec<u8>, leaves: Leaves },
    Document { target: Target, plan: DocumentPlan },
    Collection { arguments: CollectionArguments, plan: CollectionPlan },
    DocumentEntries { document: DocumentId, skip: usize, first: usize, leaves: Leaves },
    LogEntries { author: PublicKey, log_id: LogId, from: SeqNum, first: usize, leaves: Leaves },
    Forks { query: ForkQuery, plan: ForksPlan },
    Parts { document: Option<DocumentId>, leaves: Leaves },
    Introspection { subject: Option<Subject>, plan: IntroPlan },
}

#[derive(Debug)]
pub(crate) struct ForksPlan {
    pub(crate) type_name: Cow<'static, str>,
    pub(crate) fields: Vec<(Key, ForksField)>,
}

#[derive(Debug)]
pub(crate) enum ForksField {
    TypeName,
    TotalCount,
    HasNextPage,
    EndCursor,
    Forks(Leaves),
}

/// The fields selected of an object whose fields lead no further: answer key and field name.
#[derive(Debug)]
pub(crate) struct Leaves {
    pub(crate) type_name: Cow<'static, str>,
    pub(crate) fields: Vec<(Key, Key)>,
}

#[derive(Debug)]
pub(crate) enum Target {
    Document(DocumentId),
    View(DocumentViewId),
}

#[derive(Debug)]
pub(crate) struct DocumentPlan {
    pub(crate) schema: Arc<Schema>,
    pub(crate) type_name: Key,
    pub(crate) fields: Vec<(Key, DocumentField)>,
}

#[derive(Debug)]
pub(crate) enum DocumentField {
    TypeName,
    Cursor,
    Meta(Leaves),
    Fields(FieldsPlan),
}

#[derive(Debug)]
pub(crate) struct FieldsPlan {
    pub(crate) type_name: Key,
    pub(crate) fields: Vec<(Key, ValueField)>,
}

#[derive(Debug)]
pub(crate) enum ValueField {
    TypeName,
    Plain(FieldName),
    Relation(FieldName, DocumentPlan),
    List(FieldName, Box<CollectionArguments>, CollectionPlan),
}

#[derive(Debug)]
pub(crate) struct CollectionPlan {
    pub(crate) schema: Arc<Schema>,
    pub(crate) type_name: Key,
    pub(crate) fields: Vec<(Key, CollectionField)>,
}

#[derive(Debug)]
pub(crate) enum CollectionField {
    TypeName,
    TotalCount,
    HasNextPage,
    EndCursor,
    Documents(DocumentPlan),
}

#[derive(Clone, Debug)]
pub(crate) struct CollectionArguments {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) order: Option<Order>,
    pub(crate) first: usize,
    pub(crate) after: Option<Cursor>,
}

impl CollectionArguments {
    /// The part of the result that a plan shows.
    pub(crate) fn window(&self, plan: &CollectionPlan) -> Window {
        let first = if plan.shows_page() { self.first } else { 1 };
        Window { first, after: self.after.clone(), count: plan.counts() }
    }
}

impl DocumentPlan {
    /// The fields that the store has to load.
    pub(crate) fn selection(&self) -> Selection {
        let mut names = Vec::new();
        self.add_names(&mut names);
        Selection::Only(names)
    }

    fn add_names(&self, names: &mut Vec<FieldName>) {
        for (_, field) in &self.fields {
            let DocumentField::Fields(plan) = field else { continue };
            for (_, field) in &plan.fields {
                let (ValueField::Plain(name)
                | ValueField::Relation(name, _)
                | ValueField::List(name, ..)) = field
                else {
                    continue;
                };
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
    }
}

impl CollectionPlan {
    /// The fields that the store has to load, for all selections of documents together.
    pub(crate) fn selection(&self) -> Selection {
        let mut names = Vec::new();
        for (_, field) in &self.fields {
            if let CollectionField::Documents(plan) = field {
                plan.add_names(&mut names);
            }
        }
        Selection::Only(names)
    }

    /// Whether the size of the whole result is asked for.
    pub(crate) fn counts(&self) -> bool {
        self.fields.iter().any(|(_, field)| matches!(field, CollectionField::TotalCount))
    }

    /// Whether anything of the page itself is asked for.
    pub(crate) fn shows_page(&self) -> bool {
        self.fields.iter().any(|(_, field)| {
            !matches!(field, CollectionField::TotalCount | CollectionField::TypeName)
        })
    }
}
