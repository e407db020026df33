//! How a node takes part in a network.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use pandan_identity::KeyPair;
use pandan_network::Config;
use pandan_replication::Interest;
use pandan_sync::Follow;

/// The port that p2panda nodes listen on for other nodes.
const DEFAULT_QUIC_PORT: u16 = 2022;

/// How a node replicates.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replication {
    /// Where it listens, whom it dials, whom it lets in. The protocols are those of the node,
    /// whatever is set here.
    pub network: Config,
    /// With what it authenticates itself to other nodes. Without it the key is kept in the folder
    /// for data, and made at the first start; in memory it is a new one each time.
    ///
    /// It signs no data, and is not to be the key of a person.
    pub key_pair: Option<KeyPair>,
    /// Which schemas it replicates.
    pub interest: Interest,
    /// Whether it replicates with the deployed nodes, which speak version 1 of the protocol, too.
    /// In a private network there are none. Default: true.
    pub legacy: bool,
    /// Which documents it replicates beside, when it does not replicate everything: some of those
    /// to which documents of these schemas relate. Definitions of schemas then come as well.
    pub follow: Follow,
}

impl Replication {
    /// Where a node listens for others unless told otherwise: at port 2022, everywhere.
    pub const DEFAULT_ADDRESS: SocketAddr =
        SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, DEFAULT_QUIC_PORT));

    /// Listens here, knows nobody, and replicates everything.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            network: Config::new(address),
            key_pair: None,
            interest: Interest::All,
            legacy: true,
            follow: Follow::default(),
        }
    }
}
