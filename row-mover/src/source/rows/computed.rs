//! Reads rows with a value that SQLite cannot compute: a virtual generated column whose expression fails, such as `json_extract` of
//! text that is not JSON.
//!
//! SQLite computes such columns when it reads them, and a failure ends the statement. The scan then resumes after the rows that it has
//! visited, with a statement that omits these columns, and reads each of their values by itself: a failure then affects one value,
//! and names it. Only tables with such a row are slower.

use migrate_core::identifier::quote_sqlite;
use migrate_core::value::SourceValue;
use rusqlite::{Connection, ErrorCode, Row, Statement};

use super::{Filter, Reader, Scan, SourceRow};
use crate::error::{Context, Result};
use crate::row_encoder::Uncomputed;
use crate::source::app_collations::{certain, tables_of_unknown_order};
use crate::source::owned_value::OwnedValue;
use crate::source::row_range::RowRange;

/// SQLite's result code for an expression that fails.
const SQLITE_ERROR: i32 = 1;

/// The value of a virtual generated column.
#[derive(Debug)]
pub(super) enum Computed {
    Value(OwnedValue),
    Failed(Uncomputed),
}

/// Whether an error is that of an expression which SQLite evaluated, and not of the file.
pub(crate) fn is_failed_expression(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            failure.extended_code == SQLITE_ERROR || failure.code == ErrorCode::TooBig
        }
        _ => false,
    }
}

impl Uncomputed {
    /// SQLite's message up to the first quotation, which may contain a value.
    fn of(error: &rusqlite::Error) -> Uncomputed {
        let words = match error {
            rusqlite::Error::SqliteFailure(_, Some(words)) => words.clone(),
            error => error.to_string(),
        };
        let end = words.find(['\'', '"', '`']).unwrap_or(words.len());
        let reason = words.get(..end).unwrap_or_default().trim_end_matches([' ', ':', '(']).to_owned();
        Uncomputed { reason }
    }
}

impl Computed {
    /// The value, or why there is none.
    pub(super) fn value(&self) -> std::result::Result<SourceValue<'_>, &Uncomputed> {
        match self {
            Computed::Value(value) => Ok(value.as_source()),
            Computed::Failed(failed) => Err(failed),
        }
    }
}

/// The columns that may fail for a row of a scan, and those that identify a row of its table.
#[derive(Debug)]
pub(super) struct Failing {
    /// The places of virtual generated columns among the columns of the scan.
    positions: Vec<usize>,
    /// The columns that name a row: the rowid, or the primary key of a table WITHOUT ROWID.
    identity: Vec<String>,
    /// Whether the rows lie in an order that only the app knows, in which no key can be looked up.
    is_unordered: bool,
}

impl Failing {
    /// That of a scan; none where nothing can fail, or nothing names a row.
    pub(super) fn of(connection: &Connection, scan: &Scan<'_>) -> rusqlite::Result<Option<Failing>> {
        let virtual_columns = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 2";
        let names = names(connection, virtual_columns, scan.table)?;
        let positions: Vec<usize> = (scan.columns.iter().enumerate())
            .filter(|(_, column)| names.iter().any(|name| name.eq_ignore_ascii_case(column)))
            .map(|(position, _)| position)
            .collect();
        if positions.is_empty() && !matches!(scan.filter, Some(Filter::Breaks(_))) {
            return Ok(None);
        }
        let identity = match scan.rowid {
            Some(rowid) => vec![rowid.to_owned()],
            None => {
                let key = "SELECT x.name FROM pragma_table_list(?1) AS t JOIN pragma_table_xinfo(t.name) AS x \
                           WHERE t.schema = 'main' AND t.wr = 1 AND x.pk > 0 ORDER BY x.pk";
                self::names(connection, key, scan.table)?.iter().map(|name| quote_sqlite(name)).collect()
            }
        };
        let is_unordered = tables_of_unknown_order(connection)?.contains(scan.table);
        Ok((!identity.is_empty()).then_some(Failing { positions, identity, is_unordered }))
    }
}

fn names(connection: &Connection, sql: &str, table: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached(sql)?.query_map([table], |row| row.get(0))?.collect()
}

/// Asks for the values of virtual columns one by one.
struct OneByOne<'a> {
    columns: usize,
    positions: &'a [usize],
    identity: usize,
    statements: Vec<Statement<'a>>,
    condition: Option<Statement<'a>>,
}

