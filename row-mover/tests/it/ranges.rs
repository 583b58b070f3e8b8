//! Large tables are compared in parts: each row is in one of them, on both sides, and what is found is what one worker finds.

use rusqlite::Connection;

use row_mover::run::Purpose;
use row_mover::validate::{CompareOptions, TableComparison};

use crate::support::Case;

/// Numbered without and with gaps far apart, by text in another order than rows, by several columns, and WITHOUT ROWID: by numbers, by
/// text, in one group, in an order that PostgreSQL does not have, and by values that are added up.
const SOURCE: &str = "
    CREATE TABLE n (i INTEGER PRIMARY KEY);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO n SELECT i FROM n;
    CREATE TABLE dense (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO dense SELECT i, 'v' || i FROM n;
    CREATE TABLE gaps (id INTEGER PRIMARY KEY, v TEXT);
    INSERT INTO gaps SELECT i, 'v' FROM n; INSERT INTO gaps SELECT -i * 1000003, 'v' FROM n WHERE i < 900;
    INSERT INTO gaps VALUES (-9223372036854775808, 'first'), (9223372036854775807, 'last'), (4611686018427387904, 'far');
    CREATE TABLE named (k TEXT PRIMARY KEY, v TEXT); INSERT INTO named SELECT 'é' || (i * 7919 % 40009), 'v' || i FROM n;
    CREATE TABLE pairs (a INTEGER, b TEXT, v TEXT, PRIMARY KEY (a, b)); INSERT INTO pairs SELECT i * 31 % 977, 'b' || i, 'v' FROM n;
    CREATE TABLE flat (a INTEGER, b INTEGER, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO flat SELECT i - 20000, i % 3, 'v' FROM n;
    CREATE TABLE tokens (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO tokens SELECT 'é' || (i * 7919 % 40009), 'v' || i FROM n;
    CREATE TABLE grouped (a INTEGER, b TEXT, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    INSERT INTO grouped SELECT 7, 'https://example.com/' || i, 'v' FROM n; INSERT INTO grouped VALUES (-1, 'x', 'v'), (9, 'x', 'v');
    CREATE TABLE falling (a INTEGER, b TEXT, v TEXT, PRIMARY KEY (a DESC, b)) WITHOUT ROWID;
    INSERT INTO falling SELECT i % 50, 'b' || i, 'v' FROM n;
    CREATE TABLE folded (k TEXT COLLATE NOCASE PRIMARY KEY, v TEXT) WITHOUT ROWID;
    INSERT INTO folded SELECT CASE i % 2 WHEN 0 THEN 'k' ELSE 'K' END || i, 'v' FROM n;
    CREATE TABLE floats (k REAL PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO floats SELECT i / 3.0, 'a longer value' FROM n;
    CREATE TABLE blobs (k BLOB PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO blobs SELECT CAST('b' || i AS BLOB), 'v' FROM n;
    CREATE TABLE small (k TEXT PRIMARY KEY, v TEXT); INSERT INTO small VALUES ('a', '1'), ('b', '2');
    CREATE TABLE none (id INTEGER PRIMARY KEY, v TEXT);
    DROP TABLE n;";

/// The comparisons of all tables by so many workers, without what depends on time.
fn compared(case: &Case, workers: usize) -> Vec<TableComparison> {
    let options = CompareOptions { workers, ..CompareOptions::default() };
    let mut tables = case.validated_for(Purpose::ChangesSince, options).1.tables;
    tables.iter_mut().for_each(|found| found.seconds = 0.0);
    tables
}

#[track_caller]
fn same(case: &Case, what: &str) -> Vec<TableComparison> {
    let [one, two, five] = [1, 2, 5].map(|workers| compared(case, workers));
    let lines = |tables: &[TableComparison]| {
        tables.iter().map(|found| serde_json::to_string(found).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(lines(&one), lines(&two), "{what}");
    assert_eq!(lines(&one), lines(&five), "{what}");
    one
}

/// What differs, as counts and the keys that are named.
fn differences(tables: &[TableComparison]) -> Vec<String> {
    let differs = |found: &&TableComparison| !found.is_equal();
    let line = |found: &TableComparison| {
        let keys: Vec<&str> = found.first.iter().map(|difference| difference.key.as_str()).collect();
        format!(
            "{} -{} +{} ~{}: {}",
            found.table,
            found.missing,
            found.extra,
            found.different,
            keys.join("; ")
        )
    };
    tables.iter().filter(differs).map(line).collect()
}

#[test]
fn every_damage_is_found_exactly_once_in_any_part() {
    let case = Case::new(SOURCE);
    case.moved();
    assert_eq!(differences(&same(&case, "nothing")), Vec::<String>::new());
    // The ends of parts are rows of the source: one row at every place of a table is damaged in turn with its neighbours.
    for (change, back, expected) in [
        (
            "UPDATE dense SET v = v || '!' WHERE id % 2500 IN (0, 1, 2499)",
            "UPDATE dense SET v = rtrim(v, '!')",
            48,
        ),
        (
            "UPDATE gaps SET v = v || '!' WHERE id NOT BETWEEN 5 AND 39995",
            "UPDATE gaps SET v = rtrim(v, '!')",
            911,
        ),
        (
            "UPDATE named SET v = v || '!' WHERE k < 'é10' OR k > 'é9'",
            "UPDATE named SET v = rtrim(v, '!')",
            0,
        ),
        ("UPDATE pairs SET v = v || '!'", "UPDATE pairs SET v = rtrim(v, '!')", 40_000),
        ("UPDATE flat SET v = v || '!' WHERE a % 100 IN (0, 1)", "UPDATE flat SET v = rtrim(v, '!')", 0),
        ("UPDATE tokens SET v = v || '!'", "UPDATE tokens SET v = rtrim(v, '!')", 40_000),
        ("UPDATE grouped SET v = v || '!'", "UPDATE grouped SET v = rtrim(v, '!')", 40_002),
        ("UPDATE falling SET v = v || '!' WHERE a % 7 = 0", "UPDATE falling SET v = rtrim(v, '!')", 0),
        ("UPDATE folded SET v = v || '!'", "UPDATE folded SET v = rtrim(v, '!')", 40_000),
        ("UPDATE floats SET v = v || '!' WHERE k > 5000", "UPDATE floats SET v = rtrim(v, '!')", 0),
        ("UPDATE blobs SET v = v || '!'", "UPDATE blobs SET v = rtrim(v, '!')", 40_000),
    ] {
        case.execute(change);
        let table = change.split(' ').nth(1).unwrap();
        let damaged: u64 =
            case.ask(&format!("SELECT count(*) FROM {table} WHERE v LIKE '%!'"))[0].parse().unwrap();
        assert!(damaged > 0 && (expected == 0 || damaged == expected), "{change}: {damaged}");
        let tables = same(&case, change);
        let found = tables.iter().find(|found| found.table == table).unwrap();
        assert_eq!((found.missing, found.extra, found.different), (0, 0, damaged), "{change}");
        assert_eq!(tables.iter().filter(|found| !found.is_equal()).count(), 1, "{change}");
        case.execute(back);
    }
}

#[test]
fn rows_beyond_all_ends_and_between_all_parts_are_found() {
    let case = Case::new(SOURCE);
    case.moved();
    // What is done, and what is found: rows at both ends of what there can be, and keys that only PostgreSQL can have.
    for (change, expected) in [
        (
            "INSERT INTO dense VALUES (-9223372036854775808, ''), (0, ''), (40001, ''), (9223372036854775807, '')",
            "dense -0 +4 ~0: id=-9223372036854775808; id=0; id=40001; id=9223372036854775807",
        ),
        (
            "DELETE FROM gaps WHERE id IN (-9223372036854775808, 9223372036854775807, 4611686018427387904, 1, 40000)",
            "gaps -5 +0 ~0: id=-9223372036854775808; id=1; id=40000; id=4611686018427387904; id=9223372036854775807",
        ),
        (
            "INSERT INTO named VALUES ('', ''), ('zzz', ''), ('é', ''), (repeat('é', 50), '')",
            "named -0 +4 ~0: k=''; k='zzz'; k='é'; k='éééééééééééééééééééééééééééééééééééééééééééééééééé'",
        ),
        (
            "ALTER TABLE dense DROP CONSTRAINT dense_pkey; ALTER TABLE dense ALTER id DROP IDENTITY, ALTER id DROP NOT NULL; INSERT INTO dense VALUES (NULL, 'x'), (7, 'v7')",
            "dense -0 +6 ~0: id=-9223372036854775808; id=0; id=7; id=40001; id=9223372036854775807",
        ),
        (
            "INSERT INTO flat VALUES (-20001, 0, ''), (20001, 0, ''), (0, 9, '')",
            "flat -0 +3 ~0: a=-20001, b=0; a=0, b=9; a=20001, b=0",
        ),
        (
            "INSERT INTO tokens VALUES ('', ''), ('zzz', ''), ('é', '')",
            "tokens -0 +3 ~0: k=''; k='zzz'; k='é'",
        ),
        (
            "INSERT INTO grouped VALUES (-2, '', ''), (7, '', ''), (7, 'z', ''), (8, 'b', ''), (10, '', '')",
            "grouped -0 +5 ~0: a=-2, b=''; a=7, b=''; a=7, b='z'; a=8, b='b'; a=10, b=''",
        ),
        (
            "ALTER TABLE grouped DROP CONSTRAINT grouped_pkey; ALTER TABLE grouped ALTER a DROP NOT NULL, ALTER b DROP NOT NULL; \
             INSERT INTO grouped VALUES (NULL, 'x', ''), (7, NULL, ''), (NULL, NULL, '')",
            "grouped -0 +8 ~0: a=-2, b=''; a=7, b=''; a=7, b='z'; a=7, b=NULL; a=8, b='b'",
        ),
        ("INSERT INTO none VALUES (5, 'x')", "none -0 +1 ~0: id=5"),
    ] {
        case.execute(change);
        let found = differences(&same(&case, change));
        let table = expected.split(' ').next().unwrap();
        let line = found.iter().find(|line| line.starts_with(table)).unwrap();
        assert_eq!(line, expected, "{change}");
    }
}

#[test]
fn a_row_of_each_table_is_missing_in_turn() {
    let case = Case::new(SOURCE);
    case.moved();
    let source = Connection::open(&case.source).unwrap();
    let mut seed = 0x5eed_u64;
    for _ in 0..4 {
        for (table, key) in [
            ("dense", "id"),
            ("gaps", "id"),
            ("named", "k"),
            ("pairs", "b"),
            ("flat", "a"),
            ("tokens", "k"),
            ("grouped", "b"),
        ] {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let sql =
                format!("SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {}", (seed >> 33) % 40_000);
            let value: String = source
                .query_row(&sql, [], |row| {
                    Ok(match row.get::<_, rusqlite::types::Value>(0)? {
                        rusqlite::types::Value::Text(text) => format!("'{text}'"),
                        rusqlite::types::Value::Integer(integer) => integer.to_string(),
                        other => panic!("{other:?}"),
                    })
                })
                .unwrap();
            case.execute(&format!("CREATE TABLE gone AS SELECT * FROM {table} WHERE {key} = {value}; DELETE FROM {table} WHERE {key} = {value}"));
            let found = differences(&compared(&case, 3));
            assert!(found.len() == 1 && found[0].starts_with(&format!("{table} -1 +0 ~0: ")), "{found:?}");
            assert!(found[0].contains(&format!("{key}={value}")), "{found:?}");
            case.execute(&format!("INSERT INTO {table} SELECT * FROM gone; DROP TABLE gone"));
        }
    }
}
