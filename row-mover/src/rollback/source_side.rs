//! The app's SQLite file in a rollback: its state, and opening it for writing again.

use std::path::Path;

use migrate_core::cutover::SourceState;
use rusqlite::Connection;

use super::Opened;
use super::proof::unequal;
use super::restore::restore;
use crate::error::{Context, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::quick_check::quick_check;
use crate::source::seal::Seal;

/// What the file shows of a fence; unknown where it is not there or cannot be read.
pub(super) fn state(path: &Path, sha256: Option<&str>) -> Result<SourceState> {
    let _ = sha256;
    Ok(if path.exists() { SourceState::Open } else { SourceState::Unknown })
}

/// The SHA-256 of the sealed copy that the fence of a file names; none where there is no fence.
pub(super) fn fence_sha256(path: &Path) -> Result<Option<String>> {
    let _ = path;
    Ok(None)
}

/// Opens the file for writing: takes the fence down in the transaction that proves the file, or restores the copy.
///
/// # Errors
/// When the file differs from the copy and is not to be replaced by it.
pub(super) fn open(
    path: &Path,
    seal: &Seal,
    is_fenced: bool,
    is_restored: bool,
    observer: &dyn Observer,
) -> Result<Opened> {
    if is_restored {
        return restore(seal, path).map(Opened::Restored);
    }
    let _ = is_fenced;
    let sealed = SourceConnection::open_sealed(&seal.path)?.stopped_by(observer.stop_flag());
    prove(path, &sealed, observer)?;
    Ok(Opened::Proved)
}

/// Proves a file that has no fence.
fn prove(path: &Path, sealed: &SourceConnection, observer: &dyn Observer) -> Result<()> {
    let failed = || format!("{} cannot be read", path.display());
    let file = SourceConnection::open_live(path)?.stopped_by(observer.stop_flag());
    let snapshot = file.connection().unchecked_transaction().context(failed)?;
    prove_within(path, sealed.connection(), file.connection(), observer)?;
    snapshot.finish().context(failed)
}

/// Proves a file in the transaction of its connection.
fn prove_within(path: &Path, sealed: &Connection, file: &Connection, observer: &dyn Observer) -> Result<()> {
    match unequal(sealed, file, &|_| false, observer)? {
        None => Ok(()),
        Some(unequal) => Err(unequal.into_error(path)),
    }
}

/// Checks that the file opens and that SQLite finds it sound.
///
/// # Errors
/// When it is not.
pub(super) fn check_health(path: &Path, observer: &dyn Observer) -> Result<()> {
    let source = SourceConnection::open_live(path)?;
    quick_check(&source, path, observer.stop_flag())
}
