//! The sessions that the book shows are what the program says.
//!
//! After a change on purpose, `cargo xtask book` writes them anew.
#![cfg(unix)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use common::{Desk, pandan, text_at};

/// The seed of a key which is no secret, so that sessions always go alike.
const SEED: &str = "0101010101010101010101010101010101010101010101010101010101010101";

/// Hexadecimal digits that are shown of hashes, keys and encoded data.
const DIGITS: usize = 12;

/// Longer runs of digits are cut; hashes and keys are.
const DIGITS_MAX: usize = 60;

#[test]
fn sessions_in_the_book_go_like_this() {
    session("key", &["pandan key new", "pandan key show"], Begin::Empty);
    session(
        "schema",
        &[
            "cat schema.toml",
            "pandan schema build",
            "pandan schema deploy",
            "pandan schema list",
            "pandan schema show mushroom",
        ],
        Begin::Key,
    );
    session(
        "document",
        &[
            r#"pandan document create mushroom name="Fly agaric" edible=false"#,
            r#"pandan document create mushroom name=Chanterelle edible=true"#,
            "pandan document update ID name=Girolle",
            "pandan document list mushroom --where edible=true",
            "pandan document show ID",
            "pandan document history ID",
            "pandan document delete ID",
        ],
        Begin::Schema,
    );
    session(
        "blob",
        &["pandan blob put note.txt", "pandan blob get ID --output copy.txt", "cat copy.txt"],
        Begin::Schema,
    );
    session(
        "publish",
        &[
            r#"pandan publish '[1, 0, "SCHEMA", {"name": "Parasol", "edible": true}]'"#,
            r#"pandan publish '[1, 1, "SCHEMA", ["ID"], {"name": "Parasol mushroom"}]'"#,
        ],
        Begin::Schema,
    );
    session(
        "log",
        &["pandan log show KEY 0", "pandan log verify KEY 0 --data-dir data"],
        Begin::Schema,
    );
    session("doctor", &["pandan doctor --data-dir data"], Begin::Schema);
    session("entry", &["pandan entry inspect entry.txt --operation operation.txt"], Begin::Schema);
}

/// What a session begins with.
#[derive(PartialEq)]
enum Begin {
    /// Nothing.
    Empty,
    /// A key that is always the same, and `schema.toml`.
    Key,
    /// The schema is deployed, too, and there are files to look at.
    Schema,
}

/// A desk, and what the names in the lines of a session stand for.
struct Session {
    desk: Desk,
    /// The public key, the id of the schema and the last document.
    names: [(&'static str, String); 3],
}

impl Session {
    fn begin(begin: &Begin) -> Self {
        let desk = Desk::with_node();
        let names = ["KEY", "SCHEMA", "ID"].map(|name| (name, String::new()));
        let mut session = Self { desk, names };
        if *begin != Begin::Empty {
            session.take_key();
        }
        if *begin == Begin::Schema {
            session.deploy();
        }
        session
    }

    fn take_key(&mut self) {
        let Self { desk, names } = self;
        desk.write("secret.txt", SEED);
        fs::set_permissions(desk.path("secret.txt"), fs::Permissions::from_mode(0o600))
            .expect("it is our own");
        fs::copy(examples().join("schema.toml"), desk.path("schema.toml")).expect("it is there");
        names[0].1 = text_at(&desk.json(&["key", "show"]), "public_key");
    }

    fn deploy(&mut self) {
        let Self { desk, names } = self;
        names[1].1 = text_at(&desk.json(&["schema", "build"])["schemas"][0], "id");
        desk.text(&["schema", "deploy"]);
        desk.write("note.txt", "Under the old birch.\n");
        let logged = desk.json(&["log", "show", &names[0].1, "0"]);
        desk.write("entry.txt", &text_at(&logged, "entry"));
        desk.write("operation.txt", &text_at(&logged, "operation"));
    }

    /// Runs a line and gives back what a terminal shows.
    fn step(&mut self, line: &str) -> String {
        let named = |line: String, (name, value): &(&str, String)| line.replace(name, value);
        let line = self.names.iter().fold(line.to_owned(), named);
        let said = run(&self.desk, &line);
        if ["create", " put ", "publish"].iter().any(|writes| line.contains(writes)) {
            self.names[2].1 = first_id(&said).unwrap_or_else(|| panic!("an id in {said}"));
        }
        format!("$ {line}\n{said}")
    }
}

fn session(name: &str, lines: &[&str], begin: Begin) {
    let mut session = Session::begin(&begin);
    let text: String = lines.iter().map(|line| session.step(line)).collect();
    let node = &session.desk.node.as_ref().expect("it runs").url;
    let folder = session.desk.folder.path().to_str().expect("text");
    let text = text.replace(node, "http://localhost:2020").replace(folder, "");
    check(name, &shortened(&text, begin == Begin::Empty));
}

/// Runs a line as a shell does.
fn run(desk: &Desk, line: &str) -> String {
    let program = pandan();
    let folder = Path::new(program.get_program()).parent().expect("it is in a folder").to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1; {line}")]).current_dir(desk.folder.path());
    shell.env("PATH", env::join_paths(folders).expect("paths")).env("NO_COLOR", "1");
    shell.env("PANDAN_NODE", &desk.node.as_ref().expect("it runs").url).env_remove("PANDAN_KEY");
    let output = shell.output().expect("a shell is there");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{line}: {text}");
    text
}

fn first_id(text: &str) -> Option<String> {
    let words = text.split(|char: char| !char.is_ascii_hexdigit());
    words.filter(|word| word.len() == 68).map(str::to_owned).next()
}

/// Cuts long runs of hexadecimal digits, and what is a secret of chance.
fn shortened(text: &str, is_random: bool) -> String {
    let digit = |char: char| char.is_ascii_digit() || ('a'..='f').contains(&char);
    let mut short = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.find(|char| !digit(char)).unwrap_or(rest.len());
        let kept = if run <= DIGITS_MAX {
            run
        } else if is_random {
            0
        } else {
            DIGITS
        };
        short += &rest[..kept];
        if kept < run {
            short.push('…');
        }
        let end = rest[run..].chars().next().map_or(run, |char| run + char.len_utf8());
        short += &rest[run..end];
        rest = &rest[end..];
    }
    short
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/guide/examples")
}

fn check(name: &str, expected: &str) {
    let path = examples().join(format!("cli-{name}.txt"));
    if env::var_os("UPDATE_EXAMPLES").is_some() {
        fs::write(&path, expected).expect("the book can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{} is out of date; run `cargo xtask book`", path.display());
}
