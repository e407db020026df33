//! Entries: what is accepted is encoded to the same bytes, and could have been forged by us.

use pandan_bamboo::{Claims, Entry, Hash, NextArgs, varu64};
use pandan_identity::KeyPair;

/// Decodes an entry and looks at it from all sides.
pub fn check(bytes: &[u8]) {
    let Ok(entry) = Entry::decode(bytes) else { return };
    let claims = *entry.claims();
    assert_eq!(encode(&claims), bytes, "one encoding");
    check_forged(&claims);
    let Ok(authentic) = entry.authenticate() else { return };
    let header = authentic.header();
    assert_eq!(header.public_key().as_bytes(), claims.public_key_bytes());
    assert_eq!(*header.hash().as_hash(), Hash::of(bytes));
    assert_eq!(authentic.to_encoded().as_bytes(), bytes);
}

/// The encoding as the format has it, field by field.
fn encode(claims: &Claims) -> Vec<u8> {
    let mut bytes = vec![u8::from(claims.is_end_of_log())];
    bytes.extend_from_slice(claims.public_key_bytes());
    bytes.extend_from_slice(varu64::encode(claims.log_id().number()).as_bytes());
    bytes.extend_from_slice(varu64::encode(claims.seq_num().number()).as_bytes());
    for link in [claims.links().skiplink(), claims.links().backlink()].into_iter().flatten() {
        bytes.extend_from_slice(&link.encode());
    }
    bytes.extend_from_slice(varu64::encode(claims.payload_size()).as_bytes());
    bytes.extend_from_slice(&claims.payload_hash().encode());
    bytes.extend_from_slice(claims.signature().as_bytes());
    bytes
}

/// Writes an entry at the same place: what is readable is also writable.
fn check_forged(claims: &Claims) {
    let key_pair = KeyPair::from_seed(&[7; 32]);
    let args = NextArgs::new(claims.log_id(), claims.seq_num(), claims.links())
        .expect("a decoded entry carries the links of its place");
    let forged = args.forge(&key_pair, b"payload");
    let entry = Entry::decode(forged.as_bytes()).expect("what is forged is well formed");
    assert_eq!(entry.claims().log_id(), claims.log_id());
    assert_eq!(entry.claims().seq_num(), claims.seq_num());
    assert_eq!(entry.claims().links(), claims.links());
    let authentic = entry.authenticate().expect("what is forged is signed");
    assert_eq!(authentic.header(), forged.header());
}
