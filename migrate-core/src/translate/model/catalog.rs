//! The tables and views that queries may read, and what a statement that writes to one must know of it.

use super::ScopeColumn;

/// A table or view of PostgreSQL that queries may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name in SQLite.
    pub source: String,
    /// Its name in PostgreSQL as SQL writes it: with its schema, but for what WITH names.
    pub sql: String,
    /// Its columns; their SQL is their quoted name.
    pub columns: Vec<ScopeColumn>,
    /// Which of them `rowid` and its like mean.
    pub rowid: Option<usize>,
    /// Sets of columns that no two rows share and that are never NULL, by the places of the columns.
    pub keys: Vec<Vec<usize>>,
    /// Columns that it has in SQLite alone.
    pub lost: Vec<String>,
    /// What writing to it has to regard; none for a view.
    pub writes: Option<Writes>,
}

impl Relation {
    /// Whether its name without the schema is this one, quoted.
    pub(crate) fn is_named(&self, quoted: &str) -> bool {
        let before = self.sql.strip_suffix(quoted);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}

/// What a statement that writes to a table has to regard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// Columns whose default in SQLite has no counterpart, by their places.
    pub lost_defaults: Vec<usize>,
    /// Generated columns, by their places.
    pub generated: Vec<usize>,
    /// Columns that do not take NULL in PostgreSQL, by their places.
    pub not_null: Vec<usize>,
    /// Those of them that are NULL where they are left out.
    pub required: Vec<usize>,
    /// Whether a CHECK may refuse a row.
    pub has_checks: bool,
    /// Sets of columns that PostgreSQL keeps unique by a constraint or a plain index, by the places of the columns.
    pub unique: Vec<Vec<usize>>,
}

/// All that queries may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The schemas that they are in: no alias has the name of one, so that `name.name` is one of them or a column for sure.
    pub schemas: Vec<String>,
    /// The tables and views.
    pub relations: Vec<Relation>,
    /// The names of what SQLite has and PostgreSQL has not, with words for it such as `the virtual table ft, which does not move`.
    pub missing: Vec<(String, String)>,
}
