//! Configurations of rustls and quinn for one handshake at a time.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use pandan_identity::KeyPair;
use quinn::{
    TransportConfig,
    crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig},
};
use rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer},
    server::NoServerSessionStorage,
    version::TLS13,
};
use thiserror::Error;

use super::{
    certificate,
    verifier::{Judge, Verdict, Verifier},
};
use crate::PeerId;

/// What this node shows and offers in every handshake.
pub(crate) struct Identity {
    provider: Arc<CryptoProvider>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    protocols: Vec<Vec<u8>>,
    transport: Arc<TransportConfig>,
}

impl Identity {
    /// Makes the certificate. `protocols` are ALPN names, the preferred one first.
    pub(crate) fn new(
        node: &KeyPair,
        protocols: Vec<Vec<u8>>,
        transport: TransportConfig,
    ) -> Result<Self, TlsError> {
        let (certificate, key) = certificate::make(node)?;
        let provider = Arc::new(ring::default_provider());
        Ok(Self { provider, certificate, key, protocols, transport: Arc::new(transport) })
    }

    /// Bytes from the operating system's source of randomness.
    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], TlsError> {
        let mut bytes = [0; N];
        self.provider.secure_random.fill(&mut bytes).map_err(|_| TlsError::Randomness)?;
        Ok(bytes)
    }

    /// For one incoming connection.
    pub(crate) fn server(
        &self,
        judge: Judge,
        verdict: Verdict,
    ) -> Result<quinn::ServerConfig, TlsError> {
        let mut tls = rustls::ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(self.verifier(judge, verdict))
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        tls.alpn_protocols = self.protocols.clone();
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        tls.send_tls13_tickets = 0;
        // 0-RTT stays off, see the module documentation.
        tls.max_early_data_size = 0;
        let tls = QuicServerConfig::try_from(tls).map_err(|_| TlsError::NoInitialCipherSuite)?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
        config.transport_config(self.transport.clone());
        // A peer keeps its connection when its address changes.
        config.migration(true);
        Ok(config)
    }

    /// For one outgoing connection.
    pub(crate) fn client(
        &self,
        judge: Judge,
        verdict: Verdict,
    ) -> Result<quinn::ClientConfig, TlsError> {
        let mut tls = rustls::ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(judge, verdict))
            .with_client_auth_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        tls.alpn_protocols = self.protocols.clone();
        tls.resumption = rustls::client::Resumption::disabled();
        tls.enable_early_data = false;
        tls.enable_sni = false;
        let tls = QuicClientConfig::try_from(tls).map_err(|_| TlsError::NoInitialCipherSuite)?;
        let mut config = quinn::ClientConfig::new(Arc::new(tls));
        config.transport_config(self.transport.clone());
        Ok(config)
    }

    fn verifier(&self, judge: Judge, verdict: Verdict) -> Arc<Verifier> {
        Arc::new(Verifier { provider: self.provider.clone(), judge, verdict })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the key.
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Who is at the other end of an established connection.
pub(crate) fn peer_of(verdict: &Verdict) -> Option<PeerId> {
    verdict.get().and_then(|judged| judged.as_ref().ok().copied())
}

/// The ALPN name that both sides agreed on.
pub(crate) fn alpn_of(connection: &quinn::Connection) -> Option<Vec<u8>> {
    let data: Box<dyn Any> = connection.handshake_data()?;
    data.downcast::<HandshakeData>().ok()?.protocol
}

/// TLS could not be set up: this computer's fault, no peer's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate of the node could not be made.
    #[error("certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// rustls refuses the configuration.
    #[error("TLS could not be configured")]
    Rustls(#[from] rustls::Error),
    /// The provider of cryptography lacks the cipher suite that every QUIC connection begins with.
    #[error("no cipher suite for the first packets of QUIC")]
    NoInitialCipherSuite,
    /// The operating system gives no randomness.
    #[error("no randomness from the operating system")]
    Randomness,
}
