//! Matches tables and columns of the source to those of the target by their names. Positions never count. A table without a counterpart
//! is created only where a human says so.

use std::collections::{BTreeMap, BTreeSet};

use super::super::names::Names;
use super::assignment::{Affix, Meaning, Wanted, Way, affix, assign};
use super::name_forms::snake_case;
use super::resemblance::{FreeTable, Resemblance, Surroundings, shared_columns};
use super::{ColumnName, Elsewhere, Obstacle, Obstacles, bookkeeping, choice};
use crate::identifier::{fit_pg, hashed_pg};
use crate::mapping::{Mapping, TableMapping};
use crate::nearest::nearest;
use crate::profile::{DatabaseProfile, Trial, Trials};
use crate::source_schema::{SourceSchema, SourceTable};
use crate::target_schema::{TargetColumn, TargetSchema, TargetTable};

/// The tables of the source that go into tables of the target, and those that must not.
#[derive(Debug, Default)]
pub(in crate::planner) struct Matches<'t> {
    tables: BTreeMap<String, Match<'t>>,
    left_alone: BTreeMap<String, String>,
    obstructed: BTreeSet<String>,
}

/// A table and its columns, by the names of the source.
#[derive(Debug)]
pub(in crate::planner) struct Match<'t> {
    pub(in crate::planner) table: &'t TargetTable,
    pub(in crate::planner) columns: BTreeMap<String, &'t TargetColumn>,
    /// How names were found that are not the same, for the reviewer: of the table, and of columns by their name.
    pub(in crate::planner) notes: Vec<(Option<String>, String)>,
    /// The results of the conversions that come into question, by column.
    pub(in crate::planner) trials: BTreeMap<String, Vec<Trial>>,
}

