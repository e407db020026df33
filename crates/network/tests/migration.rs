//! A peer that comes to another network keeps its connection, over a way that loses datagrams.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Node, chunks, exchange};
use pandan_network::{Bytes, Connection};
use pandan_testkit::relay::{Relay, Weather};

const BYTES: usize = 500_000;

/// After so many bytes the relay goes on from another port.
const MOVES_AT: [usize; 3] = [BYTES / 5, BYTES / 2, BYTES / 5 * 4];

const WEATHER: Weather = Weather {
    loss_percent: 5,
    double_percent: 2,
    delay: Duration::from_millis(10),
    jitter: Duration::from_millis(10),
};

fn bytes() -> Vec<u8> {
    (0..251).cycle().take(BYTES).collect()
}

/// More than a server needs to have heard before it may say much to a new address.
const WORDS: usize = 8_000;

/// What the client says from where it is now. QUIC answers a new address with three times what came
/// from there, until that is known to be the client's; whoever only acknowledges what it gets, over a
/// way that loses datagrams, may not say enough for that in the idle time.
async fn speak(client: &Connection, server: &Connection) {
    let mut here = client.open(&chunks()).await.unwrap();
    here.sender.send(Bytes::from(vec![7; WORDS])).await.unwrap();
    here.sender.finish().await.unwrap();
    let mut there = server.accept().await.unwrap();
    let mut heard = 0;
    while let Some(chunk) = there.receiver.receive().await.unwrap() {
        heard += chunk.len();
    }
    assert_eq!(heard, WORDS);
}

/// Sends much, and has the relay move on while it arrives.
async fn transfer(from: &Connection, to: &Connection, client: &Connection, relay: &Relay) {
    let server = if std::ptr::eq(from, client) { to } else { from };
    let mut there = from.open(&chunks()).await.unwrap();
    let sending = tokio::spawn(async move {
        there.sender.send(Bytes::from(bytes())).await.unwrap();
        there.sender.finish().await.unwrap();
        there.receiver
    });
    let mut here = to.accept().await.unwrap();
    let (mut received, mut moves) = (Vec::new(), MOVES_AT.iter().peekable());
    while let Some(chunk) = here.receiver.receive().await.unwrap() {
        received.extend_from_slice(&chunk);
        if moves.next_if(|at| received.len() >= **at).is_some() {
            relay.move_on();
            speak(client, server).await;
        }
    }
    assert!(received == bytes(), "{} bytes came", received.len());
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn a_transfer_goes_on_when_the_address_of_the_client_changes() {
    let (client, mut server) = (Node::start(1), Node::start(2));
    let relay = Relay::start(server.address, WEATHER, 7).unwrap();
    let near = client.handle.dial(relay.address(), Some(server.peer)).await.unwrap();
    let far = server.connected().await;
    let before = far.address();

    transfer(&near, &far, &near, &relay).await;
    transfer(&far, &near, &near, &relay).await;
    // It is the same connection, and both sides still speak over it.
    exchange(&near, &far).await;
    exchange(&far, &near).await;
    let after = far.address();
    assert_ne!(before, after);
    let carried = relay.carried();
    println!("from {before} to {after}: {carried:?}");
    assert_eq!(carried.moves, 2 * MOVES_AT.len() as u64);
    assert!(carried.lost > 0 && carried.overtaken > 0, "{carried:?}");
}
