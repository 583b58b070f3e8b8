//! Tables without a key whose rows are in another form and order: equal ones must be found, however many rows have the same other values.

use super::Pair;

const NUMBERS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < COUNT)";

/// A table on both sides: its columns, and its rows as a SELECT from numbers `i`.
fn pair(rows: u32, source: [&str; 2], target: [&str; 2]) -> Pair {
    Pair::new(
        &format!(
            "CREATE TABLE t ({}); {} INSERT INTO t SELECT {} FROM n",
            source[0],
            NUMBERS.replace("COUNT", &rows.to_string()),
            source[1]
        ),
        &format!(
            "SET timezone = 'UTC'; CREATE TABLE t ({}); INSERT INTO t SELECT {} FROM generate_series(1, {rows}) AS i ORDER BY md5(i::text)",
            target[0], target[1]
        ),
    )
}

#[test]
fn many_rows_in_another_form_and_order_are_equal() {
    for (source, target, lines) in [
        (
            ["level TEXT, doc JSON", "'info', '{\"zeta\": ' || i || ', \"a\": \"x' || i || '\"}'"],
            ["level text, doc jsonb", "'info', jsonb_build_object('zeta', i, 'a', 'x' || i)"],
            &[][..],
        ),
        (
            ["level TEXT, at TEXT", "'info', datetime(1700000000 + i, 'unixepoch')"],
            [
                "level text, at text",
                "'info', to_char(to_timestamp(1700000000 + i), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
            ],
            &["t.at: MomentSpelling in 9000"],
        ),
        // No column at all has the same values.
        (
            ["at TEXT", "datetime(1700000000 + i, 'unixepoch')"],
            ["at text", "to_char(to_timestamp(1700000000 + i), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"],
            &["t.at: MomentSpelling in 9000"],
        ),
        (
            ["a INTEGER, b BLOB, c INTEGER", "i % 2, CAST('bytes ' || i AS BLOB), 1700000000 + i"],
            [
                "a text, b text, c text",
                "(i % 2 = 1)::text, encode(convert_to('bytes ' || i, 'UTF8'), 'base64'), to_char(to_timestamp(1700000000 + i), 'YYYY-MM-DD HH24:MI:SS')",
            ],
            &["t.a: BooleanWord in 9000", "t.c: NumberAsMoment { unit: Seconds } in 9000"],
        ),
    ] {
        let pair = pair(9000, source, target);
        let started = std::time::Instant::now();
        assert_eq!(pair.equal(), lines, "{source:?}");
        assert!(started.elapsed().as_secs() < 60, "{source:?}: {:?}", started.elapsed());
        pair.execute("DELETE FROM t WHERE ctid = (SELECT max(ctid) FROM t)");
        let found = pair.findings();
        assert!(found.iter().any(|line| line == "t: 1 missing"), "{source:?}: {found:?}");
        assert!(
            !found.iter().any(|line| line.contains("different") || line.contains("undecided")),
            "{source:?}: {found:?}"
        );
    }
}

/// More rows than are kept of one key.
#[test]
fn very_many_rows_of_documents_are_compared_in_slices() {
    for (type_name, target) in
        [("jsonb", "jsonb_build_object('zeta', i)"), ("json", "('{\"zeta\":' || i || '}')::json")]
    {
        let pair =
            pair(150_000, ["doc JSON", "'{\"zeta\":' || i || '}'"], [&format!("doc {type_name}"), target]);
        assert_eq!(pair.equal(), Vec::<String>::new(), "{type_name}");
        pair.execute("DELETE FROM t WHERE ctid IN (SELECT ctid FROM t LIMIT 2); INSERT INTO t VALUES ('{\"zeta\": 0}')");
        let found = pair.findings();
        assert_eq!(found[..2], ["t: 2 missing", "t: 1 extra"], "{type_name}: {found:?}");
    }
}

/// Numbers far from our time as dates: that they are equal is not found among so many rows, and nothing else is said.
#[test]
fn what_is_not_found_is_not_decided() {
    let pair = pair(
        9000,
        ["level TEXT, at INTEGER", "'info', i * 60"],
        ["level text, at timestamptz", "'info', CASE WHEN i > 1 THEN to_timestamp(i * 60) END"],
    );
    let found = pair.findings();
    assert!(!pair.compared().is_equal(), "{found:?}");
    assert!(
        !found.iter().any(|line| line.contains(" 9000 different") || line.contains(" 8999 different")),
        "{found:?}"
    );
}
