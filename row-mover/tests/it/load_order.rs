//! Rows of a table whose key does not ascend with its rowids are compared in the order in which they were loaded, and in the order of their
//! keys where that does not bring them together, or brings together what differs.
//!
//! What makes the first order possible is forged here: one transaction writes the rows, and touches the chunk in the ledger.

use std::sync::atomic::{AtomicBool, Ordering};

use postgres_client::{DbSettings, TargetUrl};
use row_mover::run::{self, Purpose, Silent, ValidationRequest};
use row_mover::validate::{CompareOptions, TableComparison};
use test_database::own_server::OwnServer;

use crate::loud::loud_server;
use crate::support::{Case, chain};

/// A table whose keys do not ascend.
const SOURCE: &str = "CREATE TABLE named (k TEXT PRIMARY KEY, v TEXT, n INTEGER);
    WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 6000)
    INSERT INTO named SELECT 'key ' || (i * 7919 % 40009), printf('%.*c', 60, 'x'), i FROM i";

/// The source moved to a server whose log has each statement; `aside.kept` has the rows, too.
fn moved_case(server: &OwnServer, source: &str) -> Case {
    let case = Case::mapped_on(server.database(), source, "");
    case.execute(&format!("ALTER DATABASE {} SET log_statement = 'all'", case.database.name()));
    case.moved();
    case.execute("CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT * FROM named");
    case
}

/// How a table was read.
#[derive(Debug, PartialEq, Eq)]
struct Reads {
    in_load_order: usize,
    by_key: usize,
}

/// Validates, and returns what was found of `named` and how it was read.
#[track_caller]
fn validated(server: &OwnServer, case: &Case) -> (TableComparison, Reads) {
    let before = server.log().len();
    let (_, found) = case.validated(true);
    let log = server.log().split_off(before);
    let reads: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("COPY (SELECT") && line.contains("FROM public.named"))
        .collect();
    let by_key = reads.iter().filter(|line| line.contains("ORDER BY k")).count();
    let in_load_order =
        reads.iter().filter(|line| line.contains("xmin =") && !line.contains("ORDER BY")).count();
    let table = found.tables.iter().find(|table| table.table == "named").unwrap().clone();
    assert_eq!(found.is_proven(), table.is_equal(), "{found:?}");
    (table, Reads { in_load_order, by_key })
}

/// Writes the rows of `named` anew, by a transaction that the ledger takes for that of the only chunk, which ends at a rowid.
fn forge(case: &Case, rows: &str, last: u32) {
    case.execute(&format!(
        "BEGIN; TRUNCATE named; INSERT INTO named {rows}; DELETE FROM migration.chunks WHERE chunk > 0; \
         UPDATE migration.chunks SET rows = (SELECT count(*) FROM named), rowid_first = 1, rowid_last = {last}; COMMIT"
    ));
}

#[test]
fn rows_as_they_were_loaded_are_sorted_by_neither_side() {
    let server = loud_server();
    let many = SOURCE.replace("< 6000", "< 40000").replace("'%.*c', 60", "'%.*c', 900");
    let case = moved_case(&server, &many);
    let chunks: usize = case.ask("SELECT count(*) FROM migration.chunks")[0].parse().unwrap();
    assert!(chunks > 3, "{chunks}");
    let (found, reads) = validated(&server, &case);
    assert!(found.is_equal() && (found.equal, found.source_rows) == (40_000, 40_000), "{found:?}");
    assert_eq!(reads, Reads { in_load_order: chunks, by_key: 0 });
    // Whatever touches a row, it is no longer as it was loaded, and neither is its table.
    case.execute("VACUUM (FREEZE) named");
    assert_eq!(validated(&server, &case).1, reads);
    case.execute("UPDATE named SET n = n WHERE n = 7");
    let (found, reads) = validated(&server, &case);
    assert!(found.is_equal() && reads.in_load_order == 0 && reads.by_key > 0, "{found:?} {reads:?}");
}

#[test]
fn rows_in_another_order_are_brought_together() {
    let server = loud_server();
    let case = moved_case(&server, SOURCE);
    for (order, by_key) in [
        ("n", 0),
        // Neighbours, and blocks of some rows, change places.
        ("n # 1", 0),
        ("n / 40 # 1, n", 0),
        ("n / 40, -n", 0),
        // Rows that were sent last lie in front of all others.
        ("n < 5900, n", 0),
        // The first row comes after all others.
        ("n = 1, n", 1),
        ("-n", 1),
        ("k", 1),
    ] {
        forge(&case, &format!("SELECT * FROM aside.kept ORDER BY {order}"), 6_000);
        let (found, reads) = validated(&server, &case);
        assert!(found.is_equal() && found.equal == 6_000 && found.target_rows == 6_000, "{order}: {found:?}");
        assert_eq!(reads, Reads { in_load_order: 1, by_key }, "{order}");
    }
}

