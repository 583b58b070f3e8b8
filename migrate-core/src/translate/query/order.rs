//! ORDER BY. NULL sorts first in SQLite (manual, "SELECT", section 4) and last in PostgreSQL, so that each term says it.

use sqlite3_parser::ast::{Expr, NullsOrder, ResultColumn, SortOrder, SortedColumn};

use super::expression::Translator;
use super::form::Form;
use super::group::{is_star, position};
use super::outputs::{Output, alias_name, bare_name};
use crate::translate::model::{Family, Kind, Node, Note, Result, Untranslatable};
use crate::translate::operators::compare::in_c;

/// A term of ORDER BY.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// The index of the result column that it is.
    index: Option<usize>,
    node: Node,
    is_descending: bool,
    nulls: Option<NullsOrder>,
}

/// Translates the terms of one SELECT: numbers of result columns, aliases, or expressions of its own tables.
pub(super) fn terms(
    translator: &mut Translator<'_>,
    order_by: &[SortedColumn<'_>],
    columns: &[ResultColumn<'_>],
    outputs: &[Output],
) -> Result<Vec<Term>> {
    let has_star = columns.iter().any(is_star);
    let mut terms = Vec::with_capacity(order_by.len());
    for sorted in order_by {
        let same = columns.iter().position(
            |column| matches!(column, ResultColumn::Expr(expression, _) if *expression == sorted.expr),
        );
        let index = match position(&sorted.expr) {
            Some(index) if index >= outputs.len() => {
                return Err(Untranslatable::OrderPosition);
            }
            Some(index) => Some(index),
            None => named(&sorted.expr, columns).or(same).filter(|_| !has_star),
        };
        let node = match index.and_then(|index| outputs.get(index)) {
            Some(output) => output.node.clone(),
            None => translator.node(&sorted.expr)?,
        };
        if node.native.as_ref().is_some_and(|native| native.family == Family::Instant) {
            translator.notes.insert(Note::SortedAsTimes);
        }
        terms.push(Term {
            index,
            node,
            is_descending: sorted.order == Some(SortOrder::Desc),
            nulls: sorted.nulls,
        });
    }
    Ok(terms)
}

/// Returns the index of the result column that has a name as its alias.
fn named(expression: &Expr<'_>, columns: &[ResultColumn<'_>]) -> Option<usize> {
    let name = bare_name(expression)?;
    columns.iter().position(
        |column| matches!(column, ResultColumn::Expr(_, Some(alias)) if alias_name(alias).eq_ignore_ascii_case(&name)),
    )
}

/// Translates the terms of a compound: numbers and names of its result columns.
pub(super) fn compound_terms(order_by: &[SortedColumn<'_>], names: &[String]) -> Result<Vec<Term>> {
    let index = |expression: &Expr<'_>| match bare_name(expression) {
        Some(name) => names.iter().position(|other| other.eq_ignore_ascii_case(&name)),
        None => position(expression).filter(|index| *index < names.len()),
    };
    let term = |sorted: &SortedColumn<'_>| match index(&sorted.expr) {
        None => Err(Untranslatable::CompoundOrder),
        index => Ok(Term {
            index,
            node: Node::null(),
            is_descending: sorted.order == Some(SortOrder::Desc),
            nulls: sorted.nulls,
        }),
    };
    order_by.iter().map(term).collect()
}

/// Returns the SQL of the terms; empty if all are constant. Distinct rows are sorted by result columns only.
pub(super) fn sql(terms: &[Term], forms: &[Form], by_index: bool) -> Result<String> {
    let mut parts = Vec::new();
    for term in terms {
        let (key, is_not_null) = if by_index {
            let Some((index, form)) = term.index.and_then(|index| Some((index, forms.get(index)?))) else {
                return Err(Untranslatable::DistinctOrder);
            };
            form.check_comparable()?;
            ((index + 1).to_string(), form.not_null)
        } else {
            match key(&term.node)? {
                Some(key) => (key, term.node.is_not_null),
                None => continue,
            }
        };
        parts.push(directed(&key, term.is_descending, term.nulls, is_not_null));
    }
    Ok(parts.join(", "))
}

/// Translates ORDER BY in a call, such as that of a window.
pub(super) fn plain(translator: &mut Translator<'_>, order_by: &[SortedColumn<'_>]) -> Result<String> {
    let mut parts = Vec::new();
    for sorted in order_by {
        let node = translator.node(&sorted.expr)?;
        if let Some(key) = key(&node)? {
            let is_descending = sorted.order == Some(SortOrder::Desc);
            parts.push(directed(&key, is_descending, sorted.nulls, node.is_not_null));
        }
    }
    Ok(parts.join(", "))
}

fn directed(key: &str, is_descending: bool, nulls: Option<NullsOrder>, is_not_null: bool) -> String {
    let direction = if is_descending { " DESC" } else { "" };
    let nulls = match (nulls, is_descending) {
        _ if is_not_null => "",
        (Some(NullsOrder::First), _) | (None, false) => " NULLS FIRST",
        (Some(NullsOrder::Last), _) | (None, true) => " NULLS LAST",
    };
    format!("{key}{direction}{nulls}")
}

/// Returns the key that rows are sorted by; `None` if it is constant.
fn key(node: &Node) -> Result<Option<String>> {
    if node.constant.is_some() || node.kind == Kind::Null {
        return Ok(None);
    }
    if let Some(native) = &node.native {
        return Ok(Some(native.sql.clone()));
    }
    Ok(Some(match node.kind {
        Kind::Text => node.collation().folded(in_c(node))?,
        Kind::Json | Kind::Document | Kind::Unknown => return Err(Untranslatable::Inexact),
        _ => node.sql.clone(),
    }))
}
