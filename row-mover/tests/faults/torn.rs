//! A source that others write to while it is copied: an app where SQLite's locks cannot be used, `cp`, and a rename. What PostgreSQL holds
//! afterwards is one state of the file, or nothing is.
//!
//! The app is a process of its own: POSIX locks do not hold within a process.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Lines, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, mpsc};

use migrate_core::mapping::Mapping;
use row_mover::run::{self, Moved, Observer, Outcome, Request};
use row_mover::source::evidence;
use row_mover::source::undisturbed::Protection;

use crate::chance::{Chance, rounds};
use crate::engine::{Case, chain, moved, plan, sqlite};

/// The sum of both tables is 1000, whatever is transferred. Between them lie 12 MB, so that one is read before the other.
const SOURCE: &str =
    "CREATE TABLE first (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO first VALUES (1, 1000);
    CREATE TABLE filler (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)
    INSERT INTO filler SELECT i, hex(zeroblob(2000)) FROM c;
    CREATE TABLE last (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO last VALUES (1, 0);";

const TRANSFER: &str = "BEGIN IMMEDIATE; UPDATE first SET n = n - 1; UPDATE last SET n = n + 1; COMMIT;";

const SUM: &str = "SELECT (SELECT sum(n) FROM first) + (SELECT sum(n) FROM last)";

/// An account without rights.
const NOBODY: u32 = 65_534;

/// Where the app finds its database, and what it does with it.
const APP_VARIABLES: [&str; 2] = ["FAULTS_APP_SOURCE", "FAULTS_APP_SQL"];

#[test]
#[ignore = "the app of other tests"]
fn app() {
    let [Ok(source), Ok(sql)] = APP_VARIABLES.map(std::env::var) else { return };
    let connection = rusqlite::Connection::open(source).unwrap();
    connection.execute_batch(&sql).unwrap();
    println!("\nit is open");
    // Whoever started it ends it by closing its input.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn app_command(source: &Path, sql: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "torn::app", "--ignored", "--nocapture"])
        .envs(APP_VARIABLES.into_iter().zip([source.to_str().unwrap(), sql]));
    command
}

/// Opens the database, runs these statements and closes it, in a process of its own.
fn run_app(source: &Path, sql: &str) {
    let output = app_command(source, sql).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An app that has the database open until it is dropped.
struct RunningApp {
    process: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl RunningApp {
    fn start(source: &Path, sql: &str) -> RunningApp {
        let mut app = app_command(source, sql).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(app.stdout.take().unwrap()).lines();
        assert!(lines.by_ref().map_while(Result::ok).any(|line| line == "it is open"));
        RunningApp { process: app, _output: lines }
    }
}

impl Drop for RunningApp {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A source in a folder of its own, in which the account that migrates cannot write while it is closed.
struct Kept {
    case: Case,
    folder: PathBuf,
    source: PathBuf,
}

impl Kept {
    fn new(journal_mode: &str) -> Kept {
        let dir = tempfile::tempdir().unwrap();
        // The account without rights comes to it, and makes its folders in it.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        let folder = dir.path().join("app");
        fs::create_dir(&folder).unwrap();
        let source = folder.join("source.db");
        sqlite(&source, &format!("PRAGMA journal_mode = {journal_mode}; {SOURCE}"));
        let plan = plan(&source, "");
        let kept = Kept { case: Case::planned(dir, source.clone(), plan), folder, source };
        // Whoever read it for the plan has left an empty log.
        kept.remove_log();
        kept
    }

    fn close(&self) {
        fs::set_permissions(&self.folder, Permissions::from_mode(0o555)).unwrap();
    }

    fn open(&self) {
        fs::set_permissions(&self.folder, Permissions::from_mode(0o755)).unwrap();
    }

    /// Lets the app run, which may write to the folder.
    fn app(&self, sql: &str) {
        self.open();
        run_app(&self.source, sql);
        self.close();
    }

    /// Migrates as an account that root's rights do not help. In each try of the copy `hook` is called once by the account of the
    /// test, when so much is copied and compared, with the number of the try. Returns how many tries there were as well.
    fn migrate(&self, share: f64, hook: &(dyn Fn(u32) + Sync)) -> (row_mover::Result<Outcome>, u32) {
        self.with_hands(hook, &|hands| {
            let observer = Sealing { share, hands, progress: Mutex::default() };
            run::migrate(&self.request(), &observer)
        })
    }

    /// Calls `work` in a thread without root's rights, where `hook` runs in one that has them. Returns how often it ran as well.
    fn with_hands<T: Send>(
        &self,
        hook: &(dyn Fn(u32) + Sync),
        work: &(dyn Fn(&Hands) -> T + Sync),
    ) -> (T, u32) {
        let (ask, asked) = mpsc::channel();
        let (answer, answered) = mpsc::channel();
        std::thread::scope(|scope| {
            let hands = scope.spawn(move || {
                let mut calls = 0;
                for () in asked {
                    calls += 1;
                    hook(calls);
                    answer.send(()).unwrap();
                }
                calls
            });
            let worker = scope.spawn(move || {
                drop_rights();
                work(&Hands(Mutex::new((ask, answered))))
            });
            let outcome = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (outcome, hands.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    /// Lets any account write to the folder and the file.
    fn open_for_everyone(&self) {
        fs::set_permissions(&self.folder, Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(&self.source, Permissions::from_mode(0o666)).unwrap();
    }

    /// Removes log and shared memory, as SQLite would.
    fn remove_log(&self) {
        self.open();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(self.folder.join(format!("source.db{suffix}")));
        }
        self.close();
    }

    fn request(&self) -> Request<'_, diesel_migrations::FileBasedMigrations> {
        self.case.request()
    }

    #[track_caller]
    fn assert_nothing_was_made(&self) {
        assert_eq!(self.case.target_objects(), Vec::<String>::new());
        assert_eq!(self.case.backups(), Vec::<PathBuf>::new());
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Where this account is not root it could not be removed.
        self.open();
    }
}

/// Takes root's rights from this thread, and from all that it starts.
fn drop_rights() {
    if rustix::process::geteuid().is_root() {
        let group = rustix::thread::Gid::from_raw(NOBODY);
        let user = rustix::thread::Uid::from_raw(NOBODY);
        rustix::thread::set_thread_res_gid(group, group, group).unwrap();
        rustix::thread::set_thread_res_uid(user, user, user).unwrap();
    }
}

/// Has something done by a thread of the test's own account, and waits for it.
struct Hands(Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>);

impl Hands {
    fn act(&self) {
        let line = self.0.lock().unwrap();
        line.0.send(()).unwrap();
        line.1.recv().unwrap();
    }
}

/// Acts once in each try of the copy, when it has come so far.
struct Sealing<'a> {
    share: f64,
    hands: &'a Hands,
    /// How far the try has come, and whether it has acted in it.
    progress: Mutex<(f64, bool)>,
}

impl Observer for Sealing<'_> {
    fn sealed(&self, share: f64) {
        let mut progress = self.progress.lock().unwrap();
        let is_new_try = share <= progress.0;
        let has_acted = progress.1 && !is_new_try;
        *progress = (share, has_acted || share >= self.share);
        if share >= self.share && !has_acted {
            self.hands.act();
        }
    }
}

/// Acts whenever rows were scanned.
struct Scanning<'a>(&'a Hands);

impl Observer for Scanning<'_> {
    fn rows_scanned(&self, _rows: u64) {
        self.0.act();
    }
}

/// In each of the two passes over the pages.
const SHARES: [f64; 2] = [0.25, 0.75];

#[track_caller]
fn assert_read(moved: &Moved, protection: Protection, attempts: u32) {
    let method = moved.seal.read_method.unwrap();
    assert_eq!((method.protection, method.attempts), (protection, attempts));
}

#[test]
fn a_commit_while_no_lock_can_be_taken_is_moved_whole() {
    for share in SHARES {
        let kept = Kept::new("WAL");
        let transfer = |nth| {
            if nth == 1 {
                kept.app(TRANSFER);
            }
        };
        let (outcome, tries) = kept.migrate(share, &transfer);
        let moved = moved(outcome);
        assert_eq!(tries, 2);
        assert_eq!(kept.case.ask(SUM), ["1000"]);
        assert_eq!(kept.case.ask("SELECT n FROM last"), ["1"]);
        // The app could not remove its log, by which its commit is noticed, and left the shared memory with it that locks need.
        assert_read(&moved, Protection::SqliteLocks, 2);
    }
}

#[test]
fn a_log_that_is_removed_behind_sqlites_back_hides_nothing() {
    let kept = Kept::new("WAL");
    let transfer = |nth| {
        if nth == 1 {
            kept.app(&format!("{TRANSFER} PRAGMA wal_checkpoint(TRUNCATE)"));
            kept.remove_log();
        }
    };
    let (outcome, tries) = kept.migrate(0.25, &transfer);
    let moved = moved(outcome);
    assert_eq!((tries, kept.case.ask(SUM)), (2, vec!["1000".to_owned()]));
    assert_read(&moved, Protection::UnchangedFile, 2);
}

#[test]
fn a_file_that_nobody_writes_is_copied_at_once_in_a_folder_that_is_closed() {
    for (journal_mode, protection) in
        [("WAL", Protection::UnchangedFile), ("DELETE", Protection::SqliteLocks)]
    {
        let kept = Kept::new(journal_mode);
        let (outcome, tries) = kept.migrate(0.25, &|_| {});
        assert_eq!(tries, 1);
        assert_read(&moved(outcome), protection, 1);
    }
}

#[test]
fn an_app_that_has_it_open_lends_its_shared_memory() {
    let kept = Kept::new("WAL");
    kept.open();
    let _app = RunningApp::start(&kept.source, &format!("PRAGMA wal_autocheckpoint = 0; {TRANSFER}"));
    kept.close();
    let (outcome, _) = kept.migrate(0.25, &|_| run_app(&kept.source, TRANSFER));
    assert_read(&moved(outcome), Protection::SqliteLocks, 1);
    assert_eq!(kept.case.ask("SELECT n FROM last"), ["1"]);
    assert_eq!(kept.case.ask(SUM), ["1000"]);
}

#[test]
fn a_copy_over_it_is_noticed_with_and_without_locks() {
    // A closed folder keeps SQLite's locks from a WAL database, and from no other.
    for (journal_mode, is_closed) in [("WAL", true), ("DELETE", false), ("WAL", false)] {
        for share in SHARES {
            let kept = Kept::new(journal_mode);
            let other = kept.case.dir.path().join("other.db");
            fs::copy(&kept.source, &other).unwrap();
            sqlite(
                &other,
                &format!(
                    "{TRANSFER} UPDATE filler SET v = v || 'x'; UPDATE filler SET v = hex(zeroblob(2000))"
                ),
            );
            if !is_closed {
                kept.open_for_everyone();
            }
            let what = format!("{journal_mode}, closed: {is_closed}, at {share}");
            let (outcome, tries) = kept.migrate(share, &|nth| {
                if nth == 1 {
                    assert!(Command::new("cp").args([&other, &kept.source]).status().unwrap().success());
                }
            });
            let moved = moved(outcome);
            assert_eq!((tries, kept.case.ask("SELECT n FROM last")), (2, vec!["1".to_owned()]), "{what}");
            assert_eq!(kept.case.ask(SUM), ["1000"], "{what}");
            assert_eq!(moved.seal.read_method.unwrap().attempts, 2, "{what}");
        }
    }
}

#[test]
fn a_file_that_takes_its_place_is_the_one_that_moves() {
    for (journal_mode, is_closed) in [("WAL", true), ("DELETE", false), ("WAL", false)] {
        let kept = Kept::new(journal_mode);
        let other = kept.case.dir.path().join("other.db");
        fs::copy(&kept.source, &other).unwrap();
        sqlite(&other, TRANSFER);
        if !is_closed {
            kept.open_for_everyone();
        }
        let (outcome, tries) = kept.migrate(0.75, &|nth| {
            if nth == 1 {
                fs::rename(&other, &kept.source).unwrap();
            }
        });
        let moved = moved(outcome);
        assert_eq!(tries, 2, "{journal_mode}, closed: {is_closed}");
        assert_eq!(kept.case.ask("SELECT n FROM last"), ["1"], "{journal_mode}, closed: {is_closed}");
        assert_eq!(moved.seal.read_method.unwrap().attempts, 2);
    }
}

#[test]
fn what_is_copied_over_in_every_try_is_refused_and_moves_once_that_has_stopped() {
    for (journal_mode, is_closed) in [("WAL", true), ("DELETE", false)] {
        let kept = Kept::new(journal_mode);
        let other = kept.case.dir.path().join("other.db");
        fs::copy(&kept.source, &other).unwrap();
        if !is_closed {
            kept.open_for_everyone();
        }
        let copy_over =
            |_| assert!(Command::new("cp").args([&other, &kept.source]).status().unwrap().success());
        let (outcome, tries) = kept.migrate(0.25, &copy_over);
        let words = chain(&outcome.unwrap_err());
        assert!(
            words.contains("was written to each time it was read, 5 times in a row")
                && words.contains("because: it was modified")
                && words.contains("next: stop whatever copies over it"),
            "{words}"
        );
        assert_eq!(tries, 5);
        kept.assert_nothing_was_made();
        moved(kept.migrate(0.25, &|_| {}).0);
    }
}

#[test]
fn a_dry_run_and_a_plan_are_of_one_state() {
    let kept = Kept::new("WAL");
    let mapping = Mapping::from_toml("format = 1").unwrap();
    let dry_run = |hands: &Hands| run::dry_run(&kept.request(), &Scanning(hands)).map(|_| ());
    let make_plan = |hands: &Hands| evidence::plan(&kept.source, &mapping, 2, &|_| hands.act()).map(|_| ());
    let works: [&(dyn Fn(&Hands) -> row_mover::Result<()> + Sync); 2] = [&dry_run, &make_plan];
    for work in works {
        for transfers in [1, u32::MAX] {
            // With its log removed, so that the next try is without locks as well.
            let transfer = |nth| {
                if nth <= transfers {
                    kept.app(&format!("{TRANSFER} PRAGMA wal_checkpoint(TRUNCATE)"));
                    kept.remove_log();
                }
            };
            match kept.with_hands(&transfer, work).0 {
                Ok(()) => assert_eq!(transfers, 1),
                Err(error) => {
                    assert_eq!(transfers, u32::MAX, "{}", chain(&error));
                    assert!(chain(&error).contains("5 times in a row"), "{}", chain(&error));
                }
            }
        }
    }
}

#[test]
fn at_no_moment_a_commit_is_torn() {
    let mut chance = Chance::new();
    for round in 0..rounds(4) {
        let kept = Kept::new("WAL");
        let share = f64::from(u32::try_from(chance.below(95)).unwrap()) / 100.0;
        let (transfers, leaves_log) = (u32::try_from(chance.below(7)).unwrap(), chance.below(2) == 0);
        let what = format!(
            "round {round}: {transfers} transfers at {share}, leaves its log: {leaves_log}, {}",
            chance.seed()
        );
        let (outcome, tries) = kept.migrate(share, &|nth| {
            if nth <= transfers {
                kept.app(&format!("{TRANSFER} PRAGMA wal_checkpoint(TRUNCATE)"));
                if !leaves_log {
                    kept.remove_log();
                }
            }
        });
        match outcome {
            Ok(Outcome::Moved(moved)) => {
                assert!(moved.validation.is_proven(), "{what}");
                assert_eq!(kept.case.ask(SUM), ["1000"], "{what}");
                assert_eq!(moved.seal.read_method.unwrap().attempts, tries, "{what}");
            }
            Ok(other) => panic!("{what}: {other:?}"),
            Err(error) => {
                assert!(transfers >= 5 && !leaves_log, "{what}: {}", chain(&error));
                assert!(chain(&error).contains("5 times in a row"), "{what}: {}", chain(&error));
                kept.assert_nothing_was_made();
            }
        }
    }
}
