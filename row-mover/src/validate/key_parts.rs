//! Cuts a table WITHOUT ROWID into parts by its primary key, where its rows lie in the order in which both sides are merged: SQLite sorts
//! nothing, and each part costs as much as its rows.

use std::sync::Arc;

use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;

use super::compare::{Selection, SourceRows};
use super::part_filters::{PARTS_OF_WORKER, is_integer, is_not_null, is_text, literals, target_filters};
use crate::error::{Context, Result};
use crate::source::SourceConnection;
use crate::source::key_ranges::{PartSize, ascending, key_bounds};
use crate::source::owned_value::OwnedValue;
use crate::source::row_range::{KeyBound, KeyRange, RowRange};
use postgres_client::connection::Connection;

/// The size of the parts of a table: small ones are not cut.
pub(super) fn part_size(workers: usize) -> PartSize {
    PartSize { bytes: 128 << 10, parts_max: workers * PARTS_OF_WORKER }
}

/// The parts of a table, at least two; none where it is small, lies in another order, or PostgreSQL cannot be told where to cut.
pub(super) fn selections(
    table: &PlannedTable,
    key: &[usize],
    workers: usize,
    source: &SourceConnection,
    target: &mut Connection,
) -> Result<Option<Vec<Selection>>> {
    let connection = source.connection();
    let encoding: String = (connection.query_row("PRAGMA encoding", [], |row| row.get(0)))
        .context(|| format!("table {} cannot be read", table.source))?;
    if !table.without_rowid || !encoding.eq_ignore_ascii_case("UTF-8") {
        return Ok(None);
    }
    let columns = || key.iter().filter_map(|&position| table.columns.get(position));
    let found = key_bounds(source, &table.source, part_size(workers))?;
    let found = found.filter(|(order, _)| order.is_binary_by(columns().map(|column| column.source.as_str())));
    let Some((order, bounds)) = found else { return Ok(None) };
    let mut compared: Vec<&PlannedColumn> = Vec::new();
    for column in columns().take_while(|column| is_integer(column) || is_text(column)) {
        // A comparison of several columns is neither true nor false for NULL, and such a row would be in no part.
        let may_be_null = !is_not_null(table, column, target)?;
        if may_be_null && !compared.is_empty() {
            break;
        }
        compared.push(column);
        if may_be_null {
            break;
        }
    }
    if compared.is_empty() {
        return Ok(None);
    }
    let bounds = bounds.iter().filter_map(|bound| cut_to(bound, &compared)).collect();
    let bounds = ascending(source, &table.source, &order, bounds)?;
    let cuts: Option<Vec<Vec<String>>> = bounds.iter().map(of_target).collect();
    let Some(cuts) = cuts.filter(|cuts| !cuts.is_empty()) else { return Ok(None) };
    let filters = target_filters(table, &compared, &cuts, target)?;
    let ranges = KeyRange::between(&Arc::clone(&order), bounds);
    let selection = |(range, target)| Selection { source: SourceRows::Range(RowRange::Keys(range)), target };
    Ok(Some(ranges.into_iter().zip(filters).map(selection).collect()))
}

/// A bound with values of these columns only; none where it has no value for one of them that PostgreSQL compares as SQLite does.
fn cut_to(bound: &KeyBound, columns: &[&PlannedColumn]) -> Option<KeyBound> {
    let values = bound.values();
    let value = |(place, column): (usize, &&PlannedColumn)| match *values.get(place)? {
        SourceValue::Integer(integer) if is_integer(column) => Some(OwnedValue::Integer(integer)),
        // A long text is cut at any byte.
        SourceValue::Text(text) if is_text(column) => {
            let is_valid =
                |text: &[u8]| str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
            let text = text.get(..is_valid(text))?;
            (!text.is_empty() && !text.contains(&0)).then(|| OwnedValue::Text(text.to_vec()))
        }
        _ => None,
    };
    columns.iter().enumerate().map(value).collect::<Option<Vec<_>>>().map(|values| bound.with(values))
}

/// The values of a bound as text that PostgreSQL reads.
fn of_target(bound: &KeyBound) -> Option<Vec<String>> {
    bound.values().into_iter().map(|value| literals(value).map(|(_, target)| target)).collect()
}
