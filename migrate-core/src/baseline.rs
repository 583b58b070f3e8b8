//! The list of applied migrations that the app's own migrator keeps, with the plan's migrations in it: a baseline.
//!
//! An app whose migrator finds its first migrations in this list does not run them. The table is the one that Drizzle creates:
//! `id serial`, `hash text` and `created_at bigint`. Drizzle applies each migration whose time is later than the latest one in the
//! list, and takes a row without a time for the latest. This module reads no database; it decides what a list lacks.

use serde::{Deserialize, Serialize};

use crate::identifier::{qualified_pg, quote_pg, quote_pg_literal};

/// The columns of the table, to the letter of Drizzle's migrator.
const COLUMNS: &str = "(id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)";

/// The rows that the app's migrator would have written for the plan's migrations, and the table for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The schema of the list.
    pub schema: String,
    /// The table.
    pub table: String,
    /// A row for each migration, in their order.
    pub rows: Vec<BaselineRow>,
}

/// A migration in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineRow {
    /// SHA-256 of the migration's file, in lower-case hex.
    pub hash: String,
    /// The migration's time, in milliseconds since 1970.
    pub created_at_ms: i64,
}

/// A row of the list as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRow {
    /// The hash.
    pub hash: String,
    /// The time in milliseconds; none where the column is NULL.
    pub created_at_ms: Option<i64>,
}

/// A difference of the list of applied migrations that the app's own migrator reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineDifference {
    /// What the migration wrote, and where.
    #[serde(skip)]
    pub baseline: Baseline,
    /// What differs.
    #[serde(flatten)]
    pub problem: BaselineProblem,
}

/// What differs in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[allow(missing_docs, reason = "`row` is the row that the migration wrote")]
pub enum BaselineProblem {
    /// The table is missing, so that the migrator runs all migrations.
    ListMissing,
    /// What has its name is no table, or lacks a column that the migrator reads.
    ListNotReadable,
    /// A row is missing.
    RowMissing { row: BaselineRow },
    /// The row of this time has another hash.
    OtherHash { row: BaselineRow },
    /// The row of this hash has another time; none where it is NULL.
    OtherTime { row: BaselineRow, found_ms: Option<i64> },
    /// A row that is not the migration's has no time, so that the migrator runs all migrations.
    RowWithoutTime,
}

impl Baseline {
    /// The table as SQL names it.
    pub fn name(&self) -> String {
        qualified_pg(&self.schema, &self.table)
    }

    /// The statement that creates the schema.
    pub fn create_schema_sql(&self) -> String {
        format!("CREATE SCHEMA {}", quote_pg(&self.schema))
    }

    /// The statement that creates the table.
    pub fn create_table_sql(&self) -> String {
        format!("CREATE TABLE {} {COLUMNS}", self.name())
    }

    /// The statements with which the migrator creates what is missing.
    pub fn create_missing_sql(&self) -> String {
        format!(
            "CREATE SCHEMA IF NOT EXISTS {}; CREATE TABLE IF NOT EXISTS {} {COLUMNS}",
            quote_pg(&self.schema),
            self.name()
        )
    }

    /// The statement that adds rows.
    pub fn insert_sql(&self, rows: &[BaselineRow]) -> String {
        let value = |row: &BaselineRow| format!("({}, {})", quote_pg_literal(&row.hash), row.created_at_ms);
        let values: Vec<String> = rows.iter().map(value).collect();
        format!("INSERT INTO {} (hash, created_at) VALUES {}", self.name(), values.join(", "))
    }

