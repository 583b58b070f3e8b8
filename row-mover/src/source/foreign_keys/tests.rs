//! Compares the check of foreign keys with SQLite's own answer, for values of all storage classes.

use std::path::Path;

use migrate_core::mapping::Mapping;
use migrate_core::plan::PlannedForeignKey;
use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::error::Error;
use crate::source::preflight::scan_values;
use crate::source::{evidence, orphans};

/// Values that are equal to others by one rule of SQLite's and different by another one.
const VALUES: [&str; 38] = [
    "NULL",
    "0",
    "-0.0",
    "''",
    "x''",
    "1",
    "1.0",
    "'1'",
    "'1.0'",
    "x'31'",
    "' 1'",
    "'01'",
    "1.5",
    "'1.5'",
    "'a'",
    "'A'",
    "'a '",
    "CAST('a' AS BLOB)",
    "CAST(x'ff' AS TEXT)",
    "CAST(x'610062' AS TEXT)",
    "'é'",
    "9007199254740993",
    "9007199254740992.0",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808.0",
    "9e999",
    "-9e999",
    "printf('%.9000c', 'x')",
    "2",
    "printf('%.8000c', 'a')",
    "printf('%.8000c', 'b')",
    "printf('%.8000c', 'c')",
    "printf('%.8000c', 'd')",
    "printf('%.8000c', 'e')",
    "printf('%.8000c', 'f')",
    "printf('%.8000c', 'g')",
    "CAST(printf('%.8000c', 'g') AS BLOB)",
];

/// The value that is too long to be held.
const TOO_LONG: usize = 28;

/// Those after it are long: two of them are too long for one key, and three of them need more memory than [`ONE_SET_BYTES`].
const LONG: usize = 30;

/// The memory of the smallest set: it has room for two keys of 8,000 bytes.
const ONE_SET_BYTES: usize = (1 << 14) + (1 << 11);

const TYPES: [&str; 8] =
    ["INTEGER", "TEXT", "REAL", "BLOB", "NUMERIC", "", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM"];

/// The parent table: `a` and `b` are its columns.
const PARENTS: [&str; 5] = [
    "CREATE TABLE p (a T, b T)",
    "CREATE TABLE p (a INTEGER PRIMARY KEY, b T)",
    "CREATE TABLE p (a T, b T, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "CREATE TABLE p (a T UNIQUE, b T, c GENERATED ALWAYS AS (b || a))",
    "CREATE TABLE p (b T, rowid T, a T)",
];

fn foreign_key(columns: &[&str], parent: &str, parent_columns: &[&str]) -> PlannedForeignKey {
    let json = serde_json::json!({
        "name": "k", "columns": columns, "parent_table": parent, "parent_columns": parent_columns,
        "on_update": "NO ACTION", "on_delete": "NO ACTION", "deferred": false
    });
    serde_json::from_value(json).unwrap()
}

/// A plan for the file, with foreign keys that no planner would accept: types do not matter to SQLite.
fn load_plan(path: &Path, keys: &[(&str, PlannedForeignKey)]) -> LoadPlan<'static> {
    let mapping = Mapping::from_toml("format = 1\n").unwrap();
    let (_, mut plan) = evidence::plan(path, &mapping, 1, &|_| {}).unwrap();
    for table in &mut plan.tables {
        table.foreign_keys =
            keys.iter().filter(|(name, _)| *name == table.source).map(|(_, key)| key.clone()).collect();
    }
    LoadPlan::from_plan(plan)
}

/// Scans all rows as [`scan_values`] does, with memory for this many bytes of keys.
fn uncertain(source: &SourceConnection, plan: &LoadPlan<'_>, bytes: usize) -> Vec<(usize, usize)> {
    let budget = Budget::new(bytes);
    let mut keys = scanned(source, plan, &budget);
    keys.check_spilled(1, &|| Ok(())).unwrap();
    all_uncertain(&keys)
}

fn all_uncertain(keys: &ForeignKeys<'_>) -> Vec<(usize, usize)> {
    let of_table = |table| keys.uncertain(table).map(move |number| (table, number)).collect::<Vec<_>>();
    (0..keys.tables.len()).flat_map(of_table).collect()
}

