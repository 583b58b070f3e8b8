//! Cuts tables into parts that several workers compare at once. Together the parts hold each row exactly once, on both sides: their
//! bounds come from the source, and the outer bounds are open.
//!
//! A part of a table whose rows lie in the order of its key costs as much as its rows, and so does one whose rows are read in the order
//! in which they were loaded. Where SQLite has to sort, each part costs a scan of all rows, so that there are no more parts than workers.

use migrate_core::identifier::{quote_pg_literal, quote_sqlite};
use migrate_core::plan::{PlannedColumn, PlannedTable};

use super::compare::{Selection, SourceRows};
use super::key::OwnedKey;
use super::loaded_chunks::LoadedChunk;
use super::part_filters::{PARTS_OF_WORKER, ends, is_integer, is_text, literals, target_filters};
use super::{CompareOptions, can_merge, key_parts, loaded_chunks};
use crate::error::{Context, Result};
use crate::ledger::ChunkTransaction;
use crate::source::SourceConnection;
use crate::source::key_ranges::key_bounds;
use crate::source::parts;
use crate::source::row_range::{KeyBound, RowRange};
use crate::source::scan::{self, RowidRange};
use postgres_client::connection::Connection;

/// Fewer rowids than this are not cut, nor fewer pages of PostgreSQL.
const ROWIDS_MIN: u64 = 1 << 14;
const PAGES_MIN: u64 = 1 << 6;

/// How many rows are asked for their key, where it is not known how keys are spread; a table of fewer ranges of rowids than half of it
/// is too small to be cut.
const SAMPLED_KEYS: usize = 64;

/// A worker's unit of work.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// Compares rows in the order of their keys.
    Merge(Selection),
    /// Compares chunks in the order in which they were loaded.
    Loaded(Vec<LoadedChunk>),
    /// Adds up rows of the source.
    SourceSum(Option<RowRange>),
    /// Adds up rows of the target.
    TargetSum(Option<String>),
}

/// The parts of a table with these chunks. The target has to be in the snapshot in which rows are compared.
pub(super) fn of_table(
    table: &PlannedTable,
    chunks: &[ChunkTransaction],
    options: CompareOptions,
    source: &SourceConnection,
    target: &mut Connection,
) -> Result<Vec<Part>> {
    if !can_merge(table) {
        return sums(table, options.workers, source, target);
    }
    // Rows that lie in the order of their key need no sort.
    if !has_rowid_key(table, source)?
        && let Some(chunks) = loaded_chunks::find(table, chunks, target)?
    {
        return Ok(loaded_chunks::parts(chunks, options.workers).into_iter().map(Part::Loaded).collect());
    }
    Ok(selections(table, options.workers, source, target)?.into_iter().map(Part::Merge).collect())
}

/// Both sides of a table without a key to merge by, each in parts of its own.
fn sums(
    table: &PlannedTable,
    workers: usize,
    source: &SourceConnection,
    target: &mut Connection,
) -> Result<Vec<Part>> {
    let ranges: Vec<RowRange> = match workers {
        2.. if table.without_rowid => {
            parts::key_ranges(source, &table.source, true, key_parts::part_size(workers))?
        }
        _ => open_ended(&rowid_ranges(table, workers, source)?).into_iter().map(RowRange::Rowids).collect(),
    };
    let mut all: Vec<Part> = match ranges.len() {
        2.. => ranges.into_iter().map(|range| Part::SourceSum(Some(range))).collect(),
        _ => vec![Part::SourceSum(None)],
    };
    let relation = quote_pg_literal(&table.qualified(&table.target));
    let sql =
        format!("SELECT pg_relation_size({relation}::regclass) / current_setting('block_size')::bigint");
    let answer = target.query(&sql, &[])?;
    let pages: u64 =
        answer.into_iter().flatten().flatten().next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
    let count = match workers {
        0 | 1 => 1,
        _ => (pages / PAGES_MIN).clamp(1, (workers * PARTS_OF_WORKER) as u64),
    };
    let cuts: Vec<String> = (1..count).map(|cut| format!("'({},0)'::tid", pages * cut / count)).collect();
    let filters = between(&cuts, "ctid", [">=", "<"]);
    all.extend(filters.into_iter().map(Part::TargetSum));
    Ok(all)
}

