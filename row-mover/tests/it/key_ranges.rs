//! Tables WITHOUT ROWID move in several chunks, each a range of the primary key: whatever the key is, and whatever interrupts the run.

use std::fs;

use row_mover::run::{self, Outcome, Request, Silent};
use row_mover::source::refused_rows::Rule;

use crate::catch_up::caught_up;
use crate::resume::{spawn, wait_for_its_sessions};
use crate::support::{Case, chain, moved, sqlite};

/// The table `flat`, of so many rows, with a key of two columns. The keys are canaries.
fn source(rows: u32) -> String {
    format!(
        "CREATE TABLE flat (k TEXT, n INTEGER, v TEXT, PRIMARY KEY (k, n)) WITHOUT ROWID; \
         WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {rows}) \
         INSERT INTO flat SELECT 'kanarienvogel ' || (i * 7919 % 40009), i, printf('%.*c', 60, 'x') FROM i"
    )
}

/// The chunks of a table, and those that end at a row.
fn chunks(case: &Case, table: &str) -> (u32, u32) {
    let sql =
        format!("SELECT count(*), count(until_page) FROM migration.chunks WHERE table_name = '{table}'");
    let answer = case.ask(&sql);
    let (all, ending) = answer[0].split_once('|').unwrap();
    (all.parse().unwrap(), ending.parse().unwrap())
}

#[test]
fn keys_of_every_kind_move_in_several_chunks() {
    const COUNTED: &str = "WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 20000)";
    for (what, columns, values, is_cut) in [
        ("a number", "k INTEGER PRIMARY KEY, v TEXT", "i, 'v'", true),
        ("text that does not ascend", "k TEXT PRIMARY KEY, v TEXT", "'k' || (i * 7919 % 40009), 'v'", true),
        (
            "descending",
            "k INTEGER, l TEXT, v TEXT, PRIMARY KEY (k DESC, l DESC)",
            "i % 7, 'l' || i, 'v'",
            true,
        ),
        ("both directions", "k INTEGER, l TEXT, v TEXT, PRIMARY KEY (k, l DESC)", "i, 'l' || i, 'v'", true),
        (
            "NOCASE",
            "k TEXT COLLATE NOCASE PRIMARY KEY, v TEXT",
            "CASE i % 2 WHEN 0 THEN 'k' ELSE 'K' END || i, 'v'",
            true,
        ),
        (
            "RTRIM",
            "k TEXT COLLATE RTRIM, l INTEGER, v TEXT, PRIMARY KEY (k, l)",
            "'k' || i || '  ', i, 'v'",
            true,
        ),
        ("one group", "k INTEGER, l TEXT, v TEXT, PRIMARY KEY (k, l)", "7, 'l' || i, 'v'", true),
        (
            "one group in both directions",
            "k INTEGER, l TEXT, v TEXT, PRIMARY KEY (k, l DESC)",
            "7, 'l' || i, 'v'",
            false,
        ),
        ("blobs", "k BLOB PRIMARY KEY, v TEXT", "CAST('k' || i AS BLOB), 'v'", true),
        ("fractions", "k REAL PRIMARY KEY, v TEXT", "i / 3.0, 'v'", true),
        ("long text", "k TEXT PRIMARY KEY, v TEXT", "printf('%.*c', 700, 'k') || i, 'v'", true),
        (
            "key columns last",
            "v TEXT, g AS (v || '!'), l INTEGER, k TEXT, PRIMARY KEY (k, l)",
            "'v', i % 3, 'k' || i",
            true,
        ),
    ] {
        let names = columns.split(", ").take_while(|column| !column.starts_with("PRIMARY"));
        let names = names.map(|column| column.split(' ').next().unwrap()).filter(|name| *name != "g");
        let names = names.collect::<Vec<_>>().join(", ");
        let case = Case::new(&format!(
            "CREATE TABLE flat ({columns}) WITHOUT ROWID; {COUNTED} INSERT INTO flat ({names}) SELECT {values} FROM i"
        ));
        let moved = case.moved();
        let (all, ending) = chunks(&case, "flat");
        assert_eq!((all > 1, ending), (is_cut, all - 1), "{what}");
        assert_eq!(moved.validation.tables[0].equal, 20_000, "{what}");
        assert_eq!(case.ask("SELECT sum(rows) FROM migration.chunks"), ["20000"], "{what}");
    }
}

