//! Tries every constraint of the plan: PostgreSQL must refuse a row that violates it, and so must SQLite where SQLite has it.
//!
//! In PostgreSQL each trial is undone at once, in a transaction that is rolled back. It uses an existing row with one thing changed and
//! sets all columns, so that no default runs and no sequence advances. In SQLite it uses an in-memory database that is created from the
//! sealed copy's own statements; the copy itself is only read. A constraint counts as tried if its own refusal was observed, or was
//! missing; a constraint that could not be tried is listed with the reason. This module does not try valid rows: the load has already
//! inserted all rows of the source.

mod candidates;
mod constraint;
mod memory;
mod source_side;
mod target_side;

use std::time::{Duration, Instant};

use migrate_core::finding::{
    ConstraintDifference, ConstraintName, ConstraintProblem, NotCompared, Reason, Subject,
};
use migrate_core::plan::PlannedTable;

use super::CheckResult;
use crate::error::Result;
use crate::observer::Observer;
use crate::source::SourceConnection;
use constraint::{Constraint, Kind};
use memory::Statements;
use postgres_client::connection::Connection;
use postgres_client::guarded;
use postgres_client::watch::check_stop;
use source_side::SourceSide;
use target_side::TargetSide;

/// Time limit for the trials of one table; each has a limit of its own, and a table may have hundreds.
const TABLE_MAX: Duration = Duration::from_secs(10);

/// How long the tries of all tables may take together: only locks of others make them take that long.
const ALL_MAX: Duration = Duration::from_secs(60);

/// The outcome of a row that violates a constraint.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// The constraint refused it.
    Refused,
    /// It was taken.
    Taken,
    /// The constraint was not asked, for this reason.
    Untried(Reason),
    /// The database has no such constraint, and the plan does not expect it.
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
) -> Result<CheckResult<ConstraintDifference>> {
    let mut result = CheckResult::default();
    let statements = Statements::find(source)?;
    let can_guard = guarded::missing(target)?.is_none();
    let until = Instant::now() + ALL_MAX;
    for table in tables {
        check_stop(observer)?;
        let constraints = constraint::all(table);
        if constraints.is_empty() {
            continue;
        }
        let found = if Instant::now() < until {
            let mut side = TargetSide::begin(target, table, tables, can_guard, observer)?;
            let found = match side.obstacle()? {
                Some(reason) => Err(reason),
                None => {
                    let source = SourceSide::open(source, &statements, table)?;
                    of_table(&source, &mut side, &constraints, &mut result).map(Ok)?
                }
            };
            side.end()?;
            found
        } else {
            Err(Reason::TimeUsed { limit_s: ALL_MAX.as_secs() })
        };
        if let Err(reason) = found {
            let subject = Subject::ConstraintsOf { table: table.target.clone(), count: constraints.len() };
            result.not_compared.push(NotCompared { subject, reason });
        }
    }
    Ok(result)
}

fn of_table(
    source: &SourceSide<'_>,
    target: &mut TargetSide<'_, '_>,
    constraints: &[Constraint<'_>],
    result: &mut CheckResult<ConstraintDifference>,
) -> Result<()> {
    let until = Instant::now() + TABLE_MAX;
    for constraint in constraints {
        if Instant::now() > until {
            let subject = Subject::Constraint(constraint.name.clone());
            let reason = Reason::TableTimeUsed { limit_s: TABLE_MAX.as_secs() };
            result.not_compared.push(NotCompared { subject, reason });
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
        judge(&constraint.name, of_source, of_target, result);
    }
    Ok(())
}

fn judge(
    name: &ConstraintName,
    of_source: Answer,
    of_target: Answer,
    result: &mut CheckResult<ConstraintDifference>,
) {
    let mut compared = |problem: Option<ConstraintProblem>| {
        result.compared += 1;
        let difference = problem.map(|problem| ConstraintDifference { constraint: name.clone(), problem });
        result.differences.extend(difference);
    };
    match (of_source, of_target) {
        // A row that the plan's own constraint forbids must be refused, whatever SQLite does.
        (_, Answer::Taken | Answer::NotThere) => compared(Some(ConstraintProblem::AcceptsViolation)),
        (Answer::Refused | Answer::NotThere, Answer::Refused) => compared(None),
        (Answer::Taken, Answer::Refused) => compared(Some(ConstraintProblem::RefusesValidRow)),
        (Answer::Untried(reason), _) | (_, Answer::Untried(reason)) => {
            result.not_compared.push(NotCompared { subject: Subject::Constraint(name.clone()), reason });
        }
    }
}
