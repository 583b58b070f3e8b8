//! The methods of [`crate::Store`], one list for both databases: each checks its arguments and runs the function of its table.
//!
//! The functions are in `queries/`, which is compiled once for each database. `read` and `write` run one statement, `transaction`
//! several, or one that returns stored values: if the app does not know one of them, the change is undone. An `idempotent_write` may be
//! repeated when its outcome is unknown: nobody can have relied on a state between.

/// Defines all methods. The caller has `read`, `write`, `idempotent_write` and `transaction`, and a module for each table.
macro_rules! operations {
    () => {
        fn enqueue(&mut self, job: &NewJob, now: Timestamp) -> Result<bool> {
            check::new_job(job)?;
            check::moment(Table::Jobs, "created_at", now)?;
            self.write(|connection| jobs::enqueue(connection, job, now))
        }
        fn claim(&mut self, now: Timestamp) -> Result<Option<Job>> {
            check::moment(Table::Jobs, "started_at", now)?;
            self.transaction(|connection| jobs::claim(connection, now))
        }
        fn job(&mut self, id: &JobId) -> Result<Option<Job>> {
            check::text(Table::Jobs, "id", id.as_str())?;
            self.read(|connection| jobs::find(connection, id))
        }
        fn report_progress(&mut self, id: &JobId, progress: &Value, now: Timestamp) -> Result<JobChange> {
            check::text(Table::Jobs, "id", id.as_str())?;
            check::document(Table::Jobs, "result", progress)?;
            check::moment(Table::Jobs, "updated_at", now)?;
            self.transaction(|connection| job_changes::report_progress(connection, id, progress, now))
        }
        fn complete(&mut self, id: &JobId, result: &Value, now: Timestamp) -> Result<JobChange> {
            check::text(Table::Jobs, "id", id.as_str())?;
            check::document(Table::Jobs, "result", result)?;
            check::moment(Table::Jobs, "completed_at", now)?;
            self.transaction(|connection| job_changes::complete(connection, id, result, now))
        }
        fn fail(&mut self, id: &JobId, error_message: &str, now: Timestamp) -> Result<JobChange> {
            check::text(Table::Jobs, "id", id.as_str())?;
            check::text(Table::JobHistory, "error_message", error_message)?;
            check::moment(Table::Jobs, "completed_at", now)?;
            self.transaction(|connection| job_changes::fail(connection, id, error_message, now))
        }
        fn cancel(&mut self, id: &JobId, now: Timestamp) -> Result<JobChange> {
            check::text(Table::Jobs, "id", id.as_str())?;
            check::moment(Table::Jobs, "completed_at", now)?;
            self.transaction(|connection| job_changes::cancel(connection, id, now))
        }
        fn retry(&mut self, id: &JobId, now: Timestamp) -> Result<JobChange> {
            check::text(Table::Jobs, "id", id.as_str())?;
            check::moment(Table::Jobs, "updated_at", now)?;
            self.transaction(|connection| job_changes::retry(connection, id, now))
        }
        fn recover(&mut self, started_before: Timestamp, now: Timestamp) -> Result<u64> {
            check::moment(Table::Jobs, "started_at", started_before)?;
            check::moment(Table::Jobs, "updated_at", now)?;
            self.transaction(|connection| job_changes::recover(connection, started_before, now))
        }
        fn jobs_containing(&mut self, pattern: &Value, limit: u32) -> Result<Vec<Job>> {
            check::document(Table::Jobs, "payload", pattern)?;
            self.read(|connection| jobs::containing(connection, pattern, limit))
        }
        fn delete_finished(&mut self, completed_before: Timestamp) -> Result<u64> {
            check::moment(Table::Jobs, "completed_at", completed_before)?;
            self.transaction(|connection| jobs::delete_finished(connection, completed_before))
        }
        fn history(&mut self, id: &JobId) -> Result<Vec<Attempt>> {
            check::text(Table::JobHistory, "job_id", id.as_str())?;
            self.read(|connection| job_history::of_job(connection, id))
        }

        fn rate_limit(&mut self, id: &str) -> Result<Option<RateLimit>> {
            check::text(Table::RateLimits, "id", id)?;
            self.read(|connection| rate_limits::find(connection, id))
        }
        fn save_rate_limit(&mut self, limit: &NewRateLimit, now: Timestamp) -> Result<()> {
            check::new_rate_limit(limit)?;
            check::moment(Table::RateLimits, "last_updated", now)?;
            self.write(|connection| rate_limits::save(connection, limit, now))
        }
        fn consume(&mut self, id: &str, amount: u16, now: Timestamp) -> Result<Consumption> {
            check::text(Table::RateLimits, "id", id)?;
            check::moment(Table::RateLimits, "last_updated", now)?;
            self.write(|connection| rate_limits::consume(connection, id, amount, now))
        }
        fn drop_expired_rate_limits(&mut self, now: Timestamp) -> Result<u64> {
            check::moment(Table::RateLimits, "reset_time", now)?;
            self.write(|connection| rate_limits::drop_expired(connection, now))
        }

        fn tool_config(&mut self, tool_name: &str) -> Result<Option<ToolConfig>> {
            check::text(Table::ToolConfigs, "tool_name", tool_name)?;
            self.read(|connection| tool_configs::find(connection, tool_name))
        }
        fn save_tool_config(&mut self, config: &NewToolConfig, now: Timestamp) -> Result<()> {
            check::new_tool_config(config)?;
            check::moment(Table::ToolConfigs, "updated_at", now)?;
            self.write(|connection| tool_configs::save(connection, config, now))
        }
        fn enabled_tools(&mut self) -> Result<Vec<ToolConfig>> {
            self.read(tool_configs::enabled)
        }
        fn merge_tool_config(
            &mut self,
            tool_name: &str,
            keys: &Map<String, Value>,
            now: Timestamp,
        ) -> Result<ConfigMerge> {
            check::text(Table::ToolConfigs, "tool_name", tool_name)?;
            check::members(Table::ToolConfigs, "config", keys)?;
            check::moment(Table::ToolConfigs, "updated_at", now)?;
            self.transaction(|connection| tool_configs::merge(connection, tool_name, keys, now))
        }

        fn state(&mut self, key: &str) -> Result<Option<StateEntry>> {
            check::text(Table::AppState, "key", key)?;
            self.read(|connection| app_state::find(connection, key))
        }
        fn set_state(&mut self, key: &str, value: Option<&str>, now: Timestamp) -> Result<()> {
            check::indexed(Table::AppState, "key", key)?;
            check::state_value(value)?;
            check::moment(Table::AppState, "updated_at", now)?;
            self.write(|connection| app_state::set(connection, key, value, now))
        }
        fn compare_and_set_state(
            &mut self,
            key: &str,
            expected: Expected<'_>,
            value: Option<&str>,
            now: Timestamp,
        ) -> Result<bool> {
            check::indexed(Table::AppState, "key", key)?;
            check::state_value(value)?;
            if let Expected::Value(expected) = expected {
                check::state_value(expected)?;
            }
            check::moment(Table::AppState, "updated_at", now)?;
            self.write(|connection| app_state::compare_and_set(connection, key, expected, value, now))
        }
        fn delete_state(&mut self, key: &str) -> Result<bool> {
            check::text(Table::AppState, "key", key)?;
            self.write(|connection| app_state::delete(connection, key))
        }

        fn save_user(&mut self, user: &NewUser, now: Timestamp) -> Result<User> {
            check::new_user(user)?;
            check::moment(Table::Users, "updated_at", now)?;
            self.transaction(|connection| users::save(connection, user, now))
        }
        fn user(&mut self, provider: &str, provider_user_id: &str) -> Result<Option<User>> {
            check::text(Table::Users, "provider", provider)?;
            check::text(Table::Users, "provider_user_id", provider_user_id)?;
            self.read(|connection| users::find(connection, provider, provider_user_id))
        }
        fn users_by_email(&mut self, email: &str) -> Result<Vec<User>> {
            check::text(Table::Users, "email", email)?;
            self.read(|connection| users::by_email(connection, email))
        }

        fn save_tokens(&mut self, grant: &Grant, key: &EncryptionKey, now: Timestamp) -> Result<TokenId> {
            check::grant(grant)?;
            check::moment(Table::OauthTokens, "updated_at", now)?;
            self.write(|connection| oauth_tokens::save(connection, grant, key, now))
        }
        fn tokens(
            &mut self,
            user_id: &UserId,
            tool_name: &str,
            key: &EncryptionKey,
        ) -> Result<Option<Grant>> {
            check::text(Table::OauthTokens, "user_id", user_id.as_str())?;
            check::text(Table::OauthTokens, "tool_name", tool_name)?;
            self.read(|connection| oauth_tokens::find(connection, user_id, tool_name, key))
        }
        fn refresh_tokens(
            &mut self,
            user_id: &UserId,
            tool_name: &str,
            refresh: &Refresh,
            key: &EncryptionKey,
            now: Timestamp,
        ) -> Result<bool> {
            check::text(Table::OauthTokens, "user_id", user_id.as_str())?;
            check::text(Table::OauthTokens, "tool_name", tool_name)?;
            check::refresh(refresh)?;
            check::moment(Table::OauthTokens, "updated_at", now)?;
            self.write(|connection| oauth_tokens::refresh(connection, user_id, tool_name, refresh, key, now))
        }
        fn revoke_tokens(&mut self, user_id: &UserId, tool_name: &str) -> Result<bool> {
            check::text(Table::OauthTokens, "user_id", user_id.as_str())?;
            check::text(Table::OauthTokens, "tool_name", tool_name)?;
            self.write(|connection| oauth_tokens::revoke(connection, user_id, tool_name))
        }

        fn create_session(&mut self, session: &NewSession, now: Timestamp) -> Result<bool> {
            check::new_session(session)?;
            check::moment(Table::UserSessions, "created_at", now)?;
            self.write(|connection| user_sessions::create(connection, session, now))
        }
        fn touch_session(&mut self, id: &SessionId, now: Timestamp) -> Result<bool> {
            check::text(Table::UserSessions, "session_id", id.expose())?;
            check::moment(Table::UserSessions, "last_activity", now)?;
            self.idempotent_write(|connection| user_sessions::touch(connection, id, now))
        }
        fn session(&mut self, id: &SessionId) -> Result<Option<Session>> {
            check::text(Table::UserSessions, "session_id", id.expose())?;
            self.read(|connection| user_sessions::find(connection, id))
        }
        fn expire_sessions(&mut self, last_activity_before: Timestamp) -> Result<u64> {
            check::moment(Table::UserSessions, "last_activity", last_activity_before)?;
            self.write(|connection| user_sessions::expire(connection, last_activity_before))
        }
        fn end_sessions_of(&mut self, user_id: &UserId) -> Result<u64> {
            check::text(Table::UserSessions, "user_id", user_id.as_str())?;
            self.write(|connection| user_sessions::end_of_user(connection, user_id))
        }
    };
}
pub(crate) use operations;
