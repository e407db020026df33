//! Writing bundles, and the state of a node, from a store.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use pandan_bamboo::ForkProof;
use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
use pandan_operations::SchemaId;
use pandan_store::heads::{HeadRange, SCHEMA_OF_FORKED};
use pandan_store::{Snapshot, StoreError, StoredEntry};
use thiserror::Error;

use crate::block::{ReadError, Written};
use crate::bundle::{BundleWriter, WriteError};
use crate::header::{BundleHeader, Origin, SchemaList, Scope, StateHeader};
use crate::lacking::Lacking;
use crate::read;
use crate::select::{self, SelectError, Selection};
use crate::state::{LogState, StateReader, StateWriter};
use crate::walk::{Plan, Sink};

/// Why nothing could be exported, or not all of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was chosen is not there.
    #[error(transparent)]
    Select(SelectError),
    /// The state of the other node cannot be read.
    #[error("the state of the other node cannot be read")]
    State(#[source] ReadError),
    /// The file cannot be written.
    #[error("the file cannot be written")]
    Write(#[from] WriteError),
}

impl From<SelectError> for ExportError {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Store(error) => Self::Store(error),
            error => Self::Select(error),
        }
    }
}

/// A bundle to be: what is in it is settled and counted, and not written so far.
///
/// The same content of a store and the same selection make the same bundle (BU8).
#[derive(Debug)]
pub struct Export {
    plan: Plan,
    scope: Scope,
    totals: Totals,
}

impl Export {
    /// Finds and counts what a selection comes to.
    ///
    /// With the state of the node that is to receive it, what that has is left out.
    pub fn prepare<R: Read>(
        snapshot: &dyn Snapshot,
        selection: &Selection,
        state: Option<&mut StateReader<R>>,
    ) -> Result<Self, ExportError> {
        let forks = read::forks(snapshot)?;
        let chosen = select::choose(snapshot, selection)?;
        let lacking = state.map(|state| Lacking::read(snapshot, &forks, state)).transpose()?;
        let is_everything = selection.is_everything();
        let scope = Scope {
            is_selection: !is_everything,
            with_dependencies: !is_everything && selection.with_dependencies,
            is_difference: lacking.is_some(),
        };
        let plan = Plan { forks, chosen, is_everything, lacking };
        let mut totals = Totals::default();
        plan.walk(snapshot, &mut totals)?;
        Ok(Self { plan, scope, totals })
    }

    /// How many entries there will be.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.totals.entries
    }

    /// What the bundle will say of itself.
    #[must_use]
    pub fn header(&self, origin: Origin) -> BundleHeader {
        let Totals { proofs, entries, schemas } = &self.totals;
        BundleHeader {
            origin,
            scope: self.scope,
            proofs: *proofs,
            entries: *entries,
            schemas: SchemaList::new(schemas),
        }
    }

    /// Writes the bundle, from the snapshot with which it was prepared. `progress` is told how
    /// many entries were written.
    pub fn write<W: Write>(
        &self,
        snapshot: &dyn Snapshot,
        out: W,
        origin: Origin,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Written<W>, ExportError> {
        let writer = BundleWriter::begin(out, &self.header(origin))?;
        let mut sink = Writing { writer, entries: 0, progress };
        self.plan.walk(snapshot, &mut sink)?;
        Ok(sink.writer.finish()?)
    }
}

/// Counts.
#[derive(Debug, Default)]
struct Totals {
    proofs: u64,
    entries: u64,
    schemas: BTreeMap<SchemaId, u64>,
}

impl Sink for Totals {
    fn proof(&mut self, _: &ForkProof) -> Result<(), ExportError> {
        self.proofs += 1;
        Ok(())
    }

    fn entry(&mut self, _: &StoredEntry, schema: Option<&SchemaId>) -> Result<(), ExportError> {
        self.entries += 1;
        if let Some(schema) = schema {
            match self.schemas.get_mut(schema) {
                Some(count) => *count += 1,
                None => drop(self.schemas.insert(schema.clone(), 1)),
            }
        }
        Ok(())
    }
}

struct Writing<'p, W> {
    writer: BundleWriter<W>,
    entries: u64,
    progress: &'p mut dyn FnMut(u64),
}

impl<W: Write> Sink for Writing<'_, W> {
    fn proof(&mut self, proof: &ForkProof) -> Result<(), ExportError> {
        let mut buffer = [0; MAX_FORK_PROOF_LENGTH];
        Ok(self.writer.proof(proof.encode(&mut buffer))?)
    }

    fn entry(&mut self, stored: &StoredEntry, _: Option<&SchemaId>) -> Result<(), ExportError> {
        self.writer.entry(stored.entry.as_bytes(), stored.operation.as_deref())?;
        self.entries += 1;
        (self.progress)(self.entries);
        Ok(())
    }
}

/// Writes how far a node has all of its logs, for others to tell what it lacks (BU10).
pub fn write_state<W: Write>(
    snapshot: &dyn Snapshot,
    out: W,
    origin: Origin,
) -> Result<(StateHeader, Written<W>), ExportError> {
    let (mut alone, mut first) = (Vec::new(), 0);
    for (place, fork) in read::forks(snapshot)? {
        let head = snapshot.heads_of(&[place])?.pop().flatten().map(|(_, head)| head);
        first += u64::from(head.is_some_and(|head| head.latest.is_none()));
        if head.is_none_or(|head| head.latest.is_none()) {
            let state = fork.state(None);
            alone.push(LogState { place, latest: None, fork: Some(fork.seq_num), state });
        }
    }
    let mut counts = BTreeMap::new();
    for known in snapshot.schemas()? {
        let schema = known.schema.id();
        let parts = snapshot.split_heads(&[HeadRange::all(schema.clone())], 1)?;
        let mut count: u64 = parts.iter().map(|part| part.sum.count()).sum();
        if *schema == SCHEMA_OF_FORKED.into() {
            count = count.saturating_sub(first);
        }
        if count > 0 {
            counts.insert(schema.clone(), count);
        }
    }
    let logs = alone.len() as u64 + counts.values().sum::<u64>();
    let header = StateHeader { origin, logs, schemas: SchemaList::new(&counts) };
    let mut writer = StateWriter::begin(out, &header)?;
    alone.iter().try_for_each(|log| writer.log(None, log))?;
    for schema in counts.keys() {
        read::heads(snapshot, schema, |head| {
            Ok::<_, ExportError>(writer.log(Some(schema), &LogState::from(&head))?)
        })?;
    }
    let written = writer.finish()?;
    Ok((header, written))
}