/// The parts of a table that is merged.
pub(crate) fn selections(
    table: &PlannedTable,
    workers: usize,
    source: &SourceConnection,
    target: &mut Connection,
) -> Result<Vec<Selection>> {
    let whole = vec![Selection::all()];
    let key = table.key_positions();
    let Some(column) = key.first().and_then(|&position| table.columns.get(position)) else {
        return Ok(whole);
    };
    if workers < 2 {
        return Ok(whole);
    }
    if has_rowid_key(table, source)? {
        let ranges = open_ended(&rowid_ranges(table, workers, source)?);
        let cuts: Vec<Vec<String>> = ranges.iter().map(|range| vec![range.last.to_string()]).collect();
        let cuts = cuts.get(..cuts.len().saturating_sub(1)).unwrap_or_default();
        let filters = target_filters(table, &[column], cuts, target)?;
        let parts = ranges.into_iter().map(RowRange::Rowids).zip(filters);
        let parts = parts.map(|(range, target)| Selection { source: SourceRows::Range(range), target });
        let parts: Vec<Selection> = parts.collect();
        return Ok(if parts.len() > 1 { parts } else { whole });
    }
    if let Some(parts) = key_parts::selections(table, &key, workers, source, target)? {
        return Ok(parts);
    }
    let cuts = key_cuts(table, column, workers, source)?;
    if cuts.is_empty() {
        return Ok(whole);
    }
    let (of_source, of_target): (Vec<String>, Vec<String>) = cuts.into_iter().unzip();
    let of_target: Vec<Vec<String>> = of_target.into_iter().map(|cut| vec![cut]).collect();
    // NULL comes first in SQLite. No row with NULL in its key moves, but skipped rows are counted.
    let name = format!("{} COLLATE BINARY", quote_sqlite(&column.source));
    let mut filters = between(&of_source, &name, [">", "<="]);
    if let Some(Some(first)) = filters.first_mut() {
        first.push_str(&format!(" OR {name} IS NULL"));
    }
    let sorted = filters.into_iter().zip(target_filters(table, &[column], &of_target, target)?);
    Ok(sorted.map(|(filter, target)| Selection { source: SourceRows::Sorted(filter), target }).collect())
}

/// Ranges of rowids with rows at their ends.
fn rowid_ranges(table: &PlannedTable, workers: usize, source: &SourceConnection) -> Result<Vec<RowidRange>> {
    match &table.rowid {
        Some(rowid) if workers > 1 => {
            parts::populated(source, &table.source, rowid, ROWIDS_MIN, workers * PARTS_OF_WORKER)
        }
        _ => Ok(Vec::new()),
    }
}

/// The same ranges without gaps, over all rowids that there can be.
fn open_ended(ranges: &[RowidRange]) -> Vec<RowidRange> {
    let mut first = i64::MIN;
    let mut open = Vec::with_capacity(ranges.len());
    for (place, range) in ranges.iter().enumerate() {
        let last = if place + 1 == ranges.len() { i64::MAX } else { range.last };
        open.push(RowidRange { first, last });
        first = last.saturating_add(1);
    }
    open
}

/// The conditions for the parts between `cuts`: none if there is no cut.
fn between(cuts: &[String], name: &str, [from, until]: [&str; 2]) -> Vec<Option<String>> {
    let condition = |place: usize| {
        let [lower, upper] = ends(cuts, place);
        let lower = lower.map(|cut| format!("{name} {from} {cut}"));
        let upper = upper.map(|cut| format!("{name} {until} {cut}"));
        (!cuts.is_empty()).then(|| lower.into_iter().chain(upper).collect::<Vec<_>>().join(" AND "))
    };
    (0..=cuts.len()).map(condition).collect()
}

/// Whether the key is another name of the rowid (SQLite manual, "Rowid Tables"): an INTEGER PRIMARY KEY that has no index of its own.
fn has_rowid_key(table: &PlannedTable, source: &SourceConnection) -> Result<bool> {
    let [position] = table.key_positions()[..] else { return Ok(false) };
    let Some(column) = table.columns.get(position) else { return Ok(false) };
    if table.rowid.is_none() || !is_integer(column) {
        return Ok(false);
    }
    let failed = || format!("table {} cannot be read", table.source);
    if !source.table_kind(&table.source).context(failed)?.is_some_and(|kind| kind.is_stored) {
        return Ok(false);
    }
    let sql = "SELECT (SELECT group_concat(name) FROM pragma_table_xinfo(?1) WHERE pk > 0) = ?2 \
               AND (SELECT upper(type) FROM pragma_table_xinfo(?1) WHERE pk > 0) = 'INTEGER' \
               AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')";
    let mut statement = source.connection().prepare_cached(sql).context(failed)?;
    let answer: Option<bool> =
        statement.query_row([&table.source, &column.source], |row| row.get(0)).context(failed)?;
    Ok(answer == Some(true))
}

