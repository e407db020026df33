//! Bringing the rows of documents up to date.
//!
//! An UPDATE on top of exactly the latest state changes the columns that it writes, without a look
//! at the history. After anything else the document is built anew from all its operations, which
//! is put off to the end of the batch, so that many concurrent operations are taken together.

use std::fmt::Write as _;
use std::sync::Arc;

use pandan_documents::{Document, History, extends};
use pandan_operations::{DocumentViewId, OperationId};
use pandan_schema::{CheckedOperation, FieldType, Schema, TypedFields};
use rusqlite::types::Value as Sql;
use rusqlite::{OptionalExtension, params, params_from_iter};

use super::batch::Batch;
use super::digest::{self, Digest};
use super::fault::{Fault, Result};
use super::insert::{Head, NewRow};
use super::items::{self, Lists};
use super::{entries, history, table, value};

/// The document that an operation changes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) row: i64,
    pub(super) id: Digest,
    pub(super) schema_row: i64,
    pub(super) schema: Arc<Schema>,
}

impl Batch<'_> {
    /// Lets a document follow an operation that was just stored.
    pub(super) fn materialise(
        &mut self,
        target: &Target,
        author: i64,
        id: OperationId,
        operation: CheckedOperation,
    ) -> Result<()> {
        self.write_row_of(target)?;
        let is_done = match operation {
            CheckedOperation::Create { fields, .. } => {
                let head = Head { owner: author, view: None, is_edited: false };
                let values = fields.iter().map(|(_, value)| value);
                self.insert_row(target, NewRow::new(&target.id, head, values));
                true
            }
            CheckedOperation::Update { previous, fields, .. } => {
                !self.outdated.contains_key(&target.row)
                    && extends(&previous, &previous)
                    && self.extend(target, &previous, id, &fields)?
            }
            CheckedOperation::Delete { previous, .. } => self.delete(target, &previous, id)?,
        };
        if !is_done {
            self.outdated.insert(target.row, target.schema_row);
        }
        Ok(())
    }

    /// Builds the documents anew whose rows do not tell their latest state.
    pub(super) fn rebuild_outdated(&mut self) -> Result<()> {
        for (row, schema_row) in std::mem::take(&mut self.outdated) {
            let schema = self.schema(schema_row)?;
            let history = history::of(self.connection, &schema, row)?;
            let document = history.document().map_err(Fault::inconsistent)?;
            let id = *digest::of_document(&document.id());
            let target = Target { row, id, schema_row, schema };
            self.rebuild(&target, &history, &document)?;
        }
        Ok(())
    }

    /// Writes down how many documents the tables of schemas hold now.
    pub(super) fn write_counts(&mut self) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE schemas SET documents = documents + ? WHERE id = ?")?;
        for (schema, added) in std::mem::take(&mut self.added) {
            statement.execute([added, schema])?;
        }
        Ok(())
    }

    fn rebuild(&mut self, target: &Target, history: &History, document: &Document) -> Result<()> {
        let owner = entries::author_row(self.connection, &document.author())?
            .ok_or_else(|| Fault::inconsistent("author is not there"))?;
        let view = document.view();
        let Some(fields) = &view.fields else {
            self.remove_row(target, None)?;
            return self.insert_deleted(target, owner, &view.id);
        };
        if history.graph().has_void() {
            self.bring_back(target)?;
        }
        let old = self.lists_of(target)?;
        // A view id is left out only where the CREATE is all that counts.
        let is_new = view.id == DocumentViewId::from(document.id());
        let view_id = (!is_new).then(|| digest::of_view(&view.id));
        let head = Head { owner, view: view_id, is_edited: view.is_edited };
        let values = fields.values().map(|field| &field.value);
        self.replace_row(target, NewRow::new(&target.id, head, values), &old)
    }

    /// Changes a row, if it is in the state on top of which the operation was made.
    fn extend(
        &self,
        target: &Target,
        previous: &DocumentViewId,
        id: OperationId,
        fields: &TypedFields,
    ) -> Result<bool> {
        let lists = fields.iter().any(|(_, value)| items::is_list(value));
        let old = if lists { self.lists_of(target)? } else { Vec::new() };
        let mut sql = format!("UPDATE {} SET view = ?", table::name(target.schema_row));
        let mut params = vec![digest::blob(digest::of_operation(&id))];
        let mut new = Vec::new();
        for (name, value) in fields {
            let Some((position, _)) = target.schema.field(name.as_str()) else { continue };
            write!(sql, ", {} = ?", table::column(position)).expect("a string takes everything");
            params.push(value::to_sql(value));
            new.push((position, value));
        }
        if !new.is_empty() {
            sql.push_str(", edited = 1");
        }
        sql.push_str(" WHERE doc = ? AND view IS ?");
        params.extend([digest::blob(&target.id), stored_view(target, previous)]);
        let mut statement = self.connection.prepare_cached(&sql)?;
        if statement.execute(params_from_iter(params))? == 0 {
            return Ok(false);
        }
        for (position, value) in new.into_iter().filter(|(_, value)| items::is_list(value)) {
            let (old, new) = (items::at(&old, position), value::items(value));
            self.replace_items(target, position, old, &new)?;
        }
        Ok(true)
    }

    /// Takes a document out of the table of its schema; false when which DELETE counts has yet to
    /// be found out.
    fn delete(
        &mut self,
        target: &Target,
        previous: &DocumentViewId,
        id: OperationId,
    ) -> Result<bool> {
        self.connection
            .prepare_cached("UPDATE documents SET deleted = 1 WHERE id = ?")?
            .execute([target.row])?;
        let Some((owner, is_latest)) = self.remove_row(target, Some(previous))? else {
            return Ok(false);
        };
        if !is_latest || !extends(previous, previous) || self.outdated.contains_key(&target.row) {
            return Ok(false);
        }
        self.insert_deleted(target, owner, &id.into())?;
        Ok(true)
    }

    /// Removes a row; tells its owner, and whether it was in this state. None when there was none.
    fn remove_row(
        &mut self,
        target: &Target,
        state: Option<&DocumentViewId>,
    ) -> Result<Option<(i64, bool)>> {
        for (position, items) in self.lists_of(target)? {
            self.replace_items(target, position, &items, &[])?;
        }
        let table = table::name(target.schema_row);
        let sql = format!("DELETE FROM {table} WHERE doc = ? RETURNING owner, view IS ?");
        let state = state.map_or(Sql::Null, |state| stored_view(target, state));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let removed =
            statement.query_row(params![target.id, state], |row| Ok((row.get(0)?, row.get(1)?)));
        let removed = removed.optional()?;
        if removed.is_some() {
            *self.added.entry(target.schema_row).or_default() -= 1;
        }
        Ok(removed)
    }

    fn insert_deleted(&self, target: &Target, owner: i64, view: &DocumentViewId) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO deleted (schema, doc, view, owner) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![target.schema_row, target.id, digest::of_view(view), owner])?;
        Ok(())
    }

    /// A document that begins with a void CREATE is withdrawn from the start; other void operations
    /// have no effect.
    pub(super) fn withdraw_if_new(
        &self,
        target: &Target,
        author: i64,
        operation: &CheckedOperation,
    ) -> Result<()> {
        if !matches!(operation, CheckedOperation::Create { .. }) {
            return Ok(());
        }
        self.connection
            .prepare_cached("UPDATE documents SET deleted = 1 WHERE id = ?")?
            .execute([target.row])?;
        self.insert_deleted(target, author, &digest::operation(target.id).into())
    }

    /// Lets a document be among those of its schema that was not, since its DELETE is void now.
    fn bring_back(&mut self, target: &Target) -> Result<()> {
        self.connection
            .prepare_cached("DELETE FROM deleted WHERE schema = ? AND doc = ?")?
            .execute(params![target.schema_row, target.id])?;
        let sql = format!("SELECT 1 FROM {} WHERE doc = ?", table::name(target.schema_row));
        if !self.connection.prepare_cached(&sql)?.exists([target.id])? {
            *self.added.entry(target.schema_row).or_default() += 1;
        }
        Ok(())
    }

    fn replace_items(
        &self,
        target: &Target,
        position: usize,
        old: &[Vec<u8>],
        new: &[Vec<u8>],
    ) -> Result<()> {
        let list = table::list_id(target.schema_row, position);
        items::replace(self.connection, list, &target.id, old, new)
    }

    /// The lists of a row as it is stored.
    fn lists_of(&self, target: &Target) -> Result<Lists> {
        let fields = target.schema.fields().map(|(_, field_type)| field_type);
        let lists: Vec<(usize, &FieldType)> =
            fields.enumerate().filter(|(_, field_type)| field_type.is_list()).collect();
        if lists.is_empty() {
            return Ok(Vec::new());
        }
        let columns: Vec<_> = lists.iter().map(|(position, _)| table::column(*position)).collect();
        let table = table::name(target.schema_row);
        let sql = format!("SELECT {} FROM {table} WHERE doc = ?", columns.join(", "));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([target.id])?;
        let Some(row) = rows.next()? else { return Ok(Vec::new()) };
        let items = |(index, (position, field_type)): (usize, (usize, &FieldType))| {
            let list = value::from_sql(field_type, row.get_ref(index)?)?;
            Ok((position, value::items(&list)))
        };
        lists.into_iter().enumerate().map(items).collect()
    }
}

/// A state as rows tell it: nothing for that of the CREATE alone.
fn stored_view(target: &Target, state: &DocumentViewId) -> Sql {
    let state = digest::of_view(state);
    if state == target.id { Sql::Null } else { Sql::Blob(state) }
}
