//! Refuses long values in plain statements: SQLite refuses to load them, and they are read in pieces.

use rusqlite::Connection;
use rusqlite::limits::Limit;

use super::HELD_MAX_BYTES;

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
