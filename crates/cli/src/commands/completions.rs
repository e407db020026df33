//! `pandan completions` and `pandan man`: help that other programs show.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;

/// Write completions for a shell
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "pandan", &mut text);
        io::stdout().write_all(&text)?;
        Ok(())
    }
}

/// Write the manual page
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Write a page for each command into this folder instead of one to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        if let Some(dir) = &self.dir {
            let written = fs::create_dir_all(dir)
                .and_then(|()| clap_mangen::generate_to(Arguments::command(), dir));
            return written.with_context(|| format!("cannot write pages to {}", dir.display()));
        }
        let mut text = Vec::new();
        clap_mangen::Man::new(Arguments::command()).render(&mut text)?;
        io::stdout().write_all(&text)?;
        Ok(())
    }
}
