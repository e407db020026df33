//! Taking a bundle in: each entry is examined, judged and stored as one of a peer (BU9).
//!
//! What was stored stays, whatever comes later: a bundle that breaks off, is damaged or is
//! interrupted can be imported again, and goes on where it was (BU11).

use std::collections::BTreeMap;
use std::io::Read;
use std::mem;

use pandan_admission::{Candidate, Door, Refusal};
use pandan_bamboo::{DecodeForkProofError, ForkProof};
use pandan_operations::OperationId;
use pandan_store::StoreError;
use pandan_sync::{Fate, Intake, Taken};
use rayon::prelude::*;
use thiserror::Error;

use crate::block::ReadError;
use crate::bundle::{BundleReader, Item};
use crate::limits::{MAX_BATCH_ENTRIES, MAX_REFUSALS_TOLD};

/// Why a bundle was not taken in to its end. What was stored before is stored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The bundle cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store cannot be written to.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of the items of a bundle.
///
/// An entry that waited can turn out to break a rule, or has to make room for others that wait: it
/// is counted as read, and nowhere else.
#[derive(Debug, Default)]
pub struct Report {
    /// Entries that were read.
    pub entries: u64,
    /// Entries that were stored.
    pub stored: u64,
    /// Entries that were stored before.
    pub known: u64,
    /// Entries that wait for what is not here. They are not stored.
    pub waiting: u64,
    /// Entries and proofs that were refused.
    pub refused: u64,
    /// Entries without their operation, which cannot be judged.
    pub without_operation: u64,
    /// Logs that are forked, as was not known before.
    pub forks: u64,
    /// How many were refused, by the code of the reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The first ones that were refused, up to [`MAX_REFUSALS_TOLD`].
    pub refusals: Vec<Refused>,
}

/// Something that was refused.
#[derive(Debug)]
pub struct Refused {
    /// The entry, if as much is known.
    pub operation: Option<OperationId>,
    /// Why.
    pub reason: Reason,
}

/// Why something was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// An entry broke a rule.
    #[error(transparent)]
    Entry(Refusal),
    /// Bytes are no proof of a fork.
    #[error("fork proof does not hold")]
    Proof(#[source] DecodeForkProofError),
}

impl Reason {
    /// The code of a proof that does not hold.
    pub const BAD_PROOF: &str = "FORK_PROOF_INVALID";

    /// A stable name for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Entry(refusal) => refusal.code(),
            Self::Proof(_) => Self::BAD_PROOF,
        }
    }
}

impl Report {
    fn refuse(&mut self, operation: Option<OperationId>, reason: Reason) {
        self.refused += 1;
        *self.reasons.entry(reason.code()).or_default() += 1;
        if self.refusals.len() < MAX_REFUSALS_TOLD {
            self.refusals.push(Refused { operation, reason });
        }
    }
}

/// An item of which everything was checked that does not depend on a store.
enum Examined {
    Proof(Box<ForkProof>),
    Candidate(Box<Candidate>),
    WithoutOperation,
    Refused(Reason),
}

impl Examined {
    const fn is_proof(&self) -> bool {
        matches!(self, Self::Proof(_) | Self::Refused(Reason::Proof(_)))
    }
}

/// Signatures are checked on all cores; the order stays.
fn examine(items: &[Item]) -> Vec<Examined> {
    let examine = |item: &Item| match item {
        Item::Proof(proof) => match ForkProof::decode(proof) {
            Ok(proof) => Examined::Proof(Box::new(proof)),
            Err(error) => Examined::Refused(Reason::Proof(error)),
        },
        Item::Entry { operation: None, .. } => Examined::WithoutOperation,
        Item::Entry { entry, operation: Some(operation) } => {
            match Candidate::examine(entry, operation) {
                Ok(candidate) => Examined::Candidate(Box::new(candidate)),
                Err(refusal) => Examined::Refused(Reason::Entry(refusal)),
            }
        }
    };
    items.par_iter().map(examine).collect()
}

/// Checks a bundle to its end as far as that goes without a store: `stored` stays 0, and entries
/// that hold are neither counted as stored nor as known.
pub fn check<R: Read>(
    bundle: &mut BundleReader<R>,
    progress: &mut dyn FnMut(u64),
) -> (Report, Result<(), ReadError>) {
    let mut report = Report::default();
    loop {
        let items = match bundle.next_items() {
            Ok(Some(items)) => items,
            Ok(None) => return (report, Ok(())),
            Err(error) => return (report, Err(error)),
        };
        for examined in examine(&items) {
            match examined {
                Examined::WithoutOperation => report.without_operation += 1,
                Examined::Refused(reason) => report.refuse(None, reason),
                Examined::Proof(_) | Examined::Candidate(_) => {}
            }
        }
        report.entries = bundle.entries();
        progress(report.entries);
    }
}

/// Takes a bundle in, up to its end or to where it cannot be read on. `progress` is told how many
/// entries were done.
pub fn import<R: Read>(
    bundle: &mut BundleReader<R>,
    intake: &mut Intake,
    progress: &mut dyn FnMut(u64),
) -> (Report, Result<(), ImportError>) {
    let waited = intake.waiting();
    let mut import = Import { intake, report: Report::default() };
    let result = import.take_all(bundle, progress);
    let Import { intake, mut report } = import;
    report.waiting = intake.waiting().saturating_sub(waited) as u64;
    (report, result)
}

/// Hands over to the intake, and counts.
struct Import<'i> {
    intake: &'i mut Intake,
    report: Report,
}

impl Import<'_> {
    fn take_all<R: Read>(
        &mut self,
        bundle: &mut BundleReader<R>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ImportError> {
        while let Some(items) = bundle.next_items()? {
            self.take(examine(&items))?;
            progress(self.report.entries);
        }
        Ok(())
    }

    fn take(&mut self, items: Vec<Examined>) -> Result<(), StoreError> {
        let mut batch = Vec::new();
        for item in items {
            self.report.entries += u64::from(!item.is_proof());
            match item {
                Examined::Candidate(candidate) => batch.push((*candidate, Door::Peer)),
                Examined::Proof(proof) => {
                    self.store(mem::take(&mut batch))?;
                    let (frozen, taken) = self.intake.keep(*proof)?;
                    self.report.forks += u64::from(frozen.is_some());
                    self.count(taken);
                }
                Examined::WithoutOperation => self.report.without_operation += 1,
                Examined::Refused(reason) => self.report.refuse(None, reason),
            }
            if batch.len() == MAX_BATCH_ENTRIES {
                self.store(mem::take(&mut batch))?;
            }
        }
        self.store(batch)
    }

    fn store(&mut self, batch: Vec<(Candidate, Door)>) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = batch.iter().map(|(candidate, _)| candidate.id()).collect();
        let mut taken = self.intake.take(batch)?;
        for (id, judged) in ids.into_iter().zip(mem::take(&mut taken.judged)) {
            match judged.fate {
                Fate::Known { .. } => self.report.known += 1,
                Fate::Refused(refusal) => self.report.refuse(Some(id), Reason::Entry(refusal)),
                // What was stored is among the news, with those that had waited for it.
                Fate::Stored(_) | Fate::Waits(_) | Fate::Early(_) => {}
            }
        }
        self.count(taken);
        Ok(())
    }

    fn count(&mut self, taken: Taken) {
        self.report.stored += taken.news.len() as u64;
        self.report.forks += taken.forks.len() as u64;
    }
}
