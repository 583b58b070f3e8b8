//! SIGINT, SIGTERM and SIGHUP: a command stops cleanly and prints how to resume, and the same command resumes.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use fixtures::hyperpage::{SampleOptions, create_sample};
use rustix::process::{Pid, Signal, kill_process};
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::value;

/// Large enough to run for a while.
const ROWS: u64 = 20_000;

struct Run {
    place: Place,
    database: TestDatabase,
}

impl Run {
    fn new() -> Run {
        let place = Place::new();
        create_sample(&place.path().join("hyperpage.db"), &SampleOptions { rows: ROWS, seed: 7 }).unwrap();
        Run { place, database: TestDatabase::create() }
    }

    fn migrate(&self) -> Command {
        self.place.command(["migrate", "--sqlite", "hyperpage.db", "--postgres", self.database.url()])
    }

    #[track_caller]
    fn wait_for(&self, what: &str, query: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while value(&self.database, query) != "true" {
            assert!(Instant::now() < deadline, "{what} never came");
        }
    }

    /// Completes the migration, which must prove that every row exists once.
    #[track_caller]
    fn goes_on(&self) -> Output {
        let done = crate::place::output(&mut self.migrate()).expect(0);
        assert!(done.stdout.contains("Proven: "), "{}", done.screen());
        done
    }
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal and waits for the end, which must come in order and not because the grace period is over.
#[track_caller]
fn stop(child: Child, signal: Signal) -> Output {
    kill_process(Pid::from_child(&child), signal).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let output =
        Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!output.stderr.contains("rolls back the rest"), "{}", output.screen());
    output
}

const LOCK_CHUNKS: &str = "BEGIN; LOCK TABLE migration.chunks IN SHARE MODE";

const ONE_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                         AND application_name = 'hyperpage-migration' AND wait_event_type = 'Lock')";

const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND application_name = 'hyperpage-migration'";

#[test]
fn a_migration_that_is_stopped_while_rows_move_resumes() {
    let run = Run::new();
    let mut is_begun = false;
    for (signal, name, code) in
        [(Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143), (Signal::HUP, "SIGHUP", 129)]
    {
        // No chunk can finish while this lock is held, so one is active when the signal arrives.
        let mut holder = crate::server::connect(&run.database);
        if is_begun {
            holder.batch_execute(LOCK_CHUNKS).unwrap();
        }
        let child = start(&mut run.migrate());
        if !is_begun {
            run.wait_for("a ledger", "SELECT to_regclass('migration.chunks') IS NOT NULL");
            run.wait_for("a plan of chunks", "SELECT EXISTS (SELECT 1 FROM migration.chunks)");
            holder.batch_execute(LOCK_CHUNKS).unwrap();
            is_begun = true;
        }
        run.wait_for("a chunk that waits", ONE_WAITS);
        let stopped = stop(child, signal).expect(code);
        assert_eq!(stopped.stdout, "", "{}", stopped.screen());
        let said = format!("Stopped by {name}. ");
        assert!(
            stopped.stderr.contains(&said) && stopped.stderr.contains(" are moved. "),
            "{}",
            stopped.screen()
        );
        assert!(
            stopped.stderr.ends_with("Run the same command again: it resumes from rows.\n"),
            "{}",
            stopped.screen()
        );
        assert!(!stopped.stderr.contains("error"), "{}", stopped.screen());
        assert_eq!(value(&run.database, SESSIONS), "0", "nothing of it is left on the server");
    }
    let status = run.place.run(["status", "--postgres", run.database.url()]).expect(1);
    assert!(status.stdout.contains("it resumes at rows"), "{}", status.screen());
    let done = run.goes_on();
    assert!(done.stderr.contains("was interrupted; resuming at rows"), "{}", done.screen());
}

#[test]
fn an_index_build_is_cancelled_on_the_server() {
    let run = Run::new();
    let child = start(&mut run.migrate());
    // Keys and indexes wait for readers of the table.
    run.wait_for("a table", "SELECT to_regclass('public.user_sessions') IS NOT NULL");
    let mut holder = crate::server::connect(&run.database);
    holder.batch_execute("BEGIN; LOCK TABLE public.jobs IN ACCESS SHARE MODE").unwrap();
    run.wait_for("a statement that waits", ONE_WAITS);
    let stopped = stop(child, Signal::TERM).expect(143);
    assert!(
        stopped.stderr.contains("Stopped by SIGTERM. ") && stopped.stderr.contains(" are moved. "),
        "{}",
        stopped.screen()
    );
    assert_eq!(value(&run.database, SESSIONS), "0", "nothing of it is left on the server");
    drop(holder);
    run.goes_on();
}

#[test]
fn a_validation_that_is_stopped_changes_nothing() {
    let run = Run::new();
    run.goes_on();
    let mut holder = crate::server::connect(&run.database);
    holder.batch_execute("BEGIN; LOCK TABLE public.jobs").unwrap();
    let child = start(&mut run.place.command(["validate", "--postgres", run.database.url()]));
    run.wait_for("a comparison that waits", ONE_WAITS);
    let stopped = stop(child, Signal::INT).expect(130);
    assert_eq!(stopped.stdout, "");
    assert!(
        stopped.stderr.ends_with("Stopped by SIGINT. Nothing was changed. Run the same command again.\n"),
        "{}",
        stopped.screen()
    );
    drop(holder);
    run.place.run(["status", "--postgres", run.database.url()]).expect(0);
}

/// A view may never end, in SQLite and in PostgreSQL.
#[test]
fn an_endless_view_is_stopped_on_both_sides() {
    let place = Place::new();
    let source = rusqlite::Connection::open(place.path().join("any.db")).unwrap();
    source
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
             CREATE VIEW endless AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 - 1 FROM n) SELECT max(i) AS m FROM n;",
        )
        .unwrap();
    drop(source);
    let database = TestDatabase::create();
    let run = Run { place, database };
    let mut command = run.place.command(["migrate", "--sqlite", "any.db", "--postgres", run.database.url()]);
    let child = start(&mut command);
    run.wait_for(
        "a view that is read",
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
         AND application_name = 'hyperpage-migration' AND query LIKE '%endless%')",
    );
    let stopped = stop(child, Signal::INT).expect(130);
    assert!(
        stopped.stderr.contains("Stopped by SIGINT. ") && stopped.stderr.contains(" are moved. "),
        "{}",
        stopped.screen()
    );
    assert!(!stopped.stderr.contains("error"), "{}", stopped.screen());
    run.wait_for("the end of its sessions", &format!("SELECT ({SESSIONS}) = 0"));
    command.env("DB_VIEWS_TIMEOUT", "500");
    let done = crate::place::output(&mut command).expect(0);
    assert!(done.stdout.contains("Proven: "), "{}", done.screen());
}
