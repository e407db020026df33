//! Hosts in network namespaces of their own, joined by a bridge: nothing outside is touched.
//!
//! That needs Linux, its program `ip`, and a right that not everybody has; who asks for some hosts is
//! told why there are none.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Tells those of one process apart.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Two hosts on a bridge that is in a namespace of its own. They go when it is dropped.
#[derive(Debug)]
pub struct Lan {
    bridge: String,
    hosts: [String; 2],
}

impl Lan {
    /// Makes the namespaces; an error says in a line why that is not possible here.
    pub fn new() -> Result<Self, String> {
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = |part| format!("pandan{}-{number}{part}", std::process::id());
        let lan = Self { bridge: name("b"), hosts: [name("x"), name("y")] };
        let bridge = &lan.bridge;
        ip(&format!("netns add {bridge}"))?;
        ip(&format!("-n {bridge} link add br0 type bridge"))?;
        ip(&format!("-n {bridge} link set br0 up"))?;
        for (number, host) in (1..).zip(&lan.hosts) {
            ip(&format!("netns add {host}"))?;
            let port = format!("port{number}");
            ip(&format!("-n {host} link set lo up"))?;
            ip(&format!("-n {host} link add eth0 type veth peer name {port} netns {bridge}"))?;
            ip(&format!("-n {bridge} link set {port} master br0"))?;
            ip(&format!("-n {bridge} link set {port} up"))?;
            ip(&format!("-n {host} addr add 10.99.0.{number}/24 dev eth0"))?;
            ip(&format!("-n {host} addr add fd99::{number}/64 dev eth0 nodad"))?;
            ip(&format!("-n {host} link set eth0 up"))?;
        }
        Ok(lan)
    }

    /// The names of the namespaces of both hosts, which have the addresses 10.99.0.1 and 10.99.0.2.
    #[must_use]
    pub const fn hosts(&self) -> &[String; 2] {
        &self.hosts
    }

    /// A program that runs on one of the hosts.
    #[must_use]
    pub fn command(host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", host, program]);
        command
    }

    /// Makes what each host sends late and some of it lost (`tc-netem(8)`); an error says why that
    /// is not possible here.
    pub fn worsen(&self, loss_percent: u32, delay_ms: u32) -> Result<(), String> {
        for host in &self.hosts {
            let netem = format!("netem loss {loss_percent}% delay {delay_ms}ms limit 100000");
            run("tc", &format!("-n {host} qdisc add dev eth0 root {netem}"))?;
        }
        Ok(())
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for name in self.hosts.iter().chain([&self.bridge]) {
            // One that was not made cannot be taken away.
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    run("ip", arguments)
}

fn run(program: &str, arguments: &str) -> Result<(), String> {
    let output = Command::new(program).args(arguments.split(' ')).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {arguments}: {}", error.trim()))
}
