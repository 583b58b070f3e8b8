//! Random operations that meet: few ids, few moments, documents that contain each other, and now and then what must be refused.

mod values;

use hyperpage_store::domain::{Job, JobId, JobStatus, NewJob, NewRateLimit, NewToolConfig, NewUser};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::keys::KEYS;
use crate::operation::{NewSecrets, NewTokens, Operation};
use values::{document, members, moment, name, number, one_of, ordinary_moment, pattern, text};

/// How many operations a case has.
const LENGTH: std::ops::RangeInclusive<usize> = 100..=200;

/// Sequences of operations.
pub fn sequences() -> impl Strategy<Value = Vec<Operation>> {
    vec(operation(), LENGTH)
}

fn operation() -> BoxedStrategy<Operation> {
    prop_oneof![
        16 => job_operation(),
        3 => rate_limit_operation(),
        3 => tool_operation(),
        3 => state_operation(),
        3 => user_operation(),
        5 => token_operation(),
        4 => session_operation(),
    ]
    .boxed()
}

fn job_id() -> BoxedStrategy<String> {
    name(&["job-1", "job-2", "Job-1", "jób \"3\""]).boxed()
}

fn new_job() -> BoxedStrategy<NewJob> {
    let priority = prop_oneof![4 => 0..=2, 1 => number()];
    (job_id(), text(), text(), priority, option::of(text()), option::of(text()), document())
        .prop_map(|(id, job_type, name, priority, tool, endpoint, payload)| NewJob {
            id: JobId::from(id),
            job_type,
            name,
            priority,
            tool,
            endpoint,
            payload,
        })
        .boxed()
}

/// A document, often JSON's null, which is not the same as no result.
fn result() -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 3 => document()].boxed()
}

fn job_operation() -> BoxedStrategy<Operation> {
    use Operation as Op;
    prop_oneof![
        10 => (new_job(), moment()).prop_map(|(job, now)| Op::Enqueue { job, now }),
        7 => moment().prop_map(|now| Op::Claim { now }),
        1 => job_id().prop_map(|id| Op::Job { id }),
        2 => (job_id(), result(), moment())
            .prop_map(|(id, progress, now)| Op::ReportProgress { id, progress, now }),
        2 => (job_id(), result(), moment()).prop_map(|(id, result, now)| Op::Complete { id, result, now }),
        6 => (job_id(), text(), moment())
            .prop_map(|(id, error_message, now)| Op::Fail { id, error_message, now }),
        2 => (job_id(), moment()).prop_map(|(id, now)| Op::Cancel { id, now }),
        6 => (job_id(), moment()).prop_map(|(id, now)| Op::Retry { id, now }),
        3 => (moment(), moment()).prop_map(|(started_before, now)| Op::Recover { started_before, now }),
        4 => (pattern(), prop_oneof![Just(u32::MAX), 0..4_u32])
            .prop_map(|(pattern, limit)| Op::JobsContaining { pattern, limit }),
        3 => moment().prop_map(|completed_before| Op::DeleteFinished { completed_before }),
        4 => job_id().prop_map(|id| Op::History { id }),
        1 => running_job().prop_map(|job| Op::InsertRunningJob { job }),
    ]
    .boxed()
}

/// A running job without an open attempt, with counters that are often at their limit.
fn running_job() -> BoxedStrategy<Job> {
    let id = one_of(&["job-1", "job-2", "older"]);
    let counter = || prop_oneof![2 => Just(0), 1 => Just(i32::MAX)];
    let moment = || ordinary_moment();
    (id, option::of(moment()), moment(), counter(), counter(), option::of(Just(json!({"n": 1.0}))))
        .prop_map(|(id, started_at, created_at, retry_count, recovery_attempts, result)| Job {
            id: JobId::from(id),
            job_type: "sync".to_owned(),
            name: "older".to_owned(),
            priority: 1,
            status: JobStatus::Running,
            tool: None,
            endpoint: None,
            payload: json!({"tool": "github", "n": 1000}),
            result,
            created_at,
            updated_at: created_at,
            started_at,
            completed_at: None,
            retry_count,
            persisted_at: created_at,
            recovery_attempts,
        })
        .boxed()
}

fn rate_limit_operation() -> BoxedStrategy<Operation> {
    use Operation as Op;
    let id = || name(&["github", "GitHub"]);
    let remaining = || option::weighted(0.8, prop_oneof![4 => 0..8, 1 => number()]);
    let limit = (id(), text(), remaining(), option::of(number()), option::weighted(0.8, moment())).prop_map(
        |(id, platform, limit_remaining, limit_total, reset_time)| NewRateLimit {
            id,
            platform,
            limit_remaining,
            limit_total,
            reset_time,
        },
    );
    let amount = prop_oneof![6 => 0..4_u16, 1 => Just(u16::MAX)];
    prop_oneof![
        1 => id().prop_map(|id| Op::RateLimit { id }),
        3 => (limit, moment()).prop_map(|(limit, now)| Op::SaveRateLimit { limit, now }),
        4 => (id(), amount, moment()).prop_map(|(id, amount, now)| Op::Consume { id, amount, now }),
        4 => moment().prop_map(|now| Op::DropExpiredRateLimits { now }),
    ]
    .boxed()
}

fn tool_name() -> BoxedStrategy<String> {
    name(&["github", "Jira", "ärger"]).boxed()
}

