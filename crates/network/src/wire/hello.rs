//! The hello with which two Pandan nodes begin: proof of the network key, and agreement on one
//! connection.
//!
//! It is the first stream of the dialler, with multistream-select as on every stream, and the
//! dialler does not wait for the choice:
//!
//! 1. dialler: opening of `/pandan/hello/1`, then 48 bytes
//! 2. listener: its answer to the opening, then 48 bytes
//! 3. leader: one byte, `1`: this connection stays
//!
//! ```text
//! proof     32 bytes   MAC of the network key; zero in open networks
//! instance  16 bytes   random, drawn when a node starts
//! ```
//!
//! The leader is the node with the smaller peer id, whoever dialled. When both dial at once it keeps
//! the connection of which it hears first and closes the other. The follower uses none before it is
//! told; so both mean the same one, and nobody has seen the other. The instance tells a node that
//! was started anew: what the leader had with the one before is gone, whatever QUIC still believes.

use std::io;

use quinn::{Connection, ReadExactError, RecvStream, SendStream};
use thiserror::Error;

use super::multistream::{self, NegotiationError};
use crate::{Direction, NetworkKey};

const NAME: &str = "/pandan/hello/1";
const PROOF_LENGTH: usize = 32;
const INSTANCE_LENGTH: usize = 16;
const STAYS: u8 = 1;

/// Drawn when a node starts.
pub(crate) type Instance = [u8; INSTANCE_LENGTH];

/// What a node says in every hello.
#[derive(Clone, Debug)]
pub(crate) struct Greeter {
    pub(crate) instance: Instance,
    pub(crate) network_key: Option<NetworkKey>,
}

/// A connection on which both have greeted and nothing is decided.
#[derive(Debug)]
pub(crate) struct Greeted {
    /// The instance of the peer.
    pub(crate) instance: Instance,
    send: SendStream,
    receive: RecvStream,
}

impl Greeter {
    /// Says hello and hears it.
    pub(crate) async fn greet(
        &self,
        connection: &Connection,
        direction: Direction,
    ) -> Result<Greeted, HelloError> {
        match direction {
            Direction::Outgoing => self.begin(connection).await,
            Direction::Incoming => self.answer(connection).await,
        }
    }

    async fn begin(&self, connection: &Connection) -> Result<Greeted, HelloError> {
        let (mut send, mut receive) = connection.open_bi().await?;
        let proofs = self.proofs(connection)?;
        let opening = [multistream::opening(NAME), self.message(proofs.dialler)].concat();
        send.write_all(&opening).await.map_err(io::Error::from)?;
        multistream::confirm(NAME, &mut receive).await?;
        let instance = read_message(&mut receive, proofs.listener).await?;
        Ok(Greeted { instance, send, receive })
    }

    async fn answer(&self, connection: &Connection) -> Result<Greeted, HelloError> {
        let (mut send, mut receive) = connection.accept_bi().await?;
        let proofs = self.proofs(connection)?;
        let is_hello = |name: &str| (name == NAME).then_some(());
        // The answer to the opening gives nothing away: that this is a Pandan node is in the ALPN.
        multistream::answer(is_hello, &mut send, &mut receive).await?;
        let instance = read_message(&mut receive, proofs.dialler).await?;
        send.write_all(&self.message(proofs.listener)).await.map_err(io::Error::from)?;
        Ok(Greeted { instance, send, receive })
    }

    fn message(&self, proof: Proof) -> Vec<u8> {
        let proof = proof.map_or([0; PROOF_LENGTH], |hash| *hash.as_bytes());
        [&proof[..], &self.instance].concat()
    }

    fn proofs(&self, connection: &Connection) -> Result<Proofs, HelloError> {
        let Some(key) = &self.network_key else { return Ok(Proofs::default()) };
        let mut exported = zeroize::Zeroizing::new([0; 32]);
        connection
            .export_keying_material(exported.as_mut(), b"EXPORTER-pandan-psk", b"")
            .map_err(|_| HelloError::NoKeyingMaterial)?;
        let [dialler, listener] = [true, false].map(|side| Some(key.proof(&exported, side)));
        Ok(Proofs { dialler, listener })
    }
}

impl Greeted {
    /// The leader says that this connection stays.
    pub(crate) async fn confirm(mut self) -> Result<(), HelloError> {
        self.send.write_all(&[STAYS]).await.map_err(io::Error::from)?;
        // An error says that the connection is lost, which shows soon enough.
        let _ = self.send.finish();
        Ok(())
    }

    /// The follower waits for that.
    pub(crate) async fn confirmed(mut self) -> Result<(), HelloError> {
        let mut decision = [0];
        self.receive.read_exact(&mut decision).await?;
        let _ = self.send.finish();
        match decision {
            [STAYS] => Ok(()),
            [found] => Err(HelloError::Decision { expected: STAYS, found }),
        }
    }
}

/// `blake3::Hash` compares in constant time.
type Proof = Option<blake3::Hash>;

#[derive(Default)]
struct Proofs {
    dialler: Proof,
    listener: Proof,
}

async fn read_message(receive: &mut RecvStream, expected: Proof) -> Result<Instance, HelloError> {
    let mut proof = [0; PROOF_LENGTH];
    receive.read_exact(&mut proof).await?;
    let mut instance = Instance::default();
    receive.read_exact(&mut instance).await?;
    match expected {
        Some(expected) if expected != blake3::Hash::from_bytes(proof) => {
            Err(HelloError::WrongNetwork)
        }
        _ => Ok(instance),
    }
}

/// The hello failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HelloError {
    /// The peer does not have the key of the private network.
    #[error("the peer did not prove that it has the key of the private network")]
    WrongNetwork,
    /// The peer says something else than that the connection stays.
    #[error("the peer decided {found} about the connection, expected {expected}")]
    Decision {
        /// The one decision there is.
        expected: u8,
        /// What came.
        found: u8,
    },
    /// The first stream is none of a hello.
    #[error("the peer did not begin with a hello")]
    Negotiation(#[from] NegotiationError),
    /// TLS exports no secret for the proof.
    #[error("TLS exports no keying material")]
    NoKeyingMaterial,
    /// The stream ended too early.
    #[error("the hello ended too early")]
    Stream(#[from] ReadExactError),
    /// The stream could not be written to.
    #[error("the hello could not be sent")]
    Io(#[from] io::Error),
    /// The connection was lost.
    #[error("the connection was lost during the hello")]
    Lost(#[from] quinn::ConnectionError),
}
