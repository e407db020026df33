//! Inputs to begin with, made of the test vectors.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::Workspace;

/// Where the vectors are.
const VECTORS: &str = "crates/testkit/vectors";

/// Beyond this many entries a log shows nothing new; the first skiplink is in the fourth.
const LOG_ENTRIES_MAX: usize = 14;

/// Larger ones only slow the fuzzer down.
const SEED_BYTES_MAX: usize = 4096;

/// Of the entries every so many make enough seeds where any bytes will do.
const ANY_STEP: usize = 12;

/// Writes the seeds of a target and gives their folder; other targets than these begin with
/// nothing.
pub(super) fn write(workspace: &Workspace, target: &str) -> Result<PathBuf> {
    let vectors = |name: &str| {
        let text =
            fs::read_to_string(workspace.root.join(VECTORS).join(name)).context(name.to_owned())?;
        serde_json::from_str::<Value>(&text).context(name.to_owned())
    };
    let seeds = match target {
        "entry" => {
            let mut seeds = bytes(&vectors("entries.json")?, "encoded");
            seeds.extend(bytes(&vectors("entries_invalid.json")?, "entry"));
            seeds.extend(bytes(&vectors("entries_odd.json")?, "entry"));
            seeds
        }
        "operation" => {
            let mut seeds = bytes(&vectors("operations.json")?, "encoded");
            seeds.extend(bytes(&vectors("operations_invalid.json")?, "encoded"));
            seeds.extend(bytes(&vectors("operations_odd.json")?, "encoded"));
            seeds
        }
        "log" => logs(&vectors("entries.json")?),
        "lock_file" => lock_files(&vectors("documents.json")?),
        // Any bytes will do; signatures and hashes are as good as chance.
        "store_play" | "log_play" | "document" | "graph" | "session" => {
            bytes(&vectors("entries.json")?, "encoded").into_iter().step_by(ANY_STEP).collect()
        }
        "bundle" => bundles(bytes(&vectors("entries.json")?, "encoded")),
        "legacy_messages" => legacy(bytes(&vectors("entries.json")?, "encoded")),
        "message" => messages(bytes(&vectors("entries.json")?, "encoded")),
        "mdns" => mdns(),
        "multistream" => multistream(),
        "graphql" => GRAPHQL.iter().map(|seed| seed.as_bytes().to_vec()).collect(),
        _ => Vec::new(),
    };
    store(workspace, target, &seeds)
}

fn store(workspace: &Workspace, target: &str, seeds: &[Vec<u8>]) -> Result<PathBuf> {
    let folder = workspace.target.join("fuzz-seeds").join(target);
    fs::create_dir_all(&folder)?;
    let small = seeds.iter().filter(|seed| seed.len() <= SEED_BYTES_MAX);
    for (number, seed) in small.enumerate() {
        fs::write(folder.join(number.to_string()), seed)?;
    }
    Ok(folder)
}

/// All texts with this name, however deep, that are hex.
fn bytes(value: &Value, name: &str) -> Vec<Vec<u8>> {
    texts(value, name).into_iter().filter_map(decode_hex).collect()
}

