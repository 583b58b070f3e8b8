//! The sealed copy that is compared: made in a temporary folder, which is removed with it, or named by the user.

use std::path::{Path, PathBuf};

use migrate_core::comparison::SealedSource;
use tempfile::TempDir;

use super::ComparisonSource;
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::source::file_path::{is_nonempty, sidecar};
use crate::source::quick_check::quick_check;
use crate::source::{SourceConnection, hashing, seal};
use postgres_client::watch::check_stop;

/// A sealed copy.
pub(super) struct SourceCopy {
    path: PathBuf,
    facts: SealedSource,
    /// The folder of a copy that was made for this comparison.
    folder: Option<TempDir>,
}

impl SourceCopy {
    /// Seals a copy of a live file, or takes the named one.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged.
    pub(super) fn of(source: ComparisonSource<'_>, observer: &dyn Observer) -> Result<SourceCopy> {
        match source {
            ComparisonSource::Live(path) => SourceCopy::seal(path, observer),
            ComparisonSource::Sealed(path) => SourceCopy::named(path, observer),
        }
    }

    fn seal(path: &Path, observer: &dyn Observer) -> Result<SourceCopy> {
        let folder = tempfile::Builder::new()
            .prefix("compare-")
            .tempdir()
            .context(|| "a temporary folder for the sealed copy cannot be created".to_owned())?;
        let copied = |share: f64| {
            observer.sealed(share);
            check_stop(observer)
        };
        let copy = seal::copy(path, folder.path(), &copied)?;
        check(copy.path(), path, observer)?;
        let hashed = copy.hash(&|| check_stop(observer))?;
        let seal = copy.seal(hashed)?;
        let facts = SealedSource {
            path: seal.source_path,
            sha256: seal.sha256,
            bytes: seal.bytes,
            sealed_at: Some(seal.sealed_at),
        };
        Ok(SourceCopy { path: seal.path, facts, folder: Some(folder) })
    }

    fn named(path: &Path, observer: &dyn Observer) -> Result<SourceCopy> {
        if !path.exists() {
            return Err(Error::new(format!("there is no file {}", path.display()))
                .with_remedy_text("give the path of the sealed copy"));
        }
        // SQLite keeps them next to the file that a link leads to.
        let real = path.canonicalize().context(|| format!("{} cannot be read", path.display()))?;
        let beside = [
            (
                "-wal",
                "holds changes that are not in it",
                "give it as the source instead: then a copy with all changes is sealed",
            ),
            (
                "-journal",
                "undoes changes that are in it",
                "wait until the app has ended its transaction; if the app is gone, open the file once with `sqlite3 FILE .tables`, which \
                 rolls it back; then try again",
            ),
        ];
        for (suffix, holds, remedy) in beside {
            let beside = sidecar(&real, suffix);
            if is_nonempty(&beside) {
                return Err(Error::new(format!("{} is no sealed copy", path.display()))
                    .caused_by(format!("{} {holds}", beside.display()))
                    .with_remedy_text(remedy));
            }
        }
        check(path, path, observer)?;
        let (sha256, bytes) = hashing::hash(path, &|| check_stop(observer))?;
        let facts = SealedSource { path: path.to_owned(), sha256, bytes, sealed_at: None };
        Ok(SourceCopy { path: path.to_owned(), facts, folder: None })
    }

    /// Opens it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(&self) -> Result<SourceConnection> {
        // A file that a person names is hashed once it was read, so that its content may not be trusted here.
        match self.folder {
            Some(_) => SourceConnection::open_sealed(&self.path),
            None => SourceConnection::open_unwritten(&self.path),
        }
    }

    pub(super) fn facts(&self) -> SealedSource {
        self.facts.clone()
    }
}

/// Refuses a damaged copy: rows that SQLite cannot read cannot be compared.
fn check(copy: &Path, stands_for: &Path, observer: &dyn Observer) -> Result<()> {
    quick_check(&SourceConnection::open_unwritten(copy)?, stands_for, observer.stop_flag())
}
