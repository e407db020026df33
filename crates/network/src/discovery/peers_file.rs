//! The file that remembers peers. Each line stands for itself and all of them are TOML:
//!
//! ```toml
//! 12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA = { seen = 1767225600, addresses = ["192.0.2.1:2022"] }
//! ```
//!
//! `seen` is when the peer was connected last, in seconds since 1970. A line that cannot be
//! understood is skipped with a warning. The file is written to another one first, which then takes
//! its name: it is always whole.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use thiserror::Error;
use toml::{Table, Value};

use crate::{
    Address, AddressError, PeerId, PeerIdError,
    limits::{
        ADDRESSES_PER_PEER_MAX, KNOWN_PEERS_MAX, PEERS_FILE_LENGTH_MAX, PEERS_FILE_LINE_LENGTH_MAX,
    },
};

/// A peer that was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownPeer {
    pub(super) peer: PeerId,
    pub(super) addresses: Vec<Address>,
    /// Seconds since 1970.
    pub(super) seen: u64,
}

/// Reads the file; one that does not exist is empty.
pub(super) fn read(path: &Path) -> io::Result<Vec<KnownPeer>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(PEERS_FILE_LENGTH_MAX.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PEERS_FILE_LENGTH_MAX {
        tracing::warn!(path = %path.display(), "peers file is too long, the rest of it is ignored");
    }
    Ok(decode(&bytes))
}

/// Writes the file.
pub(super) fn write(path: &Path, peers: &[KnownPeer]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = File::create(&new)?;
    file.write_all(encode(peers).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

fn decode(bytes: &[u8]) -> Vec<KnownPeer> {
    let mut peers = Vec::new();
    for (number, line) in (1_usize..).zip(bytes.split(|byte| *byte == b'\n')) {
        if peers.len() >= KNOWN_PEERS_MAX {
            tracing::warn!(number, "peers file has too many peers, the rest of it is ignored");
            break;
        }
        match decode_line(line) {
            Ok(found) => peers.extend(found),
            Err(error) => tracing::warn!(number, %error, "line of the peers file is skipped"),
        }
    }
    peers
}

/// The peer in a line, if it is not empty or a comment.
fn decode_line(line: &[u8]) -> Result<Option<KnownPeer>, LineError> {
    if line.len() > PEERS_FILE_LINE_LENGTH_MAX {
        let limit = PEERS_FILE_LINE_LENGTH_MAX;
        return Err(LineError::TooLong { limit, found: line.len() });
    }
    let table: Table = std::str::from_utf8(line)
        .ok()
        .and_then(|line| line.parse().ok())
        .ok_or(LineError::NotToml)?;
    let mut pairs = table.into_iter();
    let Some((peer, value)) = pairs.next() else { return Ok(None) };
    if pairs.next().is_some() {
        return Err(LineError::Form);
    }
    let seen = value.get("seen").and_then(Value::as_integer).ok_or(LineError::Form)?;
    let texts = value.get("addresses").and_then(Value::as_array).ok_or(LineError::Form)?;
    let addresses: Result<Vec<Address>, LineError> = texts
        .iter()
        .take(ADDRESSES_PER_PEER_MAX)
        .map(|text| Ok(text.as_str().ok_or(LineError::Form)?.parse()?))
        .collect();
    let seen = u64::try_from(seen).map_err(|_| LineError::Form)?;
    Ok(Some(KnownPeer { peer: peer.parse()?, addresses: addresses?, seen }))
}

fn encode(peers: &[KnownPeer]) -> String {
    let mut text = String::new();
    for KnownPeer { peer, addresses, seen } in peers {
        let addresses: Vec<_> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
        let addresses = addresses.join(", ");
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "{peer} = {{ seen = {seen}, addresses = [{addresses}] }}");
    }
    text
}

#[derive(Debug, Error)]
enum LineError {
    #[error("line has {found} bytes, at most {limit} are read")]
    TooLong { limit: usize, found: usize },
    #[error("line is not TOML")]
    NotToml,
    #[error("line is not `peer id = {{ seen = seconds, addresses = [\"…\"] }}`")]
    Form,
    #[error(transparent)]
    Peer(#[from] PeerIdError),
    #[error(transparent)]
    Address(#[from] AddressError),
}

#[cfg(test)]
mod tests {
    use pandan_identity::KeyPair;

    use super::*;

    fn peer(number: u32) -> KnownPeer {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        KnownPeer {
            peer: KeyPair::from_seed(&seed).public_key().into(),
            addresses: vec!["192.0.2.1:2022".parse().unwrap(), "a.example:1".parse().unwrap()],
            seen: number.into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.toml");
        assert_eq!(read(&path).unwrap(), []);
        for peers in [vec![peer(1), peer(2)], vec![peer(3)], vec![]] {
            write(&path, &peers).unwrap();
            assert_eq!(read(&path).unwrap(), peers);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn the_whole_file_is_toml() {
        let table: Table = encode(&[peer(1), peer(2)]).parse().unwrap();
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn bad_lines_are_skipped() {
        let good = encode(&[peer(1), peer(2)]);
        let (first, second) = good.split_once('\n').unwrap();
        let id = peer(3).peer;
        let bad = [
            "# a comment\n\n = = =\nx = 1".to_owned(),
            format!("{id} = {{ seen = -1, addresses = [] }}"),
            format!("{id} = {{ seen = 1, addresses = [\"x\"] }}"),
            format!("{id} = {{ seen = 1 }}"),
            "12D3Koo = { seen = 1, addresses = [] }".to_owned(),
        ];
        let mut bytes = format!("{first}\n{}\n", bad.join("\n")).into_bytes();
        bytes.extend(b"\xff\xfe\n");
        bytes.extend(second.as_bytes());
        assert_eq!(decode(&bytes), [peer(1), peer(2)]);
    }

    #[test]
    fn lines_and_peers_are_bounded() {
        let line = encode(&[peer(1)]);
        let padded = |length: usize| {
            let line = line.trim_end();
            format!("{line} #{}", "x".repeat(length - line.len() - 2))
        };
        assert_eq!(decode(padded(PEERS_FILE_LINE_LENGTH_MAX).as_bytes()), [peer(1)]);
        assert_eq!(decode(padded(PEERS_FILE_LINE_LENGTH_MAX + 1).as_bytes()), []);
        let many = line.repeat(KNOWN_PEERS_MAX + 1);
        assert_eq!(decode(many.as_bytes()).len(), KNOWN_PEERS_MAX);
    }

    #[test]
    fn long_files_are_read_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.toml");
        let comment = format!("#{}\n", "x".repeat(1022)).repeat(1023);
        let room = usize::try_from(PEERS_FILE_LENGTH_MAX).unwrap() - comment.len();
        let line = encode(&[peer(1)]);
        let fits = format!("{comment}{}\n{line}", "#".repeat(room - line.len() - 1));
        assert_eq!(fits.len() as u64, PEERS_FILE_LENGTH_MAX);
        std::fs::write(&path, &fits).unwrap();
        assert_eq!(read(&path).unwrap(), [peer(1)]);
        std::fs::write(&path, format!("{fits}{line}{line}")).unwrap();
        assert_eq!(read(&path).unwrap(), [peer(1)]);
    }
}