fn scanned<'a>(source: &SourceConnection, plan: &'a LoadPlan<'a>, budget: &'a Budget) -> ForeignKeys<'a> {
    scanned_with(source, ForeignKeys::new(plan, budget, source).unwrap())
}

fn scanned_with<'a>(source: &SourceConnection, mut keys: ForeignKeys<'a>) -> ForeignKeys<'a> {
    let plan = keys.plan;
    let failed = || "it cannot be read".to_owned();
    let order = keys.settle_order();
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), plan.tables.len());
    for &table in &order {
        let mut row_keys = keys.of_rows(table);
        Scan::of(&plan.tables[table])
            .each(source, &failed, &mut |row| row_keys.visit(row).context(failed))
            .unwrap();
        row_keys.finish();
        keys.complete(table);
    }
    order.iter().for_each(|&table| keys.check_late(source, table, None).unwrap());
    keys
}

/// How many rows of each foreign key have no parent, by SQLite's own comparison.
fn orphans(source: &SourceConnection, plan: &LoadPlan<'_>) -> Vec<((usize, usize), u64)> {
    let mut all = Vec::new();
    for (place, table) in plan.tables.iter().enumerate() {
        for (number, key) in table.foreign_keys.iter().enumerate() {
            let mut rows = 0;
            orphans::each(source, plan, table, key, &mut |_, _| rows += 1).unwrap();
            all.push(((place, number), rows));
        }
    }
    all
}

