//! Compares what the source declares with what the target has. The rules are `migrate_core::comparison::structure`'s; here the catalog is
//! read, and what only a database can compute: how PostgreSQL prints an expression, what a default returns, where a sequence stands.
//!
//! Nothing is written to the target.

mod catalog;
mod objects;
mod obstacles;
mod printed;
mod trials;
pub(super) mod views;

use std::collections::BTreeMap;

use migrate_core::comparison::structure::{
    LiveStructure, Requirements, Severity, Structure, StructureDifference, StructureProblem, Unrepaired,
    expected, expressions, structure,
};
use migrate_core::finding::{
    DefaultDifference, DefaultProblem, NarrowColumn, NotCompared, Reason, SequenceBehind, Subject,
};
use migrate_core::identifier::quote_pg;
use migrate_core::plan::{Plan, PlannedColumn, PlannedSequence, PlannedTable};
use migrate_core::sequence::setting_sql;
use migrate_core::source_schema::SourceSchema;
use migrate_core::target_schema::{SequenceLink, SequenceUse, TargetColumn, TargetSchema, TargetTable};
use postgres_client::connection::Connection;

use crate::access;
use crate::error::{Context, Result};
use crate::sequences::{Standing, examine};
use crate::source::{SourceConnection, introspect};
use crate::validate;

/// A compared structure, and what it was compared with.
pub(super) struct ComparedStructure {
    pub(super) structure: Structure,
    /// What the target would have if it had been made from the source; none where no plan can be made of that.
    pub(super) expected: Option<Plan>,
    pub(super) live: LiveStructure,
}

/// Compares the structure of the tables that `matched` has. It takes transactions of its own. The rows of views are not compared.
///
/// # Errors
/// When either side cannot be read.
pub fn compare_structure(
    source: &SourceConnection,
    target: &mut Connection,
    schemas: (&SourceSchema, &TargetSchema),
    matched: &Plan,
) -> Result<Structure> {
    compare(source, target, schemas, matched).map(|compared| compared.structure)
}

/// The same, with what it was compared with.
pub(super) fn compare(
    source: &SourceConnection,
    target: &mut Connection,
    schemas: (&SourceSchema, &TargetSchema),
    matched: &Plan,
) -> Result<ComparedStructure> {
    let (source_schema, target_schema) = schemas;
    let mut live = catalog::read(target, matched)?;
    let expected = match expected(source_schema, matched, &live.relations) {
        Ok(expected) => expected,
        // Tables that no plan can be made of: their rows are compared, and nothing is known of the rest.
        Err(error) => {
            let structure = Structure { not_planned: Some(error.to_string()), ..Structure::default() };
            return Ok(ComparedStructure { structure, expected: None, live });
        }
    };
    live.printed = printed::print(target, &expressions(&live, &expected))?;
    let mut found = structure(source_schema, target_schema, &live, &expected);
    let tables = live_tables(&expected, target_schema);
    compare_defaults(source, target, &tables, &mut found)?;
    for (planned, live) in &tables {
        compare_numbering(source, target, &expected, (planned, live), &mut found)?;
    }
    set_furthest(&mut found);
    let obstacles = obstacles::read(target, matched)?;
    let given =
        Requirements { expected: &expected, target: target_schema, live: &live, obstacles: &obstacles };
    trials::leave_out_refused(target, given, &mut found)?;
    let place = |found: &StructureDifference| {
        let is_it = |table: &PlannedTable| found.table.as_ref() == Some(&table.source);
        expected.tables.iter().position(is_it).unwrap_or(usize::MAX)
    };
    found.differences.sort_by_key(|found| (place(found), found.severity));
    Ok(ComparedStructure { structure: found, expected: Some(expected), live })
}

/// The expected tables, without the columns that the target does not have, and those of the target.
fn live_tables<'t>(expected: &Plan, target: &'t TargetSchema) -> Vec<(PlannedTable, &'t TargetTable)> {
    let pairs = expected.tables.iter().filter_map(|planned| {
        let is_it =
            |table: &&TargetTable| table.schema == planned.schema_name() && table.name == planned.target;
        let live = target.tables.iter().find(is_it)?;
        let mut planned = planned.clone();
        planned.columns.retain(|column| live.column(&column.target).is_some_and(|live| !live.is_generated));
        Some((planned, live))
    });
    pairs.collect()
}

