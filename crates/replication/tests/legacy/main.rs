//! Version 1 of the protocol: its messages, and links between peers.

mod convergence;
mod deployed;
mod deployed_peer;
mod hostile;
mod link;
mod messages;
mod pair;
mod store;
