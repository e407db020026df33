//! Key files: written, read, and refused.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::PathBuf;

use pandan_identity::limits::KEY_FILE_LENGTH_MAX;
use pandan_identity::{KeyFile, KeyFileError, KeyFormat, KeyPair, PemError};
use tempfile::TempDir;

/// The example of RFC 8410, section 10.3, without and with its public key.
const RFC_8410: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const RFC_8410_WITH_PUBLIC_KEY: &str = "-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
";
const RFC_8410_SEED: &str = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";

fn file(content: impl AsRef<[u8]>, mode: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, content).unwrap();
    set_mode(&path, mode);
    (folder, path)
}

#[cfg(unix)]
fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_path: &std::path::Path, _mode: u32) {}

#[test]
fn written_keys_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let key_pair = KeyPair::from_seed(&[7; 32]);
    for format in [KeyFormat::Pem, KeyFormat::Hex] {
        let path = folder.path().join(format!("{format:?}"));
        KeyFile::create(&path, &key_pair, format).unwrap();
        let file = KeyFile::read(&path).unwrap();
        assert_eq!(file.format(), format);
        assert!(!file.is_open_to_others());
        assert_eq!(file.key_pair().public_key(), key_pair.public_key());
        assert_eq!(*file.into_key_pair().seed(), [7; 32]);
    }
    let text = fs::read_to_string(folder.path().join("Hex")).unwrap();
    assert_eq!(text, format!("{}\n", "07".repeat(32)));
}

#[cfg(unix)]
#[test]
fn ky3_written_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    for format in [KeyFormat::Pem, KeyFormat::Hex] {
        let path = folder.path().join(format!("{format:?}"));
        KeyFile::create(&path, &KeyPair::from_seed(&[7; 32]), format).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let (_folder, path) = file("precious", 0o600);
    let error = KeyFile::create(&path, &KeyPair::from_seed(&[7; 32]), KeyFormat::Pem);
    assert!(matches!(error, Err(KeyFileError::Exists { .. })), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn files_of_other_tools_are_read() {
    for (content, format) in [
        (RFC_8410.to_owned(), KeyFormat::Pem),
        (RFC_8410.trim_end().to_owned(), KeyFormat::Pem),
        (RFC_8410.replace('\n', "\r\n"), KeyFormat::Pem),
        (RFC_8410_SEED.to_owned(), KeyFormat::Hex),
        (RFC_8410_SEED.to_uppercase(), KeyFormat::Hex),
        (format!("{RFC_8410_SEED}\n"), KeyFormat::Hex),
        (format!("{RFC_8410_SEED}\r\n"), KeyFormat::Hex),
    ] {
        let (_folder, path) = file(&content, 0o600);
        let file = KeyFile::read(&path).unwrap();
        assert_eq!(file.format(), format, "{content}");
        assert_eq!(*file.key_pair().to_seed_hex(), RFC_8410_SEED, "{content}");
    }
}

#[test]
fn what_we_write_is_what_the_rfc_writes() {
    assert_eq!(*KeyPair::from_seed_hex(RFC_8410_SEED).unwrap().to_pem(), RFC_8410);
}

#[cfg(unix)]
#[test]
fn ky3_a_pem_file_open_to_others_is_refused_unless_allowed() {
    for mode in [0o640, 0o604, 0o620, 0o644, 0o666] {
        let (_folder, path) = file(RFC_8410, mode);
        let error = KeyFile::read(&path).unwrap_err();
        let found = error.to_string();
        assert!(found.contains(&format!("{mode:03o}")) && found.contains("chmod 600"), "{found}");
        assert!(KeyFile::read_even_if_open(&path).unwrap().is_open_to_others());
    }
}

#[cfg(unix)]
#[test]
fn a_hex_file_open_to_others_is_read_and_told() {
    let (_folder, path) = file(RFC_8410_SEED, 0o644);
    assert!(KeyFile::read(&path).unwrap().is_open_to_others());
}

#[test]
fn files_that_are_no_keys_are_refused() {
    let too_long = "0".repeat(KEY_FILE_LENGTH_MAX + 1);
    let longest = "0".repeat(KEY_FILE_LENGTH_MAX);
    for (content, expected) in [
        (&b""[..], "hex"),
        (b"hello", "hex"),
        (b" \n", "hex"),
        (b"-----BEGIN", "pem"),
        (&[0xff; 64], "not text"),
        (longest.as_bytes(), "hex"),
        (too_long.as_bytes(), "too long"),
    ] {
        let (_folder, path) = file(content, 0o600);
        let error = KeyFile::read(&path).unwrap_err();
        let found = match error {
            KeyFileError::Hex { .. } => "hex",
            KeyFileError::Pem { .. } => "pem",
            KeyFileError::NotText { .. } => "not text",
            KeyFileError::TooLong { .. } => "too long",
            _ => "another error",
        };
        assert_eq!(found, expected, "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_missing_file_or_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = KeyFile::read(folder.path().join("key")).unwrap_err();
    assert!(matches!(error, KeyFileError::NotFound { .. }), "{error:?}");
    let path = folder.path().join("folder/key");
    let error = KeyFile::create(path, &KeyPair::from_seed(&[7; 32]), KeyFormat::Pem).unwrap_err();
    assert!(matches!(error, KeyFileError::Write { .. }), "{error:?}");
}

#[test]
fn pem_errors_say_what_is_in_the_file() {
    let label = |label: &str| RFC_8410.replace("PRIVATE KEY", label);
    let x25519 = RFC_8410.replace("BQYDK2Vw", "BQYDK2Vu");
    for (text, expected) in [
        (label("ENCRYPTED PRIVATE KEY"), PemError::Encrypted),
        (label("OPENSSH PRIVATE KEY"), PemError::OpenSsh),
        (label("PUBLIC KEY"), PemError::Label),
        (RFC_8410.replace("MC4C", "MC4D"), PemError::Encoding),
        (RFC_8410.replace("-----END", "----END"), PemError::Encoding),
        (x25519, PemError::Algorithm),
    ] {
        assert_eq!(KeyPair::from_pem(&text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn a_public_key_beside_the_private_one_must_belong_to_it() {
    let right = KeyPair::from_pem(RFC_8410_WITH_PUBLIC_KEY).unwrap();
    assert_eq!(*right.to_seed_hex(), RFC_8410_SEED);
    let wrong = RFC_8410_WITH_PUBLIC_KEY.replace("gSEAGb9E", "gSEAGb9F");
    assert_eq!(KeyPair::from_pem(&wrong).unwrap_err(), PemError::PublicKey);
}
