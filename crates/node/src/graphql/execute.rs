//! Carries plans out on a snapshot.
//!
//! A plan is answered level by level: what one field of all documents of a level leads to is loaded
//! in one read, so the number of reads depends on what is asked for and never on how much is found.

use std::collections::HashMap;
use std::sync::Arc;

use pandan_admission::NextArgsError;
use pandan_bamboo::NextArgs;
use pandan_identity::hex;
use pandan_operations::{DocumentId, DocumentViewId};
use pandan_schema::{FieldName, Value};
use pandan_store::cursor::Cursor;
use pandan_store::query::{CollectionQuery, List, Page, Targets};
use pandan_store::{DocumentRecord, Snapshot, StoreError, StoredEntry};
use thiserror::Error;

use super::answer::{Answer, Key, written_length};
use super::api::Api;
use super::budget::{Budget, Exceeded};
use super::introspection;
use super::plan::{
    CollectionArguments, CollectionField, CollectionPlan, DocumentField, DocumentPlan, FieldsPlan,
    Leaves, Root, Target, ValueField,
};
use crate::text;

/// Why a field of a query has no answer.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    #[error(transparent)]
    NextArgs(#[from] NextArgsError),
}

pub(super) type Read<T> = Result<T, ReadError>;

/// Reads of one request: all of one moment, within one budget.
pub(crate) struct Reader<'a> {
    pub(crate) api: &'a Api,
    pub(crate) snapshot: &'a dyn Snapshot,
    pub(crate) budget: &'a mut Budget,
}

/// A document to show, and its place in the result it was found in.
struct Row<'r> {
    record: &'r DocumentRecord,
    cursor: Option<&'r Cursor>,
}

