//! GROUP BY: its keys, and the columns beside it that are the same in all rows of a group.

use sqlite3_parser::ast::{Expr, Literal, Operator, ResultColumn};
use std::collections::BTreeSet;

use super::body::conjuncts;
use super::compound::Frame;
use super::expression::Translator;
use super::form::must_compare;
use super::from::{From, Place};
use super::outputs::plain_column;
use super::part::{Part, Read};
use crate::conversion::Conversion;
use crate::translate::model::{Collation, Kind, Result, Scope, untranslatable};

/// The keys of GROUP BY, in PostgreSQL's SQL.
pub(super) fn keys(
    translator: &mut Translator<'_>,
    group_by: &[Expr<'_>],
    columns: &[ResultColumn<'_>],
) -> Result<Vec<String>> {
    let mut keys: Vec<String> = Vec::new();
    for term in group_by {
        let key = match position(term) {
            Some(place) => match (columns.get(place), columns.iter().any(is_star)) {
                (Some(ResultColumn::Expr(expression, _)), false) => key(translator, expression)?,
                _ => return untranslatable("a place in GROUP BY where * stands"),
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
        must_compare_or_fold(&column.conversion, &column.collation)?;
        return fold(&column.sql, &column.conversion, &column.collation);
    }
    let node = translator.node(expression)?;
    if node.constant.is_some() || node.kind == Kind::Null {
        return untranslatable("GROUP BY with a constant");
    }
    if matches!(node.kind, Kind::Json | Kind::Document | Kind::Unknown) {
        return untranslatable("GROUP BY of values that may be equal where SQLite's differ");
    }
    match node.kind {
        Kind::Text => fold(&node.sql, &Conversion::Text, node.collation()),
        _ => Ok(node.sql),
    }
}

fn must_compare_or_fold(conversion: &Conversion, collation: &Collation) -> Result<()> {
    match conversion {
        Conversion::Text => Ok(()),
        _ => must_compare(conversion, collation),
    }
}

fn fold(sql: &str, conversion: &Conversion, collation: &Collation) -> Result<String> {
    match (conversion, collation) {
        (Conversion::Text, Collation::Nocase) => Ok(format!("lower({sql})")),
        (Conversion::Text, Collation::Rtrim) => Ok(format!("rtrim({sql}, ' ')")),
        (Conversion::Text, Collation::Other(_)) => untranslatable("a collation that only the app knows"),
        _ => Ok(sql.to_owned()),
    }
}

/// The place of a result column that a term means by its number.
pub(super) fn position(term: &Expr<'_>) -> Option<usize> {
    match term {
        Expr::Literal(Literal::Numeric(digits)) => digits.parse::<usize>().ok()?.checked_sub(1),
        _ => None,
    }
}

pub(super) fn is_star(column: &ResultColumn<'_>) -> bool {
    matches!(column, ResultColumn::Star | ResultColumn::TableStar(_))
}

/// The columns beside GROUP BY that its keys settle, since these name one row of their table: as keys, which PostgreSQL wants
/// them to be. A column that differs within a group is refused: SQLite takes that of any row (manual, "SELECT", section 2.5).
pub(super) fn settled(from: &From, scope: &Scope, groups: &[String], reads: &[Read]) -> Result<Vec<String>> {
    let known = closure(from, scope, groups);
    let mut more: Vec<String> = Vec::new();
    for read in reads.iter().filter(|read| read.level == 0 && !read.is_aggregated) {
        if groups.contains(&read.sql) || more.contains(&read.sql) {
            continue;
        }
        let column = scope.tables.get(read.table).and_then(|table| table.columns.get(read.column));
        let Some(column) = column else { continue };
        if !known.contains(&(read.table, read.column)) {
            return untranslatable(format!(
                "the column {} beside an aggregate, which is not the same in all rows of a group: SQLite takes it of any row",
                column.source
            ));
        }
        // Only its type must have an equality: within a group there is one value.
        if column.conversion == Conversion::Json {
            return untranslatable(format!("the column {} in a group, which is json", column.source));
        }
        more.push(read.sql.clone());
    }
    Ok(more)
}

/// All columns that the keys of GROUP BY settle.
fn closure(from: &From, scope: &Scope, groups: &[String]) -> BTreeSet<Place> {
    let mut known: BTreeSet<Place> = BTreeSet::new();
    for (place, table) in scope.tables.iter().enumerate() {
        let grouped = table.columns.iter().enumerate().filter(|(_, column)| groups.contains(&column.sql));
        known.extend(grouped.map(|(column, _)| (place, column)));
    }
    loop {
        let before = known.len();
        for (place, table) in scope.tables.iter().enumerate() {
            let keys = from.keys.get(place).map(Vec::as_slice).unwrap_or_default();
            let is_settled =
                keys.iter().any(|key| key.iter().all(|column| known.contains(&(place, *column))));
            if is_settled {
                known.extend((0..table.columns.len()).map(|column| (place, column)));
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

/// Whether WHERE names one row at most: each table by a key whose columns equal what does not depend on the tables.
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
            let mut translator = Translator::of_part(scope, frame.depth, Part::new(frame.environment));
            let Some(found) = plain_column(&mut translator, column)? else { continue };
            let is_own = translator.part.reads.iter().all(|read| read.level == 0);
            translator.part.reads.clear();
            translator.node(other)?;
            if is_own && translator.part.reads.iter().all(|read| read.level > 0) {
                groups.push(found.sql);
            }
        }
    }
    let known = closure(from, scope, &groups);
    let is_known = |place: usize, columns: usize| (0..columns).all(|column| known.contains(&(place, column)));
    let mut tables = scope.tables.iter().enumerate();
    Ok(!scope.tables.is_empty() && tables.all(|(place, table)| is_known(place, table.columns.len())))
}