fn texts<'v>(value: &'v Value, name: &str) -> Vec<&'v str> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| texts(item, name)).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(field, value)| match value {
                Value::String(text) if field == name => vec![text.as_str()],
                _ => texts(value, name),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |char: u8| char::from(char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Beginnings of logs: the length of each entry in a byte, and the entry.
fn logs(vectors: &Value) -> Vec<Vec<u8>> {
    let logs = vectors["logs"].as_array().into_iter().flatten();
    logs.map(|log| {
        let entries = bytes(log, "encoded").into_iter().take(LOG_ENTRIES_MAX);
        entries
            .flat_map(|entry| [vec![u8::try_from(entry.len()).unwrap_or(u8::MAX)], entry].concat())
            .collect()
    })
    .collect()
}

/// Lock files with one commit.
fn lock_files(vectors: &Value) -> Vec<Vec<u8>> {
    let documents = vectors["documents"].as_array().into_iter().flatten();
    let operations = documents.filter_map(|document| document["operations"].get(0));
    operations
        .filter_map(|operation| {
            let [hash, entry, payload] =
                ["id", "entry", "operation"].map(|name| operation[name].as_str());
            let (hash, entry, payload) = (hash?, entry?, payload?);
            let commit = format!(
                "[[commits]]\nentry_hash = \"{hash}\"\nentry = \"{entry}\"\noperation = \"{payload}\"\n"
            );
            Some(format!("version = 1\n\n{commit}").into_bytes())
        })
        .collect()
}

/// Bundles of a few entries, in the form that the target seals.
fn bundles(entries: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let block = |kind: u8, content: Vec<u8>| {
        let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&[kind, 0][..], &length, &[0], &length, &content].concat()
    };
    let bundle = |entries: &[Vec<u8>]| {
        let count = entries.len().to_le_bytes()[0];
        let items = entries.iter().flat_map(|entry| {
            let length = entry.len().to_le_bytes()[0];
            [&[2, length][..], entry, b"\x01\x03abc"].concat()
        });
        let header = block(1, vec![0, 0, 0, 0, count, 0, 0]);
        [vec![1], header, block(2, items.collect()), block(4, Vec::new())].concat()
    };
    entries.chunks(ANY_STEP).map(bundle).collect()
}

/// Streams of peers: an announcement and a session in which some entries are sent.
fn legacy(entries: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let session = |(number, entries): (usize, &[Vec<u8>])| {
        // How the stream is cut.
        let mut stream = vec![number.to_le_bytes()[0]];
        stream.extend(b"\x84\x00\x01\x01\x81\x67blob_v1");
        stream.extend(b"\x84\x01\x00\x00\x81\x74schema_definition_v1\x83\x0a\x00\x80");
        for entry in entries {
            stream.extend(b"\x84\x02\x00\x58");
            stream.extend(u8::try_from(entry.len()));
            stream.extend(entry);
            stream.extend(b"\x43abc");
        }
        stream.extend(b"\x83\x03\x00\xf4");
        stream
    };
    entries.chunks(ANY_STEP).enumerate().map(session).collect()
}

/// A message of each kind, but for proofs of forks, and all that may be in it.
fn messages(entries: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let author = [0x11; 32];
    let log = [&author[..], &[0]].concat();
    let place = [&log[..], &[1]].concat();
    let head = [&[0][..], &place, &[0x22; 8]].concat();
    let id = [&[0, 0x20][..], &[0x33; 32]].concat();
    let schemas = b"\x01\x07blob_v1".to_vec();
    let fingerprint = b"\x01\x44\x44\x44\x44\x44\x44\x44\x44".to_vec();
    let entry = entries.into_iter().next().unwrap_or_default();
    let length = [entry.len().to_le_bytes()[0]];
    let received = [&[1][..], &length, &entry, b"\x01\x03abc"].concat();
    let items: [&[&[u8]]; 5] =
        [&[&[0], &id], &[&[1], &log, &[3]], &[&[2], &log, &[1, 1]], &[&[3], &id], &[&[4], &log]];
    let items = items.map(<[&[u8]]>::concat).concat();
    let state = [&[1][..], &id, b"\x01\x04name", &id].concat();
    let messages: [&[&[u8]]; 24] = [
        &[b"\x01\x02", &[0x55; 16], &[1], &schemas, b"\x01\0", &fingerprint],
        &[b"\x02\0"],
        &[b"\x02\x02\x01\0\x01\x10", &fingerprint, b"\0\x02\x01", &head],
        &[b"\x02\x01\x03\0", &author, &[5], &fingerprint],
        &[b"\x03\x01", &place],
        &[b"\x04", &received],
        &[b"\x05\x03\x64"],
        &[b"\x06", &place],
        &[b"\x07\0"],
        &[b"\x07\x01", &entry],
        &[b"\x09"],
        &[b"\x0a\x01", &head],
        &[b"\x0b"],
        &[b"\x0c\x03\x04busy"],
        &[b"\x0d\x01", &id, b"\0"],
        &[b"\x0d\x01", &id, b"\x01", &log],
        &[b"\x0e\0\x01", &head],
        &[b"\x0f\x01", &id],
        &[b"\x10\x02\x01\x02\x01", &schemas],
        &[b"\x11\0\x05", &items],
        &[b"\x12\0\0"],
        &[b"\x12\0\x01", &received],
        &[b"\x12\x01\x02", &state],
        &[b"\x12\x02\x04"],
    ];
    messages.map(<[&[u8]]>::concat).to_vec()
}

