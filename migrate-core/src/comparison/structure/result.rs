//! The result of comparing the structure, as data.

use serde::Serialize;

use super::StructureProblem;
use crate::finding::NotCompared;
use crate::plan::LeftBehind;

/// How much a difference of the structure matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The source has it and the target does not: rows can get in that SQLite refuses, or inserts fail.
    Lost,
    /// Both sides have it and it does something else, or only the target has it and refuses what SQLite accepts.
    Different,
    /// Worth knowing, and no difference of behaviour.
    Remark,
}

/// The result of comparing the structure.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Structure {
    /// What differs, by table, in the order of the source's tables.
    pub differences: Vec<StructureDifference>,
    /// Why nothing was compared, where no plan can be made of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_planned: Option<String>,
    /// Declarations of the source that have no counterpart in PostgreSQL's SQL, so that nobody can say whether they are there.
    pub not_translated: Vec<LeftBehind>,
    /// Defaults and sequences that were not compared.
    pub not_compared: Vec<NotCompared>,
}

/// A difference of the structure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StructureDifference {
    /// How much it matters.
    pub severity: Severity,
    /// The table, by source name; none of a view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The table in the target, as SQL names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What differs.
    #[serde(flatten)]
    pub problem: StructureProblem,
    /// Whether rows of the target break what is missing: they have to be repaired before it can hold for all rows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_broken_by_rows: bool,
    /// The statements that repair it in the target, in their order; empty where none does, or nothing has to be done. A foreign key or
    /// CHECK that rows break becomes NOT VALID.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repair: Vec<String>,
}
