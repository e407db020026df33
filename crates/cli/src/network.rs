//! How a node takes part in a network: on the command line, in the environment and in the file.

use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use pandan_identity::{KeyFile, KeyFileError, KeyPair};
use pandan_node::network::{Address, Limits, NetworkKey, PeerId};
use pandan_node::{Interest, Replication};
use pandan_operations::{SchemaId, SystemSchema};

use crate::failure::usage;
use crate::follow::Related;
use crate::listen::Listen;

/// A node to stay connected with: `HOST:PORT`, or `PEER_ID@HOST:PORT` to be sure who is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) address: Address,
    pub(crate) id: Option<PeerId>,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, address) = match text.split_once('@') {
            Some((id, address)) => (Some(id), address),
            None => (None, text),
        };
        let wrong = |what: String| {
            format!("expected HOST:PORT or PEER_ID@HOST:PORT, found \"{text}\": {what}")
        };
        let address = address.parse().map_err(|error| wrong(format!("{error}")))?;
        let id = id.map(str::parse).transpose().map_err(|error| wrong(format!("{error}")))?;
        Ok(Self { address, id })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{id}@{}", self.address),
            None => self.address.fmt(f),
        }
    }
}

/// Who takes part, and in what.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Where to listen for other nodes (UDP), port 0 for a free one, `off` for nowhere [default:
    /// 0.0.0.0:2022, or a free port when that one is taken]
    #[arg(long, value_name = "HOST:PORT", env = "PANDAN_QUIC", value_parser = Listen::quic)]
    quic: Option<Listen>,

    /// Neither look for other nodes nor let any in, whatever else is set
    #[arg(long, env = "PANDAN_OFFLINE", value_parser = BoolishValueParser::new())]
    offline: bool,

    /// Stay connected with the node at HOST:PORT, or PEER_ID@HOST:PORT; may be given several times
    #[arg(long = "peer", value_name = "ADDRESS", env = "PANDAN_PEER", value_delimiter = ',')]
    peers: Vec<Peer>,

    /// Look for nodes in the local network, and be found there [default: true]
    #[arg(long, value_name = "BOOL", env = "PANDAN_MDNS", action = ArgAction::Set,
        num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    mdns: Option<bool>,

    /// Replicate with nodes of aquadoggo too, which speak version 1 of the protocol [default: true]
    #[arg(long, value_name = "BOOL", env = "PANDAN_LEGACY", action = ArgAction::Set,
        num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    legacy: Option<bool>,

    /// File with the key that this node authenticates itself with; it is never that of a person
    /// [default: node-key.pem in the folder for data, made at the first start]
    #[arg(long, value_name = "FILE", env = "PANDAN_NODE_KEY")]
    node_key: Option<PathBuf>,

    /// Key of a private network, 64 hex digits; only nodes with the same key are let in. Better in
    /// the environment or in the file than here, where others can see it
    #[arg(long, value_name = "HEX", env = "PANDAN_NETWORK_KEY", hide_env_values = true)]
    network_key: Option<String>,

    /// Let nobody in but this node; may be given several times
    #[arg(
        long = "allow-peer",
        value_name = "PEER_ID",
        env = "PANDAN_ALLOW_PEER",
        value_delimiter = ','
    )]
    allow_peers: Vec<PeerId>,

    /// Keep this node out; may be given several times
    #[arg(
        long = "block-peer",
        value_name = "PEER_ID",
        env = "PANDAN_BLOCK_PEER",
        value_delimiter = ','
    )]
    block_peers: Vec<PeerId>,

    /// Replicate documents of this schema, and definitions of schemas; may be given several times
    /// [default: all]
    #[arg(long = "schema", value_name = "SCHEMA_ID", env = "PANDAN_SCHEMA", value_delimiter = ',')]
    schemas: Vec<SchemaId>,

    /// With --schema: replicate what documents of these schemas relate to as well [default: blobs]
    #[arg(long, value_name = "WHAT", env = "PANDAN_FOLLOW")]
    follow: Option<Related>,
}

/// The same from the file with settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NetworkFile {
    pub(crate) quic: Option<Listen>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) mdns: Option<bool>,
    pub(crate) legacy: Option<bool>,
    pub(crate) node_key: Option<PathBuf>,
    pub(crate) network_key: Option<String>,
    pub(crate) allow_peers: Vec<PeerId>,
    pub(crate) block_peers: Vec<PeerId>,
    pub(crate) schemas: Vec<SchemaId>,
    pub(crate) follow: Option<Related>,
}

