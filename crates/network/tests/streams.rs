//! Frames and bytes on streams: limits, order, back-pressure.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{FRAME_MAX, Node, chunks, config, exchange, frames, pair};
use pandan_network::{
    Bytes, NegotiationError, OpenError, Protocol, ReceiveError, SendError, limits,
};

fn frame(length: usize) -> Bytes {
    vec![7; length].into()
}

#[tokio::test]
async fn frames_arrive_as_they_were_sent() {
    let ((_first, near), (_second, far)) = pair().await;
    let mut there = near.open(&frames()).await.unwrap();
    let sizes = [0, 1, 999, FRAME_MAX as usize, 0];
    for size in sizes {
        there.sender.send(frame(size)).await.unwrap();
    }
    there.sender.finish().await.unwrap();
    let mut here = far.accept().await.unwrap();
    assert_eq!(here.protocol, frames());
    for size in sizes {
        assert_eq!(here.receiver.receive().await, Ok(Some(frame(size))));
    }
    assert_eq!(here.receiver.receive().await, Ok(None));
}

#[tokio::test]
async fn traffic_is_what_was_sent_and_what_quic_adds() {
    const FRAMES: u64 = 200;
    let ((_first, near), (_second, far)) = pair().await;
    let (sent, received) = (near.traffic(), far.traffic());
    let mut there = near.open(&frames()).await.unwrap();
    let sending = tokio::spawn(async move {
        for _ in 0..FRAMES {
            there.sender.send(frame(999)).await.unwrap();
        }
        there.sender.finish().await.unwrap();
    });
    let mut here = far.accept().await.unwrap();
    while here.receiver.receive().await.unwrap().is_some() {}
    sending.await.unwrap();
    let payload = FRAMES * 999;
    let out = near.traffic().bytes_out - sent.bytes_out;
    let came = far.traffic().bytes_in - received.bytes_in;
    for bytes in [out, came] {
        // Small datagrams at the beginning cost the most.
        assert!((payload..payload * 5 / 4).contains(&bytes), "{bytes} bytes for {payload}");
    }
    assert!(far.traffic().datagrams_in > received.datagrams_in);
    assert!(far.traffic().bytes_out > received.bytes_out, "what came is confirmed");
}

#[tokio::test]
async fn a_frame_past_the_limit_is_not_sent() {
    let ((_first, near), (_second, far)) = pair().await;
    let mut there = near.open(&frames()).await.unwrap();
    let error = SendError::FrameTooLong { limit: FRAME_MAX, found: 1001 };
    assert_eq!(there.sender.send(frame(1001)).await, Err(error));
    // The stream goes on.
    there.sender.send(frame(1)).await.unwrap();
    let mut here = far.accept().await.unwrap();
    assert_eq!(here.receiver.receive().await, Ok(Some(frame(1))));
}

/// A node whose frames may be one byte longer.
async fn with_longer_frames() -> (Node, pandan_network::Connection, pandan_network::Connection) {
    let longer = Protocol::frames(Protocol::PANDAN, FRAME_MAX + 1).unwrap();
    let mut settings = config();
    settings.protocols = vec![longer];
    let (first, mut second) = (Node::with(1, settings), Node::start(2));
    let near = first.handle.dial(second.address, None).await.unwrap();
    let far = second.connected().await;
    // The second node has to live on.
    std::mem::forget(second);
    (first, near, far)
}

