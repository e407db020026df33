//! A connection with a peer, in the hands of the embedder.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use quinn::{RecvStream, SendStream};
use thiserror::Error;
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    CloseCode, Direction, Disconnect, Limits, NegotiationError, PeerId, Protocol, Stream,
    access::Throttle,
    limits::NEGOTIATION_TIME,
    wire::{hello::Instance, multistream},
};

/// What libp2p nodes use to see that a connection lives: 32 bytes come, the same go back.
const PING: &str = "/ipfs/ping/1.0.0";
const PING_LENGTH: usize = 32;

/// The connection with a peer. Cloning gives another handle of the same connection; dropping them
/// all does not close it.
#[derive(Clone)]
pub struct Connection(Arc<Link>);

impl Connection {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self(link)
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.0.peer
    }

    /// Where the peer is now. It may change while the connection lives.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Who opened the connection.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.0.direction
    }

    /// Whether the peer began with a hello, as Pandan's nodes do. Others of libp2p do not, those of
    /// the first p2panda release line among them.
    #[must_use]
    pub fn has_greeted(&self) -> bool {
        self.0.instance.is_some()
    }

    /// Opens a stream: waits until the peer has room for one more, and agrees with it on the
    /// protocol, which has to be one of those that the network was configured with. Both together
    /// may take [`NEGOTIATION_TIME`].
    pub async fn open(&self, protocol: &Protocol) -> Result<Stream, OpenError> {
        if !self.0.protocols.contains(protocol) {
            return Err(OpenError::NotConfigured { protocol: protocol.name().into() });
        }
        let opened = timeout(NEGOTIATION_TIME, self.0.open(protocol)).await;
        opened.unwrap_or(Err(OpenError::TimedOut))
    }

    /// The next stream that the peer opens; `None` when the connection has ended. May be cancelled
    /// without loss. Streams that nobody takes count against the peer's limit.
    pub async fn accept(&self) -> Option<Stream> {
        self.0.incoming.lock().await.recv().await
    }

    /// Ends the connection at once, also for all other handles.
    pub fn close(&self) {
        self.0.close(CloseCode::Done);
    }

    /// What has gone through the connection so far, with all that QUIC adds.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let stats = self.0.quic.stats();
        Traffic {
            datagrams_in: stats.udp_rx.datagrams,
            datagrams_out: stats.udp_tx.datagrams,
            bytes_in: stats.udp_rx.bytes,
            bytes_out: stats.udp_tx.bytes,
        }
    }

    /// Waits until the connection has ended, and says how.
    pub async fn closed(&self) -> Disconnect {
        let error = self.0.quic.closed().await;
        self.0.end(&error)
    }
}

/// What has gone through a connection: UDP datagrams and the bytes in them, without the headers of
/// UDP and IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Datagrams that came.
    pub datagrams_in: u64,
    /// Datagrams that were sent, those that were lost included.
    pub datagrams_out: u64,
    /// Bytes that came.
    pub bytes_in: u64,
    /// Bytes that were sent.
    pub bytes_out: u64,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What stands behind the handles.
pub(crate) struct Link {
    quic: quinn::Connection,
    peer: PeerId,
    direction: Direction,
    /// Of the peer; nodes that are not Pandan's have none.
    instance: Option<Instance>,
    protocols: Arc<[Protocol]>,
    throttle: Arc<Throttle>,
    incoming: Mutex<mpsc::Receiver<Stream>>,
    closed_with: OnceLock<CloseCode>,
    told: watch::Sender<bool>,
}

/// Where streams that the peer opened go; [`Link::serve`] takes it.
#[derive(Debug)]
pub(crate) struct Inlet(mpsc::Sender<Stream>);

impl Link {
    pub(crate) fn new(
        quic: quinn::Connection,
        peer: PeerId,
        direction: Direction,
        instance: Option<Instance>,
        protocols: Arc<[Protocol]>,
        limits: &Limits,
    ) -> (Arc<Self>, Inlet) {
        // A stream in this queue is open, so QUIC's limit on open streams bounds it as well.
        let (inlet, incoming) = mpsc::channel(limits.streams.max(1).try_into().unwrap_or(1));
        let link = Self {
            quic,
            peer,
            direction,
            instance,
            protocols,
            throttle: Arc::new(Throttle::new(limits.bytes_per_second)),
            incoming: Mutex::new(incoming),
            closed_with: OnceLock::new(),
            told: watch::Sender::new(false),
        };
        (Arc::new(link), Inlet(inlet))
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.peer
    }

    pub(crate) fn address(&self) -> SocketAddr {
        canonical(self.quic.remote_address())
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.quic.close_reason().is_none()
    }

