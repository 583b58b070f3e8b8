//! The plan's keys, foreign keys, CHECKs and indexes, and the constraints that the data breaks.

use serde::{Deserialize, Serialize};

use super::json::exact;
use crate::identifier::quote_pg;
use crate::operator_class::OperatorClass;
use crate::terms::IndexMethod;

/// A PRIMARY KEY or UNIQUE constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedKey {
    /// The constraint's name in PostgreSQL.
    pub name: String,
    /// Its columns, by target name, in their order.
    #[serde(deserialize_with = "exact")]
    pub columns: Vec<String>,
    /// Why it replaces the source's declaration, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedForeignKey {
    /// The constraint's name in PostgreSQL.
    pub name: String,
    /// The columns of this table, by target name.
    #[serde(deserialize_with = "exact")]
    pub columns: Vec<String>,
    /// The table that it points to, by target name.
    pub parent_table: String,
    /// The schema of that table, where an app made it in another one than `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_schema: Option<String>,
    /// The columns that it points to, by target name.
    #[serde(deserialize_with = "exact")]
    pub parent_columns: Vec<String>,
    /// `ON UPDATE`.
    pub on_update: String,
    /// `ON DELETE`.
    pub on_delete: String,
    /// Whether it is DEFERRABLE INITIALLY DEFERRED.
    pub deferred: bool,
    /// Whether rows break it, so that it is NOT VALID: it holds for new rows alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_valid: bool,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedIndex {
    /// Its name in PostgreSQL.
    pub name: String,
    /// Its name in SQLite, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The access method.
    pub method: IndexMethod,
    /// Whether it is unique.
    pub unique: bool,
    /// Its columns, by target name, in their order.
    #[serde(deserialize_with = "exact")]
    pub columns: Vec<PlannedIndexColumn>,
    /// The condition of a partial index, in PostgreSQL's SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    /// The statement that SQLite stored, where something of it is translated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_sql: Option<String>,
    /// Why it is there, where the source has it not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_because: Option<String>,
    /// Notes on the translation for a reviewer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A key of an index: a column or an expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedIndexColumn {
    /// The column, by target name; empty where the key is an expression.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub column: String,
    /// The expression in PostgreSQL's SQL, where the key is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Its operator class, where a human chose one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ops: Option<OperatorClass>,
    /// Whether it is sorted descending.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
}

/// A CHECK constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCheck {
    /// The constraint's name in PostgreSQL.
    pub name: String,
    /// The condition in PostgreSQL's SQL.
    pub expression: String,
    /// The condition in SQLite's SQL.
    pub source: String,
    /// Whether rows break it, so that it is NOT VALID: it holds for new rows alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_valid: bool,
    /// Notes on the translation for a reviewer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A constraint that rows of the source break.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedBreach {
    /// The table, by source name.
    pub table: String,
    /// A description, such as `foreign key (job_id) to jobs`.
    pub constraint: String,
    /// How many rows break it.
    pub rows: u64,
    /// The keys of the first few.
    pub first: Vec<String>,
    /// A description of the constraint in PostgreSQL.
    pub becomes: String,
    /// The SQL that adds the constraint in PostgreSQL once the rows are fixed.
    pub remedy: String,
}

impl PlannedIndexColumn {
    /// A column, ascending and with its default operator class.
    pub fn of_column(column: String) -> PlannedIndexColumn {
        PlannedIndexColumn { column, expression: None, ops: None, descending: false }
    }

    /// The key as SQL, without its operator class and its order.
    pub fn sql(&self) -> String {
        match &self.expression {
            Some(expression) => format!("({expression})"),
            None => quote_pg(&self.column),
        }
    }

    /// The key as `CREATE INDEX` writes it, with its operator class and its order.
    pub fn definition(&self) -> String {
        let class = self.ops.as_ref().map(|class| format!(" {class}")).unwrap_or_default();
        format!("{}{class}{}", self.sql(), if self.descending { " DESC" } else { "" })
    }
}
