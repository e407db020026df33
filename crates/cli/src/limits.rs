//! What others may make a node do, by name: in the file with settings and on the command line.

use std::str::FromStr;
use std::time::Duration;

use pandan_node::{Limits, network};

use crate::nearest::nearest;

/// All limits of a node that can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeLimits {
    /// Of what clients do over HTTP.
    pub(crate) clients: Limits,
    /// Of what other nodes do.
    pub(crate) peers: network::Limits,
}

/// A limit and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    name: &'static str,
    value: u64,
}

/// The names of all limits with what they are unless told otherwise, for people.
pub(crate) fn limits_help() -> String {
    let lines = LIMITS.iter().map(|(name, find)| format!("  {name}={}", default_of(*find)));
    let lines: Vec<_> = lines.collect();
    format!("Limits and their defaults:\n{}", lines.join("\n"))
}

/// What a limit is unless told otherwise.
pub(crate) fn default_of(find: Find) -> u64 {
    match find(&mut NodeLimits::default()) {
        Slot::Count(count) => *count as u64,
        Slot::Long(count) => *count,
        Slot::Short(count) => u64::from(*count),
        Slot::Seconds(time) => time.as_secs(),
    }
}

/// How a limit is set.
pub(crate) enum Slot<'a> {
    Count(&'a mut usize),
    Long(&'a mut u64),
    Short(&'a mut u32),
    Seconds(&'a mut Duration),
}

pub(crate) type Find = for<'a> fn(&'a mut NodeLimits) -> Slot<'a>;

/// All limits that can be set.
pub(crate) const LIMITS: [(&str, Find); 27] = [
    ("depth", |limits| Slot::Count(&mut limits.clients.depth)),
    ("root_fields", |limits| Slot::Count(&mut limits.clients.root_fields)),
    ("fields", |limits| Slot::Count(&mut limits.clients.fields)),
    ("answer_values", |limits| Slot::Count(&mut limits.clients.answer_values)),
    ("answer_bytes", |limits| Slot::Count(&mut limits.clients.answer_bytes)),
    ("page", |limits| Slot::Count(&mut limits.clients.page)),
    ("body_bytes", |limits| Slot::Count(&mut limits.clients.body_bytes)),
    ("bodies_bytes", |limits| Slot::Count(&mut limits.clients.bodies_bytes)),
    ("answers_bytes", |limits| Slot::Count(&mut limits.clients.answers_bytes)),
    ("request_time_s", |limits| Slot::Seconds(&mut limits.clients.request_time)),
    ("header_time_s", |limits| Slot::Seconds(&mut limits.clients.header_time)),
    ("concurrent_reads", |limits| Slot::Count(&mut limits.clients.concurrent_reads)),
    ("queued_entries", |limits| Slot::Count(&mut limits.clients.queued_entries)),
    ("batch_entries", |limits| Slot::Count(&mut limits.clients.batch_entries)),
    ("connections", |limits| Slot::Count(&mut limits.clients.connections)),
    ("peer_connections", |limits| Slot::Count(&mut limits.peers.connections)),
    ("peer_connections_incoming", |limits| Slot::Count(&mut limits.peers.connections_incoming)),
    ("peer_connections_per_address", |limits| {
        Slot::Count(&mut limits.peers.connections_per_address)
    }),
    ("peer_handshakes", |limits| Slot::Count(&mut limits.peers.handshakes)),
    ("peer_handshakes_per_address", |limits| Slot::Long(&mut limits.peers.handshakes_per_address)),
    ("peer_handshakes_per_address_second", |limits| {
        Slot::Long(&mut limits.peers.handshakes_per_address_second)
    }),
    ("peer_dials", |limits| Slot::Count(&mut limits.peers.dials)),
    ("peer_streams", |limits| Slot::Short(&mut limits.peers.streams)),
    ("peer_stream_window_bytes", |limits| Slot::Short(&mut limits.peers.stream_window_bytes)),
    ("peer_connection_window_bytes", |limits| {
        Slot::Short(&mut limits.peers.connection_window_bytes)
    }),
    ("peer_send_window_bytes", |limits| Slot::Short(&mut limits.peers.send_window_bytes)),
    ("peer_bytes_per_second", |limits| Slot::Long(&mut limits.peers.bytes_per_second)),
];

impl Limit {
    pub(crate) fn new(name: &str, value: i128) -> Result<Self, String> {
        let known = LIMITS.iter().map(|(name, _)| *name);
        let Some((found, find)) = LIMITS.iter().find(|(known, _)| *known == name) else {
            let nearest = nearest(name, known);
            return Err(format!("there is no limit `{name}`; the nearest is `{nearest}`"));
        };
        let most = match find(&mut NodeLimits::default()) {
            Slot::Short(_) => u64::from(u32::MAX),
            _ => u64::MAX,
        };
        match u64::try_from(value) {
            Ok(0) | Err(_) => Err(format!("limit `{name}` must be at least 1, found {value}")),
            Ok(value) if value > most => {
                Err(format!("limit `{name}` must be at most {most}, found {value}"))
            }
            Ok(value) => Ok(Self { name: found, value }),
        }
    }

    /// Sets it.
    pub(crate) fn apply(&self, limits: &mut NodeLimits) {
        let Some((_, find)) = LIMITS.iter().find(|(name, _)| *name == self.name) else { return };
        match find(limits) {
            Slot::Count(count) => *count = usize::try_from(self.value).unwrap_or(usize::MAX),
            Slot::Long(count) => *count = self.value,
            Slot::Short(count) => *count = u32::try_from(self.value).unwrap_or(u32::MAX),
            Slot::Seconds(time) => *time = Duration::from_secs(self.value),
        }
    }
}

/// `name=value`
impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        let value = value.trim().parse().map_err(|_| format!("\"{value}\" is not a number"))?;
        Self::new(name.trim(), value)
    }
}
