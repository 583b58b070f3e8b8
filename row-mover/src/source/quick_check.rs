//! Checks the structure of a file page by page, with `PRAGMA quick_check`.
//!
//! The pragma needs every function that CHECKs and generated columns call. Those that only the app has are replaced by substitutes, on a
//! connection of its own that never computes anything that moves. Problems of virtual tables are no damage of the file, and problems
//! with values are no damage: each value is checked later, and the plan lists constraints that rows violate. An expression that fails
//! on a row is no damage either, but ends the pragma: each table is then checked by itself, and the pages of the failing table are
//! checked before its rows.

use std::path::Path;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode};

use super::SourceConnection;
use super::app_collations::tables_of_unknown_order;
use super::open::{corrupt, damaged};
use super::rows::is_failed_expression;
use super::virtual_problems::VirtualProblems;
use crate::error::{Context, Error, Result};
use postgres_client::watch::StopFlag;

/// Maximum number of problems that are reported.
const SHOWN_PROBLEMS_MAX: usize = 5;

/// The pragma's message for rows that are not in the order of the table's key.
pub(super) const NOT_IN_ORDER: &str = "row not in PRIMARY KEY order for ";

/// Checks the file of `source`. Error messages name the file `stands_for`, of which it is a copy or which it is.
///
/// # Errors
/// When it is damaged; names the first finds.
pub fn quick_check(source: &SourceConnection, stands_for: &Path, stop: StopFlag) -> Result<()> {
    let path = stands_for;
    let failed = || format!("{} cannot be checked", path.display());
    let own = source.file().open()?.stopped_by(stop);
    let connection = own.connection();
    // Problems with values are no damage, and to find them would load every value that a CHECK names.
    connection.pragma_update(None, "ignore_check_constraints", true).context(failed)?;
    let is_damage = |error: &rusqlite::Error| {
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    };
    let mut found = Vec::new();
    let checked = match finds(connection, "PRAGMA quick_check(2147483647)", [], &mut found) {
        Err(error) if !is_damage(&error) => check_tables(connection, error, &mut found),
        checked => checked,
    };
    checked.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => damaged(path, error.to_string()),
        Some(ErrorCode::DatabaseCorrupt) => corrupt(path, own.real_path(), error),
        _ => Error::new(failed()).caused_by(error).with_remedy_text(
            "if its schema uses a function that only the app has, remove the index or column that does in a copy, and migrate \
             the copy",
        ),
    })?;
    if found.is_empty() {
        return Ok(());
    }
    // quick_check prints the names of pages and tables, never the values of a row.
    Err(damaged(path, found.join("; ").replace('\n', " ")))
}

/// Checks each table by itself if one table prevents a check of all: a virtual table that needs a tokenizer or a function of the app, or
/// an expression that fails on a row.
fn check_tables(
    connection: &Connection,
    error: rusqlite::Error,
    found: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let list = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow', 'virtual')";
    let listed: Vec<(String, String)> = (connection.prepare(list)?)
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if !is_failed_expression(&error) && listed.iter().all(|(_, kind)| kind != "virtual") {
        return Err(error);
    }
    for (name, _) in listed.iter().filter(|(_, kind)| kind != "virtual") {
        match finds(connection, "SELECT * FROM pragma_quick_check(?1)", [name], found) {
            Err(error) if is_failed_expression(&error) => {}
            checked => checked?,
        }
    }
    Ok(())
}

/// Adds the problems of the file, or of one of its tables.
fn finds(
    connection: &Connection,
    check: &str,
    parameters: impl rusqlite::Params + Clone,
    finds: &mut Vec<String>,
) -> rusqlite::Result<()> {
    /// Maximum number of missing functions.
    const SUBSTITUTES_MAX: usize = 1000;
    for _ in 0..SUBSTITUTES_MAX {
        match finds_at_once(connection, check, parameters.clone(), finds) {
            Err(error) if add_missing_function(connection, &error)? => {}
            checked => return checked,
        }
    }
    finds_at_once(connection, check, parameters, finds)
}

fn finds_at_once(
    connection: &Connection,
    check: &str,
    parameters: impl rusqlite::Params,
    finds: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let unordered = tables_of_unknown_order(connection)?;
    let virtual_problems = VirtualProblems::of(connection);
    let is_expected =
        |find: &str| find.strip_prefix(NOT_IN_ORDER).is_some_and(|table| unordered.contains(table));
    // Without a limit of its own: a table of unknown order may produce a message for each of its rows.
    let mut statement = connection.prepare(check)?;
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        if finds.len() >= SHOWN_PROBLEMS_MAX {
            break;
        }
        let find: String = row.get(0)?;
        let is_problem = find != "ok" && !is_expected(&find) && !is_about_values(&find);
        if is_problem && virtual_problems.table_of(&find)?.is_none() && !finds.contains(&find) {
            finds.push(find);
        }
    }
    Ok(())
}

/// Defines a substitute for a function that only the app has, if `error` says that it is missing. The substitute returns NULL, with which
/// every CHECK holds.
fn add_missing_function(connection: &Connection, error: &rusqlite::Error) -> rusqlite::Result<bool> {
    let words = match error {
        rusqlite::Error::SqliteFailure(_, Some(words)) => words,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        _ => return Ok(false),
    };
    // Only SQLite's message names the missing function.
    let Some(name) = words.strip_prefix("no such function: ") else { return Ok(false) };
    let flags = FunctionFlags::SQLITE_INNOCUOUS | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(name, -1, flags, |_| Ok(None::<i64>))?;
    Ok(true)
}

/// Whether a find of `quick_check` is about a value that a declaration forbids, and not about the structure of the file.
pub(super) fn is_about_values(find: &str) -> bool {
    const BEGINNINGS: [&str; 5] = [
        "NULL value in ",
        "NUMERIC value in ",
        "TEXT value in ",
        "CHECK constraint failed in ",
        "non-unique entry in index ",
    ];
    // Of a STRICT table: `non-INT value in t.c`.
    let is_of_strict = find.strip_prefix("non-").and_then(|rest| rest.split_once(' '));
    BEGINNINGS.iter().any(|beginning| find.starts_with(beginning))
        || is_of_strict.is_some_and(|(_, rest)| rest.starts_with("value in "))
}
