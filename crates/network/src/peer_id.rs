//! Who a node is: its public key, in the text form that libp2p uses.

use std::fmt;
use std::str::FromStr;

use pandan_identity::{PublicKey, PublicKeyError};
use thiserror::Error;

/// What precedes the key in a libp2p peer id: identity multihash (0x00) of 36 bytes, which are a
/// protobuf message with key type Ed25519 (field 1 = 1) and 32 bytes of key (field 2).
const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// Where the multihash ends and the protobuf message, as certificates carry it, begins.
const PROTOBUF_START: usize = 2;

const LENGTH: usize = PREFIX.len() + 32;

/// The longest base58 text of 38 bytes.
const TEXT_LENGTH_MAX: usize = 52;

/// The public key of a node. It authenticates connections and never signs data.
///
/// As text it is a libp2p peer id of an Ed25519 key, `12D3Koo…`.
///
/// ```
/// use pandan_identity::KeyPair;
/// use pandan_network::PeerId;
///
/// let peer = PeerId::from(KeyPair::from_seed(&[7; 32]).public_key());
/// assert!(peer.to_string().starts_with("12D3Koo"));
/// assert_eq!(peer.to_string().parse(), Ok(peer));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(PublicKey);

impl PeerId {
    /// Checks the bytes of a libp2p peer id.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PeerIdError> {
        let length = PeerIdError::Length { expected: LENGTH, found: bytes.len() };
        let bytes: &[u8; LENGTH] = bytes.try_into().map_err(|_| length)?;
        let Some((prefix, key)) = bytes.split_first_chunk::<{ PREFIX.len() }>() else {
            return Err(length);
        };
        if *prefix != PREFIX {
            return Err(PeerIdError::NotEd25519 { found: *prefix });
        }
        let key = key.try_into().map_err(|_| length)?;
        Ok(Self(PublicKey::from_bytes(key)?))
    }

    /// The bytes of the libp2p peer id.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..PREFIX.len()].copy_from_slice(&PREFIX);
        bytes[PREFIX.len()..].copy_from_slice(self.0.as_bytes());
        bytes
    }

    /// The public key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.0
    }

    /// The key as libp2p writes it into certificates.
    pub(crate) fn from_protobuf(key: &[u8]) -> Result<Self, PeerIdError> {
        let mut bytes = PREFIX[..PROTOBUF_START].to_vec();
        bytes.extend_from_slice(key);
        Self::from_bytes(&bytes)
    }

    pub(crate) fn to_protobuf(self) -> Vec<u8> {
        self.to_bytes()[PROTOBUF_START..].to_vec()
    }
}

impl From<PublicKey> for PeerId {
    fn from(key: PublicKey) -> Self {
        Self(key)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.to_bytes()).into_string())
    }
}

/// The last eight characters: the first ones are the same for every node.
impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_string();
        write!(f, "PeerId(…{})", &text[text.len().saturating_sub(8)..])
    }
}

impl FromStr for PeerId {
    type Err = PeerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Decoding takes quadratic time, so the length comes first.
        if text.len() > TEXT_LENGTH_MAX {
            return Err(PeerIdError::TextLength { limit: TEXT_LENGTH_MAX, found: text.len() });
        }
        let mut bytes = [0; LENGTH];
        let length = bs58::decode(text).onto(&mut bytes).map_err(|_| PeerIdError::NotBase58)?;
        Self::from_bytes(&bytes[..length])
    }
}

/// Bytes or text that are not the peer id of an Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeerIdError {
    /// The text is longer than any peer id.
    #[error("peer id has {found} characters, at most {limit} are possible")]
    TextLength {
        /// The longest text.
        limit: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// The text is not base58, or too long for a key.
    #[error("peer id is not base58 text of an Ed25519 key")]
    NotBase58,
    /// The bytes are not as many as those of an Ed25519 key.
    #[error("peer id has {found} bytes, expected {expected}")]
    Length {
        /// Bytes of every Ed25519 peer id.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The key is of another kind, or given as a hash only.
    #[error("peer id begins with {found:02x?}, which is not an Ed25519 key")]
    NotEd25519 {
        /// The bytes in front of the key.
        found: [u8; 6],
    },
    /// The key is not acceptable.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyError),
}

#[cfg(test)]
mod tests {
    use pandan_identity::KeyPair;

    use super::*;

    #[test]
    fn text_of_libp2p_is_read_and_written() {
        // The peer id in the specification of libp2p peer ids, and its key.
        let text = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
        let peer: PeerId = text.parse().unwrap();
        assert_eq!(peer.to_string(), text);
        assert_eq!(PeerId::from_bytes(&peer.to_bytes()), Ok(peer));
    }

    #[test]
    fn other_texts_are_refused() {
        let good = PeerId::from(KeyPair::from_seed(&[1; 32]).public_key()).to_string();
        let long = "1".repeat(TEXT_LENGTH_MAX + 1);
        for (text, expected) in [
            ("", PeerIdError::Length { expected: LENGTH, found: 0 }),
            ("0OIl", PeerIdError::NotBase58),
            (long.as_str(), PeerIdError::TextLength { limit: 52, found: 53 }),
            // An RSA key, given by its SHA-256 hash.
            (
                "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
                PeerIdError::Length { expected: LENGTH, found: 34 },
            ),
        ] {
            assert_eq!(text.parse::<PeerId>(), Err(expected), "{text}");
        }
        let mut bytes = good.parse::<PeerId>().unwrap().to_bytes();
        bytes[3] = 2;
        let found = [0x00, 0x24, 0x08, 0x02, 0x12, 0x20];
        assert_eq!(PeerId::from_bytes(&bytes), Err(PeerIdError::NotEd25519 { found }));
    }
}
