//! `jobs` and `job_history`: enqueue, claim, and all changes of a job's state.

use hyperpage_store::domain::{AttemptStatus, Job, JobChange, JobId, JobStatus, NewJob};
use hyperpage_store::{Store, Timestamp};
use serde_json::{Value, json};

use crate::support::{Database, TEXTS, at, on_both};

mod containment;
mod lifecycle;
mod queue;
mod refusals;
mod unreadable;

/// A job to enqueue.
pub(crate) fn new_job(id: &str, priority: i32) -> NewJob {
    NewJob {
        id: JobId::from(id),
        job_type: "sync".to_owned(),
        name: "Sync".to_owned(),
        priority,
        tool: None,
        endpoint: None,
        payload: json!({"id": id}),
    }
}

/// The ids of jobs.
fn ids(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.id.as_str()).collect()
}

/// The job after a change.
#[track_caller]
fn changed(change: JobChange) -> Job {
    match change {
        JobChange::Changed(job) => *job,
        other => panic!("{other:?}"),
    }
}

/// An attempt without its ids: number, status, start, end, duration, error.
type AttemptFacts = (i32, AttemptStatus, Timestamp, Option<Timestamp>, Option<i32>, Option<String>);

fn attempts(store: &mut dyn Store, id: &str) -> Vec<AttemptFacts> {
    let history = store.history(&id.into()).unwrap();
    assert!(history.iter().all(|attempt| attempt.job_id.as_str() == id));
    assert!(history.is_sorted_by_key(|attempt| attempt.id));
    let facts = history.into_iter();
    facts
        .map(|it| (it.attempt, it.status, it.started_at, it.completed_at, it.duration_ms, it.error_message))
        .collect()
}

on_both!(a_job_is_enqueued_once, documents_come_back_as_they_went_in);

fn a_job_is_enqueued_once(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.job(&"a".into()).unwrap(), None);
    for text in TEXTS {
        let new = NewJob {
            id: text.into(),
            job_type: text.to_owned(),
            name: text.to_owned(),
            priority: i32::MIN,
            tool: Some(text.to_owned()),
            endpoint: Some(text.to_owned()),
            payload: json!({ text: text }),
        };
        assert!(store.enqueue(&new, at(0)).unwrap());
        assert!(!store.enqueue(&new_job(text, 5), at(1)).unwrap());
        let expected = Job {
            id: new.id.clone(),
            job_type: new.job_type,
            name: new.name,
            priority: new.priority,
            status: JobStatus::Pending,
            tool: new.tool,
            endpoint: new.endpoint,
            payload: new.payload,
            result: None,
            created_at: at(0),
            updated_at: at(0),
            started_at: None,
            completed_at: None,
            retry_count: 0,
            persisted_at: at(0),
            recovery_attempts: 0,
        };
        assert_eq!(store.job(&new.id).unwrap(), Some(expected));
        assert_eq!(store.history(&new.id).unwrap(), []);
    }
}

fn documents_come_back_as_they_went_in(database: &dyn Database) {
    let mut store = database.open();
    let documents = [
        json!(null),
        json!(""),
        json!([]),
        json!({}),
        json!({"n": [0, -1, 9_007_199_254_740_993_i64, i64::MIN, u64::MAX], "f": [0.1, 5e-324, 1e300, -1.5e-7]}),
        json!([[[{"a": {"": [null, true]}}]]]),
        json!({"z": 1, "a": "\u{1D11E}\u{1}\"\\/"}),
    ];
    for (index, payload) in documents.into_iter().enumerate() {
        let id = index.to_string();
        store.enqueue(&NewJob { payload: payload.clone(), ..new_job(&id, 0) }, at(0)).unwrap();
        let claimed = store.claim(at(1)).unwrap().unwrap();
        assert_eq!((claimed.id.as_str(), &claimed.payload, &claimed.result), (id.as_str(), &payload, &None));
        // JSON's null is a result.
        let done = changed(store.complete(&claimed.id, &payload, at(2)).unwrap());
        assert_eq!(done.result, Some(payload.clone()));
        assert_eq!(store.job(&claimed.id).unwrap(), Some(done));
    }
    // One number has one form.
    store.enqueue(&NewJob { payload: json!([1.0, 1e16, -0.0]), ..new_job("n", 0) }, at(0)).unwrap();
    let expected: Value = json!([1, 10_000_000_000_000_000_u64, 0]);
    assert_eq!(store.job(&"n".into()).unwrap().unwrap().payload, expected);
}
