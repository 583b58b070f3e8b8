//! A cutover while an app writes all the time, killed at random moments: no acknowledged write is lost, none is accepted after the source
//! counts as closed, and the same steps continue.
//!
//! The app and the cutover are processes of their own, since SQLite's locks belong to processes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fixtures::writer::{self, LoggedWrite};
use migrate_core::cutover::{Charge, CutoverStep, Event, Progress, Switch, charge};
use postgres_client::{DbSettings, TargetUrl};
use row_mover::catch_up::{CatchUpRequest, catch_up};
use row_mover::cutover::{Cutover, CutoverRequest, Frozen, RehearsalScope};
use row_mover::fence::{self, FenceId, MarkUse};
use row_mover::ledger;
use row_mover::observer::Silent;
use row_mover::rollback::Author;
use test_database::TestDatabase;
use test_database::chance::{Chance, rounds};

use crate::engine::{Case, ask, chain, session, sqlite};

/// The folder, the database, and what to do of a child process.
const VARIABLES: [&str; 2] = ["CUTOVER_CHILD_DIR", "CUTOVER_CHILD_URL"];

/// Prefix of the child's own lines, since the test harness prints, too.
const MARK: &str = "step: ";

/// Kills of one cutover before it may finish.
const KILLS_PER_ROUND: u64 = 2;

/// Rows beside those that the app writes.
const BALLAST: &str = "CREATE TABLE ballast (id INTEGER PRIMARY KEY, v TEXT NOT NULL);
    WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000)
    INSERT INTO ballast SELECT i, 'row ' || i || ' that does not change' FROM c;
    PRAGMA journal_mode = WAL;";

/// A full-text table, with which the fence includes the read-only mark.
const SEARCH: &str = "CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES ('hello');";

/// A migrated source, of which each round uses a copy.
struct Template {
    case: Case,
}

/// A source and its target, for one cutover.
struct Round {
    dir: tempfile::TempDir,
    database: TestDatabase,
}

/// A child process, killed on drop, with its lines.
struct Child(std::process::Child, Option<BufReader<ChildStdout>>);

/// What a round found.
#[derive(Default)]
struct Found {
    writes: usize,
    lost: usize,
    doubled: usize,
    pause_ms: Option<u64>,
    longest_wait: Duration,
}

impl Template {
    fn new(more: &str) -> Template {
        let case = Case::mapped(&format!("{} {BALLAST} {more}", writer::SCHEMA), "");
        case.moved();
        Template { case }
    }

    /// Copies both sides; the ledger names the paths of the copy.
    fn copy(&self) -> Round {
        let dir = tempfile::tempdir().unwrap();
        let from = self.case.dir.path();
        let copied = Command::new("cp").arg("-r").arg(from.join(".")).arg(dir.path()).status().unwrap();
        assert!(copied.success());
        let database = self.case.database.copy();
        let (old, new) = (from.canonicalize().unwrap(), dir.path().canonicalize().unwrap());
        let moved = format!(
            "UPDATE migration.runs SET source_path = replace(source_path, '{old}', '{new}'), seal = replace(seal, '{old}', '{new}')",
            old = old.display(),
            new = new.display()
        );
        session(database.url()).script(&moved).unwrap();
        Round { dir, database }
    }
}

impl Round {
    fn source(&self) -> PathBuf {
        self.dir.path().join("source.db")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("writes.log")
    }

    fn start(&self, test: &str) -> Child {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
            .envs(VARIABLES.into_iter().zip([self.dir.path().to_str().unwrap(), self.database.url()]))
            .stdout(Stdio::piped())
            .stderr(fs::File::create(self.dir.path().join(test.replace(':', "_"))).unwrap())
            .spawn()
            .unwrap();
        let lines = process.stdout.take().map(BufReader::new);
        Child(process, lines)
    }

    fn said(&self, test: &str) -> String {
        fs::read_to_string(self.dir.path().join(test.replace(':', "_"))).unwrap()
    }

