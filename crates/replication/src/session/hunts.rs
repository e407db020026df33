//! Looking for the place where a log forks (RE9).
//!
//! Two logs that differ at a place differ at every later one, and if they agree there, at every
//! earlier one: so the lowest place is found by halving. Both sides' entries are signed, so that
//! what is found is a proof, whatever the other side says.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};

use pandan_bamboo::{EncodedEntry, Entry, ForkProof, SeqNum};

use crate::limits::MAX_HUNTS;
use crate::session::fault::Fault;
use crate::session::outbox::{Outbox, Purpose};
use crate::{Author, LogName, Message, Query};

#[derive(Debug, Default)]
pub(crate) struct Hunts {
    current: Option<Hunt>,
    waiting: VecDeque<(LogName, SeqNum)>,
    /// All logs that were looked at, each once in a session.
    seen: BTreeSet<LogName>,
}

#[derive(Debug)]
struct Hunt {
    log: LogName,
    /// The highest place known to be equal; 0 is before the first.
    equal: u64,
    /// The lowest place known to differ.
    proof: Option<Box<ForkProof>>,
    asked: SeqNum,
    own: Reply,
    theirs: Reply,
}

/// What one of the two sides has at the place.
#[derive(Debug)]
enum Reply {
    Awaited,
    Came(Option<Box<EncodedEntry>>),
}

impl Hunts {
    /// In how many logs it was looked, or is to be.
    pub(crate) fn count(&self) -> usize {
        self.seen.len()
    }

    pub(crate) const fn is_idle(&self) -> bool {
        self.current.is_none()
    }

    /// Looks into a log that differs at this place or below. What is too much is left to the next
    /// session.
    pub(crate) fn add(&mut self, log: LogName, seq_num: SeqNum, out: &mut Outbox) {
        if self.seen.len() < MAX_HUNTS && self.seen.insert(log) {
            self.waiting.push_back((log, seq_num));
            self.next(out);
        }
    }

    /// Begins the next one.
    fn next(&mut self, out: &mut Outbox) {
        if self.current.is_some() {
            return;
        }
        if let Some((log, asked)) = self.waiting.pop_front() {
            self.ask(log, 0, None, asked, out);
        }
    }

    fn ask(
        &mut self,
        log: LogName,
        equal: u64,
        proof: Option<Box<ForkProof>>,
        asked: SeqNum,
        out: &mut Outbox,
    ) {
        out.send(&Message::Probe(log, asked));
        out.ask(Purpose::HuntOwn, Query::Entry { log, seq_num: asked });
        let (own, theirs) = (Reply::Awaited, Reply::Awaited);
        self.current = Some(Hunt { log, equal, proof, asked, own, theirs });
    }

    /// The entry of the other side.
    pub(crate) fn probed(
        &mut self,
        entry: Option<&[u8]>,
        out: &mut Outbox,
    ) -> Result<Option<Box<ForkProof>>, Fault> {
        let hunt = self.current.as_mut();
        let Some(hunt) = hunt.filter(|hunt| matches!(hunt.theirs, Reply::Awaited)) else {
            return Err(Fault::Unexpected { expected: "no answer to a probe", found: "Probed" });
        };
        let entry = entry.map(|bytes| authenticate(bytes, hunt.log, hunt.asked)).transpose()?;
        hunt.theirs = Reply::Came(entry.map(Box::new));
        Ok(self.step(out))
    }

    /// Our own entry.
    pub(crate) fn own(
        &mut self,
        entry: Option<Box<EncodedEntry>>,
        out: &mut Outbox,
    ) -> Option<Box<ForkProof>> {
        self.current.as_mut()?.own = Reply::Came(entry);
        self.step(out)
    }

    /// Goes on when both are there; gives the proof at the end.
    fn step(&mut self, out: &mut Outbox) -> Option<Box<ForkProof>> {
        let is_answered =
            |hunt: &mut Hunt| matches!((&hunt.own, &hunt.theirs), (Reply::Came(_), Reply::Came(_)));
        let hunt = self.current.take_if(is_answered)?;
        let (mut equal, mut proof) = (hunt.equal, hunt.proof);
        let found = match (&hunt.own, &hunt.theirs) {
            (Reply::Came(Some(own)), Reply::Came(Some(theirs))) => {
                Some(ForkProof::new(&own.as_authentic(), &theirs.as_authentic()))
            }
            // One of the two cannot show the entry: what is proved so far has to do.
            _ => None,
        };
        match found {
            Some(Ok(fork)) => proof = Some(Box::new(fork)),
            Some(Err(_)) => equal = hunt.asked.number(),
            None => {
                self.next(out);
                return proof;
            }
        }
        let differs = proof.as_ref().map(|proof| proof.seq_num().number());
        let middle = differs.and_then(|differs| between(equal, differs));
        match middle {
            Some(middle) => {
                self.ask(hunt.log, equal, proof, middle, out);
                None
            }
            None => {
                self.next(out);
                proof
            }
        }
    }
}

/// The middle of what lies between a place that is equal and one that differs.
fn between(equal: u64, differs: u64) -> Option<SeqNum> {
    let distance = differs.checked_sub(equal)?;
    let half = distance.checked_div(2).filter(|half| *half > 0)?;
    SeqNum::new(equal.checked_add(half)?)
}

fn authenticate(bytes: &[u8], log: LogName, seq_num: SeqNum) -> Result<EncodedEntry, Fault> {
    let entry = Entry::decode(bytes)?;
    let claims = entry.claims();
    let author = Author::from_bytes(*claims.public_key_bytes());
    if (LogName { author, log_id: claims.log_id() }, claims.seq_num()) != (log, seq_num) {
        return Err(Fault::OtherEntry);
    }
    Ok(entry.authenticate()?.to_encoded())
}