fn compare_defaults(
    source: &SourceConnection,
    target: &mut Connection,
    tables: &[(PlannedTable, &TargetTable)],
    found: &mut Structure,
) -> Result<()> {
    let planned: Vec<&PlannedTable> = tables.iter().map(|(planned, _)| planned).collect();
    let compared = validate::defaults(source, target, &planned)?;
    for difference in compared.differences {
        found.differences.extend(default(&planned, difference));
    }
    for left in compared.not_compared {
        match (&left.reason, &left.subject) {
            // The source has a default that cannot be translated, and the target has none.
            (Reason::DefaultNotPlanned, Subject::Default { table, column }) => {
                let declared =
                    column_of(&planned, table, column).and_then(|(_, column)| column.source_default.clone());
                let problem = DefaultProblem::Missing { declared: declared.unwrap_or_default() };
                let difference = DefaultDifference { table: table.clone(), column: column.clone(), problem };
                found.differences.extend(default(&planned, difference));
            }
            _ => found.not_compared.push(left),
        }
    }
    Ok(())
}

fn column_of<'t>(
    tables: &[&'t PlannedTable],
    table: &str,
    column: &str,
) -> Option<(&'t PlannedTable, &'t PlannedColumn)> {
    let table = tables.iter().find(|planned| planned.source == table)?;
    table.columns.iter().find(|planned| planned.source == column).map(|column| (*table, column))
}

/// A default that differs, with the statement that sets the translated one.
fn default(tables: &[&PlannedTable], found: DefaultDifference) -> Option<StructureDifference> {
    let (table, column) = column_of(tables, &found.table, &found.column)?;
    let severity = match found.problem {
        DefaultProblem::Missing { .. } => Severity::Lost,
        DefaultProblem::CallsForeignCode { .. } => Severity::Remark,
        DefaultProblem::CannotBeComputed { .. } | DefaultProblem::OtherValue { .. } => Severity::Different,
    };
    let (owner, name) = (table.name_in_sql(), quote_pg(&column.target));
    let repair = column.default.iter().filter(|_| severity != Severity::Remark);
    let repair = repair.map(|sql| format!("ALTER TABLE {owner} ALTER COLUMN {name} SET DEFAULT {sql};"));
    Some(StructureDifference {
        severity,
        table: Some(found.table),
        target: Some(owner.clone()),
        is_broken_by_rows: false,
        unrepaired: None,
        repair: repair.collect(),
        problem: StructureProblem::Default { column: column.target.clone(), difference: found.problem },
    })
}

/// Compares the position of the sequence that numbers a table's rows, or says where a missing one has to begin.
fn compare_numbering(
    source: &SourceConnection,
    target: &mut Connection,
    expected: &Plan,
    (planned, live): (&PlannedTable, &TargetTable),
    found: &mut Structure,
) -> Result<()> {
    let Some((column, _)) = planned.sequence_column() else { return Ok(()) };
    let Some(live_column) = live.column(&column.target) else { return Ok(()) };
    let is_computed = |found: &StructureDifference| {
        found.table.as_ref() == Some(&planned.source)
            && matches!(found.problem, StructureProblem::NumberingDiffers { .. })
    };
    let drawn = live_column.sequence.as_ref().filter(|_| !found.differences.iter().any(is_computed));
    let Some(name) = drawn else {
        return begin_numbering(source, target, (planned, column, live_column), found);
    };
    let by = if live_column.is_identity { SequenceLink::Identity } else { SequenceLink::Owned };
    let (schema, table) = (live.schema.clone(), live.name.clone());
    let columns = vec![SequenceUse { schema, table, column: column.target.clone(), by }];
    let sequence = PlannedSequence { name: name.clone(), columns };
    let subject = Subject::Sequence { sequence: name.clone() };
    if let Some(grants) = access::missing_on_sequence(name, target)? {
        let reason = Reason::NoRightToReadSequence { grants };
        found.not_compared.push(NotCompared { subject, reason });
        return Ok(());
    }
    let reason = match examine(source, target, expected, &sequence)? {
        Standing::Checked(checked) => {
            let behind = validate::sequence_behind(name, &checked);
            found.differences.extend(behind.map(|behind| sequence_behind(planned, behind)));
            return Ok(());
        }
        Standing::NotChecked(reason) => reason,
        Standing::Missing => Reason::SequenceMissing,
    };
    found.not_compared.push(NotCompared { subject, reason });
    Ok(())
}

