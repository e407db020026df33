//! One connection for each pair of nodes, which comes back and moves with its peer.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Node, config, exchange, localhost, pair, peer};
use pandan_network::{Backoff, CloseCode, Connection, Disconnect, Event};
use pandan_testkit::relay::{Relay, Weather};

#[tokio::test]
async fn two_nodes_that_dial_each_other_get_one_connection() {
    for round in 0..30 {
        let (mut first, mut second) = (Node::start(1), Node::start(2));
        let (one, other) = tokio::join!(
            first.handle.dial(second.address, Some(second.peer)),
            second.handle.dial(first.address, Some(first.peer)),
        );
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one.direction(), other.direction(), "round {round}");
        exchange(&one, &other).await;
        exchange(&other, &one).await;
        // Both embedders were told once, of this connection.
        let near = first.connected().await;
        let far = second.connected().await;
        assert_eq!(near.direction(), one.direction());
        assert_eq!(far.direction(), other.direction());
        for node in [&mut first, &mut second] {
            assert_eq!(node.handle.connections().len(), 1);
            assert!(!more_news(node), "round {round}");
        }
    }
}

/// Whether a node has anything more to tell of connections, refused ones included.
fn more_news(node: &mut Node) -> bool {
    use std::task::{Context, Poll, Waker};
    loop {
        let next = std::pin::pin!(node.network.next_event());
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Event::Listening { .. }) => {}
            Poll::Ready(_) => return true,
            Poll::Pending => return false,
        }
    }
}

#[tokio::test]
async fn who_does_not_greet_is_told_from_who_does() {
    for (greets, expected) in [([true, true], true), ([true, false], false), ([false, true], false)]
    {
        let [mut first, mut second] = [(1, greets[0]), (2, greets[1])].map(|(seed, greets)| {
            let mut config = config();
            config.greets = greets;
            Node::with(seed, config)
        });
        let near = first.handle.dial(second.address, Some(second.peer)).await.unwrap();
        first.connected().await;
        let far = second.connected().await;
        assert_eq!([near.has_greeted(), far.has_greeted()], [expected; 2], "{greets:?}");
        exchange(&near, &far).await;
        exchange(&far, &near).await;
    }
}

#[tokio::test]
async fn both_sides_hear_of_the_end() {
    let ((mut first, near), (mut second, far)) = pair().await;
    let mut stream = near.open(&common::frames()).await.unwrap();
    assert!(first.handle.disconnect(&second.peer));
    let closed = Disconnect::Closed(CloseCode::Done);
    assert_eq!(first.disconnected().await, (second.peer, closed));
    let by_peer = Disconnect::ClosedByPeer(CloseCode::Done);
    assert_eq!(second.disconnected().await, (first.peer, by_peer));
    assert_eq!((near.closed().await, far.closed().await), (closed, by_peer));
    while far.accept().await.is_some() {}
    assert!(stream.receiver.receive().await.is_err());
    assert!(!first.handle.disconnect(&second.peer));
    // And can begin anew.
    let near = second.handle.dial(first.address, None).await.unwrap();
    exchange(&near, &first.connected().await).await;
}

#[tokio::test]
async fn shutdown_tells_peers() {
    let ((first, _near), (mut second, _far)) = pair().await;
    first.network.shutdown().await;
    let by_peer = Disconnect::ClosedByPeer(CloseCode::Done);
    assert_eq!(second.disconnected().await, (peer(1), by_peer));
}

fn impatient() -> pandan_network::Config {
    let mut settings = config();
    let first = Duration::from_millis(10);
    settings.backoff = Backoff { first, longest: Duration::from_millis(100) };
    settings
}

#[tokio::test]
async fn nodes_reconnect_after_a_restart() {
    let mut second = Node::start(2);
    let mut settings = impatient();
    settings.addresses = vec![(second.address.into(), Some(second.peer))];
    let mut first = Node::with(1, settings);
    for _ in 0..3 {
        let near = first.connected().await;
        exchange(&near, &second.connected().await).await;
        second = second.restart().await;
        first.disconnected().await;
    }
    exchange(&first.connected().await, &second.connected().await).await;
}

#[tokio::test]
async fn addresses_are_kept_at_run_time() {
    let (mut first, mut second) = (Node::with(1, impatient()), Node::start(2));
    first.handle.keep(second.address, None).await;
    first.connected().await;
    second.connected().await;
    second.handle.disconnect(&first.peer);
    first.disconnected().await;
    exchange(&first.connected().await, &second.connected().await).await;
}

