//! The app's tables in memory: the contract of `Store`, carried out in the simplest way.
//!
//! It shares no code with the two implementations. Tokens are kept in plain text, with the name of the key that they were stored under.
//! `Flaw` breaks it on purpose, to show that the comparison notices.

mod app;
mod jobs;

use std::cell::RefCell;
use std::collections::BTreeMap;

use hyperpage_store::domain::{
    Attempt, AttemptStatus, Job, RateLimit, Session, StateEntry, ToolConfig, User,
};
use hyperpage_store::{Error, Result, Table, Timestamp};
use serde_json::Value;

use crate::flaw::Flaw;
use crate::outcome::Failure;
use crate::rows::{Cells, Rows, StoredToken, cells};

/// The first and the last moment that PostgreSQL's `timestamptz` holds, in whole milliseconds since 1970 (manual, section 8.5).
pub const MOMENTS: std::ops::RangeInclusive<i64> = -210_866_803_200_000..=9_224_318_015_999_999;

/// The longest text of a column with an index, in bytes.
pub const INDEXED_TEXT_MAX_BYTES: usize = 1_024;

/// How deep a document may be nested.
pub const DEPTH_MAX: usize = 127;

/// The eight tables.
#[derive(Default)]
pub struct Model {
    jobs: BTreeMap<String, Job>,
    attempts: BTreeMap<i64, Attempt>,
    limits: BTreeMap<String, RateLimit>,
    tools: BTreeMap<String, ToolConfig>,
    state: BTreeMap<String, StateEntry>,
    users: BTreeMap<String, User>,
    tokens: BTreeMap<(String, String), StoredToken>,
    sessions: BTreeMap<String, Session>,
    /// The last number of an attempt or of tokens.
    last_number: i64,
    flaw: Option<Flaw>,
    /// Why the last operation was refused.
    refusals: RefCell<Vec<Failure>>,
}

/// What an operation was given.
#[derive(Default)]
struct Given<'a> {
    texts: &'a [&'a str],
    /// Texts of columns with an index.
    indexed: &'a [&'a str],
    documents: &'a [&'a Value],
    moments: &'a [Timestamp],
    /// The provider of a user to save.
    provider: Option<&'a str>,
}

impl Model {
    /// Empty tables, with a flaw.
    pub fn flawed(flaw: Flaw) -> Model {
        Model { flaw: Some(flaw), ..Model::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn next_number(&mut self) -> i64 {
        self.last_number += 1;
        self.last_number
    }

    /// Adds a job as the app left it before there was `Store`: running, without an open attempt.
    pub fn insert_running_job(&mut self, job: &Job) {
        self.jobs.entry(job.id.as_str().to_owned()).or_insert_with(|| job.clone());
    }

    /// Returns the number of attempts that have not ended.
    pub fn open_attempts(&self) -> usize {
        self.attempts.values().filter(|attempt| attempt.status == AttemptStatus::Running).count()
    }

    /// Refuses what one of the databases cannot hold. If there are several reasons, an implementation may report any of them.
    fn check(&self, given: &Given<'_>) -> Result<()> {
        let mut refusals = Vec::new();
        let has_nul = given.texts.iter().chain(given.indexed).any(|text| text.contains('\0'))
            || given.documents.iter().any(|document| contains_nul(document));
        if has_nul && !self.has(Flaw::AcceptsNul) {
            refusals.push(Failure::NulCharacter);
        }
        let is_beyond = |moment: &Timestamp| !MOMENTS.contains(&moment.epoch_ms());
        let is_out_of_range = given.moments.iter().any(is_beyond) && !self.has(Flaw::AcceptsAnyMoment)
            || given.indexed.iter().any(|text| text.len() > INDEXED_TEXT_MAX_BYTES)
            || given.documents.iter().any(|document| depth(document) > DEPTH_MAX)
            || given.provider.is_some_and(|provider| provider.contains(':'));
        if is_out_of_range {
            refusals.push(Failure::OutOfRange);
        }
        // The table and the column are compared between the two databases; here the kind is enough.
        let (table, column) = (Table::AppState, "any");
        let error = match refusals.first() {
            None => Ok(()),
            Some(Failure::NulCharacter) => Err(Error::NulCharacter { table, column }),
            Some(_) => Err(Error::OutOfRange { table, column }),
        };
        self.refusals.replace(refusals);
        error
    }

    /// Returns all reasons to refuse the last operation.
    pub fn refusals(&self) -> Vec<Failure> {
        self.refusals.borrow().clone()
    }

    /// Returns the rows of all tables.
    pub fn rows(&self) -> Rows {
        let numbered = |number: i64, row: Cells| (number, row);
        Rows {
            keyed: BTreeMap::from([
                ("jobs", self.jobs.values().map(cells::job).collect()),
                ("rate_limits", self.limits.values().map(cells::rate_limit).collect()),
                ("tool_configs", self.tools.values().map(cells::tool_config).collect()),
                ("app_state", self.state.values().map(cells::state).collect()),
                ("users", self.users.values().map(cells::user).collect()),
                ("user_sessions", self.sessions.values().map(cells::session).collect()),
            ]),
            attempts: (self.attempts.values())
                .map(|attempt| numbered(attempt.id.0, cells::attempt(attempt)))
                .collect(),
            tokens: {
                let mut tokens: Vec<_> =
                    self.tokens.values().map(|token| numbered(token.number, cells::token(token))).collect();
                tokens.sort();
                tokens
            },
        }
    }
}

/// Whether a document contains U+0000, in a key or in a text.
fn contains_nul(document: &Value) -> bool {
    match document {
        Value::String(text) => text.contains('\0'),
        Value::Array(elements) => elements.iter().any(contains_nul),
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.contains('\0') || contains_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// How deep a document is nested: 0 for a primitive value.
fn depth(document: &Value) -> usize {
    match document {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
