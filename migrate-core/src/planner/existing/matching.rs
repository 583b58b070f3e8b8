//! Matches tables and columns of the source to those of the target: by the same name, else by one that differs only in ASCII case, else
//! by one whose `snake_case` form is the same. Positions never count.

use std::collections::{BTreeMap, BTreeSet};

use super::super::names::Names;
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
    /// The results of the conversions that come into question, by column.
    pub(in crate::planner) trials: BTreeMap<String, Vec<Trial>>,
}

impl<'t> Matches<'t> {
    /// Matches the tables of `schema` that a human does not skip, and assigns their names in the target. A table or column whose name
    /// fits none or several goes to `obstacles`.
    pub(in crate::planner) fn new(
        schema: &SourceSchema,
        mapping: &Mapping,
        target: Option<&'t TargetSchema>,
        names: &mut Names,
        obstacles: &mut Obstacles,
    ) -> Matches<'t> {
        let mut matches = Matches::default();
        let Some(target) = target else { return matches };
        let mut owners: BTreeMap<&str, String> = BTreeMap::new();
        for table in schema.tables.iter().filter(|table| !mapping.leave_behind.contains_key(&table.name)) {
            if let Some(framework) = bookkeeping::framework(table) {
                let reason = bookkeeping::reason(framework, target.table(&table.name).is_some());
                matches.left_alone.insert(table.name.clone(), reason);
                continue;
            }
            let decided = mapping.tables.get(&table.name);
            match matched_table(table, decided, target, &mut owners, names) {
                Err(obstacle) => {
                    obstacles.push(obstacle);
                    matches.obstructed.insert(table.name.clone());
                }
                Ok(None) => {}
                Ok(Some(found)) => {
                    let columns = columns(table, decided, found, obstacles);
                    let column_names =
                        columns.iter().map(|(source, target)| (source.as_str(), target.name.as_str()));
                    names.adopt(&table.name, &found.name, column_names);
                    matches
                        .tables
                        .insert(table.name.clone(), Match { table: found, columns, trials: BTreeMap::new() });
                }
            }
        }
        if matches.tables.is_empty() && matches.obstructed.is_empty() {
            matches.obstructed = schema.tables.iter().map(|table| table.name.clone()).collect();
            let tables = matches.obstructed.iter().cloned().collect();
            obstacles.push(Obstacle::NothingThere { tables, elsewhere: elsewhere(schema, target) });
        }
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
                let decided = decided.and_then(|table| table.columns.get(column)?.conversion.as_ref());
                (column.clone(), choice::candidates_for(target, decided))
            });
            (name.clone(), columns.collect())
        };
        self.tables.iter().map(of_table).collect()
    }

    /// The table of the target that a table of the source goes into; none where it is made.
    pub(in crate::planner) fn table(&self, source: &str) -> Option<&Match<'t>> {
        self.tables.get(source)
    }

    /// The reason why a table of the app's framework is not migrated.
    pub(in crate::planner) fn left_alone(&self, source: &str) -> Option<&str> {
        self.left_alone.get(source).map(String::as_str)
    }

    /// Whether an obstacle keeps a table out of the plan.
    pub(in crate::planner) fn is_obstructed(&self, source: &str) -> bool {
        self.obstructed.contains(source)
    }
}

