//! Tables without a key that both sides order alike: what differs is counted exactly, and named by where it lies.

use row_mover::run::{Purpose, Validation};
use row_mover::validate::CompareOptions;

use crate::damage::{check_each, findings};
use crate::support::Case;

/// A table without a key, tables whose keys have another order in PostgreSQL, one WITHOUT ROWID among them, and one in which
/// columns hide the rowid.
const SOURCE: &str = "
    CREATE TABLE events (kind TEXT, n INTEGER, doc TEXT, at REAL);
    WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 100)
      INSERT INTO events SELECT 'kind ' || i, i, '{\"b\": ' || i || ', \"a\": 1}', i / 4.0 FROM i;
    INSERT INTO events SELECT 'same', 0, NULL, NULL FROM events LIMIT 3;
    CREATE TABLE prices (price TEXT PRIMARY KEY, v TEXT);
    INSERT INTO prices VALUES ('10.5', 'a'), ('9.25', 'b'), ('100', 'c'), ('2.0', 'd');
    CREATE TABLE pairs (price TEXT, k TEXT, v TEXT, PRIMARY KEY (price, k)) WITHOUT ROWID;
    INSERT INTO pairs VALUES ('10.5', 'x', 'a'), ('9.25', 'x', 'b'), ('9.25', 'y', 'c');
    CREATE TABLE hidden (rowid TEXT, oid TEXT, _rowid_ TEXT);
    INSERT INTO hidden VALUES ('a', 'b', 'c'), ('d', 'e', 'f'), ('d', 'e', 'f');";

