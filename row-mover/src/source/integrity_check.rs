//! Checks whether the indexes of the sealed copy agree with its tables, with `PRAGMA integrity_check`.
//!
//! It finds what `quick_check` does not (an index that lacks a row, two indexes with swapped content) and takes about as long as moving
//! the rows. Rows are never read through an index, so a damaged index does not affect what moves, and the check runs only where a
//! decision depends on it: the app may have read wrong results for a long time. Only the hash of the sealed copy shows that the rows are
//! intact.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};
use serde::Serialize;

use super::SourceConnection;
use super::app_collations::{indexes_of_unknown_order, tables_of_unknown_order};
use super::quick_check::{NOT_IN_ORDER, is_about_values};
use super::virtual_problems::{self, VirtualProblems};
use crate::error::{Context, Error, Result};
use postgres_client::watch::StopFlag;

/// How many finds are kept.
const KEPT_FINDS_MAX: usize = 100;

/// SQLite's cache for the file: each row is looked up in every index of its table.
const CACHE_KIB: u32 = 8 << 10;

/// The longest index value that is looked up. PostgreSQL's indexes accept less than 3 kB; SQLite holds each value twice.
const INDEXED_MAX_BYTES: i32 = 4 << 20;

/// The result of `integrity_check`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Integrity {
    /// The problems, in SQLite's words; empty if there are none.
    pub problems: Vec<String>,
    /// What could not be checked, with the reason.
    pub left_out: Vec<String>,
    /// Duration in seconds.
    pub seconds: f64,
    /// When it was begun; none where the ledger had it.
    #[serde(skip)]
    pub begun: Option<Instant>,
}

/// What is known of the integrity of a sealed copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegrityState {
    /// `integrity_check` has not run over it.
    NotRun,
    /// Its indexes agree with its tables, as far as they can be checked.
    Sound,
    /// There are problems.
    Problems,
}

impl IntegrityState {
    /// The state that follows from a result, or from there being none.
    pub fn of(found: Option<&Integrity>) -> IntegrityState {
        match found {
            None => IntegrityState::NotRun,
            Some(found) if found.problems.is_empty() => IntegrityState::Sound,
            Some(_) => IntegrityState::Problems,
        }
    }
}

/// Checks the file of `source`, until `is_over` returns that the result is no longer needed.
///
/// # Errors
/// When the file cannot be read at all, or nobody wants to know any more.
pub fn integrity_check(source: &SourceConnection, is_over: StopFlag) -> Result<Integrity> {
    let started = Instant::now();
    let failed = || format!("the integrity of {} cannot be checked", source.path().display());
    let connection = source.connection();
    connection.pragma_update(None, "cache_size", -i64::from(CACHE_KIB)).context(failed)?;
    // Whether values keep CHECKs is not asked here, and would load every value that one names.
    connection.pragma_update(None, "ignore_check_constraints", true).context(failed)?;
    let length_max = longest_statement(connection).context(failed)?.max(INDEXED_MAX_BYTES);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length_max).context(failed)?;
    source.control().stop_with(is_over);
    let checked = Check::new(connection).and_then(|check| check.check_file());
    match checked {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Err(Error::stopped())
        }
        checked => {
            let found = checked.context(failed)?;
            Ok(Integrity { seconds: started.elapsed().as_secs_f64(), begun: Some(started), ..found })
        }
    }
}

/// Returns the first of these tables that does not agree with its indexes; none if all do, as far as they can be checked. `own` is a
/// connection for this alone.
///
/// # Errors
/// When the file cannot be read, or the observer asks to stop.
pub(crate) fn first_disagreeing<'a>(
    own: &SourceConnection,
    tables: impl IntoIterator<Item = &'a str>,
) -> Result<Option<&'a str>> {
    let failed = || format!("the integrity of {} cannot be checked", own.path().display());
    let check = Check::new(own.connection()).context(failed)?;
    for table in tables {
        let mut found = Integrity::default();
        match check.finds("SELECT * FROM pragma_integrity_check(?1)", [table], &mut found) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                return Err(Error::stopped());
            }
            Err(error) if !is_about_one_object(&error) => return Err(error).context(failed),
            // A table that cannot be checked is not reported as disagreeing.
            Err(_) => {}
            Ok(()) if found.problems.is_empty() => {}
            Ok(()) => return Ok(Some(table)),
        }
    }
    Ok(None)
}

