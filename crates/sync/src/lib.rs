#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answers;
mod intake;
pub mod legacy;
mod ranges;

pub use answers::answer;
pub use intake::{Fate, Intake, Judged, News, Taken, examine};
