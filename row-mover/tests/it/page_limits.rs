//! Rows that are too wide for PostgreSQL's pages, and keys that are too long for its indexes: found before anything moves, and never
//! where they fit. PostgreSQL itself has the last word: what is not found must move.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use migrate_core::page_limits::ROW_BYTES_MAX;
use row_mover::run::{self, Outcome, Silent};
use row_mover::source::page_limits::Exceeded;

use crate::support::{Case, chain, sqlite};

/// What rows exceed, as table, what, rows, bytes, and the first keys.
fn exceeding(outcome: &Outcome) -> Vec<String> {
    let Outcome::Rejected { findings, .. } = outcome else { panic!("{outcome:?}") };
    let of_table = findings.tables.iter().flat_map(|table| {
        table.exceeding.iter().map(|exceeding| {
            let what = match &exceeding.limit {
                Exceeded::Row { columns } => format!("row of {columns} columns"),
                Exceeded::Key { name, .. } => name.clone(),
            };
            let first = exceeding.first.join("; ");
            format!("{} {what}: {} of {} bytes: {first}", table.table, exceeding.rows, exceeding.bytes_max)
        })
    });
    of_table.collect()
}

/// What a dry run and a migration find, which must be the same; nothing is changed.
#[track_caller]
fn found(case: &Case) -> Vec<String> {
    let dry = run::dry_run(&case.request(), &Silent).map_err(|error| chain(&error)).unwrap();
    let found = exceeding(&dry);
    let outcome = run::migrate(&case.request(), &Silent).map_err(|error| chain(&error)).unwrap();
    assert_eq!(exceeding(&outcome), found);
    assert!(case.target_objects().is_empty());
    found
}

/// Text that nothing compresses, of so many bytes.
fn random(bytes: u32) -> String {
    format!("substr(hex(randomblob({})), 1, {bytes})", bytes / 2 + 1)
}

/// Text of one letter.
fn plain(bytes: u32) -> String {
    format!("replace(hex(zeroblob({bytes})), '00', 'a')")
}

/// A table `t` of so many columns of a type, and rows that hold these values in every one of them.
fn wide(columns: usize, declared: &str, rows: &[&str]) -> String {
    let names: Vec<String> = (0..columns).map(|number| format!("c{number} {declared}")).collect();
    let mut sql = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {});", names.join(", "));
    for (id, value) in (1..).zip(rows) {
        let values = vec![*value; columns];
        // SQLite takes no row of more values than this in one statement.
        let _ = write!(sql, "INSERT INTO t VALUES ({id}, {});", values.join(", "));
    }
    sql
}

#[test]
fn a_row_of_fixed_columns_is_known_to_the_byte() {
    // A header of 24 bytes, and 8 for each column: 1,017 fill a page.
    Case::new(&wide(1016, "INTEGER", &["4611686018427387904"])).moved();
    let case = Case::new(&wide(1017, "INTEGER", &["4611686018427387904", "NULL", "7611686018427387904"]));
    assert_eq!(found(&case), ["t row of 1018 columns: 2 of 8168 bytes: id=1; id=3"]);
    let narrower: String = (0..1017).fold("[tables.t.columns]\n".to_owned(), |mapping, number| {
        if number < 10 { format!("{mapping}c{number} = {{ skip = \"too wide\" }}\n") } else { mapping }
    });
    Case::mapped(&wide(1017, "INTEGER", &["4611686018427387904"]), &narrower).moved();
}

#[test]
fn short_texts_stay_in_their_row() {
    let case = Case::new(&wide(1500, "TEXT", &["'abcdef'", "'abc'", "''"]));
    assert_eq!(found(&case), ["t row of 1501 columns: 1 of 10536 bytes: id=1"]);
    let case = Case::new(&wide(1500, "TEXT", &["'abcd'", "'abc'"]));
    assert!(case.moved().validation.is_proven());
}

