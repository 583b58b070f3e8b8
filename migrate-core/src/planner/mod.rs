//! Makes the plan from a source schema, the profile of its values, and a human's decisions.
//!
//! Nothing is guessed that cannot be undone. A column keeps its faithful type unless `mapping.toml` names another, or the rules
//! of `infer` are certain of a better one. Everything that is not migrated is named.

pub(crate) mod breaches;
mod catalog;
mod checks;
mod class_problem;
mod collation;
mod columns;
mod conditions;
mod drizzle;
mod error;
mod existing;
mod foreign_keys;
mod generated;
mod indexes;
mod inferred;
mod keys;
mod names;
mod objects;
mod operator_classes;
mod rules;
mod scope;
pub(crate) mod skipped_indexes;
mod text_evidence;
mod uniqueness;
mod virtual_tables;

pub use class_problem::ClassProblem;
pub use drizzle::for_drizzle;
pub use error::{ObstructedPlan, PlanningError};
pub use existing::{
    ColumnName, Decision, Obstacle, Obstacles, SeedComparison, SeedRow, UniqueClash, known_list, settle_seeds,
};
use inferred::Inferred;
pub(crate) use keys::numbered;
use text_evidence::TextEvidence;

use std::collections::BTreeSet;

use crate::mapping::{DEFAULT_SCHEMA, Mapping, TableMapping};
use crate::plan::{LeftBehind, Plan, PlannedColumn, PlannedTable};
use crate::profile::{DatabaseProfile, Trials};
use crate::source_schema::{SourceIndexOrigin, SourceObject, SourceObjectKind, SourceSchema, SourceTable};
use crate::source_sql::{TableSqlFacts, table_comments, table_facts};
use crate::target_schema::TargetSchema;
use crate::translate::Scope;
use names::Names;

/// The context for planning the parts of one table.
struct Context<'a> {
    table: &'a SourceTable,
    facts: &'a TableSqlFacts,
    names: &'a Names,
    mapping: &'a Mapping,
    /// Its name in PostgreSQL.
    target: String,
    columns: &'a [PlannedColumn],
    /// The scope of names in its expressions.
    scope: Scope,
}

impl Context<'_> {
    /// The planned column of this source name; SQLite matches names without regard to ASCII case.
    fn column(&self, name: &str) -> Option<&PlannedColumn> {
        self.columns.iter().find(|column| column.source.eq_ignore_ascii_case(name))
    }

    /// Whether a human skips a column; both names as the source spells them.
    fn is_skipped(&self, table: &str, column: &str) -> bool {
        let decided = self.mapping.tables.get(table).and_then(|table| table.columns.get(column));
        decided.is_some_and(|column| column.skip.is_some())
    }
}

/// Makes the plan for a source.
///
/// # Errors
/// [`PlanningError`] where the mapping does not fit the schema, or where no faithful plan exists.
pub fn plan(
    schema: &SourceSchema,
    profile: Option<&DatabaseProfile>,
    mapping: &Mapping,
) -> Result<Plan, PlanningError> {
    plan_into(schema, profile, mapping, None)
}

/// Makes the plan for a source whose rows go into tables that an app has made in `target`, as far as it has them; the others are
/// made.
///
/// # Errors
/// [`PlanningError`] as for [`plan`], and if the source does not fit the existing tables.
pub fn plan_into(
    schema: &SourceSchema,
    profile: Option<&DatabaseProfile>,
    mapping: &Mapping,
    target: Option<&TargetSchema>,
) -> Result<Plan, PlanningError> {
    check_mapping_names(schema, mapping)?;
    let mut obstacles = Obstacles::default();
    let planned = plan_with(schema, profile, &mapping.resolved(schema), target, &mut obstacles);
    ObstructedPlan::unless_empty(obstacles, planned)
}

