//! The smoke test of a database: every kind of table is tried, each outcome is the expected one, and no row version changes.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection};
use postgres_client::{Connection, DbSettings, TargetUrl};
use row_mover::observer::Silent;
use row_mover::smoke::{NotTried, Operation, Outcome, Scope, SmokeTest, TableSmoke, Verdict, smoke_test};
use test_database::TestDatabase;

use crate::standby::Standby;
use test_database::own_server::OwnServer;

const TIMEOUT: Duration = Duration::from_secs(120);

#[track_caller]
fn execute(url: &str, sql: &str) {
    PgConnection::establish(url).unwrap().batch_execute(sql).unwrap();
}

#[track_caller]
fn database(sql: &str) -> TestDatabase {
    let database = TestDatabase::create();
    execute(database.url(), sql);
    database
}

#[track_caller]
fn smoke(url: &str) -> SmokeTest {
    let target = TargetUrl::parse(url).unwrap();
    smoke_test(&target, &DbSettings::default(), TIMEOUT, &Silent).unwrap()
}

/// The URL for sessions of another role, which needs no password.
fn as_role(database: &TestDatabase, role: &str) -> String {
    let separator = if database.url().contains('?') { '&' } else { '?' };
    format!("{}{separator}options=-crole%3D{role}", database.url())
}

/// Every row version of every table, with where it is stored.
#[track_caller]
fn versions(url: &str) -> Vec<String> {
    let mut connection = Connection::connect(url, "test", Duration::from_secs(10)).unwrap();
    let tables: Vec<String> = connection
        .load(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1",
            &[],
        )
        .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(ctid::text || md5(t::text), ' ' ORDER BY ctid)), '') FROM ONLY {table} AS t"
        );
        found.push(format!("{table} {}", connection.one::<String>(&sql, &[]).unwrap()));
    }
    found
}

/// An outcome in a word, with the name or the code that matters.
fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::RefusedByForeignKey(constraint) => format!("refused by {constraint}"),
        Outcome::NothingToUpdate => "-".to_owned(),
        Outcome::Raised => "raised".to_owned(),
        Outcome::Failed(error) => format!("failed {}", error.sqlstate.as_deref().unwrap_or_default()),
        Outcome::WrongRowCount(rows) => format!("{rows} rows"),
        Outcome::Blocked(_) => "blocked".to_owned(),
        Outcome::TimedOut => "timed out".to_owned(),
        Outcome::NotTried(NotTried::NoRow(error)) => {
            format!(
                "no row: {}",
                error.constraint.as_deref().or(error.sqlstate.as_deref()).unwrap_or_default()
            )
        }
        Outcome::NotTried(NotTried::MissingRight(right)) => format!("no right to {}", right.name()),
        Outcome::NotTried(why) => format!("{why:?}"),
    }
}

fn outcomes(table: &TableSmoke) -> [String; 3] {
    assert_eq!(table.steps.iter().map(|step| step.operation).collect::<Vec<_>>(), Operation::ALL);
    [0, 1, 2].map(|place| short(&table.steps[place].outcome))
}

/// Tries everything, compares each outcome, and makes sure that no row has another version than before.
#[track_caller]
fn assert_outcomes(url: &str, expected: &[(&str, [&str; 3])]) -> SmokeTest {
    assert_outcomes_as(url, url, expected)
}

#[track_caller]
fn assert_outcomes_as(url: &str, role_url: &str, expected: &[(&str, [&str; 3])]) -> SmokeTest {
    let before = versions(url);
    let test = smoke(role_url);
    assert_eq!(versions(url), before);
    let found: Vec<(String, [String; 3])> =
        test.tables.iter().map(|table| (table.table.clone(), outcomes(table))).collect();
    let mut expected: Vec<(String, [String; 3])> =
        expected.iter().map(|(table, three)| ((*table).to_owned(), three.map(str::to_owned))).collect();
    expected.sort();
    assert_eq!(found, expected);
    for table in &test.tables {
        let is_tried = table.steps.iter().any(|step| !step.took.is_zero());
        assert!(!is_tried || table.aborted_transaction.is_some(), "{}", table.table);
    }
    test
}

const ALL_PASSED: [&str; 3] = ["passed", "passed", "passed"];

