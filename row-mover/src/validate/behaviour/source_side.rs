//! Runs the trials in SQLite, in an in-memory database, one row of the sealed copy at a time.

use migrate_core::finding::Reason;
use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::{PlannedCheck, PlannedColumn, PlannedForeignKey, PlannedTable};
use migrate_core::source_sql::index_facts;
use rusqlite::ffi;
use rusqlite::types::Value;

use super::Answer;
use super::candidates::{self, Candidate};
use super::constraint::{Key, mentioned, mentions};
use super::memory::{Attempt, Column, Memory, Statements, absent, failed};
use crate::error::Result;
use crate::source::SourceConnection;

/// How many values that break a condition are tried in PostgreSQL.
const BREAKING_MAX: usize = 12;

/// SQLite's part of the tries of one table.
pub(super) struct SourceSide<'s> {
    memory: Memory<'s>,
}

impl<'s> SourceSide<'s> {
    pub(super) fn open(
        source: &'s SourceConnection,
        statements: &Statements,
        table: &PlannedTable,
    ) -> Result<SourceSide<'s>> {
        Ok(SourceSide { memory: Memory::open(source, statements, table)? })
    }

    /// NULL in a column, where SQLite has that it may not be.
    pub(super) fn not_null(&self, table: &PlannedTable, column: &PlannedColumn) -> Answer {
        match column.source_not_null {
            true => self.finished(self.try_not_null(table, column)),
            false => Answer::NotThere,
        }
    }

    /// A row and then another that is like it in this key alone.
    pub(super) fn key(&self, table: &PlannedTable, key: &Key<'_>) -> Answer {
        match key.is_in_source {
            true => self.finished(self.try_key(table, key)),
            false => Answer::NotThere,
        }
    }

    /// A row with a key that its parent has not, with whatever its other foreign keys point to.
    pub(super) fn foreign_key(&self, table: &PlannedTable, key: &PlannedForeignKey) -> Answer {
        self.finished(self.try_foreign_key(table, key))
    }

    /// Values that break a condition and that SQLite refuses for it; why there is none.
    pub(super) fn breaking<'p>(
        &self,
        table: &'p PlannedTable,
        check: &PlannedCheck,
    ) -> Attempt<Vec<Candidate<'p>>> {
        let found = self.try_check(table, check);
        self.memory.empty()?;
        match found {
            Ok(found) if found.is_empty() => Err(Reason::NoViolationInSource),
            found => found,
        }
    }

    fn finished(&self, tried: Attempt<Answer>) -> Answer {
        tried.and_then(|answer| self.memory.empty().map(|()| answer)).unwrap_or_else(Answer::Untried)
    }

    /// Under the rowid's own name, NULL means the next number.
    fn try_not_null(&self, table: &PlannedTable, column: &PlannedColumn) -> Attempt<Answer> {
        let memory = &self.memory;
        if memory.is_rowid(table, column)? {
            return Ok(Answer::NotThere);
        }
        let mut row = memory.row(table, &[])?;
        row.set(&column.source, Value::Null);
        memory.enforce(false, false)?;
        Ok(match memory.insert(&table.source, &row) {
            Err(error) if code(&error) == Some(ffi::SQLITE_CONSTRAINT_NOTNULL) => Answer::Refused,
            other => answer(other),
        })
    }

    fn try_key(&self, table: &PlannedTable, key: &Key<'_>) -> Attempt<Answer> {
        let memory = &self.memory;
        let columns = memory.columns(table)?;
        let is_primary = table.primary_key.as_ref().is_some_and(|primary| primary.name == key.name);
        if is_primary && !columns.iter().any(|column| column.in_key) {
            return Ok(Answer::NotThere);
        }
        let row = memory.row(table, &conditions(key))?;
        let mut other = row.clone();
        for (place, column) in
            columns.iter().enumerate().filter(|(_, column)| !keeps(table, key, &column.name))
        {
            let fresh = if column.may_be_null() { Value::Null } else { row.fresh(&column.name, place) };
            other.set(&column.name, fresh);
        }
        memory.enforce(false, false)?;
        memory.insert(&table.source, &row).map_err(failed)?;
        Ok(match memory.insert(&table.source, &other) {
            Err(error) if is_of_key(&error) => Answer::Refused,
            other => answer(other),
        })
    }

    fn try_check<'p>(&self, table: &'p PlannedTable, check: &PlannedCheck) -> Attempt<Vec<Candidate<'p>>> {
        let memory = &self.memory;
        let row = memory.row(table, &[])?;
        let columns = mentioned(table, &check.expression);
        let all = columns.into_iter().filter(|column| column.generated.is_none());
        let sql = format!("SELECT ({}\n) FROM {}", check.source, quote_sqlite(&table.source));
        let mut broken = Vec::new();
        memory.enforce(false, false)?;
        for candidate in all.flat_map(|column| candidates::of_condition(column, &check.source)) {
            let holds =
                (memory.insert(&table.source, &row.with(&candidate))).and_then(|()| memory.truth(&sql));
            memory.empty()?;
            if matches!(holds, Ok(Some(0.0))) {
                broken.push(candidate);
            }
        }
        memory.enforce(true, false)?;
        let mut breaking = Vec::new();
        for candidate in broken {
            let refused = memory.insert(&table.source, &row.with(&candidate));
            memory.empty()?;
            let is_refused = refused.is_err_and(|error| code(&error) == Some(ffi::SQLITE_CONSTRAINT_CHECK));
            if is_refused && breaking.len() < BREAKING_MAX {
                breaking.push(candidate);
            }
        }
        Ok(breaking)
    }

    fn try_foreign_key(&self, table: &PlannedTable, key: &PlannedForeignKey) -> Attempt<Answer> {
        let memory = &self.memory;
        let own: Vec<&PlannedColumn> =
            key.columns.iter().filter_map(|name| table.target_column(name)).collect();
        let is_own = |name: &String| own.iter().any(|column| column.source.eq_ignore_ascii_case(name));
        let columns = memory.columns(table)?;
        let mut row = memory.row(table, &[])?;
        let mut others = memory.foreign_keys(table)?;
        others.retain(|other| !(other.own.len() == own.len() && other.own.iter().all(is_own)));
        let is_shared = |name: &str| others.iter().any(|other| other.has_own_column(name));
        let is_complete =
            own.iter().all(|column| row.get(&column.source).is_some_and(|value| *value != Value::Null));
        let unshared: Vec<&PlannedColumn> =
            own.iter().filter(|column| !is_shared(&column.source)).copied().collect();
        let changed = if unshared.is_empty() || !is_complete { own.clone() } else { unshared };
        for (place, column) in changed.into_iter().enumerate() {
            let value = match row.fresh(&column.source, 50 + place) {
                Value::Null => absent(column),
                value => value,
            };
            row.set(&column.source, value);
        }
        memory.enforce(false, false)?;
        for other in &others {
            let is_free = |column: &&Column| {
                column.may_be_null() && !is_own(&column.name) && other.has_own_column(&column.name)
            };
            match columns.iter().find(is_free) {
                Some(free) => row.set(&free.name, Value::Null),
                None => memory.copy_parent(other, &row)?,
            }
        }
        memory.enforce(false, true)?;
        Ok(match memory.insert(&table.source, &row) {
            Err(error) if code(&error) == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Answer::Refused,
            other => answer(other),
        })
    }
}

