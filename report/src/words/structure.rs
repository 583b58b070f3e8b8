//! The words for what differs between the source's declarations and the structure of the target. A sentence is a title and an item, so
//! that many items of one title are one line.

use migrate_core::comparison::structure::{
    ForeignKeyDifference, StructureDifference, StructureProblem as Problem, TypeLimit, UniqueSource,
};
use migrate_core::finding::DefaultProblem;

/// The sentence for a difference.
pub fn structure(found: &StructureDifference) -> String {
    format!("{}: {}", structure_title(&found.problem), structure_item(found))
}

/// The kind of a difference.
pub fn structure_title(problem: &Problem) -> &'static str {
    match problem {
        Problem::NotNullMissing { .. } => "NOT NULL is missing",
        Problem::NotNullAdded { .. } => "NOT NULL only in PostgreSQL",
        Problem::RequiredColumnAdded { .. } => "needs a value that the app does not give",
        Problem::PrimaryKeyMissing { .. } => "primary key is missing",
        Problem::PrimaryKeyDiffers { .. } => "primary key has other columns",
        Problem::PrimaryKeyOrder { .. } => "primary key has its columns in another order",
        Problem::PrimaryKeyAdded { .. } => "primary key only in PostgreSQL",
        Problem::UniqueMissing { .. } => "not kept unique",
        Problem::UniqueForAllRows { .. } => "kept unique in all rows, not only in some",
        Problem::UniqueNulls { .. } => "NULL allowed once, not in any number of rows",
        Problem::ExclusionAdded { .. } => "exclusion constraint only in PostgreSQL",
        Problem::UniqueAdded { .. } => "unique only in PostgreSQL",
        Problem::UniqueFoldsCase { .. } => "refuses values that differ only in case",
        Problem::UniqueDeferrable { .. } => "deferrable, so that ON CONFLICT fails",
        Problem::IndexMissing { .. } => "index is missing",
        Problem::IndexOrder { .. } => "index sorts in another order",
        Problem::IndexClass { .. } => "index has another operator class",
        Problem::IndexReversed { .. } => "index sorts the other way, and serves as well",
        Problem::IndexForAllRows { .. } => "index of all rows, not only of some",
        Problem::IndexCovered { .. } => "index is covered by another",
        Problem::IndexAdded { .. } => "index only in PostgreSQL",
        Problem::IndexRepeated { .. } => "index repeats another",
        Problem::IndexInvalid { .. } => "index is not valid",
        Problem::ForeignKeyMissing { .. } => "foreign key is missing",
        Problem::ForeignKeyDiffers { .. } => "foreign key acts differently",
        Problem::ForeignKeyAdded { .. } => "foreign key only in PostgreSQL",
        Problem::CheckMissing { .. } => "CHECK is missing",
        Problem::CheckByType { .. } => "CHECK is missing, and the type does the same",
        Problem::CheckAdded { .. } => "CHECK only in PostgreSQL",
        Problem::DomainCheckAdded { .. } => "CHECK of a domain only in PostgreSQL",
        Problem::CheckNotValid { .. } => "CHECK is NOT VALID",
        Problem::Default { difference, .. } => match difference {
            DefaultProblem::Missing { .. } => "default is missing",
            DefaultProblem::OtherValue { .. } => "default returns another value",
            DefaultProblem::CannotBeComputed { .. } => "default cannot be computed",
            DefaultProblem::CallsForeignCode { .. } => {
                "default calls code that is not PostgreSQL's own, and was not run"
            }
        },
        Problem::DefaultAdded { .. } => "default only in PostgreSQL",
        Problem::GeneratedMissing { .. } => "generated column is missing",
        Problem::GeneratedNotComputed { .. } => "generated column is not computed",
        Problem::GeneratedDiffers { .. } => "generated column has another expression",
        Problem::GeneratedAdded { .. } => "generated only in PostgreSQL",
        Problem::NumberingDiffers { .. } => "new rows get computed numbers",
        Problem::NumberingMissing { .. } => "new rows get no number",
        Problem::NumberingAlways { .. } => "refuses numbers that the app gives",
        Problem::SequenceBehind { .. } => "numbers are issued again",
        Problem::Narrower { limit, .. } => match limit {
            TypeLimit::TimeZone => "no time zone in the type",
            TypeLimit::Json => "JSON is text",
            _ => "type holds less than SQLite does",
        },
        Problem::EnumAdded { .. } => "takes the labels of an enum only",
        Problem::CollationMissing { .. } => "compares texts otherwise",
        Problem::CaseFolded { .. } => "compares without case, unlike SQLite",
        Problem::RowSecurity => "row level security: policies decide which rows a role sees and writes",
        Problem::Unlogged => "UNLOGGED: a crash empties it",
        Problem::RowsInChildren => "rows in inheriting tables, outside its keys",
        Problem::PartitionMissing { .. } => "refuses rows that no partition takes",
        Problem::ViewMissing { .. } => "view is missing",
        Problem::ViewMaterialized { .. } => "view is materialized, and keeps old rows",
        Problem::ViewColumns { .. } => "view lacks columns",
        Problem::ViewDiffers { .. } => "view returns other rows",
        Problem::TriggerMissing { .. } => "trigger is missing",
        Problem::TriggerDisabled { .. } => "trigger is disabled",
        Problem::TriggerDiffers { .. } => "trigger fires for something else",
        Problem::TriggerAdded { changes_rows: true, .. } => {
            "trigger only in PostgreSQL, which may change, drop or refuse rows that the app writes"
        }
        Problem::TriggerAdded { .. } => "trigger only in PostgreSQL",
        Problem::RuleAdded { is_instead: true, .. } => "rule replaces what the app writes",
        Problem::RuleAdded { .. } => "rule only in PostgreSQL",
    }
}

