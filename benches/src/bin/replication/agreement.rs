//! Two nodes with the same logs, and a few more on either side: how many round trips and bytes it
//! takes to find out how they differ, beside `negentropy` with the same items.
//!
//! Stores and sessions are those of a node; frames go from one to the other without a network.
//! Entries on their way do not count, only what is said about them. The ids of negentropy's items
//! are the states of the logs, and all have the same time.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use negentropy::{Id, Negentropy, NegentropyStorageVector};
use pandan_admission::Door;
use pandan_bamboo::Salt;
use pandan_benches::filled::{Filled, write};
use pandan_benches::times::milliseconds;
use pandan_replication::{
    Acceptance, Effect, IngestId, Interest, Message, Received, Session, Terms, Verdict,
};
use pandan_store::heads::HeadRange;
use pandan_store::{Options, SqliteStore, Store};
use pandan_sync::{Intake, Serving};

use crate::{Result, mark, schemas_of};

/// Logs that one of the two sides has and the other has not.
const DIFFERENCES: [usize; 4] = [0, 1, 10, 100];

/// The most bytes each way of two nodes that agree, who need one round trip.
const AGREEMENT_BYTES: usize = 1024;

/// From so many logs on there may be no more round trips.
const MILLION: usize = 1_000_000;

/// The row that is compared, and how many bytes for each of negentropy's.
const COMPARED: usize = 10;
const BYTES_ASKED: f64 = 1.2;

/// Bytes to the responder and to the initiator, and round trips.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    up: usize,
    down: usize,
    rounds: usize,
}

impl Cost {
    const fn bytes(&self) -> usize {
        self.up + self.down
    }
}

/// Gives whether all limits hold.
pub(crate) fn run(logs: usize) -> Result<bool> {
    let filled = Filled::new(logs)?;
    let folder = tempfile::Builder::new().prefix("pandan-agreement-").tempdir()?;
    let [one, other] = ["one.sqlite", "other.sqlite"].map(|name| folder.path().join(name));
    filled.copy_to(&one)?;
    filled.copy_to(&other)?;
    let stores = [open(&one)?, open(&other)?];
    println!(
        "\n| two nodes with {logs} logs; on one side alone | round trips | bytes up | bytes down | entries | milliseconds | `negentropy`: round trips | up | down | asked | reached | |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|---|");
    let mut all_held = true;
    for (number, differences) in (0..).zip(DIFFERENCES) {
        let more = filled.sign_more(number, differences);
        for (index, signed) in more.iter().enumerate() {
            // The sides take turns.
            write(&*stores[index % 2], vec![(signed.candidate(), Door::Client)])?;
        }
        let theirs = negentropy(&stores)?;
        let (ours, entries, time) = session(&stores)?;
        if entries != differences {
            return Err(format!("expected {differences} entries, found {entries}").into());
        }
        all_held &= report(logs, differences, ours, entries, time, theirs);
    }
    Ok(all_held)
}

fn report(
    logs: usize,
    differences: usize,
    ours: Cost,
    entries: usize,
    time: Duration,
    theirs: Cost,
) -> bool {
    let ratio = ours.bytes() as f64 / theirs.bytes() as f64;
    let (asked, holds) = match differences {
        0 => {
            let holds = ours.rounds == 1 && ours.up.max(ours.down) <= AGREEMENT_BYTES;
            ("1 round trip, 1 KiB each way", Some(holds))
        }
        COMPARED => {
            // Fewer logs are a tree less high, in which each round more is one of few.
            let holds = ratio <= BYTES_ASKED && (logs < MILLION || ours.rounds <= theirs.rounds);
            ("1.2 of its bytes, no more round trips", Some(holds))
        }
        _ => ("", None),
    };
    println!(
        "| {differences} | {} | {} | {} | {entries} | {:.1} | {} | {} | {} | {asked} | {ratio:.2} | {} |",
        ours.rounds,
        ours.up,
        ours.down,
        milliseconds(time),
        theirs.rounds,
        theirs.up,
        theirs.down,
        holds.map_or("", mark),
    );
    holds.unwrap_or(true)
}

fn open(path: &Path) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(SqliteStore::open(path, Options::default())?))
}

/// One side of a session.
struct Side {
    session: Session,
    store: Arc<dyn Store>,
    intake: Intake,
    /// Frames that came.
    frames: VecDeque<Vec<u8>>,
    stored: usize,
    is_over: bool,
}

impl Side {
    fn new(session: Session, store: &Arc<dyn Store>) -> Self {
        let intake = Intake::new(Arc::clone(store));
        let (store, frames) = (Arc::clone(store), VecDeque::new());
        Self { session, store, intake, frames, stored: 0, is_over: false }
    }

