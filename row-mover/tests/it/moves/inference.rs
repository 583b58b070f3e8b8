//! Types that are inferred: what is planned moves, is proven, and new rows get what SQLite's defaults would have given them.

use std::collections::BTreeMap;

use migrate_core::plan::Plan;
use row_mover::observer::Silent;
use row_mover::run;

use super::{and_back, there};
use crate::support::{Case, sqlite};

/// The types of a table's columns.
fn types<'a>(plan: &'a Plan, table: &str) -> BTreeMap<&'a str, &'a str> {
    let columns = &plan.table(table).unwrap().columns;
    columns.iter().map(|column| (column.source.as_str(), column.target_type.sql())).collect()
}

/// Checks the types of a table's columns, which are given as `column type` lines.
#[track_caller]
fn check_types(plan: &Plan, table: &str, expected: &str) {
    let expected: BTreeMap<&str, &str> =
        expected.lines().filter_map(|line| line.trim().split_once(' ')).collect();
    assert_eq!(types(plan, table), expected);
}

#[test]
fn values_that_apps_store_get_the_type_that_they_mean() {
    let case = there(
        "CREATE TABLE users (
             id TEXT PRIMARY KEY, name VARCHAR(40), is_admin INTEGER NOT NULL DEFAULT 0, active BOOLEAN DEFAULT TRUE, said TEXT,
             born DATE, wakes TIME, seen DATETIME, joined DATETIME DEFAULT CURRENT_TIMESTAMP, created_at INTEGER DEFAULT (unixepoch()),
             updatedAt INTEGER, stamped REAL, julian REAL DEFAULT (julianday('now')), balance DECIMAL(10,2) DEFAULT 1.50,
             settings TEXT DEFAULT '{}', notes JSON, raw BLOB, score REAL, visits INTEGER, device_uuid BLOB, ref GUID, word BOOL);
         INSERT INTO users (id, name, is_admin, said, born, wakes, seen, updatedAt, stamped, balance, settings, notes, raw, score, visits,
                            device_uuid, ref, word)
         VALUES ('0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11', 'Ann', 1, 'yes', '1970-02-28', '06:30', '2024-05-06T07:08:09.123+02:00',
                 1700000000123, 1700000000.25, 19.99, '{\"a\": [1, 2.50]}', '{\"b\":1,\"a\":2,\"a\":3}', x'00ff', 0.5, 3,
                 x'0b5c0e6e4b1a4c528a7f0d6a4f3f9a11', '0B5C0E6E-4B1A-4C52-8A7F-0D6A4F3F9A11', 'true'),
                ('1b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11', NULL, 0, 'no', NULL, '23:59:59.5', '2024-05-06 07:08:09Z', 0, NULL, 12, '[]',
                 '\"text\"', x'', 9e999, 9007199254740993, NULL, NULL, 'F');
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id TEXT REFERENCES users (id), at DATETIME, day TEXT);
         INSERT INTO posts VALUES (1, '1b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11', 1700000000, '2024-05-06'), (2, NULL, 0, '2024-05-07');",
        "",
    );
    check_types(
        &case.plan,
        "users",
        "id uuid
         name text
         is_admin boolean
         active boolean
         said text
         born date
         wakes time
         seen timestamptz
         joined timestamptz
         created_at timestamptz
         updatedAt timestamptz
         stamped double precision
         julian timestamptz
         balance numeric
         settings jsonb
         notes json
         raw bytea
         score double precision
         visits bigint
         device_uuid uuid
         ref uuid
         word boolean",
    );
    check_types(&case.plan, "posts", "id bigint\nuser_id uuid\nat timestamptz\nday date");
    assert_eq!(
        case.ask(
            "SELECT is_admin, born, wakes, seen AT TIME ZONE 'UTC', \"updatedAt\" AT TIME ZONE 'UTC', balance, settings, ref, word \
             FROM users ORDER BY id"
        ),
        [
            "t|1970-02-28|06:30:00|2024-05-06 05:08:09.123|2023-11-14 22:13:20.123|19.99|{\"a\": [1, 2.50]}|\
             0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11|t",
            "f|NULL|23:59:59.5|2024-05-06 07:08:09|1970-01-01 00:00:00|12|[]|NULL|f",
        ]
    );
    case.execute("INSERT INTO users (id) VALUES ('2b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11')");
    let fresh = "SELECT is_admin, active, balance, settings, abs(extract(epoch FROM now() - joined)) < 60, \
                 abs(extract(epoch FROM now() - created_at)) < 60, abs(extract(epoch FROM now() - julian)) < 60 \
                 FROM users WHERE name IS NULL AND raw IS NULL";
    assert_eq!(case.ask(fresh), ["f|t|1.5|{}|t|t|t"]);
    case.execute("DELETE FROM users WHERE raw IS NULL");
    and_back(&case);
}

