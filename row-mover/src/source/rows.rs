//! Reads the rows of a table without holding a long value in memory: such a value is lent as its length and in pieces.
//!
//! Rows are read by one plain statement, with SQLite's length limit set so low that it refuses to load a long value
//! (`SQLITE_TOOBIG`, before any of it is read; measured). Only the long values of such a row are read by incremental blob I/O. Tables
//! without long values have no overhead.
//!
//! A row with a generated column that SQLite cannot compute is read in a third way, see `computed`.
//!
//! Incremental I/O works for the rows of ordinary tables with rowids, without generated columns, and returns bytes in the database's
//! encoding. Rows of all other tables (WITHOUT ROWID, virtual, with generated columns, in UTF-16) are held in memory completely.

mod computed;
mod long;

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::{EmptyText, PlannedColumn, PlannedTable};
use migrate_core::value::{SourceValue, StorageClass};
use rusqlite::{Connection, ErrorCode, Row, Statement};

use super::SourceConnection;
use super::app_collations::certain;
use super::row_range::RowRange;
use super::scan::{self, RowidRange};
use crate::error::{Context, Result};
pub use crate::row_encoder::{LongText, Value, Values};
pub(crate) use computed::is_failed_expression;
use computed::{Computed, Failing};
use long::LowLimit;

/// The longest text or blob that is held in memory completely: small enough that a row of several is far below the program's limit of 64
/// MB, and so large that nearly all values of real databases are read in the plain way.
pub const HELD_MAX_BYTES: u32 = 1 << 20;

impl Values for Row<'_> {
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>> {
        Ok(Value::Held(scan::value(self.get_ref(position)?)))
    }
}

/// A row of a [`Scan`].
#[derive(Debug)]
pub struct SourceRow<'a> {
    row: &'a Row<'a>,
    /// The place of its rowid, where it has one.
    rowid: Option<usize>,
    long: &'a [Option<LongText<'a>>],
    computed: &'a [Option<Computed>],
    /// The places of the columns in which an empty text is NULL.
    emptied: &'a [usize],
}

impl SourceRow<'_> {
    /// Its rowid; none where the scan has none.
    pub fn rowid(&self) -> Option<i64> {
        self.row.get_ref(self.rowid?).ok().and_then(|rowid| rowid.as_i64().ok())
    }

    /// The number by which it is known: its rowid, or else its place in a scan of all rows, from 1.
    pub(crate) fn number(&self, place: u64) -> i64 {
        self.rowid().unwrap_or_else(|| i64::try_from(place).unwrap_or(i64::MAX))
    }

    /// The row of SQLite, in which long values are NULL, and so are those of generated columns if one of them fails. Values are at the
    /// positions of their columns.
    pub fn held(&self) -> &Row<'_> {
        self.row
    }
}

impl Values for SourceRow<'_> {
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>> {
        if let Some(computed) = self.computed.get(position).and_then(Option::as_ref) {
            return Ok(computed.value().map_or_else(Value::Uncomputed, Value::Held));
        }
        match self.long.get(position).and_then(Option::as_ref) {
            None => match self.row.value(position)? {
                Value::Held(SourceValue::Text(b"")) if self.emptied.contains(&position) => {
                    Ok(Value::Held(SourceValue::Null))
                }
                value => Ok(value),
            },
            Some(long) => Ok(Value::Long(long)),
        }
    }
}

/// Which rows are read.
#[derive(Clone, Debug)]
enum Filter {
    /// Those for which the condition is true.
    Meets(String),
    /// Those for which it is false or cannot be evaluated.
    Breaks(String),
}

/// The rows of a table to read, their columns, and their order.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    table: &'a str,
    columns: Vec<&'a str>,
    rowid: Option<&'a str>,
    range: Option<RowRange>,
    filter: Option<Filter>,
    /// Whether long values are held like all others.
    holds_all: bool,
    order: Option<Vec<String>>,
    /// The places of the columns in which an empty text is NULL.
    emptied: Vec<usize>,
}

