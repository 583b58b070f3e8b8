//! The file of a table's rejected rows: one JSON object on each line, the whole row with its storage classes, so that nothing of it is
//! lost.
//!
//! Written from the sealed copy once all rows have moved, so that a run that is killed and goes on never writes a line twice. The
//! files hold what the source holds, secrets too: mode 0600 in a folder of mode 0700.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use migrate_core::identifier::fit_pg;
use migrate_core::plan::PlannedTable;
use migrate_core::value::SourceValue;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Fate, Refused, append_row, may_reject};
use crate::error::{Context, Error, Result};
use crate::source::SourceConnection;
use crate::source::scan;

/// What stayed behind of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedTable {
    /// The table, by source name.
    pub table: String,
    /// Rows that stayed behind whole.
    pub skipped: u64,
    /// Values that became NULL.
    pub nulled: u64,
    /// Where the rows are written down.
    pub file: PathBuf,
}

/// Writes the rejects of `tables` below `folder`, a file for each table that has any; gives what was written.
///
/// # Errors
/// When the sealed copy cannot be read, or the folder not be written.
pub fn write(
    source: &SourceConnection,
    tables: &[&PlannedTable],
    folder: &Path,
) -> Result<Vec<RejectedTable>> {
    let mut written = Vec::new();
    for table in tables.iter().filter(|table| may_reject(table)) {
        let sent = table.sent();
        written.extend(write_table(source, &sent, &folder.join(file_name(&table.source)))?);
    }
    Ok(written)
}

/// The file's name: the table's, in letters that every file system takes, and a hash where that changes it.
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
    let mut statement = source.connection().prepare(&scan::select_with_rowid(table)).context(failed)?;
    let mut rows = statement.query([]).context(failed)?;
    let mut rejected =
        RejectedTable { table: table.source.clone(), skipped: 0, nulled: 0, file: path.to_owned() };
    let mut out: Option<BufWriter<tempfile::NamedTempFile>> = None;
    let mut scratch = Vec::new();
    while let Some(row) = rows.next().context(failed)? {
        scratch.clear();
        let (refused, what) = match append_row(table, row, &mut scratch).context(failed)? {
            Fate::Moves | Fate::Stops(_) => continue,
            Fate::Nulled(refused) => {
                rejected.nulled += refused.len() as u64;
                (refused, "nulled")
            }
            Fate::Skipped(refused) => {
                rejected.skipped += 1;
                (refused, "skipped")
            }
        };
        let line = line(table, row, &refused, what).context(failed)?;
        let out = match &mut out {
            Some(out) => out,
            None => out.insert(create(path)?),
        };
        writeln!(out, "{line}").context(|| cannot_write(path))?;
    }
    let Some(out) = out else { return Ok(None) };
    let file =
        out.into_inner().map_err(|error| Error::new(cannot_write(path)).because(error.into_error()))?;
    file.as_file().sync_all().context(|| cannot_write(path))?;
    file.persist(path).map_err(|error| Error::new(cannot_write(path)).because(error.error))?;
    Ok(Some(rejected))
}

fn cannot_write(path: &Path) -> String {
    format!("the rejected rows cannot be written to {}", path.display())
}

/// A file beside the one that it will be, for this account alone.
fn create(path: &Path) -> Result<BufWriter<tempfile::NamedTempFile>> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).context(|| cannot_write(path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).context(|| cannot_write(path))?;
    }
    // Made with mode 0600.
    tempfile::NamedTempFile::new_in(folder).map(BufWriter::new).context(|| cannot_write(path))
}

fn line(
    table: &PlannedTable,
    row: &rusqlite::Row<'_>,
    refused: &[Refused],
    what: &str,
) -> rusqlite::Result<Value> {
    let reasons: Vec<Value> = refused
        .iter()
        .filter_map(|refused| Some((table.columns.get(refused.position)?, refused)))
        .map(|(column, refused)| json!({ "column": column.source, "reason": refused.refusal.to_string() }))
        .collect();
    let mut values = serde_json::Map::new();
    for (position, column) in table.columns.iter().enumerate() {
        values.insert(column.source.clone(), value(scan::value(row.get_ref(position)?)));
    }
    let rowid: Option<i64> = match table.rowid {
        Some(_) => Some(row.get(table.columns.len())?),
        None => None,
    };
    Ok(json!({ "table": table.source, "rowid": rowid, "what": what, "reasons": reasons, "row": values }))
}

/// A value with its storage class; NULL is JSON's.
fn value(value: SourceValue<'_>) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match value {
        SourceValue::Null => Value::Null,
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
