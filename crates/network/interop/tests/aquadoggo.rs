//! A node replicates with a running aquadoggo, both ways. `AQUADOGGO_BIN` names its program; without
//! it there is nothing to run. It listens for HTTP on all addresses and cannot be told otherwise.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pandan_node::{Node, Replication};
use pandan_schema::FieldType;
use pandan_store::conformance::{Author, Signed, fields, text};

/// Its sessions are five seconds apart; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running aquadoggo, which ends with the test.
struct Aquadoggo {
    process: Child,
    http: SocketAddr,
    node: SocketAddr,
}

impl Aquadoggo {
    /// Dials the address, if there is one.
    fn start(program: &str, folder: &Path, dialled: Option<SocketAddr>) -> Self {
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let node = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(program);
        if let Some(address) = dialled {
            command.args(["--direct-node-addresses", &address.to_string()]);
        }
        let process = command
            .args(["--http-port", &http.port().to_string()])
            .args(["--node-port", &node.port().to_string()])
            .args(["--mdns", "false", "--relay-mode", "true", "--transport", "QUIC"])
            .args(["--blobs-base-path".as_ref(), folder.as_os_str()])
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("AQUADOGGO_BIN names a program");
        let started = Self { process, http, node };
        wait_until("it answers", || started.ask("{ __typename }").is_some());
        started
    }

    /// The answer to a GraphQL request, none while it does not listen.
    fn ask(&self, query: &str) -> Option<String> {
        let query = query.replace('"', "\\\"");
        let body = format!("{{\"query\":\"{query}\"}}");
        let mut stream = TcpStream::connect(self.http).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            self.http,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn publish(&self, signed: &Signed) {
        let [entry, operation] = [signed.entry.as_bytes(), &signed.payload].map(hex);
        let query = format!(
            "mutation {{ publish(entry: \"{entry}\", operation: \"{operation}\") {{ logId }} }}"
        );
        let answer = self.ask(&query).expect("it listens");
        assert!(answer.contains("logId") && !answer.contains("errors"), "{answer}");
    }
}

impl Drop for Aquadoggo {
    fn drop(&mut self) {
        // Fails when it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < limit, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_node_that_dials_aquadoggo_and_it_get_what_the_other_has() {
    replicate(false);
}

#[test]
fn a_node_that_aquadoggo_dials_and_it_get_what_the_other_has() {
    replicate(true);
}

fn replicate(is_dialled: bool) {
    let Ok(program) = std::env::var("AQUADOGGO_BIN") else {
        // What tests print is hidden while they pass; this is not.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: AQUADOGGO_BIN does not name the program of an aquadoggo 0.9"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let replication = Replication::at("127.0.0.1:0".parse().unwrap());
    let builder = Node::builder().in_memory().without_http().replication(replication);
    let node = runtime.block_on(builder.start()).unwrap();
    let dialled = node.quic_address().filter(|_| is_dialled);
    let aquadoggo = Aquadoggo::start(&program, folder.path(), dialled);
    let (mut ada, mut bob) = (Author::new(1), Author::new(2));
    let band = ada.define("band", &[("name", FieldType::Str)]);
    let named = |name| fields([("name", text(name))]);
    let can = ada.create(&band.schema, named("Can"));
    let theirs: Vec<_> = band.signed.iter().chain([&can]).collect();
    for signed in &theirs {
        if signed.schema() == band.schema {
            // A schema is there some time after its definition was published.
            let query = format!("{{ all_{} {{ documents {{ cursor }} }} }}", band.schema);
            wait_until("the schema is there", || {
                aquadoggo.ask(&query).is_some_and(|it| !it.contains("errors"))
            });
        }
        aquadoggo.publish(signed);
    }
    if !is_dialled {
        runtime.block_on(node.keep_peer(aquadoggo.node, None));
    }
    let has = |signed: &Signed| {
        let hash = signed.entry.hash();
        let found = runtime.block_on(node.read(move |snapshot| snapshot.entry(&hash)));
        found.unwrap().is_some()
    };
    wait_until("the node has all", || theirs.iter().all(|signed| has(signed)));
    let neu = bob.create(&band.schema, named("Neu!"));
    let published = node.publish(neu.entry.as_bytes(), &neu.payload);
    runtime.block_on(published).unwrap();
    let id = neu.document();
    let query = format!("{{ one: {}(id: \"{id}\") {{ fields {{ name }} }} }}", band.schema);
    wait_until("aquadoggo has the document", || {
        aquadoggo.ask(&query).is_some_and(|answer| answer.contains("Neu!"))
    });
    let status = node.sync_status();
    assert!(status.peers.iter().any(|peer| peer.version == 1 && peer.is_connected), "{status:#?}");
    runtime.block_on(node.shutdown());
}
