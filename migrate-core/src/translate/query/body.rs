//! A single SELECT: FROM, WHERE, GROUP BY, HAVING and its result columns; and VALUES, whose rows are SELECTs without FROM.

use sqlite3_parser::ast::{
    Distinctness, Expr, FromClause, OneSelect, Operator, ResultColumn, SortedColumn, WindowDef,
};

use super::compound::Frame;
use super::context::Read;
use super::from;
use super::group;
use super::order::{self, Term};
use super::outputs::{self, Output, alias_name};
use crate::translate::model::{Note, Notes, Result, Untranslatable};

/// A single SELECT.
#[derive(Debug)]
pub(super) struct SelectCore {
    pub(super) outputs: Vec<Output>,
    pub(super) is_distinct: bool,
    /// The clauses from FROM to HAVING, with a leading space.
    pub(super) tail: String,
    pub(super) order: Vec<Term>,
    /// Whether it returns at most one row.
    pub(super) is_single_row: bool,
    /// Whether it returns at least one row.
    pub(super) has_row: bool,
    /// Whether it only filters rows of inner joins.
    pub(super) is_plain: bool,
    /// The columns of outer queries that it reads, with levels counted from it.
    pub(super) outer_reads: Vec<Read>,
    pub(super) notes: Notes,
}

/// The clauses of a SELECT, as written.
struct Written<'a> {
    columns: &'a [ResultColumn<'a>],
    from: Option<&'a FromClause<'a>>,
    condition: Option<&'a Expr<'a>>,
    group_by: &'a [Expr<'a>],
    having: Option<&'a Expr<'a>>,
    windows: &'a [WindowDef<'a>],
}

/// Translates a part of a compound: one SELECT, or one for each row of VALUES.
pub(super) fn select_cores(
    frame: &Frame<'_>,
    select: &OneSelect<'_>,
    order_by: &[SortedColumn<'_>],
    checks_pinned: bool,
) -> Result<Vec<SelectCore>> {
    match select {
        OneSelect::Select { distinctness, columns, from, where_clause, group_by, having, window_clause } => {
            let written = Written {
                columns,
                from: from.as_ref(),
                condition: *where_clause,
                group_by: group_by.unwrap_or(&[]),
                having: *having,
                windows: window_clause.unwrap_or(&[]),
            };
            let mut core = select_core(frame, &written, order_by, checks_pinned)?;
            core.is_distinct = matches!(distinctness, Some(Distinctness::Distinct));
            core.is_plain &= !core.is_distinct;
            Ok(vec![core])
        }
        OneSelect::Values(rows) => {
            if !order_by.is_empty() {
                return Err(Untranslatable::SortedValues);
            }
            rows.iter().map(|row| values(frame, row)).collect()
        }
    }
}

fn values(frame: &Frame<'_>, row: &[Expr<'_>]) -> Result<SelectCore> {
    let from = from::from(frame, None)?;
    let mut translator = frame.translator(&from.scope);
    let mut outputs = Vec::with_capacity(row.len());
    for (index, expression) in row.iter().enumerate() {
        let output = outputs::output(&mut translator, expression, None)?;
        outputs.push(Output { name: format!("column{}", index + 1), is_named: true, ..output });
    }
    Ok(SelectCore {
        outputs,
        is_distinct: false,
        tail: String::new(),
        order: Vec::new(),
        is_single_row: true,
        has_row: true,
        is_plain: true,
        outer_reads: translator.context.reads,
        notes: translator.notes,
    })
}

