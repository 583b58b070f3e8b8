//! Reads the JSON documents of a file, for whoever wants to know their shape. Nothing here keeps or prints one.

use std::path::Path;

use migrate_core::plan::Plan;
use migrate_core::source_schema::SourceSchema;
use migrate_core::value::SourceValue;

use super::SourceConnection;
use super::introspect;
use super::rows::{Scan, Value, Values};
use super::undisturbed::read_undisturbed;
use crate::error::{Context, Error, Result};

/// Passes all documents of the columns that `wants` selects to `add`; both name table and column as the source does. Reading starts again
/// with a new value of `begin` if another process disturbs it. Text that is not UTF-8 is no document and is not passed.
///
/// # Errors
/// When the file cannot be read, or lacks a column that is selected.
pub fn fold_documents<T>(
    path: &Path,
    plan: &Plan,
    wants: impl Fn(&str, &str) -> bool,
    begin: impl Fn() -> T,
    add: impl Fn(&mut T, &str, &str, &str),
) -> Result<T> {
    let mut read = |source: &SourceConnection| {
        let schema = introspect::introspect(source)?;
        let mut folded = begin();
        for table in &plan.tables {
            let is_wanted = |column: &&str| wants(&table.source, column);
            let columns = table.columns.iter().map(|column| column.source.as_str());
            let columns: Vec<&str> = columns.filter(is_wanted).collect();
            if columns.is_empty() {
                continue;
            }
            check_columns(path, &schema, &table.source, &columns)?;
            let mut take = |column: &str, document: &str| add(&mut folded, &table.source, column, document);
            read_table(
                source,
                &Scan::new(&table.source, columns.clone(), table.rowid.as_deref()),
                &columns,
                &mut take,
            )?;
        }
        Ok(folded)
    };
    Ok(read_undisturbed(path, &mut read)?.0)
}

/// Refuses a file of another schema than the plan's.
fn check_columns(path: &Path, schema: &SourceSchema, table: &str, columns: &[&str]) -> Result<()> {
    let found = schema.tables.iter().find(|each| each.name == table);
    let is_there =
        |column: &&str| found.is_some_and(|found| found.columns.iter().any(|each| each.name == *column));
    match columns.iter().find(|column| !is_there(column)) {
        None => Ok(()),
        Some(column) => Err(Error::new(format!("{} has no column {table}.{column}", path.display()))
            .caused_by("the plan has it, so that it was made for another database".to_owned())
            .with_remedy_text("name the database that the plan is for")),
    }
}

fn read_table(
    source: &SourceConnection,
    scan: &Scan<'_>,
    columns: &[&str],
    take: &mut dyn FnMut(&str, &str),
) -> Result<()> {
    let failed = || "the documents cannot be read".to_owned();
    scan.each(source, &failed, &mut |row| {
        for (position, column) in columns.iter().enumerate() {
            match row.value(position).context(failed)? {
                Value::Held(SourceValue::Text(bytes) | SourceValue::Blob(bytes)) => {
                    let _ = std::str::from_utf8(bytes).map(|document| take(column, document));
                }
                Value::Long(long) => {
                    let whole = long.whole().context(failed)?;
                    let _ = std::str::from_utf8(&whole).map(|document| take(column, document));
                }
                // SQLite makes a number of a document such as `42` where a column is declared JSON.
                Value::Held(SourceValue::Integer(number)) => take(column, &number.to_string()),
                Value::Held(SourceValue::Real(number)) => take(column, &format!("{number:?}")),
                Value::Held(SourceValue::Null) | Value::Uncomputed(_) => {}
            }
        }
        Ok(())
    })
}
