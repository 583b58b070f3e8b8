//! Rows of other writers with values that the app does not know.

use diesel::connection::SimpleConnection;
use hyperpage_store::domain::{AttemptStatus, JobStatus};
use hyperpage_store::{Error, Table};
use serde_json::json;

use super::{attempts, new_job};
use crate::support::{Database, Postgres, Sqlite, at, on_both};

on_both!(an_unknown_status_is_an_error_without_its_value, a_claim_passes_jobs_that_cannot_be_read);

#[track_caller]
fn is_unknown<T: std::fmt::Debug>(result: Result<T, Error>, expected: (Table, &str)) {
    match result {
        Err(error @ Error::UnknownValue { table, column }) => {
            assert_eq!((table, column), expected);
            assert!(!format!("{error:?} {error}").contains("secret"));
        }
        other => panic!("{other:?}"),
    }
}

fn an_unknown_status_is_an_error_without_its_value(database: &dyn Database) {
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    store.enqueue(&new_job("b", 0), at(0)).unwrap();
    store.claim(at(1)).unwrap().unwrap();
    database.execute(
        "UPDATE jobs SET status = 'secret' WHERE id = 'a'; UPDATE job_history SET status = 'Running'",
    );
    let a = "a".into();
    is_unknown(store.job(&a), (Table::Jobs, "status"));
    is_unknown(store.complete(&a, &json!(1), at(2)), (Table::Jobs, "status"));
    is_unknown(store.cancel(&a, at(2)), (Table::Jobs, "status"));
    is_unknown(store.retry(&a, at(2)), (Table::Jobs, "status"));
    is_unknown(store.history(&a), (Table::JobHistory, "status"));
    is_unknown(store.jobs_containing(&json!({"id": "a"}), 9), (Table::Jobs, "status"));
    // Others are not affected.
    assert_eq!(store.jobs_containing(&json!({"id": "b"}), 9).unwrap().len(), 1);
    assert_eq!(store.claim(at(2)).unwrap().unwrap().id.as_str(), "b");
    assert_eq!(store.recover(at(9), at(9)).unwrap(), 1);
    assert_eq!(store.delete_finished(at(99)).unwrap(), 0);
}

/// Makes the job `bad` one that cannot be read, and the first to claim.
fn spoil(database: &dyn Database, change: &str) {
    database.execute(&format!(
        "UPDATE jobs SET priority = 9 WHERE id = 'bad'; UPDATE jobs SET {change} WHERE id = 'bad'"
    ));
}

/// The number of a job with 400 digits is valid in both databases, and no number of JavaScript.
fn a_claim_passes_jobs_that_cannot_be_read(database: &dyn Database) {
    let mut store = database.open();
    for id in ["bad", "good", "other"] {
        store.enqueue(&new_job(id, 0), at(0)).unwrap();
    }
    spoil(database, "payload = '[1e400]', retry_count = 2");
    assert_eq!(store.claim(at(5)).unwrap().unwrap().id.as_str(), "good");
    assert_eq!(store.claim(at(6)).unwrap().unwrap().id.as_str(), "other");
    assert_eq!(
        database.texts("SELECT status AS value FROM jobs WHERE id = 'bad'"),
        [Some("failed".to_owned())]
    );
    let message = Some("unreadable".to_owned());
    let expected = (3, AttemptStatus::Failed, at(5), Some(at(5)), Some(0), message);
    assert_eq!(attempts(&mut *store, "bad"), [expected]);
    // A person repairs it, and it is retried.
    database.execute("UPDATE jobs SET payload = '{}' WHERE id = 'bad'");
    store.retry(&"bad".into(), at(8)).unwrap();
    let job = store.claim(at(9)).unwrap().unwrap();
    assert_eq!((job.id.as_str(), job.status, job.retry_count), ("bad", JobStatus::Running, 3));
    assert_eq!(store.claim(at(9)).unwrap(), None);
}

#[test]
fn infinite_moments_are_unknown() {
    let database = Postgres::create();
    let mut store = database.open();
    for id in ["bad", "good"] {
        store.enqueue(&new_job(id, 0), at(0)).unwrap();
    }
    spoil(&database, "created_at = '-infinity'");
    is_unknown(store.job(&"bad".into()), (Table::Jobs, "created_at"));
    assert_eq!(store.claim(at(5)).unwrap().unwrap().id.as_str(), "good");
}

/// SQLite keeps any value in any column.
#[test]
fn values_of_other_types_are_unknown() {
    for (column, value, is_claimed) in [
        ("payload", "'{\"secret\":'", false),
        ("payload", "''", false),
        ("payload", "'[\"\\ud800\"]'", false),
        ("payload", "x'7b7d'", false),
        ("payload", "CAST(x'22ff22' AS TEXT)", false),
        ("result", "'secret'", false),
        ("priority", "'secret'", false),
        ("priority", "3000000000", false),
        ("retry_count", "'secret'", false),
        ("created_at", "'2024-01-15'", false),
        ("created_at", "0.5", false),
        ("name", "x'736563726574'", false),
        ("type", "CAST(x'ff' AS TEXT)", false),
        ("tool", "x'736563726574'", false),
        // A claim writes this column.
        ("started_at", "'secret'", true),
        ("payload", "'{\"a\": 1, \"a\": 2}'", true),
        ("payload", "'{\"a\": \"\\u0000\"}'", true),
    ] {
        let database = Sqlite::create();
        let mut store = database.open();
        for id in ["bad", "good"] {
            store.enqueue(&new_job(id, 0), at(0)).unwrap();
        }
        spoil(&database, &format!("{column} = {value}"));
        if !is_claimed || column == "started_at" {
            is_unknown(store.job(&"bad".into()), (Table::Jobs, column));
        }
        let first = store.claim(at(5)).unwrap().unwrap();
        assert_eq!(first.id.as_str(), if is_claimed { "bad" } else { "good" }, "{column} = {value}");
        assert_eq!(store.claim(at(6)).unwrap().is_some(), is_claimed);
    }
}

/// A key of SQLite may be NULL or a BLOB: such a row has no name, and is in nobody's way.
#[test]
fn jobs_without_a_name_are_passed() {
    let database = Sqlite::create();
    let mut store = database.open();
    store.enqueue(&new_job("good", 0), at(0)).unwrap();
    for id in ["NULL", "x'6162'"] {
        database.execute(&format!(
            "INSERT INTO jobs (id, type, name, priority, status, payload, created_at, updated_at)
             VALUES ({id}, 't', 'n', 9, 'pending', '{{}}', 0, 0)"
        ));
    }
    assert_eq!(store.claim(at(1)).unwrap().unwrap().id.as_str(), "good");
    assert_eq!(store.claim(at(1)).unwrap(), None);
    is_unknown(store.jobs_containing(&json!({}), 9), (Table::Jobs, "id"));
}

/// Fractions of a millisecond, as PostgreSQL's own functions write them.
#[test]
fn microseconds_are_rounded_down() {
    let database = Postgres::create();
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    for (text, epoch_ms) in [
        ("2024-01-15 10:00:00.123999+00", 1_705_312_800_123),
        ("1969-12-31 23:59:59.999999+00", -1),
        ("1969-12-31 23:59:59.998000+00", -2),
    ] {
        database.connect().batch_execute(&format!("UPDATE jobs SET updated_at = '{text}'")).unwrap();
        assert_eq!(store.job(&"a".into()).unwrap().unwrap().updated_at.epoch_ms(), epoch_ms, "{text}");
    }
}
