//! GraphQL over HTTP with a node.

use std::io::Read;
use std::time::Duration;

use pandan_bamboo::{EntryHash, Links, LogId, NextArgs, SeqNum};
use pandan_identity::{PublicKey, hex};
use pandan_operations::DocumentViewId;
use serde_json::{Value, json};
use thiserror::Error;
use ureq::Agent;

use crate::failure::Exit;
use crate::style::clean;

/// Where a node listens unless it was told otherwise.
pub(crate) const DEFAULT_NODE: &str = "http://127.0.0.1:2020";

/// A node, asked over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    endpoint: String,
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ClientError {
    /// Nobody listens there.
    #[error(
        "no node answers at {url} ({reason}); start one with `pandan node`, or name another \
         with --node"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What the system says.
        reason: String,
    },
    /// This program does not encrypt.
    #[error(
        "cannot talk to {url}: only plain HTTP is known; open a tunnel such as \
         `ssh -L 2020:localhost:2020 HOST` and use http://127.0.0.1:2020"
    )]
    Encrypted {
        /// The address.
        url: String,
    },
    /// Somebody else listens there.
    #[error(
        "{url} does not answer like a p2panda node ({reason}); check the address given with --node"
    )]
    NotANode {
        /// The address.
        url: String,
        /// What came instead.
        reason: String,
    },
    /// The node knows other questions than this one.
    #[error("the node at {url} does not know `{field}`, it hands out no entries; ask another one")]
    Unsupported {
        /// The address.
        url: String,
        /// The question.
        field: &'static str,
    },
    /// The node says no.
    #[error("node refused: {message}")]
    Refused {
        /// The node's words.
        message: String,
        /// Stable name of the reason.
        code: Option<String>,
        /// Requirement of the specification which does not hold.
        requirement: Option<String>,
    },
}

impl ClientError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Encrypted { .. } => Exit::Usage,
            Self::Unreachable { .. } | Self::NotANode { .. } => Exit::Unreachable,
            Self::Refused { code: Some(code), .. } if code == "PART_UNVERIFIED" => Exit::Unverified,
            Self::Unsupported { .. } | Self::Refused { .. } => Exit::Refused,
        }
    }

    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn requirement(&self) -> Option<&str> {
        match self {
            Self::Refused { requirement, .. } => requirement.as_deref(),
            _ => None,
        }
    }
}

impl Client {
    /// A client of the node at this address, with or without `/graphql` at its end.
    pub(crate) fn new(node: &str) -> Self {
        let base = node.trim_end_matches('/').trim_end_matches("/graphql");
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build();
        Self { agent: config.into(), endpoint: format!("{base}/graphql"), base }
    }

    /// Asks a question that not every node knows.
    pub(crate) fn query_entries(
        &self,
        field: &'static str,
        text: &str,
        variables: &Value,
    ) -> Result<Value, ClientError> {
        self.query(text, variables).map_err(|error| match error {
            ClientError::Refused { message, .. } if message.contains(field) => {
                ClientError::Unsupported { url: self.endpoint.clone(), field }
            }
            other => other,
        })
    }

    /// The address of the node.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The address of the API.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks a question; the answer is what GraphQL calls `data`.
    pub(crate) fn query(&self, text: &str, variables: &Value) -> Result<Value, ClientError> {
        self.check_plain()?;
        let body = json!({ "query": text, "variables": variables }).to_string();
        let request = self.agent.post(&self.endpoint).content_type("application/json");
        let mut response =
            request.send(body.as_bytes()).map_err(|error| self.unreachable(&error))?;
        let bytes = response.body_mut().with_config().limit(ANSWER_LENGTH).read_to_vec();
        let bytes = bytes.map_err(|error| self.unreachable(&error))?;
        let answer = serde_json::from_slice::<Value>(&bytes);
        let mut answer = answer.map_err(|_| self.not_a_node(format!("{}", response.status())))?;
        if let Some(error) = answer.get("errors").and_then(|errors| errors.get(0)) {
            return Err(refused(error));
        }
        match answer.get_mut("data").map(Value::take) {
            Some(data) if data.is_object() => Ok(data),
            _ => Err(self.not_a_node(format!("{} without data", response.status()))),
        }
    }

