//! Hashes, numbers and lipmaa links.

use pandan_bamboo::varu64::{self, VarU64Error};
use pandan_bamboo::{Hash, HashError, SeqNum, lipmaa};
use serde_json::Value as Json;

use super::case::{Case, same, words};
use super::{Checked, FileReport};

pub(crate) fn check_hashes(file: &Json, report: &mut FileReport) {
    report.each(file, "hashes", |case| {
        let hash = Hash::of(&case.bytes("input")?);
        same("text", hash.to_string().as_str(), case.text("hash")?)?;
        same("bytes", hash.encode().to_vec(), case.bytes("hash")?)?;
        same("decoded", Hash::decode(&hash.encode()), Ok(hash))
    });
    report.each(file, "texts", check_hash_text);
}

/// Stricter than the reference in one point: the length byte must be 0x20.
fn check_hash_text(case: &Case<'_>) -> Checked {
    let (text, valid) = (case.text("text")?, case.flag("valid")?);
    match text.parse::<Hash>() {
        Ok(hash) => {
            same("accepted", true, valid)?;
            let canonical = case.text("bytes")?;
            same("text", hash.to_string().as_str(), canonical)?;
            same("canonical", Hash::parse_canonical(text).is_ok(), text == canonical)
        }
        Err(HashError::DigestLength { .. }) => Ok(()),
        Err(_) => same("accepted", false, valid),
    }
}

pub(crate) fn check_varu64(file: &Json, report: &mut FileReport) {
    report.each(file, "valid", |case| {
        let (number, encoded) = (case.number("number")?, case.bytes("encoded")?);
        same("encoded", varu64::encode(number).as_bytes(), &encoded)?;
        same("length", varu64::encoded_length(number), encoded.len())?;
        same("decoded", varu64::decode(&encoded), Ok((number, &[][..])))
    });
    report.each(file, "with_tail", |case| {
        let (input, rest) = (case.bytes("input")?, case.bytes("rest")?);
        same("decoded", varu64::decode(&input), Ok((case.number("number")?, &rest[..])))
    });
    report.each(file, "invalid", |case| {
        let word = match varu64::decode(&case.bytes("input")?) {
            Ok(_) => "accepted",
            Err(VarU64Error::Truncated { .. }) => "end-of-input",
            Err(VarU64Error::NotShortest { .. }) => "non-canonical",
            Err(_) => "another error",
        };
        same("refused for", word, case.text("error")?)
    });
}

pub(crate) fn check_lipmaa(file: &Json, report: &mut FileReport) {
    report.each(file, "numbers", |case| {
        let number = case.number("seq_num")?;
        same("link", lipmaa(number), case.number("lipmaa")?)?;
        let seq_num = SeqNum::new(number).ok_or("expected a sequence number")?;
        same("carried", seq_num.skiplink().is_some(), case.flag("skiplink_required")?)
    });
    report.each(file, "paths", |case| {
        let mut at = case.number("from")?;
        for step in case.list("path")? {
            at = lipmaa(at);
            same("step", at, step.as_text()?.parse().map_err(words)?)?;
        }
        Ok(())
    });
}
