//! The operations that faults are injected into: how each is prepared, run, and told apart from one that was done twice.

use hyperpage_store::domain::{Expected, NewJob, NewRateLimit, NewSession};
use hyperpage_store::{Result, Store, Timestamp};
use serde_json::json;

use crate::client::Client;

/// The moment that the operations write.
pub const NOW: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);

/// A moment after it.
pub const LATER: Timestamp = Timestamp::from_epoch_ms(1_700_000_060_000);

/// A limit's calls before the operations.
pub const CALLS: i32 = 100;

/// An operation that changes something, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Enqueue,
    Claim,
    Progress,
    Complete,
    Fail,
    Cancel,
    Retry,
    Recover,
    DeleteFinished,
    Consume,
    CompareAndSet,
    SetState,
    TouchSession,
}

impl Operation {
    pub const ALL: [Operation; 13] = [
        Operation::Enqueue,
        Operation::Claim,
        Operation::Progress,
        Operation::Complete,
        Operation::Fail,
        Operation::Cancel,
        Operation::Retry,
        Operation::Recover,
        Operation::DeleteFinished,
        Operation::Consume,
        Operation::CompareAndSet,
        Operation::SetState,
        Operation::TouchSession,
    ];

    /// Whether it is a single write without a transaction of its own.
    pub fn is_single_write(self) -> bool {
        matches!(
            self,
            Operation::Enqueue
                | Operation::Consume
                | Operation::CompareAndSet
                | Operation::SetState
                | Operation::TouchSession
        )
    }

    /// Whether it may be repeated although it may have been kept.
    pub fn is_idempotent(self) -> bool {
        self == Operation::TouchSession
    }

    /// Creates what it needs, in empty tables: one pending job, one that is running, one that failed, a limit, an entry
    /// of the state, and a session.
    pub fn prepare(client: &Client) {
        client.run("prepare", |store| {
            for (id, priority) in [("failed", 9), ("running", 8), ("pending", 1)] {
                store.enqueue(&job(id, priority), NOW)?;
            }
            store.claim(NOW)?;
            store.fail(&"failed".into(), "a reason", NOW)?;
            store.claim(NOW)?;
            store.save_rate_limit(
                &NewRateLimit {
                    id: "limit".to_owned(),
                    platform: "github".to_owned(),
                    limit_remaining: Some(CALLS),
                    limit_total: Some(CALLS),
                    reset_time: None,
                },
                NOW,
            )?;
            store.create_session(&session(), NOW)?;
            store.set_state("entry", Some("old"), NOW)
        });
    }

    /// Runs it, and returns its result as text: a repetition would have another one.
    pub fn run(self, store: &mut impl Store) -> Result<String> {
        Ok(match self {
            Operation::Enqueue => format!("{:?}", store.enqueue(&job("new", 5), LATER)?),
            Operation::Claim => format!("{:?}", store.claim(LATER)?),
            Operation::Progress => {
                format!("{:?}", store.report_progress(&"running".into(), &json!({"done": 1}), LATER)?)
            }
            Operation::Complete => format!("{:?}", store.complete(&"running".into(), &json!([1]), LATER)?),
            Operation::Fail => format!("{:?}", store.fail(&"running".into(), "another", LATER)?),
            Operation::Cancel => format!("{:?}", store.cancel(&"running".into(), LATER)?),
            Operation::Retry => format!("{:?}", store.retry(&"failed".into(), LATER)?),
            Operation::Recover => format!("{:?}", store.recover(LATER, LATER)?),
            Operation::DeleteFinished => format!("{:?}", store.delete_finished(LATER)?),
            Operation::Consume => format!("{:?}", store.consume("limit", 7, LATER)?),
            Operation::CompareAndSet => {
                let expected = Expected::Value(Some("old"));
                format!("{:?}", store.compare_and_set_state("entry", expected, Some("new"), LATER)?)
            }
            Operation::SetState => format!("{:?}", store.set_state("entry", Some("new"), LATER)?),
            Operation::TouchSession => format!("{:?}", store.touch_session(&session().id, LATER)?),
        })
    }
}

/// A job to enqueue.
pub fn job(id: &str, priority: i32) -> NewJob {
    NewJob {
        id: id.into(),
        job_type: "sync".to_owned(),
        name: format!("job {id}"),
        priority,
        tool: None,
        endpoint: None,
        payload: json!({"id": id}),
    }
}

fn session() -> NewSession {
    NewSession { id: "session".into(), user_id: "github:1".into(), provider: "github".to_owned() }
}