/// Makes the plan of what fits the existing tables; what does not goes to `obstacles`.
fn plan_with(
    schema: &SourceSchema,
    profile: Option<&DatabaseProfile>,
    mapping: &Mapping,
    target: Option<&TargetSchema>,
    obstacles: &mut Obstacles,
) -> Result<Plan, PlanningError> {
    let mut names = Names::new(schema, mapping)?;
    let mut matches = existing::Matches::new(schema, profile, mapping, target, &mut names, obstacles);
    profile.iter().for_each(|profile| matches.add_trials(profile));
    let mut left_behind = Vec::new();
    let mut moving = Vec::new();
    for table in &schema.tables {
        match reason_to_skip(table, mapping).or(matches.left_alone(&table.name)) {
            Some(reason) => left_behind.push(not_migrated("table", &table.name, reason)),
            None if matches.is_obstructed(&table.name) => {}
            None => moving.push(table),
        }
    }
    let own_schema = own_schema(mapping, target);
    let is_djangos = existing::is_djangos(schema);
    let mut tables = Vec::new();
    let inferred = Inferred::new(&moving, profile, mapping, &TextEvidence::of(schema))?;
    let mut needed = Vec::new();
    for table in &moving {
        let facts = table_facts(&table.name, &table.sql)?;
        let decided = mapping.tables.get(&table.name).cloned().unwrap_or_default();
        let profile = profile.and_then(|profile| profile.get(&table.name));
        let left_before = left_behind.len();
        let mut columns = columns::plan_columns(table, &inferred, &decided, profile, &mut left_behind);
        finish_columns(table, &names, mapping, &decided, &mut columns, &mut left_behind);
        generated::plan(table, &facts, &mut columns, &mut left_behind);
        collation::tell(table, &facts, &mut columns, &mut left_behind);
        let mut context = Context {
            table,
            facts: &facts,
            names: &names,
            mapping,
            target: names.table(&table.name),
            columns: &columns,
            scope: Scope::default(),
        };
        context.scope = scope::of_table(&context);
        let mut planned = plan_table(&context, &decided, own_schema, &mut left_behind);
        planned.foreign_keys = foreign_keys::plan(&context, &moving, &mut needed, &mut left_behind);
        planned.profile_rows = profile.map(|profile| profile.rows);
        planned.columns = columns;
        add_comments(table, &mut planned);
        if let Some(found) = matches.table(&table.name) {
            existing::forget_declarations(&mut left_behind, left_before);
            let seeds = decided.seeds.unwrap_or(mapping.seeds);
            let choices = existing::Choices { decided: &decided, seeds, own_schema, is_djangos };
            existing::adopt(&mut planned, found, &choices, &mut left_behind, obstacles);
        }
        tables.push(planned);
    }
    existing::settle(&mut tables);
    existing::leave_unkeyed(&mut tables, &mut left_behind);
    foreign_keys::add_needed_keys(&needed, &names, &mut tables);
    left_behind.extend(schema.others.iter().filter_map(|object| other_object(object, mapping)));
    let unplanned = virtual_tables::plan(schema, mapping, &mut tables, &mut left_behind)?;
    tables.iter().try_for_each(checks::check_table)?;
    foreign_keys::leave_mismatched(&mut tables, &mut left_behind);
    let target_relations = target.map(|target| target.relations.clone()).unwrap_or_default();
    let mut skipped = skipped_indexes::Skipped::new(mapping, &tables);
    skipped.apply(&mut tables, &mut left_behind);
    names::settle(&names, &mut tables, &names.views(), &target_relations)?;
    skipped.finish(&mut tables, &mut left_behind)?;
    operator_classes::settle(&mut tables)?;
    let breaches = breaches::apply(&mut tables, profile, &mut left_behind);
    let objects = objects::plan(schema, mapping, own_schema, &names, &tables, &mut left_behind)?;
    virtual_tables::explain(schema, mapping, &unplanned, &mut left_behind);
    let mut plan = Plan {
        source_fingerprint: Some(schema.fingerprint()),
        tables,
        views: objects.views,
        triggers: objects.triggers,
        target_relations,
        only_in_target: target.map(|target| matches.only_in_target(target)).unwrap_or_default(),
        breaches,
        left_behind,
        on_reject: mapping.on_reject,
        reject_limit: mapping.reject_limit,
        ..Plan::empty(own_schema.to_owned())
    };
    existing::leave_objects(&mut plan, mapping);
    existing::plan_derived(&mut plan, target, mapping, obstacles);
    plan.drizzle = drizzle::plan(mapping, &plan);
    plan.left_behind.sort();
    Ok(plan)
}

