//! Tries every constraint of the plan: a row that breaks it must be refused by PostgreSQL, and by SQLite where SQLite has it.
//!
//! In PostgreSQL each try is undone at once, in a transaction that is rolled back, and takes a row that is there with one thing
//! changed; all columns are given, so that no default runs and no sequence counts. In SQLite it happens in a database in memory that
//! is made from the sealed copy's own statements; the copy itself is only read. A constraint counts as tried when its own refusal
//! was seen (or missed); what could not be tried is named with the reason. That rows which break nothing are taken is not tried
//! here: all rows of the source were taken by the load.

mod candidates;
mod constraint;
mod memory;
mod source_side;
mod target_side;

use std::time::{Duration, Instant};

use migrate_core::plan::PlannedTable;

use super::{LeftOut, Tried};
use crate::error::Result;
use crate::observer::Observer;
use crate::source::SourceConnection;
use constraint::{Constraint, Kind};
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;
use source_side::SourceSide;
use target_side::TargetSide;

/// How long the tries of one table may take; each has a time of its own, and a table may have hundreds.
const TABLE_MAX: Duration = Duration::from_secs(10);

/// How long the tries of all tables may take together: only locks of others make them take that long.
const ALL_MAX: Duration = Duration::from_secs(60);

/// What became of a row that breaks a constraint.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// The constraint refused it.
    Refused,
    /// It was taken.
    Taken,
    /// The constraint was not asked, for this reason.
    Untried(String),
    /// The database has no such constraint, and the plan says so.
    NotThere,
}

/// Tries the constraints of `tables`. Nothing stays of it on either side.
///
/// # Errors
/// When either side cannot be read, or a connection is lost.
pub(crate) fn behaviour(
    source: &SourceConnection,
    target: &mut Connection,
    tables: &[&PlannedTable],
    observer: &dyn Observer,
) -> Result<Tried> {
    let mut tried = Tried::default();
    let source = SourceSide::open(source)?;
    let until = Instant::now() + ALL_MAX;
    for table in tables {
        check_stop(observer)?;
        let constraints = constraint::all(table);
        if constraints.is_empty() {
            continue;
        }
        let found = if Instant::now() < until {
            let mut side = TargetSide::begin(target, table, tables)?;
            let found = match side.obstacle()? {
                Some(reason) => Err(reason),
                None => of_table(&source, &mut side, &constraints, &mut tried).map(Ok)?,
            };
            side.end()?;
            found
        } else {
            Err(format!("the tries before it took more than {} seconds", ALL_MAX.as_secs()))
        };
        if let Err(reason) = found {
            let what = format!("{}: all {} constraints", table.target, constraints.len());
            tried.left_out.push(LeftOut { what, reason });
        }
    }
    Ok(tried)
}

fn of_table(
    source: &SourceSide<'_>,
    target: &mut TargetSide<'_, '_>,
    constraints: &[Constraint<'_>],
    tried: &mut Tried,
) -> Result<()> {
    let until = Instant::now() + TABLE_MAX;
    for constraint in constraints {
        if Instant::now() > until {
            let reason = format!(
                "the tries before it took more than {} seconds, as they do where the table is locked or has to be searched",
                TABLE_MAX.as_secs()
            );
            tried.left_out.push(LeftOut { what: constraint.words.clone(), reason });
            continue;
        }
        let (of_source, of_target) = match &constraint.kind {
            Kind::Check(check) => {
                let candidates = source.breaking(target.table, check);
                match candidates {
                    Ok(candidates) => (Answer::Refused, target.check(check, &candidates)?),
                    Err(reason) => (Answer::Untried(reason), Answer::Refused),
                }
            }
            Kind::NotNull(column) => (source.not_null(target.table, column), target.not_null(column)?),
            Kind::Key(key) => (source.key(target.table, key), target.key(key)?),
            Kind::ForeignKey(key) => (source.foreign_key(target.table, key), target.foreign_key(key)?),
        };
        judge(&constraint.words, of_source, of_target, tried);
    }
    Ok(())
}

fn judge(words: &str, of_source: Answer, of_target: Answer, tried: &mut Tried) {
    match (of_source, of_target) {
        // That PostgreSQL takes what the plan's own constraint forbids is wrong whatever SQLite does.
        (_, Answer::Taken | Answer::NotThere) => {
            tried.tried += 1;
            tried.problems.push(format!("{words}: PostgreSQL takes a row that breaks it"));
        }
        (Answer::Refused | Answer::NotThere, Answer::Refused) => tried.tried += 1,
        (Answer::Taken, Answer::Refused) => {
            tried.tried += 1;
            tried.problems.push(format!("{words}: PostgreSQL refuses a row that SQLite takes"));
        }
        (Answer::Untried(reason), _) | (_, Answer::Untried(reason)) => {
            tried.left_out.push(LeftOut { what: words.to_owned(), reason });
        }
    }
}
