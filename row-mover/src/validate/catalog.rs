//! Compares the live schema with the one that the plan creates, as PostgreSQL describes both.
//!
//! The plan's migrations run in a scratch schema inside a transaction that is rolled back (part by part for a large plan), and the
//! catalog describes both schemas with the same functions. Types, defaults, constraints, indexes, triggers and whatever else changes
//! the effect of a statement are compared in PostgreSQL's own spelling.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use migrate_core::batches::LockShare;
use migrate_core::finding::{ItemKind, SchemaDifference, SchemaItem};
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::plan_parts::{PlanPart, PlanParts};
use migrate_core::render;
use migrate_core::target_schema::TargetFact;

use super::unplanned_objects::unplanned_objects;
use crate::error::{Context, Error, Result};
use crate::target::batches;
use crate::target::describe::{Line, describe, describe_existing};
use postgres_client::connection::Connection;

/// How the names of the scratch schemas begin, one for each schema of the plan; none outlives the transaction.
const SCRATCH: &str = "migration_scratch";

/// Whether the rows of `table` can be read as planned, given the differences.
pub(crate) fn is_readable(table: &PlannedTable, differences: &[SchemaDifference]) -> bool {
    let is_of_table = |difference: &&SchemaDifference| difference.table() == Some(&table.target);
    !differences.iter().filter(is_of_table).any(SchemaDifference::makes_unreadable)
}

/// The differences between the live schema and the plan's; empty where they agree.
///
/// # Errors
/// When the catalog cannot be read, or the scratch schema cannot be made.
pub(crate) fn schema_differences(target: &mut Connection, plan: &Plan) -> Result<Vec<SchemaDifference>> {
    let share = batches::lock_share(target)?;
    let comparison = Comparison::new(plan);
    let (mut found, mut planned) = (Vec::new(), BTreeSet::new());
    let parts = PlanParts::new(&comparison.made);
    let end = |from: usize, share: LockShare| parts.end_of_part(from, share.locks());
    batches::in_batches(parts.len(), share, &end, &mut |range| {
        let part = parts
            .part(range)
            .ok_or_else(|| Error::new("a part of the plan that does not exist was compared"))?;
        found.extend(comparison.part(target, &part, &mut planned)?);
        Ok(())
    })?;
    found.extend(existing_differences(target, plan, &PlannedTable::expected_facts)?);
    found.extend(unplanned_objects(target, plan, &planned)?);
    found.sort_by_key(|difference| order(plan, difference));
    Ok(found)
}

/// A missing table comes first, because it explains other differences. Remedies can be applied in this order: objects in the way are
/// dropped first, foreign keys follow keys, triggers their functions, views come in the plan's order, and an index that a foreign key may
/// use goes last.
fn order(plan: &Plan, difference: &SchemaDifference) -> (u8, usize) {
    let is_unplanned = matches!(difference, SchemaDifference::ItemUnplanned { .. });
    let (Some(table), Some(item)) = (difference.table(), difference.item()) else {
        return (if matches!(difference, SchemaDifference::TableMissing { .. }) { 0 } else { 2 }, 0);
    };
    let mut foreign_keys = plan.tables.iter().flat_map(|table| &table.foreign_keys);
    match item.item {
        ItemKind::Constraint if is_unplanned => (1, 0),
        ItemKind::Constraint if foreign_keys.any(|key| item.name.as_ref() == Some(&key.name)) => (3, 0),
        ItemKind::Query => (4, plan.views.iter().position(|view| view.target == table).unwrap_or(0)),
        ItemKind::Function => (5, 0),
        ItemKind::Trigger => (6, 0),
        ItemKind::Index if is_unplanned => (7, 0),
        _ => (2, 0),
    }
}

/// A plan and the scratch schemas in which it is created to be described.
struct Comparison<'p> {
    /// The objects that the plan creates.
    made: Cow<'p, Plan>,
    /// The schemas of the plan.
    schemas: Vec<&'p str>,
    /// The scratch schemas that replace them.
    scratch: Vec<String>,
}

