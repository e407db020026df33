//! TLS 1.3 with node keys, as libp2p does it over QUIC.
//!
//! Each node makes a self-signed certificate with a key of its own when it starts. An extension of
//! the certificate carries the node's public key and a signature of the node key over the
//! certificate's key: whoever speaks TLS with this certificate speaks for the node. Both sides show
//! one, so both know whom they talk to before any byte of a stream is answered.
//!
//! * TLS 1.3 only, one provider of cryptography (ring), no session tickets. Without tickets there
//!   is no 0-RTT either: its data can be replayed, and a resumed session would go round the checks
//!   of the access list.
//! * ALPN says who is there: `pandan/1` is a node that opens with the hello, `libp2p` any libp2p
//!   node, `pandan-psk/…` a member of a private network.
//! * `SSLKEYLOGFILE` is not honoured: no key log is installed.

mod certificate;
mod setup;
mod verifier;

pub use certificate::CertificateError;
pub use setup::TlsError;
pub(crate) use setup::{Identity, alpn_of, peer_of};
pub(crate) use verifier::{Judge, Refusal, Verdict};
