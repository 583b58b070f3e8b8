//! Moves a file into the backup folder so that a complete copy exists at every moment: first the backup, by a link or a verified
//! copy, then the removal. A file in the backup folder is never overwritten.

use crate::database::{COMPANIONS, suffixed};
use anyhow::Context as _;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Number of backups with the same name.
const NUMBER_MAX: usize = 9999;

/// A file that exists in both folders.
#[derive(Debug)]
pub(crate) struct Backup {
    source: PathBuf,
    /// The file in the backup folder.
    pub(crate) target: PathBuf,
    /// For a copy: size in bytes and time of change of the source when it was copied.
    copied_at: Option<(u64, SystemTime)>,
}

/// The target of a database: its own path in the backup folder, with a number before its extension if that name, or the name of
/// a companion, is taken.
pub(crate) fn free_target(
    root: &Path,
    backup_dir: &Path,
    main: &Path,
    taken: &BTreeSet<PathBuf>,
) -> anyhow::Result<PathBuf> {
    let first = backup_dir.join(main);
    let is_free = |target: &PathBuf| {
        std::iter::once("").chain(COMPANIONS).all(|suffix| {
            let name = suffixed(target, suffix);
            !taken.contains(&name)
                && (name.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
                    || is_link_of(&name, &suffixed(&root.join(main), suffix)))
        })
    };
    let numbered = |number: usize| {
        let mut name = first.file_stem().unwrap_or_default().to_owned();
        name.push(format!(".{number}"));
        if let Some(extension) = first.extension() {
            name.push(".");
            name.push(extension);
        }
        first.with_file_name(name)
    };
    std::iter::once(first.clone()).chain((1..=NUMBER_MAX).map(numbered)).find(is_free).with_context(|| {
        format!("no free name for {} in {}: give another --backup-dir", main.display(), backup_dir.display())
    })
}

/// Whether two names mean the same file: a call that was killed had linked it already.
fn is_link_of(target: &Path, source: &Path) -> bool {
    let file = |path: &Path| path.symlink_metadata().ok().map(|data| (data.dev(), data.ino()));
    file(target).is_some_and(|target| file(source) == Some(target))
}

/// Creates a folder that only its owner may enter, since its files hold all that the database holds.
fn create_private_folder(folder: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(folder)
        .with_context(|| format!("cannot create the backup folder {}", folder.display()))
}

/// Has git ignore a backup folder within the checkout, unless it has a `.gitignore` already.
pub(crate) fn keep_from_git(backup_dir: &Path) -> anyhow::Result<()> {
    create_private_folder(backup_dir)?;
    let target = backup_dir.join(".gitignore");
    let written = match OpenOptions::new().write(true).create_new(true).mode(0o644).open(&target) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    written.with_context(|| format!("cannot write {}", target.display()))
}

/// Creates the backup of a file, and keeps the source.
pub(crate) fn create(source: &Path, target: &Path) -> anyhow::Result<Backup> {
    let folder = target.parent().unwrap_or(Path::new("."));
    create_private_folder(folder)?;
    let failed = || format!("cannot back up {} as {}", source.display(), target.display());
    let copied_at = match fs::hard_link(source, target) {
        Ok(()) => None,
        Err(_) if is_link_of(target, source) => None,
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
            return Err(error).with_context(failed);
        }
        // Another file system, or one without links.
        Err(_) => Some(copy(source, target).with_context(failed)?),
    };
    sync_folder(folder).with_context(failed)?;
    Ok(Backup { source: source.to_owned(), target: target.to_owned(), copied_at })
}

impl Backup {
    /// Removes the source, unless it has changed since it was copied.
    pub(crate) fn remove_source(&self) -> anyhow::Result<()> {
        let (source, target) = (self.source.display(), self.target.display());
        let failed = || format!("cannot remove {source}; its backup is {target}");
        if let Some(copied_at) = self.copied_at {
            let is_same = stamp(&self.source).with_context(failed)? == copied_at;
            anyhow::ensure!(is_same, "{source} changed while it was copied");
        }
        fs::remove_file(&self.source).with_context(failed)
    }
}

fn stamp(path: &Path) -> std::io::Result<(u64, SystemTime)> {
    let data = fs::metadata(path)?;
    Ok((data.len(), data.modified()?))
}

/// Copies to a file that must not exist, flushes it to disk, and reads it back.
fn copy(source: &Path, target: &Path) -> anyhow::Result<(u64, SystemTime)> {
    let stamp = stamp(source)?;
    let mut from = File::open(source)?;
    let mut into = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    let outcome = (|| {
        std::io::copy(&mut from, &mut into)?;
        into.set_permissions(from.metadata()?.permissions())?;
        into.sync_all()?;
        anyhow::ensure!(
            is_same(source, target)?,
            "the copy differs from the source: is something writing to it?"
        );
        Ok(stamp)
    })();
    if outcome.is_err() {
        fs::remove_file(target).context("and the unfinished copy could not be removed")?;
    }
    outcome
}

fn is_same(one: &Path, other: &Path) -> std::io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    loop {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        (&mut one).take(1 << 20).read_to_end(&mut left)?;
        (&mut other).take(1 << 20).read_to_end(&mut right)?;
        if left != right || left.is_empty() {
            return Ok(left == right);
        }
    }
}

/// Flushes a folder: a name is on disk only when its folder is.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_get_a_number() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b.db-wal"), "of an older backup").unwrap();
        let taken = BTreeSet::from([folder.path().join("a.db"), folder.path().join("noending")]);
        for (name, target) in
            [("data/a.db", "data/a.db"), ("a.db", "a.1.db"), ("b.db", "b.1.db"), ("noending", "noending.1")]
        {
            let found =
                free_target(Path::new("/nonexistent"), folder.path(), Path::new(name), &taken).unwrap();
            assert_eq!(found, folder.path().join(target));
        }
    }

    #[test]
    fn a_copy_on_another_file_system_is_complete_and_overwrites_nothing() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
        assert_ne!(here.path().metadata().unwrap().dev(), there.path().metadata().unwrap().dev());
        let (source, target) = (here.path().join("a.db"), there.path().join("deep/a.db"));
        let content: Vec<u8> = (0..600_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(&source, &content).unwrap();
        let backup = create(&source, &target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), content);
        create(&source, &target).unwrap_err();
        assert_eq!(fs::read(&target).unwrap(), content);
        fs::write(&source, "changed").unwrap();
        backup.remove_source().unwrap_err();
        assert!(source.exists());
        create(&source, &there.path().join("b.db")).unwrap().remove_source().unwrap();
        assert!(!source.exists());
    }
}
