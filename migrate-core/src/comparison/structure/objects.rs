//! Compares views, triggers and rules. The rows of views are compared elsewhere, and the functions of triggers are not compared.

use super::function_text::{assigned_columns, drops_or_refuses};
use super::{
    LiveStructure, LiveTrigger, LiveView, Pair, Severity, StructureDifference, StructureProblem as Problem,
};
use crate::finding::ViewProblem;
use crate::identifier::{qualified_pg, quote_pg};
use crate::plan::{Plan, PlannedTable, PlannedTrigger, PlannedView};
use crate::render::{Repaired, repair};
use crate::source_schema::{SourceObjectKind, SourceSchema};
use crate::translate;

/// The view of the target that has the name of a view, in the first schema that has one.
pub(super) fn live_view<'a>(live: &'a LiveStructure, expected: &Plan, name: &str) -> Option<&'a LiveView> {
    let named = || live.views.iter().filter(|view| view.name.eq_ignore_ascii_case(name));
    named().find(|view| view.schema == expected.target_schema).or_else(|| named().next())
}

/// The views and triggers of the source.
pub(super) fn compare(
    source: &SourceSchema,
    live: &LiveStructure,
    expected: &Plan,
) -> Vec<StructureDifference> {
    let views = expected.views.iter().filter_map(|view| self::view(live, expected, view));
    let triggers = expected.triggers.iter().filter_map(|planned| trigger(live, expected, planned));
    views.chain(triggers).chain(not_translated(source, live, expected)).collect()
}

fn statements(expected: &Plan, parts: &[Repaired<'_>]) -> Vec<String> {
    parts.iter().filter_map(|part| repair(expected, *part)).map(|sql| format!("{sql};")).collect()
}

fn found(severity: Severity, problem: Problem, repair: Vec<String>) -> StructureDifference {
    StructureDifference { severity, table: None, target: None, is_broken_by_rows: false, problem, repair }
}

fn view(live: &LiveStructure, expected: &Plan, view: &PlannedView) -> Option<StructureDifference> {
    let made = || statements(expected, &[Repaired::View(&view.target)]);
    let name = view.source.clone();
    match live_view(live, expected, &view.target) {
        None => Some(found(Severity::Lost, Problem::ViewMissing { view: name }, made())),
        Some(live) if live.is_materialized => Some(found(
            Severity::Different,
            Problem::ViewMaterialized { view: name },
            made_again(live, made()),
        )),
        Some(_) => None,
    }
}

/// The statements that make a view again; none where something else reads it.
pub(super) fn made_again(live: &LiveView, mut made: Vec<String>) -> Vec<String> {
    if live.is_read_by_others || !live.triggers.is_empty() || made.is_empty() {
        return Vec::new();
    }
    let kind = if live.is_materialized { "MATERIALIZED VIEW" } else { "VIEW" };
    made.insert(0, format!("DROP {kind} {};", qualified_pg(&live.schema, &live.name)));
    made
}

/// A view of the source that can be compared with the target's, under the names that this one has there.
#[derive(Clone, Debug)]
pub struct ComparableView<'a> {
    /// The view, with the target's name and columns.
    pub view: PlannedView,
    /// The target's view.
    pub live: &'a LiveView,
    /// The types to which its columns have to be cast, where they have others.
    pub casts: Vec<Option<String>>,
    /// Whether a cast may change a value.
    pub has_other_types: bool,
}

/// The views that both sides have, and those that lack columns there.
pub fn comparable_views<'a>(
    live: &'a LiveStructure,
    expected: &Plan,
) -> (Vec<ComparableView<'a>>, Vec<StructureDifference>) {
    let (mut views, mut lacking) = (Vec::new(), Vec::new());
    for planned in &expected.views {
        let Some(live) = live_view(live, expected, &planned.target).filter(|live| !live.is_materialized)
        else {
            continue;
        };
        let column = |name: &String| {
            let exact = live.columns.iter().find(|(own, _)| own == name);
            exact.or_else(|| live.columns.iter().find(|(own, _)| is_same_name(own, name)))
        };
        let found: Vec<Option<&(String, String)>> = planned.columns.iter().map(column).collect();
        let missing = planned.columns.iter().zip(&found).filter(|(_, found)| found.is_none());
        let missing: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
        if !missing.is_empty() {
            let made = made_again(live, statements(expected, &[Repaired::View(&planned.target)]));
            let problem = Problem::ViewColumns { view: planned.source.clone(), columns: missing };
            lacking.push(found_view(problem, made));
            continue;
        }
        let found: Vec<&(String, String)> = found.into_iter().flatten().collect();
        let types: Vec<&str> =
            planned.conversions.iter().map(|conversion| conversion.target_type().sql()).collect();
        let pairs = || found.iter().zip(&types).map(|((_, live), wanted)| (live.as_str(), *wanted));
        let cast = |(live, wanted): (&str, &str)| (!is_same_type(live, wanted)).then(|| wanted.to_owned());
        let casts = pairs().map(cast).collect();
        let has_other_types =
            !pairs().all(|(live, wanted)| is_same_type(live, wanted) || is_wider(wanted, live));
        let columns = found.iter().map(|(name, _)| name.clone()).collect();
        let view = PlannedView { target: live.name.clone(), columns, ..planned.clone() };
        views.push(ComparableView { view, live, casts, has_other_types });
    }
    (views, lacking)
}

