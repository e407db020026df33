//! The command line: what all commands share.

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args, Parser, ValueEnum};
use pandan_identity::KeyPair;

use crate::client::{Client, DEFAULT_NODE};
use crate::commands::Command;
use crate::keys;

/// A p2panda node and its tools: keys, schemas, documents, logs.
#[derive(Debug, Parser)]
#[command(name = "pandan", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Write results as JSON, one value a line, and errors as JSON on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Even into files and pipes
    Always,
    /// Nowhere
    Never,
}

impl Color {
    /// Makes it so for the whole program.
    pub(crate) fn apply(self) {
        let choice = match self {
            Self::Auto => return,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Which node to talk to.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodeArgs {
    /// Address of the node
    #[arg(long, value_name = "URL", env = "PANDAN_NODE", default_value = DEFAULT_NODE)]
    node: String,
}

impl NodeArgs {
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.node)
    }
}

/// Which key to sign with.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// File with the key to sign with; `pandan key new` makes one
    #[arg(long, value_name = "FILE", env = "PANDAN_KEY", default_value = keys::DEFAULT_FILE)]
    key: PathBuf,
}

impl KeyArgs {
    pub(crate) fn load(&self) -> anyhow::Result<KeyPair> {
        keys::load(&self.key)
    }

    pub(crate) const fn path(&self) -> &PathBuf {
        &self.key
    }
}

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  the work could not be done
  2  the command line or a file named on it is wrong
  3  no node answers
  4  the node refused
  5  something does not hold what it claims: bytes, a signature, a link, a view
  6  the data directory or the address is in use

Addresses of nodes may stand in PANDAN_NODE, the key file in PANDAN_KEY.";
