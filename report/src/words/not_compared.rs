//! Describes what a check did not compare, and why.

use migrate_core::finding::{Database, Reason, Subject};

use super::{constraint_name, counted, view_problem};

/// The subject that was not compared.
pub fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Schema => "schema".to_owned(),
        Subject::View { view } => format!("view {view}"),
        Subject::AllConstraints => "all constraints".to_owned(),
        Subject::ConstraintsOf { table, count } => {
            format!("{table}: all {}", counted(*count as u64, "constraint"))
        }
        Subject::Constraint(constraint) => constraint_name(constraint),
        Subject::DefaultsOf { table } => format!("defaults of {table}"),
        Subject::DerivedColumn { column } => format!("column {column}"),
        Subject::MaterializedView { view } => format!("materialized view {view}"),
        Subject::WrittenTable { table } => format!("table {table}"),
        Subject::Sequence { sequence } => format!("sequence {sequence}"),
        Subject::Default { table, column } => format!("default of {table}.{column}"),
    }
}

/// Why it was not compared.
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::TableTimeUsed { limit_s } => {
            format!(
                "the constraints before it took more than {limit_s} seconds: the table is locked, or has to be searched"
            )
        }
        Reason::TimeUsed { limit_s } => {
            format!("the tables before it took more than {limit_s} seconds")
        }
        Reason::CatalogUnreadable { cause: None } => "its catalog entries cannot be read".to_owned(),
        Reason::CatalogUnreadable { cause: Some(cause) } => {
            format!("its catalog entries cannot be read: {cause}")
        }
        Reason::OtherRefusal { cause } => format!("PostgreSQL refused the row for another reason: {cause}"),
        Reason::SourceFailed { cause } => format!("SQLite cannot try it: {cause}"),
        Reason::DefaultNotComputable { cause: None } => "SQLite by itself cannot compute it".to_owned(),
        Reason::DefaultNotComputable { cause: Some(cause) } => {
            format!("SQLite by itself cannot compute it: {cause}")
        }
        Reason::ClockSkew { seconds } => {
            format!("the clocks of this machine and of the server are {} apart", counted(*seconds, "second"))
        }
        Reason::NoRightToReadSequence { grants } => format!("this role may not read it: {grants}"),
        Reason::ViewTime { database, limit_ms, all_views_ms } => format!(
            "{} takes more than {:.1} seconds for it, and all views together have {:.0} (DB_VIEWS_TIMEOUT)",
            database_name(*database),
            *limit_ms as f64 / 1e3,
            *all_views_ms as f64 / 1e3
        ),
        Reason::ViewTooLong { database, limit_mib } => {
            let what = if *database == Database::Sqlite { "value" } else { "row" };
            format!("a {what} of it in {} is longer than {limit_mib} MiB", database_name(*database))
        }
        Reason::ViewTypes { problem } => format!(
            "{}; its columns have other types than those of SQLite's would get, which may be why",
            view_problem(problem)
        ),
        Reason::ViewForms { problem } => format!(
            "{}; values of the tables are equal in another form, which may be why",
            view_problem(problem)
        ),
        Reason::ViewUnreadableInSource { cause } => format!("SQLite by itself cannot read it: {cause}"),
        Reason::TriggersNotCalled { triggers } => {
            format!("triggers may write it, and were not called during the load: {triggers}")
        }
        Reason::ComputedNumber { column } => {
            format!(
                "{column} stores another value than its number; check it by hand, or tie it to a column in mapping.toml"
            )
        }
        Reason::TriggerRefuses { cause } => {
            format!("its triggers may fill it, and cannot be called for the migrated rows: {cause}")
        }
        Reason::ViewRefused { cause } => format!("PostgreSQL cannot read it: {cause}"),
        Reason::NotANumber { column } => {
            format!("{column} is no column of whole numbers; check the sequence by hand")
        }
        Reason::NumberedTableMissing { table } => format!("table {table}, which draws from it, is gone"),
        Reason::NumberedColumnMissing { column } => format!("column {column}, which draws from it, is gone"),
        Reason::DamagedIndex { table, problem } => format!(
            "{}; but SQLite may have read it through an index of table {table} that is damaged in the sealed copy",
            view_problem(problem)
        ),
        Reason::OpenOrder { problem } => format!(
            "{}; but its order leaves open which of several equal rows come first, and it shows",
            view_problem(problem)
        ),
        other => fixed(other).to_owned(),
    }
}

