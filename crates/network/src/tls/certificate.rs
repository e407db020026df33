//! The certificate of a node and how one is judged
//! (<https://github.com/libp2p/specs/blob/master/tls/tls.md>).
//!
//! ```text
//! extension 1.3.6.1.4.1.53594.1.1 = SEQUENCE {
//!   OCTET STRING  public key of the node, as protobuf (36 bytes)
//!   OCTET STRING  signature of "libp2p-tls-handshake:" || SubjectPublicKeyInfo (64 bytes)
//! }
//! ```

use pandan_identity::{KeyPair, Signature, SignatureError};
use rustls::{
    SignatureScheme,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use thiserror::Error;
use x509_parser::{
    certificate::X509Certificate,
    der_parser::{Oid, oid},
    prelude::FromDer,
};

use crate::{PeerId, PeerIdError, limits::CERTIFICATE_LENGTH_MAX};

const EXTENSION: [u64; 9] = [1, 3, 6, 1, 4, 1, 53594, 1, 1];
const EXTENSION_OID: Oid<'static> = oid!(1.3.6.1.4.1.53594.1.1);
const SIGNED_PREFIX: &[u8] = b"libp2p-tls-handshake:";

/// The extension up to the key: SEQUENCE of 104 bytes, OCTET STRING of 36.
const KEY_HEADER: [u8; 4] = [0x30, 104, 0x04, 36];
/// What stands between key and signature: OCTET STRING of 64 bytes.
const SIGNATURE_HEADER: [u8; 2] = [0x04, 64];
const KEY_LENGTH: usize = 36;

/// Signature algorithms of certificates that libp2p nodes use.
const ALGORITHMS: [(Oid<'static>, SignatureScheme); 3] = [
    (oid!(1.3.101.112), SignatureScheme::ED25519),
    (oid!(1.2.840.10045.4.3.2), SignatureScheme::ECDSA_NISTP256_SHA256),
    (oid!(1.2.840.10045.4.3.3), SignatureScheme::ECDSA_NISTP384_SHA384),
];

/// Makes a certificate with a fresh key for a node.
pub(super) fn make(
    node: &KeyPair,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
    let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
    let signature = node.sign(&signed_message(&spki));
    let mut content = KEY_HEADER.to_vec();
    content.extend(PeerId::from(node.public_key()).to_protobuf());
    content.extend(SIGNATURE_HEADER);
    content.extend(signature.as_bytes());

    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&EXTENSION, content)];
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((certificate, PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// Who shows this certificate, if all of it holds.
pub(super) fn read(
    certificate: &CertificateDer<'_>,
    provider: &CryptoProvider,
) -> Result<PeerId, CertificateError> {
    let parsed = parse(certificate)?;
    check_form(&parsed)?;
    check_own_signature(&parsed, provider)?;
    let extension = parsed
        .get_extension_unique(&EXTENSION_OID)
        .map_err(|_| CertificateError::RepeatedExtension)?
        .ok_or(CertificateError::MissingExtension)?;
    let (key, signature) = split(extension.value)?;
    let peer = PeerId::from_protobuf(key)?;
    peer.public_key().verify(&signed_message(parsed.public_key().raw), &signature)?;
    Ok(peer)
}

/// The key of a certificate as SubjectPublicKeyInfo.
pub(super) fn public_key(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, CertificateError> {
    Ok(parse(certificate)?.public_key().raw.to_vec())
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    if der.len() > CERTIFICATE_LENGTH_MAX {
        return Err(CertificateError::TooLong { limit: CERTIFICATE_LENGTH_MAX, found: der.len() });
    }
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| CertificateError::NotX509)?;
    if rest.is_empty() { Ok(certificate) } else { Err(CertificateError::NotX509) }
}

fn check_form(certificate: &X509Certificate<'_>) -> Result<(), CertificateError> {
    if !certificate.validity().is_valid() {
        return Err(CertificateError::NotValidNow);
    }
    if certificate.issuer_uid.is_some() || certificate.subject_uid.is_some() {
        return Err(CertificateError::UniqueId);
    }
    // We know no other extension, so none may insist on being known, apart from those that the
    // parser understands and that mean nothing for a certificate that signs only itself.
    let unknown = certificate.extensions().iter().find(|extension| {
        let parsed = extension.parsed_extension();
        let is_understood = !parsed.unsupported() && parsed.error().is_none();
        extension.critical && extension.oid != EXTENSION_OID && !is_understood
    });
    match unknown {
        Some(extension) => Err(CertificateError::CriticalExtension {
            oid: extension.oid.to_id_string().into_boxed_str(),
        }),
        None => Ok(()),
    }
}

fn check_own_signature(
    certificate: &X509Certificate<'_>,
    provider: &CryptoProvider,
) -> Result<(), CertificateError> {
    let found = &certificate.signature_algorithm.algorithm;
    let scheme = ALGORITHMS.iter().find(|(oid, _)| oid == found).map(|(_, scheme)| *scheme);
    let algorithms = scheme.and_then(|scheme| {
        let mapping = provider.signature_verification_algorithms.mapping;
        mapping.iter().find(|(other, _)| *other == scheme).map(|(_, algorithms)| *algorithms)
    });
    let algorithm = algorithms.and_then(<[_]>::first).ok_or_else(|| {
        CertificateError::Algorithm { oid: found.to_id_string().into_boxed_str() }
    })?;
    algorithm
        .verify_signature(
            &certificate.public_key().subject_public_key.data,
            certificate.tbs_certificate.as_ref(),
            &certificate.signature_value.data,
        )
        .map_err(|_| CertificateError::OwnSignature)
}

/// Takes the extension apart. All its lengths are fixed for Ed25519 keys, and DER has one way to
/// write them.
fn split(content: &[u8]) -> Result<(&[u8], Signature), CertificateError> {
    let rest = content.strip_prefix(&KEY_HEADER).ok_or(CertificateError::Extension)?;
    let (key, rest) = rest.split_at_checked(KEY_LENGTH).ok_or(CertificateError::Extension)?;
    let signature = rest.strip_prefix(&SIGNATURE_HEADER).ok_or(CertificateError::Extension)?;
    let signature = signature.try_into().map_err(|_| CertificateError::Extension)?;
    Ok((key, Signature::from_bytes(signature)))
}

fn signed_message(spki: &[u8]) -> Vec<u8> {
    [SIGNED_PREFIX, spki].concat()
}

/// Why a certificate does not show a node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Several certificates came; a libp2p node shows one.
    #[error("a chain of {found} certificates was shown, expected one certificate")]
    Chain {
        /// How many came.
        found: usize,
    },
    /// It is longer than any certificate of a node.
    #[error("certificate has {found} bytes, at most {limit} are looked at")]
    TooLong {
        /// Bytes that are looked at.
        limit: usize,
        /// Bytes that came.
        found: usize,
    },
    /// It is not an X.509 certificate.
    #[error("certificate is not in X.509 form")]
    NotX509,
    /// It has expired or is from the future, by the clock of this computer.
    #[error("certificate is not valid now")]
    NotValidNow,
    /// It has one of the unique ids that libp2p forbids.
    #[error("certificate has a unique id of subject or issuer")]
    UniqueId,
    /// It insists on an extension that nobody here knows.
    #[error("certificate has the unknown critical extension {oid}")]
    CriticalExtension {
        /// The object id of the extension.
        oid: Box<str>,
    },
    /// It is signed with an algorithm that is not supported.
    #[error("certificate is signed with the unsupported algorithm {oid}")]
    Algorithm {
        /// The object id of the algorithm.
        oid: Box<str>,
    },
    /// Its own key did not sign it.
    #[error("certificate is not signed with its own key")]
    OwnSignature,
    /// It says nothing of a node.
    #[error("certificate has no libp2p extension")]
    MissingExtension,
    /// It names two nodes.
    #[error("certificate has more than one libp2p extension")]
    RepeatedExtension,
    /// The extension does not hold an Ed25519 key and a signature.
    #[error("libp2p extension does not hold an Ed25519 key and its signature")]
    Extension,
    /// The key of the node is not acceptable.
    #[error("key in the libp2p extension is not acceptable")]
    PeerId(#[from] PeerIdError),
    /// The node did not sign the key of the certificate.
    #[error("node key did not sign the key of the certificate")]
    NodeSignature(#[from] SignatureError),
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring;

    use super::*;

    fn node() -> KeyPair {
        KeyPair::from_seed(&[3; 32])
    }

    #[test]
    fn certificate_shows_its_node() {
        let (certificate, _) = make(&node()).unwrap();
        let peer = read(&certificate, &ring::default_provider()).unwrap();
        assert_eq!(peer, PeerId::from(node().public_key()));
    }

    /// A certificate with this key and this content of the libp2p extension, twice where wanted.
    fn forge(content: impl Fn(&[u8]) -> Vec<Vec<u8>>, critical: bool) -> CertificateDer<'static> {
        let key = rcgen::KeyPair::generate().unwrap();
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        let mut params = rcgen::CertificateParams::default();
        params.custom_extensions = content(&spki)
            .into_iter()
            .map(|content| {
                let mut extension = rcgen::CustomExtension::from_oid_content(&EXTENSION, content);
                extension.set_criticality(critical);
                extension
            })
            .collect();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn content(spki: &[u8]) -> Vec<u8> {
        let key = PeerId::from(node().public_key()).to_protobuf();
        let signature = node().sign(&signed_message(spki));
        [&KEY_HEADER[..], &key, &SIGNATURE_HEADER, signature.as_bytes()].concat()
    }

    #[test]
    fn p256_keys_and_critical_extensions_are_accepted() {
        let certificate = forge(|spki| vec![content(spki)], true);
        assert!(read(&certificate, &ring::default_provider()).is_ok());
    }

    #[test]
    fn what_does_not_hold_is_refused() {
        let provider = ring::default_provider();
        let wrong_key = forge(|_| vec![content(b"another key")], false);
        assert!(matches!(read(&wrong_key, &provider), Err(CertificateError::NodeSignature(_))));
        let none = forge(|_| vec![], false);
        assert_eq!(read(&none, &provider), Err(CertificateError::MissingExtension));
        let cut = forge(|spki| vec![content(spki)[..105].to_vec()], false);
        assert_eq!(read(&cut, &provider), Err(CertificateError::Extension));
        let surplus = forge(|spki| vec![[content(spki), vec![0]].concat()], false);
        assert_eq!(read(&surplus, &provider), Err(CertificateError::Extension));
        // The last byte belongs to the signature of the certificate.
        let mut broken = forge(|spki| vec![content(spki)], false).to_vec();
        *broken.last_mut().unwrap() ^= 1;
        assert_eq!(read(&broken.into(), &provider), Err(CertificateError::OwnSignature));
        let garbage = CertificateDer::from(vec![0x30; 20]);
        assert_eq!(read(&garbage, &provider), Err(CertificateError::NotX509));
    }

    /// A good certificate with something else about it.
    fn unusual(change: impl FnOnce(&mut rcgen::CertificateParams)) -> CertificateDer<'static> {
        let key = rcgen::KeyPair::generate().unwrap();
        let content = content(&rcgen::PublicKeyData::subject_public_key_info(&key));
        let extension = rcgen::CustomExtension::from_oid_content(&EXTENSION, content);
        let mut params = rcgen::CertificateParams::default();
        params.custom_extensions = vec![extension];
        change(&mut params);
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn certificates_are_valid_now() {
        let provider = ring::default_provider();
        let [past, future] = [2001, 3001].map(|year| rcgen::date_time_ymd(year, 1, 1));
        let expired = unusual(|params| params.not_after = past);
        assert_eq!(read(&expired, &provider), Err(CertificateError::NotValidNow));
        let early = unusual(|params| params.not_before = future);
        assert_eq!(read(&early, &provider), Err(CertificateError::NotValidNow));
        assert!(read(&unusual(|params| params.not_after = future), &provider).is_ok());
    }

    #[test]
    fn critical_extensions_are_understood() {
        let provider = ring::default_provider();
        // One that nobody knows, and basic constraints that nobody can read.
        for (oid, content, is_read) in [
            (&[1_u64, 3, 6, 1, 4, 1, 53594, 9][..], vec![0x05, 0x00], false),
            (&[2, 5, 29, 19], vec![0x04, 0x01, 0xff], false),
            (&[2, 5, 29, 19], vec![0x30, 0x00], true),
        ] {
            for is_critical in [false, true] {
                let certificate = unusual(|params| {
                    let mut extension =
                        rcgen::CustomExtension::from_oid_content(oid, content.clone());
                    extension.set_criticality(is_critical);
                    params.custom_extensions.push(extension);
                });
                let read = read(&certificate, &provider);
                let text = oid.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
                match is_read || !is_critical {
                    true => assert!(read.is_ok(), "{read:?}"),
                    false => {
                        let oid = text.into_boxed_str();
                        assert_eq!(read, Err(CertificateError::CriticalExtension { oid }));
                    }
                }
            }
        }
    }

    #[test]
    fn a_node_is_named_once() {
        let provider = ring::default_provider();
        let twice = forge(|spki| vec![content(spki), content(spki)], false);
        let error = read(&twice, &provider).unwrap_err();
        assert!(
            matches!(error, CertificateError::RepeatedExtension | CertificateError::NotX509),
            "{error:?}"
        );
    }

    #[test]
    fn length_is_bounded() {
        let provider = ring::default_provider();
        let at_limit = CertificateDer::from(vec![0; CERTIFICATE_LENGTH_MAX]);
        assert_eq!(read(&at_limit, &provider), Err(CertificateError::NotX509));
        let past = CertificateDer::from(vec![0; CERTIFICATE_LENGTH_MAX + 1]);
        let error = CertificateError::TooLong {
            limit: CERTIFICATE_LENGTH_MAX,
            found: CERTIFICATE_LENGTH_MAX + 1,
        };
        assert_eq!(read(&past, &provider), Err(error));
    }
}
