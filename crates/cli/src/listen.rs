//! Where a node listens.

use std::net::SocketAddr;

/// An address, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Off,
    At(SocketAddr),
}

impl Listen {
    /// Where to listen for HTTP.
    pub(crate) fn http(text: &str) -> Result<Self, String> {
        Self::parse(text, "127.0.0.1:2020 or [::1]:0")
    }

    /// Where to listen for other nodes.
    pub(crate) fn quic(text: &str) -> Result<Self, String> {
        Self::parse(text, "0.0.0.0:2022 or [::]:0")
    }

    fn parse(text: &str, examples: &str) -> Result<Self, String> {
        let text = text.replace("localhost:", "127.0.0.1:");
        match text.parse() {
            _ if text == "off" => Ok(Self::Off),
            Ok(address) => Ok(Self::At(address)),
            Err(_) => Err(format!("expected HOST:PORT such as {examples}, or `off`")),
        }
    }
}
