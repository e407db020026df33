//! Private keys as PKCS#8 in PEM armour (RFC 5958, RFC 8410).

use std::string::String;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, Error, KeypairBytes, spki};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::KeyPair;

const FIRST_LINE: &str = "-----BEGIN PRIVATE KEY-----";
const FIRST_LINE_ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const FIRST_LINE_OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

impl KeyPair {
    /// The private key as PKCS#8 in PEM armour, which other tools read as well; the text wipes
    /// itself on drop.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        // Without the public key: that is version 1, which every tool reads.
        let mut bytes = KeypairBytes { secret_key: *self.seed(), public_key: None };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF).expect("a seed always has a PKCS#8 form");
        bytes.secret_key.zeroize();
        pem
    }

    /// Reads a private key from PKCS#8 in PEM armour.
    ///
    /// A public key beside the private one must be the right one.
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        check_first_line(text)?;
        let mut bytes = KeypairBytes::from_pkcs8_pem(text).map_err(PemError::of)?;
        let signing_key = SigningKey::try_from(&bytes);
        let seed = Zeroizing::new(bytes.secret_key);
        bytes.secret_key.zeroize();
        match signing_key {
            Ok(_) => Ok(Self::from_seed(&seed)),
            Err(_) => Err(PemError::PublicKey),
        }
    }
}

fn check_first_line(text: &str) -> Result<(), PemError> {
    match text.lines().next().unwrap_or_default().trim_ascii_end() {
        FIRST_LINE => Ok(()),
        FIRST_LINE_ENCRYPTED => Err(PemError::Encrypted),
        FIRST_LINE_OPENSSH => Err(PemError::OpenSsh),
        _ => Err(PemError::Label),
    }
}

/// Text that is not an Ed25519 private key in PEM armour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PemError {
    /// The first line announces something else.
    #[error("expected the first line `-----BEGIN PRIVATE KEY-----`, found another one")]
    Label,
    /// The key is encrypted.
    #[error("the key is encrypted; decrypt it first, for instance with `openssl pkey`")]
    Encrypted,
    /// The key is in the format of OpenSSH.
    #[error("the key is in the format of OpenSSH; expected PKCS#8")]
    OpenSsh,
    /// The armour, its Base64 or the DER inside is damaged.
    #[error("the text is damaged: expected PKCS#8 in Base64 between two lines of armour")]
    Encoding,
    /// The key is not one for Ed25519.
    #[error("expected an Ed25519 key, found one of another algorithm")]
    Algorithm,
    /// The public key beside the private one is another one.
    #[error("the public key in the text does not belong to the private key")]
    PublicKey,
}

impl PemError {
    fn of(error: Error) -> Self {
        match error {
            Error::PublicKey(spki::Error::OidUnknown { .. }) | Error::ParametersMalformed => {
                Self::Algorithm
            }
            _ => Self::Encoding,
        }
    }
}
