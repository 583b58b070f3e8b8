//! A second opinion on whether rows arrived: shares no code with the engine. SQLite is read as typed values, PostgreSQL as its
//! text, both are brought to one form by what the column's type and conversion mean, and the rows are compared as multisets.

mod forms;
mod moment;

use std::collections::BTreeMap;

use row_mover::target::bulk::BulkConnection;
use rusqlite::types::Value;

use crate::engine::{Case, chain};
use forms::Column;

/// How many differences are told.
const TOLD_MAX: usize = 5;

/// A row in its common form; none is NULL.
type Row = Vec<Option<String>>;

/// What differs between the rows of a case's source and its target, where `rejected` rows may be missing.
pub fn differences(case: &Case, rejected: u64) -> Vec<String> {
    let source = rusqlite::Connection::open(&case.source).unwrap();
    let mut target = case.session();
    for setting in ["TimeZone = 'UTC'", "DateStyle = 'ISO'", "bytea_output = 'hex'"] {
        target.query(&format!("SET {setting}"), &[]).unwrap();
    }
    let mut wrong = Vec::new();
    let mut missing = 0;
    for table in &case.plan.tables {
        let kinds = target_types(&mut target, &case.plan.target_schema, &table.target);
        let mut columns = Vec::new();
        for column in &table.columns {
            let Some(kind) = kinds.get(&column.target) else {
                wrong.push(format!("{}.{} is not there", table.target, column.target));
                continue;
            };
            let conversion = serde_json::to_value(&column.conversion).unwrap();
            columns.push(Column::new(&column.source, &column.target, kind, &conversion));
        }
        let mut counts: BTreeMap<Row, i64> = BTreeMap::new();
        let found = source_rows(&source, &table.source, &columns, &mut target, &mut counts).and_then(|()| {
            target_rows(&mut target, &case.plan.target_schema, &table.target, &columns, &mut counts)
        });
        if let Err(problem) = found {
            wrong.push(format!("{}: {problem}", table.source));
        }
        for (row, count) in counts {
            match count {
                0 => {}
                more if more > 0 => {
                    missing += more.unsigned_abs();
                    if missing > rejected && wrong.len() < TOLD_MAX {
                        wrong.push(format!("{}: PostgreSQL has not {row:?}", table.source));
                    }
                }
                _ if wrong.len() < TOLD_MAX => {
                    wrong.push(format!("{}: only PostgreSQL has {row:?}", table.source));
                }
                _ => {}
            }
        }
    }
    wrong
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The types of a table's columns, as `format_type` prints them without their modifiers.
fn target_types(target: &mut BulkConnection, schema: &str, table: &str) -> BTreeMap<String, String> {
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
    judge: &mut BulkConnection,
    counts: &mut BTreeMap<Row, i64>,
) -> Result<(), String> {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.source)).collect();
    let sql = format!("SELECT {} FROM {} NOT INDEXED", or_nothing(&names), quoted(table));
    let mut statement = source.prepare(&sql).map_err(|error| error.to_string())?;
    let mut rows = statement.query([]).map_err(|error| error.to_string())?;
    while let Some(row) = rows.next().map_err(|error| error.to_string())? {
        let mut form = Row::new();
        for (position, column) in columns.iter().enumerate() {
            // Text that is no UTF-8 is read as its bytes: the form says what it was.
            let value = match row.get_ref(position).map_err(|error| error.to_string())? {
                rusqlite::types::ValueRef::Text(bytes) => match str::from_utf8(bytes) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(_) => Value::Blob(bytes.to_vec()),
                },
                other => Value::try_from(other).map_err(|error| error.to_string())?,
            };
            form.push(column.of_source(&value, judge)?);
        }
        *counts.entry(form).or_default() += 1;
    }
    Ok(())
}

fn target_rows(
    target: &mut BulkConnection,
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

/// A list of columns for a SELECT; rows without any column are still counted.
fn or_nothing(names: &[String]) -> String {
    if names.is_empty() { "NULL".to_owned() } else { names.join(", ") }
}
