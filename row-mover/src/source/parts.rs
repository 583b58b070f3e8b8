//! Parts of tables, so that several threads read one table at once. They follow from the table alone, whoever reads it.

use migrate_core::identifier::quote_sqlite;

use super::SourceConnection;
use super::scan::RowidRange;
use crate::error::{Context, Result};

/// The lowest and the highest rowid of a table; none where there is no rowid or no row. `rowid` is the name that SQL has for it.
pub(super) fn rowid_bounds(
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
pub(super) fn ranges(all: RowidRange, part_rowids: u64, parts_max: u64) -> Vec<RowidRange> {
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
