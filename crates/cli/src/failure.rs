//! How the program ends: one exit code for each kind of failure.

use std::fmt;
use std::io;
use std::process::ExitCode;

use serde_json::json;

use crate::client::ClientError;

/// What a script can tell from the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The work could not be done.
    Failed = 1,
    /// The command line or a file given on it is wrong.
    Usage = 2,
    /// No node answers.
    Unreachable = 3,
    /// The node answered, and refused.
    Refused = 4,
    /// Bytes, a signature, a link or a view do not hold what they claim.
    Unverified = 5,
    /// Another process uses the data directory, or the address.
    InUse = 6,
}

/// An error with the exit code that it asks for.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    sentence: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

/// The user asked for something that cannot be; the sentence says what to ask instead.
pub(crate) fn usage(sentence: impl fmt::Display) -> anyhow::Error {
    failure(Exit::Usage, sentence)
}

/// What was asked for is not there; the sentence says where to look.
pub(crate) fn missing(sentence: impl fmt::Display) -> anyhow::Error {
    failure(Exit::Failed, sentence)
}

/// Something does not hold what it claims.
pub(crate) fn unverified(sentence: impl fmt::Display) -> anyhow::Error {
    failure(Exit::Unverified, sentence)
}

/// An error with a chosen exit code.
pub(crate) fn failure(exit: Exit, sentence: impl fmt::Display) -> anyhow::Error {
    anyhow::Error::new(Failure { exit, sentence: sentence.to_string() })
}

/// The exit code that an error asks for.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.exit;
        }
        if let Some(error) = cause.downcast_ref::<ClientError>() {
            return error.exit();
        }
    }
    Exit::Failed
}

/// Tells the error on standard error and returns the code to end with.
pub(crate) fn report(error: &anyhow::Error, as_json: bool) -> ExitCode {
    if is_broken_pipe(error) {
        // Whoever read our output has seen enough.
        return ExitCode::SUCCESS;
    }
    let exit = exit_of(error);
    if as_json {
        let refusal = error.chain().find_map(|cause| cause.downcast_ref::<ClientError>());
        let line = json!({ "error": {
            "message": format!("{error:#}"),
            "exit": exit as u8,
            "code": refusal.and_then(ClientError::code),
            "requirement": refusal.and_then(ClientError::requirement),
        }});
        eprintln!("{line}");
    } else {
        let style = crate::style::ERROR;
        anstream::eprintln!("{style}error:{style:#} {error:#}");
    }
    ExitCode::from(exit as u8)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
