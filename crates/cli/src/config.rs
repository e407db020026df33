//! The file with the settings of a node.
//!
//! ```toml
//! data_dir = "/var/lib/pandan"
//! http = "127.0.0.1:2020"      # "off" for none, port 0 for a free one
//! quic = "0.0.0.0:2022"        # "off" for none, port 0 for a free one
//! peers = ["192.0.2.1:2022"]   # nodes to stay connected with
//! durability = "full"          # or "normal"
//! log_level = "warn"           # off, error, warn, info, debug or trace
//! quota_bytes = 50000000000    # how large the database may become
//!
//! [limits]
//! page = 1000
//! peer_connections = 256
//! ```
//!
//! Later sources win: defaults, this file, the environment, the command line.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use pandan_node::Durability;
use thiserror::Error;
use toml::{Table, Value};

use crate::limits::Limit;
use crate::listen::Listen;
use crate::nearest::nearest;
use crate::network::NetworkFile;

/// What a file says; what it does not say is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) http: Option<Listen>,
    pub(crate) durability: Option<Durable>,
    pub(crate) log_level: Option<LogLevel>,
    pub(crate) quota_bytes: Option<u64>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) network: NetworkFile,
}

/// What a crash of the machine may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durable {
    /// Nothing: every answer to a publish waits for the disk
    Full,
    /// The last moments; faster
    Normal,
}

impl From<Durable> for Durability {
    fn from(durable: Durable) -> Self {
        match durable {
            Durable::Full => Self::Full,
            Durable::Normal => Self::Normal,
        }
    }
}

/// How much the node tells on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A file that holds no settings, or not in the way it should.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    #[error("there is no setting `{key}`; {instead}")]
    Unknown { key: String, instead: String },
    #[error("setting `{key}`: {reason}")]
    Value { key: String, reason: String },
    /// All at once: who brings the file of another node program has one walk through it.
    #[error("{} settings are wrong{}", count(.0), lines(.0))]
    Several(Vec<Self>),
}

/// How many settings that are wrong are told at once: all that another node program has, and some.
const WRONG_MAX: usize = 32;

fn count(errors: &[ConfigError]) -> String {
    let or_more = if errors.len() < WRONG_MAX { "" } else { " or more" };
    format!("{}{or_more}", errors.len())
}

fn lines(errors: &[ConfigError]) -> String {
    errors.iter().map(|error| format!("\n  {error}")).collect()
}

const KEYS: [&str; 16] = [
    "data_dir",
    "http",
    "quic",
    "peers",
    "mdns",
    "legacy",
    "node_key",
    "network_key",
    "allow_peers",
    "block_peers",
    "schemas",
    "follow",
    "durability",
    "log_level",
    "quota_bytes",
    "limits",
];

/// Settings of another node program, and what they are called here.
const TRANSLATIONS: [(&str, &str); 15] = [
    ("http_port", "write `http = \"127.0.0.1:2020\"` (\"0.0.0.0:2020\" to listen to everyone)"),
    ("database_url", "write `data_dir = \"…\"`, a folder in which the node keeps its database"),
    ("database_max_connections", "take it out: the node needs no such number"),
    ("blobs_base_path", "take it out: blobs are kept in `data_dir`"),
    ("worker_pool_size", "take it out: documents are materialised while they are published"),
    ("private_key", "write `node_key = \"…\"`, the file with the key of the node"),
    ("node_port", "write `quic = \"0.0.0.0:2022\"`"),
    ("transport", "take it out: nodes talk over QUIC only"),
    ("psk", "write `network_key = \"…\"`: such a network has Pandan nodes only"),
    ("direct_node_addresses", "write `peers = [\"HOST:PORT\"]`"),
    ("allow_peer_ids", "write `allow_peers = […]`, or take it out to let everybody in"),
    ("block_peer_ids", "write `block_peers = […]`"),
    ("relay_addresses", RELAY),
    ("relay_mode", RELAY),
    ("allow_schema_ids", "write `schemas = […]`, those to replicate, or take it out for all"),
];

const RELAY: &str = "take it out: nodes are reached at their addresses, not through relays";

