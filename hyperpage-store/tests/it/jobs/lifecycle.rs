//! What becomes of a claimed job, and of its attempts.

use hyperpage_store::domain::{AttemptStatus, JobChange, JobStatus};
use serde_json::{Value, json};

use super::{attempts, changed, new_job};
use crate::support::{Database, at, on_both};

on_both!(
    progress_is_the_result_so_far,
    a_job_completes_fails_is_retried_and_cancelled,
    each_state_permits_its_changes_only,
    interrupted_jobs_are_recovered,
    an_attempt_that_nobody_opened_is_added_when_it_ends,
    counters_and_durations_stay_within_their_columns,
    a_concurrent_end_is_one_end,
);

fn progress_is_the_result_so_far(database: &dyn Database) {
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    let id = store.claim(at(1)).unwrap().unwrap().id;
    for (ms, progress) in [(3, json!({"done": 0.5})), (9, Value::Null)] {
        let job = changed(store.report_progress(&id, &progress, at(ms)).unwrap());
        assert_eq!((job.status, job.result, job.updated_at), (JobStatus::Running, Some(progress), at(ms)));
        let duration = i32::try_from(ms - 1).unwrap();
        assert_eq!(
            attempts(&mut *store, "a"),
            [(1, AttemptStatus::Running, at(1), None, Some(duration), None)]
        );
    }
    // Cancelled, it keeps what was reported.
    assert_eq!(changed(store.cancel(&id, at(10)).unwrap()).result, Some(Value::Null));
}

fn a_job_completes_fails_is_retried_and_cancelled(database: &dyn Database) {
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    let id = store.claim(at(1)).unwrap().unwrap().id;
    store.report_progress(&id, &json!(1), at(2)).unwrap();

    let failed = changed(store.fail(&id, "no \u{1D11E}", at(3)).unwrap());
    assert_eq!(
        (failed.status, &failed.result, failed.completed_at, failed.updated_at, failed.started_at),
        (JobStatus::Failed, &None, Some(at(3)), at(3), Some(at(1)))
    );
    let retried = changed(store.retry(&id, at(4)).unwrap());
    assert_eq!(
        (retried.status, retried.completed_at, retried.retry_count, retried.updated_at, retried.started_at),
        (JobStatus::Pending, None, 1, at(4), Some(at(1)))
    );
    assert_eq!(store.claim(at(5)).unwrap().unwrap().started_at, Some(at(5)));
    let completed = changed(store.complete(&id, &json!({"rows": 3}), at(9)).unwrap());
    assert_eq!(
        (completed.status, completed.result, completed.completed_at),
        (JobStatus::Completed, Some(json!({"rows": 3})), Some(at(9)))
    );
    assert_eq!(
        attempts(&mut *store, "a"),
        [
            (1, AttemptStatus::Failed, at(1), Some(at(3)), Some(2), Some("no \u{1D11E}".to_owned())),
            (2, AttemptStatus::Completed, at(5), Some(at(9)), Some(4), None),
        ]
    );

    store.enqueue(&new_job("b", 0), at(0)).unwrap();
    let cancelled = changed(store.cancel(&"b".into(), at(2)).unwrap());
    assert_eq!((cancelled.status, cancelled.completed_at), (JobStatus::Cancelled, Some(at(2))));
    assert_eq!(attempts(&mut *store, "b"), []);
    store.enqueue(&new_job("c", 0), at(0)).unwrap();
    store.claim(at(3)).unwrap().unwrap();
    store.cancel(&"c".into(), at(8)).unwrap();
    assert_eq!(
        attempts(&mut *store, "c"),
        [(1, AttemptStatus::Cancelled, at(3), Some(at(8)), Some(5), None)]
    );
}

fn each_state_permits_its_changes_only(database: &dyn Database) {
    for (state, permitted) in [
        (JobStatus::Pending, &["cancel"][..]),
        (JobStatus::Running, &["progress", "complete", "fail", "cancel"]),
        (JobStatus::Completed, &[]),
        (JobStatus::Failed, &["retry"]),
        (JobStatus::Cancelled, &[]),
    ] {
        for change in ["progress", "complete", "fail", "cancel", "retry"] {
            let mut store = database.open();
            let id = &format!("{}-{change}", state.as_str()).into();
            let apply = |store: &mut dyn hyperpage_store::Store| match change {
                "progress" => store.report_progress(id, &json!(1), at(3)),
                "complete" => store.complete(id, &json!(2), at(3)),
                "fail" => store.fail(id, "no", at(3)),
                "cancel" => store.cancel(id, at(3)),
                _ => store.retry(id, at(3)),
            };
            assert_eq!(apply(&mut *store).unwrap(), JobChange::NotFound);
            store.enqueue(&new_job(id.as_str(), 0), at(0)).unwrap();
            database.execute(&format!("UPDATE jobs SET status = '{}' WHERE id = '{id}'", state.as_str()));
            let before = store.job(id).unwrap().unwrap();
            let outcome = apply(&mut *store).unwrap();
            if permitted.contains(&change) {
                let after = changed(outcome);
                assert_ne!(after, before, "{id}");
                assert_eq!(store.job(id).unwrap(), Some(after));
            } else {
                assert_eq!(outcome, JobChange::Refused(state), "{id}");
                assert_eq!(store.job(id).unwrap(), Some(before));
                assert_eq!(store.history(id).unwrap(), [], "{id}");
            }
            // The next rounds claim nothing of this one.
            database.execute(&format!("UPDATE jobs SET status = 'cancelled' WHERE id = '{id}'"));
        }
    }
}

