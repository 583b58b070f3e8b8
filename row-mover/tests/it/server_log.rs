//! No value of a row and no key reaches PostgreSQL's log at its default settings, whatever is moved, validated, refused or cancelled.
//!
//! Every value that is told apart is a canary, in keys and in other columns, secret or not. What the server has logged is read after
//! each step.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::{Connection, SimpleConnection};
use fixtures::hyperpage::{SampleOptions, create_sample};
use migrate_core::finding::Reason;
use migrate_core::phase::Phase;
use postgres_client::{DbSettings, watch::Watch};
use row_mover::remedy::Remedy;
use row_mover::run::{self, Observer, Purpose, Request, Silent};
use row_mover::validate::CompareOptions;
use test_database::own_server::OwnServer;

use crate::loud::loud_server;
use crate::support::{Case, chain, hyperpage_plan, moved, sqlite};

/// What may stand in no log: text, a number, a blob, a moment, a date, a UUID.
const CANARIES: [&str; 6] =
    ["kanarienvogel", "7351246", "6b616e617269", "02:02:31.246", "1951-03-27", "6b616e61-7269"];

#[track_caller]
fn assert_silent(server: &OwnServer, what: &str) {
    for line in server.log().lines() {
        let canary = CANARIES.iter().find(|canary| line.contains(**canary));
        assert_eq!(canary, None, "{what}: {line}");
    }
}

/// How many errors the server has logged.
fn errors(server: &OwnServer) -> usize {
    server.log().lines().filter(|line| line.contains("ERROR:") || line.contains("DETAIL:")).count()
}

