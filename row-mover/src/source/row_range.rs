//! A range of a table's rows in the order in which SQLite stores them: by rowid, or by primary key in a table WITHOUT ROWID.
//!
//! The ends of a range of keys need not be keys of rows. Any value divides the rows in two, and neighbouring ranges use the same one, so
//! that together they have each row exactly once.

use std::sync::Arc;

use migrate_core::value::SourceValue;

use super::key_order::KeyOrder;
use super::owned_value::OwnedValue;
use super::scan::RowidRange;

/// A range of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum RowRange {
    /// By rowid.
    Rowids(RowidRange),
    /// By the primary key of a table WITHOUT ROWID.
    Keys(KeyRange),
}

/// A range of rows by the primary key of their table: those that follow one bound, up to and including another.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRange {
    pub(super) order: Arc<KeyOrder>,
    pub(super) after: Option<Arc<KeyBound>>,
    pub(super) until: Option<Arc<KeyBound>>,
}

/// A bound between rows: values of the first columns of the primary key. It is a row's key, or the beginning of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyBound {
    /// The row in the file from which it was read, if it was.
    pub(super) cell: Option<CellLocation>,
    pub(super) values: Vec<OwnedValue>,
}

/// The location of a row in an interior page of its table's tree. A ledger stores this and not the key, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellLocation {
    /// The number of the page.
    pub page: u32,
    /// The position of the cell in the page, from 0.
    pub cell: u16,
}

/// What a ledger stores of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredRange {
    /// A range of rowids.
    Rowids(RowidRange),
    /// A range of keys, by the locations of its bounds; none at an end of the table.
    Keys {
        /// The bound that it follows.
        after: Option<CellLocation>,
        /// The bound that it includes.
        until: Option<CellLocation>,
    },
}

impl StoredRange {
    /// The rowids, if it is a range of them.
    pub(crate) fn rowids(self) -> Option<RowidRange> {
        match self {
            StoredRange::Rowids(range) => Some(range),
            StoredRange::Keys { .. } => None,
        }
    }

    /// The bound that a range of keys follows.
    pub(crate) fn after(self) -> Option<CellLocation> {
        match self {
            StoredRange::Rowids(_) => None,
            StoredRange::Keys { after, .. } => after,
        }
    }

    /// The bound that a range of keys includes.
    pub(crate) fn until(self) -> Option<CellLocation> {
        match self {
            StoredRange::Rowids(_) => None,
            StoredRange::Keys { until, .. } => until,
        }
    }
}

impl RowRange {
    /// The rowids, if it is a range of them.
    pub(super) fn rowids(&self) -> Option<RowidRange> {
        match self {
            RowRange::Rowids(range) => Some(*range),
            RowRange::Keys(_) => None,
        }
    }

    /// The condition in SQLite's SQL, given the name of the rowid; none where it includes all rows.
    pub(super) fn condition(&self, rowid: Option<&str>) -> Option<String> {
        match self {
            RowRange::Rowids(_) => rowid.map(|rowid| format!("{rowid} BETWEEN ?1 AND ?2")),
            RowRange::Keys(range) => range.condition(),
        }
    }

    /// The parameters of the condition.
    pub(super) fn parameters(&self) -> Vec<OwnedValue> {
        match self {
            RowRange::Rowids(range) => {
                vec![OwnedValue::Integer(range.first), OwnedValue::Integer(range.last)]
            }
            RowRange::Keys(range) => range.parameters(),
        }
    }

    /// What a ledger stores; none for all rows of a table.
    pub(crate) fn stored(&self) -> Option<StoredRange> {
        match self {
            RowRange::Rowids(range) => Some(StoredRange::Rowids(*range)),
            RowRange::Keys(range) => {
                let cell = |bound: &Option<Arc<KeyBound>>| bound.as_ref().and_then(|bound| bound.cell);
                let (after, until) = (cell(&range.after), cell(&range.until));
                (after.is_some() || until.is_some()).then_some(StoredRange::Keys { after, until })
            }
        }
    }

    /// Extends the range to the end of one that follows it.
    pub(super) fn extend(&mut self, next: RowRange) {
        match (self, next) {
            (RowRange::Rowids(range), RowRange::Rowids(next)) => range.last = next.last,
            (RowRange::Keys(range), RowRange::Keys(next)) => range.until = next.until,
            // A table has ranges of one kind.
            _ => {}
        }
    }
}

impl KeyRange {
    /// The condition in SQLite's SQL. One comparison of row values serves the table's tree as a range of all its columns (SQLite manual,
    /// "Row Values", section 2.1).
    pub(super) fn condition(&self) -> Option<String> {
        let [after, until] = if self.order.is_descending { ["<", ">="] } else { [">", "<="] };
        let compare = |bound: &KeyBound, operator| {
            let names: Vec<&str> =
                self.order.columns.iter().map(String::as_str).take(bound.values.len()).collect();
            format!("({}) {operator} ({})", names.join(", "), vec!["?"; names.len()].join(", "))
        };
        let ends = [(&self.after, after), (&self.until, until)];
        let ends = ends.iter().filter_map(|(bound, operator)| Some(compare(bound.as_ref()?, operator)));
        let condition = ends.collect::<Vec<_>>().join(" AND ");
        (!condition.is_empty()).then_some(condition)
    }

    /// The parameters of the condition.
    pub(super) fn parameters(&self) -> Vec<OwnedValue> {
        let bounds = [&self.after, &self.until].into_iter().flatten();
        bounds.flat_map(|bound| bound.values.iter().cloned()).collect()
    }

    /// The ranges between bounds, which ascend.
    pub(crate) fn between(order: &Arc<KeyOrder>, bounds: Vec<KeyBound>) -> Vec<KeyRange> {
        let bounds: Vec<Arc<KeyBound>> = bounds.into_iter().map(Arc::new).collect();
        let afters = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
        let untils = bounds.iter().cloned().map(Some).chain(std::iter::once(None));
        let range = |(after, until)| KeyRange { order: Arc::clone(order), after, until };
        afters.zip(untils).map(range).collect()
    }
}

impl KeyBound {
    /// The values, of the first columns of the key.
    pub(crate) fn values(&self) -> Vec<SourceValue<'_>> {
        self.values.iter().map(OwnedValue::as_source).collect()
    }

    /// The same bound with these values.
    pub(crate) fn with(&self, values: Vec<OwnedValue>) -> KeyBound {
        KeyBound { cell: self.cell, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(values: &[i64]) -> KeyBound {
        KeyBound { cell: None, values: values.iter().map(|&value| OwnedValue::Integer(value)).collect() }
    }

    #[test]
    fn conditions_of_neighbours_meet_at_the_bound_between_them() {
        let conditions = |is_descending, bounds| {
            let columns = vec!["\"a\"".to_owned(), "\"b\"".to_owned()];
            let order = Arc::new(KeyOrder { columns, is_descending, is_binary: true });
            let ranges = KeyRange::between(&order, bounds);
            ranges.iter().map(|range| range.condition().unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(conditions(false, Vec::new()), [""]);
        assert_eq!(
            conditions(false, vec![bound(&[1, 2]), bound(&[7])]),
            ["(\"a\", \"b\") <= (?, ?)", "(\"a\", \"b\") > (?, ?) AND (\"a\") <= (?)", "(\"a\") > (?)"]
        );
        assert_eq!(conditions(true, vec![bound(&[1])]), ["(\"a\") >= (?)", "(\"a\") < (?)"]);
    }
}
