//! What a client is told when something went wrong.

use std::fmt;

use super::syntax::Location;

/// An error of a GraphQL request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    locations: Vec<Location>,
    path: Vec<PathPart>,
    code: &'static str,
    requirement: Option<&'static str>,
}

/// A step from the root of an answer to the place of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// Into a field, by its name in the answer.
    Field(String),
    /// Into a list.
    Index(usize),
}

/// The codes of errors that come from reading a request; those of `publish` come from the rules
/// that were broken.
pub(crate) mod code {
    /// The text is not GraphQL.
    pub(crate) const SYNTAX: &str = "GRAPHQL_PARSE_FAILED";
    /// The document does not fit the API.
    pub(crate) const VALIDATION: &str = "GRAPHQL_VALIDATION_FAILED";
    /// A value does not fit the argument or variable that it is given for.
    pub(crate) const BAD_INPUT: &str = "BAD_USER_INPUT";
    /// The operation to run is missing or ambiguous.
    pub(crate) const OPERATION: &str = "OPERATION_RESOLUTION_FAILURE";
    /// The request goes beyond a limit.
    pub(crate) const LIMIT: &str = "LIMIT_EXCEEDED";
    /// The answer took too long.
    pub(crate) const TIMEOUT: &str = "REQUEST_TIMEOUT";
    /// The cursor was given out for another order.
    pub(crate) const CURSOR: &str = "FOREIGN_CURSOR";
    /// No next arguments can be given.
    pub(crate) const STORAGE: &str = "STORAGE_FAILED";
    /// There is no space left on the disk.
    pub(crate) const STORAGE_FULL: &str = "STORAGE_FULL";
    /// The node is stopping.
    pub(crate) const STOPPING: &str = "NODE_STOPPING";
    /// The node is at fault.
    pub(crate) const INTERNAL: &str = "INTERNAL_SERVER_ERROR";
    /// The entry is stored, and nothing can follow it in its log.
    pub(crate) const LOG_ENDED: &str = "LOG_ENDED";
}

impl Error {
    pub(crate) fn new(code: &'static str, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self { message, locations: Vec::new(), path: Vec::new(), code, requirement: None }
    }

    #[must_use]
    pub(crate) fn at(mut self, location: Location) -> Self {
        if self.locations.is_empty() {
            self.locations.push(location);
        }
        self
    }

    #[must_use]
    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.path.insert(0, PathPart::Field(String::from(name)));
        self
    }

    #[must_use]
    pub(crate) const fn with_requirement(mut self, requirement: Option<&'static str>) -> Self {
        self.requirement = requirement;
        self
    }

    /// What happened, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where in the request.
    #[must_use]
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// Where in the answer.
    #[must_use]
    pub fn path(&self) -> &[PathPart] {
        &self.path
    }

    /// What happened, for programs; codes do not change.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The requirement of the p2panda specification that was broken.
    #[must_use]
    pub const fn requirement(&self) -> Option<&'static str> {
        self.requirement
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
