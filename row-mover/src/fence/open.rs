//! Takes a fence down exactly: the mark first, then the triggers. A kill in between leaves the triggers, and the same call continues.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{self, is_busy};
use super::{FenceId, mark, triggers};
use crate::error::{Context, Error, Result};

/// How long to wait for other connections.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// Opens the fence `id` of the file at `path`. `verify` runs in the transaction that removes the triggers, in which nobody else can write;
/// an error from it leaves the triggers in place. It receives the connection, must not change anything, and must not open the file by
/// other means than SQLite. A file without a fence is only verified.
///
/// # Errors
/// When the file cannot be written, the fence is another's, or `verify` fails.
pub fn open(path: &Path, id: &FenceId, verify: &dyn Fn(&Connection) -> Result<()>) -> Result<()> {
    let failed = || format!("the fence of {} cannot be opened", path.display());
    let real_path = std::fs::canonicalize(path).context(failed)?;
    let marked = connection::open(&real_path, LOCK_WAIT_MAX).context(failed)?;
    if triggers::found(&marked).context(failed)?.iter().any(|trigger| !trigger.is_of(id)) {
        return Err(Error::new(failed())
            .caused_by("it was put up by another cutover")
            .with_remedy_text("name the database to which that cutover switched"));
    }
    if mark::is_set(&marked).context(failed)? {
        mark::remove(&marked)?;
    }
    // A connection that has seen the mark stays read-only.
    drop(marked);
    let opened = connection::open(&real_path, LOCK_WAIT_MAX).context(failed)?;
    opened.execute_batch("BEGIN IMMEDIATE").context(failed)?;
    for trigger in triggers::found(&opened).context(failed)?.iter().filter(|trigger| trigger.is_of(id)) {
        opened.execute_batch(&triggers::drop_sql(trigger)).context(failed)?;
    }
    verify(&opened)?;
    let until = std::time::Instant::now() + LOCK_WAIT_MAX;
    loop {
        match opened.execute_batch("COMMIT") {
            Ok(()) => return Ok(()),
            Err(error) if is_busy(&error) && std::time::Instant::now() < until => {}
            Err(error) => return Err(Error::new(failed()).caused_by(error)),
        }
    }
}
