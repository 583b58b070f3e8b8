//! `SELECT RAISE(…)`, by which a trigger refuses a change.

use sqlite3_parser::ast::{Expr, OneSelect, Operator, ResolveType, ResultColumn, Select};

use super::{Trigger, TriggerTime, block};
use crate::translate::model::{Node, Note, Notes, Result, Scope, Untranslatable};
use crate::translate::operators::compare;
use crate::translate::query::{self, Frame, Translator};

/// Translates RAISE to PL/pgSQL.
struct Refusals<'t, 'a> {
    trigger: &'t Trigger<'a>,
    notes: Notes,
}

/// Translates a SELECT with RAISE to lines of PL/pgSQL, with notes.
pub(super) fn select(
    trigger: &Trigger<'_>,
    frame: &Frame<'_>,
    select: &Select<'_>,
) -> Result<(Vec<String>, Notes)> {
    let refused = || Err(Untranslatable::SelectWithoutRaise);
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
    let mut refusals = Refusals { trigger, notes: Notes::new() };
    let scope = Scope::within(frame.outer);
    let mut translator = frame.translator(&scope);
    let expression = unwrapped(expression);
    let lines = match expression {
        Expr::Raise(kind, message) => vec![refusals.raise(&mut translator, *kind, *message)?],
        Expr::Case { base, when_then_pairs, else_expr } => {
            if from.is_some() {
                return Err(Untranslatable::RaiseInCase);
            }
            let base = base.map(|base| translator.node(base)).transpose()?;
            refusals.cases(&mut translator, base.as_ref(), when_then_pairs, *else_expr)?
        }
        _ => return refused(),
    };
    let (condition, mut notes) = match (from, where_clause) {
        (None, condition) => (translator.condition(*condition)?, Notes::new()),
        (Some(from), condition) => {
            let (sql, notes) = query::rows_sql(frame, from, *condition)?;
            (Some(format!("EXISTS ({sql})")), notes)
        }
    };
    let lines = match condition {
        None => lines,
        Some(condition) => block(format!("IF {condition} THEN"), lines, "END IF;"),
    };
    notes.extend(refusals.notes.into_iter().chain(translator.notes));
    Ok((lines, notes))
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
    /// Translates RAISE.
    fn raise(
        &mut self,
        translator: &mut Translator<'_>,
        kind: ResolveType,
        message: Option<&Expr<'_>>,
    ) -> Result<String> {
        match (kind, message) {
            (ResolveType::Ignore, _) => {
                if self.trigger.outline.time == TriggerTime::After {
                    return Err(Untranslatable::RaiseIgnoreAfter);
                }
                Ok(self.trigger.leave("NULL"))
            }
            (ResolveType::Replace, _) | (_, None) => Err(Untranslatable::RaiseMessage),
            (kind, Some(message)) => {
                if kind != ResolveType::Abort {
                    self.notes.insert(Note::UndoesStatement);
                }
                let message = translator.node(message)?.text()?;
                Ok(format!(
                    "RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = {};",
                    message.sql
                ))
            }
        }
    }

    /// Translates a CASE whose branches are RAISE or do nothing.
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
            _ => Err(Untranslatable::CaseWithoutRaise),
        }
    }
}
