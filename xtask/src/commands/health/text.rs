//! The checks of readiness in words.

use ::health::{
    Check, Disk, DiskSource, Fact, Failure, Grant, Limit, ListState, PoolState, Readiness, State, Unknown,
};
use ::report::figures::{count, size};
use postgres_client::TargetUrl;

use crate::display::printable;
use crate::report::counted;

/// Returns the readiness as text: a line for each check.
pub(super) fn readiness_text(readiness: &Readiness, url: &TargetUrl) -> String {
    let verdict = if readiness.is_ready { "ready" } else { "not ready" };
    let mut text = format!("{verdict}: {url}\n");
    for result in &readiness.checks {
        let (state, words) = match &result.state {
            State::Ok(fact) => ("ok", fact_words(result.check, fact)),
            State::Failed(failure) => ("failed", failure_words(failure)),
            State::NotKnown(unknown) => ("not known", unknown_words(unknown)),
        };
        text.push_str(&format!("  {state:9}  {:11}  {}\n", result.check.name(), printable(&words)));
    }
    text
}

fn fact_words(check: Check, fact: &Fact) -> String {
    match (check, fact) {
        (_, Fact::Answered { latency_ms }) => format!("SELECT 1 took {latency_ms:.2} ms"),
        (Check::Primary, Fact::Passed {}) => "the server is not in recovery".to_owned(),
        (_, Fact::Passed {}) => "new transactions may write".to_owned(),
        (_, Fact::Migrations { lists }) => lists.iter().map(list_words).collect::<Vec<_>>().join("; "),
        (_, Fact::Connections { left, limit, max }) => {
            format!("{} of {} left {}", whole(*left), whole(*max), limit_words(*limit))
        }
        (_, Fact::Disk(disk)) => disk_words(disk),
        (_, Fact::Pool(pool)) => pool_words(*pool),
    }
}

fn list_words(list: &ListState) -> String {
    let others = match list.others {
        0 => String::new(),
        others => format!(", and {} that this plan does not have", counted(others as u64, "other")),
    };
    format!("{} lists {}{others}", list.table, counted(list.applied as u64, "expected migration"))
}

fn limit_words(limit: Limit) -> &'static str {
    match limit {
        Limit::Server => "on the server",
        Limit::Role => "for the role",
        Limit::Database => "for the database",
    }
}

fn disk_words(disk: &Disk) -> String {
    let source = match disk.source {
        DiskSource::DataDirectory => "the data directory's file system",
        DiskSource::WriteAheadLog => "the write-ahead log's file system",
        DiskSource::Tablespace => "a tablespace's file system",
        DiskSource::StatedSize => "by --disk-size, less databases and write-ahead log",
    };
    let percent = disk.free_percent();
    format!("{percent:.0} % free: {} of {} ({source})", size(disk.free_bytes), size(disk.size_bytes))
}

/// The connections of a pool.
pub(super) fn pool_words(pool: PoolState) -> String {
    format!(
        "{} open, {} of them unused, at most {}",
        count(pool.connections.into()),
        count(pool.idle.into()),
        pool.max
    )
}

/// The reason of a failure.
pub(super) fn failure_words(failure: &Failure) -> String {
    match failure {
        Failure::Unreachable { message } => message.clone(),
        Failure::NoAnswer { timeout_ms } => format!("no answer within {} ms (--timeout)", count(*timeout_ms)),
        Failure::NotAccepting => "the server is starting or stopping".to_owned(),
        Failure::TooManyConnections => {
            "no connection is left: on the server, or for the role or the database".to_owned()
        }
        Failure::WrongPassword => "the password is wrong or missing; asking again does not help".to_owned(),
        Failure::NotAuthorized => {
            "the server does not let this role in (pg_hba.conf, LOGIN, or CONNECT on the database); asking again does not help".to_owned()
        }
        Failure::NoSuchDatabase => "the database does not exist; asking again does not help".to_owned(),
        Failure::Refused { message, .. } => message.clone(),
        Failure::InRecovery => "the server is in recovery: a standby, or a backup that is being restored".to_owned(),
        Failure::ReadOnly => "new transactions are read-only (default_transaction_read_only)".to_owned(),
        Failure::MigrationsMissing { table, names } => format!("{table} does not list {}", names.join(", ")),
        Failure::NoMigrationList { tables } => format!("no list of migrations is there: {}", tables.join(", ")),
        Failure::FewConnections { left, limit, max, min } => format!(
            "{} of {} left {}, fewer than {} (--min-connections)",
            whole(*left),
            whole(*max),
            limit_words(*limit),
            count((*min).into())
        ),
        Failure::DiskFull { disk, min_percent } => {
            format!("{}, less than {min_percent} % (--min-disk)", disk_words(disk))
        }
        Failure::PoolExhausted(pool) => format!("no connection of the pool in time: {}", pool_words(*pool)),
    }
}

/// The reason why something is not known, with what to do about it.
pub(super) fn unknown_words(unknown: &Unknown) -> String {
    match unknown {
        Unknown::NotAsked => "not asked, because another check failed".to_owned(),
        Unknown::MissingRight { grant: grant @ Grant::Monitor { .. } } => {
            format!("the role may not see it; to permit that: {}", grant.sql())
        }
        Unknown::MissingRight { grant } => {
            format!("the role may not read the list; to permit that: {}", grant.sql())
        }
        Unknown::NothingExpected => "no plan is known; name the folder of one with --plan".to_owned(),
        Unknown::NoMigrationList { tables } => format!(
            "not checked: neither a ledger nor {} is there; name the folder of its plan with --plan",
            tables.join(", ")
        ),
        Unknown::NotAList { table } => format!("{table} is not a migrator's table"),
        Unknown::OnAnotherMachine => {
            "the server is on another machine; state the size of its disk with --disk-size".to_owned()
        }
        Unknown::FolderNotVisible => {
            "the server's folder cannot be seen from here; state the size of its disk with --disk-size"
                .to_owned()
        }
        Unknown::NoPool => "there is no pool".to_owned(),
        Unknown::Refused { sqlstate } => match sqlstate {
            Some(sqlstate) => format!("PostgreSQL refused the question ({sqlstate})"),
            None => "PostgreSQL refused the question".to_owned(),
        },
    }
}

fn whole(number: i64) -> String {
    count(u64::try_from(number).unwrap_or(0))
}
