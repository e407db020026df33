//! Who is let in: lists, numbers, rates, private networks.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Node, config, exchange, pair, peer};
use pandan_network::{CloseCode, Config, DialError, Disconnect, NetworkKey, RefusalReason};

#[tokio::test]
async fn blocking_closes_and_keeps_out() {
    let ((first, _near), (mut second, _far)) = pair().await;
    second.handle.block(first.peer);
    let closed = Disconnect::Closed(CloseCode::NotAllowed);
    assert_eq!(second.disconnected().await, (first.peer, closed));
    let error = second.handle.dial(first.address, None).await.unwrap_err();
    assert!(matches!(error, DialError::NotAllowed(found) if found == peer(1)), "{error:?}");
    let error = first.handle.dial(second.address, None).await.unwrap_err();
    assert!(matches!(error, DialError::Closed(_)), "{error:?}");
    assert_eq!(second.refused().await, RefusalReason::NotAllowed(first.peer));
    second.handle.unblock(&first.peer);
    let near = first.handle.dial(second.address, None).await.unwrap();
    exchange(&near, &second.connected().await).await;
}

#[tokio::test]
async fn blocking_for_a_while_closes_and_keeps_out() {
    let ((first, _near), (mut second, _far)) = pair().await;
    second.handle.block_for(first.peer, Duration::from_secs(3600));
    let closed = Disconnect::Closed(CloseCode::NotAllowed);
    assert_eq!(second.disconnected().await, (first.peer, closed));
    assert!(first.handle.dial(second.address, None).await.is_err());
    assert_eq!(second.refused().await, RefusalReason::NotAllowed(first.peer));
    // That is no matter of the list.
    second.handle.unblock(&first.peer);
    let error = second.handle.dial(first.address, Some(first.peer)).await.unwrap_err();
    assert!(matches!(error, DialError::NotAllowed(found) if found == peer(1)), "{error:?}");
}

#[tokio::test]
async fn allow_lists_change_at_run_time() {
    let mut settings = config();
    settings.access.allow = Some([peer(1)].into());
    let (first, mut second, third) = (Node::start(1), Node::with(2, settings), Node::start(3));
    first.handle.dial(second.address, None).await.unwrap();
    assert_eq!(second.connected().await.peer(), first.peer);
    assert!(third.handle.dial(second.address, None).await.is_err());
    second.handle.set_access(|list| list.allow = Some([peer(3)].into()));
    assert_eq!(second.disconnected().await.0, first.peer);
    third.handle.dial(second.address, None).await.unwrap();
    assert_eq!(second.connected().await.peer(), third.peer);
    assert!(first.handle.dial(second.address, None).await.is_err());
}

/// Dials need not wait long for an answer that does not come.
fn impatient() -> Config {
    let mut settings = config();
    settings.handshake_timeout = Duration::from_millis(500);
    settings
}

#[tokio::test]
async fn handshakes_of_an_address_are_bounded() {
    let mut settings = config();
    settings.limits.handshakes_per_address = 4;
    settings.limits.handshakes_per_address_second = 0;
    let mut second = Node::with(2, settings);
    // Two come in at once, two more after they have shown that their address is theirs.
    for seed in 10..14 {
        let node = Node::start(seed);
        let near = node.handle.dial(second.address, None).await.unwrap();
        exchange(&near, &second.connected().await).await;
    }
    let late = Node::with(20, impatient());
    let error = late.handle.dial(second.address, None).await.unwrap_err();
    assert!(matches!(error, DialError::TimedOut), "{error:?}");
    assert_eq!(second.refused().await, RefusalReason::TooManyHandshakesFromAddress);
}

#[tokio::test]
async fn connections_are_bounded() {
    for (all, reason) in [
        (9, RefusalReason::TooManyConnectionsFromAddress),
        // Those that the node opens itself count, too.
        (2, RefusalReason::TooManyConnections),
    ] {
        let mut settings = config();
        settings.limits.connections_per_address = 2;
        settings.limits.connections = all;
        let mut second = Node::with(2, settings);
        let mut nodes = Vec::new();
        for seed in [10, 11] {
            let node = Node::start(seed);
            if all == 2 {
                second.handle.dial(node.address, None).await.unwrap();
            } else {
                node.handle.dial(second.address, None).await.unwrap();
            }
            second.connected().await;
            nodes.push(node);
        }
        let late = Node::start(20);
        let error = late.handle.dial(second.address, None).await.unwrap_err();
        assert!(matches!(error, DialError::Closed(Disconnect::Transport { code: 2 })), "{error:?}");
        assert_eq!(second.refused().await, reason);
        // There is room as soon as somebody has gone.
        second.handle.disconnect(&nodes[0].peer);
        second.disconnected().await;
        late.handle.dial(second.address, None).await.unwrap();
    }
}

fn private(key: u8) -> Config {
    let mut settings = config();
    settings.network_key = Some(NetworkKey::from_bytes(&[key; 32]));
    settings
}

#[tokio::test]
async fn nodes_of_a_private_network_connect() {
    let (first, mut second) = (Node::with(1, private(1)), Node::with(2, private(1)));
    let near = first.handle.dial(second.address, Some(second.peer)).await.unwrap();
    exchange(&near, &second.connected().await).await;
    let back = second.handle.dial(first.address, None).await.unwrap();
    exchange(&back, &near).await;
}

#[tokio::test]
async fn nodes_of_other_networks_are_refused() {
    for (first, second) in
        [(private(1), private(2)), (config(), private(2)), (private(1), config())]
    {
        let (first, mut second) = (Node::with(1, first), Node::with(2, second));
        let error = first.handle.dial(second.address, None).await.unwrap_err();
        // Alert 120: no ALPN name in common.
        let Disconnect::Transport { code } = (match error {
            DialError::Closed(disconnect) => disconnect,
            error => panic!("{error:?}"),
        }) else {
            panic!("{error:?}")
        };
        assert_eq!(code, 0x178);
        assert!(matches!(second.refused().await, RefusalReason::Handshake(_)));
        assert!(second.handle.connections().is_empty());
    }
}