impl<'t> Matches<'t> {
    /// Matches the tables of `schema` that a human does not skip, and assigns their names in the target. A table or column whose name
    /// fits none or several goes to `obstacles`.
    pub(in crate::planner) fn new(
        schema: &SourceSchema,
        profile: Option<&DatabaseProfile>,
        mapping: &Mapping,
        target: Option<&'t TargetSchema>,
        names: &mut Names,
        obstacles: &mut Obstacles,
    ) -> Matches<'t> {
        let mut matches = Matches::default();
        let Some(target) = target else { return matches };
        let mut moving = Vec::new();
        for table in schema.tables.iter().filter(|table| !mapping.leave_behind.contains_key(&table.name)) {
            let counterpart = target.table(&table.name);
            let list =
                bookkeeping::list_of(table, schema, counterpart).filter(|_| !is_decided(table, mapping));
            match list {
                Some(migrator) => {
                    let reason = bookkeeping::reason(&migrator, counterpart.is_some());
                    matches.left_alone.insert(table.name.clone(), reason);
                }
                None => moving.push(table),
            }
        }
        let meanings = table_meanings(&moving, mapping, target);
        let mut proposed = BTreeSet::new();
        for (&table, meaning) in moving.iter().zip(&meanings) {
            let decided = mapping.tables.get(&table.name);
            let is_in = |&place: &usize| target.tables.get(place);
            match meaning {
                Meaning::Nothing => {}
                Meaning::One(place, way) => {
                    let Some(found) = is_in(place) else { continue };
                    // The names of a plan's tables are unique, whatever their schemas are.
                    if let Some((first, _)) =
                        matches.tables.iter().find(|(_, own)| own.table.name == found.name)
                    {
                        let (first, table, target) =
                            (first.clone(), table.name.clone(), found.name_in_words());
                        matches.obstruct(Obstacle::TableTaken { first, table, target }, obstacles);
                        continue;
                    }
                    matches.insert(table, decided, found, way, names, obstacles);
                }
                Meaning::Several(places) => {
                    let places = unproposed_first(places, &mut proposed);
                    let candidates =
                        places.iter().filter_map(is_in).map(|found| found.name.clone()).collect();
                    matches.obstruct(
                        Obstacle::SeveralTables { table: table.name.clone(), candidates },
                        obstacles,
                    );
                }
                Meaning::Taken { first, target } => {
                    let first = moving.get(*first).map(|table| table.name.clone()).unwrap_or_default();
                    let target = is_in(target).map(TargetTable::name_in_words).unwrap_or_default();
                    let table = table.name.clone();
                    matches.obstruct(Obstacle::TableTaken { first, table, target }, obstacles);
                }
            }
        }
        let without: Vec<&SourceTable> = (moving.iter().zip(&meanings))
            .filter(|(_, meaning)| **meaning == Meaning::Nothing)
            .map(|(table, _)| *table)
            .collect();
        matches.place_others(&without, schema, profile, mapping, target, names, obstacles);
        matches
    }

    /// Adds what a scan found.
    pub(in crate::planner) fn add_trials(&mut self, profile: &DatabaseProfile) {
        for (name, found) in &mut self.tables {
            found.trials = profile.get(name).map(|table| table.trials.clone()).unwrap_or_default();
        }
    }

    /// The conversions to be tried on the values of each column.
    pub(in crate::planner) fn candidates(&self, mapping: &Mapping) -> Trials {
        let of_table = |(name, found): (&String, &Match<'t>)| {
            let decided = mapping.tables.get(name);
            let columns = found.columns.iter().map(|(column, target)| {
                let decided = decided.and_then(|table| table.columns.get(column));
                let round = decided.and_then(|decided| decided.round);
                let named = decided.and_then(|decided| decided.conversion.as_ref());
                let (candidates, limit) = choice::candidates_for(target, named);
                let trial = |conversion| Trial::new(conversion, round, limit.clone());
                (column.clone(), candidates.into_iter().map(trial).collect())
            });
            (name.clone(), columns.collect())
        };
        self.tables.iter().map(of_table).collect()
    }

    /// The table of the target that a table of the source goes into; none where it is made.
    pub(in crate::planner) fn table(&self, source: &str) -> Option<&Match<'t>> {
        self.tables.get(source)
    }

    /// The reason why a table is not migrated that no human skips.
    pub(in crate::planner) fn left_alone(&self, source: &str) -> Option<&str> {
        self.left_alone.get(source).map(String::as_str)
    }

    /// Whether an obstacle keeps a table out of the plan.
    pub(in crate::planner) fn is_obstructed(&self, source: &str) -> bool {
        self.obstructed.contains(source)
    }

    /// The tables that SQL of the app reaches and no table of the source goes into, as people read their names.
    pub(in crate::planner) fn only_in_target(&self, target: &TargetSchema) -> Vec<String> {
        let is_free = |found: &&TargetTable| !self.tables.values().any(|own| std::ptr::eq(own.table, *found));
        target.tables.iter().filter(is_free).map(TargetTable::name_in_words).collect()
    }

    fn obstruct(&mut self, obstacle: Obstacle, obstacles: &mut Obstacles) {
        self.obstructed.extend(obstacle.table().map(str::to_owned));
        obstacles.push(obstacle);
    }

    fn insert(
        &mut self,
        table: &SourceTable,
        decided: Option<&TableMapping>,
        found: &'t TargetTable,
        way: &Way,
        names: &mut Names,
        obstacles: &mut Obstacles,
    ) {
        let mut notes: Vec<(Option<String>, String)> = way_in_words(way)
            .map(|words| (None, format!("goes into {}: {words}", found.name)))
            .into_iter()
            .collect();
        let columns = columns(table, decided, found, &mut notes, obstacles);
        let column_names = columns.iter().map(|(source, target)| (source.as_str(), target.name.as_str()));
        names.adopt(&table.name, &found.name, column_names);
        self.tables
            .insert(table.name.clone(), Match { table: found, columns, notes, trials: BTreeMap::new() });
    }

    /// Decides about tables without a counterpart: one that a human wants is created, an empty one is not migrated, and any other is an
    /// obstacle.
    #[allow(clippy::too_many_arguments, reason = "what a plan is made from")]
    fn place_others(
        &mut self,
        without: &[&SourceTable],
        schema: &SourceSchema,
        profile: Option<&DatabaseProfile>,
        mapping: &Mapping,
        target: &TargetSchema,
        names: &Names,
        obstacles: &mut Obstacles,
    ) {
        let (created, others): (Vec<&SourceTable>, Vec<&SourceTable>) =
            without.iter().partition(|table| mapping.creates(&table.name));
        for table in &created {
            let made = names.table(&table.name);
            if target.relations.contains(&made) {
                self.obstruct(name_taken(&table.name, made, target), obstacles);
            }
        }
        let is_free = |found: &&TargetTable| {
            !found.is_hidden && !self.tables.values().any(|own| std::ptr::eq(own.table, *found))
        };
        let free = target.tables.iter().filter(is_free).map(FreeTable::new).collect();
        let columns = self.tables.iter().flat_map(|(table, own)| {
            own.columns.iter().map(move |(column, target)| ((table.as_str(), column.as_str()), *target))
        });
        let surroundings = Surroundings { schema, target, names, free, columns: columns.collect() };
        let mut unmatched = Vec::new();
        for table in others {
            let rows = profile.and_then(|profile| profile.get(&table.name)).map_or(0, |profile| profile.rows);
            let resembles = surroundings.resemblances(table);
            unmatched.push((table.name.clone(), rows, resembles));
        }
        let is_known = |resemblance: &Resemblance| !matches!(resemblance, Resemblance::OtherSchema { .. });
        let resembles_any = unmatched.iter().any(|(_, _, resembles)| resembles.iter().any(is_known));
        if self.tables.is_empty() && self.obstructed.is_empty() && created.is_empty() && !resembles_any {
            self.obstructed = unmatched.into_iter().map(|(table, ..)| table).collect();
            let tables = self.obstructed.iter().cloned().collect();
            obstacles.push(Obstacle::NothingThere { tables, elsewhere: elsewhere(schema, target) });
            return;
        }
        for (table, rows, resembles) in unmatched {
            if rows == 0 {
                self.left_alone.insert(table, "it has no rows, and the target has no such table".to_owned());
            } else {
                self.obstruct(Obstacle::Unmatched { table, rows, resembles }, obstacles);
            }
        }
    }
}

