//! What must be true of jobs, attempts and limits after any fault, read from the database by other queries than the store's.

use crate::harness::App;

/// Queries of rows that contradict each other, each with what it finds.
const CONTRADICTIONS: [(&str, &str); 6] = [
    (
        "attempts are numbered from 1 without gaps or repetitions",
        "SELECT job_id || ' has ' || attempt || ' in place of ' || number FROM \
         (SELECT job_id, attempt, row_number() OVER (PARTITION BY job_id ORDER BY id) AS number FROM job_history) AS numbered \
         WHERE attempt <> number",
    ),
    (
        "a running job has one open attempt, any other job none",
        "SELECT id || ' is ' || status FROM jobs WHERE (status = 'running')::int <> \
         (SELECT count(*) FROM job_history WHERE job_id = jobs.id AND status = 'running')",
    ),
    (
        "the open attempt is the last one",
        "SELECT job_id FROM job_history AS open WHERE status = 'running' \
         AND EXISTS (SELECT FROM job_history AS later WHERE later.job_id = open.job_id AND later.attempt > open.attempt)",
    ),
    (
        "a job has as many attempts as it has begun",
        "SELECT id || ' is ' || status FROM jobs WHERE retry_count + recovery_attempts + (status <> 'pending')::int <> \
         (SELECT count(*) FROM job_history WHERE job_id = jobs.id)",
    ),
    (
        "a completed job has one completed attempt, its last, and any other job none",
        "SELECT id || ' is ' || status FROM jobs WHERE \
         (SELECT array_agg(attempt) FROM job_history WHERE job_id = jobs.id AND status = 'completed') IS DISTINCT FROM \
         CASE WHEN status = 'completed' THEN (SELECT ARRAY[max(attempt)] FROM job_history WHERE job_id = jobs.id) END",
    ),
    (
        "an attempt has an end exactly when it is over",
        "SELECT job_id || ' is ' || status FROM job_history WHERE (status = 'running') <> (completed_at IS NULL)",
    ),
];

/// Checks that jobs and attempts agree with each other. No operation cancels a job that has not begun.
#[track_caller]
pub fn assert_consistent(app: &App, what: &str) {
    for (rule, query) in CONTRADICTIONS {
        assert_eq!(app.ask(query), Vec::<String>::new(), "{what}: {rule}");
    }
}

/// The rows that the operations change, without ids that the database numbers: two of them differ if anything was done.
pub fn state(app: &App) -> Vec<String> {
    [
        "SELECT id, status, retry_count, recovery_attempts, result FROM jobs ORDER BY id",
        "SELECT job_id, attempt, status, error_message FROM job_history ORDER BY job_id, attempt",
        "SELECT id, limit_remaining FROM rate_limits ORDER BY id",
        "SELECT key, value FROM app_state ORDER BY key",
        "SELECT last_activity FROM user_sessions",
    ]
    .iter()
    .flat_map(|query| app.ask(query))
    .collect()
}
