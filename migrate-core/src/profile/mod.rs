//! The result of a scan of all rows: counts, never values.
//!
//! A value is counted by its storage class and by each form that may lead to a better type; the conversions decide
//! what PostgreSQL accepts. `infer` draws the conclusions.

mod column;
mod count;
mod forms;
mod taken;
#[cfg(test)]
mod tests;
mod trial;
mod words;

pub use column::ColumnProfile;
pub use taken::Taken;
pub use trial::{Trial, Trials};

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The profiles of a database: table name, then column name.
pub type DatabaseProfile = BTreeMap<String, TableProfile>;

/// The result of a scan of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableProfile {
    /// The number of rows.
    pub rows: u64,
    /// By column name.
    pub columns: BTreeMap<String, ColumnProfile>,
    /// By column name: the conversions that were tried on its values.
    pub trials: BTreeMap<String, Vec<Trial>>,
    /// The constraints that rows violate.
    pub breaches: Vec<Breach>,
}

impl TableProfile {
    /// Adds the result for other rows of the same table.
    pub fn merge(&mut self, other: TableProfile) {
        self.rows += other.rows;
        for (name, column) in other.columns {
            self.columns.entry(name).or_default().merge(&column);
        }
        for (name, tried) in other.trials {
            match self.trials.entry(name) {
                Entry::Vacant(entry) => drop(entry.insert(tried)),
                Entry::Occupied(mut entry) => {
                    entry.get_mut().iter_mut().zip(&tried).for_each(|(trial, other)| trial.merge(other));
                }
            }
        }
        self.breaches.extend(other.breaches);
    }
}

/// A constraint that rows violate. SQLite permits it: foreign keys are off unless the app turns them on, a key may be NULL, and a
/// CHECK may be newer than the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which constraint.
    pub constraint: BreachedConstraint,
    /// The number of rows that violate it.
    pub rows: u64,
    /// The keys of the first few, in words.
    pub first: Vec<String>,
}

/// The violated constraint, by names of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreachedConstraint {
    /// The primary key, by NULLs.
    PrimaryKeyNull,
    /// A NOT NULL column, by NULLs.
    NotNull {
        /// The column.
        column: String,
    },
    /// The primary key, a UNIQUE constraint or a unique index, by values that are equal in PostgreSQL.
    Unique {
        /// Its columns, in order.
        columns: Vec<String>,
        /// Whether its collation is NOCASE or RTRIM.
        is_folded: bool,
    },
    /// A foreign key, by orphans.
    ForeignKey {
        /// The columns of this table.
        columns: Vec<String>,
        /// The table that they reference.
        parent: String,
    },
    /// A CHECK.
    Check {
        /// Its condition in SQLite's SQL.
        sql: String,
    },
}
