//! Comparisons with a target that another tool filled: here SQL written by hand, which does to the rows whatever a tool may do.

mod access;
mod copies;
mod forms;
mod keyless;
mod long_cells;
mod losses;
mod names;
mod numbering;
mod own;
mod random_repairs;
mod repairs;
mod sealed;
mod structure;

use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection};
use migrate_core::comparison::structure::Structure;
use migrate_core::comparison::{ComparedTable, Comparison, Gap};
use migrate_core::mapping::Mapping;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::comparison::{self, ComparisonRequest, ComparisonSource};
use row_mover::observer::Silent;
use row_mover::validate::CompareOptions;
use tempfile::TempDir;
use test_database::TestDatabase;

use crate::support::{chain, sqlite};

/// A SQLite file and a database that something else filled from it.
pub struct Pair {
    pub _dir: TempDir,
    pub source: PathBuf,
    pub database: TestDatabase,
    pub mapping: String,
    pub workers: usize,
}

impl Pair {
    #[track_caller]
    pub fn new(source_sql: &str, target_sql: &str) -> Pair {
        Pair::on(TestDatabase::create(), source_sql, target_sql)
    }

    #[track_caller]
    pub fn on(database: TestDatabase, source_sql: &str, target_sql: &str) -> Pair {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, source_sql);
        let pair = Pair { _dir: dir, source, database, mapping: String::new(), workers: 2 };
        pair.execute(target_sql);
        pair
    }

    /// The same file, and a copy of the database.
    pub fn copy(&self) -> Pair {
        Pair {
            _dir: tempfile::tempdir().unwrap(),
            source: self.source.clone(),
            database: self.database.copy(),
            mapping: self.mapping.clone(),
            workers: self.workers,
        }
    }

    pub fn mapped(self, mapping: &str) -> Pair {
        Pair { mapping: mapping.to_owned(), ..self }
    }

    #[track_caller]
    pub fn execute(&self, sql: &str) {
        self.try_execute(sql).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The same; the statements and their error where they fail.
    pub fn try_execute(&self, sql: &str) -> Result<(), String> {
        let mut session = PgConnection::establish(self.database.url()).unwrap();
        session.batch_execute(sql).map_err(|error| format!("{sql}: {error}"))
    }

    #[track_caller]
    pub fn compared(&self) -> Comparison {
        self.compared_as(self.database.url()).unwrap_or_else(|words| panic!("{words}"))
    }

    /// The comparison through another URL; the error in words.
    pub fn compared_as(&self, url: &str) -> Result<Comparison, String> {
        self.compared_with(url, ComparisonSource::Live(&self.source))
    }

    fn request<'a>(&self, url: &str, source: ComparisonSource<'a>) -> ComparisonRequest<'a> {
        ComparisonRequest {
            source,
            target: TargetUrl::parse(url).unwrap(),
            settings: DbSettings { pool_max: 4, ..DbSettings::default() },
            mapping: Mapping::from_toml(&format!("format = 1\n{}", self.mapping)).unwrap(),
            options: CompareOptions { show_values: true, workers: self.workers, read_only: true },
        }
    }

    /// The comparison with a file in another state; the error in words.
    pub fn compared_with(&self, url: &str, source: ComparisonSource<'_>) -> Result<Comparison, String> {
        let request = self.request(url, source);
        comparison::compare(&request, &Silent).map(|found| found.comparison).map_err(|error| chain(&error))
    }

    /// What the source declares and the target has, through another URL.
    #[track_caller]
    pub fn structure_as(&self, url: &str) -> Structure {
        let request = self.request(url, ComparisonSource::Live(&self.source));
        comparison::compare(&request, &Silent).unwrap_or_else(|error| panic!("{}", chain(&error))).structure
    }

    #[track_caller]
    pub fn structure(&self) -> Structure {
        self.structure_as(self.database.url())
    }

    /// The problems of the structure, with the statements that repair them.
    #[track_caller]
    pub fn problems(&self) -> Vec<(String, Vec<String>)> {
        let found = self.structure();
        let lines =
            found.differences.iter().map(|found| (report::words::structure(found), found.repair.clone()));
        lines.collect()
    }

    /// The comparison in one line for each finding.
    #[track_caller]
    pub fn findings(&self) -> Vec<String> {
        findings(&self.compared())
    }

    /// The databases must be equal, with these findings at most.
    #[track_caller]
    pub fn equal(&self) -> Vec<String> {
        let compared = self.compared();
        let found = findings(&compared);
        assert!(compared.is_equal(), "{found:#?}");
        found
    }
}

/// Everything that a comparison found, one line each: `table.column: what in N`.
pub fn findings(comparison: &Comparison) -> Vec<String> {
    let mut lines: Vec<String> = comparison.gaps.iter().map(gap).collect();
    comparison.tables.iter().for_each(|table| of_table(table, &mut lines));
    lines
}

fn of_table(table: &ComparedTable, lines: &mut Vec<String>) {
    let name = &table.table;
    for (what, rows) in [
        ("missing", table.missing),
        ("extra", table.extra),
        ("duplicate", table.duplicates),
        ("different", table.different),
        ("undecided", table.undecided),
    ] {
        if rows > 0 {
            lines.push(format!("{name}: {rows} {what}"));
        }
    }
    for row in &table.rows {
        lines.push(format!("{name}: {:?} {}", row.kind, row.key));
    }
    for column in &table.columns {
        for form in &column.forms {
            lines.push(format!("{name}.{}: {:?} in {}", column.column, form.form, form.values));
        }
        for found in &column.differences {
            lines.push(format!("{name}.{}: {:?} in {}", column.column, found.diagnosis, found.values));
        }
    }
}

fn gap(gap: &Gap) -> String {
    match gap {
        Gap::Table { table, rows, .. } => format!("{table}: no table, {rows} rows"),
        Gap::Column { table, column, values, .. } => format!("{table}.{column}: no column, {values} values"),
        other => format!("{other:?}"),
    }
}
