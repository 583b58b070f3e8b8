//! What prevents a plan for tables that an app made: each obstacle with its table and column, why it is one, and the decisions that solve
//! it. `Obstacles` collects them.

use std::fmt;

use super::decision::{ColumnName, Decision};
use super::key_column::KeyColumn;
use super::resemblance::Resemblance;
use super::seed_words as words;
use super::seeds::{SeedKeyClash, UndecidedSeeds};
use crate::conversion::Conversion;
use crate::terms::Seeds;

/// What prevents a plan for tables that an app made. Tables and columns are those of the source, unless something else is said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The target has no table of the source's.
    #[error(
        "the target has no table with a name of the source's ({}){elsewhere}", tables.join(", ")
    )]
    NothingThere {
        /// The source's tables.
        tables: Vec<String>,
        /// Where tables of these names are.
        elsewhere: Elsewhere,
    },
    /// A table with rows that the target does not have.
    #[error("table {table} ({rows} row{}) has no counterpart in the target{}",
        if *rows == 1 { "" } else { "s" }, resembling(resembles))]
    Unmatched {
        /// The table.
        table: String,
        /// Its rows.
        rows: u64,
        /// What it resembles there, the strongest evidence first.
        resembles: Vec<Resemblance>,
    },
    /// A table that fits several of the target.
    #[error("table {table} can be {} in the target", candidates.join(" or "))]
    SeveralTables {
        /// The table.
        table: String,
        /// The tables in the target.
        candidates: Vec<String>,
    },
    /// A column that fits several of the target's table.
    #[error("column {column} can be {} in the target", candidates.join(" or "))]
    SeveralColumns {
        /// The column.
        column: ColumnName,
        /// The columns in the target.
        candidates: Vec<String>,
    },
    /// Two tables that fit one of the target.
    #[error("tables {first} and {table} would both go to {target} in the target")]
    TableTaken {
        /// The one that has it.
        first: String,
        /// The other.
        table: String,
        /// The table in the target.
        target: String,
    },
    /// Two columns that fit one of the target.
    #[error("columns {first} and {column} would both go to {target} in the target")]
    ColumnTaken {
        /// The one that has it.
        first: String,
        /// The other.
        column: ColumnName,
        /// The column in the target.
        target: String,
    },
    /// A table that has to be created, and whose name something else has.
    #[error(
        "table {table} would be created as {target}, and the target has something else of that name, such as a view"
    )]
    NameTaken {
        /// The table.
        table: String,
        /// Its name in the target.
        target: String,
        /// A name that is free.
        free: String,
    },
    /// A column that the target's table does not have.
    #[error(
        "column {column} has no counterpart in the target's table {target}{}",
        nearest.as_ref().map(|name| format!(" (the nearest name there is {name})")).unwrap_or_default()
    )]
    UnknownColumn {
        /// The column.
        column: ColumnName,
        /// The table in the target.
        target: String,
        /// The nearest name there that no other column has.
        nearest: Option<String>,
    },
    /// Columns of the target that the source cannot fill.
    #[error(
        "the target's table {target} needs a value for {}, which the source does not have; give each a default there, or make it nullable",
        columns.join(", ")
    )]
    Unfilled {
        /// The table.
        table: String,
        /// The table in the target.
        target: String,
        /// The columns there.
        columns: Vec<String>,
    },
    /// A column of the target that must not be NULL, and that only a trigger fills.
    #[error(
        "column {column} of the target gets no value from the source and must not be NULL; trigger {trigger} fills it, if it is called for \
         the loaded rows"
    )]
    NeedsTrigger {
        /// The table.
        table: String,
        /// The column in the target, with its table.
        column: String,
        /// The trigger.
        trigger: String,
    },
    /// A decision about something that the target does not have.
    #[error(
        "[{section}] in mapping.toml names {name}, {problem}{}",
        nearest.as_ref().map(|name| format!(" (the nearest name is {name})")).unwrap_or_default()
    )]
    UnknownDerived {
        /// The section of `mapping.toml`.
        section: &'static str,
        /// The name there.
        name: String,
        /// What is wrong with it, in words.
        problem: &'static str,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// A type that no conversion produces.
    #[error(
        "column {column} is {type_name} in the target, which no conversion produces{}",
        key.as_ref().map(ToString::to_string).unwrap_or_default()
    )]
    Type {
        /// The column.
        column: ColumnName,
        /// Its type in the target.
        type_name: String,
        /// Its place in the primary key, if it is part of it.
        key: Option<Box<KeyColumn>>,
        /// Whether the target fills it where it is skipped.
        can_be_skipped: bool,
    },
    /// A conversion of the mapping that produces another type than the target's.
    #[error(
        "column {column} is {type_name} in the target, and its conversion {conversion} in mapping.toml produces {given}; remove its `as`, \
         or name a conversion to that type"
    )]
    Conversion {
        /// The column.
        column: ColumnName,
        /// Its type in the target.
        type_name: String,
        /// The conversion's name.
        conversion: &'static str,
        /// The type that it produces.
        given: String,
    },
    /// Numbers whose unit of time only a person knows.
    #[error("column {column} is {type_name} in the target, and {}", unit_problem(*numbers, *far))]
    Moment {
        /// The column.
        column: ColumnName,
        /// Its type in the target.
        type_name: String,
        /// The number of its values that are numbers.
        numbers: u64,
        /// Of these, those that lie before 1900 or after 2200 by the first candidate.
        far: u64,
        /// The conversions that could be meant, the most plausible one first.
        candidates: Vec<&'static str>,
    },
    /// Rows of a table that differ from the source's, without a decision about them.
    #[error("{}", words::seeds(.0))]
    Seeds(Box<UndecidedSeeds>),
    /// Rows of a table and other ones of the source that have the same value in a key.
    #[error("{}", words::seed_key(.0))]
    SeedKey(Box<SeedKeyClash>),
    /// Rows that cannot be deleted.
    #[error(
        "the rows of table {target} cannot be replaced: foreign keys of {}, which holds rows that stay, reference it", others.join(", ")
    )]
    Referenced {
        /// The table.
        table: String,
        /// The table in the target.
        target: String,
        /// The tables that reference it.
        others: Vec<String>,
        /// The decisions that are possible.
        choices: Vec<Seeds>,
    },
    /// A table that belongs to another role.
    #[error(
        "table {target} belongs to another role, and only its owner can set its foreign keys and triggers aside; connect as \
         that role, or as a member of it"
    )]
    NotOurs {
        /// The table.
        table: String,
        /// The table in the target.
        target: String,
    },
    /// An object that changes the effect of a statement.
    #[error(
        "table {target} has {what}, which prevents loading and comparing rows; remove it for the migration"
    )]
    InTheWay {
        /// The table.
        table: String,
        /// The table in the target.
        target: String,
        /// The kind of object.
        what: String,
    },
}

