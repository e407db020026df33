//! Clients that publish, each on a connection of its own, each waiting for its answers.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use pandan_benches::places::Places;
use pandan_store::conformance::Signed;
use serde_json::json;

use crate::Result;
use crate::http::{Connection, request};
use crate::node::Node;
use pandan_benches::times::Times;

/// Each client reads every so manieth of its documents right after it was published.
const SAMPLE: usize = 50;

const PUBLISH: &str = "mutation ($entry: EncodedEntry!, $operation: EncodedOperation!) { \
    publish(entry: $entry, operation: $operation) { logId seqNum backlink skiplink } }";

/// How publishing went.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) documents: usize,
    pub(crate) time: Duration,
    /// Of the node, all cores together.
    pub(crate) processor_time: Duration,
    /// Of the single publishes, reading back left out.
    pub(crate) latencies: Times,
    /// How many were refused, and the first answer that says so.
    pub(crate) refused: usize,
    pub(crate) refusal: Option<String>,
    /// How many were read back right after they were published; all were there.
    pub(crate) read_back: usize,
}

impl Published {
    pub(crate) fn per_second(&self) -> f64 {
        (self.documents - self.refused) as f64 / self.time.as_secs_f64()
    }

    pub(crate) fn processor_time_each(&self) -> Duration {
        self.processor_time.div_f64(self.documents.max(1) as f64)
    }
}

/// What one client has to do, prepared.
struct Task {
    requests: Vec<Vec<u8>>,
    /// What to ask after some of them, and what has to be in the answer.
    samples: Vec<(Vec<u8>, String)>,
}

#[derive(Default)]
struct Done {
    latencies: Vec<Duration>,
    refused: usize,
    refusal: Option<String>,
    read_back: usize,
}

/// Publishes what places rest on.
pub(crate) fn lay_foundation(node: &Node, places: &Places) -> Result<()> {
    let mut connection = node.connect()?;
    for signed in &places.foundation {
        let body = connection.send(&publish(signed))?;
        if !is_published(body) {
            return Err(String::from_utf8_lossy(body).into());
        }
    }
    Ok(())
}

/// Publishes places from several clients at the same time, each with a key of its own.
pub(crate) fn run(
    node: &Node,
    places: &Places,
    clients: usize,
    documents: usize,
    first_author: u64,
) -> Result<Published> {
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let indexes = (client..documents).step_by(clients);
            Task::new(places, &places.sign(first_author + client as u64, indexes))
        })
        .collect();
    let connections = (0..clients).map(|_| node.connect()).collect::<Result<Vec<_>>>()?;
    let processor_time = node.processor_time();
    let start_line = Barrier::new(clients + 1);
    let (done, time) = std::thread::scope(|scope| {
        let clients = tasks.iter().zip(connections).map(|(task, connection)| {
            let start_line = &start_line;
            scope.spawn(move || {
                start_line.wait();
                task.perform(connection)
            })
        });
        let clients: Vec<_> = clients.collect();
        start_line.wait();
        let start = Instant::now();
        let done = clients.into_iter().map(|client| client.join().expect("clients do not panic"));
        let done = done.collect::<Result<Vec<_>>>();
        (done, start.elapsed())
    });
    let done = done?;
    Ok(Published {
        documents,
        time,
        processor_time: node.processor_time().saturating_sub(processor_time),
        refused: done.iter().map(|done| done.refused).sum(),
        read_back: done.iter().map(|done| done.read_back).sum(),
        refusal: done.iter().find_map(|done| done.refusal.clone()),
        latencies: Times::new(done.into_iter().flat_map(|done| done.latencies).collect()),
    })
}

impl Task {
    fn new(places: &Places, signed: &[Signed]) -> Self {
        let sample = |signed: &Signed| {
            let (schema, id) = (&places.place, signed.document());
            let query = format!(r#"{{ {schema}(id: "{id}") {{ meta {{ viewId }} }} }}"#);
            (request(&query, &json!({})), format!(r#""viewId":"{}""#, signed.view()))
        };
        Self {
            requests: signed.iter().map(publish).collect(),
            samples: signed.iter().step_by(SAMPLE).map(sample).collect(),
        }
    }

    fn perform(&self, mut connection: Connection) -> Result<Done> {
        let mut done = Done::default();
        for (index, request) in self.requests.iter().enumerate() {
            let start = Instant::now();
            let body = connection.send(request)?;
            done.latencies.push(start.elapsed());
            if !is_published(body) {
                done.refused += 1;
                done.refusal.get_or_insert_with(|| String::from_utf8_lossy(body).into_owned());
            } else if index.is_multiple_of(SAMPLE) {
                let (request, expected) = &self.samples[index / SAMPLE];
                let body = String::from_utf8_lossy(connection.send(request)?);
                if !body.contains(expected.as_str()) {
                    return Err(
                        format!("expected {expected} after publishing, found {body}").into()
                    );
                }
                done.read_back += 1;
            }
        }
        Ok(done)
    }
}

fn publish(signed: &Signed) -> Vec<u8> {
    let (entry, operation) = (hex(signed.entry.as_bytes()), hex(&signed.payload));
    request(PUBLISH, &json!({ "entry": entry, "operation": operation }))
}

fn is_published(body: &[u8]) -> bool {
    body.starts_with(br#"{"data":{"publish":{"#)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
