//! Whether a file has a fence, and whose.

use std::path::Path;

use migrate_core::cutover::{Fence, SourceState};
use rusqlite::Connection;

use super::{FenceId, mark, triggers};
use crate::error::{Context, Result};
use crate::source::SourceConnection;

/// Returns what the file shows of the fence `id`; without one, any fence is another's. A file that cannot be opened is
/// [`SourceState::Unknown`].
///
/// # Errors
/// When the file can be opened and not be read.
pub fn detect(path: &Path, id: Option<&FenceId>) -> Result<SourceState> {
    match SourceConnection::open_live(path) {
        Ok(source) => {
            let failed = || format!("whether {} is open for writes cannot be read", path.display());
            state(source.connection(), id).context(failed)
        }
        Err(_) => Ok(SourceState::Unknown),
    }
}

/// The same for a connection.
pub(super) fn state(connection: &Connection, id: Option<&FenceId>) -> rusqlite::Result<SourceState> {
    // One state for all the questions.
    let snapshot = connection.unchecked_transaction()?;
    let found = triggers::found(connection)?;
    let has_mark = mark::is_set(connection)?;
    let state = match id {
        _ if found.is_empty() && !has_mark => SourceState::Open,
        None => SourceState::OtherFence,
        Some(id) if found.iter().any(|trigger| !trigger.is_of(id)) => SourceState::OtherFence,
        Some(id) if triggers::expected(connection, id)? != found => SourceState::Damaged,
        Some(_) if has_mark => SourceState::Closed(Fence::TriggersAndReadOnlyMark),
        Some(_) => SourceState::Closed(Fence::Triggers),
    };
    snapshot.finish()?;
    Ok(state)
}
