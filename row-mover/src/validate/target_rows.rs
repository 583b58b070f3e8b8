//! Reads the rows of a table in PostgreSQL. Long values are returned as length and SHA-256.
//!
//! libpq buffers each row completely before it returns it, so long values must not be part of it. PostgreSQL tells whether a table has
//! any: it knows the lengths of values that it stores out of line (TOAST) without reading them.

use migrate_core::conversion::PgType;
use migrate_core::copy_format::{FieldRanges, StreamReader};
use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::{PlannedColumn, PlannedTable};

use super::digest::Digested;
use super::printed_text::is_printed;
use crate::error::{Context, Error, Result};
use crate::source::rows::HELD_MAX_BYTES;
use postgres_client::connection::{Connection, CopyOut};

/// A row of a table in PostgreSQL.
pub(crate) trait TargetRow {
    /// The bytes of a field; none for NULL.
    fn field(&self, position: usize) -> Option<&[u8]>;

    /// The digest of the long value at a position, for which [`TargetRow::field`] returns nothing; none if it is not long.
    fn digested(&self, position: usize) -> Option<Digested>;
}

/// A copy of a row, which outlives the stream.
#[derive(Debug)]
pub(super) struct HeldRow {
    bytes: Vec<u8>,
    fields: FieldRanges,
    digested: Vec<(usize, Digested)>,
}

impl HeldRow {
    /// The memory that it needs, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<HeldRow>()
            + self.bytes.capacity()
            + self.fields.capacity() * size_of::<Option<std::ops::Range<usize>>>()
            + self.digested.capacity() * size_of::<(usize, Digested)>()
    }
}

impl TargetRow for HeldRow {
    fn field(&self, position: usize) -> Option<&[u8]> {
        self.fields.get(position).cloned().flatten().and_then(|range| self.bytes.get(range))
    }

    fn digested(&self, position: usize) -> Option<Digested> {
        self.digested.iter().find(|(long, _)| *long == position).map(|(_, digested)| *digested)
    }
}

/// The target's rows of one table, in an order of its own.
pub(crate) struct TargetRows<'a> {
    copy: CopyOut<'a>,
    reader: StreamReader,
    fields: FieldRanges,
    columns: usize,
    /// The positions of the columns that have long values.
    long: Vec<usize>,
    /// Number of planned columns: after these come length and hash for each of `long`.
    planned: usize,
    /// The index of the first appended value.
    appended_at: usize,
}

impl<'a> TargetRows<'a> {
    /// Begins to read all planned columns of the rows for which `filter` holds, ordered by the columns at `key`.
    pub(super) fn open(
        table: &PlannedTable,
        key: &[usize],
        filter: Option<&str>,
        target: &'a mut Connection,
    ) -> Result<TargetRows<'a>> {
        TargetRows::open_with(table, key, filter, &[], target)
    }

    /// The same, with the values of these SQL terms appended to the columns: see [`TargetRows::appended`].
    pub(super) fn open_with(
        table: &PlannedTable,
        key: &[usize],
        filter: Option<&str>,
        appended: &[&str],
        target: &'a mut Connection,
    ) -> Result<TargetRows<'a>> {
        let order: Vec<String> = key.iter().map(|&position| ordered(&table.columns[position])).collect();
        TargetRows::open_ordered(table, &order.join(", "), filter, appended, target)
    }

    /// The same, ordered by terms of SQL; in no order where there are none.
    pub(crate) fn open_ordered(
        table: &PlannedTable,
        order: &str,
        filter: Option<&str>,
        appended: &[&str],
        target: &'a mut Connection,
    ) -> Result<TargetRows<'a>> {
        TargetRows::open_holding(table, order, filter, appended, HELD_MAX_BYTES, target)
    }

    /// The same, with values of up to this many bytes in full.
    pub(crate) fn open_holding(
        table: &PlannedTable,
        order: &str,
        filter: Option<&str>,
        appended: &[&str],
        held_max: u32,
        target: &'a mut Connection,
    ) -> Result<TargetRows<'a>> {
        let filter = filter.map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
        let long = long_columns(table, &filter, held_max, target)?;
        let mut columns: Vec<String> = Vec::with_capacity(table.columns.len() + 2 * long.len());
        for (position, column) in table.columns.iter().enumerate() {
            let name = quote_pg(&column.target);
            columns.push(if long.contains(&position) {
                format!("CASE WHEN octet_length({name}) <= {held_max} THEN {name} END")
            } else if is_printed(column) {
                format!("{name}::text")
            } else {
                name
            });
        }
        for column in long.iter().filter_map(|&position| table.columns.get(position)) {
            let name = quote_pg(&column.target);
            let is_long = format!("CASE WHEN octet_length({name}) > {held_max} THEN");
            columns.push(format!("{is_long} octet_length({name})::bigint END"));
            columns.push(match column.target_type {
                PgType::Bytea => format!("{is_long} sha256({name}) END"),
                _ => format!("{is_long} sha256(convert_to({name}::text, 'UTF8')) END"),
            });
        }
        let appended_at = columns.len();
        columns.extend(appended.iter().map(|&term| term.to_owned()));
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {order}") };
        let select = format!("SELECT {} FROM {}{filter}{order}", columns.join(", "), table.loaded_rows_sql());
        let rows = TargetRows::select(&select, columns.len(), target)?;
        Ok(TargetRows { long, planned: table.columns.len(), appended_at, ..rows })
    }

    /// Begins to read the rows of a SELECT with this many columns.
    pub(crate) fn select(select: &str, columns: usize, target: &'a mut Connection) -> Result<TargetRows<'a>> {
        let copy = target.copy_out(&format!("COPY ({select}) TO STDOUT (FORMAT binary)"))?;
        Ok(TargetRows {
            copy,
            reader: StreamReader::default(),
            fields: Vec::new(),
            columns,
            long: Vec::new(),
            planned: columns,
            appended_at: columns,
        })
    }

    /// Moves to the next row; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        loop {
            if self.reader.next_row(self.columns, &mut self.fields).context(stream_failed)? {
                return Ok(true);
            }
            let reader = &mut self.reader;
            if !self.copy.next_piece(&mut |piece| reader.feed(piece))? {
                return if self.reader.is_complete() {
                    Ok(false)
                } else {
                    Err(Error::new(stream_failed()).caused_by("it ended in the middle of a row"))
                };
            }
        }
    }

    /// The bytes of an appended value; none for NULL.
    pub(crate) fn appended(&self, position: usize) -> Option<&[u8]> {
        self.field(self.appended_at + position)
    }

    /// The bytes of a field of the current row; none for NULL.
    pub(crate) fn field(&self, position: usize) -> Option<&[u8]> {
        self.fields.get(position).cloned().flatten().map(|range| self.reader.field(range))
    }

    /// The digest of the long value at a position of the current row, for which [`TargetRows::field`] returns nothing; none if it is not
    /// long.
    pub(crate) fn digested(&self, position: usize) -> Option<Digested> {
        let place = self.long.iter().position(|&long| long == position)?;
        let at = self.planned + 2 * place;
        Digested::of_fields(self.field(at)?, self.field(at + 1)?)
    }

    /// A copy of the planned columns of the current row.
    pub(super) fn held(&self) -> HeldRow {
        let mut bytes = Vec::with_capacity(
            (0..self.planned).filter_map(|place| self.field(place)).map(<[u8]>::len).sum(),
        );
        let copied = (0..self.planned).map(|position| {
            self.field(position).map(|field| {
                let first = bytes.len();
                bytes.extend_from_slice(field);
                first..bytes.len()
            })
        });
        let fields = copied.collect();
        let digests = self.long.iter().filter_map(|&position| Some((position, self.digested(position)?)));
        HeldRow { bytes, fields, digested: digests.collect() }
    }
}

