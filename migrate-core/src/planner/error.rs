//! Why no plan can be made, with the object that prevents it and the remedy.

use super::class_problem::ClassProblem;
use super::existing::{Elsewhere, Obstacles};
use crate::conversion::PgType;
use crate::operator_class::OperatorClass;
use crate::plan::Plan;
use crate::source_sql::UnreadableSql;
use crate::terms::IndexMethod;

/// Why no plan can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanningError {
    /// `mapping.toml` names something that the source has not.
    #[error("mapping.toml names {kind} {name}, which the source does not have{}", nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    UnknownName {
        /// `table` or `column`.
        kind: &'static str,
        /// The name, with its table where it is a column.
        name: String,
        /// The nearest name that there is.
        nearest: Option<String>,
    },
    /// `mapping.toml` has a rule that is about nothing.
    #[error("mapping.toml has {rule}, which matches no {kind} of the source{}", nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    IdleRule {
        /// The rule, as far as it names its subject.
        rule: String,
        /// `table` or `column`.
        kind: &'static str,
        /// The nearest name or declared type that there is.
        nearest: Option<String>,
    },
    /// The stored SQL of a table cannot be read, so that nothing can be promised of it.
    #[error(transparent)]
    UnreadableSql(#[from] UnreadableSql),
    /// A conversion that cannot serve a numbered key column.
    #[error(
        "{table}.{column} numbers its rows by itself, so it stays bigint; remove its `as` from mapping.toml"
    )]
    NumberedColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Rows cannot be loaded into the tables that an app made.
    #[error(transparent)]
    Obstructed(#[from] ObstructedPlan),
    /// Two databases that are to be compared have no table in common.
    #[error(
        "the target has no table with a name of the source's ({}){}",
        tables.join(", "),
        elsewhere.or("name the database that was filled with --postgres")
    )]
    NoCommonTable {
        /// The source's tables.
        tables: Vec<String>,
        /// Where tables of these names are.
        elsewhere: Elsewhere,
    },
    /// Two names of the source that are one in PostgreSQL.
    #[error("{first} and {second} would both be named {target} in PostgreSQL")]
    NameClash {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// The name.
        target: String,
    },
    /// More columns in a table than PostgreSQL allows.
    #[error(
        "table {table} has {found} columns, and PostgreSQL allows at most {max} (manual, appendix K); skip {} of them in mapping.toml, \
         a line for each below [tables.{table:?}.columns]: COLUMN = {{ skip = \"not needed\" }}",
        found - max
    )]
    TooManyTableColumns {
        /// The table.
        table: String,
        /// How many columns it has.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// More columns in a key or an index than PostgreSQL allows.
    #[error(
        "{what} has {found} columns, and PostgreSQL allows at most {max} (manual, appendix K); remove it from the source, or do not \
         migrate its table: [leave_behind] in mapping.toml"
    )]
    TooManyColumns {
        /// The key or index.
        what: String,
        /// How many columns it has.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A key or an index on a column whose planned type it cannot have.
    #[error("{key} of {table} uses {column}, {problem}")]
    KeyColumn {
        /// The key or index, for people.
        key: String,
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The problem and the remedy, for people.
        problem: &'static str,
    },
    /// An operator class that a key of an index cannot have.
    #[error("index {index} of {table} uses {key}{}", problem.in_words(class, *method, *kind))]
    OperatorClass {
        /// The table.
        table: String,
        /// The index.
        index: String,
        /// The column, or the expression.
        key: String,
        /// The class.
        class: OperatorClass,
        /// The method of the index.
        method: IndexMethod,
        /// The type of the column; none of an expression.
        kind: Option<PgType>,
        /// The problem.
        problem: ClassProblem,
    },
}

/// A plan for tables of an app that obstacles prevent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{obstacles}{}", other.as_ref().map(|other| format!("\nand besides: {other}")).unwrap_or_default())]
pub struct ObstructedPlan {
    /// The obstacles.
    pub obstacles: Obstacles,
    /// The plan of what fits, for people; nothing may execute it.
    pub fitting: Option<Box<Plan>>,
    /// Another error, which the plan of what fits ended with.
    pub other: Option<Box<PlanningError>>,
}

impl ObstructedPlan {
    /// The lines of `mapping.toml` for all decisions that are open: those that solve obstacles, and those about data that the app derives.
    pub fn mapping_lines(&self) -> String {
        self.obstacles.mapping_lines_with(self.fitting.as_deref())
    }

    /// The result of planning in which `obstacles` were found.
    pub(super) fn unless_empty(
        obstacles: Obstacles,
        planned: Result<Plan, PlanningError>,
    ) -> Result<Plan, PlanningError> {
        if obstacles.is_empty() {
            return planned;
        }
        let (fitting, other) = match planned {
            Ok(plan) => (Some(Box::new(plan)), None),
            Err(error) => (None, Some(Box::new(error))),
        };
        Err(PlanningError::Obstructed(ObstructedPlan { obstacles, fitting, other }))
    }
}
