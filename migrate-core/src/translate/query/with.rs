//! WITH: named queries, which may be recursive.

use sqlite3_parser::ast::{CommonTableExpr, CompoundOperator, OneSelect, SelectTable, With as Clause};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::body::select_cores;
use super::compound::{Branch, Column, Frame, Purpose, branches, combine, forms, query};
use super::context::Read;
use super::limit::{Limits, limits};
use super::outputs::{target_names, unique_sources};
use crate::identifier::{fit_pg, quote_pg, quote_pg_list};
use crate::source_sql::plain_name;
use crate::translate::model::{Catalog, Notes, Relation, Result, ScopeColumn, Untranslatable};

/// Everything that a query may read.
#[derive(Clone, Debug)]
pub(crate) struct Environment<'a> {
    pub(crate) catalog: &'a Catalog,
    /// The queries of WITH, the inner ones last.
    pub(crate) tables: Vec<Relation>,
    /// The names in SQLite of the tables and views that were read.
    pub(crate) read: Rc<RefCell<BTreeSet<String>>>,
    /// The form of LIMIT.
    pub(crate) limits: Limits,
}

impl<'a> Environment<'a> {
    /// Creates the environment of the statement `sql`.
    pub(crate) fn of(catalog: &'a Catalog, sql: &str) -> Environment<'a> {
        Environment { catalog, tables: Vec::new(), read: Rc::default(), limits: limits(sql) }
    }
}

/// A translated WITH clause.
pub(super) struct With<'a> {
    /// Its SQL; empty if there is none.
    pub(super) sql: String,
    pub(super) environment: Environment<'a>,
    pub(super) outer_reads: Vec<Read>,
    pub(super) notes: Notes,
}

/// Translates a WITH clause, and adds its names to the environment.
pub(super) fn with<'a>(frame: &Frame<'a>, clause: Option<&Clause<'_>>) -> Result<With<'a>> {
    let mut with = With {
        sql: String::new(),
        environment: frame.environment.clone(),
        outer_reads: Vec::new(),
        notes: Notes::new(),
    };
    let Some(clause) = clause else { return Ok(with) };
    let mut parts = Vec::new();
    let mut is_recursive = false;
    for table in clause.ctes {
        let name = plain_name(table.tbl_name.0);
        is_recursive |= reads_itself(table, &name);
        parts.push(add(frame, &mut with, table, &name)?);
    }
    let word = if is_recursive { "WITH RECURSIVE" } else { "WITH" };
    with.sql = format!("{word} {}", parts.join(", "));
    Ok(with)
}

/// Translates one of the queries, and adds it to the environment.
fn add(frame: &Frame<'_>, with: &mut With<'_>, table: &CommonTableExpr<'_>, name: &str) -> Result<String> {
    let target = free_name(&with.environment, name);
    let names = table
        .columns
        .map(|columns| columns.iter().map(|column| plain_name(column.col_name.0)).collect::<Vec<_>>());
    let deeper = Frame { depth: frame.deeper()?.depth, ..*frame };
    let inner = Frame { environment: &with.environment, ..deeper };
    let translated = if reads_itself(table, name) {
        recursive(&inner, table, name, &target, names.as_deref())?
    } else {
        query(&inner, table.select, &Purpose::default())?
    };
    let (relation, columns) = relation(name, &target, &translated.columns, names.as_deref())?;
    with.environment.tables.push(relation);
    with.outer_reads.extend(translated.outer_reads);
    with.notes.extend(translated.notes);
    Ok(format!("{} ({}) AS ({})", quote_pg(&target), quote_pg_list(&columns), translated.sql))
}

/// Returns a name that hides no table of the database in PostgreSQL.
fn free_name(environment: &Environment<'_>, name: &str) -> String {
    let mut target = if name.is_empty() { "unnamed".to_owned() } else { fit_pg(name) };
    let is_taken = |target: &str| {
        let sql = quote_pg(target);
        (environment.catalog.relations.iter())
            .chain(&environment.tables)
            .any(|relation| relation.is_named(&sql))
    };
    while is_taken(&target) {
        target = fit_pg(&format!("{target}_q"));
    }
    target
}

