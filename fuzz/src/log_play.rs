//! Logs of signed entries with right and wrong links, compared with the rules as they are written.

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
use pandan_bamboo::{
    EncodedEntry, EntryHash, ForkProof, Hash, Header, Links, LogId, LogVerifier, NextArgs, SeqNum,
};
use pandan_identity::KeyPair;

/// Entries in the order in which they are given to the verifier.
#[derive(Arbitrary, Debug)]
pub struct Play {
    steps: Vec<Step>,
}

/// One entry; zeros make the one that is due.
#[derive(Arbitrary, Debug)]
struct Step {
    other_author: bool,
    other_log: bool,
    /// How many places are left out, or where to go when it is large.
    leap: u8,
    backlink: u8,
    skiplink: u8,
    end: u8,
}

/// More than 40, the place with the longest way of skiplinks below 121.
const STEPS_MAX: usize = 44;

/// Plays the steps.
pub fn check(play: Play) {
    let mut entries: Vec<EncodedEntry> = Vec::new();
    for step in play.steps.iter().take(STEPS_MAX) {
        entries.extend(step.sign(&entries));
    }
    let headers: Vec<_> = entries.iter().map(|entry| *entry.header()).collect();
    let whole = push_all(LogVerifier::of_whole_log(), &entries);
    assert_eq!(whole, is_log(&headers), "{play:?}");
    let subset = push_all(LogVerifier::of_subset(), &entries);
    assert_eq!(subset, is_subset(&headers), "{play:?}");
    assert!(subset || !whole);
    check_forks(&entries);
}

impl Step {
    fn sign(&self, entries: &[EncodedEntry]) -> Option<EncodedEntry> {
        let tip = entries.last().map_or(0, |entry| entry.header().seq_num().number());
        let number = if self.leap < 128 {
            tip + 1 + u64::from(self.leap % 32)
        } else {
            u64::from(self.leap - 128)
        };
        let seq_num = SeqNum::new(number)?;
        let links = Links::new(
            seq_num,
            seq_num.previous().map(|at| target(entries, at, self.backlink)),
            seq_num.skiplink().map(|at| target(entries, at, self.skiplink)),
        );
        let author = KeyPair::from_seed(&[u8::from(self.other_author); 32]);
        let log_id = LogId::new(self.other_log.into());
        let args = NextArgs::new(log_id, seq_num, links.ok()?).ok()?;
        Some(if self.end > 250 {
            args.forge_end_of_log(&author, b"")
        } else {
            args.forge(&author, b"")
        })
    }
}

/// The hash of the last entry at a place, or of any, or of nothing.
fn target(entries: &[EncodedEntry], at: SeqNum, choice: u8) -> EntryHash {
    let there = entries.iter().rev().find(|entry| entry.header().seq_num() == at);
    let any = entries.get(usize::from(choice).wrapping_sub(200));
    let chosen = if choice < 200 { there } else { any };
    chosen.map_or_else(|| EntryHash::from_hash(Hash::of(&[choice])), EncodedEntry::hash)
}

fn push_all(mut verifier: LogVerifier, entries: &[EncodedEntry]) -> bool {
    let pushed = entries.iter().all(|entry| verifier.push_authentic(&entry.as_authentic()).is_ok());
    pushed && verifier.finish().is_ok()
}

/// Whether these are all entries of a log from its first one on.
fn is_log(headers: &[Header]) -> bool {
    let places = headers.iter().map(|header| header.seq_num().number());
    is_subset(headers) && places.eq(1..=headers.len() as u64)
}

/// Whether these ascend from the first entry, and each comes with the target of its lipmaa link.
/// A backlink beside a skiplink counts when its target is there.
fn is_subset(headers: &[Header]) -> bool {
    let Some((last, others)) = headers.split_last() else { return false };
    let by_place: BTreeMap<_, _> =
        headers.iter().map(|header| (header.seq_num(), header.hash())).collect();
    let holds = |header: &Header| {
        let (at, links) = (header.seq_num(), header.links());
        let backlink = at.previous().and_then(|at| by_place.get(&at).copied());
        let skiplink = at.skiplink().and_then(|at| by_place.get(&at).copied());
        match at.skiplink() {
            None => at.previous().is_none() || backlink.is_some() && backlink == links.backlink(),
            Some(_) => {
                skiplink.is_some()
                    && skiplink == links.skiplink()
                    && (backlink.is_none() || backlink == links.backlink())
            }
        }
    };
    let is_of = |header: &Header| {
        header.public_key() == last.public_key() && header.log_id() == last.log_id()
    };
    headers.first().is_some_and(|first| first.seq_num() == SeqNum::FIRST)
        && headers.is_sorted_by(|a, b| a.seq_num() < b.seq_num())
        && headers.iter().all(|header| is_of(header) && holds(header))
        && !others.iter().any(Header::is_end_of_log)
}

/// Two entries are a fork if and only if they differ at one place.
fn check_forks(entries: &[EncodedEntry]) {
    let place = |header: &Header| (header.public_key(), header.log_id(), header.seq_num());
    for (index, one) in entries.iter().enumerate() {
        for other in entries.iter().skip(index) {
            let is_fork =
                place(one.header()) == place(other.header()) && one.hash() != other.hash();
            let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic());
            assert_eq!(proof.is_ok(), is_fork);
            if let (Ok(proof), 0) = (proof, index) {
                let mut buffer = [0; MAX_FORK_PROOF_LENGTH];
                assert_eq!(ForkProof::decode(proof.encode(&mut buffer)), Ok(proof));
            }
        }
    }
}