    /// Which database is in charge, and whether that is so: SQLite takes a write if and only if it is.
    fn check_charge(&self, what: &str) {
        let mut target = session(self.database.url());
        let run = ledger::last_run(&mut target).unwrap().unwrap();
        let events: Vec<Event> =
            ledger::cutover_events(&mut target, run.id).unwrap().into_iter().map(|one| one.event).collect();
        let progress = Progress::of(&events).unwrap();
        let id = progress.complete_sha256().map(FenceId::of);
        let state = fence::detect(&self.source(), id.as_ref()).unwrap();
        let in_charge = charge(&progress, state);
        let app = rusqlite::Connection::open(self.source()).unwrap();
        app.busy_timeout(writer::BUSY_TIMEOUT).unwrap();
        let written = app.execute_batch("BEGIN IMMEDIATE; UPDATE accounts SET balance = balance; ROLLBACK");
        assert_eq!(
            written.is_ok(),
            in_charge == Charge::Sqlite,
            "{what}: {in_charge:?}, {state:?}, {written:?}"
        );
    }

    /// Compares the log of the app, SQLite and PostgreSQL at the end.
    fn found(&self, what: &str) -> Found {
        let log: Vec<LoggedWrite> = writer::read_log(&self.log()).unwrap();
        assert_eq!(log.last().map(|write| write.outcome.clone()), Some(writer::Outcome::Refused), "{what}");
        let acknowledged: BTreeSet<String> = log
            .iter()
            .filter_map(|write| match &write.outcome {
                writer::Outcome::Written { token } => Some(token.clone()),
                _ => None,
            })
            .collect();
        let mut target = session(self.database.url());
        let there = ask(&mut target, "SELECT token FROM writes ORDER BY id");
        let distinct: BTreeSet<String> = there.iter().cloned().collect();
        let source = rusqlite::Connection::open(self.source()).unwrap();
        for sql in [
            "SELECT id || '|' || token || '|' || account || '|' || amount FROM writes ORDER BY id",
            "SELECT id || '|' || balance FROM accounts ORDER BY id",
            "SELECT token || '|' || seen FROM sessions ORDER BY seen, token",
        ] {
            let mut statement = source.prepare(sql).unwrap();
            let rows: Vec<String> =
                statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            assert_eq!(rows, ask(&mut target, sql), "{what}: {sql}");
        }
        let balanced = "SELECT bool_and(balance = (SELECT coalesce(sum(amount), 0) FROM writes WHERE account = a.id)) FROM accounts a";
        assert_eq!(ask(&mut target, balanced), ["t"], "{what}");
        let run = ledger::last_run(&mut target).unwrap().unwrap();
        let pause_ms = ledger::cutover_events(&mut target, run.id).unwrap().into_iter().find_map(|one| {
            match one.event {
                Event::SourceClosed { pause_ms, .. } => pause_ms,
                _ => None,
            }
        });
        Found {
            writes: acknowledged.len(),
            lost: acknowledged.difference(&distinct).count(),
            doubled: there.len() - distinct.len(),
            pause_ms,
            longest_wait: log.iter().map(|write| write.took).max().unwrap_or_default(),
        }
    }
}

impl Child {
    /// Waits for a line that begins with `step`, and returns when it came; none if the process ends before.
    fn wait_for(&mut self, step: &str) -> Option<Instant> {
        let lines = self.1.as_mut().unwrap();
        for line in lines.by_ref().lines().map_while(Result::ok) {
            if line.strip_prefix(MARK).is_some_and(|rest| rest.starts_with(step)) {
                return Some(Instant::now());
            }
        }
        None
    }

    /// Kills it; false if it had ended.
    fn kill(&mut self) -> bool {
        let has_ended = self.0.try_wait().unwrap().is_some();
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        !has_ended
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "the app that other tests start"]
fn app() {
    let [Ok(dir), Ok(_)] = VARIABLES.map(std::env::var) else { return };
    let dir = PathBuf::from(dir);
    let is_over = || dir.join("stop").exists();
    let rest = Duration::from_millis(2);
    writer::write_until(&dir.join("source.db"), &dir.join("writes.log"), "app", rest, &is_over).unwrap();
}

#[test]
#[ignore = "the cutover that other tests start and kill"]
fn cut_over() {
    let [Ok(dir), Ok(url)] = VARIABLES.map(std::env::var) else { return };
    let dir = PathBuf::from(dir);
    let request = request(&dir, &url);
    for _ in 0..50 {
        let mut cutover =
            Cutover::open(&request, &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)));
        match cutover.next_step().unwrap_or_else(|error| panic!("{}", chain(&error))) {
            CutoverStep::Begin => cutover.record(Event::CutoverBegun).unwrap(),
            CutoverStep::Freeze => {
                drop(cutover);
                tell("catches up");
                let caught_up = catch_up(&catch_up_request(&dir, &url), &Silent);
                caught_up.unwrap_or_else(|error| panic!("{}", chain(&error)));
                let mut cutover = Cutover::open(&request, &Silent).unwrap();
                tell("freezes");
                match cutover.freeze().unwrap_or_else(|error| panic!("{}", chain(&error))) {
                    Frozen::Closed(_) => tell("closed"),
                    Frozen::Open(reason) => tell(&format!("open {reason:?}")),
                }
            }
            CutoverStep::RecordClosed(fence) => cutover.record_closed(fence).unwrap(),
            CutoverStep::Switch => {
                cutover.record(Event::AppSwitched { switch: Switch::ByHand, share_percent: 100 }).unwrap();
            }
            CutoverStep::Finish => cutover.record(Event::CutoverFinished).unwrap(),
            CutoverStep::Done => {
                tell("done");
                return;
            }
        }
    }
    panic!("it does not end");
}

