//! One change in PostgreSQL after a migration, each of another kind: validation reports exactly that and proves nothing; once
//! it is mended, everything is proven again.

use fixtures::hyperpage::{SampleOptions, create_sample};
use row_mover::run::{self, Outcome, Silent, Validation};
use row_mover::validate::DifferenceKind;

use crate::support::{Case, hyperpage_plan, moved, words};

const SOURCE: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, txt TEXT NOT NULL DEFAULT 'd', empty TEXT, i INTEGER, n INTEGER, f REAL, b BLOB,
                    flag INTEGER, ms INTEGER, iso TEXT, j TEXT, jb TEXT, secret TEXT UNIQUE);
    INSERT INTO t VALUES
      (1, 'one', '', 9007199254740993, 7, 0.1, x'00ff', 1, 1705312800123, '2024-01-15 10:00:00.123456', '{\"a\": [1,2]}', '{\"a\": [1,2], \"n\": 1.5}', 's3cret-1'),
      (2, 'two', '', 9007199254740994, 8, 0.0, x'00fe', 0, 1705312800124, '2024-01-15 10:00:01', '{\"a\": [3,4]}', '{\"a\": [3,4], \"n\": 2.5}', 's3cret-2'),
      (3, 'three', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    CREATE INDEX by_txt ON t (txt, i DESC);
    CREATE TABLE child (id INTEGER PRIMARY KEY, t INTEGER NOT NULL REFERENCES t (id));
    INSERT INTO child VALUES (1, 1), (2, 2);
    CREATE TABLE pairs (a TEXT, b INTEGER, v TEXT, PRIMARY KEY (b, a));
    INSERT INTO pairs VALUES ('x', 1, 'one'), ('y', 1, 'two'), ('X', 2, 'three');
    CREATE TABLE loose (v TEXT, n INTEGER);
    INSERT INTO loose VALUES ('a', 1), ('a', 1), ('b', 2);
    CREATE TABLE floats (k NUMERIC PRIMARY KEY, v TEXT);
    INSERT INTO floats VALUES (1, 'a'), (2, 'b'), (2.5, 'c'), (10, 'd');";

const MAPPING: &str = r#"
    [tables.t.columns]
    n = { as = "integer" }
    flag = { as = "boolean" }
    ms = { as = "timestamptz_from_epoch_ms" }
    iso = { as = { timestamptz_from_iso8601 = "UTC" } }
    j = { as = "json" }
    jb = { as = "jsonb" }
    secret = { secret = true }
    [tables.floats.columns]
    k = { as = "double_precision" }"#;

/// A validation in lines: what is wrong and nothing else.
pub fn findings(validation: &Validation) -> Vec<String> {
    let mut lines = Vec::new();
    for table in &validation.tables {
        for difference in &table.first {
            let kind = match difference.kind {
                DifferenceKind::Missing => "missing",
                DifferenceKind::Extra => "extra",
                DifferenceKind::Different => "different",
            };
            let columns = difference.columns.join(", ");
            lines.push(format!("{} {} {kind} {columns}", table.table, difference.key).trim_end().to_owned());
        }
        let named: u64 = table.first.iter().map(|difference| difference.rows).sum();
        let count = table.missing + table.extra + table.different;
        if count > named {
            lines.push(format!(
                "{}: {} missing, {} extra, {} different",
                table.table, table.missing, table.extra, table.different
            ));
        }
        let expected = table.source_rows - table.rejected;
        assert_eq!(table.equal + table.missing + table.different, expected, "{}", table.table);
        assert_eq!(table.equal + table.extra + table.different, table.target_rows, "{}", table.table);
    }
    lines.extend(words::schema(validation));
    lines.extend(words::sequences(validation));
    lines.extend(
        validation.missing_migrations.iter().map(|migration| format!("migration {}", migration.name)),
    );
    // What gets through is `behaviour`'s part: here it is what comparing finds.
    lines.extend(words::views(validation));
    lines.extend(words::defaults(validation));
    lines
}

/// Does each change (what is done, what undoes it, what is found), and looks at what validation says to it and to its undoing.
#[track_caller]
pub fn check_each<C: AsRef<str>>(case: &Case, cases: &[(C, &str, Vec<&str>)]) {
    let validated = || case.ask("SELECT count(*) FROM migration.phases WHERE phase = 'validate'");
    let mut wrong = Vec::new();
    for (change, back, expected) in cases {
        let change = change.as_ref();
        case.execute(change);
        let (_, damaged) = case.validated(false);
        // Their order is that of their remedies, which the mutation tests follow.
        let (mut found, mut expected) = (findings(&damaged), expected.clone());
        found.sort();
        expected.sort_unstable();
        let count = if expected.is_empty() { "1" } else { "0" };
        if found != expected || damaged.is_proven() != expected.is_empty() || validated() != [count] {
            wrong.push(format!(
                "{change}\n  found    {found:?}\n  expected {expected:?}\n  validated {:?}",
                validated()
            ));
        }
        case.execute(back);
        let (_, mended) = case.validated(false);
        if !mended.is_proven() || validated() != ["1"] {
            wrong.push(format!("{back} mends nothing: {:?}", findings(&mended)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_damage_is_named_exactly() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    case.execute("CREATE SCHEMA aside; CREATE TABLE aside.kept_t AS SELECT * FROM t");
    let back = "UPDATE t SET txt = k.txt, empty = k.empty, i = k.i, n = k.n, f = k.f, b = k.b, flag = k.flag, ms = k.ms, iso = k.iso, \
                j = k.j, jb = k.jb, secret = k.secret FROM aside.kept_t k WHERE k.id = t.id";
    let change = |set: &str| format!("UPDATE t SET {set} WHERE id = 1");
    // What is done, what undoes it, and what is found.
    let mut cases: Vec<(String, &str, Vec<&str>)> = vec![
        (change("txt = 'One'"), back, vec!["t id=1 different txt"]),
        (change("txt = 'one '"), back, vec!["t id=1 different txt"]),
        (change("txt = 'о' || 'ne'"), back, vec!["t id=1 different txt"]),
        (change("empty = NULL"), back, vec!["t id=1 different empty"]),
        ("UPDATE t SET empty = '' WHERE id = 3".to_owned(), back, vec!["t id=3 different empty"]),
        (change("i = i - 1"), back, vec!["t id=1 different i"]),
        (change("n = 0"), back, vec!["t id=1 different n"]),
        (change("f = 0.1 + 1e-17"), back, vec![]),
        (change("f = 0.1 + 2e-17"), back, vec!["t id=1 different f"]),
        ("UPDATE t SET f = '-0' WHERE id = 2".to_owned(), back, vec!["t id=2 different f"]),
        (change("f = 'NaN'"), back, vec!["t id=1 different f"]),
        (change("b = '\\x00ff00'"), back, vec!["t id=1 different b"]),
        (change("flag = false"), back, vec!["t id=1 different flag"]),
        (change("flag = NULL"), back, vec!["t id=1 different flag"]),
        (change("ms = ms + interval '1 microsecond'"), back, vec!["t id=1 different ms"]),
        (change("ms = 'infinity'"), back, vec!["t id=1 different ms"]),
        (change("iso = iso - interval '1 microsecond'"), back, vec!["t id=1 different iso"]),
        (change("iso = '-infinity'"), back, vec!["t id=1 different iso"]),
        (change("j = '{\"a\":[1,2]}'"), back, vec!["t id=1 different j"]),
        (change("jb = '{\"n\": 1.5, \"a\": [2, 1]}'"), back, vec!["t id=1 different jb"]),
        (change("jb = '{\"n\": 1.50, \"a\": [1, 2]}'"), back, vec!["t id=1 different jb"]),
        (change("jb = '{\"a\": [1, 2], \"n\": 1.5}'"), back, vec![]),
        (change("secret = 's3cret'"), back, vec!["t id=1 different secret"]),
        (change("txt = '', i = 0, jb = NULL"), back, vec!["t id=1 different txt, i, jb"]),
        (
            "UPDATE t SET i = CASE id WHEN 1 THEN 9007199254740994 ELSE 9007199254740993 END WHERE id < 3"
                .to_owned(),
            back,
            vec!["t id=1 different i", "t id=2 different i"],
        ),
    ];
    let mut add = |change: &str, back: &'static str, found: &[&'static str]| {
        cases.push((change.to_owned(), back, found.to_vec()));
    };
    add(
        "DELETE FROM t WHERE id = 3",
        "INSERT INTO t SELECT * FROM aside.kept_t WHERE id = 3",
        &["t id=3 missing"],
    );
    add("INSERT INTO t (id) VALUES (-1)", "DELETE FROM t WHERE id = -1", &["t id=-1 extra"]);
    add(
        "INSERT INTO t (id) VALUES (4)",
        "DELETE FROM t WHERE id = 4",
        &["t id=4 extra", "sequence t_id_seq: its next number is 4, which t.id has passed"],
    );
    add(
        "UPDATE t SET id = 0 WHERE id = 3",
        "UPDATE t SET id = 3 WHERE id = 0",
        &["t id=0 extra", "t id=3 missing"],
    );
    add(
        "UPDATE pairs SET v = 'z' WHERE a = 'X'",
        "UPDATE pairs SET v = 'three' WHERE a = 'X'",
        &["pairs b=2, a='X' different v"],
    );
    add(
        "UPDATE pairs SET a = 'Y' WHERE a = 'y'",
        "UPDATE pairs SET a = 'y' WHERE a = 'Y'",
        &["pairs b=1, a='Y' extra", "pairs b=1, a='y' missing"],
    );
    add("DELETE FROM floats WHERE k = 2", "INSERT INTO floats VALUES (2, 'b')", &["floats k=2 missing"]);
    add(
        "UPDATE floats SET k = 3 WHERE k = 2.5",
        "UPDATE floats SET k = 2.5 WHERE k = 3",
        &["floats k=2.5 missing", "floats k=3.0 extra"],
    );
    add(
        "UPDATE loose SET n = 3 WHERE v = 'b'",
        "UPDATE loose SET n = 2 WHERE v = 'b'",
        &["loose rowid=3, ctid=(0,4) different n"],
    );
    add("DELETE FROM loose WHERE v = 'b'", "INSERT INTO loose VALUES ('b', 2)", &["loose rowid=3 missing"]);
    add(
        "INSERT INTO loose VALUES ('a', 1)",
        "DELETE FROM loose WHERE ctid = (SELECT max(ctid) FROM loose)",
        &["loose ctid=(0,1) (2 copies in SQLite, 3 in PostgreSQL) extra"],
    );
    add(
        "DELETE FROM loose WHERE ctid = (SELECT min(ctid) FROM loose); INSERT INTO loose VALUES ('b', 2)",
        "DELETE FROM loose WHERE ctid = (SELECT max(ctid) FROM loose); INSERT INTO loose VALUES ('a', 1)",
        &[
            "loose rowid=1 (2 copies in SQLite, 1 in PostgreSQL) missing",
            "loose ctid=(0,6) (1 copy in SQLite, 2 in PostgreSQL) extra",
        ],
    );
    add(
        "ALTER TABLE t DROP CONSTRAINT t_secret_key",
        "ALTER TABLE t ADD CONSTRAINT t_secret_key UNIQUE (secret)",
        &[
            "t: constraint t_secret_key is gone: UNIQUE (secret)",
            "t: index t_secret_key is gone: CREATE UNIQUE INDEX t_secret_key ON t USING btree (secret)",
        ],
    );
    add(
        "ALTER TABLE pairs DROP CONSTRAINT pairs_pkey",
        "ALTER TABLE pairs ADD CONSTRAINT pairs_pkey PRIMARY KEY (b, a)",
        &[
            "pairs: constraint pairs_pkey is gone: PRIMARY KEY (b, a)",
            "pairs: index pairs_pkey is gone: CREATE UNIQUE INDEX pairs_pkey ON pairs USING btree (b, a)",
        ],
    );
    add(
        "ALTER TABLE child ALTER t DROP NOT NULL",
        "ALTER TABLE child ALTER t SET NOT NULL",
        &["child: column t is bigint, the plan has bigint NOT NULL"],
    );
    add(
        "ALTER TABLE t ALTER txt SET DEFAULT 'e'",
        "ALTER TABLE t ALTER txt SET DEFAULT 'd'",
        &[
            "t: column txt is text COLLATE C NOT NULL DEFAULT 'e'::text, the plan has text COLLATE C NOT NULL DEFAULT 'd'::text",
            "default of t.txt: PostgreSQL's 'e'::text returns another value than SQLite's 'd'",
        ],
    );
    add(
        "DROP INDEX by_txt",
        "CREATE INDEX by_txt ON t (txt, i DESC)",
        &["t: index by_txt is gone: CREATE INDEX by_txt ON t USING btree (txt, i DESC)"],
    );
    add(
        "DROP INDEX by_txt; CREATE INDEX by_txt ON t (txt, i)",
        "DROP INDEX by_txt; CREATE INDEX by_txt ON t (txt, i DESC)",
        &[
            "t: index by_txt is CREATE INDEX by_txt ON t USING btree (txt, i), the plan has CREATE INDEX by_txt ON t USING btree (txt, i DESC)",
        ],
    );
    add(
        "CREATE INDEX more ON t (i)",
        "DROP INDEX more",
        &["t: index more is not in the plan: CREATE INDEX more ON t USING btree (i)"],
    );
    add(
        "ALTER TABLE child DROP CONSTRAINT child_t_fkey; ALTER TABLE child ADD CONSTRAINT child_t_fkey FOREIGN KEY (t) REFERENCES t (id) NOT VALID",
        "ALTER TABLE child VALIDATE CONSTRAINT child_t_fkey",
        &[
            "child: constraint child_t_fkey is FOREIGN KEY (t) REFERENCES t(id) NOT VALID (not validated), the plan has FOREIGN KEY (t) REFERENCES t(id)",
        ],
    );
    add(
        "ALTER TABLE t ADD CHECK (i > 0)",
        "ALTER TABLE t DROP CONSTRAINT t_i_check",
        &["t: constraint t_i_check is not in the plan: CHECK (i > 0)"],
    );
    add(
        "ALTER TABLE t ADD COLUMN more text",
        "ALTER TABLE t DROP COLUMN more",
        &["t: column more is not in the plan: text"],
    );
    add(
        "ALTER TABLE t ALTER n TYPE bigint",
        "ALTER TABLE t ALTER n TYPE integer",
        &["t: column n is bigint, the plan has integer"],
    );
    add(
        "ALTER TABLE t ALTER txt TYPE text COLLATE \"POSIX\"",
        "ALTER TABLE t ALTER txt TYPE text COLLATE \"C\"",
        &[
            "t: column txt is text COLLATE POSIX NOT NULL DEFAULT 'd'::text, the plan has text COLLATE C NOT NULL DEFAULT 'd'::text",
        ],
    );
    add(
        "ALTER TABLE loose RENAME TO moved",
        "ALTER TABLE moved RENAME TO loose",
        &["table loose is gone", "table moved is not in the plan"],
    );
    add(
        "SELECT setval('t_id_seq', 2)",
        "SELECT setval('t_id_seq', 3)",
        &["sequence t_id_seq: its next number is 3, which t.id has passed"],
    );
    add(
        "SELECT setval('child_id_seq', 1, false)",
        "SELECT setval('child_id_seq', 2)",
        &["sequence child_id_seq: its next number is 1, which child.id has passed"],
    );
    add(
        "DELETE FROM __diesel_schema_migrations WHERE version LIKE '%2'",
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('2')",
        &["migration 2_constraints"],
    );
    check_each(&case, &cases);
}

#[test]
fn values_are_shown_when_asked_for_and_secret_ones_never() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    case.execute("UPDATE t SET txt = 'canary-1', secret = 'canary-2' WHERE id = 1; UPDATE t SET empty = 'x' WHERE id = 3");
    let (_, hidden) = case.validated(false);
    let hidden = serde_json::to_string(&hidden).unwrap();
    for value in ["canary", "s3cret", "one", "three"] {
        assert!(!hidden.contains(value), "{value} in {hidden}");
    }
    let (_, shown) = case.validated(true);
    let first = &shown.tables.iter().find(|table| table.table == "t").unwrap().first;
    assert_eq!(first[0].columns, ["txt", "secret"]);
    assert_eq!(first[0].values[0], ["'one'", "'canary-1'"]);
    assert!(first[0].values[1].iter().all(|value| value.starts_with("(secret, sha256 ")), "{first:?}");
    assert_ne!(first[0].values[1][0], first[0].values[1][1]);
    assert_eq!(first[1].values[0], ["NULL", "'x'"]);
    let shown = serde_json::to_string(&shown).unwrap();
    assert!(!shown.contains("canary-2") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn only_the_first_few_differences_are_named_and_all_are_counted() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO t SELECT i, 'v' FROM n;",
    );
    case.moved();
    case.execute("UPDATE t SET v = 'w' WHERE id % 2 = 0; DELETE FROM t WHERE id % 10 = 1");
    let (_, validation) = case.validated(false);
    let table = &validation.tables[0];
    assert_eq!((table.equal, table.missing, table.extra, table.different), (400, 100, 0, 500));
    assert_eq!(table.first.len(), 5);
    assert!(!validation.is_proven());
}

#[test]
fn a_migration_that_found_differences_is_gone_on_with_until_it_is_proven() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    case.execute("UPDATE t SET n = 1 WHERE id = 1");
    assert!(!case.validated(false).1.is_proven());
    let Outcome::Moved(again) = run::migrate(&case.request(), &Silent).unwrap() else {
        panic!("not compared again")
    };
    assert_eq!(findings(&again.validation), ["t id=1 different n"]);
    case.execute("UPDATE t SET n = 7 WHERE id = 1");
    moved(run::migrate(&case.request(), &Silent));
    assert!(matches!(run::migrate(&case.request(), &Silent).unwrap(), Outcome::AlreadyDone(_)));
}

#[test]
fn the_sample_has_no_false_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("hyperpage.db");
    let sample = create_sample(&source, &SampleOptions { rows: 300, seed: 7 }).unwrap();
    let case = Case::planned(dir, source, hyperpage_plan());
    let told = case.moved();
    for table in sample.tables {
        assert_eq!(told.tables.iter().find(|other| other.table == table.table).unwrap().rows, table.rows);
    }
    let (_, validation) = case.validated(true);
    assert!(validation.is_proven(), "{:?}", findings(&validation));
    case.execute("UPDATE jobs SET payload = jsonb_set(payload, '{}', '1') WHERE false");
    case.execute(
        "UPDATE oauth_tokens SET access_token = overlay(access_token PLACING 'x' FROM 3) WHERE id = 2",
    );
    let (_, validation) = case.validated(true);
    assert_eq!(findings(&validation), ["oauth_tokens id=2 different access_token"]);
}
