//! Finds the columns of a table without a key whose values are the same on both sides, whatever the rows are: they pair rows again whose
//! other values differ.
//!
//! It decides nothing about equality. A sum that is equal by chance leads to other pairs, and differences remain differences.

use std::hash::{DefaultHasher, Hash, Hasher};

use migrate_core::plan::PlannedTable;

use super::keys::{KeyColumns, RowKey};
use crate::error::{Context, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::rows::Scan;
use crate::validate::{REPORT_EACH_ROWS, TargetRows};
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// Of the columns at `positions`, those whose values have the same sum of hashes on both sides.
///
/// # Errors
/// When either side cannot be read.
pub(super) fn same_columns(
    table: &PlannedTable,
    positions: &[usize],
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<Vec<usize>> {
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let mut columns: Vec<KeyColumns<'_>> =
        positions.iter().map(|&position| KeyColumns::new(table, vec![position], true)).collect();
    let (mut key, mut read) = (RowKey::default(), 0_u64);
    let mut of_source = vec![0_u64; columns.len()];
    Scan::of(table).each(source, &failed, &mut |row| {
        read += 1;
        if read.is_multiple_of(REPORT_EACH_ROWS) {
            check_stop(observer)?;
        }
        for (column, sum) in columns.iter_mut().zip(&mut of_source) {
            let is_encoded = column.read_source(row, &mut key).context(failed)?;
            *sum = sum.wrapping_add(hash_of(is_encoded, &key));
        }
        Ok(())
    })?;
    let mut of_target = vec![0_u64; columns.len()];
    let mut rows = TargetRows::open_ordered(table, "", None, &[], target)?;
    while rows.advance()? {
        read += 1;
        if read.is_multiple_of(REPORT_EACH_ROWS) {
            check_stop(observer)?;
        }
        for (column, sum) in columns.iter_mut().zip(&mut of_target) {
            let is_read = column.read_target(&rows, &mut key);
            *sum = sum.wrapping_add(hash_of(is_read, &key));
        }
    }
    let sums = positions.iter().zip(of_source.iter().zip(&of_target));
    Ok(sums.filter(|(_, (source, target))| source == target).map(|(position, _)| *position).collect())
}

fn hash_of(is_known: bool, key: &RowKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    is_known.hash(&mut hasher);
    if is_known {
        key.hash(&mut hasher);
    }
    hasher.finish()
}
