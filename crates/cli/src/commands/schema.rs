//! `pandan schema`: from a file of definitions to schemas that a node knows.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use pandan_identity::KeyFormat;
use pandan_operations::{OperationId, SchemaName};
use serde_json::json;

use crate::arguments::{KeyArgs, NodeArgs};
use crate::client::{Client, ClientError};
use crate::definitions;
use crate::failure::{Exit, failure, usage};
use crate::keys;
use crate::output::Output;
use crate::proof::Proven;
use crate::schema::build::{self, Change};
use crate::schema::lock::{Commit, Lock};
use crate::schema::manifest::Manifest;
use crate::schema::workshop::Workshop;
use crate::style::{BOLD, DIM, GOOD, VALUE, clean, paint};
use crate::table::Table;

/// What to do with schemas.
#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Begin a schema.toml, and a key if there is none
    Init(Init),
    /// Sign what is new in schema.toml and write it to schema.lock
    Build(Build),
    /// Publish what a node does not have yet of schema.lock
    Deploy(Deploy),
    /// Show the schemas that a node knows
    List(List),
    /// Show a schema and its fields
    Show(Show),
}

impl SchemaCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::Init(command) => command.run(out),
            Self::Build(command) => command.run(out),
            Self::Deploy(command) => command.run(out),
            Self::List(command) => command.run(out),
            Self::Show(command) => command.run(out),
        }
    }
}

/// Begin a schema.toml, and a key if there is none
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// Name of the first schema
    #[arg(default_value = "note")]
    name: SchemaName,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    key: KeyArgs,
}

/// Where definitions and commits are kept.
#[derive(Args, Debug)]
struct Files {
    /// File with the definitions
    #[arg(long, value_name = "FILE", default_value = "schema.toml")]
    schemas: PathBuf,
    /// File with the signed commits
    #[arg(long, value_name = "FILE", default_value = "schema.lock")]
    lock: PathBuf,
}

impl Init {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let path = &self.files.schemas;
        if path.exists() {
            return Err(usage(format!("{} exists already; edit it instead", path.display())));
        }
        let has_key = self.key.path().exists();
        if !has_key {
            keys::create(self.key.path(), KeyFormat::Hex)?;
        }
        write(path, &template(&self.name))?;
        out.show(&json!({ "schemas": path, "key": self.key.path(), "new_key": !has_key }), || {
            let key = self.key.path().display();
            let key = if has_key {
                format!("Signing with {key}.")
            } else {
                format!("Made the key {key}: keep it, and keep it secret.")
            };
            format!("Began {}. {key}\nNext: edit it, then `pandan schema build`.", path.display())
        })?;
        Ok(())
    }
}

