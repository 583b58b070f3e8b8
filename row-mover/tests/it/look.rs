//! A quick look at some rows: it finds what is common, proves nothing, and leaves the ledger as it is.

use row_mover::run::{Purpose, Validation, Verdict};
use row_mover::validate::{CompareOptions, Share};

use crate::support::Case;

const SOURCE: &str = "
    CREATE TABLE n (i INTEGER PRIMARY KEY);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO n SELECT i FROM n;
    CREATE TABLE numbered (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO numbered SELECT i * 3, 'v' || i FROM n;
    CREATE TABLE named (k TEXT PRIMARY KEY, v TEXT); INSERT INTO named SELECT 'it''s ' || i, 'v' || i FROM n;
    CREATE TABLE pairs (a INTEGER, b TEXT, v TEXT, PRIMARY KEY (a, b)); INSERT INTO pairs SELECT i % 50, 'b' || i, 'v' FROM n;
    CREATE TABLE flat (a TEXT, b INTEGER, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO flat SELECT 'é' || i, i, 'v' FROM n;
    CREATE TABLE moments (ms INT PRIMARY KEY, v TEXT); INSERT INTO moments SELECT 1705312800123 + i * 1001, 'v' FROM n;
    CREATE TABLE uuids (id BLOB PRIMARY KEY, v TEXT); INSERT INTO uuids SELECT randomblob(16), 'v' FROM n;
    CREATE TABLE floats (f REAL PRIMARY KEY, v TEXT); INSERT INTO floats SELECT i / 7.0 - 1000, 'v' FROM n;
    CREATE TABLE loose (v TEXT, n INTEGER); INSERT INTO loose SELECT 'v', i FROM n;
    CREATE TABLE small (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO small SELECT i, 'v' FROM n WHERE i <= 60;
    CREATE TABLE rejects (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO rejects SELECT i, CASE WHEN i % 100 = 0 THEN 'no' ELSE i END FROM n;
    DROP TABLE n;";

const MAPPING: &str = "on_reject = \"skip\"
    [tables.moments.columns]
    ms = { as = \"timestamptz_from_epoch_ms\" }
    [tables.uuids.columns]
    id = { as = \"uuid_from_bytes\" }
    [tables.rejects.columns]
    v = { as = \"bigint\" }";

fn look(case: &Case, percent: f64, seed: u64) -> Validation {
    let share = Share::of_percent(percent);
    assert!(share.is_some());
    case.validated_for(
        Purpose::Proof,
        CompareOptions { workers: 2, share, seed, ..CompareOptions::default() },
    )
    .1
}

fn ledger(case: &Case) -> Vec<String> {
    case.ask("SELECT phase, finished_at FROM migration.phases ORDER BY 1")
}

#[test]
fn a_look_finds_nothing_where_nothing_is_and_is_no_proof() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    let before = ledger(&case);
    for (percent, seed) in [(1.0, 1), (0.01, 2), (37.5, 3), (100.0, 4)] {
        let found = look(&case, percent, seed);
        assert_eq!(found.verdict(), Verdict::NothingFoundInSample, "{found:?}");
        assert!(!found.is_proven());
        for table in &found.tables {
            let looked_at = table.looked_at.unwrap();
            // At least a hundred rows of each table; rows of tables without a key are counted alone.
            let wanted = (table.source_rows as f64 * percent / 100.0).ceil().max(100.0) as u64;
            let expected = if table.table == "loose" { 0 } else { wanted.min(table.source_rows) };
            assert!(looked_at <= expected && looked_at * 100 >= expected * 97, "{percent}: {table:?}");
            if table.table != "rejects" {
                assert_eq!(table.equal, looked_at, "{percent}: {table:?}");
            }
            assert_eq!(table.target_rows + table.rejected, table.source_rows);
        }
    }
    assert_eq!(ledger(&case), before);
}

#[test]
fn what_is_common_is_found_and_counts_tell_of_the_rest() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    let before = ledger(&case);
    // One row in five.
    for (table, key) in [
        ("numbered", "id / 3"),
        ("named", "length(v) * 0 + substr(v, 2)::integer"),
        ("pairs", "substr(b, 2)::integer"),
        ("flat", "b"),
        ("moments", "extract(epoch FROM ms)::bigint"),
        ("uuids", "get_byte(uuid_send(id), 3)"),
        ("floats", "(f * 7)::integer"),
        ("small", "id"),
    ] {
        case.execute(&format!(
            "CREATE TABLE kept AS SELECT * FROM {table}; UPDATE {table} SET v = v || 'x' WHERE {key} % 5 = 0"
        ));
        let found = look(&case, 1.0, 7);
        assert_eq!(found.verdict(), Verdict::Differs, "{table}");
        let differing: Vec<_> = found.tables.iter().filter(|found| !found.is_equal()).collect();
        assert_eq!(differing.len(), 1, "{table}: {differing:?}");
        let (different, looked_at) = (differing[0].different, differing[0].looked_at.unwrap());
        assert!(differing[0].table == table && differing[0].first[0].columns == ["v"], "{differing:?}");
        // Chosen from all over the table: about one in five.
        assert!(
            different * 10 > looked_at && different * 10 < looked_at * 3,
            "{table}: {different} of {looked_at}"
        );
        assert_eq!((differing[0].missing, differing[0].extra), (0, 0));
        case.execute(&format!("TRUNCATE {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"));
    }
    for (change, back) in [
        ("DELETE FROM loose WHERE n = 5", "INSERT INTO loose VALUES ('v', 5)"),
        ("INSERT INTO named VALUES ('new', '')", "DELETE FROM named WHERE k = 'new'"),
        ("DELETE FROM rejects WHERE id = 1", "INSERT INTO rejects VALUES (1, 1)"),
    ] {
        case.execute(change);
        assert_eq!(look(&case, 1.0, 7).verdict(), Verdict::Differs, "{change}");
        case.execute(back);
        assert_eq!(look(&case, 1.0, 7).verdict(), Verdict::NothingFoundInSample, "{back}");
    }
    assert_eq!(ledger(&case), before);
}

#[test]
fn what_has_changed_since_is_told_and_the_ledger_stays_as_it_is() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');",
    );
    case.moved();
    let before = ledger(&case);
    case.execute(
        "UPDATE t SET v = 'x' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (9, 'z')",
    );
    let options = CompareOptions { workers: 2, ..CompareOptions::default() };
    let (_, found) = case.validated_for(Purpose::ChangesSince, options);
    let table = &found.tables[0];
    assert_eq!((table.different, table.missing, table.extra), (1, 1, 1));
    assert_eq!(found.verdict(), Verdict::Differs);
    assert_eq!(ledger(&case), before);
    // The same as a proof takes the run's proof away.
    case.validated(false);
    assert_ne!(ledger(&case), before);
}
