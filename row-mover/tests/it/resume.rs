//! Migrations that are killed, gone on with, repeated, contradicted and disturbed.
//!
//! What is killed is a process of its own: this test binary once more, running [`child`] alone.

use postgres_client::watch::Watch;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fixtures::prng::Prng;
use migrate_core::phase::Phase;
use migrate_core::plan::Plan;
use migrate_core::render;
use postgres_client::DbSettings;
use row_mover::ledger::ChunkDone;
use row_mover::run::{self, Observer, Outcome, Request, Silent};
use row_mover::target::migration::Migration;
use row_mover::validate::TableComparison;

use crate::support::{Case, chain, moved, request, sqlite};

const SOURCE: &str = "
    CREATE TABLE keyed (id INTEGER PRIMARY KEY, v TEXT NOT NULL); CREATE INDEX by_v ON keyed (v);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO keyed SELECT i, 'row ' || i FROM n;
    CREATE TABLE loose (v TEXT, n REAL); INSERT INTO loose SELECT v, id / 3.0 FROM keyed WHERE id <= 30000;
    CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, keyed INTEGER REFERENCES keyed);
    INSERT INTO child (keyed) SELECT id FROM keyed WHERE id % 100 = 0;";

/// Where a child finds what it moves, and at which of its steps it kills itself; at none where that is empty.
const CHILD_VARIABLES: [&str; 3] = ["RESUME_TEST_DIR", "RESUME_TEST_URL", "RESUME_TEST_STOP"];

/// Writes down each step, and kills its own process at one of them.
struct Steps {
    log: Mutex<fs::File>,
    count: AtomicUsize,
    stop: String,
}

impl Steps {
    fn step(&self, name: &str) {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        writeln!(self.log.lock().unwrap(), "{name}").unwrap();
        if self.stop == name || self.stop == format!("#{number}") {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
        }
    }
}

impl Observer for Steps {
    fn phase_started(&self, phase: Phase) {
        self.step(&format!("{phase} begins"));
    }
    fn phase_finished(&self, phase: Phase, _took: Duration) {
        self.step(&format!("{phase} ends"));
    }
    fn sealed(&self, _share: f64) {
        self.step("sealed");
    }
    fn rows_scanned(&self, _rows: u64) {
        self.step("scanned");
    }
    fn bytes_sent(&self, _table: &str, _bytes: u64) {
        self.step("sent");
    }
    fn rows_moved(&self, table: &str, _done: &ChunkDone) {
        self.step(&format!("moved rows of {table}"));
    }
    fn rows_compared(&self, _table: &str, _rows: u64) {
        self.step("compared");
    }
}

impl Watch for Steps {}

#[test]
#[ignore = "the process that the other tests of this module start and kill"]
fn child() {
    let [dir, url, stop] = CHILD_VARIABLES.map(|name| std::env::var(name).ok());
    let (Some(dir), Some(url)) = (dir, url) else { return };
    let dir = PathBuf::from(dir);
    let plan = Plan::from_json(&fs::read_to_string(dir.join("plan.json")).unwrap()).unwrap();
    let migrations = Migration::in_folder(&dir.join("migrations")).unwrap();
    let request = request(&dir, &url, &plan, &migrations);
    let log = fs::File::create(dir.join("steps")).unwrap();
    let steps = Steps { log: Mutex::new(log), count: AtomicUsize::new(0), stop: stop.unwrap_or_default() };
    moved(run::migrate(&request, &steps));
}

pub fn spawn(case: &Case, stop: &str) -> Child {
    fs::write(case.dir.path().join("plan.json"), render::plan_json(&case.plan)).unwrap();
    let values = [case.dir.path().to_str().unwrap(), case.database.url(), stop];
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "resume::child", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(CHILD_VARIABLES.into_iter().zip(values))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the server has noticed that a process is gone: until then its lock keeps others away, as it should.
#[track_caller]
pub fn wait_for_its_sessions(case: &Case) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hyperpage-migration'";
    while case.ask(sessions) != ["0"] {
        assert!(Instant::now() < deadline, "sessions of a killed migration go on");
        std::thread::yield_now();
    }
}

