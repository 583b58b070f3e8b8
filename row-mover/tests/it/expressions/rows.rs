//! A table with a column of each kind, and rows full of edge cases.

use migrate_core::affinity::Affinity;
use migrate_core::plan::Plan;
use migrate_core::translate::{BlobContents, Collation, Scope, ScopeColumn, ScopeTable};

use crate::support::Case;

/// A column: its name, its declared type, its conversion in the words of a mapping, and its values. Each row has the next
/// value and starts again at the end, so that lists of different lengths are combined in many ways.
struct Column {
    name: &'static str,
    declared: &'static str,
    conversion: &'static str,
    values: &'static [&'static str],
}

const fn column(
    name: &'static str,
    declared: &'static str,
    conversion: &'static str,
    values: &'static [&'static str],
) -> Column {
    Column { name, declared, conversion, values }
}

/// The number of rows.
const ROWS: usize = 64;

const TEXTS: &[&str] = &[
    "'abc'",
    "'ABC'",
    "'aBc '",
    "''",
    "' '",
    "'  x  '",
    "'12'",
    "' 12x'",
    "'-5'",
    "'+7'",
    "'1.5'",
    "'1e3'",
    "'.5'",
    "'äöü'",
    "'ÄÖÜ'",
    "'straße'",
    "'日本語'",
    "'%'",
    "'a_c'",
    "'100%'",
    "'a\\b'",
    "'it''s'",
    "'[x]'",
    "'😀b'",
    "'a*c'",
    "'true'",
    "'0'",
    "'9223372036854775808'",
    "'0x10'",
    "char(9) || 'tab' || char(10)",
    "'abcabc'",
    "'Z'",
    "'_'",
    "'İI'",
    "NULL",
];

/// JSON in blobs, with texts of the lengths that a header of SQLite's binary JSON could announce.
const JSON_BLOBS: &[&str] = &[
    r#"CAST('{"a":1,"b":"x","c":[1,2,3],"d":null,"e":true,"f":1.5}' AS BLOB)"#,
    r#"CAST('{"a": 1}' AS BLOB)"#,
    r#"CAST(' {"b": "äöü \\ \"", "a": "1"} ' AS BLOB)"#,
    "NULL",
    "CAST('[1, 2]' AS BLOB)",
    "CAST('[7123]' AS BLOB)",
    "CAST('{\n\n\n\n\n\n}' AS BLOB)",
    "CAST('[]' AS BLOB)",
    r#"CAST('{"b":"y"}' AS BLOB)"#,
];

