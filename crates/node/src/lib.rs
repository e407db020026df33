#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod catalog;
mod commits;
mod config;
mod counters;
mod files;
mod graphql;
mod http;
mod lock;
mod node;
mod parts;
mod publish;
mod start_error;
mod storage;
mod sync;
mod text;
mod writer;

pub use commits::{Commits, Forks, Missed};
pub use config::{Config, DEFAULT_HTTP_ADDRESS, DEFAULT_HTTP_PORT, Limits, Storage};
pub use graphql::{Error, Location, PathPart, Request, Response};
pub use lock::FolderLock;
pub use node::{Node, NodeBuilder};
pub use pandan_admission::limits::MAX_NEWEST;
pub use pandan_admission::{PartAsk, PartSubject};
pub use pandan_network as network;
pub use pandan_replication::{Interest, Phase};
pub use pandan_store::Durability;
pub use pandan_sync::Follow;
pub use publish::PublishError;
pub use start_error::StartError;
pub use sync::{
    AskError, AskOptions, Asked, Completed, ForkNews, ForksStatus, PeerStatus, Replication,
    ReplicationError, SchemaStatus, SessionStatus, SyncStatus, Totals,
};
