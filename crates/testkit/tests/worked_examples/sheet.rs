//! Text with bytes on the left and what they mean on the right.

use std::fmt::Write;

/// Width of the left column: a hash and two spaces.
const WIDTH: usize = 70;

/// Bytes in a line, so that public keys, hashes and halves of signatures take up one.
const BYTES_IN_LINE: usize = 34;

#[derive(Default)]
pub(crate) struct Sheet(String);

impl Sheet {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A line of words.
    pub(crate) fn words(&mut self, words: impl AsRef<str>) -> &mut Self {
        self.0 += words.as_ref();
        self.0 += "\n";
        self
    }

    /// Some bytes and their meaning.
    pub(crate) fn bytes(&mut self, bytes: impl AsRef<[u8]>, meaning: impl AsRef<str>) -> &mut Self {
        let bytes = bytes.as_ref();
        let in_line = if bytes.len() == 64 { 32 } else { BYTES_IN_LINE };
        let mut meaning = meaning.as_ref();
        for line in bytes.chunks(in_line) {
            let text = format!("{:WIDTH$}{meaning}", hex(line));
            self.words(text.trim_end());
            meaning = "";
        }
        self
    }

    /// Takes bytes off the front of others, and says what they mean.
    pub(crate) fn take<'b>(&mut self, bytes: &'b [u8], length: usize, meaning: &str) -> &'b [u8] {
        let (taken, rest) = bytes.split_at(length);
        self.bytes(taken, meaning);
        rest
    }

    pub(crate) fn text(&self) -> String {
        self.0.clone()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
