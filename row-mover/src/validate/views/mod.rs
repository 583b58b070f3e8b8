//! Checks that views return the same rows: each is read in both databases, the conversions of its columns are undone, and the rows are
//! compared as multisets, by sums of hashes, as tables without a key are.
//!
//! Floats that a view computes may differ in their last digits, because they depend on the order in which rows are added up. Rows that
//! are not identical have to agree to nine digits, or to eight. The values of tables are compared exactly elsewhere. A view that may
//! return something else each time, or that depends on rows that were not migrated, is not compared and is listed by name.
//!
//! Both databases read a view at the same time. Because a view's SQL comes from the file, its cost is limited: all views together share
//! one time limit, and no value may be longer than [`VALUE_BYTES_MAX`]. A view that exceeds a limit is listed by name, too.

mod source_side;
mod sums;
mod target_side;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use migrate_core::finding::{Database, NotCompared, Reason, Subject, ViewDifference, ViewProblem};
use migrate_core::plan::{Plan, PlannedView};

use self::source_side::Failure;
use self::sums::Sums;
use self::target_side::Answer;
use super::{CheckResult, TableComparison};
use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::integrity_check::first_disagreeing;
use crate::threads;
use postgres_client::connection::Connection;
use postgres_client::watch::StopFlag;
use postgres_client::watch::check_stop;

/// The longest value of a view that is read, in bytes.
const VALUE_BYTES_MAX: i32 = 1 << 20;

/// The longest row of a view that is taken from PostgreSQL, in bytes: a value may be longer there than in SQLite.
const ROW_BYTES_MAX: i64 = 4 << 20;

/// How often a thread that waits for PostgreSQL asks whether to stop.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Time for the caller that asks to stop to cancel the statement itself, so that the server is notified at once.
const CANCEL_WAIT: Duration = Duration::from_millis(500);

/// Where views are read, and for how long.
pub(crate) struct Views<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) open_source: &'a dyn Fn() -> Result<SourceConnection>,
    pub(crate) open_target: &'a dyn Fn() -> Result<Connection>,
    /// How long all views together may take.
    pub(crate) time_max: Duration,
    pub(crate) observer: &'a dyn Observer,
    /// The types to which columns of a view are cast where they have others, by source name of the view.
    pub(crate) casts: BTreeMap<String, Vec<Option<String>>>,
}

