//! Writes the rows that SQLite will not have into a file, as JSON lines: for people, who may want to enter some of them again.
//!
//! The file is private and appears under its name once it is complete. Values are PostgreSQL's own JSON of them; those of SQLite are its
//! integers, reals and texts, and blobs in hex. Values of more than a mebibyte pass in pieces.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::PlannedTable;
use migrate_core::value::{SourceValue, StorageClass};

use super::loss::{Counted, Loss};
use crate::error::{Context, Error, Result};
use crate::ledger::Run;
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::rows::{SourceRow, Value, Values};
use crate::validate::{RowLocation, TargetRows, locate_changes, visit_source_rows};
use postgres_client::connection::Connection;
use postgres_client::connections::Connections;
use postgres_client::watch::check_stop;

/// The longest JSON of a value that is part of its row, in characters; longer ones pass in pieces of this size.
const HELD_MAX_CHARS: usize = 1 << 20;

/// How many rows are read at once by their locations.
const ROWS_OF_BATCH: usize = 100;

/// Writes all rows of `loss` to `path`, and returns their number.
///
/// # Errors
/// When a side cannot be read, or the file cannot be written. No file of this name exists then that was not there before.
pub(super) fn export(
    run: &Run,
    loss: &Loss,
    path: &Path,
    connections: &Connections<'_>,
    observer: &dyn Observer,
) -> Result<u64> {
    let partial = with_suffix(path, ".partial");
    let spool = with_suffix(path, ".values");
    let written = write_all(run, loss, [&partial, &spool], connections, observer);
    let _ = fs::remove_file(&spool);
    let placed = written.and_then(|rows| {
        fs::rename(&partial, path).context(|| format!("{} cannot be written", path.display()))?;
        Ok(rows)
    });
    if placed.is_err() {
        let _ = fs::remove_file(&partial);
    }
    placed
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn private_file(path: &Path) -> Result<File> {
    let failed = || format!("{} cannot be written", path.display());
    // What an attempt has left that was killed may have another owner's rights.
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).context(failed),
        _ => {}
    }
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path).context(failed)
}

fn write_all(
    run: &Run,
    loss: &Loss,
    [partial, spool]: [&Path; 2],
    connections: &Connections<'_>,
    observer: &dyn Observer,
) -> Result<u64> {
    let failed = || format!("{} cannot be written", partial.display());
    let mut writer = Writer {
        out: BufWriter::new(private_file(partial)?),
        spool: private_file(spool)?,
        rows: 0,
        failed: failed(),
    };
    let source = SourceConnection::open_sealed(&run.seal.path)?.stopped_by(observer.stop_flag());
    let (mut target, mut pieces) = (connections.bulk()?, connections.bulk()?);
    for lost in &loss.tables {
        let planned = run.plan.table(&lost.table);
        let name = planned.map_or_else(|| lost.table.clone(), PlannedTable::name_in_sql);
        let mut table = Exported { name, columns: Vec::new(), key: Vec::new(), shown: lost.table.clone() };
        table.read_columns(&mut target, planned)?;
        let mut reader = Reader { table: &table, target: &mut target, pieces: &mut pieces, observer };
        match (lost.counted, planned) {
            (Counted::Compared, Some(planned)) => {
                let locations = locate_changes(planned, &source, reader.target, observer)?;
                writer.deleted(planned, &locations.deleted, &source)?;
                reader.read(Some(&locations.inserted), &mut |row| writer.line("inserted", row, None))?;
                let old = writer.spool_old(planned, &locations.changed, &source)?;
                let new: Vec<RowLocation> = locations.changed.iter().map(|pair| pair.1).collect();
                reader.read(Some(&new), &mut |row| {
                    let place = row.location.and_then(|location| old.get(&location)).copied();
                    writer.line("changed", row, place)
                })?;
            }
            (Counted::ColumnsChanged, _) => {
                reader.read(None, &mut |row| writer.line("not_compared", row, None))?;
            }
            _ => reader.read(None, &mut |row| writer.line("inserted", row, None))?,
        }
    }
    writer.out.flush().and_then(|()| writer.out.get_ref().sync_all()).context(failed)?;
    Ok(writer.rows)
}