/// Returns a translated query as a relation, and the names of its columns in PostgreSQL.
fn relation(
    name: &str,
    target: &str,
    columns: &[Column],
    names: Option<&[String]>,
) -> Result<(Relation, Vec<String>)> {
    let sources = match names {
        Some(names) if names.len() != columns.len() => {
            return Err(Untranslatable::WithColumnCount { table: name.to_owned() });
        }
        Some(names) => names.to_vec(),
        None => unique_sources(columns.iter().map(|column| column.name.clone()).collect()),
    };
    let targets = target_names(&sources);
    let columns: Vec<ScopeColumn> = (columns.iter().zip(&sources).zip(&targets))
        .map(|((column, source), target)| column.form.column(source, quote_pg(target)))
        .collect();
    let relation = Relation {
        source: name.to_owned(),
        sql: quote_pg(target),
        columns,
        rowid: None,
        keys: Vec::new(),
        lost: Vec::new(),
        writes: None,
    };
    Ok((relation, targets))
}

/// Whether a query is recursive.
fn reads_itself(table: &CommonTableExpr<'_>, name: &str) -> bool {
    let compounds = table.select.body.compounds.as_ref();
    compounds.is_some_and(|compounds| compounds.iter().any(|compound| reads(&compound.select, name)))
}

/// Whether the FROM clause of a SELECT has a name.
fn reads(select: &OneSelect<'_>, name: &str) -> bool {
    let OneSelect::Select { from: Some(from), .. } = select else { return false };
    let joined = from.joins.iter().flatten().map(|join| &join.table);
    from.select.into_iter().chain(joined).any(|table| match table {
        SelectTable::Table(table, ..) => plain_name(table.name.0).eq_ignore_ascii_case(name),
        _ => false,
    })
}

/// Translates a recursive query: the part before UNION is its base, the part after it is applied to each row.
fn recursive(
    frame: &Frame<'_>,
    table: &CommonTableExpr<'_>,
    name: &str,
    target: &str,
    names: Option<&[String]>,
) -> Result<super::compound::Query> {
    let select = table.select;
    let compounds = select.body.compounds.as_ref().map(|all| all.as_slice()).unwrap_or_default();
    let ([last], true) = (compounds, select.with.is_none()) else {
        return Err(Untranslatable::RecursiveParts);
    };
    if select.order_by.is_some() || select.limit.is_some() {
        return Err(Untranslatable::RecursiveOrder);
    }
    if !matches!(last.operator, CompoundOperator::Union | CompoundOperator::UnionAll) {
        return Err(Untranslatable::RecursiveOperator);
    }
    let begin: Vec<Branch> =
        select_cores(frame, &select.body.select, &[], false)?.into_iter().map(|core| (None, core)).collect();
    let base = combine(frame, begin, &[], &Purpose::default())?;
    let may_be_null: Vec<Column> = base
        .columns
        .into_iter()
        .map(|column| Column { form: super::form::Form { not_null: false, ..column.form }, ..column })
        .collect();
    let (relation, _) = relation(name, target, &may_be_null, names)?;
    let mut environment = frame.environment.clone();
    environment.tables.push(relation);
    let inner = Frame { environment: &environment, ..*frame };
    let all: Vec<Branch> = branches(&inner, &select.body, &[], &Purpose::default())?;
    if all.len() != 2 || !all.iter().skip(1).all(|(_, core)| core.is_plain) {
        return Err(Untranslatable::RecursiveWork);
    }
    let forms = forms(&all, &Purpose::default())?;
    let is_same = forms.iter().all(|forms| {
        forms.iter().zip(&may_be_null).all(|(form, column)| form.conversion == column.form.conversion)
    });
    if !is_same {
        return Err(Untranslatable::RecursiveClasses);
    }
    let mut query = combine(&inner, all, &[], &Purpose::default())?;
    query.columns.iter_mut().for_each(|column| column.form.not_null = false);
    Ok(query)
}