#[test]
fn tables_of_every_kind_are_tried() {
    let long = "ä".repeat(31) + "x";
    let database = database(&format!(
        "CREATE TABLE always (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, g int GENERATED ALWAYS AS (length(v)) STORED);
         INSERT INTO always (v) VALUES ('a'), ('b');
         CREATE TABLE \"odd \"\"name\"\"; -- '\\\" (\"select\" int PRIMARY KEY, \"{long}\" text NOT NULL);
         INSERT INTO \"odd \"\"name\"\"; -- '\\\" VALUES (1, 'x');
         CREATE TABLE \"{long}\" (a int PRIMARY KEY);
         CREATE TABLE parts (id int, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
         CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
         INSERT INTO parts VALUES (1, '2020-02-02'), (2, '2021-02-02');
         CREATE TABLE keyless (a int, b text); INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
         CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES;
         CREATE TABLE nothing_empty ();
         CREATE TABLE excluded (during int4range NOT NULL, EXCLUDE USING gist (during WITH &&));
         INSERT INTO excluded VALUES ('[1,5)'), ('[5,9)');
         CREATE TABLE heir_parent (a int); CREATE TABLE heir (b int) INHERITS (heir_parent); INSERT INTO heir VALUES (1, 2);
         CREATE TABLE only_default (id bigserial PRIMARY KEY); INSERT INTO only_default DEFAULT VALUES;
         CREATE TABLE lower_key (v text); CREATE UNIQUE INDEX ON lower_key (lower(v)); INSERT INTO lower_key VALUES ('A');
         CREATE VIEW seen AS SELECT * FROM always; CREATE MATERIALIZED VIEW kept AS SELECT * FROM always;"
    ));
    let test = assert_outcomes(
        database.url(),
        &[
            ("always", ALL_PASSED),
            ("odd \"name\"; -- '\\", ALL_PASSED),
            (&long, ALL_PASSED),
            ("parts", ALL_PASSED),
            ("keyless", ALL_PASSED),
            ("nothing", ["passed", "-", "passed"]),
            ("nothing_empty", ["passed", "-", "passed"]),
            ("excluded", ALL_PASSED),
            ("heir_parent", ALL_PASSED),
            ("heir", ALL_PASSED),
            ("only_default", ALL_PASSED),
            ("lower_key", ALL_PASSED),
        ],
    );
    assert_eq!(test.scope, Scope::Database);
}

#[test]
fn foreign_keys_of_every_kind_set_nothing_off() {
    let database = database(
        "CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree ON DELETE CASCADE); INSERT INTO tree VALUES (1, NULL), (2, 1);
         CREATE TABLE own (id int PRIMARY KEY, parent int NOT NULL REFERENCES own);
         CREATE TABLE own_full (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent int NOT NULL REFERENCES own_full);
         INSERT INTO own_full (parent) VALUES (1);
         CREATE TABLE a (id int PRIMARY KEY, b int NOT NULL);
         CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a DEFERRABLE INITIALLY DEFERRED);
         ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES b DEFERRABLE INITIALLY DEFERRED;
         BEGIN; INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1); COMMIT;
         CREATE TABLE c (id int PRIMARY KEY, d int NOT NULL);
         CREATE TABLE d (id int PRIMARY KEY, c int NOT NULL CONSTRAINT d_c REFERENCES c DEFERRABLE INITIALLY DEFERRED);
         ALTER TABLE c ADD CONSTRAINT c_d FOREIGN KEY (d) REFERENCES d DEFERRABLE INITIALLY DEFERRED;
         CREATE TABLE cascaded (id int PRIMARY KEY); INSERT INTO cascaded VALUES (1);
         CREATE TABLE cascading (id int PRIMARY KEY, p int NOT NULL REFERENCES cascaded ON DELETE CASCADE);
         INSERT INTO cascading SELECT n, 1 FROM generate_series(1, 1000) n;
         CREATE TABLE nulled (id int PRIMARY KEY); INSERT INTO nulled VALUES (1);
         CREATE TABLE nulling (p int REFERENCES nulled ON DELETE SET NULL); INSERT INTO nulling VALUES (1);
         CREATE TABLE restricted (id text PRIMARY KEY CHECK (id = 'only')); INSERT INTO restricted VALUES ('only');
         CREATE TABLE restricting (p text CONSTRAINT restrict_key REFERENCES restricted ON DELETE RESTRICT); INSERT INTO restricting VALUES ('only');
         CREATE TABLE fixed (id text PRIMARY KEY CHECK (id = 'only')); INSERT INTO fixed VALUES ('only');
         CREATE TABLE fixing (p text CONSTRAINT cascade_key REFERENCES fixed ON DELETE CASCADE); INSERT INTO fixing VALUES ('only');
         CREATE TABLE late_parent (id uuid PRIMARY KEY, name varchar(3) NOT NULL);
         CREATE TABLE late_child (p uuid NOT NULL REFERENCES late_parent DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE j (l int REFERENCES cascaded, r uuid REFERENCES late_parent, PRIMARY KEY (l, r));
         CREATE TABLE base (id bigserial PRIMARY KEY, kind text NOT NULL);
         CREATE TABLE derived (id bigint PRIMARY KEY REFERENCES base, more text); INSERT INTO base (kind) VALUES ('k'); INSERT INTO derived VALUES (1, 'm');",
    );
    assert_outcomes(
        database.url(),
        &[
            ("tree", ALL_PASSED),
            ("own", ALL_PASSED),
            ("own_full", ALL_PASSED),
            ("a", ALL_PASSED),
            ("b", ALL_PASSED),
            ("c", ["Circle(\"d_c\")", "NoRowToChange", "NoRowToChange"]),
            ("d", ["Circle(\"c_d\")", "NoRowToChange", "NoRowToChange"]),
            ("cascaded", ALL_PASSED),
            ("cascading", ALL_PASSED),
            ("nulled", ALL_PASSED),
            ("nulling", ALL_PASSED),
            ("restricted", ["no row: restricted_id_check", "passed", "refused by restrict_key"]),
            ("restricting", ALL_PASSED),
            ("fixed", ["no row: fixed_id_check", "passed", "WouldCascade(\"cascade_key\")"]),
            ("fixing", ALL_PASSED),
            ("late_parent", ALL_PASSED),
            ("late_child", ALL_PASSED),
            ("j", ALL_PASSED),
            ("base", ALL_PASSED),
            ("derived", ALL_PASSED),
        ],
    );
}

