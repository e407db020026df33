//! `pandan fork`: logs with two entries for one place, and the proofs of it.

use clap::{Args, Subcommand};
use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
use pandan_bamboo::{EncodedEntry, ForkProof, LogId};
use pandan_identity::{PublicKey, hex};
use pandan_operations::DocumentId;
use serde_json::{Value, json};

use super::entry;
use crate::arguments::NodeArgs;
use crate::failure::{missing, unverified};
use crate::fields::short;
use crate::output::Output;
use crate::remote::{self, RemoteFork};
use crate::style::{GOOD, VALUE, paint};
use crate::table::Table;

/// What to do with forks.
#[derive(Debug, Subcommand)]
pub(crate) enum ForkCommand {
    /// List the forks that a node knows
    List(List),
    /// Show a fork and its proof
    Show(Show),
    /// Verify the proof of a fork, which needs nothing else
    Verify(Verify),
}

impl ForkCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(out),
            Self::Show(command) => command.run(out),
            Self::Verify(command) => command.run(out),
        }
    }
}

/// List the forks that a node knows
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only those by this author
    #[arg(long, value_name = "PUBLIC_KEY")]
    author: Option<PublicKey>,
    /// Only those with void operations in this document
    #[arg(long, value_name = "ID")]
    document: Option<DocumentId>,
    #[command(flatten)]
    node: NodeArgs,
}

impl List {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let client = self.node.client();
        let forks = remote::forks(&client, self.author.as_ref(), self.document.as_ref())?;
        let value = json!({ "forks": forks.iter().map(told).collect::<Vec<_>>() });
        out.show(&value, || {
            if forks.is_empty() {
                return String::from("No forks.\n");
            }
            let mut table = Table::new(["author", "log", "from entry", "documents"]);
            for RemoteFork { proof, total_documents, .. } in &forks {
                table.row([
                    short(&proof.public_key().to_string()),
                    proof.log_id().to_string(),
                    proof.seq_num().to_string(),
                    total_documents.to_string(),
                ]);
            }
            table.render()
        })?;
        Ok(())
    }
}

/// Show a fork and its proof
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Public key of the author
    author: PublicKey,
    /// The log
    log_id: LogId,
    #[command(flatten)]
    node: NodeArgs,
}

impl Show {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let forks = remote::forks(&self.node.client(), Some(&self.author), None)?;
        let fork = forks.into_iter().find(|fork| fork.proof.log_id() == self.log_id);
        let Some(fork) = fork else {
            let Self { author, log_id, .. } = self;
            return Err(missing(format!(
                "the node knows no fork of log {log_id} of {author}; `pandan fork list` shows all"
            )));
        };
        out.show(&told(&fork), || {
            let mut text = describe(&fork.proof);
            for document in &fork.documents {
                text += &format!("document  {}\n", paint(VALUE, document));
            }
            let more = fork.total_documents.saturating_sub(fork.documents.len() as u64);
            if more > 0 {
                text += &format!("          and {more} more documents\n");
            }
            text + &format!("proof     {}\n", hex(&fork.proof))
        })?;
        Ok(())
    }
}

/// Verify the proof of a fork, which needs nothing else
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The proof as hex digits, a file with it (hex or bytes), or - for standard input
    #[arg(value_name = "HEX|FILE|-")]
    proof: String,
}

impl Verify {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let proof = ForkProof::decode(&entry::read(&self.proof)?)
            .map_err(|error| unverified(format!("this proves no fork: {error}")))?;
        let mut value = about(&proof);
        value["verified"] = true.into();
        out.show(&value, || {
            let verdict = "the author signed two entries for one place";
            format!("{}{} {verdict}\n", describe(&proof), paint(GOOD, "proven"))
        })?;
        Ok(())
    }
}

fn told(fork: &RemoteFork) -> Value {
    let mut value = about(&fork.proof);
    value["documents"] = json!(fork.documents);
    value["total_documents"] = json!(fork.total_documents);
    value["proof"] = hex(&fork.proof).into();
    value
}

fn about(proof: &ForkProof) -> Value {
    json!({
        "author": proof.public_key().to_string(),
        "log": proof.log_id().to_string(),
        "seq": proof.seq_num().to_string(),
        "entries": proof.entries().map(EncodedEntry::hash).map(|hash| hash.to_string()),
    })
}

fn describe(proof: &ForkProof) -> String {
    let [first, second] = proof.entries().map(EncodedEntry::hash);
    format!(
        "author    {}\nlog       {}, frozen from entry {} on\nentries   {first}\n          {second}\n",
        paint(VALUE, proof.public_key()),
        proof.log_id(),
        proof.seq_num(),
    )
}

fn hex(proof: &ForkProof) -> String {
    hex::encode(proof.encode(&mut [0; MAX_FORK_PROOF_LENGTH]))
}
