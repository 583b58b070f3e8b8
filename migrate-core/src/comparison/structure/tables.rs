//! What makes a table refuse or lose rows, apart from its columns and keys: policies, partitions, inheritance, and a crash.

use super::{Pair, Severity, StructureDifference, StructureProblem as Problem};
use crate::identifier::{fit_pg, qualified_pg};
use crate::planner::numbered;

pub(super) fn compare(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let live = pair.constraints;
    let mut found = Vec::new();
    if live.has_row_security {
        found.push(pair.found(Severity::Remark, Problem::RowSecurity, Vec::new()));
    }
    if live.is_unlogged {
        // A table that references an unlogged one stays so until the other is logged.
        let is_unlogged = |schema: &str, name: &str| {
            (schema, name) != (live.schema.as_str(), live.name.as_str())
                && pair.live.table(schema, name).is_some_and(|other| other.is_unlogged)
        };
        let can_be = !live.foreign_keys.iter().any(|key| is_unlogged(&key.parent_schema, &key.parent));
        let repair = can_be.then(|| pair.alter("SET LOGGED")).into_iter().collect();
        found.push(pair.found(Severity::Different, Problem::Unlogged, repair));
    }
    if live.has_rows_in_children {
        found.push(pair.found(Severity::Different, Problem::RowsInChildren, Vec::new()));
    }
    if !live.bounds.is_empty() && !is_all(&live.bounds) {
        let name = numbered(fit_pg(&format!("{}_default", live.name)), |name| {
            pair.live.relations.iter().any(|taken| taken == name)
        });
        let repair = vec![format!(
            "CREATE TABLE {} PARTITION OF {} DEFAULT;",
            qualified_pg(&live.schema, &name),
            pair.columns.name_in_sql()
        )];
        let problem = Problem::PartitionMissing { bounds: live.bounds.clone() };
        found.push(pair.found(Severity::Different, problem, repair));
    }
    found
}

/// Whether ranges begin before and end behind every value.
fn is_all(bounds: &[String]) -> bool {
    let has = |end: &str| bounds.iter().any(|bound| bound.contains(end));
    has("FROM (MINVALUE") && has("TO (MAXVALUE")
}
