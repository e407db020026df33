//! Versions of the tables, and the way from each to the next.
//!
//! `user_version` of a file is the number of steps that were made. A step that was released never
//! changes.

use pandan_operations::SystemSchema;
use pandan_schema::Schema;
use rusqlite::{Connection, TransactionBehavior};

use super::fault::{Fault, Result};
use super::head_sums::HeadChanges;
use super::{catalog, entries, heads, table};
use crate::StoreError;
use crate::heads::{LogPlace, SCHEMA_OF_FORKED};

/// "Pand" in ASCII: marks files of this program among those of SQLite.
const APPLICATION_ID: i32 = 0x5061_6E64;

/// The steps; the first one makes version 1 out of an empty file.
const STEPS: [fn(&Connection) -> Result<()>; 3] = [create, add_parts, give_heads_to_forked];

/// Greatest version that this program knows.
pub(super) const VERSION: u32 = 3;
const _: () = assert!(STEPS.len() == VERSION as usize, "a version for each step");

/// Brings a file to the latest version, or makes an empty one into a store.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    if version(connection)? == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = version(&transaction)? as usize;
    for step in STEPS.iter().skip(done) {
        step(&transaction)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

/// The version of a file that is a store of this program, or empty.
pub(super) fn version(connection: &Connection) -> Result<u32> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let found = u32::try_from(number("user_version")?).unwrap_or(u32::MAX);
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_ours = number("application_id")? == i64::from(APPLICATION_ID);
    if !is_ours && (found != 0 || tables != 0) {
        let detail = String::from("it is the database of another program; choose another file");
        return Err(StoreError::Corrupt { detail }.into());
    }
    if found > VERSION {
        return Err(StoreError::NewerVersion { found, supported: VERSION }.into());
    }
    if is_ours && found == 0 {
        return Err(Fault::inconsistent("it has no version"));
    }
    Ok(found)
}

fn create(connection: &Connection) -> Result<()> {
    connection.execute_batch(include_str!("version_1.sql"))?;
    for system in SystemSchema::ALL {
        let schema = Schema::system(system);
        let row = catalog::insert(connection, &schema, None, false)?;
        connection.execute_batch(&table::create(row, &schema))?;
    }
    Ok(())
}

fn add_parts(connection: &Connection) -> Result<()> {
    Ok(connection.execute_batch(include_str!("version_2.sql"))?)
}

/// Logs that fork at their first entry got heads.
fn give_heads_to_forked(connection: &Connection) -> Result<()> {
    let schema = heads::schema_row(connection, &SCHEMA_OF_FORKED.into())?
        .ok_or_else(|| Fault::inconsistent("a system schema is not there"))?;
    let mut statement = connection.prepare(
        "SELECT l.id, a.key, l.log_id FROM logs l JOIN authors a ON a.id = l.author \
         WHERE l.branch = 0 AND l.fork = 1",
    )?;
    let mut rows = statement.query([])?;
    let mut changes = HeadChanges::default();
    while let Some(row) = rows.next()? {
        let (log, log_id) = (row.get(0)?, entries::log_id_from_sql(row.get(2)?));
        let place = LogPlace { author: row.get(1)?, log_id };
        changes.change(schema, &place, log, None, heads::find_state(connection, log)?);
    }
    changes.write(connection)
}