/// A canary in each column of each type, as key and otherwise, with every kind of constraint; a value too long to be held, and a
/// row that stays behind.
const SOURCE: &str = "
    CREATE TABLE parent (k TEXT PRIMARY KEY, v TEXT NOT NULL UNIQUE CHECK (v <> 'no'));
    INSERT INTO parent VALUES ('kanarienvogel-key', 'kanarienvogel'), ('kanarienvogel-other', 'kanarienvogel-2');
    CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, k TEXT NOT NULL REFERENCES parent, v TEXT UNIQUE CHECK (length(v) < 99),
      i INTEGER NOT NULL CHECK (i > 0), f REAL, b BLOB NOT NULL, j TEXT, ms INTEGER NOT NULL, d TEXT, u TEXT NOT NULL UNIQUE,
      long TEXT, twice INTEGER AS (i * 2) STORED, token TEXT NOT NULL UNIQUE, n INTEGER CHECK (n BETWEEN -5 AND 9000000));
    CREATE UNIQUE INDEX lower_v ON t (lower(v), i);
    CREATE VIEW shown AS SELECT v, i + 1 AS more FROM t;
    INSERT INTO t (id, k, v, i, f, b, j, ms, d, u, long, token, n) VALUES
      (7351246, 'kanarienvogel-key', 'kanarienvogel', 7351246, 7351246.5, CAST('kanarienvogel' AS BLOB),
       '{\"kanarienvogel\": 7351246}', 7351246, '1951-03-27', '6b616e61-7269-656e-766f-67656c000001',
       printf('%.*c', 1200000, 'x') || 'kanarienvogel', 'kanarienvogel-token', 0),
      (73512460, 'kanarienvogel-other', 'Kanarienvogel 2 kanarienvogel', 7351246, 7351246.5, CAST('kanarienvogel2' AS BLOB),
       '\"kanarienvogel\"', 73512460, '1951-03-27', '6b616e61-7269-656e-766f-67656c000002', NULL, 'kanarienvogel-token-2', 1),
      (73512461, 'kanarienvogel-other', 'kanarienvogel 3', 7351246, 7351246.5, CAST('kanarienvogel3' AS BLOB),
       '{kanarienvogel', 73512460, '1951-03-27', '6b616e61-7269-656e-766f-67656c000003', NULL, 'kanarienvogel-token-3', 2);
    CREATE TABLE numbered (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
    INSERT INTO numbered SELECT 735124600000 + i, 'v' FROM n;
    CREATE TABLE named (k TEXT PRIMARY KEY, v TEXT);
    INSERT INTO named SELECT 'kanarienvogel' || (id * 7919 % 40009), 'v' FROM numbered;
    CREATE TABLE flat (a TEXT, b INTEGER, u TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    INSERT INTO flat SELECT 'kanarienvogel' || id, id, 'v' FROM numbered WHERE id % 2;
    CREATE TABLE moments (ms INT, u TEXT, PRIMARY KEY (ms, u));
    INSERT INTO moments SELECT 7351246 + id, printf('6b616e61-7269-656e-766f-%012x', id) FROM numbered WHERE id % 20 = 0;
    CREATE TABLE keyless (v TEXT, i INTEGER); INSERT INTO keyless VALUES ('kanarienvogel', 7351246), ('kanarienvogel', 7351246);";

const MAPPING: &str = "
    [tables.t.columns]
    j = { as = \"jsonb\", on_reject = \"skip\" }
    ms = { as = \"timestamptz_from_epoch_ms\" }
    d = { as = \"date\" }
    u = { as = \"uuid\" }
    token = { secret = true }
    [tables.moments.columns]
    ms = { as = \"timestamptz_from_epoch_ms\" }
    u = { as = \"uuid\" }";

/// Has every statement stand in the log as it is, without its parameters: it is the one that an error would log.
fn log_statements(case: &Case) {
    let name = case.database.name();
    case.execute(&format!(
        "ALTER DATABASE {name} SET log_statement = 'all'; ALTER DATABASE {name} SET log_parameter_max_length = 0"
    ));
}

#[test]
fn a_migration_and_its_validation_log_no_value() {
    let server = loud_server();
    let case = Case::mapped_on(server.database(), SOURCE, MAPPING);
    log_statements(&case);
    run::dry_run(&case.request(), &Silent).unwrap();
    let outcome = moved(run::migrate(&case.request(), &Silent));
    assert_eq!(outcome.rejected.iter().map(|table| table.skipped).sum::<u64>(), 1);
    let (_, found) = case.validated(true);
    assert!(found.is_proven() && found.behaviour.compared > 20, "{found:?}");
    assert_eq!(errors(&server), 0, "{}", server.log());
    assert_silent(&server, "moved and proven");
    for table in ["parent", "numbered", "named", "flat", "moments", "keyless"] {
        assert!(server.log().contains(&format!("COPY public.{table} (")), "{table} took a detour");
    }
    // By columns of which no canary is in the statement.
    case.execute("UPDATE t SET n = 3; DELETE FROM named WHERE ctid = '(1,1)'; UPDATE keyless SET i = 1 WHERE ctid = '(0,1)'");
    assert!(!case.validated(true).1.is_proven());
    case.validated_for(Purpose::ChangesSince, CompareOptions { workers: 2, ..CompareOptions::default() });
    assert_silent(&server, "damaged");
    assert!(run::migrate(&Request { restart: true, ..case.request() }, &Silent).is_err());
    moved(run::migrate(&Request { restart: true, discard: true, ..case.request() }, &Silent));
    assert_eq!(errors(&server), 0, "{}", server.log());
    assert_silent(&server, "started over");
    // The old way of trying a constraint is heard: the log is read, and at the settings that are meant.
    let failing = "INSERT INTO t SELECT * FROM t";
    assert!(case.session().query("INSERT INTO parent SELECT k, v FROM parent", &[]).is_err());
    assert!(case.session().query(failing, &[]).is_err());
    let log = server.log();
    assert!(log.contains("Key (k)=(kanarienvogel-key) already exists"), "{log}");
}

#[test]
fn constraints_that_are_damaged_are_found_in_silence() {
    let server = loud_server();
    let case = Case::mapped_on(server.database(), SOURCE, MAPPING);
    moved(run::migrate(&case.request(), &Silent));
    for (damage, mend, problem) in [
        ("ALTER TABLE t ALTER i DROP NOT NULL", "ALTER TABLE t ALTER i SET NOT NULL", "t: NOT NULL of i"),
        (
            "ALTER TABLE t DROP CONSTRAINT t_token_key",
            "ALTER TABLE t ADD CONSTRAINT t_token_key UNIQUE (token)",
            "t: unique key t_token_key",
        ),
        ("ALTER TABLE t DISABLE TRIGGER ALL", "ALTER TABLE t ENABLE TRIGGER ALL", "t: foreign key t_k_fkey"),
    ] {
        case.execute(damage);
        let (_, found) = case.validated(false);
        let words = format!("{:?}", crate::support::words::constraints(&found));
        assert!(!found.is_proven() && words.contains(problem), "{damage}: {words}");
        assert_silent(&server, damage);
        case.execute(mend);
    }
    assert!(case.validated(false).1.is_proven());
    case.execute("DROP EXTENSION plpgsql");
    let (_, found) = case.validated(false);
    let left: Vec<&Reason> = found.behaviour.not_compared.iter().map(|left| &left.reason).collect();
    assert!(
        found.behaviour.compared == 0 && left.iter().all(|reason| **reason == Reason::NoProceduralLanguage),
        "{left:?}"
    );
    assert_silent(&server, "without PL/pgSQL");
    let refused = chain(&case_without_language(&server).refused());
    assert!(refused.contains("next: CREATE EXTENSION plpgsql"), "{refused}");
}

fn case_without_language(server: &OwnServer) -> Case {
    let case = Case::mapped_on(server.database(), SOURCE, MAPPING);
    case.execute("DROP EXTENSION plpgsql");
    case
}

#[test]
fn a_database_without_its_language_is_refused_until_it_has_it() {
    let server = loud_server();
    let case = case_without_language(&server);
    assert!(case.target_objects().is_empty());
    let refused = chain(&case.refused());
    assert!(case.target_objects().is_empty(), "{refused}");
    let (_, remedy) = refused.split_once("next: ").unwrap();
    case.execute(remedy);
    moved(run::migrate(&case.request(), &Silent));
}

/// The rows of `t` in the source: the second breaks what the app's tables below demand.
const BROKEN_ROWS: &str = "
    CREATE TABLE t (id INTEGER, v TEXT, n INTEGER);
    INSERT INTO t VALUES (1, 'kanarienvogel', 5), (2, 'kanarienvogel', 7351246)";

/// An app's table, and what is told of the row.
const DEMANDS: [(&str, &str); 12] = [
    (
        "CREATE TABLE t (id int PRIMARY KEY, v text, n int CHECK (n < 100))",
        "23514: new row for relation \"t\" violates check constraint \"t_n_check\"",
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY, v text, n int); CREATE UNIQUE INDEX folded ON t (lower(v))",
        "23505: duplicate key value violates unique constraint \"folded\"",
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY, v text, n int, EXCLUDE USING btree (v WITH =))",
        "23P01: conflicting key value violates exclusion constraint \"t_v_excl\"",
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY, v text, n int, EXCLUDE USING btree (v WITH =) DEFERRABLE INITIALLY DEFERRED)",
        "constraint t_v_excl",
    ),
    (
        "CREATE DOMAIN small AS int CHECK (value < 1000); CREATE TABLE t (id int PRIMARY KEY, v text, n small)",
        "23514: value for domain small violates check constraint \"small_check\"",
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(40), n int, half int GENERATED ALWAYS AS (CASE WHEN n > 5 THEN v::int END) STORED)",
        "22P02: invalid input syntax for type integer: (withheld)",
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY, v text, n int, more int DEFAULT 1 / 0)",
        "22012: division by zero",
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY, v text, n int) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (2)",
        "23514: no partition of relation \"t\" found for row",
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY, v text, n int); CREATE INDEX cast_v ON t ((v::int)) WHERE n > 5",
        "22P02: invalid input syntax for type integer: (withheld)",
    ),
    (
        "CREATE FUNCTION refuse(v text, n int) RETURNS boolean LANGUAGE plpgsql AS $$
         BEGIN IF n > 5 THEN RAISE 'no %', v USING ERRCODE = '23514', CONSTRAINT = v; END IF; RETURN true; END$$;
         CREATE TABLE t (id int PRIMARY KEY, v text, n int, CHECK (refuse(v, n)))",
        "23514: refused inside a function, a trigger or a type conversion",
    ),
    (
        "CREATE TYPE bird AS ENUM ('kanarienvogel', 'other'); CREATE TABLE t (id int PRIMARY KEY, v bird CHECK (v <> 'kanarienvogel'), n int)",
        "violates check constraint \"t_v_check\"",
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY, v char(20), n numeric(9, 1)); CREATE UNIQUE INDEX one ON t ((v || ''))",
        "unique constraint \"one\"",
    ),
];