/// The table or column that a difference is about, what differs there, and whether rows break it.
pub fn structure_item(found: &StructureDifference) -> String {
    let broken = if found.is_broken_by_rows { " (rows break it)" } else { "" };
    format!("{}{broken}", item(found))
}

fn item(found: &StructureDifference) -> String {
    let table = found.table.as_deref().unwrap_or_default();
    match &found.problem {
        Problem::NotNullMissing { column }
        | Problem::NotNullAdded { column }
        | Problem::RequiredColumnAdded { column }
        | Problem::NumberingAlways { column }
        | Problem::CaseFolded { column }
        | Problem::NumberingMissing { column } => format!("{table}.{column}"),
        Problem::RowSecurity | Problem::Unlogged | Problem::RowsInChildren => table.to_owned(),
        Problem::PartitionMissing { bounds } => format!("{table}: {}", bounds.join(", ")),
        Problem::EnumAdded { column, type_name } => format!("{table}.{column}, {type_name}"),
        Problem::CollationMissing { column, collation } => format!("{table}.{column}, in SQLite {collation}"),
        Problem::PrimaryKeyMissing { columns } => format!("{table} ({})", columns.join(", ")),
        Problem::PrimaryKeyAdded { live } => format!("{table} ({})", live.join(", ")),
        Problem::PrimaryKeyDiffers { columns, live } | Problem::PrimaryKeyOrder { columns, live } => {
            format!("{table} ({}), in SQLite ({})", live.join(", "), columns.join(", "))
        }
        Problem::Default { column, difference } => format!("{table}.{column}, {}", default(difference)),
        Problem::DefaultAdded { column, live } => format!("{table}.{column}, {live}"),
        Problem::GeneratedMissing { column, expression }
        | Problem::GeneratedNotComputed { column, expression } => format!("{table}.{column}, {expression}"),
        Problem::GeneratedDiffers { column, expression, live } => {
            format!("{table}.{column}, {live}, in SQLite {expression}")
        }
        Problem::GeneratedAdded { column, live } | Problem::NumberingDiffers { column, live } => {
            format!("{table}.{column}, {live}")
        }
        Problem::SequenceBehind { sequence } => super::sequence(sequence),
        Problem::Narrower { column, type_name, limit } => {
            format!("{table}.{column}, {type_name}{}", type_limit(*limit))
        }
        other => object(table, other),
    }
}

/// The same for views, triggers and rules.
fn object(table: &str, problem: &Problem) -> String {
    let of_table = if table.is_empty() { String::new() } else { format!(" of {table}") };
    match problem {
        Problem::ViewMissing { view } | Problem::ViewMaterialized { view } => view.clone(),
        Problem::ViewColumns { view, columns } => format!("{view} ({})", columns.join(", ")),
        Problem::ViewDiffers { view, difference } => format!("{view}: {}", super::view_problem(difference)),
        Problem::TriggerMissing { trigger } => format!("{trigger}{of_table}"),
        Problem::TriggerDisabled { live, .. } | Problem::TriggerAdded { live, .. } => {
            format!("{live}{of_table}")
        }
        Problem::TriggerDiffers { trigger, event, live } => {
            format!("{trigger}{of_table}: {live}, in SQLite {event}")
        }
        Problem::RuleAdded { live, event, .. } => format!("{live}{of_table}, ON {event}"),
        other => constraint(table, other),
    }
}