#[track_caller]
fn finish_and_check(case: &Case, what: &str) {
    wait_for_its_sessions(case);
    let outcome =
        run::migrate(&case.request(), &Silent).unwrap_or_else(|error| panic!("{what}: {}", chain(&error)));
    match outcome {
        Outcome::Moved(moved) => assert!(moved.validation.is_proven(), "{what}: {:?}", moved.validation),
        // Killed after the last word in the ledger.
        Outcome::AlreadyDone(_) => {}
        other => panic!("{what}: {other:?}"),
    }
    let rows = "SELECT (SELECT count(*) FROM keyed), (SELECT count(*) FROM loose), (SELECT count(DISTINCT v) FROM loose), \
                (SELECT count(*) FROM child), (SELECT sum(rows) FROM migration.chunks), (SELECT count(*) FROM migration.runs)";
    assert_eq!(case.ask(rows), ["60000|30000|30000|600|90600|1"], "{what}");
    assert!(case.validated(false).1.is_proven(), "{what}");
}

#[test]
fn a_run_that_is_killed_at_any_step_resumes() {
    let whole = Case::new(SOURCE);
    assert!(spawn(&whole, "").wait().unwrap().success());
    let steps: Vec<String> =
        fs::read_to_string(whole.dir.path().join("steps")).unwrap().lines().map(str::to_owned).collect();
    let mut stops: BTreeSet<String> =
        steps.iter().filter(|step| step.ends_with("begins") || step.ends_with("ends")).cloned().collect();
    assert_eq!(stops.len(), 2 * Phase::ALL.len());
    let first_sent = steps.iter().position(|step| step == "sent").unwrap();
    let last_sent = steps.iter().rposition(|step| step == "sent").unwrap();
    assert!(last_sent - first_sent > 8, "{steps:?}");
    let seed = test_database::seed();
    let mut numbers = Prng::new(seed);
    for _ in 0..5 {
        // The steps within the rows are about as many each time.
        let range = (last_sent - first_sent) as u64;
        stops.insert(format!("#{}", first_sent as u64 + numbers.below(range)));
    }
    for stop in stops {
        let what = format!("killed at {stop}, TEST_SEED={seed}");
        let case = Case::new(SOURCE);
        let status = spawn(&case, &stop).wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{what}");
        finish_and_check(&case, &what);
    }
}

#[test]
fn skipped_rows_are_saved_once_whenever_the_run_was_killed() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
        WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 60000)
        INSERT INTO t SELECT i, CASE WHEN i % 600 = 0 THEN 'bad' ELSE i END FROM c;";
    // The same of rows with a generated column that SQLite cannot compute.
    let computed = source.replace("'bad'", "-9223372036854775808");
    let computed = format!("{computed} ALTER TABLE t ADD COLUMN a INTEGER AS (abs(n));");
    let mapping = "on_reject = \"skip\"\n[tables.t.columns]\nn = { as = \"bigint\" }";
    let seed = test_database::seed();
    let mut numbers = Prng::new(seed);
    let mut stops: Vec<String> = ["rows ends", "validate begins", "validate ends"].map(str::to_owned).into();
    stops.extend((0..3).map(|_| format!("#{}", 20 + numbers.below(20))));
    for (number, stop) in stops.into_iter().enumerate() {
        let what = format!("killed at {stop}, TEST_SEED={seed}");
        let case = Case::mapped(if number % 2 == 0 { source } else { &computed }, mapping);
        // Where there are fewer steps than that, it just ends.
        let _ = spawn(&case, &stop).wait().unwrap();
        wait_for_its_sessions(&case);
        let outcome = run::migrate(&case.request(), &Silent)
            .unwrap_or_else(|error| panic!("{what}: {}", chain(&error)));
        assert!(matches!(outcome, Outcome::Moved(_) | Outcome::AlreadyDone(_)), "{what}: {outcome:?}");
        assert_eq!(
            case.ask("SELECT (SELECT count(*) FROM t), sum(rejected) FROM migration.chunks"),
            ["59900|100"],
            "{what}"
        );
        let folders = fs::read_dir(case.dir.path().join("rejects")).unwrap();
        let files: Vec<PathBuf> = folders
            .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().path()))
            .collect();
        assert_eq!(files.len(), 1, "{what}");
        assert_eq!(fs::read_to_string(&files[0]).unwrap().lines().count(), 100, "{what}");
        assert!(case.validated(false).1.is_proven(), "{what}");
    }
}

#[test]
fn a_finished_migration_moves_nothing_again() {
    let case = Case::new("CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a'), ('b')");
    case.moved();
    let state = || case.ask("SELECT ctid, xmin, v, (SELECT max(done_at) FROM migration.chunks) FROM t");
    let (before, backups) = (state(), case.backups());
    for _ in 0..2 {
        let Outcome::AlreadyDone(done) = run::migrate(&case.request(), &Silent).unwrap() else {
            panic!("moved again")
        };
        assert!(!done.source_changed_since && done.run == 1 && done.validated_at.ends_with('Z'));
    }
    let Outcome::DryRun { next, .. } = run::dry_run(&case.request(), &Silent).unwrap() else {
        panic!("no dry run")
    };
    assert_eq!(next, "nothing: an earlier run has done it");
    assert_eq!((state(), case.backups()), (before, backups));
    sqlite(&case.source, "INSERT INTO t VALUES ('c')");
    let again = run::migrate(&case.request(), &Silent).unwrap();
    assert!(matches!(again, Outcome::AlreadyDone(done) if done.source_changed_since));
}

