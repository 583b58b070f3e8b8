//! A column of an app's primary key whose type no conversion produces: how it becomes text, and what it was again.

use std::fmt;

use crate::identifier::quote_pg;
use crate::target_schema::{TargetColumn, TargetTable};

/// A column of a primary key, which is text while the rows are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its table, as SQL writes it.
    pub table: String,
    /// The column in the target.
    pub column: String,
    /// Its type in the target.
    pub type_name: String,
    /// Whether foreign keys point to its table or it is part of one.
    pub is_joined: bool,
}

impl KeyColumn {
    /// The column of `table`.
    pub(super) fn of(table: &TargetTable, column: &TargetColumn) -> KeyColumn {
        let own = table.foreign_keys.iter().any(|key| key.columns.contains(&column.name));
        KeyColumn {
            table: table.name_in_sql(),
            column: column.name.clone(),
            type_name: column.type_name.clone(),
            is_joined: own || !table.referenced_by.is_empty(),
        }
    }
}

impl fmt::Display for KeyColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("; as part of the primary key it cannot be read as text")?;
        if self.is_joined {
            return f.write_str(", and foreign keys use it: let the app create both of their ends as text");
        }
        let (table, column, type_name) = (&self.table, quote_pg(&self.column), &self.type_name);
        write!(
            f,
            "; make it text for the migration: ALTER TABLE {table} ALTER COLUMN {column} TYPE text USING {column}::text; and after \
             the migration and its validation what it was: ALTER TABLE {table} ALTER COLUMN {column} TYPE {type_name} USING \
             {column}::{type_name};"
        )
    }
}
