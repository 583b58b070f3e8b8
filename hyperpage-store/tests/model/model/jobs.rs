//! Jobs and their attempts.

use std::cmp::Reverse;

use hyperpage_store::domain::{Attempt, AttemptId, AttemptStatus, Job, JobChange, JobId, JobStatus, NewJob};
use hyperpage_store::{Result, Timestamp};
use serde_json::Value;

use super::{Given, Model};
use crate::flaw::Flaw;
use crate::json::contains;

/// How an attempt ends.
struct End<'a> {
    status: AttemptStatus,
    error_message: Option<&'a str>,
    now: Timestamp,
}

impl Model {
    /// Changes a job whose status is one of `permitted`.
    fn change(&mut self, id: &JobId, permitted: &[JobStatus], change: impl FnOnce(&mut Job)) -> JobChange {
        let Some(job) = self.jobs.get_mut(id.as_str()) else { return JobChange::NotFound };
        if !permitted.contains(&job.status) {
            return JobChange::Refused(job.status);
        }
        change(job);
        JobChange::Changed(Box::new(job.clone()))
    }

    /// Closes the open attempt at a job that was running; if there is none, adds a closed one.
    fn close_attempt(&mut self, job: &Job, end: &End<'_>) {
        if self.has(Flaw::HistoryStaysOpen) {
            return;
        }
        let is_open =
            |attempt: &&mut Attempt| attempt.job_id == job.id && attempt.status == AttemptStatus::Running;
        let number = match self.attempts.values_mut().find(is_open) {
            Some(open) => open.id.0,
            None => self.open_attempt(job, job.started_at.unwrap_or(end.now)),
        };
        let attempt = self.attempts.get_mut(&number).unwrap();
        attempt.status = end.status;
        attempt.completed_at = Some(end.now);
        attempt.duration_ms = Some(duration_ms(job.started_at.unwrap_or(end.now), end.now));
        attempt.error_message = end.error_message.map(str::to_owned);
    }

    fn open_attempt(&mut self, job: &Job, started_at: Timestamp) -> i64 {
        let number = self.next_number();
        let recoveries = if self.has(Flaw::RecoveriesAreNotCounted) { 0 } else { job.recovery_attempts };
        let attempt = Attempt {
            id: AttemptId(number),
            job_id: job.id.clone(),
            attempt: job.retry_count.saturating_add(recoveries).saturating_add(1),
            status: AttemptStatus::Running,
            started_at,
            completed_at: None,
            duration_ms: None,
            error_message: None,
        };
        self.attempts.insert(number, attempt);
        number
    }

    pub(super) fn enqueue_job(&mut self, new: &NewJob, now: Timestamp) -> Result<bool> {
        let mut texts = vec![new.job_type.as_str(), &new.name];
        texts.extend(new.tool.as_deref());
        texts.extend(new.endpoint.as_deref());
        self.check(&Given {
            texts: &texts,
            indexed: &[new.id.as_str()],
            documents: &[&new.payload],
            moments: &[now],
            ..Given::default()
        })?;
        let exists = self.jobs.contains_key(new.id.as_str());
        if exists && !self.has(Flaw::EnqueueReplaces) {
            return Ok(false);
        }
        let job = Job {
            id: new.id.clone(),
            job_type: new.job_type.clone(),
            name: new.name.clone(),
            priority: new.priority,
            status: JobStatus::Pending,
            tool: new.tool.clone(),
            endpoint: new.endpoint.clone(),
            payload: new.payload.clone(),
            result: None,
            created_at: now,
            updated_at: now,
            started_at: None,
            completed_at: None,
            retry_count: 0,
            persisted_at: now,
            recovery_attempts: 0,
        };
        self.jobs.insert(new.id.as_str().to_owned(), job);
        Ok(!exists)
    }

