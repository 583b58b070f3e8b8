//! The same values in other forms, keys among them: equal, and the form is named.

use super::Pair;

/// A table of a key and one column, on both sides; what is found must be these lines.
#[track_caller]
fn check(declared: &str, values: &[&str], type_name: &str, found: &[&str], lines: &[&str]) {
    let rows = |values: &[&str]| {
        let rows: Vec<String> =
            values.iter().enumerate().map(|(id, value)| format!("({id}, {value})")).collect();
        rows.join(", ")
    };
    let pair = Pair::new(
        &format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v {declared}); INSERT INTO t VALUES {}",
            rows(values)
        ),
        &format!("CREATE TABLE t (id int, v {type_name}); INSERT INTO t VALUES {}", rows(found)),
    );
    assert_eq!(pair.equal(), lines, "{declared} {type_name}");
}

#[test]
fn booleans_and_numbers() {
    check("INTEGER", &["0", "1", "1"], "text", &["'false'", "'true'", "'t'"], &["t.v: BooleanWord in 3"]);
    check("TEXT", &["'no'", "'YES'"], "boolean", &["false", "true"], &[]);
    check("INTEGER", &["7", "8"], "varchar(9)", &["'7'", "'8.0'"], &["t.v: NumberAsText in 1"]);
    check("TEXT", &["'7'", "'1.5'", "NULL"], "numeric", &["7", "1.50", "NULL"], &["t.v: TextAsNumber in 1"]);
    check("REAL", &["7", "1.5"], "numeric(9,3)", &["7", "1.5"], &[]);
}

#[test]
fn the_rows_tell_the_unit_of_a_time() {
    let seconds: &[&str] = &["'2023-11-14 22:13:20Z'", "'1970-01-01 00:00:00Z'", "'2001-09-09 01:46:40Z'"];
    check("INTEGER", &["1700000000", "0", "1000000000"], "timestamptz", seconds, &[]);
    // Seconds that are no times of ours in any unit have the one that the target has.
    let form = "t.v: NumberAsMoment { unit: Seconds } in 2";
    check("INTEGER", &["86400", "60"], "timestamptz", &["'1970-01-02Z'", "'1970-01-01 00:01:00Z'"], &[form]);
}

/// Seconds that were read as milliseconds are times in January 1970, and milliseconds that were read as seconds lie far ahead.
#[test]
fn a_unit_that_gives_times_of_another_age_is_a_difference() {
    let seconds = "(1, 1700000000), (2, 0), (3, 1000000000)";
    let milliseconds = "(1, 1700000000000), (2, 0), (3, 1000000000000)";
    let microseconds = "(1, 1700000000000000), (2, 0), (3, 1000000000000000)";
    for (numbers, read, line) in [
        (seconds, "to_timestamp(at / 1e3)", "WrongUnit { read: Milliseconds, likely: Seconds }"),
        (milliseconds, "to_timestamp(at)", "WrongUnit { read: Seconds, likely: Milliseconds }"),
        (microseconds, "to_timestamp(at / 1e9)", "WrongUnit { read: Nanoseconds, likely: Microseconds }"),
    ] {
        for (kind, declared) in [("timestamptz", "at INTEGER"), ("timestamp", "at INTEGER")] {
            let pair = Pair::new(
                &format!(
                    "CREATE TABLE t (id INTEGER PRIMARY KEY, {declared}); INSERT INTO t VALUES {numbers}"
                ),
                &format!(
                    "SET timezone = 'UTC'; CREATE TABLE t (id bigint PRIMARY KEY, at {kind});
                     INSERT INTO t SELECT id, {read} FROM (VALUES {numbers}) AS s (id, at)"
                ),
            );
            assert_eq!(
                pair.findings(),
                ["t: 2 different".to_owned(), format!("t.at: {line} in 2")],
                "{kind}"
            );
        }
        let pair = Pair::new(
            &format!(
                "CREATE TABLE t (id INTEGER, at INTEGER NOT NULL PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES {numbers}"
            ),
            &format!(
                "CREATE TABLE t (id bigint, at timestamptz PRIMARY KEY);
                 INSERT INTO t SELECT id, {read} FROM (VALUES {numbers}) AS s (id, at)"
            ),
        );
        assert_eq!(pair.findings(), ["t: 2 different".to_owned(), format!("t.at: {line} in 2")], "key");
    }
    let pair = Pair::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, took INTEGER); INSERT INTO t VALUES (1, 1700000000), (2, 1600000000)",
        "CREATE TABLE t (id bigint PRIMARY KEY, took interval); INSERT INTO t VALUES (1, '1700000 s'), (2, '1600000 s')",
    );
    pair.equal();
}