    /// Whether the peer has not been started anew between both connections.
    pub(crate) fn is_of_same_start(&self, other: &Self) -> bool {
        self.instance == other.instance
    }

    /// Closes; the first reason counts.
    pub(crate) fn close(&self, code: CloseCode) {
        let _ = self.closed_with.set(code);
        self.quic.close(code.to_varint(), &[]);
    }

    fn end(&self, error: &quinn::ConnectionError) -> Disconnect {
        Disconnect::new(error, self.closed_with.get().copied())
    }

    async fn open(&self, protocol: &Protocol) -> Result<Stream, OpenError> {
        let opened = self.quic.open_bi().await;
        let (mut send, mut receive) = opened.map_err(|error| OpenError::Lost(self.end(&error)))?;
        match multistream::propose(protocol.name(), &mut send, &mut receive).await {
            Ok(()) => Ok(self.stream(protocol.clone(), send, receive)),
            Err(error) => match self.quic.close_reason() {
                Some(reason) => Err(OpenError::Lost(self.end(&reason))),
                None => Err(error.into()),
            },
        }
    }

    /// The embedder knows that the connection has ended.
    pub(crate) fn set_told(&self) {
        self.told.send_replace(true);
    }

    /// Waits until the embedder knows that the connection has ended.
    pub(crate) async fn told(&self) {
        // An error says that the sender is gone, which lives as long as `self`.
        let _ = self.told.subscribe().wait_for(|told| *told).await;
    }

    /// Takes what streams the peer opens until the connection ends, and says how it ended.
    pub(crate) async fn serve(self: &Arc<Self>, inlet: Inlet) -> Disconnect {
        let mut negotiations = JoinSet::new();
        loop {
            tokio::select! {
                opened = self.quic.accept_bi() => match opened {
                    Ok((send, receive)) => {
                        let (link, inlet) = (self.clone(), inlet.0.clone());
                        negotiations.spawn(async move { link.negotiate(send, receive, inlet).await });
                    }
                    Err(error) => return self.end(&error),
                },
                Some(_) = negotiations.join_next() => {}
            }
        }
    }

    /// Finds out what the peer wants with a stream. What fails here concerns only this stream,
    /// which ends when its halves are dropped.
    async fn negotiate(
        self: Arc<Self>,
        mut send: SendStream,
        mut receive: RecvStream,
        inlet: mpsc::Sender<Stream>,
    ) {
        let answer = multistream::answer(|name| self.find(name), &mut send, &mut receive);
        match timeout(NEGOTIATION_TIME, answer).await {
            Ok(Ok(Use::Ping)) => {
                let _ = self.answer_pings(send, receive).await;
            }
            Ok(Ok(Use::Embedder(protocol))) => {
                // Fails when the connection has ended.
                let _ = inlet.send(self.stream(protocol, send, receive)).await;
            }
            Ok(Err(error)) => tracing::debug!(peer = ?self.peer, %error, "stream without protocol"),
            Err(_) => tracing::debug!(peer = ?self.peer, "stream without protocol in time"),
        }
    }

    fn find(&self, name: &str) -> Option<Use> {
        let own = self.protocols.iter().find(|protocol| protocol.name() == name);
        match own {
            Some(protocol) => Some(Use::Embedder(protocol.clone())),
            None => (name == PING).then_some(Use::Ping),
        }
    }

    async fn answer_pings(&self, mut send: SendStream, mut receive: RecvStream) -> io::Result<()> {
        let mut payload = [0; PING_LENGTH];
        loop {
            self.throttle.ready().await;
            receive.read_exact(&mut payload).await.map_err(io::Error::other)?;
            self.throttle.spend(PING_LENGTH);
            send.write_all(&payload).await?;
        }
    }

    fn stream(&self, protocol: Protocol, send: SendStream, receive: RecvStream) -> Stream {
        Stream::new(protocol, send, receive, self.throttle.clone())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("address", &self.address())
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

enum Use {
    Embedder(Protocol),
    Ping,
}

/// An IPv4 address that came through an IPv6 socket is shown as what it is.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A stream that was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The network was not configured with this protocol.
    #[error("the network is not configured for {protocol}")]
    NotConfigured {
        /// The name of the protocol.
        protocol: Box<str>,
    },
    /// The peer does not agree to the protocol.
    #[error("no agreement on the protocol")]
    Negotiation(#[from] NegotiationError),
    /// The peer did not answer, or has no room for another stream.
    #[error("the peer did not agree to the protocol in time")]
    TimedOut,
    /// The connection is lost.
    #[error("the connection is lost")]
    Lost(#[source] Disconnect),
}
