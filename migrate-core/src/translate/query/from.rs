//! FROM: tables, views, subqueries, and how they are joined.

use sqlite3_parser::ast::{
    Expr, FromClause, JoinConstraint, JoinOperator, JoinType, Operator, QualifiedName, SelectTable,
};

use super::body::conjuncts;
use super::compound::{Frame, Purpose, query};
use super::context::Read;
use super::expression::Translator;
use super::outputs::plain_column;
use super::outputs::{alias_name, target_names, unique_sources};
use super::with::Environment;
use crate::identifier::{fit_pg, hashed_pg, quote_pg, quote_pg_list};
use crate::source_sql::plain_name;
use crate::translate::model::{Notes, Relation, Result, Scope, ScopeTable, Untranslatable};
use crate::translate::operators::{column, compare};

/// A column, by the indexes of its table and of itself.
pub(super) type ColumnIndex = (usize, usize);

/// A translated FROM clause.
#[derive(Debug, Default)]
pub(super) struct From {
    /// The clause without the keyword; empty if there is none.
    pub(super) sql: String,
    /// What names mean.
    pub(super) scope: Scope,
    /// The keys of each table.
    pub(super) keys: Vec<Vec<Vec<usize>>>,
    /// Pairs of columns that are equal in joined rows, so that the first determines the second.
    pub(super) equal: Vec<(ColumnIndex, ColumnIndex)>,
    /// The names of columns that are not migrated.
    pub(super) lost: Vec<String>,
    /// Whether it has an outer join.
    pub(super) has_outer_join: bool,
    /// The columns of outer queries that it reads.
    pub(super) outer_reads: Vec<Read>,
    pub(super) notes: Notes,
}

/// The type of a join.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    Inner,
    Left,
    Right,
    Full,
}

/// Translates the FROM clause of a query.
pub(super) fn from(frame: &Frame<'_>, clause: Option<&FromClause<'_>>) -> Result<From> {
    let mut from = From { scope: Scope::within(frame.outer), ..From::default() };
    if frame.outer.is_none() {
        from.scope.aliases.extend(frame.environment.catalog.schemas.iter().cloned());
    }
    if let Some(clause) = clause {
        from.sql = add_all(frame, &mut from, clause)?;
    }
    Ok(from)
}

/// Adds the tables of a clause, and returns their SQL.
fn add_all(frame: &Frame<'_>, from: &mut From, clause: &FromClause<'_>) -> Result<String> {
    let Some(first) = clause.select else { return Ok(String::new()) };
    let begin = from.scope.tables.len();
    let mut sql = add(frame, from, first)?;
    for joined in clause.joins.iter().flatten() {
        let middle = from.scope.tables.len();
        let right = add(frame, from, &joined.table)?;
        let (join, is_natural) = kind(joined.operator);
        let condition = match &joined.constraint {
            Some(JoinConstraint::On(condition)) => Some(on(frame, from, condition, join)?),
            Some(JoinConstraint::Using(names)) => {
                let names: Vec<String> = names.iter().map(|name| plain_name(name.0)).collect();
                using(from, &names, (begin, middle), join)?
            }
            None if is_natural && !from.lost.is_empty() => {
                return Err(Untranslatable::NaturalJoin);
            }
            None if is_natural => {
                let names = common(from, (begin, middle));
                using(from, &names, (begin, middle), join)?
            }
            None => None,
        };
        let words = match join {
            Join::Inner if condition.is_none() => "CROSS JOIN",
            Join::Inner => "JOIN",
            Join::Left => "LEFT JOIN",
            Join::Right => "RIGHT JOIN",
            Join::Full => "FULL JOIN",
        };
        let condition = match (condition, join) {
            (None, Join::Inner) => String::new(),
            (condition, _) => format!(" ON {}", condition.unwrap_or_else(|| "true".to_owned())),
        };
        sql = format!("{sql} {words} {right}{condition}");
        from.has_outer_join |= join != Join::Inner;
        if matches!(join, Join::Right | Join::Full) {
            may_be_missing(from, begin..middle);
        }
        if matches!(join, Join::Left | Join::Full) {
            may_be_missing(from, middle..from.scope.tables.len());
        }
    }
    Ok(sql)
}

fn kind(operator: JoinOperator) -> (Join, bool) {
    let JoinOperator::TypedJoin(Some(bits)) = operator else { return (Join::Inner, false) };
    let join = match (bits.contains(JoinType::LEFT), bits.contains(JoinType::RIGHT)) {
        (true, true) => Join::Full,
        (true, false) => Join::Left,
        (false, true) => Join::Right,
        (false, false) => Join::Inner,
    };
    (join, bits.contains(JoinType::NATURAL))
}