/// Returns the conversions to be tried on the values of columns whose type `target` has decided.
pub fn trials(schema: &SourceSchema, mapping: &Mapping, target: Option<&TargetSchema>) -> Trials {
    let mapping = &mapping.resolved(schema);
    // Where names do not fit, the plan reports it.
    let Ok(mut names) = Names::new(schema, mapping) else { return Trials::new() };
    existing::Matches::new(schema, None, mapping, target, &mut names, &mut Obstacles::default())
        .candidates(mapping)
}

/// Returns why a table is not migrated, if it is not.
fn reason_to_skip<'a>(table: &SourceTable, mapping: &'a Mapping) -> Option<&'a str> {
    let own = "Diesel's list of the migrations that were applied to SQLite; PostgreSQL gets its own";
    let is_diesels = table.name == names::MIGRATIONS[0];
    let drizzles = "Drizzle's list of the migrations that were applied to SQLite; PostgreSQL gets its own";
    let is_drizzles = drizzle::is_planned(mapping) && table.name == drizzle::MIGRATIONS;
    let reason = mapping.leave_behind.get(&table.name).map(String::as_str);
    reason.or(is_diesels.then_some(own)).or(is_drizzles.then_some(drizzles))
}

/// Assigns names and numbering to columns, and removes those that a human skips.
fn finish_columns(
    table: &SourceTable,
    names: &Names,
    mapping: &Mapping,
    decided: &TableMapping,
    columns: &mut Vec<PlannedColumn>,
    left_behind: &mut Vec<LeftBehind>,
) {
    columns.retain(|column| {
        let skip = decided.columns.get(&column.source).and_then(|decided| decided.skip.as_deref());
        if let Some(reason) = skip {
            left_behind.push(not_migrated("column", &format!("{}.{}", table.name, column.source), reason));
        }
        skip.is_none()
    });
    for column in columns {
        column.target = names.column(&table.name, &column.source);
        column.notes.extend(names.why_column(&table.name, &column.source));
        if column.sequence.is_some() {
            let sequence = format!("{}_{}_seq", names.table(&table.name), column.target);
            column.sequence = Some(crate::identifier::fit_pg(&sequence));
            column.numbering = mapping.autoincrement.unwrap_or_else(|| drizzle::numbering(mapping));
        }
    }
}

fn plan_table(
    context: &Context<'_>,
    decided: &TableMapping,
    own_schema: &str,
    left_behind: &mut Vec<LeftBehind>,
) -> PlannedTable {
    let table = context.table;
    name_unsupported(table, context.facts, left_behind);
    let keys = keys::plan(context, left_behind);
    let mut indexes = keys.indexes;
    indexes.extend(indexes::plan(context, decided, left_behind));
    PlannedTable {
        source: table.name.clone(),
        target: context.target.clone(),
        schema: schema(own_schema, decided),
        notes: context.names.why_table(&table.name).into_iter().collect(),
        without_rowid: table.without_rowid,
        existing: None,
        rowid: table.rowid_name().map(str::to_owned),
        profile_rows: None,
        columns: Vec::new(),
        searches: Vec::new(),
        primary_key: keys.primary,
        unique: keys.unique,
        foreign_keys: Vec::new(),
        checks: conditions::plan(context, left_behind),
        indexes,
        comment: None,
    }
}

/// The default schema of a plan: the one that a human names, else the first in which an app made tables.
fn own_schema<'a>(mapping: &'a Mapping, target: Option<&'a TargetSchema>) -> &'a str {
    let first = target.and_then(|target| target.schemas.first());
    mapping.schema.as_ref().or(first).map_or(DEFAULT_SCHEMA, String::as_str)
}

