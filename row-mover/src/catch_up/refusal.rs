//! Names the row that PostgreSQL refuses: by its key, and never by a value that is not part of it.

use migrate_core::identifier::quote_pg;
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;
use postgres_client::server_error::ServerError;

use super::apply::Copies;
use super::relations::Relations;
use super::rows::{each_row, unreadable};
use super::staged::{NUMBER, StagedTable};
use crate::error::{Context, Error, Result};
use crate::load;
use crate::remedy::Remedy;
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::preflight::row_key;

/// The key of the first added row that a statement is refused for; `trial` accepts a condition on the staged rows `s`.
pub(super) fn refused_row(
    table: &StagedTable<'_>,
    trial: &str,
    copies: &Copies<'_>,
    target: &mut Connection,
) -> Result<Option<String>> {
    let statement = format!("{trial} AND {}", load::IS_TRIED);
    match load::first_refused(&statement, &table.added_name(), target, &mut || Ok(false))? {
        Some(place) => key_of(table, place + 1, copies),
        None => Ok(None),
    }
}

/// Checks the constraints that were deferred.
///
/// # Errors
/// When rows violate one, which is named with the key of an added row that does.
pub(super) fn violated(
    relations: &Relations,
    staged: &[StagedTable<'_>],
    copies: &Copies<'_>,
    target: &mut Connection,
) -> Result<()> {
    let Err(refused) = target.guarded("SET CONSTRAINTS ALL IMMEDIATE", Then::Keep)? else { return Ok(()) };
    let (table, key) = orphan(&refused, relations, staged, copies, target)?;
    let what = match (table.or_else(|| refused.table.clone()), key) {
        (Some(table), Some(key)) => format!("table {table}: the row with the key {key} was refused"),
        (Some(table), None) => format!("table {table}: rows were refused"),
        (None, _) => "rows were refused".to_owned(),
    };
    Err(Error::new(what).caused_by(refused).with_remedy_value(Remedy::RepairSourceAndCatchUp))
}

/// The table with the violated foreign key, and the key of an added row without a parent; a row that lost its parent is not added.
fn orphan(
    refused: &ServerError,
    relations: &Relations,
    staged: &[StagedTable<'_>],
    copies: &Copies<'_>,
    target: &mut Connection,
) -> Result<(Option<String>, Option<String>)> {
    let is_violated = |table: &&StagedTable<'_>| Some(&table.table.target) == refused.table.as_ref();
    let Some(table) = staged.iter().find(is_violated) else { return Ok((None, None)) };
    let name = Some(table.table.target.clone());
    let key = relations
        .foreign_keys
        .iter()
        .find(|key| key.child == table.name && Some(&key.name) == refused.constraint.as_ref());
    let Some(key) = key else { return Ok((name, None)) };
    let (mut not_null, mut pairs) = (Vec::new(), Vec::new());
    for (child, parent) in key.child_columns.iter().zip(&key.parent_columns) {
        let child = quote_pg(child);
        let Some(column) = table.columns.iter().find(|column| column.name == child) else {
            return Ok((name, None));
        };
        not_null.push(format!("{} IS NOT NULL", column.value("s")));
        pairs.push(format!("p.{} = {}", quote_pg(parent), column.value("s")));
    }
    let sql = format!(
        "SELECT min(s.{NUMBER}) FROM {} AS s WHERE {} AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
        table.added_name(),
        not_null.join(" AND "),
        key.parent,
        pairs.join(" AND ")
    );
    let number: Option<i64> = target.one(&sql, &[]).context(|| "the refused row cannot be found")?;
    let key = match number.and_then(|number| u64::try_from(number).ok()) {
        Some(number) => key_of(table, number, copies)?,
        None => None,
    };
    Ok((name, key))
}

/// The key of the added row that was sent at this place, counted from 1.
fn key_of(table: &StagedTable<'_>, number: u64, copies: &Copies<'_>) -> Result<Option<String>> {
    let (mut key, mut sent, mut scratch) = (None, 0, RowBuffer::default());
    each_row(&table.sent, &table.difference.added, copies.newer, &mut |row| {
        if key.is_some() {
            return Ok(());
        }
        scratch.clear();
        let outcome =
            row_encoder::append_row(&table.sent, row, &mut scratch).context(|| unreadable(table.table))?;
        if matches!(outcome, RowOutcome::Moves | RowOutcome::Nulled(_)) {
            sent += 1;
            if sent == number {
                key = Some(row_key(&table.sent, row.held()));
            }
        }
        Ok(())
    })?;
    Ok(key)
}
