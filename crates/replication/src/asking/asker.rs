//! The side that asks: it gathers what is told of each item, within limits.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pandan_bamboo::{ForkProof, Hash};
use pandan_operations::{Action, DocumentId, DocumentViewId, FieldName, Operation, OperationId};

use super::patience::Patience;
use super::{Told, Wire, unexpected};
use crate::limits::{
    MAX_ASK_PROOFS, MAX_PART_BYTES, MAX_PART_ENTRIES, MAX_REFUSED, MAX_WHOLE_ENTRIES,
};
use crate::session::{Busy, End, Fault, REFUSED_POINTS, Verdict, is_definition};
use crate::{Ask, AskItem, Message, PartContent, PartMessage, Received, Refusal};

type Result<T> = core::result::Result<T, Fault>;

/// Asks for parts.
///
/// It is fed with what happens and says what to do. After each input call [`Asker::poll`] until
/// there is nothing more, and send what [`Asker::poll_frame`] gives.
#[derive(Debug)]
pub struct Asker {
    ask: Ask,
    /// The item of which something is told.
    item: usize,
    gathered: Gathered,
    /// Entries were handed on, and what became of them is not known yet.
    is_ingesting: bool,
    refused: usize,
    proofs: u32,
    is_over: bool,
    patience: Patience,
    wire: Wire,
    effects: VecDeque<AskerEffect>,
}

/// What was told of the item in turn.
#[derive(Debug, Default)]
struct Gathered {
    /// Nothing or too much, which nothing can follow.
    verdict: Option<Told>,
    entries: Vec<Received>,
    bytes: usize,
    /// Entries of a whole document, and which one that is, once its CREATE has come.
    handed_on: u64,
    document: Option<DocumentId>,
    state: Option<(DocumentViewId, Vec<(FieldName, OperationId)>)>,
    proofs: Vec<ForkProof>,
    has_begun: bool,
}

/// Something to be done for whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskerEffect {
    /// All was told of an item, counted from 0. Verify it before anything is made of it.
    Told(usize, Told),
    /// Entries of a whole document: take them in, in this order and by the door of peers, and tell
    /// [`Asker::ingested`] what became of each.
    Ingest(Vec<Received>),
    /// A fork of a log of a whole document: keep the proof.
    Proof(Box<ForkProof>),
    /// It is over.
    Finished(End),
}

impl Asker {
    /// Asks on a new stream.
    #[must_use]
    pub fn new(ask: Ask, now: u64) -> Self {
        let mut wire = Wire::default();
        wire.send(&Message::Ask(ask.clone()));
        Self {
            ask,
            item: 0,
            gathered: Gathered::default(),
            is_ingesting: false,
            refused: 0,
            proofs: 0,
            is_over: false,
            patience: Patience::new(now),
            wire,
            effects: VecDeque::new(),
        }
    }

    /// Whether a frame may be handed in. While entries are being taken in, none may.
    #[must_use]
    pub const fn wants_input(&self) -> bool {
        !self.is_over && !self.is_ingesting
    }

    /// A frame has come.
    pub fn handle(&mut self, frame: &[u8], now: u64) -> core::result::Result<(), Busy> {
        if !self.wants_input() {
            return Err(Busy);
        }
        self.patience.came(frame.len(), now);
        let result = match Message::decode(frame) {
            Ok(Message::Refuse(refusal)) => {
                self.end(End::Refused(refusal));
                Ok(())
            }
            Ok(Message::Part(part)) => self.part(part),
            Ok(Message::Done) => self.done(),
            Ok(_) => Err(unexpected("Part or Done", "another message")),
            Err(error) => Err(error.into()),
        };
        self.settle(result);
        if self.is_ingesting {
            self.patience.pause(now);
        }
        Ok(())
    }

    /// What became of each entry that was handed on.
    pub fn ingested(&mut self, verdicts: &[Verdict], now: u64) {
        if !core::mem::take(&mut self.is_ingesting) {
            return;
        }
        self.patience.go_on(now);
        let refused = verdicts.iter().filter(|verdict| **verdict == Verdict::Refused).count();
        self.refused = self.refused.saturating_add(refused);
        if self.refused > MAX_REFUSED {
            self.settle(Err(Fault::TooManyRefused { max: MAX_REFUSED }));
        }
    }

    /// The store takes nothing.
    pub fn unavailable(&mut self) {
        self.settle(Err(Fault::Unavailable));
    }

    /// The other side has ended its half of the stream, or it broke.
    pub fn closed(&mut self) {
        self.settle(Err(Fault::ClosedEarly));
    }

    /// Points for entries that were refused.
    #[must_use]
    pub fn points(&self) -> u32 {
        u32::try_from(self.refused).unwrap_or(u32::MAX).saturating_mul(REFUSED_POINTS)
    }

