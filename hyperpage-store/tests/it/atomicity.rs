//! An operation happens completely or not at all.

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use hyperpage_store::domain::{Consumption, Job, NewJob, NewRateLimit};
use hyperpage_store::postgres::Connection;
use hyperpage_store::{DatabaseFailure, Error, FailureKind, PostgresStore, Result, Store};
use serde_json::json;

use crate::jobs::new_job;
use crate::support::{Database, Postgres, Sqlite, at, on_both};

on_both!(a_change_whose_attempt_cannot_be_written_is_not_made, a_store_that_is_dropped_leaves_nothing_open);

/// All jobs.
fn jobs(store: &mut dyn Store) -> Vec<Job> {
    store.jobs_containing(&json!({}), u32::MAX).unwrap()
}

fn a_change_whose_attempt_cannot_be_written_is_not_made(database: &dyn Database) {
    let mut store = database.open();
    for (id, priority) in [("running", 9), ("failed", 8), ("pending", 1)] {
        store.enqueue(&new_job(id, priority), at(0)).unwrap();
    }
    store.claim(at(1)).unwrap().unwrap();
    store.claim(at(1)).unwrap().unwrap();
    store.fail(&"failed".into(), "no", at(2)).unwrap();
    let before = jobs(&mut *store);
    database.execute("ALTER TABLE job_history RENAME TO elsewhere");
    let running = "running".into();
    let is_refused = |outcome: Result<()>| match outcome {
        Err(Error::Database { .. }) => {}
        other => panic!("{other:?}"),
    };
    is_refused(store.claim(at(3)).map(drop));
    is_refused(store.report_progress(&running, &json!(1), at(3)).map(drop));
    is_refused(store.complete(&running, &json!(1), at(3)).map(drop));
    is_refused(store.fail(&running, "no", at(3)).map(drop));
    is_refused(store.cancel(&running, at(3)).map(drop));
    is_refused(store.recover(at(3), at(3)).map(drop));
    is_refused(store.delete_finished(at(9)).map(drop));
    assert_eq!(jobs(&mut *store), before);
    database.execute("ALTER TABLE elsewhere RENAME TO job_history");
    // The store works on after the errors.
    assert_eq!(store.claim(at(4)).unwrap().unwrap().id.as_str(), "pending");
    assert_eq!(store.recover(at(2), at(4)).unwrap(), 1);
    assert_eq!(store.delete_finished(at(9)).unwrap(), 1);
}

fn a_store_that_is_dropped_leaves_nothing_open(database: &dyn Database) {
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    store.claim(at(1)).unwrap().unwrap();
    drop(store);
    // The next one is not blocked by a lock, and recovers what the first one had claimed.
    let mut store = database.open();
    assert_eq!(store.claim(at(2)).unwrap(), None);
    assert_eq!(store.recover(at(2), at(3)).unwrap(), 1);
    assert_eq!(store.claim(at(4)).unwrap().unwrap().recovery_attempts, 1);
}

/// Otherwise the operation would be tried for ever.
fn a_change_that_a_trigger_prevents_is_an_error(database: &dyn Database, trigger: impl Fn(&str) -> String) {
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    store.claim(at(1)).unwrap().unwrap();
    let limit = NewRateLimit {
        id: "limit".to_owned(),
        platform: "github".to_owned(),
        limit_remaining: Some(9),
        limit_total: None,
        reset_time: None,
    };
    store.save_rate_limit(&limit, at(0)).unwrap();
    for table in ["jobs", "rate_limits"] {
        database.execute(&trigger(table));
    }
    for result in [
        store.complete(&"a".into(), &json!(1), at(2)).map(drop),
        store.cancel(&"a".into(), at(2)).map(drop),
        store.consume("limit", 1, at(2)).map(drop),
    ] {
        let Err(Error::Database { source }) = &result else { panic!("{result:?}") };
        let failure = source.downcast_ref::<DatabaseFailure>().unwrap();
        assert_eq!(failure.kind, FailureKind::Unchanged);
    }
    let exhausted = Consumption::Exhausted { remaining: 9, reset_time: None };
    assert_eq!(store.consume("limit", 10, at(2)).unwrap(), exhausted);
}

#[test]
fn a_change_that_a_trigger_prevents_is_an_error_in_sqlite() {
    a_change_that_a_trigger_prevents_is_an_error(&Sqlite::create(), |table| {
        format!("CREATE TRIGGER prevent_{table} BEFORE UPDATE ON {table} BEGIN SELECT RAISE(IGNORE); END")
    });
}

#[test]
fn a_change_that_a_trigger_prevents_is_an_error_in_postgresql() {
    let database = Postgres::create();
    database
        .execute("CREATE FUNCTION prevent() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
    a_change_that_a_trigger_prevents_is_an_error(&database, |table| {
        format!("CREATE TRIGGER prevent BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION prevent()")
    });
}

/// As `cargo xtask smoke` works: on a borrowed connection, whose transaction is rolled back or whose session ends.
#[test]
fn operations_on_a_borrowed_connection_belong_to_its_transaction() {
    let database = Postgres::create();
    let url = database.url();
    for is_lost in [false, true] {
        let mut connection = Connection::establish(url).unwrap();
        connection.begin_test_transaction().unwrap();
        let mut store = PostgresStore::new(&mut connection);
        store.enqueue(&NewJob { payload: json!({"smoke": true}), ..new_job("a", 0) }, at(0)).unwrap();
        let id = store.claim(at(1)).unwrap().unwrap().id;
        store.complete(&id, &json!(1), at(2)).unwrap();
        store.set_state("key", Some("value"), at(2)).unwrap();
        assert_eq!(store.history(&id).unwrap().len(), 1);
        // Nobody else sees any of it.
        assert_eq!(database.open().job(&id).unwrap(), None);
        if !is_lost {
            connection.batch_execute("ROLLBACK").unwrap();
        }
        drop(connection);
        let mut store = database.open();
        assert_eq!((store.job(&id).unwrap(), store.state("key").unwrap()), (None, None));
        assert_eq!(store.history(&id).unwrap(), []);
    }
}
