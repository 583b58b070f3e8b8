//! The operations of the app, whichever database carries them out.

use serde_json::{Map, Value};
use token_cipher::EncryptionKey;

use crate::domain::{
    Attempt, ConfigMerge, Consumption, Expected, Grant, Job, JobChange, JobId, NewJob, NewRateLimit,
    NewSession, NewToolConfig, NewUser, RateLimit, Refresh, Session, SessionId, StateEntry, TokenId,
    ToolConfig, User, UserId,
};
use crate::{Result, Timestamp};

/// What the app does with its database.
///
/// Each operation happens completely or not at all, and means the same on SQLite and PostgreSQL. `now` is the time that it writes.
/// Texts and documents with U+0000 are refused by [`crate::Error::NulCharacter`], and other values that only one of the databases holds
/// by [`crate::Error::OutOfRange`], on both, before anything is sent. A stored value that the app does not know fails the operation that
/// reads it ([`crate::Error::UnknownValue`]). Counters stay at `i32::MAX` once they have reached it. Durations are between 0 and
/// `i32::MAX`. Documents are returned with numbers in the form of [`crate::canonical`].
///
/// # Errors
/// Every operation fails as [`crate::Error`] describes.
#[allow(clippy::missing_errors_doc, reason = "said once, for all of them")]
pub trait Store {
    /// Adds a pending job; returns false, and changes nothing, if there is a job with this id.
    fn enqueue(&mut self, job: &NewJob, now: Timestamp) -> Result<bool>;
    /// Claims a pending job for the caller and opens an attempt: the one with the largest priority, then the oldest, then the smallest id.
    /// No two callers get the same job. Sets the moments of its start and change; a result from before stays.
    ///
    /// A pending job with a value that the app does not know is not returned: it becomes failed, with an attempt that failed with the
    /// message `unreadable`, so that it does not block the others.
    fn claim(&mut self, now: Timestamp) -> Result<Option<Job>>;
    /// Returns a job.
    fn job(&mut self, id: &JobId) -> Result<Option<Job>>;
    /// Stores the progress of a running job as its result so far, and how long its attempt has taken.
    fn report_progress(&mut self, id: &JobId, progress: &Value, now: Timestamp) -> Result<JobChange>;
    /// Ends a running job with a result, and closes its attempt.
    fn complete(&mut self, id: &JobId, result: &Value, now: Timestamp) -> Result<JobChange>;
    /// Ends a running job with an error, without a result, and closes its attempt.
    fn fail(&mut self, id: &JobId, error_message: &str, now: Timestamp) -> Result<JobChange>;
    /// Ends a pending or running job on request, and closes its attempt if it has one. Its result so far stays.
    fn cancel(&mut self, id: &JobId, now: Timestamp) -> Result<JobChange>;
    /// Makes a failed job pending again, and counts the retry. It has not ended any more; the moment of its last start and its attempts
    /// stay.
    fn retry(&mut self, id: &JobId, now: Timestamp) -> Result<JobChange>;
    /// Makes all jobs pending again that have been running since before `started_before`, or since an unknown moment, counts their
    /// recoveries, and closes their attempts as failed with the message `interrupted`. Result and start stay. Returns their number.
    fn recover(&mut self, started_before: Timestamp, now: Timestamp) -> Result<u64>;
    /// Returns jobs whose payload contains `pattern` in the sense of PostgreSQL's `@>` (manual, section 8.14.3), the oldest first, then
    /// by id.
    fn jobs_containing(&mut self, pattern: &Value, limit: u32) -> Result<Vec<Job>>;
    /// Deletes completed, failed and cancelled jobs that have ended before `completed_before`, with their history. Returns the number of jobs.
    fn delete_finished(&mut self, completed_before: Timestamp) -> Result<u64>;
    /// Returns the attempts at a job in the order of their ids.
    fn history(&mut self, id: &JobId) -> Result<Vec<Attempt>>;