#[test]
fn what_refuses_is_named() {
    let database = database(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''secret''; END';
         CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TABLE counted (n int NOT NULL); INSERT INTO counted VALUES (0);
         CREATE FUNCTION add_one() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE counted SET n = n + 1; RETURN NULL; END';
         CREATE TABLE append_only (id int PRIMARY KEY, v text); INSERT INTO append_only VALUES (1, 'a');
         CREATE TRIGGER t BEFORE DELETE ON append_only FOR EACH ROW EXECUTE FUNCTION refuse();
         CREATE FUNCTION refuse_as_sqlite() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN RAISE EXCEPTION USING ERRCODE = ''integrity_constraint_violation'', MESSAGE = ''secret''; END';
         CREATE TABLE kept (id int PRIMARY KEY, v text); INSERT INTO kept VALUES (1, 'a');
         CREATE TRIGGER t BEFORE DELETE ON kept FOR EACH ROW EXECUTE FUNCTION refuse_as_sqlite();
         CREATE TABLE suppressed (id int PRIMARY KEY); INSERT INTO suppressed VALUES (1);
         CREATE TRIGGER t BEFORE UPDATE ON suppressed FOR EACH ROW EXECUTE FUNCTION suppress();
         CREATE TABLE counting (id int PRIMARY KEY); INSERT INTO counting VALUES (1);
         CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON counting FOR EACH STATEMENT EXECUTE FUNCTION add_one();
         CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1);
         CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
         CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN code AS varchar(4) NOT NULL; CREATE TYPE mood AS ENUM ('good', 'bad');
         CREATE DOMAIN impossible AS text CONSTRAINT impossible_check CHECK (VALUE = 'never');
         CREATE TABLE typed (p positive NOT NULL, c code, m mood NOT NULL, n numeric(3,2) NOT NULL, b bit(3) NOT NULL, a int[] NOT NULL,
           j jsonb NOT NULL, t time NOT NULL, z timestamptz NOT NULL, i interval NOT NULL, net inet NOT NULL, r tstzrange NOT NULL,
           s smallint NOT NULL UNIQUE, by bytea NOT NULL, f real NOT NULL, ch char(2) NOT NULL, pt point NOT NULL, PRIMARY KEY (c, m));
         CREATE TABLE of_domain (v impossible NOT NULL);
         CREATE TABLE checked (status text NOT NULL CONSTRAINT status_check CHECK (status IN ('a', 'b')));
         CREATE TABLE checked_full (id int PRIMARY KEY, status text NOT NULL CHECK (status IN ('a', 'b'))); INSERT INTO checked_full VALUES (1, 'a');
         CREATE TYPE pair AS (x int, y int); CREATE TABLE composite (p pair NOT NULL);
         CREATE TABLE behind (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text); INSERT INTO behind VALUES (1, 'a');
         CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
         CREATE TABLE split (id int) PARTITION BY LIST (id); CREATE TABLE split_1 PARTITION OF split FOR VALUES IN (1);
         CREATE FOREIGN TABLE split_2 PARTITION OF split FOR VALUES IN (2) SERVER far; CREATE FOREIGN TABLE elsewhere (id int) SERVER far;",
    );
    let test = assert_outcomes(
        database.url(),
        &[
            ("counted", ALL_PASSED),
            ("append_only", ["passed", "passed", "raised"]),
            ("kept", ["passed", "passed", "raised"]),
            ("suppressed", ["passed", "0 rows", "passed"]),
            ("counting", ALL_PASSED),
            ("late", ["passed", "raised", "passed"]),
            ("typed", ALL_PASSED),
            ("of_domain", ["no row: impossible_check", "NoRowToChange", "NoRowToChange"]),
            ("checked", ["no row: status_check", "NoRowToChange", "NoRowToChange"]),
            ("checked_full", ALL_PASSED),
            (
                "composite",
                ["NoValue { column: \"p\", type_name: \"public.pair\" }", "NoRowToChange", "NoRowToChange"],
            ),
            ("behind", ["failed 23505", "passed", "passed"]),
            ("split", ["ForeignPartition"; 3]),
        ],
    );
    assert!(!format!("{test:?}").contains("secret"));
    let behind = test.tables.iter().find(|table| table.table == "behind").unwrap();
    assert_eq!(behind.steps[0].outcome.verdict(), Verdict::Failed);
}

