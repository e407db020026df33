//! Core crates touch no socket, file, clock or thread: time and randomness are arguments.

use crate::tidy::{
    Findings,
    edges::CORE,
    source::{Source, Token, Tree},
};

/// Modules of the standard library that core crates do without.
const FORBIDDEN: [&str; 6] = ["env", "fs", "net", "process", "thread", "time"];

/// Where a core crate may use one of them after all.
const EXCEPTIONS: [(&str, &str); 1] = [
    // Key files live where keys do; the module needs the `std` feature.
    ("crates/identity/src/key_file", "fs"),
];

/// Checks the library code of all core crates.
pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    for source in tree.sources.iter().filter(|source| is_core_library(&source.path)) {
        for (module, line) in std_modules(source) {
            let is_exception = EXCEPTIONS
                .iter()
                .any(|(path, allowed)| source.path.starts_with(path) && module == *allowed);
            if FORBIDDEN.contains(&module) && !is_exception {
                findings.add(&source.path, line, format!("core crates do without std::{module}"));
            }
        }
    }
}

fn is_core_library(path: &str) -> bool {
    CORE.iter().any(|name| path.starts_with(&format!("crates/{name}/src/")))
}

/// Every module named directly after `std::`, also in `use std::{fs, io}`.
fn std_modules(source: &Source) -> Vec<(&str, usize)> {
    let mut modules = Vec::new();
    for (index, window) in source.tokens.windows(4).enumerate() {
        let [std, first, second, next] = window else { continue };
        if (std.text.as_str(), first.text.as_str(), second.text.as_str()) != ("std", ":", ":") {
            continue;
        }
        if next.text == "{" {
            modules.extend(heads_of_group(&source.tokens[index + 4..]));
        } else {
            modules.push((next.text.as_str(), next.line));
        }
    }
    modules
}

/// The first name of each path in a braced list, given what follows the opening brace.
fn heads_of_group(tokens: &[Token]) -> Vec<(&str, usize)> {
    let mut heads = Vec::new();
    let mut depth = 0_usize;
    let mut at_start = true;
    for token in tokens {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => break,
            "}" => depth -= 1,
            "," if depth == 0 => at_start = true,
            name if depth == 0 && at_start => {
                heads.push((name, token.line));
                at_start = false;
            }
            _ => {}
        }
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::std_modules;
    use crate::tidy::source::Source;

    #[test]
    fn modules_are_found_in_paths_and_groups() {
        for (code, expected) in [
            ("use std::net::TcpStream;", &["net"][..]),
            (
                "use std::{fmt::{self, Write}, fs, collections::BTreeMap};",
                &["fmt", "fs", "collections"],
            ),
            ("fn now() { let _ = ::std::time::Instant::now(); }", &["time"]),
            ("// std::fs\nconst A: &str = \"std::fs\";", &[]),
            ("use core::time::Duration;", &[]),
        ] {
            let source = Source::parse("src/lib.rs", code).unwrap();
            let found: Vec<_> = std_modules(&source).into_iter().map(|(name, _)| name).collect();
            assert_eq!(found, expected, "{code}");
        }
    }
}
