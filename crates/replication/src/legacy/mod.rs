//! Version 1 of the replication protocol, as deployed nodes speak it ("log heights").
//!
//! Two peers tell each other how far their logs go, and each sends the entries that the other
//! lacks. A [`Link`] is one side of one connection, without I/O: bytes and time come in, effects go
//! out. The chapter "Replication, version 1" of the book has the messages and sessions; the files
//! here say why things are done as they are.
//!
//! What is done differently from a deployed node, which a peer cannot tell:
//!
//! - A session is opened when there is a reason: something new here, another announcement of the
//!   peer, or a minute since the last one. The peer's own requests are always answered.
//! - A refused entry does not end the session: the rest of its log is passed over, and what else
//!   the peer sends is taken. What failed is remembered, see [`Memory`].
//! - An entry whose payload is gone is never sent, and one that comes without is passed over.

mod announcements;
mod cbor;
mod compare;
mod decode;
mod effect;
mod frames;
mod initiate;
pub mod limits;
mod link;
mod memory;
mod message;
mod query;
mod receive;
mod schema_set;
mod serve;
mod session;

pub use decode::{DecodeMessageError, Problem};
pub use effect::{Effect, FORGED_POINTS, Fault, Finished, Outcome};
pub use frames::Frames;
pub use initiate::{Precedence, Serves};
pub use link::{Config, Link};
pub use memory::Memory;
pub use message::{AuthorLogs, Message, Mode, VERSION};
pub use query::{Answer, IngestId, LogHeight, Need, Query, ReadId, Received, StoredEntry, Verdict};
pub use schema_set::{SchemaSet, SchemaSetError};
pub use session::Counts;
