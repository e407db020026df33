//! What must hold when nothing goes wrong any more.

use std::collections::BTreeSet;

use pandan_bamboo::{EntryHash, ForkProof, Hash, HeadState, SeqNum};
use pandan_operations::{DocumentId, SchemaId};
use pandan_replication::{Phase, StreamId};
use pandan_store::conformance::{Contents, try_contents};
use pandan_store::heads::{Head, HeadInRange};
use pandan_store::{StoreError, StoredEntry};

use super::node::{Alive, Node};
use super::world::World;

/// How many virtual milliseconds nodes may take to agree: the longest back-off, and room for what
/// comes after it.
const AGREE_MS: u64 = 600_000;

/// The same where no session has failed: nobody waits for anything then, not even for the time at
/// which sessions are renewed.
const AGREE_SOON_MS: u64 = 60_000;

/// How soon it is looked again whether they do; less often when it takes long.
const LOOK_MS: u64 = 2_000;

/// For how long they are watched when they do: longer than sessions last before they are renewed.
const REST_MS: u64 = 420_000;

/// How long a session may take until it is live, or its stream until it is given up.
const SETTLE_MS: u64 = 60_000;

/// How many frames a link may need for a renewal of its session.
const FRAMES_OF_RENEWAL: u64 = 16;

/// Lets the nodes agree, and looks at them.
pub(super) fn judge(world: &mut World) {
    // Until the last clients have given up.
    world.run(world.net.now() + LOOK_MS);
    let repaired = world.net.now();
    let patience = if world.fail_sessions { AGREE_MS } else { AGREE_SOON_MS };
    let Some(agreed) = agree(world, patience) else { return };
    let took = world.net.now() - repaired;
    world.net.totals.slowest_ms = took;
    world.net.note(format_args!("all nodes agree after {took} ms"));
    let Some(agreed) = rest(world, agreed) else { return };
    check_acknowledged(world, &agreed);
    check_signed(world, &agreed);
    check_disks(world);
    world.net.totals.entries = agreed.counts.entries * honest(world).count() as u64;
    world.net.totals.forks = agreed.forks.len() as u64;
    part(world);
}

/// Waits until all honest nodes have the same, and gives what that is; none when something is wrong.
fn agree(world: &mut World, patience: u64) -> Option<Contents> {
    let start = world.net.now();
    while world.problem.is_none() {
        let difference = match agreement(world) {
            Ok(contents) => return Some(contents),
            Err(difference) => difference,
        };
        let waited = world.net.now() - start;
        if waited > patience {
            world.fail(format!("the nodes do not come to agree: {difference}"));
        } else {
            world.run(world.net.now() + LOOK_MS.max(waited / 8));
        }
    }
    None
}

fn honest(world: &World) -> impl Iterator<Item = &Node> {
    world.nodes.iter().filter(|node| !node.is_hostile())
}

/// What all honest nodes have, or how two of them differ.
fn agreement(world: &World) -> Result<Contents, String> {
    let mut nodes = honest(world);
    let first = nodes.next().expect("there are honest nodes");
    let agreed = contents(first).map_err(|error| error.to_string())?;
    for node in nodes {
        let contents = contents(node).map_err(|error| error.to_string())?;
        if let Some(difference) = difference(world, &agreed, &contents) {
            return Err(format!("nodes {} and {} differ: {difference}", first.index, node.index));
        }
    }
    Ok(agreed)
}

fn contents(node: &Node) -> Result<Contents, StoreError> {
    let store = node.disk.open(&node.faults)?;
    try_contents(&*pandan_store::Store::snapshot(&*store)?)
}

