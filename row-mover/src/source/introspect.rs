//! Introspects a SQLite database: facts from the pragmas, and the stored SQL.
//!
//! Names are always data: they are bound as parameters, never put into SQL.

use std::collections::HashMap;
use std::path::Path;

use migrate_core::source_schema::{
    SourceColumn, SourceForeignKey, SourceIndex, SourceIndexColumn, SourceIndexOrigin, SourceObject,
    SourceObjectKind, SourceSchema, SourceTable,
};
use rusqlite::{Connection, Row};

use super::SourceConnection;
use super::file_path::{is_nonempty, sidecar};
use super::schema_limits::too_many_views;
use super::undisturbed::read_undisturbed;
use super::virtual_tables::{self, VirtualTable};
use crate::error::{Context, Error, Result};

/// Reads the schema of the live file at `path`, which another process may be writing.
///
/// # Errors
/// When the file cannot be read or understood.
pub fn introspect_live(path: &Path) -> Result<SourceSchema> {
    Ok(read_undisturbed(path, &mut introspect)?.0)
}

/// Reads the schema.
///
/// # Errors
/// When the database cannot be read, or holds no table at all: an empty success would be worse than an error.
pub fn introspect(source: &SourceConnection) -> Result<SourceSchema> {
    let path = source.path();
    let unreadable = || format!("the schema of {} cannot be read", path.display());
    let damage_or = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => super::open::corrupt(path, source.real_path(), error),
        _ => Error::new(unreadable()).caused_by(error),
    };
    if let Some(what) = not_utf8(source.connection()).map_err(damage_or)? {
        return Err(Error::new(format!("{}: {what} is not UTF-8", unreadable()))
            .with_remedy_text("give it another name in a copy of the file, and migrate the copy"));
    }
    if let Some(excess) = too_many_views(source.connection()).context(unreadable)? {
        return Err(excess.refusal(&path.display()));
    }
    let schema = read(source.connection()).map_err(damage_or)?;
    if schema.tables.is_empty() && schema.others.is_empty() {
        return Err(no_tables(source));
    }
    Ok(schema)
}

/// Names the first object whose name or SQL is not UTF-8, which neither this program nor PostgreSQL can hold; none where all are.
fn not_utf8(connection: &Connection) -> rusqlite::Result<Option<String>> {
    // SQLite makes UTF-8 of the other encodings.
    let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    if encoding != "UTF-8" {
        return Ok(None);
    }
    let sql = "SELECT type, CAST(name AS BLOB), CAST(coalesce(sql, '') AS BLOB) FROM sqlite_schema";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (name, sql): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
        let is_utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        let kind =
            || Ok::<_, rusqlite::Error>(String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned());
        if !is_utf8(&name) {
            return Ok(Some(format!("the name of {} {}", kind()?, escaped(&name))));
        }
        if !is_utf8(&sql) {
            return Ok(Some(format!("a name or text in the SQL of {} {}", kind()?, escaped(&name))));
        }
    }
    Ok(None)
}

/// The text with `\\xff` for each byte that is not part of UTF-8.
fn escaped(bytes: &[u8]) -> String {
    let shown = |chunk: std::str::Utf8Chunk<'_>| {
        let invalid: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect();
        format!("{}{invalid}", chunk.valid())
    };
    bytes.utf8_chunks().map(shown).collect()
}

/// Returns why a database without tables is probably not the intended one.
fn no_tables(source: &SourceConnection) -> Error {
    let is_wal = source
        .connection()
        .query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))
        .is_ok_and(|mode| mode.eq_ignore_ascii_case("wal"));
    let error = Error::new(format!("{} holds no table", source.path().display()));
    // Opening a database in WAL mode creates an empty log if there is none, so an empty log means no more than a missing one.
    if is_wal && !is_nonempty(&sidecar(source.real_path(), "-wal")) {
        error.with_remedy_text(
            "it is in WAL mode, and no -wal file with content lies beside it: if it was copied, copy FILE, FILE-wal and \
             FILE-shm together, or let the app close it first; else check that this is the file that the app uses",
        )
    } else {
        error.with_remedy_text(
            "it is a database, but an empty one; check that this is the file that the app uses",
        )
    }
}

