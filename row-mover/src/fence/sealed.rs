//! Checks whether a file holds what was sealed behind the fence of its cutover, and nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use migrate_core::cutover::SourceState;

use super::same_content::has_same_content;
use super::{FenceId, detect, open};
use crate::error::{Context, Result};
use crate::source::SourceConnection;
use crate::source::seal::Seal;

/// Whether the file at `path`, which nobody has open and whose log is empty, differs from what was sealed by exactly the fence of that
/// cutover. The fence is taken down in a copy, which is then compared by content, since a schema that had more entries is in other pages.
///
/// # Errors
/// When a file cannot be read, or the copy cannot be made beside the sealed one.
pub fn is_sealed_behind_fence(path: &Path, seal: &Seal) -> Result<bool> {
    let failed = || format!("{} cannot be compared with the sealed copy", path.display());
    let id = FenceId::of(&seal.sha256);
    // Beside the sealed copy there is room for another one, and nobody else enters.
    let scratch = tempfile::tempdir_in(seal.path.parent().unwrap_or(Path::new("."))).context(failed)?;
    let copy = scratch.path().join("fenced.db");
    fs::copy(path, &copy).context(failed)?;
    // A file that may not be written to has a copy like it.
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).context(failed)?;
    if !matches!(detect(&copy, Some(&id))?, SourceState::Closed(_)) {
        return Ok(false);
    }
    open(&copy, &id, &|_| Ok(()))?;
    has_same_content(&SourceConnection::open_live(&copy)?, &SourceConnection::open_sealed(&seal.path)?)
}