impl Reader<'_> {
    /// Answers a root field of a query.
    pub(crate) fn root(&mut self, root: &Root) -> Read<Answer> {
        self.budget.check_time()?;
        match root {
            Root::TypeName(name) => Ok(Answer::text(name)),
            Root::NextArgs { author, view, leaves } => {
                let arguments = self.snapshot.next_args(author, view.as_ref())??;
                Ok(next_args(&arguments, leaves))
            }
            Root::Document { target, plan } => self.single(target, plan),
            Root::Collection { arguments, plan } => self.collection(arguments, plan),
            Root::DocumentEntries { document, skip, first, leaves } => {
                let entries = self.document_entries(document, *skip, *first)?;
                self.entries(&entries, leaves)
            }
            Root::LogEntries { author, log_id, from, first, leaves } => {
                let entries = self.log_entries(author, *log_id, *from, *first)?;
                self.entries(&entries, leaves)
            }
            Root::Forks { query, plan } => self.forks(query, plan),
            Root::Parts { document, leaves } => self.parts(document.as_ref(), leaves),
            Root::Introspection { subject: Some(subject), plan } => {
                Ok(introspection::answer(self.api, subject, plan, self.budget)?)
            }
            Root::Introspection { subject: None, .. } | Root::Publish { .. } => Ok(Answer::Null),
        }
    }

    fn single(&mut self, target: &Target, plan: &DocumentPlan) -> Read<Answer> {
        let found = match target {
            Target::Document(id) => self.snapshot.documents(&[*id], &plan.selection())?,
            Target::View(id) => self.snapshot.views(std::slice::from_ref(id))?,
        };
        let found = found.into_iter().next().flatten().filter(|record| is_shown(record, plan));
        let Some(record) = found else { return Ok(Answer::Null) };
        let answers = self.documents(plan, &[Row { record: &record, cursor: None }])?;
        Ok(answers.into_iter().next().unwrap_or(Answer::Null))
    }

    fn collection(
        &mut self,
        arguments: &CollectionArguments,
        plan: &CollectionPlan,
    ) -> Read<Answer> {
        let page = self.page(CollectionQuery {
            schema: Arc::clone(&plan.schema),
            conditions: arguments.conditions.clone(),
            order: arguments.order.clone().unwrap_or_default(),
            window: arguments.window(plan),
            selection: plan.selection(),
        })?;
        let answers = self.pages(plan, &[page])?;
        Ok(answers.into_iter().next().unwrap_or(Answer::Null))
    }

    /// Shows pages that were asked for in the same way.
    fn pages(&mut self, plan: &CollectionPlan, pages: &[Page]) -> Read<Vec<Answer>> {
        self.table(pages.len(), &plan.fields, |reader, field| {
            let each = |show: &dyn Fn(&Page) -> Answer| pages.iter().map(show).collect();
            Ok(match field {
                CollectionField::TypeName => each(&|_| Answer::Str(Key::clone(&plan.type_name))),
                CollectionField::HasNextPage => each(&|page| Answer::Bool(page.has_next)),
                CollectionField::TotalCount => each(&|page| {
                    page.total.map_or(Answer::Null, |total| {
                        Answer::Int(i64::try_from(total).unwrap_or(i64::MAX))
                    })
                }),
                CollectionField::EndCursor => each(&|page| {
                    page.items.last().map_or(Answer::Null, |item| cursor_text(&item.cursor))
                }),
                CollectionField::Documents(plan) => reader.page_documents(plan, pages)?,
            })
        })
    }

    fn page_documents(&mut self, plan: &DocumentPlan, pages: &[Page]) -> Read<Vec<Answer>> {
        let items = pages.iter().flat_map(|page| &page.items);
        let rows: Vec<Row<'_>> =
            items.map(|item| Row { record: &item.document, cursor: Some(&item.cursor) }).collect();
        let mut answers = self.documents(plan, &rows)?.into_iter();
        let take = |page: &Page| Answer::List(answers.by_ref().take(page.items.len()).collect());
        Ok(pages.iter().map(take).collect())
    }

    /// Shows documents, all in the same way.
    fn documents(&mut self, plan: &DocumentPlan, rows: &[Row<'_>]) -> Read<Vec<Answer>> {
        self.table(rows.len(), &plan.fields, |reader, field| match field {
            DocumentField::TypeName => {
                Ok(rows.iter().map(|_| Answer::Str(Key::clone(&plan.type_name))).collect())
            }
            DocumentField::Cursor => rows.iter().map(|row| reader.cursor(row.cursor)).collect(),
            DocumentField::Meta(leaves) => reader.metas(leaves, rows),
            DocumentField::Fields(plan) => reader.fields(plan, rows),
        })
    }

    /// Shows documents apart from their fields.
    fn metas(&mut self, leaves: &Leaves, rows: &[Row<'_>]) -> Read<Vec<Answer>> {
        let asks_for_forks = leaves.fields.iter().any(|(_, name)| &**name == FORKED);
        let forked = if asks_for_forks {
            let ids: Vec<_> = rows.iter().map(|row| row.record.id).collect();
            self.snapshot.have_void(&ids)?
        } else {
            vec![false; rows.len()]
        };
        let rows = rows.iter().zip(forked);
        rows.map(|(row, forked)| self.meta(row.record, forked, leaves)).collect()
    }

    /// Shows the fields of documents; deleted documents have none.
    fn fields(&mut self, plan: &FieldsPlan, rows: &[Row<'_>]) -> Read<Vec<Answer>> {
        let live: Vec<&DocumentRecord> =
            rows.iter().map(|row| row.record).filter(|record| !record.is_deleted()).collect();
        let answers = self.table(live.len(), &plan.fields, |reader, field| match field {
            ValueField::TypeName => {
                Ok(live.iter().map(|_| Answer::Str(Key::clone(&plan.type_name))).collect())
            }
            ValueField::Plain(name) => {
                live.iter().map(|record| reader.plain(record.field(name.as_str()))).collect()
            }
            ValueField::Relation(name, plan) => reader.relations(name, plan, &live),
            ValueField::List(name, arguments, plan) => reader.lists(name, arguments, plan, &live),
        })?;
        let mut answers = answers.into_iter();
        let show = |row: &Row<'_>| {
            if row.record.is_deleted() { None } else { answers.next() }.unwrap_or(Answer::Null)
        };
        Ok(rows.iter().map(show).collect())
    }

    fn plain(&mut self, value: Option<&Value>) -> Read<Answer> {
        Ok(match value {
            Some(Value::Bool(value)) => Answer::Bool(*value),
            Some(Value::Int(number)) => Answer::Int(*number),
            Some(Value::Float(number)) => Answer::Float(number.get()),
            Some(Value::Str(text)) => {
                self.budget.take_bytes(written_length(text))?;
                Answer::Str(text.as_str().into())
            }
            Some(Value::Bytes(bytes)) => {
                self.budget.take_bytes(bytes.len().saturating_mul(2))?;
                Answer::Str(hex::encode(bytes).into())
            }
            _ => Answer::Null,
        })
    }

    /// Follows a relation of many documents at once.
    fn relations(
        &mut self,
        name: &FieldName,
        plan: &DocumentPlan,
        records: &[&DocumentRecord],
    ) -> Read<Vec<Answer>> {
        let mut documents = Distinct::<DocumentId>::default();
        let mut views = Distinct::<DocumentViewId>::default();
        let places: Vec<Place> = records
            .iter()
            .map(|record| match record.field(name.as_str()) {
                Some(Value::Relation(id)) => Place::Document(documents.add(id)),
                Some(Value::PinnedRelation(id)) => Place::View(views.add(id)),
                _ => Place::Nowhere,
            })
            .collect();
        let documents = self
            .load(&documents.items, |snapshot, ids| snapshot.documents(ids, &plan.selection()))?;
        let views = self.load(&views.items, |snapshot, ids| snapshot.views(ids))?;
        let find = |place: &Place| {
            match place {
                Place::Document(index) => documents.get(*index)?.as_ref(),
                Place::View(index) => views.get(*index)?.as_ref(),
                Place::Nowhere => None,
            }
            .filter(|record| is_shown(record, plan))
        };
        let found: Vec<Option<&DocumentRecord>> = places.iter().map(find).collect();
        let rows: Vec<Row<'_>> =
            found.iter().flatten().map(|record| Row { record, cursor: None }).collect();
        let mut answers = self.documents(plan, &rows)?.into_iter();
        Ok(found
            .iter()
            .map(|record| record.and_then(|_| answers.next()).unwrap_or(Answer::Null))
            .collect())
    }

    /// Follows a relation list of many documents at once.
    fn lists(
        &mut self,
        name: &FieldName,
        arguments: &CollectionArguments,
        plan: &CollectionPlan,
        records: &[&DocumentRecord],
    ) -> Read<Vec<Answer>> {
        let lists = records.iter().map(|record| list(record, name)).collect();
        let pages = self.list_pages(lists, arguments, plan)?;
        self.pages(plan, &pages)
    }

    fn cursor(&mut self, cursor: Option<&Cursor>) -> Read<Answer> {
        let answer = cursor.map_or(Answer::Null, cursor_text);
        self.budget.take_text(&answer)?;
        Ok(answer)
    }

    fn meta(&mut self, record: &DocumentRecord, forked: bool, leaves: &Leaves) -> Read<Answer> {
        self.leaves(leaves, |name| match name {
            "documentId" => Answer::text(record.id),
            "viewId" => Answer::text(&record.view_id),
            "owner" => Answer::text(record.owner),
            FORKED => Answer::Bool(forked),
            _ => Answer::Null,
        })
    }

    fn entries(&mut self, entries: &[StoredEntry], leaves: &Leaves) -> Read<Answer> {
        let show = |stored: &StoredEntry| {
            self.leaves(leaves, |name| match name {
                "entry" => Answer::Str(hex::encode(stored.entry.as_bytes()).into()),
                "operation" => Answer::optional(stored.operation.as_deref().map(hex::encode)),
                _ => Answer::Null,
            })
        };
        Ok(Answer::List(entries.iter().map(show).collect::<Read<_>>()?))
    }

    /// Shows an object without further objects in it.
    pub(super) fn leaves(
        &mut self,
        leaves: &Leaves,
        value: impl Fn(&str) -> Answer,
    ) -> Read<Answer> {
        self.budget.take_objects(1, &leaves.fields)?;
        let mut fields = Vec::with_capacity(leaves.fields.len());
        for (key, name) in &leaves.fields {
            let answer = leaf(leaves, name, &value);
            self.budget.take_text(&answer)?;
            fields.push((Key::clone(key), answer));
        }
        Ok(Answer::Object(fields))
    }

    /// Makes one object for each row, column by column.
    fn table<F>(
        &mut self,
        rows: usize,
        fields: &[(Key, F)],
        mut column: impl FnMut(&mut Self, &F) -> Read<Vec<Answer>>,
    ) -> Read<Vec<Answer>> {
        self.budget.take_objects(rows, fields)?;
        let mut objects: Vec<Vec<(Key, Answer)>> =
            (0..rows).map(|_| Vec::with_capacity(fields.len())).collect();
        for (key, field) in fields {
            let answers = column(self, field)?;
            for (object, answer) in objects.iter_mut().zip(answers) {
                object.push((Key::clone(key), answer));
            }
        }
        Ok(objects.into_iter().map(Answer::Object).collect())
    }
}

/// The field of documents that has to be asked for.
const FORKED: &str = "forked";

/// Where the target of a relation was loaded to.
enum Place {
    Document(usize),
    View(usize),
    Nowhere,
}

/// Ids without repetition.
struct Distinct<T> {
    items: Vec<T>,
    index: HashMap<T, usize>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { items: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Distinct<T> {
    fn add(&mut self, item: &T) -> usize {
        if let Some(index) = self.index.get(item) {
            return *index;
        }
        let index = self.items.len();
        self.items.push(item.clone());
        self.index.insert(item.clone(), index);
        index
    }
}

/// The arguments for a next entry, as an object.
pub(crate) fn next_args(arguments: &NextArgs, leaves: &Leaves) -> Answer {
    let links = arguments.links();
    let value = |name: &str| match name {
        "logId" => Answer::text(arguments.log_id()),
        "seqNum" => Answer::text(arguments.seq_num()),
        "backlink" => Answer::optional(links.backlink()),
        "skiplink" => Answer::optional(links.skiplink()),
        _ => Answer::Null,
    };
    let show = |(key, name): &(Key, Key)| (Key::clone(key), leaf(leaves, name, value));
    Answer::Object(leaves.fields.iter().map(show).collect())
}

fn leaf(leaves: &Leaves, name: &str, value: impl Fn(&str) -> Answer) -> Answer {
    if name == "__typename" { Answer::text(&leaves.type_name) } else { value(name) }
}

/// Documents are shown where their schema is asked for, and not after they were deleted.
fn is_shown(record: &DocumentRecord, plan: &DocumentPlan) -> bool {
    record.schema == *plan.schema.id() && !record.is_deleted()
}

fn cursor_text(cursor: &Cursor) -> Answer {
    Answer::Str(text::encode_base64(&cursor.encode()).into())
}

fn list(record: &DocumentRecord, name: &FieldName) -> List {
    let targets = match record.field(name.as_str()) {
        Some(Value::RelationList(ids)) => Targets::Documents(ids.clone()),
        Some(Value::PinnedRelationList(ids)) => Targets::Views(ids.clone()),
        _ => Targets::Documents(Vec::new()),
    };
    List { document: record.id, field: name.clone(), targets }
}