fn tool_operation() -> BoxedStrategy<Operation> {
    use Operation as Op;
    let config = (tool_name(), any::<bool>(), option::of(document()), option::of(number()), any::<bool>())
        .prop_map(|(tool_name, enabled, config, refresh_interval_ms, notifications)| NewToolConfig {
            tool_name,
            enabled,
            config,
            refresh_interval_ms,
            notifications,
        });
    prop_oneof![
        1 => tool_name().prop_map(|tool_name| Op::ToolConfig { tool_name }),
        4 => (config, moment()).prop_map(|(config, now)| Op::SaveToolConfig { config, now }),
        1 => Just(Op::EnabledTools),
        3 => (tool_name(), members(), moment())
            .prop_map(|(tool_name, keys, now)| Op::MergeToolConfig { tool_name, keys, now }),
    ]
    .boxed()
}

fn state_operation() -> BoxedStrategy<Operation> {
    use Operation as Op;
    let key = || name(&["theme", "cursor", ""]);
    let value = || option::weighted(0.7, prop_oneof![4 => one_of(&["1", "2", ""]), 1 => text()]);
    prop_oneof![
        1 => key().prop_map(|key| Op::State { key }),
        1 => (key(), value(), moment()).prop_map(|(key, value, now)| Op::SetState { key, value, now }),
        3 => (key(), option::weighted(0.8, value()), value(), moment()).prop_map(
            |(key, expected, value, now)| Op::CompareAndSetState { key, expected, value, now }
        ),
        1 => key().prop_map(|key| Op::DeleteState { key }),
    ]
    .boxed()
}

fn provider() -> BoxedStrategy<String> {
    name(&["github", "gitlab", "github", "gitlab", "git:hub"]).boxed()
}

fn provider_user_id() -> BoxedStrategy<String> {
    name(&["1", "a:1"]).boxed()
}

fn user_operation() -> BoxedStrategy<Operation> {
    use Operation as Op;
    let email = || one_of(&["shared@example.com", "Shared@example.com", "shared@example.com", ""]);
    let maybe = || option::of(text());
    let user = (provider(), provider_user_id(), option::weighted(0.8, email()), maybe(), maybe(), maybe())
        .prop_map(|(provider, provider_user_id, email, username, display_name, avatar_url)| NewUser {
            provider,
            provider_user_id,
            email,
            username,
            display_name,
            avatar_url,
        });
    prop_oneof![
        4 => (user, moment()).prop_map(|(user, now)| Op::SaveUser { user, now }),
        1 => (provider(), provider_user_id())
            .prop_map(|(provider, provider_user_id)| Op::User { provider, provider_user_id }),
        2 => prop_oneof![6 => email(), 1 => text()].prop_map(|email| Op::UsersByEmail { email }),
    ]
    .boxed()
}

fn user_id() -> BoxedStrategy<String> {
    name(&["github:1", "gitlab:1"]).boxed()
}

fn secrets() -> BoxedStrategy<NewSecrets> {
    let moment = || option::of(moment());
    (text(), option::of(text()), moment(), moment())
        .prop_map(|(access_token, refresh_token, expires_at, refresh_expires_at)| NewSecrets {
            access_token,
            refresh_token,
            expires_at,
            refresh_expires_at,
        })
        .boxed()
}

fn token_operation() -> BoxedStrategy<Operation> {
    use Operation as Op;
    // Few pairs, so that operations often find tokens.
    let tool = || name(&["github", "Jira"]);
    let tokens = (user_id(), tool(), secrets(), text(), option::of(text()), option::of(document())).prop_map(
        |(user_id, tool_name, secrets, token_type, scopes, metadata)| NewTokens {
            user_id,
            tool_name,
            secrets,
            token_type,
            scopes,
            metadata,
        },
    );
    // Mostly the first key, so that tokens can often be read.
    let key = || prop_oneof![4 => Just(0), 1 => 0..KEYS];
    prop_oneof![
        3 => (tokens, key(), moment()).prop_map(|(tokens, key, now)| Op::SaveTokens { tokens, key, now }),
        3 => (user_id(), tool(), key())
            .prop_map(|(user_id, tool_name, key)| Op::Tokens { user_id, tool_name, key }),
        3 => (user_id(), tool(), secrets(), key(), moment()).prop_map(
            |(user_id, tool_name, tokens, key, now)| Op::RefreshTokens { user_id, tool_name, tokens, key, now }
        ),
        1 => (user_id(), tool_name()).prop_map(|(user_id, tool_name)| Op::RevokeTokens { user_id, tool_name }),
    ].boxed()
}

fn session_operation() -> BoxedStrategy<Operation> {
    use Operation as Op;
    let id = || name(&["session-1", "session-2", "session-3", "Session-1"]);
    prop_oneof![
        4 => (id(), user_id(), provider(), moment()).prop_map(
            |(id, user_id, provider, now)| Op::CreateSession { id, user_id, provider, now }
        ),
        2 => (id(), moment()).prop_map(|(id, now)| Op::TouchSession { id, now }),
        1 => id().prop_map(|id| Op::Session { id }),
        1 => moment().prop_map(|last_activity_before| Op::ExpireSessions { last_activity_before }),
        1 => user_id().prop_map(|user_id| Op::EndSessionsOf { user_id }),
    ]
    .boxed()
}
