//! A whole log, without payloads.

use ed25519_dalek::{Signature, VerifyingKey};
use p2panda_rs::entry::EncodedEntry as PeerEntry;
use p2panda_rs::entry::decode::decode_entry;
use pandan_bamboo::{verify_log, verify_log_parallel};

use crate::cases::{BARE, PANDAN, PEER};
use crate::{Contestant, Group, Limit, fixtures};

const LENGTH: usize = 1_000;

/// The whole log on one thread.
const ONE_THREAD: &str = "one thread";

pub(crate) fn groups() -> Vec<Group> {
    vec![one_thread(), parallel()]
}

fn one_thread() -> Group {
    let (entries, _) = fixtures::log(LENGTH);
    let peer = peer(&entries);
    let bare = {
        let entries = entries.clone();
        Contestant::new(BARE, move || verify_bare(&entries))
    };
    let ours = Contestant::new(PANDAN, move || verify_log(&entries).expect("the log is good"));
    Group {
        name: "log: verify 1,000 entries, one thread",
        contestants: vec![ours, bare, peer],
        limits: vec![Limit::AtMostTimes(1.10, BARE), Limit::FasterBy(1.0, PEER)],
    }
}

fn parallel() -> Group {
    let (entries, _) = fixtures::log(LENGTH);
    let bare = {
        let entries = entries.clone();
        Contestant::of_many_threads(BARE, move || verify_bare(&entries))
    };
    let one_thread = {
        let entries = entries.clone();
        Contestant::of_many_threads(ONE_THREAD, move || {
            verify_log(&entries).expect("the log is good")
        })
    };
    let ours = Contestant::of_many_threads(PANDAN, move || {
        verify_log_parallel(&entries).expect("the log is good")
    });
    Group {
        name: "log: verify 1,000 entries, all cores",
        contestants: vec![ours, one_thread, bare],
        limits: vec![Limit::FasterBy(1.0, ONE_THREAD), Limit::FasterBy(1.0, BARE)],
    }
}

/// Key, signature and hash of every entry, nothing of links.
fn verify_bare(entries: &[Vec<u8>]) {
    for entry in entries {
        let (message, signature) = entry.split_last_chunk().expect("it is long enough");
        let key = entry[1..].first_chunk().expect("it is long enough");
        let key = VerifyingKey::from_bytes(key).expect("the key is a good one");
        let verified = key.verify_strict(message, &Signature::from_bytes(signature));
        verified.expect("the signature holds");
        std::hint::black_box(blake3::hash(entry));
    }
}

/// Entries by themselves, with their signatures, nothing of links.
fn peer(entries: &[Vec<u8>]) -> Contestant {
    let entries: Vec<_> = entries.iter().map(|entry| PeerEntry::from_bytes(entry)).collect();
    Contestant::new(PEER, move || {
        for entry in &entries {
            std::hint::black_box(decode_entry(entry).expect("the signature holds"));
        }
    })
}