const MAPPING: &str = "
    [tables.events.columns]
    doc = { as = \"jsonb\" }
    [tables.prices.columns]
    price = { as = \"numeric\" }
    [tables.pairs.columns]
    price = { as = \"numeric\" }";

#[test]
fn each_difference_is_named_by_its_location_or_its_key() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    case.execute(
        "CREATE SCHEMA aside; CREATE TABLE aside.kept_events AS SELECT * FROM events; CREATE TABLE aside.kept_pairs AS SELECT * FROM pairs",
    );
    let events = "TRUNCATE events; INSERT INTO events SELECT * FROM aside.kept_events";
    let pairs = "TRUNCATE pairs; INSERT INTO pairs SELECT * FROM aside.kept_pairs";
    let prices =
        "DELETE FROM prices; INSERT INTO prices VALUES (10.5, 'a'), (9.25, 'b'), (100, 'c'), (2.0, 'd')";
    let hidden =
        "TRUNCATE hidden; INSERT INTO hidden VALUES ('a', 'b', 'c'), ('d', 'e', 'f'), ('d', 'e', 'f')";
    // The same rows in another order, and documents written in another way, are no difference.
    let shuffled = "TRUNCATE events; INSERT INTO events SELECT * FROM aside.kept_events ORDER BY md5(kind)";
    check_each(&case, &[(shuffled, events, vec![])]);
    check_each(
        &case,
        &[
            (
                "UPDATE events SET n = -n WHERE n = 17",
                events,
                vec!["events rowid=17, ctid=(1,23) different n"],
            ),
            (
                "UPDATE events SET doc = '{\"a\": 2, \"b\": 17}', at = at + 1 WHERE n = 17",
                events,
                vec!["events rowid=17, ctid=(1,23) different doc, at"],
            ),
            (
                "DELETE FROM events WHERE n IN (3, 5)",
                events,
                vec!["events rowid=3 missing", "events rowid=5 missing"],
            ),
            (
                "DELETE FROM events WHERE ctid = (SELECT max(ctid) FROM events WHERE kind = 'same')",
                events,
                vec!["events rowid=101 (3 copies in SQLite, 2 in PostgreSQL) missing"],
            ),
            (
                "DELETE FROM events WHERE kind = 'same'; INSERT INTO events SELECT kind, n, doc, at FROM aside.kept_events WHERE n BETWEEN 1 AND 3",
                events,
                vec![
                    "events rowid=101 (3 copies in SQLite, 0 in PostgreSQL) missing",
                    "events ctid=(0,1) (1 copy in SQLite, 2 in PostgreSQL) extra",
                    "events ctid=(0,2) (1 copy in SQLite, 2 in PostgreSQL) extra",
                    "events ctid=(0,3) (1 copy in SQLite, 2 in PostgreSQL) extra",
                ],
            ),
            // Two values that change places, as XOR of columns would not see.
            (
                "UPDATE events SET n = CASE n WHEN 1 THEN 2 ELSE 1 END WHERE n IN (1, 2)",
                events,
                vec!["events rowid=1, ctid=(1,23) different n", "events rowid=2, ctid=(1,24) different n"],
            ),
            // Keys name rows where there are any, and tell surely which belong together.
            ("UPDATE prices SET v = 'x' WHERE price = 9.25", prices, vec!["prices price='9.25' different v"]),
            (
                "UPDATE prices SET price = 2.00 WHERE v = 'd'",
                prices,
                vec!["prices price='2.0' different price"],
            ),
            (
                "UPDATE prices SET price = 3 WHERE v = 'c'",
                prices,
                vec!["prices price='100' missing", "prices price='3' extra"],
            ),
            ("UPDATE pairs SET v = 'x' WHERE k = 'y'", pairs, vec!["pairs price='9.25', k='y' different v"]),
            ("DELETE FROM pairs WHERE price = 10.5", pairs, vec!["pairs price='10.5', k='x' missing"]),
            ("INSERT INTO pairs VALUES (1, 'z', '')", pairs, vec!["pairs price='1', k='z' extra"]),
            (
                "DELETE FROM hidden WHERE rowid = 'a'",
                hidden,
                vec!["hidden number 1 of the table as it lies in SQLite missing"],
            ),
        ],
    );
}

#[test]
fn values_are_shown_when_asked_for_and_secret_ones_never() {
    let case = Case::mapped(
        "CREATE TABLE loose (a TEXT, b TEXT, c TEXT, token TEXT); INSERT INTO loose VALUES ('one', 'two', 'three', 's3cret');",
        "[tables.loose.columns]\ntoken = { secret = true }",
    );
    case.moved();
    case.execute("UPDATE loose SET b = 'canary-1', token = 'canary-2'");
    let hidden = serde_json::to_string(&case.validated(false).1).unwrap();
    assert!(!hidden.contains("canary") && !hidden.contains("two"), "{hidden}");
    let (_, shown) = case.validated(true);
    let first = &shown.tables[0].first[0];
    assert_eq!(first.columns, ["b", "token"]);
    assert_eq!(first.values[0], ["'two'", "'canary-1'"]);
    assert!(first.values[1].iter().all(|value| value.starts_with("(secret, sha256 ")), "{first:?}");
    let shown = serde_json::to_string(&shown).unwrap();
    assert!(!shown.contains("canary-2") && !shown.contains("s3cret"), "{shown}");
}

/// A table of many rows, some of them in copies, with a few rows that stay behind, which several workers read in parts.
const LARGE: &str = "
    CREATE TABLE loose (a INTEGER, b TEXT, c INTEGER);
    WITH RECURSIVE i (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i WHERE i < 59999)
      INSERT INTO loose SELECT i / 2, 'row ' || (i / 2), CASE WHEN i % 1000 = 7 THEN 'seven' ELSE i % 5 * 0 END FROM i;";

fn counts(validation: &Validation) -> [u64; 6] {
    let found = &validation.tables[0];
    [found.source_rows, found.rejected, found.equal, found.missing, found.extra, found.different]
}

#[test]
fn counts_are_exact_whatever_the_number_of_workers() {
    let case = Case::mapped(LARGE, "on_reject = \"skip\"\n[tables.loose.columns]\nc = { as = \"bigint\" }");
    case.moved();
    let all = |workers| {
        let options = CompareOptions { workers, ..CompareOptions::default() };
        case.validated_for(Purpose::Proof, options).1
    };
    for workers in [1, 2, 5] {
        let found = all(workers);
        assert!(found.is_proven(), "{workers}: {:?}", findings(&found));
        assert_eq!(counts(&found), [60_000, 60, 59_940, 0, 0, 0]);
    }
    // One of the copies of some rows; whole rows; and values of more rows than are looked at.
    case.execute(
        "DELETE FROM loose WHERE ctid IN (SELECT min(ctid) FROM loose WHERE a < 40 GROUP BY a);
         INSERT INTO loose SELECT -a, 'new', 9 FROM generate_series(1, 25) AS a;
         UPDATE loose SET b = b || '!' WHERE a % 10 = 9 AND a > 100",
    );
    let changed: u64 = case.ask("SELECT count(*) FROM loose WHERE b LIKE '%!'")[0].parse().unwrap();
    let mut told = Vec::new();
    for workers in [1, 2, 5] {
        let found = all(workers);
        let table = &found.tables[0];
        assert_eq!(table.missing + table.different, 40 + changed, "{workers}");
        assert_eq!(table.extra + table.different, 25 + changed, "{workers}");
        assert!(table.different > 900, "{table:?}");
        assert_eq!(table.first.len(), 5);
        let lines = findings(&found);
        told.push((counts(&found), lines));
    }
    assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
}
