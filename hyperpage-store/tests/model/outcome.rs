//! What an operation returned, in a form that can be compared: numbers of JSON by value, and ids that the databases number by their
//! order.

use std::collections::BTreeMap;

use hyperpage_store::domain::{
    Attempt, AttemptId, ConfigMerge, Consumption, Grant, Job, JobChange, RateLimit, Secret, Session,
    StateEntry, TokenId, ToolConfig, User,
};
use hyperpage_store::{Error, Result};

use crate::json::canonical;

/// What an operation returned.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Done,
    Answer(bool),
    Count(u64),
    Job(Option<Job>),
    Jobs(Vec<Job>),
    Change(JobChange),
    Attempts(Vec<Attempt>),
    RateLimit(Option<RateLimit>),
    Consumption(Consumption),
    ToolConfig(Option<ToolConfig>),
    ToolConfigs(Vec<ToolConfig>),
    Merge(ConfigMerge),
    State(Option<StateEntry>),
    User(Option<User>),
    SavedUser(User),
    Users(Vec<User>),
    TokenId(TokenId),
    /// Tokens, and once more in a form that is printed.
    Grant(Option<(Grant, Vec<String>)>),
    Session(Option<Session>),
    Error(Failed),
}

/// An error, and its text with table and column. The text is compared between the databases only.
#[derive(Clone, Debug)]
pub struct Failed {
    pub kind: Failure,
    pub shown: String,
}

impl PartialEq for Failed {
    fn eq(&self, other: &Failed) -> bool {
        self.kind == other.kind
    }
}

/// An error of the contract, without its table and column; or another one, which no sequence may meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failure {
    NulCharacter,
    OutOfRange,
    UnknownValue,
    Cipher,
    Other,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        let shown = format!("{error:?}");
        let kind = match error {
            Error::NulCharacter { .. } => Failure::NulCharacter,
            Error::OutOfRange { .. } => Failure::OutOfRange,
            Error::UnknownValue { .. } => Failure::UnknownValue,
            Error::Cipher { .. } => Failure::Cipher,
            _ => Failure::Other,
        };
        Failed { kind, shown }
    }
}

/// Converts the result of a method.
macro_rules! outcome_of {
    ($($type:ty => $convert:expr),* $(,)?) => {
        $(impl From<Result<$type>> for Outcome {
            fn from(result: Result<$type>) -> Outcome {
                result.map_or_else(|error| Outcome::Error(Failed::from(error)), $convert)
            }
        })*
    };
}

outcome_of! {
    () => |()| Outcome::Done,
    bool => Outcome::Answer,
    u64 => Outcome::Count,
    Option<Job> => Outcome::Job,
    Vec<Job> => Outcome::Jobs,
    JobChange => Outcome::Change,
    Vec<Attempt> => Outcome::Attempts,
    Option<RateLimit> => Outcome::RateLimit,
    Consumption => Outcome::Consumption,
    Option<ToolConfig> => Outcome::ToolConfig,
    Vec<ToolConfig> => Outcome::ToolConfigs,
    ConfigMerge => Outcome::Merge,
    Option<StateEntry> => Outcome::State,
    Option<User> => Outcome::User,
    User => Outcome::SavedUser,
    Vec<User> => Outcome::Users,
    TokenId => Outcome::TokenId,
    Option<Grant> => |grant| Outcome::Grant(grant.map(|grant| {
        let refresh_token = grant.refresh_token.as_ref().map(Secret::expose);
        let shown = [Some(grant.access_token.expose()), refresh_token];
        let shown = shown.into_iter().flatten().map(str::to_owned).collect();
        (grant, shown)
    })),
    Option<Session> => Outcome::Session,
}

impl Outcome {
    /// Its kind, by which the coverage of outcomes is counted.
    pub fn kind(&self) -> String {
        let presence = |is_some: bool| if is_some { "found" } else { "none" };
        let amount = |count: usize| ["none", "one"].get(count).copied().unwrap_or("several");
        match self {
            Outcome::Done => "done".to_owned(),
            Outcome::Answer(answer) => answer.to_string(),
            Outcome::Count(count) => amount(usize::try_from(*count).unwrap()).to_owned(),
            Outcome::Job(job) => presence(job.is_some()).to_owned(),
            Outcome::Jobs(jobs) => amount(jobs.len()).to_owned(),
            Outcome::Change(JobChange::Changed(_)) => "changed".to_owned(),
            Outcome::Change(JobChange::Refused(status)) => format!("refused {}", status.as_str()),
            Outcome::Change(JobChange::NotFound) => "not found".to_owned(),
            Outcome::Attempts(attempts) => amount(attempts.len()).to_owned(),
            Outcome::RateLimit(limit) => presence(limit.is_some()).to_owned(),
            Outcome::Consumption(Consumption::Granted { remaining: Some(_) }) => "granted".to_owned(),
            Outcome::Consumption(Consumption::Granted { remaining: None }) => {
                "granted without limit".to_owned()
            }
            Outcome::Consumption(Consumption::Exhausted { .. }) => "exhausted".to_owned(),
            Outcome::Consumption(Consumption::NotFound) => "not found".to_owned(),
            Outcome::ToolConfig(config) => presence(config.is_some()).to_owned(),
            Outcome::ToolConfigs(configs) => amount(configs.len()).to_owned(),
            Outcome::Merge(ConfigMerge::Merged(_)) => "merged".to_owned(),
            Outcome::Merge(ConfigMerge::NotAnObject) => "not an object".to_owned(),
            Outcome::Merge(ConfigMerge::NotFound) => "not found".to_owned(),
            Outcome::State(entry) => presence(entry.is_some()).to_owned(),
            Outcome::User(user) => presence(user.is_some()).to_owned(),
            Outcome::SavedUser(user) if user.created_at == user.updated_at => "added".to_owned(),
            Outcome::SavedUser(_) => "replaced".to_owned(),
            Outcome::Users(users) => amount(users.len()).to_owned(),
            Outcome::TokenId(_) => "stored".to_owned(),
            Outcome::Grant(grant) => presence(grant.is_some()).to_owned(),
            Outcome::Session(session) => presence(session.is_some()).to_owned(),
            Outcome::Error(failed) => format!("error {:?}", failed.kind),
        }
    }

