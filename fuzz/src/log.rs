//! Logs from bytes: a length and an entry, again and again.

use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
use pandan_bamboo::{ForkProof, verify_log, verify_path, verify_subset};

/// Verifies bytes as a log, as a part of one, as a path, and as a fork proof.
pub fn check(bytes: &[u8]) {
    let entries = split(bytes);
    let whole = verify_log(&entries);
    let subset = verify_subset(&entries);
    if let Ok(whole) = whole {
        assert_eq!(whole.entries_count(), entries.len());
        assert_eq!(subset, Ok(whole), "a whole log is a part of itself");
    }
    if let Ok(subset) = subset {
        // Every step of a log leads along its backlinks.
        let is_whole = subset.tip().seq_num().number() == entries.len() as u64;
        assert_eq!(whole.is_ok(), is_whole);
        if let Some((first, rest)) = entries.split_first() {
            let trusted = *verify_log([first]).expect("it was verified before").tip();
            let path = verify_path(&trusted, rest);
            assert!(!is_whole || path == whole, "backlinks are a path");
        }
    }
    if let Ok(proof) = ForkProof::decode(bytes) {
        assert_eq!(proof.encode(&mut [0; MAX_FORK_PROOF_LENGTH]), bytes, "one encoding");
        let [first, second] = proof.entries();
        assert_eq!(ForkProof::new(&second.as_authentic(), &first.as_authentic()), Ok(proof));
    }
}

fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut entries = Vec::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let (entry, rest) = rest.split_at(usize::from(length).min(rest.len()));
        entries.push(entry);
        bytes = rest;
    }
    entries
}