/// Keeps a table from being tried before the load: a domain calls a function of the app that may read tables.
const NOT_TRIED: &str = "; CREATE FUNCTION fits_late(int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'; \
    CREATE DOMAIN late AS int CHECK (fits_late(VALUE)); ALTER TABLE t ADD COLUMN unasked late";

#[test]
fn rows_on_trial_that_violate_constraints_of_an_app_are_named_and_not_logged() {
    let server = loud_server();
    let mut tried = 0;
    for (target, _) in DEMANDS {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, BROKEN_ROWS);
        let case = Case::into_existing_on(server.database(), dir, source, "", target)
            .unwrap_or_else(|words| panic!("{target}: {words}"));
        let words = match run::migrate(&case.request(), &Silent) {
            Ok(run::Outcome::Rejected { findings, .. }) => {
                tried += 1;
                serde_json::to_string(&findings).unwrap()
            }
            Ok(other) => panic!("{target}: {other:?}"),
            Err(error) => chain(&error),
        };
        assert!(words.contains("id=1") || words.contains("id=2"), "{target}: {words}");
        assert!(!CANARIES.iter().any(|canary| words.contains(canary)), "{target}: {words}");
        assert_silent(&server, target);
    }
    assert!(tried > 3, "{tried}");
    assert_eq!(errors(&server), 0, "{}", server.log());
}

