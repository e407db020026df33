//! Does a document fit the API, whatever its variables hold?
//!
//! These are the rules of the GraphQL specification's chapter on validation, with what this API has
//! no use for left out (there are no interfaces, unions and subscriptions), and with the two
//! exceptions that deployed clients need: see [`values`](super::values) on the types of variables,
//! and enum values may be strings. That two fields of one name can be merged is checked when they
//! are, see [`plan`](super::plan).

use std::collections::{HashMap, HashSet};

use super::api::Api;
use super::error::{Error, code};
use super::fields::argument;
use super::syntax::{
    Argument, At, Directive, Document, Field, Fragment, Operation, OperationKind, Selection, Value,
    ValueKind,
};
use super::types::{InputDef, Named, Object, Scalar};
use super::values::Fitter;
use crate::text::shorten;

/// How many errors are told at once.
const ERRORS_MAX: usize = 20;

/// Checks a document.
pub(crate) fn validate(api: &Api, document: &Document<'_>, text: &str) -> Result<(), Vec<Error>> {
    let mut validator = Validator {
        api,
        text,
        fitter: Fitter::new(api),
        fragments: HashMap::new(),
        usages: HashMap::new(),
        errors: Vec::new(),
    };
    validator.document(document);
    let mut errors = validator.errors;
    errors.truncate(ERRORS_MAX);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

struct Validator<'a> {
    api: &'a Api,
    text: &'a str,
    fitter: Fitter<'a>,
    fragments: HashMap<&'a str, &'a Fragment<'a>>,
    usages: HashMap<&'a str, Usage<'a>>,
    errors: Vec<Error>,
}

