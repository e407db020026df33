//! Files made by hand, as the specification says.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Read;

use flate2::read::DeflateEncoder;
use pandan_bundle::{
    BundleHeader, BundleReader, BundleWriter, Item, MAGIC, Origin, ReadError, SchemaList, Scope,
};
use pandan_testkit::{Author, fields, text};

/// Kinds of blocks.
pub(crate) const HEADER: u8 = 1;
pub(crate) const ITEMS: u8 = 2;
pub(crate) const HEADS: u8 = 3;
pub(crate) const END: u8 = 4;

/// Bytes before the content of a block, and before the first block.
pub(crate) const BLOCK_HEAD: usize = 42;
pub(crate) const PREAMBLE: usize = 10;

/// A file under construction, in which nothing needs to be right.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) bytes: Vec<u8>,
    checksum: [u8; 32],
}

impl Raw {
    pub(crate) fn bundle() -> Self {
        Self::begin(1, 1)
    }

    pub(crate) fn state() -> Self {
        Self::begin(1, 2)
    }

    pub(crate) fn begin(version: u8, kind: u8) -> Self {
        let bytes = [&MAGIC[..], &[version, kind]].concat();
        let checksum = *blake3::hash(&bytes).as_bytes();
        Self { bytes, checksum }
    }

    /// Adds a block whose content is not compressed.
    pub(crate) fn plain(self, kind: u8, content: &[u8]) -> Self {
        self.block(kind, 0, content.len(), content)
    }

    /// Adds a block whose content is compressed, and which claims to have this length.
    pub(crate) fn deflated(self, kind: u8, content: &[u8], length: usize) -> Self {
        let stored = deflate(content);
        self.block(kind, 1, length, &stored)
    }

    pub(crate) fn block(self, kind: u8, method: u8, length: usize, stored: &[u8]) -> Self {
        let stored_length = stored.len();
        self.claiming(kind, method, length, stored_length, stored)
    }

    /// Adds a block that claims lengths.
    pub(crate) fn claiming(
        mut self,
        kind: u8,
        method: u8,
        length: usize,
        stored_length: usize,
        stored: &[u8],
    ) -> Self {
        let lengths = [length, stored_length].map(|it| u32::try_from(it).unwrap().to_be_bytes());
        let head = [&[kind, method][..], &lengths.concat()].concat();
        let covered = [&self.checksum[..], &head, stored].concat();
        self.checksum = *blake3::hash(&covered).as_bytes();
        self.bytes.extend(head);
        self.bytes.extend(self.checksum);
        self.bytes.extend(stored);
        self
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.plain(END, &[]).bytes
    }
}

pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut stored = Vec::new();
    DeflateEncoder::new(content, flate2::Compression::best()).read_to_end(&mut stored).unwrap();
    stored
}

/// The content of a header without name, time, scope, schemas, and proofs.
pub(crate) fn header(entries: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, entries, 0, 0]
}

/// An item with an entry and an operation that are such by their lengths only.
pub(crate) fn some_item() -> Vec<u8> {
    [&[2, 134][..], &[7; 134], &[1, 3], b"abc"].concat()
}

/// Reads a file to its end: all items, and why there are no more if it is not whole.
pub(crate) fn read(file: &[u8]) -> (Vec<Item>, Option<ReadError>) {
    let mut items = Vec::new();
    let mut reader = match BundleReader::open(file) {
        Ok(reader) => reader,
        Err(error) => return (items, Some(error)),
    };
    loop {
        match reader.next_items() {
            Ok(Some(next)) => items.extend(next),
            Ok(None) => return (items, None),
            Err(error) => return (items, Some(error)),
        }
    }
}

/// The error of a file that must not be whole.
pub(crate) fn error_of(file: &[u8]) -> ReadError {
    read(file).1.expect("it is not whole")
}

pub(crate) fn about(proofs: u64, entries: u64) -> BundleHeader {
    BundleHeader {
        origin: Origin::new("test 1.0"),
        scope: Scope::default(),
        proofs,
        entries,
        schemas: SchemaList::default(),
    }
}

/// Writes entries into a bundle.
pub(crate) fn write(items: &[Item]) -> Vec<u8> {
    let proofs = items.iter().filter(|item| matches!(item, Item::Proof(_))).count() as u64;
    let header = about(proofs, items.len() as u64 - proofs);
    let mut writer = BundleWriter::begin(Vec::new(), &header).unwrap();
    for item in items {
        match item {
            Item::Proof(proof) => writer.proof(proof).unwrap(),
            Item::Entry { entry, operation } => writer.entry(entry, operation.as_deref()).unwrap(),
        }
    }
    writer.finish().unwrap().out
}

/// Some honest entries: a schema and documents of it.
pub(crate) fn entries(count: usize) -> Vec<Item> {
    let mut author = Author::new(1);
    let definition = author.define("note", &[("body", pandan_schema::FieldType::Str)]);
    let mut signed = definition.signed;
    while signed.len() < count {
        let body = text(&format!("note {}", signed.len()));
        signed.push(author.create(&definition.schema, fields([("body", body)])));
    }
    let item = |signed: &pandan_testkit::Signed| Item::Entry {
        entry: signed.entry.as_bytes().to_vec(),
        operation: Some(signed.payload.clone()),
    };
    signed.iter().map(item).collect()
}

/// The bytes of an entry in a block.
pub(crate) fn encode(item: &Item) -> Vec<u8> {
    let Item::Entry { entry, operation: Some(operation) } = item else { panic!("an entry") };
    let length = pandan_bamboo::varu64::encode(operation.len() as u64);
    let entry_length = pandan_bamboo::varu64::encode(entry.len() as u64);
    [&[2], entry_length.as_bytes(), entry, &[1], length.as_bytes(), operation].concat()
}
