//! Which indexes PostgreSQL uses at 100,000 jobs.

use serde_json::json;

use crate::support::{Database, Postgres, at};

/// A database with 100,000 jobs, half of them pending, and statistics of them.
fn large() -> Postgres {
    let database = Postgres::create();
    database.execute(
        "INSERT INTO jobs (id, type, name, priority, status, payload, created_at, updated_at)
         SELECT 'job-' || n, 'sync', 'n', n % 10, CASE n % 2 WHEN 0 THEN 'pending' ELSE 'completed' END,
                jsonb_build_object('user', 'github:' || n % 5000, 'n', n), now() + n * interval '1 ms', now()
         FROM generate_series(1, 100000) AS n;
         ANALYZE jobs;",
    );
    database
}

/// How often an index was scanned, and how many of its entries were read.
fn uses(database: &Postgres, index: &str) -> (u64, u64) {
    let count = |column: &str| {
        let sql = format!(
            "SELECT CAST({column} AS text) AS value FROM pg_stat_user_indexes WHERE indexrelname = '{index}'"
        );
        database.texts(&sql)[0].as_ref().unwrap().parse::<u64>().unwrap()
    };
    (count("idx_scan"), count("idx_tup_read"))
}

/// Waits until the statistics of a session that has just ended have arrived.
fn scanned(database: &Postgres, index: &str) -> (u64, u64) {
    for _ in 0..100 {
        let uses = uses(database, index);
        if uses.0 > 0 {
            return uses;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{index} was not used");
}

#[test]
fn a_claim_reads_a_few_entries_of_its_index() {
    let database = large();
    let mut store = database.open();
    for expected in ["job-8", "job-18", "job-28"] {
        let next = store.claim(at(0)).unwrap().unwrap();
        assert_eq!((next.priority, next.id.as_str()), (8, expected));
    }
    drop(store);
    let (scans, entries) = scanned(&database, "idx_jobs_claim");
    // Jobs of one priority and moment are sorted by id, in groups of at least 32.
    assert!(scans >= 3 && entries < 200, "{scans} scans read {entries} entries");
}

/// Whether PostgreSQL plans to search for such jobs in the index on `payload`.
fn is_searched_in_the_index(database: &Postgres, condition: &str) -> bool {
    let sql = format!(
        "SELECT line AS value FROM explained($$SELECT id FROM jobs WHERE {condition} ORDER BY created_at, id LIMIT 100$$) AS line"
    );
    database.texts(&sql).iter().flatten().any(|line| line.contains("Bitmap Index Scan on idx_jobs_payload"))
}

/// What the class `jsonb_path_ops` serves (PostgreSQL manual, section 8.14.4).
#[test]
fn containment_and_paths_are_planned_with_the_index_and_keys_are_not() {
    let database = large();
    database.execute(
        "CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS
         $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$",
    );
    for condition in [
        r#"payload @> '{"user": "github:17"}'"#,
        "payload @? '$.user ? (@ == \"github:17\")'",
        "payload @@ '$.user == \"github:17\"'",
    ] {
        assert!(is_searched_in_the_index(&database, condition), "{condition}");
    }
    for condition in ["payload ? 'none'", "payload ?| ARRAY['none']", "payload ?& ARRAY['none']"] {
        assert!(!is_searched_in_the_index(&database, condition), "{condition}");
    }
    // Documents without a value have no entry in the index, and are found all the same.
    database.execute("UPDATE jobs SET payload = '{\"a\": {}}' WHERE id IN ('job-5', 'job-6')");
    let mut store = database.open();
    assert_eq!(store.jobs_containing(&json!({"a": {}}), 10).unwrap().len(), 2);
    assert_eq!(store.jobs_containing(&json!({}), 10).unwrap().len(), 10);
}

#[test]
fn containment_is_searched_in_its_index() {
    let database = large();
    let mut store = database.open();
    assert_eq!(store.jobs_containing(&json!({"user": "github:17"}), 100).unwrap().len(), 20);
    assert_eq!(store.jobs_containing(&json!({"n": 99_999}), 1).unwrap().len(), 1);
    drop(store);
    let (scans, entries) = scanned(&database, "idx_jobs_payload");
    assert!(scans >= 2 && entries < 1_000, "{scans} scans read {entries} entries");
}