impl Views<'_> {
    /// Compares the plan's views, given the contents of the tables.
    ///
    /// # Errors
    /// When either side cannot be read at all.
    pub(crate) fn compare(&self, tables: &[TableComparison]) -> Result<CheckResult<ViewDifference>> {
        self.compare_unless(&|view, unsteady| why_not(view, self.plan, tables, unsteady))
    }

    /// Compares the plan's views for which `why_not` has no reason; it gets the views that may answer otherwise each time, too.
    ///
    /// # Errors
    /// When either side cannot be read at all.
    pub(crate) fn compare_unless(
        &self,
        why_not: &dyn Fn(&PlannedView, &[&str]) -> Option<Reason>,
    ) -> Result<CheckResult<ViewDifference>> {
        let mut result = CheckResult::default();
        if self.plan.views.is_empty() {
            return Ok(result);
        }
        let source = (self.open_source)()?;
        source_side::prepare(&source)?;
        let mut target = None;
        let unsteady = unsteady(&self.plan.views);
        let until = Instant::now() + self.time_max;
        for view in &self.plan.views {
            let outcome = match why_not(view, &unsteady) {
                Some(reason) => Outcome::NotCompared(reason),
                None => {
                    self.observer.view_started(&view.source);
                    let outcome = self.view(view, &source, &mut target, until);
                    self.observer.view_finished(&view.source);
                    outcome?
                }
            };
            let outcome = match outcome {
                Outcome::Differs(problem) => blame(view, self.plan, &(self.open_source)()?, problem)?,
                outcome => outcome,
            };
            match outcome {
                Outcome::Same => result.compared += 1,
                Outcome::Differs(problem) => {
                    result.compared += 1;
                    result.differences.push(ViewDifference { view: view.source.clone(), problem });
                }
                Outcome::NotCompared(reason) => {
                    let subject = Subject::View { view: view.source.clone() };
                    result.not_compared.push(NotCompared { subject, reason });
                }
            }
        }
        Ok(result)
    }

    fn view(
        &self,
        view: &PlannedView,
        source: &SourceConnection,
        target: &mut Option<Connection>,
        until: Instant,
    ) -> Result<Outcome> {
        check_stop(self.observer)?;
        // A view that takes too long leaves half of the time to the following ones.
        let time = until.saturating_duration_since(Instant::now()) / 2;
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let out_of_time = |database| {
            let (limit_ms, all_views_ms) = (milliseconds(time), milliseconds(self.time_max));
            Outcome::NotCompared(Reason::ViewTime { database, limit_ms, all_views_ms })
        };
        if time < Duration::from_millis(1) {
            return Ok(Outcome::NotCompared(Reason::ViewTimeUsed));
        }
        let connection = match target {
            Some(connection) => connection,
            None => target.insert((self.open_target)()?),
        };
        let give_up = StopFlag::default();
        connection.give_up_with(give_up.clone());
        let deadline = Instant::now() + time;
        let (ours, theirs) = self.both(view, source, connection, deadline, &give_up);
        if theirs.is_err() || give_up.is_set() {
            *target = None;
        }
        let ours = match ours {
            Ok(sums) => sums,
            Err(failure) => {
                check_stop(self.observer)?;
                return Ok(match failure {
                    Failure::Interrupted => out_of_time(Database::Sqlite),
                    Failure::TooLong => too_long(Database::Sqlite, VALUE_BYTES_MAX.into()),
                    Failure::Unreadable(cause) => {
                        Outcome::NotCompared(Reason::ViewUnreadableInSource { cause })
                    }
                });
            }
        };
        check_stop(self.observer)?;
        Ok(match theirs? {
            Answer::Rows(theirs) => compared(view, ours, theirs),
            Answer::Interrupted => out_of_time(Database::Postgresql),
            Answer::NoProceduralLanguage => Outcome::NotCompared(Reason::NoProceduralLanguage),
            Answer::TooLong => too_long(Database::Postgresql, ROW_BYTES_MAX),
            Answer::Unreadable(error) => {
                Outcome::Differs(ViewProblem::Unreadable { cause: error.to_string() })
            }
        })
    }

    /// The rows of both databases, read at the same time. If SQLite fails, PostgreSQL's result is not waited for.
    fn both(
        &self,
        view: &PlannedView,
        source: &SourceConnection,
        target: &mut Connection,
        deadline: Instant,
        give_up: &StopFlag,
    ) -> (std::result::Result<Sums, Failure>, Result<Answer>) {
        let casts = self.casts.get(&view.source).map(Vec::as_slice).unwrap_or_default();
        std::thread::scope(|scope| {
            let theirs =
                match threads::spawn(scope, || target_side::answer(view, self.plan, casts, target, deadline))
                {
                    Ok(theirs) => theirs,
                    Err(error) => return (Err(Failure::Interrupted), Err(error)),
                };
            let ours = source_side::sums(view, source, deadline);
            let mut stopped_at = None;
            while !theirs.is_finished() {
                let is_stopped = self.observer.is_stopped();
                let stopped_for = is_stopped.then(|| stopped_at.get_or_insert_with(Instant::now).elapsed());
                if stopped_for.is_some_and(|time| time >= CANCEL_WAIT) || (ours.is_err() && !is_stopped) {
                    give_up.set();
                }
                std::thread::sleep(ASK_EVERY);
            }
            let unexpected = || Err(Error::new("a thread that reads a view stopped unexpectedly"));
            (ours, theirs.join().unwrap_or_else(|_| unexpected()))
        })
    }
}

fn too_long(database: Database, bytes: i64) -> Outcome {
    Outcome::NotCompared(Reason::ViewTooLong { database, limit_mib: bytes.unsigned_abs() >> 20 })
}

