//! Tries an insert, an update and a delete on one table, within the transaction of the session.
//!
//! An existing row is used where nothing refers to it. No statement here may change rows of another table, but for what the triggers of
//! the database do.

use std::time::Duration;

use migrate_core::identifier::quote_pg;
use postgres_client::server_error::ServerError;

use super::catalog::{Column, Table};
use super::fresh_row::{self, Address, any_row};
use super::outcome::{NotTried, Operation, Outcome, Step};
use super::session::{Attempt, Session};
use crate::error::Result;

/// The SQLSTATEs of a foreign key that refuses: `foreign_key_violation`, and `restrict_violation` since PostgreSQL 18.
const FOREIGN_KEY_REFUSES: [&str; 2] = ["23503", "23001"];

/// A row of the table for the trial.
enum Subject {
    /// No row refers to it.
    Free(Address),
    /// Rows may refer to it, so that it is not deleted unless that is refused for certain.
    Referenced(Address),
    /// There is no row.
    None,
    /// No row could be locked or found.
    Unavailable(Attempt),
}

/// Tries the three operations, in the order in which they are listed.
///
/// # Errors
/// A lost connection, or a request to stop.
pub(super) fn steps(session: &mut Session<'_>, all: &[Table], table: &Table) -> Result<Vec<Step>> {
    let mut trial = Trial { session, all, table, done: Vec::new() };
    match trial.subject()? {
        Subject::Free(row) => trial.with_free_row(&row)?,
        Subject::Referenced(row) => trial.with_referenced_row(&row)?,
        Subject::None => trial.with_fresh_row()?,
        Subject::Unavailable(attempt) => {
            for operation in Operation::ALL {
                trial.record(operation, attempt.clone().outcome(), Duration::ZERO);
            }
        }
    }
    let mut done = trial.done;
    done.sort_by_key(|step| Operation::ALL.iter().position(|operation| *operation == step.operation));
    Ok(done)
}

struct Trial<'s, 'c, 't> {
    session: &'s mut Session<'c>,
    all: &'t [Table],
    table: &'t Table,
    done: Vec<Step>,
}

