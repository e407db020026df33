//! How long it takes from publishing on one node until the entry can be seen on another.
//!
//! Both nodes are in this process, connected over QUIC on 127.0.0.1, and everything is signed
//! before. The clock starts when `Node::publish` of the first node is called, and stops when a
//! listener to `Node::subscribe` of the second node hears of the entry: its transaction is on disk
//! there, and every query from then on sees it. Beside that stands how long `publish` itself took.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pandan_benches::places::Places;
use pandan_benches::times::{Times, milliseconds};
use pandan_node::{Node, Phase};
use pandan_operations::OperationId;
use pandan_store::conformance::Signed;

use crate::Result;
use crate::peer::Peer;

/// How many publish at the same time in the second row.
const TOGETHER: usize = 16;

/// Entries before those that count.
const WARM_UP: usize = 50;

pub(crate) fn run(samples: usize) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("pandan-live-").tempdir()?;
    let one = Peer::start("one", &folder.path().join("one"))?;
    let other = Peer::start("other", &folder.path().join("other"))?;
    other.keep(&one)?;
    let places = Places::new();
    for signed in &places.foundation {
        one.runtime.block_on(one.node.publish(signed.entry.as_bytes(), &signed.payload))?;
    }
    let foundation = places.foundation.len() as u64;
    other.wait_until("both have the foundation, and are live", |status| {
        let session = status.peers.first().and_then(|peer| peer.session);
        session.is_some_and(|it| it.phase == Phase::Live && it.schemas == schemas_of(&other))
            && entries_of(&other) == Some(foundation)
    })?;
    measure(&one, &other, &places.sign(0, 0..WARM_UP), 1)?;
    println!(
        "\n| news, from publishing on one node | samples | visible on the other: p50 | p99 | longest | answered: p50 | p99 |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for (what, number, together) in [("one at a time", 1, 1), ("16 at a time", 2, TOGETHER)] {
        let signed = places.sign(number, 0..samples);
        let (visible, answered) = measure(&one, &other, &signed, together)?;
        let ms = |time| format!("{:.2} ms", milliseconds(time));
        println!(
            "| {what} | {samples} | {} | {} | {} | {} | {} |",
            ms(visible.p50()),
            ms(visible.p99()),
            ms(visible.percentile(100)),
            ms(answered.p50()),
            ms(answered.p99()),
        );
    }
    other.stop();
    one.stop();
    Ok(())
}

fn schemas_of(peer: &Peer) -> usize {
    peer.node.schemas().len()
}

fn entries_of(peer: &Peer) -> Option<u64> {
    let counts = peer.node.read(|snapshot| snapshot.counts());
    Some(peer.runtime.block_on(counts).ok()?.entries)
}

/// Publishes entries, some at a time, each when it can be seen on the other node and the one before
/// it was answered; gives how long it took until it could be seen, and until it was answered.
fn measure(one: &Peer, other: &Peer, signed: &[Signed], together: usize) -> Result<(Times, Times)> {
    let mut seen = other.node.subscribe();
    let listening = other.runtime.spawn({
        let expected = signed.len();
        async move {
            let mut times = HashMap::with_capacity(expected);
            while times.len() < expected {
                let Some(Ok(committed)) = seen.next().await else { break };
                times.insert(committed.operation, Instant::now());
            }
            times
        }
    });
    let part = signed.len().div_ceil(together).max(1);
    let publishing: Vec<_> = signed
        .chunks(part)
        .map(|part| {
            one.runtime.spawn(publish(one.node.clone(), other.node.subscribe(), part.to_vec()))
        })
        .collect();
    let (mut visible, mut answered) = (Vec::new(), Vec::new());
    let mut started = Vec::new();
    for publishing in publishing {
        for (id, start, answer) in one.runtime.block_on(publishing)?? {
            started.push((id, start));
            answered.push(answer);
        }
    }
    let times = other.runtime.block_on(listening)?;
    for (id, start) in started {
        let time = times.get(&id).ok_or("news were missed")?;
        visible.push(time.saturating_duration_since(start));
    }
    Ok((Times::new(visible), Times::new(answered)))
}

type Published = (OperationId, Instant, Duration);

async fn publish(
    node: Node,
    mut seen: pandan_node::Commits,
    signed: Vec<Signed>,
) -> Result<Vec<Published>> {
    let mut published = Vec::with_capacity(signed.len());
    for signed in signed {
        let id = OperationId::from(signed.entry.hash());
        let start = Instant::now();
        node.publish(signed.entry.as_bytes(), &signed.payload).await?;
        published.push((id, start, start.elapsed()));
        while let Some(Ok(committed)) = seen.next().await
            && committed.operation != id
        {}
    }
    Ok(published)
}