/// The schema of PostgreSQL that a table goes to; none where names without a schema mean `public`, and so does it.
fn schema(own: &str, decided: &TableMapping) -> Option<String> {
    let schema = decided.schema.as_deref().unwrap_or(own);
    (own != DEFAULT_SCHEMA || schema != DEFAULT_SCHEMA).then(|| schema.to_owned())
}

/// Copies the comments in the stored SQL to table and columns.
fn add_comments(table: &SourceTable, planned: &mut PlannedTable) {
    if table.module.is_some() {
        return; // Between the brackets of a virtual table stand arguments of its module, not columns.
    }
    let comments = table_comments(&table.sql);
    planned.comment = comments.table;
    for (column, comment) in table.columns.iter().zip(comments.columns) {
        if let Some(planned) = planned.columns.iter_mut().find(|planned| planned.source == column.name) {
            planned.comment = comment;
        }
    }
}

/// Names the parts of a table that this planner does not translate.
fn name_unsupported(table: &SourceTable, facts: &TableSqlFacts, left_behind: &mut Vec<LeftBehind>) {
    for (column, clause) in &facts.conflict_clauses {
        let column = column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
        let name = format!("{}{column}: {clause}", table.name);
        let reason = "in PostgreSQL a row that violates a constraint fails its statement, unless the statement has an ON CONFLICT clause";
        left_behind.push(not_migrated("conflict clause", &name, reason));
    }
    // STRICT is not named: PostgreSQL holds every column to its type anyway, so that nothing is lost.
}

/// An object that has no counterpart, whatever its SQL.
fn other_object(object: &SourceObject, mapping: &Mapping) -> Option<LeftBehind> {
    let (kind, reason) = match object.kind {
        SourceObjectKind::View | SourceObjectKind::Trigger => return None,
        SourceObjectKind::VirtualTable => ("virtual table", "PostgreSQL has no virtual tables"),
        SourceObjectKind::ShadowTable => ("shadow table", "it is the storage of a virtual table"),
    };
    Some(not_migrated(
        kind,
        &object.name,
        mapping.leave_behind.get(&object.name).map_or(reason, String::as_str),
    ))
}

fn not_migrated(kind: &str, name: &str, reason: &str) -> LeftBehind {
    LeftBehind { kind: kind.to_owned(), name: name.to_owned(), reason: reason.to_owned(), sql: None }
}

/// Checks that every name and pattern in the mapping matches something, so that a misspelt decision is not lost.
fn check_mapping_names(schema: &SourceSchema, mapping: &Mapping) -> Result<(), PlanningError> {
    let tables: BTreeSet<&str> = schema.tables.iter().map(|table| table.name.as_str()).collect();
    let mut objects = tables.clone();
    objects.extend(schema.others.iter().map(|object| object.name.as_str()));
    for name in mapping.leave_behind.keys() {
        names::known("table, view or trigger", name, &objects)?;
    }
    rules::check(schema, mapping)?;
    for (name, table_mapping) in &mapping.tables {
        names::known("table", name, &tables)?;
        let indexes: BTreeSet<&str> = (schema.tables.iter().filter(|table| table.name == *name))
            .flat_map(|table| table.indexes.iter())
            .filter(|index| index.origin == SourceIndexOrigin::CreateIndex)
            .map(|index| index.name.as_str())
            .collect();
        table_mapping.rename_indexes.keys().try_for_each(|index| names::known("index", index, &indexes))?;
        let table = schema.tables.iter().find(|table| table.name == *name);
        table.map_or(Ok(()), |table| operator_classes::check_names(table, table_mapping))?;
        let columns: BTreeSet<&str> = (schema.tables.iter().filter(|table| table.name == *name))
            .flat_map(|table| table.columns.iter().map(|column| column.name.as_str()))
            .collect();
        let named = table_mapping.columns.keys();
        let indexed =
            table_mapping.indexes.iter().flat_map(|index| index.columns.iter().chain(&index.descending));
        for column in named.chain(indexed) {
            names::known_column(name, column, &columns)?;
        }
    }
    Ok(())
}
