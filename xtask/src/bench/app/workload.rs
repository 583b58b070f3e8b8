//! What a user does, operation by operation, and a record of the effects that the database has confirmed.

use std::time::{Duration, Instant, SystemTime};

use fixtures::prng::Prng;
use hyperpage_store::domain::{Consumption, JobChange, JobId, NewJob, SessionId};
use hyperpage_store::{Error, Result, Store, Timestamp};
use serde_json::json;

use super::dataset::{Dataset, RATE_LIMITS};

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Workload {
    /// Enqueue a job, claim the next one, complete it: three transactions.
    Queue,
    /// Touch a random session.
    Sessions,
    /// Consume a call of a random limit.
    RateLimits,
    /// A mixture: see [`MIXTURE`].
    Mixed,
    /// Find a session by its id.
    Reads,
}

impl Workload {
    /// All, in the order of tables.
    pub(crate) const ALL: [Workload; 5] =
        [Workload::Queue, Workload::Sessions, Workload::RateLimits, Workload::Mixed, Workload::Reads];

    /// Those that write.
    pub(crate) const WRITING: [Workload; 4] =
        [Workload::Queue, Workload::Sessions, Workload::RateLimits, Workload::Mixed];

    /// Its name for programs and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::Queue => "queue",
            Workload::Sessions => "sessions",
            Workload::RateLimits => "rate_limits",
            Workload::Mixed => "mixed",
            Workload::Reads => "reads",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Workload::Queue => "job queue",
            Workload::Sessions => "session touches",
            Workload::RateLimits => "rate limits",
            Workload::Mixed => "mixed load",
            Workload::Reads => "point reads",
        }
    }
}

/// A step of the mixed load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    TouchSession,
    ReadSession,
    ReadJob,
    Consume,
    Enqueue,
    ClaimAndComplete,
}

/// The mixed load, in percent of operations: most requests touch or read a session, and each fifth works on the queue.
const MIXTURE: [(Step, u64); 6] = [
    (Step::TouchSession, 40),
    (Step::ReadSession, 20),
    (Step::ReadJob, 10),
    (Step::Consume, 10),
    (Step::Enqueue, 10),
    (Step::ClaimAndComplete, 10),
];

/// What the database has confirmed to a user, for the check afterwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects {
    /// Jobs that were added.
    pub(crate) enqueued: u64,
    /// Jobs that were claimed.
    pub(crate) claimed: Vec<JobId>,
    /// Jobs that were completed.
    pub(crate) completed: u64,
    /// Sessions that were touched, by number.
    pub(crate) touched: Vec<u64>,
    /// Calls that were granted, by limit.
    pub(crate) granted: [u64; RATE_LIMITS as usize],
    /// Calls that were refused since none were left.
    pub(crate) exhausted: u64,
    /// Answers that contradict the state of the database: a job that a claim returned and that could not be completed, for one.
    pub(crate) contradictions: u64,
    /// Operations whose outcome is not known.
    pub(crate) unknown: u64,
}

impl Effects {
    /// Adds the effects of another user.
    pub(crate) fn merge(&mut self, other: Effects) {
        self.enqueued += other.enqueued;
        self.claimed.extend(other.claimed);
        self.completed += other.completed;
        self.touched.extend(other.touched);
        for (sum, more) in self.granted.iter_mut().zip(other.granted) {
            *sum += more;
        }
        self.exhausted += other.exhausted;
        self.contradictions += other.contradictions;
        self.unknown += other.unknown;
    }
}

/// A user of the app: a thread has one.
pub(crate) struct User {
    number: u32,
    dataset: Dataset,
    store: Box<dyn Store + Send>,
    pub(crate) prng: Prng,
    pub(crate) effects: Effects,
    /// How long the last operation's claim took; none if it had none.
    pub(crate) claim: Option<Duration>,
}

impl User {
    /// The user with this number, whose random choices follow from `seed`.
    pub(crate) fn new(number: u32, dataset: Dataset, store: Box<dyn Store + Send>, seed: u64) -> User {
        // Neighbouring seeds give unrelated streams.
        let prng = Prng::new(Prng::new(seed ^ (u64::from(number) << 32)).next());
        User { number, dataset, store, prng, effects: Effects::default(), claim: None }
    }

    /// Carries out one operation of a workload.
    ///
    /// # Errors
    /// That of the first statement that failed; the effects of earlier ones are recorded.
    pub(crate) fn operate(&mut self, workload: Workload) -> Result<()> {
        self.claim = None;
        let outcome = match workload {
            Workload::Queue => self.enqueue().and_then(|()| self.claim_and_complete()),
            Workload::Sessions => self.touch_session(),
            Workload::RateLimits => self.consume(),
            Workload::Reads => self.read_session(),
            Workload::Mixed => self.mixed(),
        };
        if let Err(Error::OutcomeUnknown { .. }) = outcome {
            self.effects.unknown += 1;
        }
        outcome
    }

