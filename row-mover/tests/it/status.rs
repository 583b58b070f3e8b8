//! `status`: what it says of no run, of one at each stage, of a ledger that an older version began, and that it changes nothing.

use migrate_core::phase::Phase;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::run::{self, Silent};
use row_mover::status::{NextStep, Standing, Status, status};

use crate::support::{Case, chain, session};

const SOURCE: &str = "
    CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT NOT NULL); CREATE INDEX by_v ON a (v);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO a SELECT i, 'row ' || i FROM n;
    CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO b SELECT id, v FROM a WHERE id <= 100;
    CREATE TABLE empty (id INTEGER PRIMARY KEY);";

#[track_caller]
fn look(case: &Case) -> Status {
    let url = TargetUrl::parse(case.database.url()).unwrap();
    status(&url, &DbSettings::default()).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// What a migration leaves that was ended after the chunks of `a`, in a ledger of this version.
fn half_done(case: &Case) {
    case.moved();
    case.execute(
        "DELETE FROM migration.phases WHERE phase IN ('rows', 'constraints', 'validate'); \
         UPDATE migration.chunks SET planned_rows = rows, planned_bytes = bytes; \
         UPDATE migration.chunks SET rows = NULL, bytes = NULL, seconds = NULL, done_at = NULL WHERE table_name = 'b'; \
         DELETE FROM migration.builds; INSERT INTO migration.builds (run_id, build, table_name, what, seconds, done_at) \
         SELECT id, 0, 'a', 'index by_v', 0.5, now() FROM migration.runs; \
         INSERT INTO migration.builds (run_id, build, table_name, what) SELECT id, 1, 'b', 'key' FROM migration.runs",
    );
}

#[test]
fn a_target_without_a_run_has_none_and_gets_none() {
    let case = Case::new(SOURCE);
    let found = look(&case);
    assert_eq!((found.standing, found.run.is_none(), found.is_at_work), (Standing::None, true, false));
    assert_eq!(case.target_objects(), [""; 0], "looking makes nothing");
}

#[test]
fn a_finished_run_is_validated_with_all_its_rows() {
    let case = Case::new(SOURCE);
    case.moved();
    let before = case.target_objects();
    let found = look(&case);
    assert_eq!((found.standing, found.is_at_work, &found.estimate), (Standing::Validated, false, &None));
    let run = found.run.unwrap();
    assert_eq!(run.phases.iter().map(|done| done.phase).collect::<Vec<_>>(), Phase::ALL);
    assert_eq!((run.id, run.next_phase), (1, None));
    assert!(run.validated_at.is_some());
    assert_eq!(found.next, NextStep::Nothing { validated_at: run.validated_at.clone() });
    assert_eq!(run.source_path, case.source.canonicalize().unwrap().to_str().unwrap());
    assert!(run.sealed_at.is_some() && run.sealed_path.is_some());
    let tables: Vec<_> =
        run.tables.iter().map(|table| (table.table.as_str(), table.rows, table.share())).collect();
    assert_eq!(tables, [("a", 300, Some(1.0)), ("b", 100, Some(1.0)), ("empty", 0, Some(1.0))]);
    assert_eq!(case.target_objects(), before);
}

#[test]
fn the_status_of_an_unfinished_run_has_its_progress_and_its_sessions() {
    let case = Case::new(SOURCE);
    half_done(&case);
    let found = look(&case);
    assert_eq!((found.standing, found.is_at_work, found.estimate), (Standing::Unfinished, false, None));
    assert_eq!(found.next, NextStep::Resume(Phase::Rows));
    let run = found.run.unwrap();
    assert_eq!((run.next_phase, run.builds(), run.builds[1].seconds), (Some(Phase::Rows), (1, 2), None));
    let (done, all) = run.chunks();
    assert!(done > 0 && done < all, "{done} of {all}");
    let [a, b, _] = run.tables.as_slice() else { panic!("{:?}", run.tables) };
    assert_eq!((a.rows, a.rows_all, b.rows, b.rows_all), (300, Some(300), 0, Some(100)));
    assert_eq!((a.share(), b.share()), (Some(1.0), Some(0.0)));
    assert!(run.bytes().1.unwrap() > run.bytes().0);

    // Somebody of ours with the lock, who waits for somebody else.
    let mut migrator = session(case.database.url());
    migrator.query("SET application_name = 'hyperpage-migration'", &[]).unwrap();
    migrator.query("SELECT pg_advisory_lock(7237971062)", &[]).unwrap();
    let found = look(&case);
    assert!(found.is_at_work && found.next == NextStep::Await, "{found:?}");
    assert_eq!((found.sessions.len(), found.sessions[0].state.as_str()), (1, "idle"));
    let estimate = found.estimate.unwrap();
    assert!(estimate.bytes_per_second > 0.0 && estimate.rows_seconds_left.unwrap() > 0.0, "{estimate:?}");

    let mut other = session(case.database.url());
    other.query("BEGIN", &[]).unwrap();
    other.query("LOCK TABLE public.a", &[]).unwrap();
    let pid = other.query("SELECT pg_backend_pid()", &[]).unwrap()[0][0].clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| migrator.query("SELECT count(*) FROM public.a", &[]));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let waiting = loop {
            let session = look(&case).sessions.remove(0);
            if session.waits_for.is_some() {
                break session;
            }
            assert!(std::time::Instant::now() < deadline, "{session:?}");
        };
        assert_eq!(waiting.waits_for.as_deref(), Some("Lock: relation"));
        assert_eq!(waiting.blocked_by, [pid.parse::<i64>().unwrap()]);
        other.query("COMMIT", &[]).unwrap();
    });
}

/// Looking takes no lock that a migration would wait for, and is not taken for one.
#[test]
fn status_does_not_disturb_a_migration() {
    let case = Case::new(SOURCE);
    std::thread::scope(|scope| {
        let moving = scope.spawn(|| run::migrate(&case.request(), &Silent));
        while !moving.is_finished() {
            look(&case);
        }
        crate::support::moved(moving.join().unwrap());
    });
    assert!(look(&case).sessions.is_empty(), "our own session is none of a migration");
}

#[test]
fn a_ledger_of_an_older_version_is_read_as_it_is() {
    let case = Case::new(SOURCE);
    half_done(&case);
    case.execute(
        "DROP TABLE migration.builds; ALTER TABLE migration.chunks DROP COLUMN planned_rows, DROP COLUMN planned_bytes, \
         DROP COLUMN digest, DROP COLUMN rejected, DROP COLUMN nulled; \
         UPDATE migration.runs SET plan = 'of another form', seal = 'likewise'; \
         INSERT INTO migration.phases (run_id, phase, seconds) SELECT id, 'of another version', 1 FROM migration.runs",
    );
    let before = case.target_objects();
    let run = look(&case).run.unwrap();
    assert_eq!((run.builds.len(), run.sealed_at, run.tables[0].rows), (0, None, 300));
    assert_eq!((run.tables[1].rows_all, run.tables[1].bytes_all), (None, None));
    assert_eq!((run.tables[0].rejected, run.phases.len()), (0, 3));
    assert_eq!(case.target_objects(), before, "the ledger is left as it is");
}