#[test]
fn postgresql_decides_whether_a_compressible_row_fits() {
    // 430 values of 18 bytes each, stored elsewhere, fit; 470 do not, unless they are compressed.
    let columns = 470;
    let (varied, even) = (random(60), plain(60));
    let case = Case::new(&wide(columns, "TEXT", &[&varied, &even, &random(5000)]));
    let found = found(&case);
    assert_eq!(found, [format!("t row of 471 columns: 2 of {} bytes: id=1; id=3", ROW_BYTES_MAX + 8)]);
    assert!(Case::new(&wide(columns, "TEXT", &[&even])).moved().validation.is_proven());
    assert!(Case::new(&wide(430, "TEXT", &[&varied, &random(5000)])).moved().validation.is_proven());
}

/// Tables with one index of each kind, and a row that is beyond each.
fn keys(value: &str) -> String {
    format!(
        "CREATE TABLE named (k TEXT PRIMARY KEY, n INTEGER); INSERT INTO named VALUES ('short', 1), ({value}, 2);
         CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, v TEXT, w TEXT, b BLOB, kind TEXT, low TEXT, free TEXT);
         CREATE INDEX by_v ON t (v); CREATE INDEX by_both ON t (id, w); CREATE INDEX by_b ON t (b DESC);
         CREATE INDEX live ON t (free) WHERE kind = 'live'; CREATE INDEX lower_low ON t (lower(low));
         INSERT INTO t (id, u) VALUES (1, 'x'), (2, {value}); INSERT INTO t (id, v) VALUES (3, {value});
         INSERT INTO t (id, w) VALUES (4, {value}); INSERT INTO t (id, b) VALUES (5, CAST({value} AS BLOB));
         INSERT INTO t (id, free, kind) VALUES (6, {value}, 'dead'), (7, {value}, 'live');
         INSERT INTO t (id, low) VALUES (8, {value}); INSERT INTO t (id, free) VALUES (9, {value});"
    )
}

#[test]
fn a_key_that_is_too_long_is_found_in_every_kind_of_index() {
    let case = Case::new(&keys(&random(4000)));
    let mut found = found(&case);
    // The key itself is random.
    let named = found.remove(0);
    assert!(named.starts_with("named named_pkey: 1 of 4000 bytes: k='"), "{named}");
    assert_eq!(
        found,
        [
            "t t_u_key: 1 of 4000 bytes: id=2",
            "t by_b: 1 of 4000 bytes: id=5",
            "t by_both: 1 of 4008 bytes: id=4",
            "t by_v: 1 of 4000 bytes: id=3",
            "t live: 1 of 4004 bytes: id=7",
            "t lower_low: 1 of 4000 bytes: id=8",
        ]
    );
}

#[test]
fn a_key_that_postgresql_compresses_moves() {
    assert!(Case::new(&keys(&plain(100_000))).moved().validation.is_proven());
    // Just below the limit, whatever it holds.
    assert!(Case::new(&keys(&random(2600))).moved().validation.is_proven());
}

#[test]
fn keys_are_judged_to_the_byte() {
    for bytes in
        [2650, 2680, 2690, 2691, 2692, 2693, 2694, 2695, 2696, 2697, 2700, 2712, 2800, 5000, 5400, 6000]
    {
        let sql = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB); CREATE INDEX by_v ON t (v);
             INSERT INTO t VALUES (1, randomblob({bytes}));"
        );
        let case = Case::new(&sql);
        let is_found = matches!(run::dry_run(&case.request(), &Silent).unwrap(), Outcome::Rejected { .. });
        // The index itself, without us.
        case.execute("CREATE TABLE judge (v bytea)");
        let connection = rusqlite::Connection::open(&case.source).unwrap();
        let hex: String = connection.query_row("SELECT hex(v) FROM t", [], |row| row.get(0)).unwrap();
        case.execute(&format!("INSERT INTO judge VALUES (decode('{hex}', 'hex'))"));
        let judged = case.session().script("CREATE INDEX ON judge (v)");
        assert_eq!(is_found, judged.is_err(), "{bytes}");
    }
}

