//! Parts beside the logs: they verify now as they did when they were kept.

use pandan_admission::{Part, PartSubject, Payloads, Piece};

use super::{Check, explain};
use crate::check::{About, Problem, Stage};
use crate::parts::{KeptEntry, KeptPart};
use crate::sqlite::fault::Result;
use crate::sqlite::parts;

/// Goes through all parts.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let total = check.count("parts")?;
    for row in parts::rows(check.connection)? {
        match parts::kept(check.connection, row) {
            Ok(kept) => part(check, &kept)?,
            Err(fault) => {
                let about = About::Row { table: String::from("parts"), row: row.to_string() };
                check.absorb(about, Err(fault))?;
            }
        }
        check.report.parts += 1;
        check.tell(Stage::Parts, check.report.parts, total);
    }
    Ok(())
}

fn part(check: &mut Check<'_>, kept: &KeptPart) -> Result<()> {
    let about = match kept.subject() {
        PartSubject::Document(id) => About::Document(id),
        PartSubject::Log { author, log_id } => About::Log(author, log_id),
    };
    let part = match Part::verify(kept.claim(), Payloads::MayLack) {
        Ok(part) => part,
        Err(error) => {
            check.note(about, Problem::Part { detail: explain(&error) });
            return Ok(());
        }
    };
    let roles = part.pieces().iter().map(Piece::is_asked);
    if !roles.eq(kept.entries.iter().map(|kept| kept.is_asked)) {
        let detail = String::from("entries are marked wrongly as asked for, or as not");
        check.note(about.clone(), Problem::Part { detail });
    }
    let is_stored = |kept: &KeptEntry| {
        let mut statement =
            check.connection.prepare_cached("SELECT 1 FROM entries WHERE hash = ?")?;
        statement.exists([kept.entry.hash().as_hash().digest()])
    };
    let stored = kept.entries.iter().map(is_stored).collect::<rusqlite::Result<Vec<_>>>()?;
    if stored.into_iter().all(|is_stored| is_stored) {
        let detail = String::from("all of it is stored");
        check.note(about, Problem::Part { detail });
    }
    Ok(())
}
