//! The file of a table's rejected rows: one JSON object on each line, the complete row with its storage classes, so that no data is
//! lost.
//!
//! It is written from the sealed copy once all rows have moved, so that a run that is killed and resumed never writes a line twice. The
//! files hold what the source holds, secrets too: mode 0600 in a folder of mode 0700.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use migrate_core::conversion::{Refusal, TextCheck};
use migrate_core::identifier::fit_pg;
use migrate_core::load_plan::LoadTables;
use migrate_core::plan::PlannedTable;
use migrate_core::value::{SourceValue, StorageClass};
use serde::Serialize;
use serde_json::json;

use crate::error::{Context, Error, Result};
use crate::row_encoder::{LongText, Refused, RowBuffer, RowOutcome, Value, Values, append_row, may_reject};
use crate::source::SourceConnection;
use crate::source::rows::{Scan, SourceRow};

/// The rejects of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedTable {
    /// The table, by source name.
    pub table: String,
    /// Skipped rows.
    pub skipped: u64,
    /// Values that became NULL.
    pub nulled: u64,
    /// Where the rows are written down.
    pub file: PathBuf,
}

/// Writes the rejects of `tables` below `folder`, a file for each table that has any; returns the files.
///
/// # Errors
/// When the sealed copy cannot be read, or the folder not be written.
pub fn write(
    source: &SourceConnection,
    tables: &LoadTables<'_>,
    folder: &Path,
) -> Result<Vec<RejectedTable>> {
    let mut written = Vec::new();
    for table in tables.iter().filter(|table| may_reject(table)) {
        let sent = table.sent();
        written.extend(write_table(source, &sent, &folder.join(file_name(&table.source)))?);
    }
    Ok(written)
}

/// The file's name: the table's, in characters that every file system accepts, and a hash if that changes it.
fn file_name(table: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let plain: String = table.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let stem = if plain == table && plain.len() <= 63 {
        plain
    } else {
        migrate_core::identifier::hashed_pg(&fit_pg(&plain), table)
    };
    format!("{stem}.jsonl")
}

fn write_table(
    source: &SourceConnection,
    table: &PlannedTable,
    path: &Path,
) -> Result<Option<RejectedTable>> {
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let mut rejected =
        RejectedTable { table: table.source.clone(), skipped: 0, nulled: 0, file: path.to_owned() };
    let mut out: Option<BufWriter<tempfile::NamedTempFile>> = None;
    let mut scratch = RowBuffer::default();
    Scan::of(table).each(source, &failed, &mut |row| {
        scratch.clear();
        let (refused, what) = match append_row(table, row, &mut scratch).context(failed)? {
            RowOutcome::Moves | RowOutcome::Stops(_) => return Ok(()),
            RowOutcome::Nulled(refused) => {
                rejected.nulled += refused.len() as u64;
                (refused, "nulled")
            }
            RowOutcome::Skipped(refused) => {
                rejected.skipped += 1;
                (refused, "skipped")
            }
        };
        let out = match &mut out {
            Some(out) => out,
            None => out.insert(create(path)?),
        };
        let line = Line { table, row, refused: &refused, what };
        line.write(out).context(failed)?.context(|| cannot_write(path))
    })?;
    let Some(out) = out else { return Ok(None) };
    let file =
        out.into_inner().map_err(|error| Error::new(cannot_write(path)).caused_by(error.into_error()))?;
    file.as_file().sync_all().context(|| cannot_write(path))?;
    file.persist(path).map_err(|error| Error::new(cannot_write(path)).caused_by(error.error))?;
    Ok(Some(rejected))
}

fn cannot_write(path: &Path) -> String {
    format!("the rejected rows cannot be written to {}", path.display())
}

/// A temporary file next to the final one, readable by this account alone.
fn create(path: &Path) -> Result<BufWriter<tempfile::NamedTempFile>> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).context(|| cannot_write(path))?;
    // It may have been there already.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).context(|| cannot_write(path))?;
    // Made with mode 0600.
    tempfile::NamedTempFile::new_in(folder).map(BufWriter::new).context(|| cannot_write(path))
}

/// One rejected row as a line of JSON.
struct Line<'a> {
    table: &'a PlannedTable,
    row: &'a SourceRow<'a>,
    refused: &'a [Refused],
    what: &'a str,
}