/// A crash tells nobody. The node that is started anew has another instance, so what is left of the
/// connection before does not stand in its way, whoever of both decides.
#[tokio::test]
async fn a_node_that_crashed_connects_at_once() {
    for (stays, crashes) in [(1, 2), (2, 1)] {
        let mut stays = Node::start(stays);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let address = stays.address;
        let crashed = runtime.spawn(async move {
            let node = Node::start(crashes);
            node.handle.dial(address, None).await.unwrap();
            // Nothing is dropped in good order.
            std::mem::forget(node);
        });
        crashed.await.unwrap();
        stays.connected().await;
        runtime.shutdown_background();
        let again = Node::start(crashes);
        let near = again.handle.dial(address, None).await.unwrap();
        assert_eq!(stays.disconnected().await.0, again.peer);
        exchange(&near, &stays.connected().await).await;
    }
}

#[tokio::test]
async fn a_connection_ends_when_nothing_is_heard_any_more() {
    let mut settings = config();
    settings.keep_alive = Duration::from_millis(100);
    settings.idle_timeout = Duration::from_secs(3);
    let (mut first, mut second) = (Node::with(1, settings.clone()), Node::with(2, settings));
    let weather = Weather {
        loss_percent: 0,
        double_percent: 0,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
    };
    let relay = Relay::start(second.address, weather, 1).unwrap();
    first.handle.dial(relay.address(), Some(second.peer)).await.unwrap();
    first.connected().await;
    second.connected().await;
    drop(relay);
    assert_eq!(first.disconnected().await, (second.peer, Disconnect::TimedOut));
    assert_eq!(second.disconnected().await, (first.peer, Disconnect::TimedOut));
}

/// A node that was started anew left packets of connections from before unanswered, so that peers
/// waited until they were sure that nobody was there.
#[tokio::test]
async fn a_node_that_was_started_anew_says_that_it_knows_no_connection() {
    let mut settings = config();
    settings.keep_alive = Duration::from_millis(100);
    settings.idle_timeout = Duration::from_secs(20);
    let mut stays = Node::with(1, settings.clone());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = async move { Node::with(2, settings) };
    let crashes = runtime.spawn(start).await.unwrap();
    stays.handle.dial(crashes.address, Some(crashes.peer)).await.unwrap();
    stays.connected().await;
    // All tasks are gone before anything could be sent; then the socket is closed.
    let stop = move || runtime.shutdown_timeout(Duration::from_secs(60));
    tokio::task::spawn_blocking(stop).await.unwrap();
    let again = crashes.restart_after_crash().await;
    assert_eq!(stays.disconnected().await, (again.peer, Disconnect::Reset));
}

#[tokio::test]
async fn connections_move_with_their_peer() {
    let ((first, near), (_second, far)) = pair().await;
    let mut stream = near.open(&common::frames()).await.unwrap();
    stream.sender.send("before").await.unwrap();
    let mut here = far.accept().await.unwrap();
    assert_eq!(here.receiver.receive().await.unwrap().unwrap(), "before");
    let before = far.address();
    first.handle.rebind(localhost()).unwrap();
    stream.sender.send("after").await.unwrap();
    assert_eq!(here.receiver.receive().await.unwrap().unwrap(), "after");
    // The other way, too, which needs the new address to be known.
    here.sender.send("back").await.unwrap();
    assert_eq!(stream.receiver.receive().await.unwrap().unwrap(), "back");
    assert_ne!(far.address(), before);
    assert_eq!(far.address(), first.handle.local_address().unwrap());
}

#[tokio::test]
async fn the_peers_file_brings_peers_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = impatient();
    settings.peers_file = Some(folder.path().join("peers.toml"));
    let mut second = Node::start(2);
    {
        let mut first = Node::with(1, settings.clone());
        first.handle.dial(second.address, None).await.unwrap();
        second.connected().await;
        first.connected().await;
        second.handle.disconnect(&first.peer);
        first.disconnected().await;
        first.network.shutdown().await;
    }
    let text = std::fs::read_to_string(folder.path().join("peers.toml")).unwrap();
    assert!(text.contains(&second.peer.to_string()), "{text}");
    assert!(text.contains(&second.address.to_string()), "{text}");
    let mut first = Node::with(1, settings);
    let near: Connection = first.connected().await;
    assert_eq!(near.peer(), second.peer);
}
