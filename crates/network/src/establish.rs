//! From a handshake to a connection that the embedder is told of.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use thiserror::Error;
use tokio::time::timeout;

use crate::{
    Address, CertificateError, CloseCode, Connection, Direction, Disconnect, Event, HelloError,
    PeerId, RefusalReason,
    access::Slot,
    connection::{Inlet, Link},
    network::Inner,
    registry::{Decision, Settled},
    tls::{self, Refusal, TlsError, Verdict},
    transport,
};

/// The ALPN name of nodes that begin with the hello.
pub(crate) const ALPN_PANDAN: &[u8] = b"pandan/1";
/// The ALPN name of all nodes that speak libp2p's QUIC.
pub(crate) const ALPN_LIBP2P: &[u8] = b"libp2p";
/// Not looked at by anybody: the certificate is what counts. libp2p nodes send it as well.
const SERVER_NAME: &str = "l";

impl Inner {
    /// Connects with a node.
    pub(crate) async fn dial(
        self: Arc<Self>,
        address: Address,
        expected: Option<PeerId>,
    ) -> Result<Connection, DialError> {
        let connected = expected.and_then(|peer| self.registry.find(&peer));
        if let Some(link) = connected {
            return Ok(Connection::new(link));
        }
        if let Some(peer) = expected.filter(|peer| !self.access.permits(peer)) {
            return Err(DialError::NotAllowed(peer));
        }
        let addresses = match timeout(self.timeout, address.resolve()).await {
            Ok(addresses) => addresses?,
            Err(_) => return Err(DialError::TimedOut),
        };
        self.dial_first(addresses, expected).await
    }

    /// Connects with the first who answers as wanted: several nodes may share a name.
    async fn dial_first(
        self: &Arc<Self>,
        addresses: Vec<SocketAddr>,
        expected: Option<PeerId>,
    ) -> Result<Connection, DialError> {
        let mut outcome = Err(DialError::NoAddress);
        for address in addresses {
            outcome = self.dial_socket(address, expected).await;
            if outcome.as_ref().err().is_none_or(DialError::is_of_this_node) {
                break;
            }
        }
        outcome
    }

