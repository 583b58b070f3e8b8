//! Which objects of the schema differ between two copies.
//!
//! What SQLite keeps for itself is not compared: the statistics of ANALYZE, the numbers of AUTOINCREMENT, indexes of constraints. Where an
//! object lies in the file, and `user_version`, mean nothing to a plan.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::Connection;

use crate::error::{Context, Result};
use crate::source::SourceConnection;

/// A difference of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// Only the newer copy has the object.
    Created {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// Only the older copy has the object.
    Dropped {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// The object's SQL differs.
    Altered {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// Text is stored in another encoding, as `PRAGMA encoding` names it.
    Encoding {
        /// That of the older copy.
        before: String,
        /// That of the newer copy.
        after: String,
    },
}

/// The kind of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A table, which may be virtual.
    Table,
    /// An index.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
    /// One that no SQLite of today makes.
    Other,
}

impl ObjectKind {
    fn of(name: &str) -> ObjectKind {
        match name {
            "table" => ObjectKind::Table,
            "index" => ObjectKind::Index,
            "view" => ObjectKind::View,
            "trigger" => ObjectKind::Trigger,
            _ => ObjectKind::Other,
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectKind::Table => "table",
            ObjectKind::Index => "index",
            ObjectKind::View => "view",
            ObjectKind::Trigger => "trigger",
            ObjectKind::Other => "object",
        })
    }
}

/// An object's kind and name, as bytes: a name need not be UTF-8.
type Name = (ObjectKind, Vec<u8>);

/// The table and the SQL of an object.
type Definition = (Vec<u8>, Vec<u8>);

/// The cause of an error: the schema of the source has changed since the copy that the target equals.
#[derive(Debug)]
pub struct SourceSchemaChanged {
    /// What has changed.
    pub changes: Vec<SchemaChange>,
}

impl fmt::Display for SourceSchemaChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes.iter().map(|change| match change {
            SchemaChange::Created { kind, name } => format!("{kind} {name} is new"),
            SchemaChange::Dropped { kind, name } => format!("{kind} {name} is gone"),
            SchemaChange::Altered { kind, name } => format!("{kind} {name} was altered"),
            SchemaChange::Encoding { before, after } => format!("the encoding was {before} and is {after}"),
        });
        f.write_str(&changes.collect::<Vec<_>>().join("; "))
    }
}

impl std::error::Error for SourceSchemaChanged {}

/// Returns the differences of the schema, sorted by kind and name; the encoding comes first.
pub(super) fn changes(base: &SourceConnection, newer: &SourceConnection) -> Result<Vec<SchemaChange>> {
    let read = |copy: &SourceConnection| {
        let failed = || format!("the schema of {} cannot be read", copy.path().display());
        Ok((encoding(copy.connection()).context(failed)?, objects(copy.connection()).context(failed)?))
    };
    let ((before, old), (after, mut new)) = (read(base)?, read(newer)?);
    let mut changes = Vec::new();
    if before != after {
        changes.push(SchemaChange::Encoding { before, after });
    }
    let mut found: Vec<(Name, SchemaChange)> = Vec::new();
    let shown = |name: &Name| (name.0.clone(), String::from_utf8_lossy(&name.1).into_owned());
    for (object, definition) in old {
        let (kind, name) = shown(&object);
        match new.remove(&object) {
            None => found.push((object, SchemaChange::Dropped { kind, name })),
            Some(other) if other != definition => found.push((object, SchemaChange::Altered { kind, name })),
            Some(_) => {}
        }
    }
    for object in new.into_keys() {
        let (kind, name) = shown(&object);
        found.push((object, SchemaChange::Created { kind, name }));
    }
    found.sort_by(|(left, _), (right, _)| left.cmp(right));
    changes.extend(found.into_iter().map(|(_, change)| change));
    Ok(changes)
}

fn encoding(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA encoding", [], |row| row.get(0))
}

fn objects(connection: &Connection) -> rusqlite::Result<BTreeMap<Name, Definition>> {
    let sql = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema \
               WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut objects = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let kind = ObjectKind::of(&row.get::<_, String>(0)?);
        let bytes = |position| Ok::<_, rusqlite::Error>(row.get_ref(position)?.as_bytes()?.to_vec());
        objects.insert((kind, bytes(1)?), (bytes(2)?, bytes(3)?));
    }
    Ok(objects)
}