/// The result for one view.
enum Outcome {
    Same,
    Differs(ViewProblem),
    NotCompared(Reason),
}

/// Why a view is not compared; none where it is.
fn why_not(view: &PlannedView, plan: &Plan, tables: &[TableComparison], unsteady: &[&str]) -> Option<Reason> {
    let has_lost = |table: &TableComparison| table.rejected + table.nulled > 0;
    let keeps_others =
        plan.tables.iter().any(|table| table.existing.as_ref().is_some_and(|one| one.keeps_other_rows()));
    let reason = if view.conversions.len() != view.columns.len() {
        Reason::OldPlan
    } else if unsteady.contains(&view.source.as_str()) {
        Reason::NotDeterministic
    } else if tables.len() < plan.tables.len() || keeps_others {
        Reason::OtherRowsOnPurpose
    } else if tables.iter().any(has_lost) {
        Reason::RowsRejected
    } else if !tables.iter().all(TableComparison::is_equal) {
        Reason::RowsDiffer
    } else {
        return None;
    };
    Some(reason)
}

/// Whose fault it is that a view differs. Tables are read without their indexes, but SQLite answers a view through them: one that does
/// not agree with its table makes SQLite's answer the wrong one.
fn blame(view: &PlannedView, plan: &Plan, own: &SourceConnection, problem: ViewProblem) -> Result<Outcome> {
    let tables = tables_of(view, plan);
    Ok(match first_disagreeing(own, tables)? {
        Some(table) => Outcome::NotCompared(Reason::DamagedIndex { table: table.to_owned(), problem }),
        None => Outcome::Differs(problem),
    })
}

/// The tables that a view may read, directly or through other views: all whose names are in its SQL.
fn tables_of<'a>(view: &PlannedView, plan: &'a Plan) -> Vec<&'a str> {
    let is_named = |sql: &str, name: &str| sql.contains(&name.to_lowercase());
    let mut sql = view.source_sql.to_lowercase();
    // Each comes after those that it reads.
    for other in plan.views.iter().rev() {
        if other.source != view.source && is_named(&sql, &other.source) {
            sql.push_str(&other.source_sql.to_lowercase());
        }
    }
    plan.tables.iter().map(|table| table.source.as_str()).filter(|table| is_named(&sql, table)).collect()
}

/// The views that may answer otherwise each time, and those that read them.
fn unsteady(views: &[PlannedView]) -> Vec<&str> {
    const WORDS: [&str; 6] =
        ["now()", "current_", "clock_timestamp", "statement_timestamp", "random", "gen_random"];
    let mut found: Vec<&str> = Vec::new();
    // Each comes after those that it reads.
    for view in views {
        let query = view.query.to_lowercase();
        let reads = |name: &&str| view.source_sql.to_lowercase().contains(&name.to_lowercase());
        if WORDS.iter().any(|word| query.contains(word)) || found.iter().any(reads) {
            found.push(&view.source);
        }
    }
    found
}

/// Whether rows that are equal in an ORDER BY may come in any order, and this affects the view's result.
fn depends_on_ties(view: &PlannedView) -> bool {
    const WORDS: [&str; 8] =
        ["limit", "row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"];
    let sql = view.source_sql.to_lowercase();
    WORDS.iter().any(|word| sql.contains(word))
}

fn compared(view: &PlannedView, mut ours: Sums, theirs: Sums) -> Outcome {
    if ours.rows != theirs.rows {
        let (source_rows, target_rows) = (ours.rows, theirs.rows);
        return differs(view, ViewProblem::RowCount { source_rows, target_rows });
    }
    ours.sums.iter_mut().zip(theirs.sums).for_each(|(ours, theirs)| *ours = ours.wrapping_sub(theirs));
    if ours.sums.contains(&0) { Outcome::Same } else { differs(view, ViewProblem::Rows { rows: ours.rows }) }
}

fn differs(view: &PlannedView, problem: ViewProblem) -> Outcome {
    if depends_on_ties(view) {
        return Outcome::NotCompared(Reason::OpenOrder { problem });
    }
    Outcome::Differs(problem)
}
