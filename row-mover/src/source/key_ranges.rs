//! Cuts a table WITHOUT ROWID into ranges of its primary key, and finds a range again that a ledger holds.
//!
//! Bounds are read from the table's tree, which may be damaged or change meanwhile. So a bound only counts where SQLite itself finds a row
//! between it and the one before: bounds that ascend by SQLite's own comparison divide the rows, whatever they are.

use std::sync::Arc;

use super::SourceConnection;
use super::key_order::KeyOrder;
use super::key_tree::KeyTree;
use super::row_range::{KeyBound, KeyRange, RowRange, StoredRange};
use super::scan;
use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;

/// The size of the parts of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartSize {
    /// How many bytes of the file a part has, about, unless there would be too many parts.
    pub(crate) bytes: usize,
    /// The most parts.
    pub(crate) parts_max: usize,
}

/// Cuts a table into ranges, in the order of its rows. There is one range, or none, where the table has rowids, is small, or lies in an
/// order that only the app knows.
///
/// # Errors
/// When the table cannot be read.
pub(crate) fn key_ranges(source: &SourceConnection, table: &str, size: PartSize) -> Result<Vec<KeyRange>> {
    let found = key_bounds(source, table, size)?;
    Ok(found.map(|(order, bounds)| KeyRange::between(&order, bounds)).unwrap_or_default())
}

/// Reads the bounds between parts, which ascend; none where the table has no order that conditions can name.
///
/// # Errors
/// When the table cannot be read.
pub(crate) fn key_bounds(
    source: &SourceConnection,
    table: &str,
    size: PartSize,
) -> Result<Option<(Arc<KeyOrder>, Vec<KeyBound>)>> {
    let connection = source.connection();
    let failed = || format!("table {table} cannot be read");
    let Some(order) = KeyOrder::of(connection, table).context(failed)? else { return Ok(None) };
    let columns = order.columns.len();
    // A tree that is not as it should be is found by the check of the file.
    let found = KeyTree::of(connection, table)
        .and_then(|tree| Ok((tree.cuts(size.bytes, size.parts_max.max(1))?, tree)));
    let (cuts, tree) = match found {
        Ok(found) => found,
        Err(_) => return Ok(Some((order, Vec::new()))),
    };
    let bounds = cuts.into_iter().filter_map(|cut| tree.bound(cut, columns).ok()).collect();
    let bounds = ascending(source, table, &order, bounds)?;
    Ok(Some((order, bounds)))
}

/// Keeps the bounds that divide rows: those with a row between them and the bound before, and the last one with a row after it.
pub(crate) fn ascending(
    source: &SourceConnection,
    table: &str,
    order: &Arc<KeyOrder>,
    candidates: Vec<KeyBound>,
) -> Result<Vec<KeyBound>> {
    let connection = source.connection();
    let failed = || format!("table {table} cannot be read");
    let from = scan::rows_of(connection, table).context(failed)?;
    let has_row = |after: Option<Arc<KeyBound>>, until: Option<Arc<KeyBound>>| {
        let range = KeyRange { order: Arc::clone(order), after, until };
        let condition = range.condition().map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {from}{condition})");
        let mut statement = connection.prepare_cached(&sql)?;
        statement.query_row(rusqlite::params_from_iter(range.parameters()), |row| row.get::<_, bool>(0))
    };
    let mut kept: Vec<Arc<KeyBound>> = Vec::with_capacity(candidates.len());
    for candidate in candidates.into_iter().map(Arc::new) {
        if has_row(kept.last().cloned(), Some(Arc::clone(&candidate))).context(failed)? {
            kept.push(candidate);
        }
    }
    if let Some(last) = kept.pop()
        && has_row(Some(Arc::clone(&last)), None).context(failed)?
    {
        kept.push(last);
    }
    Ok(kept.into_iter().map(Arc::unwrap_or_clone).collect())
}

/// Finds the range that a ledger holds in the sealed copy that it was cut from, which never changes.
///
/// # Errors
/// When the copy is not the one that the ledger is about.
pub(crate) fn stored_range(source: &SourceConnection, table: &str, stored: StoredRange) -> Result<RowRange> {
    let (after, until) = match stored {
        StoredRange::Rowids(range) => return Ok(RowRange::Rowids(range)),
        StoredRange::Keys { after, until } => (after, until),
    };
    let connection = source.connection();
    let failed = || format!("table {table} cannot be read");
    let unknown = || {
        Error::new(format!(
            "table {table}: the sealed copy has no row where the ledger says that a chunk ends"
        ))
        .with_remedy_value(Remedy::SameVersionOrRestart)
    };
    let order = KeyOrder::of(connection, table).context(failed)?.ok_or_else(unknown)?;
    let tree = KeyTree::of(connection, table).map_err(|_| unknown())?;
    let columns = order.columns.len();
    let bound = |cell| tree.bound(cell, columns).map(Arc::new).map_err(|_| unknown());
    let (after, until) = (after.map(bound).transpose()?, until.map(bound).transpose()?);
    Ok(RowRange::Keys(KeyRange { order, after, until }))
}

#[cfg(test)]
mod tests;
