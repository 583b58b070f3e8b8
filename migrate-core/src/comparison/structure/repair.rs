//! The order of repairs, and the statements that repair a structure.

use super::{Severity, Structure, StructureDifference, StructureProblem};
use crate::identifier::quote_pg;

impl Structure {
    /// Whether it was compared, and nothing of it is lost or acts differently.
    pub fn is_equal(&self) -> bool {
        self.not_planned.is_none()
            && self.differences.iter().all(|difference| difference.severity == Severity::Remark)
    }

    /// The statements that repair all that is lost or different, in an order that works: what a statement needs stands before it. What
    /// rows of the target break is not among them, unless it can be NOT VALID.
    pub fn repair_sql(&self) -> Vec<String> {
        let mut ordered: Vec<&StructureDifference> =
            self.differences.iter().filter(|found| found.severity != Severity::Remark).collect();
        ordered.sort_by_key(|found| found.problem.stage());
        let mut statements = Vec::new();
        let mut done: Vec<&str> = Vec::new();
        for found in &ordered {
            match (&found.problem, found.target.as_deref()) {
                // All columns of a table at once, so that its rows are read once.
                (StructureProblem::NotNullMissing { .. }, Some(target)) => {
                    if !done.contains(&target) {
                        done.push(target);
                        statements.extend(set_not_null(target, &ordered));
                    }
                }
                _ => statements.extend(found.repair.iter().cloned()),
            }
        }
        statements
    }
}

/// The statement that makes all columns NOT NULL that are so in SQLite, unless rows break that.
fn set_not_null(target: &str, all: &[&StructureDifference]) -> Option<String> {
    let actions: Vec<String> = (all.iter())
        .filter(|found| found.target.as_deref() == Some(target) && !found.repair.is_empty())
        .filter_map(|found| match &found.problem {
            StructureProblem::NotNullMissing { column } => {
                Some(format!("ALTER COLUMN {} SET NOT NULL", quote_pg(column)))
            }
            _ => None,
        })
        .collect();
    (!actions.is_empty()).then(|| format!("ALTER TABLE {target} {};", actions.join(", ")))
}

/// The order of repairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
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