fn may_be_missing(from: &mut From, tables: std::ops::Range<usize>) {
    for table in from.scope.tables.get_mut(tables).unwrap_or_default() {
        table.columns.iter_mut().for_each(|column| column.not_null = false);
    }
}

/// Adds one item, and returns its SQL.
fn add(frame: &Frame<'_>, from: &mut From, item: &SelectTable<'_>) -> Result<String> {
    match item {
        SelectTable::Table(name, alias, _) => {
            let relation = relation(frame.environment, name)?;
            from.lost.extend(relation.lost.iter().map(|column| format!("{}.{column}", relation.source)));
            frame.environment.read.borrow_mut().insert(relation.source.clone());
            let name = alias.as_ref().map_or_else(|| plain_name(name.name.0), alias_name);
            let (alias, table) = table_of(relation, &name, &mut from.scope);
            from.scope.tables.push(table);
            from.keys.push(relation.keys.clone());
            let alias = quote_pg(&alias);
            Ok(if relation.is_named(&alias) {
                relation.sql.clone()
            } else {
                format!("{} AS {alias}", relation.sql)
            })
        }
        SelectTable::Select(select, alias) => {
            let name = alias.as_ref().map(alias_name);
            let inner = query(&frame.deeper()?, select, &Purpose::default())?;
            from.notes.extend(inner.notes);
            from.outer_reads.extend(inner.outer_reads);
            let alias = free_alias(name.as_deref().unwrap_or("q"), &mut from.scope);
            let sources = unique_sources(inner.columns.iter().map(|column| column.name.clone()).collect());
            let targets = target_names(&sources);
            let columns = (inner.columns.iter().zip(&sources).zip(&targets))
                .map(|((column, source), target)| {
                    column.form.column(source, format!("{}.{}", quote_pg(&alias), quote_pg(target)))
                })
                .collect();
            from.scope.tables.push(ScopeTable { names: name.into_iter().collect(), columns, rowid: None });
            from.keys.push(Vec::new());
            Ok(format!("({}) AS {} ({})", inner.sql, quote_pg(&alias), quote_pg_list(&targets)))
        }
        SelectTable::Sub(clause, None) => Ok(format!("({})", add_all(frame, from, clause)?)),
        SelectTable::Sub(_, Some(_)) => Err(Untranslatable::NamedJoin),
        SelectTable::TableCall(name, ..) => {
            Err(Untranslatable::TableFunction { function: plain_name(name.name.0) })
        }
    }
}

/// Returns the table or view that a name refers to: a query of WITH, or one of the database.
pub(crate) fn relation<'a>(
    environment: &'a Environment<'_>,
    name: &QualifiedName<'_>,
) -> Result<&'a Relation> {
    let schema = name.db_name.as_ref().map(|name| plain_name(name.0));
    let name = plain_name(name.name.0);
    if schema.as_ref().is_some_and(|schema| !schema.eq_ignore_ascii_case("main")) {
        return Err(Untranslatable::OtherDatabaseTable { table: name });
    }
    let is_it = |relation: &&Relation| relation.source.eq_ignore_ascii_case(&name);
    let found = (environment.tables.iter().rev().filter(|_| schema.is_none()).find(is_it))
        .or_else(|| environment.catalog.relations.iter().find(is_it));
    if let Some(relation) = found {
        return Ok(relation);
    }
    let missing = environment.catalog.missing.iter().find(|(missing, _)| missing.eq_ignore_ascii_case(&name));
    match missing {
        Some((_, words)) => Err(Untranslatable::NotMigrated { what: words.clone() }),
        None => Err(Untranslatable::UnknownTable { table: name }),
    }
}

/// Returns a relation as a table of a scope, and its alias in PostgreSQL: `name`, or one derived from it that is free.
pub(crate) fn table_of(relation: &Relation, name: &str, scope: &mut Scope) -> (String, ScopeTable) {
    let alias = free_alias(name, scope);
    let table = relation.scope_table(name, &quote_pg(&alias));
    (alias, table)
}

/// Reserves an alias that is unique in this scope and the outer ones.
fn free_alias(wanted: &str, scope: &mut Scope) -> String {
    let wanted = if wanted.is_empty() { "unnamed".to_owned() } else { fit_pg(wanted) };
    let mut alias = wanted.clone();
    let mut number = 2;
    while !scope.aliases.insert(alias.clone()) {
        alias = format!("{wanted}_{number}");
        if fit_pg(&alias) != alias {
            alias = hashed_pg(&wanted, &alias);
        }
        number += 1;
    }
    alias
}

