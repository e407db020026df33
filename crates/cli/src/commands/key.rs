//! `pandan key`: making and showing keys.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pandan_identity::KeyFormat;
use serde_json::json;

use crate::keys;
use crate::output::Output;
use crate::style::{VALUE, WARN, paint};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a new key
    New(New),
    /// Show the public key of a key file
    Show(Show),
}

impl KeyCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::New(command) => command.run(out),
            Self::Show(command) => command.run(out),
        }
    }
}

/// Make a new key
#[derive(Args, Debug)]
pub(crate) struct New {
    /// File to write it to; one that exists is never overwritten
    #[arg(default_value = keys::DEFAULT_FILE)]
    file: PathBuf,
    /// How to write it: PKCS#8 in PEM, or 64 hex digits as other p2panda tools read them; as the
    /// name of the file ends unless told
    #[arg(long)]
    format: Option<Format>,
}

/// How to write a key.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Pem,
    Hex,
}

impl New {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let is_pem = self.file.extension().is_some_and(|extension| extension == "pem");
        let format = match self.format {
            Some(Format::Pem) => KeyFormat::Pem,
            Some(Format::Hex) => KeyFormat::Hex,
            None if is_pem => KeyFormat::Pem,
            None => KeyFormat::Hex,
        };
        let public_key = keys::create(&self.file, format)?.public_key();
        out.show(&json!({ "public_key": public_key.to_string(), "file": self.file }), || {
            format!(
                "Made {}: keep it, and keep it secret.\npublic key {}",
                self.file.display(),
                paint(VALUE, public_key)
            )
        })?;
        Ok(())
    }
}

/// Show the public key of a key file
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The file
    #[arg(default_value = keys::DEFAULT_FILE, env = "PANDAN_KEY")]
    file: PathBuf,
}

impl Show {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let file = keys::read(&self.file)?;
        let public_key = file.key_pair().public_key().to_string();
        if file.is_open_to_others() && !out.is_json() {
            let path = self.file.display();
            anstream::eprintln!("{WARN}others may read {path}; run `chmod 600 {path}`{WARN:#}");
        }
        out.show(&json!({ "public_key": public_key }), || public_key.clone())?;
        Ok(())
    }
}
