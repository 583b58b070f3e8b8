//! Plans views and triggers: each is translated completely, or not migrated, with the reason and its SQL.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{self, Names};
use super::{PlanningError, catalog, not_migrated};
use crate::identifier::{fit_pg, hashed_pg, qualified_pg, quote_pg};
use crate::mapping::Mapping;
use crate::plan::{LeftBehind, PlannedTable, PlannedTrigger, PlannedView};
use crate::source_schema::{SourceObject, SourceObjectKind, SourceSchema, SourceTable};
use crate::source_sql::table_facts;
use crate::translate::{self, Catalog, Relation, TranslatedView, TriggerOutline};

/// The views and triggers of a plan.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) views: Vec<PlannedView>,
    pub(super) triggers: Vec<PlannedTrigger>,
}

/// Plans the views and triggers of `schema`, whose tables are completely planned; objects that are not migrated go to `left_behind`.
pub(super) fn plan(
    schema: &SourceSchema,
    mapping: &Mapping,
    own_schema: &str,
    names: &Names,
    tables: &[PlannedTable],
    left_behind: &mut Vec<LeftBehind>,
) -> Result<Objects, PlanningError> {
    let of = |kind| -> Vec<&SourceObject> {
        schema.others.iter().filter(move |object| object.kind == kind).collect()
    };
    let (views, triggers) = (of(SourceObjectKind::View), of(SourceObjectKind::Trigger));
    if views.is_empty() && triggers.is_empty() {
        return Ok(Objects::default());
    }
    let mut catalog = tables_of(schema, tables)?;
    catalog.schemas.push(own_schema.to_owned());
    let views = plan_views(views, mapping, own_schema, names, &mut catalog, left_behind);
    let triggers = Triggers::new(schema, mapping, &triggers, left_behind);
    let triggers = triggers.plan(names, &catalog, left_behind);
    Ok(Objects { views, triggers })
}

/// The tables that move, and the reasons for those that do not.
fn tables_of(schema: &SourceSchema, tables: &[PlannedTable]) -> Result<Catalog, PlanningError> {
    let schemas = tables.iter().map(|table| table.schema_name().to_owned()).collect();
    let mut catalog = Catalog { schemas, ..Catalog::default() };
    for table in &schema.tables {
        match tables.iter().find(|planned| planned.source == table.name) {
            Some(planned) => {
                let facts = table_facts(&table.name, &table.sql)?;
                catalog.relations.push(catalog::relation(table, &facts, planned));
            }
            None => catalog.missing.push(missing("table", &table.name)),
        }
    }
    for object in &schema.others {
        match object.kind {
            SourceObjectKind::VirtualTable => catalog.missing.push(missing("virtual table", &object.name)),
            SourceObjectKind::ShadowTable => catalog.missing.push(missing("shadow table", &object.name)),
            SourceObjectKind::View => catalog.missing.push(missing("view", &object.name)),
            SourceObjectKind::Trigger => {}
        }
    }
    Ok(catalog)
}

fn missing(kind: &str, name: &str) -> (String, String) {
    (name.to_owned(), format!("the {kind} {name}, which is not migrated"))
}

/// Plans the views. Whatever their order, each round translates those that read only known relations.
fn plan_views(
    mut waiting: Vec<&SourceObject>,
    mapping: &Mapping,
    own_schema: &str,
    names: &Names,
    catalog: &mut Catalog,
    left_behind: &mut Vec<LeftBehind>,
) -> Vec<PlannedView> {
    waiting.retain(|view| {
        let decided = mapping.leave_behind.get(&view.name);
        left_behind.extend(decided.map(|reason| left("view", view, reason)));
        decided.is_none()
    });
    let mut planned = Vec::new();
    loop {
        let before = waiting.len();
        let mut reasons = Vec::new();
        waiting.retain(|view| match translate::view(&view.sql, catalog) {
            Ok(translated) => {
                let target = names.table(&view.name);
                planned.push(planned_view(view, own_schema, target, translated, catalog));
                false
            }
            Err(error) => {
                reasons.push(error);
                true
            }
        });
        if waiting.is_empty() || waiting.len() == before {
            let reasons = reasons.iter().map(|reason| format!("it cannot be translated: {reason}"));
            left_behind.extend(waiting.iter().zip(reasons).map(|(view, reason)| left("view", view, &reason)));
            return planned;
        }
    }
}