/// Whether a human decides where a table goes.
fn is_decided(table: &SourceTable, mapping: &Mapping) -> bool {
    let decided = mapping.tables.get(&table.name);
    decided.is_some_and(|decided| decided.rename.is_some() || decided.create == Some(true))
}

/// What the names of tables mean in the target.
fn table_meanings(moving: &[&SourceTable], mapping: &Mapping, target: &TargetSchema) -> Vec<Meaning> {
    let decided = |table: &SourceTable| mapping.tables.get(&table.name);
    let wanted: Vec<Wanted<'_>> = (moving.iter())
        .map(|table| {
            let renamed = decided(table).and_then(|decided| decided.rename.as_deref());
            let is_created = decided(table).is_some_and(|decided| decided.create == Some(true));
            Wanted { name: renamed.unwrap_or(&table.name), is_decided: renamed.is_some() || is_created }
        })
        .collect();
    let targets: Vec<&str> = target.tables.iter().map(|table| table.name.as_str()).collect();
    let pair = |source: usize, place: usize| Some((*moving.get(source)?, target.tables.get(place)?));
    let may_be = |source: usize, place: usize| {
        pair(source, place).is_some_and(|(table, found)| {
            let schema = decided(table).and_then(|decided| decided.schema.as_ref());
            schema.map_or(!found.is_hidden, |schema| found.schema == *schema)
        })
    };
    // One name that only an affix tells from another may be another thing: then all columns must be there.
    let is_proven = |source: usize, place: usize| {
        pair(source, place).is_some_and(|(table, found)| {
            table.columns.len() > 1 && shared_columns(table, found) == table.columns.len()
        })
    };
    assign(&wanted, &targets, &may_be, &is_proven)
}

/// Why a name was found that is not the same.
fn way_in_words(way: &Way) -> Option<String> {
    match way {
        Way::Same => None,
        Way::Joined => Some("the names differ only in underscores".to_owned()),
        Way::Plural => Some("one name is the plural of the other".to_owned()),
        Way::Affix(Affix { is_targets, is_prefix, text }) => {
            let side = if *is_targets { "PostgreSQL" } else { "SQLite" };
            let kind = if *is_prefix { "prefix" } else { "suffix" };
            Some(format!("names in {side} have the {kind} {text}"))
        }
    }
}

/// The obstacle of a table whose name something else has in the target.
fn name_taken(table: &str, target: String, schema: &TargetSchema) -> Obstacle {
    let is_free = |name: &String| !schema.relations.contains(name);
    let free = (1_u32..).map(|number| fit_pg(&format!("{target}_{number}"))).find(is_free);
    let free = free.unwrap_or_else(|| hashed_pg(&target, table));
    Obstacle::NameTaken { table: table.to_owned(), target, free }
}

