//! A request, and how it becomes a plan.

use std::collections::HashMap;

use super::api::Api;
use super::error::{Error, code};
use super::plan::Plan;
use super::planner;
use super::syntax::{self, Document, Operation, OperationKind, Type};
use super::validate::validate;
use super::values::{Given, Variables};
use crate::config::Limits;
use crate::text::shorten;

/// A GraphQL request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    query: String,
    operation_name: Option<String>,
    variables: serde_json::Map<String, serde_json::Value>,
}

impl Request {
    /// A request without variables.
    #[must_use]
    pub fn new(query: impl Into<String>) -> Self {
        Self { query: query.into(), ..Self::default() }
    }

    /// Gives a variable its value.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.variables.insert(String::from(name), value.into());
        self
    }

    /// Gives all variables their values.
    #[must_use]
    pub fn variables(mut self, variables: serde_json::Map<String, serde_json::Value>) -> Self {
        self.variables = variables;
        self
    }

    /// Chooses one of several operations in the query.
    #[must_use]
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation_name = Some(name.into());
        self
    }

    /// Whether the operation to run is a mutation; not when there is none to run.
    pub(crate) fn is_mutation(&self) -> bool {
        let document = syntax::parse(&self.query).ok();
        document.is_some_and(|document| {
            let chosen = choose(&document, self.operation_name.as_deref());
            chosen.is_ok_and(|operation| operation.kind == OperationKind::Mutation)
        })
    }

    /// About how many bytes there are to read.
    pub(crate) fn weight(&self) -> usize {
        self.query.len() + self.variables.values().map(weight).sum::<usize>()
    }
}

fn weight(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(items) => items.iter().map(weight).sum(),
        serde_json::Value::Object(fields) => fields.values().map(weight).sum(),
        _ => size_of::<serde_json::Value>(),
    }
}

/// Reads a request and plans how to answer it.
pub(crate) fn prepare(api: &Api, limits: &Limits, request: &Request) -> Result<Plan, Vec<Error>> {
    let text = &request.query;
    let document = syntax::parse(text).map_err(|error| {
        let at = error.at.locate(text);
        vec![Error::new(code::SYNTAX, error).at(at)]
    })?;
    validate(api, &document, text)?;
    let one = |error| vec![error];
    let operation = choose(&document, request.operation_name.as_deref()).map_err(one)?;
    let variables = variables(operation, &request.variables, text).map_err(one)?;
    planner::plan(api, limits, text, &document, operation, &variables).map_err(one)
}

fn choose<'a>(document: &'a Document<'a>, name: Option<&str>) -> Result<&'a Operation<'a>, Error> {
    let refused = |message: String| Err(Error::new(code::OPERATION, message));
    match (name, document.operations.as_slice()) {
        (_, []) => refused(String::from("The document holds no operation")),
        (None, [operation]) => Ok(operation),
        (None, _) => refused(String::from(
            "The document holds several operations; \"operationName\" has to choose one",
        )),
        (Some(name), operations) => {
            let found = operations.iter().find(|operation| operation.name == Some(name));
            found.map_or_else(
                || refused(format!("Unknown operation named \"{}\"", shorten(name))),
                Ok,
            )
        }
    }
}

fn variables<'a>(
    operation: &'a Operation<'a>,
    given: &'a serde_json::Map<String, serde_json::Value>,
    text: &str,
) -> Result<Variables<'a>, Error> {
    let mut variables = HashMap::new();
    for variable in &operation.variables {
        let name = variable.name;
        let value = match (given.get(name), &variable.default) {
            (Some(value), _) => Some(Given::from_json(value)),
            (None, Some(default)) => Given::from_query(default, None),
            (None, None) => None,
        };
        let is_required = matches!(variable.ty, Type::NonNull(_));
        match value {
            None | Some(Given::Null) if is_required => {
                let message = format!("Variable \"${name}\" needs a value that is not null");
                return Err(Error::new(code::BAD_INPUT, message).at(variable.at.locate(text)));
            }
            None => {}
            Some(value) => {
                variables.insert(name, value);
            }
        }
    }
    Ok(variables)
}
