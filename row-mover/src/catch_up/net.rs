//! The net effect of a table's changes, counted before the first change.

use postgres_client::connection::Connection;

use super::staged::StagedTable;
use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;

/// How many rows change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NetChanges {
    /// Whether rows are paired by a key.
    pub(super) is_keyed: bool,
    /// Rows that go.
    pub(super) deleted: u64,
    /// Rows that stay under their key.
    pub(super) kept: u64,
    /// Rows that come.
    pub(super) inserted: u64,
}

impl NetChanges {
    /// Counts them, and checks that the target has the rows that are to change.
    ///
    /// # Errors
    /// When the target cannot be read, lacks a row, or two added rows have one key there.
    pub(super) fn of(table: &StagedTable<'_>, target: &mut Connection) -> Result<NetChanges> {
        let failed = || format!("the changes of table {} cannot be counted", table.table.source);
        if table.key.is_empty() {
            let deleted: i64 = target.one(&table.gone_count_sql(), &[]).context(failed)?;
            let deleted = u64::try_from(deleted).unwrap_or(0);
            return Ok(NetChanges { is_keyed: false, deleted, kept: 0, inserted: table.added });
        }
        type Counts = (i64, i64, i64, i64, i64, i64);
        let (deleted, kept, inserted, deleted_there, kept_there, doubled): Counts =
            target.one(&table.counts_sql(), &[]).context(failed)?;
        let natural = |count: i64| u64::try_from(count).unwrap_or(0);
        let net = NetChanges {
            is_keyed: true,
            deleted: natural(deleted),
            kept: natural(kept),
            inserted: natural(inserted),
        };
        if (deleted, kept) != (deleted_there, kept_there) {
            return Err(net.written_to(table));
        }
        if doubled > 0 {
            return Err(Error::new(format!(
                "table {}: rows that differ in SQLite have the same key in PostgreSQL",
                table.table.target
            ))
            .with_remedy_value(Remedy::RepairSourceAndCatchUp));
        }
        Ok(net)
    }

    /// The error where the target is not as the last migration or catch-up left it.
    pub(super) fn written_to(&self, table: &StagedTable<'_>) -> Error {
        Error::new(format!("table {} of the target lacks rows that were there", table.table.target))
            .caused_by("somebody else has written to it since the last copy was applied")
            .with_remedy_value(Remedy::ValidateOrRestart)
    }
}
