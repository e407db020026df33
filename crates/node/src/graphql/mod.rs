//! GraphQL: from a request to its answer.
//!
//! ```text
//! text ─ syntax ─▶ document ─ validate ─▶ valid ─ planner ─▶ plan ─ execute ─▶ answer ─▶ JSON
//!                                 ▲                  ▲                 ▲
//!                            api (types)      variables, limits   snapshot, budget
//! ```

mod answer;
mod api;
mod arguments;
mod budget;
mod error;
mod execute;
mod fields;
mod forks;
mod introspection;
mod load;
mod parts;
mod plan;
mod planner;
mod request;
mod syntax;
#[cfg(test)]
mod tests;
mod types;
mod validate;
mod values;

pub use answer::Response;
pub(crate) use answer::{Answer, Key};
pub(crate) use api::Api;
pub(crate) use budget::{Budget, Exceeded};
pub(crate) use error::code;
pub use error::{Error, PathPart};
pub(crate) use execute::{ReadError, Reader, next_args};
pub(crate) use plan::{Plan, Root, RootField};
pub use request::Request;
pub(crate) use request::prepare;
pub use syntax::Location;
