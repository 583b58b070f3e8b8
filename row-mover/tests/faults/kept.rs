//! A source in a separate folder, an app that writes to it from a separate process (POSIX locks have no effect within a process), and a
//! migration by an account without root privileges.

use postgres_client::watch::Watch;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, mpsc};

use row_mover::run::{self, Observer, Outcome, Request};

use crate::engine::{Case, plan, sqlite};

/// The sum of both tables is always 1000. There are 12 MB between them, so that one is read before the other.
pub const SOURCE: &str =
    "CREATE TABLE first (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO first VALUES (1, 1000);
    CREATE TABLE filler (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)
    INSERT INTO filler SELECT i, hex(zeroblob(2000)) FROM c;
    CREATE TABLE last (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO last VALUES (1, 0);";

pub const TRANSFER: &str = "BEGIN IMMEDIATE; UPDATE first SET n = n - 1; UPDATE last SET n = n + 1; COMMIT;";

pub const SUM: &str = "SELECT (SELECT sum(n) FROM first) + (SELECT sum(n) FROM last)";

/// An account without privileges.
pub const NOBODY: u32 = 65_534;

/// Environment variables with the app's database and its statements.
pub const APP_VARIABLES: [&str; 2] = ["FAULTS_APP_SOURCE", "FAULTS_APP_SQL"];

/// The app's output after its statements.
const OPEN: &str = "it is open";

#[test]
#[ignore = "the app of other tests"]
fn app() {
    let [Ok(source), Ok(sql)] = APP_VARIABLES.map(std::env::var) else { return };
    let connection = rusqlite::Connection::open(source).unwrap();
    connection.execute_batch(&sql).unwrap();
    std::io::stdout().write_all(format!("\n{OPEN}\n").as_bytes()).unwrap();
    // The parent ends the app by closing its input.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

pub fn app_command(source: &Path, sql: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "kept::app", "--ignored", "--nocapture"])
        .envs(APP_VARIABLES.into_iter().zip([source.to_str().unwrap(), sql]));
    command
}

/// Opens the database, runs these statements and closes it, in a separate process.
pub fn run_app(source: &Path, sql: &str) {
    let output = app_command(source, sql).stdin(Stdio::null()).output().unwrap();
    let is_done = output.status.success() && String::from_utf8_lossy(&output.stdout).contains(OPEN);
    assert!(is_done, "{}", String::from_utf8_lossy(&output.stderr));
}

/// An app that keeps the database open until it is dropped.
pub struct RunningApp {
    pub process: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl RunningApp {
    pub fn start(source: &Path, sql: &str) -> RunningApp {
        let mut app = app_command(source, sql).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(app.stdout.take().unwrap()).lines();
        assert!(lines.by_ref().map_while(Result::ok).any(|line| line == OPEN));
        RunningApp { process: app, _output: lines }
    }
}

impl Drop for RunningApp {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A source in a separate folder. While the folder is closed, the migrating account cannot write to it.
pub struct Kept {
    pub case: Case,
    pub folder: PathBuf,
    pub source: PathBuf,
}

impl Kept {
    pub fn new(journal_mode: &str) -> Kept {
        let dir = tempfile::tempdir().unwrap();
        // The account without privileges must reach the folder and create folders in it.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        let folder = dir.path().join("app");
        fs::create_dir(&folder).unwrap();
        let source = folder.join("source.db");
        sqlite(&source, &format!("PRAGMA journal_mode = {journal_mode}; {SOURCE}"));
        let plan = plan(&source, "");
        let kept = Kept { case: Case::planned(dir, source.clone(), plan), folder, source };
        // Reading it for the plan has created an empty log.
        kept.remove_log();
        kept
    }

    pub fn close(&self) {
        fs::set_permissions(&self.folder, Permissions::from_mode(0o555)).unwrap();
    }

    pub fn open(&self) {
        fs::set_permissions(&self.folder, Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the app, which may write to the folder.
    pub fn app(&self, sql: &str) {
        self.open();
        run_app(&self.source, sql);
        self.close();
    }

    /// Migrates as an account without root privileges. In each attempt to copy, the test's own account calls `hook` once, with the
    /// number of the attempt, when this share is copied and compared. Also returns the number of attempts.
    pub fn migrate(&self, share: f64, hook: &(dyn Fn(u32) + Sync)) -> (row_mover::Result<Outcome>, u32) {
        self.with_hands(hook, &|hands| {
            let observer = Sealing { share, hands, progress: Mutex::default() };
            run::migrate(&self.request(), &observer)
        })
    }

    /// Calls `work` in a thread without root privileges and `hook` in one with them. Also returns how often `hook` ran.
    pub fn with_hands<T: Send>(
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

    /// Allows any account to write to the folder and the file.
    pub fn open_for_everyone(&self) {
        fs::set_permissions(&self.folder, Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(&self.source, Permissions::from_mode(0o666)).unwrap();
    }

    /// Removes the log and the shared memory, as SQLite would.
    pub fn remove_log(&self) {
        self.open();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(self.folder.join(format!("source.db{suffix}")));
        }
        self.close();
    }

    pub fn request(&self) -> Request<'_> {
        self.case.request()
    }

    #[track_caller]
    pub fn assert_nothing_was_made(&self) {
        assert_eq!(self.case.target_objects(), Vec::<String>::new());
        assert_eq!(self.case.backups(), Vec::<PathBuf>::new());
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Otherwise, an account other than root could not remove it.
        self.open();
    }
}

/// Drops the root privileges of this thread and of the threads that it starts.
pub fn drop_rights() {
    if rustix::process::geteuid().is_root() {
        let group = rustix::thread::Gid::from_raw(NOBODY);
        let user = rustix::thread::Uid::from_raw(NOBODY);
        rustix::thread::set_thread_res_gid(group, group, group).unwrap();
        rustix::thread::set_thread_res_uid(user, user, user).unwrap();
    }
}

/// Runs work in a thread of the test's own account and waits for it.
pub struct Hands(Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>);

impl Hands {
    pub fn act(&self) {
        let line = self.0.lock().unwrap();
        line.0.send(()).unwrap();
        line.1.recv().unwrap();
    }
}

/// Acts once in each attempt to copy, at a given progress.
pub struct Sealing<'a> {
    share: f64,
    hands: &'a Hands,
    /// The progress of the attempt, and whether it has acted.
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

impl Watch for Sealing<'_> {}

/// Acts after each scan of rows.
pub struct Scanning<'a>(pub &'a Hands);

impl Observer for Scanning<'_> {
    fn rows_scanned(&self, _rows: u64) {
        self.0.act();
    }
}

impl Watch for Scanning<'_> {}
