//! Keys, hashes, numbers, entries and fork proofs.

use pandan_bamboo::{ForkProof, Hash, LinksShape, NextArgs, limits, varu64 as varu};
use pandan_identity::KeyPair;

use crate::{
    sheet::{Sheet, hex},
    story::{Story, Written, write},
};

pub(crate) fn keys() -> String {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let mut sheet = Sheet::new();
    sheet
        .bytes(key_pair.seed().as_ref(), "seed, to be kept secret")
        .bytes(key_pair.public_key().as_bytes(), "public key")
        .bytes(b"panda", "message: \"panda\"")
        .bytes(key_pair.sign(b"panda").as_bytes(), "signature: R, then s");
    sheet.text()
}

pub(crate) fn hashes() -> String {
    let mut sheet = Sheet::new();
    for message in ["", "panda"] {
        sheet.bytes(Hash::of(message.as_bytes()).encode(), format!("hash of {message:?}"));
    }
    sheet.text()
}

pub(crate) fn varu64() -> String {
    let numbers = [0, 1, 247, 248, 255, 256, 65_535, 65_536, 1 << 32, u64::MAX];
    let mut sheet = Sheet::new();
    for number in numbers {
        let text = hex(varu::encode(number).as_bytes());
        sheet.words(format!("{number:<22}{text}"));
    }
    sheet.text()
}

pub(crate) fn entries(story: &Story) -> String {
    let mut sheet = Sheet::new();
    for (index, written) in story.log.iter().enumerate() {
        let length = written.entry.as_bytes().len();
        sheet.words(format!("entry {}, {length} bytes", index + 1));
        entry(&mut sheet, written);
        sheet.words("").bytes(written.hash().as_hash().encode(), "hash of the entry").words("");
    }
    format!("{}\n", sheet.text().trim_end())
}

fn entry(sheet: &mut Sheet, written: &Written) {
    let header = written.entry.header();
    let rest = written.entry.as_bytes();
    let rest = sheet.take(rest, 1, "tag");
    let rest = sheet.take(rest, 32, "public key");
    let rest = number(sheet, rest, "log id");
    let mut rest = number(sheet, rest, "sequence number");
    let shape = LinksShape::at(header.seq_num());
    if shape == LinksShape::SkiplinkAndBacklink {
        let target = header.seq_num().skiplink().unwrap();
        rest = sheet.take(rest, 34, &format!("lipmaa link: hash of entry {target}"));
    }
    if shape != LinksShape::None {
        let target = header.seq_num().previous().unwrap();
        rest = sheet.take(rest, 34, &format!("backlink: hash of entry {target}"));
    }
    let rest = number(sheet, rest, "payload size");
    let rest = sheet.take(rest, 34, "payload hash");
    assert!(sheet.take(rest, 64, "signature").is_empty());
}

fn number<'b>(sheet: &mut Sheet, bytes: &'b [u8], meaning: &str) -> &'b [u8] {
    let (number, rest) = varu::decode(bytes).unwrap();
    sheet.take(bytes, bytes.len() - rest.len(), &format!("{meaning} {number}"))
}

pub(crate) fn fork_proof(story: &Story) -> String {
    let [create, second, ..] = &story.log;
    let args = NextArgs::after(create.entry.header(), None).unwrap();
    let other = write(&story.ada, args, story.bo.operation.clone());
    let proof = ForkProof::new(&second.entry.as_authentic(), &other.entry.as_authentic()).unwrap();
    let mut buffer = [0; limits::MAX_FORK_PROOF_LENGTH];
    let mut rest = proof.encode(&mut buffer);
    let mut sheet = Sheet::new();
    for entry in proof.entries() {
        let length = entry.as_bytes().len();
        rest = sheet.take(rest, 1, &format!("length {length}"));
        rest =
            sheet.take(rest, length, &format!("entry with hash {:.10}…", entry.hash().to_string()));
    }
    assert!(rest.is_empty());
    sheet.text()
}
