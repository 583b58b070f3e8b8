//! Splits a plan into independent parts, so that a schema of thousands of tables can be created, described and compared without
//! ever holding the locks of all of it.
//!
//! A part has tables and views of its own, and what these need: the tables that foreign keys point to and that views
//! read, with their keys but without foreign keys, CHECKs and triggers. Each table and view belongs to exactly one part.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use crate::plan::{Plan, PlannedTable};
use crate::render::table_locks;

/// The locks of creating a view: its own, and that of its row type's relation.
const VIEW_LOCKS: usize = 2;

/// A plan as a row of units, any range of which is a part.
#[derive(Debug)]
pub struct PlanParts<'p> {
    plan: &'p Plan,
    tables: HashMap<&'p str, usize>,
    views: HashMap<&'p str, usize>,
    units: Vec<Unit>,
}

/// A unit that is never split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// A table with its triggers.
    Table(usize),
    /// A view with its triggers.
    View(usize),
    /// A trigger on a table that the plan does not create.
    Trigger(usize),
}

/// A part of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanPart {
    /// An independent part: its own tables and views, and those that they need.
    pub plan: Plan,
    /// The part's own tables, views and triggers.
    pub own: Plan,
    /// The names of the relations that are there only because others need them.
    pub needed: BTreeSet<String>,
}

/// The objects of a range of units, by position in the plan.
#[derive(Default)]
struct Members {
    own_tables: BTreeSet<usize>,
    own_views: BTreeSet<usize>,
    triggers: BTreeSet<usize>,
    needed_tables: BTreeSet<usize>,
    needed_views: BTreeSet<usize>,
}

