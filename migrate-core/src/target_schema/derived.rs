//! What fills columns without the migration: sequences, triggers and materialized views of the target, as facts.

use serde::{Deserialize, Serialize};

/// A sequence of the target, and the columns that are known to draw from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSequence {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The columns that draw from it.
    pub uses: Vec<SequenceUse>,
}

/// A column that draws from a sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceUse {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// How it draws from the sequence.
    pub by: SequenceLink,
}

/// How a column draws from a sequence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SequenceLink {
    /// The column is an identity column.
    Identity,
    /// The sequence is OWNED BY the column.
    Owned,
    /// The column's default calls `nextval` itself.
    Default,
    /// The column's default moves the sequence when it is evaluated.
    TriedDefault,
    /// A trigger of this name stores the sequence's number.
    Trigger(String),
    /// The column's value depends on the sequence's number and is not that number, or its default cannot be tried.
    Computed,
    /// `mapping.toml` says so.
    Mapping,
}

/// What a trigger for inserted rows does, as far as that can be found out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerEffect {
    /// Whether it runs before the row is stored, so that it may change the row.
    pub is_before: bool,
    /// The part of its definition that follows the table's name.
    pub definition: String,
    /// The columns that it fills.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fills: Vec<FilledColumn>,
    /// The columns of other tables that its function's UPDATE statements name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<UpdatedColumn>,
    /// The tables that its function's statements write, without their schemas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// Whether it was seen to draw from a sequence.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moves_sequences: bool,
}

/// A column that a trigger fills in the row that it is called for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilledColumn {
    /// The column.
    pub column: String,
    /// Whether that was seen when the trigger was tried; else its function assigns to the column.
    pub is_seen: bool,
    /// Whether it gives the same value to the same row at another time.
    pub is_repeatable: bool,
}

/// A column of another table that a trigger updates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdatedColumn {
    /// The table, without its schema.
    pub table: String,
    /// The column.
    pub column: String,
}

/// A materialized view that reads tables of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetMaterializedView {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it can be read.
    pub is_populated: bool,
    /// The tables that it reads, also through other views, each with its schema.
    pub reads: Vec<[String; 2]>,
}
