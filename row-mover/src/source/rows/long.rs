//! Long values: which tables have them read in pieces, and how SQLite refuses to load them in plain statements.

use rusqlite::Connection;
use rusqlite::limits::Limit;

use super::{HELD_MAX_BYTES, Scan};
use crate::source::SourceConnection;

/// Makes SQLite refuse to load long values, until it is dropped.
pub(super) struct LowLimit<'a> {
    connection: &'a Connection,
    before: i32,
}

impl<'a> LowLimit<'a> {
    pub(super) fn set(connection: &'a Connection) -> rusqlite::Result<LowLimit<'a>> {
        let limit = i32::try_from(HELD_MAX_BYTES).unwrap_or(i32::MAX);
        let before = connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, limit)?;
        Ok(LowLimit { connection, before })
    }
}

impl Drop for LowLimit<'_> {
    fn drop(&mut self) {
        // A limit that was set before can be set again.
        let _ = self.connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, self.before);
    }
}

impl Scan<'_> {
    /// Whether SQLite reads values of this table in pieces.
    pub(super) fn has_incremental_io(&self, source: &SourceConnection) -> rusqlite::Result<bool> {
        // The limit counts for a literal in the table's own SQL, too: with a default beyond it no row could be read.
        let kind = source.table_kind(self.table)?;
        if !kind.is_some_and(|kind| kind.is_stored && !kind.is_without_rowid && !kind.has_long_sql) {
            return Ok(false);
        }
        let sql = "SELECT (SELECT encoding FROM pragma_encoding) = 'UTF-8' \
                   AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden <> 0)";
        source.connection().prepare_cached(sql)?.query_row([self.table], |row| row.get(0))
    }
}
