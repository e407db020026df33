//! Everything but queries: entries, operations, schemas, messages, bundles, texts.

use pandan_bamboo::{
    EncodedEntry, Entry, Fingerprint, ForkProof, Hash, HeadState, LogId, NextArgs, Salt, SeqNum,
};
use pandan_bundle::{BundleHeader, BundleReader, BundleWriter, Origin, SchemaList, Scope};
use pandan_identity::KeyPair;
use pandan_operations::{
    DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SchemaName, SystemSchema,
};
use pandan_replication::{
    Announcement, Author, Bound, Content, Interest, KeyRange, LogKey, LogName, Message, RangeItem,
    Ranges, Received, TheirHead, Tip, WantDocuments, legacy,
};
use pandan_schema::{DefinitionView, FieldDefinitionView, FieldType, Schema};

use crate::{Decoder, SIGNED_BYTE_ASKED};

/// Bytes of a hash as it is encoded, and of one as text.
const HASH: usize = 34;
const HASH_TEXT: usize = 69;

pub(crate) fn all() -> Vec<Decoder> {
    [entries(), operations(), texts(), messages(), legacy_messages(), files()]
        .into_iter()
        .flatten()
        .collect()
}

fn key_pair() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

fn hash(number: usize) -> Hash {
    Hash::of(&number.to_be_bytes())
}

fn hashes(count: usize) -> Vec<Hash> {
    (0..count).map(hash).collect()
}

fn sorted(count: usize) -> Vec<OperationId> {
    let mut ids: Vec<_> = hashes(count).into_iter().map(OperationId::from_hash).collect();
    ids.sort_unstable();
    ids
}

fn seq_num(number: u64) -> SeqNum {
    SeqNum::new(number).expect("it is not 0")
}

/// One of the entries of a log at a place that has one link, both or none.
fn entry(links: usize, payload: &[u8]) -> EncodedEntry {
    let mut entries = vec![NextArgs::first(LogId::new(1)).forge(&key_pair(), payload)];
    let length = [1, 2, 4][links];
    while entries.len() < length {
        let tip = entries[entries.len() - 1].header();
        let target = tip.seq_num().next().expect("the log is short").skiplink();
        let target = target.and_then(|target| usize::try_from(target.number()).ok());
        let skiplink = target.map(|target| entries[target - 1].hash());
        let args = NextArgs::after(tip, skiplink).expect("the log can go on");
        entries.push(args.forge(&key_pair(), payload));
    }
    entries.remove(length - 1)
}

/// Their sizes differ little: those without links, and with both.
fn entries() -> Vec<Decoder> {
    let make = |size: usize| {
        let links = if size > 150 { 2 } else { 0 };
        entry(links, b"x").as_bytes().to_vec()
    };
    let proof = |size: usize| {
        let links = if size > 300 { 2 } else { 0 };
        let [one, other] = [b"x", b"y"].map(|payload| entry_beside(links, payload));
        let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic());
        let proof = proof.expect("they are at one place");
        proof.encode(&mut [0; pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH]).to_vec()
    };
    vec![
        Decoder::new("entry", 134, make, |bytes| Entry::decode(bytes).is_ok()),
        Decoder::new("fork proof, two signatures", 270, proof, |bytes| {
            ForkProof::decode(bytes).is_ok()
        })
        .within(SIGNED_BYTE_ASKED),
    ]
}

/// Entries with the same place and links, whatever the payload.
fn entry_beside(links: usize, payload: &[u8]) -> EncodedEntry {
    if links == 0 {
        return entry(0, payload);
    }
    let mut log = vec![entry(0, b"x")];
    for length in 2..=3 {
        let tip = log[length - 2].header();
        let args = NextArgs::after(tip, None).expect("neither has a skiplink of its own");
        log.push(args.forge(&key_pair(), b"x"));
    }
    let skiplink = Some(log[0].hash());
    let args = NextArgs::after(log[2].header(), skiplink).expect("the log can go on");
    args.forge(&key_pair(), payload)
}

fn create(fields: Vec<(String, RawValue)>) -> Vec<u8> {
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let fields = Fields::from_pairs(fields).expect("names are good");
    Operation::Create { schema: SystemSchema::Blob.into(), fields }.encode()
}

fn one(value: RawValue) -> Vec<u8> {
    create(vec![(String::from("a"), value)])
}