impl<'p> Comparison<'p> {
    fn new(plan: &'p Plan) -> Comparison<'p> {
        let schemas = plan.schemas();
        let scratch = (0..schemas.len()).map(scratch_name).collect();
        let made = if plan.is_into_existing() { Cow::Owned(plan.made()) } else { Cow::Borrowed(plan) };
        Comparison { made, schemas, scratch }
    }

    /// The differences in a part of what the plan creates. The names of all that it creates are added to `planned`.
    fn part(
        &self,
        target: &mut Connection,
        part: &PlanPart,
        planned: &mut BTreeSet<(String, String)>,
    ) -> Result<Vec<SchemaDifference>> {
        let mut expected = self.expected(target, part)?;
        expected.retain(|line| !part.needed.contains(&line.table_name));
        planned.extend(self.names_in_place(&expected));
        let live = self.live(target, &part.own, &expected)?;
        Ok(self.differences(&part.own, &live, &expected))
    }

    /// Describes a part where it is created in the scratch schemas, of which nothing stays.
    fn expected(&self, target: &mut Connection, part: &PlanPart) -> Result<Vec<Line>> {
        let plan = self.in_scratch(&part.plan);
        let up = format!("{}{}", render::create_tables(&plan).up, render::create_constraints(&plan).up);
        let schemas: Vec<&str> = self.scratch.iter().map(String::as_str).collect();
        let expected = target.undone_transaction(|target| {
            target.script(&up)?;
            describe(target, &schemas, &self.schemas, None)
        });
        let mut expected = expected.context(|| "the plan's schema cannot be created in a scratch schema")?;
        expected.iter_mut().for_each(|line| body_in_place(line, &part.plan, &plan));
        Ok(expected)
    }

    /// Describes the live schema's objects of a part and of what was `expected` of it.
    fn live(&self, target: &mut Connection, own: &Plan, expected: &[Line]) -> Result<Vec<Line>> {
        let mut names: BTreeSet<&str> = expected.iter().map(|line| line.table_name.as_str()).collect();
        names.extend(own.tables.iter().map(|table| table.target.as_str()));
        let sequences = own.tables.iter().filter_map(PlannedTable::sequence_column);
        names.extend(sequences.map(|(_, sequence)| sequence));
        names.extend(own.views.iter().map(|view| view.target.as_str()));
        names.extend(own.triggers.iter().map(|trigger| trigger.function.as_str()));
        let names: Vec<&str> = names.into_iter().collect();
        target
            .transaction(|target| describe(target, &self.schemas, &[], Some(&names)))
            .context(|| "the live schema cannot be described")
    }

    /// The schemas and names of the plan's objects, derived from those in the scratch schemas.
    fn names_in_place(&self, expected: &[Line]) -> Vec<(String, String)> {
        let schema = |line: &Line| {
            let position = self.scratch.iter().position(|schema| *schema == line.schema_name)?;
            self.schemas.get(position).map(|schema| (*schema).to_owned())
        };
        expected.iter().filter_map(|line| Some((schema(line)?, line.table_name.clone()))).collect()
    }

    /// A part of the plan with a scratch schema in place of each of the plan's own.
    fn in_scratch(&self, part: &Plan) -> Plan {
        part.relocated(&|schema| {
            let position = self.schemas.iter().position(|other| *other == schema);
            scratch_name(position.unwrap_or_default())
        })
    }

    fn differences(&self, own: &Plan, live: &[Line], expected: &[Line]) -> Vec<SchemaDifference> {
        let scratch: Vec<&str> = self.scratch.iter().map(String::as_str).collect();
        differences(own, (live, &self.schemas), (expected, &scratch), &self.schemas)
    }
}

/// The name of the scratch schema that replaces the plan's schema at this position.
fn scratch_name(position: usize) -> String {
    if position == 0 { SCRATCH.to_owned() } else { format!("{SCRATCH}_{position}") }
}

/// The body of a function is text, in which a table of the scratch schema has its name there.
fn body_in_place(line: &mut Line, plan: &Plan, scratch: &Plan) {
    let is_it = |function: &str| line.item.starts_with("function ") && line.table_name == function;
    for (own, other) in plan.triggers.iter().zip(&scratch.triggers).filter(|(own, _)| is_it(&own.function)) {
        let before = line.definition.strip_suffix(&format!("\n{}\n", other.body));
        if let Some(before) = before.map(str::to_owned) {
            line.definition = format!("{before}\n{}\n", own.body);
        }
    }
}

/// The differences of existing tables from their state when the plan was made.
///
/// # Errors
/// When the catalog cannot be read.
pub(crate) fn drift(target: &mut Connection, plan: &Plan) -> Result<Vec<SchemaDifference>> {
    let before = |table: &PlannedTable| -> Vec<TargetFact> {
        table.existing.as_ref().map(|existing| existing.table.facts.clone()).unwrap_or_default()
    };
    existing_differences(target, plan, &before)
}

/// The differences in the tables that an app made, schema by schema; `facts` are what is expected of one.
fn existing_differences(
    target: &mut Connection,
    plan: &Plan,
    facts: &dyn Fn(&PlannedTable) -> Vec<TargetFact>,
) -> Result<Vec<SchemaDifference>> {
    let mut by_schema: BTreeMap<&str, Vec<&PlannedTable>> = BTreeMap::new();
    for (table, _) in plan.existing_tables() {
        by_schema.entry(table.schema_name()).or_default().push(table);
    }
    let mut found = Vec::new();
    for (schema, tables) in by_schema {
        let names: Vec<&str> = tables.iter().map(|table| table.target.as_str()).collect();
        let live = describe_existing(target, schema, &names)?;
        let line = |table: &PlannedTable, fact: TargetFact| Line {
            schema_name: SCRATCH.to_owned(),
            table_name: table.target.clone(),
            item: fact.item,
            definition: fact.definition,
        };
        let expected: Vec<Line> = (tables.iter())
            .flat_map(|table| facts(table).into_iter().map(|fact| line(table, fact)))
            .collect();
        let own = Plan {
            tables: tables.iter().map(|table| (*table).clone()).collect(),
            ..Plan::empty(schema.to_owned())
        };
        found.extend(differences(&own, (&live, &[schema]), (&expected, &[SCRATCH]), &[schema]));
    }
    Ok(found)
}

/// The differences in the plan's tables, sequences, views and functions.
fn differences(
    plan: &Plan,
    (live, schemas): (&[Line], &[&str]),
    (expected, scratch): (&[Line], &[&str]),
    own: &[&str],
) -> Vec<SchemaDifference> {
    let live = by_item(plan, live, schemas, own);
    let expected = by_item(plan, expected, scratch, own);
    let is_gone = |table: &&PlannedTable| !live.contains_key(&(table.target.clone(), "kind".to_owned()));
    let gone: Vec<&PlannedTable> = plan.tables.iter().filter(is_gone).collect();
    // A table that is gone is one fact, whatever went with it.
    let went = |name: &str| {
        gone.iter().any(|table| {
            table.target == name || table.sequence_column().is_some_and(|(_, sequence)| sequence == name)
        })
    };
    let mut found: Vec<SchemaDifference> =
        (gone.iter()).map(|table| SchemaDifference::TableMissing { table: table.target.clone() }).collect();
    for ((table, name), planned) in expected.iter().filter(|((table, _), _)| !went(table)) {
        let (table, item, planned) = (table.clone(), SchemaItem::parse(name), planned.clone());
        found.push(match live.get(&(table.clone(), name.clone())) {
            Some(live) if *live == planned => continue,
            Some(live) => SchemaDifference::ItemDiffers { table, item, live: live.clone(), planned },
            None => SchemaDifference::ItemMissing { table, item, planned },
        });
    }
    let is_planned = |name: &str| {
        plan.tables.iter().any(|table| table.target == name)
            || plan.views.iter().any(|view| view.target == name)
            || plan.triggers.iter().any(|trigger| trigger.function == name)
    };
    for ((table, name), live) in live.iter().filter(|((table, _), _)| is_planned(table)) {
        if !expected.contains_key(&(table.clone(), name.clone())) {
            let (table, item, live) = (table.clone(), SchemaItem::parse(name), live.clone());
            found.push(SchemaDifference::ItemUnplanned { table, item, live });
        }
    }
    found
}

/// The definitions by table and item. A table of the plan's name in another of its schemas belongs to somebody else. `own` are the
/// schemas of the complete plan, in the order of `schemas`, which replace them.
fn by_item(
    plan: &Plan,
    lines: &[Line],
    schemas: &[&str],
    own: &[&str],
) -> BTreeMap<(String, String), String> {
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for table in &plan.tables {
        let Some(position) = own.iter().position(|schema| *schema == table.schema_name()) else { continue };
        positions.insert(&table.target, position);
        if let Some((_, sequence)) = table.sequence_column() {
            positions.insert(sequence, position);
        }
    }
    (lines.iter())
        .filter(|line| {
            // The target schema is the first of them.
            let position = positions.get(line.table_name.as_str()).copied().unwrap_or(0);
            schemas.get(position) == Some(&line.schema_name.as_str())
        })
        .map(|line| ((line.table_name.clone(), line.item.clone()), line.definition.clone()))
        .collect()
}
