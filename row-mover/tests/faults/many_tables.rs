//! Schemas with more locks than fit into the server's lock table, on a separate cluster with a small lock table.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use migrate_core::phase::Phase;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::run::{self, Outcome, Request, Silent};
use row_mover::status::status;
use test_database::TestDatabase;
use test_database::chance::Chance;
use test_database::own_server::OwnServer;

use crate::child::Child;
use crate::engine::{Case, ask, chain, moved, session};
use crate::watch::{Step, Watch};
use crate::whole::wait_for_its_sessions;

/// This many tables need several times the locks that fit into the server's lock table.
const TABLES: usize = 130;

/// Tables with foreign keys across the plan, views of tables that are far apart, and triggers.
fn case(server: &OwnServer) -> Case {
    let tables: String = (1..=TABLES)
        .map(|table| {
            let parent = table / 2;
            let key = if parent > 0 { format!(" REFERENCES t{parent} (id)") } else { String::new() };
            format!(
                "CREATE TABLE t{table} (id INTEGER PRIMARY KEY AUTOINCREMENT, up INTEGER{key}, v TEXT NOT NULL UNIQUE DEFAULT 'x', CHECK (up <> id));
                 CREATE INDEX i{table} ON t{table} (up, v DESC); INSERT INTO t{table} VALUES (1, NULL, 'one'), (2, NULL, '2');\n"
            )
        })
        .collect();
    let objects = "CREATE VIEW far AS SELECT t3.id, t125.v FROM t3 JOIN t125 ON t125.id = t3.id; CREATE VIEW farther AS SELECT id FROM far;
        CREATE TRIGGER steady AFTER INSERT ON t130 BEGIN UPDATE t129 SET v = 'seen ' || NEW.id WHERE id = NEW.up; END;";
    let mut case = Case::new(&format!("{tables}{objects}"));
    case.database = TestDatabase::create_on(&server.url());
    case
}

fn small_server() -> OwnServer {
    OwnServer::start_durable(&[
        "max_locks_per_transaction = 10",
        "max_connections = 20",
        "autovacuum_max_workers = 1",
        "max_worker_processes = 0",
        "max_wal_senders = 0",
    ])
}

const TABLES_THERE: &str = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^t[0-9]'";

#[track_caller]
fn assert_proven(case: &Case, result: row_mover::Result<Outcome>) {
    moved(result);
    assert_eq!(case.ask(TABLES_THERE), [TABLES.to_string()]);
    assert_eq!(
        case.ask(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        ),
        [(TABLES - 1).to_string()]
    );
    assert_eq!(case.ask("SELECT count(*) FROM __diesel_schema_migrations"), ["2"]);
}

#[test]
fn a_schema_that_is_larger_than_the_table_of_locks() {
    let server = small_server();
    // Check that the locks of all tables at once do not fit.
    let all_at_once = case(&server);
    let script: String = (1..=TABLES)
        .map(|table| format!("CREATE TABLE t{table} (id bigserial PRIMARY KEY, v text);"))
        .collect();
    let error = chain(&session(all_at_once.database.url()).script(&script).unwrap_err());
    assert!(error.contains("53200") && error.contains("max_locks_per_transaction"), "{error}");
    drop(all_at_once);

    let case = self::case(&server);
    assert_proven(&case, run::migrate(&case.request(), &Silent));
    case.moved_already();
    is_removed_to_the_end_or_not_at_all(&case);
    is_compared_in_parts(&case);
    drop(case);
    stops_in_the_middle_and_goes_on(&server);
    is_killed_while_the_schema_is_created(&server);
    loses_its_session_while_the_schema_is_created(&server);
    a_full_table_of_locks_is_told_with_the_hint(&server);
    the_server_has_few_connections_left(&server);
}

