//! Inserts a row that no user has: a copy of an existing row with other keys, or a row made up from the types of the columns, with the
//! rows that its foreign keys need.
//!
//! Nothing is read into this program: values move inside the server. PostgreSQL decides whether a row is acceptable.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use migrate_core::identifier::{quote_pg, quote_pg_literal};
use postgres_client::server_error::ServerError;

use super::catalog::{Column, Reference, Table};
use super::made_up;
use super::outcome::{NotTried, Outcome};
use super::session::{Attempt, Session};
use crate::error::{Error, Result};

/// The longest chain of rows that are made for a row's foreign keys.
const PARENTS_MAX: usize = 8;

/// Where a row is stored. It is no value of the row.
#[derive(Clone, Debug)]
pub(super) struct Address {
    table_oid: String,
    ctid: String,
}

impl Address {
    pub(super) fn new([table_oid, ctid]: [String; 2]) -> Address {
        Address { table_oid, ctid }
    }

    /// The condition that the row `r` is stored there.
    pub(super) fn condition(&self) -> String {
        format!(
            "r.tableoid OPERATOR(pg_catalog.=) {}::pg_catalog.oid AND r.ctid OPERATOR(pg_catalog.=) {}::pg_catalog.tid",
            quote_pg_literal(&self.table_oid),
            quote_pg_literal(&self.ctid)
        )
    }
}

/// A row that was inserted, or why there is none.
pub(super) type Fresh = std::result::Result<(Address, Duration), Outcome>;

/// Which columns of a row get a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    /// All, from the row that exists, but for those in keys.
    Copy,
    /// Those that must have one.
    Required,
    /// All, but for foreign keys that may be NULL.
    All,
}

/// Inserts a row, and keeps it until the end of the transaction. `model` is a row of the table, where there is one.
///
/// # Errors
/// A lost connection, or a request to stop.
pub(super) fn insert(
    session: &mut Session<'_>,
    all: &[Table],
    table: &Table,
    model: Option<&Address>,
) -> Result<Fresh> {
    insert_for(session, all, table, model, &mut Vec::new())
}

fn insert_for<'t>(
    session: &mut Session<'_>,
    all: &'t [Table],
    table: &'t Table,
    model: Option<&Address>,
    children: &mut Vec<&'t Table>,
) -> Result<Fresh> {
    let fills = [model.map(|_| Fill::Copy), Some(Fill::Required), Some(Fill::All)];
    let mut refused = None;
    for fill in fills.into_iter().flatten() {
        let row = match compose(session, all, table, model.filter(|_| fill == Fill::Copy), fill, children)? {
            Ok(row) => row,
            Err(outcome) => {
                refused.get_or_insert(outcome);
                continue;
            }
        };
        let (attempt, took) = session.kept(&row.sql(table))?;
        match attempt {
            Attempt::Rows(1) => return Ok(Ok((made_row(session)?, took))),
            Attempt::Refused(error) if is_about_row(table, &error) => {
                refused = Some(Outcome::NotTried(NotTried::NoRow(error)));
            }
            other => return Ok(Err(other.outcome())),
        }
    }
    Ok(Err(refused.unwrap_or(Outcome::NotTried(NotTried::NoRowToChange))))
}

/// Whether the server refused the values that were made up, and not the operation. A number that the table's own sequence has returned
/// is not made up.
fn is_about_row(table: &Table, error: &ServerError) -> bool {
    let state = error.sqlstate.as_deref().unwrap_or_default();
    let is_drawn = error.constraint.as_deref().is_some_and(|constraint| table.is_drawn_key(constraint));
    let is_about_values = ["22", "23", "P0"].iter().any(|class| state.starts_with(class));
    is_about_values && !is_drawn
}

/// The address of the row that the last statement inserted.
fn made_row(session: &mut Session<'_>) -> Result<Address> {
    let sql = "SELECT pg_catalog.split_part(v, ' ', 1), pg_catalog.split_part(v, ' ', 2) \
               FROM pg_catalog.current_setting('migration.made') AS v";
    match session.first_row(sql)? {
        Ok(Some(row)) => Ok(Address::new(row)),
        _ => Err(Error::new("PostgreSQL does not return where a row was inserted")),
    }
}

/// A row as SQL: expressions for columns, and the rows from which they come.
#[derive(Default)]
struct Composed {
    columns: Vec<String>,
    values: Vec<String>,
    sources: Vec<String>,
    overrides_identity: bool,
}

impl Composed {
    fn set(&mut self, column: &Column, value: String) {
        self.overrides_identity |= column.is_always_identity();
        self.columns.push(quote_pg(&column.name));
        self.values.push(value);
    }

    fn sql(&self, table: &Table) -> String {
        let columns =
            if self.columns.is_empty() { String::new() } else { format!(" ({})", self.columns.join(", ")) };
        let overriding = if self.overrides_identity { " OVERRIDING SYSTEM VALUE" } else { "" };
        let values = if self.columns.is_empty() && self.sources.is_empty() {
            " DEFAULT VALUES".to_owned()
        } else {
            let from = if self.sources.is_empty() {
                String::new()
            } else {
                format!(" FROM {}", self.sources.join(", "))
            };
            format!("{overriding} SELECT {}{from}", self.values.join(", "))
        };
        format!(
            "WITH made AS (INSERT INTO {} AS r{columns}{values} RETURNING r.tableoid, r.ctid) \
             SELECT pg_catalog.set_config('migration.made', pg_catalog.concat(tableoid::pg_catalog.int8, ' ', ctid), true) FROM made",
            table.name_in_sql()
        )
    }
}

