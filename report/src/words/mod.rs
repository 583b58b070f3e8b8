//! The sentences for what a validation found: the same on the screen, on the page, in JSON, in JUnit and in annotations.
//!
//! All wording is here; [`remedy`] has the remedy for a finding.

mod comparison;
mod not_compared;
pub mod remedy;
mod structure;
mod unrepaired;

use migrate_core::finding::{
    BaselineDifference, BaselineProblem, ConstraintDifference, ConstraintKind, ConstraintName,
    ConstraintProblem, DefaultDifference, DefaultProblem, DerivedDifference, MissingMigration,
    SchemaDifference, SequenceBehind, ViewDifference, ViewProblem,
};
use migrate_core::mapping::DEFAULT_SCHEMA;

use crate::figures::count;
pub use crate::figures::counted;
use crate::model::HeldRows;
pub use comparison::{diagnosis, different_values, gap, other_form, other_forms, row_kind, some};
pub use not_compared::{reason, subject};
pub use structure::{structure, structure_item, structure_title};
pub use unrepaired::unrepaired;

/// Why nothing is known of the integrity of the sealed copy, how to find out, and why the proof does not need it.
pub const INTEGRITY_NOT_RUN: &str = "not run; `cargo xtask validate --integrity-check` runs it, and `cutover` and `cleanup` do \
     where it is missing. The proof does not depend on it: every row was read by a scan of its table, never through an index";

/// A difference of the schema.
pub fn schema(difference: &SchemaDifference) -> String {
    match difference {
        SchemaDifference::TableMissing { table } => format!("table {table} is gone"),
        SchemaDifference::ItemMissing { table, item, planned } => {
            format!("{table}: {item} is gone: {planned}")
        }
        SchemaDifference::ItemDiffers { table, item, live, planned } => {
            format!("{table}: {item} is {live}, the plan has {planned}")
        }
        SchemaDifference::ItemUnplanned { table, item, live } => {
            format!("{table}: {item} is not in the plan: {live}")
        }
        SchemaDifference::ObjectUnplanned { schema, object, name } => {
            let schema = if schema == DEFAULT_SCHEMA { String::new() } else { format!("{schema}.") };
            format!("{object} {schema}{name} is not in the plan")
        }
        SchemaDifference::KeptRowsMissing { table, missing, kept } => {
            format!("{table}: of the rows to be kept, {missing} of {kept} are missing")
        }
        SchemaDifference::DieselSchemaDiffers { file, .. } => {
            format!("{file} is not the Diesel schema that was migrated")
        }
    }
}

/// Several differences of the schema on one line.
pub fn schema_list(differences: &[SchemaDifference]) -> String {
    differences.iter().map(schema).collect::<Vec<_>>().join("; ")
}

/// A sequence that is not past the highest number.
pub fn sequence(found: &SequenceBehind) -> String {
    let SequenceBehind { sequence, table, column, next, highest, is_given_by_sqlite_alone, repair } = found;
    let problem = match is_given_by_sqlite_alone {
        true => format!("but SQLite gave {highest} for {table} already"),
        false => format!("which {table}.{column} has passed"),
    };
    let room = match repair.as_ref().is_some_and(|repair| repair.widens) {
        true => "; its bounds end before the next free number",
        false => "",
    };
    match next {
        Some(next) => format!("sequence {sequence}: its next number is {next}, {problem}{room}"),
        None => format!("sequence {sequence}: it is used up, and {table}.{column} needs another number"),
    }
}

/// A migration that is not listed.
pub fn missing_migration(migration: &MissingMigration) -> String {
    match migration.list_schema.as_str() {
        DEFAULT_SCHEMA => format!("__diesel_schema_migrations does not list {}", migration.name),
        schema => format!("{schema}.__diesel_schema_migrations does not list {}", migration.name),
    }
}

/// A difference of the list that the app's own migrator reads.
pub fn baseline(found: &BaselineDifference) -> String {
    let list = found.baseline.name();
    match &found.problem {
        BaselineProblem::ListMissing => {
            format!("{list} is gone, so that the app's migrator runs all migrations")
        }
        BaselineProblem::ListNotReadable => format!("{list} is not a table that the app's migrator can read"),
        BaselineProblem::RowMissing { row } => {
            format!("{list} does not list the migration with created_at {}", row.created_at_ms)
        }
        BaselineProblem::OtherHash { row } => {
            format!("{list}: the migration with created_at {} has another hash", row.created_at_ms)
        }
        BaselineProblem::OtherTime { row, found_ms } => {
            let found = found_ms.map_or_else(|| "NULL".to_owned(), |time| time.to_string());
            format!("{list}: created_at of a migration is {found}, and was {}", row.created_at_ms)
        }
        BaselineProblem::RowWithoutTime => {
            format!(
                "{list} has a row without created_at, so that the app's migrator runs all migrations again"
            )
        }
    }
}

