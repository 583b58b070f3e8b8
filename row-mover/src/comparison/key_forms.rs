//! Decides by the rows in which form a key is in the target, where its type allows several: the unit of a time, bytes as hexadecimal digits
//! or base64.
//!
//! A wrong decision finds differences that are none, and never hides one: rows that are not paired are missing.

use std::collections::HashSet;

use migrate_core::comparison::key_conversions;
use migrate_core::conversion::Conversion;
use migrate_core::identifier::{quote_pg, quote_sqlite};
use migrate_core::plan::{PlannedColumn, PlannedTable};
use rusqlite::types::Value;

use crate::error::{Context, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::rows::HELD_MAX_BYTES;
use crate::source::scan;
use crate::validate::{REPORT_EACH_ROWS, TargetRows};
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// How many values of the source are looked for in the target.
const SAMPLED_ROWS: usize = 2000;

/// A conversion, and what it makes of the sampled values.
struct Candidate {
    conversion: Conversion,
    wires: Vec<Option<Vec<u8>>>,
}

/// Chooses the conversion of the columns at `positions`, by which rows are paired.
///
/// # Errors
/// When either side cannot be read.
pub(super) fn settle(
    table: &mut PlannedTable,
    positions: &[usize],
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<()> {
    for &position in positions {
        let Some(column) = table.columns.get(position) else { continue };
        let conversion = choose(table, column, source, target, observer)?;
        if let Some(column) = table.columns.get_mut(position) {
            column.conversion = conversion;
        }
    }
    Ok(())
}

fn choose(
    table: &PlannedTable,
    column: &PlannedColumn,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<Conversion> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let values = sample(table, column, source)?;
    for conversion in key_conversions(column) {
        let other = PlannedColumn { conversion: conversion.clone(), ..column.clone() };
        let wires: Vec<Option<Vec<u8>>> = values.iter().map(|value| encoded(&other, value)).collect();
        let is_other = candidates.iter().all(|known| known.wires != wires);
        if is_other && wires.iter().any(Option::is_some) {
            candidates.push(Candidate { conversion, wires });
        }
    }
    if candidates.len() > 1 {
        let found = found_in_target(table, column, &candidates, target, observer)?;
        let best = found.iter().copied().max().unwrap_or(0);
        // Of several, the one of the plan comes first.
        let place = found.iter().position(|found| *found == best).unwrap_or(0);
        candidates.swap(0, place);
    }
    let chosen = candidates.into_iter().next().map(|candidate| candidate.conversion);
    Ok(chosen.unwrap_or_else(|| column.conversion.clone()))
}

/// Some values of the source.
fn sample(table: &PlannedTable, column: &PlannedColumn, source: &SourceConnection) -> Result<Vec<Value>> {
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let connection = source.connection();
    let from = scan::rows_of(connection, &table.source).context(failed)?;
    let name = quote_sqlite(&column.source);
    let sql = format!(
        "SELECT {name} FROM {from} WHERE {name} IS NOT NULL AND octet_length({name}) <= {HELD_MAX_BYTES} LIMIT {SAMPLED_ROWS}"
    );
    // A generated column that SQLite cannot compute is no key, and keeps its conversion.
    let Ok(mut statement) = connection.prepare(&sql) else { return Ok(Vec::new()) };
    let Ok(values) = statement.query_map([], |row| row.get(0)) else { return Ok(Vec::new()) };
    Ok(values.map_while(rusqlite::Result::ok).collect())
}

fn encoded(column: &PlannedColumn, value: &Value) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    column.encode(scan::value(value.into()), &mut wire).ok()?;
    Some(wire)
}

/// How many rows of the target have one of the values that each candidate makes.
fn found_in_target(
    table: &PlannedTable,
    column: &PlannedColumn,
    candidates: &[Candidate],
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<Vec<u64>> {
    let sets: Vec<HashSet<&[u8]>> = candidates
        .iter()
        .map(|candidate| candidate.wires.iter().flatten().map(Vec::as_slice).collect())
        .collect();
    let mut found = vec![0_u64; candidates.len()];
    let sql = format!("SELECT {} FROM {}", quote_pg(&column.target), table.name_in_sql());
    let (mut rows, mut read) = (TargetRows::select(&sql, 1, target)?, 0_u64);
    while rows.advance()? {
        read += 1;
        if read.is_multiple_of(REPORT_EACH_ROWS) {
            check_stop(observer)?;
        }
        let Some(wire) = rows.field(0) else { continue };
        for (set, found) in sets.iter().zip(&mut found) {
            *found += u64::from(set.contains(wire));
        }
    }
    Ok(found)
}