/// Translates the condition of ON, and records the columns that it makes equal.
fn on(frame: &Frame<'_>, from: &mut From, condition: &Expr<'_>, join: Join) -> Result<String> {
    let scope = from.scope.clone();
    let mut translator = frame.translator(&scope);
    let sql = translator.node(condition)?.condition()?;
    from.notes.append(&mut translator.notes);
    from.outer_reads.extend(translator.context.reads.drain(..).filter(|read| read.level > 0));
    let parts = conjuncts(condition);
    let right = from.scope.tables.len().saturating_sub(1);
    for part in &parts {
        let Some((one, other)) = equal_columns(&mut translator, part)? else { continue };
        match join {
            Join::Inner => from.equal.extend([(one, other), (other, one)]),
            // Only if nothing else determines whether there is a row on the right.
            Join::Left if parts.len() == 1 && other.0 == right => from.equal.push((one, other)),
            Join::Left if parts.len() == 1 && one.0 == right => from.equal.push((other, one)),
            _ => {}
        }
    }
    Ok(sql)
}

/// Returns the two columns of this query that a condition compares for equality.
pub(super) fn equal_columns(
    translator: &mut Translator<'_>,
    condition: &Expr<'_>,
) -> Result<Option<(ColumnIndex, ColumnIndex)>> {
    let Expr::Binary(left, Operator::Equals, right) = condition else { return Ok(None) };
    let mut index = |expression: &Expr<'_>| -> Result<Option<ColumnIndex>> {
        let before = translator.context.reads.len();
        let is_column = plain_column(translator, expression)?.is_some();
        let read = translator.context.reads.get(before).filter(|read| is_column && read.level == 0);
        Ok(read.map(|read| (read.table, read.column)))
    };
    Ok(index(left)?.zip(index(right)?))
}

/// Returns the names that both sides have.
fn common(from: &From, (begin, middle): (usize, usize)) -> Vec<String> {
    let visible = |tables: std::ops::Range<usize>| -> Vec<String> {
        (tables.filter_map(|index| Some((index, from.scope.tables.get(index)?))))
            .flat_map(|(index, table)| {
                let columns = table.columns.iter().enumerate();
                columns.filter(move |(column, _)| !from.scope.hidden.contains(&(index, *column)))
            })
            .map(|(_, column)| column.source.clone())
            .collect()
    };
    let left = visible(begin..middle);
    let mut names = visible(middle..from.scope.tables.len());
    names.retain(|name| left.iter().any(|other| other.eq_ignore_ascii_case(name)));
    names
}

/// Translates USING, and hides the right one of each pair of columns; `None` without names.
fn using(
    from: &mut From,
    names: &[String],
    (begin, middle): (usize, usize),
    join: Join,
) -> Result<Option<String>> {
    if matches!(join, Join::Right | Join::Full) && !names.is_empty() {
        return Err(Untranslatable::OuterUsing);
    }
    let end = from.scope.tables.len();
    let mut conditions = Vec::new();
    for name in names {
        let left = only(from, begin..middle, name)?;
        let right = only(from, middle..end, name)?;
        let node = |(table, index): ColumnIndex| {
            let column = from.scope.tables.get(table).and_then(|table| table.columns.get(index));
            column.map(column::node)
        };
        let (Some(left_node), Some(right_node)) = (node(left), node(right)) else { continue };
        conditions.push(compare::compared(&mut from.notes, &left_node, Operator::Equals, &right_node)?.sql);
        from.scope.hidden.insert(right);
        match join {
            Join::Inner => from.equal.extend([(left, right), (right, left)]),
            _ if names.len() == 1 => from.equal.push((left, right)),
            _ => {}
        }
    }
    Ok((!conditions.is_empty()).then(|| conditions.join(" AND ")))
}

/// Returns the only column of some tables that has a name.
fn only(from: &From, tables: std::ops::Range<usize>, name: &str) -> Result<ColumnIndex> {
    let mut found = None;
    for index in tables {
        let columns = from.scope.tables.get(index).map(|table| table.columns.as_slice()).unwrap_or_default();
        for (column, _) in
            columns.iter().enumerate().filter(|(_, column)| column.source.eq_ignore_ascii_case(name))
        {
            if from.scope.hidden.contains(&(index, column)) {
                continue;
            }
            if found.is_some() {
                return Err(Untranslatable::AmbiguousUsing { column: name.to_owned() });
            }
            found = Some((index, column));
        }
    }
    found.map_or_else(|| Err(Untranslatable::UnknownUsing { column: name.to_owned() }), Ok)
}
