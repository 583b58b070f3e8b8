//! Looks at single rows by where they lie, once it is known which ones: what they are called, and a hash of each field.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::identifier::quote_pg_literal;
use migrate_core::plan::PlannedTable;

use super::TableComparison;
use super::compare::{Field, shown_source};
use super::expected::Expected;
use super::multiset::{each_expected, expected_value, unreadable};
use super::pairs::Looked;
use super::place::Place;
use super::row_hash::{Form, RowHash};
use super::target_rows::TargetRows;
use crate::error::{Context, Result};
use crate::source::SourceConnection;
use crate::source::rows::{SourceRow, Value};
use crate::source::scan::{self, RowidRange};
use postgres_client::connection::Connection;

/// Looks at rows of the source.
pub(super) fn look_at_source(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    places: BTreeSet<Place>,
    source: &SourceConnection,
) -> Result<BTreeMap<Place, Looked>> {
    let mut looked = BTreeMap::new();
    let mut counted = TableComparison::default();
    let mut look = |row: &SourceRow<'_>, expected: &Expected, place: Place| {
        looked.insert(place, source_row(table, key, show_values, row, expected, place)?);
        Ok(())
    };
    if table.rowid.is_some() {
        for place in places {
            let range = RowidRange { first: place.number(), last: place.number() };
            each_expected(table, Some(range), source, &mut counted, &mut |row, expected| {
                look(row, expected, place)
            })?;
        }
        return Ok(looked);
    }
    if places.is_empty() {
        return Ok(looked);
    }
    // Rows without a number of their own are counted again, in the same order.
    let mut number = 0;
    each_expected(table, None, source, &mut counted, &mut |row, expected| {
        number += 1;
        let place = Place::of_source(row, number);
        if places.contains(&place) { look(row, expected, place) } else { Ok(()) }
    })?;
    Ok(looked)
}

fn source_row(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    row: &SourceRow<'_>,
    expected: &Expected,
    place: Place,
) -> Result<Looked> {
    let failed = || unreadable(table);
    let mut hash = RowHash::default();
    let mut looked = Looked::default();
    let mut words = Vec::new();
    for (position, column) in table.columns.iter().enumerate() {
        let value = expected_value(table, row, expected, position)?;
        let is_null = matches!(&value, Value::Held(value) if value.is_null());
        hash.add_source(column, &value, Form::Value, &failed)?;
        let hashed = hash.finish();
        looked.columns.push((!is_null).then_some(hashed));
        if show_values {
            looked.shown.push(shown_source(column, &value));
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
    looked.name = match (words.is_empty(), &table.rowid) {
        (false, _) => words.join(", "),
        (true, Some(_)) => format!("rowid={}", place.number()),
        (true, None) => format!("number {} of the table as it lies in SQLite", place.number()),
    };
    Ok(looked)
}

/// Looks at rows of the target.
pub(super) fn look_at_target(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    places: BTreeSet<Place>,
    target: &mut Connection,
) -> Result<BTreeMap<Place, Looked>> {
    let mut looked = BTreeMap::new();
    if places.is_empty() {
        return Ok(looked);
    }
    let ctids: Vec<String> = places.iter().map(|place| format!("\"{}\"", place.ctid())).collect();
    let filter = format!("ctid = ANY ('{{{}}}'::tid[])", ctids.join(","));
    // Of a partitioned table the partition is named.
    let relation = quote_pg_literal(&table.qualified(&table.target));
    let partition = format!("CASE WHEN tableoid <> {relation}::regclass THEN tableoid::regclass::text END");
    let behind = ["tableoid", "ctid", partition.as_str()];
    let mut rows = TargetRows::open_with(table, &[], Some(&filter), &behind, target)?;
    while rows.advance()? {
        let Some(place) = Place::of_target(rows.behind(0), rows.behind(1)) else { continue };
        if places.contains(&place) {
            looked.insert(place, target_row(table, key, show_values, &rows, place)?);
        }
    }
    Ok(looked)
}

fn target_row(
    table: &PlannedTable,
    key: &[usize],
    show_values: bool,
    rows: &TargetRows<'_>,
    place: Place,
) -> Result<Looked> {
    let (mut hash, mut scratch) = (RowHash::default(), Vec::new());
    let mut looked = Looked::default();
    for (position, column) in table.columns.iter().enumerate() {
        hash.add_target(column, rows, position, Form::Value)?;
        let hashed = hash.finish();
        let is_null = rows.field(position).is_none() && rows.digested(position).is_none();
        looked.columns.push((!is_null).then_some(hashed));
        if show_values {
            looked.shown.push(Field::of(rows, position).shown(column, &mut scratch));
        }
    }
    let words = key.iter().filter_map(|&position| {
        let column = table.columns.get(position)?;
        let shown = Field::of(rows, position).shown(column, &mut scratch);
        Some(format!("{}={shown}", column.source))
    });
    let words: Vec<String> = words.collect();
    looked.name = match (words.is_empty(), rows.behind(2)) {
        (false, _) => words.join(", "),
        (true, None) => format!("ctid={}", place.ctid()),
        (true, Some(partition)) => format!("ctid={} of {}", place.ctid(), String::from_utf8_lossy(partition)),
    };
    Ok(looked)
}
