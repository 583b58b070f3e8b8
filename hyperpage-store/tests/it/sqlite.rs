//! What only SQLite has: the file, its settings and its lock.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use hyperpage_store::sqlite::SqliteOptions;
use hyperpage_store::{Error, SqliteStore, Store};

use crate::support::{Database, Sqlite, at};

#[test]
fn a_missing_file_is_not_created_and_another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.db");
    assert!(matches!(
        SqliteStore::open(&missing, SqliteOptions::default()).map(drop),
        Err(Error::Unavailable { .. })
    ));
    assert!(!missing.exists());
    let other = folder.path().join("other.txt");
    std::fs::write(&other, "s3cret, and no database at all: ".repeat(64)).unwrap();
    let error = SqliteStore::open(&other, SqliteOptions::default()).map(drop).unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[test]
fn another_writer_makes_it_busy_and_readers_go_ahead() {
    let database = Sqlite::create();
    let mut store = database.store(Duration::from_millis(50));
    store.set_state("a", Some("1"), at(0)).unwrap();
    let mut other = database.connect();
    other.batch_execute("BEGIN IMMEDIATE; UPDATE app_state SET value = '2'").unwrap();
    let start = Instant::now();
    let error = store.set_state("a", Some("3"), at(1)).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error:?}");
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert!(matches!(store.claim(at(1)), Err(Error::Busy { .. })));
    assert_eq!(store.state("a").unwrap().unwrap().value.as_deref(), Some("1"));
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(store.state("a").unwrap().unwrap().value.as_deref(), Some("2"));
    // The store works on after a refusal.
    store.set_state("a", Some("3"), at(1)).unwrap();
}

#[test]
fn the_file_is_in_wal_mode_with_foreign_keys() {
    let database = Sqlite::create();
    drop(database.open());
    assert_eq!(
        database.texts("SELECT journal_mode AS value FROM pragma_journal_mode"),
        [Some("wal".to_owned())]
    );
    // An attempt without a job cannot be added by the store, but the setting is that of its connection.
    let mut store = database.open();
    database.execute(
        "CREATE TRIGGER lost AFTER UPDATE OF status ON jobs BEGIN
           INSERT INTO job_history (job_id, attempt, status, started_at) VALUES ('nobody', 1, 'running', 0);
         END",
    );
    store.enqueue(&crate::jobs::new_job("a", 0), at(0)).unwrap();
    let error = store.claim(at(1)).unwrap_err();
    assert!(matches!(error, Error::Database { .. }), "{error:?}");
    assert!(format!("{error:?}").contains("ForeignKeyViolation"), "{error:?}");
    // Nothing of the claim was kept.
    assert_eq!(store.job(&"a".into()).unwrap().unwrap().started_at, None);
}
