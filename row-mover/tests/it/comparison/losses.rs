//! Every kind of loss that tools cause, done by SQL to a faithful copy: each must be found and named.

use super::Pair;

const SOURCE: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INTEGER, real REAL, at INTEGER, day TEXT, flag INTEGER, data BLOB, doc TEXT);
    WITH RECURSIVE i (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 300)
    INSERT INTO t SELECT x, 'Größe ' || x || ' of' || char(10) || 'a  thing', x * 5000000, x / 7.0, 1700000000123 + x * 1000, '2024-03-0' || (1 + x % 9) || ' 12:30:00.250',
        x % 2, CAST('data' || x || char(0, 255) AS BLOB), '{\"id\": ' || x || ', \"tags\": [\"a\", \"b\"]}' FROM i;
    UPDATE t SET name = '' WHERE id = 100;
    UPDATE t SET name = NULL, n = NULL, real = NULL WHERE id = 200";

const TARGET: &str = "
    CREATE TABLE t (id bigint PRIMARY KEY, name text, n bigint, real double precision, at timestamptz, day timestamp, flag boolean, data bytea, doc jsonb);
    INSERT INTO t SELECT x, 'Größe ' || x || E' of\\na  thing', x * 5000000, x / 7.0::float8, to_timestamp(1700000000 + x) + interval '123 ms',
        ('2024-03-0' || (1 + x % 9) || ' 12:30:00.250')::timestamp, x % 2 = 1, convert_to('data' || x, 'UTF8') || '\\x00c3bf', jsonb_build_object('id', x, 'tags', '[\"a\", \"b\"]'::jsonb)
        FROM generate_series(1, 300) AS x;
    UPDATE t SET name = '' WHERE id = 100;
    UPDATE t SET name = NULL, n = NULL, real = NULL WHERE id = 200";

/// A damage, and the lines that must name it; all others may not be there.
const CASES: &[(&str, &[&str])] = &[
    ("DELETE FROM t WHERE id = 17", &["t: 1 missing", "t: Missing id=17"]),
    ("DELETE FROM t WHERE id IN (1, 300)", &["t: 2 missing", "t: Missing id=1", "t: Missing id=300"]),
    ("INSERT INTO t (id) VALUES (0)", &["t: 1 extra", "t: Extra id=0"]),
    (
        "ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t SELECT * FROM t WHERE id = 5",
        &["t: 1 duplicate", "t: Duplicate id=5"],
    ),
    (
        "UPDATE t SET id = 1000 WHERE id = 9",
        &["t: 1 missing", "t: 1 extra", "t: Missing id=9", "t: Extra id=1000"],
    ),
    ("UPDATE t SET name = 'x' WHERE id = 9", &["t: 1 different", "t.name: Other in 1"]),
    ("UPDATE t SET name = NULL WHERE name = ''", &["t: 1 different", "t.name: EmptyBecameNull in 1"]),
    ("UPDATE t SET name = '' WHERE name IS NULL", &["t: 1 different", "t.name: NullBecameEmpty in 1"]),
    ("UPDATE t SET name = left(name, 4)", &["t: 298 different", "t.name: Cut { characters: 4 } in 298"]),
    ("UPDATE t SET name = translate(name, 'öß', '??')", &["t: 298 different", "t.name: Replaced in 298"]),
    (
        "UPDATE t SET name = replace(name, E'\\n', E'\\r\\n')",
        &["t: 298 different", "t.name: LineEnds in 298"],
    ),
    ("UPDATE t SET name = replace(name, E'\\n', '\\n')", &["t: 298 different", "t.name: Escapes in 298"]),
    (
        "UPDATE t SET name = convert_from(convert_to(name, 'UTF8'), 'LATIN1')",
        &["t: 298 different", "t.name: WrongEncoding in 298"],
    ),
    ("UPDATE t SET name = name || ' '", &["t: 299 different", "t.name: Trimmed in 299"]),
    ("UPDATE t SET n = 0 WHERE n IS NULL", &["t: 1 different", "t.n: NullBecameZero in 1"]),
    ("UPDATE t SET n = NULL WHERE id = 3", &["t: 1 different", "t.n: BecameNull in 1"]),
    (
        "UPDATE t SET n = least(n, 1000000000), real = real",
        &["t: 101 different", "t.n: Other in 100", "t.n: NullBecameValue in 1"],
    ),
    ("ALTER TABLE t ALTER n TYPE int USING (n & 2147483647)::int", &[]),
    (
        "ALTER TABLE t ALTER real TYPE real",
        &["t: 257 different", "t.real: RoundedToDigits { digits: 7 } in 257"],
    ),
    (
        "ALTER TABLE t ALTER real TYPE numeric(20,3)",
        &["t: 257 different", "t.real: RoundedToDecimals { decimals: 3 } in 257"],
    ),
    ("ALTER TABLE t ALTER real TYPE bigint", &["t: 257 different"]),
    (
        "UPDATE t SET at = at + interval '1 hour'",
        &["t: 300 different", "t.at: Shifted { seconds: 3600 } in 300"],
    ),
    (
        "UPDATE t SET at = date_trunc('second', at)",
        &["t: 300 different", "t.at: FractionLost { digits: 0 } in 300"],
    ),
    (
        "ALTER TABLE t ALTER at TYPE timestamptz(0)",
        &["t: 300 different", "t.at: FractionLost { digits: 0 } in 300"],
    ),
    (
        "ALTER TABLE t ALTER at TYPE date USING (at AT TIME ZONE 'UTC')::date",
        &["t: 300 different", "t.at: TimeLost in 300"],
    ),
    (
        "ALTER TABLE t ALTER at TYPE bigint USING extract(epoch FROM at)::bigint",
        &["t: 300 different", "t.at: Scaled { power: -3 } in 300"],
    ),
    ("UPDATE t SET at = 'epoch' WHERE id < 3", &["t: 2 different", "t.at: BecameZero in 2"]),
    (
        "UPDATE t SET day = day - interval '2 hours' WHERE id > 150",
        &["t: 150 different", "t.day: Shifted { seconds: -7200 } in 150"],
    ),
    ("ALTER TABLE t ALTER day TYPE date", &["t: 300 different", "t.day: TimeLost in 300"]),
    ("UPDATE t SET flag = NOT flag WHERE id = 2", &["t: 1 different", "t.flag: Other in 1"]),
    (
        "UPDATE t SET data = substr(data, 1, length(data) - 3)",
        &["t: 300 different", "t.data: CutAtNul in 300"],
    ),
    (
        "UPDATE t SET data = convert_to(encode(data, 'hex'), 'UTF8')",
        &["t: 300 different", "t.data: DigitsAsBytes in 300"],
    ),
    ("UPDATE t SET doc = doc - 'tags' WHERE id = 7", &["t: 1 different", "t.doc: JsonContent in 1"]),
    ("ALTER TABLE t DROP COLUMN doc", &["t.doc: no column, 300 values"]),
    (
        "DELETE FROM t",
        &[
            "t: 300 missing",
            "t: Missing id=1",
            "t: Missing id=2",
            "t: Missing id=3",
            "t: Missing id=4",
            "t: Missing id=5",
        ],
    ),
];