/// A table of PostgreSQL whose rows are written.
struct Exported {
    /// As SQL writes it.
    name: String,
    /// As a line names it.
    shown: String,
    columns: Vec<String>,
    /// The positions of the key among the columns.
    key: Vec<usize>,
}

impl Exported {
    /// All columns that the table has by now, also those that the app has added.
    fn read_columns(&mut self, target: &mut Connection, planned: Option<&PlannedTable>) -> Result<()> {
        let sql = format!(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            quote_pg_literal(&self.name)
        );
        self.columns =
            target.load(&sql, &[]).context(|| format!("the columns of {} cannot be listed", self.name))?;
        let names = planned.and_then(|table| table.primary_key.as_ref()).map_or(&[][..], |key| &key.columns);
        self.key =
            names.iter().filter_map(|name| self.columns.iter().position(|column| column == name)).collect();
        Ok(())
    }

    /// The JSON of a column, on one line: a document of type `json` is kept as it was written, with its white space.
    fn json_sql(column: &str) -> String {
        format!("translate(to_json({})::text, E'\\n\\r', '  ')", quote_pg(column))
    }
}

/// A row of PostgreSQL, whose long values are read when they are written.
struct ExportedRow<'a> {
    table: &'a Exported,
    location: Option<RowLocation>,
    /// The JSON of each column; the number of its characters where it is long.
    values: Vec<std::result::Result<String, usize>>,
    pieces: &'a mut Connection,
}

/// Reads rows of PostgreSQL.
struct Reader<'a> {
    table: &'a Exported,
    target: &'a mut Connection,
    pieces: &'a mut Connection,
    observer: &'a dyn Observer,
}

