//! Catch-ups under faults: a COMMIT without a reply, connections that are cut anywhere, and SIGKILL at any moment. `FAULTS_ROUNDS` makes
//! more of them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postgres_client::TargetUrl;
use row_mover::catch_up::{CatchUpOutcome, CatchUpRequest, catch_up};
use row_mover::ledger;
use row_mover::observer::Silent;
use test_database::chance::{Chance, rounds};
use test_database::proxy::{Action, Proxy};

use super::{assert_proven, request};
use crate::support::{Case, chain, sqlite};

const SOURCE: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE children (id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE, n INTEGER);
    CREATE TABLE heap (v TEXT, n INTEGER);
    WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 2000) INSERT INTO parents SELECT i, 'p' || i FROM i;
    INSERT INTO children (parent, n) SELECT id, id FROM parents; INSERT INTO heap SELECT name, id % 7 FROM parents;";

/// Changes a third of all rows; each number gives other ones.
fn changes(number: usize) -> String {
    format!(
        "UPDATE children SET n = n + {number} + 1 WHERE id % 3 = {number} % 3; DELETE FROM children WHERE parent % 50 = {number}; \
         DELETE FROM parents WHERE id % 50 = {number}; INSERT INTO parents VALUES (10000 + {number}, 'new {number}'); \
         INSERT INTO children (parent, n) VALUES (10000 + {number}, {number}); \
         DELETE FROM heap WHERE rowid % 60 = {number}; INSERT INTO heap VALUES ('new', {number})"
    )
}

fn through(case: &Case, proxy: &Proxy) -> CatchUpRequest {
    CatchUpRequest { target: TargetUrl::parse(&proxy.url).unwrap(), ..request(case) }
}

#[test]
fn a_commit_without_a_reply_is_checked_in_the_ledger() {
    let case = Case::new(SOURCE);
    case.moved();
    sqlite(&case.source, &changes(1));
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let proxy = Proxy::start(case.database.url(), move |piece| {
        let is_commit = piece.is_from_client && piece.contains(b"COMMIT\0");
        // The first two: of the ledger's upgrade, and of the changes or another attempt of the upgrade.
        if is_commit && counted.fetch_add(1, Ordering::SeqCst) < 2 {
            Action::WithholdReply
        } else {
            Action::Forward
        }
    });
    match catch_up(&through(&case, &proxy), &Silent) {
        Ok(CatchUpOutcome::Applied(caught_up)) => assert!(caught_up.applied.rows() > 600),
        Ok(CatchUpOutcome::Unchanged) => panic!("nothing has changed"),
        Err(error) => panic!("{}", chain(&error)),
    }
    assert!(commits.load(Ordering::SeqCst) >= 2);
    assert_eq!(ledger::catch_ups(&mut case.session(), 1).unwrap().len(), 1);
    assert_proven(&case, "after two commits without a reply");
}

#[test]
fn a_connection_that_is_cut_anywhere_costs_nothing_but_time() {
    let mut chance = Chance::new();
    let case = Case::new(SOURCE);
    case.moved();
    for round in 0..rounds(4) {
        sqlite(&case.source, &changes(round + 2));
        let what = format!("round {round}, {}", chance.seed());
        let limit = chance.below(250_000);
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        let proxy = Proxy::start(case.database.url(), move |piece| {
            let is_due = piece.total > limit
                && counted.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok();
            if is_due { Action::Cut } else { Action::Forward }
        });
        match catch_up(&through(&case, &proxy), &Silent) {
            Ok(CatchUpOutcome::Applied(caught_up)) => assert!(caught_up.applied.rows() > 0, "{what}"),
            Ok(CatchUpOutcome::Unchanged) => panic!("{what}: nothing has changed"),
            Err(error) => panic!("{what}: {}", chain(&error)),
        }
        assert_proven(&case, &what);
    }
    let done = ledger::catch_ups(&mut case.session(), 1).unwrap().len();
    assert_eq!(done, rounds(4), "each is recorded once");
}

/// Environment variables with the folder and the target of a child.
const CHILD_VARIABLES: [&str; 2] = ["CATCH_UP_CHILD_DIR", "CATCH_UP_CHILD_URL"];

#[test]
#[ignore = "the process that another test starts and kills"]
fn child() {
    let [Ok(dir), Ok(url)] = CHILD_VARIABLES.map(std::env::var) else { return };
    let dir = PathBuf::from(dir);
    let request = CatchUpRequest {
        target: TargetUrl::parse(&url).unwrap(),
        settings: postgres_client::DbSettings::default(),
        backup_dir: dir.join("backups"),
        rejects_dir: dir.join("rejects"),
        dry_run: false,
        replace_equal_copy: false,
    };
    if let Err(error) = catch_up(&request, &Silent) {
        panic!("{}", chain(&error));
    }
}

fn spawn(case: &Case) -> std::process::Child {
    let values = [case.dir.path().to_str().unwrap(), case.database.url()];
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "catch_up::faults::child", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(CHILD_VARIABLES.into_iter().zip(values))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

#[test]
fn a_catch_up_that_is_killed_has_applied_everything_or_nothing() {
    let mut chance = Chance::new();
    let case = Case::new(SOURCE);
    case.moved();
    sqlite(&case.source, &changes(40));
    let started = std::time::Instant::now();
    assert!(spawn(&case).wait().unwrap().success());
    let duration = started.elapsed();
    let mut killed = 0;
    for round in 0..rounds(6) {
        let what = format!("round {round}, {}", chance.seed());
        sqlite(&case.source, &changes(round % 40));
        let mut process = spawn(&case);
        // A plain sleep: the test is about arbitrary times, which no condition can replace.
        std::thread::sleep(chance.time_below(duration));
        process.kill().unwrap();
        killed += usize::from(!process.wait().unwrap().success());
        // The target equals the copy that the ledger names, whichever it is.
        assert_proven(&case, &what);
        assert!(spawn(&case).wait().unwrap().success(), "{what}");
        assert_proven(&case, &what);
        let seal = ledger::last_run(&mut case.session()).unwrap().unwrap().seal;
        assert!(seal.path.exists(), "{what}");
    }
    assert!(killed > 0, "{}", chance.seed());
}