    async fn dial_socket(
        self: &Arc<Self>,
        address: SocketAddr,
        expected: Option<PeerId>,
    ) -> Result<Connection, DialError> {
        let slot = self.guard.dial().ok_or(DialError::TooManyConnections)?;
        let verdict = Verdict::default();
        let config = self.identity.client(self.judge(expected), verdict.clone())?;
        let connecting = self.endpoint.connect_with(config, address, SERVER_NAME).map_err(
            |error| match error {
                quinn::ConnectError::EndpointStopping => DialError::Stopped,
                _ => DialError::Address { address },
            },
        )?;
        let established = self.establish(connecting, verdict, Direction::Outgoing, slot);
        match timeout(self.timeout, established).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::TimedOut),
        }
    }

    /// Lets somebody in whom the guard has let pass.
    pub(crate) async fn receive(
        self: Arc<Self>,
        incoming: quinn::Incoming,
        slot: Slot,
    ) -> Result<(), RefusalReason> {
        let verdict = Verdict::default();
        let config = self.identity.server(self.judge(None), verdict.clone());
        let config = config.map_err(|error| {
            tracing::error!(%error, "cannot set up TLS");
            RefusalReason::Unavailable
        })?;
        let connecting = incoming
            .accept_with(Arc::new(config))
            .map_err(|error| RefusalReason::Handshake(Disconnect::new(&error, None)))?;
        let established = self.establish(connecting, verdict, Direction::Incoming, slot);
        match timeout(self.timeout, established).await {
            Err(_) => Err(RefusalReason::TimedOut),
            Ok(Ok(_)) => Ok(()),
            // A duplicate is no refusal, whoever of both has noticed it: the peer is connected.
            Ok(Err(error)) if error.is_duplicate() => Ok(()),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    async fn establish(
        self: &Arc<Self>,
        connecting: quinn::Connecting,
        verdict: Verdict,
        direction: Direction,
        slot: Slot,
    ) -> Result<Connection, DialError> {
        let quic = match connecting.await {
            Ok(quic) => CloseOnDrop(Some(quic)),
            Err(error) => return Err(handshake_error(&verdict, &error)),
        };
        let Some(peer) = tls::peer_of(&verdict) else { return Err(DialError::NoCertificate) };
        let settled = self.settle(quic.get(), peer, direction).await;
        match settled {
            Ok((link, inlet, previous)) => {
                quic.keep();
                self.clone().begin(link.clone(), inlet, previous, slot);
                Ok(Connection::new(link))
            }
            Err(error) if direction == Direction::Outgoing && error.is_duplicate() => {
                quic.close(CloseCode::Duplicate);
                drop(slot);
                Ok(Connection::new(self.registry.wait_for(&peer).await))
            }
            Err(error) => {
                quic.close(error.close_code());
                Err(error)
            }
        }
    }

    /// Agrees with the peer on whether this connection stays.
    async fn settle(
        self: &Arc<Self>,
        quic: &quinn::Connection,
        peer: PeerId,
        direction: Direction,
    ) -> Result<(Arc<Link>, Inlet, Option<Arc<Link>>), DialError> {
        let greets = tls::alpn_of(quic).is_none_or(|name| name != ALPN_LIBP2P);
        let greeted = if greets {
            let greeted = self.greeter.greet(quic, direction).await;
            Some(greeted.map_err(|error| hello_error(quic, error))?)
        } else {
            None
        };
        transport::open_window(quic, &self.limits);
        let instance = greeted.as_ref().map(|greeted| greeted.instance);
        let (protocols, limits) = (self.protocols.clone(), &self.limits);
        let (link, inlet) = Link::new(quic.clone(), peer, direction, instance, protocols, limits);
        // Without a hello there is no agreement, and each side decides for itself.
        let decision = match &greeted {
            Some(_) if self.me > peer => Decision::Theirs,
            _ => Decision::Ours,
        };
        let confirmed = match greeted {
            Some(greeted) if decision == Decision::Theirs => {
                greeted.confirmed().await.map_err(|error| hello_error(quic, error))?;
                None
            }
            other => other,
        };
        let Settled::Stays { previous } = self.registry.settle(&link, decision) else {
            return Err(DialError::Duplicate);
        };
        if let Some(previous) = &previous {
            previous.close(CloseCode::Replaced);
        }
        if !self.access.permits(&peer) {
            // Blocked since the handshake. The driver sees that it is closed.
            link.close(CloseCode::NotAllowed);
        }
        if let Some(greeted) = confirmed
            && let Err(error) = greeted.confirm().await
        {
            tracing::debug!(?peer, %error, "connection lost while it was agreed on");
        }
        Ok((link, inlet, previous))
    }

    /// Tells the embedder and looks after the connection from now on.
    fn begin(
        self: Arc<Self>,
        link: Arc<Link>,
        inlet: Inlet,
        previous: Option<Arc<Link>>,
        mut slot: Slot,
    ) {
        slot.established();
        tokio::spawn(async move {
            if let Some(previous) = previous {
                previous.told().await;
            }
            if link.is_alive() {
                self.tell(Event::PeerConnected(Connection::new(link.clone()))).await;
                self.keeper.connected(&link).await;
                let reason = link.serve(inlet).await;
                // The place is free before anybody acts on the news.
                drop(slot);
                self.tell(Event::PeerDisconnected { peer: link.peer(), reason }).await;
                self.keeper.lost(&link).await;
            }
            self.registry.remove(&link);
            link.set_told();
        });
    }

    fn judge(&self, expected: Option<PeerId>) -> tls::Judge {
        let (me, access) = (self.me, self.access.clone());
        Arc::new(move |found| match expected {
            Some(expected) if expected != found => Err(Refusal::WrongPeer { expected, found }),
            _ if found == me => Err(Refusal::Itself),
            _ if !access.permits(&found) => Err(Refusal::NotAllowed(found)),
            _ => Ok(()),
        })
    }
}

/// Closes a connection that nobody has taken over, also when its future is dropped in time-outs.
struct CloseOnDrop(Option<quinn::Connection>);

impl CloseOnDrop {
    fn get(&self) -> &quinn::Connection {
        self.0.as_ref().expect("taken only by methods that consume the guard")
    }

    fn keep(mut self) {
        self.0 = None;
    }

    fn close(mut self, code: CloseCode) {
        if let Some(quic) = self.0.take() {
            quic.close(code.to_varint(), &[]);
        }
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(quic) = &self.0 {
            quic.close(CloseCode::TimedOut.to_varint(), &[]);
        }
    }
}

/// Why a TLS handshake failed: our own refusal, or what QUIC says.
fn handshake_error(verdict: &Verdict, error: &quinn::ConnectionError) -> DialError {
    match verdict.get() {
        Some(Err(Refusal::Itself)) => DialError::Itself,
        Some(Err(Refusal::NotAllowed(peer))) => DialError::NotAllowed(*peer),
        Some(Err(Refusal::Certificate(error))) => DialError::Certificate(error.clone()),
        Some(Err(Refusal::WrongPeer { expected, found })) => {
            DialError::WrongPeer { expected: *expected, found: *found }
        }
        Some(Ok(_)) | None => match Disconnect::new(error, None) {
            Disconnect::TimedOut => DialError::TimedOut,
            disconnect => DialError::Closed(disconnect),
        },
    }
}

/// Why a hello failed: what the peer said when it closed, or what is wrong with the bytes.
fn hello_error(quic: &quinn::Connection, error: HelloError) -> DialError {
    match (error, quic.close_reason()) {
        (_, Some(reason)) => DialError::Closed(Disconnect::new(&reason, None)),
        (HelloError::WrongNetwork, None) => DialError::WrongNetwork,
        (error, None) => error.into(),
    }
}

/// A node that could not be connected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// All places for connections, or for attempts, are taken.
    #[error("too many connections or attempts")]
    TooManyConnections,
    /// The name could not be looked up.
    #[error("address could not be resolved")]
    Resolve(#[from] io::Error),
    /// The name has no address.
    #[error("name has no address")]
    NoAddress,
    /// The socket cannot send to this address, for instance because it is one of IPv4 only.
    #[error("cannot send to {address}")]
    Address {
        /// The address.
        address: SocketAddr,
    },
    /// Somebody else is there.
    #[error("expected {expected}, found {found}")]
    WrongPeer {
        /// Who was to be there.
        expected: PeerId,
        /// Who is.
        found: PeerId,
    },
    /// This node itself is there.
    #[error("the address is one of this node")]
    Itself,
    /// The peer is blocked, or not on the list of those who are allowed.
    #[error("{0} is not allowed")]
    NotAllowed(PeerId),
    /// What is there does not show that it is a node.
    #[error("certificate does not show a node")]
    Certificate(#[source] CertificateError),
    /// The handshake ended without a certificate, which TLS does not let happen.
    #[error("the peer showed no certificate")]
    NoCertificate,
    /// The peer did not prove that it has the key of the private network.
    #[error("key of the private network was not proven")]
    WrongNetwork,
    /// The hello failed.
    #[error("the hello failed")]
    Hello(#[from] HelloError),
    /// The handshake failed, or the peer closed the connection.
    #[error("the connection did not come about")]
    Closed(#[source] Disconnect),
    /// There is a connection with this peer already.
    #[error("there is a connection already")]
    Duplicate,
    /// Nobody answered in time.
    #[error("no answer in time")]
    TimedOut,
    /// This node cannot set up TLS.
    #[error("TLS could not be set up")]
    Tls(#[from] TlsError),
    /// The network has been shut down.
    #[error("the network has been shut down")]
    Stopped,
}

impl DialError {
    /// Whether another address would be of no use, since the failure is this node's.
    const fn is_of_this_node(&self) -> bool {
        matches!(self, Self::TooManyConnections | Self::Tls(_) | Self::Stopped)
    }

    /// Whether the nodes are connected already, as this side or the other has found.
    fn is_duplicate(&self) -> bool {
        let by_peer = Disconnect::ClosedByPeer(CloseCode::Duplicate);
        match self {
            Self::Duplicate => true,
            Self::Closed(disconnect) => *disconnect == by_peer,
            _ => false,
        }
    }

    fn close_code(&self) -> CloseCode {
        match self {
            Self::WrongNetwork => CloseCode::WrongNetwork,
            Self::NotAllowed(_) => CloseCode::NotAllowed,
            Self::Duplicate => CloseCode::Duplicate,
            Self::TimedOut => CloseCode::TimedOut,
            _ => CloseCode::Misbehaved,
        }
    }
}

impl From<DialError> for RefusalReason {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Itself => Self::Itself,
            DialError::NotAllowed(peer) => Self::NotAllowed(peer),
            DialError::Certificate(error) => Self::Certificate(error),
            DialError::WrongNetwork => Self::WrongNetwork,
            DialError::TimedOut => Self::TimedOut,
            DialError::Closed(disconnect) => Self::Handshake(disconnect),
            DialError::Tls(_) => Self::Unavailable,
            _ => Self::Misbehaved,
        }
    }
}

/// The address by which attempts are counted.
pub(crate) fn ip_of(incoming: &quinn::Incoming) -> IpAddr {
    incoming.remote_address().ip()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pandan_identity::KeyPair;
    use quinn::{ConnectionError, Endpoint, VarInt};

    use super::*;
    use crate::{Config, Network, limits::UNGREETED_WINDOW_BYTES, tls::Identity};

    /// Enough on every machine; only a test that fails takes it.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn config(handshake_timeout: Duration) -> Config {
        let mut config = Config::new(([127, 0, 0, 1], 0).into());
        config.handshake_timeout = handshake_timeout;
        config
    }

    type Connected = Result<(Endpoint, quinn::Connection), ConnectionError>;

    /// Somebody with a good key who does as they like on the connection with a node.
    async fn stranger(to: &Network) -> Connected {
        let key = KeyPair::from_seed(&[7; 32]);
        let transport = transport::connection(&config(PATIENCE)).unwrap();
        let identity = Identity::new(&key, vec![ALPN_PANDAN.to_vec()], transport).unwrap();
        let client = identity.client(Arc::new(|_| Ok(())), Verdict::default()).unwrap();
        let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
        let address = to.handle().local_address().unwrap();
        let connecting = endpoint.connect_with(client, address, SERVER_NAME).unwrap();
        Ok((endpoint, connecting.await?))
    }

    /// How the node ended the connection, if it was established.
    async fn end(quic: &quinn::Connection) -> Option<VarInt> {
        match quic.closed().await {
            ConnectionError::ApplicationClosed(close) => Some(close.error_code),
            _ => None,
        }
    }

    async fn check(network: &mut Network, expected: RefusalReason) {
        let reason = loop {
            if let Event::Refused { reason, .. } = network.next_event().await {
                break reason;
            }
        };
        assert_eq!(reason, expected);
        assert!(network.handle().connections().is_empty());
    }

    fn node(handshake_timeout: Duration) -> Network {
        Network::bind(config(handshake_timeout), &KeyPair::from_seed(&[1; 32])).unwrap()
    }

    /// On a busy machine the handshake alone may take all the time that there is; then there has to
    /// be more.
    #[tokio::test]
    async fn who_says_no_hello_has_to_go() {
        for doubled in 0..10 {
            let mut network = node(Duration::from_millis(100 << doubled));
            let Ok((_endpoint, quic)) = stranger(&network).await else { continue };
            if end(&quic).await == Some(CloseCode::TimedOut.to_varint()) {
                return check(&mut network, RefusalReason::TimedOut).await;
            }
        }
        panic!("the handshake takes a minute");
    }

    #[tokio::test]
    async fn who_begins_with_something_else_has_to_go() {
        for bytes in [&b"GET / HTTP/1.0\r\n\r\n"[..], b"\x13/multistream/1.0.0\n\x03/x\n"] {
            let mut network = node(PATIENCE);
            let (_endpoint, quic) = stranger(&network).await.unwrap();
            let (mut send, _receive) = quic.open_bi().await.unwrap();
            send.write_all(bytes).await.unwrap();
            send.finish().unwrap();
            assert_eq!(end(&quic).await, Some(CloseCode::Misbehaved.to_varint()));
            check(&mut network, RefusalReason::Misbehaved).await;
        }
    }

    #[tokio::test]
    async fn hellos_that_end_too_early_are_refused() {
        let mut network = node(PATIENCE);
        let (_endpoint, quic) = stranger(&network).await.unwrap();
        let (mut send, _receive) = quic.open_bi().await.unwrap();
        send.write_all(b"\x13/multistream/1.0.0\n\x10/pandan/hello/1\n0123").await.unwrap();
        send.finish().unwrap();
        assert_eq!(end(&quic).await, Some(CloseCode::Misbehaved.to_varint()));
        check(&mut network, RefusalReason::Misbehaved).await;
    }

    /// Where several nodes share a name, only the first address of it was tried as soon as somebody
    /// answered there, whoever it was.
    #[tokio::test]
    async fn names_of_several_nodes_lead_to_the_one_that_is_expected() {
        let [first, second, third] = [1, 2, 3]
            .map(|seed| Network::bind(config(PATIENCE), &KeyPair::from_seed(&[seed; 32])).unwrap());
        let addresses = [&first, &second].map(|node| node.handle().local_address().unwrap());
        let second = second.handle().peer();
        let dialler = third.handle();
        let connection = dialler.0.dial_first(addresses.into(), Some(second)).await.unwrap();
        assert_eq!(connection.peer(), second);
        let error = dialler.0.dial_first(addresses[..1].into(), Some(second)).await;
        assert!(matches!(error, Err(DialError::WrongPeer { .. })), "{error:?}");
    }

    /// Takes as much as QUIC does at once.
    async fn write_all_there_is_room_for(send: &mut quinn::SendStream) -> usize {
        let mut written = 0;
        loop {
            tokio::select! {
                biased;
                more = send.write(&[0; 1024]) => written += more.unwrap(),
                () = std::future::ready(()) => return written,
            }
        }
    }

    /// Whoever had not even proven the key of a private network could have a node keep megabytes.
    #[tokio::test]
    async fn who_says_no_hello_gets_no_room() {
        let network = node(PATIENCE);
        let (_endpoint, quic) = stranger(&network).await.unwrap();
        // The first stream is the one on which the node waits for the hello.
        let _first = quic.open_bi().await.unwrap();
        let mut written = 0;
        for _ in 0..4 {
            let (mut send, _receive) = quic.open_bi().await.unwrap();
            written += write_all_there_is_room_for(&mut send).await;
        }
        assert_eq!(written, UNGREETED_WINDOW_BYTES as usize);
        assert!(network.handle().connections().is_empty());
    }
}