/// A part that depends on another part would hide a difference or invent one.
fn is_compared_in_parts(case: &Case) {
    let damages = [
        ("ALTER TABLE t77 ALTER COLUMN v DROP DEFAULT", "t77: column v is text"),
        ("DROP INDEX i100", "t100: index i100 is gone"),
        ("ALTER TABLE t70 DROP CONSTRAINT t70_up_fkey", "t70: constraint t70_up_fkey is gone"),
        ("DROP VIEW farther", "farther: "),
        (
            "CREATE OR REPLACE VIEW far (id, v) AS SELECT t4.id, t125.v FROM t4 JOIN t125 ON t125.id = t4.id",
            "far: query",
        ),
        ("ALTER TABLE t130 DISABLE TRIGGER steady", "t130: trigger steady is"),
        ("CREATE TABLE stranger (id int)", "table stranger is not in the plan"),
        ("DROP TABLE t119", "table t119 is gone"),
    ];
    damages.iter().for_each(|(damage, _)| case.execute(damage));
    let found = crate::engine::words::schema(&case.validated(false).1);
    for (damage, words) in damages {
        assert!(found.iter().any(|found| found.contains(words)), "{damage}: {found:?}");
    }
    assert_eq!(found[0], "table t119 is gone");
    assert!(found.len() <= 12, "{found:?}");
}

fn stops_in_the_middle_and_goes_on(server: &OwnServer) {
    let case = case(server);
    // A type with the name of a table blocks only that table, and cannot be detected in advance.
    case.execute("CREATE DOMAIN t90 AS integer");
    let error = chain(&case.refused());
    assert!(error.contains("steps are done and stay") && error.contains("t90"), "{error}");
    let there = case.ask(
        "SELECT min(oid)::text || ' ' || count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^t[0-9]'",
    );
    let done = case.ask("SELECT schema_steps > 20 FROM migration.runs");
    assert_eq!(done, ["t"], "{there:?}");
    let first = case.ask("SELECT min(oid) FROM pg_class WHERE relkind = 'r' AND relname ~ '^t[0-9]'");
    case.execute("DROP DOMAIN t90");
    assert_proven(&case, run::migrate(&case.request(), &Silent));
    let again = case.ask("SELECT min(oid) FROM pg_class WHERE relkind = 'r' AND relname ~ '^t[0-9]'");
    assert_eq!(first, again, "what is done is not done again");
    // A partial schema can also be discarded.
    let other = self::case(server);
    other.execute("CREATE DOMAIN t90 AS integer");
    other.refused();
    other.execute("DROP DOMAIN t90");
    assert_proven(&other, run::migrate(&Request { restart: true, ..other.request() }, &Silent));
}

fn is_killed_while_the_schema_is_created(server: &OwnServer) {
    let mut chance = Chance::new();
    let case = case(server);
    for kill in 0..3 {
        let mut child = Child::start(&case);
        if child.wait_for(Phase::Schema) {
            std::thread::sleep(chance.time_below(Duration::from_millis(600)));
        }
        child.kill(&format!("kill {kill}, {}", chance.seed()));
    }
    wait_for_its_sessions(&case, &chance.seed());
    match run::migrate(&case.request(), &Silent) {
        Ok(Outcome::AlreadyDone(_)) => {}
        result => assert_proven(&case, result),
    }
}

fn loses_its_session_while_the_schema_is_created(server: &OwnServer) {
    let case = case(server);
    let ended = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let hook = |step: Step<'_>| {
            if step != Step::Begins(Phase::Schema) {
                return;
            }
            scope.spawn(|| {
                let mut asking = session(case.database.url());
                for _ in 0..400 {
                    if ask(&mut asking, TABLES_THERE)[0].parse::<usize>().unwrap() > 20 {
                        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
                                   AND application_name = 'hyperpage-migration'";
                        ended.store(ask(&mut asking, sql)[0].parse().unwrap(), Ordering::SeqCst);
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(3));
                }
            });
        };
        let watch = Watch::new(&hook);
        assert_proven(&case, run::migrate(&case.request(), &watch));
        assert!(ended.load(Ordering::SeqCst) > 0, "no session was ended");
    });
}

