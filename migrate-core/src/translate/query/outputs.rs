//! Result columns: their values, their names in SQLite, and the columns that they are assigned to.

use sqlite3_parser::ast::{As, Expr, ResultColumn};
use std::collections::BTreeSet;

use super::expression::Translator;
use super::form::Form;
use crate::affinity::Affinity;
use crate::conversion::Conversion;
use crate::identifier::{fit_pg, hashed_pg};
use crate::source_sql::plain_name;
use crate::translate::model::{Constant, Node, Result, ScopeColumn, Untranslatable};
use crate::translate::operators::{coerce, column, default_value};

/// A result column.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// Its name in SQLite.
    pub(super) name: String,
    /// Whether that is a name instead of the text of an expression.
    pub(super) is_named: bool,
    /// Its value.
    pub(super) node: Node,
    /// The column, if the expression is a plain column.
    pub(super) column: Option<ScopeColumn>,
}

/// A column of a table that a value is assigned to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) conversion: Conversion,
    pub(crate) affinity: Affinity,
}

impl Output {
    pub(super) fn form(&self) -> Result<Form> {
        self.column.as_ref().map_or_else(|| Form::of_node(&self.node), |column| Ok(Form::of_column(column)))
    }

    /// Returns the value in the form of the column that it is assigned to.
    pub(super) fn assigned(&self, target: &Target) -> Result<Form> {
        let mut sql = target.value(&self.node, self.column.as_ref())?;
        if self.node.constant.is_some() {
            // A literal gets the type of its target column, but not through a SELECT.
            sql = format!("{sql}::{}", target.conversion.target_type());
        }
        Ok(Form {
            sql,
            conversion: target.conversion.clone(),
            affinity: target.affinity,
            collation: self.node.collation().clone(),
            not_null: self.node.is_not_null,
        })
    }
}

impl Target {
    /// Returns a value in the form of this column; `column` is set if it is a plain column.
    pub(crate) fn value(&self, node: &Node, column: Option<&ScopeColumn>) -> Result<String> {
        match (column, &node.constant) {
            (Some(column), _) if column.conversion == self.conversion => Ok(column.sql.clone()),
            (_, Some(Constant::Null)) => Ok("NULL".to_owned()),
            (_, Some(_)) => Ok(default_value::constant(node, &self.conversion, self.affinity)?.sql),
            _ => coerce::assigned(node, &self.conversion, self.affinity),
        }
    }
}

/// Translates the result columns of one SELECT.
pub(super) fn outputs(translator: &mut Translator<'_>, columns: &[ResultColumn<'_>]) -> Result<Vec<Output>> {
    let mut outputs = Vec::new();
    for column in columns {
        match column {
            ResultColumn::Star if translator.scope().tables.is_empty() => {
                return Err(Untranslatable::StarWithoutTable);
            }
            ResultColumn::Star => outputs.extend(all_of(translator, None)),
            ResultColumn::TableStar(name) => {
                let name = plain_name(name.0);
                let columns = all_of(translator, Some(&name));
                if columns.is_empty() {
                    return Err(Untranslatable::UnknownStar { table: name });
                }
                outputs.extend(columns);
            }
            ResultColumn::Expr(expression, alias) => {
                outputs.push(output(translator, expression, alias.as_ref())?);
            }
        }
    }
    Ok(outputs)
}

/// Translates one value as a result column.
pub(super) fn output(
    translator: &mut Translator<'_>,
    expression: &Expr<'_>,
    alias: Option<&As<'_>>,
) -> Result<Output> {
    let column = plain_column(translator, expression)?;
    let node = translator.node(expression)?;
    let (name, is_named) = match (alias, &column) {
        (Some(alias), _) => (alias_name(alias), true),
        (None, Some(column)) => (column.source.clone(), true),
        (None, None) => (expression.to_string(), false),
    };
    Ok(Output { name, is_named, node, column })
}

/// Returns the columns of `*` or `name.*`.
fn all_of(translator: &mut Translator<'_>, name: Option<&str>) -> Vec<Output> {
    let scope = translator.scope();
    let mut outputs = Vec::new();
    for (index, table) in scope.tables.iter().enumerate() {
        let is_meant =
            name.is_none_or(|name| table.names.iter().any(|other| other.eq_ignore_ascii_case(name)));
        for (number, found) in table.columns.iter().enumerate().filter(|_| is_meant) {
            if name.is_none() && scope.hidden.contains(&(index, number)) {
                continue;
            }
            translator.context.read(0, index, number, found);
            outputs.push(Output {
                name: found.source.clone(),
                is_named: true,
                node: column::node(found),
                column: Some(found.clone()),
            });
        }
    }
    outputs
}

/// Returns the name of an expression that is only an unqualified name.
pub(crate) fn bare_name(expression: &Expr<'_>) -> Option<String> {
    match expression {
        Expr::Id(id) => Some(plain_name(id.0)),
        Expr::Name(name) => Some(plain_name(name.0)),
        _ => None,
    }
}

/// Returns the name that AS gives.
pub(super) fn alias_name(alias: &As<'_>) -> String {
    let (As::As(name) | As::Elided(name)) = alias;
    plain_name(name.0)
}

/// Returns the column of an expression that is only a column.
pub(crate) fn plain_column(
    translator: &mut Translator<'_>,
    expression: &Expr<'_>,
) -> Result<Option<ScopeColumn>> {
    let found = match expression {
        Expr::Qualified(table, name) => translator.column(Some(&plain_name(table.0)), &plain_name(name.0))?,
        Expr::DoublyQualified(_, table, name) => {
            translator.column(Some(&plain_name(table.0)), &plain_name(name.0))?
        }
        Expr::Parenthesized(inner) => match inner.as_slice() {
            [only] => return plain_column(translator, only),
            _ => None,
        },
        other => match bare_name(other) {
            Some(name) => translator.column(None, &name)?,
            None => None,
        },
    };
    Ok(found.cloned())
}

/// Makes names of columns unique as SQLite does: `id`, `id:1`.
pub(super) fn unique_sources(names: Vec<String>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let unique = |name: String| {
        let mut free = name.clone();
        let mut number = 1;
        while !taken.insert(free.to_ascii_lowercase()) {
            free = format!("{name}:{number}");
            number += 1;
        }
        free
    };
    names.into_iter().map(unique).collect()
}

/// Returns unique names of columns that PostgreSQL accepts.
pub(super) fn target_names(sources: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let target = |source: &String| {
        let name = if source.is_empty() { "unnamed".to_owned() } else { fit_pg(source) };
        let (mut free, mut salt) = (name.clone(), name.clone());
        while !taken.insert(free.clone()) {
            free = hashed_pg(&name, &salt);
            salt.push('+');
        }
        free
    };
    sources.iter().map(target).collect()
}
