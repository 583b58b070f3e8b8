//! Assignments: SET, and ON CONFLICT of an INSERT.

use sqlite3_parser::ast::{self, Expr, UpsertDo};

use crate::source_sql::plain_name;
use crate::translate::model::{
    Notes, Relation, Result, Scope, ScopeColumn, Untranslatable, Writes, column_index,
};
use crate::translate::operators::default_value;
use crate::translate::query::{Frame, Target, Translator, bare_name, plain_column};

/// One column and its value, in PostgreSQL's SQL.
pub(super) struct Assignment {
    /// The index of the column.
    pub(super) index: usize,
    /// The column's name.
    pub(super) column: String,
    pub(super) value: String,
    /// The columns of the row that the value depends on, by table and index.
    pub(super) reads: Vec<(usize, usize)>,
}

/// Returns a column as the target of an assignment.
pub(super) fn target(column: &ScopeColumn) -> Target {
    Target { conversion: column.conversion.clone(), affinity: column.affinity }
}

/// Returns the index of a column that is written to.
pub(super) fn index(table: &Relation, writes: &Writes, name: &str) -> Result<usize> {
    match column_index(&table.columns, table.rowid, name) {
        None => Err(Untranslatable::NoSuchColumn { table: table.source.clone(), column: name.to_owned() }),
        Some(index) if writes.generated.contains(&index) => {
            Err(Untranslatable::WritesGenerated { table: table.source.clone(), column: name.to_owned() })
        }
        Some(index) => Ok(index),
    }
}

/// Translates SET.
pub(super) fn assignments(
    translator: &mut Translator<'_>,
    table: &Relation,
    writes: &Writes,
    sets: &[ast::Set<'_>],
) -> Result<Vec<Assignment>> {
    let mut list = Vec::with_capacity(sets.len());
    for set in sets {
        let [name] = set.col_names.as_slice() else {
            return Err(Untranslatable::SetOfColumns);
        };
        let index = index(table, writes, &plain_name(name.0))?;
        let Some(column) = table.columns.get(index) else { continue };
        translator.context.reads.clear();
        let value = value(translator, &set.expr, &target(column))?;
        let reads = translator.context.reads.drain(..).filter(|read| read.level == 0);
        let reads = reads.map(|read| (read.table, read.column)).collect();
        list.push(Assignment { index, column: column.sql.clone(), value, reads });
    }
    Ok(list)
}

/// Returns the SQL of assignments.
pub(super) fn set_list(assignments: &[Assignment]) -> String {
    let list: Vec<String> = assignments.iter().map(|set| format!("{} = {}", set.column, set.value)).collect();
    list.join(", ")
}

/// Translates a value to the form of a column.
fn value(translator: &mut Translator<'_>, expression: &Expr<'_>, target: &Target) -> Result<String> {
    if let Some(clock) = default_value::clock_default(&expression.to_string(), &target.conversion) {
        return Ok(clock.sql);
    }
    let column = plain_column(translator, expression)?;
    let node = translator.node(expression)?;
    target.value(&node, column.as_ref())
}

/// The alias of the table that ON CONFLICT updates.
pub(super) const UPSERT_ALIAS: &str = "present";

/// Translates ON CONFLICT, if PostgreSQL has the constraint that it refers to.
pub(super) fn on_conflict(
    frame: &Frame<'_>,
    table: &Relation,
    writes: &Writes,
    name: &str,
    upsert: &ast::Upsert<'_>,
) -> Result<(String, Notes)> {
    if upsert.next.is_some() {
        return Err(Untranslatable::SeveralOnConflict);
    }
    let target = match &upsert.index {
        None => String::new(),
        Some(target) if target.where_clause.is_some() => {
            return Err(Untranslatable::OnConflictWhere);
        }
        Some(target) => {
            let mut indexes = Vec::new();
            for column in target.targets {
                let Some(name) = bare_name(&column.expr) else {
                    return Err(Untranslatable::OnConflictExpression);
                };
                indexes.push(index(table, writes, &name)?);
            }
            let mut sorted = indexes.clone();
            sorted.sort_unstable();
            if !writes.unique.contains(&sorted) {
                return Err(Untranslatable::OnConflictNotUnique);
            }
            let names: Vec<&str> =
                indexes.iter().filter_map(|index| Some(table.columns.get(*index)?.sql.as_str())).collect();
            format!(" ({})", names.join(", "))
        }
    };
    match &upsert.do_clause {
        UpsertDo::Nothing => Ok((format!(" ON CONFLICT{target} DO NOTHING"), Notes::new())),
        UpsertDo::Set { .. } if target.is_empty() => Err(Untranslatable::OnConflictColumns),
        UpsertDo::Set { sets, where_clause } => {
            let scope = upsert_scope(frame, table, name);
            let mut translator = frame.translator(&scope);
            let list = set_list(&assignments(&mut translator, table, writes, sets)?);
            let condition = translator.where_clause(where_clause.as_ref())?;
            let sql = format!(" ON CONFLICT{target} DO UPDATE SET {list}{condition}");
            Ok((sql, translator.notes))
        }
    }
}

/// Returns a scope with the existing row under the table's own name, and the new one as `excluded`.
fn upsert_scope(frame: &Frame<'_>, table: &Relation, name: &str) -> Scope {
    let mut scope = Scope::within(frame.outer);
    for (name, alias) in [(name, UPSERT_ALIAS), ("excluded", "excluded")] {
        scope.aliases.insert(alias.to_owned());
        scope.tables.push(table.scope_table(name, alias));
    }
    scope.hidden.extend((0..table.columns.len()).map(|column| (1, column)));
    scope
}