impl NetworkArgs {
    /// How to replicate; not at all when none. The command line wins over the file, lists of both
    /// are joined.
    pub(crate) fn merge(
        self,
        file: NetworkFile,
        limits: Limits,
    ) -> anyhow::Result<Option<Replication>> {
        let address = match (self.offline, self.quic.or(file.quic)) {
            (true, _) | (_, Some(Listen::Off)) => return Ok(None),
            (_, Some(Listen::At(address))) => address,
            (_, None) => free(Replication::DEFAULT_ADDRESS),
        };
        let mut replication = Replication::at(address);
        replication.legacy = self.legacy.or(file.legacy).unwrap_or(true);
        if let Some(path) = self.node_key.or(file.node_key) {
            replication.key_pair = Some(node_key(&path)?);
        }
        let mut schemas: Vec<_> = self.schemas.into_iter().chain(file.schemas).collect();
        if !schemas.is_empty() {
            // Without these nobody knows what the others are.
            schemas.push(SystemSchema::SchemaDefinition.into());
            schemas.push(SystemSchema::SchemaFieldDefinition.into());
            replication.interest = Interest::in_schemas(schemas)
                .map_err(|error| usage(format!("cannot replicate these schemas: {error}")))?;
        }
        if let Some(related) = self.follow.or(file.follow) {
            replication.follow = related.into();
        }
        let network = &mut replication.network;
        let peers = self.peers.into_iter().chain(file.peers);
        network.addresses = peers.map(|peer| (peer.address, peer.id)).collect();
        network.mdns = self.mdns.or(file.mdns).unwrap_or(true);
        if let Some(key) = self.network_key.or(file.network_key) {
            let key: NetworkKey =
                key.parse().map_err(|error| usage(format!("key of the network: {error}")))?;
            network.network_key = Some(key);
        }
        let allowed: Vec<_> = self.allow_peers.into_iter().chain(file.allow_peers).collect();
        network.access.allow = (!allowed.is_empty()).then(|| allowed.into_iter().collect());
        network.access.block = self.block_peers.into_iter().chain(file.block_peers).collect();
        network.limits = limits;
        Ok(Some(replication))
    }
}

fn node_key(path: &Path) -> anyhow::Result<KeyPair> {
    let file = KeyFile::read(path).map_err(|error| match error {
        KeyFileError::NotFound { path } => usage(format!(
            "there is no key of the node in {0}; make one with `pandan key new {0}`, or take the \
             setting out: then the node makes one in its folder",
            path.display()
        )),
        other => usage(format!("key of the node: {:#}", anyhow::Error::new(other))),
    })?;
    Ok(file.into_key_pair())
}

/// The address, or any free port there when another node has it.
fn free(address: SocketAddr) -> SocketAddr {
    let is_taken = UdpSocket::bind(address).is_err();
    if is_taken { SocketAddr::new(address.ip(), 0) } else { address }
}

#[cfg(test)]
mod tests {
    use pandan_node::network::Limits;

    use super::{Listen, NetworkArgs, NetworkFile};

    /// Whether a node told so replicates with nodes that speak version 1.
    fn legacy(argument: Option<bool>, file: Option<bool>) -> bool {
        let quic = Some(Listen::At("127.0.0.1:0".parse().expect("it is an address")));
        let arguments = NetworkArgs { quic, legacy: argument, ..NetworkArgs::default() };
        let file = NetworkFile { legacy: file, ..NetworkFile::default() };
        let merged = arguments.merge(file, Limits::default()).expect("nothing is wrong with it");
        merged.expect("it is not offline").legacy
    }

    #[test]
    fn limits_of_other_nodes_get_to_the_network() {
        let limits = Limits { connections: 3, ..Limits::default() };
        let quic = Some(Listen::At("127.0.0.1:0".parse().expect("it is an address")));
        let arguments = NetworkArgs { quic, ..NetworkArgs::default() };
        let merged = arguments.merge(NetworkFile::default(), limits.clone());
        let merged = merged.expect("nothing is wrong with it").expect("it is not offline");
        assert_eq!(merged.network.limits, limits);
    }

    /// Somebody who wants to be offline is, whatever a file or the environment says.
    #[test]
    fn offline_wins() {
        let quic = Some(Listen::At("127.0.0.1:0".parse().expect("it is an address")));
        let arguments = NetworkArgs { offline: true, quic, ..NetworkArgs::default() };
        let file = NetworkFile { quic, ..NetworkFile::default() };
        let merged = arguments.merge(file, Limits::default()).expect("nothing is wrong with it");
        assert!(merged.is_none());
    }

    #[test]
    fn version_1_is_on_unless_it_is_turned_off() {
        assert!(legacy(None, None));
        assert!(!legacy(None, Some(false)));
        assert!(!legacy(Some(false), Some(true)));
        assert!(legacy(Some(true), Some(false)));
    }
}
