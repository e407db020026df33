//! Settings of a node, each with a default that is right for one person's machine.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use pandan_store::Durability;

use crate::Replication;

/// The port that p2panda nodes listen on for HTTP.
pub const DEFAULT_HTTP_PORT: u16 = 2020;

/// The address on which a node listens unless told otherwise: only this machine can reach it.
pub const DEFAULT_HTTP_ADDRESS: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, DEFAULT_HTTP_PORT));

/// Settings of a node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where data is kept.
    pub storage: Storage,
    /// What a crash of the machine may take. A crash of the node takes nothing.
    pub durability: Durability,
    /// How large the database may become; without it, as large as the disk allows.
    pub quota_bytes: Option<u64>,
    /// Where to listen for HTTP; nowhere when none.
    ///
    /// With the default, which is `127.0.0.1`, the node listens on `::1` too when there is one. Port
    /// 0 takes any free port.
    pub http: Option<SocketAddr>,
    /// How to replicate with other nodes; not at all when none.
    pub replication: Option<Replication>,
    /// What others may make the node do.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            storage: Storage::Folder(PathBuf::from("pandan-data")),
            durability: Durability::Full,
            quota_bytes: None,
            http: Some(DEFAULT_HTTP_ADDRESS),
            replication: None,
            limits: Limits::default(),
        }
    }
}

/// Where a node keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In a folder, which is made when it is not there. One node at a time can use it.
    Folder(PathBuf),
    /// In memory, gone when the node stops.
    Memory,
}

/// What others may make a node do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How deep a query may be nested.
    pub depth: usize,
    /// How many fields a query may select at its root.
    pub root_fields: usize,
    /// How many fields a query may select in all, those of fragments each time they are used.
    pub fields: usize,
    /// How many values an answer may hold.
    pub answer_values: usize,
    /// How many bytes of texts and byte strings an answer may hold.
    pub answer_bytes: usize,
    /// How many documents a page may hold.
    pub page: usize,
    /// How large the body of a request may be.
    pub body_bytes: usize,
    /// How large the bodies of all requests together may be, small ones not counted; others wait.
    pub bodies_bytes: usize,
    /// How large the answers on their way to clients may be together, small ones not counted; what
    /// does not fit is refused.
    pub answers_bytes: usize,
    /// How long a request may take.
    pub request_time: Duration,
    /// How long the head of the next request of a connection may take to arrive.
    pub header_time: Duration,
    /// How many queries run at the same time; others wait.
    pub concurrent_reads: usize,
    /// How many entries wait to be written; others wait before they are looked at.
    pub queued_entries: usize,
    /// How many entries are written in one transaction.
    pub batch_entries: usize,
    /// How many connections are open at the same time; a new one takes the place of the one that
    /// has been waiting for its client the longest. Fewer where the process may not open so many
    /// files, which is logged when the node starts.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 32,
            root_fields: 100,
            fields: 5_000,
            answer_values: 500_000,
            answer_bytes: 32 * 1024 * 1024,
            page: 1_000,
            // An operation of 512 KiB in hex, twice, and its entry.
            body_bytes: 4 * 1024 * 1024,
            bodies_bytes: 64 * 1024 * 1024,
            answers_bytes: 256 * 1024 * 1024,
            request_time: Duration::from_secs(30),
            header_time: Duration::from_secs(30),
            concurrent_reads: 16,
            queued_entries: 1_024,
            batch_entries: 512,
            connections: 1_024,
        }
    }
}
