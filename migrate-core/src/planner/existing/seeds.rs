//! Decides about the rows that an app's tables hold before the load (seeds), given how they compare with the source.
//!
//! Rows that are equal to the source's are the same rows, and no question. For the others the mapping decides; what it cannot mean is an
//! obstacle. Comparing rows is I/O and done elsewhere.

use super::obstacle::Obstacle;
use crate::plan::{ExistingTable, Plan, PlannedTable, SeedCounts, Seeds};

/// How the rows that a table holds compare with the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedComparison {
    /// The table, by source name.
    pub table: String,
    /// The numbers of rows.
    pub counts: SeedCounts,
    /// The first rows with a key of the source and other values.
    pub differing: Vec<SeedRow>,
    /// The keys of the first rows that the source does not have.
    pub only_target: Vec<String>,
    /// Columns that differ in such rows and that no row can overwrite.
    pub fixed_columns: Vec<String>,
    /// Keys, other than the one that identifies rows, that a row of the source shares with another row.
    pub clashes: Vec<UniqueClash>,
    /// The tables with rows whose foreign keys reference it, as SQL names them.
    pub referenced_by: Vec<String>,
}

/// A row that the table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRow {
    /// Its key, for people.
    pub key: String,
    /// The columns that differ, by source name.
    pub columns: Vec<String>,
}

/// Rows of the source and of the table that one key keeps apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueClash {
    /// The name of the key.
    pub key: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The number of rows of the source.
    pub rows: u64,
    /// The first of them, each with the row of the table.
    pub first: Vec<[String; 2]>,
}

/// Rows of a table that differ from the source's, without a decision about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndecidedSeeds {
    /// The table in the target.
    pub target: String,
    /// How its rows compare.
    pub found: SeedComparison,
    /// The decisions that are possible.
    pub choices: Vec<Seeds>,
}

/// Rows of the source that clash with rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedKeyClash {
    /// The table.
    pub table: String,
    /// The table in the target.
    pub target: String,
    /// The key and the rows.
    pub clash: UniqueClash,
    /// Whether the table's rows can be deleted.
    pub can_replace: bool,
}

/// Records the comparisons in the plan, and returns what they leave undecided.
pub fn settle_seeds(plan: &mut Plan, comparisons: &[SeedComparison]) -> Vec<Obstacle> {
    for table in &mut plan.tables {
        let found = comparisons.iter().find(|found| found.table == table.source);
        if let (Some(existing), Some(found)) = (&mut table.existing, found) {
            existing.seed_counts = Some(found.counts);
        }
    }
    let obstacles = comparisons.iter().filter_map(|found| {
        let table = plan.tables.iter().find(|table| table.source == found.table)?;
        Some(obstacles(plan, table, table.existing.as_ref()?, found))
    });
    obstacles.flatten().collect()
}

fn obstacles(
    plan: &Plan,
    table: &PlannedTable,
    existing: &ExistingTable,
    found: &SeedComparison,
) -> Vec<Obstacle> {
    let others: Vec<String> =
        found.referenced_by.iter().filter(|name| keeps_references(plan, existing, name)).cloned().collect();
    let (table, target) = (table.source.clone(), existing.table.name_in_words());
    let mut choices = Vec::new();
    if found.clashes.is_empty() {
        if found.counts.differing == 0 {
            choices.push(Seeds::Keep);
        } else if found.fixed_columns.is_empty() {
            choices.push(Seeds::Merge);
        }
    }
    if existing.seeds == Seeds::Replace {
        let is_referenced = found.counts.rows() > 0 && !others.is_empty();
        let referenced = Obstacle::Referenced { table, target, others, choices };
        return is_referenced.then_some(referenced).into_iter().collect();
    }
    choices.extend(others.is_empty().then_some(Seeds::Replace));
    let mut obstacles = Vec::new();
    let is_clear = match existing.seeds {
        Seeds::Stop => found.counts.differing + found.counts.only_target == 0,
        Seeds::Keep => found.counts.differing == 0,
        Seeds::Merge | Seeds::Replace => found.fixed_columns.is_empty(),
    };
    if !is_clear {
        let undecided = UndecidedSeeds { target: target.clone(), found: found.clone(), choices };
        obstacles.push(Obstacle::Seeds(Box::new(undecided)));
    }
    obstacles.extend(found.clashes.iter().map(|clash| {
        Obstacle::SeedKey(Box::new(SeedKeyClash {
            table: table.clone(),
            target: target.clone(),
            clash: clash.clone(),
            can_replace: others.is_empty(),
        }))
    }));
    obstacles
}

/// Whether rows of this table, which references `parent`, may still do so once the rows of `parent` are deleted: those of a table that is
/// not in the plan, and those that stay in one and that the source does not have.
fn keeps_references(plan: &Plan, parent: &ExistingTable, name: &str) -> bool {
    let child = plan
        .existing_tables()
        .find(|(_, existing)| existing.table.is_referred_to(name, &parent.table.schema));
    child.is_none_or(|(_, existing)| existing.keeps_other_rows())
}