    /// Fetches a file of the node: its length, if it is told, and its content.
    pub(crate) fn get(&self, path: &str) -> Result<(Option<u64>, impl Read + use<>), ClientError> {
        self.check_plain()?;
        let url = format!("{}{path}", self.base);
        let response = self.agent.get(&url).call().map_err(|error| self.unreachable(&error))?;
        if response.status() != 200 {
            let message = format!("there is nothing at {url} (status {})", response.status());
            return Err(ClientError::Refused { message, code: None, requirement: None });
        }
        let body = response.into_body();
        Ok((body.content_length(), body.into_reader()))
    }

    /// Has a node do something; its answer, for which it may ask others.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.check_plain()?;
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.config().timeout_global(Some(WORK_TIMEOUT)).build();
        let request = request.content_type("application/json");
        let body = body.to_string();
        let mut response =
            request.send(body.as_bytes()).map_err(|error| self.unreachable(&error))?;
        let bytes = response.body_mut().with_config().limit(ANSWER_LENGTH).read_to_vec();
        let bytes = bytes.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let answer: Option<Value> = serde_json::from_slice(&bytes).ok();
        match answer {
            Some(answer) if status == 200 && answer.is_object() => Ok(answer),
            Some(answer) if answer["errors"][0].is_object() => Err(refused(&answer["errors"][0])),
            _ => Err(self.not_a_node(format!("{path} answers with {status}"))),
        }
    }

    /// The arguments for the next entry of a key.
    pub(crate) fn next_args(
        &self,
        author: &PublicKey,
        view: Option<&DocumentViewId>,
    ) -> Result<NextArgs, ClientError> {
        let view = view.map(ToString::to_string);
        let variables = json!({ "publicKey": author.to_string(), "viewId": view });
        self.next_args_from(&self.query(NEXT_ARGS, &variables)?["nextArgs"])
    }

    /// Hands an entry to the node; the answer are the arguments for the one after it.
    pub(crate) fn publish(&self, entry: &[u8], operation: &[u8]) -> Result<NextArgs, ClientError> {
        let variables = json!({ "entry": hex::encode(entry), "operation": hex::encode(operation) });
        self.next_args_from(&self.query(PUBLISH, &variables)?["publish"])
    }

    fn next_args_from(&self, answer: &Value) -> Result<NextArgs, ClientError> {
        read_next_args(answer)
            .ok_or_else(|| self.not_a_node(format!("arguments for the next entry were {answer}")))
    }

    fn check_plain(&self) -> Result<(), ClientError> {
        match self.endpoint.starts_with("https:") {
            true => Err(ClientError::Encrypted { url: self.endpoint.clone() }),
            false => Ok(()),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> ClientError {
        ClientError::Unreachable { url: self.endpoint.clone(), reason: error.to_string() }
    }

    /// The node's answer lacks something that every node answers.
    pub(crate) fn not_a_node(&self, reason: impl Into<String>) -> ClientError {
        ClientError::NotANode { url: self.endpoint.clone(), reason: reason.into() }
    }
}

fn refused(error: &Value) -> ClientError {
    let text = |value: &Value| value.as_str().map(clean);
    let extension = |name| error.get("extensions").and_then(|all| text(&all[name]));
    ClientError::Refused {
        message: text(&error["message"]).unwrap_or_else(|| error.to_string()),
        code: extension("code"),
        requirement: extension("requirement"),
    }
}

fn read_next_args(answer: &Value) -> Option<NextArgs> {
    let number = |name: &str| answer[name].as_str()?.parse::<u64>().ok();
    let hash = |name: &str| match &answer[name] {
        Value::Null => Some(None),
        value => value.as_str()?.parse::<EntryHash>().ok().map(Some),
    };
    let seq_num = SeqNum::new(number("seqNum")?)?;
    let links = Links::new(seq_num, hash("backlink")?, hash("skiplink")?).ok()?;
    NextArgs::new(LogId::new(number("logId")?), seq_num, links).ok()
}

const NEXT_ARGS: &str = "query ($publicKey: PublicKey!, $viewId: DocumentViewId) {
  nextArgs(publicKey: $publicKey, viewId: $viewId) { logId seqNum backlink skiplink }
}";

const PUBLISH: &str = "mutation ($entry: EncodedEntry!, $operation: EncodedOperation!) {
  publish(entry: $entry, operation: $operation) { logId seqNum backlink skiplink }
}";

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a node may take to fetch something from others.
const WORK_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// How long a node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// A page of a thousand operations of the greatest size would be larger; nobody asks for one.
const ANSWER_LENGTH: u64 = 256 * 1024 * 1024;
