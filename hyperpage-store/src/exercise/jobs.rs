//! The operations on jobs and their history.

use serde_json::{Value, json};

use super::{Exercise, Operation, Problem, own_rows_only, returned, stored};
use crate::domain::{AttemptStatus, Job, JobChange, JobId, JobStatus, NewJob};
use crate::{Store, Timestamp};

impl Exercise {
    pub(super) fn job_operation(
        &mut self,
        operation: Operation,
        store: &mut (impl Store + ?Sized),
    ) -> Result<(), Problem> {
        let (first, second, now) = (self.first_job(), self.second_job(), self.now());
        match operation {
            Operation::Enqueue => {
                let job = self.new_job(&first);
                returned(self.timed(|| store.enqueue(&job, now))?)?;
                returned(!store.enqueue(&job, now)?)?;
                let found = store.job(&first)?;
                stored(found.is_some_and(|found| is_as_enqueued(&found, &job, now)))
            }
            Operation::Job => {
                let found = self.timed(|| store.job(&first))?;
                returned(found.is_some_and(|job| job.id == first && job.payload == self.payload()))?;
                returned(store.job(&second)?.is_none())
            }
            Operation::Claim => {
                let claimed = self.timed(|| store.claim(now))?;
                self.check_claimed(claimed, now)?;
                check_state(store, &first, JobStatus::Running, &[AttemptStatus::Running])
            }
            Operation::History => {
                let attempts = self.timed(|| store.history(&first))?;
                let is_open = |attempt: &crate::domain::Attempt| {
                    attempt.attempt == 1 && attempt.completed_at.is_none() && attempt.job_id == first
                };
                returned(matches!(&*attempts, [attempt] if is_open(attempt)))
            }
            Operation::ReportProgress => {
                let progress = json!({ "done": 0.5 });
                let change = self.timed(|| store.report_progress(&first, &progress, now))?;
                changed(&change, JobStatus::Running, Some(&progress))?;
                stored(store.job(&first)?.is_some_and(|job| job.result.as_ref() == Some(&progress)))?;
                stored(store.history(&first)?.iter().all(|attempt| attempt.duration_ms.is_some()))
            }
            Operation::Recover => {
                let before = self.later();
                let recovered = self.timed(|| store.recover(before, now))?;
                // The app's running jobs without a start are recovered too, whatever the moment is.
                returned(recovered >= 1)?;
                check_state(store, &first, JobStatus::Pending, &[AttemptStatus::Failed])?;
                stored(store.job(&first)?.is_some_and(|job| job.recovery_attempts == 1))
            }
            Operation::Fail => {
                let claimed = store.claim(now)?;
                self.check_claimed(claimed, now)?;
                let change = self.timed(|| store.fail(&first, "smoke test", now))?;
                changed(&change, JobStatus::Failed, None)?;
                check_state(store, &first, JobStatus::Failed, &[AttemptStatus::Failed; 2])?;
                let last = store.history(&first)?.pop();
                stored(last.is_some_and(|attempt| attempt.error_message.as_deref() == Some("smoke test")))
            }
            Operation::Retry => {
                let change = self.timed(|| store.retry(&first, now))?;
                returned(matches!(&change, JobChange::Changed(job) if job.retry_count == 1))?;
                check_state(store, &first, JobStatus::Pending, &[AttemptStatus::Failed; 2])
            }
            Operation::Complete => {
                let result = json!({ "rows": [1, null, "ä"] });
                let claimed = store.claim(now)?;
                self.check_claimed(claimed, now)?;
                let change = self.timed(|| store.complete(&first, &result, now))?;
                changed(&change, JobStatus::Completed, Some(&result))?;
                stored(store.job(&first)?.is_some_and(|job| job.completed_at == Some(now)))?;
                let attempts = [AttemptStatus::Failed, AttemptStatus::Failed, AttemptStatus::Completed];
                check_state(store, &first, JobStatus::Completed, &attempts)
            }
            Operation::Cancel => {
                let job = self.new_job(&second);
                returned(store.enqueue(&job, now)?)?;
                let change = self.timed(|| store.cancel(&second, now))?;
                changed(&change, JobStatus::Cancelled, None)?;
                check_state(store, &second, JobStatus::Cancelled, &[])
            }
            Operation::JobsContaining => {
                let pattern = json!({ "smoke": { "tag": self.tag } });
                let found = self.timed(|| store.jobs_containing(&pattern, 10))?;
                let ids: Vec<&JobId> = found.iter().map(|job| &job.id).collect();
                returned(ids == [&first, &second])
            }
            _ => {
                let before = self.later();
                let deleted = self.timed(|| store.delete_finished(before))?;
                own_rows_only(deleted, 2)?;
                stored(store.job(&first)?.is_none() && store.job(&second)?.is_none())?;
                stored(store.history(&first)?.is_empty())
            }
        }
    }

    /// A job that is claimed before any other: it has the largest priority, and is older than every job of the app.
    fn new_job(&self, id: &JobId) -> NewJob {
        NewJob {
            id: id.clone(),
            job_type: "smoke".to_owned(),
            name: "smoke test".to_owned(),
            priority: i32::MAX,
            tool: Some("smoke".to_owned()),
            endpoint: None,
            payload: self.payload(),
        }
    }

    fn payload(&self) -> Value {
        json!({ "smoke": { "tag": self.tag, "numbers": [1, 2.5, 9_007_199_254_740_991_i64] }, "text": "ä\u{1f600}" })
    }

    fn check_claimed(&self, claimed: Option<Job>, now: Timestamp) -> Result<(), Problem> {
        match claimed {
            Some(job) if job.id != self.first_job() => Err(Problem::OtherRows),
            claimed => returned(
                claimed.is_some_and(|job| job.status == JobStatus::Running && job.started_at == Some(now)),
            ),
        }
    }
}

fn is_as_enqueued(found: &Job, job: &NewJob, now: Timestamp) -> bool {
    let texts = (&found.id, &found.job_type, &found.name, &found.tool, &found.endpoint);
    texts == (&job.id, &job.job_type, &job.name, &job.tool, &job.endpoint)
        && (found.priority, found.status, found.created_at) == (job.priority, JobStatus::Pending, now)
        && found.payload == job.payload
        && (found.retry_count, found.recovery_attempts) == (0, 0)
        && (&found.result, found.started_at, found.completed_at) == (&None, None, None)
}

fn changed(change: &JobChange, status: JobStatus, result: Option<&Value>) -> Result<(), Problem> {
    returned(
        matches!(change, JobChange::Changed(job) if job.status == status && job.result.as_ref() == result),
    )
}

fn check_state(
    store: &mut (impl Store + ?Sized),
    id: &JobId,
    status: JobStatus,
    attempts: &[AttemptStatus],
) -> Result<(), Problem> {
    stored(store.job(id)?.is_some_and(|job| job.status == status))?;
    let found: Vec<AttemptStatus> = store.history(id)?.iter().map(|attempt| attempt.status).collect();
    stored(found == attempts)
}
