//! Parses a statement or an expression as SQLite stored it, within the limits of what is translated.

use sqlite3_parser::ast::{Expr, OneSelect, ResultColumn, Stmt};

use super::{Result, untranslatable};
use crate::source_sql::{extent, with_statement};

/// How deep brackets, calls and queries may lie in each other: what walks a tree calls itself for each level.
const NESTING_MAX: usize = 200;

/// Refuses what is nested too deeply to be walked.
fn check_nesting(statement: &Stmt<'_>) -> Result<()> {
    let nesting = extent(statement).nesting;
    if nesting > NESTING_MAX {
        return untranslatable(format!(
            "it is nested {nesting} levels deep, and at most {NESTING_MAX} are translated"
        ));
    }
    Ok(())
}

/// Parses a statement that SQLite stored, and hands it on.
pub(crate) fn with_stored<T>(sql: &str, read: impl FnOnce(&Stmt<'_>) -> Result<T>) -> Result<T> {
    // What `read` says goes past the parser's own error.
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
        (None, Err(error)) => untranslatable(error.to_string()),
        (None, Ok(())) => untranslatable("its SQL is empty"),
    }
}

/// Parses an expression and hands it on.
pub(crate) fn with_expression<T>(sql: &str, read: impl FnOnce(&Expr<'_>) -> Result<T>) -> Result<T> {
    // What `read` says goes past the parser's own error.
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
        (None, Err(error)) => untranslatable(error.to_string()),
        (None, Ok(())) => untranslatable("it is no expression"),
    }
}
