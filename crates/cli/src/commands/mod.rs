//! The commands, one file each.

mod blob;
mod bundle;
mod completions;
mod demo;
mod doctor;
pub(crate) mod document;
mod entry;
mod export;
mod fork;
mod import;
mod key;
mod log;
pub(crate) mod node;
mod parts;
mod peer;
mod publish;
mod schema;
mod sync;
#[cfg(test)]
mod tests;

use clap::Subcommand;

use crate::output::Output;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a node until it is asked to stop (SIGINT, SIGTERM)
    Node(node::RunNode),
    /// Publish a festival to a new node, query it, part and join it with two more, check everything
    Demo(demo::Demo),
    /// Make and show keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Define schemas and bring them to a node
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Write and read documents
    #[command(subcommand)]
    Document(document::DocumentCommand),
    /// Publish and fetch files
    #[command(subcommand)]
    Blob(blob::BlobCommand),
    /// Publish an operation written as JSON
    Publish(publish::Publish),
    /// Show and verify forks of logs
    #[command(subcommand)]
    Fork(fork::ForkCommand),
    /// Show and verify logs
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Say with whom a node is to be connected
    #[command(subcommand)]
    Peer(peer::PeerCommand),
    /// Show how a node replicates, and fetch parts of what others have
    #[command(subcommand)]
    Sync(sync::SyncCommand),
    /// Check everything in the folder of a node: signatures, payloads, links, documents, schemas
    Doctor(doctor::Doctor),
    /// Write documents of a node to a file, to carry them to another one
    Export(export::Export),
    /// Take in documents from a file that `pandan export` wrote
    Import(import::Import),
    /// Look into files that `pandan export` wrote
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Explain the bytes of entries and operations
    #[command(subcommand)]
    Entry(entry::EntryCommand),
    /// Write completions for a shell
    Completions(completions::Completions),
    /// Write the manual page
    Man(completions::Man),
}

/// Does it.
pub(crate) fn run(command: Command, out: Output) -> anyhow::Result<()> {
    match command {
        Command::Node(command) => command.run(out),
        Command::Demo(command) => command.run(out),
        Command::Key(command) => command.run(out),
        Command::Schema(command) => command.run(out),
        Command::Document(command) => command.run(out),
        Command::Blob(command) => command.run(out),
        Command::Publish(command) => command.run(out),
        Command::Fork(command) => command.run(out),
        Command::Log(command) => command.run(out),
        Command::Peer(command) => command.run(out),
        Command::Sync(command) => command.run(out),
        Command::Doctor(command) => command.run(out),
        Command::Export(command) => command.run(out),
        Command::Import(command) => command.run(out),
        Command::Bundle(command) => command.run(out),
        Command::Entry(command) => command.run(out),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}
