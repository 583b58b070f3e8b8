//! The text that PostgreSQL prints for a text of the source, in columns whose type only PostgreSQL reads (`text_input`).
//!
//! The value goes to the server as a setting of the transaction, and the type's input function runs in a guarded block, so that a value
//! that it refuses does not appear in the server's log.

use std::collections::{BTreeMap, HashMap};

use migrate_core::conversion::Conversion;
use migrate_core::identifier::quote_pg_literal;
use migrate_core::plan::{PlannedColumn, PlannedTable};

use crate::error::Result;
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;

/// How many texts are kept, since columns repeat their values.
const KEPT_TEXTS_MAX: usize = 4096;

/// Asks PostgreSQL, in the transaction of a connection, what it prints.
pub(super) struct PrintedText<'t> {
    target: &'t mut Connection,
    /// The types of the columns, by their names.
    types: BTreeMap<String, String>,
    kept: HashMap<(String, String), Option<String>>,
}

/// Whether a column's values are compared as PostgreSQL prints them.
pub(super) fn is_printed(column: &PlannedColumn) -> bool {
    column.conversion == Conversion::TextInput
}

impl<'t> PrintedText<'t> {
    /// For the columns of a table; none where no column needs it.
    pub(super) fn of(table: &PlannedTable, target: &'t mut Connection) -> Result<Option<PrintedText<'t>>> {
        if !table.columns.iter().any(is_printed) {
            return Ok(None);
        }
        let relation = quote_pg_literal(&table.qualified(&table.target));
        let sql = format!(
            "SELECT attname, pg_catalog.format_type(atttypid, -1) FROM pg_catalog.pg_attribute \
             WHERE attrelid = {relation}::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped"
        );
        let mut types = BTreeMap::new();
        for row in target.query(&sql, &[])? {
            if let [Some(name), Some(type_name)] = &*row {
                types.insert(name.clone(), type_name.clone());
            }
        }
        Ok(Some(PrintedText { target, types, kept: HashMap::new() }))
    }

    /// The text that PostgreSQL prints for a text in a column; none if its type refuses it.
    pub(super) fn print(&mut self, column: &PlannedColumn, text: &str) -> Result<Option<String>> {
        let key = (column.target.clone(), text.to_owned());
        if let Some(printed) = self.kept.get(&key) {
            return Ok(printed.clone());
        }
        let Some(type_name) = self.types.get(&column.target) else { return Ok(None) };
        let set = "SELECT pg_catalog.set_config('migration.printed', $1, true)";
        self.target.query(set, &[Some(text)])?;
        let printed = "pg_catalog.current_setting('migration.printed')";
        let sql = format!(
            "SELECT pg_catalog.set_config('migration.printed', {printed}::{type_name}::pg_catalog.text, true)"
        );
        let printed = match self.target.guarded(&sql, Then::Keep)? {
            Err(_) => None,
            Ok(_) => {
                let answer = self.target.query(&format!("SELECT {printed}"), &[])?;
                answer.into_iter().flatten().flatten().next()
            }
        };
        if self.kept.len() >= KEPT_TEXTS_MAX {
            self.kept.clear();
        }
        self.kept.insert(key, printed.clone());
        Ok(printed)
    }
}
