//! Plans what an app's Drizzle schema has of the database, and names what Drizzle cannot express or misreads.

use std::collections::{BTreeMap, BTreeSet};

use crate::drizzle_kit::{
    DefaultReading, in_table_order, is_readable, is_readable_table, read_default, regclass,
};
use crate::mapping::Mapping;
use crate::plan::{
    LeftOut, Numbering, Plan, PlannedColumn, PlannedDrizzle, PlannedForeignKey, PlannedIndex, PlannedKey,
    PlannedTable,
};

/// The table in which Drizzle's migrator for SQLite lists the migrations that it applied.
pub(super) const MIGRATIONS: &str = "__drizzle_migrations";

/// Whether the plan is for an app that uses Drizzle. Where an app has made the tables itself, it has a schema of its own.
pub(super) fn is_planned(mapping: &Mapping) -> bool {
    mapping.drizzle.is_some() && !mapping.into_existing
}

/// How tables number new rows if nothing is decided: drizzle-kit misreads identity columns with quoted names.
pub(super) fn numbering(mapping: &Mapping) -> Numbering {
    if is_planned(mapping) { Numbering::Serial } else { Numbering::Identity }
}

/// Returns an earlier plan with what `mapping` decides for an app that uses Drizzle; all else is as it was. None where nothing is decided.
pub fn for_drizzle(earlier: &Plan, mapping: &Mapping) -> Option<Plan> {
    mapping.drizzle.as_ref().filter(|_| is_planned(mapping) && !earlier.is_into_existing())?;
    let mut planned = earlier.clone();
    let numbering = mapping.autoincrement.unwrap_or_else(|| numbering(mapping));
    for column in planned.tables.iter_mut().flat_map(|table| &mut table.columns) {
        if column.sequence.is_some() {
            column.numbering = numbering;
        }
    }
    planned.drizzle = plan(mapping, &planned);
    Some(planned)
}

/// Returns what is decided for an app that uses Drizzle; none where nothing is asked for, or where an app has made the tables itself.
pub(super) fn plan(mapping: &Mapping, plan: &Plan) -> Option<PlannedDrizzle> {
    let decided = mapping.drizzle.as_ref().filter(|_| is_planned(mapping))?;
    let mut left_out = Vec::new();
    let relations = Relations::of(plan);
    for table in &plan.tables {
        if is_readable_table(table) {
            of_table(&relations, table, &mut left_out);
        } else {
            left_out.push(LeftOut::Table { table: table.target.clone() });
        }
    }
    for view in &plan.views {
        if view.conversions.is_empty() || !is_readable(&view.target, &view.columns) {
            left_out.push(LeftOut::View { view: view.target.clone() });
        }
    }
    let triggers = plan.triggers.iter();
    left_out.extend(
        triggers.map(|trigger| LeftOut::Trigger {
            table: trigger.table.clone(),
            trigger: trigger.target.clone(),
        }),
    );
    Some(PlannedDrizzle { dates: decided.dates, left_out })
}

/// The tables of a plan, and the foreign keys that reference each.
struct Relations<'p> {
    tables: BTreeMap<&'p str, &'p PlannedTable>,
    referencing: BTreeMap<&'p str, Vec<&'p PlannedForeignKey>>,
}