/// The reasons without data.
fn fixed(reason: &Reason) -> &'static str {
    match reason {
        Reason::Standby => "the server is a standby, which accepts no writes; validate its primary",
        Reason::ListsChanges => "this run lists changes and is no proof",
        Reason::ReadOnly => "--read-only",
        Reason::NoProceduralLanguage => {
            "the database lacks the language plpgsql, or this role may not use it: without it, a refusal would write values of rows \
             to the server's log"
        }
        Reason::TableOfApp => "an app made the table, whose INSERT may do more than refuse",
        Reason::TriggersOrRules => {
            "it has triggers or rules, which may act outside of the transaction or change the row"
        }
        Reason::OtherColumns => "it has other columns than the plan, whose defaults may advance a sequence",
        Reason::NoRightToInsert => "this role may not INSERT",
        Reason::NoRow => "it holds no row to start from",
        Reason::NoCompleteRow => "no row has a value in all of its columns",
        Reason::GeneratedColumn => "the column is generated: its value cannot be chosen",
        Reason::NoViolationInSource => "no value was found that violates it in SQLite",
        Reason::NoViolationInBoth => "no value was found that violates it in both databases",
        Reason::NoKeyWithoutParent => "no key was found that its parent table lacks",
        Reason::ParentNotCompared => "the table that it refers to was not compared",
        Reason::OwnParent => "every row is its own parent",
        Reason::Locked => "another session holds a lock on the table",
        Reason::DefaultNotPlanned => "the plan does not carry it over, and names the reason",
        Reason::NotDeterministic => {
            "it returns another value each time: it depends on the clock or on chance"
        }
        Reason::LocalClock => "it is the clock of whichever machine runs the app",
        Reason::ClockInOtherForm => "it is the clock in another form than the column's rows have",
        Reason::OldPlan => {
            "its plan is one of an older version, which does not record how its columns are converted back"
        }
        Reason::OtherRowsOnPurpose => {
            "the tables of the two databases do not hold the same rows, as requested"
        }
        Reason::RowsRejected => "rows were skipped or values became NULL by the plan's policy",
        Reason::RowsDiffer => "rows of tables differ already",
        Reason::ViewCallsForeignCode => "it calls code that is not PostgreSQL's own, and was not run",
        Reason::NoRightToReadView => "this role may not read it (GRANT SELECT on the view)",
        Reason::NoColumnKnown => {
            "no column is known that draws from it; if one does, tie it in mapping.toml: [sequences], NAME = \"TABLE.COLUMN\""
        }
        Reason::ColumnMissing | Reason::SequenceMissing | Reason::ViewMissing => "it does not exist",
        Reason::ViewTimeUsed => {
            "the views before it took all the time that views have together (DB_VIEWS_TIMEOUT)"
        }
        // Worded above, with their data.
        Reason::TableTimeUsed { .. }
        | Reason::TimeUsed { .. }
        | Reason::CatalogUnreadable { .. }
        | Reason::OtherRefusal { .. }
        | Reason::SourceFailed { .. }
        | Reason::DefaultNotComputable { .. }
        | Reason::ClockSkew { .. }
        | Reason::NoRightToReadSequence { .. }
        | Reason::ViewTime { .. }
        | Reason::ViewTooLong { .. }
        | Reason::ViewTypes { .. }
        | Reason::ViewForms { .. }
        | Reason::ViewUnreadableInSource { .. }
        | Reason::ComputedNumber { .. }
        | Reason::TriggersNotCalled { .. }
        | Reason::NotANumber { .. }
        | Reason::NumberedTableMissing { .. }
        | Reason::NumberedColumnMissing { .. }
        | Reason::TriggerRefuses { .. }
        | Reason::ViewRefused { .. }
        | Reason::DamagedIndex { .. }
        | Reason::OpenOrder { .. } => "",
    }
}

fn database_name(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "SQLite",
        Database::Postgresql => "PostgreSQL",
    }
}
