//! The same damage for a comparison that knows no ledger and no plan: it must not overlook any damage to rows.

use migrate_core::comparison::{ComparedTable, Comparison};
use migrate_core::conversion::{Conversion, NaiveZone};
use migrate_core::mapping::Mapping;
use migrate_core::plan::PlannedTable;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::comparison::{self, ComparisonRequest, ComparisonSource};
use row_mover::observer::Silent;
use row_mover::validate::CompareOptions;
use test_database::TestDatabase;

use crate::demand::Demand;
use crate::engine::chain;
use crate::subject::Subject;

/// A damage that leaves an equal value in another form, for whoever knows no plan: that has to be named.
const OTHER_FORMS: [&str; 1] = ["a numeric: a zero at the end of a text's"];

/// What a comparison of a damaged copy overlooked; none if it found the damage.
pub fn overlooked(kind: &str, subject: &Subject, copy: &TestDatabase, demand: &Demand) -> Option<String> {
    if demand.tables.is_empty() || demand.is_any || demand.refused.is_some() {
        return None;
    }
    let compared = match compared(subject, copy) {
        Ok(compared) => compared,
        Err(words) => return Some(format!("the comparison failed: {words}")),
    };
    let is_found = |name: &str| {
        let found = compared.tables.iter().find(|table| table.table == name);
        let is_form = |table: &ComparedTable| OTHER_FORMS.contains(&kind) && table.in_another_form > 0;
        found.is_some_and(|table| !table.is_equal() || is_form(table))
    };
    let left = demand.tables.iter().find(|demand| !is_found(&demand.table))?;
    Some(format!("the comparison overlooked the damage to {}", left.table))
}

/// What a comparison of an undamaged subject finds; none if nothing.
pub fn found_without_damage(subject: &Subject) -> Option<String> {
    let compared = match compared(subject, &subject.case.database) {
        Ok(compared) => compared,
        Err(words) => return Some(format!("{}: {words}", subject.name)),
    };
    // Rows that the plan leaves out, and rows of the app, differ for whoever does not know the plan.
    let has_own_rows = |table: &ComparedTable| {
        let planned = subject.case.plan.table(&table.table);
        planned.is_some_and(|planned| planned.existing.is_some() || may_reject(planned))
    };
    let wrong: Vec<String> = (compared.tables.iter())
        .filter(|table| !table.is_equal() && !has_own_rows(table))
        .map(|table| format!("{}: {table:?}", subject.name))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

fn may_reject(table: &PlannedTable) -> bool {
    table
        .columns
        .iter()
        .any(|column| column.on_reject.is_some() || column.empty.is_some() || column.round.is_some())
}

fn compared(subject: &Subject, copy: &TestDatabase) -> Result<Comparison, String> {
    let request = ComparisonRequest {
        source: ComparisonSource::Sealed(&subject.sealed),
        target: TargetUrl::parse(copy.url()).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        mapping: names(subject),
        options: CompareOptions { workers: 2, read_only: true, ..CompareOptions::default() },
    };
    comparison::compare(&request, &Silent).map(|found| found.comparison).map_err(|error| chain(&error))
}

/// The names that the plan gave, and of its conversions those that only a person can decide.
fn names(subject: &Subject) -> Mapping {
    let plan = &subject.case.plan;
    let mut mapping =
        Mapping { schemas: plan.schemas().into_iter().map(str::to_owned).collect(), ..Mapping::default() };
    for planned in &plan.tables {
        let table = mapping.tables.entry(planned.source.clone()).or_default();
        table.rename = Some(planned.target.clone());
        table.schema = Some(planned.schema_name().to_owned());
        for column in &planned.columns {
            let decided = table.columns.entry(column.source.clone()).or_default();
            decided.rename = Some(column.target.clone());
            let zone = Conversion::TimestamptzFromIso8601(NaiveZone::default());
            let is_zoned = column.conversion.name() == zone.name() && column.conversion != zone;
            if is_zoned || column.conversion == Conversion::JsonbLastKeyWins {
                decided.conversion = Some(column.conversion.clone());
            }
        }
    }
    mapping
}
