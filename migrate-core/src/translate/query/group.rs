//! GROUP BY: its keys, and the other columns that are the same in all rows of a group.

use sqlite3_parser::ast::{Expr, Literal, Operator, ResultColumn};
use std::collections::BTreeSet;

use super::body::conjuncts;
use super::compound::Frame;
use super::context::Read;
use super::expression::Translator;
use super::form::check_comparable;
use super::from::{ColumnIndex, From};
use super::outputs::plain_column;
use crate::conversion::Conversion;
use crate::translate::model::{Collation, Kind, Result, Scope, Untranslatable};

/// Translates the keys of GROUP BY.
pub(super) fn keys(
    translator: &mut Translator<'_>,
    group_by: &[Expr<'_>],
    columns: &[ResultColumn<'_>],
) -> Result<Vec<String>> {
    let mut keys: Vec<String> = Vec::new();
    for term in group_by {
        let key = match position(term) {
            Some(index) => match (columns.get(index), columns.iter().any(is_star)) {
                (Some(ResultColumn::Expr(expression, _)), false) => key(translator, expression)?,
                _ => return Err(Untranslatable::GroupPosition),
            },
            None => key(translator, term)?,
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

fn key(translator: &mut Translator<'_>, expression: &Expr<'_>) -> Result<String> {
    if let Some(column) = plain_column(translator, expression)? {
        if column.conversion != Conversion::Text {
            check_comparable(&column.conversion, &column.collation)?;
        }
        return fold(&column.sql, &column.conversion, &column.collation);
    }
    let node = translator.node(expression)?;
    if node.constant.is_some() || node.kind == Kind::Null {
        return Err(Untranslatable::ConstantGroup);
    }
    if matches!(node.kind, Kind::Json | Kind::Document | Kind::Unknown) {
        return Err(Untranslatable::NotDistinguished);
    }
    match node.kind {
        Kind::Text => fold(&node.sql, &Conversion::Text, node.collation()),
        _ => Ok(node.sql),
    }
}

fn fold(sql: &str, conversion: &Conversion, collation: &Collation) -> Result<String> {
    match conversion {
        Conversion::Text => collation.folded(sql.to_owned()),
        _ => Ok(sql.to_owned()),
    }
}

/// Returns the index of the result column that a term refers to by its number.
pub(super) fn position(term: &Expr<'_>) -> Option<usize> {
    match term {
        Expr::Literal(Literal::Numeric(digits)) => digits.parse::<usize>().ok()?.checked_sub(1),
        _ => None,
    }
}

pub(super) fn is_star(column: &ResultColumn<'_>) -> bool {
    matches!(column, ResultColumn::Star | ResultColumn::TableStar(_))
}

/// Returns the columns that the keys of GROUP BY determine, because these identify a row of their table; PostgreSQL needs them as
/// further keys. A column that differs in a group is refused: SQLite uses that of any row (manual, "SELECT", section 2.5).
pub(super) fn dependent_columns(
    from: &From,
    scope: &Scope,
    groups: &[String],
    reads: &[Read],
) -> Result<Vec<String>> {
    let known = determined_columns(from, scope, groups);
    let mut more: Vec<String> = Vec::new();
    for read in reads.iter().filter(|read| read.level == 0 && !read.is_aggregated) {
        if groups.contains(&read.sql) || more.contains(&read.sql) {
            continue;
        }
        let column = scope.tables.get(read.table).and_then(|table| table.columns.get(read.column));
        let Some(column) = column else { continue };
        if !known.contains(&(read.table, read.column)) {
            return Err(Untranslatable::BareColumn { column: column.source.clone() });
        }
        // Only its type must have an equality operator: a group has one value.
        if matches!(column.conversion, Conversion::Json | Conversion::JsonFromBytes | Conversion::JsonFromAny)
        {
            return Err(Untranslatable::JsonInGroup { column: column.source.clone() });
        }
        more.push(read.sql.clone());
    }
    Ok(more)
}

/// Returns all columns that the keys of GROUP BY determine.
fn determined_columns(from: &From, scope: &Scope, groups: &[String]) -> BTreeSet<ColumnIndex> {
    let mut known: BTreeSet<ColumnIndex> = BTreeSet::new();
    for (index, table) in scope.tables.iter().enumerate() {
        let grouped = table.columns.iter().enumerate().filter(|(_, column)| groups.contains(&column.sql));
        known.extend(grouped.map(|(column, _)| (index, column)));
    }
    loop {
        let before = known.len();
        for (index, table) in scope.tables.iter().enumerate() {
            let keys = from.keys.get(index).map(Vec::as_slice).unwrap_or_default();
            let is_settled =
                keys.iter().any(|key| key.iter().all(|column| known.contains(&(index, *column))));
            if is_settled {
                known.extend((0..table.columns.len()).map(|column| (index, column)));
            }
        }
        for (one, other) in &from.equal {
            if known.contains(one) {
                known.insert(*other);
            }
        }
        if known.len() == before {
            return known;
        }
    }
}

/// Whether WHERE selects at most one row: it compares a key of each table with values that do not depend on the tables.
pub(super) fn is_pinned(
    frame: &Frame<'_>,
    from: &From,
    scope: &Scope,
    condition: Option<&Expr<'_>>,
) -> Result<bool> {
    let mut groups = Vec::new();
    for part in condition.map(conjuncts).unwrap_or_default() {
        let Expr::Binary(left, Operator::Equals, right) = part else { continue };
        for (column, other) in [(left, right), (right, left)] {
            let mut translator = frame.translator(scope);
            let Some(found) = plain_column(&mut translator, column)? else { continue };
            let is_own = translator.context.reads.iter().all(|read| read.level == 0);
            translator.context.reads.clear();
            translator.node(other)?;
            if is_own && translator.context.reads.iter().all(|read| read.level > 0) {
                groups.push(found.sql);
            }
        }
    }
    let known = determined_columns(from, scope, &groups);
    let is_known = |index: usize, columns: usize| (0..columns).all(|column| known.contains(&(index, column)));
    let mut tables = scope.tables.iter().enumerate();
    Ok(!scope.tables.is_empty() && tables.all(|(index, table)| is_known(index, table.columns.len())))
}
