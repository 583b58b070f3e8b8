//! Sources that ask something of the planner: what it refuses and in which words, and that PostgreSQL takes what it does not.

use migrate_core::mapping::Mapping;
use migrate_core::{planner, schema_diff};
use row_mover::source::profile::profile;
use row_mover::source::{SourceConnection, introspect};

use super::{and_back, there};
use crate::support::{Case, chain, sqlite};

/// What the planner says to a source that it refuses.
#[track_caller]
fn refusal(sql: &str, mapping: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(&path, sql);
    let source = SourceConnection::open_live(&path).unwrap();
    let schema = introspect::introspect(&source).unwrap();
    let profile = profile(&source, &schema).unwrap();
    let mapping = Mapping::from_toml(&format!("format = 1\n{mapping}")).unwrap();
    match planner::plan(&schema, Some(&profile), &mapping) {
        Err(error) => error.to_string(),
        Ok(plan) => panic!("{sql}: not refused: {plan:?}"),
    }
}

#[test]
fn derived_names_step_aside_for_names_of_the_source() {
    let case = there(
        "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT UNIQUE, b INTEGER REFERENCES b);
         CREATE TABLE a_id_seq (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE a_pkey (id TEXT PRIMARY KEY);
         CREATE TABLE a_v_key (v TEXT); CREATE INDEX b_pkey ON a_v_key (v); CREATE TABLE b (id INTEGER PRIMARY KEY);
         CREATE TABLE a_b_fkey (v TEXT); CREATE TABLE x_y (z TEXT UNIQUE); CREATE TABLE x (y_z TEXT UNIQUE);
         INSERT INTO b VALUES (1); INSERT INTO a (v, b) VALUES ('x', 1); INSERT INTO a_id_seq (v) VALUES ('y');",
        "",
    );
    assert_eq!(case.ask("INSERT INTO a (v) VALUES ('new') RETURNING id"), ["2"]);
    case.execute("DELETE FROM a WHERE v = 'new'");
    and_back(&case);
}

#[test]
fn names_that_postgresql_or_diesel_has_step_aside() {
    let long = "long".repeat(20);
    let short = migrate_core::identifier::fit_pg(&long);
    let case = there(
        &format!(
            "CREATE TABLE __diesel_schema_migrations (version TEXT PRIMARY KEY); INSERT INTO __diesel_schema_migrations VALUES ('1');
             CREATE TABLE __diesel_schema_migrations_pkey (v TEXT); CREATE TABLE pg_class (v TEXT);
             CREATE INDEX pg_class_oid_index ON pg_class (v); CREATE TABLE t (ctid TEXT, ctid_ TEXT);
             CREATE TABLE \"\" (v TEXT); CREATE TABLE unnamed (v TEXT); CREATE TABLE {long} (v TEXT); CREATE TABLE {short} (v TEXT);
             INSERT INTO t VALUES ('a', 'b'); INSERT INTO {long} VALUES ('long'); INSERT INTO {short} VALUES ('short');"
        ),
        "",
    );
    let named = |source: &str| case.plan.table(source).map(|table| table.target.as_str());
    assert_eq!(named("__diesel_schema_migrations"), None);
    assert_eq!(named("pg_class"), Some("_pg_class"));
    assert_eq!(named("unnamed"), Some("unnamed"));
    assert_eq!(named(&short), Some(short.as_str()));
    let columns: Vec<&str> =
        case.plan.table("t").unwrap().columns.iter().map(|column| column.target.as_str()).collect();
    assert_eq!(columns[1], "ctid_");
    assert_ne!(columns[0], "ctid_");
    and_back(&case);
}

#[test]
fn names_that_a_human_chose_must_be_free() {
    for (sql, mapping, words) in [
        (
            "CREATE TABLE t (v TEXT)",
            "[[tables.t.indexes]]\nname = \"t\"\ncolumns = [\"v\"]\nwhy = \"\"",
            "table t and index t of t would both be named t in PostgreSQL",
        ),
        (
            "CREATE TABLE t (v TEXT); CREATE TABLE u (v TEXT)",
            "[tables.t]\nrename = \"u\"",
            "table t and table u would both be named u in PostgreSQL",
        ),
        (
            "CREATE TABLE t (v TEXT, w TEXT)",
            "[tables.t.columns]\nv = { rename = \"w\" }",
            "column t.v and column t.w would both be named w in PostgreSQL",
        ),
    ] {
        let refusal = refusal(sql, mapping);
        assert!(refusal.contains(words), "{sql}: {refusal}");
    }
}

#[test]
fn a_decision_about_an_unknown_object_is_refused() {
    let sql = "CREATE TABLE jobs (id INTEGER PRIMARY KEY, created_at DATETIME); CREATE INDEX by_time ON jobs (created_at)";
    for (mapping, words) in [
        (
            "[[columns]]\ncolumn = \"*_att\"\nas = \"text\"",
            "mapping.toml has [[columns]] column = \"*_att\", which matches no column of the source",
        ),
        (
            "[[columns]]\ncolumn = \"creatd_at\"\nas = \"text\"",
            "column = \"creatd_at\", which matches no column of the source; did you mean created_at?",
        ),
        (
            "[[columns]]\ntable = \"job\"\ncolumn = \"*\"\nas = \"text\"",
            "table = \"job\", column = \"*\", which matches no column of the source; did you mean jobs?",
        ),
        (
            "[[columns]]\ndeclared = \"DATTIME\"\nas = \"text\"",
            "declared = \"DATTIME\", which matches no column of the source; did you mean DATETIME?",
        ),
        (
            "[[columns]]\ncolumn = \"id\"\ndeclared = \"DATETIME\"\nas = \"text\"",
            "column = \"id\", declared = \"DATETIME\", which matches no column of the source",
        ),
        (
            "[[tables_matching]]\ntable = \"job\"\nfaithful = true",
            "mapping.toml has [[tables_matching]] table = \"job\", which matches no table of the source; did you mean jobs?",
        ),
        (
            "[tables.jobs.rename_indexes]\nby_tme = \"i\"",
            "mapping.toml names index by_tme, which the source does not have; did you mean by_time?",
        ),
    ] {
        let refusal = refusal(sql, mapping);
        assert!(refusal.contains(words), "{mapping}: {refusal}");
    }
}

#[test]
fn additions_to_a_renamed_source_are_reported() {
    let case = there(
        "CREATE TABLE A (Id INTEGER PRIMARY KEY, v TEXT); CREATE INDEX I ON A (v)",
        "[tables.A]\nrename = \"b\"\n[tables.A.columns]\nv = { rename = \"w\" }\n[tables.A.rename_indexes]\nI = \"j\"",
    );
    // The names that the plan gives are names of the source by now.
    sqlite(
        &case.source,
        "ALTER TABLE A ADD COLUMN w TEXT; CREATE TABLE b (v TEXT); CREATE INDEX j ON A (w); CREATE TABLE unknown_1 (v TEXT);",
    );
    let again = Case::planned(tempfile::tempdir().unwrap(), case.source.clone(), case.plan.clone());
    let error = chain(&again.refused());
    for words in [
        "table b: in the source, not in the plan",
        "A.w: in the source, not in the plan",
        "A: index j (w): in the source, not in the plan",
        "table unknown_1: in the source, not in the plan",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_human_renames_and_skips() {
    let case = there(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, Code TEXT UNIQUE, junk TEXT UNIQUE, other_junk TEXT CHECK (other_junk <> ''));
         CREATE TABLE c (p TEXT REFERENCES p (Code), j TEXT REFERENCES p (junk)); CREATE INDEX by_junk ON p (junk, Code);
         INSERT INTO p (Code, junk) VALUES ('a', 'x'); INSERT INTO c VALUES ('a', 'x');",
        "[tables.p]\nrename = \"people\"\n[tables.p.columns]\nCode = { rename = \"code\" }\njunk = { skip = \"nobody reads it\" }
         [[columns]]\ncolumn = \"OTHER_*\"\nskip = \"nor this\"",
    );
    assert_eq!(case.ask("SELECT id, code FROM people"), ["1|a"]);
    assert_eq!(
        case.ask(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        ),
        ["1"]
    );
    let left: Vec<String> =
        case.plan.left_behind.iter().map(|item| format!("{} {}", item.kind, item.name)).collect();
    assert_eq!(
        left,
        [
            "check p: CHECK (other_junk <> '')",
            "column p.junk",
            "column p.other_junk",
            "foreign key c(j) to p",
            "index by_junk on p: CREATE INDEX by_junk ON p (junk, Code)",
            "unique p: UNIQUE (junk)",
        ]
    );
    and_back(&case);
}

#[test]
fn more_columns_than_postgresql_allows_are_refused() {
    let columns = |count: usize, after: &str| {
        (1..=count).map(|number| format!("c{number}{after}")).collect::<Vec<_>>().join(", ")
    };
    for (sql, words) in [
        (
            format!("CREATE TABLE t ({})", columns(1601, " TEXT")),
            "table t has 1601 columns, and PostgreSQL allows at most 1600",
        ),
        (
            format!("CREATE TABLE t ({}, PRIMARY KEY ({}))", columns(33, " TEXT"), columns(33, "")),
            "the primary key of t has 33 columns, and PostgreSQL allows at most 32",
        ),
        (
            format!("CREATE TABLE t ({}); CREATE INDEX i ON t ({})", columns(33, " TEXT"), columns(33, "")),
            "index i of t has 33 columns",
        ),
    ] {
        let refusal = refusal(&sql, "");
        assert!(refusal.starts_with(words), "{refusal}");
    }
    and_back(&there(
        &format!(
            "CREATE TABLE wide ({}); INSERT INTO wide (c1, c1600) VALUES ('a', 'z');
             CREATE TABLE keyed ({}, PRIMARY KEY ({})); CREATE INDEX i ON keyed ({});",
            columns(1600, " TEXT"),
            columns(32, " TEXT"),
            columns(32, ""),
            columns(32, " DESC"),
        ),
        "",
    ));
}

#[test]
fn columns_without_a_value_get_a_type_that_says_so() {
    let case = there(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME, yes BOOLEAN DEFAULT 0, n NUMERIC, d DECIMAL(10, 2) DEFAULT '1.5', u,
                         made DATETIME DEFAULT CURRENT_TIMESTAMP, w NUMERIC DEFAULT 'none');
         CREATE TABLE filled (id INTEGER PRIMARY KEY, n NUMERIC, u); INSERT INTO filled (id) VALUES (1), (2);
         CREATE TABLE strict (a ANY DEFAULT '5', b INT) STRICT;",
        "",
    );
    for (table, column, kind, default) in [
        ("t", "at", "timestamp", None),
        ("t", "yes", "boolean", Some("false")),
        ("t", "n", "numeric", None),
        ("t", "d", "numeric", Some("1.5")),
        ("t", "u", "text", None),
        ("t", "made", "timestamptz", Some("now()")),
        ("t", "w", "text", Some("'none'")),
        ("filled", "n", "numeric", None),
        ("filled", "u", "text", None),
        ("strict", "a", "text", Some("'5'")),
    ] {
        let planned = case.plan.table(table).unwrap().target_column(column).unwrap();
        assert_eq!(
            (planned.target_type.sql(), planned.default.as_deref()),
            (kind, default),
            "{table}.{column}"
        );
        assert!(planned.why.contains("no value to look at"), "{table}.{column}: {}", planned.why);
    }
    and_back(&case);
}

#[test]
fn a_value_that_an_inferred_type_cannot_hold_is_reported_before_anything_moves() {
    let case = crate::support::Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME)");
    sqlite(&case.source, "INSERT INTO t VALUES (1, 1700000000)");
    let row_mover::run::Outcome::Rejected { findings, .. } =
        row_mover::run::migrate(&case.request(), &row_mover::observer::Silent).unwrap()
    else {
        panic!("not rejected");
    };
    assert_eq!(findings.tables[0].offenders[0].column, "at");
    assert_eq!(case.target_objects(), [] as [&str; 0]);
}