#[test]
fn whatever_differs_is_found_in_the_order_of_the_load_as_well() {
    let server = loud_server();
    let case = moved_case(&server, SOURCE);
    let key = |n: u32| format!("k='key {}'", n * 7919 % 40009);
    let changed = |column: &str, values: &str| {
        let columns = ["k", "v", "n"].map(|name| match name == column {
            true => format!("CASE n {values} ELSE {name} END"),
            false => name.to_owned(),
        });
        format!("SELECT {} FROM aside.kept", columns.join(", "))
    };
    let more =
        |n: u32| format!("SELECT * FROM (TABLE aside.kept UNION ALL VALUES ('key', 'v', {n})) AS rows");
    let less = |n: u32| format!("SELECT * FROM aside.kept WHERE n <> {n}");
    for (what, rows, counts, named) in [
        ("a value", changed("n", "WHEN 40 THEN -1"), (0, 0, 1), key(40)),
        ("a value that is NULL", changed("v", "WHEN 5000 THEN NULL"), (0, 0, 1), key(5000)),
        ("values that change places", changed("v", "WHEN 3 THEN 'y' WHEN 4 THEN 'z'"), (0, 0, 2), key(3)),
        ("a key", changed("k", "WHEN 9 THEN 'key'"), (1, 1, 0), "k='key'".to_owned()),
        ("the first row is missing", less(1), (1, 0, 0), key(1)),
        ("a row is missing", less(77), (1, 0, 0), key(77)),
        ("the last row is missing", less(6000), (1, 0, 0), key(6000)),
        ("a row too many", more(3), (0, 1, 0), "k='key'".to_owned()),
        ("a row too many at the end", more(7000), (0, 1, 0), "k='key'".to_owned()),
    ] {
        for order in ["n", "n < 5900, n", "-n"] {
            forge(&case, &format!("{rows} ORDER BY {order}"), 6_000);
            let (found, reads) = validated(&server, &case);
            assert_eq!((found.missing, found.extra, found.different), counts, "{what}, {order}: {found:?}");
            assert!(reads.in_load_order == 1 && reads.by_key > 0, "{what}, {order}: {reads:?}");
            let first = found.first.first().map(|first| first.key.as_str());
            assert_eq!(first, Some(named.as_str()), "{what}, {order}");
        }
    }
}

#[test]
fn rows_that_no_chunk_was_made_for_are_compared() {
    let server = loud_server();
    let case = moved_case(&server, SOURCE);
    // In PostgreSQL, by another transaction.
    case.execute("INSERT INTO named VALUES ('key', 'v', 0)");
    let (found, reads) = validated(&server, &case);
    assert_eq!((found.extra, reads.in_load_order), (1, 0), "{found:?}");
    // In the source: the ledger's chunk ends before its last rows.
    forge(&case, "SELECT * FROM aside.kept WHERE n <= 5990 ORDER BY n", 5_990);
    let (found, reads) = validated(&server, &case);
    assert_eq!((found.missing, found.equal, reads.in_load_order), (10, 5990, 1), "{found:?}");
}

#[test]
fn a_vacuum_full_between_two_parts_hides_nothing() {
    let server = loud_server();
    let case = moved_case(&server, SOURCE);
    // One more row than the source has, which lies in front, where no part looks once the rows have moved.
    case.execute("BEGIN; TRUNCATE named; INSERT INTO named SELECT 'filler ' || i FROM generate_series(1, 300) AS i; COMMIT");
    case.execute(
        "BEGIN; INSERT INTO named VALUES ('key', 'v', 0); INSERT INTO named SELECT * FROM aside.kept ORDER BY n; \
         DELETE FROM migration.chunks WHERE chunk > 0; UPDATE migration.chunks SET rows = 6001, rowid_first = 1, rowid_last = 6000; COMMIT",
    );
    case.execute("DELETE FROM named WHERE k LIKE 'filler%'");
    let (found, reads) = validated(&server, &case);
    assert_eq!((found.extra, found.equal, reads.in_load_order), (1, 6_000, 1), "{found:?}");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                case.execute("VACUUM FULL named");
            }
        });
        let results: Vec<_> = (0..10).map(|_| validated(&server, &case).0).collect();
        is_over.store(true, Ordering::Relaxed);
        for found in results {
            assert_eq!((found.extra, found.missing, found.different), (1, 0, 0), "{found:?}");
        }
    });
}

#[test]
fn rows_that_are_spread_over_the_table_are_compared_by_key() {
    let server = loud_server();
    let many = SOURCE.replace("< 6000", "< 40000").replace("'%.*c', 60", "'%.*c', 2000");
    let case = moved_case(&server, &many);
    let chunks: usize = case.ask("SELECT count(*) FROM migration.chunks")[0].parse().unwrap();
    assert!(chunks > 8, "{chunks}");
    assert_eq!(validated(&server, &case).1.in_load_order, chunks);
    case.execute("CLUSTER named USING named_pkey");
    let (found, reads) = validated(&server, &case);
    assert!(found.is_equal() && reads.in_load_order == 0 && reads.by_key > 0, "{found:?} {reads:?}");
}

#[test]
fn a_role_that_may_read_only_the_columns_compares_by_key() {
    let server = loud_server();
    let case = moved_case(&server, SOURCE);
    let role = format!("{}_reader", case.database.name());
    case.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'no-secret'; GRANT USAGE ON SCHEMA migration TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA migration TO {role}; GRANT SELECT (k, v, n) ON named TO {role}"
    ));
    let (scheme, rest) = case.database.url().split_once("://").unwrap();
    let url = format!("{scheme}://{role}:no-secret@{}", rest.rsplit_once('@').unwrap().1);
    let request = ValidationRequest {
        target: TargetUrl::parse(&url).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        migrations: &case.migrations,
        options: CompareOptions { workers: 2, read_only: true, ..CompareOptions::default() },
        purpose: Purpose::ChangesSince,
        integrity_check: false,
    };
    let error = run::validate(&request, &Silent).map(drop).err().map(|error| chain(&error));
    assert!(!error.as_deref().is_some_and(|words| words.contains("named")), "{error:?}");
    case.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
