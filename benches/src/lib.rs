//! What is measured, written once for both programs that measure it: `cargo bench` (criterion,
//! for the course of time) and `ratios` (for one number each, taken side by side). And what `ingest`
//! and `load` write into stores and nodes.

#![forbid(unsafe_code)]

pub mod cases;
mod document_shapes;
mod fixtures;
mod peer;
pub mod places;
mod timed;

pub use timed::{Contestant, Group, Limit};