/// Keys of the source that cut the table into as many parts as there are workers, as SQLite writes them and as text that PostgreSQL reads.
fn key_cuts(
    table: &PlannedTable,
    column: &PlannedColumn,
    workers: usize,
    source: &SourceConnection,
) -> Result<Vec<(String, String)>> {
    let failed = || format!("table {} cannot be read", table.source);
    let connection = source.connection();
    let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0)).context(failed)?;
    let is_ordered_text = is_text(column) && encoding.eq_ignore_ascii_case("UTF-8");
    if !is_integer(column) && !is_ordered_text {
        return Ok(Vec::new());
    }
    let name = quote_sqlite(&column.source);
    let Some(rowid) = &table.rowid else {
        // Rows lie in the order of the key, so that a part costs no more than its rows do.
        let from = scan::rows_of(connection, &table.source).context(failed)?;
        let sql = format!("SELECT (SELECT min({name}) FROM {from}), (SELECT max({name}) FROM {from})");
        let ends: (rusqlite::types::Value, rusqlite::types::Value) =
            connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).context(failed)?;
        let (rusqlite::types::Value::Integer(first), rusqlite::types::Value::Integer(last)) = ends else {
            let bounds = key_bounds(source, &table.source, key_parts::part_size(workers))?;
            let bounds = bounds.map(|(_, bounds)| bounds).unwrap_or_default();
            let first_of = |bound: &KeyBound| {
                let mut key = OwnedKey::default();
                key.push(*bound.values().first()?);
                Some(key)
            };
            return Ok(quantiles(bounds.iter().filter_map(first_of).collect(), workers));
        };
        let ranges =
            parts::ranges(RowidRange { first, last }, ROWIDS_MIN, (workers * PARTS_OF_WORKER) as u64);
        let cuts = ranges.iter().take(ranges.len().saturating_sub(1));
        return Ok(cuts.map(|range| (range.last.to_string(), range.last.to_string())).collect());
    };
    let ranges =
        parts::populated(source, &table.source, rowid, ROWIDS_MIN / SAMPLED_KEYS as u64, SAMPLED_KEYS)?;
    if ranges.len() < SAMPLED_KEYS / 2 {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {name} FROM {} NOT INDEXED WHERE {rowid} = ?1", quote_sqlite(&table.source));
    let mut statement = connection.prepare(&sql).context(failed)?;
    let mut keys = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut rows = statement.query([range.first]).context(failed)?;
        if let Some(row) = rows.next().context(failed)? {
            let mut key = OwnedKey::default();
            key.push(scan::value(row.get_ref(0).context(failed)?));
            keys.push(key);
        }
    }
    Ok(quantiles(keys, workers))
}

/// The keys among these that divide them into as many parts as there are workers.
fn quantiles(mut keys: Vec<OwnedKey>, workers: usize) -> Vec<(String, String)> {
    let is_cut = |key: &OwnedKey| key.values().first().is_some_and(|value| literals(*value).is_some());
    keys.retain(is_cut);
    keys.sort_by(OwnedKey::compare);
    keys.dedup_by(|one, other| one.compare(other).is_eq());
    let quantiles = (1..workers).map(|part| part * keys.len() / workers);
    let mut cuts: Vec<&OwnedKey> = quantiles.filter_map(|place| keys.get(place)).collect();
    cuts.dedup_by(|one, other| one.compare(other).is_eq());
    cuts.iter().filter_map(|key| literals(*key.values().first()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_without_gaps_have_every_rowid_once() {
        let ranges = [(3, 9), (12, 12), (100, 4000)].map(|(first, last)| RowidRange { first, last });
        let open: Vec<(i64, i64)> =
            open_ended(&ranges).iter().map(|range| (range.first, range.last)).collect();
        assert_eq!(open, [(i64::MIN, 9), (10, 12), (13, i64::MAX)]);
        assert_eq!(open_ended(&[]), []);
    }

    #[test]
    fn conditions_are_open_at_both_outer_ends() {
        let owned = |cuts: &[&str]| cuts.iter().map(|&cut| cut.to_owned()).collect::<Vec<_>>();
        let filters = |cuts: &[&str]| {
            let filters = between(&owned(cuts), "k", [">", "<="]);
            filters.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>()
        };
        assert_eq!(filters(&[]), [""]);
        assert_eq!(filters(&["1", "5"]), ["k <= 1", "k > 1 AND k <= 5", "k > 5"]);
    }
}
