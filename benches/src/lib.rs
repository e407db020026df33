//! What is measured, written once for both programs that measure it: `cargo bench` (criterion,
//! for the course of time) and `ratios` (for one number each, taken side by side). And what the
//! other programs write into stores and nodes, and how they look at what that costs.

#![forbid(unsafe_code)]

pub mod ahead;
pub mod cases;
mod document_shapes;
pub mod filled;
mod fixtures;
mod peer;
pub mod places;
pub mod process;
pub mod program;
mod timed;
pub mod times;

pub use timed::{Contestant, Group, Limit};

/// What a bench tells of what failed.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
