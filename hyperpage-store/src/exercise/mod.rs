//! Every operation of a [`Store`], once, on rows of its own, with a check of what it returned and of what is stored afterwards.
//!
//! It does not clean up: run it in a transaction that is rolled back, or on a database of its own. Its clock is in the year 3734 BC, so that
//! operations on everything before a moment find no row of the app; if they do, the outcome is [`Problem::OtherRows`].

mod jobs;
mod settings;
mod users;

use std::time::{Duration, Instant};

use crate::domain::{JobId, SessionId};
use crate::{Error, Store, Timestamp};

/// The moment at which the exercise begins, in milliseconds since 1970.
const BEGIN_MS: i64 = -180_000_000_000_000;

/// Defines the operations with their names, in the order in which they are tried.
macro_rules! operations {
    ($($variant:ident $name:literal $group:ident),+ $(,)?) => {
        /// An operation of a [`Store`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is named like its method")]
        pub enum Operation { $($variant),+ }

        impl Operation {
            /// All of them, in the order in which they are tried.
            pub const ALL: &[Operation] = &[$(Operation::$variant),+];

            /// Its name, which is that of the method.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Operation::$variant => $name),+ }
            }

            /// The group that it belongs to: an operation needs those of its group before it.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $(Operation::$variant => Group::$group),+ }
            }
        }
    };
}

operations! {
    Enqueue "enqueue" Jobs,
    Job "job" Jobs,
    Claim "claim" Jobs,
    History "history" Jobs,
    ReportProgress "report_progress" Jobs,
    Recover "recover" Jobs,
    Fail "fail" Jobs,
    Retry "retry" Jobs,
    Complete "complete" Jobs,
    Cancel "cancel" Jobs,
    JobsContaining "jobs_containing" Jobs,
    DeleteFinished "delete_finished" Jobs,
    SaveRateLimit "save_rate_limit" RateLimits,
    RateLimit "rate_limit" RateLimits,
    Consume "consume" RateLimits,
    DropExpiredRateLimits "drop_expired_rate_limits" RateLimits,
    SaveToolConfig "save_tool_config" ToolConfigs,
    ToolConfig "tool_config" ToolConfigs,
    MergeToolConfig "merge_tool_config" ToolConfigs,
    EnabledTools "enabled_tools" ToolConfigs,
    SetState "set_state" AppState,
    State "state" AppState,
    CompareAndSetState "compare_and_set_state" AppState,
    DeleteState "delete_state" AppState,
    SaveUser "save_user" Users,
    User "user" Users,
    UsersByEmail "users_by_email" Users,
    SaveTokens "save_tokens" Users,
    Tokens "tokens" Users,
    RefreshTokens "refresh_tokens" Users,
    RevokeTokens "revoke_tokens" Users,
    CreateSession "create_session" Users,
    Session "session" Users,
    TouchSession "touch_session" Users,
    ExpireSessions "expire_sessions" Users,
    EndSessionsOf "end_sessions_of" Users,
}

/// Operations that build on one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Jobs and their history.
    Jobs,
    /// Rate limits.
    RateLimits,
    /// Settings of tools.
    ToolConfigs,
    /// The state of the app.
    AppState,
    /// Users with their tokens and sessions.
    Users,
}

/// Why an operation did not pass.
#[derive(Debug)]
pub enum Problem {
    /// It failed.
    Failed(Error),
    /// It returned something else than it has to.
    Returned,
    /// What is stored afterwards is not what was written.
    Stored,
    /// It changed rows that are not of the exercise.
    OtherRows,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem::Failed(error)
    }
}

/// The duration of an operation that passed, without the checks.
pub type Outcome = Result<Duration, Problem>;

/// The rows of an exercise, and its clock.
#[derive(Debug)]
pub struct Exercise {
    tag: String,
    now_ms: i64,
    took: Duration,
}

impl Exercise {
    /// An exercise on rows whose ids contain `tag`, which no row of the app may contain: make it of random numbers.
    #[must_use]
    pub fn new(tag: &str) -> Exercise {
        Exercise { tag: format!("smoke-{tag}"), now_ms: BEGIN_MS, took: Duration::ZERO }
    }

    /// Carries out an operation. The operations before it in its group must have passed.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn run(&mut self, operation: Operation, store: &mut (impl Store + ?Sized)) -> Outcome {
        self.now_ms += 1_000;
        self.took = Duration::ZERO;
        match operation.group() {
            Group::Jobs => self.job_operation(operation, store)?,
            Group::RateLimits | Group::ToolConfigs | Group::AppState => {
                self.settings_operation(operation, store)?
            }
            Group::Users => self.user_operation(operation, store)?,
        }
        Ok(self.took)
    }

    /// Carries out the operation itself, and measures it.
    fn timed<T>(&mut self, operation: impl FnOnce() -> crate::Result<T>) -> Result<T, Problem> {
        let started = Instant::now();
        let done = operation();
        self.took = started.elapsed();
        Ok(done?)
    }

    const fn now(&self) -> Timestamp {
        Timestamp::from_epoch_ms(self.now_ms)
    }

    /// A moment after everything that the exercise has written, and before every row of the app.
    const fn later(&self) -> Timestamp {
        Timestamp::from_epoch_ms(self.now_ms + 1)
    }

    fn first_job(&self) -> JobId {
        JobId::from(format!("{}-1", self.tag))
    }

    fn second_job(&self) -> JobId {
        JobId::from(format!("{}-2", self.tag))
    }

    fn session_id(&self) -> SessionId {
        SessionId::from(self.tag.clone())
    }
}

/// Checks what an operation returned.
fn returned(is_expected: bool) -> Result<(), Problem> {
    if is_expected { Ok(()) } else { Err(Problem::Returned) }
}

/// Checks what is stored.
fn stored(is_expected: bool) -> Result<(), Problem> {
    if is_expected { Ok(()) } else { Err(Problem::Stored) }
}

/// Checks the number of rows that an operation on everything before a moment has changed.
fn own_rows_only(rows: u64, own: u64) -> Result<(), Problem> {
    if rows > own { Err(Problem::OtherRows) } else { returned(rows == own) }
}