/// The table of the target that a table goes into; none where it is to be created.
fn matched_table<'t>(
    table: &SourceTable,
    decided: Option<&TableMapping>,
    target: &'t TargetSchema,
    owners: &mut BTreeMap<&'t str, String>,
    names: &Names,
) -> Result<Option<&'t TargetTable>, Obstacle> {
    let wanted = decided.and_then(|decided| decided.rename.as_deref()).unwrap_or(&table.name);
    let schema = decided.and_then(|decided| decided.schema.as_deref());
    let is_candidate =
        |table: &&TargetTable| schema.map_or(!table.is_hidden, |schema| table.schema == schema);
    let candidates: Vec<&TargetTable> = target.tables.iter().filter(is_candidate).collect();
    let found = match find(wanted, &candidates, |table| &table.name).as_slice() {
        [] => {
            let made = names.table(&table.name);
            return match target.relations.contains(&made) {
                true => Err(name_taken(&table.name, made, target)),
                false => Ok(None),
            };
        }
        [one] => **one,
        several => {
            let candidates = several.iter().map(|table| table.name.clone()).collect();
            return Err(Obstacle::SeveralTables { table: table.name.clone(), candidates });
        }
    };
    match owners.get(found.name.as_str()) {
        Some(first) => Err(Obstacle::TableTaken {
            first: first.clone(),
            table: table.name.clone(),
            target: found.name_in_words(),
        }),
        None => {
            owners.insert(&found.name, table.name.clone());
            Ok(Some(found))
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

fn columns<'t>(
    table: &SourceTable,
    decided: Option<&TableMapping>,
    found: &'t TargetTable,
    obstacles: &mut Obstacles,
) -> BTreeMap<String, &'t TargetColumn> {
    let mut owners: BTreeMap<&str, String> = BTreeMap::new();
    let mut columns = BTreeMap::new();
    let mut unknown = Vec::new();
    for column in &table.columns {
        let decided = decided.and_then(|decided| decided.columns.get(&column.name));
        if decided.is_some_and(|decided| decided.skip.is_some()) {
            continue;
        }
        let name = ColumnName { table: table.name.clone(), column: column.name.clone() };
        let wanted = decided.and_then(|decided| decided.rename.as_deref()).unwrap_or(&column.name);
        match find(wanted, &found.columns, |column| &column.name).as_slice() {
            [] => unknown.push((name, wanted)),
            [target] => match owners.get(target.name.as_str()) {
                Some(first) => {
                    let (first, target) = (first.clone(), target.name.clone());
                    obstacles.push(Obstacle::ColumnTaken { first, column: name, target });
                }
                None => {
                    owners.insert(&target.name, column.name.clone());
                    columns.insert(column.name.clone(), *target);
                }
            },
            several => {
                let candidates = several.iter().map(|column| column.name.clone()).collect();
                obstacles.push(Obstacle::SeveralColumns { column: name, candidates });
            }
        }
    }
    for (column, wanted) in unknown {
        let free = found.columns.iter().map(|column| column.name.as_str());
        let nearest = nearest(wanted, free.filter(|name| !owners.contains_key(name))).map(str::to_owned);
        obstacles.push(Obstacle::UnknownColumn { column, target: found.name_in_words(), nearest });
    }
    columns
}

/// Those of `all` whose names are meant by `wanted`, the nearest way of meaning one first; empty where there is none.
fn find<'t, T>(wanted: &str, all: &'t [T], name_of: impl Fn(&T) -> &str) -> Vec<&'t T> {
    let snake = snake_case(wanted);
    let ways: [&dyn Fn(&str) -> bool; 3] = [
        &|candidate| candidate == wanted,
        &|candidate| candidate.eq_ignore_ascii_case(wanted),
        &|candidate| snake_case(candidate) == snake,
    ];
    for fits in ways {
        let found: Vec<&T> = all.iter().filter(|candidate| fits(name_of(candidate))).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// `userId`, `UserID` and `user id` are all `user_id`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (place, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            continue;
        }
        let before = place.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(place + 1);
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins_word && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_names() {
        for (name, snake) in [
            ("userId", "user_id"),
            ("UserID", "user_id"),
            ("HTTPServer2Name", "http_server2_name"),
            ("created at", "created_at"),
            ("created_at", "created_at"),
            ("_id", "id"),
            ("ÄrgerÜber", "ärger_über"),
            ("", ""),
        ] {
            assert_eq!(snake_case(name), snake, "{name}");
        }
    }

    #[test]
    fn the_nearer_way_counts_and_one_of_several_must_be_named() {
        let found = |wanted: &str, all: &[&str]| -> Vec<String> {
            let all: Vec<String> = all.iter().map(|name| (*name).to_owned()).collect();
            find(wanted, &all, |name| name).into_iter().cloned().collect()
        };
        for (wanted, all, expected) in [
            ("Id", vec!["id", "Id", "ID"], vec!["Id"]),
            ("Id", vec!["id", "i_d"], vec!["id"]),
            ("userId", vec!["user_id", "user"], vec!["user_id"]),
            ("user_id", vec!["userId"], vec!["userId"]),
            ("userid", vec!["user_id"], vec![]),
            ("Id", vec!["id", "ID"], vec!["id", "ID"]),
        ] {
            assert_eq!(found(wanted, &all), expected, "{wanted}");
        }
    }
}