/// The same for keys, indexes, foreign keys and CHECKs.
fn constraint(table: &str, problem: &Problem) -> String {
    match problem {
        Problem::UniqueMissing { unique, keys, condition, compares_case } => {
            let name = match unique {
                UniqueSource::Constraint => String::new(),
                UniqueSource::Index(name) => format!(" {name}"),
            };
            let case = compares_case.as_ref();
            let case = case.map(|live| format!("; {live} distinguishes case")).unwrap_or_default();
            format!("{table}{name} ({}){}{case}", keys.join(", "), filter(condition.as_deref()))
        }
        Problem::IndexMissing { index, keys, condition } => {
            format!("{table} {index} ({}){}", keys.join(", "), filter(condition.as_deref()))
        }
        Problem::UniqueForAllRows { index, live, condition }
        | Problem::IndexForAllRows { index, live, condition } => {
            format!("{table} {live}, in SQLite {index}{}", filter(Some(condition)))
        }
        Problem::UniqueAdded { live, keys }
        | Problem::UniqueNulls { live, keys }
        | Problem::UniqueFoldsCase { live, keys }
        | Problem::UniqueDeferrable { live, keys }
        | Problem::ExclusionAdded { live, keys }
        | Problem::IndexAdded { live, keys } => {
            format!("{table} {live} ({})", keys.join(", "))
        }
        Problem::IndexOrder { index, live } | Problem::IndexReversed { index, live } => {
            format!("{table} {live}, in SQLite {index}")
        }
        Problem::IndexClass { index, live, class } => format!("{table} {live}, {class}, in SQLite {index}"),
        Problem::IndexCovered { index, live } => format!("{table} {index} by {live}"),
        Problem::IndexRepeated { live, of } => format!("{table} {live} repeats {of}"),
        Problem::IndexInvalid { live } | Problem::CheckNotValid { live } => format!("{table} {live}"),
        Problem::ForeignKeyMissing { columns, parent, parent_columns } => {
            format!("{table} ({}) to {parent} ({})", columns.join(", "), parent_columns.join(", "))
        }
        Problem::ForeignKeyDiffers { live, differences, .. } => {
            let all: Vec<String> = differences.iter().map(foreign_key).collect();
            format!("{table} {live}: {}", all.join(", "))
        }
        Problem::ForeignKeyAdded { live, columns } => format!("{table} {live} ({})", columns.join(", ")),
        Problem::CheckMissing { check } | Problem::CheckByType { check } => format!("{table} ({check})"),
        Problem::DomainCheckAdded { column, domain, check } => {
            format!("{table}.{column}, {domain} ({check})")
        }
        Problem::CheckAdded { live, check } => format!("{table} {live} ({check})"),
        _ => table.to_owned(),
    }
}

fn filter(condition: Option<&str>) -> String {
    condition.map(|condition| format!(" where {condition}")).unwrap_or_default()
}

fn foreign_key(difference: &ForeignKeyDifference) -> String {
    match difference {
        ForeignKeyDifference::OnDelete { declared, live } => {
            format!("ON DELETE {live}, in SQLite {declared}")
        }
        ForeignKeyDifference::OnUpdate { declared, live } => {
            format!("ON UPDATE {live}, in SQLite {declared}")
        }
        ForeignKeyDifference::NotDeferred => "checked at once, in SQLite at COMMIT".to_owned(),
        ForeignKeyDifference::Deferred => "checked at COMMIT, in SQLite at once".to_owned(),
        ForeignKeyDifference::NotValid => "NOT VALID".to_owned(),
        ForeignKeyDifference::NotEnforced => "disabled: rows without a parent get in".to_owned(),
        ForeignKeyDifference::MatchFull => "MATCH FULL".to_owned(),
        ForeignKeyDifference::SetsSome { columns } => {
            format!("ON DELETE sets {} only", columns.join(", "))
        }
    }
}

fn default(difference: &DefaultProblem) -> String {
    match difference {
        DefaultProblem::Missing { declared } => format!("in SQLite {declared}"),
        DefaultProblem::OtherValue { live, declared } => format!("{live}, in SQLite {declared}"),
        DefaultProblem::CannotBeComputed { live } | DefaultProblem::CallsForeignCode { live } => live.clone(),
    }
}

fn type_limit(limit: TypeLimit) -> String {
    match limit {
        TypeLimit::Bits { bits } => format!(": integers of {bits} bits"),
        TypeLimit::SinglePrecision => ": 6 significant digits".to_owned(),
        TypeLimit::Characters { characters } => format!(": {characters} characters"),
        TypeLimit::Digits { digits } => {
            format!(": {digits} {} before the point", if digits == 1 { "digit" } else { "digits" })
        }
        TypeLimit::Decimals { decimals } => format!(": rounds to {decimals} decimals"),
        TypeLimit::TimeZone | TypeLimit::Json => String::new(),
    }
}