fn read(connection: &Connection) -> rusqlite::Result<SourceSchema> {
    let mut schema = SourceSchema::default();
    let listed = rows(
        connection,
        "SELECT l.name, l.type, l.wr, l.strict, coalesce(s.sql, '') FROM pragma_table_list AS l \
         LEFT JOIN sqlite_schema AS s ON s.name = l.name AND s.type IN ('table', 'view') \
         WHERE l.schema = 'main' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY l.name",
        [],
        |row| {
            let kind: String = row.get(1)?;
            Ok((
                row.get::<_, String>(0)?,
                kind,
                row.get::<_, bool>(2)?,
                row.get::<_, bool>(3)?,
                row.get::<_, String>(4)?,
            ))
        },
    )?;
    let mut index_sql = index_sql(connection)?;
    let mut unreadable_contents = Vec::new();
    for (name, kind, without_rowid, strict, sql) in listed {
        let other = |kind| SourceObject { kind, name: name.clone(), sql: sql.clone() };
        match kind.as_str() {
            "view" => schema.others.push(other(SourceObjectKind::View)),
            "virtual" => match virtual_tables::inspect(connection, &name, &sql) {
                VirtualTable::Readable(table) => schema.tables.push(table),
                VirtualTable::Unreadable { content } => {
                    unreadable_contents.push(content);
                    schema.others.push(other(SourceObjectKind::VirtualTable));
                }
                VirtualTable::Other => schema.others.push(other(SourceObjectKind::VirtualTable)),
            },
            // It follows its virtual table, whose name is the beginning of its own.
            "shadow" if !unreadable_contents.contains(&name) => {
                schema.others.push(other(SourceObjectKind::ShadowTable));
            }
            _ => schema.tables.push(SourceTable {
                columns: columns(connection, &name)?,
                indexes: indexes(connection, &name, &mut index_sql)?,
                foreign_keys: foreign_keys(connection, &name)?,
                module: None,
                without_rowid,
                strict,
                sql,
                name,
            }),
        }
    }
    let triggers = rows(
        connection,
        "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'trigger' ORDER BY name",
        [],
        |row| Ok(SourceObject { kind: SourceObjectKind::Trigger, name: row.get(0)?, sql: row.get(1)? }),
    )?;
    schema.others.extend(triggers);
    schema.others.sort_by(|left, right| (left.kind, &left.name).cmp(&(right.kind, &right.name)));
    Ok(schema)
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<SourceColumn>> {
    let sql =
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid";
    rows(connection, sql, [table], |row| {
        Ok(SourceColumn {
            name: row.get(0)?,
            declared_type: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get(3)?,
            primary_key_position: row.get(4)?,
            // 2 is a virtual, 3 a stored generated column (SQLite manual, PRAGMA table_xinfo).
            generated: matches!(row.get::<_, i64>(5)?, 2 | 3),
        })
    })
}

/// The SQL of all indexes by name: `sqlite_schema` has no index, and asking it for one table after the other would read all of it each time.
fn index_sql(connection: &Connection) -> rusqlite::Result<HashMap<String, String>> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    Ok(rows(connection, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}

fn indexes(
    connection: &Connection,
    table: &str,
    index_sql: &mut HashMap<String, String>,
) -> rusqlite::Result<Vec<SourceIndex>> {
    let sql = "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1) ORDER BY name";
    let listed = rows(connection, sql, [table], |row| {
        let origin = match row.get::<_, String>(2)?.as_str() {
            "pk" => SourceIndexOrigin::PrimaryKey,
            "u" => SourceIndexOrigin::Unique,
            _ => SourceIndexOrigin::CreateIndex,
        };
        let name: String = row.get(0)?;
        Ok(SourceIndex {
            unique: row.get(1)?,
            origin,
            partial: row.get(3)?,
            columns: Vec::new(),
            sql: index_sql.remove(&name),
            name,
        })
    })?;
    let keys = "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno";
    listed
        .into_iter()
        .map(|mut index| {
            index.columns = rows(connection, keys, [&index.name], |row| {
                let collation: Option<String> = row.get(2)?;
                Ok(SourceIndexColumn {
                    column: row.get(0)?,
                    descending: row.get(1)?,
                    collation: collation.unwrap_or_else(|| "BINARY".to_owned()),
                })
            })?;
            Ok(index)
        })
        .collect()
}

fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<SourceForeignKey>> {
    let sql = "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let parts = rows(connection, sql, [table], |row| {
        let key = SourceForeignKey {
            columns: vec![row.get(2)?],
            parent_table: row.get(1)?,
            parent_columns: row.get::<_, Option<String>>(3)?.into_iter().collect(),
            on_update: row.get(4)?,
            on_delete: row.get(5)?,
        };
        Ok((row.get::<_, i64>(0)?, key))
    })?;
    let mut keys: Vec<(i64, SourceForeignKey)> = Vec::new();
    for (id, part) in parts {
        match keys.last_mut().filter(|(last, _)| *last == id) {
            Some((_, key)) => {
                key.columns.extend(part.columns);
                key.parent_columns.extend(part.parent_columns);
            }
            None => keys.push((id, part)),
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
}

/// The high-water marks that AUTOINCREMENT keeps, by table.
#[derive(Debug)]
pub(crate) struct Marks(HashMap<String, i64>);

impl Marks {
    /// Reads those of all tables at once: SQLite has no index on their names.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn read(source: &SourceConnection) -> Result<Marks> {
        let failed = || "the numbers that SQLite has issued cannot be read".to_owned();
        let connection = source.connection();
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')";
        if !connection.query_row(sql, [], |row| row.get(0)).context(failed)? {
            return Ok(Marks(HashMap::new()));
        }
        let sql = "SELECT name, max(CAST(seq AS INTEGER)) FROM sqlite_sequence GROUP BY name";
        // An app may write anything into the table.
        let mark = |row: &Row<'_>| {
            let table = row.get_ref(0)?.as_str().ok().map(str::to_owned);
            Ok(table.zip(row.get::<_, Option<i64>>(1)?))
        };
        let marks = rows(connection, sql, [], mark).context(failed)?;
        Ok(Marks(marks.into_iter().flatten().collect()))
    }

    /// The mark of `table`, or the highest value of its `column` where that is higher; none if the table has never numbered a row.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn highest_number(
        &self,
        source: &SourceConnection,
        table: &str,
        column: &str,
    ) -> Result<Option<i64>> {
        let quote = migrate_core::identifier::quote_sqlite;
        let sql = format!("SELECT max({}) FROM {}", quote(column), quote(table));
        let highest: Option<i64> = source
            .connection()
            .query_row(&sql, [], |row| row.get(0))
            .context(|| format!("the highest number of {table}.{column} cannot be read"))?;
        Ok(self.0.get(table).copied().max(highest))
    }
}

/// The same for one table alone.
///
/// # Errors
/// As above.
pub(crate) fn highest_number(source: &SourceConnection, table: &str, column: &str) -> Result<Option<i64>> {
    Marks::read(source)?.highest_number(source, table, column)
}

/// The lowest number of a column.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn lowest_number(source: &SourceConnection, table: &str, column: &str) -> Result<Option<i64>> {
    let quote = migrate_core::identifier::quote_sqlite;
    let sql = format!("SELECT min({}) FROM {}", quote(column), quote(table));
    let lowest = source.connection().query_row(&sql, [], |row| row.get(0));
    lowest.context(|| format!("the lowest number of {table}.{column} cannot be read"))
}