#[test]
fn rows_that_violate_constraints_of_an_app_are_named_and_not_logged() {
    let server = loud_server();
    for (target, part) in DEMANDS {
        let target = &format!("{target}{NOT_TRIED}");
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, BROKEN_ROWS);
        let case = Case::into_existing_on(server.database(), dir, source, "", target)
            .unwrap_or_else(|words| panic!("{target}: {words}"));
        let refused = chain(&case.refused());
        assert!(refused.contains(part), "{target}: {refused}");
        // Where no row is to blame, or each one is, the first is as good as any.
        let row = if part.contains("division") || part.contains("t_v_check") { "id=1" } else { "id=2" };
        assert!(refused.contains(&format!("the row with the key {row} was refused")), "{target}: {refused}");
        assert!(!CANARIES.iter().any(|canary| refused.contains(canary)), "{target}: {refused}");
        assert_silent(&server, target);
        // What it says to do works.
        assert!(refused.contains("next: RepairRowOrTable"), "{target}: {refused}");
        if !part.contains("division") {
            sqlite(&case.source, "DELETE FROM t WHERE id = 2; UPDATE t SET v = 'other', n = 1");
            moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
        }
    }
    assert_eq!(errors(&server), 0, "{}", server.log());
}

#[test]
fn rows_arrive_through_an_apps_constraints_as_they_are() {
    let server = loud_server();
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(
        &source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT, v TEXT, e TEXT, n REAL, j TEXT, b BLOB, d TEXT, ms INTEGER, u TEXT, w TEXT, o INTEGER);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t SELECT i, 'c' || (i % 9), 'é' || i, 'on', i + 0.5, '{\"a\": [' || i || ']}', x'00ff', '2024-02-29', 1705312800123 + i,
           printf('6b616e61-7269-656e-766f-%012x', i), 'Mixed ' || i, i % 2 FROM n;
         INSERT INTO t (id, w) VALUES (5000, NULL)",
    );
    let target = "CREATE TYPE state AS ENUM ('off', 'on'); CREATE DOMAIN short AS varchar(9) CHECK (value <> '');
        CREATE TABLE other (id int PRIMARY KEY);
        CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, c char(4), v short UNIQUE, e state, n numeric(9, 2), j json CHECK (j IS NOT NULL OR id > 9),
          b bytea, d date CHECK (d > '2000-01-01'), ms timestamptz(3), u uuid UNIQUE, w varchar(20), o boolean, twice int GENERATED ALWAYS AS (id * 2) STORED);
        CREATE RULE aside AS ON DELETE TO other DO ALSO NOTIFY aside";
    let mapping = "[tables.t.columns]\nms = { as = \"timestamptz_from_epoch_ms\" }";
    let case = Case::into_existing_on(server.database(), dir, source, mapping, target).unwrap();
    moved(run::migrate(&case.request(), &Silent));
    assert_eq!(
        case.ask("SELECT count(*), count(v), max(length(c)), max(n), sum(twice), count(DISTINCT u) FROM t"),
        ["3001|3000|2|3000.50|9013000|3000"]
    );
    assert_eq!(errors(&server), 0, "{}", server.log());
}

