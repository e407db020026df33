//! `pandan blob`: files as documents, cut into pieces that fit into operations.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use pandan_operations::{DocumentId, DocumentViewId, Fields, Operation, SchemaId, SystemSchema};
use pandan_schema::limits::MAX_BLOB_PIECE_LENGTH;
use pandan_schema::{Schema, Value};
use serde_json::json;

use crate::arguments::{KeyArgs, NodeArgs};
use crate::commands::document::check;
use crate::failure::{unverified, usage};
use crate::output::Output;
use crate::publisher::Publisher;
use crate::style::{DIM, GOOD, VALUE, paint};

/// What to do with files.
#[derive(Debug, Subcommand)]
pub(crate) enum BlobCommand {
    /// Publish a file
    Put(Put),
    /// Fetch a file
    Get(Get),
}

impl BlobCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::Put(command) => command.run(out),
            Self::Get(command) => command.run(out),
        }
    }
}

/// Publish a file
#[derive(Args, Debug)]
pub(crate) struct Put {
    /// The file
    file: PathBuf,
    /// Its media type, in lower case and without parameters [default: as the name of the file
    /// ends]
    #[arg(long, value_name = "TYPE")]
    mime_type: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
}

impl Put {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let path = self.file.display();
        let fault = |error| usage(format!("cannot read {path}: {error}"));
        let length = fs::metadata(&self.file).map_err(fault)?.len();
        let mut file = File::open(&self.file).map_err(fault)?;
        let mime_type = self.mime_type.as_deref().unwrap_or_else(|| guess(&self.file));
        // Before the pieces are on their way, since they would be in vain.
        check_blob(0, mime_type, vec![example()])?;

        let (client, key_pair) = (self.node.client(), self.key.load()?);
        let publisher = Publisher::new(&client, &key_pair);
        let mut pieces: Vec<DocumentViewId> = Vec::new();
        let mut sent = 0;
        let bar = out.progress(length, "publishing");
        loop {
            let mut data = Vec::new();
            let limit = MAX_BLOB_PIECE_LENGTH as u64;
            (&mut file).take(limit).read_to_end(&mut data).map_err(fault)?;
            // A file without content has one piece without content.
            if data.is_empty() && !pieces.is_empty() {
                break;
            }
            sent += data.len();
            let piece = create(SystemSchema::BlobPiece, [("data", Value::Bytes(data))])?;
            pieces.push(publisher.publish(&piece)?.operation.into());
            bar.set_position(sent as u64);
        }
        bar.finish_and_clear();
        let count = pieces.len();
        let blob = check_blob(i64::try_from(sent)?, mime_type, pieces)?;
        let id = publisher.publish(&blob)?.document().to_string();
        let url = format!("{}/blobs/{id}", client.base());
        let value = json!({
            "document": id,
            "length": sent,
            "pieces": count,
            "mime_type": mime_type,
            "url": url,
        });
        out.show(&value, || {
            let details = paint(DIM, format!("{sent} bytes of {mime_type} in {count} pieces"));
            format!("{} {}\n{url}\n{details}", paint(GOOD, "published"), paint(VALUE, &id))
        })?;
        Ok(())
    }
}

fn check_blob(
    length: i64,
    mime_type: &str,
    pieces: Vec<DocumentViewId>,
) -> anyhow::Result<Operation> {
    let fields = [
        ("length", Value::Int(length)),
        ("mime_type", Value::Str(mime_type.to_owned())),
        ("pieces", Value::PinnedRelationList(pieces)),
    ];
    create(SystemSchema::Blob, fields)
}

fn create<const N: usize>(
    system: SystemSchema,
    fields: [(&str, Value); N],
) -> anyhow::Result<Operation> {
    let fields = Fields::from_pairs(fields.map(|(name, value)| (name, value.to_raw())))?;
    check(&Schema::system(system), Operation::Create { schema: SchemaId::System(system), fields })
}

/// Some view, where it only matters that there is one.
fn example() -> DocumentViewId {
    DocumentId::from_hash(pandan_bamboo::Hash::of(&[])).into()
}

/// The media type that the name of a file promises.
fn guess(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let known = MEDIA_TYPES.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known));
    known.map_or("application/octet-stream", |(_, mime_type)| mime_type)
}

const MEDIA_TYPES: [(&str, &str); 19] = [
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ogg", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("zip", "application/zip"),
];

/// Fetch a file
#[derive(Args, Debug)]
pub(crate) struct Get {
    /// The document of the file
    id: DocumentId,
    /// An earlier view of it
    #[arg(long)]
    view: Option<DocumentViewId>,
    /// Where to write it; standard output unless told
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    node: NodeArgs,
}

impl Get {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let view = self.view.as_ref().map(|view| format!("/{view}")).unwrap_or_default();
        let (promised, mut body) = self.node.client().get(&format!("/blobs/{}{view}", self.id))?;
        let found = match &self.output {
            None => io::copy(&mut body, &mut io::stdout().lock())?,
            Some(path) => {
                let mut file = File::create(path)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                let copied = io::copy(&mut body, &mut file)?;
                file.flush()?;
                copied
            }
        };
        if promised.is_some_and(|promised| promised != found) {
            return Err(unverified(format!(
                "the file is incomplete: expected {} bytes, found {found}; fetch it again",
                promised.unwrap_or_default()
            )));
        }
        match &self.output {
            None => Ok(()),
            Some(path) => Ok(out.show(&json!({ "file": path, "length": found }), || {
                format!("{} {found} bytes to {}", paint(GOOD, "wrote"), path.display())
            })?),
        }
    }
}
