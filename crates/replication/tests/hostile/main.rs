//! Whatever the other side does, a session ends with a reason, and what it keeps is bounded.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test")]

#[path = "../common/mod.rs"]
mod common;

mod any;
mod entries;
mod forks;
mod messages;
mod news;
mod queues;
mod ranges;
mod turns;