impl<'a> Scan<'a> {
    /// All rows of a table in the order of their rowids, or as they lie where there are none; `rowid` is the name that SQL has for it.
    pub fn new(table: &'a str, columns: Vec<&'a str>, rowid: Option<&'a str>) -> Scan<'a> {
        Scan {
            table,
            columns,
            rowid,
            range: None,
            filter: None,
            holds_all: false,
            order: None,
            emptied: Vec::new(),
        }
    }

    /// The planned columns of all rows.
    pub fn of(table: &'a PlannedTable) -> Scan<'a> {
        Scan::of_columns(table, table.columns.iter().collect())
    }

    /// The same of some of its columns alone.
    #[must_use]
    pub(crate) fn of_columns(table: &'a PlannedTable, columns: Vec<&'a PlannedColumn>) -> Scan<'a> {
        let is_emptied = |(_, column): &(usize, &&PlannedColumn)| column.empty == Some(EmptyText::Null);
        let emptied = columns.iter().enumerate().filter(is_emptied).map(|(place, _)| place).collect();
        let names = columns.iter().map(|column| column.source.as_str()).collect();
        Scan { emptied, ..Scan::new(&table.source, names, table.rowid.as_deref()) }
    }

    /// Only the rows in a range, where there is one.
    #[must_use]
    pub fn within(self, range: Option<RowRange>) -> Scan<'a> {
        Scan { range: range.filter(|range| range.rowids().is_none() || self.rowid.is_some()), ..self }
    }

    /// Only the rows for which a condition of SQL holds.
    #[must_use]
    pub(crate) fn filtered(self, filter: Option<String>) -> Scan<'a> {
        Scan { filter: filter.map(Filter::Meets), ..self }
    }

    /// Only the rows for which a condition of SQL is false or cannot be evaluated.
    #[must_use]
    pub(crate) fn breaking(self, condition: String) -> Scan<'a> {
        Scan { filter: Some(Filter::Breaks(condition)), ..self }
    }

    /// With every value in memory: a condition may need long values.
    #[must_use]
    pub(crate) fn with_all_values_in_memory(self) -> Scan<'a> {
        Scan { holds_all: true, ..self }
    }

    /// In the order of these terms of SQL.
    #[must_use]
    pub(crate) fn ordered_by(self, terms: Vec<String>) -> Scan<'a> {
        Scan { order: (!terms.is_empty()).then_some(terms), ..self }
    }

    /// Hands each row to `visit`, until one fails.
    ///
    /// # Errors
    /// When the source cannot be read, with the message of `failed`, or the error of `visit`.
    pub fn each(
        &self,
        source: &SourceConnection,
        failed: &dyn Fn() -> String,
        visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
    ) -> Result<()> {
        self.each_in(std::iter::once(self.range.clone()), source, failed, visit)
    }

    /// Hands each row in ranges of rowids to `visit`, one range after the other, until one fails: for one or many short ranges of a table
    /// whose rowid has a name. They replace the range of the scan.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn each_within(
        &self,
        ranges: &[RowidRange],
        source: &SourceConnection,
        failed: &dyn Fn() -> String,
        visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let ranges = ranges.iter().map(|range| Some(RowRange::Rowids(*range)));
        self.each_in(ranges, source, failed, visit)
    }

    fn each_in(
        &self,
        ranges: impl Iterator<Item = Option<RowRange>>,
        source: &SourceConnection,
        failed: &dyn Fn() -> String,
        visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let connection = source.connection();
        let from = scan::rows_of(connection, self.table).context(failed)?;
        let mut reader = Reader { scan: self, range: None, from, connection, may_fail: false, failed, visit };
        let rowid =
            self.rowid.filter(|_| !self.holds_all && self.has_incremental_io(source).unwrap_or(false));
        let failing = Failing::of(connection, self).context(failed)?;
        reader.may_fail = failing.is_some();
        let _limit = rowid.map(|_| LowLimit::set(connection)).transpose().context(failed)?;
        for range in ranges {
            reader.range = range;
            match rowid {
                None => {
                    let end = reader.read_all()?;
                    if let (End::Failed { rows }, Some(failing)) = (end, &failing) {
                        reader.one_by_one(failing, rows)?;
                    }
                }
                Some(rowid) if self.order.is_some() => reader.in_order(rowid)?,
                Some(rowid) => reader.by_rowid(rowid)?,
            }
        }
        Ok(())
    }

    /// The position of the rowid in a selected row.
    fn rowid_position(&self) -> Option<usize> {
        self.rowid.map(|_| self.columns.len())
    }

    fn quoted(&self) -> Vec<String> {
        self.columns.iter().map(|column| quote_sqlite(column)).collect()
    }

    /// A name that none of its columns has.
    fn unused_name(&self) -> String {
        let is_taken = |name: &str| self.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        let mut name = "holds".to_owned();
        while is_taken(&name) {
            name.push('_');
        }
        name
    }

    /// The columns and the rowid after them, as `form` writes each column.
    fn columns_as(&self, form: impl Fn(&String) -> String) -> String {
        let mut columns: Vec<String> = self.quoted().iter().map(form).collect();
        columns.extend(self.rowid.map(str::to_owned));
        columns.join(", ")
    }
}

