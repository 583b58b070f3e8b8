//! Runs one app through: what its developer does, in that order, with what must be true after each step.

use std::error::Error as _;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection};
use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;
use migrate_core::planner::PlanningError;
use postgres_client::{DbSettings, TargetUrl, pool};
use report::words::remedy;
use row_mover::run::{self, Outcome, Silent};
use row_mover::source::preflight::Findings;
use row_mover::target::introspect::introspect;
use tempfile::TempDir;
use test_database::TestDatabase;

use crate::engine::dump::schema_dump;

use crate::engine::{Case, chain, sqlite, words};

/// The outcome of the first try, without any decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstTry {
    /// It moves and proves everything.
    Succeeds,
    /// It moves everything, and names data that the app derives from rows, with the SQL that fills it.
    NamesDerived,
    /// It is refused before anything changes, with decisions that solve everything.
    AsksOnce,
}

/// An app with two sets of tables.
pub struct App {
    /// Its SQLite database, as SQL.
    pub sqlite: &'static str,
    /// Its PostgreSQL database, as SQL.
    pub postgres: &'static str,
    /// The schemas of its tables in PostgreSQL.
    pub schemas: &'static [&'static str],
    pub first_try: FirstTry,
    /// The app's own statements after the migration, with their answers.
    pub next: &'static [(&'static str, &'static str)],
}

impl App {
    #[track_caller]
    pub fn run_through(&self) {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, self.sqlite);
        let database = TestDatabase::create();
        PgConnection::establish(database.url()).unwrap().batch_execute(self.postgres).unwrap();
        let (plan, mut tried) = self.plan(&database, &dir);
        let mut case = Case::planned_on(database, dir, source, plan);
        let before = schema_dump(&case, self.schemas);

        let mut outcome = run::migrate(&case.request(), &Silent);
        if let (FirstTry::Succeeds, Ok(Outcome::Rejected { findings, .. })) = (tried, &outcome) {
            let decided = roundings(findings);
            tried = FirstTry::AsksOnce;
            let plan = planned(&case.database, &case.dir, &decided);
            let plan = plan.unwrap_or_else(|error| panic!("{decided}\n{}", chain(&error)));
            let Case { dir, database, source, .. } = case;
            case = Case::planned_on(database, dir, source, plan);
            outcome = run::migrate(&case.request(), &Silent);
        }
        let moved = match outcome {
            Ok(Outcome::Moved(moved)) => moved,
            Ok(outcome) => panic!("{}", serde_json::to_string_pretty(&outcome).unwrap()),
            Err(error) => panic!("{}", chain(&error)),
        };
        let derived = &moved.validation.derived.differences;
        if !derived.is_empty() && tried == FirstTry::Succeeds {
            tried = FirstTry::NamesDerived;
            for found in derived {
                let remedy = remedy::derived(found, &case.plan);
                case.execute(remedy.sql().unwrap_or_else(|| panic!("{found:?}: {remedy}")));
            }
        }
        let (_, validation) = case.validated(false);
        let found = || (words::schema(&validation), words::sequences(&validation));
        assert!(validation.is_proven(), "{:?}: {validation:?}", found());
        assert_eq!(tried, self.first_try);
        assert_eq!(schema_dump(&case, self.schemas), before);
        for (statement, answer) in self.next {
            assert_eq!(case.ask(statement).join("\n"), *answer, "{statement}");
        }
    }

    /// The plan after at most one round of decisions.
    fn plan(&self, database: &TestDatabase, dir: &TempDir) -> (Plan, FirstTry) {
        match planned(database, dir, "") {
            Ok(plan) => (plan, FirstTry::Succeeds),
            Err(error) => {
                let printed = decisions(&error);
                match planned(database, dir, &printed) {
                    Ok(plan) => (plan, FirstTry::AsksOnce),
                    Err(again) => panic!("{}\n\ndecided:\n{printed}\n\n{}", chain(&error), chain(&again)),
                }
            }
        }
    }
}

fn planned(database: &TestDatabase, dir: &TempDir, decided: &str) -> Result<Plan, row_mover::Error> {
    let mapping = Mapping::from_toml(&format!("format = 1\ninto_existing = true\n{decided}"))
        .unwrap_or_else(|error| panic!("{error}\n{decided}"));
    let pool = pool::open(&TargetUrl::parse(database.url()).unwrap(), &DbSettings::default()).unwrap();
    let target = introspect(&mut pool::get(&pool).unwrap(), &mapping).unwrap();
    let source = dir.path().join("source.db");
    run::plan_into_existing(&source, &mapping, &target, || pool::get(&pool), 2, &|_| {}).map(|(_, plan)| plan)
}

/// The decisions that each refused value names.
fn roundings(findings: &Findings) -> String {
    const DECISION: &str = "round = \"microseconds\"";
    let mut lines = String::new();
    for table in &findings.tables {
        for column in &table.offenders {
            let is_named = column.first.iter().all(|refused| refused.reason.to_string().contains(DECISION));
            assert!(is_named, "{}.{}: {:?}", table.table, column.column, column.first);
            lines.push_str(&format!("[tables.{}.columns.{}]\n{DECISION}\n", table.table, column.column));
        }
    }
    lines
}

/// The decisions that a refusal prints.
fn decisions(error: &row_mover::Error) -> String {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(PlanningError::Obstructed(plan)) = found.downcast_ref::<PlanningError>() {
            return plan.mapping_lines();
        }
        cause = found.source();
    }
    panic!("no decisions: {}", chain(error))
}