fn select_core<'a>(
    frame: &Frame<'a>,
    written: &Written<'a>,
    order_by: &[SortedColumn<'_>],
    checks_pinned: bool,
) -> Result<SelectCore> {
    let mut from = from::from(frame, written.from)?;
    let scope = std::mem::take(&mut from.scope);
    let mut translator = frame.translator(&scope);
    translator.context.windows = written.windows;
    let aliases = aliases(written.columns);
    translator.context.aliases.clone_from(&aliases);
    let mut outer_reads = std::mem::take(&mut from.outer_reads);
    let condition = translator.condition(written.condition)?;
    for part in written.condition.map(conjuncts).unwrap_or_default() {
        let equal = from::equal_columns(&mut translator, part)?;
        from.equal.extend(equal.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]));
    }
    let is_pinned = checks_pinned && group::is_pinned(frame, &from, &scope, written.condition)?;
    let groups = group::keys(&mut translator, written.group_by, written.columns)?;
    outer_reads.extend(translator.context.reads.drain(..).filter(|read| read.level > 0));
    // From here on, columns must be the same in all rows of a group.
    translator.context.groups.clone_from(&groups);
    (translator.can_aggregate, translator.context.can_window) = (true, true);
    translator.context.aliases.clear();
    let outputs = outputs::outputs(&mut translator, written.columns)?;
    translator.context.aliases = aliases;
    translator.context.can_window = false;
    let having = translator.condition(written.having)?;
    translator.context.can_window = true;
    let order = order::terms(&mut translator, order_by, written.columns, &outputs)?;
    let is_aggregated = translator.context.has_aggregates || !groups.is_empty();
    let reads = std::mem::take(&mut translator.context.reads);
    let mut group_by = groups;
    if is_aggregated {
        group_by.extend(group::dependent_columns(&from, &scope, &group_by, &reads)?);
    }
    outer_reads.extend(reads.into_iter().filter(|read| read.level > 0));
    let is_one_group = is_aggregated && written.group_by.is_empty();
    let mut notes = std::mem::take(&mut from.notes);
    notes.append(&mut translator.notes);
    if written.columns.iter().any(group::is_star) {
        notes.extend(from.lost.iter().map(|column| Note::MissingFromStar { column: column.clone() }));
    }
    Ok(SelectCore {
        outputs,
        is_distinct: false,
        tail: tail(frame, &from.sql, condition, &group_by, having.as_deref()),
        order,
        is_single_row: is_one_group || is_pinned || written.from.is_none(),
        has_row: is_one_group && having.is_none(),
        is_plain: !is_aggregated && !from.has_outer_join,
        outer_reads,
        notes,
    })
}

fn tail(
    frame: &Frame<'_>,
    from: &str,
    condition: Option<String>,
    group_by: &[String],
    having: Option<&str>,
) -> String {
    let mut tail = String::new();
    let mut add = |word: &str, sql: &str| {
        tail.push_str(frame.separator());
        tail.push_str(word);
        tail.push(' ');
        tail.push_str(sql);
    };
    if !from.is_empty() {
        add("FROM", from);
    }
    if let Some(condition) = condition {
        add("WHERE", &condition);
    }
    if !group_by.is_empty() {
        add("GROUP BY", &group_by.join(", "));
    }
    if let Some(having) = having {
        add("HAVING", having);
    }
    tail
}

/// Returns the aliases of result columns and their expressions.
fn aliases<'a>(columns: &'a [ResultColumn<'a>]) -> Vec<(String, &'a Expr<'a>)> {
    let named = columns.iter().filter_map(|column| match column {
        ResultColumn::Expr(expression, Some(alias)) => Some((alias_name(alias), expression)),
        _ => None,
    });
    named.collect()
}

/// Returns the conditions that are combined by AND.
pub(crate) fn conjuncts<'e, 'b>(condition: &'e Expr<'b>) -> Vec<&'e Expr<'b>> {
    let mut found = Vec::new();
    let mut waiting = vec![condition];
    while let Some(next) = waiting.pop() {
        match next {
            Expr::Binary(left, Operator::And, right) => waiting.extend([*right, *left]),
            Expr::Parenthesized(inner) if inner.len() == 1 => waiting.extend(inner.iter()),
            other => found.push(other),
        }
    }
    found
}

/// Translates `SELECT 1 FROM … WHERE …`.
pub(crate) fn rows_sql(
    frame: &Frame<'_>,
    clause: &FromClause<'_>,
    condition: Option<&Expr<'_>>,
) -> Result<(String, Notes)> {
    let mut from = from::from(frame, Some(clause))?;
    let scope = std::mem::take(&mut from.scope);
    let mut translator = frame.translator(&scope);
    let condition = translator.condition(condition)?;
    from.notes.append(&mut translator.notes);
    Ok((format!("SELECT 1{}", tail(frame, &from.sql, condition, &[], None)), from.notes))
}
