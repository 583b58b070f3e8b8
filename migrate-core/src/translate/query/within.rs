//! Queries within expressions: EXISTS, IN, and a query whose one value is taken.

use sqlite3_parser::ast::Select;

use super::compound::{Frame, Purpose, Query, query};
use super::expression::Translator;
use crate::translate::model::{Collated, Kind, Node, Result, Volatility, untranslatable};
use crate::translate::operators::compare;

/// Translates a query that stands within an expression, whose columns it may name.
fn inner(translator: &mut Translator<'_>, select: &Select<'_>, purpose: &Purpose<'_>) -> Result<Query> {
    let Some(environment) = translator.part.environment else {
        return untranslatable("a query within an expression");
    };
    let frame = Frame { environment, outer: Some(translator.scope()), depth: translator.depth() };
    let mut query = query(&frame.deeper()?, select, purpose)?;
    translator.part.has_queries = true;
    // One query further in than here.
    for mut read in query.outer_reads.drain(..) {
        read.level = read.level.saturating_sub(1);
        translator.part.reads.push(read);
    }
    translator.notes.append(&mut query.notes);
    Ok(query)
}

/// `EXISTS (query)`.
pub(crate) fn exists(translator: &mut Translator<'_>, select: &Select<'_>) -> Result<Node> {
    let query = inner(translator, select, &Purpose { is_existence: true, ..Purpose::default() })?;
    Ok(volatile(Node::atom(Kind::Truth, format!("EXISTS ({})", query.sql)).not_null()))
}

/// The value of a query's first row; SQLite leaves the others unread, where PostgreSQL fails.
pub(crate) fn scalar(translator: &mut Translator<'_>, select: &Select<'_>) -> Result<Node> {
    let query = inner(translator, select, &Purpose { is_scalar: true, ..Purpose::default() })?;
    let [column] = query.columns.as_slice() else {
        return untranslatable("a query as a value that has several columns");
    };
    if !query.gives_one_row {
        return untranslatable(
            "a query as a value that may give several rows, of which SQLite takes the first; LIMIT 1 with ORDER BY says which",
        );
    }
    let mut form = column.form.clone();
    form.not_null &= query.gives_a_row;
    Ok(volatile(form.node(format!("({})", query.sql))))
}

/// `value IN (query)`.
pub(crate) fn among(translator: &mut Translator<'_>, value: &Node, select: &Select<'_>) -> Result<Node> {
    let query = inner(translator, select, &Purpose::default())?;
    let [column] = query.columns.as_slice() else {
        return untranslatable("IN with a query that has several columns");
    };
    if value.kind == Kind::Null {
        return untranslatable("NULL IN a query");
    }
    const ITEM: &str = "item.value";
    // SQLite compares under the collation of the left side alone.
    let item = Node { collation: Collated::ByDefault, ..column.form.node(ITEM.to_owned()) };
    let sides = compare::sides(&mut translator.notes, value, &item, true)?;
    let sql = if sides.right == ITEM {
        format!("{} IN ({})", sides.left, query.sql)
    } else {
        format!("{} IN (SELECT {} FROM ({}) AS item (value))", sides.left, sides.right, query.sql)
    };
    let node = Node::compound(Kind::Truth, sql).made_of([value]);
    Ok(volatile(Node { is_not_null: value.is_not_null && column.form.not_null, ..node }))
}

/// What a query gives depends on more than the row.
fn volatile(node: Node) -> Node {
    let volatility = node.volatility.max(Volatility::Stable);
    Node { volatility, ..node }
}
