//! The operations as data, so that a sequence can be generated, repeated on several stores, and printed.

use hyperpage_store::domain::{
    Expected, Grant, Job, JobId, NewJob, NewRateLimit, NewSession, NewToolConfig, NewUser, Refresh, Secret,
    SessionId, UserId,
};
use hyperpage_store::{Store, Timestamp};
use serde_json::{Map, Value};

use crate::comparison::Side;
use crate::keys::key;
use crate::outcome::Outcome;

/// One call of `Store`. Tokens and ids of sessions are plain text, so that a failure shows them.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is named like its method")]
pub enum Operation {
    Enqueue {
        job: NewJob,
        now: Timestamp,
    },
    Claim {
        now: Timestamp,
    },
    Job {
        id: String,
    },
    ReportProgress {
        id: String,
        progress: Value,
        now: Timestamp,
    },
    Complete {
        id: String,
        result: Value,
        now: Timestamp,
    },
    Fail {
        id: String,
        error_message: String,
        now: Timestamp,
    },
    Cancel {
        id: String,
        now: Timestamp,
    },
    Retry {
        id: String,
        now: Timestamp,
    },
    Recover {
        started_before: Timestamp,
        now: Timestamp,
    },
    JobsContaining {
        pattern: Value,
        limit: u32,
    },
    DeleteFinished {
        completed_before: Timestamp,
    },
    History {
        id: String,
    },
    RateLimit {
        id: String,
    },
    SaveRateLimit {
        limit: NewRateLimit,
        now: Timestamp,
    },
    Consume {
        id: String,
        amount: u16,
        now: Timestamp,
    },
    DropExpiredRateLimits {
        now: Timestamp,
    },
    ToolConfig {
        tool_name: String,
    },
    SaveToolConfig {
        config: NewToolConfig,
        now: Timestamp,
    },
    EnabledTools,
    MergeToolConfig {
        tool_name: String,
        keys: Map<String, Value>,
        now: Timestamp,
    },
    State {
        key: String,
    },
    SetState {
        key: String,
        value: Option<String>,
        now: Timestamp,
    },
    CompareAndSetState {
        key: String,
        expected: Option<Option<String>>,
        value: Option<String>,
        now: Timestamp,
    },
    DeleteState {
        key: String,
    },
    SaveUser {
        user: NewUser,
        now: Timestamp,
    },
    User {
        provider: String,
        provider_user_id: String,
    },
    UsersByEmail {
        email: String,
    },
    SaveTokens {
        tokens: NewTokens,
        key: usize,
        now: Timestamp,
    },
    Tokens {
        user_id: String,
        tool_name: String,
        key: usize,
    },
    RefreshTokens {
        user_id: String,
        tool_name: String,
        tokens: NewSecrets,
        key: usize,
        now: Timestamp,
    },
    RevokeTokens {
        user_id: String,
        tool_name: String,
    },
    CreateSession {
        id: String,
        user_id: String,
        provider: String,
        now: Timestamp,
    },
    TouchSession {
        id: String,
        now: Timestamp,
    },
    Session {
        id: String,
    },
    ExpireSessions {
        last_activity_before: Timestamp,
    },
    EndSessionsOf {
        user_id: String,
    },
    /// No operation of the store: what the app did before there was one.
    InsertRunningJob {
        job: Job,
    },
}

/// Tokens and when they expire.
#[derive(Clone, Debug)]
pub struct NewSecrets {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub refresh_expires_at: Option<Timestamp>,
}

/// A `Grant` that is printed in full.
#[derive(Clone, Debug)]
pub struct NewTokens {
    pub user_id: String,
    pub tool_name: String,
    pub secrets: NewSecrets,
    pub token_type: String,
    pub scopes: Option<String>,
    pub metadata: Option<Value>,
}

impl NewTokens {
    fn grant(&self) -> Grant {
        Grant {
            user_id: UserId::from(self.user_id.as_str()),
            tool_name: self.tool_name.clone(),
            access_token: Secret::from(self.secrets.access_token.as_str()),
            refresh_token: self.secrets.refresh_token.as_deref().map(Secret::from),
            token_type: self.token_type.clone(),
            expires_at: self.secrets.expires_at,
            refresh_expires_at: self.secrets.refresh_expires_at,
            scopes: self.scopes.clone(),
            metadata: self.metadata.clone(),
        }
    }
}

impl NewSecrets {
    fn refresh(&self) -> Refresh {
        Refresh {
            access_token: Secret::from(self.access_token.as_str()),
            refresh_token: self.refresh_token.as_deref().map(Secret::from),
            expires_at: self.expires_at,
            refresh_expires_at: self.refresh_expires_at,
        }
    }
}

