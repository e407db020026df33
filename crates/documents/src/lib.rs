#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod conflicts;
mod document;
mod edges;
mod graph;
mod history;
mod operation;
mod view;
mod walk;

pub use conflicts::{Conflict, Write};
pub use document::Document;
pub use graph::{Graph, GraphError, GraphNode, NodeKind};
pub use history::{BuildError, History};
pub use operation::DocumentOperation;
pub use view::{DocumentView, ExtendError, ViewField, extends};