/// Whether two names are of one type, or of types with one form on the wire.
fn is_same_type(live: &str, wanted: &str) -> bool {
    let is_text = |name: &str| matches!(name, "text" | "character varying" | "character");
    let short = match live {
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time without time zone" => "time",
        other => other,
    };
    short == wanted || (is_text(live) && is_text(wanted))
}

/// Whether a type of numbers holds each value of another.
fn is_wider(wanted: &str, live: &str) -> bool {
    matches!(
        (live, wanted),
        ("smallint", "integer" | "bigint") | ("integer", "bigint") | ("real", "double precision")
    )
}

/// A view that returns other rows.
pub fn differing_view(
    live: &LiveView,
    expected: &Plan,
    view: &str,
    difference: ViewProblem,
) -> StructureDifference {
    let planned = expected.views.iter().find(|planned| planned.source == view);
    let made = planned.map(|planned| statements(expected, &[Repaired::View(&planned.target)]));
    let problem = Problem::ViewDiffers { view: view.to_owned(), difference };
    found_view(problem, made_again(live, made.unwrap_or_default()))
}

fn found_view(problem: Problem, repair: Vec<String>) -> StructureDifference {
    found(Severity::Different, problem, repair)
}

/// The triggers of the table or view that a trigger is on, with the name that SQL has for it.
fn triggers_of<'a>(live: &'a LiveStructure, expected: &Plan, target: &str) -> (String, &'a [LiveTrigger]) {
    if let Some(table) = expected.tables.iter().find(|table| table.target == target) {
        let found = live.table(table.schema_name(), &table.target);
        return (table.name_in_sql(), found.map(|found| found.triggers.as_slice()).unwrap_or_default());
    }
    match live_view(live, expected, target) {
        Some(view) => (qualified_pg(&view.schema, &view.name), &view.triggers),
        None => (qualified_pg(&expected.target_schema, target), &[]),
    }
}

fn trigger(live: &LiveStructure, expected: &Plan, planned: &PlannedTrigger) -> Option<StructureDifference> {
    let table = expected.tables.iter().find(|table| table.target == planned.table);
    let of_table = |difference: StructureDifference| StructureDifference {
        table: table.map(|table| table.source.clone()),
        target: table.map(PlannedTable::name_in_sql),
        ..difference
    };
    let (owner, triggers) = triggers_of(live, expected, &planned.table);
    let name = planned.source.clone();
    let Some(live) = triggers.iter().find(|live| live.name.eq_ignore_ascii_case(&planned.target)) else {
        let made = statements(
            expected,
            &[Repaired::Function(&planned.function), Repaired::Trigger(&planned.table, &planned.target)],
        );
        return Some(of_table(found(Severity::Lost, Problem::TriggerMissing { trigger: name }, made)));
    };
    if !live.is_enabled {
        let repair = vec![format!("ALTER TABLE {owner} ENABLE TRIGGER {};", quote_pg(&live.name))];
        let problem = Problem::TriggerDisabled { trigger: name, live: live.name.clone() };
        return Some(of_table(found(Severity::Different, problem, repair)));
    }
    if fires_for(planned, live) {
        return None;
    }
    let (event, live) = (event(planned), live_event(live));
    Some(of_table(found(
        Severity::Different,
        Problem::TriggerDiffers { trigger: name, event, live },
        Vec::new(),
    )))
}

/// What a planned trigger fires for, without the time: a trigger before a row may do what one after it does.
fn event(planned: &PlannedTrigger) -> String {
    let times = ["BEFORE ", "AFTER ", "INSTEAD OF "];
    let time = times.iter().find_map(|time| planned.event.strip_prefix(time));
    time.unwrap_or(&planned.event).trim().to_owned()
}

fn live_event(live: &LiveTrigger) -> String {
    let columns: Vec<String> = live.columns.iter().map(|column| quote_pg(column)).collect();
    let of = if columns.is_empty() { String::new() } else { format!(" OF {}", columns.join(", ")) };
    format!("{}{of}", live.events.join(" OR "))
}