impl Trial<'_, '_, '_> {
    /// Finds a row, and locks it where the role may. Rows that others have locked are skipped.
    fn subject(&mut self) -> Result<Subject> {
        let table = self.table.only();
        let lock = if self.table.can_lock() { " FOR UPDATE OF r SKIP LOCKED" } else { "" };
        let select = format!("SELECT r.tableoid::pg_catalog.int8, r.ctid FROM {table} AS r");
        let unused: Vec<String> =
            self.table.referenced_by.iter().map(super::catalog::IncomingReference::is_unused).collect();
        let free = if unused.is_empty() { String::new() } else { format!(" WHERE {}", unused.join(" AND ")) };
        match self.session.first_row(&format!("{select}{free} LIMIT 1{lock}"))? {
            Ok(Some(row)) => return Ok(Subject::Free(Address::new(row))),
            // Finding a row to which nothing refers may take long in large tables without an index.
            Ok(None) | Err(Attempt::TimedOut) => {}
            Err(attempt) => return Ok(Subject::Unavailable(attempt)),
        }
        if !unused.is_empty() {
            match self.session.first_row(&format!("{select} LIMIT 1{lock}"))? {
                Ok(Some(row)) => return Ok(Subject::Referenced(Address::new(row))),
                Ok(None) => {}
                Err(attempt) => return Ok(Subject::Unavailable(attempt)),
            }
        }
        match self.session.first_row(&any_row(self.table))? {
            Ok(None) => return Ok(Subject::None),
            Ok(Some(row)) if !self.table.can_lock() => return Ok(Subject::Referenced(Address::new(row))),
            Ok(Some(_)) => {}
            Err(attempt) => return Ok(Subject::Unavailable(attempt)),
        }
        // Others have locked all rows: waiting for one shows who.
        Ok(match self.session.first_row(&format!("{select} LIMIT 1 FOR UPDATE OF r"))? {
            Ok(Some(row)) => Subject::Referenced(Address::new(row)),
            Ok(None) => Subject::None,
            Err(attempt) => Subject::Unavailable(attempt),
        })
    }

    /// The row is updated, deleted, and inserted again. Where the table draws the key of a new row, a copy is inserted next to the row: a
    /// sequence that is behind would otherwise return the number of the row that was just deleted.
    fn with_free_row(&mut self, row: &Address) -> Result<()> {
        self.update(row)?;
        self.delete(row)?;
        let deleted = self.done.iter().find(|step| step.operation == Operation::Delete);
        let is_deletable = deleted.is_some_and(|step| matches!(step.outcome, Outcome::Passed));
        if !is_deletable || self.table.obstacle(Operation::Insert).is_some() {
            return self.insert_fresh(Some(row)).map(drop);
        }
        if self.table.draws_key() {
            match fresh_row::insert(self.session, self.all, self.table, Some(row))? {
                Ok((_, took)) => {
                    self.record(Operation::Insert, Outcome::Passed, took);
                    return Ok(());
                }
                Err(Outcome::NotTried(_)) => {}
                Err(outcome) => {
                    self.record(Operation::Insert, outcome, Duration::ZERO);
                    return Ok(());
                }
            }
        }
        let (attempt, took) = self.session.undone(&reinsert(self.table, row))?;
        self.record(Operation::Insert, attempt.outcome(), took);
        Ok(())
    }

    /// The row is updated. Another one is inserted, and that one is deleted.
    fn with_referenced_row(&mut self, row: &Address) -> Result<()> {
        self.update(row)?;
        let Some(fresh) = self.insert_fresh(Some(row))? else { return self.delete_referenced(row) };
        self.delete(&fresh)
    }

    /// A row is made up, inserted, updated and deleted.
    fn with_fresh_row(&mut self) -> Result<()> {
        let Some(fresh) = self.insert_fresh(None)? else {
            for operation in [Operation::Update, Operation::Delete] {
                let why = self.table.obstacle(operation).unwrap_or(NotTried::NoRowToChange);
                self.done.push(Step::not_tried(operation, why));
            }
            return Ok(());
        };
        self.update(&fresh)?;
        self.delete(&fresh)
    }

    /// Inserts a row and records how that ended; returns where the row is stored.
    fn insert_fresh(&mut self, model: Option<&Address>) -> Result<Option<Address>> {
        if let Some(why) = self.table.obstacle(Operation::Insert) {
            self.done.push(Step::not_tried(Operation::Insert, why));
            return Ok(None);
        }
        match fresh_row::insert(self.session, self.all, self.table, model)? {
            Ok((address, took)) => {
                self.record(Operation::Insert, Outcome::Passed, took);
                Ok(Some(address))
            }
            Err(outcome) => {
                self.record(Operation::Insert, outcome, Duration::ZERO);
                Ok(None)
            }
        }
    }

    fn update(&mut self, row: &Address) -> Result<()> {
        let columns: Vec<String> =
            self.table.columns.iter().filter(|column| column.can_be_set()).map(set).collect();
        if columns.is_empty() {
            self.record(Operation::Update, Outcome::NothingToUpdate, Duration::ZERO);
            return Ok(());
        }
        let sql =
            format!("UPDATE {} AS r SET {} WHERE {}", self.table.only(), columns.join(", "), row.condition());
        self.change(Operation::Update, row, &sql)
    }

    fn delete(&mut self, row: &Address) -> Result<()> {
        let sql = format!("DELETE FROM {} AS r WHERE {}", self.table.only(), row.condition());
        self.change(Operation::Delete, row, &sql)
    }

    /// Deletes a row to which others refer, if every foreign key refuses that.
    fn delete_referenced(&mut self, row: &Address) -> Result<()> {
        if let Some(cascade) = self.table.cascade() {
            let why = NotTried::WouldCascade(cascade.constraint.clone());
            let why = self.table.obstacle(Operation::Delete).unwrap_or(why);
            self.done.push(Step::not_tried(Operation::Delete, why));
            return Ok(());
        }
        self.delete(row)?;
        if let Some(step) = self.done.last_mut()
            && let Outcome::Failed(error) = &step.outcome
            && let Some(constraint) = foreign_key(self.table, error)
        {
            step.outcome = Outcome::RefusedByForeignKey(constraint);
        }
        Ok(())
    }

    fn change(&mut self, operation: Operation, row: &Address, sql: &str) -> Result<()> {
        if let Some(why) = self.table.obstacle(operation) {
            self.done.push(Step::not_tried(operation, why));
            return Ok(());
        }
        let (attempt, took) = self.session.undone(sql)?;
        let outcome = match attempt {
            Attempt::Rows(0) if !self.is_there(row)? => Outcome::NotTried(NotTried::RowMoved),
            attempt => attempt.outcome(),
        };
        self.record(operation, outcome, took);
        Ok(())
    }

    fn is_there(&mut self, row: &Address) -> Result<bool> {
        let sql = format!(
            "SELECT r.tableoid::pg_catalog.int8, r.ctid FROM {} AS r WHERE {}",
            self.table.only(),
            row.condition()
        );
        Ok(matches!(self.session.first_row(&sql)?, Ok(Some(_))))
    }

    fn record(&mut self, operation: Operation, outcome: Outcome, took: Duration) {
        self.done.push(Step { operation, outcome, took });
    }
}

fn set(column: &Column) -> String {
    let name = quote_pg(&column.name);
    format!("{name} = r.{name}")
}

/// Deletes a row and inserts it again. A number that the table draws for new rows is drawn anew, as for a row of the app.
fn reinsert(table: &Table, row: &Address) -> String {
    let is_copied =
        |column: &&Column| !column.is_generated && (!column.draws_number || table.is_reference(column));
    let columns: Vec<&Column> = table.columns.iter().filter(is_copied).collect();
    let overriding = columns.iter().any(|column| column.is_always_identity());
    let names: Vec<String> = columns.iter().map(|column| quote_pg(&column.name)).collect();
    let (list, returned) = match names.is_empty() {
        true => (String::new(), "r.tableoid".to_owned()),
        false => (
            format!(" ({})", names.join(", ")),
            names.iter().map(|name| format!("r.{name}")).collect::<Vec<_>>().join(", "),
        ),
    };
    format!(
        "WITH gone AS (DELETE FROM {} AS r WHERE {} RETURNING {returned}) INSERT INTO {}{list}{} SELECT {} FROM gone",
        table.only(),
        row.condition(),
        table.name_in_sql(),
        if overriding { " OVERRIDING SYSTEM VALUE" } else { "" },
        names.join(", ")
    )
}

/// The foreign key of another table that refused to delete a row.
fn foreign_key(table: &Table, error: &ServerError) -> Option<String> {
    let is_refusal = error.sqlstate.as_deref().is_some_and(|state| FOREIGN_KEY_REFUSES.contains(&state));
    error.constraint.clone().filter(|constraint| is_refusal && table.is_referenced_by(constraint))
}