#[test]
fn columns_whose_type_no_key_can_have_are_refused() {
    let mapped = |kind: &str| format!("[tables.t.columns]\nv = {{ as = \"{kind}\" }}");
    let gin = "\n[[tables.t.indexes]]\nname = \"i\"\nmethod = \"gin\"\ncolumns = [\"v\"]\nwhy = \"\"";
    for (sql, mapping, words) in [
        (
            "CREATE TABLE t (v TEXT PRIMARY KEY)",
            mapped("json"),
            "the primary key of t uses v, which is json, and",
        ),
        ("CREATE TABLE t (v TEXT UNIQUE)", mapped("json"), "UNIQUE (v) of t uses v, which is json, and"),
        (
            "CREATE TABLE t (v TEXT); CREATE INDEX i ON t (v)",
            mapped("json"),
            "index i of t uses v, which is json, and",
        ),
        (
            "CREATE TABLE t (v TEXT); CREATE UNIQUE INDEX i ON t (v)",
            mapped("jsonb"),
            "index i of t uses v, which is jsonb:",
        ),
        (
            "CREATE TABLE t (v TEXT UNIQUE)",
            mapped("jsonb_last_key_wins"),
            "UNIQUE (v) of t uses v, which is jsonb:",
        ),
        (
            "CREATE TABLE t (v TEXT PRIMARY KEY)",
            mapped("timestamptz_from_iso8601"),
            "the primary key of t uses v, which is timestamptz:",
        ),
        ("CREATE TABLE t (v TEXT)", mapped("json") + gin, "index i of t uses v, and a gin index needs jsonb"),
    ] {
        let refusal = refusal(sql, &mapping);
        assert!(refusal.starts_with(words), "{sql}: {refusal}");
    }
    and_back(&there(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w TEXT); CREATE INDEX by_v ON t (v); CREATE INDEX by_w ON t (w);
         INSERT INTO t VALUES (1, '{\"a\": 1}', '2024-01-01 10:00+02:00'), (2, '{\"a\":1}', '2024-01-01 08:00Z');",
        "[tables.t.columns]\nv = { as = \"jsonb\" }\nw = { as = \"timestamptz_from_iso8601\" }",
    ));
}