/// The conditions under which a row is checked by the key, in SQLite's SQL.
fn conditions(key: &Key<'_>) -> Vec<String> {
    let facts = key.source_sql.and_then(|sql| index_facts(key.name, sql).ok());
    match facts {
        Some(facts) => {
            let parts = facts.keys.iter().map(|part| format!("({part}) IS NOT NULL"));
            parts.chain(facts.predicate.iter().map(|predicate| format!("({predicate}\n)"))).collect()
        }
        None => {
            let columns = key.columns.iter();
            columns.map(|column| format!("{} IS NOT NULL", quote_sqlite(&column.source))).collect()
        }
    }
}

/// Whether a column stays as it is when another row is made that is like the first in this key.
fn keeps(table: &PlannedTable, key: &Key<'_>, name: &str) -> bool {
    let lower = name.to_lowercase();
    let is_in = |sql: &str| mentions(&sql.to_lowercase(), &lower);
    let of_column = |column: &&PlannedColumn| {
        column.source.eq_ignore_ascii_case(name)
            || column.generated.as_ref().is_some_and(|generated| is_in(&generated.source))
    };
    let in_generated = || {
        let generated = table.columns.iter().filter(|column| column.generated.is_some());
        generated
            .filter(|column| key.source_sql.is_some_and(|sql| mentions(sql, &column.source)))
            .any(|column| of_column(&column))
    };
    key.columns.iter().any(of_column) || key.source_sql.is_some_and(is_in) || in_generated()
}

fn code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

fn is_of_key(error: &rusqlite::Error) -> bool {
    let keys =
        [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_ROWID];
    code(error).is_some_and(|code| keys.contains(&code))
}

fn answer(inserted: rusqlite::Result<()>) -> Answer {
    match inserted {
        Ok(()) => Answer::Taken,
        Err(error) => Answer::Untried(failed(error)),
    }
}
