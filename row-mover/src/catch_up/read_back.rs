//! Reads the changed rows back and compares them with the newer copy; rows that are gone must be gone.

use std::collections::HashSet;

use postgres_client::connection::Connection;

use super::apply::Copies;
use super::rows::each_row;
use super::staged::StagedTable;
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::validate::{ChangedRows, Difference, DifferenceKind};

/// Reads the changed rows of a table back.
///
/// # Errors
/// When one differs from the newer copy.
pub(super) fn read_back(
    table: &StagedTable<'_>,
    copies: &Copies<'_>,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<()> {
    let failed = || format!("the changed rows of table {} cannot be read back", table.table.source);
    let added = |visit: &mut dyn FnMut(&crate::source::rows::SourceRow<'_>) -> Result<()>| {
        each_row(table.table, &table.difference.added, copies.newer, visit)
    };
    let (filter, number) = match table.key.is_empty() {
        false => (table.is_added_sql(), Some(table.number_sql())),
        true if is_placed(table, target)? => (table.is_placed_sql(), None),
        // Nothing was inserted.
        true => return Ok(()),
    };
    let unchanged: HashSet<u64> = match table.key.is_empty() {
        false => HashSet::new(),
        true => {
            let numbers: Vec<i64> = target.load(&table.unchanged_sql(), &[]).context(failed)?;
            numbers.into_iter().filter_map(|number| u64::try_from(number).ok()).collect()
        }
    };
    let compared = ChangedRows {
        table: table.table,
        each_row: &added,
        filter: &filter,
        number: number.as_deref(),
        is_unchanged: &|number| unchanged.contains(&number),
    };
    let differences = compared.compare(target, observer).context(failed)?;
    if let Some(first) = differences.first() {
        return Err(differs(table, first));
    }
    if !table.key.is_empty() {
        let left: i64 = target.one(&table.undeleted_sql(), &[]).context(failed)?;
        if left > 0 {
            return Err(Error::new(format!(
                "table {}: {left} rows that the source no longer has are still there",
                table.table.target
            ))
            .with_remedy_value(Remedy::ValidateOrRestart));
        }
    }
    Ok(())
}

fn is_placed(table: &StagedTable<'_>, target: &mut Connection) -> Result<bool> {
    let sql = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
    target.one(sql, &[Some(&table.placed_name())]).context(|| "the changed rows cannot be read back")
}

fn differs(table: &StagedTable<'_>, first: &Difference) -> Error {
    let key = if first.key.is_empty() { String::new() } else { format!(" with the key {}", first.key) };
    let what = match first.kind {
        DifferenceKind::Missing => format!("the row{key} is not there after it was applied"),
        DifferenceKind::Extra => "PostgreSQL has more rows than were applied".to_owned(),
        DifferenceKind::Different if first.columns.is_empty() => {
            "the rows that were applied read back differently".to_owned()
        }
        DifferenceKind::Different => {
            format!("the row{key} reads back differently in {}", first.columns.join(", "))
        }
    };
    Error::new(format!("table {}: {what}", table.table.target))
        .caused_by(
            "something in the target changes rows when they are written, or it was written to meanwhile",
        )
        .with_remedy_value(Remedy::ValidateOrRestart)
}
