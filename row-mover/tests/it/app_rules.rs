//! Rows that the rules of an app's tables refuse are found before anything changes, all at once, each with its rule and the keys of the
//! first few.

use row_mover::run::{self, Outcome, Request, Silent};
use row_mover::source::refused_rows::{RefusedRows, Rule};
use test_database::own_server::OwnServer;

use crate::support::{Case, chain, moved, sqlite};

/// An app's table, the rows for it, and the rule with the number of rows that it refuses and the first of their keys.
struct Sample {
    target: &'static str,
    rows: &'static str,
    rule: Rule,
    refused: u64,
    first: &'static str,
}

fn check(name: &str) -> Rule {
    Rule::Check { name: name.to_owned() }
}

fn unique(name: &str) -> Rule {
    Rule::Unique { name: name.to_owned() }
}

fn samples() -> Vec<Sample> {
    let sample = |target, rows, rule, refused, first| Sample { target, rows, rule, refused, first };
    vec![
        sample(
            "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a < 100), b text)",
            "(1, 5, 'x'), (2, 500, 'y'), (3, 7, 'z'), (4, 101, 'z')",
            check("t_a_check"),
            2,
            "id=2",
        ),
        sample(
            "CREATE DOMAIN small AS int CONSTRAINT is_small CHECK (VALUE < 100); CREATE TABLE t (id int PRIMARY KEY, a small, b text)",
            "(1, 5, 'x'), (2, 500, 'y')",
            check("is_small"),
            1,
            "id=2",
        ),
        sample(
            "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE UNIQUE INDEX by_lower ON t (lower(b))",
            "(1, 5, 'x'), (2, 6, 'X'), (3, 7, 'y')",
            unique("by_lower"),
            1,
            "id=2",
        ),
        sample(
            "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE UNIQUE INDEX \"active USING one\" ON t (a) WHERE b = 'on'",
            "(1, 5, 'on'), (2, 5, 'off'), (3, 5, 'on'), (4, 5, 'on')",
            unique("active USING one"),
            2,
            "id=3",
        ),
        sample(
            "CREATE TABLE t (id int PRIMARY KEY, a int, b text, UNIQUE NULLS NOT DISTINCT (a))",
            "(1, NULL, 'x'), (2, NULL, 'y'), (3, 1, 'z')",
            unique("t_a_key"),
            1,
            "id=2",
        ),
        sample(
            "CREATE TABLE t (id int PRIMARY KEY, a int, b text, EXCLUDE USING gist (int4range(a, a + 10) WITH &&))",
            "(1, 0, 'x'), (2, 20, 'y'), (3, 5, 'z')",
            Rule::Exclusion { name: "t_int4range_excl".to_owned() },
            1,
            "id=3",
        ),
        sample(
            "CREATE TABLE t (id int, a int, b text) PARTITION BY RANGE (a); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10); \
             CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (10) TO (20) PARTITION BY LIST (b); CREATE TABLE t_2_x PARTITION OF t_2 FOR VALUES IN ('x')",
            "(1, 5, 'x'), (2, 15, 'x'), (3, 15, 'y'), (4, 25, 'x')",
            Rule::NoPartition,
            2,
            "id=3",
        ),
        sample(
            "CREATE TABLE t (id int, a int, b text) PARTITION BY LIST (b); CREATE TABLE t_1 PARTITION OF t DEFAULT; \
             ALTER TABLE t_1 ADD CONSTRAINT own CHECK (a > 0); CREATE UNIQUE INDEX own_key ON t_1 (abs(a))",
            "(1, 5, 'x'), (2, -1, 'x')",
            check("own"),
            1,
            "id=2",
        ),
        sample(
            "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int GENERATED ALWAYS AS (100 / a) STORED)",
            "(1, 5, 'x'), (2, 0, 'y')",
            Rule::Other { sqlstate: "22012".to_owned() },
            1,
            "id=2",
        ),
        sample(
            "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE INDEX by_number ON t ((b::int))",
            "(1, 5, '7'), (2, 0, 'secret')",
            Rule::Other { sqlstate: "22P02".to_owned() },
            1,
            "id=2",
        ),
        sample(
            "CREATE TABLE place (code text PRIMARY KEY); INSERT INTO place VALUES ('x'); \
             CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(10) REFERENCES place)",
            "(1, 5, 'x'), (2, 0, 'y'), (3, 0, NULL)",
            Rule::ForeignKey { name: "t_b_fkey".to_owned(), parent: "public.place".to_owned() },
            1,
            "id=2",
        ),
    ]
}

fn source_sql(rows: &str) -> String {
    format!("CREATE TABLE t (id INTEGER, a INTEGER, b TEXT); INSERT INTO t VALUES {rows}")
}

#[track_caller]
fn refused(case: &Case) -> Vec<RefusedRows> {
    let before = case.target_objects();
    let findings = match run::migrate(&case.request(), &Silent) {
        Ok(Outcome::Rejected { findings, .. }) => findings,
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{}", chain(&error)),
    };
    assert_eq!(case.target_objects(), before);
    findings.tables.into_iter().flat_map(|table| table.refused).collect()
}

