//! `pandan entry inspect`: what the bytes of an entry and its operation mean.

use std::fs;
use std::io::{self, Read};

use clap::{Args, Subcommand};
use pandan_bamboo::{Claims, Entry, EntryHash, Hash, varu64};
use pandan_identity::hex;
use pandan_operations::Operation;
use serde_json::{Value, json};

use crate::cbor::{self, Piece};
use crate::failure::{unverified, usage};
use crate::output::Output;
use crate::style::{BOLD, DIM, ERROR, GOOD, PALETTE, VALUE, WARN, paint};

/// What to do with an entry.
#[derive(Debug, Subcommand)]
pub(crate) enum EntryCommand {
    /// Explain each byte of an entry, and verify it
    Inspect(Inspect),
}

impl EntryCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::Inspect(command) => command.run(out),
        }
    }
}

/// Explain each byte of an entry, and verify it
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// The entry as hex digits, a file with it (hex or bytes), or - for standard input
    entry: String,
    /// Its operation, given in the same way
    #[arg(long, value_name = "HEX|FILE|-")]
    operation: Option<String>,
}

/// The outcome of one check.
struct Check {
    name: &'static str,
    fault: Option<String>,
}

impl Check {
    fn of<T, E: std::error::Error>(name: &'static str, result: Result<T, E>) -> Self {
        Self { name, fault: result.err().map(|error| error.to_string()) }
    }
}

impl Inspect {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let bytes = read(&self.entry)?;
        let payload = self.operation.as_deref().map(read).transpose()?;
        let entry = Entry::decode(&bytes).map_err(|error| {
            unverified(format!("this is no entry: {error} ({} bytes were given)", bytes.len()))
        })?;
        let checks = checks(entry, payload.as_deref());
        let pieces = layout(&bytes, entry.claims());
        let operation = payload.as_deref().map(cbor::explain).unwrap_or_default();
        let hash = EntryHash::from_hash(Hash::of(&bytes));
        let faults: Vec<_> = checks.iter().filter_map(|check| check.fault.clone()).collect();
        let value = json!({
            "hash": hash.to_string(),
            "entry": pieces_json(&bytes, &pieces),
            "operation": payload.as_deref().map(|payload| pieces_json(payload, &operation)),
            "verified": faults.is_empty(),
            "faults": faults,
        });
        out.show(&value, || {
            let mut text = format!("{} {}\n", paint(BOLD, "entry"), paint(VALUE, hash));
            text += &dump(&bytes, &pieces);
            if let Some(payload) = &payload {
                text += &format!("\n{} of {} bytes\n", paint(BOLD, "operation"), payload.len());
                text += &dump(payload, &operation);
            }
            text + "\n" + &verdict(&checks, payload.is_some())
        })?;
        match faults.first() {
            None => Ok(()),
            Some(fault) => Err(unverified(format!("this entry does not hold: {fault}"))),
        }
    }
}

/// Hex digits, a file with hex digits or bytes, or standard input.
pub(super) fn read(source: &str) -> anyhow::Result<Vec<u8>> {
    if let Some(bytes) = hex::decode_vec(source).ok().filter(|bytes| !bytes.is_empty()) {
        return Ok(bytes);
    }
    let mut content = Vec::new();
    if source == "-" {
        io::stdin().read_to_end(&mut content)?;
    } else {
        content = fs::read(source).map_err(|error| {
            usage(format!(
                "\"{source}\" is neither hexadecimal nor a file that can be read: {error}"
            ))
        })?;
    }
    let text = std::str::from_utf8(&content).ok().map(str::trim);
    Ok(text.and_then(|text| hex::decode_vec(text).ok()).unwrap_or(content))
}

fn checks(entry: Entry<'_>, payload: Option<&[u8]>) -> Vec<Check> {
    let mut checks = Vec::new();
    let authentic = entry.authenticate();
    checks.push(Check::of("signature", authentic));
    if let Some(payload) = payload {
        if let Ok(authentic) = authentic {
            checks.push(Check::of("payload", authentic.bind(payload)));
        }
        checks.push(Check::of("operation", Operation::decode(payload)));
    }
    checks
}

/// The fields of an entry in the order in which they stand.
fn layout(bytes: &[u8], claims: &Claims) -> Vec<Piece> {
    let tag =
        if claims.is_end_of_log() { "tag: the log ends here" } else { "tag: an ordinary entry" };
    let number = |value| varu64::encode(value).as_bytes().len();
    let mut fields = vec![
        (1, tag.to_owned()),
        (32, String::from("public key of the author")),
        (number(claims.log_id().number()), format!("log id {}", claims.log_id())),
        (number(claims.seq_num().number()), format!("sequence number {}", claims.seq_num())),
    ];
    if let Some(target) = claims.links().skiplink().and(claims.seq_num().skiplink()) {
        fields.push((34, format!("skiplink: hash of entry {target}")));
    }
    if let Some(target) = claims.links().backlink().and(claims.seq_num().previous()) {
        fields.push((34, format!("backlink: hash of entry {target}")));
    }
    fields.push((number(claims.payload_size()), format!("payload size {}", claims.payload_size())));
    fields.push((34, String::from("payload hash")));
    fields.push((64, String::from("signature of all before")));
    let mut start = 0;
    let pieces = fields.into_iter().map(|(length, meaning)| {
        let piece = Piece { start, end: (start + length).min(bytes.len()), depth: 0, meaning };
        start += length;
        piece
    });
    pieces.collect()
}

fn pieces_json(bytes: &[u8], pieces: &[Piece]) -> Vec<Value> {
    let pieces = pieces.iter().map(|piece| {
        json!({
            "start": piece.start,
            "end": piece.end,
            "depth": piece.depth,
            "meaning": piece.meaning,
            "hex": hex(bytes, piece),
        })
    });
    pieces.collect()
}

fn hex(bytes: &[u8], piece: &Piece) -> String {
    hex::encode(bytes.get(piece.start..piece.end).unwrap_or_default())
}

/// One line for each piece, more for long ones.
fn dump(bytes: &[u8], pieces: &[Piece]) -> String {
    let mut text = String::new();
    for (piece, number) in pieces.iter().zip(0..) {
        let style = PALETTE[number % PALETTE.len()];
        let hex = hex(bytes, piece);
        let mut lines = hex.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
        let first = lines.next().unwrap_or_default();
        let indent = "  ".repeat(piece.depth);
        let offset = paint(DIM, format!("{:>6}", piece.start));
        let padding = " ".repeat(LINE.saturating_sub(first.len()));
        text += &format!("{offset}  {}{padding}  {indent}{}\n", paint(style, first), piece.meaning);
        for line in lines {
            text += &format!("        {}\n", paint(style, line));
        }
    }
    text
}

fn verdict(checks: &[Check], has_payload: bool) -> String {
    let mut text = String::new();
    for check in checks {
        text += &match &check.fault {
            None => paint(GOOD, format!("✓ {} holds\n", check.name)),
            Some(fault) => format!("{} {fault}\n", paint(ERROR, format!("✗ {}:", check.name))),
        };
    }
    if !has_payload {
        text += &paint(WARN, "– payload not checked; give it with --operation\n");
    }
    text
}

/// Hex digits per line.
const LINE: usize = 34;
