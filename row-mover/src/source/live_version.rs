//! Whether anybody has committed to the live file since a moment: `PRAGMA data_version` on a connection that stays open.

use std::path::Path;

use super::SourceConnection;
use crate::error::{Context, Result};

/// A connection to the live file, with the version that it has seen.
pub(crate) struct LiveVersion {
    source: SourceConnection,
    version: Option<i64>,
}

impl LiveVersion {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<LiveVersion> {
        Ok(LiveVersion { source: SourceConnection::open_live(path)?, version: None })
    }

    /// Remembers the present version.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(&mut self) -> Result<()> {
        self.version = Some(self.current()?);
        Ok(())
    }

    /// Whether nobody has committed since the version was remembered. Where SQLite's locks do not work that is never certain.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn is_unchanged(&self) -> Result<bool> {
        Ok(!self.source.is_unlocked() && self.version == Some(self.current()?))
    }

    fn current(&self) -> Result<i64> {
        let connection = self.source.connection();
        let read = connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        read.context(|| format!("{} cannot be read", self.source.path().display()))
    }
}