fn is_removed_to_the_end_or_not_at_all(case: &Case) {
    let restart = || run::migrate(&Request { restart: true, ..case.request() }, &Silent);
    // Detectable obstacles are found before anything is dropped.
    for (obstacle, remedy) in [
        ("CREATE VIEW theirs AS SELECT * FROM t5", "DROP VIEW theirs"),
        ("CREATE TABLE theirs (id bigint REFERENCES t5 (id))", "DROP TABLE theirs"),
        ("CREATE TABLE theirs (one t5)", "DROP TABLE theirs"),
    ] {
        case.execute(obstacle);
        let error = chain(&restart().unwrap_err());
        assert!(error.contains("nothing was dropped") && error.contains("theirs"), "{obstacle}: {error}");
        assert_eq!(case.ask(TABLES_THERE), [TABLES.to_string()], "{obstacle}");
        case.execute(remedy);
    }
    assert!(case.validated(false).1.is_proven());
    // An undetectable obstacle interrupts the removal. Then only another removal is accepted, which resumes it.
    let mut other = session(case.database.url());
    other.query("BEGIN", &[]).unwrap();
    other.query("LOCK TABLE t50", &[]).unwrap();
    // Without `discard`, the search for rows written since would read the locked table.
    let settings = DbSettings { retry_timeout: Duration::from_secs(1), ..DbSettings::default() };
    let discard = Request { restart: true, discard: true, settings, ..case.request() };
    let error = chain(&run::migrate(&discard, &Silent).unwrap_err());
    assert!(error.contains("cannot be dropped to its end") && error.contains("t50 is locked by"), "{error}");
    for refused in [case.refused(), validation_error(case)] {
        let error = chain(&refused);
        assert!(error.contains("is being removed") && error.contains("next: RestartAgain"), "{error}");
    }
    other.query("ROLLBACK", &[]).unwrap();
    assert_proven(case, restart());
}

fn validation_error(case: &Case) -> row_mover::Error {
    let request = row_mover::run::ValidationRequest {
        target: TargetUrl::parse(case.database.url()).unwrap(),
        settings: DbSettings::default(),
        migrations: &case.migrations,
        options: row_mover::validate::CompareOptions::default(),
        purpose: row_mover::run::Purpose::Proof,
        integrity_check: false,
    };
    run::validate(&request, &Silent).map(|_| ()).unwrap_err()
}

fn a_full_table_of_locks_is_told_with_the_hint(server: &OwnServer) {
    let case = case(server);
    let mut greedy = session(case.database.url());
    // A session keeps its advisory locks when the statement that took them fails.
    assert!(
        greedy
            .query("SELECT pg_advisory_lock(number) FROM generate_series(1, 1000000) AS number", &[])
            .is_err()
    );
    // A connection that is refused for it is tried again.
    let settings = DbSettings { retry_timeout: Duration::from_secs(1), ..DbSettings::default() };
    let error = chain(&run::migrate(&Request { settings, ..case.request() }, &Silent).unwrap_err());
    assert!(error.contains("out of shared memory") && error.contains("max_locks_per_transaction"), "{error}");
    // The server frees the locks a moment later.
    drop(greedy);
    assert_proven(&case, run::migrate(&case.request(), &Silent));
}

fn the_server_has_few_connections_left(server: &OwnServer) {
    let case = crate::whole::on_server(&server.url());
    case.execute("CREATE ROLE few LOGIN PASSWORD 'few'");
    case.execute(&format!("ALTER DATABASE {} OWNER TO few", case.database.name()));
    let url = case.database.url().rsplit_once('@').unwrap().1;
    let url = format!("postgres://few:few@{url}");
    let few = || Request { target: TargetUrl::parse(&url).unwrap(), workers: 4, ..case.request() };
    // 20 connections, 3 of them reserved for superusers.
    let mut others: Vec<_> = (0..16).map(|_| session(&server.url())).collect();
    let settings = DbSettings { retry_timeout: Duration::ZERO, ..DbSettings::default() };
    let error = run::migrate(&Request { settings, ..few() }, &Silent).unwrap_err();
    let words = chain(&error);
    assert!(words.contains("need 2, and 1 is free") && words.contains("17 connections"), "{words}");
    others.pop();
    let watch = Watch::new(&|_| {});
    crate::whole::assert_recovered_quietly(&case, run::migrate(&few(), &watch), &watch);
    drop(others);
    assert!(status(&TargetUrl::parse(&url).unwrap(), &DbSettings::default()).is_ok());
    let database = case.database.url().to_owned();
    drop(case);
    let anywhere = format!("{}/postgres", database.rsplit_once('/').unwrap().0);
    session(&anywhere).query("DROP ROLE few", &[]).unwrap();
}
