//! Private networks: a key that all of its nodes share.
//!
//! Who lacks the key does not get past the handshake of TLS: nodes of a private network offer one
//! ALPN name only, `pandan-psk/` and sixteen hex digits that are derived from the key. That name is
//! no secret: it travels in packets that anybody on the path can read. So right after the handshake
//! both sides prove that they have the key itself, with a MAC over the secret that this one TLS
//! connection exports, and answer nothing before. The proof is worth nothing on any other
//! connection, so it can be neither repeated nor passed on by somebody in the middle, and each side
//! makes a different one, so none can be sent back.
//!
//! What it protects against: nodes without the key can neither read nor send anything, nor find out
//! whether a node is of a network whose key they do not have, other than by its ALPN name. A
//! stranger costs one handshake at most, which the limits on handshakes bound.
//!
//! What it does not: somebody on the path sees that two addresses belong to the same private
//! network; a node that is dialled and accepts any ALPN name learns the dialler's public key; and a
//! member who leaves keeps the key. Traffic is not encrypted with this key, but with those of TLS,
//! so a key that leaks later does not open what was recorded before.
//!
//! The key is 32 bytes of randomness and never a password: the ALPN name would let anybody try out
//! passwords without asking a node.

use std::fmt;
use std::str::FromStr;

use pandan_identity::{HexError, hex};

/// Hex digits of the name: enough that two networks do not meet by chance.
const ID_DIGITS: usize = 16;

/// The secret of a private network. `Debug` does not show it.
#[derive(Clone)]
pub struct NetworkKey {
    mac: [u8; 32],
    alpn: Vec<u8>,
}

impl NetworkKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub fn from_bytes(key: &[u8; 32]) -> Self {
        let id = blake3::derive_key("pandan-network 2026 private network: name in ALPN", key);
        let id = blake3::Hash::from_bytes(id).to_hex();
        let alpn = [b"pandan-psk/", &id.as_bytes()[..ID_DIGITS]].concat();
        let mac = blake3::derive_key("pandan-network 2026 private network: proof of the key", key);
        Self { mac, alpn }
    }

    pub(crate) fn alpn(&self) -> &[u8] {
        &self.alpn
    }

    /// The proof of one side of a connection, given the secret that the connection exports.
    pub(crate) fn proof(&self, exported: &[u8; 32], of_dialler: bool) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&self.mac);
        mac.update(if of_dialler { b"dialler" } else { b"listener" });
        mac.update(exported);
        mac.finalize()
    }
}

/// 64 hex digits.
impl FromStr for NetworkKey {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::from_bytes(&hex::decode::<32>(text)?))
    }
}

impl fmt::Debug for NetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkKey").finish_non_exhaustive()
    }
}

impl Drop for NetworkKey {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.mac);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pandan_identity::KeyPair;
    use quinn::{ConnectionError, Endpoint};

    use super::*;
    use crate::{
        CloseCode, Config, DialError, Disconnect, Network,
        tls::{Identity, Verdict},
        transport,
        wire::multistream,
    };

    #[test]
    fn names_and_proofs_depend_on_the_key() {
        let [one, other] = [1, 2].map(|byte| NetworkKey::from_bytes(&[byte; 32]));
        assert_eq!(one.alpn().len(), "pandan-psk/".len() + ID_DIGITS);
        assert_ne!(one.alpn(), other.alpn());
        let secret = [9; 32];
        assert_ne!(one.proof(&secret, true), other.proof(&secret, true));
        assert_ne!(one.proof(&secret, true), one.proof(&secret, false));
        assert_ne!(one.proof(&secret, true), one.proof(&[8; 32], true));
    }

    /// The ALPN name is no secret; whoever has read it on the way still lacks the key.
    #[tokio::test]
    async fn the_name_alone_opens_nothing() {
        let key = NetworkKey::from_bytes(&[1; 32]);
        let forged = NetworkKey { mac: [0; 32], alpn: key.alpn.clone() };
        for (ours, theirs) in [(&key, &forged), (&forged, &key)] {
            let [listener, dialler] = [(1, ours), (2, theirs)].map(|(seed, key)| member(seed, key));
            let address = listener.handle().local_address().unwrap();
            let error = dialler.handle().dial(address, None).await.unwrap_err();
            let wrong = Disconnect::ClosedByPeer(CloseCode::WrongNetwork);
            assert!(matches!(error, DialError::Closed(reason) if reason == wrong), "{error:?}");
            assert!(listener.handle().connections().is_empty());
        }
    }

    fn member(seed: u8, key: &NetworkKey) -> Network {
        let mut config = Config::new(([127, 0, 0, 1], 0).into());
        config.network_key = Some(key.clone());
        Network::bind(config, &KeyPair::from_seed(&[seed; 32])).unwrap()
    }

    /// Somebody between two members knows the name, has the proof of one, and shows it to the other.
    #[tokio::test]
    async fn proofs_cannot_be_passed_on() {
        let key = NetworkKey::from_bytes(&[1; 32]);
        let [listener, dialler] = [1, 2].map(|seed| member(seed, &key));
        let settings = transport::connection(&Config::new(([127, 0, 0, 1], 0).into())).unwrap();
        let between = KeyPair::from_seed(&[3; 32]);
        let identity = Identity::new(&between, vec![key.alpn.clone()], settings).unwrap();
        let server = identity.server(Arc::new(|_| Ok(())), Verdict::default()).unwrap();
        let endpoint = Endpoint::server(server, ([127, 0, 0, 1], 0).into()).unwrap();
        let trap = endpoint.local_addr().unwrap();
        let handle = dialler.handle();
        let dialling = tokio::spawn(async move { handle.dial(trap, None).await });

        let caught = endpoint.accept().await.unwrap().await.unwrap();
        let (_send, mut receive) = caught.accept_bi().await.unwrap();
        let mut hello = multistream::opening("/pandan/hello/1");
        hello.resize(hello.len() + 48, 0);
        receive.read_exact(&mut hello).await.unwrap();
        assert_ne!(hello[hello.len() - 48..][..32], [0; 32], "it is a proof");

        let client = identity.client(Arc::new(|_| Ok(())), Verdict::default()).unwrap();
        let address = listener.handle().local_address().unwrap();
        let quic = endpoint.connect_with(client, address, "l").unwrap().await.unwrap();
        let (mut send, _receive) = quic.open_bi().await.unwrap();
        send.write_all(&hello).await.unwrap();
        let end = quic.closed().await;
        let ConnectionError::ApplicationClosed(close) = end else { panic!("{end:?}") };
        assert_eq!(close.error_code, CloseCode::WrongNetwork.to_varint());
        caught.close(CloseCode::Done.to_varint(), &[]);
        assert!(dialling.await.unwrap().is_err());
        for network in [listener, dialler] {
            assert!(network.handle().connections().is_empty());
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", NetworkKey::from_bytes(&[1; 32])), "NetworkKey { .. }");
    }
}