/// What a part of a document refers to.
#[derive(Default)]
struct Usage<'a> {
    variables: Vec<(&'a str, At)>,
    fragments: Vec<(&'a str, At)>,
}

impl<'a> Validator<'a> {
    fn document(&mut self, document: &'a Document<'a>) {
        for fragment in &document.fragments {
            if self.fragments.insert(fragment.name, fragment).is_some() {
                self.error(
                    fragment.at,
                    format!("There is more than one fragment \"{}\"", shorten(fragment.name)),
                );
            }
            let mut usage = Usage::default();
            usage.selections(&fragment.selections);
            usage.directives(&fragment.directives);
            usage.forget_repetitions();
            self.usages.insert(fragment.name, usage);
        }
        self.operation_names(document);
        self.cycles(document);
        if !self.errors.is_empty() {
            return;
        }
        for fragment in &document.fragments {
            self.fragment(fragment);
        }
        let mut used = HashSet::new();
        for operation in &document.operations {
            if self.errors.len() >= ERRORS_MAX {
                return;
            }
            self.operation(operation, &mut used);
        }
        for fragment in &document.fragments {
            if !used.contains(fragment.name) {
                self.error(
                    fragment.at,
                    format!("Fragment \"{}\" is never used", shorten(fragment.name)),
                );
            }
        }
    }

    fn operation_names(&mut self, document: &'a Document<'a>) {
        let mut names = HashSet::new();
        for operation in &document.operations {
            match operation.name {
                Some(name) if !names.insert(name) => {
                    self.error(
                        operation.at,
                        format!("There is more than one operation \"{}\"", shorten(name)),
                    );
                }
                None if document.operations.len() > 1 => {
                    let message =
                        "An operation without a name has to be the only one of a document";
                    self.error(operation.at, message);
                }
                _ => {}
            }
        }
    }

    /// Finds fragments that contain themselves, without recursion.
    fn cycles(&mut self, document: &'a Document<'a>) {
        let mut done: HashSet<&str> = HashSet::new();
        for fragment in &document.fragments {
            let mut path: Vec<(&'a str, usize)> = vec![(fragment.name, 0)];
            while let Some((name, next)) = path.pop() {
                let spread = self.usages.get(name).and_then(|usage| usage.fragments.get(next));
                let Some(&(inner, at)) = spread else {
                    done.insert(name);
                    continue;
                };
                path.push((name, next + 1));
                if path.iter().any(|(name, _)| *name == inner) {
                    self.error(at, format!("Fragment \"{}\" contains itself", shorten(inner)));
                    return;
                }
                if !done.contains(inner) {
                    path.push((inner, 0));
                }
            }
        }
    }

    fn fragment(&mut self, fragment: &'a Fragment<'a>) {
        self.directives(&fragment.directives, None);
        if let Some(object) = self.condition(fragment.condition, fragment.at) {
            self.selections(&fragment.selections, &object);
        }
    }

    fn operation(&mut self, operation: &'a Operation<'a>, used: &mut HashSet<&'a str>) {
        self.directives(&operation.directives, None);
        match operation.kind {
            OperationKind::Query => self.selections(&operation.selections, &Object::Query),
            OperationKind::Mutation => self.selections(&operation.selections, &Object::Mutation),
            OperationKind::Subscription => {
                self.error(operation.at, "There are no subscriptions in this API");
            }
        }
        let mut usage = Usage::default();
        usage.selections(&operation.selections);
        usage.forget_repetitions();
        let variables = self.reach(usage, used);
        self.variables(operation, &variables);
    }

    /// All variables that an operation uses, itself or through fragments.
    fn reach(&self, usage: Usage<'a>, used: &mut HashSet<&'a str>) -> Vec<(&'a str, At)> {
        let mut variables = usage.variables;
        let mut waiting: Vec<&'a str> = usage.fragments.into_iter().map(|(name, _)| name).collect();
        let mut seen = HashSet::new();
        while let Some(name) = waiting.pop() {
            used.insert(name);
            if !seen.insert(name) {
                continue;
            }
            if let Some(inner) = self.usages.get(name) {
                variables.extend(&inner.variables);
                waiting.extend(inner.fragments.iter().map(|(name, _)| *name));
            }
        }
        variables
    }

    fn variables(&mut self, operation: &'a Operation<'a>, used: &[(&'a str, At)]) {
        let mut names = HashSet::new();
        let used_names: HashSet<&str> = used.iter().map(|(name, _)| *name).collect();
        for variable in &operation.variables {
            let name = variable.name;
            if !names.insert(name) {
                self.error(
                    variable.at,
                    format!("There is more than one variable \"${}\"", shorten(name)),
                );
            }
            self.directives(&variable.directives, None);
            let ty = self.api.named(variable.ty.name());
            if !ty.is_some_and(|ty| ty.is_input()) {
                let message = format!(
                    "Variable \"${name}\" has the type \"{}\", which is not one of values",
                    shorten(variable.ty.name())
                );
                self.error(variable.at, message);
            }
            if !used_names.contains(name) {
                self.error(variable.at, format!("Variable \"${}\" is never used", shorten(name)));
            }
        }
        for (name, at) in used {
            if !names.contains(name) {
                self.error(*at, format!("Variable \"${}\" is not defined", shorten(name)));
            }
        }
    }

    fn selections(&mut self, selections: &'a [Selection<'a>], parent: &Object) {
        for selection in selections {
            if self.errors.len() >= ERRORS_MAX {
                return;
            }
            match selection {
                Selection::Field(field) => self.field(field, parent),
                Selection::Spread { at, fragment, directives } => {
                    self.directives(directives, Some(*at));
                    match self.fragments.get(fragment) {
                        None => {
                            self.error(*at, format!("Unknown fragment \"{}\"", shorten(fragment)))
                        }
                        Some(fragment) => self.fits(fragment.condition, parent, *at),
                    }
                }
                Selection::Inline { at, condition, directives, selections } => {
                    self.directives(directives, Some(*at));
                    if let Some(condition) = condition
                        && self.condition(condition, *at).is_some()
                    {
                        self.fits(condition, parent, *at);
                    }
                    self.selections(selections, parent);
                }
            }
        }
    }

    fn field(&mut self, field: &'a Field<'a>, parent: &Object) {
        self.directives(&field.directives, Some(field.at));
        let Some(definition) = parent.field(self.api, field.name) else {
            let message =
                format!("Unknown field \"{}\" on type \"{}\"", shorten(field.name), parent.name());
            return self.error(field.at, message);
        };
        self.arguments(&definition.arguments, &field.arguments, field.at);
        let leads_to = &definition.ty.named;
        match (leads_to, field.selections.is_empty()) {
            (Named::Object(object), false) => self.selections(&field.selections, object),
            (Named::Object(object), true) => {
                let message = format!(
                    "Field \"{}\" of type \"{}\" needs a selection",
                    field.name,
                    object.name()
                );
                self.error(field.at, message);
            }
            (leaf, false) => {
                let message = format!(
                    "Field \"{}\" of type \"{}\" has no fields to select",
                    field.name,
                    leaf.name()
                );
                self.error(field.at, message);
            }
            (_, true) => {}
        }
    }

    fn arguments(&mut self, definitions: &[InputDef], arguments: &'a [Argument<'a>], at: At) {
        if let Err(unfitting) = self.fitter.arguments(definitions, arguments, None) {
            let argument = arguments.iter().find(|argument| {
                let rest = unfitting.place.strip_prefix(argument.name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            let at = argument.map_or(at, |argument| argument.at);
            self.error(at, unfitting);
        }
    }

    /// Directives stand at fields and fragments that are taken in; nowhere else.
    fn directives(&mut self, directives: &'a [Directive<'a>], allowed_at: Option<At>) {
        let definition = [argument("if", Scalar::Boolean.required())];
        let mut names = HashSet::new();
        for directive in directives {
            let name = directive.name;
            if !matches!(name, "skip" | "include") {
                self.error(directive.at, format!("Unknown directive \"@{}\"", shorten(name)));
                continue;
            }
            if allowed_at.is_none() {
                self.error(directive.at, format!("Directive \"@{name}\" is not allowed here"));
            }
            if !names.insert(name) {
                self.error(directive.at, format!("Directive \"@{name}\" is given more than once"));
            }
            self.arguments(&definition, &directive.arguments, directive.at);
        }
    }

    fn condition(&mut self, name: &str, at: At) -> Option<Object> {
        match self.api.named(name) {
            Some(Named::Object(object)) => Some(object),
            Some(_) => {
                self.error(at, format!("Type \"{name}\" has no fields to select"));
                None
            }
            None => {
                self.error(at, format!("Unknown type \"{}\"", shorten(name)));
                None
            }
        }
    }

    fn fits(&mut self, condition: &str, parent: &Object, at: At) {
        let parent = parent.name();
        if condition != parent {
            let message = format!(
                "A fragment on \"{}\" never fits the type \"{parent}\"",
                shorten(condition)
            );
            self.error(at, message);
        }
    }

    fn error(&mut self, at: At, message: impl std::fmt::Display) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(Error::new(code::VALIDATION, message).at(at.locate(self.text)));
        }
    }
}

impl<'a> Usage<'a> {
    fn selections(&mut self, selections: &'a [Selection<'a>]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.arguments);
                    self.directives(&field.directives);
                    self.selections(&field.selections);
                }
                Selection::Spread { at, fragment, directives } => {
                    self.fragments.push((fragment, *at));
                    self.directives(directives);
                }
                Selection::Inline { directives, selections, .. } => {
                    self.directives(directives);
                    self.selections(selections);
                }
            }
        }
    }

    /// Keeps the first of all uses of a name, so that going through them again costs little.
    fn forget_repetitions(&mut self) {
        for uses in [&mut self.variables, &mut self.fragments] {
            let mut seen = HashSet::new();
            uses.retain(|(name, _)| seen.insert(*name));
        }
    }

    fn directives(&mut self, directives: &'a [Directive<'a>]) {
        for directive in directives {
            self.arguments(&directive.arguments);
        }
    }

    fn arguments(&mut self, arguments: &'a [Argument<'a>]) {
        for argument in arguments {
            self.value(&argument.value);
        }
    }

    fn value(&mut self, value: &'a Value<'a>) {
        match &value.kind {
            ValueKind::Variable(name) => self.variables.push((name, value.at)),
            ValueKind::List(items) => items.iter().for_each(|item| self.value(item)),
            ValueKind::Object(fields) => self.arguments(fields),
            _ => {}
        }
    }
}
