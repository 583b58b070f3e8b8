//! What both databases can hold: everything else is refused before anything is sent.
//!
//! SQLite would accept more than PostgreSQL. A value that only one of them takes would make the app behave differently after the
//! migration.

use serde_json::{Map, Value};

use crate::domain::{Grant, NewJob, NewRateLimit, NewSession, NewToolConfig, NewUser, Refresh};
use crate::json::DEPTH_MAX;
use crate::{Error, Result, Table, Timestamp};

/// The longest text in a column with an index, in bytes: two of them fit into an entry of PostgreSQL's B-tree (2,704 bytes).
pub(crate) const INDEXED_TEXT_MAX_BYTES: usize = 1_024;

/// Checks a text.
pub(crate) fn text(table: Table, column: &'static str, text: &str) -> Result<()> {
    if text.contains('\0') { Err(Error::NulCharacter { table, column }) } else { Ok(()) }
}

/// Checks a text of a column with an index.
pub(crate) fn indexed(table: Table, column: &'static str, content: &str) -> Result<()> {
    text(table, column, content)?;
    if content.len() > INDEXED_TEXT_MAX_BYTES { Err(Error::OutOfRange { table, column }) } else { Ok(()) }
}

/// Checks a moment.
pub(crate) fn moment(table: Table, column: &'static str, moment: Timestamp) -> Result<()> {
    if moment.is_within_postgres() { Ok(()) } else { Err(Error::OutOfRange { table, column }) }
}

/// Checks a document.
pub(crate) fn document(table: Table, column: &'static str, document: &Value) -> Result<()> {
    document_below(table, column, document, 0)
}

fn document_below(table: Table, column: &'static str, document: &Value, depth: usize) -> Result<()> {
    match document {
        Value::Array(_) | Value::Object(_) if depth >= DEPTH_MAX => Err(Error::OutOfRange { table, column }),
        Value::Array(items) => {
            items.iter().try_for_each(|item| document_below(table, column, item, depth + 1))
        }
        Value::Object(members) => members_below(table, column, members, depth + 1),
        Value::String(content) => text(table, column, content),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn members_below(
    table: Table,
    column: &'static str,
    members: &Map<String, Value>,
    depth: usize,
) -> Result<()> {
    members.iter().try_for_each(|(key, value)| {
        text(table, column, key)?;
        document_below(table, column, value, depth)
    })
}

/// Checks the members of a document.
pub(crate) fn members(table: Table, column: &'static str, members: &Map<String, Value>) -> Result<()> {
    members_below(table, column, members, 1)
}

/// Checks what may be absent.
fn optional<T>(
    table: Table,
    column: &'static str,
    value: Option<T>,
    check: impl FnOnce(Table, &'static str, T) -> Result<()>,
) -> Result<()> {
    value.map_or(Ok(()), |value| check(table, column, value))
}

pub(crate) fn new_job(job: &NewJob) -> Result<()> {
    let NewJob { id, job_type, name, priority: _, tool, endpoint, payload } = job;
    let table = Table::Jobs;
    indexed(table, "id", id.as_str())?;
    text(table, "type", job_type)?;
    text(table, "name", name)?;
    optional(table, "tool", tool.as_deref(), text)?;
    optional(table, "endpoint", endpoint.as_deref(), text)?;
    document(table, "payload", payload)
}

pub(crate) fn new_rate_limit(limit: &NewRateLimit) -> Result<()> {
    let NewRateLimit { id, platform, limit_remaining: _, limit_total: _, reset_time } = limit;
    let table = Table::RateLimits;
    indexed(table, "id", id)?;
    indexed(table, "platform", platform)?;
    optional(table, "reset_time", *reset_time, moment)
}

pub(crate) fn new_tool_config(config: &NewToolConfig) -> Result<()> {
    let NewToolConfig { tool_name, enabled: _, config, refresh_interval_ms: _, notifications: _ } = config;
    indexed(Table::ToolConfigs, "tool_name", tool_name)?;
    optional(Table::ToolConfigs, "config", config.as_ref(), document)
}

pub(crate) fn new_user(user: &NewUser) -> Result<()> {
    let NewUser { provider, provider_user_id, email, username, display_name, avatar_url } = user;
    let table = Table::Users;
    indexed(table, "provider", provider)?;
    text(table, "provider_user_id", provider_user_id)?;
    indexed(table, "id", user.id().as_str())?;
    // The id is `provider:provider_user_id`: with a colon in the provider, two users could have the same id.
    if provider.contains(':') {
        return Err(Error::OutOfRange { table, column: "provider" });
    }
    optional(table, "email", email.as_deref(), indexed)?;
    optional(table, "username", username.as_deref(), text)?;
    optional(table, "display_name", display_name.as_deref(), text)?;
    optional(table, "avatar_url", avatar_url.as_deref(), text)
}

pub(crate) fn token_key(user_id: &str, tool_name: &str) -> Result<()> {
    indexed(Table::OauthTokens, "user_id", user_id)?;
    indexed(Table::OauthTokens, "tool_name", tool_name)
}

/// Checks tokens. The tokens themselves may be any text, since they are encrypted.
pub(crate) fn grant(grant: &Grant) -> Result<()> {
    let Grant { user_id, tool_name, access_token: _, refresh_token: _, token_type, .. } = grant;
    let Grant { expires_at, refresh_expires_at, scopes, metadata, .. } = grant;
    let table = Table::OauthTokens;
    token_key(user_id.as_str(), tool_name)?;
    text(table, "token_type", token_type)?;
    optional(table, "expires_at", *expires_at, moment)?;
    optional(table, "refresh_expires_at", *refresh_expires_at, moment)?;
    optional(table, "scopes", scopes.as_deref(), text)?;
    optional(table, "metadata", metadata.as_ref(), document)
}

pub(crate) fn refresh(refresh: &Refresh) -> Result<()> {
    let Refresh { access_token: _, refresh_token: _, expires_at, refresh_expires_at } = refresh;
    optional(Table::OauthTokens, "expires_at", *expires_at, moment)?;
    optional(Table::OauthTokens, "refresh_expires_at", *refresh_expires_at, moment)
}

pub(crate) fn new_session(session: &NewSession) -> Result<()> {
    let NewSession { id, user_id, provider } = session;
    let table = Table::UserSessions;
    indexed(table, "session_id", id.expose())?;
    indexed(table, "user_id", user_id.as_str())?;
    indexed(table, "provider", provider)
}

/// Checks the value of an entry of the app's state.
pub(crate) fn state_value(value: Option<&str>) -> Result<()> {
    optional(Table::AppState, "value", value, text)
}
