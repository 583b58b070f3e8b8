//! What PostgreSQL cannot hold is refused on both databases, and nothing is changed.

use hyperpage_store::domain::{JobId, NewJob};
use hyperpage_store::{Error, Table, Timestamp};
use serde_json::{Value, json};

use super::new_job;
use crate::support::{Database, at, on_both};

on_both!(nul_characters_are_refused, moments_and_depths_beyond_both_are_refused);

#[track_caller]
fn is_nul<T: std::fmt::Debug>(result: Result<T, Error>, expected: (Table, &str)) {
    match result {
        Err(Error::NulCharacter { table, column }) => assert_eq!((table, column), expected),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn is_out_of_range<T: std::fmt::Debug>(result: Result<T, Error>, expected: (Table, &str)) {
    match result {
        Err(Error::OutOfRange { table, column }) => assert_eq!((table, column), expected),
        other => panic!("{other:?}"),
    }
}

fn nul_characters_are_refused(database: &dyn Database) {
    let mut store = database.open();
    let nul = || "a\0b".to_owned();
    for (job, column) in [
        (NewJob { id: JobId::from(nul()), ..new_job("a", 0) }, "id"),
        (NewJob { job_type: nul(), ..new_job("a", 0) }, "type"),
        (NewJob { name: nul(), ..new_job("a", 0) }, "name"),
        (NewJob { tool: Some(nul()), ..new_job("a", 0) }, "tool"),
        (NewJob { endpoint: Some(nul()), ..new_job("a", 0) }, "endpoint"),
        (NewJob { payload: json!([[{"a": nul()}]]), ..new_job("a", 0) }, "payload"),
        (NewJob { payload: json!({"x": {"a\0b": 1}}), ..new_job("a", 0) }, "payload"),
    ] {
        is_nul(store.enqueue(&job, at(0)), (Table::Jobs, column));
    }
    assert_eq!(database.texts("SELECT id AS value FROM jobs"), []);
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    let id = store.claim(at(0)).unwrap().unwrap().id;
    let before = store.job(&id).unwrap();
    is_nul(store.report_progress(&id, &json!(nul()), at(1)), (Table::Jobs, "result"));
    is_nul(store.complete(&id, &json!({ nul(): 1 }), at(1)), (Table::Jobs, "result"));
    is_nul(store.fail(&id, &nul(), at(1)), (Table::JobHistory, "error_message"));
    let nobody = JobId::from(nul());
    is_nul(store.job(&nobody), (Table::Jobs, "id"));
    is_nul(store.report_progress(&nobody, &json!(1), at(1)), (Table::Jobs, "id"));
    is_nul(store.complete(&nobody, &json!(1), at(1)), (Table::Jobs, "id"));
    is_nul(store.fail(&nobody, "", at(1)), (Table::Jobs, "id"));
    is_nul(store.cancel(&nobody, at(1)), (Table::Jobs, "id"));
    is_nul(store.retry(&nobody, at(1)), (Table::Jobs, "id"));
    is_nul(store.history(&nobody), (Table::JobHistory, "job_id"));
    is_nul(store.jobs_containing(&json!({"a": nul()}), 1), (Table::Jobs, "payload"));
    assert_eq!(store.job(&id).unwrap(), before);
}

fn moments_and_depths_beyond_both_are_refused(database: &dyn Database) {
    let mut store = database.open();
    let never = Timestamp::from_epoch_ms(i64::MAX);
    is_out_of_range(store.enqueue(&new_job("a", 0), never), (Table::Jobs, "created_at"));
    is_out_of_range(store.claim(never), (Table::Jobs, "started_at"));
    is_out_of_range(store.report_progress(&"a".into(), &json!(1), never), (Table::Jobs, "updated_at"));
    is_out_of_range(store.complete(&"a".into(), &json!(1), never), (Table::Jobs, "completed_at"));
    is_out_of_range(store.fail(&"a".into(), "", never), (Table::Jobs, "completed_at"));
    is_out_of_range(store.cancel(&"a".into(), never), (Table::Jobs, "completed_at"));
    is_out_of_range(store.retry(&"a".into(), never), (Table::Jobs, "updated_at"));
    is_out_of_range(store.recover(never, at(0)), (Table::Jobs, "started_at"));
    is_out_of_range(store.recover(at(0), never), (Table::Jobs, "updated_at"));
    is_out_of_range(store.delete_finished(never), (Table::Jobs, "completed_at"));
    is_out_of_range(store.enqueue(&new_job(&"i".repeat(1_025), 0), at(0)), (Table::Jobs, "id"));

    let nested = |depth| {
        (0..depth).fold(json!(1), |inner, level| match level % 2 {
            0 => Value::Array(vec![inner]),
            _ => json!({ "a": inner }),
        })
    };
    let deepest = NewJob { payload: nested(127), ..new_job("deep", 0) };
    assert!(store.enqueue(&deepest, at(0)).unwrap());
    assert_eq!(store.job(&deepest.id).unwrap().unwrap().payload, deepest.payload);
    let deeper = NewJob { payload: nested(128), ..new_job("deeper", 0) };
    is_out_of_range(store.enqueue(&deeper, at(0)), (Table::Jobs, "payload"));
    is_out_of_range(store.jobs_containing(&deeper.payload, 1), (Table::Jobs, "payload"));
}
