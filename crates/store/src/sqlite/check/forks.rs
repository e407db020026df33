//! Proofs of forks, and the logs that they freeze.

use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
use pandan_bamboo::{EncodedEntry, EntryHash, ForkProof, Hash, LogId};
use pandan_identity::PublicKey;
use rusqlite::{Row, params};

use super::{Check, explain};
use crate::check::{About, Problem, Stage};
use crate::sqlite::entries;
use crate::sqlite::fault::Result;
use crate::sqlite::forks::{fork_to_sql, stored_proof};

/// Goes through all proofs.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let total = check.count("forks")?;
    let mut statement = check.connection.prepare(
        "SELECT f.author, f.log_id, f.first, f.second, l.fork, a.key, l.log_id, l.author \
         FROM forks f JOIN logs l ON l.id = f.log JOIN authors a ON a.id = l.author",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let author = PublicKey::from_stored_bytes(row.get(5)?);
        let about = About::Log(author, entries::log_id_from_sql(row.get(6)?));
        let result = fork(check, row, &about);
        check.absorb(about, result)?;
        check.report.forks += 1;
        check.tell(Stage::Forks, check.report.forks, total);
    }
    Ok(())
}

fn fork(check: &mut Check<'_>, row: &Row<'_>, about: &About) -> Result<()> {
    let proof = stored_proof(row, 2)?;
    let mut buffer = [0; MAX_FORK_PROOF_LENGTH];
    // Whatever was stored is taken for authentic; here it is not.
    if let Err(error) = ForkProof::decode(proof.encode(&mut buffer)) {
        check.note(about.clone(), Problem::NotAProof { detail: explain(&error) });
    }
    let (author, log_id) = (proof.public_key(), proof.log_id());
    let listed = (row.get::<_, [u8; 32]>(0)?, u64::from_be_bytes(row.get(1)?));
    let is_listed = listed == (*author.as_bytes(), log_id.number());
    if !is_listed || *about != About::Log(author, log_id) {
        check.note(about.clone(), Problem::OtherLog { author, log_id });
    }
    let found: Option<i64> = row.get(4)?;
    if found != Some(fork_to_sql(proof.seq_num())) {
        let (expected, found) = (proof.seq_num(), found.unwrap_or_default());
        check.note(about.clone(), Problem::Frozen { expected, found });
    }
    lower_entries(check, row.get(7)?, log_id, &proof, about)
}

/// Whether the two lowest of the stored entries at the place of the fork are in the proof.
fn lower_entries(
    check: &mut Check<'_>,
    author: i64,
    log_id: LogId,
    proof: &ForkProof,
    about: &About,
) -> Result<()> {
    let connection = check.connection;
    let mut statement = connection.prepare_cached(
        "SELECT e.hash FROM logs l JOIN entries e ON e.log = l.id AND e.seq_num = ? \
         WHERE l.author = ? AND l.log_id = ?",
    )?;
    let place = entries::seq_num_to_sql(proof.seq_num());
    let mut rows = statement.query(params![place, author, entries::log_id_to_sql(log_id)])?;
    let [first, second] = proof.entries().map(EncodedEntry::hash);
    while let Some(row) = rows.next()? {
        let hash = EntryHash::from_hash(Hash::from_digest(row.get(0)?));
        if hash < second && hash != first {
            check.note(about.clone(), Problem::LowerEntry { hash });
        }
    }
    Ok(())
}