impl Operation {
    /// Its name.
    pub fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split([' ', '{']).next().unwrap_or_default().to_owned()
    }

    /// Carries it out.
    pub fn apply(&self, side: &mut dyn Side) -> Outcome {
        if let Operation::InsertRunningJob { job } = self {
            side.insert_running_job(job);
            return Outcome::Done;
        }
        self.apply_to_jobs(side.store())
    }

    /// Carries out an operation of jobs, limits or settings, or any other one.
    fn apply_to_jobs(&self, store: &mut dyn Store) -> Outcome {
        use Operation as Op;
        let job = |id: &String| JobId::from(id.as_str());
        match self {
            Op::Enqueue { job, now } => store.enqueue(job, *now).into(),
            Op::Claim { now } => store.claim(*now).into(),
            Op::Job { id } => store.job(&job(id)).into(),
            Op::ReportProgress { id, progress, now } => {
                store.report_progress(&job(id), progress, *now).into()
            }
            Op::Complete { id, result, now } => store.complete(&job(id), result, *now).into(),
            Op::Fail { id, error_message, now } => store.fail(&job(id), error_message, *now).into(),
            Op::Cancel { id, now } => store.cancel(&job(id), *now).into(),
            Op::Retry { id, now } => store.retry(&job(id), *now).into(),
            Op::Recover { started_before, now } => store.recover(*started_before, *now).into(),
            Op::JobsContaining { pattern, limit } => store.jobs_containing(pattern, *limit).into(),
            Op::DeleteFinished { completed_before } => store.delete_finished(*completed_before).into(),
            Op::History { id } => store.history(&job(id)).into(),
            Op::RateLimit { id } => store.rate_limit(id).into(),
            Op::SaveRateLimit { limit, now } => store.save_rate_limit(limit, *now).into(),
            Op::Consume { id, amount, now } => store.consume(id, *amount, *now).into(),
            Op::DropExpiredRateLimits { now } => store.drop_expired_rate_limits(*now).into(),
            Op::ToolConfig { tool_name } => store.tool_config(tool_name).into(),
            Op::SaveToolConfig { config, now } => store.save_tool_config(config, *now).into(),
            Op::EnabledTools => store.enabled_tools().into(),
            Op::MergeToolConfig { tool_name, keys, now } => {
                store.merge_tool_config(tool_name, keys, *now).into()
            }
            _ => self.apply_to_accounts(store),
        }
    }

    /// Carries out an operation of the state, of users, tokens or sessions.
    fn apply_to_accounts(&self, store: &mut dyn Store) -> Outcome {
        use Operation as Op;
        let user = |id: &String| UserId::from(id.as_str());
        let session = |id: &String| SessionId::from(id.as_str());
        match self {
            Op::State { key } => store.state(key).into(),
            Op::SetState { key, value, now } => store.set_state(key, value.as_deref(), *now).into(),
            Op::CompareAndSetState { key, expected, value, now } => {
                let expected = match expected {
                    None => Expected::Absent,
                    Some(value) => Expected::Value(value.as_deref()),
                };
                store.compare_and_set_state(key, expected, value.as_deref(), *now).into()
            }
            Op::DeleteState { key } => store.delete_state(key).into(),
            Op::SaveUser { user, now } => store.save_user(user, *now).into(),
            Op::User { provider, provider_user_id } => store.user(provider, provider_user_id).into(),
            Op::UsersByEmail { email } => store.users_by_email(email).into(),
            Op::SaveTokens { tokens, key: number, now } => {
                store.save_tokens(&tokens.grant(), &key(*number), *now).into()
            }
            Op::Tokens { user_id, tool_name, key: number } => {
                store.tokens(&user(user_id), tool_name, &key(*number)).into()
            }
            Op::RefreshTokens { user_id, tool_name, tokens, key: number, now } => {
                store.refresh_tokens(&user(user_id), tool_name, &tokens.refresh(), &key(*number), *now).into()
            }
            Op::RevokeTokens { user_id, tool_name } => store.revoke_tokens(&user(user_id), tool_name).into(),
            Op::CreateSession { id, user_id, provider, now } => {
                let new = NewSession { id: session(id), user_id: user(user_id), provider: provider.clone() };
                store.create_session(&new, *now).into()
            }
            Op::TouchSession { id, now } => store.touch_session(&session(id), *now).into(),
            Op::Session { id } => store.session(&session(id)).into(),
            Op::ExpireSessions { last_activity_before } => {
                store.expire_sessions(*last_activity_before).into()
            }
            Op::EndSessionsOf { user_id } => store.end_sessions_of(&user(user_id)).into(),
            job_or_setting => panic!("{} belongs to the jobs or the settings", job_or_setting.name()),
        }
    }
}
