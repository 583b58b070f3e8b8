//! The statements of the migrations one by one, to create again what is missing or differs in the target.

use super::{Step, constraints, keys, objects};
use crate::plan::{Plan, PlannedTable};

/// What is to be created again, by target name.
#[derive(Clone, Copy, Debug)]
pub enum Repaired<'a> {
    /// A key, a CHECK or a foreign key of a table.
    Constraint(&'a PlannedTable, &'a str),
    /// An index of a table.
    Index(&'a PlannedTable, &'a str),
    /// A view.
    View(&'a str),
    /// The function of a trigger.
    Function(&'a str),
    /// A trigger of a table or view.
    Trigger(&'a str, &'a str),
}

/// Returns the statement that creates something of the plan, without its comments; none where the plan does not have it.
pub fn repair(plan: &Plan, repaired: Repaired<'_>) -> Option<String> {
    let step = match repaired {
        Repaired::Constraint(table, name) => constraint(plan, table, name),
        Repaired::Index(table, name) => {
            let position = table.indexes.iter().position(|index| index.name == name)?;
            let keys = usize::from(table.primary_key.is_some()) + table.unique.len();
            made(table).nth(keys + position)
        }
        Repaired::View(name) => {
            plan.views.iter().find(|view| view.target == name).map(|view| objects::view(plan, view))
        }
        Repaired::Function(name) => {
            let trigger = plan.triggers.iter().find(|trigger| trigger.function == name)?;
            Some(objects::trigger(plan, trigger)).map(|[function, _]| function)
        }
        Repaired::Trigger(table, name) => {
            let trigger =
                plan.triggers.iter().find(|trigger| trigger.target == name && trigger.table == table)?;
            Some(objects::trigger(plan, trigger)).map(|[_, trigger]| trigger)
        }
    };
    step.map(|step| without_comments(&step.up).to_owned())
}

/// The keys, indexes and CHECKs of a table in this order; none of one that an app made.
fn made(table: &PlannedTable) -> impl Iterator<Item = Step> {
    let steps = if table.existing.is_none() { constraints::of_table(table) } else { Vec::new() };
    steps.into_iter()
}

fn constraint(plan: &Plan, table: &PlannedTable, name: &str) -> Option<Step> {
    let unique = table.primary_key.iter().chain(&table.unique);
    if let Some(position) = unique.clone().position(|key| key.name == name) {
        return made(table).nth(position);
    }
    if let Some(position) = table.checks.iter().position(|check| check.name == name) {
        return made(table).nth(unique.count() + table.indexes.len() + position);
    }
    let names: Vec<&String> = match &table.existing {
        Some(existing) => existing.table.foreign_keys.iter().map(|key| &key.name).collect(),
        None => table.foreign_keys.iter().map(|key| &key.name).collect(),
    };
    let position = names.into_iter().position(|other| other == name)?;
    keys(plan, table).into_iter().nth(position)
}

fn without_comments(sql: &str) -> &str {
    let mut rest = sql;
    while let Some((_, behind)) = rest.split_once('\n').filter(|_| rest.starts_with("--")) {
        rest = behind;
    }
    rest
}
