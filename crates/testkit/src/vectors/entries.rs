//! Entries: written and read bit for bit, refused for the right reason, decided upon.

use pandan_bamboo::{
    DecodeEntryError, Entry, EntryField, HashError, Header, Link, LinkError, Links, LinksError,
    NextArgs, PayloadMismatch, SeqNum, SequenceError, SignatureError, check_links, forge,
};
use pandan_identity::{KeyPair, PublicKey};
use serde_json::Value as Json;

use super::case::{Case, same, words};
use super::{Checked, FileReport};

pub(crate) fn check(file: &Json, report: &mut FileReport) {
    report.each(file, "logs", check_log);
    report.each(file, "far", |case| {
        let key_pair = KeyPair::from_seed_hex(case.text("private_key")?).map_err(words)?;
        check_entry(case, &key_pair).map(drop)
    });
}

/// Every entry of a log comes out alike, links to those before, and is what comes next.
fn check_log(case: &Case<'_>) -> Checked {
    let key_pair = KeyPair::from_seed_hex(case.text("private_key")?).map_err(words)?;
    let mut headers: Vec<Header> = Vec::new();
    for entry in case.list("entries")? {
        let header = check_entry(&entry, &key_pair)?;
        let at = |seq_num: SeqNum| headers.iter().find(|header| header.seq_num() == seq_num);
        let skiplink = header.seq_num().skiplink().and_then(at);
        check_links(&header, headers.last(), skiplink).map_err(words)?;
        if let Some(tip) = headers.last() {
            let next = NextArgs::after(tip, skiplink.map(Header::hash)).map_err(words)?;
            same("next sequence number", next.seq_num(), header.seq_num())?;
            same("next links", next.links(), header.links())?;
        }
        headers.push(header);
    }
    Ok(())
}

/// Decodes, authenticates and binds an entry, and writes it again.
fn check_entry(case: &Case<'_>, key_pair: &KeyPair) -> Result<Header, String> {
    let (encoded, payload) = (case.bytes("encoded")?, case.bytes("payload")?);
    let entry = Entry::decode(&encoded).map_err(words)?;
    let bound = entry.authenticate().map_err(words)?.bind(&payload).map_err(words)?;
    let header = *bound.header();
    let (backlink, skiplink) = (case.optional("backlink")?, case.optional("skiplink")?);

    same("hash", header.hash().to_string().as_str(), case.text("hash")?)?;
    same("public key", header.public_key().to_string().as_str(), case.text("public_key")?)?;
    same("log id", header.log_id().number(), case.number("log_id")?)?;
    same("sequence number", header.seq_num().number(), case.number("seq_num")?)?;
    same("skiplink", header.links().skiplink(), skiplink)?;
    same("backlink", header.links().backlink(), backlink)?;
    same("payload size", header.payload_size(), case.number("payload_size")?)?;
    same("payload hash", header.payload_hash().to_string().as_str(), case.text("payload_hash")?)?;
    same("signature", header.signature().to_string().as_str(), case.text("signature")?)?;
    same("end of log", header.is_end_of_log(), case.flag("end_of_log")?)?;

    let links = Links::new(header.seq_num(), backlink, skiplink).map_err(words)?;
    let forged = forge(key_pair, header.log_id(), header.seq_num(), links, &payload);
    same("forged", forged.map_err(words)?.as_bytes(), &encoded)?;
    Ok(header)
}

pub(crate) fn check_invalid(file: &Json, report: &mut FileReport) {
    report.each(file, "entries", |case| {
        let word = case.text("error")?;
        let Err(refusal) = judge(case)? else { return Err(format!("accepted despite {word}")) };
        // The key is looked at only when the entry is well formed.
        let key = case.bytes("entry")?.get(1..33).and_then(|key| key.try_into().ok());
        let is_late_key =
            word == "public-key" && key.is_some_and(|key| PublicKey::from_bytes(&key).is_err());
        if refusal.words().contains(&word) || refusal.is_stricter() || is_late_key {
            Ok(())
        } else {
            Err(format!("expected {word}, found {refusal:?}"))
        }
    });
}

pub(crate) fn check_odd(file: &Json, report: &mut FileReport) {
    report.each(file, "entries", |case| {
        let found = judge(case)?;
        let verdict = match &found {
            Ok(_) => "accept",
            Err(Refusal::Link(LinkError::Missing { .. })) => "wait",
            Err(_) => "refuse",
        };
        same("decided", verdict, case.text("decided")?)
            .map_err(|problem| format!("{problem} ({found:?})"))?;
        match found {
            Ok(header) => same("hash", header.hash().to_string().as_str(), case.text("hash")?),
            Err(refusal) => check_reason(case.text("reason")?, &refusal),
        }
    });
}

#[derive(Debug)]
enum Refusal {
    Decode(DecodeEntryError),
    Signature(SignatureError),
    Payload(PayloadMismatch),
    Link(LinkError),
    Sequence(SequenceError),
}

