//! The result of a comparison, as data for the screen, JSON and the report.

use std::path::PathBuf;

use serde::Serialize;

use super::{Diagnosis, Gap, OtherForm};

/// The result of a comparison of two databases.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The sealed copy that was compared.
    pub sealed: SealedSource,
    /// The schemas of the target that were searched, in order.
    pub schemas: Vec<String>,
    /// The tables that both sides have, ordered by source name.
    pub tables: Vec<ComparedTable>,
    /// What has no counterpart.
    pub gaps: Vec<Gap>,
    /// Duration in seconds.
    pub seconds: f64,
}

/// The sealed copy.
#[derive(Clone, Debug, Serialize)]
pub struct SealedSource {
    /// The file that was copied, or the sealed copy itself where one was named.
    pub path: PathBuf,
    /// The copy's SHA-256, in hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// When it was sealed, in RFC 3339; none where a copy was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed_at: Option<String>,
}

/// The result for one table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ComparedTable {
    /// Its name in the source.
    pub table: String,
    /// Its name in the target, with its schema unless that is `public`.
    pub target: String,
    /// How rows of both sides were paired.
    pub pairing: Pairing,
    /// Rows in the source.
    pub source_rows: u64,
    /// Rows in the target.
    pub target_rows: u64,
    /// Pairs of rows whose values are all equal, some of them perhaps in another form.
    pub equal: u64,
    /// Of these, those with at least one value in another form.
    pub in_another_form: u64,
    /// Rows that the target does not have.
    pub missing: u64,
    /// Rows that only the target has, without duplicates.
    pub extra: u64,
    /// Rows that the target has more often than the source.
    pub duplicates: u64,
    /// Pairs of rows with at least one different value.
    pub different: u64,
    /// Rows of the source of which it is not known whether the target has them: too many rows have the values by which they can be
    /// paired.
    pub undecided: u64,
    /// The compared columns, in the source's order.
    pub columns: Vec<ComparedColumn>,
    /// The first few rows that are missing, extra or duplicates.
    pub rows: Vec<RowDifference>,
    /// Duration in seconds.
    pub seconds: f64,
}

/// How much of the source has no counterpart in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithoutCounterpart {
    /// Tables.
    pub tables: u64,
    /// The rows of these tables.
    pub rows: u64,
    /// Columns of tables that have one.
    pub columns: u64,
}

/// How rows of both sides were paired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Pairing {
    /// By the source's primary key, or by other columns that it keeps unique.
    Key {
        /// Its columns, by source name.
        columns: Vec<String>,
    },
    /// The table has no key: by the columns whose values are the same on both sides, taken together; or by all.
    Values {
        /// The columns, by source name.
        columns: Vec<String>,
    },
    /// Not at all.
    #[default]
    None,
}

/// A row that is on one side only, or there more often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// What it is.
    pub kind: RowKind,
    /// The row's key, for people.
    pub key: String,
    /// The number of such rows under this key.
    pub rows: u64,
}

/// What a row on one side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// The target does not have it.
    Missing,
    /// Only the target has it.
    Extra,
    /// The target has it more often than the source.
    Duplicate,
}

/// The result for one column.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ComparedColumn {
    /// Its name in the source.
    pub column: String,
    /// Its name in the target.
    pub target: String,
    /// Its declared type in the source; empty where there is none.
    pub declared: String,
    /// Its type in the target.
    pub type_name: String,
    /// The conversion by which values are equal, by name.
    pub conversion: &'static str,
    /// Whether its values are never shown.
    pub secret: bool,
    /// Values of paired rows that are equal by the conversion, NULL among them.
    pub equal: u64,
    /// Values of paired rows that are equal in another form, by form.
    pub forms: Vec<EqualValues>,
    /// Values of paired rows that differ, by what happened to them, the most frequent first.
    pub differences: Vec<DifferentValues>,
}

/// Equal values in one other form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EqualValues {
    /// The form.
    #[serde(flatten)]
    pub form: OtherForm,
    /// The number of values.
    pub values: u64,
    /// The keys of the first few rows, for people.
    pub first: Vec<String>,
    /// For these rows the value in SQLite and in PostgreSQL, where values are asked for and not secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<[String; 2]>,
}

/// Different values of one diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferentValues {
    /// What happened to them.
    #[serde(flatten)]
    pub diagnosis: Diagnosis,
    /// The number of values.
    pub values: u64,
    /// The keys of the first few rows, for people.
    pub first: Vec<String>,
    /// For these rows the value in SQLite and in PostgreSQL, where values are asked for and not secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<[String; 2]>,
}

impl Comparison {
    /// Whether every table, row and value of the source is in the target, and no other row of these tables. Forms may differ. The
    /// structure is compared elsewhere.
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(ComparedTable::is_equal) && !self.gaps.iter().any(Gap::is_difference)
    }

    /// Whether a difference was found: if not, the databases are equal, or it was not decided.
    pub fn differs(&self) -> bool {
        self.tables.iter().any(ComparedTable::differs) || self.gaps.iter().any(Gap::is_difference)
    }

    /// What of the source has no counterpart. What a person leaves behind is not counted.
    pub fn without_counterpart(&self) -> WithoutCounterpart {
        let mut found = WithoutCounterpart::default();
        for gap in &self.gaps {
            match gap {
                Gap::Table { rows, .. } | Gap::AmbiguousTable { rows, .. } | Gap::TakenTable { rows, .. } => {
                    found.tables += 1;
                    found.rows += rows;
                }
                Gap::Column { .. } | Gap::AmbiguousColumn { .. } | Gap::TakenColumn { .. } => {
                    found.columns += 1;
                }
                _ => {}
            }
        }
        found
    }
}

impl ComparedTable {
    /// Whether both sides have the same rows.
    pub fn is_equal(&self) -> bool {
        self.missing + self.extra + self.duplicates + self.different == 0
            && self.source_rows == self.target_rows
            && self.equal == self.source_rows
            && self.columns.iter().all(|column| column.differences.is_empty())
    }
}

impl ComparedTable {
    /// Whether rows or values are known to differ.
    fn differs(&self) -> bool {
        self.missing + self.extra + self.duplicates + self.different > 0
            || self.source_rows != self.target_rows
            || self.columns.iter().any(|column| !column.differences.is_empty())
    }
}

impl ComparedColumn {
    /// The number of different values.
    pub fn different(&self) -> u64 {
        self.differences.iter().map(|found| found.values).sum()
    }
}