/// What a node tells of itself in the local network: texts by themselves, and in packets of DNS.
fn mdns() -> Vec<Vec<u8>> {
    const PEER: &str = "12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV";
    let addresses =
        ["/ip4/192.0.2.1/udp/2022/quic-v1", "/ip6/2001:db8::1/udp/2022/quic-v1", "/tcp/1"];
    let text = |address: &&str| format!("dnsaddr={address}/p2p/{PEER}").into_bytes();
    let texts: Vec<_> = addresses.iter().map(text).collect();
    let labels = |name: &[&str]| -> Vec<u8> {
        let label = |label: &&str| [&label.len().to_le_bytes()[..1], label.as_bytes()].concat();
        name.iter().flat_map(label).chain([0]).collect()
    };
    let sized = |data: Vec<u8>| {
        let length = u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&length[..], &data].concat()
    };
    let (service, peer) = (labels(&["_p2p", "_udp", "local"]), labels(&["peer"]));
    let answer = [service, b"\0\x0c\0\x01\0\0\0\x3c".to_vec(), sized(peer.clone())].concat();
    let record = |text: &Vec<u8>| {
        let data = [&text.len().to_le_bytes()[..1], text].concat();
        [peer.clone(), b"\0\x10\x80\x01\0\0\0\x3c".to_vec(), sized(data)].concat()
    };
    let packet = |texts: &[Vec<u8>]| {
        let count = texts.len().to_le_bytes()[0];
        let header = [1, 2, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, count];
        [&header[..], &answer, &texts.iter().flat_map(record).collect::<Vec<_>>()].concat()
    };
    vec![[&[0], &texts.join(&b'\n')[..]].concat(), packet(&texts[..1]), packet(&texts)]
}

/// Beginnings of streams.
fn multistream() -> Vec<Vec<u8>> {
    let message =
        |text: &&str| [&[text.len().to_le_bytes()[0] + 1], text.as_bytes(), b"\n"].concat();
    let said =
        [&["/multistream/1.0.0", "/pandan/2"][..], &["/multistream/1.0.0", "/x", "ls", "/a"]];
    said.iter().map(|texts| texts.iter().flat_map(message).chain(*b"rest").collect()).collect()
}

/// A query, a NUL and its variables.
const GRAPHQL: [&str; 6] = [
    "query($k:PublicKey!,$v:DocumentViewId){nextArgs(publicKey:$k,viewId:$v){logId seqNum backlink \
     skiplink}}\0{\"k\":\"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c\"}",
    "mutation($e:EncodedEntry!,$o:EncodedOperation!){publish(entry:$e,operation:$o){logId}}\0\
     {\"e\":\"00ff\",\"o\":\"84\"}",
    "{all_schema_definition_v1(first:2,orderBy:name,orderDirection:DESC,filter:{name:{contains:\"a\"\
     }}){totalCount hasNextPage endCursor documents{cursor meta{documentId viewId owner} fields{name \
     fields{documents{fields{name type}}}}}}}\0{}",
    "query Q($f:Int=1,$a:String){a:all_schema_definition_v1(first:$f,after:$a){...F}}fragment F on \
     schema_definition_v1Collection{hasNextPage}\0{\"f\":3,\"a\":null}",
    "{__schema{queryType{name}types{name kind fields{name args{name type{name ofType{name}}}}}}}\0",
    "{__typename __type(name:\"Query\"){name @skip(if:true) description @include(if:false)}}\0{}",
];