/// The bytes of the longest stored statement: the limit of lengths counts for the literals in it, too.
pub(crate) fn longest_statement(connection: &Connection) -> rusqlite::Result<i32> {
    let sql = "SELECT coalesce(max(octet_length(sql)), 0) FROM sqlite_schema";
    connection.query_row(sql, [], |row| row.get(0))
}

struct Check<'a> {
    connection: &'a Connection,
    /// Tables whose rows lie in the order of a collation that only the app has.
    unordered_tables: BTreeSet<String>,
    /// Indexes whose entries depend on such a collation, and whether the choice of their rows does.
    unordered_indexes: BTreeMap<String, bool>,
    virtual_problems: VirtualProblems<'a>,
}

impl<'a> Check<'a> {
    fn new(connection: &'a Connection) -> rusqlite::Result<Check<'a>> {
        // SQLite asks for the collations of the schema here; why it may not be able to check the file is found when it does.
        drop(connection.prepare("PRAGMA integrity_check"));
        Ok(Check {
            connection,
            unordered_tables: tables_of_unknown_order(connection)?,
            unordered_indexes: indexes_of_unknown_order(connection)?,
            virtual_problems: VirtualProblems::of(connection),
        })
    }

    /// Checks the entire file, or, if a table needs a function of the app and prevents that, each table by itself.
    fn check_file(&self) -> rusqlite::Result<Integrity> {
        let of_unknown_order = self.unordered_indexes.keys().map(|index| {
            format!("the order of index {index}, which is that of a collation that only the app has")
        });
        let unchecked = Integrity { left_out: of_unknown_order.collect(), ..Integrity::default() };
        let mut found = unchecked.clone();
        match self.finds("PRAGMA integrity_check(2147483647)", [], &mut found) {
            Err(error) if is_about_one_object(&error) => {}
            checked => return checked.map(|()| found),
        }
        found = unchecked;
        let list = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') ORDER BY name";
        let mut names: Vec<String> = self
            .connection
            .prepare(list)?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        names.extend(virtual_problems::names(self.connection)?);
        for name in names {
            match self.finds("SELECT * FROM pragma_integrity_check(?1)", [&name], &mut found) {
                Err(error) if is_about_one_object(&error) => {
                    found.left_out.push(match error.sqlite_error_code() {
                        Some(ErrorCode::TooBig) => format!(
                            "table {name}: an index of it holds a value of more than {} MiB",
                            INDEXED_MAX_BYTES >> 20
                        ),
                        _ => format!("table {name}: {error}"),
                    });
                }
                checked => checked?,
            }
        }
        Ok(found)
    }

    fn finds(
        &self,
        check: &str,
        parameters: impl rusqlite::Params,
        found: &mut Integrity,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(check)?;
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            let find: String = row.get(0)?;
            if find == "ok" || self.is_expected(&find) || is_about_values(&find) {
                continue;
            }
            let find_on_a_line = find.replace('\n', " ");
            match self.virtual_problems.table_of(&find)? {
                None => found.problems.push(find_on_a_line),
                Some(table) => found.left_out.push(format!(
                    "the index of virtual table {table}, which SQLite finds out of step ({find_on_a_line}); its rows are read from \
                     ordinary tables"
                )),
            }
            if found.problems.len() >= KEPT_FINDS_MAX {
                break;
            }
        }
        Ok(())
    }

    /// Whether a problem only says that the order of rows or keys is unknown to us.
    fn is_expected(&self, find: &str) -> bool {
        let is_of_table =
            find.strip_prefix(NOT_IN_ORDER).is_some_and(|table| self.unordered_tables.contains(table));
        let of_index = find.split_once(" from index ").map(|(_, index)| index);
        let of_count = find.strip_prefix("wrong # of entries in index ");
        is_of_table
            || of_index.is_some_and(|index| self.unordered_indexes.contains_key(index))
            || of_count
                .is_some_and(|index| self.unordered_indexes.get(index).is_some_and(|is_choice| *is_choice))
    }
}

/// Whether an error is about a function, a collation or a module that only the app has, and not about the file.
fn is_about_one_object(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::OperationInterrupted
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
        )
    )
}