/// Whoever looks for a text finds it only if it is the same text.
#[test]
fn words_and_uuids_in_other_letters_are_other_texts() {
    let pair = Pair::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT, u TEXT);
         INSERT INTO t VALUES (1, 'no', '550E8400-E29B-41D4-A716-446655440000'), (2, 'NO', 'D41D8CD98F00B204E9800998ECF8427E'), (3, 'yes', 'x'), (4, 'ON', 'x'),
            (5, 'F', 'x')",
        "CREATE TABLE t (id int, word text, u text);
         INSERT INTO t VALUES (1, 'n', '550e8400-e29b-41d4-a716-446655440000'), (2, 'off', 'd41d8cd9-8f00-b204-e980-0998ecf8427e'), (3, 'true', 'x'), (4, 'on', 'x'),
            (5, 'f', 'x')",
    );
    assert_eq!(
        pair.findings(),
        [
            "t: 5 different",
            "t.word: CaseChanged in 2",
            "t.word: Other in 2",
            "t.word: Cut { characters: 1 } in 1",
            "t.u: Respelled in 1",
            "t.u: CaseChanged in 1"
        ]
    );
}

/// An app decodes a column in one way.
#[test]
fn a_column_of_bytes_has_one_form() {
    let pair = Pair::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB, h TEXT, raw BLOB);
         INSERT INTO t VALUES (1, x'00ff', 'abcd', x'616263'), (2, x'abcd', 'ef01', x'64'), (3, x'1234', '00', x'31'), (4, x'', '', x'')",
        "CREATE TABLE t (id int, b text, h bytea, raw text);
         INSERT INTO t VALUES (1, '\\x00ff', '\\xabcd', 'abc'), (2, 'q80=', 'ef01', '64'), (3, '1234', '\\x00', '1'), (4, '', '', '')",
    );
    assert_eq!(
        pair.findings(),
        [
            "t: 1 different",
            "t.b: BytesAsHex in 2",
            "t.b: InconsistentForm in 1",
            "t.h: HexAsBytes in 2",
            "t.h: InconsistentForm in 1",
            "t.raw: InconsistentForm in 1",
        ]
    );
}

#[test]
fn a_unit_that_changes_within_a_column_is_a_difference() {
    let pair = Pair::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at INTEGER); INSERT INTO t VALUES (1, 1700000000), (2, 1700000001), (3, 1700000002)",
        "CREATE TABLE t (id int, at timestamptz); INSERT INTO t VALUES (1, to_timestamp(1700000000)), (2, to_timestamp(1700000001)),
         (3, to_timestamp(1700000.002))",
    );
    assert_eq!(
        pair.findings(),
        ["t: 1 different", "t.at: WrongUnit { read: Milliseconds, likely: Seconds } in 1"]
    );
}

#[test]
fn moments_documents_and_bytes() {
    check(
        "TEXT",
        &["'2024-01-02T03:04:05.678Z'", "'2024-01-02 03:04:05+02:00'"],
        "text",
        &["'2024-01-02 03:04:05.678+00'", "'2024-01-02 01:04:05'"],
        &["t.v: MomentSpelling in 2"],
    );
    check(
        "TEXT",
        &["'2024-01-02'"],
        "bigint",
        &["1704153600000"],
        &["t.v: MomentAsNumber { unit: Milliseconds } in 1"],
    );
    check(
        "TEXT",
        &["'{\"b\": 1, \"a\": [ ]}'"],
        "text",
        &["'{\"a\":[],\"b\":1}'"],
        &["t.v: JsonSpelling in 1"],
    );
    check("TEXT", &["'{\"b\": 1}'"], "jsonb", &["'{\"b\":1}'"], &[]);
    check("BLOB", &["x'00ff'", "x''"], "text", &["'\\x00ff'", "''"], &["t.v: BytesAsHex in 1"]);
    check("BLOB", &["x'00ff10'"], "text", &["'AP8Q'"], &["t.v: BytesAsBase64 in 1"]);
    check("TEXT", &["'00ff'"], "bytea", &["'\\x00ff'"], &["t.v: HexAsBytes in 1"]);
    check(
        "TEXT",
        &["'6F9619FF8B86D011B42D00C04FC964FF'"],
        "uuid",
        &["'6f9619ff-8b86-d011-b42d-00c04fc964ff'"],
        &[],
    );
}

