//! The check of a peer's certificate while the handshake runs.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::{
    CertificateError as RustlsCertificateError, DigitallySignedStruct, DistinguishedName,
    OtherError, PeerIncompatible, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use thiserror::Error;

use super::{CertificateError, certificate};
use crate::PeerId;

/// Why a handshake was given up by this side.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the peer is this node itself")]
    Itself,
    #[error("the peer is not allowed here")]
    NotAllowed(PeerId),
    #[error("expected {expected}, found {found}")]
    WrongPeer { expected: PeerId, found: PeerId },
}

/// Who may be at the other end.
pub(crate) type Judge = Arc<dyn Fn(PeerId) -> Result<(), Refusal> + Send + Sync>;

/// What was found out about the peer: the way in which the reason gets out of the handshake, which
/// itself tells of nothing but an alert.
pub(crate) type Verdict = Arc<OnceLock<Result<PeerId, Refusal>>>;

/// Judges one peer in one handshake.
pub(super) struct Verifier {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) judge: Judge,
    pub(super) verdict: Verdict,
}

impl Verifier {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<(), rustls::Error> {
        let judged = self.examine(certificate, intermediates);
        let answer = match &judged {
            Ok(_) => Ok(()),
            Err(refusal) => Err(rejected(refusal.clone())),
        };
        // A handshake shows one certificate, so nothing is there yet.
        let _ = self.verdict.set(judged);
        answer
    }

    fn examine(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<PeerId, Refusal> {
        if !intermediates.is_empty() {
            let found = intermediates.len().saturating_add(1);
            return Err(CertificateError::Chain { found }.into());
        }
        let peer = certificate::read(certificate, &self.provider)?;
        (self.judge)(peer)?;
        Ok(peer)
    }

    fn verify_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // Not the verification that rustls offers for whole certificates: it stumbles over the
        // extension of rust-libp2p, which is marked critical.
        let key = certificate::public_key(certificate).map_err(|error| rejected(error.into()))?;
        verify_tls13_signature_with_raw_key(
            message,
            &SubjectPublicKeyInfoDer::from(key),
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn rejected(refusal: Refusal) -> rustls::Error {
    RustlsCertificateError::Other(OtherError(Arc::new(refusal))).into()
}

fn no_tls12() -> rustls::Error {
    PeerIncompatible::Tls12NotOffered.into()
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("verdict", &self.verdict).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.judge(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.judge(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