impl Reader<'_> {
    /// Reads the rows at these locations, or all of the table.
    fn read(
        &mut self,
        locations: Option<&[RowLocation]>,
        visit: &mut dyn FnMut(&mut ExportedRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(locations) = locations else { return self.read_where("", None, visit) };
        for batch in locations.chunks(ROWS_OF_BATCH) {
            check_stop(self.observer)?;
            let ctids: Vec<String> =
                batch.iter().map(|location| format!("\"{}\"", location.ctid())).collect();
            let filter = format!(" WHERE ctid = ANY ('{{{}}}'::tid[])", ctids.join(","));
            self.read_where(&filter, Some(&batch.iter().copied().collect()), visit)?;
        }
        Ok(())
    }

    fn read_where(
        &mut self,
        filter: &str,
        wanted: Option<&BTreeSet<RowLocation>>,
        visit: &mut dyn FnMut(&mut ExportedRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let columns = &self.table.columns;
        let mut terms = vec!["tableoid".to_owned(), "ctid".to_owned()];
        for column in columns {
            let json = Exported::json_sql(column);
            let is_long = format!("length({json}) > {HELD_MAX_CHARS}");
            terms.push(format!("CASE WHEN {is_long} THEN NULL ELSE {json} END"));
            terms.push(format!("CASE WHEN {is_long} THEN length({json})::text END"));
        }
        let select = format!("SELECT {} FROM {}{filter}", terms.join(", "), self.table.name);
        let mut rows = TargetRows::select(&select, terms.len(), self.target)?;
        while rows.advance()? {
            check_stop(self.observer)?;
            let location = RowLocation::of_target(rows.field(0), rows.field(1));
            // Of a partitioned table, other rows may be at the same ctid.
            if wanted.is_some_and(|wanted| location.is_none_or(|location| !wanted.contains(&location))) {
                continue;
            }
            let text =
                |position| rows.field(position).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let value = |column: usize| match (text(2 + 2 * column), text(3 + 2 * column)) {
                (_, Some(length)) => Err(length.parse().unwrap_or(0)),
                (value, None) => Ok(value.unwrap_or_else(|| "null".to_owned())),
            };
            let values = (0..columns.len()).map(value).collect();
            visit(&mut ExportedRow { table: self.table, location, values, pieces: self.pieces })?;
        }
        Ok(())
    }
}

/// Writes the file.
struct Writer {
    out: BufWriter<File>,
    /// Holds the values of SQLite of changed rows, until the rows of PostgreSQL are read.
    spool: File,
    rows: u64,
    failed: String,
}

impl Writer {
    /// Writes the line of a row of PostgreSQL; `old` is where the values of SQLite are.
    fn line(&mut self, operation: &str, row: &mut ExportedRow<'_>, old: Option<(u64, u64)>) -> Result<()> {
        let head = format!("{{\"table\":{},\"operation\":\"{operation}\"", json_text(&row.table.shown));
        self.put(&head)?;
        if !row.table.key.is_empty() {
            self.put(",\"key\":{")?;
            self.fields(row, &row.table.key.clone())?;
            self.put("}")?;
        }
        self.put(",\"postgresql\":{")?;
        self.fields(row, &(0..row.values.len()).collect::<Vec<_>>())?;
        self.put("}")?;
        if let Some((at, length)) = old {
            self.put(",\"sqlite\":")?;
            let Writer { out, spool, failed, .. } = self;
            let copy =
                spool.seek(SeekFrom::Start(at)).and_then(|_| std::io::copy(&mut spool.take(length), out));
            copy.context(|| failed.clone())?;
        }
        self.rows += 1;
        self.put("}\n")
    }

    fn fields(&mut self, row: &mut ExportedRow<'_>, positions: &[usize]) -> Result<()> {
        for (number, &position) in positions.iter().enumerate() {
            let (Some(column), Some(value)) = (row.table.columns.get(position), row.values.get(position))
            else {
                continue;
            };
            let comma = if number > 0 { "," } else { "" };
            self.put(&format!("{comma}{}:", json_text(column)))?;
            match value {
                Ok(json) => self.put(json)?,
                Err(length) => self.long(row.table, row.location, column, *length, row.pieces)?,
            }
        }
        Ok(())
    }

    /// Writes the JSON of a long value in pieces.
    fn long(
        &mut self,
        table: &Exported,
        location: Option<RowLocation>,
        column: &str,
        length: usize,
        pieces: &mut Connection,
    ) -> Result<()> {
        let location = location.ok_or_else(|| Error::new("PostgreSQL returned a row without its ctid"))?;
        for from in (1..=length).step_by(HELD_MAX_CHARS) {
            let sql = format!(
                "SELECT substring({} FROM {from} FOR {HELD_MAX_CHARS}) FROM {} WHERE ctid = '{}' AND tableoid = {}",
                Exported::json_sql(column),
                table.name,
                location.ctid(),
                location.tableoid()
            );
            let piece: String =
                pieces.one(&sql, &[]).context(|| format!("a value of {} cannot be read", table.name))?;
            self.put(&piece)?;
        }
        Ok(())
    }

    /// Writes the lines of rows that only the sealed copy has.
    fn deleted(
        &mut self,
        table: &PlannedTable,
        locations: &BTreeSet<RowLocation>,
        source: &SourceConnection,
    ) -> Result<()> {
        visit_source_rows(table, locations, source, &mut |_, row| {
            let Writer { out, failed, rows, .. } = self;
            let key = table.key_positions();
            let mut write = || -> std::io::Result<rusqlite::Result<()>> {
                write!(out, "{{\"table\":{},\"operation\":\"deleted\"", json_text(&table.source))?;
                if !key.is_empty() {
                    write!(out, ",\"key\":")?;
                    if let Err(error) = source_values(out, table, &key, row)? {
                        return Ok(Err(error));
                    }
                }
                write!(out, ",\"sqlite\":")?;
                let all: Vec<usize> = (0..table.columns.len()).collect();
                if let Err(error) = source_values(out, table, &all, row)? {
                    return Ok(Err(error));
                }
                writeln!(out, "}}").map(Ok)
            };
            write().context(|| failed.clone())?.context(|| unreadable(table))?;
            *rows += 1;
            Ok(())
        })
    }

    /// Writes the values of SQLite of changed rows to the spool; returns where each is, by its location in PostgreSQL.
    fn spool_old(
        &mut self,
        table: &PlannedTable,
        changed: &[(RowLocation, RowLocation)],
        source: &SourceConnection,
    ) -> Result<BTreeMap<RowLocation, (u64, u64)>> {
        let new_of: BTreeMap<RowLocation, RowLocation> = changed.iter().copied().collect();
        let (mut places, failed) = (BTreeMap::new(), self.failed.clone());
        self.spool.set_len(0).and_then(|()| self.spool.rewind()).context(|| failed.clone())?;
        let mut spool = BufWriter::new(&self.spool);
        let all: Vec<usize> = (0..table.columns.len()).collect();
        visit_source_rows(table, &new_of.keys().copied().collect(), source, &mut |location, row| {
            let at = spool.stream_position().context(|| failed.clone())?;
            source_values(&mut spool, table, &all, row)
                .context(|| failed.clone())?
                .context(|| unreadable(table))?;
            let end = spool.stream_position().context(|| failed.clone())?;
            if let Some(new) = new_of.get(&location) {
                places.insert(*new, (at, end - at));
            }
            Ok(())
        })?;
        spool.flush().context(|| failed.clone())?;
        drop(spool);
        Ok(places)
    }

    fn put(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes()).context(|| self.failed.clone())
    }
}

