//! The exercise passes on both databases, notices what is wrong, and leaves nothing in PostgreSQL when it is rehearsed.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use diesel::Connection as _;
use hyperpage_store::Error;
use hyperpage_store::domain::NewJob;
use hyperpage_store::exercise::{Exercise, Operation, Problem};
use hyperpage_store::postgres::{self, Limits, Rehearsal, Rehearsed, rehearse};
use serde_json::json;

use crate::support::{Database, Postgres, at, on_both};

on_both!(every_operation_passes, rows_of_the_app_do_not_disturb_it);

fn run_all(database: &dyn Database) {
    let mut exercise = Exercise::new("0123456789abcdef");
    let mut store = database.open();
    for operation in Operation::ALL {
        let outcome = exercise.run(*operation, &mut *store);
        assert!(outcome.is_ok(), "{}: {outcome:?}", operation.name());
    }
}

fn every_operation_passes(database: &dyn Database) {
    run_all(database);
    // It removes all of its rows but the user.
    for table in ["jobs", "job_history", "rate_limits", "app_state", "oauth_tokens", "user_sessions"] {
        assert_eq!(
            database.texts(&format!("SELECT count(*) || '' AS value FROM {table}")),
            [Some("0".to_owned())]
        );
    }
}

/// Jobs of the largest priority are waiting, one is running, and rows of every kind are old.
fn occupy(database: &dyn Database) {
    let mut store = database.open();
    for number in 0..3 {
        let job = NewJob {
            id: format!("real {number}").into(),
            job_type: "real".to_owned(),
            name: "real".to_owned(),
            priority: i32::MAX,
            tool: None,
            endpoint: None,
            payload: json!({ "smoke": { "tag": "another" } }),
        };
        assert!(store.enqueue(&job, at(-1_705_312_800_123)).unwrap());
    }
    let running = store.claim(at(0)).unwrap().unwrap();
    database.execute(&format!("UPDATE jobs SET started_at = NULL WHERE id = '{}'", running.id));
}

fn rows_of_the_app_do_not_disturb_it(database: &dyn Database) {
    occupy(database);
    run_all(database);
    let waiting = "SELECT count(*) || '' AS value FROM jobs WHERE id LIKE 'real %'";
    assert_eq!(database.texts(waiting), [Some("3".to_owned())]);
}

#[track_caller]
fn rehearsed(database: &Postgres, time: Duration) -> Rehearsal {
    let limits = Limits {
        lock_timeout: Duration::from_millis(300),
        statement_timeout: Duration::from_secs(10),
        deadline: Instant::now() + time,
    };
    let mut connection = postgres::Connection::establish(database.url()).unwrap();
    rehearse(&mut connection, "0123456789abcdef", limits, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

/// Every row version of the app's tables.
fn versions(database: &Postgres) -> Vec<Option<String>> {
    let tables = [
        "app_state",
        "job_history",
        "jobs",
        "oauth_tokens",
        "rate_limits",
        "tool_configs",
        "user_sessions",
        "users",
    ];
    let query = |table| format!("SELECT '{table}' || ctid || xmin || t::text AS value FROM {table} AS t");
    tables.map(query).iter().flat_map(|sql| database.texts(&format!("{sql} ORDER BY 1"))).collect()
}

#[track_caller]
fn outcome(rehearsal: &Rehearsal, operation: Operation) -> &Rehearsed {
    rehearsal.steps.iter().find(|(of, _)| *of == operation).map(|(_, rehearsed)| rehearsed).unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_rehearsal_leaves_nothing() {
    let database = Postgres::create();
    occupy(&database);
    let before = versions(&database);
    assert!(before.len() >= 3);
    let rehearsal = rehearsed(&database, MINUTE);
    assert_eq!(rehearsal.steps.len(), Operation::ALL.len());
    for (operation, rehearsed) in &rehearsal.steps {
        assert!(
            matches!(rehearsed, Rehearsed::Passed(took) if !took.is_zero()),
            "{}: {rehearsed:?}",
            operation.name()
        );
    }
    assert_eq!(versions(&database), before);
    assert!(rehearsal.aborted_transaction.parse::<u64>().is_ok());
    let rehearsal = rehearsed(&database, Duration::ZERO);
    assert!(rehearsal.steps.iter().all(|(_, rehearsed)| matches!(rehearsed, Rehearsed::OutOfTime)));
}

#[test]
fn what_is_wrong_is_noticed_and_the_other_groups_are_tried() {
    let wrong = |sql: &str| {
        let database = Postgres::create();
        database.execute(sql);
        let before = versions(&database);
        let rehearsal = rehearsed(&database, MINUTE);
        assert_eq!(versions(&database), before);
        rehearsal
    };
    let suppress = "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';";
    let rehearsal = wrong(&format!(
        "{suppress} CREATE TRIGGER t BEFORE UPDATE ON app_state FOR EACH ROW EXECUTE FUNCTION keep()"
    ));
    assert!(matches!(outcome(&rehearsal, Operation::SetState), Rehearsed::Problem(Problem::Stored)));
    assert!(matches!(outcome(&rehearsal, Operation::DeleteState), Rehearsed::Needs(Operation::SetState)));
    assert!(matches!(outcome(&rehearsal, Operation::EndSessionsOf), Rehearsed::Passed(_)));

    let rehearsal =
        wrong("ALTER TABLE job_history ALTER COLUMN attempt TYPE bigint, ADD CHECK (attempt > 1)");
    assert!(matches!(
        outcome(&rehearsal, Operation::Claim),
        Rehearsed::Problem(Problem::Failed(Error::Database { .. }))
    ));
    assert!(matches!(outcome(&rehearsal, Operation::DeleteFinished), Rehearsed::Needs(Operation::Claim)));
    assert!(matches!(outcome(&rehearsal, Operation::RevokeTokens), Rehearsed::Passed(_)));

    // A rule of the database that changes more than was asked for.
    let rehearsal = wrong(
        "CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.priority := 0; RETURN NEW; END';
         CREATE TRIGGER t BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION more()",
    );
    assert!(matches!(outcome(&rehearsal, Operation::Enqueue), Rehearsed::Problem(Problem::Stored)));
}

#[test]
fn a_lock_of_another_session_is_not_waited_for() {
    let database = Postgres::create();
    let mut holder = database.connect();
    diesel::connection::SimpleConnection::batch_execute(&mut holder, "BEGIN; LOCK TABLE rate_limits")
        .unwrap();
    let rehearsal = rehearsed(&database, MINUTE);
    let blocked = outcome(&rehearsal, Operation::SaveRateLimit);
    assert!(matches!(blocked, Rehearsed::Problem(Problem::Failed(Error::Busy { .. }))), "{blocked:?}");
    assert!(matches!(outcome(&rehearsal, Operation::Consume), Rehearsed::Needs(Operation::SaveRateLimit)));
    assert!(matches!(outcome(&rehearsal, Operation::DeleteState), Rehearsed::Passed(_)));
}
