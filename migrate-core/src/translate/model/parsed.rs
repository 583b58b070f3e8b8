//! Parses a statement or an expression as SQLite stored it, within the limits of what is translated.

use sqlite3_parser::ast::{Expr, Stmt};

use super::{Result, Untranslatable};
use crate::source_sql::{self, extent, with_statement};

/// The deepest nesting of brackets, calls and queries: a walk of the tree recurses for each level.
const NESTING_MAX: usize = 200;

/// Refuses a statement that is nested too deeply.
fn check_nesting(statement: &Stmt<'_>) -> Result<()> {
    let nesting = extent(statement).nesting;
    if nesting > NESTING_MAX {
        return Err(Untranslatable::Nesting { levels: nesting, levels_max: NESTING_MAX });
    }
    Ok(())
}

/// Parses a statement as SQLite stored it, and calls `read` with it.
pub(crate) fn with_stored<T>(sql: &str, read: impl FnOnce(&Stmt<'_>) -> Result<T>) -> Result<T> {
    let parsed = with_statement(
        sql,
        || "the statement".to_owned(),
        |statement| Ok(check_nesting(statement).and_then(|()| read(statement))),
    );
    parsed.map_err(|error| Untranslatable::Unreadable { error })?
}

/// Parses an expression, and calls `read` with it.
pub(crate) fn with_expression<T>(sql: &str, read: impl FnOnce(&Expr<'_>) -> Result<T>) -> Result<T> {
    let parsed = source_sql::with_expression(sql, "the expression", |statement, expression| {
        check_nesting(statement).and_then(|()| read(expression))
    });
    parsed
        .map_err(|error| Untranslatable::Unreadable { error })?
        .unwrap_or(Err(Untranslatable::NotAnExpression))
}
