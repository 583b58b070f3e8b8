//! Reads the rows of a table without holding a long value in memory: such a value is lent as its length and in pieces.
//!
//! Rows are read by one plain statement, with SQLite's limit of lengths set so low that it refuses to load a long value
//! (`SQLITE_TOOBIG`, before any of it is read; measured). Only the row where that happens is read in another way: what is long in
//! it by incremental blob I/O, all else as ever. Tables without long values so pay nothing.
//!
//! SQLite has incremental I/O for the rows of ordinary tables with rowids, without generated columns, and its bytes are those of the
//! database's encoding. All other tables (WITHOUT ROWID, virtual, with generated columns, in UTF-16) are read whole.

use std::ops::ControlFlow;

use migrate_core::identifier::quote_sqlite;
use migrate_core::plan::PlannedTable;
use migrate_core::value::{SourceValue, StorageClass};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, Row, Statement};

use super::SourceConnection;
use super::scan::{self, RowidRange};
use crate::error::{Context, Result};

/// The longest text or blob that is held in memory whole: small enough that a row of several is far below the 64 MB that the
/// program keeps to, and so large that nearly all values of real databases are read in the plain way.
pub const HELD_MAX_BYTES: u32 = 1 << 20;

/// How much of a long value is read at once.
pub const PIECE_BYTES: usize = 256 << 10;

/// A value of a row.
#[derive(Debug)]
pub enum Value<'a> {
    /// One that is in memory.
    Held(SourceValue<'a>),
    /// One that is not.
    Long(&'a LongText<'a>),
}

/// A text or blob of more than [`HELD_MAX_BYTES`], which is read in pieces.
#[derive(Debug)]
pub struct LongText<'a> {
    class: StorageClass,
    length: u64,
    connection: &'a Connection,
    table: &'a str,
    column: &'a str,
    rowid: i64,
}

/// What lends the values of a row.
pub trait Values {
    /// The value of the planned column at `position`.
    ///
    /// # Errors
    /// When it cannot be read.
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>>;
}

impl Values for Row<'_> {
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>> {
        Ok(Value::Held(scan::value(self.get_ref(position)?)))
    }
}

/// A row of a [`Scan`].
#[derive(Debug)]
pub struct SourceRow<'a> {
    row: &'a Row<'a>,
    columns: usize,
    long: &'a [Option<LongText<'a>>],
}

impl SourceRow<'_> {
    /// Its rowid; none where the scan has none.
    pub fn rowid(&self) -> Option<i64> {
        self.row.get_ref(self.columns).ok().and_then(|rowid| rowid.as_i64().ok())
    }

    /// The row of SQLite, in which long values are NULL. Values stand at the places of their columns.
    pub fn held(&self) -> &Row<'_> {
        self.row
    }
}

impl Values for SourceRow<'_> {
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>> {
        match self.long.get(position).and_then(Option::as_ref) {
            None => self.row.value(position),
            Some(long) => Ok(Value::Long(long)),
        }
    }
}

impl LongText<'_> {
    /// TEXT or BLOB.
    pub fn class(&self) -> StorageClass {
        self.class
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Hands all bytes to `take`, in pieces of at most [`PIECE_BYTES`], as long as it goes on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pieces<B>(
        &self,
        mut take: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> rusqlite::Result<ControlFlow<B>> {
        let blob = self.connection.blob_open("main", self.table, self.column, self.rowid, true)?;
        let (mut piece, mut at) = (vec![0; PIECE_BYTES], 0);
        loop {
            let length = blob.read_at(&mut piece, at)?;
            if length == 0 {
                return Ok(ControlFlow::Continue(()));
            }
            at += length;
            if let ControlFlow::Break(reason) = take(piece.get(..length).unwrap_or_default()) {
                return Ok(ControlFlow::Break(reason));
            }
        }
    }

    /// All its bytes, for what can do with nothing less.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn whole(&self) -> rusqlite::Result<Vec<u8>> {
        let mut whole = Vec::with_capacity(usize::try_from(self.length).unwrap_or(0));
        let _ = self.pieces(|piece| {
            whole.extend_from_slice(piece);
            ControlFlow::<()>::Continue(())
        })?;
        Ok(whole)
    }

    /// Bytes that are its own, as a value of its class.
    pub fn as_value<'b>(&self, bytes: &'b [u8]) -> SourceValue<'b> {
        if self.class == StorageClass::Text { SourceValue::Text(bytes) } else { SourceValue::Blob(bytes) }
    }
}

/// Which rows of a table are read, what of them, and in which order.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    table: &'a str,
    columns: Vec<&'a str>,
    rowid: Option<&'a str>,
    range: Option<RowidRange>,
    filter: Option<String>,
    order: Option<Vec<String>>,
}

