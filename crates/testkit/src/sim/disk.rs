//! The disks of the nodes: real stores that can be full, fail to be read, and outlive a crash.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pandan_admission::{Candidate, Door, Part, PartSubject};
use pandan_bamboo::ForkProof;
use pandan_operations::SchemaId;
use pandan_store::{
    Durability, Frozen, Keeping, MemoryStore, Options, Outcome, Snapshot, SqliteStore, Store,
    StoreError, Teller,
};

use crate::Random;

/// Where a node keeps what it has.
#[derive(Debug)]
pub(super) enum Disk {
    Memory(MemoryStore),
    File(PathBuf),
}

/// A store on a disk that fails now and then.
#[derive(Debug)]
pub(super) struct DiskStore {
    store: Box<dyn Store>,
    faults: Arc<DiskFaults>,
}

/// What a disk is not able to do.
#[derive(Debug)]
pub(super) struct DiskFaults {
    is_full: AtomicBool,
    is_unreadable: AtomicBool,
    /// How often it is written to yet before the node crashes.
    writes_left: Mutex<Option<u32>>,
    has_crashed: AtomicBool,
    /// Even a disk that fails does so only now and then.
    random: Mutex<Random>,
}

impl Disk {
    /// Opens the store, as a node does when it starts.
    pub(super) fn open(&self, faults: &Arc<DiskFaults>) -> Result<Arc<DiskStore>, StoreError> {
        let store: Box<dyn Store> = match self {
            Self::Memory(store) => Box::new(store.clone()),
            Self::File(path) => Box::new(open(path)?),
        };
        Ok(Arc::new(DiskStore { store, faults: Arc::clone(faults) }))
    }

    /// What a check of everything that is stored finds.
    pub(super) fn findings(&self) -> Result<Vec<String>, StoreError> {
        let Self::File(path) = self else { return Ok(Vec::new()) };
        let report = open(path)?.check(&mut |_| {})?;
        Ok(report.findings.iter().map(ToString::to_string).collect())
    }
}

/// The process crashes here, not the machine, so nothing has to wait for the real disk.
fn open(path: &PathBuf) -> Result<SqliteStore, StoreError> {
    let durability = Durability::Normal;
    SqliteStore::open(path, Options { durability, readers: 1, ..Options::default() })
}

impl DiskFaults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            is_full: AtomicBool::new(false),
            is_unreadable: AtomicBool::new(false),
            writes_left: Mutex::new(None),
            has_crashed: AtomicBool::new(false),
            random: Mutex::new(Random::new(seed)),
        }
    }

    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::SeqCst);
    }

    pub(super) fn is_unreadable(&self) -> bool {
        self.is_unreadable.load(Ordering::SeqCst)
    }

    pub(super) fn set_unreadable(&self, is_unreadable: bool) {
        self.is_unreadable.store(is_unreadable, Ordering::SeqCst);
    }

    /// Lets the node crash between two writes, wherever in its work they are.
    pub(super) fn crash_after(&self, writes: u32) {
        *self.writes_left() = Some(writes);
    }

    /// Whether the node has crashed while it wrote: it neither reads nor writes any more.
    pub(super) fn has_crashed(&self) -> bool {
        self.has_crashed.load(Ordering::SeqCst)
    }

    /// The node is started, and does not crash before it is told to.
    pub(super) fn restart(&self) {
        *self.writes_left() = None;
        self.has_crashed.store(false, Ordering::SeqCst);
    }

    fn writes_left(&self) -> MutexGuard<'_, Option<u32>> {
        self.writes_left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strikes(&self, fault: &AtomicBool) -> bool {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        fault.load(Ordering::SeqCst) && random.chance(70)
    }

    fn live(&self) -> Result<(), StoreError> {
        if !self.has_crashed() {
            return Ok(());
        }
        Err(StoreError::Io { detail: String::from("the simulated node has crashed") })
    }

    fn write(&self) -> Result<(), StoreError> {
        match &mut *self.writes_left() {
            None => {}
            Some(0) => self.has_crashed.store(true, Ordering::SeqCst),
            Some(left) => *left -= 1,
        }
        self.live()?;
        if self.strikes(&self.is_full) { Err(StoreError::Full) } else { Ok(()) }
    }
}

impl DiskStore {
    /// The schemas that a node knows when it starts: it does not do so without.
    pub(super) fn schemas(&self) -> Result<BTreeSet<SchemaId>, StoreError> {
        let known = self.store.snapshot()?.schemas()?;
        Ok(known.iter().map(|known| known.schema.id().clone()).collect())
    }
}

impl Store for DiskStore {
    fn ingest(&self, batch: Vec<(Candidate, Door)>) -> Result<Vec<Outcome>, StoreError> {
        self.faults.write()?;
        self.store.ingest(batch)
    }

    fn ingest_proof(&self, proof: ForkProof) -> Result<Option<Frozen>, StoreError> {
        self.faults.write()?;
        self.store.ingest_proof(proof)
    }

    fn keep_part(&self, part: &Part, teller: Teller) -> Result<Keeping, StoreError> {
        self.faults.write()?;
        self.store.keep_part(part, teller)
    }

    fn forget_part(&self, subject: &PartSubject) -> Result<bool, StoreError> {
        self.faults.write()?;
        self.store.forget_part(subject)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.faults.live()?;
        if self.faults.strikes(&self.faults.is_unreadable) {
            return Err(StoreError::Io { detail: String::from("the simulated disk fails") });
        }
        self.store.snapshot()
    }
}
