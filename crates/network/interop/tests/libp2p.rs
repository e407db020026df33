//! Pandan and rust-libp2p connect over QUIC, in both directions, and speak p2panda's first protocol
//! as bytes: each side opens a stream of its own and only sends on it.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p_core::{Multiaddr, multiaddr::Protocol as Part};
use libp2p_stream::{Control, OpenStreamError};
use libp2p_swarm::{DialError as Libp2pDialError, StreamProtocol, SwarmEvent, dial_opts::DialOpts};
use pandan_identity::KeyPair;
use pandan_network::{
    Config, Connection, DialError, Event, NegotiationError, Network, OpenError, PeerId, Protocol,
};
use pandan_network_interop::{BehaviourEvent, Libp2p};

const P2PANDA: StreamProtocol = StreamProtocol::new(Protocol::P2PANDA);
const OTHER: StreamProtocol = StreamProtocol::new("/other/1");

fn p2panda() -> Protocol {
    Protocol::chunks(Protocol::P2PANDA).unwrap()
}

fn other() -> Protocol {
    Protocol::chunks("/ours/1").unwrap()
}

fn pandan() -> Network {
    let mut config = Config::new("127.0.0.1:0".parse().unwrap());
    config.protocols = vec![p2panda(), other()];
    // On a busy machine too.
    config.handshake_timeout = Duration::from_secs(60);
    Network::bind(config, &KeyPair::from_seed(&[1; 32])).unwrap()
}

async fn connected(network: &mut Network) -> Connection {
    loop {
        if let Event::PeerConnected(connection) = network.next_event().await {
            return connection;
        }
    }
}

fn socket_addr(address: &Multiaddr) -> SocketAddr {
    let mut parts = address.iter();
    match (parts.next(), parts.next()) {
        (Some(Part::Ip4(ip)), Some(Part::Udp(port))) => SocketAddr::from((ip, port)),
        _ => panic!("{address}"),
    }
}

fn multiaddr(network: &Network) -> Multiaddr {
    let address = network.handle().local_address().unwrap();
    Multiaddr::from(address.ip()).with(Part::Udp(address.port())).with(Part::QuicV1)
}

fn ours(peer: &libp2p_identity::PeerId) -> PeerId {
    peer.to_string().parse().unwrap()
}

fn theirs(peer: &PeerId) -> libp2p_identity::PeerId {
    peer.to_string().parse().unwrap()
}

/// Each side sends more than one window over a stream that it opened itself.
async fn exchange(connection: &Connection, control: &mut Control, me: libp2p_identity::PeerId) {
    let message: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut incoming = control.accept(P2PANDA).unwrap();
    let mut stream = connection.open(&p2panda()).await.unwrap();
    let sent = message.clone();
    let sending = tokio::spawn(async move {
        stream.sender.send(sent).await.unwrap();
        stream.sender.finish().await.unwrap();
    });
    let (_, mut stream) = incoming.next().await.unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    sending.await.unwrap();
    assert!(received == message);

    let mut stream = control.open_stream(me, P2PANDA).await.unwrap();
    let sent = message.clone();
    let sending = tokio::spawn(async move {
        stream.write_all(&sent).await.unwrap();
        stream.close().await.unwrap();
    });
    let mut stream = connection.accept().await.unwrap();
    assert_eq!(stream.protocol, p2panda());
    let mut received = Vec::new();
    while let Some(chunk) = stream.receiver.receive().await.unwrap() {
        received.extend_from_slice(&chunk);
    }
    sending.await.unwrap();
    assert!(received == message);
}

/// What one side does not speak is refused, and the connection goes on.
async fn refuse(connection: &Connection, control: &mut Control, me: libp2p_identity::PeerId) {
    let error = connection.open(&other()).await.unwrap_err();
    let OpenError::Negotiation(NegotiationError::NotAvailable) = error else {
        panic!("{error:?}");
    };
    let error = control.open_stream(me, OTHER).await.unwrap_err();
    assert!(matches!(error, OpenStreamError::UnsupportedProtocol(_)), "{error:?}");
}

#[tokio::test]
async fn pandan_dials_libp2p() {
    let (libp2p, address) = Libp2p::listen("/ip4/127.0.0.1/udp/0/quic-v1").await;
    let peer = ours(libp2p.swarm.local_peer_id());
    let mut control = libp2p.run();
    let network = pandan();
    let me = theirs(&network.handle().peer());
    let connection = network.handle().dial(socket_addr(&address), Some(peer)).await.unwrap();
    assert_eq!(connection.peer(), peer);
    exchange(&connection, &mut control, me).await;
    refuse(&connection, &mut control, me).await;
    exchange(&connection, &mut control, me).await;
}

#[tokio::test]
async fn libp2p_dials_pandan() {
    let (mut libp2p, _) = Libp2p::listen("/ip4/127.0.0.1/udp/0/quic-v1").await;
    let mut network = pandan();
    let me = theirs(&network.handle().peer());
    let address = multiaddr(&network).with(Part::P2p(me));
    libp2p.swarm.dial(address).unwrap();
    let peer = ours(libp2p.swarm.local_peer_id());
    let mut control = libp2p.run();
    let connection = connected(&mut network).await;
    assert_eq!(connection.peer(), peer);
    exchange(&connection, &mut control, me).await;
    refuse(&connection, &mut control, me).await;
    exchange(&connection, &mut control, me).await;
}

#[tokio::test]
async fn pings_are_answered() {
    let (mut libp2p, _) = Libp2p::listen("/ip4/127.0.0.1/udp/0/quic-v1").await;
    let network = pandan();
    libp2p.swarm.dial(multiaddr(&network)).unwrap();
    for _ in 0..3 {
        let time: Result<Duration, _> = libp2p
            .until(|event| match event {
                SwarmEvent::Behaviour(BehaviourEvent::Ping(ping)) => Some(ping.result),
                _ => None,
            })
            .await;
        time.unwrap();
    }
}

#[tokio::test]
async fn both_sides_notice_another_peer_than_expected() {
    let wrong = KeyPair::from_seed(&[9; 32]).public_key().into();
    let (mut libp2p, address) = Libp2p::listen("/ip4/127.0.0.1/udp/0/quic-v1").await;
    let network = pandan();
    let options = DialOpts::peer_id(theirs(&wrong)).addresses(vec![multiaddr(&network)]).build();
    libp2p.swarm.dial(options).unwrap();
    let found = libp2p
        .until(|event| match event {
            SwarmEvent::OutgoingConnectionError {
                error: Libp2pDialError::WrongPeerId { obtained, .. },
                ..
            } => Some(obtained),
            SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error:?}"),
            _ => None,
        })
        .await;
    assert_eq!(ours(&found), network.handle().peer());

    let peer = ours(libp2p.swarm.local_peer_id());
    libp2p.run();
    let dialled = network.handle().dial(socket_addr(&address), Some(wrong)).await;
    let Err(DialError::WrongPeer { expected, found }) = dialled else { panic!("{dialled:?}") };
    assert_eq!((expected, found), (wrong, peer));
}
