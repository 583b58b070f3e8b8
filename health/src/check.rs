//! The checks of readiness and their results, as values.

use postgres_client::Error;
use serde::Serialize;

/// A check of readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The server accepts a connection and answers `SELECT 1`.
    Answers,
    /// The server is not in recovery.
    Primary,
    /// New transactions may write.
    Writable,
    /// The expected migrations are applied.
    Migrations,
    /// Connections are left.
    Connections,
    /// Disk space is left.
    Disk,
    /// The app's pool returns a connection that answers.
    Pool,
}

impl Check {
    /// All checks, in the order in which they are reported.
    pub const ALL: [Check; 7] = [
        Check::Answers,
        Check::Primary,
        Check::Writable,
        Check::Migrations,
        Check::Connections,
        Check::Disk,
        Check::Pool,
    ];

    /// Its name in JSON and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Check::Answers => "answers",
            Check::Primary => "primary",
            Check::Writable => "writable",
            Check::Migrations => "migrations",
            Check::Connections => "connections",
            Check::Disk => "disk",
            Check::Pool => "pool",
        }
    }
}

/// A check with its result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// Its result.
    #[serde(flatten)]
    pub state: State,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It passed.
    Ok(Fact),
    /// It failed: the database is not ready.
    Failed(Failure),
    /// It could not be answered, which is no failure.
    NotKnown(Unknown),
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Fact {
    /// How long `SELECT 1` took, in milliseconds.
    Answered {
        /// Milliseconds from sending to the reply.
        latency_ms: f64,
    },
    /// Nothing but that it passed.
    Passed {},
    /// The lists of applied migrations.
    Migrations {
        /// Each list that is there.
        lists: Vec<ListState>,
    },
    /// The connections that are left.
    Connections {
        /// How many more sessions may begin.
        left: i64,
        /// The limit that leaves the fewest.
        limit: Limit,
        /// How many that limit permits.
        max: i64,
    },
    /// The space that is left.
    Disk(Disk),
    /// The pool, after it returned a connection.
    Pool(PoolState),
}

/// A list of applied migrations, compared with the expected ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListState {
    /// The table, with its schema.
    pub table: String,
    /// How many of the expected migrations are in it: all of them.
    pub applied: usize,
    /// How many others are in it. An app that has moved on adds its own.
    pub others: usize,
}

/// Whose connections are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// All connections of the server that are not reserved.
    Server,
    /// CONNECTION LIMIT of the role.
    Role,
    /// CONNECTION LIMIT of the database.
    Database,
}

/// The file system with the smallest share of free space, or the stated size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Bytes that the server may still use.
    pub free_bytes: u64,
    /// Bytes of the file system, or the stated size.
    pub size_bytes: u64,
    /// Where the numbers come from.
    pub source: DiskSource,
}

impl Disk {
    /// The free share, in percent.
    pub fn free_percent(&self) -> f64 {
        if self.size_bytes == 0 {
            return 0.0;
        }
        #[allow(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let share = self.free_bytes as f64 / self.size_bytes as f64;
        share * 100.0
    }
}

/// Where the numbers about a disk come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskSource {
    /// The file system of the data directory.
    DataDirectory,
    /// The file system of the write-ahead log.
    WriteAheadLog,
    /// The file system of a tablespace.
    Tablespace,
    /// The stated size, less the size of all databases and of the write-ahead log.
    StatedSize,
}

/// The connections of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PoolState {
    /// Connections that are open.
    pub connections: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// The most that it opens.
    pub max: u32,
}

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Failure {
    /// No server answered at that address.
    Unreachable {
        /// libpq's message, for a person. It is not published, since it names hosts.
        #[serde(skip)]
        message: String,
    },
    /// No answer came within the deadline.
    NoAnswer {
        /// The deadline, in milliseconds.
        timeout_ms: u64,
    },
    /// The server is starting or stopping.
    NotAccepting,
    /// No connection was left: on the server, or for the role or the database.
    TooManyConnections,
    /// The password is wrong, or there is none. No retry changes that.
    WrongPassword,
    /// The server does not let this role in. No retry changes that.
    NotAuthorized,
    /// There is no such database. No retry changes that.
    NoSuchDatabase,
    /// The server refused with another error.
    Refused {
        /// Its SQLSTATE; none where libpq refused.
        sqlstate: Option<String>,
        /// The message, without values, for a person. It is not published.
        #[serde(skip)]
        message: String,
    },
    /// The server replays the log of another one, or of a backup.
    InRecovery,
    /// New transactions are read-only.
    ReadOnly,
    /// Expected migrations are not applied.
    MigrationsMissing {
        /// The list.
        table: String,
        /// Their names.
        names: Vec<String>,
    },
    /// No list of migrations is there, although the database should have one.
    NoMigrationList {
        /// The tables that were searched for.
        tables: Vec<String>,
    },
    /// Too few connections are left.
    FewConnections {
        /// How many are left.
        left: i64,
        /// The limit that leaves the fewest.
        limit: Limit,
        /// How many that limit permits.
        max: i64,
        /// How many must be left.
        min: u32,
    },
    /// Too little space is left.
    DiskFull {
        /// The disk.
        #[serde(flatten)]
        disk: Disk,
        /// The share that must be free, in percent.
        min_percent: u32,
    },
    /// The pool returned no connection in time.
    PoolExhausted(PoolState),
}

