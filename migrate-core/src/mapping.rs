//! `mapping.toml`: what a human decided, apart from what is generated, so that it survives every regeneration.
//!
//! Only the file's form is checked here; whether its names exist is checked where it meets a schema, in the planner.

mod column_classes;
mod misspelt;
mod rules;
mod target_names;
#[cfg(test)]
mod tests;
mod toml_key;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::conversion::Conversion;
use crate::reject::{OnReject, RejectLimit};
use crate::terms::{DerivedDecision, DrizzleDates, EmptyText, Numbering, Rounding, Seeds};

pub use crate::terms::{DEFAULT_SCHEMA, IndexMethod};
pub use column_classes::ColumnClasses;
pub(crate) use rules::glob_fits;
pub use rules::{ColumnRule, TableRule};
pub use target_names::NameRule;
pub use toml_key::{TomlKey, TomlText};

/// The version of the file format that this reads.
pub const MAPPING_FORMAT: u32 = 1;

/// The content of `mapping.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a file of decisions")]
pub struct Mapping {
    /// The version of the file format.
    pub format: u32,
    /// Whether nothing is inferred: every column keeps the type that its declaration and its storage classes prove.
    #[serde(default)]
    pub faithful: bool,
    /// The schema of PostgreSQL that everything goes to; `public` where none is given.
    pub schema: Option<String>,
    /// What becomes of names where no new one is given.
    #[serde(default)]
    pub names: NameRule,
    /// Whether rows are loaded into tables that an app has made in the target; the others are made.
    #[serde(default)]
    pub into_existing: bool,
    /// The schemas in which these tables are, in the order of a search path; where none is given, those of the app's search path.
    #[serde(default)]
    pub schemas: Vec<String>,
    /// Whether tables and views are created that the app has not made.
    #[serde(default)]
    pub create: bool,
    /// What becomes of rows that such tables hold already.
    #[serde(default)]
    pub seeds: Seeds,
    /// How tables number their rows in PostgreSQL; identity columns where nothing is said.
    pub autoincrement: Option<Numbering>,
    /// What becomes of rows with values that PostgreSQL cannot hold, where their column says nothing else.
    #[serde(default)]
    pub on_reject: OnReject,
    /// Number of rejected rows above which the migration stops.
    pub reject_limit: Option<RejectLimit>,
    /// What is decided about columns by pattern; the first that fits counts, and what is said of a column by name comes before.
    #[serde(default)]
    pub columns: Vec<ColumnRule>,
    /// What is decided about tables by pattern; the first that fits counts, and what is said of a table by name comes before.
    #[serde(default)]
    pub tables_matching: Vec<TableRule>,
    /// Tables, views and triggers that are not migrated, by name, each with the reason.
    #[serde(default)]
    pub leave_behind: BTreeMap<String, String>,
    /// What is decided about tables, by source name.
    #[serde(default)]
    pub tables: BTreeMap<String, TableMapping>,
    /// The columns, as `table.column`, that draw from sequences of the target for which that cannot be found out, by sequence.
    #[serde(default)]
    pub sequences: BTreeMap<String, String>,
    /// What becomes of columns that triggers fill, as `table.column`, and of materialized views.
    #[serde(default)]
    pub derived: BTreeMap<String, DerivedDecision>,
    /// What is decided for an app that uses Drizzle ORM; none where no files for it are asked for.
    pub drizzle: Option<DrizzleMapping>,
}

/// What is decided for an app that uses Drizzle ORM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "the section [drizzle]")]
pub struct DrizzleMapping {
    /// How the app sees moments; as `Date` where nothing is said.
    #[serde(default)]
    pub dates: DrizzleDates,
}

/// What is decided about one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "the section of a table")]
pub struct TableMapping {
    /// Its name in PostgreSQL.
    pub rename: Option<String>,
    /// The schema of PostgreSQL that it goes to.
    pub schema: Option<String>,
    /// Whether it is created where the app has not made it; where nothing is said, what is said of all tables counts.
    pub create: Option<bool>,
    /// Whether nothing is inferred for its columns.
    #[serde(default)]
    pub faithful: bool,
    /// What becomes of the rows that it holds in the target; none where what is said of the whole database counts.
    pub seeds: Option<Seeds>,
    /// The names of its indexes in PostgreSQL, by source name.
    #[serde(default)]
    pub rename_indexes: BTreeMap<String, String>,
    /// Its keys and indexes that PostgreSQL does not get, by the name of either side, each with the reason.
    #[serde(default)]
    pub skip_indexes: BTreeMap<String, String>,
    /// The operator classes of the source's indexes, by source name.
    #[serde(default)]
    pub index_ops: BTreeMap<String, ColumnClasses>,
    /// By source column name.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnMapping>,
    /// Indexes that the target has and the source has not.
    #[serde(default)]
    pub indexes: Vec<AddedIndex>,
}

/// What is decided about one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "the section of a column, such as { as = \"jsonb\" }")]
pub struct ColumnMapping {
    /// The conversion, in place of the faithful one.
    #[serde(rename = "as")]
    pub conversion: Option<Conversion>,
    /// Its name in PostgreSQL.
    pub rename: Option<String>,
    /// The reason to skip it, if it is skipped.
    pub skip: Option<String>,
    /// What becomes of a row whose value here PostgreSQL cannot hold.
    pub on_reject: Option<OnReject>,
    /// What happens to fractions of a second that are finer than PostgreSQL holds; they are rejects where nothing is said.
    pub round: Option<Rounding>,
    /// What becomes of empty texts, where they are not kept.
    pub empty: Option<EmptyText>,
    /// Whether the values are secret: they are never shown, not even where values are asked for.
    #[serde(default)]
    pub secret: bool,
    /// Why, in words, for the reviewer.
    pub why: Option<String>,
}