#[test]
fn a_run_with_another_subject_is_refused_with_the_differences() {
    let case = Case::new(
        "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1)",
    );
    case.moved();
    let elsewhere = case.dir.path().join("other.db");
    fs::copy(&case.source, &elsewhere).unwrap();
    let mut other_plan = case.plan.clone();
    other_plan.tables[0].columns[0].why.push('!');
    let source = fs::canonicalize(&case.source).unwrap();
    for (request, words) in [
        (
            Request { source: elsewhere.clone(), ..case.request() },
            format!("the source was {}, now it is {}", source.display(), elsewhere.display()),
        ),
        (Request { plan: &other_plan, ..case.request() }, "the plan has changed since".to_owned()),
        (
            Request { tables: vec!["b".to_owned()], ..case.request() },
            "the tables were a, b, now they are b".to_owned(),
        ),
    ] {
        for result in [run::migrate(&request, &Silent), run::dry_run(&request, &Silent)] {
            let refused = chain(&result.unwrap_err());
            assert!(refused.contains(&format!("because: {words}")), "{refused}");
            assert!(
                refused.contains("holds a migration of something else")
                    && refused.contains("next: OtherDatabaseOrRestart"),
                "{refused}"
            );
        }
    }
    assert_eq!(case.ask("SELECT count(*) FROM a"), ["1"]);
    assert!(matches!(run::migrate(&case.request(), &Silent).unwrap(), Outcome::AlreadyDone(_)));
}

#[test]
fn restart_copies_the_current_source() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 1)");
    let restart = || Request { restart: true, ..case.request() };
    // Where there is nothing to drop, it begins.
    moved(run::migrate(&restart(), &Silent));
    sqlite(&case.source, "INSERT INTO t VALUES (2, 2)");
    moved(run::migrate(&restart(), &Silent));
    assert_eq!(case.ask("SELECT count(*) FROM t"), ["2"]);
    assert_eq!(case.backups().len(), 2);
}

#[test]
fn restart_drops_nothing_before_the_new_run_is_sure_to_begin() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 1)");
    let restart = || Request { restart: true, ..case.request() };
    case.moved();
    let assert_kept = |what: &str| {
        assert_eq!(case.ask("SELECT id, v FROM t"), ["1|1"], "{what}");
        assert!(case.validated(false).1.tables.iter().all(TableComparison::is_equal), "{what}");
    };
    sqlite(&case.source, "INSERT INTO t VALUES (2, 'text')");
    assert!(matches!(run::migrate(&restart(), &Silent).unwrap(), Outcome::Rejected { .. }));
    assert_kept("a value that cannot move");
    sqlite(&case.source, "DELETE FROM t WHERE id = 2");

    case.execute("CREATE TABLE somebody_elses (x int)");
    let refused = chain(&run::migrate(&restart(), &Silent).unwrap_err());
    assert!(refused.contains("table somebody_elses"), "{refused}");
    assert_kept("a foreign table");
    case.execute("DROP TABLE somebody_elses; CREATE VIEW public.seen AS SELECT * FROM t");
    let refused = chain(&run::migrate(&restart(), &Silent).unwrap_err());
    assert!(refused.contains("something that is not ours depends on it"), "{refused}");
    assert_kept("a foreign view");
    case.execute("DROP VIEW public.seen");

    // The ledger cannot be dropped while somebody reads it: then the tables stay as well.
    let mut reader = case.session();
    reader.query("BEGIN", &[]).unwrap();
    reader.query("SELECT count(*) FROM migration.runs", &[]).unwrap();
    let settings = DbSettings {
        statement_timeout: Duration::from_millis(300),
        retry_timeout: Duration::from_secs(1),
        ..case.request().settings
    };
    run::migrate(&Request { settings, ..restart() }, &Silent).unwrap_err();
    drop(reader);
    assert_kept("a ledger that is being read");
    moved(run::migrate(&restart(), &Silent));
}

/// Tries to migrate the same once more from within.
struct Rival<'a> {
    case: &'a Case,
    refused: Mutex<Vec<String>>,
}