    pub(super) fn claim_job(&mut self, now: Timestamp) -> Result<Option<Job>> {
        self.check(&Given { moments: &[now], ..Given::default() })?;
        let (by_priority, by_age) = (!self.has(Flaw::ClaimIgnoresPriority), !self.has(Flaw::ClaimIgnoresAge));
        let rank = |job: &&mut Job| {
            (
                by_priority.then_some(Reverse(job.priority)),
                by_age.then_some(job.created_at),
                job.id.as_str().to_owned(),
            )
        };
        let pending = self.jobs.values_mut().filter(|job| job.status == JobStatus::Pending);
        let Some(job) = pending.min_by_key(rank) else { return Ok(None) };
        job.status = JobStatus::Running;
        job.started_at = Some(now);
        job.updated_at = now;
        let job = job.clone();
        self.open_attempt(&job, now);
        Ok(Some(job))
    }

    pub(super) fn progress(&mut self, id: &JobId, progress: &Value, now: Timestamp) -> Result<JobChange> {
        self.check(&Given {
            texts: &[id.as_str()],
            documents: &[progress],
            moments: &[now],
            ..Given::default()
        })?;
        let change = self.change(id, &[JobStatus::Running], |job| {
            job.result = Some(progress.clone());
            job.updated_at = now;
        });
        if let JobChange::Changed(job) = &change {
            let is_open =
                |attempt: &&mut Attempt| attempt.job_id == *id && attempt.status == AttemptStatus::Running;
            for attempt in self.attempts.values_mut().filter(is_open) {
                attempt.duration_ms = Some(duration_ms(job.started_at.unwrap_or(now), now));
            }
        }
        Ok(change)
    }

    pub(super) fn complete_job(&mut self, id: &JobId, result: &Value, now: Timestamp) -> Result<JobChange> {
        self.check(&Given {
            texts: &[id.as_str()],
            documents: &[result],
            moments: &[now],
            ..Given::default()
        })?;
        let no_null = self.has(Flaw::JsonNullIsNoResult) && result.is_null();
        let change = self.change(id, &[JobStatus::Running], |job| {
            job.status = JobStatus::Completed;
            job.result = (!no_null).then(|| result.clone());
            (job.completed_at, job.updated_at) = (Some(now), now);
        });
        if let JobChange::Changed(job) = &change {
            self.close_attempt(job, &End { status: AttemptStatus::Completed, error_message: None, now });
        }
        Ok(change)
    }

    pub(super) fn fail_job(&mut self, id: &JobId, error_message: &str, now: Timestamp) -> Result<JobChange> {
        self.check(&Given { texts: &[id.as_str(), error_message], moments: &[now], ..Given::default() })?;
        let keeps_result = self.has(Flaw::FailKeepsProgress);
        let change = self.change(id, &[JobStatus::Running], |job| {
            job.status = JobStatus::Failed;
            job.result = job.result.take().filter(|_| keeps_result);
            (job.completed_at, job.updated_at) = (Some(now), now);
        });
        if let JobChange::Changed(job) = &change {
            let error_message = Some(error_message);
            self.close_attempt(job, &End { status: AttemptStatus::Failed, error_message, now });
        }
        Ok(change)
    }

    pub(super) fn cancel_job(&mut self, id: &JobId, now: Timestamp) -> Result<JobChange> {
        self.check(&Given { texts: &[id.as_str()], moments: &[now], ..Given::default() })?;
        let was_running = self.jobs.get(id.as_str()).is_some_and(|job| job.status == JobStatus::Running);
        let change = self.change(id, &[JobStatus::Pending, JobStatus::Running], |job| {
            job.status = JobStatus::Cancelled;
            (job.completed_at, job.updated_at) = (Some(now), now);
        });
        if let JobChange::Changed(job) = &change
            && was_running
        {
            self.close_attempt(job, &End { status: AttemptStatus::Cancelled, error_message: None, now });
        }
        Ok(change)
    }