impl File {
    /// Reads the text of a file; relative paths in it begin where the file is.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(text)?;
        let mut file = Self::default();
        let set = |(key, value): (&String, &Value)| file.set(key, value, path).err();
        let mut errors: Vec<_> = table.iter().filter_map(set).take(WRONG_MAX).collect();
        match (errors.pop(), errors.is_empty()) {
            (None, _) => Ok(file),
            (Some(error), true) => Err(error),
            (Some(last), false) => {
                errors.push(last);
                Err(ConfigError::Several(errors))
            }
        }
    }

    fn set(&mut self, key: &str, value: &Value, path: &Path) -> Result<(), ConfigError> {
        let fault = |reason: String| ConfigError::Value { key: key.to_owned(), reason };
        let text = || value.as_str().ok_or_else(|| fault(format!("expected text, found {value}")));
        match key {
            "data_dir" => {
                let folder = path.parent().unwrap_or_else(|| Path::new(""));
                self.data_dir = Some(folder.join(text()?));
            }
            "http" => self.http = Some(Listen::http(text()?).map_err(fault)?),
            "durability" => self.durability = Some(choice(text()?).map_err(fault)?),
            "log_level" => self.log_level = Some(choice(text()?).map_err(fault)?),
            "quota_bytes" => {
                let bytes = value.as_integer().and_then(|bytes| u64::try_from(bytes).ok());
                let bytes = bytes.ok_or_else(|| fault(format!("expected bytes, found {value}")))?;
                self.quota_bytes = Some(bytes);
            }
            "limits" => self.limits = limits(value).map_err(fault)?,
            "quic" => self.network.quic = Some(Listen::quic(text()?).map_err(fault)?),
            "mdns" => self.network.mdns = Some(truth(value).map_err(fault)?),
            "legacy" => self.network.legacy = Some(truth(value).map_err(fault)?),
            "node_key" => {
                let folder = path.parent().unwrap_or_else(|| Path::new(""));
                self.network.node_key = Some(folder.join(text()?));
            }
            // What is wrong is not shown: it may be the key all the same.
            "network_key" => {
                let key = value.as_str().ok_or_else(|| fault(String::from("expected text")))?;
                self.network.network_key = Some(key.to_owned());
            }
            "peers" => self.network.peers = list(value).map_err(fault)?,
            "allow_peers" => self.network.allow_peers = list(value).map_err(fault)?,
            "block_peers" => self.network.block_peers = list(value).map_err(fault)?,
            "schemas" => self.network.schemas = list(value).map_err(fault)?,
            "follow" => self.network.follow = Some(choice(text()?).map_err(fault)?),
            _ => return Err(unknown(key)),
        }
        Ok(())
    }
}

fn limits(value: &Value) -> Result<Vec<Limit>, String> {
    let table = value.as_table().ok_or("expected a table such as [limits]")?;
    let limits = table.iter().map(|(name, value)| match value {
        Value::Integer(number) => Limit::new(name, i128::from(*number)),
        other => Err(format!("`{name}` must be a whole number, found {other}")),
    });
    limits.collect()
}

fn truth(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("expected true or false, found {value}"))
}

/// A list of texts.
pub(crate) fn list<T: FromStr<Err: Display>>(value: &Value) -> Result<Vec<T>, String> {
    let items = value.as_array().ok_or_else(|| format!("expected a list, found {value}"))?;
    let parse = |item: &Value| {
        let text = item.as_str().ok_or_else(|| format!("expected text, found {item}"))?;
        text.parse().map_err(|error| format!("\"{text}\": {error}"))
    };
    items.iter().map(parse).collect()
}

fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let known = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let known: Vec<_> = known.map(|value| value.get_name().to_owned()).collect();
        format!("expected one of {}, found \"{text}\"", known.join(", "))
    })
}

