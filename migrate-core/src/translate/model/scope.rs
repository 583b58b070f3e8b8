//! What names mean: tables, their columns, and how text is compared.

use std::collections::BTreeSet;

use super::{Result, untranslatable};
use crate::affinity::Affinity;
use crate::conversion::Conversion;

/// How text is compared (SQLite manual, "Datatypes In SQLite", section 7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Collation {
    /// Byte by byte.
    #[default]
    Binary,
    /// Without regard to the case of the letters of ASCII.
    Nocase,
    /// Without regard to blanks at the end.
    Rtrim,
    /// One that only the app knows.
    Other(String),
}

/// A column that expressions may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeColumn {
    /// Its name in SQLite.
    pub source: String,
    /// How PostgreSQL names it: quoted, and qualified where that is needed.
    pub sql: String,
    /// What became of its values.
    pub conversion: Conversion,
    /// Its affinity in SQLite.
    pub affinity: Affinity,
    /// How SQLite compares its text.
    pub collation: Collation,
    /// Whether it is NOT NULL in PostgreSQL.
    pub not_null: bool,
}

/// A table whose columns expressions may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeTable {
    /// The names by which SQL may qualify its columns.
    pub names: Vec<String>,
    /// Its columns.
    pub columns: Vec<ScopeColumn>,
    /// Which of them `rowid` and its like mean.
    pub rowid: Option<usize>,
}

/// What names in an expression mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The tables, in the order in which names are looked for.
    pub tables: Vec<ScopeTable>,
    /// Which columns of which tables only a qualified name means: those that USING has joined to others, and all of NEW and OLD.
    pub hidden: BTreeSet<(usize, usize)>,
    /// The names that PostgreSQL knows the tables of this and of the outer scopes by.
    pub aliases: BTreeSet<String>,
    /// Where names are looked for that mean nothing here: the query that this one stands in.
    pub outer: Option<Box<Scope>>,
}

impl Scope {
    /// The table and column that a name means here, by their places; `table` is the name that qualifies it.
    pub(crate) fn find(&self, table: Option<&str>, name: &str) -> Result<Option<(usize, usize)>> {
        let mut found = None;
        for (place, scope) in self.tables.iter().enumerate() {
            if table.is_some_and(|table| !scope.names.iter().any(|name| name.eq_ignore_ascii_case(table))) {
                continue;
            }
            let is_rowid = ["rowid", "_rowid_", "oid"].iter().any(|rowid| rowid.eq_ignore_ascii_case(name));
            let named = scope.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name));
            let Some(column) = named.or(scope.rowid.filter(|_| is_rowid)) else { continue };
            if table.is_none() && self.hidden.contains(&(place, column)) {
                continue;
            }
            if found.is_some() {
                return untranslatable(format!("the column {name}, which more than one table has"));
            }
            found = Some((place, column));
        }
        Ok(found)
    }
}
