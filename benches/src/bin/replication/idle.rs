//! What a node costs that has nothing to do: with ten peers who have nothing to do either, and
//! alone.
//!
//! All are processes of their own, connected over 127.0.0.1. What is counted is the processor time
//! of all threads of the node, and how often one of them waited and was woken up
//! (`voluntary_ctxt_switches` of Linux).

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pandan_benches::process::{resident_bytes, threads, used};
use pandan_benches::program::Program;
use serde_json::Value;
use tempfile::TempDir;

use crate::Result;

/// How many peers the node has.
const PEERS: usize = 10;

/// How long all are left alone before anything is counted.
const REST: Duration = Duration::from_secs(15);

/// How often threads are looked at, so that those are counted that end.
const LOOK: Duration = Duration::from_secs(1);

/// How long nodes may take until all are connected and live.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node as a process of its own.
struct Node {
    program: Program,
    http: SocketAddr,
    quic: String,
    _folder: TempDir,
}

/// What a minute costs.
struct Cost {
    processor_time: Duration,
    wakeups: f64,
    resident: u64,
}

pub(crate) fn run(pandan: &Path, seconds: usize) -> Result<()> {
    let time = Duration::from_secs(seconds.try_into()?);
    println!("\n| a node without work, a minute | processor time | wake-ups | memory |");
    println!("|---|--:|--:|--:|");
    for peers in [0, PEERS] {
        let node = Node::start(pandan, None)?;
        let others = (0..peers).map(|_| Node::start(pandan, Some(&node.quic)));
        let others = others.collect::<Result<Vec<_>>>()?;
        node.wait_for(peers)?;
        std::thread::sleep(REST);
        let Cost { processor_time, wakeups, resident } = node.watch(time);
        println!(
            "| {peers} peers | {:.1} ms | {wakeups:.0} | {:.1} MiB |",
            processor_time.as_secs_f64() * 1e3,
            resident as f64 / 1024.0 / 1024.0,
        );
        for other in others {
            other.stop()?;
        }
        node.stop()?;
    }
    Ok(())
}

impl Node {
    /// Starts a node with free ports of this machine only, which stays connected with a peer.
    fn start(pandan: &Path, peer: Option<&str>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pandan-idle-").tempdir()?;
        let mut command = Command::new(pandan);
        command.args(["--json", "node", "--http", "127.0.0.1:0", "--quic", "127.0.0.1:0"]);
        command.args(["--mdns", "false"]).arg("--data-dir").arg(folder.path());
        if let Some(peer) = peer {
            command.args(["--peer", peer]);
        }
        let (program, greeting) = Program::start(&mut command)?;
        let http = greeting["http"][0].as_str().ok_or("the node does not listen for HTTP")?;
        let http = http.parse()?;
        let quic = greeting["quic"].as_str().ok_or("the node does not listen for others")?;
        Ok(Self { program, http, quic: quic.into(), _folder: folder })
    }

    /// Waits until so many peers are connected and live.
    fn wait_for(&self, peers: usize) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.peers()?;
            let live = status["peers"].as_array().into_iter().flatten();
            let live = live.filter(|peer| peer["session"]["phase"] == "live").count();
            if live == peers {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("expected {peers} live peers, found {status}").into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the node tells of its peers, over a connection that ends with that.
    fn peers(&self) -> Result<Value> {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.http)?;
        write!(stream, "GET /peers HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no body")?;
        Ok(serde_json::from_str(body)?)
    }

    fn watch(&self, time: Duration) -> Cost {
        let id = self.program.id();
        let start = Instant::now();
        let (mut processor_time, mut wakeups) = (Duration::ZERO, 0);
        let mut before = threads(id);
        while start.elapsed() < time {
            std::thread::sleep(LOOK.min(time.saturating_sub(start.elapsed())));
            let after = threads(id);
            for (time, count) in used(&before, &after).into_values() {
                processor_time += time;
                wakeups += count;
            }
            before = after;
        }
        let minutes = start.elapsed().as_secs_f64() / 60.0;
        Cost {
            processor_time: processor_time.div_f64(minutes),
            wakeups: wakeups as f64 / minutes,
            resident: resident_bytes(id),
        }
    }

    /// Asks the node to stop and waits until it has.
    fn stop(self) -> Result<()> {
        self.program.stop()
    }
}
