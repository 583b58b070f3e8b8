//! LIMIT and OFFSET. `LIMIT skipped, rows` and `LIMIT rows OFFSET skipped` have the same syntax tree, with the expressions in their
//! written order, so that the form must be read from the tokens.

use sqlite3_parser::ast::Limit;
use sqlite3_parser::lexer::Scanner;
use sqlite3_parser::lexer::sql::{TokenType, Tokenizer};

use super::compound::{Frame, Purpose, Query};
use super::expression::Translator;
use crate::translate::model::{Constant, Note, Result, Scope, Untranslatable};

/// The form in which a statement writes the number of skipped rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// With OFFSET, if at all.
    Offset,
    /// Before a comma.
    Comma,
    /// In both forms.
    Both,
}

/// Returns the form in the statement `sql`.
pub(crate) fn limits(sql: &str) -> Limits {
    let mut scanner = Scanner::new(Tokenizer::new());
    let (mut has_offset, mut has_comma) = (false, false);
    // The number of open brackets after LIMIT; `None` outside LIMIT.
    let mut open: Option<u32> = None;
    while let Ok((_, Some((_, token)), _)) = scanner.scan(sql.as_bytes()) {
        match (token, open) {
            (TokenType::TK_OFFSET, _) => (has_offset, open) = (true, None),
            (TokenType::TK_LIMIT, _) => open = Some(0),
            (TokenType::TK_LP, Some(depth)) => open = Some(depth + 1),
            (TokenType::TK_RP, Some(depth)) => open = depth.checked_sub(1),
            (TokenType::TK_COMMA, Some(0)) => (has_comma, open) = (true, None),
            _ => {}
        }
    }
    match (has_comma, has_offset) {
        (false, _) => Limits::Offset,
        (true, false) => Limits::Comma,
        (true, true) => Limits::Both,
    }
}

/// Adds LIMIT. Without an order it is refused, because the databases keep different rows.
pub(super) fn add(
    frame: &Frame<'_>,
    query: &mut Query,
    limit: Option<&Limit<'_>>,
    purpose: &Purpose<'_>,
) -> Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    let scope = Scope::default();
    let mut translator = Translator::new(&scope);
    let mut number = |expression| match translator.node(expression)?.constant {
        Some(Constant::Integer(number)) => Ok(number),
        _ => Err(Untranslatable::LimitLiteral),
    };
    let (rows, skipped) = match (&limit.offset, frame.environment.limits) {
        (None, _) => (&limit.expr, None),
        (Some(offset), Limits::Offset) => (&limit.expr, Some(offset)),
        (Some(rows), Limits::Comma) => (rows, Some(&limit.expr)),
        (Some(_), Limits::Both) => {
            return Err(Untranslatable::LimitForms);
        }
    };
    let rows = number(rows)?;
    let skipped = skipped.map(number).transpose()?.unwrap_or(0).max(0);
    let is_sorted = query.is_sorted;
    let only_asks = purpose.is_existence && skipped == 0;
    if !is_sorted && !query.is_single_row && !only_asks {
        return Err(Untranslatable::UnsortedLimit);
    }
    if is_sorted && !query.is_single_row {
        query.notes.insert(Note::LimitTies);
    }
    let separator = frame.separator();
    // A negative limit means no limit.
    if rows >= 0 {
        query.sql.push_str(&format!("{separator}LIMIT {rows}"));
    }
    if skipped > 0 {
        query.sql.push_str(&format!("{separator}OFFSET {skipped}"));
    }
    query.is_single_row |= (0..=1).contains(&rows);
    query.has_row &= rows != 0 && skipped == 0;
    Ok(())
}