#[test]
fn rights_and_policies_are_reported() {
    let role = format!("smoke_{}", std::process::id());
    let database = database(&format!(
        "CREATE ROLE {role}; CREATE TABLE readable (id int PRIMARY KEY); INSERT INTO readable VALUES (1); GRANT SELECT ON readable TO {role};
         CREATE TABLE writable (id int PRIMARY KEY); INSERT INTO writable VALUES (1); GRANT SELECT, INSERT, UPDATE ON writable TO {role};
         CREATE TABLE guarded (id int PRIMARY KEY); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
         GRANT ALL ON guarded TO {role}; CREATE TABLE numbered (id serial PRIMARY KEY); INSERT INTO numbered DEFAULT VALUES;
         GRANT ALL ON numbered TO {role};"
    ));
    let tried = std::panic::catch_unwind(|| {
        assert_outcomes_as(
            database.url(),
            &as_role(&database, &role),
            &[
                ("readable", ["no right to INSERT", "no right to UPDATE", "no right to DELETE"]),
                ("writable", ["passed", "passed", "no right to DELETE"]),
                ("guarded", ["RowSecurity"; 3]),
                // The right to the table is not enough: the role may not use its sequence.
                ("numbered", ["failed 42501", "passed", "passed"]),
            ],
        );
    });
    execute(database.url(), &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    tried.unwrap();
}

#[test]
fn a_lock_is_reported_with_its_holder() {
    let database = database(
        "CREATE TABLE locked (id serial PRIMARY KEY, v text DEFAULT 'x'); INSERT INTO locked VALUES (1), (2);
         CREATE TABLE row_locked (id int PRIMARY KEY); INSERT INTO row_locked VALUES (1);
         CREATE TABLE one_locked (id int PRIMARY KEY); INSERT INTO one_locked VALUES (1), (2);",
    );
    let before = versions(database.url());
    let mut holder = PgConnection::establish(database.url()).unwrap();
    holder
        .batch_execute(
            "SET application_name = 'the holder'; BEGIN; LOCK TABLE locked; SELECT FROM row_locked FOR UPDATE;
             SELECT FROM one_locked WHERE id = 1 FOR UPDATE",
        )
        .unwrap();
    let test = smoke(database.url());
    drop(holder);
    assert_eq!(versions(database.url()), before);
    for table in &test.tables {
        if table.table == "one_locked" {
            assert_eq!(outcomes(table), ALL_PASSED.map(str::to_owned));
            continue;
        }
        assert_eq!(outcomes(table), ["blocked"; 3].map(str::to_owned), "{}", table.table);
        let Outcome::Blocked(Some(wait)) = &table.steps[0].outcome else { panic!("{table:?}") };
        assert!(wait.holder.to_string().contains("the holder"), "{wait}");
    }
}

#[test]
fn a_huge_row_is_moved_inside_the_server() {
    let database = database(
        "CREATE TABLE huge (id int PRIMARY KEY, v text NOT NULL); ALTER TABLE huge ALTER v SET STORAGE EXTERNAL;
         INSERT INTO huge SELECT 1, string_agg(md5(n::text), '') FROM generate_series(1, 1640000) n;",
    );
    assert_outcomes(database.url(), &[("huge", ALL_PASSED)]);
}

/// The server ends the session in the middle of an update.
#[test]
fn a_lost_connection_leaves_nothing() {
    let database = database(
        "CREATE TABLE deadly (id int PRIMARY KEY); INSERT INTO deadly VALUES (1);
         CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
         CREATE TRIGGER t AFTER UPDATE ON deadly FOR EACH ROW EXECUTE FUNCTION die();",
    );
    let before = versions(database.url());
    let target = TargetUrl::parse(database.url()).unwrap();
    let error = smoke_test(&target, &DbSettings::default(), TIMEOUT, &Silent).unwrap_err();
    assert!(error.to_string().contains("public.deadly"), "{error}");
    assert!(error.remedy_text().unwrap().contains("nothing was changed"), "{error:?}");
    assert_eq!(versions(database.url()), before);
}

#[test]
fn what_is_left_when_the_time_is_over_is_not_tried() {
    let database = database(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE slow (id int PRIMARY KEY); INSERT INTO slow VALUES (1);
         CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
         CREATE TRIGGER t BEFORE UPDATE ON slow FOR EACH ROW EXECUTE FUNCTION wait(); CREATE TABLE z (id int);",
    );
    let before = versions(database.url());
    let target = TargetUrl::parse(database.url()).unwrap();
    let test = smoke_test(&target, &DbSettings::default(), Duration::from_secs(3), &Silent).unwrap();
    let found: Vec<[String; 3]> = test.tables.iter().map(outcomes).collect();
    assert_eq!(found[1], ["OutOfTime", "timed out", "OutOfTime"].map(str::to_owned));
    assert_eq!(found[2], ["OutOfTime"; 3].map(str::to_owned));
    assert_eq!(versions(database.url()), before);
}

/// The names of functions and tables in triggers are found as in the app's sessions.
#[test]
fn triggers_run_with_the_search_path_of_the_app() {
    let database = database(
        "CREATE TABLE log (n int); CREATE TABLE logged (id int PRIMARY KEY); INSERT INTO logged VALUES (1);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN NEW; END';
         CREATE TRIGGER t BEFORE INSERT OR UPDATE ON logged FOR EACH ROW EXECUTE FUNCTION note();",
    );
    assert_outcomes(database.url(), &[("log", ALL_PASSED), ("logged", ALL_PASSED)]);
}

#[test]
fn a_database_that_is_read_only_is_refused_once() {
    let server = OwnServer::start(&["wal_level = 'replica'", "max_wal_senders = 5"]);
    let database = server.database();
    execute(database.url(), "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let standby = Standby::of(&server);
    let url = standby.url(database.url());
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while PgConnection::establish(&url).is_err() || versions(&url).is_empty() {
        assert!(std::time::Instant::now() < deadline, "the standby does not follow");
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = |url: &str| {
        let target = TargetUrl::parse(url).unwrap();
        smoke_test(&target, &DbSettings::default(), TIMEOUT, &Silent).unwrap_err().to_string()
    };
    assert!(refused(&url).contains("standby"), "{}", refused(&url));
    let options = format!("{}?options=-cdefault_transaction_read_only%3Don", database.url());
    assert!(refused(&options).contains("default_transaction_read_only is on"), "{}", refused(&options));
}

/// Values of rows are in errors of constraints and triggers, and none of them reaches the log.
#[test]
fn the_servers_log_has_no_value() {
    let server = OwnServer::start(&[]);
    let database = server.database();
    execute(
        database.url(),
        "CREATE TABLE behind (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text UNIQUE); INSERT INTO behind VALUES (1, 'kanarienvogel');
         CREATE TABLE p (k text PRIMARY KEY CHECK (k = 'kanarienvogel')); INSERT INTO p VALUES ('kanarienvogel');
         CREATE TABLE c (k text REFERENCES p); INSERT INTO c VALUES ('kanarienvogel');
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no: %'', OLD; END';
         CREATE TABLE kept (v text); INSERT INTO kept VALUES ('kanarienvogel');
         CREATE TRIGGER t BEFORE DELETE OR UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION refuse();",
    );
    let mut before = server.log().len();
    let test = assert_outcomes(
        database.url(),
        &[
            ("behind", ["failed 23505", "passed", "passed"]),
            ("p", ["no row: p_k_check", "passed", "refused by c_k_fkey"]),
            ("c", ALL_PASSED),
            ("kept", ["passed", "raised", "raised"]),
        ],
    );
    let log = server.log();
    before = before.min(log.len());
    let written = &log[before..];
    assert!(!written.contains("kanarienvogel") && !written.contains("ERROR:"), "{written}");
    assert!(!format!("{test:?}").contains("kanarienvogel"));
}
