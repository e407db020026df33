//! What a node hands out: pages, and the entries of documents and logs.

use pandan_bamboo::{ForkProof, LogId};
use pandan_identity::{PublicKey, hex};
use pandan_operations::DocumentId;
use serde_json::{Value, json};

use crate::client::{Client, ClientError};
use crate::failure::unverified;

/// An entry and its operation as a node hands them out; the operation may have been deleted.
#[derive(Clone, Debug)]
pub(crate) struct RawEntry {
    pub(crate) entry: Vec<u8>,
    pub(crate) operation: Option<Vec<u8>>,
}

/// Text as a GraphQL literal.
pub(crate) fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// The cursor with which the next page begins, if there is one.
pub(crate) fn next_page(page: &Value) -> Option<String> {
    let more = page["hasNextPage"].as_bool().unwrap_or_default();
    page["endCursor"].as_str().filter(|_| more).map(str::to_owned)
}

/// All entries of a document in the order in which the node got them.
pub(crate) fn document_entries(
    client: &Client,
    id: &DocumentId,
) -> Result<Vec<RawEntry>, ClientError> {
    let mut all = Vec::new();
    loop {
        let page = document_entries_page(client, id, ENTRIES, all.len())?;
        let last = page.len() < ENTRIES;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

/// All entries of each of several documents, in few requests.
pub(crate) fn entries_of_each(
    client: &Client,
    ids: &[DocumentId],
) -> Result<Vec<Vec<RawEntry>>, ClientError> {
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(DOCUMENTS) {
        let fields = ids.iter().zip(0..).map(|(id, place)| {
            format!(
                "d{place}: documentEntries(id: \"{id}\", first: {ENTRIES}) {{ entry operation }}"
            )
        });
        let query = format!("{{ {} }}", fields.collect::<Vec<_>>().join(" "));
        let data = client.query_entries("documentEntries", &query, &json!({}))?;
        for (id, place) in ids.iter().zip(0..) {
            let entries = read_entries(client, &data[format!("d{place}")])?;
            let is_whole = entries.len() < ENTRIES;
            all.push(if is_whole { entries } else { document_entries(client, id)? });
        }
    }
    Ok(all)
}

/// Some entries of a document.
pub(crate) fn document_entries_page(
    client: &Client,
    id: &DocumentId,
    first: usize,
    skip: usize,
) -> Result<Vec<RawEntry>, ClientError> {
    let query = "query ($id: DocumentId!, $first: Int, $skip: Int) {
        entries: documentEntries(id: $id, first: $first, skip: $skip) { entry operation } }";
    let variables = json!({ "id": id.to_string(), "first": first, "skip": skip });
    let data = client.query_entries("documentEntries", query, &variables)?;
    read_entries(client, &data["entries"])
}

/// Some entries of a log.
pub(crate) fn log_entries_page(
    client: &Client,
    author: &PublicKey,
    log_id: LogId,
    from: u64,
    first: usize,
) -> Result<Vec<RawEntry>, ClientError> {
    let query = "query ($key: PublicKey!, $log: LogId!, $from: SeqNum, $first: Int) {
        entries: logEntries(publicKey: $key, logId: $log, from: $from, first: $first) {
          entry operation } }";
    let variables = json!({
        "key": author.to_string(),
        "log": log_id.to_string(),
        "from": from.to_string(),
        "first": first,
    });
    let data = client.query_entries("logEntries", query, &variables)?;
    read_entries(client, &data["entries"])
}

/// A fork as a node tells of it; the proof holds.
#[derive(Clone, Debug)]
pub(crate) struct RemoteFork {
    pub(crate) proof: ForkProof,
    pub(crate) documents: Vec<String>,
    pub(crate) total_documents: u64,
}

/// All forks that a node knows, or those by an author or in a document.
pub(crate) fn forks(
    client: &Client,
    author: Option<&PublicKey>,
    document: Option<&DocumentId>,
) -> anyhow::Result<Vec<RemoteFork>> {
    let query = "query ($after: String, $author: PublicKey, $document: DocumentId, $first: Int) {
        forks(after: $after, author: $author, documentId: $document, first: $first) {
          hasNextPage endCursor forks { proof documents totalDocuments } } }";
    let mut variables = json!({
        "author": author.map(ToString::to_string),
        "document": document.map(ToString::to_string),
        "first": ENTRIES,
    });
    let mut all = Vec::new();
    loop {
        let data = client.query_entries("forks", query, &variables)?;
        let page = &data["forks"];
        for fork in page["forks"].as_array().into_iter().flatten() {
            all.push(read_fork(client, fork)?);
        }
        match next_page(page) {
            Some(cursor) => variables["after"] = cursor.into(),
            None => return Ok(all),
        }
    }
}

/// Whether operations of a document are void, since their authors forked their logs; none where the
/// node does not know.
pub(crate) fn is_forked(client: &Client, id: &DocumentId) -> Result<Option<bool>, ClientError> {
    let query = "query ($id: DocumentId) { forks(documentId: $id, first: 1) { totalCount } }";
    let variables = json!({ "id": id.to_string() });
    let data = if_known(client.query_entries("forks", query, &variables))?;
    Ok(data.and_then(|data| Some(data["forks"]["totalCount"].as_u64()? > 0)))
}

/// Whether a node holds a part of a document only.
pub(crate) fn is_held_in_part(client: &Client, id: &DocumentId) -> Result<bool, ClientError> {
    let query = "query ($id: DocumentId) { parts(documentId: $id) { documentId } }";
    let variables = json!({ "id": id.to_string() });
    let data = if_known(client.query_entries("parts", query, &variables))?;
    let parts = data.as_ref().and_then(|data| data["parts"].as_array());
    Ok(parts.is_some_and(|parts| !parts.is_empty()))
}

fn bytes(json: &Value) -> Option<Vec<u8>> {
    hex::decode_vec(json.as_str()?).ok()
}

/// None when the node does not know the question.
fn if_known(answer: Result<Value, ClientError>) -> Result<Option<Value>, ClientError> {
    match answer {
        Err(ClientError::Unsupported { .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

fn read_fork(client: &Client, fork: &Value) -> anyhow::Result<RemoteFork> {
    let odd = || client.not_a_node("a fork proof was not hexadecimal");
    let proof = bytes(&fork["proof"]).ok_or_else(odd)?;
    let proof = ForkProof::decode(&proof)
        .map_err(|error| unverified(format!("a fork proof of the node does not hold: {error}")))?;
    let documents = fork["documents"].as_array().into_iter().flatten();
    let documents = documents.filter_map(Value::as_str).map(str::to_owned).collect();
    let total_documents = fork["totalDocuments"].as_u64().unwrap_or_default();
    Ok(RemoteFork { proof, documents, total_documents })
}

fn read_entries(client: &Client, entries: &Value) -> Result<Vec<RawEntry>, ClientError> {
    let odd = || client.not_a_node("entries were not hexadecimal");
    let entries = entries.as_array().ok_or_else(odd)?.iter().map(|item| {
        let entry = bytes(&item["entry"]).ok_or_else(odd)?;
        let operation = match &item["operation"] {
            Value::Null => None,
            text => Some(bytes(text).ok_or_else(odd)?),
        };
        Ok(RawEntry { entry, operation })
    });
    entries.collect()
}

/// Documents asked for in one request.
const DOCUMENTS: usize = 50;
/// Entries per page.
pub(crate) const ENTRIES: usize = 200;
