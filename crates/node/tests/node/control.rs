//! The stream on which both sides announce what they replicate: without one there are no sessions.

use std::time::Duration;

use pandan_identity::KeyPair;
use pandan_network::{
    Backoff, CloseCode, Config, Connection, DialError, Disconnect, Event, Network, Protocol, Stream,
};
use pandan_replication::{Announcement, Interest, Message, limits::MAX_FRAME_LENGTH};
use tokio::time::timeout;

use crate::support::World;

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn peer() -> Network {
    let length = u32::try_from(MAX_FRAME_LENGTH).unwrap();
    let mut config = Config::new("127.0.0.1:0".parse().unwrap());
    // It is the node that dials again.
    config.backoff = Backoff { first: 60 * PATIENCE, longest: 60 * PATIENCE };
    config.protocols = vec![Protocol::frames(Protocol::PANDAN, length).unwrap()];
    Network::bind(config, &KeyPair::from_seed(&[9; 32])).unwrap()
}

async fn connected(network: &mut Network) -> Connection {
    let search = async {
        loop {
            if let Event::PeerConnected(connection) = network.next_event().await {
                return connection;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("the node connects")
}

/// The next stream, which has to begin with an announcement.
async fn control(connection: &Connection) -> Stream {
    let mut stream = timeout(PATIENCE, connection.accept()).await.unwrap().expect("a stream");
    let first = stream.receiver.receive().await.unwrap().expect("a frame");
    assert!(Message::is_announcement(&first));
    stream
}

async fn announce(stream: &mut Stream) {
    let announcement = Announcement { versions: vec![2], interest: Interest::All, hints: vec![] };
    stream.sender.send(Message::Announce(announcement).encode()).await.unwrap();
}

/// A connection with the node, and a stream on it that has begun with an announcement.
async fn dialled(network: &Network, world: &World) -> (Connection, Stream) {
    let address = world.node().quic_address().unwrap();
    let connection = network.handle().dial(address, None).await.unwrap();
    let length = u32::try_from(MAX_FRAME_LENGTH).unwrap();
    let protocol = Protocol::frames(Protocol::PANDAN, length).unwrap();
    let mut stream = connection.open(&protocol).await.unwrap();
    announce(&mut stream).await;
    (connection, stream)
}

#[test]
fn a_node_that_dialled_dials_again_when_the_stream_for_announcements_ends() {
    let world = World::replicating();
    world.runtime.block_on(async {
        let mut network = peer();
        let address = network.handle().local_address().unwrap();
        world.node().keep_peer(address, Some(network.handle().peer())).await;
        for _ in 0..2 {
            let connection = connected(&mut network).await;
            drop(control(&connection).await);
            timeout(PATIENCE, connection.closed()).await.expect("the node gives the connection up");
        }
        let connection = connected(&mut network).await;
        let mut stream = control(&connection).await;
        announce(&mut stream).await;
        // Whoever of the two has the lower id opens a session.
        let own = network.handle().peer();
        if world.node().peer_id().unwrap().public_key() < own.public_key() {
            let opened = timeout(PATIENCE, connection.accept()).await.unwrap();
            assert!(opened.is_some(), "a session is opened");
        }
        network.shutdown().await;
    });
}

#[test]
fn a_node_that_was_dialled_gives_up_a_connection_without_announcements() {
    let world = World::replicating();
    world.runtime.block_on(async {
        let network = peer();
        let (connection, mut stream) = dialled(&network, &world).await;
        assert!(stream.receiver.receive().await.unwrap().is_some(), "the node announces, too");
        drop(stream);
        timeout(PATIENCE, connection.closed()).await.expect("the node gives the connection up");
        network.shutdown().await;
    });
}

/// Who was kept out stood on the list of the operator, who could be taken off it too early, and was
/// let in after an hour although the operator had blocked them meanwhile.
#[test]
fn who_breaks_the_rules_is_kept_out_beside_the_list_of_the_operator() {
    let world = World::replicating();
    world.runtime.block_on(async {
        let network = peer();
        let (connection, mut stream) = dialled(&network, &world).await;
        // Fails when the node has had enough.
        while stream.sender.send("nonsense").await.is_ok() {}
        let end = timeout(PATIENCE, connection.closed()).await.unwrap();
        assert_eq!(end, Disconnect::ClosedByPeer(CloseCode::NotAllowed));

        let list = world.node().network().unwrap();
        list.block(network.handle().peer());
        list.unblock(&network.handle().peer());
        let address = world.node().quic_address().unwrap();
        let error = network.handle().dial(address, None).await.unwrap_err();
        assert!(matches!(error, DialError::Closed(_)), "{error:?}");
        network.shutdown().await;
    });
}