/// How a plain statement ended.
enum End {
    /// With its last row.
    Over,
    /// At a row with a long value, which follows this many rows and this rowid.
    AtLong { rows: u64, last: Option<i64> },
    /// At a row with a virtual column that SQLite cannot compute, after this many rows.
    Failed { rows: u64 },
}

struct Reader<'a, 'v> {
    scan: &'a Scan<'a>,
    range: Option<RowRange>,
    /// The table as `FROM` names it.
    from: String,
    connection: &'a Connection,
    /// Whether SQLite evaluates an expression for each row, which may fail.
    may_fail: bool,
    failed: &'a dyn Fn() -> String,
    visit: &'v mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
}

impl Reader<'_, '_> {
    /// The statement that reads these columns of the rows: of those within bounds that are its parameters, where it has such.
    fn select(&self, columns: &str, is_bounded: bool) -> String {
        self.select_with(columns, is_bounded, true)
    }

    fn select_with(&self, columns: &str, is_bounded: bool, is_filtered: bool) -> String {
        let all = RowRange::Rowids(RowidRange::ALL);
        let bounds = self.range.as_ref().unwrap_or(&all).condition(self.scan.rowid).filter(|_| is_bounded);
        let (from, filter) = match self.scan.filter.as_ref().filter(|_| is_filtered) {
            None => (self.from.clone(), None),
            Some(Filter::Meets(condition)) => (self.from.clone(), Some(format!("({condition}\n)"))),
            Some(Filter::Breaks(condition)) => {
                let holds = self.scan.unused_name();
                (self.with_condition(condition, &holds), Some(format!("NOT {holds}")))
            }
        };
        let conditions: Vec<String> = bounds.into_iter().chain(filter).collect();
        let condition = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        format!("SELECT {columns} FROM {from}{condition}")
    }

    /// The rows of the table with a condition as an additional column, so that its expression becomes no deeper than in the schema, where
    /// it may be as deep as SQLite allows.
    fn with_condition(&self, condition: &str, name: &str) -> String {
        let mut columns = self.scan.quoted();
        columns.extend(self.scan.rowid.map(str::to_owned));
        format!("(SELECT {}, ({condition}\n) AS {name} FROM {})", columns.join(", "), self.from)
    }

    /// Reads all rows by one statement, long values or not.
    fn read_all(&mut self) -> Result<End> {
        let sql = self.select(&self.scan.columns_as(String::clone), self.range.is_some());
        let sql = format!("{sql}{}", self.order_sql());
        let mut statement = self.connection.prepare_cached(&sql).context(self.failed)?;
        let range = self.range.clone();
        self.plain(&mut statement, range)
    }

    /// The order of a statement that reads all rows.
    fn order_sql(&self) -> String {
        match (&self.scan.order, self.scan.rowid) {
            (Some(terms), _) => format!(" ORDER BY {}", terms.join(", ")),
            (None, Some(rowid)) if self.range.is_some() => format!(" ORDER BY {rowid}"),
            (None, _) => String::new(),
        }
    }

