//! What a scan of all rows saw: counts, never values.
//!
//! A value is counted by its storage class and by each form that could give its column a better type; what PostgreSQL would
//! take is asked of the conversions themselves. What follows from the counts is decided in `infer`.

mod column;
mod count;
mod forms;
mod taken;
#[cfg(test)]
mod tests;
mod words;

pub use column::ColumnProfile;
pub use taken::Taken;

use std::collections::BTreeMap;

/// The profiles of a database: table name, then column name.
pub type DatabaseProfile = BTreeMap<String, TableProfile>;

/// What a scan saw in one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableProfile {
    /// The rows of the table.
    pub rows: u64,
    /// By column name.
    pub columns: BTreeMap<String, ColumnProfile>,
    /// The constraints that rows break.
    pub breaches: Vec<Breach>,
}

impl TableProfile {
    /// Adds what was seen in other rows of the same table.
    pub fn merge(&mut self, other: TableProfile) {
        self.rows += other.rows;
        for (name, column) in other.columns {
            self.columns.entry(name).or_default().merge(&column);
        }
        self.breaches.extend(other.breaches);
    }
}

/// A constraint that rows break. SQLite lets them: foreign keys are off unless the app turns them on, a key may be NULL, and a
/// CHECK may be younger than the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which constraint.
    pub constraint: BreachedConstraint,
    /// How many rows break it.
    pub rows: u64,
    /// The keys of the first few, in words.
    pub first: Vec<String>,
}

/// Which constraint is broken, by the names of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreachedConstraint {
    /// The primary key, by NULLs.
    PrimaryKeyNull,
    /// A column that is NOT NULL, by NULLs.
    NotNull {
        /// The column.
        column: String,
    },
    /// The primary key, a UNIQUE constraint or a unique index, by values of which PostgreSQL makes one.
    Unique {
        /// Its columns, in their order.
        columns: Vec<String>,
        /// Whether it compares text by NOCASE or RTRIM.
        is_folded: bool,
    },
    /// A foreign key, by rows that point nowhere.
    ForeignKey {
        /// The columns of this table.
        columns: Vec<String>,
        /// The table that they point to.
        parent: String,
    },
    /// A CHECK.
    Check {
        /// Its condition in SQLite's SQL.
        sql: String,
    },
}
