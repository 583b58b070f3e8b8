//! Indexes as Drizzle writes and reads them.

use migrate_core::plan::{PlannedIndex, PlannedIndexColumn};

/// An index.
pub(crate) struct Index<'p> {
    pub(crate) planned: &'p PlannedIndex,
    pub(crate) keys: Vec<IndexKey<'p>>,
}

/// A key of an index.
pub(crate) enum IndexKey<'p> {
    /// A column.
    Column {
        /// Its name.
        name: &'p str,
        /// Whether it is sorted descending, which puts NULL first in both PostgreSQL and SQLite's order of descending keys.
        descending: bool,
    },
    /// An expression in SQL, with its order.
    Expression(String),
}

impl<'p> Index<'p> {
    pub(super) fn of(planned: &'p PlannedIndex) -> Index<'p> {
        // drizzle-kit reads all keys of an index as expressions if one is.
        let has_expressions = planned.columns.iter().any(|key| key.expression.is_some());
        let key = |key: &'p PlannedIndexColumn| match has_expressions {
            false => IndexKey::Column { name: &key.column, descending: key.descending },
            true => {
                IndexKey::Expression(format!("{}{}", key.sql(), if key.descending { " DESC" } else { "" }))
            }
        };
        Index { planned, keys: planned.columns.iter().map(key).collect() }
    }
}
