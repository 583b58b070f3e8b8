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