fn interrupted_jobs_are_recovered(database: &dyn Database) {
    let mut store = database.open();
    assert_eq!(store.recover(at(0), at(0)).unwrap(), 0);
    for id in ["a", "b", "c"] {
        store.enqueue(&new_job(id, 0), at(0)).unwrap();
    }
    for ms in [10, 20] {
        store.claim(at(ms)).unwrap().unwrap();
    }
    store.report_progress(&"a".into(), &json!(7), at(11)).unwrap();
    assert_eq!(store.recover(at(10), at(30)).unwrap(), 0);
    assert_eq!(store.recover(at(20), at(30)).unwrap(), 1);
    let job = store.job(&"a".into()).unwrap().unwrap();
    assert_eq!(
        (job.status, job.recovery_attempts, job.retry_count, job.updated_at, job.result, job.started_at),
        (JobStatus::Pending, 1, 0, at(30), Some(json!(7)), Some(at(10)))
    );
    let interrupted = |attempt, start, end, duration| {
        let message = Some("interrupted".to_owned());
        (attempt, AttemptStatus::Failed, at(start), Some(at(end)), Some(duration), message)
    };
    assert_eq!(attempts(&mut *store, "a"), [interrupted(1, 10, 30, 20)]);
    assert_eq!(store.claim(at(40)).unwrap().unwrap().id.as_str(), "a");
    assert_eq!(store.recover(at(99), at(50)).unwrap(), 2);
    assert_eq!(attempts(&mut *store, "a"), [interrupted(1, 10, 30, 20), interrupted(2, 40, 50, 10)]);
    assert_eq!(attempts(&mut *store, "b"), [interrupted(1, 20, 50, 30)]);
    assert_eq!(store.recover(at(99), at(60)).unwrap(), 0);
    // A job may be running without a moment of its start.
    database.execute("UPDATE jobs SET status = 'running', started_at = NULL WHERE id = 'c'");
    assert_eq!(store.recover(at(-1_000), at(70)).unwrap(), 1);
    assert_eq!(attempts(&mut *store, "c"), [interrupted(1, 70, 70, 0)]);
}

fn an_attempt_that_nobody_opened_is_added_when_it_ends(database: &dyn Database) {
    let mut store = database.open();
    let started = database.moment(at(5).epoch_ms());
    for (id, started_at, first) in [("known", started.as_str(), 5), ("unknown", "NULL", 9)] {
        store.enqueue(&new_job(id, 0), at(0)).unwrap();
        database.execute(&format!(
            "UPDATE jobs SET status = 'running', started_at = {started_at}, retry_count = 2 WHERE id = '{id}'"
        ));
        store.report_progress(&id.into(), &json!(1), at(8)).unwrap();
        assert_eq!(attempts(&mut *store, id), []);
        store.complete(&id.into(), &json!(1), at(9)).unwrap();
        let duration = 9 - i32::try_from(first).unwrap();
        let expected = (3, AttemptStatus::Completed, at(first), Some(at(9)), Some(duration), None);
        assert_eq!(attempts(&mut *store, id), [expected]);
    }
}

fn counters_and_durations_stay_within_their_columns(database: &dyn Database) {
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    let most = i32::MAX;
    database.execute(&format!("UPDATE jobs SET retry_count = {most}, recovery_attempts = {most}"));
    store.claim(at(0)).unwrap().unwrap();
    assert_eq!(store.recover(at(1), at(2)).unwrap(), 1);
    store.claim(at(3)).unwrap().unwrap();
    changed(store.fail(&"a".into(), "", at(4)).unwrap());
    let job = changed(store.retry(&"a".into(), at(5)).unwrap());
    assert_eq!((job.retry_count, job.recovery_attempts), (most, most));
    // Longer than 24 days, and a clock that was set back.
    store.claim(at(0)).unwrap().unwrap();
    store.report_progress(&"a".into(), &json!(1), at(-1)).unwrap();
    changed(store.complete(&"a".into(), &json!(1), at(i64::from(most) + 1)).unwrap());
    let history = store.history(&"a".into()).unwrap();
    assert!(history.iter().all(|attempt| attempt.attempt == most));
    assert_eq!(history.last().unwrap().duration_ms, Some(most));
    store.enqueue(&new_job("b", 0), at(0)).unwrap();
    store.claim(at(100)).unwrap().unwrap();
    changed(store.complete(&"b".into(), &json!(1), at(50)).unwrap());
    assert_eq!(store.history(&"b".into()).unwrap()[0].duration_ms, Some(0));
}

/// Ten threads end one job; one of them changes it, and it has one attempt.
fn a_concurrent_end_is_one_end(database: &dyn Database) {
    let mut store = database.open();
    store.enqueue(&new_job("a", 0), at(0)).unwrap();
    store.claim(at(1)).unwrap().unwrap();
    let outcomes: Vec<JobChange> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..10)
            .map(|worker| {
                let mut store = database.open();
                scope.spawn(move || match worker % 3 {
                    0 => store.complete(&"a".into(), &json!(worker), at(2)).unwrap(),
                    1 => store.fail(&"a".into(), "no", at(2)).unwrap(),
                    _ => store.cancel(&"a".into(), at(2)).unwrap(),
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let changed: Vec<_> = outcomes.iter().filter(|it| matches!(it, JobChange::Changed(_))).collect();
    assert_eq!(changed.len(), 1, "{outcomes:?}");
    assert_eq!(attempts(&mut *store, "a").len(), 1);
}
