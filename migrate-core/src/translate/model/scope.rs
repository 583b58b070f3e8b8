//! Scopes: the tables and columns that names refer to, and how their text is compared.

use std::collections::BTreeSet;

use super::{Result, Untranslatable};
use crate::affinity::Affinity;
use crate::conversion::Conversion;

/// How text is compared (SQLite manual, "Datatypes In SQLite", section 7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Collation {
    /// Byte by byte.
    #[default]
    Binary,
    /// Ignoring the case of ASCII letters.
    Nocase,
    /// Ignoring trailing spaces.
    Rtrim,
    /// One that the app defines.
    Other(String),
}

/// What the blobs of a column hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlobContents {
    /// Any bytes.
    #[default]
    Bytes,
    /// Text in UTF-8.
    Text,
    /// JSON documents in UTF-8, which SQLite's JSON functions read as text.
    Documents,
}

/// A column that expressions may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeColumn {
    /// Its name in SQLite.
    pub source: String,
    /// How PostgreSQL names it: quoted, and qualified where that is needed.
    pub sql: String,
    /// The conversion of its values.
    pub conversion: Conversion,
    /// Its affinity in SQLite.
    pub affinity: Affinity,
    /// How SQLite compares its text.
    pub collation: Collation,
    /// Whether it is NOT NULL in PostgreSQL.
    pub not_null: bool,
    /// What its blobs hold.
    pub contents: BlobContents,
}

/// A table whose columns expressions may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeTable {
    /// The names by which SQL may qualify its columns.
    pub names: Vec<String>,
    /// Its columns.
    pub columns: Vec<ScopeColumn>,
    /// The column that `rowid`, `oid` and `_rowid_` refer to.
    pub rowid: Option<usize>,
}

/// The columns that names in an expression refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The tables, in the order in which names are resolved.
    pub tables: Vec<ScopeTable>,
    /// Columns, by table and index, that only a qualified name refers to: those joined by USING, and all of NEW and OLD.
    pub hidden: BTreeSet<(usize, usize)>,
    /// The aliases of the tables of this scope and the outer ones in PostgreSQL.
    pub aliases: BTreeSet<String>,
    /// The scope of the enclosing query, for names that this one does not resolve.
    pub outer: Option<Box<Scope>>,
}

/// Whether a name is one of SQLite's names for the rowid.
pub(crate) fn is_rowid(name: &str) -> bool {
    ["rowid", "_rowid_", "oid"].iter().any(|rowid| rowid.eq_ignore_ascii_case(name))
}

/// Returns the index of the column with a name, which may be a name for the rowid.
pub(crate) fn column_index(columns: &[ScopeColumn], rowid: Option<usize>, name: &str) -> Option<usize> {
    let named = columns.iter().position(|column| column.source.eq_ignore_ascii_case(name));
    named.or(rowid.filter(|_| is_rowid(name)))
}

impl Collation {
    /// Returns text in a form that compares byte by byte as the text does by this collation.
    pub(crate) fn folded(&self, sql: String) -> Result<String> {
        match self {
            Collation::Binary => Ok(sql),
            Collation::Nocase => Ok(format!("lower({sql})")),
            Collation::Rtrim => Ok(format!("rtrim({sql}, ' ')")),
            Collation::Other(name) => Err(Untranslatable::AppCollation { name: name.clone() }),
        }
    }
}

impl Scope {
    /// Creates an empty scope in another one.
    pub(crate) fn within(outer: Option<&Scope>) -> Scope {
        Scope {
            outer: outer.map(|outer| Box::new(outer.clone())),
            aliases: outer.map(|outer| outer.aliases.clone()).unwrap_or_default(),
            ..Scope::default()
        }
    }

    /// Returns the indexes of the table and column that a name refers to; `table` qualifies it.
    pub(crate) fn find(&self, table: Option<&str>, name: &str) -> Result<Option<(usize, usize)>> {
        let mut found = None;
        for (index, scope) in self.tables.iter().enumerate() {
            if table.is_some_and(|table| !scope.names.iter().any(|name| name.eq_ignore_ascii_case(table))) {
                continue;
            }
            let Some(column) = column_index(&scope.columns, scope.rowid, name) else { continue };
            if table.is_none() && self.hidden.contains(&(index, column)) {
                continue;
            }
            if found.is_some() {
                return Err(Untranslatable::AmbiguousColumn { column: name.to_owned() });
            }
            found = Some((index, column));
        }
        Ok(found)
    }
}
