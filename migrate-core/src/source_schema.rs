//! What a SQLite database declares: facts as the pragmas report them, and the SQL that SQLite stored.
//!
//! Filled by whoever reads the database; nothing is interpreted here.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// All that a database declares, but for SQLite's own tables (`sqlite_…`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceSchema {
    /// Ordinary tables, and virtual ones that hold rows of their own, ordered by name.
    pub tables: Vec<SourceTable>,
    /// Everything else: views, triggers, other virtual tables and all shadow tables, ordered by kind and name.
    pub others: Vec<SourceObject>,
}

/// Something that is no ordinary table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceObject {
    /// What it is.
    pub kind: SourceObjectKind,
    /// Its name.
    pub name: String,
    /// The SQL that SQLite stored for it; empty for a shadow table's.
    pub sql: String,
}

/// The kinds of things that are no ordinary table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceObjectKind {
    /// A view.
    View,
    /// A trigger.
    Trigger,
    /// A virtual table (`PRAGMA table_list` type `virtual`).
    VirtualTable,
    /// A shadow table of a virtual table (type `shadow`).
    ShadowTable,
}

/// An ordinary table, or a virtual one that holds rows of its own and is read like one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceTable {
    /// Its name.
    pub name: String,
    /// The `CREATE TABLE` that SQLite stored, or the `CREATE VIRTUAL TABLE`.
    pub sql: String,
    /// The module of a virtual table, in lower case, through which its rows are read; none of an ordinary table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Whether it is WITHOUT ROWID.
    pub without_rowid: bool,
    /// Whether it is STRICT.
    pub strict: bool,
    /// Its columns, in their order.
    pub columns: Vec<SourceColumn>,
    /// Its indexes, those of PRIMARY KEY and UNIQUE among them, ordered by name.
    pub indexes: Vec<SourceIndex>,
    /// Its foreign keys, in the order of their ids.
    pub foreign_keys: Vec<SourceForeignKey>,
}

/// A column, as `PRAGMA table_xinfo` reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceColumn {
    /// Its name.
    pub name: String,
    /// The declared type; empty where there is none.
    pub declared_type: String,
    /// Whether NOT NULL is declared.
    pub not_null: bool,
    /// The default's SQL.
    pub default: Option<String>,
    /// The place in the primary key, from 1; 0 outside it.
    pub primary_key_position: u32,
    /// Whether it is a generated column (virtual or stored).
    pub generated: bool,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceIndex {
    /// Its name.
    pub name: String,
    /// Whether it is unique.
    pub unique: bool,
    /// What made it.
    pub origin: SourceIndexOrigin,
    /// Whether it has a WHERE clause.
    pub partial: bool,
    /// Its key columns, in their order.
    pub columns: Vec<SourceIndexColumn>,
    /// The `CREATE INDEX` that SQLite stored; none for those that a constraint made.
    pub sql: Option<String>,
}

/// What made an index (`PRAGMA index_list`, column `origin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SourceIndexOrigin {
    /// `CREATE INDEX`.
    CreateIndex,
    /// A UNIQUE constraint.
    Unique,
    /// A PRIMARY KEY constraint.
    PrimaryKey,
}

/// A key column of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceIndexColumn {
    /// The column's name; none where the key is an expression or the rowid.
    pub column: Option<String>,
    /// Whether it is sorted descending.
    pub descending: bool,
    /// The collation, `BINARY` where none is declared.
    pub collation: String,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceForeignKey {
    /// The columns of this table.
    pub columns: Vec<String>,
    /// The table it points to.
    pub parent_table: String,
    /// The columns it points to; empty where the parent's primary key is meant.
    pub parent_columns: Vec<String>,
    /// `ON UPDATE`, as the pragma prints it, such as `NO ACTION`.
    pub on_update: String,
    /// `ON DELETE`, as the pragma prints it.
    pub on_delete: String,
}

impl SourceSchema {
    /// The SHA-256 of all that is declared, in hex: two databases with one fingerprint have one schema, to the letter.
    pub fn fingerprint(&self) -> String {
        // Plain data with text for keys: there is nothing that could not be written as JSON.
        let text = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl SourceTable {
    /// The column of this name; SQLite matches names without regard to ASCII case.
    pub fn column(&self, name: &str) -> Option<&SourceColumn> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The columns of the primary key, in the key's order.
    pub fn primary_key(&self) -> Vec<&SourceColumn> {
        let mut key: Vec<_> = self.columns.iter().filter(|column| column.primary_key_position > 0).collect();
        key.sort_by_key(|column| column.primary_key_position);
        key
    }

    /// The column that is another name for the rowid: an `INTEGER PRIMARY KEY` that needs no index of its own
    /// (SQLite manual, "Rowid Tables", section "INTEGER PRIMARY KEY").
    pub(crate) fn rowid_alias(&self) -> Option<&SourceColumn> {
        let has_key_index = self.indexes.iter().any(|index| index.origin == SourceIndexOrigin::PrimaryKey);
        match self.primary_key().as_slice() {
            [only]
                if !self.without_rowid
                    && !has_key_index
                    && only.declared_type.eq_ignore_ascii_case("INTEGER") =>
            {
                Some(only)
            }
            _ => None,
        }
    }

    /// A name by which SQL can reach a range of rowids; none for a WITHOUT ROWID table, nor where columns hide all three names, nor
    /// for an R*Tree, which reads all of its nodes for a range.
    pub fn rowid_name(&self) -> Option<&'static str> {
        if self.without_rowid || self.module.as_deref().is_some_and(|module| module.starts_with("rtree")) {
            return None;
        }
        ["rowid", "_rowid_", "oid"].into_iter().find(|name| self.column(name).is_none())
    }
}