#[test]
fn defaults_are_those_that_sqlite_stores() {
    let case = there(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER DEFAULT '5', b INTEGER DEFAULT -9223372036854775808, c TEXT DEFAULT 5,
                         d REAL DEFAULT '1.5', e INTEGER DEFAULT 1.0, f BLOB DEFAULT x'00ff');
         INSERT INTO t (id) VALUES (1);
         CREATE TABLE u (id INTEGER PRIMARY KEY, v DEFAULT 5, n INTEGER DEFAULT 'five'); INSERT INTO u VALUES (1, 'text', 1);",
        "",
    );
    assert_eq!(
        case.plan.left_behind.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(),
        ["u.n: DEFAULT 'five'"]
    );
    case.execute("INSERT INTO t (id) VALUES (2); INSERT INTO u (id) VALUES (2)");
    assert_eq!(case.ask("SELECT v, n FROM u ORDER BY id"), ["text|1", "5|NULL"]);
    let expected = "5|-9223372036854775808|5|1.5|1|\\x00ff";
    assert_eq!(case.ask("SELECT a, b, c, d, e, f FROM t ORDER BY id"), [expected, expected]);
    case.execute("DELETE FROM t WHERE id = 2; DELETE FROM u WHERE id = 2");
    and_back(&case);
}