    pub(super) fn retry_job(&mut self, id: &JobId, now: Timestamp) -> Result<JobChange> {
        self.check(&Given { texts: &[id.as_str()], moments: &[now], ..Given::default() })?;
        let permitted: &[JobStatus] = if self.has(Flaw::RetryOfCancelled) {
            &[JobStatus::Failed, JobStatus::Cancelled]
        } else {
            &[JobStatus::Failed]
        };
        Ok(self.change(id, permitted, |job| {
            job.status = JobStatus::Pending;
            job.completed_at = None;
            job.retry_count = job.retry_count.saturating_add(1);
            job.updated_at = now;
        }))
    }

    pub(super) fn recover_jobs(&mut self, started_before: Timestamp, now: Timestamp) -> Result<u64> {
        self.check(&Given { moments: &[started_before, now], ..Given::default() })?;
        let inclusive = self.has(Flaw::RecoverIncludesTheMoment);
        let is_stuck = |job: &&Job| {
            let is_old =
                |started: Timestamp| started < started_before || inclusive && started == started_before;
            job.status == JobStatus::Running && job.started_at.is_none_or(is_old)
        };
        let stuck: Vec<JobId> = self.jobs.values().filter(is_stuck).map(|job| job.id.clone()).collect();
        for id in &stuck {
            let before = self.jobs[id.as_str()].clone();
            if !self.has(Flaw::RecoverForgetsHistory) {
                let error_message = Some("interrupted");
                self.close_attempt(&before, &End { status: AttemptStatus::Failed, error_message, now });
            }
            self.change(id, &[JobStatus::Running], |job| {
                job.status = JobStatus::Pending;
                job.recovery_attempts = job.recovery_attempts.saturating_add(1);
                job.updated_at = now;
            });
        }
        Ok(stuck.len() as u64)
    }

    pub(super) fn containing(&mut self, pattern: &Value, limit: u32) -> Result<Vec<Job>> {
        self.check(&Given { documents: &[pattern], ..Given::default() })?;
        let by_equality = self.has(Flaw::ContainmentIsEquality);
        let is_match = |job: &&Job| {
            if by_equality { job.payload == *pattern } else { contains(&job.payload, pattern) }
        };
        let mut found: Vec<Job> = self.jobs.values().filter(is_match).cloned().collect();
        found.sort_by_key(|job| (job.created_at, job.id.clone()));
        found.truncate(limit as usize);
        Ok(found)
    }

    pub(super) fn delete_ended(&mut self, completed_before: Timestamp) -> Result<u64> {
        self.check(&Given { moments: &[completed_before], ..Given::default() })?;
        let spares_cancelled = self.has(Flaw::DeleteSparesCancelled);
        let ended = |job: &&Job| {
            let is_over = matches!(job.status, JobStatus::Completed | JobStatus::Failed)
                || job.status == JobStatus::Cancelled && !spares_cancelled;
            is_over && job.completed_at.is_some_and(|completed| completed < completed_before)
        };
        let deleted: Vec<JobId> = self.jobs.values().filter(ended).map(|job| job.id.clone()).collect();
        self.jobs.retain(|_, job| !deleted.contains(&job.id));
        if !self.has(Flaw::DeleteKeepsHistory) {
            self.attempts.retain(|_, attempt| !deleted.contains(&attempt.job_id));
        }
        Ok(deleted.len() as u64)
    }

    pub(super) fn get_job(&self, id: &JobId) -> Result<Option<Job>> {
        self.check(&Given { texts: &[id.as_str()], ..Given::default() })?;
        Ok(self.jobs.get(id.as_str()).cloned())
    }

    pub(super) fn attempts_at(&self, id: &JobId) -> Result<Vec<Attempt>> {
        self.check(&Given { texts: &[id.as_str()], ..Given::default() })?;
        Ok(self.attempts.values().filter(|attempt| attempt.job_id == *id).cloned().collect())
    }
}

/// Returns the milliseconds between two moments, as far as the column holds them. Clocks may be set back.
fn duration_ms(started_at: Timestamp, now: Timestamp) -> i32 {
    now.ms_since(started_at).clamp(0, i64::from(i32::MAX)) as i32
}