fn sequence_behind(table: &PlannedTable, sequence: SequenceBehind) -> StructureDifference {
    StructureDifference {
        severity: Severity::Lost,
        table: Some(table.source.clone()),
        target: Some(table.name_in_sql()),
        is_broken_by_rows: false,
        unrepaired: None,
        repair: sequence_repair(&sequence),
        problem: StructureProblem::SequenceBehind { sequence },
    }
}

fn sequence_repair(sequence: &SequenceBehind) -> Vec<String> {
    let statements = sequence.repair.iter().flat_map(|repair| {
        let columns = repair.narrow.iter().map(migrate_core::finding::NarrowColumn::widening_sql);
        let bounds = repair
            .widens
            .then(|| migrate_core::sequence::widening_sql(&sequence.sequence, repair.is_descending));
        columns.chain(bounds).chain([setting_sql(&sequence.sequence, repair.position)])
    });
    statements.collect()
}

/// Sets a sequence that several tables share past the numbers of all of them.
fn set_furthest(found: &mut Structure) {
    let mut furthest: BTreeMap<String, i64> = BTreeMap::new();
    for difference in &found.differences {
        let StructureProblem::SequenceBehind { sequence } = &difference.problem else { continue };
        let Some(repair) = &sequence.repair else { continue };
        let position = furthest.entry(sequence.sequence.clone()).or_insert(repair.position);
        let is_further =
            if repair.is_descending { repair.position < *position } else { repair.position > *position };
        if is_further {
            *position = repair.position;
        }
    }
    for difference in &mut found.differences {
        let StructureProblem::SequenceBehind { sequence } = &mut difference.problem else { continue };
        let (Some(repair), Some(position)) = (&mut sequence.repair, furthest.get(&sequence.sequence)) else {
            continue;
        };
        repair.position = *position;
        difference.repair = sequence_repair(sequence);
    }
}

/// Lets a missing numbering begin behind all numbers in use, and those that SQLite has issued.
fn begin_numbering(
    source: &SourceConnection,
    target: &mut Connection,
    (table, column, live): (&PlannedTable, &PlannedColumn, &TargetColumn),
    found: &mut Structure,
) -> Result<()> {
    let is_it = |found: &&mut StructureDifference| {
        found.table.as_ref() == Some(&table.source)
            && matches!(
                found.problem,
                StructureProblem::NumberingMissing { .. } | StructureProblem::NumberingDiffers { .. }
            )
    };
    let Some(missing) = found.differences.iter_mut().find(is_it) else { return Ok(()) };
    let Some(highest) = live.highest_number() else {
        missing.leave_out(Unrepaired::NotNumbered { type_name: live.type_name.clone() });
        return Ok(());
    };
    let (owner, name) = (table.name_in_sql(), quote_pg(&column.target));
    let in_target: Option<i64> = target
        .one(&format!("SELECT max({name})::int8 FROM {owner}"), &[])
        .context(|| format!("the numbers of {owner} cannot be read"))?;
    let issued = introspect::highest_number(source, &table.source, &column.source)?;
    let start = issued.max(in_target).unwrap_or(0).max(0).saturating_add(1);
    if issued.max(in_target) == Some(i64::MAX) {
        missing.leave_out(Unrepaired::NumberTooHigh { type_name: live.type_name.clone() });
        return Ok(());
    }
    let narrow = NarrowColumn { table: owner.clone(), column: column.target.clone() };
    // A statement that drops a default comes before and stays.
    missing.repair.pop();
    missing.repair.extend((start > highest).then(|| narrow.widening_sql()));
    missing.repair.push(format!(
        "ALTER TABLE {owner} ALTER COLUMN {name} ADD GENERATED BY DEFAULT AS IDENTITY (START WITH {start});"
    ));
    Ok(())
}