/// Adds a rule when rows begin to move.
struct Ruler<'a> {
    url: &'a str,
    is_done: AtomicBool,
}

impl Observer for Ruler<'_> {
    fn phase_started(&self, phase: Phase) {
        if phase == Phase::Rows && !self.is_done.swap(true, Ordering::SeqCst) {
            let rule = "CREATE RULE aside AS ON INSERT TO t DO INSTEAD NOTHING";
            PgConnection::establish(self.url).unwrap().batch_execute(rule).unwrap();
        }
    }
}

impl Watch for Ruler<'_> {}

#[test]
fn a_rule_that_would_act_on_rows_stops_the_load() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, g INTEGER AS (id * 2) STORED); INSERT INTO t (id) VALUES (1)",
    );
    let ruler = Ruler { url: case.database.url(), is_done: AtomicBool::new(false) };
    let error = run::migrate(&case.request(), &ruler).unwrap_err();
    let refused = chain(&error);
    assert!(refused.contains("has the rule aside on INSERT"), "{refused}");
    let causes =
        std::iter::successors(Some(&error as &(dyn std::error::Error + 'static)), |error| error.source());
    let mut remedies = causes.filter_map(|cause| cause.downcast_ref::<row_mover::Error>()?.remedy_value());
    let Some(Remedy::ResumeAfter(sql)) = remedies.next() else { panic!("{refused}") };
    case.execute(sql);
    case.moved();
}

#[test]
fn a_cancelled_statement_logs_no_value() {
    let server = loud_server();
    let case = Case::mapped_on(server.database(), SOURCE, MAPPING);
    let is_over = AtomicBool::new(false);
    let cancelled = std::thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            let mut session = case.session();
            let sql = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'hyperpage-migration' \
                       AND datname = current_database() AND state = 'active' AND query ~ '^(COPY|DO|INSERT|CREATE|ALTER)'";
            let mut cancelled = 0;
            while !is_over.load(Ordering::SeqCst) && cancelled < 60 {
                cancelled += session.query(sql, &[]).unwrap().len();
                std::thread::sleep(Duration::from_millis(5));
            }
            cancelled
        });
        // Short, so that the time passes in statements that can be cancelled and not between two tries.
        let settings = DbSettings { retry_timeout: Duration::from_secs(1), ..case.request().settings };
        for _ in 0..20 {
            let request = Request { settings, ..case.request() };
            if let Ok(run::Outcome::Moved(_)) = run::migrate(&request, &Silent) {
                break;
            }
        }
        is_over.store(true, Ordering::SeqCst);
        canceller.join().unwrap()
    });
    assert!(cancelled > 0);
    assert_silent(&server, "cancelled");
}