fn operations() -> Vec<Decoder> {
    type Make = fn(usize) -> Vec<u8>;
    let makers: [(&str, usize, Make); 6] = [
        ("operation: fields", 3_500, |size| {
            create((0..size / 7).map(|n| (format!("a{n:04}"), RawValue::Bool(true))).collect())
        }),
        ("operation: a text", 128 * 1024, |size| one(RawValue::Str("x".repeat(size)))),
        ("operation: bytes", 128 * 1024, |size| one(RawValue::Bytes(vec![7; size]))),
        ("operation: hashes", 128 * 1024, |size| one(RawValue::HashList(hashes(size / HASH)))),
        ("operation: views", 192 * 1024, |size| {
            one(RawValue::NestedHashList(
                hashes(size / HASH).into_iter().map(|id| vec![id]).collect(),
            ))
        }),
        ("operation: previous", 16 * 1024, |size| {
            let previous = DocumentViewId::from_sorted(sorted(size / HASH));
            let previous = previous.expect("they are sorted");
            Operation::Delete { schema: SystemSchema::Blob.into(), previous }.encode()
        }),
    ];
    let read = |bytes: &[u8]| Operation::decode(bytes).is_ok();
    makers.into_iter().map(|(name, size, make)| Decoder::new(name, size, make, read)).collect()
}

