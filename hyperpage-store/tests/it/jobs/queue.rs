//! The order of claims, and claims at the same time.

use std::collections::BTreeSet;

use super::{attempts, ids, new_job};
use crate::support::{Database, at, on_both};
use hyperpage_store::domain::{AttemptStatus, JobStatus};

on_both!(
    jobs_are_claimed_by_priority_then_age_then_id,
    ten_workers_claim_each_job_once,
    a_claim_opens_an_attempt,
    finished_jobs_are_deleted_with_their_history,
);

fn jobs_are_claimed_by_priority_then_age_then_id(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.claim(at(0)).unwrap(), None);
    // The priority, the age, and the ids; ids are compared byte by byte.
    for (id, priority, ms) in [
        ("old", 0, -5_000_000_000_000),
        ("é", 5, 1),
        ("z", 5, 1),
        ("Z", 5, 1),
        ("a", 5, 1),
        ("later", 5, 2),
        ("last", -1, -5_000_000_000_000),
        ("first", i32::MAX, 9),
    ] {
        store.enqueue(&new_job(id, priority), at(ms)).unwrap();
    }
    let mut claimed = Vec::new();
    while let Some(job) = store.claim(at(10)).unwrap() {
        claimed.push(job);
    }
    assert_eq!(ids(&claimed), ["first", "Z", "a", "z", "é", "later", "old", "last"]);
}

fn a_claim_opens_an_attempt(database: &dyn Database) {
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    let job = store.claim(at(7)).unwrap().unwrap();
    assert_eq!(
        (job.status, job.started_at, job.updated_at, job.completed_at, job.created_at),
        (JobStatus::Running, Some(at(7)), at(7), None, at(0))
    );
    assert_eq!(store.job(&job.id).unwrap().as_ref(), Some(&job));
    assert_eq!(attempts(&mut *store, "a"), [(1, AttemptStatus::Running, at(7), None, None, None)]);
    assert_eq!(store.claim(at(8)).unwrap(), None);
}

fn ten_workers_claim_each_job_once(database: &dyn Database) {
    const JOBS: usize = 500;
    let mut store = database.open();
    for index in 0..JOBS {
        store.enqueue(&new_job(&format!("{index:03}"), 0), at(0)).unwrap();
    }
    let claims: Vec<Vec<String>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..10)
            .map(|_| {
                let mut store = database.open();
                scope.spawn(move || {
                    let mut claims = Vec::new();
                    while let Some(job) = store.claim(at(1)).unwrap() {
                        claims.push(job.id.as_str().to_owned());
                    }
                    claims
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let all: Vec<&String> = claims.iter().flatten().collect();
    assert_eq!(all.len(), JOBS);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), JOBS);
    assert_eq!(
        database.texts("SELECT CAST(count(*) AS text) AS value FROM job_history"),
        [Some(JOBS.to_string())]
    );
}

fn finished_jobs_are_deleted_with_their_history(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.delete_finished(at(0)).unwrap(), 0);
    for index in 0..2_500 {
        store.enqueue(&new_job(&format!("{index:04}"), 0), at(0)).unwrap();
    }
    let completed = database.moment(at(5).epoch_ms());
    let open = "('0000', '0001', '0002', '0003')";
    database.execute(&format!(
        "UPDATE jobs SET status = 'completed', completed_at = {completed} WHERE id NOT IN {open};
         INSERT INTO job_history (job_id, attempt, status, started_at)
         SELECT id, 1, 'completed', created_at FROM jobs WHERE status = 'completed';"
    ));
    for (id, end) in [("0000", "fail"), ("0001", "cancel"), ("0002", "complete")] {
        let job = store.claim(at(1)).unwrap().unwrap();
        assert_eq!(job.id.as_str(), id);
        match end {
            "fail" => store.fail(&job.id, "no", at(6)).map(drop).unwrap(),
            "cancel" => store.cancel(&job.id, at(6)).map(drop).unwrap(),
            _ => store.complete(&job.id, &1.into(), at(9)).map(drop).unwrap(),
        }
    }
    assert_eq!(store.delete_finished(at(5)).unwrap(), 0);
    assert_eq!(store.delete_finished(at(6)).unwrap(), 2_496);
    assert_eq!(store.delete_finished(at(7)).unwrap(), 2);
    let left = database.texts("SELECT id AS value FROM jobs ORDER BY id");
    assert_eq!(left, [Some("0002".to_owned()), Some("0003".to_owned())]);
    let left = database.texts("SELECT job_id AS value FROM job_history");
    assert_eq!(left, [Some("0002".to_owned())]);
}
