//! Matches tables and columns of the source to those of the target: by the same name, else by one that differs only in ASCII case, else
//! by one whose `snake_case` form is the same. Positions never count.

use std::collections::BTreeMap;

use super::super::names::Names;
use super::{ExistingError, bookkeeping};
use crate::mapping::{Mapping, TableMapping};
use crate::nearest::nearest;
use crate::source_schema::{SourceSchema, SourceTable};
use crate::target_schema::{TargetColumn, TargetSchema, TargetTable};

/// The tables of the source that go into tables of the target, and those that must not.
#[derive(Debug, Default)]
pub(in crate::planner) struct Matches<'t> {
    tables: BTreeMap<String, Match<'t>>,
    left_alone: BTreeMap<String, String>,
}

/// A table and its columns, by the names of the source.
#[derive(Debug)]
pub(in crate::planner) struct Match<'t> {
    pub(in crate::planner) table: &'t TargetTable,
    pub(in crate::planner) columns: BTreeMap<String, &'t TargetColumn>,
}

impl<'t> Matches<'t> {
    /// Matches the tables of `schema` that a human does not skip, and assigns their names in the target.
    ///
    /// # Errors
    /// [`ExistingError`] where a name fits none or several.
    pub(in crate::planner) fn new(
        schema: &SourceSchema,
        mapping: &Mapping,
        target: Option<&'t TargetSchema>,
        names: &mut Names,
    ) -> Result<Matches<'t>, ExistingError> {
        let mut matches = Matches::default();
        let Some(target) = target else { return Ok(matches) };
        let mut owners: BTreeMap<&str, String> = BTreeMap::new();
        for table in schema.tables.iter().filter(|table| !mapping.leave_behind.contains_key(&table.name)) {
            if let Some(framework) = bookkeeping::framework(table) {
                let reason = bookkeeping::reason(framework, target.table(&table.name).is_some());
                matches.left_alone.insert(table.name.clone(), reason);
                continue;
            }
            let decided = mapping.tables.get(&table.name);
            let wanted = decided.and_then(|decided| decided.rename.as_deref()).unwrap_or(&table.name);
            let schema = decided.and_then(|decided| decided.schema.as_deref());
            let is_candidate =
                |table: &&TargetTable| schema.map_or(!table.is_hidden, |schema| table.schema == schema);
            let candidates: Vec<&TargetTable> = target.tables.iter().filter(is_candidate).collect();
            let Some(found) = find("table", &table.name, wanted, &candidates, |table| &table.name)? else {
                let made = names.table(&table.name);
                if target.relations.contains(&made) {
                    return Err(ExistingError::NameTaken { table: table.name.clone(), target: made });
                }
                continue;
            };
            let found = *found;
            take(&mut owners, format!("table {}", table.name), &found.name)?;
            let columns = columns(table, decided, found)?;
            names.adopt(
                &table.name,
                &found.name,
                columns.iter().map(|(source, target)| (source.as_str(), target.name.as_str())),
            );
            matches.tables.insert(table.name.clone(), Match { table: found, columns });
        }
        if matches.tables.is_empty() {
            let tables = schema.tables.iter().map(|table| table.name.clone()).collect();
            return Err(ExistingError::NothingThere { tables });
        }
        Ok(matches)
    }

    /// The table of the target that a table of the source goes into; none where it is made.
    pub(in crate::planner) fn table(&self, source: &str) -> Option<&Match<'t>> {
        self.tables.get(source)
    }

    /// The reason why a table of the app's framework is not migrated.
    pub(in crate::planner) fn left_alone(&self, source: &str) -> Option<&str> {
        self.left_alone.get(source).map(String::as_str)
    }
}

fn columns<'t>(
    table: &SourceTable,
    decided: Option<&TableMapping>,
    found: &'t TargetTable,
) -> Result<BTreeMap<String, &'t TargetColumn>, ExistingError> {
    let mut owners = BTreeMap::new();
    let mut columns = BTreeMap::new();
    for column in &table.columns {
        let decided = decided.and_then(|decided| decided.columns.get(&column.name));
        if decided.is_some_and(|decided| decided.skip.is_some()) {
            continue;
        }
        let full = format!("{}.{}", table.name, column.name);
        let wanted = decided.and_then(|decided| decided.rename.as_deref()).unwrap_or(&column.name);
        let Some(target) = find("column", &full, wanted, &found.columns, |column| &column.name)? else {
            let known = found.columns.iter().map(|column| column.name.as_str());
            let nearest = nearest(wanted, known).map(str::to_owned);
            return Err(ExistingError::UnknownColumn { column: full, table: found.name.clone(), nearest });
        };
        take(&mut owners, format!("column {full}"), &target.name)?;
        columns.insert(column.name.clone(), target);
    }
    Ok(columns)
}

/// Writes down which name of the source has `target`.
fn take<'t>(
    owners: &mut BTreeMap<&'t str, String>,
    owner: String,
    target: &'t str,
) -> Result<(), ExistingError> {
    match owners.insert(target, owner.clone()) {
        None => Ok(()),
        Some(first) => Err(ExistingError::Taken { first, second: owner, target: target.to_owned() }),
    }
}

/// The one of `all` whose name is meant by `wanted`; none where there is none.
fn find<'t, T>(
    kind: &'static str,
    name: &str,
    wanted: &str,
    all: &'t [T],
    name_of: impl Fn(&T) -> &str,
) -> Result<Option<&'t T>, ExistingError> {
    let snake = snake_case(wanted);
    let ways: [&dyn Fn(&str) -> bool; 3] = [
        &|candidate| candidate == wanted,
        &|candidate| candidate.eq_ignore_ascii_case(wanted),
        &|candidate| snake_case(candidate) == snake,
    ];
    for fits in ways {
        let found: Vec<&T> = all.iter().filter(|candidate| fits(name_of(candidate))).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(Some(one)),
            several => {
                let candidates = several.iter().map(|candidate| name_of(candidate).to_owned()).collect();
                return Err(ExistingError::Several { kind, name: name.to_owned(), candidates });
            }
        }
    }
    Ok(None)
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
        let found = |wanted: &str, all: &[&str]| {
            let all: Vec<String> = all.iter().map(|name| (*name).to_owned()).collect();
            find("column", wanted, wanted, &all, |name| name).map(|found| found.cloned())
        };
        for (wanted, all, expected) in [
            ("Id", vec!["id", "Id", "ID"], Ok(Some("Id"))),
            ("Id", vec!["id", "i_d"], Ok(Some("id"))),
            ("userId", vec!["user_id", "user"], Ok(Some("user_id"))),
            ("user_id", vec!["userId"], Ok(Some("userId"))),
            ("userid", vec!["user_id"], Ok(None)),
            ("Id", vec!["id", "ID"], Err(())),
        ] {
            let found = found(wanted, &all).map_err(|_| ());
            assert_eq!(found, expected.map(|name| name.map(str::to_owned)), "{wanted}");
        }
    }
}