/// The pages below a root that has two children, or one, have many: what a chunk is cut from is more than the root shows.
#[test]
fn chunks_are_of_one_size_whatever_the_root_looks_like() {
    for rows in [8_000, 20_000, 50_000] {
        let case = Case::new(&format!(
            "PRAGMA page_size = 512; CREATE TABLE flat (k TEXT, n INTEGER, v TEXT, PRIMARY KEY (k, n)) WITHOUT ROWID; \
             WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {rows}) \
             INSERT INTO flat SELECT 'k' || (i % 37), i, printf('%.*c', 200, 'x') FROM i"
        ));
        let request = Request { chunk_bytes: 256 << 10, ..case.request() };
        moved(run::migrate(&request, &Silent));
        let sizes = case.ask("SELECT max(bytes), sum(bytes), count(*) FROM migration.chunks");
        let sizes: Vec<u64> = sizes[0].split('|').map(|size| size.parse().unwrap()).collect();
        let [largest, all, count] = sizes.try_into().unwrap();
        assert!(largest <= 2 * (256 << 10), "{rows}: {largest}");
        assert!(count >= all / (2 * (256 << 10)), "{rows}: {count} chunks of {all} bytes");
    }
}

#[test]
fn the_ledger_has_no_key() {
    let case = Case::new(&source(20_000));
    case.moved();
    assert!(chunks(&case, "flat").0 > 2);
    let ledger = case.ask("SELECT to_jsonb(c) FROM migration.chunks AS c").concat();
    assert!(ledger.contains("until_page") && !ledger.contains("kanarienvogel"), "{ledger}");
}

#[test]
fn a_killed_run_resumes_with_the_chunks_that_are_left() {
    for stop in ["rows begins", "moved rows of flat", "compared"] {
        let case = Case::new(&source(20_000));
        spawn(&case, stop).wait().unwrap();
        wait_for_its_sessions(&case);
        let done = "SELECT chunk, done_at FROM migration.chunks WHERE done_at IS NOT NULL ORDER BY chunk";
        let before = case.ask(done);
        // The copy that was sealed is what moves.
        sqlite(&case.source, "DELETE FROM flat WHERE n % 3 = 0");
        let moved = case.moved();
        assert_eq!(moved.validation.tables[0].equal, 20_000, "{stop}");
        let after = case.ask(done);
        assert!(before.iter().all(|chunk| after.contains(chunk)), "{stop}: {before:?}, {after:?}");
        assert_eq!(stop == "rows begins", before.is_empty(), "{stop}: {before:?}");
    }
}

#[test]
fn a_run_that_an_earlier_version_began_resumes_in_one_piece() {
    let case = Case::new(&source(9_000));
    spawn(&case, "rows begins").wait().unwrap();
    wait_for_its_sessions(&case);
    case.execute(
        "UPDATE migration.chunks SET planned_rows = 9000 WHERE chunk = 0; DELETE FROM migration.chunks WHERE chunk > 0; \
         ALTER TABLE migration.chunks DROP COLUMN after_page, DROP COLUMN after_cell, DROP COLUMN until_page, DROP COLUMN until_cell; \
         DELETE FROM migration.__diesel_schema_migrations WHERE version = '0012'",
    );
    assert_eq!(case.moved().validation.tables[0].equal, 9_000);
}

#[test]
fn a_ledger_that_is_not_about_the_copy_moves_nothing() {
    for (change, refused) in [
        (
            "UPDATE migration.chunks SET until_cell = 9999 WHERE chunk = 0",
            "no row where the ledger says that a chunk ends",
        ),
        (
            "UPDATE migration.chunks SET until_page = NULL, until_cell = NULL WHERE chunk = 0",
            "rows were read, and",
        ),
    ] {
        let case = Case::new(&source(9_000));
        spawn(&case, "rows begins").wait().unwrap();
        wait_for_its_sessions(&case);
        case.execute(change);
        let words = chain(&case.refused());
        assert!(words.contains(refused) && !words.contains("kanarienvogel"), "{words}");
    }
}

