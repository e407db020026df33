//! `pandan bundle`: looks into files of entries, without a node.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pandan_bundle::{
    BundleHeader, BundleReader, FileKind, Origin, ReadError, SchemaList, StateHeader, StateReader,
};
use pandan_identity::hex;
use serde_json::{Value, json};

use crate::failure::{unverified, usage};
use crate::output::Output;
use crate::style::{GOOD, paint};
use crate::table::Table;

/// What to do with files of entries.
#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Show what is in a file, and whether it is whole
    Show(Show),
}

impl BundleCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::Show(command) => command.run(out),
        }
    }
}

/// Show what is in a file, and whether it is whole
///
/// Signatures are checked by `pandan import`, with --dry-run if nothing is to be stored.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The file: a bundle, or the state of a node
    file: PathBuf,
}

impl Show {
    fn run(self, out: Output) -> anyhow::Result<()> {
        match BundleReader::open(open(&self.file)?) {
            Ok(bundle) => self.bundle(bundle, out),
            Err(ReadError::Kind { found, .. }) if found == FileKind::State as u8 => {
                let state = StateReader::open(open(&self.file)?);
                self.state(state.map_err(|error| damaged(&self.file, error))?, out)
            }
            Err(error) => Err(damaged(&self.file, error)),
        }
    }

    fn bundle(&self, mut bundle: BundleReader<impl Read>, out: Output) -> anyhow::Result<()> {
        let header = bundle.header().clone();
        let read = loop {
            match bundle.next_items() {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let mut value = describe_bundle(&header);
        value["complete"] = json!(read.is_ok());
        value["bytes"] = json!(bundle.offset());
        value["checksum"] = json!(read.is_ok().then(|| hex::encode(&bundle.checksum())));
        out.show(&value, || {
            let lines = [
                ("holds", scope(&header)),
                ("entries", header.entries.to_string()),
                ("forks", header.proofs.to_string()),
            ];
            text(&header.origin, &lines, "entries", &header.schemas, read.is_ok())
        })?;
        read.map_err(|error| damaged(&self.file, error))
    }

    fn state(&self, mut state: StateReader<impl Read>, out: Output) -> anyhow::Result<()> {
        let header = state.header().clone();
        let read = loop {
            match state.next_logs() {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let mut value = describe_state(&header);
        value["complete"] = json!(read.is_ok());
        value["bytes"] = json!(state.offset());
        out.show(&value, || {
            let lines =
                [("holds", String::from("the state of a node")), ("logs", header.logs.to_string())];
            text(&header.origin, &lines, "logs", &header.schemas, read.is_ok())
        })?;
        read.map_err(|error| damaged(&self.file, error))
    }
}

/// A file that was named, or standard input.
pub(super) fn open(path: &Path) -> anyhow::Result<BufReader<Box<dyn Read>>> {
    if path.as_os_str() == "-" {
        return Ok(BufReader::new(Box::new(io::stdin())));
    }
    let file = File::open(path)
        .map_err(|error| usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(BufReader::new(Box::new(file)))
}

/// The file is not, or not all, what it claims.
pub(super) fn damaged(path: &Path, error: ReadError) -> anyhow::Error {
    unverified(format!("{}: {:#}", path.display(), anyhow::Error::new(error)))
}

/// The header of a bundle as JSON.
pub(super) fn describe_bundle(header: &BundleHeader) -> Value {
    json!({
        "kind": "bundle",
        "software": header.origin.software(),
        "created": header.origin.created(),
        "selection": header.scope.is_selection,
        "with_dependencies": header.scope.with_dependencies,
        "difference": header.scope.is_difference,
        "entries": header.entries,
        "proofs": header.proofs,
        "schemas": schemas(&header.schemas, "entries"),
        "schemas_total": header.schemas.total(),
    })
}

/// The header of a state as JSON.
pub(super) fn describe_state(header: &StateHeader) -> Value {
    json!({
        "kind": "state",
        "software": header.origin.software(),
        "created": header.origin.created(),
        "logs": header.logs,
        "schemas": schemas(&header.schemas, "logs"),
        "schemas_total": header.schemas.total(),
    })
}

fn schemas(list: &SchemaList, what: &str) -> Vec<Value> {
    let listed = list.listed().iter();
    listed.map(|(schema, count)| json!({ "id": schema.as_str(), what: count })).collect()
}

/// How many schemas, in words.
pub(super) fn of_schemas(count: u64) -> String {
    if count == 1 { String::from("of one schema") } else { format!("of {count} schemas") }
}

fn scope(header: &BundleHeader) -> String {
    let what = match (header.scope.is_selection, header.scope.with_dependencies) {
        (false, _) => "everything",
        (true, false) => "chosen documents",
        (true, true) => "chosen documents and those to which they lead",
    };
    let difference = if header.scope.is_difference { " that another node lacked" } else { "" };
    format!("{what}{difference}")
}

fn text(
    origin: &Origin,
    lines: &[(&str, String)],
    what: &str,
    schemas: &SchemaList,
    is_whole: bool,
) -> String {
    let mut text = format!("{:9} {}\n", "written by", origin.software());
    if let Some(seconds) = origin.created() {
        text += &format!("{:10} {seconds} seconds after the beginning of 1970\n", "written at");
    }
    for (name, value) in lines {
        text += &format!("{name:10} {value}\n");
    }
    let mut table = Table::new(["schema", what]);
    for (schema, count) in schemas.listed() {
        table.row([schema.as_str().to_owned(), count.to_string()]);
    }
    text += &table.render();
    let more = schemas.total() - schemas.listed().len() as u64;
    if more > 0 {
        text += &format!("  and {more} more schemas\n");
    }
    if is_whole {
        text += &paint(GOOD, "✓ whole and not damaged");
    }
    text
}