impl<'p> PlanParts<'p> {
    /// The units of `plan`: tables, each after those that it points to as far as cycles allow, then views, each after those it reads.
    pub fn new(plan: &'p Plan) -> PlanParts<'p> {
        let tables: HashMap<&str, usize> = positions(plan.tables.iter().map(|table| table.target.as_str()));
        let views: HashMap<&str, usize> = positions(plan.views.iter().map(|view| view.target.as_str()));
        let ordered = plan.parents_first();
        let mut units: Vec<Unit> = (ordered.iter())
            .filter_map(|table| tables.get(table.target.as_str()).copied().map(Unit::Table))
            .collect();
        units.extend((0..plan.views.len()).map(Unit::View));
        let is_loose = |table: &str| !tables.contains_key(table) && !views.contains_key(table);
        let triggers = plan.triggers.iter().enumerate().filter(|(_, trigger)| is_loose(&trigger.table));
        units.extend(triggers.map(|(position, _)| Unit::Trigger(position)));
        PlanParts { plan, tables, views, units }
    }

    /// How many units there are.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether the plan creates nothing.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// The end of the part that begins with the unit at `from` and needs about `locks_max` locks: at least one unit further.
    pub fn end_of_part(&self, from: usize, locks_max: usize) -> usize {
        let (mut members, mut end, mut locks) = (Members::default(), from, 0);
        while let Some(&unit) = self.units.get(end) {
            locks += self.add(unit, &mut members);
            if end > from && locks > locks_max {
                break;
            }
            end += 1;
        }
        end
    }

    /// The part that the units of a range make; none where there are no such units.
    pub fn part(&self, range: Range<usize>) -> Option<PlanPart> {
        if range == (0..self.units.len()) {
            return Some(PlanPart {
                plan: self.plan.clone(),
                own: self.plan.clone(),
                needed: BTreeSet::new(),
            });
        }
        let mut members = Members::default();
        for &unit in self.units.get(range)? {
            self.add(unit, &mut members);
        }
        let mut part =
            PlanPart { plan: self.without_objects(), own: self.without_objects(), needed: BTreeSet::new() };
        self.add_tables(&members, &mut part);
        for (position, view) in self.plan.views.iter().enumerate() {
            if members.own_views.contains(&position) {
                part.own.views.push(view.clone());
            } else if members.needed_views.contains(&position) {
                part.needed.insert(view.target.clone());
            } else {
                continue;
            }
            part.plan.views.push(view.clone());
        }
        for trigger in members.triggers.iter().filter_map(|&position| self.plan.triggers.get(position)) {
            part.plan.triggers.push(trigger.clone());
            part.own.triggers.push(trigger.clone());
        }
        Some(part)
    }

    /// The tables of a part: first one of each schema, so that the part has all schemas of the plan, in their order.
    fn add_tables(&self, members: &Members, part: &mut PlanPart) {
        let mut anchors = BTreeSet::new();
        if self.plan.schemas().len() > 1 {
            for schema in self.plan.schemas() {
                anchors.extend(self.plan.tables.iter().position(|table| table.schema_name() == schema));
            }
        }
        let others = (0..self.plan.tables.len()).filter(|position| !anchors.contains(position));
        for position in anchors.iter().copied().chain(others) {
            let Some(table) = self.plan.tables.get(position) else { continue };
            if members.own_tables.contains(&position) {
                part.plan.tables.push(table.clone());
                part.own.tables.push(table.clone());
            } else if members.needed_tables.contains(&position) || anchors.contains(&position) {
                part.needed.insert(table.target.clone());
                part.needed.extend(table.columns.iter().filter_map(|column| column.sequence.clone()));
                part.plan.tables.push(only_needed(table));
            }
        }
    }

    fn without_objects(&self) -> Plan {
        let mut plan = Plan::empty(self.plan.target_schema.clone());
        plan.target_relations.clone_from(&self.plan.target_relations);
        plan
    }

    /// Adds a unit with all that it needs; returns the locks that this adds.
    fn add(&self, unit: Unit, members: &mut Members) -> usize {
        match unit {
            Unit::Table(position) => {
                let Some(table) = self.plan.tables.get(position) else { return 0 };
                members.own_tables.insert(position);
                self.add_triggers(&table.target, members);
                let parents = table.foreign_keys.iter();
                let parents = parents.filter_map(|key| self.tables.get(key.parent_table.as_str()).copied());
                let parents: Vec<usize> = parents.filter(|parent| *parent != position).collect();
                locks(table) + self.need_tables(parents, members)
            }
            Unit::View(position) => {
                members.own_views.insert(position);
                if let Some(view) = self.plan.views.get(position) {
                    self.add_triggers(&view.target, members);
                }
                VIEW_LOCKS + self.need_what_is_read(position, members)
            }
            Unit::Trigger(position) => {
                members.triggers.insert(position);
                1
            }
        }
    }

    fn add_triggers(&self, target: &str, members: &mut Members) {
        let triggers = self.plan.triggers.iter().enumerate();
        members
            .triggers
            .extend(triggers.filter(|(_, trigger)| trigger.table == target).map(|(position, _)| position));
    }

    fn need_tables(&self, positions: impl IntoIterator<Item = usize>, members: &mut Members) -> usize {
        let mut added = 0;
        for position in positions {
            let is_there = members.own_tables.contains(&position);
            if !is_there && members.needed_tables.insert(position) {
                added += self.plan.tables.get(position).map_or(0, locks);
            }
        }
        added
    }

    /// Adds the tables and views that a view reads, and those that these read.
    fn need_what_is_read(&self, view: usize, members: &mut Members) -> usize {
        let (mut added, mut open) = (0, vec![view]);
        while let Some(view) = open.pop() {
            let Some(planned) = self.plan.views.get(view) else { continue };
            let names = names_in(&planned.query);
            let mut tables = Vec::new();
            for name in &names {
                tables.extend(self.tables.get(name.as_str()).copied());
                let read = self.views.get(name.as_str()).copied().filter(|read| *read < view);
                if let Some(read) = read.filter(|read| !members.own_views.contains(read))
                    && members.needed_views.insert(read)
                {
                    added += VIEW_LOCKS;
                    open.push(read);
                }
            }
            added += self.need_tables(tables, members);
        }
        added
    }
}

/// The table as others need it.
fn only_needed(table: &PlannedTable) -> PlannedTable {
    let mut needed = table.clone();
    needed.foreign_keys.clear();
    needed.checks.clear();
    needed.indexes.retain(|index| index.unique);
    needed
}

/// The locks of creating a table with its keys and indexes.
fn locks(table: &PlannedTable) -> usize {
    table_locks(table)
        + usize::from(table.primary_key.is_some())
        + table.unique.len()
        + table.indexes.len()
        + table.searches.len()
}

fn positions<'n>(names: impl Iterator<Item = &'n str>) -> HashMap<&'n str, usize> {
    names.enumerate().map(|(position, name)| (name, position)).collect()
}

