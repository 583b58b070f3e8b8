//! No value of a row and no password reaches an error, a finding, an outcome or the server's log, whoever refuses and why.
//!
//! Every value of the source that is told apart is a canary. What hinders is put into PostgreSQL by an observer in the middle
//! of the run, as a database that is not ours alone may have it.

use postgres_client::watch::Watch;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::PgConnection;
use diesel::connection::{Connection, SimpleConnection};
use migrate_core::phase::Phase;
use postgres_client::TargetUrl;
use row_mover::run::{self, Observer, Outcome, Request, Silent};

use crate::loud::loud_server;
use crate::support::{Case, chain};

/// In every text, and a number in every other type.
const CANARY: &str = "kanarienvogel";
const CANARY_NUMBER: &str = "7351246";
const CANARY_HEX: &str = "6b616e617269656e766f67656c";

const SOURCE: &str = "
    CREATE TABLE parent (k TEXT PRIMARY KEY, v TEXT);
    INSERT INTO parent VALUES ('kanarienvogel-key', 'kanarienvogel'), ('kanarienvogel-other', 'kanarienvogel');
    CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT REFERENCES parent, v TEXT, i INTEGER, f REAL, b BLOB, j TEXT, ms INTEGER);
    INSERT INTO t VALUES (1, 'kanarienvogel-key', 'kanarienvogel \"quoted\" relation \"kanarienvogel\"', 7351246, 7351246.5,
      CAST('kanarienvogel' AS BLOB), '{\"kanarienvogel\": 7351246}', 7351246),
      (2, 'kanarienvogel-other', 'kanarienvogel', 7351246, 7351246.5, CAST('kanarienvogel' AS BLOB), '\"kanarienvogel\"', 7351246);";

const MAPPING: &str =
    "[tables.t.columns]\nj = { as = \"jsonb\" }\nms = { as = \"timestamptz_from_epoch_ms\" }";

/// Does something to the target once, when a phase begins or when the first bytes are sent.
struct Meddler<'a> {
    url: &'a str,
    at: Option<Phase>,
    sql: &'a str,
    is_done: AtomicBool,
}

impl Meddler<'_> {
    fn meddle(&self) {
        if !self.is_done.swap(true, Ordering::SeqCst) {
            PgConnection::establish(self.url).unwrap().batch_execute(self.sql).unwrap();
        }
    }
}

impl Observer for Meddler<'_> {
    fn phase_started(&self, phase: Phase) {
        if self.at == Some(phase) {
            self.meddle();
        }
    }
    fn bytes_sent(&self, _table: &str, _bytes: u64) {
        if self.at.is_none() {
            self.meddle();
        }
    }
}

impl Watch for Meddler<'_> {}

fn all_words(result: &row_mover::Result<Outcome>) -> String {
    match result {
        Ok(outcome) => format!("{}\n{outcome:?}", serde_json::to_string_pretty(outcome).unwrap()),
        Err(error) => {
            let mut words = format!("{}\n{error:?}\n{error:#?}\n", chain(error));
            let mut cause = std::error::Error::source(error);
            while let Some(error) = cause {
                write!(words, "{error}\n{error:?}\n").unwrap();
                cause = error.source();
            }
            words
        }
    }
}

#[track_caller]
fn assert_no_canary(words: &str, case: &Case, what: &str) {
    let password = case.database.url().split([':', '@']).nth(2).unwrap();
    for secret in [CANARY, CANARY_NUMBER, CANARY_HEX, password] {
        assert!(!words.contains(secret), "{what}: {secret} in {words}");
    }
}

