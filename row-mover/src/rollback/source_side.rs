//! The app's SQLite file in a rollback: its state, and opening it for writing again.

use std::path::Path;

use migrate_core::cutover::SourceState;
use rusqlite::Connection;

use super::Opened;
use super::proof::{Unequal, unequal};
use super::restore::restore;
use crate::error::{Context, Error, Result};
use crate::fence::{self, FenceId};
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::source::SourceConnection;
use crate::source::quick_check::quick_check;
use crate::source::seal::Seal;

/// What the file shows of the fence of the cutover whose final copy has this SHA-256.
///
/// # Errors
/// When the file can be opened and not be read.
pub(super) fn state(path: &Path, sha256: Option<&str>) -> Result<SourceState> {
    fence::detect(path, sha256.map(FenceId::of).as_ref())
}

/// Whether a file has the fence of this copy, or what is left of it.
pub(super) fn has_fence_of(path: &Path, copy: &Seal) -> Result<bool> {
    Ok(matches!(state(path, Some(&copy.sha256))?, SourceState::Closed(_) | SourceState::Damaged))
}

/// Opens the file for writing: takes the fence down in the transaction that proves the file, or puts the copy in its place.
///
/// # Errors
/// When the file differs from the copy and is not to be replaced by it.
pub(super) fn open(path: &Path, copy: &Seal, is_restored: bool, observer: &dyn Observer) -> Result<Opened> {
    if is_restored {
        return restore(copy, path).map(Opened::Restored);
    }
    if !path.is_file() {
        return Err(
            Error::new(format!("there is no file {}", path.display())).with_remedy_value(Remedy::RestoreCopy)
        );
    }
    let sealed = SourceConnection::open_sealed(&copy.path)?.stopped_by(observer.stop_flag());
    let verify = |file: &Connection| match unequal(sealed.connection(), file, &|_| false, observer)? {
        None => Ok(()),
        Some(unequal) => Err(unequal.into_error(path)),
    };
    fence::open(path, &FenceId::of(&copy.sha256), &verify)?;
    Ok(Opened::Proved)
}

/// Proves the file without changing it: what the fence added does not count.
///
/// # Errors
/// When the file differs from the copy.
pub(super) fn rehearse(path: &Path, copy: &Seal, observer: &dyn Observer) -> Result<()> {
    match difference(path, copy, observer)? {
        None => Ok(()),
        Some(unequal) => Err(unequal.into_error(path)),
    }
}

/// How the file differs from the copy, without what a fence added; none if both are equal.
///
/// # Errors
/// When one cannot be read.
pub(super) fn difference(path: &Path, copy: &Seal, observer: &dyn Observer) -> Result<Option<Unequal>> {
    let failed = || format!("{} cannot be read", path.display());
    let sealed = SourceConnection::open_sealed(&copy.path)?.stopped_by(observer.stop_flag());
    let file = SourceConnection::open_live(path)?.stopped_by(observer.stop_flag());
    let snapshot = file.connection().unchecked_transaction().context(failed)?;
    let found = unequal(sealed.connection(), file.connection(), &fence::has_name_of_fence, observer)?;
    snapshot.finish().context(failed)?;
    Ok(found)
}

/// Checks that the file opens and that SQLite finds it sound.
///
/// # Errors
/// When it is not.
pub(super) fn check_health(path: &Path, observer: &dyn Observer) -> Result<()> {
    let source = SourceConnection::open_live(path)?;
    quick_check(&source, path, observer.stop_flag())
}