impl<'a> OneByOne<'a> {
    /// For rows of `from` that end with the columns of their identity, after `columns` others; `condition` is one that rows must meet.
    fn new(
        connection: &'a Connection,
        from: &str,
        columns: &[&str],
        failing: &'a Failing,
        condition: Option<&Filter>,
    ) -> rusqlite::Result<OneByOne<'a>> {
        let identity = &failing.identity;
        let by = if failing.is_unordered { " COLLATE BINARY" } else { "" };
        let is_it: Vec<String> = identity.iter().map(|column| format!("{column}{by} IS ?")).collect();
        let sql = |expression: &str| format!("SELECT {expression} FROM {from} WHERE {}", is_it.join(" AND "));
        let of = |position: &usize| {
            columns.get(*position).map(|column| connection.prepare(&sql(&quote_sqlite(column))))
        };
        let of_condition = |filter: &Filter| {
            connection.prepare(&match filter {
                Filter::Meets(condition) => sql(&format!("({condition}\n)")),
                // As a column of its own: nothing makes the expression deeper.
                Filter::Breaks(condition) => {
                    format!("SELECT NOT holds FROM ({})", sql(&format!("({condition}\n) AS holds")))
                }
            })
        };
        Ok(OneByOne {
            columns: columns.len(),
            positions: &failing.positions,
            identity: identity.len(),
            statements: failing.positions.iter().filter_map(of).collect::<rusqlite::Result<_>>()?,
            condition: condition.map(of_condition).transpose()?,
        })
    }

    /// Whether a row meets the condition; `or_fails` where it cannot be evaluated.
    fn is_met(&mut self, row: &Row<'_>, or_fails: bool) -> rusqlite::Result<bool> {
        let identity = self.identity_of(row)?;
        let Some(statement) = &mut self.condition else { return Ok(true) };
        let met = match computed(statement, &identity)? {
            Computed::Value(OwnedValue::Integer(integer)) => integer != 0,
            Computed::Value(OwnedValue::Real(real)) => real != 0.0,
            Computed::Failed(_) => or_fails,
            _ => false,
        };
        Ok(met)
    }

    /// The values of a row's virtual columns, at the places of their columns.
    fn values(&mut self, row: &Row<'_>, values: &mut Vec<Option<Computed>>) -> rusqlite::Result<()> {
        let identity = self.identity_of(row)?;
        values.clear();
        values.resize_with(self.columns, || None);
        for (statement, &position) in self.statements.iter_mut().zip(self.positions) {
            let value = computed(statement, &identity)?;
            if let Some(place) = values.get_mut(position) {
                *place = Some(value);
            }
        }
        Ok(())
    }

    fn identity_of(&self, row: &Row<'_>) -> rusqlite::Result<Vec<OwnedValue>> {
        let places = self.columns..self.columns + self.identity;
        places.map(|place| row.get_ref(place).map(OwnedValue::of)).collect()
    }
}

fn computed(statement: &mut Statement<'_>, identity: &[OwnedValue]) -> rusqlite::Result<Computed> {
    let mut rows = statement.query(rusqlite::params_from_iter(identity))?;
    match certain(|| rows.next()) {
        Ok(Some(row)) => Ok(Computed::Value(OwnedValue::of(row.get_ref(0)?))),
        Ok(None) => Ok(Computed::Value(OwnedValue::Null)),
        Err(error) if is_failed_expression(&error) => Ok(Computed::Failed(Uncomputed::of(&error))),
        Err(error) => Err(error),
    }
}

/// Where the condition of a scan is evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// By the statement that reads the rows.
    WithRows,
    /// For each row by itself: it uses a column that fails.
    ByItself,
}

impl Reader<'_, '_> {
    /// Reads the rows of the current range after the first `visited`, and the values of their virtual columns one by one.
    pub(super) fn one_by_one(&mut self, failing: &Failing, visited: u64) -> Result<()> {
        let mut visited = visited;
        let mut condition = Condition::WithRows;
        loop {
            match self.one_by_one_with(failing, condition, &mut visited) {
                Err(Failed::Expression(_)) if condition == Condition::WithRows => {
                    condition = Condition::ByItself
                }
                Err(Failed::Expression(error)) => return Err(error).context(self.failed),
                Err(Failed::Other(error)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
    }

    fn one_by_one_with(
        &mut self,
        failing: &Failing,
        condition: Condition,
        visited: &mut u64,
    ) -> std::result::Result<(), Failed> {
        let scan = self.scan;
        let filter = scan.filter.as_ref().filter(|_| condition == Condition::ByItself);
        let other = |error: rusqlite::Error| -> Failed {
            match Err::<(), _>(error).context(self.failed) {
                Err(error) => Failed::Other(error),
                Ok(()) => Failed::Other(crate::error::Error::new((self.failed)())),
            }
        };
        let mut values =
            OneByOne::new(self.connection, &self.from, &scan.columns, failing, filter).map_err(other)?;
        let mut statement =
            self.connection.prepare(&self.plain_sql(failing, filter.is_none())).map_err(other)?;
        let bounds = self.range.as_ref().map(RowRange::parameters).unwrap_or_default();
        let mut rows = statement.query(rusqlite::params_from_iter(bounds)).map_err(other)?;
        let (mut row_number, mut computed) = (0, Vec::new());
        loop {
            let next = &mut rows;
            let row = match certain(move || next.next()) {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(()),
                Err(error) if is_failed_expression(&error) => return Err(Failed::Expression(error)),
                Err(error) => return Err(other(error)),
            };
            if !values.is_met(row, matches!(scan.filter, Some(Filter::Breaks(_)))).map_err(other)? {
                continue;
            }
            row_number += 1;
            if row_number <= *visited {
                continue;
            }
            *visited += 1;
            values.values(row, &mut computed).map_err(other)?;
            let row = SourceRow {
                row,
                rowid: scan.rowid_position(),
                long: &[],
                computed: &computed,
                emptied: &scan.emptied,
            };
            (self.visit)(&row).map_err(Failed::Other)?;
        }
    }

    /// The plain statement with NULL in place of virtual columns, and the columns that identify a row at the end.
    fn plain_sql(&self, failing: &Failing, is_filtered: bool) -> String {
        let mut columns = self.scan.quoted();
        for &position in &failing.positions {
            if let Some(column) = columns.get_mut(position) {
                *column = "NULL".to_owned();
            }
        }
        columns.extend(failing.identity.iter().cloned());
        let select = self.select_with(&columns.join(", "), self.range.is_some(), is_filtered);
        format!("{select}{}", self.order_sql())
    }
}

/// Why rows could not be read.
enum Failed {
    /// The condition of the scan fails.
    Expression(rusqlite::Error),
    Other(crate::error::Error),
}
