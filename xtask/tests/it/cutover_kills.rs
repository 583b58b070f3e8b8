//! The story with kills: `cutover` and `rollback` are killed at random moments and run again, while threads write as the app does.
//!
//! After each kill at most one side takes writes of the app, and in the end no write is lost and none is on both sides.
//! `STORY_ROUNDS` sets how often; each round takes a few seconds.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use rusqlite::Connection;
use test_database::TestDatabase;

use crate::place::Place;
use crate::server::{connect, execute, lines};

/// Kills of one command at most; the next run of it is not killed.
const KILLS_MAX: usize = 3;

/// The latest moment of a kill before any command has ended sooner, in milliseconds.
const LATEST_KILL_MS: u64 = 800;

/// Attempts until a command is done.
const RUNS_MAX: usize = 12;

/// Rows that the app writes to PostgreSQL before it goes back.
const LATER_ROWS: usize = 3;

struct Story {
    place: Place,
    database: TestDatabase,
    /// The target without its password.
    url: String,
    /// Decides the moments.
    seed: u64,
    /// The latest moment at which a command is killed, fitted to how fast this machine is.
    latest_kill_ms: u64,
    kills: usize,
}

/// Writes to SQLite until the fence refuses it or it is stopped; returns what SQLite has accepted.
struct Writer {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Writer {
    fn start(path: PathBuf, name: String) -> Writer {
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let thread = spawn(move || {
            let app = Connection::open(path).unwrap();
            app.busy_timeout(Duration::from_secs(20)).unwrap();
            let mut written = BTreeSet::new();
            for number in 0.. {
                if flag.load(Ordering::Relaxed) {
                    break;
                }
                let body = format!("{name}-{number}");
                match app.execute("INSERT INTO notes (body) VALUES (?1)", [&body]) {
                    Ok(_) => drop(written.insert(body)),
                    Err(error) if error.to_string().contains("moved to PostgreSQL") => break,
                    Err(error) => panic!("{body}: {error}"),
                }
                sleep(Duration::from_millis(3));
            }
            written
        });
        Writer { is_over, thread }
    }

    fn finish(self) -> BTreeSet<String> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Story {
    fn new(seed: u64) -> Story {
        let place = Place::new();
        let database = TestDatabase::create();
        let at = |name: &str| place.path().join(name);
        Connection::open(at("app.db"))
            .unwrap()
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL); \
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
                 INSERT INTO notes (body) SELECT 'before-' || i FROM n",
            )
            .unwrap();
        fs::write(at(".env"), "DATABASE_PATH=app.db\n").unwrap();
        let (user, rest) = database.url().strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (user, password) = user.split_once(':').unwrap();
        fs::write(at("pgpass"), format!("*:*:*:*:{password}\n")).unwrap();
        fs::set_permissions(at("pgpass"), fs::Permissions::from_mode(0o600)).unwrap();
        let url = format!("postgres://{user}@{rest}");
        Story { place, database, url, seed, latest_kill_ms: LATEST_KILL_MS, kills: 0 }
    }

    fn sqlite(&self) -> PathBuf {
        self.place.path().join("app.db")
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.place.command(arguments);
        command.env("PGPASSFILE", self.place.path().join("pgpass")).env("DATABASE_URL", &self.url);
        command
    }

    /// When a command is killed.
    fn moment(&self, run: usize) -> Duration {
        let mut hasher = DefaultHasher::new();
        (self.seed, self.kills, run).hash(&mut hasher);
        Duration::from_millis(20 + hasher.finish() % self.latest_kill_ms)
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) {
        crate::place::output(&mut self.command(arguments)).expect(0);
    }

    /// Runs a command, kills it a few times at random moments, and runs it again until it is done or says that it was done.
    #[track_caller]
    fn run_with_kills(&mut self, arguments: &[&str], done: &str) {
        for run in 0..RUNS_MAX {
            let mut command = self.command(arguments);
            if run < KILLS_MAX {
                let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                sleep(self.moment(run));
                child.kill().unwrap();
                let status = child.wait().unwrap();
                self.kills += usize::from(status.code().is_none());
                self.assert_not_both_open();
                if status.success() {
                    self.latest_kill_ms = (self.latest_kill_ms / 2).max(50);
                    return;
                }
                continue;
            }
            let output = crate::place::output(&mut command);
            self.assert_not_both_open();
            if output.code == Some(0) || output.stderr.contains(done) {
                return;
            }
            panic!("{}", output.screen());
        }
    }

