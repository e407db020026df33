//! The reference in the book is what the command line says.
//!
//! After a change on purpose, `cargo xtask book` writes the pages anew.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::{Arg, Command, CommandFactory, Parser};

use crate::arguments::Arguments;

/// Pages that stand beside those of the commands.
const OVERVIEW: &str = "index.md";

#[test]
fn the_reference_in_the_book_is_complete() {
    let folder = book().join("guide/cli");
    let mut program = Arguments::command();
    program.build();
    let commands: Vec<_> = program.get_subcommands().filter(|command| !is_help(command)).collect();
    check(&folder.join(OVERVIEW), &overview(&program, &commands));
    for command in &commands {
        check(&folder.join(file_name(command)), &page(command));
    }
    let pages = fs::read_dir(&folder).expect("the pages are there");
    assert_eq!(pages.count(), commands.len() + 1, "a page belongs to no command");
}

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src")
}

fn check(path: &Path, expected: &str) {
    if env::var_os("UPDATE_EXAMPLES").is_some() {
        fs::write(path, expected).expect("the book can be written");
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{} is out of date; run `cargo xtask book`", path.display());
}

fn is_help(command: &Command) -> bool {
    command.get_name() == "help"
}

fn file_name(command: &Command) -> String {
    format!("{}.md", command.get_name())
}

/// What all commands share, and a list of them.
fn overview(program: &Command, commands: &[&Command]) -> String {
    let mut text = format!("# The program `pandan`\n\n{}\n\n{}", about(program), usage(program));
    text += "\n| command | what it does |\n|---|---|\n";
    for command in commands {
        let (name, about) = (command.get_name(), about(command));
        writeln!(text, "| [`{name}`]({}) | {about} |", file_name(command)).expect("text grows");
    }
    text +=
        "\nThese pages are made from the program itself; `pandan help COMMAND` says the same.\n";
    let shared: Vec<_> = program.get_arguments().collect();
    text += &list("Options of all commands", &shared);
    text + &epilogue(program)
}

/// A command with all commands below it.
fn page(command: &Command) -> String {
    let mut text = format!("# {}\n\n{}", title(command), body(command));
    for below in command.get_subcommands().filter(|below| !is_help(below)) {
        write!(text, "\n## {}\n\n{}", title(below), body(below)).expect("text grows");
    }
    let example = format!("examples/cli-{}.txt", command.get_name());
    if book().join("guide").join(&example).exists() {
        write!(text, "\n## Example\n\n```console\n{{{{#include ../{example}}}}}\n```\n")
            .expect("text grows");
    }
    text
}

fn title(command: &Command) -> String {
    format!("`{}`", command.get_bin_name().expect("the program was built"))
}

fn body(command: &Command) -> String {
    let own: Vec<_> =
        command.get_arguments().filter(|argument| !argument.is_global_set()).collect();
    let (places, options): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|argument| argument.is_positional());
    let head = format!("{}\n\n{}", about(command), usage(command));
    [head, list("Arguments", &places), list("Options", &options), epilogue(command)].concat()
}

fn about(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about()).expect("every command says");
    escaped(&about.to_string())
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    format!("```text\n{}\n```\n", usage.trim_start_matches("Usage: "))
}

/// Arguments in the order of the program, help and version left out.
fn list(title: &str, arguments: &[&Arg]) -> String {
    let told = arguments.iter().filter(|argument| {
        !["help", "version"].contains(&argument.get_id().as_str()) && !argument.is_hide_set()
    });
    let items: String = told.map(|argument| item(argument)).collect();
    if items.is_empty() { items } else { format!("\n{title}:\n\n{items}") }
}

fn item(argument: &Arg) -> String {
    let help = argument.get_help().expect("every argument says").to_string();
    let mut text = format!("- {}: {}", spelling(argument), escaped(&help));
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
    if argument.get_action().takes_values() && !argument.is_hide_default_value_set() {
        defaults.for_each(|value| write!(text, "; default `{value}`").expect("text grows"));
    }
    if let Some(name) = argument.get_env() {
        write!(text, "; environment `{}`", name.to_string_lossy()).expect("text grows");
    }
    text.push('\n');
    if argument.get_action().takes_values() {
        for value in argument.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
            let help = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
            writeln!(text, "  - `{}`{help}", value.get_name()).expect("text grows");
        }
    }
    text
}

fn spelling(argument: &Arg) -> String {
    if argument.is_positional() {
        return format!("`{argument}`");
    }
    let value = match argument.get_value_names() {
        Some(names) if argument.get_action().takes_values() => format!(" {}", names.join(" ")),
        _ => String::new(),
    };
    let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let long = argument.get_long().expect("options have long names");
    format!("{short}`--{long}{value}`")
}

/// What stands at the end of the help.
fn epilogue(command: &Command) -> String {
    command.get_after_help().map(|text| format!("\n```text\n{text}\n```\n")).unwrap_or_default()
}

/// Markdown would take these for its own.
fn escaped(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}

/// Digits that stand for an id, and for a key, where a page leaves them out.
const SOME_ID: &str = "0020af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
const SOME_KEY: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

#[test]
fn commands_in_the_book_are_understood() {
    let root = book().join("../..");
    let readmes = ["README.md", "crates/cli/README.md"].map(|name| root.join(name));
    let mut lines = 0;
    for path in markdown(&book()).into_iter().chain(readmes) {
        let text = fs::read_to_string(&path).expect("the page is there");
        for line in shell_lines(&text) {
            lines += 1;
            let error =
                Arguments::try_parse_from(words(line)).err().filter(|error| error.use_stderr());
            assert!(error.is_none(), "{}: {line}: {error:?}", path.display());
        }
    }
    assert!(lines > 20, "only {lines} commands were found");
}

#[test]
fn the_unit_in_the_book_starts_a_node() {
    let path = book().join("guide/examples/pandan.service");
    let unit = fs::read_to_string(path).expect("the unit is there");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts");
    let arguments = Arguments::try_parse_from(words(start)).expect("it is understood");
    assert!(matches!(arguments.command, super::Command::Node(_)));
}

fn markdown(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the book is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths
        .flat_map(|path| if path.is_dir() { markdown(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// The commands of this program in blocks for a shell, without comments.
fn shell_lines(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines);
    lines.filter(|line| line.starts_with("pandan ")).filter_map(|line| line.split("  #").next())
}

/// The words of a line as a shell splits them, with ids for what ends with an ellipsis.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for char in line.trim().chars() {
        match (char, quote) {
            ('"' | '\'', None) => quote = Some(char),
            (_, Some(open)) if char == open => quote = None,
            (' ', None) => words.push(String::new()),
            _ => words.last_mut().expect("there is one").push(char),
        }
    }
    words.retain(|word| !word.is_empty());
    words.into_iter().map(|word| completed(&word)).collect()
}

fn completed(word: &str) -> String {
    match word.strip_suffix('…') {
        Some(start) if start.starts_with("0020") => SOME_ID.to_owned(),
        Some(start) if start.chars().all(|char| char.is_ascii_hexdigit()) => SOME_KEY.to_owned(),
        _ => word.to_owned(),
    }
}