    /// Returns the error, if it is one.
    pub fn failed(&self) -> Option<&Failed> {
        match self {
            Outcome::Error(failed) => Some(failed),
            _ => None,
        }
    }

    /// Returns it with documents in canonical form, and with ids translated to those of the model.
    pub fn canonical(self, ids: &Ids) -> Outcome {
        match self {
            Outcome::Job(job) => Outcome::Job(job.map(canonical_job)),
            Outcome::Jobs(jobs) => Outcome::Jobs(jobs.into_iter().map(canonical_job).collect()),
            Outcome::Change(JobChange::Changed(job)) => {
                Outcome::Change(JobChange::Changed(Box::new(canonical_job(*job))))
            }
            Outcome::ToolConfig(config) => Outcome::ToolConfig(config.map(canonical_config)),
            Outcome::ToolConfigs(configs) => {
                Outcome::ToolConfigs(configs.into_iter().map(canonical_config).collect())
            }
            Outcome::Merge(ConfigMerge::Merged(document)) => {
                Outcome::Merge(ConfigMerge::Merged(canonical(&document)))
            }
            Outcome::Grant(Some((mut grant, shown))) => {
                grant.metadata = grant.metadata.as_ref().map(canonical);
                Outcome::Grant(Some((grant, shown)))
            }
            Outcome::Attempts(attempts) => {
                let translated = attempts
                    .into_iter()
                    .map(|attempt| Attempt { id: AttemptId(ids.attempts.model_id(attempt.id.0)), ..attempt });
                Outcome::Attempts(translated.collect())
            }
            Outcome::TokenId(id) => Outcome::TokenId(TokenId(ids.tokens.model_id(id.0))),
            other => other,
        }
    }

    /// Learns from the model's outcome which of its ids belongs to which id of a database.
    pub fn pair_ids(&self, model: &Outcome, ids: &mut Ids) -> std::result::Result<(), String> {
        match (self, model) {
            (Outcome::Attempts(theirs), Outcome::Attempts(ours)) => theirs
                .iter()
                .zip(ours)
                .try_for_each(|(theirs, ours)| ids.attempts.pair(theirs.id.0, ours.id.0)),
            (Outcome::TokenId(theirs), Outcome::TokenId(ours)) => ids.tokens.pair(theirs.0, ours.0),
            _ => Ok(()),
        }
    }
}

fn canonical_job(job: Job) -> Job {
    Job { payload: canonical(&job.payload), result: job.result.as_ref().map(canonical), ..job }
}

fn canonical_config(config: ToolConfig) -> ToolConfig {
    ToolConfig { config: config.config.as_ref().map(canonical), ..config }
}

/// The ids of a database, and those of the model.
///
/// The databases number attempts and tokens by themselves. PostgreSQL's sequences skip numbers after conflicts and rollbacks, so that
/// ids need not be equal. Required is that each row keeps its id, and that a later row has a larger one, even after the row with the
/// largest was deleted.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    pub attempts: IdPairs,
    pub tokens: IdPairs,
}

/// Pairs of ids, in the same order on both sides.
#[derive(Clone, Debug, Default)]
pub struct IdPairs {
    model_by_database: BTreeMap<i64, i64>,
    database_by_model: BTreeMap<i64, i64>,
}

impl IdPairs {
    /// Notes that a row has these ids; fails if it contradicts what is known.
    pub fn pair(&mut self, database: i64, model: i64) -> std::result::Result<(), String> {
        let known_model = *self.model_by_database.entry(database).or_insert(model);
        let known_database = *self.database_by_model.entry(model).or_insert(database);
        if (known_model, known_database) != (model, database) {
            return Err(format!(
                "id {database} belongs to row {model} of the model, but was that of {known_model}, whose id was \
                 {known_database}"
            ));
        }
        let before = self.model_by_database.range(..database).next_back().map(|(_, model)| *model);
        let after = self.model_by_database.range(database + 1..).next().map(|(_, model)| *model);
        if before.is_some_and(|before| before >= model) || after.is_some_and(|after| after <= model) {
            return Err(format!("id {database} of row {model} of the model is not in the order of creation"));
        }
        Ok(())
    }

    /// Returns the model's id of a row; an id that no row of the model has stays.
    fn model_id(&self, database: i64) -> i64 {
        self.model_by_database.get(&database).copied().unwrap_or(database)
    }
}