fn compose<'t>(
    session: &mut Session<'_>,
    all: &'t [Table],
    table: &'t Table,
    model: Option<&Address>,
    fill: Fill,
    children: &mut Vec<&'t Table>,
) -> Result<std::result::Result<Composed, Outcome>> {
    let mut row = Composed::default();
    if let Some(model) = model {
        row.sources.push(source(table, model, "model"));
    }
    let chance = RandomState::new().hash_one(fill as u8);
    let mut given = Vec::new();
    for (number, reference) in table.references.iter().enumerate() {
        if !is_chosen(table, reference, fill) {
            continue;
        }
        if reference.parent == table.oid {
            if let Err(outcome) = refer_to_itself(table, reference, chance, &mut given) {
                return Ok(Err(*outcome));
            }
            continue;
        }
        match parent(session, all, reference, has_unique(table, reference), table, children)? {
            Ok((of, address)) => {
                let alias = format!("parent_{number}");
                row.sources.push(source(of, &address, &alias));
                let pairs = reference.columns.iter().zip(&reference.keys);
                given.extend(pairs.map(|(column, key)| (column, format!("{alias}.{}", quote_pg(key)))));
            }
            Err(outcome) => return Ok(Err(outcome)),
        }
    }
    Ok(match fill_columns(table, fill, chance, &given, &mut row) {
        Ok(()) => Ok(row),
        Err(outcome) => Err(*outcome),
    })
}

/// A stored row as a source of values.
fn source(table: &Table, address: &Address, alias: &str) -> String {
    format!("(SELECT * FROM {} AS r WHERE {}) AS {alias}", table.only(), address.condition())
}

/// Whether a row to refer to has to be chosen. A copy refers to what its model refers to, unless each parent may have one child only.
fn is_chosen(table: &Table, reference: &Reference, fill: Fill) -> bool {
    let mut columns = table.columns.iter().filter(|column| reference.columns.contains(&column.name));
    if fill == Fill::Copy { has_unique(table, reference) } else { columns.any(|column| column.not_null) }
}

fn has_unique(table: &Table, reference: &Reference) -> bool {
    let mut columns = table.columns.iter().filter(|column| reference.columns.contains(&column.name));
    columns.any(|column| column.is_unique)
}

/// Makes up the key of the row, to which the row itself then refers.
fn refer_to_itself<'r>(
    table: &Table,
    reference: &'r Reference,
    chance: u64,
    given: &mut Vec<(&'r String, String)>,
) -> std::result::Result<(), Box<Outcome>> {
    for (column, key) in reference.columns.iter().zip(&reference.keys) {
        let Some(of_key) = table.columns.iter().find(|column| column.name == *key) else { continue };
        let value = made_up::value(of_key, chance).ok_or_else(|| Box::new(no_value(of_key)))?;
        given.push((column, value.clone()));
        given.push((key, value));
    }
    Ok(())
}

/// Sets the columns that foreign keys have not `given` a value already.
fn fill_columns(
    table: &Table,
    fill: Fill,
    chance: u64,
    given: &[(&String, String)],
    row: &mut Composed,
) -> std::result::Result<(), Box<Outcome>> {
    for column in table.columns.iter().filter(|column| !column.is_generated) {
        if let Some((_, value)) = given.iter().find(|(name, _)| **name == column.name) {
            row.set(column, value.clone());
            continue;
        }
        let is_left_out = match fill {
            Fill::Copy => column.draws_number,
            Fill::Required => column.has_default || column.draws_number || !column.not_null,
            Fill::All => column.has_default || column.draws_number || table.is_reference(column),
        };
        if is_left_out {
            continue;
        }
        if fill == Fill::Copy && (!column.is_unique || table.is_reference(column)) {
            row.set(column, format!("model.{}", quote_pg(&column.name)));
            continue;
        }
        match made_up::value(column, chance) {
            Some(value) => row.set(column, value),
            None if !column.not_null => {}
            None => return Err(Box::new(no_value(column))),
        }
    }
    Ok(())
}

fn no_value(column: &Column) -> Outcome {
    let (column, type_name) = (column.name.clone(), column.type_name.clone());
    Outcome::NotTried(NotTried::NoValue { column, type_name })
}

/// A row to which a new row can refer: an existing one, or one that is made for it.
fn parent<'t>(
    session: &mut Session<'_>,
    all: &'t [Table],
    reference: &Reference,
    is_unique: bool,
    child: &'t Table,
    children: &mut Vec<&'t Table>,
) -> Result<std::result::Result<(&'t Table, Address), Outcome>> {
    let circle = || Outcome::NotTried(NotTried::Circle(reference.constraint.clone()));
    let Some(table) = all.iter().find(|table| table.oid == reference.parent) else {
        return Ok(Err(circle()));
    };
    let existing = match session.first_row(&any_row(table))? {
        Ok(found) => found.map(Address::new),
        Err(attempt) => return Ok(Err(attempt.outcome())),
    };
    if let Some(address) = existing.clone().filter(|_| !is_unique) {
        return Ok(Ok((table, address)));
    }
    children.push(child);
    let is_circle = children.len() > PARENTS_MAX || children.iter().any(|child| child.oid == table.oid);
    let made =
        if is_circle { Err(circle()) } else { insert_for(session, all, table, existing.as_ref(), children)? };
    children.pop();
    Ok(made.map(|(address, _)| (table, address)))
}

/// Any row of a table.
pub(super) fn any_row(table: &Table) -> String {
    format!("SELECT r.tableoid::pg_catalog.int8, r.ctid FROM {} AS r LIMIT 1", table.only())
}