    fn mixed(&mut self) -> Result<()> {
        match mixed_step(self.prng.below(100)) {
            Step::TouchSession => self.touch_session(),
            Step::ReadSession => self.read_session(),
            Step::ReadJob => {
                let id = JobId::from(Dataset::job_id(self.prng.below(self.dataset.jobs)));
                let found = self.store.job(&id)?;
                self.expect(found.is_some());
                Ok(())
            }
            Step::Consume => self.consume(),
            Step::Enqueue => self.enqueue(),
            Step::ClaimAndComplete => self.claim_and_complete(),
        }
    }

    fn enqueue(&mut self) -> Result<()> {
        // The sum of all users' jobs is checked, so that each needs an id of its own.
        let id = format!("new-{}-{}", self.number, self.prng.next());
        let repository = self.prng.below(10_000);
        let job = NewJob {
            id: JobId::from(id),
            job_type: "sync".to_owned(),
            name: "Synchronise".to_owned(),
            priority: i32::try_from(self.prng.below(10)).unwrap_or_default(),
            tool: Some("github".to_owned()),
            endpoint: Some("/api/sync".to_owned()),
            payload: json!({
                "repo": format!("org-{}/repo-{repository}", repository % 50),
                "event": "push",
                "meta": { "team": format!("team-{}", repository % 500), "attempt": 0 },
                "labels": ["l1", "l21"],
            }),
        };
        let is_new = self.store.enqueue(&job, now())?;
        self.effects.enqueued += u64::from(is_new);
        self.expect(is_new);
        Ok(())
    }

    fn claim_and_complete(&mut self) -> Result<()> {
        let began = Instant::now();
        let claimed = self.store.claim(now());
        self.claim = Some(began.elapsed());
        // The mixed load enqueues as much as it claims, and some jobs are pending at its beginning; a small database may run out.
        let Some(job) = claimed? else { return Ok(()) };
        self.effects.claimed.push(job.id.clone());
        match self.store.complete(&job.id, &json!({ "ok": true, "items": 3 }), now())? {
            JobChange::Changed(_) => self.effects.completed += 1,
            JobChange::Refused(_) | JobChange::NotFound => self.effects.contradictions += 1,
        }
        Ok(())
    }

    fn touch_session(&mut self) -> Result<()> {
        let number = self.prng.below(self.dataset.sessions());
        let exists = self.store.touch_session(&SessionId::from(Dataset::session_id(number)), now())?;
        self.effects.touched.push(number);
        self.expect(exists);
        Ok(())
    }

    fn read_session(&mut self) -> Result<()> {
        let id = SessionId::from(Dataset::session_id(self.prng.below(self.dataset.sessions())));
        let found = self.store.session(&id)?;
        self.expect(found.is_some_and(|session| session.id == id));
        Ok(())
    }

    fn consume(&mut self) -> Result<()> {
        let limit = self.prng.below(RATE_LIMITS);
        match self.store.consume(&Dataset::rate_limit_id(limit), 1, now())? {
            Consumption::Granted { remaining } => {
                self.expect(remaining.is_some_and(|remaining| remaining >= 0));
                if let Some(granted) =
                    usize::try_from(limit).ok().and_then(|at| self.effects.granted.get_mut(at))
                {
                    *granted += 1;
                }
            }
            Consumption::Exhausted { remaining, .. } => {
                self.effects.exhausted += 1;
                self.expect(remaining == 0);
            }
            Consumption::NotFound => self.expect(false),
        }
        Ok(())
    }

    /// Records an answer that cannot be true.
    fn expect(&mut self, holds: bool) {
        self.effects.contradictions += u64::from(!holds);
    }
}

/// The step of the mixed load for a random number below 100.
fn mixed_step(percent: u64) -> Step {
    let mut below = 0;
    for (step, share) in MIXTURE {
        below += share;
        if percent < below {
            return step;
        }
    }
    Step::TouchSession
}

/// The time, as the app writes it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_epoch_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixture_has_its_shares() {
        assert_eq!(MIXTURE.iter().map(|(_, share)| share).sum::<u64>(), 100);
        for (step, share) in MIXTURE {
            assert_eq!((0..100).filter(|percent| mixed_step(*percent) == step).count() as u64, share);
        }
    }
}