/// An index that only the target has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an index with name, columns and why")]
pub struct AddedIndex {
    /// Its name.
    pub name: String,
    /// The access method, `btree` where none is given.
    #[serde(default)]
    pub method: IndexMethod,
    /// Its columns, by source name, in their order.
    pub columns: Vec<String>,
    /// Those of them that are sorted descending.
    #[serde(default)]
    pub descending: Vec<String>,
    /// The operator classes of those that do not have the default one.
    #[serde(default)]
    pub ops: ColumnClasses,
    /// Why, in words, for the reviewer.
    pub why: String,
}

/// Why a `mapping.toml` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// It is no TOML, or holds an unknown key or a value of the wrong kind. The text is the parser's, with line and column.
    #[error("{0}")]
    Syntax(String),
    /// It is of another version.
    #[error("format = {found} is not known; this version reads format = {MAPPING_FORMAT}")]
    Format {
        /// What the file says.
        found: u32,
    },
    /// A schema that nothing can go to.
    #[error("schema {name}: {problem}")]
    Schema {
        /// The schema's name.
        name: String,
        /// What is wrong with it, in words.
        problem: &'static str,
    },
    /// A new name that PostgreSQL cannot hold.
    #[error("rename = \"{name}\": {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it, in words.
        problem: &'static str,
    },
    /// An index that PostgreSQL would not make.
    #[error("index {name}: {problem}")]
    Index {
        /// The index's name.
        name: String,
        /// What is wrong with it, in words.
        problem: &'static str,
    },
}

impl Mapping {
    /// Reads the text of a `mapping.toml`.
    ///
    /// # Errors
    /// [`MappingError`] when it is not of this form.
    pub fn from_toml(text: &str) -> Result<Mapping, MappingError> {
        let mapping: Mapping =
            toml::from_str(text).map_err(|error| MappingError::Syntax(misspelt::explained(&error)))?;
        if mapping.format != MAPPING_FORMAT {
            return Err(MappingError::Format { found: mapping.format });
        }
        mapping.named_schemas().try_for_each(target_names::check_schema)?;
        mapping.new_names().try_for_each(target_names::check_characters)?;
        match mapping.tables.values().flat_map(|table| &table.indexes).find_map(AddedIndex::problem) {
            Some(error) => Err(error),
            None => Ok(mapping),
        }
    }

    /// The schemas that it names.
    fn named_schemas(&self) -> impl Iterator<Item = &str> {
        self.target_schemas().iter().chain(&self.schema).map(String::as_str).chain(self.table_schemas())
    }

    /// The schemas that it names for single tables.
    pub fn table_schemas(&self) -> impl Iterator<Item = &str> {
        let tables = self.tables.values().map(|table| &table.schema);
        let rules = self.tables_matching.iter().map(|rule| &rule.schema);
        tables.chain(rules).filter_map(Option::as_deref)
    }

    /// Whether a table is created where the app has not made it.
    pub fn creates(&self, table: &str) -> bool {
        self.tables.get(table).and_then(|table| table.create).unwrap_or(self.create)
    }

    /// The schemas in which the tables of an app are; none where its search path decides.
    pub fn target_schemas(&self) -> &[String] {
        match (self.schemas.as_slice(), &self.schema) {
            ([], Some(schema)) => std::slice::from_ref(schema),
            (schemas, _) => schemas,
        }
    }

    /// The names that it gives.
    fn new_names(&self) -> impl Iterator<Item = &str> {
        self.tables.values().flat_map(|table| {
            let columns = table.columns.values().filter_map(|column| column.rename.as_ref());
            table.rename.iter().chain(columns).chain(table.rename_indexes.values()).map(String::as_str)
        })
    }
}

impl AddedIndex {
    /// What is wrong with it in itself, if anything is.
    fn problem(&self) -> Option<MappingError> {
        let problem = |problem| Some(MappingError::Index { name: self.name.clone(), problem });
        if self.name.is_empty() {
            problem("it has no name")
        } else if self.columns.is_empty() {
            problem("it has no columns")
        } else if self.descending.iter().any(|column| !self.columns.contains(column)) {
            problem("`descending` names a column that is not among its `columns`")
        } else if self.ops.columns().any(|column| !self.columns.iter().any(|name| name == column)) {
            problem("`ops` names a column that is not among its `columns`")
        } else if self.method == IndexMethod::Gin && !self.descending.is_empty() {
            problem("a gin index has no order, so `descending` means nothing there")
        } else if self.method == IndexMethod::Hash && self.columns.len() > 1 {
            problem("a hash index has one column")
        } else if self.method == IndexMethod::Hash && !self.descending.is_empty() {
            problem("a hash index has no order, so `descending` means nothing there")
        } else {
            None
        }
    }
}

impl IndexMethod {
    /// The name as SQL writes it.
    pub fn sql(self) -> &'static str {
        match self {
            IndexMethod::Btree => "btree",
            IndexMethod::Gin => "gin",
            IndexMethod::Hash => "hash",
        }
    }
}