fn template(name: &SchemaName) -> String {
    format!(
        "# One table for each schema. Types: str, int, float, bool, bytes, and relation,
# relation_list, pinned_relation, pinned_relation_list together with the schema they relate to:
# author = {{ type = \"relation\", schema = {{ name = \"person\" }} }}

[{name}]
description = \"What a {name} is\"

[{name}.fields]
title = {{ type = \"str\" }}
"
    )
}

/// Sign what is new in schema.toml and write it to schema.lock
#[derive(Args, Debug)]
pub(crate) struct Build {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    key: KeyArgs,
    /// Only say what would be committed
    #[arg(long)]
    dry_run: bool,
}

impl Build {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let manifest = Manifest::parse(&read(&self.files.schemas)?)
            .map_err(|error| in_file(&self.files.schemas, &error))?;
        let lock =
            if self.files.lock.exists() { read_lock(&self.files.lock)? } else { Lock::default() };
        let key_pair = self.key.load()?;
        let mut workshop = Workshop::new(&key_pair, lock)?;
        let before = workshop.len();
        let built = build::build(&mut workshop, &manifest)?;
        let commits = workshop.commits_from(before).len();
        if commits > 0 && !self.dry_run {
            write(&self.files.lock, &workshop.into_lock().to_text())?;
        }
        let schemas = built
            .iter()
            .map(|schema| json!({ "id": schema.id.as_str(), "change": schema.change.as_str() }));
        let value = json!({ "schemas": schemas.collect::<Vec<_>>(), "commits": commits });
        out.show(&value, || {
            let mut text = String::new();
            for schema in &built {
                let style = if schema.change == Change::Unchanged { DIM } else { GOOD };
                let change = paint(style, format!("{:9}", schema.change.as_str()));
                text += &format!("{change} {}\n", paint(VALUE, &schema.id));
            }
            text + &match (commits, self.dry_run) {
                (0, _) => "Nothing is new.".to_owned(),
                (_, true) => format!("{commits} commits would be added."),
                _ => format!(
                    "{commits} commits added to {}. Next: `pandan schema deploy`.",
                    self.files.lock.display()
                ),
            }
        })?;
        Ok(())
    }
}

/// Publish what a node does not have yet of schema.lock
#[derive(Args, Debug)]
pub(crate) struct Deploy {
    /// File with the signed commits
    #[arg(long, value_name = "FILE", default_value = "schema.lock")]
    lock: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
}

impl Deploy {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let lock = read_lock(&self.lock)?;
        let client = self.node.client();
        let (mut published, mut known) = (0, 0);
        let bar = out.progress(lock.commits.len() as u64, "publishing");
        for (commit, number) in lock.commits.iter().zip(1..) {
            let is_new = deploy(&client, commit)
                .with_context(|| format!("commit {number} of {}", self.lock.display()))?;
            if is_new {
                published += 1
            } else {
                known += 1
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        out.show(&json!({ "published": published, "known": known }), || {
            format!("{published} commits published, {known} were known to {}.", client.endpoint())
        })?;
        Ok(())
    }
}

/// Publishes a commit unless the node has it; says whether it was new.
fn deploy(client: &Client, commit: &Commit) -> anyhow::Result<bool> {
    let header = Proven::check(&commit.entry, &commit.operation)?.header;
    let view = OperationId::from(*commit.entry_hash.as_hash()).into();
    match client.next_args(&commit.author, Some(&view)) {
        Ok(next) if next.log_id() == header.log_id() && next.seq_num() > header.seq_num() => {
            Ok(false)
        }
        Ok(next) => Err(failure(
            Exit::Refused,
            format!(
                "the node has this commit in log {} of its author and not in log {}; \
                 deploy to a node that got it from this lock file",
                next.log_id(),
                header.log_id()
            ),
        )),
        // An operation that the node does not know is none to build on.
        Err(ClientError::Refused { .. }) => {
            client.publish(&commit.entry, &commit.operation)?;
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

/// Show the schemas that a node knows
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only those of this name
    name: Option<String>,
    #[command(flatten)]
    node: NodeArgs,
}

impl List {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let found = definitions::definitions(&self.node.client(), self.name.as_deref())?;
        let list = found.iter().map(|(id, description)| {
            json!({ "id": id.as_str(), "name": id.name(), "description": description })
        });
        let value = json!({ "schemas": list.collect::<Vec<_>>() });
        out.show(&value, || {
            if found.is_empty() {
                return String::from(NO_SCHEMAS);
            }
            let lines = found.iter().map(|(id, description)| {
                let (name, description) = (paint(BOLD, id.name()), clean(description));
                format!("{name}  {description}\n  {}\n", paint(VALUE, id))
            });
            lines.collect()
        })?;
        Ok(())
    }
}

const NO_SCHEMAS: &str =
    "The node knows no application schemas. `pandan schema deploy` brings some.";

/// Show a schema and its fields
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Id of the schema, or its name if the node knows only one such
    schema: String,
    #[command(flatten)]
    node: NodeArgs,
}

impl Show {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let schema = definitions::find_schema(&self.node.client(), &self.schema)?;
        let fields = schema
            .fields()
            .map(|(name, kind)| json!({ "name": name.as_str(), "type": kind.to_string() }));
        let value = json!({
            "id": schema.id().as_str(),
            "name": schema.name(),
            "description": schema.description(),
            "fields": fields.collect::<Vec<_>>(),
        });
        out.show(&value, || {
            let mut table = Table::new(["field", "type"]);
            for (name, kind) in schema.fields() {
                table.row([name.as_str(), &kind.to_string()]);
            }
            let title = paint(BOLD, schema.name());
            format!(
                "{title}  {}\n{}\n\n{}",
                clean(schema.description()),
                paint(VALUE, schema.id()),
                table.render()
            )
        })?;
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).map_err(|error| {
        usage(format!("cannot read {}: {error}; `pandan schema init` begins one", path.display()))
    })
}

fn read_lock(path: &Path) -> anyhow::Result<Lock> {
    let text = fs::read_to_string(path).map_err(|error| {
        usage(format!("cannot read {}: {error}; `pandan schema build` makes one", path.display()))
    })?;
    Lock::parse(&text).map_err(|error| in_file(path, &error))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn in_file(path: &Path, error: &dyn std::error::Error) -> anyhow::Error {
    usage(format!("{}: {error}", path.display()))
}