/// Why numbers are not taken as times without a decision.
fn unit_problem(numbers: u64, far: u64) -> String {
    match far {
        0 => "nothing shows whether its numbers are seconds, milliseconds, microseconds or nanoseconds"
            .to_owned(),
        _ => format!(
            "{far} of its {numbers} numbers are outside the years 1900 to 2200 in the most plausible unit"
        ),
    }
}

/// Schemas outside of the search path that have tables with names of the source's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere(pub Vec<String>);

impl Elsewhere {
    /// The end of a sentence: the schemas, or `otherwise` where there are none.
    pub(crate) fn or(&self, otherwise: &str) -> String {
        let named = self.0.join(",");
        match self.0.as_slice() {
            [] => format!("; {otherwise}"),
            [one] => format!("; schema {one} has some: --schema {one}"),
            several => format!("; schemas {} have some: --schema {named}", several.join(" and ")),
        }
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            &self.or(
                "let the app create its tables there first, or omit --into-existing to have them created",
            ),
        )
    }
}

/// What a table resembles, as the end of a sentence.
fn resembling(resembles: &[Resemblance]) -> String {
    let words: Vec<String> = resembles.iter().map(ToString::to_string).collect();
    if words.is_empty() { String::new() } else { format!("; it resembles {}", words.join(" and ")) }
}

