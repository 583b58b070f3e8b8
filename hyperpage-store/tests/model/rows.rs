//! The rows of all tables as text, in one form for the model and for both databases.

use std::collections::BTreeMap;

use hyperpage_store::Timestamp;
use serde_json::Value;

use crate::json::canonical;

/// The columns of a row; none where they are NULL. Moments are milliseconds since 1970, documents canonical, tokens in plain text.
pub type Cells = Vec<Option<String>>;

/// The rows of all tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The tables whose keys the app chooses, each in the order of its key.
    pub keyed: BTreeMap<&'static str, Vec<Cells>>,
    /// `job_history` without ids, and the ids, in the order of ids.
    pub attempts: Vec<(i64, Cells)>,
    /// `oauth_tokens` without ids, and the ids, in the order of ids.
    pub tokens: Vec<(i64, Cells)>,
}

/// A token, and the name of the key that it was stored under.
#[derive(Clone)]
pub struct PlainToken {
    pub key_name: String,
    pub text: String,
}

impl PlainToken {
    /// The form that rows are compared in.
    pub fn cell(&self) -> String {
        format!("{} under {}", self.text, self.key_name)
    }
}

/// A row of `oauth_tokens` with its tokens in plain text.
#[derive(Clone)]
pub struct StoredToken {
    pub number: i64,
    pub user_id: String,
    pub tool_name: String,
    pub access_token: PlainToken,
    pub refresh_token: Option<PlainToken>,
    pub token_type: String,
    pub expires_at: Option<Timestamp>,
    pub refresh_expires_at: Option<Timestamp>,
    pub scopes: Option<String>,
    pub metadata: Option<Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a column contains.
#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    Number,
    Flag,
    Moment,
    Document,
}

/// A table, its key, and its columns in the order of `cells`.
pub struct TableColumns {
    pub name: &'static str,
    pub key: &'static str,
    pub columns: &'static [(&'static str, Kind)],
}

/// The tables whose keys the app chooses.
pub const KEYED_TABLES: [TableColumns; 6] = {
    use Kind::{Document, Flag, Moment, Number, Text};
    [
        TableColumns {
            name: "jobs",
            key: "id",
            columns: &[
                ("id", Text),
                ("type", Text),
                ("name", Text),
                ("priority", Number),
                ("status", Text),
                ("tool", Text),
                ("endpoint", Text),
                ("payload", Document),
                ("result", Document),
                ("created_at", Moment),
                ("updated_at", Moment),
                ("started_at", Moment),
                ("completed_at", Moment),
                ("retry_count", Number),
                ("persisted_at", Moment),
                ("recovery_attempts", Number),
            ],
        },
        TableColumns {
            name: "rate_limits",
            key: "id",
            columns: &[
                ("id", Text),
                ("platform", Text),
                ("limit_remaining", Number),
                ("limit_total", Number),
                ("reset_time", Moment),
                ("last_updated", Moment),
                ("created_at", Moment),
            ],
        },
        TableColumns {
            name: "tool_configs",
            key: "tool_name",
            columns: &[
                ("tool_name", Text),
                ("enabled", Flag),
                ("config", Document),
                ("refresh_interval", Number),
                ("notifications", Flag),
                ("updated_at", Moment),
            ],
        },
        TableColumns {
            name: "app_state",
            key: "key",
            columns: &[("key", Text), ("value", Text), ("updated_at", Moment)],
        },
        TableColumns {
            name: "users",
            key: "id",
            columns: &[
                ("id", Text),
                ("provider", Text),
                ("provider_user_id", Text),
                ("email", Text),
                ("username", Text),
                ("display_name", Text),
                ("avatar_url", Text),
                ("created_at", Moment),
                ("updated_at", Moment),
            ],
        },
        TableColumns {
            name: "user_sessions",
            key: "session_id",
            columns: &[
                ("session_id", Text),
                ("user_id", Text),
                ("provider", Text),
                ("created_at", Moment),
                ("last_activity", Moment),
            ],
        },
    ]
};

/// `job_history`, after its id.
pub const ATTEMPTS: TableColumns = {
    use Kind::{Moment, Number, Text};
    TableColumns {
        name: "job_history",
        key: "id",
        columns: &[
            ("job_id", Text),
            ("attempt", Number),
            ("status", Text),
            ("started_at", Moment),
            ("completed_at", Moment),
            ("duration_ms", Number),
            ("error_message", Text),
        ],
    }
};