fn joined(count: usize) -> String {
    let texts: Vec<_> = sorted(count).iter().map(ToString::to_string).collect();
    texts.join("_")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn texts() -> Vec<Decoder> {
    let views = |size: usize| joined(size / HASH_TEXT).into_bytes();
    let schemas = |size: usize| format!("name_{}", joined(size / HASH_TEXT)).into_bytes();
    let types =
        |size: usize| format!("relation_list(name_{})", joined(size / HASH_TEXT)).into_bytes();
    let size = 32 * 1024;
    vec![
        Decoder::new("text of a view id", size, views, |it| {
            text(it).parse::<DocumentViewId>().is_ok()
        }),
        Decoder::new("text of a schema id", size, schemas, |it| {
            text(it).parse::<SchemaId>().is_ok()
        }),
        Decoder::new("text of a field type", size, types, |it| {
            text(it).parse::<FieldType>().is_ok()
        }),
        Decoder::new("definition of a schema", 16 * 1024, definition, |bytes| {
            let fields: Vec<_> = bytes.chunks_exact(FIELD).map(field).collect();
            let definition = DefinitionView {
                id: DocumentViewId::from(OperationId::from_hash(hash(0))),
                name: String::from("name"),
                description: String::new(),
                fields: fields.iter().rev().map(|field| field.id.clone()).collect(),
            };
            Schema::assemble(&definition, &fields).is_ok()
        }),
    ]
}

/// A field of a definition here: the id of its view, and its name.
const FIELD: usize = HASH + 5;

fn definition(size: usize) -> Vec<u8> {
    let ids = sorted(size / FIELD).into_iter().enumerate();
    ids.flat_map(|(number, id)| {
        [id.encode().as_slice(), format!("a{number:04}").as_bytes()].concat()
    })
    .collect()
}

fn field(bytes: &[u8]) -> FieldDefinitionView {
    let (id, name) = bytes.split_at(HASH);
    let id = OperationId::decode(id).expect("an id was written");
    FieldDefinitionView {
        id: DocumentViewId::from(id),
        name: text(name).into(),
        field_type: String::from("bool"),
    }
}

fn log(number: usize) -> LogName {
    let mut author = [0; 32];
    author[..8].copy_from_slice(&(number as u64).to_be_bytes());
    LogName { author: Author::from_bytes(author), log_id: LogId::new(5) }
}

fn heads(count: usize) -> Vec<TheirHead> {
    let state = HeadState::from_bytes([3; 32]).salted(&Salt::from_bytes([1; 16]));
    (0..count)
        .map(|number| TheirHead { log: log(number), tip: Tip::Line(seq_num(3)), state })
        .collect()
}

fn ranges(count: usize) -> Ranges {
    let mut ranges = Ranges::default();
    let key = |number| LogKey { schema: 0, log: log(number) };
    for number in 0..count {
        let range = KeyRange::new(key(number), Bound::Key(key(number + 1))).expect("in order");
        let content = Content::Fingerprint(Fingerprint::from_bytes([9; 8]));
        ranges.push(RangeItem { range, content }).expect("they follow each other");
    }
    ranges
}

fn schema_ids(count: usize) -> Vec<SchemaId> {
    let name = SchemaName::parse("name").expect("the name is a good one");
    let ids = sorted(count).into_iter();
    ids.map(|id| SchemaId::application(name.clone(), DocumentViewId::from(id))).collect()
}

fn received(count: usize) -> Vec<Received> {
    let entry = entry(2, &[7; 100]).as_bytes().to_vec();
    vec![Received { entry, payload: Some(vec![7; 100]) }; count]
}

fn messages() -> Vec<Decoder> {
    type Make = fn(usize) -> Message;
    let makers: [(&str, usize, Make); 6] = [
        ("message: entries", 128 * 1024, |size| Message::Entries(received(size / 310))),
        ("message: ranges", 32 * 1024, |size| Message::Ranges(ranges(size / 45))),
        ("message: heads", 128 * 1024, |size| Message::Have(heads(size / 43))),
        ("message: wanted logs", 128 * 1024, |size| {
            Message::Want((0..size / 34).map(|number| (log(number), seq_num(3))).collect())
        }),
        ("message: wanted documents", 16 * 1024, |size| {
            let ids = sorted(size / HASH);
            Message::WantDocuments(WantDocuments { ids, after: None })
        }),
        ("message: an announcement", 32 * 1024, |size| {
            let interest = Interest::Schemas(schema_ids(size / 75));
            Message::Announce(Announcement { versions: vec![2], interest, hints: Vec::new() })
        }),
    ];
    let decoder = |(name, size, make): (&'static str, usize, Make)| {
        let read = |bytes: &[u8]| Message::decode(bytes).is_ok();
        Decoder::new(name, size, move |size| make(size).encode(), read)
    };
    makers.into_iter().map(decoder).collect()
}

fn legacy_messages() -> Vec<Decoder> {
    use legacy::{AuthorLogs, Frames, Message, SchemaSet};
    type Make = fn(usize) -> Message;
    let makers: [(&str, usize, Make); 4] = [
        ("version 1: logs", 512 * 1024, |size| {
            let logs = (0..size / 6).map(|number| (LogId::new(number as u64), seq_num(3)));
            Message::Have {
                session: 1,
                authors: vec![AuthorLogs { author: [1; 32], logs: logs.collect() }],
            }
        }),
        ("version 1: authors", 512 * 1024, |size| {
            let author = |number| AuthorLogs {
                author: *log(number).author.as_bytes(),
                logs: vec![(LogId::new(0), seq_num(1))],
            };
            Message::Have { session: 1, authors: (0..size / 39).map(author).collect() }
        }),
        ("version 1: an announcement", 128 * 1024, |size| {
            let schemas = SchemaSet::new(schema_ids(size / 76)).expect("there are not too many");
            Message::Announce { version: 1, timestamp: 1, schemas }
        }),
        ("version 1: an entry", 128 * 1024, |size| {
            let entry = entry(2, b"x").as_bytes().to_vec();
            Message::Entry { session: 1, entry, operation: Some(vec![7; size]) }
        }),
    ];
    let decoder = |(name, size, make): (&'static str, usize, Make)| {
        let read = |bytes: &[u8]| Message::decode(bytes).is_ok();
        Decoder::new(name, size, move |size| make(size).encode(), read)
    };
    let mut decoders: Vec<_> = makers.into_iter().map(decoder).collect();
    // The end of a message has to be found, as it comes in pieces.
    let (_, size, make) = makers[0];
    decoders.push(Decoder::new(
        "version 1: frames",
        size,
        move |size| make(size).encode(),
        |bytes| {
            let mut frames = Frames::new();
            bytes.chunks(1_400).all(|mut piece| {
                loop {
                    match frames.take(&mut piece) {
                        Ok(Some(_)) => {}
                        Ok(None) => break true,
                        Err(_) => break false,
                    }
                }
            })
        },
    ));
    decoders
}

fn files() -> Vec<Decoder> {
    let make = |size: usize| {
        let count = size / 312;
        let header = BundleHeader {
            origin: Origin::new("benches"),
            scope: Scope::default(),
            proofs: 0,
            entries: count as u64,
            schemas: SchemaList::default(),
        };
        let mut writer = BundleWriter::begin(Vec::new(), &header).expect("it goes to memory");
        let mut payload = [0; 100];
        let entry = entry(2, &payload);
        for number in 0..count {
            // Random bytes, which do not get smaller.
            payload[..32].copy_from_slice(hash(number).digest());
            writer.entry(entry.as_bytes(), Some(&payload)).expect("it goes to memory");
        }
        writer.finish().expect("it goes to memory").out
    };
    let read = |bytes: &[u8]| {
        let Ok(mut reader) = BundleReader::open(bytes) else { return false };
        while let Ok(Some(_)) = reader.next_items() {}
        reader.is_complete()
    };
    vec![Decoder::new("bundle", 512 * 1024, make, read)]
}