#[test]
fn values_of_several_classes_get_a_type_that_holds_them() {
    let case = there(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, n INTEGER, big INTEGER, m NUMERIC, s TEXT, b BLOB, any, half INTEGER, yes TINYINT(1));
         INSERT INTO t (a, n, big, m, s, b, any, half, yes) VALUES
           ('x', 1, 9007199254740993, 1, 'text', x'00ff', x'ff', 1, 2),
           (7, 1.5, 0.5, 2.5, x'68c3a9', 'text', 'x', 'abc', 3),
           (x'01', 9e999, 1, '19.99', 'more', NULL, 1.5, 'x', 0),
           (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
        "",
    );
    check_types(
        &case.plan,
        "t",
        "id bigint
         a text
         n double precision
         big numeric
         m numeric
         s text
         b bytea
         any bytea
         half text
         yes bigint",
    );
    assert_eq!(
        case.ask("SELECT a, n, big, m, s, encode(b, 'hex'), encode(\"any\", 'hex'), half, yes FROM t ORDER BY id LIMIT 3"),
        [
            "x|1|9007199254740993|1|text|00ff|ff|1|2",
            "7|1.5|0.5|2.5|hé|74657874|78|abc|3",
            "\u{1}|Infinity|1|19.99|more|NULL|312e35|x|0",
        ]
    );
    and_back(&case);
}

#[test]
fn outliers_are_rejects_that_the_plan_counts() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE, n INTEGER, name TEXT);
         INSERT INTO t (day, n, name) VALUES ('2024-05-06', 1, 'a'), ('2024-05-07', 2, 'b'), ('2023-02-30', '', 'c' || char(0)),
                                             ('2024-05-08', 3, CAST(x'61ff' AS TEXT));",
    );
    check_types(&case.plan, "t", "id bigint\nday text\nn bigint\nname text");
    let why = |column: &str| case.plan.tables[0].target_column(column).unwrap().why.as_str();
    assert_eq!(why("day"), "all its values are text; declared date, but 3 of 4 values are dates");
    assert_eq!(why("n"), "declared as a number; 1 of 4 values do not fit and are rejects: 1 empty text");
    assert_eq!(
        why("name"),
        "all its values are text; 2 of 4 values do not fit and are rejects: 1 text with NUL, 1 text that is not UTF-8"
    );
    let row_mover::run::Outcome::Rejected { findings, .. } = run::migrate(&case.request(), &Silent).unwrap()
    else {
        panic!("not rejected");
    };
    let counted: BTreeMap<&str, u64> = (findings.tables[0].offenders.iter())
        .map(|offenders| (offenders.column.as_str(), offenders.count))
        .collect();
    assert_eq!(counted, BTreeMap::from([("n", 1), ("name", 2)]));

    let as_text = there(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE, n INTEGER);
         INSERT INTO t (day, n) VALUES ('2024-05-06', 1), ('2024-05-07', 2), ('2023-02-30', ''), ('2024-05-08', 3);",
        "on_reject = \"text\"",
    );
    check_types(&as_text.plan, "t", "id bigint\nday text\nn text");
    and_back(&as_text);
}

#[test]
fn no_type_is_inferred_without_inference() {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, yes BOOLEAN, at DATETIME, created_at INTEGER DEFAULT (unixepoch()), doc JSON, mixed);
               INSERT INTO t VALUES (1, 0, '2024-05-06', 1700000000, '{}', 1), (2, 1, '2024-05-07', 1700000001, '[]', 'x');";
    let case = there(sql, "faithful = true");
    check_types(&case.plan, "t", "id bigint\nyes bigint\nat text\ncreated_at bigint\ndoc text\nmixed text");
    assert!(case.plan.tables[0].columns.iter().all(|column| column.suggestion.is_none()));
    and_back(&case);
}

#[test]
fn a_mapping_error_names_what_does_not_fit() {
    let case = Case::mapped(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t (n) VALUES (1), (5000000000), ('x')",
        "[tables.t.columns]\nn = { as = \"integer\", why = \"a counter\" }",
    );
    assert_eq!(
        case.plan.tables[0].target_column("n").unwrap().why,
        "mapping.toml: a counter; 2 of 3 values do not fit and are rejects: 1 integer, 1 text"
    );
    sqlite(&case.source, "UPDATE t SET n = 2");
    case.moved();
}

#[test]
fn keys_do_not_get_types_that_join_values() {
    let case = there(
        "CREATE TABLE t (k TEXT PRIMARY KEY, at TEXT UNIQUE, doc TEXT, price DECIMAL(10,2), mixed);
         CREATE UNIQUE INDEX by_doc ON t (doc); CREATE UNIQUE INDEX by_price ON t (price); CREATE INDEX by_at ON t (at, mixed);
         INSERT INTO t VALUES ('2024-05-06 07:08:09', '2024-05-06T07:08:09Z', '{\"a\": 1}', 1.5, 1),
                              ('2024-05-06 07:08:09.0', '2024-05-06T09:08:09+02:00', '{\"a\":1}', 2.5, 2);",
        "",
    );
    check_types(&case.plan, "t", "k text\nat text\ndoc text\nprice double precision\nmixed bigint");
    and_back(&case);
}
