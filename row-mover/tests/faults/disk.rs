//! Full disks: the server's and that of the backup folder. Both are small file systems in memory, which only root can mount.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use migrate_core::phase::Phase;
use row_mover::run::{self, Request, Silent};
use tempfile::TempDir;

use crate::engine::{Case, chain, moved, session};
use crate::watch::{Step, Watch};
use crate::whole::{assert_whole, case, finish};

/// A small file system in memory, unmounted on drop.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one with this size for the account with these IDs. Prints a note and returns none if this account cannot mount.
    fn mount(mebibytes: u32, owner: (u32, u32), what: &str) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={mebibytes}m,mode=0700,uid={},gid={}", owner.0, owner.1);
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => {
                use std::os::unix::fs::PermissionsExt;
                // The owner of the disk must be able to reach it.
                let parent = folder.path().parent().unwrap();
                assert!(
                    fs::metadata(parent).unwrap().permissions().mode() & 0o001 != 0,
                    "{}",
                    parent.display()
                );
                Some(SmallDisk { folder })
            }
            _ => {
                eprintln!("NOT TRIED: {what}: this account cannot mount a file system in memory (root can)");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn grow(&self, mebibytes: u32) {
        let options = format!("remount,size={mebibytes}m");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.path()).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path()).status();
        if !std::thread::panicking() {
            assert!(unmounted.unwrap().success());
        }
    }
}

/// A database with its tables and indexes on a small disk.
struct SmallTarget {
    case: Option<Case>,
    tablespace: String,
    anywhere: String,
    disk: SmallDisk,
}

impl SmallTarget {
    fn new(mebibytes: u32, what: &str) -> Option<SmallTarget> {
        let case = case();
        let data = case.ask("SHOW data_directory").pop().unwrap();
        let Ok(owner) = fs::metadata(&data) else {
            eprintln!("NOT TRIED: {what}: the server is not on this machine");
            return None;
        };
        let disk = SmallDisk::mount(mebibytes, (owner.uid(), owner.gid()), what)?;
        let (name, tablespace) = (case.database.name(), format!("disk_{}", case.database.name()));
        let anywhere = case.database.url().replace(name, "postgres");
        let mut session = session(&anywhere);
        for sql in [
            format!("CREATE TABLESPACE {tablespace} LOCATION '{}'", disk.path().display()),
            format!("ALTER DATABASE {name} SET default_tablespace = {tablespace}"),
        ] {
            session.query(&sql, &[]).unwrap();
        }
        Some(SmallTarget { case: Some(case), tablespace, anywhere, disk })
    }
}

impl Drop for SmallTarget {
    fn drop(&mut self) {
        drop(self.case.take());
        let dropped = session(&self.anywhere).query(&format!("DROP TABLESPACE {}", self.tablespace), &[]);
        if !std::thread::panicking() {
            dropped.unwrap();
        }
    }
}

#[test]
fn a_full_server_disk_is_reported_and_the_run_resumes_once_there_is_space() {
    let what = "a full disk of the server";
    // Too small for the rows, then for the indexes.
    let Some(target) = SmallTarget::new(6, what) else { return };
    let case = target.case.as_ref().unwrap();
    for (mebibytes, grown) in [(6, 17), (17, 64)] {
        let watch = Watch::new(&|_| {});
        let said = match run::migrate(&case.request(), &watch) {
            Err(error) => chain(&error),
            Ok(outcome) => panic!("{mebibytes} MiB: {outcome:?}"),
        };
        assert!(
            said.contains("53100") && said.contains("next: make room on the server's disk"),
            "{mebibytes} MiB: {said}"
        );
        assert_eq!(watch.tries(), Vec::<String>::new(), "{mebibytes} MiB");
        target.disk.grow(grown);
    }
    finish(case, what);
}

/// Lists the entries of a folder.
fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_full_backup_folder_is_reported_and_no_partial_copy_remains() {
    let what = "a full backup folder";
    let account = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let Some(disk) = SmallDisk::mount(2, account, what) else { return };
    let case = case();
    let request = || Request { backup_dir: disk.path().to_owned(), ..case.request() };
    let size = fs::metadata(&case.source).unwrap().len();
    assert!(size > 4 << 20 && size < 32 << 20, "{size}");
    let assert_nothing_is_left = |others: &[PathBuf]| {
        assert_eq!(names(disk.path()), others);
        assert_eq!(case.target_objects(), Vec::<String>::new());
    };

    // Preflight predicts it.
    let said = chain(&run::migrate(&request(), &Silent).unwrap_err());
    assert!(
        said.contains("and the sealed copy needs") && said.contains("next: OtherBackupFolder(Room)"),
        "{said}"
    );
    assert_nothing_is_left(&[]);

    // Another process fills the disk after preflight.
    disk.grow(64);
    let filler = disk.path().join("filler");
    let is_filled = AtomicBool::new(false);
    let hook = |step: Step<'_>| {
        if step == Step::Begins(Phase::Seal) && !is_filled.swap(true, Ordering::SeqCst) {
            fs::write(&filler, vec![1; 62 << 20]).unwrap();
        }
    };
    let watch = Watch::new(&hook);
    let said = chain(&run::migrate(&request(), &watch).unwrap_err());
    assert!(said.contains("cannot be copied to") && said.contains("next: MakeRoom"), "{said}");
    assert_eq!(watch.tries(), Vec::<String>::new());
    assert_nothing_is_left(std::slice::from_ref(&filler));

    fs::remove_file(&filler).unwrap();
    moved(run::migrate(&request(), &Silent));
    assert_whole(&case, what);
}
