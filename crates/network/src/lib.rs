#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod address;
mod close;
mod config;
mod connection;
mod discovery;
mod establish;
mod event;
pub mod limits;
mod network;
mod network_key;
mod peer_id;
mod protocol;
mod registry;
mod tls;
mod transport;
mod wire;

pub use access::AccessList;
pub use address::{Address, AddressError};
pub use bytes::Bytes;
pub use close::{CloseCode, Disconnect};
pub use config::{Backoff, Config, Limits};
pub use connection::{Connection, OpenError, Traffic};
pub use establish::DialError;
pub use event::{Direction, Event, RefusalReason};
pub use network::{BindError, Handle, Network};
pub use network_key::NetworkKey;
pub use peer_id::{PeerId, PeerIdError};
pub use protocol::{Protocol, ProtocolError};
pub use tls::{CertificateError, TlsError};
pub use wire::{
    hello::HelloError,
    multistream::NegotiationError,
    stream::{ReceiveError, Receiver, SendError, Sender, Stream},
};