#[test]
fn errors_of_postgresql_are_reported_and_logged_without_values() {
    let server = loud_server();
    let raise = |level: &str| {
        format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'bad row: % %', NEW.v, NEW.i {level}; END$$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    };
    let (raised, raised_as_check) = (
        raise(""),
        raise("USING ERRCODE = 'check_violation', TABLE = NEW.v, COLUMN = NEW.v, CONSTRAINT = NEW.k"),
    );
    let in_a_function = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE NEW.v; RETURN NEW; END$$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()";
    let rows = Some(Phase::Rows);
    let constraints = Some(Phase::Constraints);
    for (what, at, sql, expected) in [
        (
            "check",
            rows,
            "ALTER TABLE t ADD CONSTRAINT small CHECK (i < 5)",
            "23514: new row for relation \"t\" violates check constraint \"small\"",
        ),
        (
            "not null",
            rows,
            "ALTER TABLE t ADD COLUMN more text NOT NULL",
            "23502: null value in column \"more\" of relation \"t\"",
        ),
        (
            "unique while loading",
            rows,
            "CREATE UNIQUE INDEX one_i ON t (i)",
            "23505: duplicate key value violates unique constraint \"one_i\"",
        ),
        (
            "cast in an index",
            rows,
            "CREATE INDEX cast_v ON t ((v::int))",
            "22P02: invalid input syntax for type integer: (withheld)",
        ),
        (
            "cast of json",
            rows,
            "CREATE INDEX cast_j ON t (((j ->> 'kanarienvogel')::uuid))",
            "22P02: invalid input syntax for type uuid: (withheld)",
        ),
        (
            "another type",
            rows,
            "ALTER TABLE t ALTER v TYPE varchar(3)",
            "22001: value too long for type character varying(3)",
        ),
        (
            "text as json",
            rows,
            "ALTER TABLE t ALTER v TYPE json USING NULL",
            "22P02: refused inside a function, a trigger or a type conversion",
        ),
        (
            "domain",
            rows,
            "CREATE DOMAIN short AS text CHECK (length(value) < 3); ALTER TABLE t ALTER v TYPE short",
            "23514: value for domain public.short violates check constraint",
        ),
        (
            "trigger",
            rows,
            &raised,
            "P0001: refused inside a function, a trigger or a type conversion; the message is withheld",
        ),
        (
            "trigger with a code and names",
            rows,
            &raised_as_check,
            "23514: refused inside a function, a trigger or a type conversion",
        ),
        (
            "value run as a statement",
            rows,
            in_a_function,
            "42601: refused inside a function, a trigger or a type conversion",
        ),
        (
            "primary key",
            rows,
            "INSERT INTO parent VALUES ('kanarienvogel-key')",
            "could not create unique index \"parent_pkey\"",
        ),
        (
            "foreign key",
            rows,
            "INSERT INTO t (id, k) VALUES (99, 'kanarienvogel-nowhere')",
            "violates foreign key constraint \"t_k_fkey\"",
        ),
        (
            "column gone",
            constraints,
            "ALTER TABLE t DROP COLUMN k",
            "column \"k\" referenced in foreign key constraint does not exist",
        ),
    ] {
        let case = Case::mapped_on(server.database(), SOURCE, MAPPING);
        let meddler = Meddler { url: case.database.url(), at, sql, is_done: AtomicBool::new(false) };
        let result = run::migrate(&case.request(), &meddler);
        assert!(meddler.is_done.load(Ordering::SeqCst), "{what}");
        let words = all_words(&result);
        assert_no_canary(&words, &case, what);
        assert!(result.is_err(), "{what}: {words}");
        assert!(words.contains(expected), "{what}: {words}");
        assert_no_canary(&server.log(), &case, what);
    }
}

#[test]
fn sessions_that_are_killed_are_opened_again_without_a_value() {
    let server = loud_server();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hyperpage-migration'";
    for at in [None, Some(Phase::Rows), Some(Phase::Constraints), Some(Phase::Validate)] {
        let case = Case::mapped_on(server.database(), SOURCE, MAPPING);
        let meddler = Meddler { url: case.database.url(), at, sql: kill, is_done: AtomicBool::new(false) };
        let result = run::migrate(&case.request(), &meddler);
        assert!(meddler.is_done.load(Ordering::SeqCst));
        let words = all_words(&result);
        assert_no_canary(&words, &case, "killed");
        assert!(result.is_ok(), "{at:?}: {words}");
        assert_no_canary(&server.log(), &case, "killed");
        assert!(case.validated(false).1.is_proven(), "{at:?}");
    }
}

#[test]
fn findings_name_columns_and_keys_and_no_values() {
    let case = Case::mapped(SOURCE, MAPPING);
    crate::support::sqlite(
        &case.source,
        "UPDATE t SET v = x'6b616e617269656e766f67656c', i = 'kanarienvogel', f = 'kanarienvogel', b = 'kanarienvogel', j = '{kanarienvogel',
         ms = 7351246.5 WHERE id = 1; UPDATE t SET k = 'kanarienvogel-nowhere' WHERE id = 2",
    );
    for result in [run::migrate(&case.request(), &Silent), run::dry_run(&case.request(), &Silent)] {
        let words = all_words(&result);
        assert_no_canary(&words, &case, "findings");
        let Ok(Outcome::Rejected { findings, .. }) = result else { panic!("not rejected: {words}") };
        assert_eq!(findings.offender_count(), 7, "{words}");
    }
}

#[test]
fn outcomes_hold_no_values() {
    let case = Case::mapped(SOURCE, MAPPING);
    assert_no_canary(&all_words(&run::migrate(&case.request(), &Silent)), &case, "moved");
    assert_no_canary(&all_words(&run::migrate(&case.request(), &Silent)), &case, "already done");
    case.execute("UPDATE t SET v = '', i = 1, f = 2, b = '', j = 'null', ms = 'infinity'");
    assert_no_canary(&serde_json::to_string(&case.validated(false).1).unwrap(), &case, "different");
}

#[test]
fn a_wrong_password_is_not_repeated() {
    let case = Case::new("CREATE TABLE t (v TEXT)");
    let right = case.database.url().split([':', '@']).nth(2).unwrap();
    let url = case.database.url().replacen(right, CANARY, 1);
    let request = Request { target: TargetUrl::parse(&url).unwrap(), ..case.request() };
    let result = run::migrate(&request, &Silent);
    let words = all_words(&result);
    assert_no_canary(&words, &case, "wrong password");
    assert!(words.contains("password authentication failed for user"), "{words}");
    assert!(!format!("{:?} {}", request.target, request.target).contains(CANARY));
}