impl<'p> Relations<'p> {
    fn of(plan: &'p Plan) -> Relations<'p> {
        let mut referencing: BTreeMap<&str, Vec<&PlannedForeignKey>> = BTreeMap::new();
        for key in plan.tables.iter().flat_map(|table| &table.foreign_keys) {
            referencing.entry(&key.parent_table).or_default().push(key);
        }
        let tables = plan.tables.iter().map(|table| (table.target.as_str(), table)).collect();
        Relations { tables, referencing }
    }
}

fn of_table(relations: &Relations<'_>, table: &PlannedTable, left_out: &mut Vec<LeftOut>) {
    left_out.extend(table.columns.iter().filter_map(|column| of_column(table, column)));
    let is_reordered = |key: &&PlannedKey| !in_table_order(table, &key.columns).iter().eq(&key.columns);
    let keys = table.primary_key.iter().chain(&table.unique).filter(is_reordered);
    left_out.extend(keys.map(|key| LeftOut::KeyOrder { table: table.target.clone(), key: key.name.clone() }));
    left_out.extend(table.foreign_keys.iter().flat_map(|key| of_foreign_key(relations, table, key)));
    left_out.extend(table.indexes.iter().filter_map(|index| of_index(relations, table, index)));
}

fn of_column(table: &PlannedTable, column: &PlannedColumn) -> Option<LeftOut> {
    let (table_name, column_name) = (table.target.clone(), column.target.clone());
    if let Some(sequence) = &column.sequence {
        let is_quoted = regclass(table.schema_name(), sequence).contains('"');
        let is_misread = column.numbering == Numbering::Identity && is_quoted;
        return is_misread.then_some(LeftOut::Identity { table: table_name, column: column_name });
    }
    match read_default(column.default.as_deref()?, column.target_type) {
        DefaultReading::Exact(_) => None,
        DefaultReading::Misread(_) => {
            Some(LeftOut::DefaultMisread { table: table_name, column: column_name })
        }
        DefaultReading::Unknown => Some(LeftOut::DefaultUnknown { table: table_name, column: column_name }),
        DefaultReading::Fails => Some(LeftOut::DefaultUnreadable { table: table_name, column: column_name }),
    }
}

fn of_foreign_key(relations: &Relations<'_>, table: &PlannedTable, key: &PlannedForeignKey) -> Vec<LeftOut> {
    let (table_name, key_name) = (table.target.clone(), key.name.clone());
    let parent = relations.tables.get(key.parent_table.as_str());
    let Some(parent) = parent.filter(|parent| is_readable_table(parent)) else {
        return vec![LeftOut::ForeignKey { table: table_name, key: key_name }];
    };
    let mut found = Vec::new();
    if !in_table_order(table, &key.columns).iter().eq(&key.columns)
        || !in_table_order(parent, &key.parent_columns).iter().eq(&key.parent_columns)
    {
        found.push(LeftOut::ForeignKeyOrder { table: table_name.clone(), key: key_name.clone() });
    }
    if key.deferred {
        found.push(LeftOut::Deferred { table: table_name, key: key_name });
    }
    found
}

fn of_index(relations: &Relations<'_>, table: &PlannedTable, index: &PlannedIndex) -> Option<LeftOut> {
    let (table_name, index_name) = (table.target.clone(), index.name.clone());
    if is_referenced(relations, table, index) {
        return Some(LeftOut::ReferencedIndex { table: table_name, index: index_name });
    }
    let is_descending = index.columns.iter().any(|key| key.descending);
    let has_expression = index.columns.iter().any(|key| key.expression.is_some());
    (is_descending && has_expression)
        .then_some(LeftOut::DescendingExpression { table: table_name, index: index_name })
}

/// Whether a foreign key references the columns of a unique index that is no constraint: then drizzle-kit takes it for one. PostgreSQL
/// chooses the first that fits, and constraints are made before indexes.
fn is_referenced(relations: &Relations<'_>, table: &PlannedTable, index: &PlannedIndex) -> bool {
    let Some(columns) = unique_columns(index) else { return false };
    let set = |names: &'_ [String]| -> BTreeSet<String> { names.iter().cloned().collect() };
    let keys = relations.referencing.get(table.target.as_str()).into_iter().flatten();
    let first = table.indexes.iter().find(|other| unique_columns(other).as_ref() == Some(&columns));
    !table.primary_key.iter().chain(&table.unique).any(|key| set(&key.columns) == columns)
        && first.is_some_and(|first| first.name == index.name)
        && keys.into_iter().any(|key| set(&key.parent_columns) == columns)
}

/// The columns of a unique index that a foreign key can reference.
fn unique_columns(index: &PlannedIndex) -> Option<BTreeSet<String>> {
    let is_plain =
        index.unique && index.predicate.is_none() && index.columns.iter().all(|key| key.expression.is_none());
    is_plain.then(|| index.columns.iter().map(|key| key.column.clone()).collect())
}