/// `oauth_tokens`, after its id; the encrypted columns are last.
pub const TOKENS: TableColumns = {
    use Kind::{Document, Moment, Text};
    TableColumns {
        name: "oauth_tokens",
        key: "id",
        columns: &[
            ("user_id", Text),
            ("tool_name", Text),
            ("token_type", Text),
            ("expires_at", Moment),
            ("refresh_expires_at", Moment),
            ("scopes", Text),
            ("metadata", Document),
            ("created_at", Moment),
            ("updated_at", Moment),
            ("access_token", Text),
            ("iv_access", Text),
            ("refresh_token", Text),
            ("iv_refresh", Text),
        ],
    }
};

/// Rows of the model, in the order of the columns above.
pub mod cells {
    use hyperpage_store::domain::{Attempt, Job, RateLimit, Session, StateEntry, ToolConfig, User};

    use super::{Cells, StoredToken, Timestamp, Value, document};

    fn some(value: impl ToString) -> Option<String> {
        Some(value.to_string())
    }

    fn number(value: Option<i32>) -> Option<String> {
        value.and_then(some)
    }

    fn flag(value: bool) -> Option<String> {
        some(u8::from(value))
    }

    fn at(moment: Timestamp) -> Option<String> {
        some(moment.epoch_ms())
    }

    fn maybe_at(moment: Option<Timestamp>) -> Option<String> {
        moment.and_then(at)
    }

    fn json(value: Option<&Value>) -> Option<String> {
        value.map(document)
    }

    pub fn job(job: &Job) -> Cells {
        job_cells(job, document)
    }

    /// The same with documents as they are.
    pub fn job_to_insert(job: &Job) -> Cells {
        job_cells(job, Value::to_string)
    }

    fn job_cells(job: &Job, text: impl Fn(&Value) -> String) -> Cells {
        vec![
            some(&job.id),
            some(&job.job_type),
            some(&job.name),
            some(job.priority),
            some(job.status.as_str()),
            job.tool.clone(),
            job.endpoint.clone(),
            some(text(&job.payload)),
            job.result.as_ref().map(text),
            at(job.created_at),
            at(job.updated_at),
            maybe_at(job.started_at),
            maybe_at(job.completed_at),
            some(job.retry_count),
            at(job.persisted_at),
            some(job.recovery_attempts),
        ]
    }

    pub fn attempt(attempt: &Attempt) -> Cells {
        vec![
            some(&attempt.job_id),
            some(attempt.attempt),
            some(attempt.status.as_str()),
            at(attempt.started_at),
            maybe_at(attempt.completed_at),
            number(attempt.duration_ms),
            attempt.error_message.clone(),
        ]
    }

    pub fn rate_limit(limit: &RateLimit) -> Cells {
        vec![
            some(&limit.id),
            some(&limit.platform),
            number(limit.limit_remaining),
            number(limit.limit_total),
            maybe_at(limit.reset_time),
            at(limit.last_updated),
            at(limit.created_at),
        ]
    }

    pub fn tool_config(tool: &ToolConfig) -> Cells {
        vec![
            some(&tool.tool_name),
            flag(tool.enabled),
            json(tool.config.as_ref()),
            number(tool.refresh_interval_ms),
            flag(tool.notifications),
            at(tool.updated_at),
        ]
    }

    pub fn state(entry: &StateEntry) -> Cells {
        vec![some(&entry.key), entry.value.clone(), at(entry.updated_at)]
    }

    pub fn user(user: &User) -> Cells {
        vec![
            some(&user.id),
            some(&user.provider),
            some(&user.provider_user_id),
            user.email.clone(),
            user.username.clone(),
            user.display_name.clone(),
            user.avatar_url.clone(),
            at(user.created_at),
            at(user.updated_at),
        ]
    }

    pub fn session(session: &Session) -> Cells {
        vec![
            some(session.id.expose()),
            some(&session.user_id),
            some(&session.provider),
            at(session.created_at),
            at(session.last_activity),
        ]
    }

    pub fn token(token: &StoredToken) -> Cells {
        vec![
            some(&token.user_id),
            some(&token.tool_name),
            some(&token.token_type),
            maybe_at(token.expires_at),
            maybe_at(token.refresh_expires_at),
            token.scopes.clone(),
            json(token.metadata.as_ref()),
            at(token.created_at),
            at(token.updated_at),
            some(token.access_token.cell()),
            token.refresh_token.as_ref().map(super::PlainToken::cell),
        ]
    }
}

/// The canonical text of a document.
pub fn document(value: &Value) -> String {
    canonical(value).to_string()
}