fn tell(words: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{MARK}{words}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn request(dir: &Path, url: &str) -> CutoverRequest {
    CutoverRequest {
        target: TargetUrl::parse(url).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        backup_dir: dir.join("backups"),
        rejects_dir: dir.join("rejects"),
        mark_use: MarkUse::WhereNeeded,
        pause_max: Duration::from_secs(3),
        lock_wait_max: Duration::from_secs(10),
        author: Author { name: "test@here".to_owned(), note: None },
    }
}

fn catch_up_request(dir: &Path, url: &str) -> CatchUpRequest {
    CatchUpRequest {
        target: TargetUrl::parse(url).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        backup_dir: dir.join("backups"),
        rejects_dir: dir.join("rejects"),
        dry_run: false,
        replace_equal_copy: false,
    }
}

/// Starts the app, and waits until it writes.
fn start_app(round: &Round) -> Child {
    let app = round.start("cutover::app");
    let until = Instant::now() + Duration::from_secs(30);
    while !fs::metadata(round.log()).is_ok_and(|log| log.len() > 0) {
        assert!(Instant::now() < until, "{}", round.said("cutover::app"));
        std::thread::sleep(Duration::from_millis(5));
    }
    app
}

/// Runs a cutover to its end, and returns for how long it froze the source.
fn finish(round: &Round, what: &str) -> Duration {
    let mut child = round.start("cutover::cut_over");
    let frozen = child.wait_for("freezes");
    let closed = child.wait_for("closed");
    assert!(child.0.wait().unwrap().success(), "{what}: {}", round.said("cutover::cut_over"));
    frozen.zip(closed).map(|(frozen, closed)| closed - frozen).unwrap_or_default()
}

/// Waits until the app was refused.
fn end_app(round: &Round, mut app: Child, what: &str) -> Found {
    let until = Instant::now() + Duration::from_secs(30);
    while app.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "{what}: the app goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(app.0.wait().unwrap().success(), "{what}: {}", round.said("cutover::app"));
    round.found(what)
}

#[test]
fn a_cutover_under_load_loses_no_write_whenever_it_is_killed() {
    let mut chance = Chance::new();
    let templates = [Template::new(""), Template::new(SEARCH)];
    let (mut kills, mut writes, mut pauses, mut longest) = (0, 0, Vec::new(), Duration::ZERO);
    let (mut lost, mut doubled) = (0, 0);
    for number in 0..rounds(3) {
        let what = format!("round {number}, {}", chance.seed());
        let round = templates[number % templates.len()].copy();
        let app = start_app(&round);
        // The first round shows how long a freeze takes without faults.
        let count = if number == 0 { 0 } else { chance.below(KILLS_PER_ROUND) + 1 };
        for _ in 0..count {
            let mut child = round.start("cutover::cut_over");
            // Most moments are in the freeze, where all effects are.
            let step = *chance.pick(&["catches up", "freezes", "freezes", "freezes", "closed"]);
            let delay = chance.time_below(Duration::from_millis(if step == "closed" { 30 } else { 250 }));
            if child.wait_for(step).is_some() {
                // A plain sleep: the test is about arbitrary times, which no condition can replace.
                std::thread::sleep(delay);
            }
            kills += usize::from(child.kill());
            round.check_charge(&what);
        }
        finish(&round, &what);
        let found = end_app(&round, app, &what);
        round.check_charge(&what);
        assert_eq!((found.lost, found.doubled), (0, 0), "{what}");
        writes += found.writes;
        lost += found.lost;
        doubled += found.doubled;
        pauses.extend(found.pause_ms);
        longest = longest.max(found.longest_wait);
    }
    pauses.sort_unstable();
    eprintln!(
        "{kills} kills, {writes} acknowledged writes, {lost} lost, {doubled} doubled; pauses in ms: median {:?}, longest {:?}; \
         longest wait of the app {longest:?} ({})",
        pauses.get(pauses.len() / 2),
        pauses.last(),
        chance.seed()
    );
}

#[test]
fn a_pause_that_would_be_too_long_is_undone_and_the_app_goes_on() {
    let template = Template::new("");
    let round = template.copy();
    let url = round.database.url();
    let request = CutoverRequest { pause_max: Duration::from_millis(1), ..request(round.dir.path(), url) };
    Cutover::open(&request, &Silent).unwrap().record(Event::CutoverBegun).unwrap();
    sqlite(&round.source(), "UPDATE ballast SET v = v || '!'");
    let frozen = Cutover::open(&request, &Silent).unwrap().freeze().unwrap();
    assert!(matches!(frozen, Frozen::Open(row_mover::cutover::NotFrozen::TooLong { .. })), "{frozen:?}");
    round.check_charge("undone");
    let mut target = session(url);
    assert_eq!(ask(&mut target, "SELECT count(*) FROM ballast WHERE v LIKE '%!'"), ["0"]);
    assert_eq!(ask(&mut target, "SELECT count(*) FROM migration.cutover_events"), ["1"]);
    sqlite(&round.source(), "UPDATE accounts SET balance = 0");
}

#[test]
fn a_stopped_app_needs_no_fence_and_the_source_is_not_written_to() {
    let template = Template::new(SEARCH);
    let round = template.copy();
    let url = round.database.url();
    let request = request(round.dir.path(), url);
    sqlite(&round.source(), "UPDATE ballast SET v = v || '!' WHERE id <= 10; PRAGMA journal_mode = DELETE");
    let before = fs::read(round.source()).unwrap();
    let mut cutover = Cutover::open(&request, &Silent).unwrap();
    cutover.record(Event::CutoverBegun).unwrap();
    let closed =
        cutover.close_stopped(Duration::from_millis(200)).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((closed.fence, closed.pause, closed.applied.rows()), (None, None, 10));
    assert_eq!(cutover.next_step().unwrap(), CutoverStep::Switch);
    drop(cutover);
    assert_eq!(fs::read(round.source()).unwrap(), before);
    assert_eq!(ask(&mut session(url), "SELECT count(*) FROM ballast WHERE v LIKE '%!'"), ["10"]);
}

#[test]
fn an_app_that_writes_is_noticed_without_a_fence() {
    let template = Template::new("");
    let round = template.copy();
    let request = request(round.dir.path(), round.database.url());
    let app = start_app(&round);
    let mut cutover = Cutover::open(&request, &Silent).unwrap();
    cutover.record(Event::CutoverBegun).unwrap();
    let refused = cutover.close_stopped(Duration::from_secs(1)).unwrap_err();
    assert!(refused.to_string().ends_with("is written to"), "{}", chain(&refused));
    assert_eq!(cutover.next_step().unwrap(), CutoverStep::Freeze);
    drop(app);
}

#[test]
fn a_rehearsal_changes_nothing() {
    let template = Template::new(SEARCH);
    let round = template.copy();
    let url = round.database.url();
    sqlite(&round.source(), "UPDATE ballast SET v = v || '!' WHERE id <= 10; PRAGMA journal_mode = DELETE");
    let before = fs::read(round.source()).unwrap();
    let backups = || fs::read_dir(round.dir.path().join("backups")).unwrap().count();
    let copies = backups();
    let request = request(round.dir.path(), url);
    let rehearsal = Cutover::open(&request, &Silent)
        .unwrap()
        .rehearse(RehearsalScope::Pause)
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(rehearsal.applied.rows(), 10);
    assert!(rehearsal.pause() > Duration::ZERO);
    assert_eq!((fs::read(round.source()).unwrap(), backups()), (before, copies));
    let mut target = session(url);
    assert_eq!(ask(&mut target, "SELECT count(*) FROM ballast WHERE v LIKE '%!'"), ["0"]);
    assert_eq!(ask(&mut target, "SELECT count(*) FROM migration.cutover_events"), ["0"]);
}