/// Schemas are not compared as a whole: of a definition that several people change at a time, each
/// node knows those states as schemas that were the latest while it had no more.
fn difference(world: &World, one: &Contents, other: &Contents) -> Option<String> {
    let (heads, other_heads) = (heads(one), heads(other));
    if let Some(it) = heads.symmetric_difference(&other_heads).next() {
        let (schema, author, log_id, _) = it;
        let tips = [one, other].map(|contents| {
            let mut heads = contents.heads.iter().map(|it| &it.head);
            let is_it = |head: &&Head| {
                head.author.to_string() == *author && head.log_id.number() == *log_id
            };
            let tip = heads.find(is_it).map(|head| (head.latest, head.fork));
            (contents.schemas.contains_key(schema), tip)
        });
        return Some(format!(
            "head of log {log_id} of {author} in {schema}, known or not, with the latest entry and \
             the fork: {tips:?}"
        ));
    }
    if let Some(it) = proofs(world, one).symmetric_difference(&proofs(world, other)).next() {
        return Some(format!("proof of a fork at {} of log {} of {}", it.2, it.1, it.0));
    }
    for (one, other) in [(one, other), (other, one)] {
        let differs = |id: &DocumentId| one.documents.get(id) != other.documents.get(id);
        // Void operations that nothing counting needs stay where they are.
        let is_void =
            |id: &DocumentId| one.forked.contains(id) && !other.documents.contains_key(id);
        if let Some(id) = one.documents.keys().find(|id| differs(id) && !is_void(id)) {
            let both = [one, other].map(|it| it.documents.get(id));
            return Some(format!("document {id} ({both:?})"));
        }
    }
    let different = one
        .schemas
        .iter()
        .find(|(id, schema)| other.schemas.get(id).is_some_and(|other| other != *schema));
    different.map(|(id, _)| format!("what schema {id} is like"))
}

/// All proofs of forks, but those of hostile authors about logs that are not there: proofs are handed
/// on to those who have the log.
fn proofs(world: &World, contents: &Contents) -> BTreeSet<(String, u64, u64, [EntryHash; 2])> {
    let counts = |proof: &&ForkProof| {
        let (author, log_id) = (proof.public_key(), proof.log_id());
        let has_head = |it: &HeadInRange| it.head.author == author && it.head.log_id == log_id;
        !world.is_of_hostile(&author) || contents.heads.iter().any(has_head)
    };
    let name = |proof: &ForkProof| {
        let (author, hashes) = (proof.public_key().to_string(), proof.entries());
        let hashes = hashes.map(|entry| entry.hash());
        (author, proof.log_id().number(), proof.seq_num().number(), hashes)
    };
    contents.forks.iter().map(|fork| &fork.proof).filter(counts).map(name).collect()
}

/// All heads with their schemas.
fn heads(contents: &Contents) -> BTreeSet<(&SchemaId, String, u64, HeadState)> {
    let schemas: Vec<_> = contents.schemas.keys().collect();
    let head = |it: &HeadInRange| {
        let HeadInRange { range, head } = it;
        (schemas[*range], head.author.to_string(), head.log_id.number(), head.state)
    };
    contents.heads.iter().map(head).collect()
}

/// Nothing more happens than that sessions are renewed; but hostile nodes may come out with something
/// that they have kept to themselves. Gives what all have then.
fn rest(world: &mut World, agreed: Contents) -> Option<Contents> {
    let frames = world.net.totals.frames;
    world.run(world.net.now() + REST_MS);
    if world.nodes.iter().any(Node::is_hostile) {
        let agreed = agree(world, AGREE_MS)?;
        check_sessions(world);
        return Some(agreed);
    }
    let found = agreement(world).map(|contents| difference(world, &contents, &agreed));
    if let Some(difference) = found.unwrap_or_else(Some) {
        world.fail(format!("the nodes agreed, and then changed what they have: {difference}"));
    }
    let links = world.honest_links().count() as u64;
    let sent = world.net.totals.frames - frames;
    if sent > links * 3 * FRAMES_OF_RENEWAL {
        world.fail(format!("{links} links needed {sent} frames although nothing was new"));
    }
    check_sessions(world);
    Some(agreed)
}

/// Each link has one session, and it is live.
fn check_sessions(world: &mut World) {
    let now = world.net.now();
    let mut problems = Vec::new();
    for [one, other] in world.honest_links() {
        for [node, peer] in [[one, other], [other, one]] {
            let (node, peer) = (&world.nodes[node], &world.nodes[peer]);
            let Some(alive) = &node.alive else { continue };
            let of_peer =
                alive.ends.iter().filter(|it| alive.peers.peer_of(*it.0) == Some(peer.id));
            let ends: Vec<_> = of_peer.collect();
            let is_old = |since: u64| since + SETTLE_MS < now;
            let is_live = |id: &StreamId| phase(alive, *id) == Some(Phase::Live);
            let stuck = ends.iter().find(|(id, end)| is_old(end.since) && !is_live(id));
            if let Some((id, _)) = stuck {
                let phase = phase(alive, **id);
                problems.push(format!("{id:?} of node {} is stuck: {phase:?}", node.index));
            }
            if ends.len() != 1 {
                let (count, node, peer) = (ends.len(), node.index, peer.index);
                problems.push(format!("node {node} has {count} sessions with node {peer}"));
            }
        }
    }
    problems.into_iter().for_each(|problem| world.fail(problem));
}

