//! The statements of a trigger's body: UPDATE, INSERT and DELETE; RAISE is in `raise`.

use sqlite3_parser::ast::{self, Expr, Literal, OneSelect, ResolveType, Select, TriggerCmd, Upsert};

use super::write;
use super::{Trigger, TriggerTime, raise};
use crate::identifier::quote_pg;
use crate::source_sql::plain_name;
use crate::translate::model::{Note, Notes, Relation, Result, Scope, Untranslatable, Writes};
use crate::translate::query::{self, Frame, Purpose, Target, relation, table_of};

/// Translates a statement to lines of PL/pgSQL, with notes.
pub(super) fn statement(
    trigger: &Trigger<'_>,
    frame: &Frame<'_>,
    command: &TriggerCmd<'_>,
) -> Result<(Vec<String>, Notes)> {
    match command {
        TriggerCmd::Update { or_conflict, tbl_name, sets, from, where_clause } => {
            only_abort(*or_conflict)?;
            if from.is_some() {
                return Err(Untranslatable::UpdateFrom);
            }
            let (sql, notes) = update(trigger, frame, tbl_name, sets, where_clause.as_ref())?;
            Ok((vec![sql], notes))
        }
        TriggerCmd::Insert { or_conflict, tbl_name, col_names, select, upsert } => {
            let names = col_names
                .as_ref()
                .map(|names| names.iter().map(|name| plain_name(name.0)).collect::<Vec<_>>());
            let insert = Insert { table: tbl_name, names: names.as_deref(), select, upsert: *upsert };
            let (sql, notes) = insert.sql(trigger, frame, *or_conflict)?;
            Ok((vec![sql], notes))
        }
        TriggerCmd::Delete { tbl_name, where_clause } => {
            let (sql, notes) = delete(trigger, frame, tbl_name, where_clause.as_ref())?;
            Ok((vec![sql], notes))
        }
        TriggerCmd::Select(select) => raise::select(trigger, frame, select),
    }
}

/// Refuses conflict clauses other than ABORT, which is PostgreSQL's behaviour.
fn only_abort(conflict: Option<ResolveType>) -> Result<()> {
    match conflict {
        None | Some(ResolveType::Abort) => Ok(()),
        Some(ResolveType::Ignore) => Err(Untranslatable::UpdateOrIgnore),
        Some(ResolveType::Replace) => Err(Untranslatable::OrReplace),
        Some(ResolveType::Fail | ResolveType::Rollback) => Err(Untranslatable::OrFail),
    }
}

/// Returns the table that a statement writes to.
fn written<'a>(
    trigger: &Trigger<'_>,
    frame: &Frame<'a>,
    name: &ast::QualifiedName<'_>,
) -> Result<(&'a Relation, &'a Writes)> {
    let table = relation(frame.environment, name)?;
    let Some(writes) = &table.writes else {
        return Err(Untranslatable::WritesView { view: table.source.clone() });
    };
    if trigger.outline.time == TriggerTime::Before && table.source == trigger.own.source {
        return Err(Untranslatable::WritesOwnTableBefore);
    }
    Ok((table, writes))
}

/// Returns a scope with the table that is written to, and the SQL of that table with its alias.
fn scope_of(frame: &Frame<'_>, table: &Relation, name: &str) -> (Scope, String) {
    let mut scope = Scope::within(frame.outer);
    let (alias, scope_table) = table_of(table, name, &mut scope);
    scope.tables.push(scope_table);
    let alias = quote_pg(&alias);
    let sql = if table.is_named(&alias) { table.sql.clone() } else { format!("{} AS {alias}", table.sql) };
    (scope, sql)
}