    /// Returns a limit.
    fn rate_limit(&mut self, id: &str) -> Result<Option<RateLimit>>;
    /// Adds a limit, or replaces what is known of it.
    fn save_rate_limit(&mut self, limit: &NewRateLimit, now: Timestamp) -> Result<()>;
    /// Subtracts `amount` calls from what is left of a limit, if that many are left.
    fn consume(&mut self, id: &str, amount: u16, now: Timestamp) -> Result<Consumption>;
    /// Deletes the limits whose period has ended at `now`. Returns their number.
    fn drop_expired_rate_limits(&mut self, now: Timestamp) -> Result<u64>;

    /// Returns the settings of a tool.
    fn tool_config(&mut self, tool_name: &str) -> Result<Option<ToolConfig>>;
    /// Adds the settings of a tool, or replaces them.
    fn save_tool_config(&mut self, config: &NewToolConfig, now: Timestamp) -> Result<()>;
    /// Returns the enabled tools by name, in the order of bytes.
    fn enabled_tools(&mut self) -> Result<Vec<ToolConfig>>;
    /// Sets keys of a tool's own settings and keeps all others; no settings count as an empty object.
    fn merge_tool_config(
        &mut self,
        tool_name: &str,
        keys: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<ConfigMerge>;

    /// Returns an entry of the app's state.
    fn state(&mut self, key: &str) -> Result<Option<StateEntry>>;
    /// Adds an entry, or replaces its value.
    fn set_state(&mut self, key: &str, value: Option<&str>, now: Timestamp) -> Result<()>;
    /// Sets an entry if it is as expected. Returns whether it was.
    fn compare_and_set_state(
        &mut self,
        key: &str,
        expected: Expected<'_>,
        value: Option<&str>,
        now: Timestamp,
    ) -> Result<bool>;
    /// Deletes an entry. Returns whether there was one.
    fn delete_state(&mut self, key: &str) -> Result<bool>;

    /// Adds a user at the first login, or replaces the profile.
    fn save_user(&mut self, user: &NewUser, now: Timestamp) -> Result<User>;
    /// Returns the user with this id at a provider.
    fn user(&mut self, provider: &str, provider_user_id: &str) -> Result<Option<User>>;
    /// Returns the users with an address, by id.
    fn users_by_email(&mut self, email: &str) -> Result<Vec<User>>;

    /// Encrypts and stores the tokens of a user and a tool, in place of earlier ones.
    fn save_tokens(&mut self, grant: &Grant, key: &EncryptionKey, now: Timestamp) -> Result<TokenId>;
    /// Returns and decrypts the tokens of a user and a tool.
    fn tokens(&mut self, user_id: &UserId, tool_name: &str, key: &EncryptionKey) -> Result<Option<Grant>>;
    /// Replaces the tokens of a user and a tool after a refresh. Returns whether there were any.
    fn refresh_tokens(
        &mut self,
        user_id: &UserId,
        tool_name: &str,
        refresh: &Refresh,
        key: &EncryptionKey,
        now: Timestamp,
    ) -> Result<bool>;
    /// Deletes the tokens of a user and a tool. Returns whether there were any.
    fn revoke_tokens(&mut self, user_id: &UserId, tool_name: &str) -> Result<bool>;

    /// Creates a session; returns false, and changes nothing, if there is one with this id.
    fn create_session(&mut self, session: &NewSession, now: Timestamp) -> Result<bool>;
    /// Notes that a session is in use. Returns whether it exists.
    fn touch_session(&mut self, id: &SessionId, now: Timestamp) -> Result<bool>;
    /// Returns a session.
    fn session(&mut self, id: &SessionId) -> Result<Option<Session>>;
    /// Deletes the sessions that were used last before `last_activity_before`. Returns their number.
    fn expire_sessions(&mut self, last_activity_before: Timestamp) -> Result<u64>;
    /// Deletes all sessions of a user. Returns their number.
    fn end_sessions_of(&mut self, user_id: &UserId) -> Result<u64>;
}
