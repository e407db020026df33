//! `pandan export`: documents of a node in a file.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;
use indicatif::HumanBytes;
use pandan_bundle::{
    BundleHeader, ExportError, Origin, Selection, StateHeader, StateReader, Written, write_state,
};
use pandan_identity::hex;
use pandan_operations::{DocumentId, SchemaId};
use pandan_store::{Snapshot, Store};
use serde_json::{Value, json};

use crate::commands::bundle::{describe_bundle, describe_state, of_schemas};
use crate::failure::{missing, unverified, usage};
use crate::folder;
use crate::output::Output;
use crate::style::{GOOD, paint};

/// Write documents of a node to a file, to carry them to another one
///
/// Everything, unless schemas or documents are named. The node may run meanwhile: what is written
/// is of one moment.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// File to write; - for standard output
    file: PathBuf,
    /// All documents of a schema, and what defines it: its id, or its name if there is only one
    /// such; may be given several times
    #[arg(long = "schema", value_name = "SCHEMA")]
    schemas: Vec<String>,
    /// A document, and what defines its schema; may be given several times
    #[arg(long = "document", value_name = "ID")]
    documents: Vec<DocumentId>,
    /// Also all documents to which relations of those lead, such as the pieces of files
    #[arg(long)]
    with_dependencies: bool,
    /// Only what another node lacks, which wrote this file with --state
    #[arg(long, value_name = "STATE")]
    lacking: Option<PathBuf>,
    /// Write how far this node has its logs, for --lacking on another one
    #[arg(long, conflicts_with_all = ["schemas", "documents", "with_dependencies", "lacking"])]
    state: bool,
    /// Say in the file when it was written; otherwise the same documents make the same file
    #[arg(long)]
    timestamp: bool,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Folder of the node [default: pandan in the folder for data of the system]
    #[arg(long, value_name = "DIR", env = "PANDAN_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl Export {
    pub(crate) fn run(mut self, out: Output) -> anyhow::Result<()> {
        let is_piped = self.file.as_os_str() == "-";
        if is_piped && io::stdout().is_terminal() {
            return Err(usage(
                "a terminal cannot show a bundle; name a file, or send it on with |",
            ));
        }
        if !is_piped && !self.force && self.file.exists() {
            let file = self.file.display();
            return Err(usage(format!("{file} exists; name another file, or add --force")));
        }
        let folder = folder::named_or_default(self.data_dir.take())?;
        let snapshot =
            folder::read(&folder)?.snapshot().with_context(|| folder::failed(&folder))?;
        if is_piped {
            self.write(&*snapshot, io::stdout().lock(), out)?;
            return Ok(());
        }
        let wrote = with_part_of(&self.file, |file| self.write(&*snapshot, file, out))?;
        let file = self.file.display().to_string();
        out.show(&wrote.value(&file), || wrote.text(&file))?;
        Ok(())
    }

    fn write(&self, snapshot: &dyn Snapshot, to: impl Write, out: Output) -> anyhow::Result<Wrote> {
        let to = BufWriter::new(to);
        if self.state {
            let (header, written) = write_state(snapshot, to, self.origin())?;
            return Ok(Wrote::new(Header::State(header), &written));
        }
        let selection = self.selection(snapshot)?;
        let mut state = self.lacking.as_deref().map(open_state).transpose()?;
        let export = pandan_bundle::Export::prepare(snapshot, &selection, state.as_mut())
            .map_err(|error| self.explain(error))?;
        let bar = out.progress(export.entries(), "exporting");
        let mut progress = |done: u64| {
            if done.is_multiple_of(DRAW_EVERY) {
                bar.set_position(done);
            }
        };
        let written = export.write(snapshot, to, self.origin(), &mut progress);
        bar.finish_and_clear();
        Ok(Wrote::new(Header::Bundle(export.header(self.origin())), &written?))
    }

    fn origin(&self) -> Origin {
        let origin = Origin::new(concat!("pandan ", env!("CARGO_PKG_VERSION")));
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) if self.timestamp => origin.created_at(since.as_secs()),
            _ => origin,
        }
    }

    fn selection(&self, snapshot: &dyn Snapshot) -> anyhow::Result<Selection> {
        let known = snapshot.schemas()?;
        let known: Vec<_> = known.iter().map(|known| known.schema.id()).collect();
        let schemas = self.schemas.iter().map(|name| find_schema(&known, name));
        Ok(Selection {
            schemas: schemas.collect::<anyhow::Result<_>>()?,
            documents: self.documents.iter().copied().collect(),
            with_dependencies: self.with_dependencies,
        })
    }

    fn explain(&self, error: ExportError) -> anyhow::Error {
        match error {
            ExportError::Select(error) => missing(error),
            ExportError::State(error) => {
                let state = self.lacking.as_deref().unwrap_or(Path::new("")).display();
                let error = format!("{:#}", anyhow::Error::new(error));
                unverified(format!("{state}: {error}; have the other node write it again"))
            }
            error => error.into(),
        }
    }
}

