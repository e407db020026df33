//! From a valid document to a plan.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pandan_schema::{FieldType, Schema};
use pandan_store::ForkQuery;

use super::answer::Key;
use super::api::Api;
use super::arguments::{self, Arguments};
use super::error::{Error, code};
use super::fields::argument;
use super::introspection::{IntroField, IntroPlan, Subject};
use super::plan::{
    CollectionField, CollectionPlan, DocumentField, DocumentPlan, FieldsPlan, ForksField,
    ForksPlan, Leaves, Plan, Root, RootField, Target, ValueField,
};
use super::syntax::{
    At, Directive, Document, Field, Fragment, Operation, OperationKind, Selection, same_arguments,
};
use super::types::{COLLECTION_PREFIX, FieldDef, InputDef, Named, Object, Scalar};
use super::values::{Fitter, Fitting, Variables};
use crate::config::Limits;

/// Makes the plan of one operation of a document.
pub(crate) fn plan<'a>(
    api: &'a Api,
    limits: &'a Limits,
    text: &'a str,
    document: &'a Document<'a>,
    operation: &'a Operation<'a>,
    variables: &'a Variables<'a>,
) -> Result<Plan, Error> {
    let fragments = document.fragments.iter().map(|fragment| (fragment.name, fragment)).collect();
    let fitter = Fitter::new(api);
    let mut planner = Planner { api, limits, text, fragments, variables, fitter, selected: 0 };
    let is_mutation = operation.kind == OperationKind::Mutation;
    let root = if is_mutation { Object::Mutation } else { Object::Query };
    let collected = planner.collect(&[&operation.selections])?;
    if collected.len() > limits.root_fields {
        let message = format!("A request can ask for at most {} root fields", limits.root_fields);
        return Err(Error::new(code::LIMIT, message));
    }
    let fields = collected.into_iter().map(|field| planner.root_field(&root, &field));
    Ok(Plan { is_mutation, fields: fields.collect::<Result<_, _>>()? })
}

/// How deep fragments may be put into each other.
const FRAGMENT_DEPTH_MAX: usize = 64;

/// Why planning stops.
pub(crate) enum Stop {
    /// The request as a whole cannot be answered.
    Request(Error),
    /// The field cannot be answered; others can.
    Field(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Request(error)
    }
}

impl Stop {
    fn in_field(self, name: &str) -> Self {
        match self {
            Self::Request(error) => Self::Request(error.in_field(name)),
            Self::Field(error) => Self::Field(error.in_field(name)),
        }
    }
}

type Planned<T> = Result<T, Stop>;

struct Planner<'a> {
    api: &'a Api,
    limits: &'a Limits,
    text: &'a str,
    fragments: HashMap<&'a str, &'a Fragment<'a>>,
    variables: &'a Variables<'a>,
    fitter: Fitter<'a>,
    selected: usize,
}

/// All selections of one answer key.
struct Collected<'a> {
    field: &'a Field<'a>,
    selections: Vec<&'a [Selection<'a>]>,
}

impl<'a> Planner<'a> {
    fn root_field(
        &mut self,
        parent: &Object,
        collected: &Collected<'a>,
    ) -> Result<RootField, Error> {
        let field = collected.field;
        let definition = self.definition(parent, field)?;
        let at = field.at.locate(self.text);
        let root = match self.root(parent, &definition, collected) {
            Ok(root) => Ok(root),
            Err(Stop::Field(error)) => Err(error.in_field(field.key()).at(at)),
            Err(Stop::Request(error)) => return Err(error.in_field(field.key()).at(at)),
        };
        Ok(RootField {
            key: field.key().into(),
            at,
            is_nullable: !definition.ty.is_required(),
            root,
        })
    }