    /// Returns what differs in a list, where the app's migrator would not do what it does with the baseline, or where a row is not the
    /// one that it would have written. Rows that the app added since are no difference.
    pub fn differences(&self, listed: &[ListedRow]) -> Vec<BaselineDifference> {
        let is_listed = |row: &BaselineRow| {
            listed
                .iter()
                .any(|found| found.hash == row.hash && found.created_at_ms == Some(row.created_at_ms))
        };
        let is_ours = |found: &ListedRow| self.rows.iter().any(|row| row.hash == found.hash);
        let mut problems: Vec<BaselineProblem> =
            self.rows.iter().filter(|row| !is_listed(row)).map(|row| problem_of(row, listed)).collect();
        if listed.iter().any(|found| found.created_at_ms.is_none() && !is_ours(found)) {
            problems.push(BaselineProblem::RowWithoutTime);
        }
        problems.into_iter().map(|problem| self.difference(problem)).collect()
    }

    /// A difference of this baseline.
    pub fn difference(&self, problem: BaselineProblem) -> BaselineDifference {
        BaselineDifference { baseline: self.clone(), problem }
    }

    /// Counts the rows of a list that are not the baseline's.
    pub fn added(&self, listed: &[ListedRow]) -> usize {
        let is_ours = |found: &&ListedRow| {
            self.rows
                .iter()
                .any(|row| row.hash == found.hash && Some(row.created_at_ms) == found.created_at_ms)
        };
        listed.len() - listed.iter().filter(is_ours).count()
    }
}

/// What became of a row that is not in the list.
fn problem_of(row: &BaselineRow, listed: &[ListedRow]) -> BaselineProblem {
    let row = row.clone();
    if listed.iter().any(|found| found.created_at_ms == Some(row.created_at_ms)) {
        return BaselineProblem::OtherHash { row };
    }
    match listed.iter().find(|found| found.hash == row.hash) {
        Some(found) => BaselineProblem::OtherTime { found_ms: found.created_at_ms, row },
        None => BaselineProblem::RowMissing { row },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        let row = |hash: &str, created_at_ms| BaselineRow { hash: hash.into(), created_at_ms };
        Baseline {
            schema: "drizzle".into(),
            table: "__drizzle_migrations".into(),
            rows: vec![row("aa", 1000), row("bb", 2000)],
        }
    }

    fn problems(listed: &[(&str, Option<i64>)]) -> Vec<BaselineProblem> {
        let differences = baseline().differences(&rows(listed));
        differences.into_iter().map(|difference| difference.problem).collect()
    }

    fn rows(listed: &[(&str, Option<i64>)]) -> Vec<ListedRow> {
        let row = |(hash, created_at_ms): &(&str, _)| ListedRow {
            hash: (*hash).to_owned(),
            created_at_ms: *created_at_ms,
        };
        listed.iter().map(row).collect()
    }

    #[test]
    fn rows_that_the_app_added_since_are_no_difference() {
        let listed = [("aa", Some(1000)), ("bb", Some(2000)), ("cc", Some(3000))];
        assert_eq!(problems(&listed), []);
        assert_eq!(baseline().added(&rows(&listed)), 1);
        assert_eq!(problems(&listed[..2]), []);
        assert_eq!(baseline().added(&rows(&listed[..2])), 0);
    }

    #[test]
    fn each_row_that_is_not_as_it_was_written_is_a_difference() {
        let [first, second] = [0, 1].map(|index: usize| baseline().rows[index].clone());
        let missing = |row: &BaselineRow| BaselineProblem::RowMissing { row: row.clone() };
        assert_eq!(problems(&[]), [missing(&first), missing(&second)]);
        assert_eq!(problems(&[("aa", Some(1000))]), [missing(&second)]);
        assert_eq!(
            problems(&[("aa", Some(1000)), ("xx", Some(2000))]),
            [BaselineProblem::OtherHash { row: second.clone() }]
        );
        assert_eq!(
            problems(&[("aa", Some(7)), ("bb", None)]),
            [
                BaselineProblem::OtherTime { row: first, found_ms: Some(7) },
                BaselineProblem::OtherTime { row: second, found_ms: None }
            ]
        );
        assert_eq!(
            problems(&[("aa", Some(1000)), ("bb", Some(2000)), ("cc", None)]),
            [BaselineProblem::RowWithoutTime]
        );
    }
}