/// A translated view, which later ones may read.
fn planned_view(
    view: &SourceObject,
    own_schema: &str,
    target: String,
    translated: TranslatedView,
    catalog: &mut Catalog,
) -> PlannedView {
    let mut columns = translated.columns;
    let mut taken = BTreeSet::new();
    let mut targets = Vec::with_capacity(columns.len());
    for column in &mut columns {
        let mut target = names::target_column(&column.source);
        names::step_aside(&mut target, &mut taken);
        column.sql = quote_pg(&target);
        targets.push(target);
    }
    let conversions = columns.iter().map(|column| column.conversion.clone()).collect();
    catalog.missing.retain(|(name, _)| *name != view.name);
    catalog.relations.push(Relation {
        source: view.name.clone(),
        sql: qualified_pg(own_schema, &target),
        columns,
        rowid: None,
        keys: Vec::new(),
        lost: Vec::new(),
        writes: None,
    });
    PlannedView {
        source: view.name.clone(),
        target,
        columns: targets,
        conversions,
        query: translated.query,
        source_sql: view.sql.clone(),
        notes: translated.notes.iter().map(ToString::to_string).collect(),
    }
}

/// The triggers that may be migrated, with what they need to know of each other.
struct Triggers<'a> {
    sources: Vec<&'a SourceObject>,
    outlines: Vec<TriggerOutline>,
    /// Tables, and those that their foreign keys change with them.
    cascades: Vec<(String, String)>,
}

impl<'a> Triggers<'a> {
    fn new(
        schema: &'a SourceSchema,
        mapping: &Mapping,
        triggers: &[&'a SourceObject],
        left_behind: &mut Vec<LeftBehind>,
    ) -> Triggers<'a> {
        let (mut sources, mut outlines) = (Vec::new(), Vec::new());
        for trigger in triggers {
            if let Some(reason) = mapping.leave_behind.get(&trigger.name) {
                left_behind.push(left("trigger", trigger, reason));
                continue;
            }
            // One that cannot be read is refused where it is translated.
            outlines.extend(translate::outline(&trigger.sql));
            sources.push(*trigger);
        }
        Triggers { sources, outlines, cascades: schema.tables.iter().flat_map(cascades).collect() }
    }

    fn plan(
        &self,
        names: &Names,
        catalog: &Catalog,
        left_behind: &mut Vec<LeftBehind>,
    ) -> Vec<PlannedTrigger> {
        let mut planned: Vec<PlannedTrigger> = Vec::new();
        let (mut triggers, mut functions) = (BTreeSet::new(), BTreeSet::new());
        for source in &self.sources {
            let others: Vec<TriggerOutline> =
                self.outlines.iter().filter(|other| other.name != source.name).cloned().collect();
            match translate::trigger(&source.sql, catalog, &others, &self.cascades) {
                Ok(translated) => {
                    let mut target = names.other(&source.name);
                    names::step_aside(&mut target, &mut triggers);
                    // None of PostgreSQL's own functions ends so, which would hide this one.
                    let mut function = fit_pg(&format!("{target}_function"));
                    if !functions.insert(function.clone()) {
                        function = hashed_pg(&function, &target);
                        functions.insert(function.clone());
                    }
                    planned.push(PlannedTrigger {
                        source: source.name.clone(),
                        target,
                        table: names.table(&translated.table),
                        function,
                        body: translated.body,
                        event: translated.event,
                        condition: translated.condition,
                        source_sql: source.sql.clone(),
                        notes: translated.notes.iter().map(ToString::to_string).collect(),
                    });
                }
                Err(error) => {
                    let reason = format!("it cannot be translated: {error}");
                    left_behind.push(left("trigger", source, &reason));
                }
            }
        }
        note_order(&mut planned);
        planned
    }
}

/// Adds a note if several triggers fire on one event: SQLite promises no order (manual, "CREATE TRIGGER", section 1), PostgreSQL uses
/// that of their names (manual, section 39.1).
fn note_order(planned: &mut [PlannedTrigger]) {
    let event = |trigger: &PlannedTrigger| {
        let words: Vec<&str> = trigger.event.split(' ').take_while(|word| *word != "OF").collect();
        (trigger.table.clone(), words.join(" "))
    };
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for trigger in planned.iter() {
        *found.entry(event(trigger)).or_default() += 1;
    }
    for trigger in
        planned.iter_mut().filter(|trigger| found.get(&event(trigger)).is_some_and(|count| *count > 1))
    {
        trigger.notes.push(
            "several triggers fire on this event: PostgreSQL calls them in the order of their names, SQLite in an \
             undocumented order"
                .to_owned(),
        );
    }
}

/// A table's parents, which change it with themselves.
fn cascades(table: &SourceTable) -> impl Iterator<Item = (String, String)> {
    let changes = |action: &str| !matches!(action.to_ascii_uppercase().as_str(), "NO ACTION" | "RESTRICT");
    let keys =
        table.foreign_keys.iter().filter(move |key| changes(&key.on_delete) || changes(&key.on_update));
    keys.map(|key| (key.parent_table.clone(), table.name.clone()))
}

/// An object that is not migrated, with its SQL for people to read.
fn left(kind: &str, object: &SourceObject, reason: &str) -> LeftBehind {
    LeftBehind { sql: Some(object.sql.clone()), ..not_migrated(kind, &object.name, reason) }
}
