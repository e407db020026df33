//! Who may connect, how many, how often and how fast.

mod bucket;
mod guard;
mod list;
mod throttle;

pub(crate) use bucket::Bucket;
pub(crate) use guard::{Answer, Guard, Slot};
pub use list::AccessList;
pub(crate) use list::SharedList;
pub(crate) use throttle::Throttle;
