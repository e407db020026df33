//! A running node, asked over HTTP.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod amplification;
mod batches;
mod blobs;
mod book;
#[cfg(target_os = "linux")]
mod broken_disk;
mod control;
mod first_steps;
mod following;
mod forks;
mod hostile;
mod http;
mod language;
mod legacy;
mod lifecycle;
mod limits;
mod metrics;
mod odd_store;
mod parts;
mod peer;
mod publishing;
mod queries;
mod relations;
mod replication;
mod requests;
mod schema;
mod schemas;
mod stores;
mod support;
mod sync_status;
mod zoo;
