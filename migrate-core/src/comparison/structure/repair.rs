//! The order of repairs, and the statements that repair a structure.

use super::{Severity, Structure, StructureDifference, StructureProblem};
use crate::identifier::quote_pg;

impl Structure {
    /// Whether it was compared, and nothing of it is lost or acts differently.
    pub fn is_equal(&self) -> bool {
        self.not_planned.is_none()
            && self.differences.iter().all(|difference| difference.severity == Severity::Remark)
    }

    /// The statements that repair what is lost or different, in an order that works: what a statement needs precedes it.
    pub fn repair_sql(&self) -> Vec<String> {
        let repaired: Vec<&StructureDifference> =
            self.differences.iter().filter(|found| found.is_repaired()).collect();
        let mut ordered: Vec<(Stage, String)> = Vec::new();
        for found in &repaired {
            match (&found.problem, found.target.as_deref()) {
                // All columns of a table at once, so that its rows are read once.
                (StructureProblem::NotNullMissing { .. }, Some(target)) => {
                    ordered.push((Stage::NotNull, set_not_null(target, &repaired)));
                }
                _ => {
                    ordered.extend(found.repair.iter().map(|sql| (found.problem.stage_of(sql), sql.clone())))
                }
            }
        }
        ordered.sort_by_key(|(stage, _)| *stage);
        let mut statements: Vec<String> = Vec::new();
        for (_, sql) in ordered {
            // What several differences need is done once.
            if !statements.contains(&sql) {
                statements.push(sql);
            }
        }
        statements
    }

    /// What is lost or different.
    pub fn not_remarks(&self) -> impl Iterator<Item = &StructureDifference> {
        self.differences.iter().filter(|found| found.severity != Severity::Remark)
    }

    /// What is lost or different, and no statement repairs.
    pub fn not_repaired(&self) -> impl Iterator<Item = &StructureDifference> {
        self.not_remarks().filter(|found| found.repair.is_empty())
    }
}

/// The statement that makes all columns NOT NULL that are so in SQLite, unless rows break that.
fn set_not_null(target: &str, repaired: &[&StructureDifference]) -> String {
    let columns = repaired.iter().filter(|found| found.target.as_deref() == Some(target));
    let actions: Vec<String> = columns
        .filter_map(|found| match &found.problem {
            StructureProblem::NotNullMissing { column } => {
                Some(format!("ALTER COLUMN {} SET NOT NULL", quote_pg(column)))
            }
            _ => None,
        })
        .collect();
    format!("ALTER TABLE {target} {};", actions.join(", "))
}

/// The order of repairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Foreign keys that go: they need the keys that may go, too.
    DroppedForeignKeys,
    /// Types and columns.
    Columns,
    /// NOT NULL, which keys and identity columns need.
    NotNull,
    /// Primary keys and what else is unique, which foreign keys need.
    Keys,
    /// Defaults and sequences.
    Defaults,
    /// Indexes and CHECKs.
    Indexes,
    /// Foreign keys.
    ForeignKeys,
    /// Views, then triggers on them.
    Objects,
}

impl StructureProblem {
    /// The generated column that a repair makes.
    pub fn generated_column(&self) -> Option<&str> {
        match self {
            StructureProblem::GeneratedMissing { column, .. }
            | StructureProblem::GeneratedDiffers { column, .. }
            | StructureProblem::GeneratedNotComputed { column, .. } => Some(column),
            _ => None,
        }
    }

    /// When a statement of its repair is run.
    fn stage_of(&self, sql: &str) -> Stage {
        match self.stage() {
            Stage::ForeignKeys if sql.contains(" DROP CONSTRAINT ") => Stage::DroppedForeignKeys,
            stage => stage,
        }
    }

    fn stage(&self) -> Stage {
        use StructureProblem as P;
        match self {
            P::Narrower { .. }
            | P::EnumAdded { .. }
            | P::CollationMissing { .. }
            | P::CaseFolded { .. }
            | P::RowSecurity
            | P::Unlogged
            | P::RowsInChildren
            | P::PartitionMissing { .. }
            | P::DomainCheckAdded { .. }
            | P::GeneratedMissing { .. }
            | P::GeneratedAdded { .. }
            | P::GeneratedDiffers { .. }
            | P::GeneratedNotComputed { .. } => Stage::Columns,
            P::NotNullMissing { .. } | P::NotNullAdded { .. } | P::RequiredColumnAdded { .. } => {
                Stage::NotNull
            }
            P::PrimaryKeyMissing { .. }
            | P::PrimaryKeyDiffers { .. }
            | P::PrimaryKeyOrder { .. }
            | P::PrimaryKeyAdded { .. }
            | P::UniqueMissing { .. }
            | P::UniqueForAllRows { .. }
            | P::UniqueNulls { .. }
            | P::UniqueFoldsCase { .. }
            | P::UniqueDeferrable { .. }
            | P::UniqueAdded { .. } => Stage::Keys,
            P::Default { .. }
            | P::DefaultAdded { .. }
            | P::NumberingMissing { .. }
            | P::NumberingAlways { .. }
            | P::NumberingDiffers { .. }
            | P::SequenceBehind { .. } => Stage::Defaults,
            P::IndexMissing { .. }
            | P::IndexOrder { .. }
            | P::IndexClass { .. }
            | P::IndexReversed { .. }
            | P::IndexForAllRows { .. }
            | P::IndexCovered { .. }
            | P::IndexAdded { .. }
            | P::IndexRepeated { .. }
            | P::IndexInvalid { .. }
            | P::ExclusionAdded { .. }
            | P::CheckMissing { .. }
            | P::CheckByType { .. }
            | P::CheckAdded { .. }
            | P::CheckNotValid { .. } => Stage::Indexes,
            P::ForeignKeyMissing { .. } | P::ForeignKeyDiffers { .. } | P::ForeignKeyAdded { .. } => {
                Stage::ForeignKeys
            }
            P::ViewMissing { .. }
            | P::ViewMaterialized { .. }
            | P::ViewColumns { .. }
            | P::ViewDiffers { .. }
            | P::TriggerMissing { .. }
            | P::TriggerDisabled { .. }
            | P::TriggerDiffers { .. }
            | P::TriggerAdded { .. }
            | P::RuleAdded { .. } => Stage::Objects,
        }
    }
}