impl Failure {
    /// Whether only a person can repair it, so that asking again is useless.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Failure::WrongPassword | Failure::NotAuthorized | Failure::NoSuchDatabase)
    }

    /// The failure that an error of the client means, within a deadline of so many milliseconds.
    pub(crate) fn of(error: &Error, timeout_ms: u64, is_over: bool) -> Failure {
        if is_over {
            return Failure::NoAnswer { timeout_ms };
        }
        let states = error.sqlstates();
        let message = postgres_client::retry::in_one_line(error);
        match states.last().map(String::as_str) {
            Some("28P01") => Failure::WrongPassword,
            // libpq itself has no password to send.
            None if error.lacks_password() => Failure::WrongPassword,
            Some("28000" | "42501") => Failure::NotAuthorized,
            Some("3D000") => Failure::NoSuchDatabase,
            Some("53300") => Failure::TooManyConnections,
            Some("57P01" | "57P02" | "57P03") => Failure::NotAccepting,
            Some("57014") => Failure::NoAnswer { timeout_ms },
            Some(state) => Failure::Refused { sqlstate: Some(state.to_owned()), message },
            None if error.is_stall() => Failure::NoAnswer { timeout_ms },
            None if error.is_unreachable() || error.is_transient() => Failure::Unreachable { message },
            None => Failure::Refused { sqlstate: None, message },
        }
    }
}

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unknown {
    /// Another check failed before.
    NotAsked,
    /// The role may not see it.
    MissingRight {
        /// What it needs.
        grant: Grant,
    },
    /// No migrations are expected, since no plan is known.
    NothingExpected,
    /// The database has no list of migrations, and nothing proves that it should have one.
    NoMigrationList {
        /// The tables that were searched for.
        tables: Vec<String>,
    },
    /// What has the list's name is no table that can be read.
    NotAList {
        /// Its name.
        table: String,
    },
    /// The server is on another machine, and no size is stated.
    OnAnotherMachine,
    /// The server's folder cannot be seen from here, and no size is stated.
    FolderNotVisible,
    /// There is no pool to ask.
    NoPool,
    /// The server refused the question.
    Refused {
        /// Its SQLSTATE.
        sqlstate: Option<String>,
    },
}

/// A right that a role lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "right", rename_all = "snake_case")]
pub enum Grant {
    /// Membership of `pg_monitor`.
    Monitor {
        /// The statement that grants it.
        sql: String,
    },
    /// Reading a table.
    Select {
        /// The statements that grant it.
        sql: String,
    },
}

impl Grant {
    /// The statements that grant it, which a superuser or the owner runs.
    pub fn sql(&self) -> &str {
        match self {
            Grant::Monitor { sql } | Grant::Select { sql } => sql,
        }
    }
}

/// Whether PostgreSQL is fit to serve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Readiness {
    /// Whether no check failed.
    pub is_ready: bool,
    /// How long the checks took, in milliseconds.
    pub took_ms: u64,
    /// Each check, in the order of [`Check::ALL`].
    pub checks: Vec<CheckResult>,
}

impl Readiness {
    pub(crate) fn new(took: std::time::Duration, checks: Vec<CheckResult>) -> Readiness {
        let is_ready = !checks.iter().any(|result| matches!(result.state, State::Failed(_)));
        Readiness { is_ready, took_ms: millis(took), checks }
    }

    /// The readiness of a server that the first check did not reach.
    pub(crate) fn unanswered(took: std::time::Duration, failure: Failure) -> Readiness {
        let mut failure = Some(failure);
        let state = |check| match (check, failure.take_if(|_| check == Check::Answers)) {
            (Check::Answers, Some(failure)) => State::Failed(failure),
            _ => State::NotKnown(Unknown::NotAsked),
        };
        let mut state = state;
        let checks = Check::ALL.map(|check| CheckResult { check, state: state(check) }).to_vec();
        Readiness::new(took, checks)
    }

    /// The checks that failed, with the reasons.
    pub fn failures(&self) -> impl Iterator<Item = (Check, &Failure)> {
        self.checks.iter().filter_map(|result| match &result.state {
            State::Failed(failure) => Some((result.check, failure)),
            _ => None,
        })
    }

    /// The result of a check.
    pub fn state(&self, check: Check) -> Option<&State> {
        self.checks.iter().find(|result| result.check == check).map(|result| &result.state)
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
