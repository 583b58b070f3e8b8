//! Whether anybody has committed to the live file since a moment: `PRAGMA data_version` on a connection that stays open, and the size and
//! time of the file and its log.
//!
//! The version alone is not enough. Whoever opens the file by other means than SQLite and closes it again, as a copy of it does, drops the
//! locks of this process; an app that closes the file then removes a log that our connection still maps, and later commits go unnoticed.

use std::path::Path;

use super::SourceConnection;
use super::seal::source_state;
use crate::error::{Context, Result};

/// A connection to the live file, with what it has seen.
pub(crate) struct LiveVersion {
    source: SourceConnection,
    seen: Option<Seen>,
}

#[derive(PartialEq)]
struct Seen {
    version: i64,
    state: String,
}

impl LiveVersion {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<LiveVersion> {
        Ok(LiveVersion { source: SourceConnection::open_live(path)?, seen: None })
    }

    /// Remembers the present state.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(&mut self) -> Result<()> {
        self.seen = Some(self.current()?);
        Ok(())
    }

    /// Whether nobody has committed since the state was remembered. Where SQLite's locks do not work that is never certain.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn is_unchanged(&self) -> Result<bool> {
        Ok(!self.source.is_unlocked() && self.seen == Some(self.current()?))
    }

    fn current(&self) -> Result<Seen> {
        // Before the version, so that a write between the two is not missed by both.
        let state = source_state(self.source.real_path());
        let connection = self.source.connection();
        let version = connection
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .context(|| format!("{} cannot be read", self.source.path().display()))?;
        Ok(Seen { version, state })
    }
}
