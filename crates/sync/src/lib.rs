#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answers;
mod follow;
mod intake;
pub mod legacy;
pub mod limits;
mod parts;
mod ranges;

pub use answers::answer;
pub use follow::{Follow, Follower, Look, Looked, Serving};
pub use intake::{Fate, Intake, Judged, News, Taken, examine};
pub use parts::{Examined, answer_ask, ask_item, examine_told, is_whole, log_name, whole_item};