#[test]
fn hyperpage_moves_and_is_proven_without_an_error_in_the_log() {
    let server = loud_server();
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    create_sample(&source, &SampleOptions { rows: 300, seed: 7 }).unwrap();
    let case = Case::planned_on(server.database(), dir, source, hyperpage_plan());
    log_statements(&case);
    moved(run::migrate(&case.request(), &Silent));
    // Where nothing can refuse a row, rows take no detour.
    assert!(!server.log().contains("migration_staging") && server.log().contains("COPY public.jobs"));
    let (_, found) = case.validated(false);
    assert!(found.is_proven() && found.behaviour.compared > 20);
    assert_eq!(errors(&server), 0, "{}", server.log());
}

#[test]
fn rows_that_others_point_to_are_not_logged_when_they_are_to_go() {
    const REFERENCED: &str = "foreign keys of away.child, which holds rows that stay, reference it";
    let server = loud_server();
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(&source, "CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES ('kanarienvogel')");
    let target = "CREATE TABLE t (k text PRIMARY KEY); INSERT INTO t VALUES ('kanarienvogel-seed')";
    let case = Case::into_existing_on(server.database(), dir, source, "seeds = \"replace\"", target).unwrap();
    // Since the plan was made.
    case.execute(
        "CREATE SCHEMA away; CREATE TABLE away.child (k text REFERENCES t DEFERRABLE INITIALLY DEFERRED); INSERT INTO away.child SELECT k FROM t",
    );
    let refused = chain(&case.refused());
    assert!(refused.contains(REFERENCED), "{refused}");
    assert_silent(&server, "seeds");
    case.execute("DELETE FROM away.child");
    moved(run::migrate(&case.request(), &Silent));
    case.execute("INSERT INTO away.child SELECT k FROM t");
    let restart = Request { restart: true, discard: true, ..case.request() };
    let refused = chain(&run::migrate(&restart, &Silent).unwrap_err());
    assert!(refused.contains(REFERENCED), "{refused}");
    assert_silent(&server, "restart");
    // An undo finds it only as it deletes the rows.
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    let Request { target, settings, workers, .. } = case.request();
    let undo = run::UndoRequest { target, settings, workers, discard: true, dry_run: false };
    let refused = chain(&run::undo(&undo, &Silent).unwrap_err());
    assert!(refused.contains("23503") && refused.contains("child_k_fkey"), "{refused}");
    assert_silent(&server, "undo");
}

#[test]
fn errors_of_views_and_defaults_are_not_logged() {
    let server = loud_server();
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER DEFAULT 1);
        INSERT INTO t VALUES (7351246, 'kanarienvogel', 7351246);
        CREATE VIEW shown AS SELECT v, n + 1 AS more FROM t;";
    let case = Case::mapped_on(server.database(), source, "");
    moved(run::migrate(&case.request(), &Silent));
    case.execute(
        "CREATE OR REPLACE VIEW shown AS SELECT v, (v::int + n + 1)::bigint AS more FROM t;
         CREATE FUNCTION last_v() RETURNS bigint LANGUAGE sql AS 'SELECT v::bigint FROM t LIMIT 1';
         ALTER TABLE t ALTER n SET DEFAULT last_v()",
    );
    let (_, found) = case.validated(false);
    let views = format!("{:?}", crate::support::words::views(&found));
    assert!(views.contains("view shown: PostgreSQL cannot read it: PostgreSQL 22P02"), "{views}");
    assert_eq!(found.defaults.differences.len(), 1, "{:?}", found.defaults);
    assert!(!CANARIES.iter().any(|canary| format!("{found:?}").contains(canary)), "{found:?}");
    assert_eq!(errors(&server), 0, "{}", server.log());
}