    fn root(
        &mut self,
        parent: &Object,
        definition: &FieldDef,
        collected: &Collected<'a>,
    ) -> Planned<Root> {
        let mut given = self.arguments(definition, collected.field)?;
        let Named::Object(object) = &definition.ty.named else {
            return Ok(Root::TypeName(parent.name()));
        };
        match collected.field.name {
            "__schema" => {
                let plan = self.introspection(object, collected, 1)?;
                Ok(Root::Introspection { subject: Some(Subject::Schema), plan })
            }
            "__type" => {
                let plan = self.introspection(object, collected, 1)?;
                let subject = self.api.named(&given.string("name")?).map(Subject::named);
                Ok(Root::Introspection { subject, plan })
            }
            "nextArgs" => Ok(Root::NextArgs {
                author: given.public_key("publicKey")?,
                view: given.optional_view("viewId"),
                leaves: self.leaves(object, collected, 1)?,
            }),
            "publish" => Ok(Root::Publish {
                entry: given.bytes("entry")?,
                operation: given.bytes("operation")?,
                leaves: self.leaves(object, collected, 1)?,
            }),
            "documentEntries" => Ok(Root::DocumentEntries {
                document: given.document("id")?,
                skip: given.skip()?,
                first: given.first(arguments::ENTRIES_DEFAULT, self.limits.page)?,
                leaves: self.leaves(object, collected, 1)?,
            }),
            "logEntries" => Ok(Root::LogEntries {
                author: given.public_key("publicKey")?,
                log_id: given.log_id("logId")?,
                from: given.seq_num("from"),
                first: given.first(arguments::ENTRIES_DEFAULT, self.limits.page)?,
                leaves: self.leaves(object, collected, 1)?,
            }),
            "forks" => Ok(Root::Forks {
                query: ForkQuery {
                    author: given.optional_public_key("author"),
                    document: given.optional_document("documentId"),
                    after: given.after_fork()?,
                    first: given.first(arguments::ENTRIES_DEFAULT, self.limits.page)?,
                },
                plan: self.forks(object, collected, 1)?,
            }),
            "parts" => Ok(Root::Parts {
                document: given.optional_document("documentId"),
                leaves: self.leaves(object, collected, 1)?,
            }),
            name => self.root_of_schema(name, object, given, collected),
        }
    }

    fn root_of_schema(
        &mut self,
        name: &str,
        object: &Object,
        mut given: Arguments,
        collected: &Collected<'a>,
    ) -> Planned<Root> {
        match object {
            Object::Collection(schema) if name.starts_with(COLLECTION_PREFIX) => {
                let arguments = given.collection(schema, false, self.limits.page)?;
                Ok(Root::Collection { arguments, plan: self.collection(schema, collected, 1)? })
            }
            Object::Document(schema) => {
                let plan = self.document(schema, false, collected, 1)?;
                let target = match (given.optional_view("viewId"), given.optional_document("id")) {
                    (Some(view), _) => Target::View(view),
                    (None, Some(document)) => Target::Document(document),
                    (None, None) => {
                        let message = "Must provide either `id` or `viewId` argument";
                        return Err(Stop::Field(Error::new(code::BAD_INPUT, message)));
                    }
                };
                Ok(Root::Document { target, plan })
            }
            _ => Err(Stop::Request(Error::new(
                code::INTERNAL,
                format!("Field \"{name}\" has no answer"),
            ))),
        }
    }

    fn document(
        &mut self,
        schema: &Arc<Schema>,
        is_item: bool,
        collected: &Collected<'a>,
        depth: usize,
    ) -> Planned<DocumentPlan> {
        let object = match is_item {
            true => Object::Item(Arc::clone(schema)),
            false => Object::Document(Arc::clone(schema)),
        };
        let fields = self.each(collected, depth, |planner, inner| {
            Ok(match inner.field.name {
                "__typename" => DocumentField::TypeName,
                "cursor" => DocumentField::Cursor,
                "meta" => {
                    DocumentField::Meta(planner.leaves(&Object::DocumentMeta, inner, depth + 1)?)
                }
                _ => DocumentField::Fields(planner.fields(schema, inner, depth + 1)?),
            })
        })?;
        Ok(DocumentPlan { schema: Arc::clone(schema), type_name: object.name().into(), fields })
    }

    fn fields(
        &mut self,
        schema: &Arc<Schema>,
        collected: &Collected<'a>,
        depth: usize,
    ) -> Planned<FieldsPlan> {
        let object = Object::Fields(Arc::clone(schema));
        let fields = self.each(collected, depth, |planner, inner| {
            planner.value(&object, schema, inner, depth)
        })?;
        Ok(FieldsPlan { type_name: object.name().into(), fields })
    }