#[test]
fn each_kind_of_rule_is_tried_before_anything_changes() {
    for Sample { target, rows, rule, refused: count, first } in samples() {
        let case = Case::for_app(&source_sql(rows), target, "");
        let found = refused(&case);
        let [one] = found.as_slice() else { panic!("{target}: {found:?}") };
        assert_eq!((&one.rule, one.rows, one.may_be_more), (&rule, count, false), "{target}");
        assert!(
            one.first.first().is_some_and(|key| key.contains(first) || key == "rowid=2" || key == "rowid=3"),
            "{target}: {one:?}"
        );
        assert_eq!(case.ask("SELECT count(*) FROM t"), ["0"], "{target}");
        // A row that no rule refuses moves.
        let rest = Case::for_app(
            &source_sql("(1, 5, 'x')").replace("'x'", if target.contains("::int") { "'7'" } else { "'x'" }),
            target,
            "",
        );
        rest.moved();
    }
}

#[test]
fn all_rules_of_all_tables_are_reported_at_once() {
    let case = Case::for_app(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER, s TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY, n INTEGER);
         WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 20000)
         INSERT INTO a SELECT i, CASE WHEN i % 5000 = 0 THEN -i ELSE i END, 's' || (i % 19998) FROM i;
         INSERT INTO b VALUES (1, 1), (2, 2)",
        "CREATE TABLE a (id int PRIMARY KEY, n int CONSTRAINT above CHECK (n > 0), s text); CREATE UNIQUE INDEX by_upper ON a (upper(s));
         CREATE TABLE b (id int PRIMARY KEY, n int CONSTRAINT one CHECK (n = 1))",
        "",
    );
    let found: Vec<(Rule, u64, Vec<String>)> =
        refused(&case).into_iter().map(|found| (found.rule, found.rows, found.first)).collect();
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            (check("above"), 4, keys(&["id=5000", "id=10000", "id=15000"])),
            (unique("by_upper"), 1, keys(&["id=19999"])),
            (check("one"), 1, keys(&["id=2"])),
        ]
    );
}

#[test]
fn a_table_of_which_nearly_all_rows_are_refused_is_not_tried_to_its_end() {
    let case = Case::for_app(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER);
         WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 5000) INSERT INTO a SELECT i, i FROM i",
        "CREATE TABLE a (id int PRIMARY KEY, n int CONSTRAINT never CHECK (n < 0))",
        "",
    );
    let found = refused(&case);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.rows, one.may_be_more, one.first.len()), (1000, true, 3));
}

#[test]
fn rows_that_stay_in_the_table_are_compared_and_sequences_do_not_move() {
    let case = Case::for_app(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, s TEXT); INSERT INTO a VALUES (1, 'new'), (2, 'SEED')",
        "CREATE SEQUENCE numbers; CREATE FUNCTION now_and_then() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT nextval(''numbers'')::int';
         CREATE TABLE a (id int PRIMARY KEY, s text, drawn int NOT NULL DEFAULT nextval('numbers'), called int NOT NULL DEFAULT now_and_then(),
             state text NOT NULL DEFAULT 'new' CONSTRAINT known CHECK (state IN ('new', 'old')));
         CREATE UNIQUE INDEX by_lower ON a (lower(s)); INSERT INTO a VALUES (10, 'seed', 0, 0)",
        "seeds = \"keep\"",
    );
    let found = refused(&case);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&one.rule, one.first.as_slice()), (&unique("by_lower"), &["id=2".to_owned()][..]));
    assert_eq!(case.ask("SELECT is_called FROM numbers"), ["f"]);
    case.execute("DROP INDEX by_lower");
    let again = Case::for_app(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, s TEXT); INSERT INTO a VALUES (1, 'new'), (2, 'other')",
        "CREATE TABLE a (id int PRIMARY KEY, s text); CREATE UNIQUE INDEX by_lower ON a (lower(s)); INSERT INTO a VALUES (10, 'seed')",
        "seeds = \"keep\"",
    );
    again.moved();
}

#[test]
fn a_check_that_reads_other_tables_is_left_to_the_load() {
    let case = Case::for_app(
        "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER); INSERT INTO a VALUES (1); \
         INSERT INTO b VALUES (1, 1)",
        "CREATE TABLE a (id int PRIMARY KEY); CREATE FUNCTION is_known(n int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM a WHERE id = n)';
         CREATE TABLE b (id int PRIMARY KEY, a int CHECK (is_known(a)))",
        "",
    );
    let outcome = run::dry_run(&case.request(), &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(matches!(outcome, Outcome::DryRun { .. }), "{outcome:?}");
}

#[test]
fn no_value_of_a_row_on_trial_reaches_the_log() {
    let server = OwnServer::start(&["log_min_messages = 'warning'", "log_statement = 'ddl'"]);
    for Sample { target, rows, .. } in samples() {
        let secret = rows.replace("'x'", "'pssst'").replace("'y'", "'pssst2'").replace("'X'", "'PSSST'");
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, &source_sql(&secret));
        let case = Case::into_existing_on(server.database(), dir, source, "", target).unwrap();
        drop(run::migrate(&case.request(), &Silent));
    }
    let log = server.log();
    assert!(log.contains("CREATE TABLE"), "{log}");
    let leaked: Vec<&str> =
        log.lines().filter(|line| line.to_lowercase().contains("pssst") || line.contains("secret")).collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
}

#[test]
fn a_restart_tries_the_rows_as_if_the_earlier_run_were_gone() {
    let case = Case::for_app(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, s TEXT); INSERT INTO a VALUES (1, 'one'), (2, 'two')",
        "CREATE TABLE a (id int PRIMARY KEY, s text); CREATE UNIQUE INDEX by_lower ON a (lower(s)); INSERT INTO a VALUES (10, 'seed')",
        "seeds = \"keep\"",
    );
    case.moved();
    moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
    assert_eq!(case.ask("SELECT count(*) FROM a"), ["3"]);
}
