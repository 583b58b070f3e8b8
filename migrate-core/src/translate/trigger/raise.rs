//! `SELECT RAISE(…)`: what a trigger does to refuse a change.

use sqlite3_parser::ast::{Expr, OneSelect, Operator, ResolveType, ResultColumn, Select};

use super::{Trigger, TriggerTime, block};
use crate::translate::model::{Node, Result, Scope, untranslatable};
use crate::translate::operators::compare;
use crate::translate::query::{self, Frame, Part, Translator};

/// What one branch does: a line of PL/pgSQL.
struct Refusals<'t, 'a> {
    trigger: &'t Trigger<'a>,
    notes: Vec<String>,
}

/// A SELECT of a trigger's body, as lines of PL/pgSQL, and notes. One that refuses nothing is not translated.
pub(super) fn select(
    trigger: &Trigger<'_>,
    frame: &Frame<'_>,
    select: &Select<'_>,
) -> Result<(Vec<String>, Vec<String>)> {
    let refused = || untranslatable("a SELECT that does something else than to RAISE");
    let OneSelect::Select {
        columns: [ResultColumn::Expr(expression, _)],
        from,
        where_clause,
        group_by: None,
        having: None,
        ..
    } = &select.body.select
    else {
        return refused();
    };
    if select.body.compounds.is_some() || select.with.is_some() || select.limit.is_some() {
        return refused();
    }
    let mut refusals = Refusals { trigger, notes: Vec::new() };
    let scope = Scope {
        outer: frame.outer.map(|outer| Box::new(outer.clone())),
        aliases: frame.outer.map(|outer| outer.aliases.clone()).unwrap_or_default(),
        ..Scope::default()
    };
    let mut translator = Translator::of_part(&scope, frame.depth, Part::new(frame.environment));
    let expression = unwrapped(expression);
    let lines = match expression {
        Expr::Raise(kind, message) => vec![refusals.raise(&mut translator, *kind, *message)?],
        Expr::Case { base, when_then_pairs, else_expr } => {
            if from.is_some() {
                return untranslatable("RAISE within CASE, of rows of a table");
            }
            let base = base.map(|base| translator.node(base)).transpose()?;
            refusals.cases(&mut translator, base.as_ref(), when_then_pairs, *else_expr)?
        }
        _ => return refused(),
    };
    let (condition, notes) = match (from, where_clause) {
        (None, None) => (None, Vec::new()),
        (None, Some(condition)) => (Some(translator.node(condition)?.condition()?), Vec::new()),
        (Some(from), condition) => {
            let (sql, notes) = query::rows_sql(frame, from, *condition)?;
            (Some(format!("EXISTS ({sql})")), notes)
        }
    };
    let lines = match condition {
        None => lines,
        Some(condition) => block(format!("IF {condition} THEN"), lines, "END IF;"),
    };
    Ok((lines, [refusals.notes, translator.notes, notes].concat()))
}

fn unwrapped<'e, 'b>(expression: &'e Expr<'b>) -> &'e Expr<'b> {
    match expression {
        Expr::Parenthesized(inner) => match inner.as_slice() {
            [only] => unwrapped(only),
            _ => expression,
        },
        _ => expression,
    }
}

impl Refusals<'_, '_> {
    /// The line that a RAISE is.
    fn raise(
        &mut self,
        translator: &mut Translator<'_>,
        kind: ResolveType,
        message: Option<&Expr<'_>>,
    ) -> Result<String> {
        match (kind, message) {
            (ResolveType::Ignore, _) => {
                if self.trigger.outline.time == TriggerTime::After {
                    return untranslatable("RAISE(IGNORE) after the row was changed");
                }
                Ok(self.trigger.leave("NULL"))
            }
            (ResolveType::Replace, _) | (_, None) => untranslatable("RAISE without a message"),
            (kind, Some(message)) => {
                if kind != ResolveType::Abort {
                    self.notes.push(
                        "where it refuses a change, PostgreSQL undoes the whole statement, and the app has to end the transaction"
                            .to_owned(),
                    );
                }
                let message = translator.node(message)?.text()?;
                Ok(format!(
                    "RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = {};",
                    message.sql
                ))
            }
        }
    }

    /// The lines of a CASE whose branches refuse, or do nothing.
    fn cases(
        &mut self,
        translator: &mut Translator<'_>,
        base: Option<&Node>,
        pairs: &[(Expr<'_>, Expr<'_>)],
        otherwise: Option<&Expr<'_>>,
    ) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for (when, then) in pairs {
            let when = translator.node(when)?;
            let when = match base {
                None => when,
                Some(base) => compare::compared(&mut translator.notes, base, Operator::Equals, &when)?,
            };
            let word = if lines.is_empty() { "IF" } else { "ELSIF" };
            lines.push(format!("{word} {} THEN", when.condition()?));
            lines.push(format!("  {}", self.branch(translator, then)?));
        }
        if let Some(otherwise) = otherwise {
            lines.push("ELSE".to_owned());
            lines.push(format!("  {}", self.branch(translator, otherwise)?));
        }
        lines.push("END IF;".to_owned());
        Ok(lines)
    }

    fn branch(&mut self, translator: &mut Translator<'_>, expression: &Expr<'_>) -> Result<String> {
        match unwrapped(expression) {
            Expr::Raise(kind, message) => self.raise(translator, *kind, *message),
            Expr::Literal(_) => Ok("NULL;".to_owned()),
            _ => untranslatable("a CASE that does something else than to RAISE"),
        }
    }
}