    fn value(
        &mut self,
        object: &Object,
        schema: &Schema,
        collected: &Collected<'a>,
        depth: usize,
    ) -> Planned<ValueField> {
        let field = collected.field;
        let Some((name, kind)) = self.api.field(schema, field.name) else {
            return Ok(ValueField::TypeName);
        };
        let name = name.clone();
        let target = kind.target().and_then(|target| self.api.target(target)).cloned();
        let Some(target) = target else { return Ok(ValueField::Plain(name)) };
        if let FieldType::Relation(_) | FieldType::PinnedRelation(_) = kind {
            return Ok(ValueField::Relation(
                name,
                self.document(&target, false, collected, depth + 1)?,
            ));
        }
        let definition = self.definition(object, field)?;
        let mut given = self.arguments(&definition, field)?;
        let arguments = given.collection(&target, true, self.limits.page)?;
        let plan = self.collection(&target, collected, depth + 1)?;
        Ok(ValueField::List(name, Box::new(arguments), plan))
    }

    fn collection(
        &mut self,
        schema: &Arc<Schema>,
        collected: &Collected<'a>,
        depth: usize,
    ) -> Planned<CollectionPlan> {
        let object = Object::Collection(Arc::clone(schema));
        let fields = self.each(collected, depth, |planner, inner| {
            Ok(match inner.field.name {
                "totalCount" => CollectionField::TotalCount,
                "hasNextPage" => CollectionField::HasNextPage,
                "endCursor" => CollectionField::EndCursor,
                "documents" => {
                    CollectionField::Documents(planner.document(schema, true, inner, depth + 1)?)
                }
                _ => CollectionField::TypeName,
            })
        })?;
        Ok(CollectionPlan { schema: Arc::clone(schema), type_name: object.name().into(), fields })
    }

    fn forks(
        &mut self,
        object: &Object,
        collected: &Collected<'a>,
        depth: usize,
    ) -> Planned<ForksPlan> {
        let fields = self.each(collected, depth, |planner, inner| {
            Ok(match inner.field.name {
                "totalCount" => ForksField::TotalCount,
                "hasNextPage" => ForksField::HasNextPage,
                "endCursor" => ForksField::EndCursor,
                "forks" => ForksField::Forks(planner.leaves(&Object::Fork, inner, depth + 1)?),
                _ => ForksField::TypeName,
            })
        })?;
        Ok(ForksPlan { type_name: object.name(), fields })
    }

    fn leaves(
        &mut self,
        object: &Object,
        collected: &Collected<'a>,
        depth: usize,
    ) -> Planned<Leaves> {
        let fields = self.each(collected, depth, |_, inner| Ok(Key::from(inner.field.name)))?;
        Ok(Leaves { type_name: object.name(), fields })
    }

    fn introspection(
        &mut self,
        object: &Object,
        collected: &Collected<'a>,
        depth: usize,
    ) -> Planned<IntroPlan> {
        let fields = self.each(collected, depth, |planner, inner| {
            let definition = planner.definition(object, inner.field)?;
            planner.arguments(&definition, inner.field)?;
            let plan = match &definition.ty.named {
                Named::Object(next) => Some(planner.introspection(next, inner, depth + 1)?),
                _ => None,
            };
            Ok((Key::from(inner.field.name), plan))
        })?;
        let fields = fields.into_iter().map(|(key, (name, plan))| IntroField { key, name, plan });
        Ok(IntroPlan { type_name: object.name(), fields: fields.collect() })
    }

