//! Parses a statement or an expression as SQLite stored it, within the limits of what is translated.

use sqlite3_parser::ast::{Expr, OneSelect, ResultColumn, Stmt};

use super::{Result, Untranslatable};
use crate::source_sql::{extent, with_statement};

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
    // The result of `read` does not pass through the parser's error.
    let mut result = None;
    let parsed = with_statement(
        sql,
        || "the statement".to_owned(),
        |statement| {
            result = Some(check_nesting(statement).and_then(|()| read(statement)));
            Ok(())
        },
    );
    match (result, parsed) {
        (Some(result), _) => result,
        (None, Err(error)) => Err(Untranslatable::Unreadable { error }),
        (None, Ok(())) => Err(Untranslatable::Empty),
    }
}

/// Parses an expression, and calls `read` with it.
pub(crate) fn with_expression<T>(sql: &str, read: impl FnOnce(&Expr<'_>) -> Result<T>) -> Result<T> {
    // The result of `read` does not pass through the parser's error.
    let mut result = None;
    let parsed = with_statement(
        &format!("SELECT ({sql}\n)"),
        || "the expression".to_owned(),
        |statement| {
            if let Stmt::Select(select) = statement
                && let OneSelect::Select {
                    columns: [ResultColumn::Expr(expression, None)], from: None, ..
                } = &select.body.select
            {
                result = Some(check_nesting(statement).and_then(|()| read(expression)));
            }
            Ok(())
        },
    );
    match (result, parsed) {
        (Some(result), _) => result,
        (None, Err(error)) => Err(Untranslatable::Unreadable { error }),
        (None, Ok(())) => Err(Untranslatable::NotAnExpression),
    }
}
