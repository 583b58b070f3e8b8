//! The rows and values that a migration's `down.sql` would delete, found out by running it in a savepoint that is rolled back.
//!
//! Values that it changes are not counted, only rows that disappear and columns that are dropped.

use std::collections::BTreeMap;

use crate::error::{Context, Result};
use postgres_client::connection::Connection;

/// The error where the tables cannot be read.
const FAILED: &str = "the rows that the migration would delete cannot be counted";

/// Tables with their columns. Temporary tables and what PostgreSQL and the ledger have for themselves are left out.
const TABLES_SQL: &str = "SELECT c.oid::text, format('%I.%I', n.nspname, c.relname), pg_relation_filenode(c.oid)::text, a.attnum::int, a.attname::text \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migration') \
     AND c.relname <> '__diesel_schema_migrations'";

/// Tables from which this transaction has deleted rows.
const DELETED_SQL: &str = "SELECT relid::text FROM pg_stat_xact_user_tables WHERE n_tup_del > 0";

/// Rows, or values of a column, that would be lost.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Loss {
    /// The table, with its schema, as SQL writes it.
    pub table: String,
    /// The column that is dropped; none where rows are lost.
    pub column: Option<String>,
    /// The rows, or those that have a value in the column.
    pub rows: i64,
}

/// A table, as it is at a moment.
#[derive(Default)]
struct Table {
    name: String,
    /// The file on the server, which TRUNCATE replaces.
    file: Option<String>,
    /// By number, which stays when a column is renamed.
    columns: BTreeMap<i32, String>,
}

/// What may be lost; the rows that are there decide it.
enum Suspect {
    Dropped { table: String },
    ColumnDropped { table: String, column: String },
    Emptied { table: String, rows_after: i64 },
}

/// Returns what `down` would delete, within the open transaction. Locks the tables in question, so that the answer stays true.
///
/// # Errors
/// When `down` fails, or tables cannot be read.
pub(super) fn find(
    connection: &mut Connection,
    down: &mut dyn FnMut(&mut Connection) -> Result<()>,
) -> Result<Vec<Loss>> {
    let suspects = connection.undone_transaction(|connection| {
        let before = tables(connection)?;
        down(connection)?;
        suspects(connection, &before)
    })?;
    let mut losses = Vec::new();
    for suspect in suspects {
        let loss = count(connection, &suspect)?;
        losses.extend(Some(loss).filter(|loss| loss.rows > 0));
    }
    losses.sort_by(|a, b| (&a.table, &a.column).cmp(&(&b.table, &b.column)));
    Ok(losses)
}

fn tables(connection: &mut Connection) -> Result<BTreeMap<String, Table>> {
    type Found = (String, String, Option<String>, Option<i32>, Option<String>);
    let found: Vec<Found> = connection.load(TABLES_SQL, &[]).context(|| FAILED)?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (oid, name, file, number, column) in found {
        let table = tables.entry(oid).or_default();
        (table.name, table.file) = (name, file);
        table.columns.extend(number.zip(column));
    }
    Ok(tables)
}

fn suspects(connection: &mut Connection, before: &BTreeMap<String, Table>) -> Result<Vec<Suspect>> {
    let after = tables(connection)?;
    let deleted: Vec<String> = connection.load(DELETED_SQL, &[]).context(|| FAILED)?;
    let mut suspects = Vec::new();
    for (oid, was) in before {
        let table = was.name.clone();
        let Some(is) = after.get(oid) else {
            suspects.push(Suspect::Dropped { table });
            continue;
        };
        let dropped = was.columns.iter().filter(|(number, _)| !is.columns.contains_key(number));
        suspects.extend(
            dropped
                .map(|(_, column)| Suspect::ColumnDropped { table: table.clone(), column: column.clone() }),
        );
        if was.file != is.file || deleted.contains(oid) {
            let rows_after = rows(connection, &is.name, "*")?;
            suspects.push(Suspect::Emptied { table, rows_after });
        }
    }
    Ok(suspects)
}

fn count(connection: &mut Connection, suspect: &Suspect) -> Result<Loss> {
    let (table, column, rows_after) = match suspect {
        Suspect::Dropped { table } => (table, None, 0),
        Suspect::ColumnDropped { table, column } => (table, Some(column), 0),
        Suspect::Emptied { table, rows_after } => (table, None, *rows_after),
    };
    connection.script(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).context(|| FAILED)?;
    let counted = match column {
        None => rows(connection, table, "*")?,
        Some(column) => rows(connection, table, &migrate_core::identifier::quote_pg(column))?,
    };
    Ok(Loss { table: table.clone(), column: column.cloned(), rows: counted - rows_after })
}

fn rows(connection: &mut Connection, table: &str, what: &str) -> Result<i64> {
    connection
        .with_long_silence(|connection| connection.one(&format!("SELECT count({what}) FROM {table}"), &[]))
        .context(|| FAILED)
}