/// Types that no conversion produces are compared as they are printed.
#[test]
fn types_that_no_conversion_produces() {
    check("TEXT", &["'[1,5)'", "NULL"], "int4range", &["'[1,5)'", "NULL"], &[]);
    check("TEXT", &["'(1,2)'"], "point", &["'(1,2)'"], &[]);
    check("INTEGER", &["17"], "oid", &["17"], &[]);
    check("TEXT", &["'<a/>'"], "xml", &["'<a/>'"], &[]);
    let pair = Pair::new(
        "CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT); INSERT INTO t VALUES ('[1,2)', 'a'), ('[3,4)', 'b')",
        "CREATE TABLE t (id int4range PRIMARY KEY, v text); INSERT INTO t VALUES ('[3,4)', 'b'), ('[1,2)', 'a')",
    );
    assert_eq!(pair.equal(), Vec::<String>::new());
}

/// Rows are paired by the source's key, whatever type it has in the target.
#[test]
fn keys_in_other_forms() {
    for (declared, keys, type_name, found) in [
        ("INTEGER", ["10", "9", "-1"], "text", ["'10'", "'9'", "'-1'"]),
        ("INTEGER", ["10", "9", "-1"], "numeric(12,2)", ["10", "9", "-1"]),
        ("INTEGER", ["10", "9", "-1"], "double precision", ["10", "9", "-1"]),
        ("TEXT", ["'10'", "'9'", "'-1'"], "bigint", ["10", "9", "-1"]),
        ("TEXT", ["'b'", "'B'", "'ä'"], "varchar(9)", ["'b'", "'B'", "'ä'"]),
        ("TEXT", ["'b'", "'B'", "'ä'"], "char(9)", ["'b'", "'B'", "'ä'"]),
        ("REAL", ["1.5", "-2.25", "1e10"], "numeric", ["1.5", "-2.25", "10000000000"]),
        ("BLOB", ["x'00'", "x'ff'", "x'0001'"], "bytea", ["'\\x00'", "'\\xff'", "'\\x0001'"]),
        ("BLOB", ["x'00'", "x'ff'", "x'0001'"], "text", ["'00'", "'ff'", "'0001'"]),
        ("BLOB", ["x'00'", "x'ff'", "x'0001'"], "text", ["'AA=='", "'/w=='", "'AAE='"]),
        (
            "TEXT",
            [
                "'6F9619FF-8B86-D011-B42D-00C04FC964FF'",
                "'00000000-0000-0000-0000-000000000001'",
                "'ffffffffffffffffffffffffffffffff'",
            ],
            "uuid",
            [
                "'6f9619ff-8b86-d011-b42d-00c04fc964ff'",
                "'00000000-0000-0000-0000-000000000001'",
                "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
            ],
        ),
        (
            "INTEGER",
            ["1700000000123", "1", "-5"],
            "timestamptz",
            ["'2023-11-14 22:13:20.123Z'", "'1970-01-01 00:00:00.001Z'", "'1969-12-31 23:59:59.995Z'"],
        ),
        (
            "INTEGER",
            ["1700000000", "1", "60"],
            "timestamp",
            ["'2023-11-14 22:13:20'", "'1970-01-01 00:00:01'", "'1970-01-01 00:01:00'"],
        ),
        (
            "TEXT",
            ["'2024-01-02'", "'1999-12-31'", "'2024-01-01'"],
            "date",
            ["'2024-01-02'", "'1999-12-31'", "'2024-01-01'"],
        ),
    ] {
        let rows = |keys: &[&str; 3], order: [usize; 3]| {
            order.map(|place| format!("({}, 'row {place}')", keys[place])).join(", ")
        };
        let source = rows(&keys, [0, 1, 2]);
        let target = rows(&found, [2, 0, 1]);
        for constraint in ["PRIMARY KEY", ""] {
            let pair = Pair::new(
                &format!(
                    "CREATE TABLE t (k {declared} PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO t VALUES {source}"
                ),
                &format!(
                    "CREATE TABLE t (k {type_name} {constraint}, v text); INSERT INTO t VALUES {target}"
                ),
            );
            assert_eq!(pair.equal(), Vec::<String>::new(), "{declared} {type_name}");
            pair.execute("UPDATE t SET v = 'other' WHERE v = 'row 1'; DELETE FROM t WHERE v = 'row 2'");
            let found = pair.findings();
            assert_eq!(found[..2], ["t: 1 missing", "t: 1 different"], "{declared} {type_name}: {found:?}");
        }
    }
}
