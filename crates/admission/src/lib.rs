#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod blob;
mod candidate;
mod decide;
mod facts;
pub mod limits;
mod next_args;
mod part;
mod questions;
mod refusal;
mod waiting;
mod waiting_room;

pub use candidate::Candidate;
pub use decide::{Admitted, Door, Forked, Verdict, decide};
pub use facts::{DocumentFact, Facts, ForkFact, LogFact, PreviousFact, PreviousFound, SchemaFact};
pub use next_args::{
    NextArgsDocument, NextArgsError, NextArgsFacts, NextArgsLog, NextArgsOperation, next_args,
};
pub use part::{
    ClaimedState, Part, PartAsk, PartClaim, PartEntry, PartError, PartSubject, Payloads, Piece,
};
pub use questions::Questions;
pub use refusal::{Fault, Refusal};
pub use waiting::{Missing, Waiting};
pub use waiting_room::{Arrival, Hold, WaitingRoom};