#[tokio::test]
async fn a_frame_past_the_limit_is_not_received() {
    let (_first, near, far) = with_longer_frames().await;
    let longer = Protocol::frames(Protocol::PANDAN, FRAME_MAX + 1).unwrap();
    let mut there = near.open(&longer).await.unwrap();
    there.sender.send(frame(1000)).await.unwrap();
    there.sender.send(frame(1001)).await.unwrap();
    let mut here = far.accept().await.unwrap();
    assert_eq!(here.receiver.receive().await, Ok(Some(frame(1000))));
    let error = ReceiveError::FrameTooLong { limit: FRAME_MAX, found: 1001 };
    assert_eq!(here.receiver.receive().await, Err(error));
    assert_eq!(here.receiver.receive().await, Err(error));
    // The peer is told that this stream is given up. Other streams are not concerned.
    let stopped = loop {
        match there.sender.send(frame(1000)).await {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(stopped, SendError::Stopped { .. }), "{stopped:?}");
    let _there = near.open(&longer).await.unwrap();
    assert!(far.accept().await.is_some());
}

#[tokio::test]
async fn bytes_without_frames_arrive_in_order() {
    let ((_first, near), (_second, far)) = pair().await;
    let mut there = near.open(&chunks()).await.unwrap();
    let sent: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
    let bytes = Bytes::from(sent.clone());
    let sending = tokio::spawn(async move {
        there.sender.send(bytes).await.unwrap();
        there.sender.finish().await.unwrap();
        there.receiver
    });
    let mut here = far.accept().await.unwrap();
    let mut received = Vec::new();
    while let Some(chunk) = here.receiver.receive().await.unwrap() {
        assert!(!chunk.is_empty() && chunk.len() <= limits::CHUNK_LENGTH_MAX);
        received.extend_from_slice(&chunk);
    }
    assert!(received == sent);
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn protocols_that_are_not_spoken_are_refused() {
    let other = Protocol::frames("/other/1", 10).unwrap();
    let mut settings = config();
    settings.protocols.push(other.clone());
    let (first, mut second) = (Node::with(1, settings), Node::start(2));
    let near = first.handle.dial(second.address, None).await.unwrap();
    let far = second.connected().await;
    let error = near.open(&other).await.unwrap_err();
    assert!(matches!(error, OpenError::Negotiation(NegotiationError::NotAvailable)), "{error:?}");
    let error = far.open(&other).await.unwrap_err();
    assert!(matches!(error, OpenError::NotConfigured { .. }), "{error:?}");
    exchange(&near, &far).await;
}

#[tokio::test]
async fn a_sender_that_gives_up_in_a_frame_is_noticed() {
    let mut settings = config();
    settings.limits.stream_window_bytes = 500;
    let (first, mut second) = (Node::start(1), Node::with(2, settings));
    let near = first.handle.dial(second.address, None).await.unwrap();
    let far = second.connected().await;
    let mut there = near.open(&frames()).await.unwrap();
    let mut here = far.accept().await.unwrap();
    // The window takes no whole frame, so that sending does not end; then it is cancelled.
    tokio::select! {
        biased;
        sent = there.sender.send(frame(1000)) => panic!("{sent:?}"),
        () = std::future::ready(()) => {}
    }
    drop(there);
    assert!(matches!(here.receiver.receive().await, Err(ReceiveError::Reset { .. })));
}

#[tokio::test]
async fn a_slow_reader_slows_its_sender_down() {
    const WINDOW: u32 = 64 * 1024;
    const TOTAL: usize = 4 * 1024 * 1024;
    let mut settings = config();
    settings.limits.stream_window_bytes = WINDOW;
    settings.limits.send_window_bytes = 4 * WINDOW;
    let (first, mut second) = (Node::with(1, settings.clone()), Node::with(2, settings));
    let near = first.handle.dial(second.address, None).await.unwrap();
    let far = second.connected().await;
    let mut slow = near.open(&frames()).await.unwrap();
    let mut here = far.accept().await.unwrap();

    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let sending = tokio::spawn(async move {
        while counter.load(Ordering::SeqCst) < TOTAL {
            slow.sender.send(frame(1000)).await.unwrap();
            counter.fetch_add(1000, Ordering::SeqCst);
        }
        slow.sender.finish().await.unwrap();
    });
    // While nobody reads, other streams go on, and no more is taken from the sender than what the
    // receiver's window holds and QUIC may keep for sending again.
    let held = (WINDOW + 4 * WINDOW) as usize + 1004;
    for _ in 0..100 {
        exchange(&near, &far).await;
        let sent = sent.load(Ordering::SeqCst);
        assert!(sent <= held, "{sent} bytes were taken, {held} can be held");
    }
    assert!(sent.load(Ordering::SeqCst) >= 30_000);
    assert!(!sending.is_finished());
    // Then somebody reads, and all of it comes.
    let mut received = 0;
    while let Some(frame) = here.receiver.receive().await.unwrap() {
        received += frame.len();
    }
    sending.await.unwrap();
    assert_eq!(received, sent.load(Ordering::SeqCst));
}

#[tokio::test]
async fn streams_of_a_peer_are_bounded() {
    let mut settings = config();
    settings.limits.streams = 2;
    let (first, mut second) = (Node::start(1), Node::with(2, settings));
    let near = first.handle.dial(second.address, None).await.unwrap();
    let far = second.connected().await;
    let _one = near.open(&frames()).await.unwrap();
    let two = near.open(&frames()).await.unwrap();
    let protocol = chunks();
    let mut third = std::pin::pin!(near.open(&protocol));
    let here = [far.accept().await.unwrap(), far.accept().await.unwrap()];
    // As long as both are open, the third one waits; other traffic shows that time goes by.
    for _ in 0..10 {
        tokio::select! {
            biased;
            opened = &mut third => panic!("{opened:?}"),
            () = exchange(&far, &near) => {}
        }
    }
    drop((two, here));
    third.await.unwrap();
    assert_eq!(far.accept().await.unwrap().protocol, chunks());
}

/// A peer that has no room for another stream could keep whoever opens one waiting for ever.
#[tokio::test]
async fn opening_a_stream_takes_a_bounded_time() {
    let mut settings = config();
    settings.limits.streams = 1;
    let (first, mut second) = (Node::start(1), Node::with(2, settings));
    let near = first.handle.dial(second.address, None).await.unwrap();
    let far = second.connected().await;
    let _one = near.open(&frames()).await.unwrap();
    let _here = far.accept().await.unwrap();
    // From now on nothing but time goes by.
    tokio::time::pause();
    let opened = tokio::time::timeout(2 * limits::NEGOTIATION_TIME, near.open(&frames())).await;
    let error = opened.expect("it is given up").unwrap_err();
    assert!(matches!(error, OpenError::TimedOut), "{error:?}");
}

/// How the rate is kept is tested beside the throttle, in virtual time; here, that it is in place.
#[tokio::test]
async fn a_peer_that_sent_too_much_is_not_read_from() {
    let mut settings = config();
    settings.limits.bytes_per_second = 1;
    let (mut first, second, mut third) = (Node::start(1), Node::with(2, settings), Node::start(3));
    let far = second.handle.dial(first.address, None).await.unwrap();
    let near = first.connected().await;
    let mut there = near.open(&frames()).await.unwrap();
    there.sender.send(frame(0)).await.unwrap();
    there.sender.send(frame(1)).await.unwrap();
    let mut here = far.accept().await.unwrap();
    let start = Instant::now();
    assert_eq!(here.receiver.receive().await, Ok(Some(frame(0))));
    // The next frame is there, but it is not its time; others who talk meanwhile show that it is
    // not waited for by chance. Where talking takes so long that its time comes, it came no sooner.
    let aside = first.handle.dial(third.address, None).await.unwrap();
    let beside = third.connected().await;
    let mut next = std::pin::pin!(here.receiver.receive());
    for _ in 0..50 {
        tokio::select! {
            biased;
            received = &mut next => {
                assert!(start.elapsed() >= Duration::from_secs(1), "{received:?}");
                return;
            }
            () = exchange(&aside, &beside) => {}
        }
    }
}
