//! What a scan of all rows saw in each column: counts, never values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::{SourceValue, StorageClass};

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
    /// The primary key, a UNIQUE constraint or a unique index, by values that are different in SQLite and one in PostgreSQL.
    Unique {
        /// The name of SQLite's index, or the empty name for the primary key.
        index: String,
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

/// How many values of each storage class a column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// NULLs.
    pub nulls: u64,
    /// Integers.
    pub integers: u64,
    /// Floats.
    pub reals: u64,
    /// Texts.
    pub texts: u64,
    /// Blobs.
    pub blobs: u64,
}

impl ColumnProfile {
    /// Counts one value.
    pub fn count(&mut self, value: SourceValue<'_>) {
        let counter = match value.storage_class() {
            StorageClass::Null => &mut self.nulls,
            StorageClass::Integer => &mut self.integers,
            StorageClass::Real => &mut self.reals,
            StorageClass::Text => &mut self.texts,
            StorageClass::Blob => &mut self.blobs,
        };
        *counter += 1;
    }

    /// The one storage class that all values but NULLs have; none where there are several, or no value at all.
    pub fn only_class(&self) -> Option<StorageClass> {
        let mut seen = [
            (self.integers, StorageClass::Integer),
            (self.reals, StorageClass::Real),
            (self.texts, StorageClass::Text),
            (self.blobs, StorageClass::Blob),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0);
        match (seen.next(), seen.next()) {
            (Some((_, class)), None) => Some(class),
            _ => None,
        }
    }

    /// The counts in words, such as `990 integer, 10 null`.
    pub fn in_words(&self) -> String {
        let parts: Vec<String> = [
            (self.integers, "integer"),
            (self.reals, "real"),
            (self.texts, "text"),
            (self.blobs, "blob"),
            (self.nulls, "null"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, class)| format!("{count} {class}"))
        .collect();
        if parts.is_empty() { "no rows".to_owned() } else { parts.join(", ") }
    }
}