impl<'a> Scan<'a> {
    /// All rows of a table in the order of their rowids, or as they lie where there are none; `rowid` is the name that SQL has for it.
    pub fn new(table: &'a str, columns: Vec<&'a str>, rowid: Option<&'a str>) -> Scan<'a> {
        Scan { table, columns, rowid, range: None, filter: None, order: None }
    }

    /// The planned columns of all rows.
    pub fn of(table: &'a PlannedTable) -> Scan<'a> {
        let columns = table.columns.iter().map(|column| column.source.as_str()).collect();
        Scan::new(&table.source, columns, table.rowid.as_deref())
    }

    /// Only the rows in a range of rowids, where there is one.
    #[must_use]
    pub fn within(self, range: Option<RowidRange>) -> Scan<'a> {
        Scan { range: range.filter(|_| self.rowid.is_some()), ..self }
    }

    /// Only the rows for which a condition of SQL holds.
    #[must_use]
    pub(crate) fn filtered(self, filter: Option<String>) -> Scan<'a> {
        Scan { filter, ..self }
    }

    /// In the order of these terms of SQL.
    #[must_use]
    pub fn ordered_by(self, terms: Vec<String>) -> Scan<'a> {
        Scan { order: (!terms.is_empty()).then_some(terms), ..self }
    }

    /// Hands each row to `visit`, until one fails.
    ///
    /// # Errors
    /// When the source cannot be read, which is then said in the words of `failed`, or what `visit` says.
    pub fn each(
        &self,
        source: &SourceConnection,
        failed: &dyn Fn() -> String,
        visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
    ) -> Result<()> {
        self.each_in(&[self.range], source, failed, visit)
    }

    /// The same for the rows of one range after the other, whatever the scan's own is.
    pub(crate) fn each_within(
        &self,
        ranges: &[RowidRange],
        source: &SourceConnection,
        failed: &dyn Fn() -> String,
        visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let ranges: Vec<Option<RowidRange>> = ranges.iter().copied().map(Some).collect();
        self.each_in(&ranges, source, failed, visit)
    }

    fn each_in(
        &self,
        ranges: &[Option<RowidRange>],
        source: &SourceConnection,
        failed: &dyn Fn() -> String,
        visit: &mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let connection = source.connection();
        let from = scan::rows_of(connection, self.table).context(failed)?;
        let mut reader = Reader { scan: self, range: None, from, connection, failed, visit };
        let rowid = self.rowid.filter(|_| reader.has_incremental_io().unwrap_or(false));
        let _limit = rowid.map(|_| LowLimit::set(connection)).transpose().context(failed)?;
        for range in ranges {
            reader.range = *range;
            match rowid {
                None => reader.whole().map(|_| ())?,
                Some(rowid) if self.order.is_some() => reader.in_order(rowid)?,
                Some(rowid) => reader.by_rowid(rowid)?,
            }
        }
        Ok(())
    }

    fn quoted(&self) -> Vec<String> {
        self.columns.iter().map(|column| quote_sqlite(column)).collect()
    }

    /// The columns and the rowid behind them, as `form` writes each column.
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
    /// At a row with a long value, which is the next behind so many rows and behind this rowid.
    AtLong { rows: u64, last: Option<i64> },
}

struct Reader<'a, 'v> {
    scan: &'a Scan<'a>,
    range: Option<RowidRange>,
    /// The table as `FROM` names it.
    from: String,
    connection: &'a Connection,
    failed: &'a dyn Fn() -> String,
    visit: &'v mut dyn FnMut(&SourceRow<'_>) -> Result<()>,
}

