//! Which entries may come in a session (RE17).
//!
//! Those of documents of its schemas, those that define schemas, and those of documents that were
//! asked for beside. Nobody has a reason to send others, unless they were asked for: a log that has
//! forked can be of another document there, and what somebody relates to can turn out to be of another
//! schema than the relation says. Who sends it has done nothing wrong. It is not taken either.

use pandan_bamboo::ForkProof;
use pandan_operations::{Operation, SchemaId, SystemSchema};

use crate::limits::MAX_WATCHED;
use crate::session::live::log_of;
use crate::session::recent::Recent;
use crate::{Interest, LogName, Received};

/// What may come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// What the session is about, in order.
    pub(crate) schemas: &'a [SchemaId],
    pub(crate) beside: &'a Beside,
}

/// Documents that were asked for beside what the session is about.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Of which schemas they may be; none when nothing was asked for.
    schemas: Option<Interest>,
    /// Their logs, as far as entries of them were asked for.
    logs: Recent<MAX_WATCHED, LogName, ()>,
    /// All logs of which entries were asked for, whatever documents they are of.
    wanted: Recent<MAX_WATCHED, LogName, ()>,
    /// Logs that are frozen: void operations of theirs come with those which name them.
    frozen: Recent<MAX_WATCHED, LogName, ()>,
}

/// What is to become of an entry that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    Taken,
    /// It is not taken, and nobody is blamed.
    PassedOver(SchemaId),
    /// It had no reason to come.
    Unasked(SchemaId),
}

impl Scope<'_> {
    pub(crate) fn judge(&self, log: &LogName, received: &Received) -> Welcome {
        let Some(schema) = received.schema() else {
            // Without an operation it is refused at the door, and one that is none as well.
            return Welcome::Taken;
        };
        if is_within(self.schemas, &schema) || self.beside.takes(log, &schema) {
            Welcome::Taken
        } else if self.beside.may_have_asked(log) {
            Welcome::PassedOver(schema)
        } else {
            Welcome::Unasked(schema)
        }
    }
}

impl Beside {
    /// Documents of these schemas are asked for.
    pub(crate) fn ask(&mut self, schemas: &Interest) {
        self.schemas = Some(schemas.clone());
    }

    /// Entries of a log of such documents are asked for.
    pub(crate) fn want(&mut self, log: LogName) {
        self.logs.insert(log, ());
    }

    /// Entries of a log are asked for.
    pub(crate) fn asks(&mut self, log: LogName) {
        self.wanted.insert(log, ());
    }

    /// Whether entries of a log may come because of what was asked for. When something may have been
    /// forgotten, all may.
    fn may_have_asked(&self, log: &LogName) -> bool {
        self.schemas.is_some() || self.wanted.contains(log) || self.wanted.len() >= MAX_WATCHED
    }

    /// The other side tells that a log is frozen.
    pub(crate) fn is_frozen(&mut self, log: LogName) {
        if self.schemas.is_some() {
            self.frozen.insert(log, ());
        }
    }

    /// The other side has shown that a log is frozen.
    pub(crate) fn proved(&mut self, proof: &ForkProof) {
        self.is_frozen(log_of(proof));
    }

    fn takes(&self, log: &LogName, schema: &SchemaId) -> bool {
        let schemas = self.schemas.as_ref().is_some_and(|schemas| schemas.includes(schema));
        schemas && (self.logs.contains(log) || self.frozen.contains(log))
    }
}

/// Whether entries of a schema may come when they are asked for of these, which are in order: those
/// that define schemas may in any case.
pub(crate) fn is_within(schemas: &[SchemaId], schema: &SchemaId) -> bool {
    is_definition(schema) || schemas.binary_search(schema).is_ok()
}

pub(crate) const fn is_definition(schema: &SchemaId) -> bool {
    matches!(
        schema,
        SchemaId::System(SystemSchema::SchemaDefinition | SystemSchema::SchemaFieldDefinition)
    )
}

impl Received {
    /// The schema that its operation claims, if it has one.
    pub(crate) fn schema(&self) -> Option<SchemaId> {
        schema_of(self.payload.as_ref()?)
    }
}

/// The schema that an operation claims.
pub(crate) fn schema_of(operation: &[u8]) -> Option<SchemaId> {
    Operation::schema_text(operation)?.parse().ok()
}