/// Everything in SQL that may be a name: each word, and all text between two double quotes. It includes words in literals and comments,
/// which is harmless: an extra name only creates a table that is not needed.
fn names_in(sql: &str) -> HashSet<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let mut names: HashSet<String> =
        sql.split(|letter| !is_part(letter)).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    // A quote in a literal may invert what is quoted: both readings are kept.
    let pieces: Vec<&str> = sql.split('"').collect();
    for (position, piece) in pieces.iter().enumerate() {
        let mut name = (*piece).to_owned();
        names.insert(name.clone());
        // A doubled quote is a quote within a name.
        for pair in pieces.get(position + 1..).unwrap_or_default().chunks_exact(2) {
            let [between, next] = pair else { break };
            if !between.is_empty() {
                break;
            }
            name.push('"');
            name.push_str(next);
            names.insert(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlannedTrigger, PlannedView};

    /// A table whose foreign keys point to others; each has a key and a sequence.
    fn table(number: usize, parents: &[usize]) -> PlannedTable {
        let name = format!("t{number}");
        let keys: Vec<serde_json::Value> = (parents.iter())
            .map(|parent| {
                serde_json::json!({
                    "name": format!("{name}_{parent}_fkey"), "columns": ["up"], "parent_table": format!("t{parent}"),
                    "parent_columns": ["id"], "on_update": "NO ACTION", "on_delete": "NO ACTION", "deferred": false
                })
            })
            .collect();
        let json = serde_json::json!({
            "source": name, "target": name, "without_rowid": false, "rowid": "rowid", "columns": [],
            "primary_key": { "name": format!("{name}_pkey"), "columns": ["id"] }, "unique": [], "foreign_keys": keys, "indexes": []
        });
        serde_json::from_value(json).unwrap()
    }

    fn view(name: &str, query: &str) -> PlannedView {
        PlannedView {
            source: name.to_owned(),
            target: name.to_owned(),
            columns: Vec::new(),
            conversions: Vec::new(),
            query: query.to_owned(),
            source_sql: String::new(),
            notes: Vec::new(),
        }
    }

    fn trigger(name: &str, table: &str) -> PlannedTrigger {
        PlannedTrigger {
            source: name.to_owned(),
            target: name.to_owned(),
            table: table.to_owned(),
            function: format!("{name}_function"),
            body: String::new(),
            event: String::new(),
            condition: None,
            source_sql: String::new(),
            notes: Vec::new(),
        }
    }

    /// A tree, a cycle between the first and the last, views of views, and triggers on a table, on a view and on nothing of the plan.
    fn plan() -> Plan {
        let mut tables: Vec<PlannedTable> =
            (1..=60).map(|number| table(number, &[(number / 2).max(1)])).collect();
        tables[0] = table(1, &[1, 60, 0]);
        tables[30].target = "a \"quoted\" name".to_owned();
        Plan {
            tables,
            views: vec![
                view("near", "SELECT t1.id FROM t1 WHERE t1.v = 't2 \" t3'"),
                view("far", "SELECT near.id FROM near JOIN public.t59 ON true"),
                view("odd", "SELECT * FROM \"a \"\"quoted\"\" name\""),
            ],
            triggers: vec![trigger("on_t7", "t7"), trigger("on_far", "far"), trigger("on_other", "theirs")],
            ..Plan::empty("public".to_owned())
        }
    }

    #[test]
    fn parts_stand_alone_and_have_everything_once() {
        let plan = plan();
        let parts = PlanParts::new(&plan);
        for locks_max in [1, 10, 40, 100_000] {
            let (mut from, mut own) = (0, Vec::new());
            while from < parts.len() {
                let end = parts.end_of_part(from, locks_max);
                assert!(end > from);
                let part = parts.part(from..end).unwrap();
                let names: HashSet<&str> =
                    part.plan.tables.iter().map(|table| table.target.as_str()).collect();
                for key in part.plan.tables.iter().flat_map(|table| &table.foreign_keys) {
                    // One table references a table that is not in the plan.
                    assert!(
                        names.contains(key.parent_table.as_str()) || key.parent_table == "t0",
                        "{}",
                        key.name
                    );
                }
                let views: Vec<&str> = part.plan.views.iter().map(|view| view.target.as_str()).collect();
                for (view, table) in
                    [("near", "t1"), ("far", "t59"), ("far", "t1"), ("odd", "a \"quoted\" name")]
                {
                    assert!(!views.contains(&view) || names.contains(table), "{view} reads {table}");
                }
                assert!(!views.contains(&"far") || views.contains(&"near"));
                own.extend(part.own.tables.iter().map(|table| table.target.clone()));
                own.extend(part.own.views.iter().map(|view| view.target.clone()));
                own.extend(part.own.triggers.iter().map(|trigger| trigger.target.clone()));
                from = end;
            }
            let mut all: Vec<String> = plan.tables.iter().map(|table| table.target.clone()).collect();
            all.extend(plan.views.iter().map(|view| view.target.clone()));
            all.extend(plan.triggers.iter().map(|trigger| trigger.target.clone()));
            own.sort();
            all.sort();
            assert_eq!(own, all, "{locks_max} locks");
        }
    }

    #[test]
    fn a_plan_that_fits_is_one_part_as_it_is() {
        let plan = plan();
        let parts = PlanParts::new(&plan);
        let part = parts.part(0..parts.end_of_part(0, usize::MAX)).unwrap();
        assert_eq!((part.plan, part.own, part.needed.len()), (plan.clone(), plan.clone(), 0));
    }

    #[test]
    fn a_part_has_all_schemas_of_the_plan_in_their_order() {
        let mut plan = plan();
        plan.tables[9].schema = Some("archive".to_owned());
        plan.tables[40].schema = Some("app".to_owned());
        let parts = PlanParts::new(&plan);
        for from in 0..parts.len() {
            assert_eq!(parts.part(from..from + 1).unwrap().plan.schemas(), plan.schemas());
        }
        assert_eq!(parts.part(parts.len()..parts.len() + 1), None);
    }
}
