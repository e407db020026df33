//! One entry with both links and an operation of five fields.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use p2panda_rs::entry::EncodedEntry as PeerEntry;
use p2panda_rs::entry::decode::decode_entry;
use p2panda_rs::entry::encode::sign_and_encode_entry;
use p2panda_rs::entry::validate::validate_payload;
use p2panda_rs::operation::EncodedOperation;
use pandan_bamboo::Entry;

use crate::cases::{BARE, PANDAN, PEER};
use crate::{Contestant, Group, Limit, fixtures, peer};

pub(crate) fn groups() -> Vec<Group> {
    vec![sign(), verify()]
}

fn limits() -> Vec<Limit> {
    vec![Limit::AtMostTimes(1.10, BARE), Limit::FasterBy(1.0, PEER)]
}

fn sign() -> Group {
    let (args, key_pair, payload) = fixture();
    let ours = {
        let payload = payload.clone();
        Contestant::new(PANDAN, move || args.forge(&key_pair, &payload))
    };
    let bare = {
        let key = SigningKey::from_bytes(&fixtures::SEED);
        let (entry, payload) = (entry_bytes(), payload.clone());
        Contestant::new(BARE, move || {
            let (message, _) = entry.split_at(entry.len() - Signature::BYTE_SIZE);
            (blake3::hash(&payload), key.sign(message), blake3::hash(&entry))
        })
    };
    let peer = {
        let (log_id, seq_num, skiplink, backlink) = peer::next_args();
        let (key_pair, payload) = (peer::key_pair(), EncodedOperation::from_bytes(&payload));
        let (skiplink, backlink) = (Some(skiplink), Some(backlink));
        let sign = move || {
            let (skiplink, backlink) = (skiplink.as_ref(), backlink.as_ref());
            sign_and_encode_entry(&log_id, &seq_num, skiplink, backlink, &payload, &key_pair)
                .expect("the arguments are good ones")
        };
        assert_eq!(sign().to_string(), hex(&entry_bytes()), "both write the same entry");
        Contestant::new(PEER, sign)
    };
    Group { name: "entry: sign and encode", contestants: vec![ours, bare, peer], limits: limits() }
}

/// A place in the digest of the skiplink: with another byte, an entry is as well formed as before.
const FORGED_AT: usize = 50;

fn verify() -> Group {
    let (_, _, payload) = fixture();
    let entry = entry_bytes();
    let ours = {
        let (entry, payload) = (entry.clone(), payload.clone());
        Contestant::new(PANDAN, move || {
            let entry = Entry::decode(&entry).expect("the entry is well formed");
            let entry = entry.authenticate().expect("the signature holds");
            let entry = entry.bind(&payload).expect("the payload is the right one");
            *entry.header()
        })
    };
    let bare = {
        let (entry, payload) = (entry.clone(), payload.clone());
        Contestant::new(BARE, move || {
            let (message, signature) = entry.split_last_chunk().expect("it is long enough");
            let key = entry[1..].first_chunk().expect("it is long enough");
            let key = VerifyingKey::from_bytes(key).expect("the key is a good one");
            let verified = key.verify_strict(message, &Signature::from_bytes(signature));
            verified.expect("the signature holds");
            (blake3::hash(&payload), blake3::hash(&entry))
        })
    };
    let peer = {
        let payload = EncodedOperation::from_bytes(&payload);
        // Decoding checks the signature; were it not so, this would not be a comparison.
        let mut forged = entry.clone();
        forged[FORGED_AT] ^= 1;
        assert!(decode_entry(&PeerEntry::from_bytes(&forged)).is_err(), "it is forged");
        let entry = PeerEntry::from_bytes(&entry);
        Contestant::new(PEER, move || {
            let decoded = decode_entry(&entry).expect("the entry is well formed");
            validate_payload(&decoded, &payload).expect("the payload is the right one");
            decoded
        })
    };
    Group {
        name: "entry: decode and verify, with payload",
        contestants: vec![ours, bare, peer],
        limits: limits(),
    }
}

fn fixture() -> (pandan_bamboo::NextArgs, pandan_identity::KeyPair, Vec<u8>) {
    (fixtures::next_args(), fixtures::key_pair(), fixtures::create().encode())
}

fn entry_bytes() -> Vec<u8> {
    let (args, key_pair, payload) = fixture();
    args.forge(&key_pair, &payload).as_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