/// What became of the rows that an app's table held before the migration.
pub fn held(held: &HeldRows) -> String {
    let HeldRows { equal, kept, overwritten, deleted } = *held;
    let parts = [(equal, "equal"), (kept, "kept"), (overwritten, "overwritten"), (deleted, "deleted")];
    let parts: Vec<_> = parts.into_iter().filter(|(rows, _)| *rows > 0).collect();
    let rows = parts.iter().fold(0, |rows: u64, (part, _)| rows.saturating_add(*part));
    let were = if rows == 1 { "was" } else { "were" };
    let fates = match parts.as_slice() {
        [(1, word)] => (*word).to_owned(),
        [(_, word)] => format!("all {word}"),
        _ => {
            let parts: Vec<String> =
                parts.iter().map(|(part, word)| format!("{} {word}", count(*part))).collect();
            parts.join(", ")
        }
    };
    format!("{} {were} already there: {fates}", counted(rows, "row"))
}

/// Derived data that is not as the app would have made it.
pub fn derived(found: &DerivedDifference) -> String {
    match found {
        DerivedDifference::ColumnNotFilled { table, column, triggers, rows, is_computed } => {
            let (word, verb) = match (triggers.len(), is_computed) {
                (1, true) => ("trigger", "fills"),
                (1, false) => ("trigger", "may fill"),
                (_, true) => ("triggers", "fill"),
                (_, false) => ("triggers", "may fill"),
            };
            let lack = if *rows == 1 { "lacks" } else { "lack" };
            format!(
                "{table}.{column}: {} {lack} the value that {word} {} {verb} it with",
                counted(*rows, "migrated row"),
                triggers.join(", ")
            )
        }
        DerivedDifference::TableEmpty { table, triggers, .. } => {
            let word = if triggers.len() == 1 { "trigger" } else { "triggers" };
            let verb = if triggers.len() == 1 { "writes" } else { "write" };
            format!(
                "table {table} has no rows: {word} {} {verb} it, and the load does not",
                triggers.join(", ")
            )
        }
        DerivedDifference::ViewNotPopulated { view, .. } => {
            format!("materialized view {view} is not populated")
        }
        DerivedDifference::ViewStale { view, rows, query_rows, .. } => format!(
            "materialized view {view} is stale: it holds {}, and its query returns {query_rows}",
            counted(*rows, "row")
        ),
    }
}

/// A default that does not do the same.
pub fn default(found: &DefaultDifference) -> String {
    let how = match &found.problem {
        DefaultProblem::CallsForeignCode { live } => {
            format!(
                "PostgreSQL's {live} is not the plan's: it calls code that is not PostgreSQL's own, and was not run"
            )
        }
        DefaultProblem::CannotBeComputed { live } => format!("PostgreSQL cannot compute its {live}"),
        DefaultProblem::Missing { declared } => format!("PostgreSQL has none, SQLite has {declared}"),
        DefaultProblem::OtherValue { live, declared } => {
            format!("PostgreSQL's {live} returns another value than SQLite's {declared}")
        }
    };
    format!("default of {}.{}: {how}", found.table, found.column)
}

/// A constraint that does not do the same.
pub fn constraint(found: &ConstraintDifference) -> String {
    let how = match found.problem {
        ConstraintProblem::AcceptsViolation => "PostgreSQL accepts a row that violates it",
        ConstraintProblem::RefusesValidRow => "PostgreSQL refuses a row that SQLite accepts",
    };
    format!("{}: {how}", constraint_name(&found.constraint))
}

/// A constraint by its kind and name.
pub fn constraint_name(constraint: &ConstraintName) -> String {
    let kind = match constraint.constraint_kind {
        ConstraintKind::NotNull => "NOT NULL of",
        ConstraintKind::UniqueKey => "unique key",
        ConstraintKind::Check => "CHECK",
        ConstraintKind::ForeignKey => "foreign key",
    };
    format!("{}: {kind} {}", constraint.table, constraint.name)
}

/// A view that does not return the same rows.
pub fn view(found: &ViewDifference) -> String {
    format!("view {}: {}", found.view, view_problem(&found.problem))
}

fn view_problem(problem: &ViewProblem) -> String {
    match problem {
        ViewProblem::Unreadable { cause } => format!("PostgreSQL cannot read it: {cause}"),
        ViewProblem::RowCount { source_rows, target_rows } => {
            format!("SQLite returns {}, PostgreSQL {target_rows}", counted(*source_rows, "row"))
        }
        ViewProblem::Rows { rows } => {
            format!("both databases return {}, and these differ", counted(*rows, "row"))
        }
    }
}