fn unknown(key: &str) -> ConfigError {
    let translation = TRANSLATIONS.iter().find(|(other, _)| *other == key);
    let instead = match translation {
        Some((_, instead)) => (*instead).to_owned(),
        None => format!("the nearest is `{}`", nearest(key, KEYS)),
    };
    ConfigError::Unknown { key: key.to_owned(), instead }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{File, KEYS, Listen, TRANSLATIONS};
    use crate::limits::{LIMITS, NodeLimits, default_of};

    fn parse(text: &str) -> Result<File, String> {
        File::parse(text, Path::new("/etc/pandan/config.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_are_read() {
        let file = parse(
            "data_dir = \"data\"\nhttp = \"localhost:0\"\ndurability = \"normal\"\n[limits]\npage = 5",
        );
        let file = file.expect("it is good");
        assert_eq!(file.data_dir.as_deref(), Some(Path::new("/etc/pandan/data")));
        assert!(matches!(file.http, Some(Listen::At(address)) if address.port() == 0));
        let mut limits = NodeLimits::default();
        file.limits.iter().for_each(|limit| limit.apply(&mut limits));
        assert_eq!(limits.clients.page, 5);
        assert_eq!(parse(""), Ok(File::default()));
        assert_eq!(parse("http = \"off\"").map(|file| file.http), Ok(Some(Listen::Off)));
    }

    #[test]
    fn every_limit_can_be_set() {
        for (name, _) in LIMITS {
            let file = parse(&format!("[limits]\n{name} = 7")).expect(name);
            let mut limits = NodeLimits::default();
            file.limits.iter().for_each(|limit| limit.apply(&mut limits));
            assert_ne!(limits, NodeLimits::default(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &str, expected: &str| {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        };
        check("htp = 1", "no setting `htp`; the nearest is `http`");
        check("http_port = 2020", "write `http = ");
        check("http = 2020", "expected text");
        check("http = \"2020\"", "HOST:PORT");
        check("durability = \"none\"", "full, normal");
        check("follow = \"some\"", "none, blobs, all");
        check("limits = 1", "[limits]");
        check("legacy = \"off\"", "true or false");
        check("quota_bytes = -1", "expected bytes");
        check("[limits]\npages = 1", "the nearest is `page`");
        check("[limits]\npage = 0", "at least 1");
        check("[limits]\npage = \"1\"", "whole number");
        check("[limits]\npeer_dial = 1", "the nearest is `peer_dials`");
        check("[limits]\npeer_streams = 4294967296", "at most 4294967295");
        check("allow_schema_ids = \"*\"", "take it out for all");
        check("http = ", "line 1");
    }

    /// All that there is to translate is told at once.
    #[test]
    fn a_file_of_aquadoggo_is_translated_in_one_go() {
        let error = parse(
            "log_level = \"info\"\nallow_schema_ids = \"*\"\ndatabase_url = \"sqlite:db\"\n\
             database_max_connections = 32\nhttp_port = 2020\ntransport = \"QUIC\"\n\
             node_port = 2022\npsk = \"beef\"\nblobs_base_path = \"blobs\"\n\
             private_key = \"key.txt\"\nmdns = true\ndirect_node_addresses = [\"a.example:1\"]\n\
             allow_peer_ids = \"*\"\nblock_peer_ids = []\nrelay_addresses = []\n\
             relay_mode = false\nworker_pool_size = 16",
        );
        let error = error.expect_err("most are called otherwise here");
        assert!(error.starts_with(&format!("{} settings are wrong\n", TRANSLATIONS.len())));
        for (key, instead) in TRANSLATIONS {
            assert!(
                error.contains(&format!("there is no setting `{key}`; {instead}\n"))
                    || error.ends_with(instead),
                "{key} in {error}"
            );
        }
        assert!(!error.contains("beef"), "a key is a secret: {error}");
    }

    fn page(name: &str) -> String {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/guide");
        std::fs::read_to_string(guide.join(name)).expect("the book is there")
    }

    #[test]
    fn the_book_tells_all_settings() {
        let settings = page("settings.md");
        for key in KEYS {
            let is_one = matches!(key, "mdns" | "quota_bytes");
            let singular = if is_one { key } else { key.strip_suffix('s').unwrap_or(key) };
            let (variable, option) = (singular.to_uppercase(), singular.replace('_', "-"));
            let row = format!("| `{key}` | `PANDAN_{variable}` | `--{option}` |");
            assert!(settings.contains(&row), "{row}");
        }
        for (name, find) in LIMITS {
            let row = format!("| `{name}` | {} |", default_of(find));
            assert!(settings.contains(&row), "{row}");
        }
        let rows = settings.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, KEYS.len() + LIMITS.len());
        parse(&page("examples/pandan.toml")).expect("the example is good");
    }

    #[test]
    fn the_book_tells_where_other_settings_went() {
        let table = page("migrating.md");
        for (key, _) in TRANSLATIONS {
            let is_there = table.lines().any(|line| {
                let first = line.split(" | ").next().unwrap_or_default();
                first.starts_with("| `") && first.contains(&format!("`{key}`"))
            });
            assert!(is_there, "{key}");
        }
    }
}