const COLUMNS: &[Column] = &[
    column(
        "i",
        "INTEGER",
        "bigint",
        &[
            "0",
            "1",
            "-1",
            "7",
            "-7",
            "9223372036854775807",
            "-9223372036854775808",
            "9007199254740993",
            "2147483648",
            "NULL",
            "100",
        ],
    ),
    column("k", "INTEGER", "bigint", &["3", "0", "-3", "2", "NULL", "10", "-2", "1"]),
    column("n", "INTEGER NOT NULL", "bigint", &["5", "0", "-5", "64", "1", "12"]),
    column("w", "INTEGER", "integer", &["2147483647", "-2147483648", "0", "NULL", "6"]),
    column("h", "SMALLINT", "smallint", &["32767", "-32768", "0", "NULL", "9", "1"]),
    column("b", "BOOLEAN", "boolean", &["0", "1", "NULL"]),
    column("f", "INTEGER NOT NULL", "boolean", &["1", "0"]),
    column(
        "r",
        "REAL",
        "double_precision",
        &[
            "0.0",
            "'-0.0'",
            "1.5",
            "-2.5",
            "0.1",
            "1e300",
            "5e-324",
            "NULL",
            "1e15",
            "123456789.125",
            "-1e300",
            "1e308",
            "0.5",
        ],
    ),
    column("q", "REAL", "double_precision", &["0.5", "2.0", "-1.5", "2.5", "NULL", "-0.25", "3.0", "0.0"]),
    column("e", "REAL", "double_precision", &["9e999", "-9e999", "1.0", "NULL"]),
    column("z", "NUMERIC", "double_precision", &["3", "1.5", "-2", "NULL", "0", "2.5"]),
    column("m", "DECIMAL(10,2)", "numeric", &["1", "19.99", "-0.5", "NULL", "0", "1000000", "0.1"]),
    column("s", "TEXT", "text", TEXTS),
    column("t", "TEXT NOT NULL", "text", &["'b'", "'B'", "''", "'abc'", "'12'", "'x'", "'ä'", "'c'", "' a'"]),
    column(
        "c",
        "TEXT COLLATE NOCASE",
        "text",
        &["'abc'", "'ABC'", "'äÖ'", "'ÄÖ'", "NULL", "''", "'b'", "'B '", "'_'", "'Z'"],
    ),
    column("p", "TEXT COLLATE RTRIM", "text", &["'abc'", "'abc  '", "' abc'", "NULL", "''", "'  '", "'b'"]),
    column(
        "ms",
        "INTEGER",
        "timestamptz_from_epoch_ms",
        &[
            "0",
            "1700000000123",
            "-1",
            "1709251199999",
            "NULL",
            "253402300799999",
            "-62135596800000",
            "86400000",
        ],
    ),
    column(
        "sec",
        "INTEGER",
        "timestamptz_from_epoch_s",
        &["0", "1700000000", "-1", "1709251200", "NULL", "253402300799", "86399"],
    ),
    column("us", "INTEGER", "timestamptz_from_epoch_us", &["0", "1700000000123456", "-1", "NULL", "1"]),
    column(
        "iso",
        "TEXT",
        "timestamptz_from_iso8601",
        &[
            "'2024-02-29T23:59:59.999Z'",
            "'2024-01-31T00:00:00.000Z'",
            "'1969-12-31T23:59:59.500Z'",
            "NULL",
            "'0001-01-01T00:00:00.000Z'",
            "'9999-12-31T23:59:59.999Z'",
            "'2023-11-14T22:13:20.123Z'",
        ],
    ),
    column(
        "wall",
        "DATETIME",
        "timestamp_from_iso8601",
        &[
            "'2024-02-29 23:59:59'",
            "'2024-01-31 00:00:00'",
            "'1969-12-31 23:59:59'",
            "NULL",
            "'0001-01-01 00:00:00'",
            "'9999-12-31 23:59:59'",
            "'2023-03-26 02:30:00'",
            "'2024-12-30 12:00:01'",
        ],
    ),
    column(
        "day",
        "DATE",
        "date",
        &[
            "'2024-02-29'",
            "'2024-01-31'",
            "'1969-12-31'",
            "NULL",
            "'0001-01-01'",
            "'9999-12-31'",
            "'2023-03-26'",
        ],
    ),
    column(
        "fine",
        "TEXT",
        "timestamp_from_iso8601",
        &[
            "'2024-05-31 23:59:59.999600'",
            "'2024-02-28T12:34:56.123456'",
            "'2000-01-01 00:00:00.0004'",
            "NULL",
            "'1999-12-31'",
            "'2024-12-31 06:07'",
        ],
    ),
    column("clock", "TIME", "time", &["'23:59:59'", "'00:00:00'", "NULL", "'12:30:00'"]),
    column("jd", "REAL", "timestamptz_from_julian_day", &["2440587.5", "2460000.5", "NULL", "2460370.25"]),
    column(
        "u",
        "TEXT",
        "uuid",
        &[
            "'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
            "NULL",
            "'00000000-0000-0000-0000-000000000000'",
        ],
    ),
    column(
        "uu",
        "TEXT",
        "uuid_from_uppercase",
        &["'0B5C0E6E-4B1A-4C52-8A7F-0D6A4F3F9A11'", "NULL", "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'"],
    ),
    column(
        "ub",
        "BLOB",
        "uuid_from_bytes",
        &["x'0b5c0e6e4b1a4c528a7f0d6a4f3f9a11'", "NULL", "x'ffffffffffffffffffffffffffffffff'"],
    ),
    column(
        "j",
        "TEXT",
        "jsonb",
        &[
            r#"'{"a":1,"b":"x","c":[1,2,3],"d":null,"e":true,"f":1.5,"g":{"h":"deep"},"1":"one"}'"#,
            r#"'{"a":"1","b":"y z","c":[],"e":false,"f":2.0,"g":[{"h":2}]}'"#,
            "'[10,\"x\",null]'",
            "'\"text\"'",
            "'17'",
            "'null'",
            "'true'",
            "NULL",
            r#"'{"a":-5,"b":"ünï","c":{"x":1},"f":1e2}'"#,
            "'{}'",
        ],
    ),
    column("jt", "TEXT", "json", &[r#"'{"a": 1, "b": [true]}'"#, "NULL", "'[]'", "'5'"]),
    column("x", "BLOB", "bytea", &["x'00ff10'", "x''", "NULL", "x'616263'", "x'c3a4'", "x'00'"]),
    column("jx", "BLOB", "bytea", JSON_BLOBS),
    column("jb", "BLOB", "jsonb_from_bytes", JSON_BLOBS),
    column("jj", "BLOB", "json_from_bytes", JSON_BLOBS),
    column(
        "tx",
        "BLOB COLLATE NOCASE",
        "bytea",
        &["x'6162'", "x''", "NULL", "x'c3a45c27'", "x'4142'", "x'3132'"],
    ),
    column("yes", "TEXT", "boolean_from_words", &["'yes'", "'no'", "NULL"]),
    column("v", "", "text_from_any", &["1", "'1'", "1.5", "NULL", "x'31'", "'a'"]),
];

/// Returns the statements that create the table.
fn sql() -> String {
    let definitions: Vec<String> =
        COLUMNS.iter().map(|column| format!("\"{}\" {}", column.name, column.declared)).collect();
    let mut sql = format!("CREATE TABLE rows (id INTEGER PRIMARY KEY, {});\n", definitions.join(", "));
    for row in 0..ROWS {
        let values: Vec<&str> =
            COLUMNS.iter().map(|column| column.values[row % column.values.len()]).collect();
        sql.push_str(&format!("INSERT INTO rows VALUES ({}, {});\n", row + 1, values.join(", ")));
    }
    sql
}

fn mapping() -> String {
    let lines: Vec<String> = COLUMNS
        .iter()
        .map(|column| format!("{} = {{ as = \"{}\" }}", column.name, column.conversion))
        .collect();
    format!("[tables.rows.columns]\n{}\n", lines.join("\n"))
}

/// The rows on both sides.
pub fn migrated() -> Case {
    let case = Case::mapped(&sql(), &mapping());
    case.moved();
    case
}

/// Returns the scope of the table's expressions.
pub fn scope(plan: &Plan) -> Scope {
    let planned = plan.tables.iter().find(|table| table.source == "rows").unwrap();
    let columns = planned.columns.iter().map(|column| ScopeColumn {
        source: column.source.clone(),
        sql: format!("\"{}\"", column.target),
        conversion: column.conversion.clone(),
        affinity: affinity(&column.declared),
        collation: match &column.declared {
            declared if declared.contains("NOCASE") => Collation::Nocase,
            _ if column.source == "c" || column.source == "tx" => Collation::Nocase,
            _ if column.source == "p" => Collation::Rtrim,
            _ => Collation::Binary,
        },
        not_null: column.not_null,
        contents: match column.source.as_str() {
            "jx" | "jb" | "jj" => BlobContents::Documents,
            "tx" => BlobContents::Text,
            _ => BlobContents::Bytes,
        },
    });
    let names = vec!["rows".to_owned()];
    Scope {
        tables: vec![ScopeTable { names, columns: columns.collect(), rowid: Some(0) }],
        ..Scope::default()
    }
}

fn affinity(declared: &str) -> Affinity {
    migrate_core::affinity::affinity(declared)
}