#[test]
fn long_values_and_generated_keys() {
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, kind TEXT, body TEXT, g TEXT AS (v || kind) STORED);
         CREATE INDEX by_v ON t (v); CREATE INDEX by_g ON t (g); CREATE INDEX live ON t (body) WHERE kind = 'live';
         INSERT INTO t (id, v) VALUES (1, {long}); INSERT INTO t (id, v, kind) VALUES (2, {half}, {half});
         INSERT INTO t (id, body, kind) VALUES (3, {long}, 'dead'), (4, {long}, 'live');",
        long = random(3_000_000),
        half = random(2000)
    ));
    assert_eq!(
        found(&case),
        [
            "t by_g: 1 of 4000 bytes: id=2",
            "t by_v: 1 of 3000000 bytes: id=1",
            "t live: 1 of 3000004 bytes: id=4",
        ]
    );
}

#[test]
fn words_never_exceed_the_limit_of_a_tsvector() {
    // Of the letters that a column for full-text search takes in, each the longest of UTF-8 and a word by itself.
    let words = |first: u32, between: &str| {
        let letters = (first..0x11_0000).filter_map(char::from_u32).filter(|letter| letter.is_alphabetic());
        letters.cycle().take(100_000).map(|letter| format!("{letter}{between}")).collect::<String>()
    };
    let case = Case::new(&format!(
        "CREATE VIRTUAL TABLE docs USING fts5 (body); INSERT INTO docs VALUES ('{}'), ('{}'), ('{}');",
        words(0x10000, " "),
        words(0x10000, ""),
        words(0x4e00, "-")
    ));
    assert!(case.moved().validation.is_proven());
}

#[test]
fn an_index_of_the_apps_table_is_asked_by_its_own_method() {
    let source = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w TEXT, x TEXT, y TEXT);
         INSERT INTO t VALUES (1, {long}, 'a', 'b', 'c'), (2, 'a', {long}, 'c', 'd'), (3, 'a', 'b', {long}, 'e'), (4, 'f', 'g', 'h', {long});",
        long = random(4000)
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(&path, &source);
    let target = "CREATE TABLE t (id bigint PRIMARY KEY, v text NOT NULL, w text, x text, y text);
                  CREATE INDEX by_v ON t (v text_pattern_ops); CREATE INDEX by_w ON t USING hash (w);
                  CREATE UNIQUE INDEX by_x ON t (id) INCLUDE (x); CREATE INDEX by_y ON t (y) WHERE y <> 'e' AND id < 3;";
    let case = Case::into_existing(dir, path, "into_existing = true", target).unwrap();
    let outcome = run::migrate(&case.request(), &Silent).map_err(|error| chain(&error)).unwrap();
    assert_eq!(exceeding(&outcome), ["t by_v: 1 of 4000 bytes: id=1", "t by_x: 1 of 4008 bytes: id=3"]);
    case.execute("DROP INDEX by_v, by_x");
}

#[test]
fn neither_the_log_nor_the_findings_contain_values() {
    let canary = "canary-7c1f";
    let case = Case::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE); INSERT INTO t VALUES (1, '{canary}' || {});",
        random(9000)
    ));
    let outcome = run::migrate(&case.request(), &Silent).unwrap();
    assert_eq!(exceeding(&outcome).len(), 1);
    assert!(!serde_json::to_string(&outcome).unwrap().contains(canary));
    // The server logs every error with its statement; what a trial catches is none.
    let data = case.ask("SHOW data_directory").remove(0);
    let log = fs::read(Path::new(&data).parent().unwrap().join("server.log")).unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("ready to accept connections"), "{data}");
    for words in [canary, "migration_scratch_trial"] {
        assert!(!log.contains(words), "{words}");
    }
}