/// The schemas that are not searched, and that have tables of the source's names.
fn elsewhere(schema: &SourceSchema, target: &TargetSchema) -> Elsewhere {
    let is_named = |name: &str| schema.tables.iter().any(|table| snake_case(&table.name) == snake_case(name));
    let schemas: BTreeSet<&String> =
        target.outside.iter().filter(|(_, name)| is_named(name)).map(|(schema, _)| schema).collect();
    Elsewhere(schemas.into_iter().cloned().collect())
}

/// Candidates in another order: first one that was not proposed before, which is then.
fn unproposed_first(places: &[usize], proposed: &mut BTreeSet<usize>) -> Vec<usize> {
    let (mut free, known): (Vec<usize>, Vec<usize>) =
        places.iter().partition(|place| !proposed.contains(*place));
    proposed.extend(free.first());
    free.extend(known);
    free
}

fn columns<'t>(
    table: &SourceTable,
    decided: Option<&TableMapping>,
    found: &'t TargetTable,
    notes: &mut Vec<(Option<String>, String)>,
    obstacles: &mut Obstacles,
) -> BTreeMap<String, &'t TargetColumn> {
    let decided = |name: &str| decided.and_then(|decided| decided.columns.get(name));
    let moving: Vec<_> = (table.columns.iter())
        .filter(|column| decided(&column.name).is_none_or(|decided| decided.skip.is_none()))
        .collect();
    let wanted: Vec<Wanted<'_>> = (moving.iter())
        .map(|column| {
            let renamed = decided(&column.name).and_then(|decided| decided.rename.as_deref());
            Wanted { name: renamed.unwrap_or(&column.name), is_decided: renamed.is_some() }
        })
        .collect();
    let targets: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
    let meanings = assign(&wanted, &targets, &|_, _| true, &|_, _| false);
    let taken: BTreeSet<usize> = (meanings.iter())
        .filter_map(|meaning| if let Meaning::One(place, _) = meaning { Some(*place) } else { None })
        .collect();
    let mut columns = BTreeMap::new();
    // Each name of the target is proposed once, so that all proposals can be followed together.
    let mut proposed = BTreeSet::new();
    for ((column, wanted), meaning) in moving.iter().zip(&wanted).zip(&meanings) {
        let name = ColumnName { table: table.name.clone(), column: column.name.clone() };
        let target_name = |&place: &usize| targets.get(place).map(|name| (*name).to_owned());
        match meaning {
            // What SQLite computes from other columns is not lost with the column.
            Meaning::Nothing if column.generated => {}
            Meaning::Nothing => {
                let is_free = |place: &usize| !taken.contains(place) && !proposed.contains(place);
                let free = targets.iter().enumerate().filter(|(place, _)| is_free(place));
                let free: Vec<&str> = free.map(|(_, name)| *name).collect();
                let extended = free.iter().find(|name| affix(wanted.name, name).is_some()).copied();
                let nearest = extended.or_else(|| nearest(wanted.name, free)).map(str::to_owned);
                proposed.extend(targets.iter().position(|name| nearest.as_deref() == Some(*name)));
                obstacles.push(Obstacle::UnknownColumn {
                    column: name,
                    target: found.name_in_words(),
                    nearest,
                });
            }
            Meaning::One(place, way) => {
                let Some(target) = found.columns.get(*place) else { continue };
                notes.extend(
                    way_in_words(way).map(|words| {
                        (Some(column.name.clone()), format!("goes into {}: {words}", target.name))
                    }),
                );
                columns.insert(column.name.clone(), target);
            }
            Meaning::Several(places) => {
                let places = unproposed_first(places, &mut proposed);
                let candidates = places.iter().filter_map(target_name).collect();
                obstacles.push(Obstacle::SeveralColumns { column: name, candidates });
            }
            Meaning::Taken { first, target } => {
                let first = moving.get(*first).map(|column| column.name.clone()).unwrap_or_default();
                let target = target_name(target).unwrap_or_default();
                obstacles.push(Obstacle::ColumnTaken { first, column: name, target });
            }
        }
    }
    columns
}