/// Whether each row of `c` with a key has a parent with the very same values.
fn are_plain(connection: &Connection, child: &[&str], table: &str, parent: &[&str]) -> bool {
    let same = |(child, parent): (&&str, &&str)| {
        format!(
            "typeof(c.\"{child}\") = typeof(p.\"{parent}\") AND quote(c.\"{child}\") = quote(p.\"{parent}\")"
        )
    };
    let is_same: Vec<String> = child.iter().zip(parent).map(same).collect();
    let has_key: Vec<String> = child.iter().map(|column| format!("c.\"{column}\" IS NOT NULL")).collect();
    let sql = format!(
        "SELECT NOT EXISTS (SELECT 1 FROM c WHERE {} AND NOT EXISTS (SELECT 1 FROM {table} AS p WHERE {}))",
        has_key.join(" AND "),
        is_same.join(" AND ")
    );
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// How many rows the scan of all values finds to have no parent, besides values that cannot move.
fn found_orphans(path: &Path, plan: &LoadPlan<'_>) -> u64 {
    let open = || SourceConnection::open_live(path);
    let count =
        |plan: &LoadPlan<'_>| scan_values(plan, 2, 1 << 20, &open, &|_| Ok(())).unwrap().offender_count();
    let mut without = (**plan).clone();
    without.tables.iter_mut().for_each(|table| table.foreign_keys.clear());
    count(plan) - count(&LoadPlan::new(&without))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn rows_without_a_parent_are_those_that_sqlite_finds(
        parent in 0..PARENTS.len(),
        types in (0..TYPES.len(), 0..TYPES.len(), 0..TYPES.len()),
        parents in prop::collection::vec((0..VALUES.len(), 0..VALUES.len()), 0..12),
        children in prop::collection::vec((0..VALUES.len(), 0..VALUES.len(), 0..4_usize), 0..12),
        is_pair: bool,
        is_late: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF; BEGIN").unwrap();
        let sql = |template: &str, kind: &str| template.replace(" T,", &format!(" {kind},")).replace(" T)", &format!(" {kind})"))
            .replace(" T UNIQUE", &format!(" {kind} UNIQUE"));
        connection.execute_batch(&sql(PARENTS[parent], TYPES[types.0])).unwrap();
        connection.execute_batch(&format!("CREATE TABLE c (x {}, y {}, again)", TYPES[types.1], TYPES[types.2])).unwrap();
        for (a, b) in &parents {
            connection.execute_batch(&format!("INSERT OR IGNORE INTO p (a, b) VALUES ({}, {})", VALUES[*a], VALUES[*b]))
                // A value that the primary key does not accept.
                .unwrap_or_default();
        }
        for (x, y, copies) in &children {
            connection.execute_batch(&format!("INSERT INTO c (x, y) VALUES ({}, {})", VALUES[*x], VALUES[*y])).unwrap();
            // Most rows have a parent.
            connection.execute_batch(&format!("INSERT INTO c (x, y) SELECT a, b FROM p LIMIT {copies}")).unwrap();
        }
        if children.len() % 2 == 0 {
            connection.execute_batch("DELETE FROM c WHERE (x, y) NOT IN (SELECT a, b FROM p)").unwrap();
        }
        // The second key references its own table.
        connection.execute_batch("UPDATE c SET again = x").unwrap();
        let (child_columns, parent_columns): (&[&str], &[&str]) =
            if is_pair { (&["y", "x"], &["b", "a"]) } else { (&["x"], &["a"]) };
        let mut planned = vec![("c", foreign_key(child_columns, "p", parent_columns)), ("c", foreign_key(&["again"], "c", &["x"]))];
        if is_late {
            planned.push(("p", foreign_key(&["b"], "c", &["y"])));
        }
        connection.execute_batch("COMMIT").unwrap();
        let plan = load_plan(&path, &planned);
        // A copy of ours, next to which keys may be written.
        let source = SourceConnection::open_sealed(&path).unwrap();
        let expected = orphans(&source, &plan);
        for bytes in [KEYS_BYTES_MAX, ONE_SET_BYTES, 0] {
            let uncertain = uncertain(&source, &plan, bytes);
            for (key, rows) in &expected {
                prop_assert!(*rows == 0 || uncertain.contains(key), "{:?} has {} rows without a parent", key, rows);
            }
            let place = plan.tables.iter().position(|table| table.source == "c").unwrap();
            let is_held = |a: usize, b: usize| a != TOO_LONG && b != TOO_LONG && (a < LONG || b < LONG);
            let are_held = parents.iter().all(|(a, b)| is_held(*a, *b)) && children.iter().all(|(x, y, _)| is_held(*x, *y));
            if bytes > 0 && are_held {
                let is_plain = are_plain(&connection, child_columns, "p", parent_columns);
                prop_assert!(!is_plain || !uncertain.contains(&(place, 0)), "it is certain that all have a parent");
                let is_plain = are_plain(&connection, &["again"], "c", &["x"]);
                prop_assert!(!is_plain || !uncertain.contains(&(place, 1)), "it is certain that all have a parent");
            }
        }
        prop_assert_eq!(found_orphans(&path, &plan), expected.iter().map(|(_, rows)| rows).sum::<u64>());
    }
}

/// A table of which one row has a rowid far from all others is nevertheless scanned in parts, and its foreign keys across all of them.
#[test]
fn keys_are_found_across_the_parts_of_large_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, name TEXT, number INTEGER, before INTEGER);
             CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
               INSERT INTO parent SELECT i, 'name ' || i FROM n;
             INSERT INTO parent VALUES (1 << 60, 'far');
             INSERT INTO child SELECT id, name, id, nullif(id - 1, 0) FROM parent WHERE id < 1000000;
             INSERT INTO child VALUES (1 << 61, 'far', 1 << 60, 1);",
        )
        .unwrap();
    let planned = [
        ("child", foreign_key(&["name"], "parent", &["name"])),
        ("child", foreign_key(&["number"], "parent", &["id"])),
        ("child", foreign_key(&["before"], "child", &["id"])),
    ];
    let plan = load_plan(&path, &planned);
    let source = SourceConnection::open_live(&path).unwrap();
    assert_eq!(uncertain(&source, &plan, KEYS_BYTES_MAX), []);
    // Without memory for the names, and without a folder for a file, nothing is known about them.
    let place = plan.tables.iter().position(|table| table.source == "child").unwrap();
    assert_eq!(uncertain(&source, &plan, 2 << 20), [(place, 0)]);
    let sealed = SourceConnection::open_sealed(&path).unwrap();
    assert_eq!(uncertain(&sealed, &plan, 2 << 20), []);
    let scan = || {
        let open = || SourceConnection::open_live(&path);
        scan_values(&plan, 4, 1 << 20, &open, &|_| Ok(())).unwrap()
    };
    let findings = scan();
    assert_eq!((findings.rows(), findings.offender_count()), (300_002, 0));
    connection
        .execute_batch(
            "DELETE FROM parent WHERE id = 30000; DELETE FROM child WHERE id = 60000;
             UPDATE child SET name = 'FAR' WHERE name = 'far'",
        )
        .unwrap();
    let findings = scan();
    let offenders: Vec<(&str, Vec<&str>)> = (findings.tables.iter())
        .flat_map(|table| &table.offenders)
        .map(|found| (found.column.as_str(), found.first.iter().map(|row| row.key.as_str()).collect()))
        .collect();
    assert_eq!(
        offenders,
        [
            ("name", vec!["id=30000", "id=2305843009213693952"]),
            ("number", vec!["id=30000"]),
            ("before", vec!["id=60001"]),
        ]
    );
}

