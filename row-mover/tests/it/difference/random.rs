//! Random databases with random changes: the difference is what an oracle finds that reads all rows of both copies into memory.

use std::collections::BTreeMap;

use migrate_core::plan::PlannedTable;
use row_mover::difference::RowSet;
use row_mover::source::SourceConnection;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::{Changing, Copies};

/// Databases of a test run; `DIFFERENCE_CASES` sets another number.
const CASES: u64 = 8;

#[test]
fn random_changes_are_found_as_an_oracle_finds_them() {
    let cases = std::env::var("DIFFERENCE_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let first = test_database::seed();
    for seed in first..first.saturating_add(cases) {
        let mut random = Random(seed);
        let page_bytes = 512_u64 << random.below(8);
        let setup = format!(
            "PRAGMA synchronous = OFF; PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {}; PRAGMA encoding = '{}'; {SCHEMA}",
            random.below(3),
            ["UTF-8", "UTF-8", "UTF-16le"][random.index(3)],
        );
        let mut filled = setup.clone();
        let rows = random.below(400);
        (0..rows).for_each(|_| filled.push_str(&insert(&mut random)));
        let source = Changing::new(&filled);
        let connection = Connection::open(source.source()).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        for round in 0..3 {
            let changes: Vec<String> = (0..random.below(40)).map(|_| change(&mut random)).collect();
            for sql in &changes {
                connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
            let copies = source.copies();
            assert_as_expected(&source, &copies, &format!("TEST_SEED={seed}, round {round}"));
        }
    }
}

/// Each kind of table; the last two have no name for the rowid.
const SCHEMA: &str = "
    CREATE TABLE numbered (id INTEGER PRIMARY KEY, a, b);
    CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, a, b);
    CREATE TABLE keyed (id TEXT PRIMARY KEY, a, b);
    CREATE TABLE loose (id, a, b);
    CREATE TABLE computed (id INTEGER PRIMARY KEY, a, b, c AS (a || b));
    CREATE INDEX by_a ON numbered (a); CREATE INDEX by_b ON loose (b, a);
    CREATE TABLE flat (id, a, b, PRIMARY KEY (id COLLATE NOCASE DESC)) WITHOUT ROWID;
    CREATE TABLE hidden (id, a, b, rowid, _rowid_, oid);";

const TABLES: [&str; 7] = ["numbered", "counted", "keyed", "loose", "computed", "flat", "hidden"];

fn insert(random: &mut Random) -> String {
    let (table, id, a, b) = (TABLES[random.index(7)], random.id(), random.value(), random.value());
    format!("INSERT OR REPLACE INTO {table} (id, a, b) VALUES ({id}, {a}, {b});")
}

fn change(random: &mut Random) -> String {
    let table = TABLES[random.index(7)];
    let (id, other) = (random.id(), random.id());
    match random.below(30) {
        0 => "VACUUM".to_owned(),
        1 => "PRAGMA incremental_vacuum(5)".to_owned(),
        2 => format!("DELETE FROM {table}"),
        3 => format!("DELETE FROM {table} WHERE id > {id}"),
        4 => format!("UPDATE OR REPLACE {table} SET id = {other} WHERE id = {id}"),
        5 => format!("UPDATE {table} SET a = b, b = a WHERE id < {id}"),
        6 => format!("UPDATE {table} SET a = a"),
        7 => (0..200).map(|_| insert(random)).collect(),
        8..=14 => format!("DELETE FROM {table} WHERE id = {id}"),
        15..=21 => {
            format!("UPDATE {table} SET {} = {} WHERE id = {id}", ["a", "b"][random.index(2)], random.value())
        }
        _ => insert(random),
    }
}

/// A row as the oracle knows it: its rowid, where SQL has a name for it, and its values by class.
type Row = (Option<i64>, String);

fn assert_as_expected(source: &Changing, copies: &Copies, what: &str) {
    let tables = source.tables();
    let found = copies.rows(&tables);
    for table in tables {
        let (before, after) = (counted(&copies.base, table), counted(&copies.newer, table));
        let minus = |from: &BTreeMap<Row, u64>, other: &BTreeMap<Row, u64>| {
            let left = from.iter().map(|(row, count)| {
                (row.clone(), count.saturating_sub(other.get(row).copied().unwrap_or(0)))
            });
            left.filter(|(_, count)| *count > 0).collect::<BTreeMap<Row, u64>>()
        };
        let expected = [minus(&before, &after), minus(&after, &before)];
        let changed = found.tables.iter().find(|changed| changed.table == table.source);
        let sides =
            changed.map(|changed| [(&changed.removed, &copies.base), (&changed.added, &copies.newer)]);
        let found =
            sides.map_or_else(Default::default, |sides| sides.map(|(set, copy)| members(set, table, copy)));
        assert_eq!(found, expected, "{what}: {}", table.source);
    }
}

/// The rows of a set, with how often each occurs.
fn members(set: &RowSet, table: &PlannedTable, copy: &SourceConnection) -> BTreeMap<Row, u64> {
    let mut rows = BTreeMap::new();
    let read = set.each(table, copy, &|| table.source.clone(), &mut |row| {
        *rows.entry((row.rowid(), values(row.held(), table))).or_default() += 1;
        Ok(())
    });
    read.unwrap();
    assert_eq!(rows.values().sum::<u64>(), set.rows());
    rows
}

/// All rows of a table, with how often each occurs.
fn counted(copy: &SourceConnection, table: &PlannedTable) -> BTreeMap<Row, u64> {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.source.as_str()).collect();
    let rowid = table.rowid.as_deref().unwrap_or("NULL");
    let sql = format!("SELECT {}, {rowid} FROM {}", columns.join(", "), table.source);
    let mut statement = copy.connection().prepare(&sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut counted = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        *counted.entry((row.get(columns.len()).unwrap(), values(row, table))).or_default() += 1;
    }
    counted
}

fn values(row: &rusqlite::Row<'_>, table: &PlannedTable) -> String {
    let value = |position| match row.get_ref(position).unwrap() {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(integer) => format!("integer {integer}"),
        ValueRef::Real(real) => format!("real {:x}", real.to_bits()),
        ValueRef::Text(text) => format!("text {text:x?}"),
        ValueRef::Blob(blob) => format!("blob {blob:x?}"),
    };
    (0..table.columns.len()).map(value).collect::<Vec<_>>().join(", ")
}

/// Numbers by chance, the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn id(&mut self) -> String {
        match self.below(20) {
            0 => "-9223372036854775808".to_owned(),
            1 => "9223372036854775807".to_owned(),
            2..=4 => (self.below(1 << 40)).to_string(),
            _ => self.below(600).to_string(),
        }
    }

    fn value(&mut self) -> String {
        let length = self.below(40);
        match self.below(14) {
            0 => "NULL".to_owned(),
            1 => "1.0".to_owned(),
            2 => "'1'".to_owned(),
            3 => "x'31'".to_owned(),
            4 => format!("zeroblob({})", self.below(30_000)),
            5 => format!("printf('%.*c', {}, 'x')", self.below(9000)),
            6 => format!("randomblob({})", self.below(5000)),
            7 => format!("'é{}'", self.below(3)),
            8..=10 => self.below(5).to_string(),
            _ => format!("printf('%.*c', {length}, 'y')"),
        }
    }
}