impl Obstacle {
    /// The table that it is about; none where it is about the source as a whole.
    pub fn table(&self) -> Option<&str> {
        match self {
            Obstacle::NothingThere { .. } | Obstacle::UnknownDerived { .. } => None,
            Obstacle::Unmatched { table, .. }
            | Obstacle::SeveralTables { table, .. }
            | Obstacle::TableTaken { table, .. }
            | Obstacle::NameTaken { table, .. }
            | Obstacle::Unfilled { table, .. }
            | Obstacle::NeedsTrigger { table, .. }
            | Obstacle::Referenced { table, .. }
            | Obstacle::NotOurs { table, .. }
            | Obstacle::InTheWay { table, .. } => Some(table),
            Obstacle::Seeds(undecided) => Some(&undecided.found.table),
            Obstacle::SeedKey(clash) => Some(&clash.table),
            Obstacle::SeveralColumns { .. }
            | Obstacle::ColumnTaken { .. }
            | Obstacle::UnknownColumn { .. }
            | Obstacle::Type { .. }
            | Obstacle::Conversion { .. }
            | Obstacle::Moment { .. } => self.column().map(|column| column.table.as_str()),
        }
    }

    /// The column that it is about, if it is about one.
    pub fn column(&self) -> Option<&ColumnName> {
        match self {
            Obstacle::SeveralColumns { column, .. }
            | Obstacle::ColumnTaken { column, .. }
            | Obstacle::UnknownColumn { column, .. }
            | Obstacle::Type { column, .. }
            | Obstacle::Conversion { column, .. }
            | Obstacle::Moment { column, .. } => Some(column),
            _ => None,
        }
    }

    /// The decisions of which each solves it, the most plausible first; empty where only a change of the target does.
    pub fn decisions(&self) -> Vec<Decision> {
        const NO_COLUMN: &str = "the app's table has no such column";
        match self {
            Obstacle::Unmatched { table, resembles, .. } => {
                let mut decisions: Vec<Decision> =
                    resembles.iter().map(|resemblance| resemblance.decision(table)).collect();
                decisions.push(Decision::create(table));
                decisions.push(Decision::leave_behind(table, "the app does not have it"));
                decisions
            }
            Obstacle::SeveralTables { table, candidates } => {
                candidates.iter().map(|name| Decision::table(table, "rename", name)).collect()
            }
            Obstacle::SeveralColumns { column, candidates } => {
                candidates.iter().map(|name| Decision::column(column, "rename", name)).collect()
            }
            Obstacle::TableTaken { table, target, .. } => {
                vec![Decision::leave_behind(table, &format!("another table goes to {target}"))]
            }
            Obstacle::ColumnTaken { column, target, .. } => {
                vec![Decision::column(column, "skip", &format!("another column goes to {target}"))]
            }
            Obstacle::NameTaken { table, free, .. } => vec![
                Decision::table(table, "rename", free),
                Decision::leave_behind(table, "the app does not have it"),
            ],
            Obstacle::UnknownColumn { column, nearest, .. } => {
                let renamed = nearest.iter().map(|name| Decision::column(column, "rename", name));
                renamed.chain([Decision::column(column, "skip", NO_COLUMN)]).collect()
            }
            Obstacle::NeedsTrigger { column, .. } => vec![Decision::fill(column)],
            Obstacle::Type { column, type_name, key, can_be_skipped } => {
                let read =
                    key.is_none().then(|| Decision::column(column, "as", Conversion::TextInput.name()));
                let reason = format!("no conversion produces {type_name}");
                let skipped = can_be_skipped.then(|| Decision::column(column, "skip", &reason));
                read.into_iter().chain(skipped).collect()
            }
            Obstacle::Moment { column, candidates, .. } => {
                candidates.iter().map(|name| Decision::column(column, "as", name)).collect()
            }
            Obstacle::Seeds(undecided) => seed_decisions(&undecided.found.table, &undecided.choices),
            Obstacle::SeedKey(clash) if clash.can_replace => seed_decisions(&clash.table, &[Seeds::Replace]),
            Obstacle::Referenced { table, choices, .. } => seed_decisions(table, choices),
            _ => Vec::new(),
        }
    }

    /// The most plausible of the decisions as text of `mapping.toml`.
    pub fn decision(&self) -> Option<String> {
        self.decisions().first().map(Decision::text)
    }
}

fn seed_decisions(table: &str, choices: &[Seeds]) -> Vec<Decision> {
    choices.iter().map(|choice| Decision::table(table, "seeds", choice.name())).collect()
}
