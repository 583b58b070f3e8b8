//! Compares CHECKs, those of domains and the labels of enums among them.

use super::{LiveDomainCheck, Pair, Severity, StructureDifference, StructureProblem as Problem};
use crate::conversion::PgType;
use crate::identifier::quote_pg;
use crate::plan::PlannedCheck;
use crate::render::Repaired;

pub(super) fn compare(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let table = pair.expected.name_in_sql();
    let is_same = |check: &PlannedCheck, live: &str| pair.live.is_same_sql(&table, &check.expression, live);
    let mut found = Vec::new();
    for check in &pair.expected.checks {
        let live = pair.constraints.checks.iter().find(|live| is_same(check, &live.expression));
        match live {
            Some(live) if !live.is_valid && !check.not_valid => {
                let repair = vec![pair.alter(&format!("VALIDATE CONSTRAINT {}", quote_pg(&live.name)))];
                let problem = Problem::CheckNotValid { live: live.name.clone() };
                found.push(pair.found(Severity::Different, problem, repair));
            }
            Some(_) => {}
            None if is_by_domain(pair, check) => {}
            None if is_by_type(pair, check) || is_by_enum(pair, check) => {
                let problem = Problem::CheckByType { check: check.source.clone() };
                found.push(pair.found(Severity::Remark, problem, Vec::new()));
            }
            None => {
                let repair = pair.made(Repaired::Constraint(pair.expected, &check.name), &[]);
                let problem = Problem::CheckMissing { check: check.source.clone() };
                found.push(pair.found(Severity::Lost, problem, repair));
            }
        }
    }
    let is_known = |live: &str| pair.expected.checks.iter().any(|check| is_same(check, live));
    let added = pair.constraints.checks.iter().filter(|live| !is_known(&live.expression));
    found.extend(added.map(|live| {
        let problem = Problem::CheckAdded { live: live.name.clone(), check: live.expression.clone() };
        let repair = vec![pair.alter(&format!("DROP CONSTRAINT {}", quote_pg(&live.name)))];
        pair.found(Severity::Different, problem, repair)
    }));
    let domains = pair.constraints.domain_checks.iter().filter(|live| !is_known(&live.expression));
    found.extend(domains.filter(|live| pair.expected.target_column(&live.column).is_some()).map(|live| {
        let LiveDomainCheck { column, domain, expression } = live.clone();
        let problem = Problem::DomainCheckAdded { column, domain, check: expression };
        pair.found(Severity::Different, problem, Vec::new())
    }));
    found.extend(enums(pair));
    found
}

/// Whether the domain of a column has a CHECK.
fn is_by_domain(pair: &Pair<'_>, check: &PlannedCheck) -> bool {
    let table = pair.expected.name_in_sql();
    let domains = &pair.constraints.domain_checks;
    domains.iter().any(|live| pair.live.is_same_sql(&table, &check.expression, &live.expression))
}

/// The columns of an enum, unless a CHECK of the source allows no other texts than its labels.
fn enums(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let columns = pair.expected.columns.iter();
    let columns = columns.filter_map(|column| pair.columns.column(&column.target));
    let added = columns.filter(|live| {
        let allows =
            |check: &PlannedCheck| listed(&live.name, check).is_some_and(|all| is_all(&all, &live.labels));
        live.base == "enum" && !pair.expected.checks.iter().any(allows)
    });
    let found = added.map(|live| {
        let repair = vec![pair.alter_column(&live.name, "TYPE text")];
        let problem = Problem::EnumAdded { column: live.name.clone(), type_name: live.type_name.clone() };
        pair.found(Severity::Different, problem, repair)
    });
    found.collect()
}

/// Whether the labels of an enum are among the texts that a CHECK allows.
fn is_by_enum(pair: &Pair<'_>, check: &PlannedCheck) -> bool {
    pair.columns.columns.iter().filter(|live| live.base == "enum").any(|live| {
        listed(&live.name, check).is_some_and(|all| live.labels.iter().all(|label| all.contains(label)))
    })
}

fn is_all(listed: &[String], labels: &[String]) -> bool {
    listed.iter().all(|text| labels.contains(text))
}

/// The texts that a CHECK of the form `column IN ('a', 'b')` allows.
fn listed(column: &str, check: &PlannedCheck) -> Option<Vec<String>> {
    let list = check.expression.trim().strip_prefix(&quote_pg(column))?;
    let list = list.trim_start().strip_prefix("IN")?.trim_start().strip_prefix('(')?.strip_suffix(')')?;
    let mut texts = Vec::new();
    let mut rest = list.trim();
    while let Some(text) = rest.strip_prefix('\'') {
        // A quote in a text is written twice; a list with one is not read.
        let (text, behind) = text.split_once('\'')?;
        texts.push(text.to_owned());
        rest = behind.trim_start().strip_prefix(',').map_or(behind, str::trim_start);
    }
    rest.is_empty().then_some(texts)
}

/// Whether a CHECK allows both values of a boolean column, which has no others.
fn is_by_type(pair: &Pair<'_>, check: &PlannedCheck) -> bool {
    let booleans = pair.expected.columns.iter().filter(|column| column.target_type == PgType::Boolean);
    let booleans =
        booleans.filter(|column| pair.columns.column(&column.target).is_some_and(|live| live.base == "bool"));
    let all = booleans.flat_map(|column| {
        let name = quote_pg(&column.target);
        [format!("{name} IN (false, true)"), format!("{name} IN (true, false)")]
    });
    let expression = check.expression.trim_start_matches('(').trim_end_matches(')');
    all.into_iter().any(|both| both.trim_end_matches(')') == expression)
}