impl Line<'_> {
    /// Writes it, long values in pieces. The outer error is that of reading, the inner one that of writing.
    fn write(&self, out: &mut impl Write) -> rusqlite::Result<io::Result<()>> {
        let reasons: Vec<serde_json::Value> = (self.refused.iter())
            .filter_map(|refused| Some((self.table.columns.get(refused.position)?, refused)))
            .map(
                |(column, refused)| json!({ "column": column.source, "reason": refused.refusal.to_string() }),
            )
            .collect();
        let rowid = self.table.rowid.as_ref().and_then(|_| self.row.rowid());
        let mut head =
            json!({ "table": self.table.source, "rowid": rowid, "what": self.what, "reasons": reasons })
                .to_string();
        // The row comes last, so that its values can be written one by one.
        head.pop();
        if let Err(error) = write!(out, "{head},\"row\":{{") {
            return Ok(Err(error));
        }
        for (position, column) in self.table.columns.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            let written = write!(out, "{comma}{}:", json!(column.source)).map(|()| self.row.value(position));
            let written = match written {
                Err(error) => Err(error),
                Ok(value) => match value? {
                    Value::Held(value) => write!(out, "{}", held(value)),
                    Value::Long(long) => write_long(long, out)?,
                    Value::Uncomputed(failed) => {
                        write!(out, "{}", json!({ "uncomputed": failed.reason }))
                    }
                },
            };
            if let Err(error) = written {
                return Ok(Err(error));
            }
        }
        Ok(writeln!(out, "}}}}"))
    }
}

/// Writes a long value as [`held`] would: text as text where it is UTF-8, all else in hexadecimal digits.
fn write_long(long: &LongText<'_>, out: &mut impl Write) -> rusqlite::Result<io::Result<()>> {
    let is_text = long.class() == StorageClass::Text;
    if is_text && is_utf8(long)? {
        let mut text = Utf8Pieces::default();
        return write_pieces(long, r#"{"text":""#, out, |piece, out| {
            let whole = text.next(piece);
            let quoted = json!(whole).to_string();
            out.write_all(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().as_bytes())
        });
    }
    let begin = if is_text { r#"{"text_hex":""# } else { r#"{"blob_hex":""# };
    write_pieces(long, begin, out, |piece, out| out.write_all(hex(piece).as_bytes()))
}

fn write_pieces<W: Write>(
    long: &LongText<'_>,
    begin: &str,
    out: &mut W,
    mut write: impl FnMut(&[u8], &mut W) -> io::Result<()>,
) -> rusqlite::Result<io::Result<()>> {
    if let Err(error) = out.write_all(begin.as_bytes()) {
        return Ok(Err(error));
    }
    let written = long.pieces(|piece| match write(piece, out) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    })?;
    Ok(match written {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => out.write_all(b"\"}"),
    })
}

fn is_utf8(long: &LongText<'_>) -> rusqlite::Result<bool> {
    let mut check = TextCheck::default();
    let checked = long.pieces(|piece| match check.feed(piece) {
        Ok(()) => ControlFlow::Continue(()),
        Err(refusal) => ControlFlow::Break(refusal),
    })?;
    Ok(checked.is_continue() && !matches!(check.finish(), Err(Refusal::InvalidUtf8 { .. })))
}

/// Cuts text that is known to be UTF-8 between characters, wherever its pieces are cut.
#[derive(Default)]
struct Utf8Pieces {
    pending: Vec<u8>,
}

impl Utf8Pieces {
    /// The text up to the last complete character of `piece`; the remaining bytes are sent with the next piece.
    fn next(&mut self, piece: &[u8]) -> String {
        self.pending.extend_from_slice(piece);
        let whole = match std::str::from_utf8(&self.pending) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let rest = self.pending.split_off(whole);
        String::from_utf8_lossy(&std::mem::replace(&mut self.pending, rest)).into_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // Writing into a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// A value with its storage class; NULL is JSON's.
fn held(value: SourceValue<'_>) -> serde_json::Value {
    match value {
        SourceValue::Null => serde_json::Value::Null,
        SourceValue::Integer(integer) => json!({ "integer": integer.to_string() }),
        // The shortest decimal that reads back as the same float.
        SourceValue::Real(real) => json!({ "real": format!("{real:?}") }),
        SourceValue::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!({ "text": text }),
            Err(_) => json!({ "text_hex": hex(bytes) }),
        },
        SourceValue::Blob(bytes) => json!({ "blob_hex": hex(bytes) }),
    }
}
