//! Histories of several people and entries that break rules, brought to the model and to SQLite.

use std::path::{Path, PathBuf};

use pandan_admission::{Candidate, Door};
use pandan_bamboo::{EntryHash, Hash, Links, LogId, NextArgs, SeqNum};
use pandan_identity::KeyPair;
use pandan_operations::{DocumentViewId, Fields, Operation, SchemaId, SystemSchema};
use pandan_store::conformance::{Signed, contents};
use pandan_store::{Durability, MemoryStore, Options, Outcome, SqliteStore, Store, StoreError};
use pandan_testkit::{History, Random, text};

/// More only takes longer.
const ENTRIES_MAX: usize = 40;

/// About as many bytes decide what an entry says.
const BYTES_PER_ENTRY: usize = 4;

/// Pages that a file may grow by where it has a quota, at most; a new schema takes some ten.
const QUOTA_PAGES_MAX: usize = 60;

/// Bytes of a page.
const PAGE_BYTES: u64 = 4_096;

/// Brings all of it to both stores, which have to answer alike, and be alike at the end. Where there
/// is no room for a batch, nothing of it is there.
///
/// The first half of the bytes decides what people write, the other one when it arrives, with what
/// bad company and into how much room.
pub fn check(bytes: &[u8]) {
    let (writing, arriving) = bytes.split_at(bytes.len() / 2);
    let length = ENTRIES_MAX.min(writing.len() / BYTES_PER_ENTRY);
    let history = History::with_forks_from_random(Random::scripted(writing), length);
    let mut arrival = Arrival { random: Random::scripted(arriving), known: history.signed };
    let quota_pages = arrival.random.chance(30).then(|| arrival.random.below(QUOTA_PAGES_MAX));
    let mut stores = Stores::new(quota_pages);
    while let Some(batch) = arrival.batch() {
        if !stores.ingest(&batch) {
            stores.assert_alike();
            if arrival.random.chance(50) {
                // Somebody makes room, and the batch comes again.
                stores.open(None);
                assert!(stores.ingest(&batch), "there is room");
            }
        }
        if arrival.random.chance(5) {
            stores.open(stores.quota_bytes);
        }
    }
    stores.assert_alike();
}

/// Both stores.
struct Stores {
    model: MemoryStore,
    /// None while it is closed.
    sqlite: Option<SqliteStore>,
    quota_bytes: Option<u64>,
    file: File,
}

impl Stores {
    /// Empty stores; the file may grow by so many pages.
    fn new(quota_pages: Option<usize>) -> Self {
        let (model, file) = (MemoryStore::new(), File::new());
        let mut stores = Self { model, sqlite: None, quota_bytes: None, file };
        stores.open(None);
        if let Some(pages) = quota_pages {
            stores.sqlite = None;
            let empty = std::fs::metadata(&stores.file.0).expect("the file is there").len();
            stores.open(Some(empty + pages as u64 * PAGE_BYTES));
        }
        stores
    }

    /// Closes the file and opens it again.
    fn open(&mut self, quota_bytes: Option<u64>) {
        self.sqlite = None;
        self.quota_bytes = quota_bytes;
        let options = Options {
            durability: Durability::Normal,
            readers: 1,
            quota_bytes,
            ..Options::default()
        };
        let opened = SqliteStore::open(&self.file.0, options);
        self.sqlite = Some(opened.expect("the file is there or can be made"));
    }

    fn sqlite(&self) -> &SqliteStore {
        self.sqlite.as_ref().expect("it is open")
    }

    /// Brings a batch to both, which have to say the same; to none if there is no room for it.
    fn ingest(&self, batch: &[(Candidate, Door)]) -> bool {
        let ingest = |store: &dyn Store| -> Result<Vec<String>, StoreError> {
            let batch = batch.iter().map(|(candidate, door)| (candidate.clone(), *door)).collect();
            Ok(store.ingest(batch)?.iter().map(describe).collect())
        };
        let found = match ingest(self.sqlite()) {
            Err(StoreError::Full) if self.quota_bytes.is_some() => return false,
            found => found.expect("nothing is wrong with the file"),
        };
        let expected = ingest(&self.model).expect("nothing is wrong with memory");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "SQLite and the model");
        }
        true
    }

    fn assert_alike(&self) {
        let read = |store: &dyn Store| contents(&*store.snapshot().expect("it can be read"));
        assert_eq!(read(self.sqlite()), read(&self.model));
    }
}

