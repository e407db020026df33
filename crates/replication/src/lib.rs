#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod asking;
mod head;
mod key;
pub mod legacy;
pub mod limits;
mod message;
mod peers;
mod query;
mod reader;
mod session;

pub use asking::{Answerer, AnswererEffect, AskAnswer, AskQuery, Asker, AskerEffect, Told};
pub use head::{FrozenTip, Head, TheirHead, Tip};
pub use key::{Author, Bound, KeyRange, LogKey, LogName};
pub use message::{
    Announcement, Ask, AskItem, Content, DocumentHeads, Interest, Message, OutOfOrder, PartContent,
    PartMessage, RangeItem, Ranges, Refusal, RefusalCode, Request, WantDocuments,
};
pub use peers::{PeerId, Peers, PeersConfig, PeersEffect, Seed, StreamId, VERSION};
pub use query::{
    Amount, Answer, Cursor, FoundHeads, HeadList, Page, Part, Query, ReadId, Received, Split, Wants,
};
pub use reader::{DecodeMessageError, Field, MessageProblem};
pub use session::{
    Acceptance, Busy, Commit, Effect, End, Fault, IngestId, Phase, SchemaCounts, Session, Status,
    Terms, TermsError, Usage, Verdict,
};