/// 3,000 rows with texts, integers that do not follow each other and keys of two columns as parents, and a table WITHOUT ROWID that
/// references itself.
const MANY_KEYS: &str = "CREATE TABLE parent (name TEXT, number INTEGER, half REAL);
    CREATE TABLE tree (name TEXT PRIMARY KEY, over TEXT) WITHOUT ROWID;
    CREATE TABLE child (id INTEGER PRIMARY KEY, name TEXT, number INTEGER, half, leaf TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO parent SELECT 'name ' || i || 'END', (i * 2654435761) % 4294967296, i / 2.0 FROM n;
    INSERT INTO tree SELECT name, 'name ' || (3001 - substr(name, 6)) || 'END' FROM parent;
    INSERT INTO child SELECT NULL, p.name, number, half, over FROM parent AS p JOIN tree AS t ON p.name = t.name;
    INSERT INTO child SELECT NULL, name, number, half, leaf FROM child ORDER BY number;
    INSERT INTO child (name) VALUES (NULL);";

/// Creates such a file and a plan for it. Each text ends with `end`.
fn with_many_keys(path: &Path, end: &str) -> LoadPlan<'static> {
    Connection::open(path).unwrap().execute_batch(&MANY_KEYS.replace("END", end)).unwrap();
    load_plan(
        path,
        &[
            ("child", foreign_key(&["name"], "parent", &["name"])),
            ("child", foreign_key(&["number"], "parent", &["number"])),
            ("child", foreign_key(&["half", "name"], "parent", &["half", "name"])),
            ("child", foreign_key(&["leaf"], "tree", &["name"])),
            ("tree", foreign_key(&["over"], "tree", &["name"])),
        ],
    )
}

#[test]
fn keys_that_do_not_fit_into_memory_are_compared_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    // A partition has 47 texts, 33 kB: twice as much as there is memory.
    let plan = with_many_keys(&path, &"x".repeat(700));
    let source = SourceConnection::open_sealed(&path).unwrap();
    for workers in [1, 2] {
        let budget = Budget::new(workers * ONE_SET_BYTES);
        let mut keys = scanned(&source, &plan, &budget);
        assert!(keys.parents.iter().all(|parent| !parent.spilled.is_empty() && parent.is_spilled()));
        assert!(keys.links.iter().all(|link| !link.spilled.is_empty()));
        // Nothing would be left if the process ended now.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        keys.check_spilled(workers, &|| Ok(())).unwrap();
        assert_eq!(all_uncertain(&keys), [], "with {workers} workers");
    }
    let budget = Budget::new(ONE_SET_BYTES);
    let mut keys = scanned(&source, &plan, &budget);
    let stopped = keys.check_spilled(2, &|| Err(Error::new("it is to stop"))).unwrap_err();
    assert_eq!(stopped.to_string(), "it is to stop");
}

