//! Reads single rows by their location, for their names and a hash of each field.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::identifier::quote_pg_literal;
use migrate_core::plan::PlannedTable;

use super::TableComparison;
use super::expected::Expected;
use super::field::{Field, shown_source};
use super::multiset::{each_expected, expected_value, unreadable};
use super::pairs::InspectedRow;
use super::row_hash::{Form, RowHash};
use super::row_location::RowLocation;
use super::target_rows::TargetRows;
use crate::error::{Context, Result};
use crate::source::SourceConnection;
use crate::source::row_range::RowRange;
use crate::source::rows::{SourceRow, Value};
use crate::source::scan::{self, RowidRange};
use postgres_client::connection::Connection;

/// Reads rows of the source by their locations.
pub(super) fn inspect_source_rows(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    locations: BTreeSet<RowLocation>,
    source: &SourceConnection,
    target: &mut Connection,
) -> Result<BTreeMap<RowLocation, InspectedRow>> {
    let mut inspected = BTreeMap::new();
    let mut counted = TableComparison::default();
    let mut hash = RowHash::of_source(table, target)?;
    let mut inspect = |row: &SourceRow<'_>, expected: &Expected, location: RowLocation| {
        inspected.insert(location, source_row(table, key, show_values, row, expected, location, &mut hash)?);
        Ok(())
    };
    if table.rowid.is_some() {
        for location in locations {
            let range = RowidRange { first: location.number(), last: location.number() };
            each_expected(
                table,
                Some(RowRange::Rowids(range)),
                source,
                &mut counted,
                &mut |row, expected| inspect(row, expected, location),
            )?;
        }
        return Ok(inspected);
    }
    if locations.is_empty() {
        return Ok(inspected);
    }
    // Rows without a number of their own are counted again, in the same order.
    let mut number = 0;
    each_expected(table, None, source, &mut counted, &mut |row, expected| {
        number += 1;
        let location = RowLocation::of_source(row, number);
        if locations.contains(&location) { inspect(row, expected, location) } else { Ok(()) }
    })?;
    Ok(inspected)
}

fn source_row(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    row: &SourceRow<'_>,
    expected: &Expected,
    location: RowLocation,
    hash: &mut RowHash<'_>,
) -> Result<InspectedRow> {
    let failed = || unreadable(table);
    let mut inspected = InspectedRow::default();
    let mut words = Vec::new();
    for (position, column) in table.columns.iter().enumerate() {
        let value = expected_value(table, row, expected, position)?;
        let is_null = matches!(&value, Value::Held(value) if value.is_null());
        hash.add_source(column, &value, Form::Value, &failed)?;
        let hashed = hash.finish();
        inspected.columns.push((!is_null).then_some(hashed));
        if show_values {
            inspected.shown.push(shown_source(column, &value));
        }
    }
    for &position in key {
        let Some(column) = table.columns.get(position) else { continue };
        let value = match expected_value(table, row, expected, position)? {
            Value::Held(value) => scan::shown(value, column.secret),
            Value::Long(long) => scan::shown(long.as_value(&long.whole().context(failed)?), column.secret),
            value @ Value::Uncomputed(_) => shown_source(column, &value),
        };
        words.push(format!("{}={value}", column.source));
    }
    inspected.name = match (words.is_empty(), &table.rowid) {
        (false, _) => words.join(", "),
        (true, Some(_)) => format!("rowid={}", location.number()),
        (true, None) => format!("number {} of the table as it lies in SQLite", location.number()),
    };
    Ok(inspected)
}

/// Reads rows of the target by their locations.
pub(super) fn inspect_target_rows(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    locations: BTreeSet<RowLocation>,
    target: &mut Connection,
) -> Result<BTreeMap<RowLocation, InspectedRow>> {
    let mut inspected = BTreeMap::new();
    if locations.is_empty() {
        return Ok(inspected);
    }
    let ctids: Vec<String> = locations.iter().map(|location| format!("\"{}\"", location.ctid())).collect();
    let filter = format!("ctid = ANY ('{{{}}}'::tid[])", ctids.join(","));
    // Of a partitioned table the partition is named.
    let relation = quote_pg_literal(&table.qualified(&table.target));
    let partition = format!("CASE WHEN tableoid <> {relation}::regclass THEN tableoid::regclass::text END");
    let appended = ["tableoid", "ctid", partition.as_str()];
    let mut rows = TargetRows::open_with(table, &[], Some(&filter), &appended, target)?;
    while rows.advance()? {
        let Some(location) = RowLocation::of_target(rows.appended(0), rows.appended(1)) else { continue };
        if locations.contains(&location) {
            inspected.insert(location, target_row(table, key, show_values, &rows, location)?);
        }
    }
    Ok(inspected)
}

fn target_row(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    rows: &TargetRows<'_>,
    location: RowLocation,
) -> Result<InspectedRow> {
    let (mut hash, mut scratch) = (RowHash::default(), Vec::new());
    let mut inspected = InspectedRow::default();
    for (position, column) in table.columns.iter().enumerate() {
        hash.add_target(column, rows, position, Form::Value)?;
        let hashed = hash.finish();
        let is_null = rows.field(position).is_none() && rows.digested(position).is_none();
        inspected.columns.push((!is_null).then_some(hashed));
        if show_values {
            inspected.shown.push(Field::of(rows, position).shown(column, &mut scratch));
        }
    }
    let words = key.iter().filter_map(|&position| {
        let column = table.columns.get(position)?;
        let shown = Field::of(rows, position).shown(column, &mut scratch);
        Some(format!("{}={shown}", column.source))
    });
    let words: Vec<String> = words.collect();
    inspected.name = match (words.is_empty(), rows.appended(2)) {
        (false, _) => words.join(", "),
        (true, None) => format!("ctid={}", location.ctid()),
        (true, Some(partition)) => {
            format!("ctid={} of {}", location.ctid(), String::from_utf8_lossy(partition))
        }
    };
    Ok(inspected)
}
