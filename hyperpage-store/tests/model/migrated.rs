//! A sequence begins on SQLite, the file is migrated by the engine, and the sequence continues on PostgreSQL. The model runs along.

use std::path::Path;
use std::time::Instant;

use hyperpage_store::Timestamp;
use hyperpage_store::domain::{JobId, NewJob};
use migrate_core::plan::Plan;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::observer::Silent;
use row_mover::run::{self, Outcome, Request};
use row_mover::target::migration::Migration;
use tempfile::TempDir;
use test_database::TestDatabase;

use crate::comparison::{Compared, run};
use crate::coverage::Coverage;
use crate::databases::{PostgresSide, SqliteSide, file_in};
use crate::model::Model;
use crate::operation::{NewSecrets, NewTokens, Operation};
use crate::property::{Failing, all_sequences, seed, shortest_failure};

/// How many sequences are migrated in the middle.
const CASES: usize = 4;

/// Moves a SQLite file by the reviewed plan; everything must be proven.
fn migrate(folder: &TempDir) -> TestDatabase {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema-pg");
    let plan = Plan::from_json(&std::fs::read_to_string(schema.join("plan.json")).unwrap()).unwrap();
    let migrations = Migration::in_folder(&schema.join("migrations")).unwrap();
    let database = TestDatabase::create();
    let request = Request {
        source: file_in(folder.path()),
        target: TargetUrl::parse(database.url()).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        plan: &plan,
        migrations: &migrations,
        tables: Vec::new(),
        backup_dir: folder.path().join("backups"),
        rejects_dir: folder.path().join("rejects"),
        workers: 2,
        chunk_bytes: 256 << 10,
        restart: false,
        discard: false,
        integrity_check: false,
        show_values: true,
        baseline: None,
        owner: None,
    };
    match run::migrate(&request, &Silent) {
        Ok(Outcome::Moved(moved)) if moved.validation.is_proven() => database,
        Ok(other) => panic!("not proven: {other:?}"),
        Err(error) => panic!("{error:?}"),
    }
}

/// Runs operations on SQLite, migrates, and runs others on PostgreSQL.
fn compare(before: &[Operation], after: &[Operation], coverage: &mut Coverage) -> Result<(), String> {
    let mut model = Model::default();
    let mut sqlite = SqliteSide::create();
    let mut compared = [Compared::new(&mut sqlite)];
    run(before, &mut model, &mut compared, coverage)?;
    let [Compared { ids, .. }] = compared;
    let mut postgres = PostgresSide::open(migrate(&sqlite.close()));
    let mut compared = [Compared { side: &mut postgres, ids }];
    // Every row has arrived, with its id. Rows that follow must have larger ones.
    compared[0].compare_rows(&model).map_err(|problem| format!("after the migration: {problem}"))?;
    run(after, &mut model, &mut compared, coverage)
}

/// Returns the model's state after some operations.
fn state_after(operations: &[Operation]) -> Model {
    let mut model = Model::default();
    for operation in operations {
        operation.apply(&mut model);
    }
    model
}

/// What follows on PostgreSQL in any case: a new attempt, and new tokens.
fn new_numbers() -> Vec<Operation> {
    let now = Timestamp::from_epoch_ms(1_705_312_900_000);
    let text = |text: &str| text.to_owned();
    let id = "after the migration";
    let job = NewJob {
        id: JobId::from(id),
        job_type: text("sync"),
        name: text(""),
        priority: i32::MAX,
        tool: None,
        endpoint: None,
        payload: serde_json::Value::Null,
    };
    let secrets = NewSecrets {
        access_token: text("access"),
        refresh_token: None,
        expires_at: None,
        refresh_expires_at: None,
    };
    let tokens = NewTokens {
        user_id: text(id),
        tool_name: text("github"),
        secrets,
        token_type: text("Bearer"),
        scopes: None,
        metadata: None,
    };
    vec![
        Operation::Enqueue { job, now },
        Operation::Claim { now },
        Operation::History { id: text(id) },
        Operation::SaveTokens { tokens, key: 0, now },
    ]
}

#[test]
fn a_sequence_continues_after_the_migration() {
    let begun = Instant::now();
    let mut coverage = Coverage::default();
    let sequences = &all_sequences()[..CASES.min(all_sequences().len())];
    let mut most_open = 0;
    for (index, sequence) in sequences.iter().enumerate() {
        // Nothing at all, the middle, when most attempts are open, and almost everything.
        let split = match index % 4 {
            0 => 0,
            1 => sequence.len() / 2,
            2 => (1..sequence.len())
                .max_by_key(|split| state_after(&sequence[..*split]).open_attempts())
                .unwrap(),
            _ => sequence.len() - 10,
        };
        let (before, after) = sequence.split_at(split);
        most_open = most_open.max(state_after(before).open_attempts());
        let after = [after, &new_numbers()].concat();
        let failing = shortest_failure(before, |before| compare(before, &after, &mut coverage));
        if let Some(Failing { operations: before, .. }) = failing {
            let after = shortest_failure(&after, |after| compare(&before, after, &mut coverage));
            let before = Failing { operations: before, reason: "-- migrated here".to_owned() };
            panic!("{}\n{}", before.text(), after.map(|after| after.text()).unwrap_or_default());
        }
    }
    assert!(most_open > 0, "{}: no attempt was open at a migration", seed());
    eprintln!(
        "{} operations in {} sequences, each migrated from SQLite to PostgreSQL at some point, {:.1} s, {}",
        coverage.operations(),
        sequences.len(),
        begun.elapsed().as_secs_f64(),
        seed()
    );
}