    /// Reads rows by a statement until it ends or meets a long value.
    fn plain(&mut self, statement: &mut Statement<'_>, range: Option<RowRange>) -> Result<End> {
        let rowid = self.scan.rowid_position();
        let bounds = range.as_ref().map(RowRange::parameters).unwrap_or_default();
        let mut rows = statement.query(rusqlite::params_from_iter(bounds)).context(self.failed)?;
        let (mut count, mut last) = (0, None);
        loop {
            let next = &mut rows;
            let row = match certain(move || next.next()) {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(End::Over),
                Err(error) if self.may_fail && is_failed_expression(&error) => {
                    return Ok(End::Failed { rows: count });
                }
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::TooBig) => {
                    return Ok(End::AtLong { rows: count, last });
                }
                Err(error) => return Err(error).context(self.failed),
            };
            let row = SourceRow { row, rowid, long: &[], computed: &[], emptied: &self.scan.emptied };
            count += 1;
            last = row.rowid();
            (self.visit)(&row)?;
        }
    }

    /// Reads in the order of rowids: the plain statement restarts after each row with a long value.
    fn by_rowid(&mut self, rowid: &str) -> Result<()> {
        let mut left = self.range.as_ref().and_then(RowRange::rowids).unwrap_or(RowidRange::ALL);
        let sql = format!("{} ORDER BY {rowid}", self.select(&self.scan.columns_as(String::clone), true));
        loop {
            let mut statement = self.connection.prepare_cached(&sql).context(self.failed)?;
            let End::AtLong { last, .. } = self.plain(&mut statement, Some(RowRange::Rowids(left)))? else {
                return Ok(());
            };
            drop(statement);
            left.first = last.map_or(left.first, |last| last.saturating_add(1));
            let Some(done) = self.long_row(rowid, left)? else { return Ok(()) };
            let Some(next) = done.checked_add(1).filter(|next| *next <= left.last) else { return Ok(()) };
            left.first = next;
        }
    }

    /// Reads in another order: SQLite cannot sort complete rows if there is a long value, so it sorts their rowids.
    fn in_order(&mut self, rowid: &str) -> Result<()> {
        // The rows that came before were in the order of rowids: a sort reads all rows before it returns the first.
        let End::AtLong { rows: mut done, .. } = self.read_all()? else { return Ok(()) };
        let mut sql = self.select(rowid, self.range.is_some());
        let terms = self.scan.order.as_deref().unwrap_or_default().join(", ");
        sql.push_str(&format!(" ORDER BY {terms}"));
        let bounds = self.range.as_ref().map(RowRange::parameters).unwrap_or_default();
        let mut sorted = self.connection.prepare(&sql).context(self.failed)?;
        let mut rowids = sorted.query(rusqlite::params_from_iter(bounds)).context(self.failed)?;
        let sql = self.select(&self.scan.columns_as(String::clone), true);
        let mut one = self.connection.prepare_cached(&sql).context(self.failed)?;
        while let Some(row) = rowids.next().context(self.failed)? {
            if done > 0 {
                done -= 1;
                continue;
            }
            let number: i64 = row.get(0).context(self.failed)?;
            let range = RowidRange { first: number, last: number };
            if let End::AtLong { .. } = self.plain(&mut one, Some(RowRange::Rowids(range)))? {
                self.long_row(rowid, range)?;
            }
        }
        Ok(())
    }

    /// Reads the first row of a range, which has a long value; returns its rowid, or none if no row is left.
    fn long_row(&mut self, rowid: &str, range: RowidRange) -> Result<Option<i64>> {
        let row = format!("ORDER BY {rowid} LIMIT 1");
        // Neither `octet_length` nor `typeof` loads its argument. A negative length marks text.
        let lengths = self.scan.columns_as(|column| {
            format!(
                "CASE WHEN octet_length({column}) > {HELD_MAX_BYTES} THEN CASE typeof({column}) WHEN 'text' \
                 THEN -octet_length({column}) ELSE octet_length({column}) END END"
            )
        });
        let held = self.scan.columns_as(|column| {
            format!("CASE WHEN octet_length({column}) > {HELD_MAX_BYTES} THEN NULL ELSE {column} END")
        });
        let [lengths, held] = [lengths, held].map(|columns| format!("{} {row}", self.select(&columns, true)));
        let mut statement = self.connection.prepare_cached(&lengths).context(self.failed)?;
        let mut rows = statement.query([range.first, range.last]).context(self.failed)?;
        let Some(row) = rows.next().context(self.failed)? else { return Ok(None) };
        let columns = self.scan.columns.len();
        let number: i64 = row.get(columns).context(self.failed)?;
        let mut long = Vec::with_capacity(columns);
        for (position, column) in self.scan.columns.iter().enumerate() {
            let length: Option<i64> = row.get(position).context(self.failed)?;
            long.push(length.map(|length| LongText {
                class: if length < 0 { StorageClass::Text } else { StorageClass::Blob },
                length: length.unsigned_abs(),
                connection: self.connection,
                table: self.scan.table,
                column,
                rowid: number,
            }));
        }
        // The first statement stays open while the second is read, so that both see one state of a file that is being written.
        let mut statement = self.connection.prepare_cached(&held).context(self.failed)?;
        let mut held_rows = statement.query([number, number]).context(self.failed)?;
        if let Some(row) = held_rows.next().context(self.failed)? {
            (self.visit)(&SourceRow {
                row,
                rowid: Some(columns),
                long: &long,
                computed: &[],
                emptied: &self.scan.emptied,
            })?;
        }
        Ok(Some(number))
    }
}
