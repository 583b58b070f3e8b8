//! One SELECT: FROM, WHERE, GROUP BY, HAVING and its result columns; and VALUES, whose rows are SELECTs without FROM.

use sqlite3_parser::ast::{
    Distinctness, Expr, FromClause, OneSelect, Operator, ResultColumn, SortedColumn, WindowDef,
};

use super::compound::Frame;
use super::expression::Translator;
use super::from;
use super::group;
use super::order::{self, Term};
use super::outputs::{self, Output};
use super::part::{Part, Read};
use crate::source_sql::plain_name;
use crate::translate::model::{Result, untranslatable};

/// One SELECT.
#[derive(Debug)]
pub(super) struct One {
    pub(super) outputs: Vec<Output>,
    pub(super) is_distinct: bool,
    /// From FROM to HAVING, with a blank before it.
    pub(super) tail: String,
    pub(super) order: Vec<Term>,
    /// Whether it is sure to give one row at most.
    pub(super) gives_one_row: bool,
    /// Whether it is sure to give one row at least.
    pub(super) gives_a_row: bool,
    /// Whether it is no more than a choice of the rows of inner joins.
    pub(super) is_plain: bool,
    /// The columns of outer queries that it names, as they count from it.
    pub(super) outer_reads: Vec<Read>,
    pub(super) notes: Vec<String>,
}

/// The parts of a SELECT, as it is written.
struct Written<'a> {
    columns: &'a [ResultColumn<'a>],
    from: Option<&'a FromClause<'a>>,
    condition: Option<&'a Expr<'a>>,
    group_by: &'a [Expr<'a>],
    having: Option<&'a Expr<'a>>,
    windows: &'a [WindowDef<'a>],
}

/// The SELECTs of a part of a compound: one, or one for each row of VALUES.
pub(super) fn ones(
    frame: &Frame<'_>,
    select: &OneSelect<'_>,
    order_by: &[SortedColumn<'_>],
    is_pinned_asked: bool,
) -> Result<Vec<One>> {
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
            let mut one = one(frame, &written, order_by, is_pinned_asked)?;
            one.is_distinct = matches!(distinctness, Some(Distinctness::Distinct));
            one.is_plain &= !one.is_distinct;
            Ok(vec![one])
        }
        OneSelect::Values(rows) => {
            if !order_by.is_empty() {
                return untranslatable("VALUES with ORDER BY");
            }
            rows.iter().map(|row| values(frame, row)).collect()
        }
    }
}

fn values(frame: &Frame<'_>, row: &[Expr<'_>]) -> Result<One> {
    let from = from::from(frame, None)?;
    let mut translator = Translator::of_part(&from.scope, frame.depth, Part::new(frame.environment));
    let mut outputs = Vec::with_capacity(row.len());
    for (place, expression) in row.iter().enumerate() {
        let output = outputs::output(&mut translator, expression, None)?;
        outputs.push(Output { name: format!("column{}", place + 1), is_named: true, ..output });
    }
    Ok(One {
        outputs,
        is_distinct: false,
        tail: String::new(),
        order: Vec::new(),
        gives_one_row: true,
        gives_a_row: true,
        is_plain: true,
        outer_reads: translator.part.reads,
        notes: translator.notes,
    })
}

fn one<'a>(
    frame: &Frame<'a>,
    written: &Written<'a>,
    order_by: &[SortedColumn<'_>],
    is_pinned_asked: bool,
) -> Result<One> {
    let mut from = from::from(frame, written.from)?;
    let scope = std::mem::take(&mut from.scope);
    let mut translator = Translator::of_part(&scope, frame.depth, Part::new(frame.environment));
    translator.part.windows = written.windows;
    let aliases = aliases(written.columns);
    translator.part.aliases.clone_from(&aliases);
    let mut outer_reads = std::mem::take(&mut from.outer_reads);
    let condition = match written.condition {
        Some(condition) => Some(translator.node(condition)?.condition()?),
        None => None,
    };
    for part in written.condition.map(conjuncts).unwrap_or_default() {
        let equal = from::equal_columns(&mut translator, part)?;
        from.equal.extend(equal.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]));
    }
    let is_pinned = is_pinned_asked && group::is_pinned(frame, &from, &scope, written.condition)?;
    let groups = group::keys(&mut translator, written.group_by, written.columns)?;
    outer_reads.extend(translator.part.reads.drain(..).filter(|read| read.level > 0));
    // From here on a column has to be the same in all rows of a group.
    translator.part.groups.clone_from(&groups);
    (translator.takes_aggregates, translator.part.takes_windows) = (true, true);
    translator.part.aliases.clear();
    let outputs = outputs::outputs(&mut translator, written.columns)?;
    translator.part.aliases = aliases;
    let having = match written.having {
        Some(having) => {
            translator.part.takes_windows = false;
            let having = translator.node(having)?.condition()?;
            translator.part.takes_windows = true;
            Some(having)
        }
        None => None,
    };
    let order = order::terms(&mut translator, order_by, written.columns, &outputs)?;
    let is_aggregated = translator.part.has_aggregates || !groups.is_empty();
    let reads = std::mem::take(&mut translator.part.reads);
    let mut group_by = groups;
    if is_aggregated {
        group_by.extend(group::settled(&from, &scope, &group_by, &reads)?);
    }
    outer_reads.extend(reads.into_iter().filter(|read| read.level > 0));
    let is_one_group = is_aggregated && written.group_by.is_empty();
    let mut notes = std::mem::take(&mut from.notes);
    notes.append(&mut translator.notes);
    if written.columns.iter().any(group::is_star) {
        notes.extend(from.lost.iter().map(|column| format!("* is without {column}, which does not move")));
    }
    Ok(One {
        outputs,
        is_distinct: false,
        tail: tail(frame, &from.sql, condition, &group_by, having.as_deref()),
        order,
        gives_one_row: is_one_group || is_pinned || written.from.is_none(),
        gives_a_row: is_one_group && having.is_none(),
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

/// What the aliases of result columns stand for.
fn aliases<'a>(columns: &'a [ResultColumn<'a>]) -> Vec<(String, &'a Expr<'a>)> {
    let named = columns.iter().filter_map(|column| match column {
        ResultColumn::Expr(
            expression,
            Some(sqlite3_parser::ast::As::As(name) | sqlite3_parser::ast::As::Elided(name)),
        ) => Some((plain_name(name.0), expression)),
        _ => None,
    });
    named.collect()
}

/// The conditions that AND puts together.
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

/// `SELECT 1 FROM … WHERE …`: whether there are such rows.
pub(crate) fn rows_sql(
    frame: &Frame<'_>,
    clause: &FromClause<'_>,
    condition: Option<&Expr<'_>>,
) -> Result<(String, Vec<String>)> {
    let mut from = from::from(frame, Some(clause))?;
    let scope = std::mem::take(&mut from.scope);
    let mut translator = Translator::of_part(&scope, frame.depth, Part::new(frame.environment));
    let condition = match condition {
        Some(condition) => Some(translator.node(condition)?.condition()?),
        None => None,
    };
    from.notes.append(&mut translator.notes);
    Ok((format!("SELECT 1{}", tail(frame, &from.sql, condition, &[], None)), from.notes))
}
