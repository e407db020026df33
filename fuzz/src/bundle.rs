//! Bundles and states of nodes from bytes, sealed with the right checksums or as they are.
//!
//! ```text
//! kind of the file, or 0 and a whole file · blocks
//! block   kind · method · stored length (2) · length (3) · stored bytes
//! ```

use pandan_bundle::{BundleReader, BundleWriter, Item, MAGIC, ReadError, StateReader, VERSION};

/// Reads a file to its end or to where it cannot be read on. What is whole is written as the same.
pub fn check(bytes: &[u8]) {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    let file = if kind == 0 { rest.to_vec() } else { sealed(kind, rest) };
    read_state(&file);
    let Ok(mut reader) = BundleReader::open(&file[..]) else { return };
    let Some(items) = all_items(&mut reader, file.len()) else { return };
    assert_eq!(reader.offset(), file.len() as u64, "nothing is left over");
    let mut writer = BundleWriter::begin(Vec::new(), reader.header()).expect("memory is there");
    for item in &items {
        match item {
            Item::Proof(proof) => writer.proof(proof),
            Item::Entry { entry, operation } => writer.entry(entry, operation.as_deref()),
        }
        .expect("it was read, so it can be written");
    }
    let written = writer.finish().expect("the header told the truth").out;
    let mut again = BundleReader::open(&written[..]).expect("it was written by us");
    assert_eq!(again.header(), reader.header());
    assert_eq!(all_items(&mut again, written.len()), Some(items));
}

fn all_items(reader: &mut BundleReader<&[u8]>, length: usize) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    loop {
        assert!(reader.offset() <= length as u64, "no more is read than there is");
        match reader.next_items() {
            Ok(Some(next)) => {
                assert!(!next.is_empty(), "blocks have items");
                items.extend(next);
            }
            Ok(None) => return Some(items),
            Err(_) => {
                assert!(matches!(reader.next_items(), Err(ReadError::Broken)));
                return None;
            }
        }
    }
}

fn read_state(file: &[u8]) {
    let Ok(mut reader) = StateReader::open(file) else { return };
    let mut logs = 0;
    while let Ok(Some(next)) = reader.next_logs() {
        assert!(!next.logs.is_empty(), "blocks have logs");
        assert!(next.logs.is_sorted_by(|one, other| one.place < other.place));
        logs += next.logs.len() as u64;
        assert!(logs <= reader.header().logs, "no more than the header says");
    }
}

/// A file of these blocks, with the checksums that they should have.
fn sealed(kind: u8, mut rest: &[u8]) -> Vec<u8> {
    let mut file = [&MAGIC[..], &[VERSION, kind]].concat();
    let mut checksum = *blake3::hash(&file).as_bytes();
    while let Some((head, behind)) = rest.split_first_chunk::<7>() {
        let [kind, method, a, b, c, d, e] = *head;
        let stored = usize::from(u16::from_be_bytes([a, b])).min(behind.len());
        let (stored, behind) = behind.split_at(stored);
        let mut head = vec![kind, method, 0, c, d, e];
        head.extend((stored.len() as u32).to_be_bytes());
        let covered = [&checksum[..], &head, stored].concat();
        checksum = *blake3::hash(&covered).as_bytes();
        file.extend(head);
        file.extend(checksum);
        file.extend(stored);
        rest = behind;
    }
    file
}