fn phase(alive: &Alive, id: StreamId) -> Option<Phase> {
    alive.peers.session(id).map(|session| session.status().phase)
}

/// What clients heard to be stored is stored somewhere, unless its log was frozen before it. Entries
/// of documents that were withdrawn need not be everywhere.
fn check_acknowledged(world: &mut World, agreed: &Contents) {
    let forked: BTreeSet<_> =
        agreed.forks.iter().map(|fork| (fork.proof.public_key(), fork.proof.log_id())).collect();
    let missing = {
        let stores: Vec<_> =
            honest(world).filter_map(|node| node.disk.open(&node.faults).ok()).collect();
        let snapshots: Vec<_> = stores
            .iter()
            .filter_map(|store| pandan_store::Store::snapshot(&**store).ok())
            .collect();
        world.acknowledged.iter().copied().find(|entry| {
            let entry = &world.signed(*entry).entry;
            let log = (entry.header().public_key(), entry.header().log_id());
            let is_stored = || {
                snapshots
                    .iter()
                    .any(|snapshot| matches!(snapshot.entry(&entry.hash()), Ok(Some(_))))
            };
            !forked.contains(&log) && !is_stored()
        })
    };
    if let Some(entry) = missing {
        world.fail(format!("entry {entry} was stored, a client heard, and is gone"));
    }
}

/// Nothing is stored that nobody has signed, and no log is frozen that does not fork: what was signed
/// is known here, so nothing depends on checks of signatures that may be missing.
fn check_signed(world: &mut World, agreed: &Contents) {
    let signed = world.all_signed();
    let problem = honest(world).find_map(|node| {
        let entries = match entries(node, agreed) {
            Ok(entries) => entries,
            Err(error) => return Some(format!("store of node {}: {error}", node.index)),
        };
        let is_strange = |stored: &StoredEntry| {
            let found = signed.get(&hash(stored));
            found.is_none_or(|payload| stored.operation.as_deref() != Some(*payload))
        };
        let strange = entries.into_iter().find(is_strange)?;
        Some(format!("node {} has {}, which nobody signed", node.index, hash(&strange)))
    });
    let mut forks = agreed.forks.iter().map(|fork| &fork.proof);
    let frozen = forks.find(|proof| !world.may_fork(proof));
    let frozen = frozen.map(|it| format!("log {} of {} is frozen", it.log_id(), it.public_key()));
    problem.into_iter().chain(frozen).for_each(|problem| world.fail(problem));
}

/// All entries of a node that belong to documents or logs, void ones included.
fn entries(node: &Node, agreed: &Contents) -> Result<Vec<StoredEntry>, StoreError> {
    let store = node.disk.open(&node.faults)?;
    let snapshot = pandan_store::Store::snapshot(&*store)?;
    let mut entries = Vec::new();
    for document in agreed.documents.keys() {
        entries.extend(snapshot.document_entries(document, 0, usize::MAX)?);
    }
    for HeadInRange { head, .. } in &agreed.heads {
        entries.extend(snapshot.log(&head.author, head.log_id, SeqNum::FIRST, usize::MAX)?);
    }
    Ok(entries)
}

/// Made of the bytes, whatever the store says.
fn hash(stored: &StoredEntry) -> EntryHash {
    EntryHash::from_hash(Hash::of(stored.entry.as_bytes()))
}

fn check_disks(world: &mut World) {
    let problem = honest(world).find_map(|node| match node.disk.findings() {
        Ok(findings) => findings.first().map(|it| format!("store of node {}: {it}", node.index)),
        Err(error) => Some(format!("store of node {}: {error}", node.index)),
    });
    problem.into_iter().for_each(|problem| world.fail(problem));
}

/// Without connections there are no sessions.
fn part(world: &mut World) {
    world.part();
    world.run(world.net.now() + SETTLE_MS);
    let left = honest(world).find(|it| it.alive.as_ref().is_some_and(|it| !it.ends.is_empty()));
    if let Some(node) = left.map(|node| node.index) {
        world.fail(format!("node {node} has sessions without connections"));
    }
}
