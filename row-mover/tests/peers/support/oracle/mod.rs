//! An independent comparison of source and target that shares no code with the engine. Reads SQLite as typed values and PostgreSQL as text,
//! converts both to a common form by the column's type and conversion, and compares the rows as multisets.

mod forms;
mod moment;

use std::collections::BTreeMap;

use migrate_core::plan::PlannedTable;
use migrate_core::reject::OnReject;
use postgres_client::connection::Connection;
use rusqlite::types::Value;

use crate::engine::{Case, chain};
use forms::Column;

/// Maximum number of reported differences.
const TOLD_MAX: usize = 5;

/// A row in its common form; none stands for NULL.
type Row = Vec<Option<String>>;

/// Returns the differences between the rows of a case's source and target. `rejected` rows may be missing, or have NULLs in
/// place of values that PostgreSQL cannot hold.
pub fn differences(case: &Case, rejected: u64) -> Vec<String> {
    let source = rusqlite::Connection::open(&case.source).unwrap();
    // SQLite refuses to read some tables without the collations that they name, though reading compares nothing.
    source
        .collation_needed(|connection, name| {
            connection.create_collation(name, |_, _| panic!("rows are read without an order"))
        })
        .unwrap();
    let mut target = case.session();
    for setting in ["TimeZone = 'UTC'", "DateStyle = 'ISO'", "bytea_output = 'hex'"] {
        target.query(&format!("SET {setting}"), &[]).unwrap();
    }
    let policies = case.plan.tables.iter().flat_map(|table| &table.columns);
    let may_be_null =
        policies.map(|column| column.policy(case.plan.on_reject)).any(|on| on == OnReject::Null);
    let mut wrong = Vec::new();
    let (mut missing, mut extra) = (0, 0);
    for table in &case.plan.tables {
        let compared = compare(&source, &mut target, table.schema_name(), table);
        let counts = compared.unwrap_or_else(|problem| {
            wrong.push(format!("{}: {problem}", table.source));
            BTreeMap::new()
        });
        for (row, count) in counts {
            let (sum, allowed, words) = match count {
                0 => continue,
                more if more > 0 => (&mut missing, rejected, "PostgreSQL has not"),
                _ => (&mut extra, if may_be_null { rejected } else { 0 }, "only PostgreSQL has"),
            };
            *sum += count.unsigned_abs();
            if *sum > allowed && wrong.len() < TOLD_MAX {
                wrong.push(format!("{}: {words} {row:?}", table.source));
            }
        }
    }
    if wrong.is_empty() && missing == 0 && rejected > 0 {
        wrong.push(format!("{rejected} values are told as rejected, and every row is there"));
    }
    wrong
}

/// Counts, for each form, how many more rows the source has than the target.
fn compare(
    source: &rusqlite::Connection,
    target: &mut Connection,
    schema: &str,
    table: &PlannedTable,
) -> Result<BTreeMap<Row, i64>, String> {
    let kinds = target_types(target, schema, &table.target);
    let mut columns = Vec::new();
    for column in &table.columns {
        let kind = kinds.get(&column.target).ok_or_else(|| format!("{} is not there", column.target))?;
        let conversion = serde_json::to_value(&column.conversion).unwrap();
        columns.push(Column::new(&column.source, &column.target, kind, &conversion));
    }
    let mut counts = BTreeMap::new();
    source_rows(source, &table.source, &columns, target, &mut counts)?;
    target_rows(target, schema, &table.target, &columns, &mut counts)?;
    Ok(counts)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the types of a table's columns, as `format_type` prints them without modifiers.
fn target_types(target: &mut Connection, schema: &str, table: &str) -> BTreeMap<String, String> {
    let rows = target.query(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped \
         AND attrelid = to_regclass(quote_ident($1) || '.' || quote_ident($2))",
        &[Some(schema), Some(table)],
    );
    let rows = rows.unwrap_or_else(|error| panic!("{}", chain(&error)));
    rows.into_iter()
        .map(|row| {
            let mut row = row.into_iter().flatten();
            (row.next().unwrap(), row.next().unwrap())
        })
        .collect()
}

fn source_rows(
    source: &rusqlite::Connection,
    table: &str,
    columns: &[Column],
    judge: &mut Connection,
    counts: &mut BTreeMap<Row, i64>,
) -> Result<(), String> {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.source)).collect();
    let sql = format!("SELECT {} FROM {} NOT INDEXED", or_nothing(&names), quoted(table));
    let mut statement = source.prepare(&sql).map_err(|error| error.to_string())?;
    let mut rows = statement.query([]).map_err(|error| error.to_string())?;
    while let Some(row) = rows.next().map_err(|error| error.to_string())? {
        let mut form = Row::new();
        for (position, column) in columns.iter().enumerate() {
            // Text that is not UTF-8 is read as bytes; the form keeps the storage class.
            let value = match row.get_ref(position).map_err(|error| error.to_string())? {
                rusqlite::types::ValueRef::Text(bytes) => match str::from_utf8(bytes) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(_) => Value::Blob(bytes.to_vec()),
                },
                other => Value::try_from(other).map_err(|error| error.to_string())?,
            };
            // A value that the column cannot hold has no row in the target, so its row must be rejected.
            form.push(column.of_source(&value, judge).unwrap_or_else(Some));
        }
        *counts.entry(form).or_default() += 1;
    }
    Ok(())
}

fn target_rows(
    target: &mut Connection,
    schema: &str,
    table: &str,
    columns: &[Column],
    counts: &mut BTreeMap<Row, i64>,
) -> Result<(), String> {
    let names: Vec<String> =
        columns.iter().map(|column| format!("{}::text", quoted(&column.target))).collect();
    let sql = format!("SELECT {} FROM {}.{}", or_nothing(&names), quoted(schema), quoted(table));
    for row in target.query(&sql, &[]).map_err(|error| chain(&error))? {
        let mut form = Row::new();
        for (column, text) in columns.iter().zip(row) {
            form.push(text.map(|text| column.of_target(&text)).transpose()?);
        }
        *counts.entry(form).or_default() -= 1;
    }
    Ok(())
}

/// Returns a column list for a SELECT; rows without columns are counted, too.
fn or_nothing(names: &[String]) -> String {
    if names.is_empty() { "NULL".to_owned() } else { names.join(", ") }
}
