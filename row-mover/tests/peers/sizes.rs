//! Sizes: very many tables, very many columns, very large values, and empty databases.

use rusqlite::Connection;

use crate::support::migrate::migrate_file;
use crate::support::{Ending, PeerCase, case, check};

pub fn cases() -> Vec<PeerCase> {
    let tables: String = (1..=500)
        .map(|table| {
            let parent = table / 2;
            let key = if parent > 0 { format!(" REFERENCES t{parent} (id)") } else { String::new() };
            format!(
                "CREATE TABLE t{table} (id INTEGER PRIMARY KEY, up INTEGER{key}, v TEXT NOT NULL UNIQUE DEFAULT 'x', CHECK (up <> id));
                 CREATE INDEX i{table} ON t{table} (up, v DESC); INSERT INTO t{table} VALUES (1, NULL, 'one'), (2, NULL, '2');\n"
            )
        })
        .collect();
    let columns =
        |count: usize, each: &dyn Fn(usize) -> String| (1..=count).map(each).collect::<Vec<_>>().join(", ");
    let thousand = format!(
        "CREATE TABLE wide ({}); INSERT INTO wide VALUES ({}); INSERT INTO wide (c4) VALUES (7);",
        columns(1000, &|column| format!(
            "c{column} {}",
            ["INTEGER", "TEXT", "REAL DEFAULT 0.5", "BLOB"][column % 4]
        )),
        columns(1000, &|column| ["5", "'text'", "2.5", "x'00ff'"][column % 4].to_owned())
    );
    vec![
        case("S1 500 tables", tables)
            .gives("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace", &["499"])
            .breaks("INSERT INTO t500 (up) VALUES (9)", "23503")
            .breaks("INSERT INTO t499 (up, id, v) VALUES (2, 2, 'new')", "23505|23514"),
        case("S2 1,000 columns", thousand)
            .gives("SELECT count(*) FROM pg_attribute WHERE attrelid = 'wide'::regclass AND attnum > 0", &["1000"])
            .gives("SELECT c1000, c999, c2 FROM wide ORDER BY c4",
                &["5|\\x00ff|2.5", "NULL|NULL|0.5"]),
        case("S3 one column and no row", "CREATE TABLE t (v);").gives("SELECT count(*) FROM t", &["0"]),
        case("S4 views alone", "CREATE VIEW v AS SELECT 1 AS one, 'x' AS two;")
            .leaves_or("view v", &["SELECT one, two FROM v"], &["1|x"]),
        case("S5 no table", "PRAGMA user_version = 5;").ends(Ending::Refused).tells("holds no table"),
        case("S6 a table that is left behind", "CREATE TABLE t (v TEXT); CREATE TABLE cache (k TEXT, v BLOB); INSERT INTO cache VALUES ('a', x'00');")
            .mapping("[leave_behind]\ncache = \"made anew\"")
            .leaves("table cache")
            .gives("SELECT count(*) FROM pg_class WHERE relname = 'cache'", &["0"]),
    ]
}

#[test]
fn sizes() {
    check(&cases());
}

/// E10: values that are too large for several copies in memory.
#[test]
fn e10_very_large_values() {
    const BLOB_BYTES: usize = 60_000_000;
    const TEXT_BYTES: usize = 120_000_000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    let source = Connection::open(&path).unwrap();
    source.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB, v TEXT)").unwrap();
    let blob: Vec<u8> = (0..BLOB_BYTES).map(|place| (place % 251) as u8).collect();
    source.execute("INSERT INTO t VALUES (1, ?1, 'small')", [&blob]).unwrap();
    source
        .execute(
            "INSERT INTO t VALUES (2, x'', replace(hex(zeroblob(?1)), '0', 'é'))",
            [i64::try_from(TEXT_BYTES / 4).unwrap()],
        )
        .unwrap();
    drop(source);
    let finished = migrate_file(dir, path, "", "");
    assert_eq!(finished.ending, Ending::Proven, "{}", finished.words);
    let case = finished.case.unwrap();
    assert_eq!(
        case.ask("SELECT id, length(b), get_byte(b, length(b) - 1), octet_length(v) FROM t WHERE id = 1"),
        [format!("1|{BLOB_BYTES}|{}|5", (BLOB_BYTES - 1) % 251)]
    );
    assert_eq!(
        case.ask("SELECT octet_length(v), length(replace(v, 'é', '')) FROM t WHERE id = 2"),
        [format!("{TEXT_BYTES}|0")]
    );
}
