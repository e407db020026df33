//! Entries that must be refused, each for the right reason, and odd ones that Pandan decides on.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{bytes, cases, optional_bytes, text, vectors};
use pandan_bamboo::{
    DecodeEntryError, Entry, EntryField, HashError, Header, Link, LinkError, LinksError,
    PayloadMismatch, SeqNum, SequenceError, SignatureError, check_links,
};
use pandan_identity::PublicKey;
use serde_json::Value;

#[derive(Debug)]
enum Refusal {
    Decode(DecodeEntryError),
    Signature(SignatureError),
    Payload(PayloadMismatch),
    Link(LinkError),
    Sequence(SequenceError),
}

/// Where the reference does not look: tags and length bytes. It refuses the entry further on.
fn is_stricter(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Decode(
            DecodeEntryError::Tag { .. }
                | DecodeEntryError::Hash { source: HashError::DigestLength { .. }, .. }
        )
    )
}

/// The words of the vectors for a refusal of ours.
fn words(refusal: &Refusal) -> &'static [&'static str] {
    use DecodeEntryError::{Hash, Links, Number, SeqNumZero, TrailingBytes, Truncated};
    match refusal {
        Refusal::Decode(error) => match error {
            Truncated { field, .. } | Number { field, .. } => field_words(*field),
            Hash { field, .. } => field_words(*field),
            SeqNumZero { .. } => &["seq-num-zero"],
            // The reference takes more bytes for a part of the signed message.
            TrailingBytes { .. } => &["signature", "panic"],
            Links(LinksError::Equal { .. }) => &["links-equal"],
            _ => &[],
        },
        Refusal::Signature(SignatureError::PublicKey(_)) => &["public-key", "signature"],
        Refusal::Signature(_) => &["signature", "panic"],
        Refusal::Payload(PayloadMismatch::Hash { .. }) => &["payload-hash-mismatch"],
        Refusal::Payload(_) => &["payload-size-mismatch"],
        Refusal::Link(error) => match error {
            LinkError::OtherHash { link: Link::Backlink, .. } => &["backlink-mismatch"],
            LinkError::OtherHash { link: Link::Skiplink, .. } => &["lipmaa-mismatch"],
            LinkError::OtherLog { link: Link::Backlink, .. } => &["backlink-other-log"],
            LinkError::OtherLog { link: Link::Skiplink, .. } => &["lipmaa-other-log"],
            LinkError::OtherAuthor { link: Link::Backlink, .. } => &["backlink-other-author"],
            LinkError::OtherAuthor { link: Link::Skiplink, .. } => &["lipmaa-other-author"],
            _ => &[],
        },
        Refusal::Sequence(SequenceError::NotNext { .. }) => &["not-next-seq-num"],
        Refusal::Sequence(SequenceError::LogFull) => &["max-seq-num"],
        Refusal::Sequence(_) => &[],
    }
}

fn field_words(field: EntryField) -> &'static [&'static str] {
    match field {
        EntryField::Tag => &["empty"],
        EntryField::PublicKey => &["public-key"],
        EntryField::LogId => &["log-id-varint"],
        EntryField::SeqNum => &["seq-num-varint"],
        EntryField::Skiplink => &["lipmaa-hash-varint", "lipmaa-hash"],
        EntryField::Backlink => &["backlink-hash-varint", "backlink-hash"],
        EntryField::PayloadSize => &["payload-size-varint"],
        EntryField::PayloadHash => &["payload-hash-varint", "payload-hash"],
        EntryField::Signature => &["signature-length"],
    }
}

/// All checks for which the case gives what they need, in the order of the stages.
fn check(case: &Value) -> Result<Header, Refusal> {
    let encoded = bytes(case, "entry");
    let entry = Entry::decode(&encoded).map_err(Refusal::Decode)?;
    let authentic = entry.authenticate().map_err(Refusal::Signature)?;
    let header = *authentic.header();
    if let Some(payload) = optional_bytes(case, "operation") {
        let bound = authentic.bind(&payload).map_err(Refusal::Payload)?;
        assert_eq!(bound.payload(), payload);
    }
    let target = |key| {
        let bytes = optional_bytes(case, key)?;
        Some(*Entry::decode(&bytes).unwrap().authenticate().unwrap().header())
    };
    if case.get("skiplink_entry").is_some() || case.get("backlink_entry").is_some() {
        let (backlink, skiplink) = (target("backlink_entry"), target("skiplink_entry"));
        check_links(&header, backlink.as_ref(), skiplink.as_ref()).map_err(Refusal::Link)?;
    }
    if let Some(latest) = case.get("latest_seq_num") {
        let latest = latest.as_str().map(|text| text.parse::<SeqNum>().unwrap());
        header.seq_num().check_follows(latest).map_err(Refusal::Sequence)?;
    }
    Ok(header)
}