fn unreadable(table: &PlannedTable) -> String {
    format!("table {} of the sealed copy cannot be read", table.source)
}

/// Writes the values of a row of SQLite as an object. The inner error is SQLite's.
fn source_values(
    out: &mut impl Write,
    table: &PlannedTable,
    positions: &[usize],
    row: &SourceRow<'_>,
) -> std::io::Result<rusqlite::Result<()>> {
    out.write_all(b"{")?;
    for (number, &position) in positions.iter().enumerate() {
        let Some(column) = table.columns.get(position) else { continue };
        write!(out, "{}{}:", if number > 0 { "," } else { "" }, json_text(&column.source))?;
        match row.value(position) {
            Err(error) => return Ok(Err(error)),
            Ok(Value::Held(value)) => source_value(out, value)?,
            Ok(Value::Uncomputed(_)) => out.write_all(b"null")?,
            Ok(Value::Long(long)) if long.class() == StorageClass::Text => match long.whole() {
                Err(error) => return Ok(Err(error)),
                Ok(whole) => source_value(out, SourceValue::Text(&whole))?,
            },
            Ok(Value::Long(long)) => {
                out.write_all(b"{\"hex\":\"")?;
                let passed = long.pieces(|piece| match out.write_all(hex(piece).as_bytes()) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => ControlFlow::Break(error),
                });
                match passed {
                    Err(error) => return Ok(Err(error)),
                    Ok(ControlFlow::Break(error)) => return Err(error),
                    Ok(ControlFlow::Continue(())) => out.write_all(b"\"}")?,
                }
            }
        }
    }
    out.write_all(b"}").map(Ok)
}

fn source_value(out: &mut impl Write, value: SourceValue<'_>) -> std::io::Result<()> {
    match value {
        SourceValue::Null => out.write_all(b"null"),
        SourceValue::Integer(integer) => write!(out, "{integer}"),
        SourceValue::Real(real) if real.is_finite() => write!(out, "{real:?}"),
        SourceValue::Real(real) => write!(out, "\"{real}\""),
        SourceValue::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => out.write_all(json_text(text).as_bytes()),
            Err(_) => write!(out, "{{\"text_in_hex\":\"{}\"}}", hex(bytes)),
        },
        SourceValue::Blob(bytes) => write!(out, "{{\"hex\":\"{}\"}}", hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn json_text(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