    /// Plans every field selected of an object.
    fn each<T>(
        &mut self,
        collected: &Collected<'a>,
        depth: usize,
        mut plan: impl FnMut(&mut Self, &Collected<'a>) -> Planned<T>,
    ) -> Planned<Vec<(Key, T)>> {
        if depth >= self.limits.depth {
            let message = format!("The request is nested deeper than {} levels", self.limits.depth);
            return Err(Stop::Request(self.error(code::LIMIT, message, collected.field.at)));
        }
        let inner = self.collect(&collected.selections)?;
        let mut planned = Vec::with_capacity(inner.len());
        for collected in &inner {
            let key = collected.field.key();
            planned.push((key.into(), plan(self, collected).map_err(|stop| stop.in_field(key))?));
        }
        Ok(planned)
    }

    fn definition(&self, parent: &Object, field: &Field<'_>) -> Result<FieldDef, Error> {
        // The document is valid, so the field is there.
        parent.field(self.api, field.name).ok_or_else(|| {
            let message = format!("Unknown field \"{}\" on type \"{}\"", field.name, parent.name());
            self.error(code::VALIDATION, message, field.at)
        })
    }

    fn arguments(&self, definition: &FieldDef, field: &'a Field<'a>) -> Result<Arguments, Error> {
        let fitting =
            self.fitter.arguments(&definition.arguments, &field.arguments, Some(self.variables));
        fitting
            .map(Arguments::new)
            .map_err(|unfitting| self.error(code::BAD_INPUT, unfitting, field.at))
    }

    /// Merges selections: fragments put in, parts that are skipped left out, fields by answer key.
    fn collect(&mut self, sets: &[&'a [Selection<'a>]]) -> Result<Vec<Collected<'a>>, Error> {
        let mut collector = Collector::default();
        for selections in sets {
            self.gather(selections, &mut collector, 0)?;
        }
        Ok(collector.fields)
    }

    fn gather(
        &mut self,
        selections: &'a [Selection<'a>],
        collector: &mut Collector<'a>,
        depth: usize,
    ) -> Result<(), Error> {
        for selection in selections {
            self.count_selection(depth)?;
            match selection {
                Selection::Field(field) => {
                    if self.is_taken_in(&field.directives)? {
                        collector
                            .add(field)
                            .map_err(|message| self.error(code::VALIDATION, message, field.at))?;
                    }
                }
                Selection::Spread { fragment, directives, .. } => {
                    let is_new =
                        self.is_taken_in(directives)? && collector.visited.insert(fragment);
                    if let Some(fragment) = self.fragments.get(fragment).copied().filter(|_| is_new)
                    {
                        self.gather(&fragment.selections, collector, depth + 1)?;
                    }
                }
                Selection::Inline { directives, selections, .. } => {
                    if self.is_taken_in(directives)? {
                        self.gather(selections, collector, depth + 1)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn count_selection(&mut self, depth: usize) -> Result<(), Error> {
        self.selected += 1;
        if self.selected > self.limits.fields {
            let message = format!("A request can select at most {} fields", self.limits.fields);
            return Err(Error::new(code::LIMIT, message));
        }
        if depth > FRAGMENT_DEPTH_MAX {
            let message = format!("Fragments are nested deeper than {FRAGMENT_DEPTH_MAX} levels");
            return Err(Error::new(code::LIMIT, message));
        }
        Ok(())
    }

    fn is_taken_in(&self, directives: &'a [Directive<'a>]) -> Result<bool, Error> {
        let definition = [condition_argument()];
        let mut is_taken_in = true;
        for directive in directives {
            let given = self
                .fitter
                .arguments(&definition, &directive.arguments, Some(self.variables))
                .map_err(|unfitting| self.error(code::BAD_INPUT, unfitting, directive.at))?;
            let holds = matches!(given.first(), Some((_, Fitting::Bool(true))));
            is_taken_in &= holds == (directive.name == "include");
        }
        Ok(is_taken_in)
    }

    fn error(&self, code: &'static str, message: impl std::fmt::Display, at: At) -> Error {
        Error::new(code, message).at(at.locate(self.text))
    }
}

const fn condition_argument() -> InputDef {
    argument("if", Scalar::Boolean.required())
}

#[derive(Default)]
struct Collector<'a> {
    fields: Vec<Collected<'a>>,
    index: HashMap<&'a str, usize>,
    visited: HashSet<&'a str>,
}

impl<'a> Collector<'a> {
    fn add(&mut self, field: &'a Field<'a>) -> Result<(), Cow<'static, str>> {
        let index = *self.index.entry(field.key()).or_insert(self.fields.len());
        let Some(known) = self.fields.get_mut(index) else {
            self.fields.push(Collected { field, selections: vec![&field.selections] });
            return Ok(());
        };
        let is_same = known.field.name == field.name
            && same_arguments(&known.field.arguments, &field.arguments);
        if !is_same {
            let message = format!(
                "Fields \"{}\" conflict: they are asked for in different ways; give one of them an alias",
                field.key()
            );
            return Err(Cow::Owned(message));
        }
        known.selections.push(&field.selections);
        Ok(())
    }
}