    /// When to call [`Asker::timeout`]. While entries are being taken in it is nobody's fault.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.wants_input().then(|| self.patience.until())
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: u64) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.settle(Err(self.patience.fault(now)));
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<AskerEffect> {
        self.effects.pop_front()
    }

    /// The next frame to send.
    pub fn poll_frame(&mut self, now: u64) -> Option<Vec<u8>> {
        let frame = self.wire.take(now);
        // Nobody answers what was not sent.
        if frame.is_some() {
            self.patience = Patience::new(now);
        }
        frame
    }

    /// Gives up, and tells the other side why.
    pub fn refuse(&mut self, refusal: Refusal) {
        if !self.is_over {
            self.wire.send(&Message::Refuse(refusal.clone()));
            self.end(End::Refused(refusal));
        }
    }

    fn part(&mut self, PartMessage { item, content }: PartMessage) -> Result<()> {
        if item != self.item {
            if !self.gathered.has_begun || item != self.item.saturating_add(1) {
                return Err(unexpected("items in order", "another item"));
            }
            self.finish_item();
        }
        let Some(asked) = self.ask.items.get(self.item) else {
            return Err(unexpected("items that were asked for", "another item"));
        };
        if self.gathered.verdict.is_some() {
            return Err(unexpected("nothing more of the item", "another Part"));
        }
        let is_first = !core::mem::replace(&mut self.gathered.has_begun, true);
        match (asked, content) {
            (_, PartContent::Nothing) if is_first => {
                self.gathered.verdict = Some(Told::Nothing);
                Ok(())
            }
            (_, PartContent::TooMuch) if is_first => {
                self.gathered.verdict = Some(Told::TooMuch);
                Ok(())
            }
            (_, PartContent::Nothing | PartContent::TooMuch) => {
                Err(unexpected("more of the item", "that there is nothing, or too much"))
            }
            (AskItem::Whole(_) | AskItem::WholeOf(_), content) => self.whole(content),
            (AskItem::Document(_), PartContent::State { view, fields }) => {
                match self.gathered.state.replace((view, fields)) {
                    None => Ok(()),
                    Some(_) => Err(unexpected("one state", "a second one")),
                }
            }
            (_, PartContent::State { .. }) => Err(unexpected("entries", "a state")),
            (AskItem::Payloads { .. }, PartContent::Proof(_)) => {
                Err(unexpected("entries", "a fork"))
            }
            (_, PartContent::Proof(proof)) => {
                self.count_proof()?;
                self.gathered.proofs.push(*proof);
                Ok(())
            }
            (asked, PartContent::Entries(entries)) => {
                let max = match asked {
                    AskItem::Payloads { places, .. } => places.len(),
                    _ => MAX_PART_ENTRIES,
                };
                self.gathered.add(entries, max)
            }
        }
    }

    fn whole(&mut self, content: PartContent) -> Result<()> {
        match content {
            PartContent::Entries(entries) => {
                for received in &entries {
                    self.check_whole(received)?;
                }
                let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
                let handed_on = &mut self.gathered.handed_on;
                *handed_on = handed_on.saturating_add(count);
                if *handed_on > MAX_WHOLE_ENTRIES {
                    return Err(Fault::TooManyEntries { max: MAX_WHOLE_ENTRIES });
                }
                self.is_ingesting = true;
                self.effects.push_back(AskerEffect::Ingest(entries));
                Ok(())
            }
            PartContent::Proof(proof) => {
                self.count_proof()?;
                self.effects.push_back(AskerEffect::Proof(proof));
                Ok(())
            }
            _ => Err(unexpected("entries", "a state")),
        }
    }

    /// Whether an entry can belong to the document that was asked for, or to the definition of its
    /// schema: there is one document of another schema than those of definitions.
    fn check_whole(&mut self, received: &Received) -> Result<()> {
        let payload = received.payload.as_ref().ok_or(Fault::PayloadMissing)?;
        // What is no operation is refused at the door.
        let Ok(operation) = Operation::decode(payload) else { return Ok(()) };
        if operation.action() != Action::Create || is_definition(operation.schema()) {
            return Ok(());
        }
        let id = DocumentId::from_hash(Hash::of(&received.entry));
        let is_asked = match self.ask.items.get(self.item) {
            Some(AskItem::Whole(asked)) => *asked == id,
            _ => self.gathered.document.is_none_or(|known| known == id),
        };
        self.gathered.document = Some(id);
        if is_asked { Ok(()) } else { Err(Fault::Unasked { schema: operation.schema().clone() }) }
    }

    fn count_proof(&mut self) -> Result<()> {
        self.proofs = self.proofs.saturating_add(1);
        if self.proofs > MAX_ASK_PROOFS {
            Err(Fault::TooManyProofs { max: MAX_ASK_PROOFS })
        } else {
            Ok(())
        }
    }

    fn done(&mut self) -> Result<()> {
        let is_last = self.item.saturating_add(1) == self.ask.items.len();
        if !(is_last && self.gathered.has_begun) {
            return Err(unexpected("an answer to every item", "Done"));
        }
        self.finish_item();
        self.end(End::Complete);
        Ok(())
    }

    /// Tells what came of the item, and turns to the next.
    fn finish_item(&mut self) {
        let Gathered { verdict, entries, state, proofs, .. } = core::mem::take(&mut self.gathered);
        let told = match (verdict, self.ask.items.get(self.item)) {
            (Some(verdict), _) => verdict,
            (None, Some(AskItem::Whole(_) | AskItem::WholeOf(_))) => Told::Whole,
            (None, _) => Told::Part { entries, state, proofs },
        };
        self.effects.push_back(AskerEffect::Told(self.item, told));
        self.item = self.item.saturating_add(1);
    }

    fn settle(&mut self, result: Result<()>) {
        if let Err(fault) = result
            && !self.is_over
        {
            let end = self.wire.fail(fault);
            self.end(end);
        }
    }

    fn end(&mut self, end: End) {
        self.is_over = true;
        self.effects.push_back(AskerEffect::Finished(end));
    }
}

impl Gathered {
    fn add(&mut self, entries: Vec<Received>, max: usize) -> Result<()> {
        for received in entries {
            let payload = received.payload.as_ref().map_or(0, Vec::len);
            self.bytes = self.bytes.saturating_add(received.entry.len()).saturating_add(payload);
            if self.bytes > MAX_PART_BYTES {
                return Err(Fault::TooManyBytes { max: MAX_PART_BYTES });
            }
            self.entries.push(received);
            if self.entries.len() > max {
                let max = u64::try_from(max).unwrap_or(u64::MAX);
                return Err(Fault::TooManyEntries { max });
            }
        }
        Ok(())
    }
}
