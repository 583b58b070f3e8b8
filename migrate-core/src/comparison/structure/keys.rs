//! Compares the primary key.

use super::{LiveIndex, Pair, Severity, StructureDifference, StructureProblem as Problem, indexes};
use crate::identifier::{fit_pg, quote_pg, quote_pg_list};
use crate::planner::numbered;
use crate::render::Repaired;

pub(super) fn compare(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let primary = pair.constraints.indexes.iter().find(|index| index.is_primary);
    let live = primary.map(columns);
    let expected = pair.expected.primary_key.as_ref();
    let found = match (expected, live) {
        (None, None) => None,
        (None, Some(live)) => Some(added(pair, live)),
        (Some(expected), None) => {
            let names: Vec<&str> = expected.columns.iter().map(String::as_str).collect();
            let repair = pair.made(Repaired::Constraint(pair.expected, &expected.name), &names);
            let problem = Problem::PrimaryKeyMissing { columns: expected.columns.clone() };
            Some(pair.found(Severity::Lost, problem, repair))
        }
        (Some(expected), Some(live)) if expected.columns == live => None,
        (Some(expected), Some(live)) => differs(pair, &expected.columns, live),
    };
    let same = primary.filter(|live| expected.is_some_and(|key| is_same_set(&key.columns, &columns(live))));
    found.into_iter().chain(same.and_then(|live| indexes::compares_otherwise(pair, live))).collect()
}

fn columns(index: &LiveIndex) -> Vec<String> {
    index.keys.iter().filter_map(|key| key.column.clone()).collect()
}

/// A key that the source does not have; one on a column of the target alone is a tool's own, and refuses nothing.
fn added(pair: &Pair<'_>, live: Vec<String>) -> StructureDifference {
    let is_tools = live.iter().all(|name| pair.expected.target_column(name).is_none());
    let severity = if is_tools { Severity::Remark } else { Severity::Different };
    pair.found(severity, Problem::PrimaryKeyAdded { live }, Vec::new())
}

fn differs(pair: &Pair<'_>, expected: &[String], live: Vec<String>) -> Option<StructureDifference> {
    let columns = expected.to_vec();
    if !is_same_set(expected, &live) {
        let problem = Problem::PrimaryKeyDiffers { columns, live };
        return Some(pair.found(Severity::Different, problem, Vec::new()));
    }
    let has_order = |index: &LiveIndex| {
        let keys = index.keys.iter().map(|key| key.column.as_ref());
        index.is_valid && index.condition.is_none() && keys.eq(expected.iter().map(Some))
    };
    if pair.constraints.indexes.iter().any(has_order) {
        return None;
    }
    // The key may be referenced, so that it stays: an index serves the source's order.
    let name = numbered(fit_pg(&format!("{}_order", pair.columns.name)), |name| {
        pair.live.relations.iter().any(|taken| taken == name)
    });
    let sql = format!(
        "CREATE UNIQUE INDEX {} ON {} ({});",
        quote_pg(&name),
        pair.columns.name_in_sql(),
        quote_pg_list(expected)
    );
    Some(pair.found(Severity::Different, Problem::PrimaryKeyOrder { columns, live }, vec![sql]))
}

pub(super) fn is_same_set(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.contains(name))
}