impl Observer for Rival<'_> {
    fn phase_started(&self, phase: Phase) {
        if matches!(phase, Phase::Preflight | Phase::Rows | Phase::Validate) {
            self.refused.lock().unwrap().push(chain(&self.case.refused()));
        }
    }
}

impl Watch for Rival<'_> {}

#[test]
fn a_second_migrator_is_refused() {
    let case = Case::new("CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a'), ('b')");
    let rival = Rival { case: &case, refused: Mutex::default() };
    moved(run::migrate(&case.request(), &rival));
    let refused = rival.refused.into_inner().unwrap();
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|words| words.starts_with("another migration is at work on ")), "{refused:?}");
    // The lock ends with the run.
    assert!(matches!(run::migrate(&case.request(), &Silent).unwrap(), Outcome::AlreadyDone(_)));
}

/// Lets another run take the ledger's place in the middle of the rows, as a restart by somebody else does: its run has the same number.
struct Usurper<'a>(&'a Case);

impl Observer for Usurper<'_> {
    fn rows_moved(&self, _table: &str, _done: &ChunkDone) {
        self.0.execute(
            "UPDATE migration.runs SET seal = jsonb_set(seal::jsonb, '{path}', '\"/another/copy.db\"')::text",
        );
    }
}

impl Watch for Usurper<'_> {}

#[test]
fn a_run_does_not_go_on_in_the_ledger_of_another() {
    let case = Case::new(SOURCE);
    let refused = chain(&run::migrate(&case.request(), &Usurper(&case)).unwrap_err());
    assert!(refused.contains("the ledger is no longer that of this run"), "{refused}");
    assert_eq!(case.ask("SELECT count(*) FROM migration.phases WHERE phase = 'rows'"), ["0"]);
}

/// Panics in the middle of a task.
struct Panics(&'static str);

impl Observer for Panics {
    fn rows_moved(&self, _table: &str, _done: &ChunkDone) {
        assert_ne!(self.0, "rows", "as it is meant to be");
    }
    fn build_started(&self, _table: &str, _what: &str) {
        assert_ne!(self.0, "builds", "as it is meant to be");
    }
}

impl Watch for Panics {}

#[test]
fn a_lane_that_panics_does_not_block_the_others() {
    for place in ["rows", "builds"] {
        let case = Case::new(SOURCE);
        let error = run::migrate(&case.request(), &Panics(place)).unwrap_err();
        assert_eq!(error.to_string(), "a thread that moves rows stopped unexpectedly", "{place}");
        wait_for_its_sessions(&case);
        finish_and_check(&case, place);
    }
}

/// A run that was killed before its rows moved.
fn interrupted() -> (Case, PathBuf) {
    let case = Case::new(SOURCE);
    spawn(&case, "rows begins").wait().unwrap();
    wait_for_its_sessions(&case);
    let folder = case.backups().pop().unwrap();
    (case, folder.join("source.db"))
}

#[track_caller]
fn write(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_run_with_a_changed_sealed_copy_does_not_resume() {
    let (case, sealed) = interrupted();
    assert_eq!(fs::metadata(&sealed).unwrap().permissions().mode() & 0o777, 0o400);
    assert_eq!(fs::metadata(sealed.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let sums = Command::new("sha256sum")
        .args(["--check", "SHA256SUMS"])
        .current_dir(sealed.parent().unwrap())
        .output();
    assert!(sums.unwrap().status.success());
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    for (what, change) in [
        ("flipped", &flip as &dyn Fn(&mut Vec<u8>)),
        ("cut", &|bytes| bytes.truncate(4096)),
        ("longer", &|bytes| bytes.push(0)),
    ] {
        let whole = fs::read(&sealed).unwrap();
        write(&sealed, change);
        let refused = chain(&case.refused());
        assert!(refused.contains("is not what was sealed: its SHA-256 differs"), "{what}: {refused}");
        write(&sealed, |bytes| *bytes = whole);
    }
    let aside = sealed.with_extension("aside");
    fs::rename(&sealed, &aside).unwrap();
    let refused = chain(&case.refused());
    assert!(refused.contains(" is gone") && refused.contains("next: PutBackOrRestart"), "{refused}");
    fs::rename(&aside, &sealed).unwrap();
    finish_and_check(&case, "mended");
}

#[test]
fn a_run_resumes_from_the_sealed_copy_and_not_from_the_source() {
    let (case, _) = interrupted();
    sqlite(&case.source, "DELETE FROM child; DELETE FROM loose; UPDATE keyed SET v = 'changed'");
    finish_and_check(&case, "the source was written to since");
}