fn update(
    trigger: &Trigger<'_>,
    frame: &Frame<'_>,
    name: &ast::QualifiedName<'_>,
    sets: &[ast::Set<'_>],
    condition: Option<&Expr<'_>>,
) -> Result<(String, Notes)> {
    let (table, writes) = written(trigger, frame, name)?;
    let (scope, table_sql) = scope_of(frame, table, &plain_name(name.name.0));
    let mut translator = frame.translator(&scope);
    let list = write::set_list(&write::assignments(&mut translator, table, writes, sets)?);
    let condition = translator.where_clause(condition)?;
    Ok((format!("UPDATE {table_sql} SET {list}{condition};"), translator.notes))
}

fn delete(
    trigger: &Trigger<'_>,
    frame: &Frame<'_>,
    name: &ast::QualifiedName<'_>,
    condition: Option<&Expr<'_>>,
) -> Result<(String, Notes)> {
    let (table, _) = written(trigger, frame, name)?;
    let (scope, table_sql) = scope_of(frame, table, &plain_name(name.name.0));
    let mut translator = frame.translator(&scope);
    let condition = translator.where_clause(condition)?;
    Ok((format!("DELETE FROM {table_sql}{condition};"), translator.notes))
}

/// An INSERT, as written.
struct Insert<'e, 'b> {
    table: &'e ast::QualifiedName<'b>,
    names: Option<&'e [String]>,
    select: &'e Select<'b>,
    upsert: Option<&'e Upsert<'b>>,
}

impl Insert<'_, '_> {
    fn sql(
        &self,
        trigger: &Trigger<'_>,
        frame: &Frame<'_>,
        conflict: Option<ResolveType>,
    ) -> Result<(String, Notes)> {
        let ignores = conflict == Some(ResolveType::Ignore);
        if !ignores {
            only_abort(conflict)?;
        }
        let (table, writes) = written(trigger, frame, self.table)?;
        let indexes = self.columns(table, writes)?;
        self.check_defaults(table, writes, &indexes)?;
        let kept: Vec<bool> = indexes
            .iter()
            .enumerate()
            .map(|(number, index)| !(table.rowid == Some(*index) && is_null_at(self.select, number)))
            .collect();
        let targets: Vec<Option<Target>> = (indexes.iter().zip(&kept))
            .map(|(index, is_kept)| table.columns.get(*index).filter(|_| *is_kept).map(write::target))
            .collect();
        let purpose = Purpose { targets: Some(&targets), ..Purpose::default() };
        let query = query::query(frame, self.select, &purpose)?;
        let kept_columns: Vec<usize> =
            indexes.iter().zip(&kept).filter(|(_, is_kept)| **is_kept).map(|(index, _)| *index).collect();
        for (index, column) in kept_columns.iter().zip(&query.columns) {
            if table.rowid == Some(*index) && !column.form.not_null {
                return Err(Untranslatable::NullKey);
            }
        }
        let names: Vec<&str> =
            kept_columns.iter().filter_map(|index| Some(table.columns.get(*index)?.sql.as_str())).collect();
        if names.is_empty() {
            return Err(Untranslatable::EmptyInsert);
        }
        let mut notes = query.notes;
        if table.rowid.is_some_and(|rowid| kept_columns.contains(&rowid)) {
            notes.insert(Note::NumbersRows { table: table.source.clone() });
        }
        if let Some(column) = table.lost.first() {
            notes.insert(Note::NotMigratedColumn { table: table.source.clone(), column: column.clone() });
        }
        let on_conflict = match (ignores, self.upsert) {
            (true, None) => {
                self.check_ignored(writes, &kept_columns, &query.columns)?;
                " ON CONFLICT DO NOTHING".to_owned()
            }
            (true, Some(_)) => return Err(Untranslatable::IgnoreOnConflict),
            (false, None) => String::new(),
            (false, Some(upsert)) => {
                let (sql, more) =
                    write::on_conflict(frame, table, writes, &plain_name(self.table.name.0), upsert)?;
                notes.extend(more);
                sql
            }
        };
        let table_sql = match self.upsert {
            Some(_) => format!("{} AS {}", table.sql, write::UPSERT_ALIAS),
            None => table.sql.clone(),
        };
        Ok((format!("INSERT INTO {table_sql} ({}) {}{on_conflict};", names.join(", "), query.sql), notes))
    }

    /// Returns the indexes of the columns that have values.
    fn columns(&self, table: &Relation, writes: &Writes) -> Result<Vec<usize>> {
        let Some(names) = self.names else {
            return Ok((0..table.columns.len()).filter(|index| !writes.generated.contains(index)).collect());
        };
        names.iter().map(|name| write::index(table, writes, name)).collect()
    }

    /// Refuses to omit a column whose default is not migrated.
    fn check_defaults(&self, table: &Relation, writes: &Writes, indexes: &[usize]) -> Result<()> {
        let lost = writes.lost_defaults.iter().find(|index| !indexes.contains(index));
        match lost.and_then(|index| table.columns.get(*index)) {
            Some(column) => Err(Untranslatable::MissingDefault {
                table: table.source.clone(),
                column: column.source.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Checks that ON CONFLICT, which skips duplicates, is equivalent to OR IGNORE, which skips rows that violate any constraint.
    fn check_ignored(&self, writes: &Writes, indexes: &[usize], columns: &[query::Column]) -> Result<()> {
        let is_given = |required: &usize| {
            let given = indexes.iter().position(|index| index == required);
            given.and_then(|given| columns.get(given)).is_some_and(|column| column.form.not_null)
        };
        let may_be_null =
            |required: &&usize| indexes.contains(required) || writes.required.contains(required);
        let not_null = writes.not_null.iter().filter(may_be_null).all(is_given);
        if writes.has_checks || !not_null {
            return Err(Untranslatable::IgnoredConstraints);
        }
        Ok(())
    }
}

/// Whether a column is NULL in all rows of a query.
fn is_null_at(select: &Select<'_>, index: usize) -> bool {
    let is_null = |expression: Option<&Expr<'_>>| matches!(expression, Some(Expr::Literal(Literal::Null)));
    if select.body.compounds.is_some() {
        return false;
    }
    match &select.body.select {
        OneSelect::Values(rows) => rows.iter().all(|row| is_null(row.get(index))),
        OneSelect::Select { columns, .. } => {
            let is_star = |column: &ast::ResultColumn<'_>| !matches!(column, ast::ResultColumn::Expr(..));
            let expression = match columns.get(index) {
                Some(ast::ResultColumn::Expr(expression, _)) => Some(expression),
                _ => None,
            };
            !columns.iter().take(index).any(is_star) && is_null(expression)
        }
    }
}
