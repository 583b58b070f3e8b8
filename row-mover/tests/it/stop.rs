//! Migrations that are asked to stop, at every place where they ask: nothing is half done, and the next one goes on.

use postgres_client::watch::Watch;
use std::sync::atomic::{AtomicUsize, Ordering};

use postgres_client::DbSettings;
use row_mover::run::{self, Observer, Outcome, Request, Silent};

use crate::support::{Case, chain, moved};

const SOURCE: &str = "
    CREATE TABLE keyed (id INTEGER PRIMARY KEY, v TEXT NOT NULL); CREATE INDEX by_v ON keyed (v);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
    INSERT INTO keyed SELECT i, 'a row of some length, so that there are several buffers ' || i FROM n;
    CREATE TABLE loose (v TEXT); INSERT INTO loose SELECT v FROM keyed WHERE id <= 100;";

/// Stops the work when it asks for the time of this number.
struct StopAt {
    asked: AtomicUsize,
    at: usize,
}

impl Observer for StopAt {}

impl Watch for StopAt {
    fn is_stopped(&self) -> bool {
        // What is asked beside the work, again and again, is not one of its places.
        if std::thread::current().name() == Some("asks to stop") {
            return self.asked.load(Ordering::SeqCst) > self.at;
        }
        self.asked.fetch_add(1, Ordering::SeqCst) >= self.at
    }
}

#[test]
fn a_migration_stops_at_every_check_and_resumes() {
    let case = Case::new(SOURCE);
    let watch = StopAt { asked: AtomicUsize::new(0), at: usize::MAX };
    moved(run::migrate(&case.request(), &watch));
    let all = watch.asked.load(Ordering::SeqCst);
    assert!(all > 10, "it asks only {all} times");
    let mut stopped_before_the_ledger = 0;
    for at in 0..all {
        let case = Case::new(SOURCE);
        let stop = StopAt { asked: AtomicUsize::new(0), at };
        let error = match run::migrate(&case.request(), &stop) {
            // Workers race: what asks last may ask less often than the time before.
            Ok(Outcome::Moved(_)) => continue,
            Ok(other) => panic!("place {at}: {other:?}"),
            Err(error) => error,
        };
        assert!(row_mover::error::is_stop(&error), "place {at}: {}", chain(&error));
        if case.target_objects().is_empty() {
            assert!(case.backups().is_empty(), "place {at}: a copy is left that nothing came of");
            stopped_before_the_ledger += 1;
        }
        moved(run::migrate(&case.request(), &Silent));
        let rows = "SELECT (SELECT count(*) FROM keyed), (SELECT count(*) FROM loose)";
        assert_eq!(case.ask(rows), ["12000|100"], "place {at}");
    }
    assert!(stopped_before_the_ledger > 1, "preflight and seal stop, too");
}

#[test]
fn running_statements_are_cancelled_and_count_as_a_stop() {
    let case = Case::new(SOURCE);
    let mut holder = case.session();
    // Where nobody has asked to stop, what is cancelled is tried again.
    let settings = DbSettings { retry_timeout: std::time::Duration::ZERO, ..case.request().settings };
    std::thread::scope(|scope| {
        let migration = scope.spawn(|| run::migrate(&Request { settings, ..case.request() }, &Silent));
        let wait = |sql: &str| {
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
            while case.ask(sql) != ["t"] {
                assert!(std::time::Instant::now() < deadline, "{sql}");
            }
        };
        wait("SELECT to_regclass('migration.phases') IS NOT NULL");
        // The ledger itself makes the migration wait: it can finish no phase.
        holder.query("BEGIN", &[]).unwrap();
        holder.query("LOCK TABLE migration.phases IN SHARE MODE", &[]).unwrap();
        wait(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name = 'hyperpage-migration' AND wait_event_type = 'Lock')",
        );
        let request = case.request();
        let cancelled = run::cancel(&request.target, &request.settings).unwrap();
        assert!(cancelled >= 1, "nothing was cancelled");
        let error = migration.join().unwrap().unwrap_err();
        assert!(error.is_stop(), "{}", chain(&error));
    });
    holder.query("ROLLBACK", &[]).unwrap();
    moved(run::migrate(&case.request(), &Silent));
}
