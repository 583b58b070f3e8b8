//! Details: sessions, open transactions, waits for locks and statistics, without the text of any statement.

use std::time::{Duration, Instant};

use health::SessionState;
use test_database::TestDatabase;

use crate::support::{execute, monitor, options, session};

#[test]
fn a_person_on_call_sees_who_waits_for_whom() {
    let database = TestDatabase::create();
    execute(database.url(), "CREATE TABLE t (secret text); INSERT INTO t VALUES ('canary')");
    let monitor = monitor(database.url(), options());
    let quiet = monitor.details();
    let quiet = quiet.found.as_ref().unwrap();
    assert_eq!(quiet.oldest_lock_wait.value(), Some(&None));
    assert_eq!(quiet.longest_transaction.value(), Some(&None));
    assert!(
        quiet.latency.min_ms <= quiet.latency.median_ms && quiet.latency.median_ms <= quiet.latency.max_ms
    );

    let mut holder = session(database.url());
    holder.script("BEGIN; LOCK TABLE t; SELECT 'canary'").unwrap();
    let pid: i32 = holder.one("SELECT pg_backend_pid()", &[]).unwrap();
    let url = database.url().to_owned();
    let waiter = std::thread::spawn(move || execute(&url, "SELECT * FROM t WHERE secret = 'canary'"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let (details, wait) = loop {
        let details = monitor.details();
        let wait = details.found.as_ref().unwrap().oldest_lock_wait.value().unwrap().clone();
        if let Some(wait) = wait {
            break (details, wait);
        }
        assert!(Instant::now() < deadline, "nobody waits");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!((wait.blocked_by, wait.relation.as_deref()), (vec![i64::from(pid)], Some("public.t")));
    assert_eq!(wait.mode, "AccessShareLock");
    let found = details.found.as_ref().unwrap();
    let longest = found.longest_transaction.value().unwrap().as_ref().unwrap();
    assert_eq!((longest.pid, longest.state), (pid, SessionState::IdleInTransaction));
    assert!(found.sessions.value().unwrap().by_state[&SessionState::IdleInTransaction] >= 1);
    let json = serde_json::to_string(&*details).unwrap();
    assert!(!json.contains("canary") && !json.contains("SELECT"), "{json}");
    holder.script("ROLLBACK").unwrap();
    waiter.join().unwrap();
}

#[test]
fn the_largest_tables_come_first_with_their_last_vacuum() {
    let database = TestDatabase::create();
    execute(
        database.url(),
        "CREATE TABLE small AS SELECT 1 AS a; CREATE TABLE \"large \"\"one\"\"\" AS SELECT generate_series(1, 5000) AS a",
    );
    for table in ["small", "\"large \"\"one\"\"\""] {
        execute(database.url(), &format!("VACUUM ANALYZE {table}"));
    }
    execute(database.url(), "CREATE TABLE never AS SELECT 1 AS a");
    let details = monitor(database.url(), options()).details();
    let found = details.found.as_ref().unwrap();
    let tables = found.largest_tables.value().unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["public.\"large \"\"one\"\"\"", "public.small", "public.never"]);
    assert!(tables[0].seconds_since_vacuum.is_some() && tables[0].seconds_since_analyze.is_some());
    assert_eq!(tables[2].seconds_since_vacuum, None);
    assert!(*found.database_bytes.value().unwrap() > tables[0].bytes);
    assert!(found.freezing.value().unwrap().oldest_xid_age > 0);
}

#[test]
fn a_slot_that_keeps_log_is_listed() {
    let server =
        test_database::own_server::OwnServer::start(&["wal_level = replica", "max_replication_slots = 4"]);
    execute(&server.url(), "SELECT pg_create_physical_replication_slot('abandoned', true)");
    execute(&server.url(), "CREATE TABLE t AS SELECT generate_series(1, 10000)");
    let details = monitor(&server.url(), options()).details();
    let slots = details.found.as_ref().unwrap().replication_slots.value().unwrap();
    assert_eq!((slots.len(), slots[0].name.as_str(), slots[0].is_active), (1, "abandoned", false));
    assert!(slots[0].retained_bytes.is_some_and(|bytes| bytes > 0), "{slots:?}");
}
