//! LIMIT and OFFSET. `LIMIT skipped, rows` and `LIMIT rows OFFSET skipped` are one in the syntax tree, each expression in the place
//! that it is written in, so that the tokens have to tell which of them a statement uses.

use sqlite3_parser::ast::Limit;
use sqlite3_parser::lexer::Scanner;
use sqlite3_parser::lexer::sql::{TokenType, Tokenizer};

use super::compound::{Frame, Purpose, Query};
use super::expression::Translator;
use crate::translate::model::{Constant, Result, Scope, untranslatable};

/// How a statement writes how many rows are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// With the word OFFSET, if at all.
    Offset,
    /// Before a comma, always.
    Comma,
    /// Now so, now so.
    Both,
}

/// How the statement `sql` writes it.
pub(crate) fn limits(sql: &str) -> Limits {
    let mut scanner = Scanner::new(Tokenizer::new());
    let (mut has_offset, mut has_comma) = (false, false);
    // Brackets that are open behind LIMIT; none where no LIMIT is being read.
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

/// LIMIT, by the rule that without an order nobody knows which rows it leaves.
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
        _ => untranslatable("LIMIT or OFFSET that is no literal"),
    };
    let (rows, skipped) = match (&limit.offset, frame.environment.limits) {
        (None, _) => (&limit.expr, None),
        (Some(offset), Limits::Offset) => (&limit.expr, Some(offset)),
        (Some(rows), Limits::Comma) => (rows, Some(&limit.expr)),
        (Some(_), Limits::Both) => {
            return untranslatable("LIMIT with a comma in one place and OFFSET in another");
        }
    };
    let rows = number(rows)?;
    let skipped = skipped.map(number).transpose()?.unwrap_or(0).max(0);
    let is_sorted = query.is_sorted;
    let only_asks = purpose.is_existence && skipped == 0;
    if !is_sorted && !query.gives_one_row && !only_asks {
        return untranslatable("LIMIT without ORDER BY, which leaves other rows in each database");
    }
    if is_sorted && !query.gives_one_row {
        query
            .notes
            .push("rows that ORDER BY does not tell apart may be cut off differently by LIMIT".to_owned());
    }
    let separator = frame.separator();
    // A negative limit is none.
    if rows >= 0 {
        query.sql.push_str(&format!("{separator}LIMIT {rows}"));
    }
    if skipped > 0 {
        query.sql.push_str(&format!("{separator}OFFSET {skipped}"));
    }
    query.gives_one_row |= (0..=1).contains(&rows);
    query.gives_a_row &= rows != 0 && skipped == 0;
    Ok(())
}
