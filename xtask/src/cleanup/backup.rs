//! Brings a file into the backup folder so that at every moment a whole copy exists: first the backup, by a link or a verified
//! copy, then the removal. Nothing that lies in the backup folder is ever overwritten.

use super::database::{COMPANIONS, suffixed};
use super::text::shown;
use anyhow::Context as _;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many backups of one name are told apart by a number.
const NUMBER_MAX: usize = 9999;

/// A file that now lies in both places.
#[derive(Debug)]
pub(crate) struct Placed {
    source: PathBuf,
    target: PathBuf,
    /// For a copy: size in bytes and time of change of the source when it was copied.
    copied_at: Option<(u64, SystemTime)>,
}

/// Where a database goes: under its own path in the backup folder, with a number before its ending if that name, or the name of
/// a companion, is taken.
pub(crate) fn free_target(
    backup_dir: &Path,
    main: &Path,
    taken: &BTreeSet<PathBuf>,
) -> anyhow::Result<PathBuf> {
    let wanted = backup_dir.join(main);
    let stem = wanted.file_stem().unwrap_or_default().to_owned();
    let numbered = |number: usize| {
        let mut name = stem.clone();
        name.push(format!(".{number}"));
        if let Some(ending) = wanted.extension() {
            name.push(".");
            name.push(ending);
        }
        wanted.with_file_name(name)
    };
    let is_free = |target: &PathBuf| {
        let mut names =
            std::iter::once(target.clone()).chain(COMPANIONS.map(|ending| suffixed(target, ending)));
        names.all(|name| {
            !taken.contains(&name)
                && name.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
        })
    };
    std::iter::once(wanted.clone()).chain((1..=NUMBER_MAX).map(numbered)).find(is_free).with_context(|| {
        format!("no free name for {} in {}: give another --backup-dir", shown(main), shown(backup_dir))
    })
}

/// A folder that only its owner may enter, since what goes there holds all that the database holds.
fn create_private_folder(folder: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(folder)
        .with_context(|| format!("cannot create the backup folder {}", shown(folder)))
}

/// Tells git to leave a backup folder alone that lies in the checkout, unless it is told something there already.
pub(crate) fn keep_from_git(backup_dir: &Path) -> anyhow::Result<()> {
    create_private_folder(backup_dir)?;
    let target = backup_dir.join(".gitignore");
    let written = match OpenOptions::new().write(true).create_new(true).mode(0o644).open(&target) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    written.with_context(|| format!("cannot write {}", shown(&target)))
}

/// Puts a file into the backup folder and leaves the source.
pub(crate) fn place(source: &Path, target: &Path) -> anyhow::Result<Placed> {
    let folder = target.parent().unwrap_or(Path::new("."));
    create_private_folder(folder)?;
    let failed = || format!("cannot put {} into the backup folder as {}", shown(source), shown(target));
    let placed = |copied_at| Placed { source: source.to_path_buf(), target: target.to_path_buf(), copied_at };
    match fs::hard_link(source, target) {
        Ok(()) => {
            sync_folder(folder).with_context(failed)?;
            Ok(placed(None))
        }
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
            Err(error).with_context(failed)
        }
        // Another file system, or one without links.
        Err(_) => Ok(placed(Some(copy(source, target).with_context(failed)?))),
    }
}

impl Placed {
    /// The file in the backup folder.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Takes the backup away again, as the source is still whole.
    pub(crate) fn undo(&self) -> std::io::Result<()> {
        fs::remove_file(&self.target)
    }

    /// Removes the source, unless it has changed since it was copied.
    pub(crate) fn remove_source(&self) -> anyhow::Result<()> {
        let failed =
            || format!("cannot remove {}; its backup is {}", shown(&self.source), shown(&self.target));
        if let Some(copied_at) = self.copied_at {
            anyhow::ensure!(
                stamp(&self.source).with_context(failed)? == copied_at,
                "{} changed while it was copied",
                shown(&self.source)
            );
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
            same(source, target)?,
            "the copy differs from the source: is something writing to it?"
        );
        sync_folder(target.parent().unwrap_or(Path::new(".")))?;
        Ok(stamp)
    })();
    if outcome.is_err() {
        fs::remove_file(target).context("and the unfinished copy could not be removed")?;
    }
    outcome
}

fn same(one: &Path, other: &Path) -> std::io::Result<bool> {
    let (mut one, mut other) = (BufReader::new(File::open(one)?), BufReader::new(File::open(other)?));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        one.by_ref().take(1 << 16).read_to_end(&mut left)?;
        other.by_ref().take(1 << 16).read_to_end(&mut right)?;
        if left != right || left.is_empty() {
            return Ok(left == right);
        }
    }
}

/// A name is on disk only when its folder is.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_get_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let free = |name: &str, taken: &[&str]| {
            let taken = taken.iter().map(|name| folder.path().join(name)).collect();
            free_target(folder.path(), Path::new(name), &taken)
                .unwrap()
                .strip_prefix(folder.path())
                .unwrap()
                .to_owned()
        };
        assert_eq!(free("data/a.db", &[]), Path::new("data/a.db"));
        assert_eq!(free("a.db", &["a.db"]), Path::new("a.1.db"));
        fs::write(folder.path().join("a.db-wal"), "of an older backup").unwrap();
        assert_eq!(free("a.db", &[]), Path::new("a.1.db"));
        assert_eq!(free("noending", &["noending"]), Path::new("noending.1"));
    }

    #[test]
    fn a_copy_is_whole_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("s"), folder.path().join("t"));
        let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(&source, &content).unwrap();
        let placed = Placed {
            source: source.clone(),
            target: target.clone(),
            copied_at: Some(copy(&source, &target).unwrap()),
        };
        assert_eq!(fs::read(&target).unwrap(), content);
        copy(&source, &target).unwrap_err();
        place(&source, &target).unwrap_err();
        assert_eq!(fs::read(&target).unwrap(), content);
        fs::write(&source, "changed").unwrap();
        placed.remove_source().unwrap_err();
        assert!(source.exists());
    }

    #[test]
    fn another_file_system_gets_a_copy() {
        use std::os::unix::fs::MetadataExt as _;
        let here = tempfile::tempdir().unwrap();
        let there = tempfile::tempdir_in("/dev/shm").unwrap();
        assert_ne!(here.path().metadata().unwrap().dev(), there.path().metadata().unwrap().dev());
        let (source, target) = (here.path().join("a.db"), there.path().join("deep/a.db"));
        fs::write(&source, "rows").unwrap();
        let placed = place(&source, &target).unwrap();
        assert!(placed.copied_at.is_some());
        placed.remove_source().unwrap();
        assert!(!source.exists());
        assert_eq!(fs::read(&target).unwrap(), b"rows");
    }
}
