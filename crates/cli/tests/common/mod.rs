//! The program as people use it: started as a process, talked to through its arguments.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod filled;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use pandan_testkit::lan::Lan;
use serde_json::Value;
use tempfile::TempDir;

/// The program, without settings of whoever runs the tests.
pub(crate) fn pandan() -> Command {
    pandan_on(None)
}

/// The same, on a host if one is named.
pub(crate) fn pandan_on(host: Option<&str>) -> Command {
    let program = env!("CARGO_BIN_EXE_pandan");
    let mut command = match host {
        Some(host) => Lan::command(host, program),
        None => Command::new(program),
    };
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PANDAN_") {
            command.env_remove(name);
        }
    }
    // Where nobody keeps settings.
    command.env("XDG_CONFIG_HOME", env!("CARGO_TARGET_TMPDIR")).env("NO_COLOR", "1");
    command.env("XDG_DATA_HOME", env!("CARGO_TARGET_TMPDIR"));
    // Tests talk to nobody outside of this machine.
    command.env("PANDAN_OFFLINE", "true");
    command
}

/// A folder to work in, and a node if there is one.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) node: Option<RunningNode>,
    /// The host on which commands run, if not on this one.
    pub(crate) host: Option<String>,
}

/// A node as a process of its own.
pub(crate) struct RunningNode {
    child: Child,
    pub(crate) url: String,
    pub(crate) greeting: Value,
}

impl Desk {
    pub(crate) fn empty() -> Self {
        Self { folder: TempDir::new().expect("a folder"), node: None, host: None }
    }

    pub(crate) fn with_node() -> Self {
        let mut desk = Self::empty();
        desk.start_node();
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("writes to its own folder");
    }

    pub(crate) fn start_node(&mut self) {
        self.node = Some(RunningNode::start(&self.path("data")));
    }

    /// Asks the node to end, and checks that it does so cleanly.
    pub(crate) fn stop_node(&mut self) {
        let mut node = self.node.take().expect("a node is running");
        let pid = node.child.id().to_string();
        let kill = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
        assert!(kill.expect("sh is there").success());
        let status = node.child.wait().expect("it is our child");
        assert!(status.success(), "{status}");
    }

    /// Runs a command in the folder, with the node.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = pandan_on(self.host.as_deref());
        command.current_dir(self.folder.path()).args(arguments);
        if let Some(node) = &self.node {
            command.env("PANDAN_NODE", &node.url);
        }
        command.output().expect("the program starts")
    }

    /// Runs a command that must succeed; its text.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stdout).expect("text");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}{error}");
        text
    }

    /// Runs a command that must succeed; its result as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        let text = self.text(&arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// Runs a command that must fail in this way, saying this.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, expected: &str) {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let all = format!("{}{error}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
        assert!(error.contains(expected), "{arguments:?}: expected {expected:?} in: {error}");
    }

    /// A key and a deployed schema `book { pages: int, title: str }`; the id of the schema.
    pub(crate) fn with_book_schema(&self) -> String {
        self.text(&["key", "new"]);
        self.write("schema.toml", BOOK);
        let built = self.json(&["schema", "build"]);
        self.text(&["schema", "deploy"]);
        built["schemas"][0]["id"].as_str().expect("an id").to_owned()
    }
}

/// A small schema.
pub(crate) const BOOK: &str = r#"
[book]
description = "Something to read"
[book.fields]
pages = { type = "int" }
title = { type = "str" }
"#;

impl RunningNode {
    pub(crate) fn start(data_dir: &Path) -> Self {
        let mut command = pandan();
        command.args(["node", "--http", "127.0.0.1:0", "--json", "--data-dir"]).arg(data_dir);
        Self::spawn(command)
    }

    /// Starts a node that replicates with others of this machine only.
    pub(crate) fn replicating(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::replicating_on(None, data_dir, &[&["--mdns", "false"], arguments].concat())
    }

    /// Starts a node that replicates with others of its network.
    pub(crate) fn replicating_on(host: Option<&str>, data_dir: &Path, arguments: &[&str]) -> Self {
        let mut command = pandan_on(host);
        command.env_remove("PANDAN_OFFLINE");
        command.args(["node", "--http", "127.0.0.1:0", "--json", "--data-dir"]);
        command.arg(data_dir).args(arguments);
        Self::spawn(command)
    }

    /// Starts a node by a command that prints its greeting as JSON.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let greeting: Value = serde_json::from_str(&line).expect("JSON");
        let url = format!("http://{}", greeting["http"][0].as_str().expect("an address"));
        Self { child, url, greeting }
    }
}

impl RunningNode {
    /// A number from what Linux tells of the process, in KiB: `VmRSS`, `VmHWM`. Not everything that
    /// runs programs for Linux tells it.
    pub(crate) fn memory_kib(&self, name: &str) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let number = line.trim_matches([':', ' ', '\t', 'k', 'B']);
        Some(number.parse().unwrap_or_else(|_| panic!("a number in {line}")))
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        // Only this child; it may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text at a place of a JSON value.
pub(crate) fn text_at(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

/// Something that answers every request with the same body; its address.
///
/// Its thread ends with the test.
pub(crate) fn impostor(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = BufReader::new(&stream);
            let mut length = 0;
            let mut line = String::new();
            while request.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or_default();
                }
                line.clear();
            }
            let _ = std::io::copy(&mut request.take(length), &mut std::io::sink());
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
            let _ = write!(stream, "{head} {}\r\n\r\n{body}", body.len());
        }
    });
    format!("http://{address}")
}

/// Asks a node by other means than the program.
pub(crate) fn ask(url: &str, query: &str) -> Value {
    let body = serde_json::json!({ "query": query }).to_string();
    let address = url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("the node listens");
    let head = format!("POST /graphql HTTP/1.1\r\nhost: {address}\r\nconnection: close");
    let kind = "content-type: application/json";
    write!(stream, "{head}\r\n{kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .expect("the node reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the node answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer}"))
}