/// Whether a trigger fires for each event that a planned one does, and no other.
fn fires_for(planned: &PlannedTrigger, live: &LiveTrigger) -> bool {
    let event = event(planned);
    let (event, columns) = event.split_once(" OF ").unwrap_or((&event, ""));
    let wanted = |column: &String| columns.split(", ").any(|name| name == quote_pg(column));
    let is_of_columns = match (columns.is_empty(), live.columns.is_empty()) {
        (_, true) => true,
        (true, false) => false,
        (false, false) => {
            live.columns.len() == columns.split(", ").count() && live.columns.iter().all(wanted)
        }
    };
    live.events == [event] && is_of_columns
}

/// The views and triggers that cannot be translated and whose names the target does not have either.
fn not_translated(source: &SourceSchema, live: &LiveStructure, expected: &Plan) -> Vec<StructureDifference> {
    let mut lost = Vec::new();
    for object in source.others.iter().filter(|object| is_left(expected, &object.name)) {
        match object.kind {
            SourceObjectKind::View if !has_view(live, &object.name) => {
                let problem = Problem::ViewMissing { view: object.name.clone() };
                lost.push(found(Severity::Lost, problem, Vec::new()));
            }
            SourceObjectKind::Trigger if !has_trigger(live, &object.name) => {
                let name = translate::outline(&object.sql).ok().map(|outline| outline.table);
                let is_it = |table: &&PlannedTable| {
                    name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&table.source))
                };
                let table = expected.tables.iter().find(is_it);
                let problem = Problem::TriggerMissing { trigger: object.name.clone() };
                lost.push(StructureDifference {
                    table: table.map(|table| table.source.clone()),
                    target: table.map(PlannedTable::name_in_sql),
                    ..found(Severity::Lost, problem, Vec::new())
                });
            }
            _ => {}
        }
    }
    lost
}

fn is_left(expected: &Plan, name: &str) -> bool {
    let is_object = |kind: &str| matches!(kind, "view" | "trigger");
    expected.left_behind.iter().any(|left| left.name == name && is_object(&left.kind))
}

pub(super) fn has_view(live: &LiveStructure, name: &str) -> bool {
    live.views.iter().any(|view| is_same_name(&view.name, name))
}

pub(super) fn has_trigger(live: &LiveStructure, name: &str) -> bool {
    let of_tables = live.tables.iter().flat_map(|table| &table.triggers);
    let of_views = live.views.iter().flat_map(|view| &view.triggers);
    of_tables.chain(of_views).any(|trigger| is_same_name(&trigger.name, name))
}

/// Whether two names are one in another style.
fn is_same_name(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.to_lowercase().replace('_', "");
    bare(one) == bare(other)
}

/// The triggers and rules of a table that the source does not have.
pub(super) fn added(pair: &Pair<'_>) -> Vec<StructureDifference> {
    let is_known = |live: &LiveTrigger| {
        let planned = &pair.plan.triggers;
        let is_planned = planned.iter().any(|trigger| trigger.target.eq_ignore_ascii_case(&live.name));
        is_planned
            || pair
                .plan
                .left_behind
                .iter()
                .any(|left| left.kind == "trigger" && is_same_name(&left.name, &live.name))
    };
    let triggers = pair.constraints.triggers.iter().filter(|live| live.is_enabled && !is_known(live));
    let triggers = triggers.map(|live| {
        let changes_rows = changes_rows(pair, live);
        let severity = if changes_rows { Severity::Different } else { Severity::Remark };
        let repair = changes_rows.then(|| pair.alter(&format!("DISABLE TRIGGER {}", quote_pg(&live.name))));
        let problem = Problem::TriggerAdded { live: live.name.clone(), changes_rows };
        pair.found(severity, problem, repair.into_iter().collect())
    });
    let rules = pair.constraints.rules.iter().map(|live| {
        let severity = if live.is_instead { Severity::Different } else { Severity::Remark };
        let repair = live.is_instead.then(|| pair.alter(&format!("DISABLE RULE {}", quote_pg(&live.name))));
        let problem = Problem::RuleAdded {
            live: live.name.clone(),
            event: live.event.clone(),
            is_instead: live.is_instead,
        };
        pair.found(severity, problem, repair.into_iter().collect())
    });
    triggers.chain(rules).collect()
}

/// Whether a trigger may change, drop or refuse a row that the app writes. One that only fills columns of the target's own does not.
fn changes_rows(pair: &Pair<'_>, live: &LiveTrigger) -> bool {
    let Some(function) = live.function.as_ref().filter(|_| live.is_before_row) else { return false };
    let Some(assigned) = assigned_columns(function) else { return true };
    let is_apps =
        |name: &String| pair.expected.columns.iter().any(|column| column.target.eq_ignore_ascii_case(name));
    drops_or_refuses(function) || assigned.iter().any(is_apps)
}