/// Entries after which the progress is drawn again.
const DRAW_EVERY: u64 = 256;

fn open_state(path: &Path) -> anyhow::Result<StateReader<BufReader<File>>> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| usage(format!("cannot read {shown}: {error}")))?;
    StateReader::open(BufReader::new(file)).map_err(|error| {
        let error = format!("{:#}", anyhow::Error::new(error));
        unverified(format!("{shown}: {error}; `pandan export --state` writes such a file"))
    })
}

/// The schema with this id, or the only one with this name.
fn find_schema(known: &[&SchemaId], name: &str) -> anyhow::Result<SchemaId> {
    let with_id = known.iter().filter(|schema| schema.as_str() == name);
    let with_name = known.iter().filter(|schema| schema.name() == name);
    let found: Vec<_> = with_id.collect();
    let found = if found.is_empty() { with_name.collect() } else { found };
    match found.as_slice() {
        [schema] => Ok(SchemaId::clone(schema)),
        [] => Err(missing(format!("there is no schema {name} in this folder"))),
        several => {
            let ids: Vec<_> = several.iter().map(|schema| schema.as_str()).collect();
            Err(usage(format!("several schemas are named {name}; choose one: {}", ids.join(", "))))
        }
    }
}

/// Writes a file beside the one that was named and puts it in its place when it is whole and on
/// the disk: nobody finds half of it.
fn with_part_of<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut part = OsString::from(path);
    part.push(".part");
    let part = PathBuf::from(part);
    let failed = || format!("cannot write {}", path.display());
    let mut file = match File::create_new(&part) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let part = part.display();
            let what = "another export writes it, or was cut off; if none does, remove it";
            return Err(usage(format!("{part} exists: {what}")));
        }
        file => file.with_context(failed)?,
    };
    let written = write(&mut file).and_then(|written| {
        file.sync_all().and_then(|()| std::fs::rename(&part, path)).with_context(failed)?;
        Ok(written)
    });
    if written.is_err() {
        // What is left of it is of no use, and the reason why it failed matters more.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// A file that was written.
struct Wrote {
    header: Header,
    bytes: u64,
    checksum: String,
}

enum Header {
    Bundle(BundleHeader),
    State(StateHeader),
}

impl Wrote {
    fn new<W>(header: Header, written: &Written<W>) -> Self {
        Self { header, bytes: written.bytes, checksum: hex::encode(&written.checksum) }
    }

    fn value(&self, file: &str) -> Value {
        let mut value = match &self.header {
            Header::Bundle(header) => describe_bundle(header),
            Header::State(header) => describe_state(header),
        };
        value["file"] = json!(file);
        value["bytes"] = json!(self.bytes);
        value["checksum"] = json!(self.checksum);
        value
    }

    fn text(&self, file: &str) -> String {
        let size = HumanBytes(self.bytes);
        let what = match &self.header {
            Header::State(header) => format!("the state of {} logs", header.logs),
            Header::Bundle(BundleHeader { entries: 0, proofs: 0, .. }) => {
                return paint(GOOD, format!("✓ nothing to bring: {file} ({size}) has no entries"));
            }
            Header::Bundle(header) => {
                format!("{} entries {}", header.entries, of_schemas(header.schemas.total()))
            }
        };
        paint(GOOD, format!("✓ {what} written to {file} ({size})"))
    }
}