#[test]
fn ba1_invalid_entries_are_refused_for_the_right_reason() {
    for case in cases(&vectors("entries_invalid.json"), "entries") {
        let (what, word) = (text(case, "what"), text(case, "error"));
        let refusal = check(case).expect_err(what);
        // We look at the key only when the entry is well formed.
        let is_late_key = word == "public-key"
            && bytes(case, "entry")
                .get(1..33)
                .is_some_and(|key| PublicKey::from_bytes(key.try_into().unwrap()).is_err());
        let is_right = words(&refusal).contains(&word) || is_stricter(&refusal) || is_late_key;
        assert!(is_right, "{what}: expected {word}, found {refusal:?}");
    }
}

#[test]
fn ba1_odd_entries_are_decided_upon() {
    for case in cases(&vectors("entries_odd.json"), "entries") {
        let (what, decided) = (text(case, "what"), text(case, "decided"));
        let found = check(case);
        let verdict = match &found {
            Ok(_) => "accept",
            Err(Refusal::Link(LinkError::Missing { .. })) => "wait",
            Err(_) => "refuse",
        };
        assert_eq!(verdict, decided, "{what}: {found:?}");
        if let Ok(header) = found {
            assert_eq!(header.hash().to_string(), text(case, "hash"), "{what}");
        }
    }
}

#[test]
fn ba1_odd_entries_are_refused_for_what_is_odd() {
    for case in cases(&vectors("entries_odd.json"), "entries") {
        let Err(refusal) = check(case) else { continue };
        let is_right = match text(case, "reason") {
            "tag" => matches!(refusal, Refusal::Decode(DecodeEntryError::Tag { .. })),
            "after-end-of-log" => {
                matches!(refusal, Refusal::Link(LinkError::AfterEndOfLog { .. }))
            }
            "hash-length-byte" => matches!(
                refusal,
                Refusal::Decode(DecodeEntryError::Hash {
                    source: HashError::DigestLength { .. },
                    ..
                })
            ),
            "small-order-public-key" => {
                matches!(refusal, Refusal::Signature(SignatureError::PublicKey(_)))
            }
            "trailing-bytes-signed" => {
                matches!(refusal, Refusal::Decode(DecodeEntryError::TrailingBytes { .. }))
            }
            "lipmaa-target-not-given" => {
                matches!(refusal, Refusal::Link(LinkError::Missing { link: Link::Skiplink, .. }))
            }
            "damaged-then-signed" => matches!(refusal, Refusal::Decode(_)),
            _ => false,
        };
        assert!(is_right, "{}: {refusal:?}", text(case, "what"));
    }
}

#[test]
fn errors_name_offset_expected_and_found() {
    let log = common::log(1, 0, 4);
    let good = log[3].as_bytes();
    let changed = |offset: usize, byte: u8| {
        let mut bytes = good.to_vec();
        bytes[offset] = byte;
        Entry::decode(&bytes).unwrap_err().to_string()
    };
    let longer = [good, &[0]].concat();
    for (found, expected) in [
        (
            Entry::decode(&[]).unwrap_err().to_string(),
            "expected 1 bytes of tag at offset 0, found 0",
        ),
        (changed(0, 2), "expected tag 0x00 or 0x01 at offset 0, found 0x02"),
        (changed(34, 0), "expected a sequence number of at least 1 at offset 34, found 0"),
        (changed(35, 1), "skiplink at offset 35 is not a hash"),
        (changed(70, 0x21), "backlink at offset 69 is not a hash"),
        (
            Entry::decode(&good[..100]).unwrap_err().to_string(),
            "expected 34 bytes of backlink at offset 69, found 31",
        ),
        (
            Entry::decode(&longer).unwrap_err().to_string(),
            "expected the end of the entry at offset 202, found 1 more bytes",
        ),
    ] {
        assert_eq!(found, expected);
    }
}
