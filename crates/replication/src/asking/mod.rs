//! Asking for parts of logs on a stream of its own (RE11).
//!
//! ```text
//! asker                          answerer
//!   │ Ask, with items               │
//!   ├──────────────────────────────▶│
//!   │ Part …, in the order of items │
//!   │◀──────────────────────────────┤
//!   │                          Done │
//!   │◀──────────────────────────────┤
//! ```
//!
//! Nothing is compared. Both sides are state machines, fed and polled as sessions are. Whether a
//! part verifies is looked at elsewhere; here it is bounded.

mod answerer;
mod asker;
mod patience;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pandan_bamboo::ForkProof;
use pandan_operations::{DocumentViewId, FieldName, OperationId};

pub use answerer::{Answerer, AnswererEffect};
pub use asker::{Asker, AskerEffect};

use crate::session::{End, Fault};
use crate::{AskItem, Cursor, Message, PartContent, Received, Refusal};

/// A question to the store: what is there of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskQuery {
    /// What is asked for.
    pub item: AskItem,
    /// Whether payloads of what is asked for are to be left out.
    pub payloads_optional: bool,
    /// What was told before; only whole documents are told in several steps.
    pub after: Option<Cursor>,
}

/// The answer to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskAnswer {
    /// What to tell, in order; nothing when nothing is there.
    pub contents: Vec<PartContent>,
    /// Where to go on; nothing when this was all.
    pub next: Option<Cursor>,
}

/// What was told of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The other side has nothing of it, or does not serve it.
    Nothing,
    /// It is more than is told in part.
    TooMuch,
    /// A part, or entries with their payloads. Nothing of it is verified.
    Part {
        /// The entries.
        entries: Vec<Received>,
        /// The state of the document: its view, and which operation set each field last.
        state: Option<(DocumentViewId, Vec<(FieldName, OperationId)>)>,
        /// Forks.
        proofs: Vec<ForkProof>,
    },
    /// A whole document, of which all entries were handed on.
    Whole,
}

/// What both sides keep of a stream: frames to be sent, and when something has last happened.
#[derive(Debug, Default)]
struct Wire {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    active: u64,
}

impl Wire {
    fn send(&mut self, message: &Message) {
        let frame = message.encode();
        self.bytes = self.bytes.saturating_add(frame.len());
        self.frames.push_back(frame);
    }

    fn take(&mut self, now: u64) -> Option<Vec<u8>> {
        let frame = self.frames.pop_front()?;
        self.bytes = self.bytes.saturating_sub(frame.len());
        self.active = now;
        Some(frame)
    }

    /// Drops what was to be sent, and tells the other side why, unless it has ended it.
    fn fail(&mut self, fault: Fault) -> End {
        self.frames.clear();
        self.bytes = 0;
        if fault != Fault::ClosedEarly {
            let text = alloc::format!("{fault}");
            self.send(&Message::Refuse(Refusal::new(fault.code(), &text)));
        }
        End::Failed(fault)
    }
}

const fn unexpected(expected: &'static str, found: &'static str) -> Fault {
    Fault::Unexpected { expected, found }
}