#[test]
fn rejected_rows_are_counted_in_their_chunks() {
    let sql = source(9_000).replace("v TEXT", "v").replace("printf('%.*c', 60, 'x')", "i");
    let sql = format!("{sql}; UPDATE flat SET v = printf('%.*c', 300, 'x') WHERE n % 100 = 0");
    let case = Case::mapped(&sql, "[tables.flat.columns]\nv = { as = \"bigint\", on_reject = \"skip\" }");
    let moved = case.moved();
    assert_eq!((moved.validation.tables[0].rejected, moved.validation.tables[0].equal), (90, 8_910));
    let found = case.ask(
        "SELECT sum(rejected), sum(rows), count(*) FILTER (WHERE rejected > 0) > 1 FROM migration.chunks",
    );
    assert_eq!(found, ["90|8910|t"]);
}

#[test]
fn catch_ups_leave_no_chunk_with_less_than_no_rows() {
    let case = Case::new(&source(9_000));
    case.moved();
    for (sql, rows) in [
        ("DELETE FROM flat WHERE n > 100", "100"),
        ("INSERT INTO flat VALUES ('kanarienvogel', 0, 'new'); UPDATE flat SET v = 'y' WHERE n = 5", "101"),
        ("DELETE FROM flat", "0"),
    ] {
        caught_up(&case, sql);
        assert_eq!(
            case.ask("SELECT sum(rows), min(rows) >= 0 FROM migration.chunks"),
            [format!("{rows}|t")],
            "{sql}"
        );
    }
}

/// An app's table for the rows.
const APP: &str = "CREATE TABLE flat (k text, n int, v text CHECK (v <> 'no'), PRIMARY KEY (k, n));";

#[test]
fn rows_that_an_app_has_already_are_not_sent_again() {
    let seeds = format!(
        "{APP} INSERT INTO flat SELECT 'kanarienvogel ' || (i * 7919 % 40009), i, repeat('x', 60) FROM generate_series(1, 9000, 250) AS i; \
         INSERT INTO flat VALUES ('own', 0, '')"
    );
    let case = Case::for_app(&source(9_000), &seeds, "seeds = \"keep\"");
    let before =
        "SELECT ctid, xmin, k FROM flat WHERE n % 250 IN (0, 1) AND (n = 0 OR n % 250 = 1) ORDER BY k";
    let rows = case.ask(before);
    assert_eq!(rows.len(), 37);
    case.moved();
    assert!(chunks(&case, "flat").0 > 1);
    assert_eq!(case.ask(before), rows);
    assert_eq!(case.ask("SELECT count(*) FROM flat"), ["9001"]);
}

#[test]
fn rows_that_an_app_refuses_are_named_in_every_chunk() {
    let sql = format!("{}; UPDATE flat SET v = 'no' WHERE n IN (1, 4500, 8999)", source(9_000));
    let case = Case::for_app(&sql, APP, "");
    let Ok(Outcome::Rejected { findings, .. }) = run::migrate(&case.request(), &Silent) else {
        panic!("not refused")
    };
    let refused = &findings.tables[0].refused;
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!((&refused[0].rule, refused[0].rows), (&Rule::Check { name: "flat_v_check".to_owned() }, 3));
    assert!(
        [1, 4_500, 8_999].iter().all(|n| refused[0].first.iter().any(|key| key.ends_with(&format!("n={n}")))),
        "{refused:?}"
    );
}

#[test]
fn a_damaged_tree_is_refused_before_anything_changes() {
    let case = Case::new(&format!("PRAGMA page_size = 1024; {}", source(9_000)));
    let root: u32 = rusqlite::Connection::open(&case.source)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'flat'", [], |row| row.get(0))
        .unwrap();
    let whole = fs::read(&case.source).unwrap();
    for offset in [0, 3, 8, 12, 13, 700, 1_000, 1_023] {
        let mut bytes = whole.clone();
        bytes[(root as usize - 1) * 1024 + offset] ^= 0x55;
        fs::write(&case.source, bytes).unwrap();
        match run::migrate(&case.request(), &Silent) {
            Err(error) => assert!(!chain(&error).contains("kanarienvogel"), "{offset}: {}", chain(&error)),
            // A byte of a value, or of no use.
            Ok(Outcome::Moved(moved)) => assert!(offset > 13 && moved.validation.is_proven(), "{offset}"),
            Ok(other) => panic!("{offset}: {other:?}"),
        }
        if !case.ask("SELECT to_regclass('flat')")[0].contains("NULL") {
            return;
        }
    }
}