#[test]
fn conflict_clauses_and_without_rowid_are_part_of_what_a_plan_is_for() {
    let before = "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT NOT NULL ON CONFLICT IGNORE, UNIQUE (v) ON CONFLICT REPLACE) STRICT";
    let after =
        "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT NOT NULL, UNIQUE (v) ON CONFLICT FAIL) WITHOUT ROWID";
    let case = there(before, "");
    let left: Vec<(&str, &str)> =
        case.plan.left_behind.iter().map(|item| (item.kind.as_str(), item.name.as_str())).collect();
    assert_eq!(
        left,
        [
            ("conflict clause", "t.v: NOT NULL ON CONFLICT IGNORE"),
            ("conflict clause", "t: UNIQUE (v) ON CONFLICT REPLACE"),
        ]
    );
    let path = case.dir.path().join("after.db");
    sqlite(&path, after);
    let schema = introspect::introspect(&SourceConnection::open_live(&path).unwrap()).unwrap();
    assert_eq!(
        schema_diff::differences(&case.plan, &schema).unwrap(),
        [
            "table t: WITHOUT ROWID is yes in the source, no in the plan",
            "conflict clause t: UNIQUE (v) ON CONFLICT FAIL: in the source, not in the plan",
            "conflict clause t.v: NOT NULL ON CONFLICT IGNORE: in the plan as not migrated, not in the source",
            "conflict clause t: UNIQUE (v) ON CONFLICT REPLACE: in the plan as not migrated, not in the source",
        ]
    );
    and_back(&case);
}
