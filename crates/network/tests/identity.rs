//! Both sides know whom they talk to, and refuse anybody else.

mod common;

use common::{Node, config, exchange, pair, peer};
use pandan_network::{DialError, Direction, Disconnect, RefusalReason};

#[tokio::test]
async fn both_sides_know_each_other() {
    let ((first, near), (second, far)) = pair().await;
    assert_eq!((near.peer(), near.direction()), (second.peer, Direction::Outgoing));
    assert_eq!((far.peer(), far.direction()), (first.peer, Direction::Incoming));
    assert_eq!((near.address(), far.address()), (second.address, first.address));
    exchange(&near, &far).await;
    exchange(&far, &near).await;
}

#[tokio::test]
async fn ipv6_and_names_work_too() {
    if let Err(reason) = std::net::UdpSocket::bind("[::1]:0") {
        return pandan_testkit::skipped(format!("this machine has no IPv6: {reason}"));
    }
    let mut six = config();
    six.bind = "[::]:0".parse().unwrap();
    let (mut first, mut second) = (Node::start(1), Node::with(2, six));
    let port = second.address.port();
    let address = format!("localhost:{port}").parse::<pandan_network::Address>().unwrap();
    first.handle.dial(address, Some(second.peer)).await.unwrap();
    first.connected().await;
    let far = second.connected().await;
    // An IPv4 address that came through an IPv6 socket.
    assert_eq!(far.address(), first.address);

    let mut third = config();
    third.bind = "[::1]:0".parse().unwrap();
    let third = Node::with(3, third);
    let address: std::net::SocketAddr = format!("[::1]:{port}").parse().unwrap();
    let near = third.handle.dial(address, None).await.unwrap();
    exchange(&near, &second.connected().await).await;
}

#[tokio::test]
async fn another_peer_than_expected_is_refused() {
    let (first, mut second) = (Node::start(1), Node::start(2));
    let error = first.handle.dial(second.address, Some(peer(3))).await.unwrap_err();
    let DialError::WrongPeer { expected, found } = error else { panic!("{error:?}") };
    assert_eq!((expected, found), (peer(3), peer(2)));
    assert!(matches!(
        second.refused().await,
        RefusalReason::Handshake(Disconnect::Transport { .. })
    ));
    assert!(second.handle.connections().is_empty());
}

#[tokio::test]
async fn a_node_does_not_connect_with_itself() {
    let first = Node::start(1);
    let error = first.handle.dial(first.address, None).await.unwrap_err();
    assert!(matches!(error, DialError::Itself), "{error:?}");
}

#[tokio::test]
async fn dialling_a_connected_peer_gives_the_same_connection() {
    let ((first, _), (second, far)) = pair().await;
    for expected in [Some(second.peer), None] {
        let again = first.handle.dial(second.address, expected).await.unwrap();
        exchange(&again, &far).await;
        let back = second.handle.dial(first.address, expected.map(|_| first.peer)).await.unwrap();
        exchange(&back, &again).await;
    }
    assert_eq!(first.handle.connections().len(), 1);
}