impl Reader<'_, '_> {
    /// Whether SQLite reads values of this table in pieces, see above.
    fn has_incremental_io(&self) -> rusqlite::Result<bool> {
        let encoding: String = self.connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
        // The limit counts for a literal in the table's own SQL, too: with a default beyond it no row could be read.
        let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_list(?1) WHERE schema = 'main' AND type IN ('table', 'shadow') AND wr = 0) \
                   AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden <> 0) \
                   AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(?1) AND octet_length(sql) > ?2)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let is_ordinary: bool = statement.query_row((self.scan.table, HELD_MAX_BYTES), |row| row.get(0))?;
        Ok(is_ordinary && encoding.eq_ignore_ascii_case("UTF-8"))
    }

    /// The statement that reads these columns of the rows: of those within bounds that are its parameters, where it has such.
    fn select(&self, columns: &str, is_bounded: bool) -> String {
        let bounds = self.scan.rowid.filter(|_| is_bounded);
        let bounds = bounds.map(|rowid| format!("{rowid} BETWEEN ?1 AND ?2"));
        let filter = self.scan.filter.as_ref().map(|filter| format!("({filter})"));
        let conditions: Vec<String> = bounds.into_iter().chain(filter).collect();
        let condition = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        format!("SELECT {columns} FROM {}{condition}", self.from)
    }

    /// Reads all rows by one statement, long values or not.
    fn whole(&mut self) -> Result<End> {
        let mut sql = self.select(&self.scan.columns_as(String::clone), self.range.is_some());
        match (&self.scan.order, self.scan.rowid) {
            (Some(terms), _) => sql.push_str(&format!(" ORDER BY {}", terms.join(", "))),
            (None, Some(rowid)) if self.range.is_some() => sql.push_str(&format!(" ORDER BY {rowid}")),
            (None, _) => {}
        }
        let mut statement = self.connection.prepare_cached(&sql).context(self.failed)?;
        let range = self.range;
        self.plain(&mut statement, range)
    }

    /// Reads rows by a statement until it ends or meets a long value.
    fn plain(&mut self, statement: &mut Statement<'_>, range: Option<RowidRange>) -> Result<End> {
        let columns = self.scan.columns.len();
        let bounds = range.map(|range| vec![range.first, range.last]).unwrap_or_default();
        let mut rows = statement.query(rusqlite::params_from_iter(bounds)).context(self.failed)?;
        let (mut count, mut last) = (0, None);
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(End::Over),
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::TooBig) => {
                    return Ok(End::AtLong { rows: count, last });
                }
                Err(error) => return Err(error).context(self.failed),
            };
            let row = SourceRow { row, columns, long: &[] };
            count += 1;
            last = row.rowid();
            (self.visit)(&row)?;
        }
    }

    /// Reads in the order of rowids: the plain statement begins anew behind each row with a long value.
    fn by_rowid(&mut self, rowid: &str) -> Result<()> {
        let all = RowidRange { first: i64::MIN, last: i64::MAX };
        let mut left = self.range.unwrap_or(all);
        let sql = format!("{} ORDER BY {rowid}", self.select(&self.scan.columns_as(String::clone), true));
        loop {
            let mut statement = self.connection.prepare_cached(&sql).context(self.failed)?;
            let End::AtLong { last, .. } = self.plain(&mut statement, Some(left))? else { return Ok(()) };
            drop(statement);
            left.first = last.map_or(left.first, |last| last.saturating_add(1));
            let Some(done) = self.long_row(rowid, left)? else { return Ok(()) };
            let Some(next) = done.checked_add(1).filter(|next| *next <= left.last) else { return Ok(()) };
            left.first = next;
        }
    }

    /// Reads in another order: where there is a long value SQLite cannot sort whole rows, so that it sorts their rowids.
    fn in_order(&mut self, rowid: &str) -> Result<()> {
        // The rows that came before were in the order of rowids: a sort reads all rows before it gives the first.
        let End::AtLong { rows: mut done, .. } = self.whole()? else { return Ok(()) };
        let mut sql = self.select(rowid, self.range.is_some());
        let terms = self.scan.order.as_deref().unwrap_or_default().join(", ");
        sql.push_str(&format!(" ORDER BY {terms}"));
        let bounds = self.range.map(|range| vec![range.first, range.last]).unwrap_or_default();
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
            if let End::AtLong { .. } = self.plain(&mut one, Some(range))? {
                self.long_row(rowid, range)?;
            }
        }
        Ok(())
    }

    /// Reads the first row of a range, which has a long value; gives its rowid, or none where no row is left.
    fn long_row(&mut self, rowid: &str, range: RowidRange) -> Result<Option<i64>> {
        let row = format!("ORDER BY {rowid} LIMIT 1");
        // Neither `octet_length` nor `typeof` loads what it is asked of. Text is told by a length below 0.
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
            (self.visit)(&SourceRow { row, columns, long: &long })?;
        }
        Ok(Some(number))
    }
}

/// Makes SQLite refuse to load long values, until it is dropped.
struct LowLimit<'a> {
    connection: &'a Connection,
    before: i32,
}

impl<'a> LowLimit<'a> {
    fn set(connection: &'a Connection) -> rusqlite::Result<LowLimit<'a>> {
        let limit = i32::try_from(HELD_MAX_BYTES).unwrap_or(i32::MAX);
        let before = connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, limit)?;
        Ok(LowLimit { connection, before })
    }
}

impl Drop for LowLimit<'_> {
    fn drop(&mut self) {
        // A limit that was set before can be set again.
        let _ = self.connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, self.before);
    }
}
