//! The statements of a trigger's body: UPDATE, INSERT and DELETE; RAISE stands in `raise`.

use sqlite3_parser::ast::{self, Expr, Literal, OneSelect, ResolveType, Select, TriggerCmd, Upsert};

use super::write::{self, Assignments};
use super::{Trigger, TriggerTime, raise};
use crate::identifier::quote_pg;
use crate::source_sql::plain_name;
use crate::translate::model::{Relation, Result, Scope, Writes, untranslatable};
use crate::translate::query::{self, Frame, Part, Purpose, Target, Translator, relation, table_of};

/// One statement, as lines of PL/pgSQL, and what a reviewer should know.
pub(super) fn statement(
    trigger: &Trigger<'_>,
    frame: &Frame<'_>,
    command: &TriggerCmd<'_>,
) -> Result<(Vec<String>, Vec<String>)> {
    match command {
        TriggerCmd::Update { or_conflict, tbl_name, sets, from, where_clause } => {
            only_abort(*or_conflict)?;
            if from.is_some() {
                return untranslatable("UPDATE with FROM");
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

/// What SQLite does where a row breaks a constraint is what PostgreSQL does; other wishes are refused.
fn only_abort(conflict: Option<ResolveType>) -> Result<()> {
    match conflict {
        None | Some(ResolveType::Abort) => Ok(()),
        Some(ResolveType::Ignore) => untranslatable("UPDATE OR IGNORE"),
        Some(ResolveType::Replace) => {
            untranslatable("OR REPLACE, which deletes the rows that stand in the way")
        }
        Some(ResolveType::Fail | ResolveType::Rollback) => untranslatable("OR FAIL or OR ROLLBACK"),
    }
}

/// The table that a statement writes to.
fn written<'a>(
    trigger: &Trigger<'_>,
    frame: &Frame<'a>,
    name: &ast::QualifiedName<'_>,
) -> Result<(&'a Relation, &'a Writes)> {
    let table = relation(frame.environment, name)?;
    let Some(writes) = &table.writes else {
        return untranslatable(format!("it writes to the view {}", table.source));
    };
    if trigger.outline.time == TriggerTime::Before && table.source == trigger.own.source {
        return untranslatable(
            "it writes to its own table before the row is changed, of which SQLite promises nothing",
        );
    }
    Ok((table, writes))
}

/// A table that is written to as the one table of a scope, and its SQL with the name it has there.
fn scope_of(frame: &Frame<'_>, table: &Relation, name: &str) -> (Scope, String) {
    let mut scope = Scope {
        outer: frame.outer.map(|outer| Box::new(outer.clone())),
        aliases: frame.outer.map(|outer| outer.aliases.clone()).unwrap_or_default(),
        ..Scope::default()
    };
    let (alias, scope_table) = table_of(table, &[name], name, &mut scope);
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
) -> Result<(String, Vec<String>)> {
    let (table, writes) = written(trigger, frame, name)?;
    let (scope, table_sql) = scope_of(frame, table, &plain_name(name.name.0));
    let mut translator = Translator::of_part(&scope, frame.depth, Part::new(frame.environment));
    let Assignments { list } = write::assignments(&mut translator, table, writes, sets)?;
    let list: Vec<String> = list.iter().map(|set| format!("{} = {}", set.column, set.value)).collect();
    let condition = match condition {
        Some(condition) => format!(" WHERE {}", translator.node(condition)?.condition()?),
        None => String::new(),
    };
    Ok((format!("UPDATE {table_sql} SET {}{condition};", list.join(", ")), translator.notes))
}

fn delete(
    trigger: &Trigger<'_>,
    frame: &Frame<'_>,
    name: &ast::QualifiedName<'_>,
    condition: Option<&Expr<'_>>,
) -> Result<(String, Vec<String>)> {
    let (table, _) = written(trigger, frame, name)?;
    let (scope, table_sql) = scope_of(frame, table, &plain_name(name.name.0));
    let mut translator = Translator::of_part(&scope, frame.depth, Part::new(frame.environment));
    let condition = match condition {
        Some(condition) => format!(" WHERE {}", translator.node(condition)?.condition()?),
        None => String::new(),
    };
    Ok((format!("DELETE FROM {table_sql}{condition};"), translator.notes))
}

/// An INSERT, as it is written.
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
    ) -> Result<(String, Vec<String>)> {
        let ignores = conflict == Some(ResolveType::Ignore);
        if !ignores {
            only_abort(conflict)?;
        }
        let (table, writes) = written(trigger, frame, self.table)?;
        let places = self.places(table, writes)?;
        self.check_defaults(table, writes, &places)?;
        let kept: Vec<bool> = places
            .iter()
            .enumerate()
            .map(|(number, place)| !(table.rowid == Some(*place) && is_null_at(self.select, number)))
            .collect();
        let targets: Vec<Option<Target>> = (places.iter().zip(&kept))
            .map(|(place, is_kept)| table.columns.get(*place).filter(|_| *is_kept).map(write::target))
            .collect();
        let purpose = Purpose { targets: Some(&targets), ..Purpose::default() };
        let query = query::query(frame, self.select, &purpose)?;
        let kept_places: Vec<usize> =
            places.iter().zip(&kept).filter(|(_, is_kept)| **is_kept).map(|(place, _)| *place).collect();
        for (place, column) in kept_places.iter().zip(&query.columns) {
            if table.rowid == Some(*place) && !column.form.not_null {
                return untranslatable("a key that may be NULL, which SQLite would number by itself");
            }
        }
        let names: Vec<&str> =
            kept_places.iter().filter_map(|place| Some(table.columns.get(*place)?.sql.as_str())).collect();
        if names.is_empty() {
            return untranslatable("INSERT of a row without values");
        }
        let mut notes = query.notes;
        if table.rowid.is_some_and(|rowid| kept_places.contains(&rowid)) {
            notes.push(format!(
                "it numbers the rows of {} itself, which the sequence there does not see",
                table.source
            ));
        }
        if let Some(column) = table.lost.first() {
            notes.push(format!("{}.{column} does not move", table.source));
        }
        let on_conflict = match (ignores, self.upsert) {
            (true, None) => {
                self.check_ignored(writes, &kept_places, &query.columns)?;
                " ON CONFLICT DO NOTHING".to_owned()
            }
            (true, Some(_)) => return untranslatable("OR IGNORE together with ON CONFLICT"),
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

    /// The columns that values are given for, by their places.
    fn places(&self, table: &Relation, writes: &Writes) -> Result<Vec<usize>> {
        let Some(names) = self.names else {
            return Ok((0..table.columns.len()).filter(|place| !writes.generated.contains(place)).collect());
        };
        names.iter().map(|name| write::place(table, writes, name)).collect()
    }

    /// A column that is left out has its default, unless that is one that PostgreSQL does not know.
    fn check_defaults(&self, table: &Relation, writes: &Writes, places: &[usize]) -> Result<()> {
        let lost = writes.lost_defaults.iter().find(|place| !places.contains(place));
        match lost.and_then(|place| table.columns.get(*place)) {
            Some(column) => untranslatable(format!(
                "it leaves out {}.{}, whose default stays behind",
                table.source, column.source
            )),
            None => Ok(()),
        }
    }

    /// OR IGNORE leaves out a row that breaks any constraint, ON CONFLICT one that is there already.
    fn check_ignored(&self, writes: &Writes, places: &[usize], columns: &[query::Column]) -> Result<()> {
        let is_given = |required: &usize| {
            let given = places.iter().position(|place| place == required);
            given.and_then(|given| columns.get(given)).is_some_and(|column| column.form.not_null)
        };
        let may_be_null = |required: &&usize| places.contains(required) || writes.required.contains(required);
        let not_null = writes.not_null.iter().filter(may_be_null).all(is_given);
        if writes.has_checks || !not_null {
            return untranslatable("OR IGNORE where a row may also break NOT NULL or a CHECK");
        }
        Ok(())
    }
}

/// Whether all rows that a query gives are NULL in one place.
fn is_null_at(select: &Select<'_>, place: usize) -> bool {
    let is_null = |expression: Option<&Expr<'_>>| matches!(expression, Some(Expr::Literal(Literal::Null)));
    if select.body.compounds.is_some() {
        return false;
    }
    match &select.body.select {
        OneSelect::Values(rows) => rows.iter().all(|row| is_null(row.get(place))),
        OneSelect::Select { columns, .. } => {
            let is_star = |column: &ast::ResultColumn<'_>| !matches!(column, ast::ResultColumn::Expr(..));
            let expression = match columns.get(place) {
                Some(ast::ResultColumn::Expr(expression, _)) => Some(expression),
                _ => None,
            };
            !columns.iter().take(place).any(is_star) && is_null(expression)
        }
    }
}
