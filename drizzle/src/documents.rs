//! The TypeScript types of JSON documents.

use std::collections::BTreeMap;

/// The exported TypeScript types of JSON columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentTypes {
    /// The name of the exported type by source table and source column.
    pub names: BTreeMap<(String, String), String>,
}

impl DocumentTypes {
    /// The module that exports the types, as `schema.ts` imports it.
    pub const MODULE: &'static str = "./documents.js";

    /// Returns the name of the type of a column's documents, by source names.
    pub fn of(&self, table: &str, column: &str) -> Option<&str> {
        self.names.get(&(table.to_owned(), column.to_owned())).map(String::as_str)
    }
}
