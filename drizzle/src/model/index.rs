//! Indexes as Drizzle writes and reads them.

use migrate_core::operator_class::OperatorClass;
use migrate_core::plan::{PlannedIndex, PlannedIndexColumn};
use migrate_core::terms::IndexMethod;

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
        /// Its operator class, as SQL.
        class: Option<String>,
    },
    /// An expression in SQL, with its operator class and its order.
    Expression(String),
}

impl<'p> Index<'p> {
    pub(super) fn of(planned: &'p PlannedIndex) -> Index<'p> {
        // drizzle-kit reads all keys of an index as expressions if one is.
        let has_expressions = planned.columns.iter().any(|key| key.expression.is_some());
        let key = |key: &'p PlannedIndexColumn| match has_expressions {
            false => {
                let class = key.ops.as_ref().map(OperatorClass::sql);
                IndexKey::Column { name: &key.column, descending: key.descending, class }
            }
            true => IndexKey::Expression(key.definition()),
        };
        Index { planned, keys: planned.columns.iter().map(key).collect() }
    }

    /// The rank of the index among those of its table: an index that Drizzle writes with `using` may leave its operator class and the
    /// order of a later one to each other, since both share the settings of a column.
    pub(super) fn place(&self) -> u8 {
        let has_class = self.planned.columns.iter().any(|key| key.ops.is_some());
        match (self.planned.method, has_class) {
            (IndexMethod::Btree, _) => 0,
            (_, true) => 1,
            (_, false) => 2,
        }
    }
}
