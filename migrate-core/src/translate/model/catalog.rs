//! The tables and views that queries may read, and the facts that matter to a statement that writes to one.

use super::{ScopeColumn, ScopeTable};

/// A table or view of PostgreSQL that queries may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name in SQLite.
    pub source: String,
    /// Its name in PostgreSQL as SQL writes it: with its schema, but for what WITH names.
    pub sql: String,
    /// Its columns; their SQL is their quoted name.
    pub columns: Vec<ScopeColumn>,
    /// The column that `rowid`, `oid` and `_rowid_` refer to.
    pub rowid: Option<usize>,
    /// Unique sets of columns that are never NULL, by their indexes.
    pub keys: Vec<Vec<usize>>,
    /// Columns that are not migrated.
    pub lost: Vec<String>,
    /// Facts for statements that write to it; `None` for a view.
    pub writes: Option<Writes>,
}

impl Relation {
    /// Returns it as a table of a scope under a name of SQLite and one of PostgreSQL.
    pub(crate) fn scope_table(&self, name: &str, sql: &str) -> ScopeTable {
        let qualified =
            |column: &ScopeColumn| ScopeColumn { sql: format!("{sql}.{}", column.sql), ..column.clone() };
        let columns = self.columns.iter().map(qualified).collect();
        ScopeTable { names: vec![name.to_owned()], columns, rowid: self.rowid }
    }

    /// Whether its name without the schema is this one, quoted.
    pub(crate) fn is_named(&self, quoted: &str) -> bool {
        let before = self.sql.strip_suffix(quoted);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}

/// Facts for statements that write to a table. Columns are given by their indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// Columns whose default in SQLite has no counterpart.
    pub lost_defaults: Vec<usize>,
    /// Generated columns.
    pub generated: Vec<usize>,
    /// Columns that are NOT NULL in PostgreSQL.
    pub not_null: Vec<usize>,
    /// Those of them that have no default.
    pub required: Vec<usize>,
    /// Whether a CHECK may refuse a row.
    pub has_checks: bool,
    /// Sets of columns that PostgreSQL keeps unique by a constraint or a plain index.
    pub unique: Vec<Vec<usize>>,
}

/// Everything that queries may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Their schemas. No alias has the name of one, so that `name.name` is never ambiguous.
    pub schemas: Vec<String>,
    /// The tables and views.
    pub relations: Vec<Relation>,
    /// The names of what is not migrated, each with a phrase such as `the virtual table ft, which does not move`.
    pub missing: Vec<(String, String)>,
}
