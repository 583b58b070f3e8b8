//! Virtual tables that store rows, read like any other table: FTS3, FTS4 and FTS5 tables without external content, and R*Trees. SQLite
//! itself returns their rows, through the modules that this program is linked with.
//!
//! The planner handles what such a table offers beyond its rows.

use migrate_core::source_schema::{SourceColumn, SourceTable};
use migrate_core::source_sql::{RowNumber, virtual_table_facts};
use rusqlite::Connection;

use super::introspect::rows;

/// The kinds of virtual tables.
pub(super) enum VirtualTable {
    /// It holds rows, and can be read.
    Readable(SourceTable),
    /// It holds rows in this shadow table, and its module does not give them.
    Unreadable {
        /// The shadow table, which can be read like an ordinary one.
        content: String,
    },
    /// It holds no rows that SQLite could give.
    Other,
}

/// Determines how the rows of a virtual table can be read.
pub(super) fn inspect(connection: &Connection, name: &str, sql: &str) -> VirtualTable {
    let Ok(facts) = virtual_table_facts(name, sql) else { return VirtualTable::Other };
    let Some(number) = facts.row_number() else { return VirtualTable::Other };
    let full_text = facts.full_text();
    let language_id = full_text.as_ref().and_then(|facts| facts.language_id.as_deref());
    let table = columns(connection, name, number, language_id).map(|columns| SourceTable {
        name: name.to_owned(),
        sql: sql.to_owned(),
        module: Some(facts.module),
        without_rowid: false,
        strict: false,
        columns,
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
    });
    match table {
        Ok(table) if is_readable(connection, &table) => VirtualTable::Readable(table),
        _ if full_text.is_some() => VirtualTable::Unreadable { content: format!("{name}_content") },
        _ => VirtualTable::Other,
    }
}

/// The columns, the one that numbers the rows first.
fn columns(
    connection: &Connection,
    table: &str,
    number: RowNumber,
    language_id: Option<&str>,
) -> rusqlite::Result<Vec<SourceColumn>> {
    let sql = "SELECT name, type, hidden FROM pragma_table_xinfo(?1) ORDER BY cid";
    let listed = rows(connection, sql, [table], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    })?;
    let is_language = |name: &str| language_id.is_some_and(|language| language.eq_ignore_ascii_case(name));
    let mut columns: Vec<SourceColumn> = (listed.into_iter())
        .filter(|(name, _, hidden)| *hidden == 0 || is_language(name))
        .map(|(name, declared_type, _)| column(name, declared_type))
        .collect();
    if let RowNumber::Named(name) = number {
        // A column of the table's own may have the name; the rowid is then reached by another.
        let is_taken = |name: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        if let Some(free) = [name, "rowid", "_rowid_", "oid"].into_iter().find(|name| !is_taken(name)) {
            columns.insert(0, column(free.to_owned(), String::new()));
        }
    }
    if let Some(first) = columns.first_mut() {
        // It is the rowid, which is an integer and no NULL.
        first.declared_type = "INTEGER".to_owned();
        first.primary_key_position = 1;
    }
    Ok(columns)
}

fn column(name: String, declared_type: String) -> SourceColumn {
    SourceColumn {
        name,
        declared_type,
        not_null: false,
        default: None,
        primary_key_position: 0,
        generated: false,
    }
}

/// Whether the module returns a row: its tokenizer, or a function that it stores text with, may be the app's own.
fn is_readable(connection: &Connection, table: &SourceTable) -> bool {
    let quote = migrate_core::identifier::quote_sqlite;
    let names: Vec<String> = table.columns.iter().map(|column| quote(&column.name)).collect();
    let sql = format!("SELECT {} FROM {} LIMIT 1", names.join(", "), quote(&table.name));
    rows(connection, &sql, [], |_| Ok(())).is_ok()
}