#[test]
fn every_loss_is_named() {
    let pair = Pair::new(SOURCE, TARGET);
    assert_eq!(pair.equal(), Vec::<String>::new());
    let mut wrong = Vec::new();
    for (sql, lines) in CASES {
        let damaged = pair.copy();
        damaged.execute(sql);
        let compared = damaged.compared();
        let found = super::findings(&compared);
        let is_named = lines.iter().all(|line| found.iter().any(|found| found == line));
        let is_only = found.len() == lines.len() || *sql == "ALTER TABLE t ALTER real TYPE bigint";
        if !is_named || !is_only || compared.is_equal() != lines.is_empty() {
            wrong.push(format!("{sql}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same damage to a table that has a key on neither side.
#[test]
fn losses_in_a_table_without_a_key() {
    let source = SOURCE.replace("id INTEGER PRIMARY KEY", "id INTEGER");
    let target = TARGET.replace("id bigint PRIMARY KEY", "id bigint");
    let pair = Pair::new(&source, &target);
    assert_eq!(pair.equal(), Vec::<String>::new());
    let mut wrong = Vec::new();
    for (sql, lines) in CASES {
        if sql.contains("t_pkey") || lines.is_empty() {
            continue;
        }
        let damaged = pair.copy();
        damaged.execute(sql);
        let compared = damaged.compared();
        let found = super::findings(&compared);
        // Columns and their diagnoses are named as with a key; rows are known by other names.
        let of_columns = lines.iter().filter(|line| line.starts_with("t."));
        let is_named = of_columns.clone().all(|line| found.iter().any(|found| found == line));
        if compared.is_equal() || !is_named {
            wrong.push(format!("{sql}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values that PostgreSQL cannot hold are lost, whatever a tool made of them.
#[test]
fn values_that_postgresql_cannot_hold() {
    let pair = Pair::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INTEGER);
         INSERT INTO t VALUES (1, 'a' || char(0) || 'b', 'text'), (2, CAST(x'61ff62' AS TEXT), 1.5), (3, 'c', 9223372036854775807)",
        "CREATE TABLE t (id int, name text, n int); INSERT INTO t VALUES (1, 'a', 0), (2, U&'a\\FFFDb', 1), (3, 'c', NULL)",
    );
    assert_eq!(
        pair.findings(),
        [
            "t: 3 different",
            "t.name: CutAtNul in 1",
            "t.name: Replaced in 1",
            "t.n: RoundedToDecimals { decimals: 0 } in 1",
            "t.n: BecameZero in 1",
            "t.n: BecameNull in 1"
        ]
    );
}
