//! Finds the columns that the source's own SQL treats as text, which says more about them than the values of today.

use std::collections::BTreeSet;

use crate::source_schema::{SourceObjectKind, SourceSchema};
use crate::source_sql::{TextUse, text_use};

/// Columns that are text, by the names of table and column in lower case.
#[derive(Debug, Default)]
pub(super) struct TextEvidence(BTreeSet<(String, String)>);

impl TextEvidence {
    /// Reads the CHECKs, generated columns, indexes and views of a schema. A statement that cannot be read is no evidence; the plan names
    /// it elsewhere.
    pub(super) fn of(schema: &SourceSchema) -> TextEvidence {
        let mut evidence = TextEvidence::default();
        for table in schema.tables.iter().filter(|table| table.module.is_none()) {
            let indexes = table.indexes.iter().filter_map(|index| index.sql.as_deref());
            for sql in indexes.chain([table.sql.as_str()]) {
                evidence.add(sql, |_| BTreeSet::from([table.name.to_ascii_lowercase()]));
            }
        }
        for view in schema.others.iter().filter(|object| object.kind == SourceObjectKind::View) {
            evidence.add(&view.sql, |found| found.tables.clone());
        }
        evidence
    }

    /// Whether a column is text.
    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.0.contains(&(table.to_ascii_lowercase(), column.to_ascii_lowercase()))
    }

    fn add(&mut self, sql: &str, tables: impl Fn(&TextUse) -> BTreeSet<String>) {
        let Ok(found) = text_use("the statement", sql) else { return };
        for table in tables(&found) {
            self.0.extend(found.columns.iter().map(|column| (table.clone(), column.clone())));
        }
    }
}
