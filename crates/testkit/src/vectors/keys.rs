//! Key pairs, public keys and signatures.

use pandan_identity::{KeyPair, PublicKey, PublicKeyError, Signature, SignatureError};
use serde_json::Value as Json;

use super::case::{Case, same, words};
use super::{Checked, FileReport};

pub(crate) fn check(file: &Json, report: &mut FileReport) {
    report.each(file, "pairs", check_pair);
    report.each(file, "verify", check_signature);
    report.each(file, "public_keys", check_public_key);
    report.each(file, "private_keys", check_private_key);
}

fn check_pair(case: &Case<'_>) -> Checked {
    let key_pair = KeyPair::from_seed_hex(case.text("private_key")?).map_err(words)?;
    let public_key = key_pair.public_key();
    same("public key", public_key.to_string().as_str(), case.text("public_key")?)?;
    for signed in case.list("signatures")? {
        let message = signed.bytes("message")?;
        let signature = key_pair.sign(&message);
        same("signature", signature.to_string().as_str(), signed.text("signature")?)?;
        public_key.verify(&message, &signature).map_err(words)?;
    }
    Ok(())
}

/// All ways to verify must give the answer that was decided.
fn check_signature(case: &Case<'_>) -> Checked {
    let decided = case.flag("decided")?;
    let message = case.bytes("message")?;
    let key = case.bytes("public_key")?;
    let key: [u8; 32] = key.as_slice().try_into().map_err(words)?;
    let Ok(signature) = <[u8; 64]>::try_from(case.bytes("signature")?) else {
        return same("a signature of another length is valid", false, decided);
    };
    let signature = Signature::from_bytes(signature);
    let at_once = PublicKey::from_signer(&key, &message, &signature).map(drop);
    let in_steps = PublicKey::from_bytes(&key)
        .map_err(SignatureError::from)
        .and_then(|key| key.verify(&message, &signature));
    let stored = PublicKey::from_stored_bytes(key).verify(&message, &signature);
    same("verified in steps and at once", in_steps, at_once)?;
    same("verified for a stored key", stored, at_once)?;
    same("valid", at_once.is_ok(), decided)
}

/// Keys of small order and second encodings are refused by name.
fn check_public_key(case: &Case<'_>) -> Checked {
    let parsed = case.text("text")?.parse::<PublicKey>();
    if !case.flag("valid")? {
        return same("accepted", parsed.is_ok(), false);
    }
    match parsed {
        Ok(key) => same("text", key.to_string().as_str(), case.text("canonical")?),
        Err(PublicKeyError::SmallOrder | PublicKeyError::NotCanonical) => Ok(()),
        Err(error) => Err(format!("refused: {error:?}")),
    }
}

fn check_private_key(case: &Case<'_>) -> Checked {
    let key_pair = KeyPair::from_seed_hex(case.text("text")?);
    same("accepted", key_pair.is_ok(), case.flag("valid")?)?;
    match key_pair {
        Ok(key_pair) => {
            let public_key = key_pair.public_key().to_string();
            same("public key", public_key.as_str(), case.text("public_key")?)
        }
        Err(_) => Ok(()),
    }
}
