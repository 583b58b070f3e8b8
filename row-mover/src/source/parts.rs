//! Cuts tables into parts, so that several threads read one table at once. The parts depend on the table alone, not on the reader.

use migrate_core::identifier::quote_sqlite;

use super::SourceConnection;
use super::key_ranges::{self, PartSize};
use super::row_range::RowRange;
use super::scan::RowidRange;
use crate::error::{Context, Result};

/// The lowest and the highest rowid of a table; none where there is no rowid or no row. `rowid` is the name that SQL has for it.
pub(crate) fn rowid_bounds(
    source: &SourceConnection,
    table: &str,
    rowid: Option<&str>,
) -> Result<Option<RowidRange>> {
    let Some(rowid) = rowid else { return Ok(None) };
    let from = quote_sqlite(table);
    let sql = format!("SELECT (SELECT min({rowid}) FROM {from}), (SELECT max({rowid}) FROM {from})");
    let bounds: (Option<i64>, Option<i64>) = (source.connection())
        .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .context(|| format!("table {table} cannot be read"))?;
    Ok(match bounds {
        (Some(first), Some(last)) => Some(RowidRange { first, last }),
        _ => None,
    })
}

/// Cuts a range of rowids into parts of one size: of `part_rowids`, or larger where there would be more than `parts_max`.
pub(crate) fn ranges(all: RowidRange, part_rowids: u64, parts_max: u64) -> Vec<RowidRange> {
    let span = all.last.abs_diff(all.first);
    let count = (span / part_rowids + 1).min(parts_max);
    let size = span / count + 1;
    (0..count)
        .filter_map(|part| {
            let first = all.first.checked_add_unsigned(part.checked_mul(size)?)?;
            let last = first.saturating_add_unsigned(size - 1).min(all.last);
            (first <= all.last).then_some(RowidRange { first, last })
        })
        .collect()
}

/// Cuts a table WITHOUT ROWID into ranges of its primary key; there is none where the table cannot be cut, and none for a table with rowids.
pub(crate) fn key_ranges(
    source: &SourceConnection,
    table: &str,
    is_without_rowid: bool,
    size: PartSize,
) -> Result<Vec<RowRange>> {
    if !is_without_rowid {
        return Ok(Vec::new());
    }
    let ranges = key_ranges::key_ranges(source, table, size)?;
    Ok(if ranges.len() > 1 { ranges.into_iter().map(RowRange::Keys).collect() } else { Vec::new() })
}

/// Cuts the rowids of a table into at most `parts_max` ranges, each with rows at both of its ends. It repeatedly cuts the widest range in
/// its middle, so that gaps between rowids cost no parts. Ranges of no more than `rowids_min` are not cut. Only the rows at the ends are
/// read.
pub(crate) fn populated(
    source: &SourceConnection,
    table: &str,
    rowid: &str,
    rowids_min: u64,
    parts_max: usize,
) -> Result<Vec<RowidRange>> {
    let Some(all) = rowid_bounds(source, table, Some(rowid))? else { return Ok(Vec::new()) };
    let failed = || format!("table {table} cannot be read");
    let end = |order: &str| {
        let from = quote_sqlite(table);
        format!(
            "SELECT {rowid} FROM {from} NOT INDEXED WHERE {rowid} BETWEEN ?1 AND ?2 ORDER BY {rowid} {order} LIMIT 1"
        )
    };
    let ends = format!("SELECT ({}), ({})", end("ASC"), end("DESC"));
    let mut statement = source.connection().prepare(&ends).context(failed)?;
    let span = |range: &RowidRange| range.last.abs_diff(range.first);
    let mut ranges = vec![all];
    while ranges.len() < parts_max {
        let widest = ranges.iter().enumerate().max_by_key(|(_, range)| span(range));
        let Some((at, range)) = widest.filter(|(_, range)| span(range) >= rowids_min) else { break };
        let middle = range.first.saturating_add_unsigned(span(range) / 2);
        let halves = [(range.first, middle), (middle.saturating_add(1), range.last)];
        let mut cut = Vec::with_capacity(2);
        for (first, last) in halves {
            let ends: (Option<i64>, Option<i64>) =
                statement.query_row([first, last], |row| Ok((row.get(0)?, row.get(1)?))).context(failed)?;
            if let (Some(first), Some(last)) = ends {
                cut.push(RowidRange { first, last });
            }
        }
        ranges.splice(at..=at, cut);
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_each_rowid_once() {
        for (first, last, count) in [
            (1, 1, 1),
            (1, 1 << 18, 1),
            (0, 1 << 18, 2),
            (-5, 1_000_000, 4),
            (1, 1 << 40, 64),
            (i64::MIN, i64::MAX, 64),
            (i64::MAX - 3, i64::MAX, 1),
        ] {
            let ranges = ranges(RowidRange { first, last }, 1 << 18, 64);
            assert_eq!(ranges.len(), count, "{first}..={last}");
            assert_eq!((ranges[0].first, ranges[count - 1].last), (first, last));
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].last + 1, pair[1].first, "{first}..={last}");
            }
        }
    }
}
