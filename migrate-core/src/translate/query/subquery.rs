//! Queries in expressions: EXISTS, IN, and scalar subqueries.

use sqlite3_parser::ast::Select;

use super::compound::{Frame, Purpose, Query, query};
use super::expression::Translator;
use crate::translate::model::{Collated, Kind, Node, Result, Untranslatable, Volatility};
use crate::translate::operators::compare;

/// Translates a query in an expression, which may read the columns of the outer query.
fn inner(translator: &mut Translator<'_>, select: &Select<'_>, purpose: &Purpose<'_>) -> Result<Query> {
    let Some(environment) = translator.context.environment else {
        return Err(Untranslatable::Subquery);
    };
    let frame = Frame { environment, outer: Some(translator.scope()), depth: translator.depth() };
    let mut query = query(&frame.deeper()?, select, purpose)?;
    translator.context.has_queries = true;
    // Levels are counted from the inner query.
    for mut read in query.outer_reads.drain(..) {
        read.level = read.level.saturating_sub(1);
        translator.context.reads.push(read);
    }
    translator.notes.append(&mut query.notes);
    Ok(query)
}

/// `EXISTS (query)`.
pub(crate) fn exists(translator: &mut Translator<'_>, select: &Select<'_>) -> Result<Node> {
    let query = inner(translator, select, &Purpose { is_existence: true, ..Purpose::default() })?;
    Ok(volatile(Node::atom(Kind::Truth, format!("EXISTS ({})", query.sql)).not_null()))
}

/// Translates a scalar subquery. SQLite ignores all rows but the first, where PostgreSQL fails.
pub(crate) fn scalar(translator: &mut Translator<'_>, select: &Select<'_>) -> Result<Node> {
    let query = inner(translator, select, &Purpose { is_scalar: true, ..Purpose::default() })?;
    let [column] = query.columns.as_slice() else {
        return Err(Untranslatable::ScalarColumns);
    };
    if !query.is_single_row {
        return Err(Untranslatable::ScalarRows);
    }
    let mut form = column.form.clone();
    form.not_null &= query.has_row;
    Ok(volatile(form.node(format!("({})", query.sql))))
}

/// `value IN (query)`.
pub(crate) fn among(translator: &mut Translator<'_>, value: &Node, select: &Select<'_>) -> Result<Node> {
    let query = inner(translator, select, &Purpose::default())?;
    let [column] = query.columns.as_slice() else {
        return Err(Untranslatable::InColumns);
    };
    if value.kind == Kind::Null {
        return Err(Untranslatable::NullInQuery);
    }
    const ITEM: &str = "item.value";
    // SQLite uses only the collation of the left side.
    let item = Node { collation: Collated::Unset, ..column.form.node(ITEM.to_owned()) };
    let sides = compare::sides(&mut translator.notes, value, &item, true)?;
    let sql = if sides.right == ITEM {
        format!("{} IN ({})", sides.left, query.sql)
    } else {
        format!("{} IN (SELECT {} FROM ({}) AS item (value))", sides.left, sides.right, query.sql)
    };
    let node = Node::compound(Kind::Truth, sql).made_of([value]);
    Ok(volatile(Node { is_not_null: value.is_not_null && column.form.not_null, ..node }))
}

/// Marks the result of a query, which depends on more than the row.
fn volatile(node: Node) -> Node {
    let volatility = node.volatility.max(Volatility::Stable);
    Node { volatility, ..node }
}
