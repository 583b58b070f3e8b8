//! Checks whether a file still holds what was sealed: all of its pages, not its size and times.
//!
//! The bytes of the two files differ even if nothing was written: sealing turns a WAL database into one without a log and moves the
//! log's content into the pages of the copy. So the pages are compared, as SQLite reads them.

use std::path::Path;

use super::SourceConnection;
use super::file_path::{is_nonempty, sidecar};
use super::live_file::{LiveFile, Unchanged};
use super::pages::first_difference;
use super::seal::{Seal, verify};
use crate::error::{Context, Error, Result};

/// Whether the file at `path`, which nobody has open, holds exactly what was sealed. The sealed copy itself is hashed first. Nothing is
/// written, not even SQLite's files next to the database.
///
/// # Errors
/// When the sealed copy has changed, the file cannot be read, or it is being written to.
pub fn is_sealed_content(path: &Path, seal: &Seal) -> Result<bool> {
    let failed = || format!("{} cannot be compared with the sealed copy", path.display());
    verify(seal)?;
    let real_path = std::fs::canonicalize(path).context(failed)?;
    let live = LiveFile::open(&real_path).context(failed)?;
    let before = live.settled_state().context(failed)?;
    if let Some(suffix) =
        ["-wal", "-journal"].into_iter().find(|suffix| is_nonempty(&sidecar(&real_path, suffix)))
    {
        return Err(Error::new(failed())
            .caused_by(format!("its {suffix} is not empty: not all that it holds is in the file"))
            .with_remedy_text("open it with the app or with sqlite3, and close it, which empties that"));
    }
    let source = SourceConnection::open_unwritten(&real_path)?;
    let connection = source.connection();
    let snapshot = connection.unchecked_transaction().context(failed)?;
    let difference = first_difference(connection, &seal.path, &|_| Ok(()))?;
    snapshot.finish().context(failed)?;
    match live.change_since(&before, Unchanged::Everything) {
        Some(disturbance) => {
            Err(Error::new(failed()).caused_by(disturbance).with_remedy_text("stop the app and try again"))
        }
        None => Ok(difference.is_none()),
    }
}