/// All that callers can see of an outcome; the order of schemas is nobody's promise.
fn describe(outcome: &Outcome) -> String {
    let committed = match outcome {
        Outcome::Committed(committed) => committed,
        Outcome::Forked(frozen, outcome) => {
            let mut frozen = (**frozen).clone();
            frozen.schemas.sort_by(|a, b| a.schema.id().cmp(b.schema.id()));
            return format!("{frozen:?} {}", describe(outcome));
        }
        outcome => return format!("{outcome:?}"),
    };
    let mut committed = committed.clone();
    committed.schemas.sort_by(|a, b| a.schema.id().cmp(b.schema.id()));
    format!("{committed:?}")
}

/// Entries that are on their way.
struct Arrival {
    random: Random,
    known: Vec<Signed>,
}

impl Arrival {
    /// The next entries, mostly in order, some of them again, and some that nobody wants.
    fn batch(&mut self) -> Option<Vec<(Candidate, Door)>> {
        if self.known.is_empty() {
            return None;
        }
        let size = 1 + self.random.below(6);
        let mut batch = Vec::new();
        for _ in 0..size {
            let Some(signed) = self.next() else { break };
            let door = if self.random.chance(30) { Door::Client } else { Door::Peer };
            batch.extend(signed.into_iter().map(|signed| (signed.candidate(), door)));
        }
        Some(batch)
    }

    fn next(&mut self) -> Option<Vec<Signed>> {
        let nearest = self.known.first()?.clone();
        Some(match self.random.below(10) {
            0 => vec![self.stray()],
            1 => vec![self.random.pick(&self.known).clone()],
            2 => vec![nearest.clone(), nearest],
            3 => vec![self.known.remove(self.random.below(self.known.len()))],
            _ => vec![self.known.remove(0)],
        })
    }

    /// An entry at some place with some links, over some operation.
    fn stray(&mut self) -> Signed {
        let signed = self.random.pick(&self.known).clone();
        let operation = self.operation(&signed);
        let payload = operation.encode();
        let key_pair = KeyPair::from_seed(&[1 + self.byte() % 5; 32]);
        let entry = self.place(&signed).forge(&key_pair, &payload);
        Signed { entry, payload }
    }

    fn operation(&mut self, signed: &Signed) -> Operation {
        let was = Operation::decode(&signed.payload).expect("people write good operations");
        let schema = match self.random.below(8) {
            0 => SchemaId::from(*self.random.pick(&SystemSchema::ALL)),
            _ => was.schema().clone(),
        };
        let fields = match (self.random.below(3), was.fields()) {
            (0, _) | (_, None) => self.fields(),
            (_, Some(fields)) => fields.clone(),
        };
        let ids = (0..=self.random.below(3)).map(|_| self.random.pick(&self.known).id());
        let previous = DocumentViewId::from_tips(ids.collect::<Vec<_>>());
        match (self.random.below(4), previous) {
            (0, _) | (_, None) => Operation::Create { schema, fields },
            (1, Some(previous)) => Operation::Delete { schema, previous },
            (_, Some(previous)) => Operation::Update { schema, previous, fields },
        }
    }

    fn fields(&mut self) -> Fields {
        let names = ["alpha", "b", "name", "type", "description", "data"];
        let names = self.random.some(&names, 4);
        let texts = ["", "str", "int", "thing", "relation(thing)"];
        names.into_iter().map(|name| (name, text(self.random.pick::<&str>(&texts)))).collect()
    }

    fn place(&mut self, signed: &Signed) -> NextArgs {
        let header = *signed.entry.header();
        let log_id = match self.random.below(3) {
            0 => LogId::new(u64::from(self.byte() % 4)),
            1 => LogId::new(u64::MAX - u64::from(self.byte() % 2)),
            _ => header.log_id(),
        };
        let seq_num = match self.random.below(3) {
            0 => SeqNum::new(u64::from(1 + self.byte() % 6)).unwrap_or(SeqNum::FIRST),
            1 => header.seq_num().next().unwrap_or(SeqNum::FIRST),
            _ => header.seq_num(),
        };
        let backlink = seq_num.previous().map(|_| self.hash());
        let skiplink = seq_num.skiplink().map(|_| self.hash());
        Links::new(seq_num, backlink, skiplink)
            .and_then(|links| NextArgs::new(log_id, seq_num, links))
            .unwrap_or(NextArgs::first(log_id))
    }

    fn hash(&mut self) -> EntryHash {
        match self.random.below(4) {
            0 => EntryHash::from_hash(Hash::of(&[self.byte()])),
            _ => self.random.pick(&self.known).entry.hash(),
        }
    }

    fn byte(&mut self) -> u8 {
        self.random.number().to_le_bytes()[0]
    }
}

/// A folder in memory where there is one, and gone afterwards.
struct File(
    PathBuf,
    #[expect(dead_code, reason = "removes the folder in the end")] tempfile::TempDir,
);

impl File {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(parent).expect("there is a place for temporary files");
        Self(folder.path().join("store.sqlite"), folder)
    }
}
