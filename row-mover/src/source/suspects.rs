//! Names the rows that violate a foreign key, for the foreign keys that the scan of all rows leaves uncertain.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use migrate_core::load_plan::LoadPlan;
use rusqlite::Row;

use super::SourceConnection;
use super::foreign_keys::ForeignKeys;
use super::orphans::{self, Orphan};
use super::preflight::{Offender, TableFindings, add_offender, in_threads, lock, row_key};
use super::remedies::Remedies;
use crate::error::{Context, Result};

/// A foreign key that rows may violate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Suspect {
    /// Its table, by place in the plan.
    table: usize,
    /// Its place among the foreign keys of the table.
    number: usize,
    /// Whether a row may have no parent.
    is_uncertain: bool,
    /// Whether a parent is skipped.
    has_skipped_parents: bool,
}

/// The foreign keys for which the scan of all rows does not prove that all rows have a parent that moves.
pub(super) fn of(plan: &LoadPlan<'_>, keys: &ForeignKeys<'_>, tables: &[TableFindings]) -> Vec<Suspect> {
    let skipping: HashSet<&str> = (plan.tables.iter().zip(tables))
        .filter(|(_, found)| found.skipped > 0)
        .map(|(table, _)| table.target.as_str())
        .collect();
    let mut suspects = Vec::new();
    for (table, planned) in plan.tables.iter().enumerate() {
        let uncertain: Vec<usize> = keys.uncertain(table).collect();
        for (number, key) in planned.foreign_keys.iter().enumerate().filter(|(_, key)| !key.not_valid) {
            let suspect = Suspect {
                table,
                number,
                is_uncertain: uncertain.contains(&number),
                has_skipped_parents: skipping.contains(key.parent_table.as_str()),
            };
            suspects.extend((suspect.is_uncertain || suspect.has_skipped_parents).then_some(suspect));
        }
    }
    suspects
}

/// Adds the rows that violate a suspect to the findings, several suspects at once. `open` opens a connection for each worker.
///
/// # Errors
/// When the source cannot be read.
pub(super) fn find(
    plan: &LoadPlan<'_>,
    suspects: &[Suspect],
    workers: usize,
    chunk_bytes: u64,
    open: &(dyn Fn() -> Result<SourceConnection> + Sync),
    tables: &mut [TableFindings],
) -> Result<()> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<()> {
        let source = open()?;
        while let Some(suspect) = suspects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut found = TableFindings::none(chunk_bytes);
            find_orphans(&source, plan, suspect, &mut found)?;
            lock(&results).push((suspect, found));
        }
        Ok(())
    };
    in_threads(workers.max(1).min(suspects.len()), &work)?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    // In the order of the foreign keys, whichever worker finished first.
    results.sort_by_key(|(suspect, _)| **suspect);
    for (suspect, found) in results {
        tables[suspect.table].append(found);
    }
    Ok(())
}

/// Rows whose foreign key would point nowhere, which SQLite permits and PostgreSQL does not.
fn find_orphans(
    source: &SourceConnection,
    plan: &LoadPlan<'_>,
    suspect: &Suspect,
    found: &mut TableFindings,
) -> Result<()> {
    let table = &plan.tables[suspect.table];
    let Some(key) = table.foreign_keys.get(suspect.number) else { return Ok(()) };
    let failed = || format!("the foreign keys of table {} cannot be checked", table.source);
    let columns = orphans::source_names(table, &key.columns).join(", ");
    let parent = plan.target_table(&key.parent_table);
    let parent = parent.map_or("", |parent| parent.source.as_str());
    let mut add = |row: &Row<'_>, orphan: Orphan| {
        let remedies = match orphan {
            Orphan::WithoutParent if table.existing.is_none() => Remedies::plan_again(),
            _ => Remedies::none(),
        };
        add_offender(&mut found.offenders, &columns, remedies, || Offender {
            key: row_key(table, row),
            reason: match orphan {
                Orphan::WithoutParent => format!("points to a row that {parent} has not"),
                Orphan::ParentIsSkipped => format!(
                    "points to a row of {parent} that would be skipped; a plan that is made with on_reject = \"skip\" migrates \
                     it, with the foreign key as NOT VALID"
                ),
            },
        });
    };
    if suspect.is_uncertain {
        orphans::each_without_parent(source, plan, table, key, &mut add).context(failed)?;
    }
    if suspect.has_skipped_parents {
        orphans::each_with_skipped_parent(source, plan, table, key, &mut add).context(failed)?;
    }
    Ok(())
}