/// The file has a key in another partition each time: the rows that are changed here are in all of them.
#[test]
fn a_row_without_a_parent_is_found_in_whatever_partition_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let [original, path] = ["original.db", "source.db"].map(|name| folder.path().join(name));
    let plan = with_many_keys(&original, "");
    let place = |name: &str| plan.tables.iter().position(|table| table.source == name).unwrap();
    let (child, tree) = (place("child"), place("tree"));
    for row in (1..3000).step_by(100) {
        for (change, expected) in [
            ("UPDATE parent SET name = 'NAME' WHERE rowid = ?1", vec![(child, 0), (child, 2)]),
            ("UPDATE child SET number = -number WHERE id = ?1", vec![(child, 1)]),
            ("UPDATE child SET half = half + 1 WHERE id = ?1", vec![(child, 2)]),
            ("UPDATE tree SET over = over || ' ' WHERE name = 'name ' || ?1", vec![(tree, 0)]),
            ("DELETE FROM tree WHERE name = 'name ' || ?1", vec![(child, 3), (tree, 0)]),
        ] {
            std::fs::copy(&original, &path).unwrap();
            let changed = Connection::open(&path).unwrap().execute(change, [row]).unwrap();
            assert_eq!(changed, 1, "{change}, {row}");
            let source = SourceConnection::open_sealed(&path).unwrap();
            let found: BTreeSet<_> = uncertain(&source, &plan, ONE_SET_BYTES).into_iter().collect();
            assert_eq!(found, BTreeSet::from_iter(expected), "{change}, {row}");
        }
    }
}

/// Whatever the file has room for, a row without a parent is not overlooked.
#[test]
fn a_file_that_is_too_small_hides_no_row_without_a_parent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    let plan = with_many_keys(&path, "");
    let place = |name: &str| plan.tables.iter().position(|table| table.source == name).unwrap();
    let orphans = [(place("child"), 1), (place("tree"), 0)];
    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE child SET number = -number WHERE id = 2999; UPDATE tree SET over = over || ' ' WHERE name = 'name 17'")
        .unwrap();
    let source = SourceConnection::open_sealed(&path).unwrap();
    let (mut all, mut some) = (0, 0);
    for bytes_max in (0..400_000).step_by(20_000) {
        let budget = Budget::new(ONE_SET_BYTES);
        let mut keys = ForeignKeys::new(&plan, &budget, &source).unwrap();
        keys.spill = Spill::new(source.private_folder().map(Path::to_owned)).bounded(bytes_max);
        let mut keys = scanned_with(&source, keys);
        keys.check_spilled(1, &|| Ok(())).unwrap();
        let found = all_uncertain(&keys);
        assert!(orphans.iter().all(|orphan| found.contains(orphan)), "{bytes_max}: {found:?}");
        all += usize::from(found.len() == keys.links.len());
        some += usize::from((3..keys.links.len()).contains(&found.len()));
    }
    // Bounds of all kinds: within the parents, and between them and within the children.
    assert!(all > 0 && some > 0, "{all} {some}");
}

/// 24 MB of keys: more than the scan of all values has memory for.
#[test]
fn rows_without_a_parent_are_named_where_keys_do_not_fit_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE parent (name TEXT); CREATE TABLE child (id INTEGER PRIMARY KEY, name TEXT);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
               INSERT INTO parent SELECT printf('%.8000c%d', 'x', i) FROM n;
             INSERT INTO child SELECT rowid, name FROM parent;",
        )
        .unwrap();
    let plan = load_plan(&path, &[("child", foreign_key(&["name"], "parent", &["name"]))]);
    let named = || {
        let open = || SourceConnection::open_sealed(&path);
        let findings = scan_values(&plan, 2, 1 << 20, &open, &|_| Ok(())).unwrap();
        let offenders = findings.tables.into_iter().flat_map(|table| table.offenders);
        offenders.flat_map(|found| found.first).map(|row| row.key).collect::<Vec<_>>()
    };
    assert_eq!(named(), [""; 0]);
    connection.execute_batch("DELETE FROM parent WHERE rowid IN (7, 2000)").unwrap();
    assert_eq!(named(), ["id=7", "id=2000"]);
}

/// Two texts in UTF-16 that become one in UTF-8.
#[test]
fn texts_in_utf_16_are_compared_by_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA encoding = 'UTF-16le'; CREATE TABLE p (a TEXT); CREATE TABLE c (x TEXT);
             INSERT INTO p VALUES (CAST(x'00d8' AS TEXT)); INSERT INTO c VALUES (CAST(x'01d8' AS TEXT))",
        )
        .unwrap();
    let plan = load_plan(&path, &[("c", foreign_key(&["x"], "p", &["a"]))]);
    let source = SourceConnection::open_live(&path).unwrap();
    let place = plan.tables.iter().position(|table| table.source == "c").unwrap();
    assert_eq!(uncertain(&source, &plan, KEYS_BYTES_MAX), [(place, 0)]);
}