/// All checks for which the case gives what they need, in the order of the stages.
fn judge(case: &Case<'_>) -> Result<Result<Header, Refusal>, String> {
    let (entry, payload) = (case.bytes("entry")?, case.optional_bytes("operation")?);
    let target = |key| -> Result<Option<Header>, String> {
        let Some(bytes) = case.optional_bytes(key)? else { return Ok(None) };
        let target = Entry::decode(&bytes).map_err(words)?.authenticate().map_err(words)?;
        Ok(Some(*target.header()))
    };
    let links = match case.has("skiplink_entry") || case.has("backlink_entry") {
        true => Some((target("backlink_entry")?, target("skiplink_entry")?)),
        false => None,
    };
    let latest = match case.0.get("latest_seq_num") {
        Some(_) => Some(case.optional::<u64>("latest_seq_num")?.and_then(SeqNum::new)),
        None => None,
    };
    Ok(judge_stages(&entry, payload.as_deref(), links, latest))
}

fn judge_stages(
    entry: &[u8],
    payload: Option<&[u8]>,
    links: Option<(Option<Header>, Option<Header>)>,
    latest: Option<Option<SeqNum>>,
) -> Result<Header, Refusal> {
    let entry = Entry::decode(entry).map_err(Refusal::Decode)?;
    let authentic = entry.authenticate().map_err(Refusal::Signature)?;
    let header = *authentic.header();
    if let Some(payload) = payload {
        let _bound = authentic.bind(payload).map_err(Refusal::Payload)?;
    }
    if let Some((backlink, skiplink)) = links {
        check_links(&header, backlink.as_ref(), skiplink.as_ref()).map_err(Refusal::Link)?;
    }
    if let Some(latest) = latest {
        header.seq_num().check_follows(latest).map_err(Refusal::Sequence)?;
    }
    Ok(header)
}

impl Refusal {
    /// Where the reference does not look: tags and length bytes. It refuses the entry further on.
    fn is_stricter(&self) -> bool {
        matches!(
            self,
            Self::Decode(
                DecodeEntryError::Tag { .. }
                    | DecodeEntryError::Hash { source: HashError::DigestLength { .. }, .. }
            )
        )
    }

    /// The words of the vectors for it.
    fn words(&self) -> &'static [&'static str] {
        use DecodeEntryError::{Hash, Number, SeqNumZero, TrailingBytes, Truncated};
        match self {
            Self::Decode(error) => match error {
                Truncated { field, .. } | Number { field, .. } => field_words(*field),
                Hash { field, .. } => field_words(*field),
                SeqNumZero { .. } => &["seq-num-zero"],
                // The reference takes more bytes for a part of the signed message.
                TrailingBytes { .. } => &["signature", "panic"],
                DecodeEntryError::Links(LinksError::Equal { .. }) => &["links-equal"],
                _ => &[],
            },
            Self::Signature(SignatureError::PublicKey(_)) => &["public-key", "signature"],
            Self::Signature(_) => &["signature", "panic"],
            Self::Payload(PayloadMismatch::Hash { .. }) => &["payload-hash-mismatch"],
            Self::Payload(_) => &["payload-size-mismatch"],
            Self::Link(error) => link_words(error),
            Self::Sequence(SequenceError::NotNext { .. }) => &["not-next-seq-num"],
            Self::Sequence(SequenceError::LogFull) => &["max-seq-num"],
            Self::Sequence(_) => &[],
        }
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

fn link_words(error: &LinkError) -> &'static [&'static str] {
    match error {
        LinkError::OtherHash { link: Link::Backlink, .. } => &["backlink-mismatch"],
        LinkError::OtherHash { link: Link::Skiplink, .. } => &["lipmaa-mismatch"],
        LinkError::OtherLog { link: Link::Backlink, .. } => &["backlink-other-log"],
        LinkError::OtherLog { link: Link::Skiplink, .. } => &["lipmaa-other-log"],
        LinkError::OtherAuthor { link: Link::Backlink, .. } => &["backlink-other-author"],
        LinkError::OtherAuthor { link: Link::Skiplink, .. } => &["lipmaa-other-author"],
        _ => &[],
    }
}

/// An odd entry is refused for what is odd about it.
fn check_reason(reason: &str, refusal: &Refusal) -> Checked {
    use Refusal::{Decode, Link as BadLink, Signature};
    let is_right = match reason {
        "tag" => matches!(refusal, Decode(DecodeEntryError::Tag { .. })),
        "after-end-of-log" => matches!(refusal, BadLink(LinkError::AfterEndOfLog { .. })),
        "hash-length-byte" => matches!(
            refusal,
            Decode(DecodeEntryError::Hash { source: HashError::DigestLength { .. }, .. })
        ),
        "small-order-public-key" => matches!(refusal, Signature(SignatureError::PublicKey(_))),
        "trailing-bytes-signed" => {
            matches!(refusal, Decode(DecodeEntryError::TrailingBytes { .. }))
        }
        "lipmaa-target-not-given" => {
            matches!(refusal, BadLink(LinkError::Missing { link: Link::Skiplink, .. }))
        }
        "damaged-then-signed" => matches!(refusal, Decode(_)),
        _ => false,
    };
    if is_right { Ok(()) } else { Err(format!("{reason} was refused for {refusal:?}")) }
}
