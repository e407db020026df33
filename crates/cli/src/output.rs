//! What the program says on standard output: text for people or JSON for programs.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Where results go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether results are written as JSON.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Writes the result in the form that was asked for: a line of JSON or text.
    pub(crate) fn show(
        self,
        json: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        if self.json { self.line(json) } else { self.text(&text()) }
    }

    /// Writes a line of JSON.
    pub(crate) fn line(self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, value)?;
        writeln!(out)?;
        out.flush()
    }

    /// Writes text as it is; colours are taken out where they do not belong.
    pub(crate) fn text(self, text: &str) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Writes text for people only.
    pub(crate) fn say(self, text: &str) -> io::Result<()> {
        if self.json { Ok(()) } else { self.text(text) }
    }

    /// A progress bar on standard error; it hides itself where nobody would see it.
    pub(crate) fn progress(self, total: u64, what: &'static str) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(total).with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        bar
    }
}

/// Often enough to look alive, seldom enough to cost nothing.
const TICK: Duration = Duration::from_millis(100);