    /// The app works with the database that its env file names. A side is open if it would take a write of the app.
    fn assert_not_both_open(&self) {
        let app = Connection::open(self.sqlite()).unwrap();
        app.busy_timeout(Duration::from_secs(20)).unwrap();
        let is_sqlite_open = match app.execute("UPDATE notes SET body = body WHERE id = 1", []) {
            Ok(_) => true,
            Err(error) if error.to_string().contains("moved to PostgreSQL") => false,
            Err(error) => panic!("{error}"),
        };
        let names_postgres = self.env().contains("\nDATABASE_URL=");
        let update = "UPDATE public.notes SET body = body WHERE id = 1";
        let takes_writes = || {
            use diesel::connection::SimpleConnection;
            connect(&self.database).batch_execute(update).is_ok()
        };
        assert!(!(is_sqlite_open && names_postgres && takes_writes()), "both sides are open");
    }

    fn env(&self) -> String {
        fs::read_to_string(self.place.path().join(".env")).unwrap()
    }

    fn bodies_in_sqlite(&self) -> Vec<String> {
        let app = Connection::open(self.sqlite()).unwrap();
        let mut statement = app.prepare("SELECT body FROM notes WHERE body NOT LIKE 'before-%'").unwrap();
        let found = statement.query_map([], |row| row.get(0)).unwrap();
        let mut bodies: Vec<String> = found.map(Result::unwrap).collect();
        bodies.sort();
        bodies
    }

    fn bodies_in_postgres(&self) -> Vec<String> {
        let mut bodies =
            lines(&self.database, "SELECT body FROM public.notes WHERE body NOT LIKE 'before-%'");
        bodies.sort();
        bodies
    }

    /// Cuts over while the app writes. All that SQLite has accepted is in PostgreSQL then, once.
    #[track_caller]
    fn cut_over(&mut self, name: &str, before: &[String]) -> Vec<String> {
        let _app = connect(&self.database);
        let writer = Writer::start(self.sqlite(), name.to_owned());
        let arguments =
            ["cutover", "--fence", "--yes", "--quiet", "--env-file", ".env", "--restart-command", "true"];
        self.run_with_kills(&arguments, "\0");
        let mut expected: Vec<String> = writer.finish().into_iter().chain(before.iter().cloned()).collect();
        expected.sort();
        assert_eq!(self.bodies_in_postgres(), expected, "no write is lost, and none is doubled");
        assert!(self.env().contains("\nDATABASE_URL="), "{}", self.env());
        expected
    }

    #[track_caller]
    fn roll_back(&mut self, at_fence: &[String]) {
        for number in 0..LATER_ROWS {
            execute(&self.database, &format!("INSERT INTO public.notes (body) VALUES ('later-{number}')"));
        }
        let rows = LATER_ROWS.to_string();
        let arguments = [
            "rollback",
            "--accept-loss",
            &rows,
            "--quiet",
            "--env-file",
            ".env",
            "--restart-command",
            "true",
        ];
        self.run_with_kills(&arguments, "is rolled back already");
        assert_eq!(self.bodies_in_sqlite(), at_fence, "SQLite is as it was at the fence");
        assert_eq!(self.env(), "DATABASE_PATH=app.db\n");
        let app = Connection::open(self.sqlite()).unwrap();
        app.execute("UPDATE notes SET body = body WHERE id = 1", []).unwrap();
    }
}

#[test]
fn kills_lose_no_write_and_never_open_both_sides() {
    let rounds: u64 = std::env::var("STORY_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    let mut kills = 0;
    for round in 0..rounds {
        let mut story = Story::new(round);
        let migrate = ["migrate", "--sqlite", "app.db", "--quiet", "--no-report"];
        story.run(&migrate);
        let first = story.cut_over("first", &[]);
        story.roll_back(&first);
        story.run(&migrate);
        let second = story.cut_over("second", &first);
        assert!(second.len() > first.len(), "round {round}");
        kills += story.kills;
    }
    assert!(kills > 0, "no command was killed");
}