    /// Hears all that it wants to hear, and gives what it has to say.
    fn speak(&mut self) -> Result<Vec<Vec<u8>>> {
        let mut said = Vec::new();
        loop {
            while let Some(effect) = self.session.poll() {
                self.effect(effect)?;
            }
            if let Some(frame) = self.session.poll_frame(0) {
                said.push(frame);
            } else if self.session.wants_input()
                && let Some(frame) = self.frames.pop_front()
            {
                self.session.handle(&frame, 0)?;
            } else {
                return Ok(said);
            }
        }
    }

    fn effect(&mut self, effect: Effect) -> Result<()> {
        match effect {
            Effect::Read(id, query) => {
                let snapshot = self.store.snapshot()?;
                let schemas = self.session.schemas();
                let answer = pandan_sync::answer(&*snapshot, schemas, &Serving::ALL, &query)?;
                self.session.answer(id, answer, 0);
            }
            Effect::Ingest(id, received) => self.ingest(id, &received)?,
            Effect::Finished(end) => {
                self.is_over = true;
                if end != pandan_replication::End::Complete {
                    return Err(format!("expected that all is exchanged, found {end:?}").into());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ingest(&mut self, id: IngestId, received: &[Received]) -> Result<()> {
        let candidates = received.iter().map(pandan_sync::examine);
        let candidates = candidates.collect::<std::result::Result<Vec<_>, _>>()?;
        let batch = candidates.into_iter().map(|candidate| (candidate, Door::Peer)).collect();
        let judged = self.intake.take(batch)?.judged;
        let verdicts: Vec<_> = judged.iter().map(|judged| judged.verdict()).collect();
        self.stored += verdicts.iter().filter(|verdict| **verdict == Verdict::Stored).count();
        self.session.ingested(id, &verdicts, 0);
        Ok(())
    }
}

/// Lets two stores find out how they differ, and exchange that; gives how many entries went either
/// way, and how long everything took.
fn session(stores: &[Arc<dyn Store>; 2]) -> Result<(Cost, usize, Duration)> {
    let terms = Terms::new(schemas_of(&*stores[0].snapshot()?)?)?;
    let acceptance = Acceptance { interest: Interest::All, is_live: false };
    let start = Instant::now();
    let mut sides = [
        Side::new(Session::initiate(terms, Salt::from_bytes([7; 16]), 0), &stores[0]),
        Side::new(Session::accept(acceptance, 0), &stores[1]),
    ];
    let mut cost = Cost::default();
    let mut is_quiet = false;
    for turn in 0.. {
        let said = sides[turn % 2].speak()?;
        if said.is_empty() && is_quiet {
            break;
        }
        is_quiet = said.is_empty();
        let mut compares = false;
        for frame in &said {
            let message = Message::decode(frame)?;
            if matches!(message, Message::Entries(_)) {
                continue;
            }
            compares |= matches!(message, Message::Request(_) | Message::Ranges(_));
            *(if turn % 2 == 0 { &mut cost.up } else { &mut cost.down }) += frame.len();
        }
        // What comes behind the empty ranges only says that all is well.
        cost.rounds += usize::from(compares && turn % 2 == 0);
        sides[(turn + 1) % 2].frames.extend(said);
    }
    let time = start.elapsed();
    // The initiator ends the stream first.
    for side in [1, 0] {
        sides[side].session.closed();
        sides[side].speak()?;
    }
    if sides.iter().any(|side| !side.is_over) {
        return Err("expected that both sides are done, found one that is not".into());
    }
    Ok((cost, sides[0].stored + sides[1].stored, time))
}

fn negentropy(stores: &[Arc<dyn Store>; 2]) -> Result<Cost> {
    let [one, other] = [items(&*stores[0])?, items(&*stores[1])?];
    let mut client = Negentropy::borrowed(&one, 0)?;
    let mut server = Negentropy::borrowed(&other, 0)?;
    let mut cost = Cost::default();
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let mut message = Some(client.initiate()?);
    while let Some(query) = message {
        let answer = server.reconcile(&query)?;
        cost.up += query.len();
        cost.down += answer.len();
        cost.rounds += 1;
        message = client.reconcile_with_ids(&answer, &mut have, &mut need)?;
    }
    Ok(cost)
}

/// The states of all logs.
fn items(store: &dyn Store) -> Result<NegentropyStorageVector> {
    let snapshot = store.snapshot()?;
    let ranges: Vec<_> = schemas_of(&*snapshot)?.into_iter().map(HeadRange::all).collect();
    let heads = snapshot.heads(&ranges, usize::MAX)?;
    let mut items = NegentropyStorageVector::with_capacity(heads.len());
    for found in heads {
        items.insert(0, Id::from_byte_array(*found.head.state.as_bytes()))?;
    }
    items.seal()?;
    Ok(items)
}