/// Its current row.
impl TargetRow for TargetRows<'_> {
    fn field(&self, position: usize) -> Option<&[u8]> {
        self.field(position)
    }

    fn digested(&self, position: usize) -> Option<Digested> {
        self.digested(position)
    }
}

/// The places of the columns of `table` with long values in PostgreSQL, in the rows for which the `WHERE` of `filter` holds.
fn long_columns(
    table: &PlannedTable,
    filter: &str,
    held_max: u32,
    target: &mut Connection,
) -> Result<Vec<usize>> {
    /// No method of PostgreSQL's makes a value smaller than by this factor (`pglz` by 91, `lz4` by 255 at most).
    const COMPRESSION_MAX: u32 = 256;
    /// A row may have so many long values in full: to search all rows for lengths costs more than to hold these.
    const HELD_OF_ROW: u32 = 4;
    let candidates: Vec<usize> = (table.columns.iter().enumerate())
        .filter(|(_, column)| column.has_digest())
        .map(|(position, _)| position)
        .collect();
    if candidates.is_empty() {
        return Ok(candidates);
    }
    // A long value is in the table's TOAST relation, if there is one of some size; if there is none, rows are short enough.
    let relation = quote_pg_literal(&table.qualified(&table.target));
    let kept_apart = format!(
        "SELECT coalesce(sum(pg_relation_size(reltoastrelid)), 0) > {} OR bool_or(relkind <> 'r') FROM pg_class WHERE oid = \
         {relation}::regclass",
        HELD_OF_ROW.saturating_mul(held_max) / COMPRESSION_MAX
    );
    let answer = target.query(&kept_apart, &[])?;
    if answer.first().and_then(|row| row.first()) == Some(&Some("f".to_owned())) {
        return Ok(Vec::new());
    }
    let lengths: Vec<String> = (candidates.iter())
        .filter_map(|&position| table.columns.get(position))
        .map(|column| format!("coalesce(max(octet_length({})), 0) > {held_max}", quote_pg(&column.target)))
        .collect();
    let answer = target.slow_query(&format!(
        "SELECT {} FROM {}{filter}",
        lengths.join(", "),
        table.loaded_rows_sql()
    ))?;
    let is_long = answer.into_iter().next().unwrap_or_default();
    let places = candidates.into_iter().zip(is_long);
    Ok(places.filter(|(_, is_long)| is_long.as_deref() == Some("t")).map(|(position, _)| position).collect())
}

/// A key column in the order that the source has.
fn ordered(column: &PlannedColumn) -> String {
    let collation = match column.target_type {
        migrate_core::conversion::PgType::Text => " COLLATE \"C\"",
        _ => "",
    };
    format!("{}{collation}", quote_pg(&column.target))
}

fn stream_failed() -> String {
    "PostgreSQL's rows cannot be read".to_owned()
}
