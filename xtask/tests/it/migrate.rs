//! `migrate` that succeeds or has nothing to do: its output, the files it writes, and the files it does not touch.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use diesel::prelude::*;
use diesel::sql_types::Text;
use fixtures::hyperpage::{SAMPLE_ENCRYPTION_KEY_HEX, TABLES, tokens};
use serde_json::{Value, json};
use test_database::TestDatabase;
use token_cipher::EncryptionKey;

use crate::place::{Output, Place, checkout, contents, output};
use crate::server::{connect, everything, execute, lines, value};

/// Returns the arguments that migrate the sample into a database.
fn arguments<'a>(database: &'a TestDatabase, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["migrate", "--sqlite", "hyperpage.db", "--postgres", database.url()];
    arguments.extend_from_slice(more);
    arguments
}

#[track_caller]
fn migrate(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    place.run(arguments(database, more))
}

/// Creates a folder with the sample, and an empty database.
fn prepared() -> (Place, TestDatabase) {
    let place = Place::new();
    place.sample();
    (place, TestDatabase::create())
}

fn rows(database: &TestDatabase, table: &str) -> u64 {
    value(database, &format!("SELECT count(*) FROM public.{table}")).parse().unwrap()
}

/// Returns the field names of a JSON object, in order.
fn fields(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_sample_moves_and_the_second_run_has_nothing_to_do() {
    let place = Place::new();
    let summary = place.sample();
    let database = TestDatabase::create();
    let first = migrate(&place, &database, &[]).expect(0);
    place.snapshot("migrate-moved", &first.screen());
    assert!(!first.screen().contains('\u{1b}'), "no terminal, no control sequences");
    for made in &summary.tables {
        assert_eq!(rows(&database, made.table), made.rows, "{}", made.table);
    }

    let before = everything(&database);
    let files = place.state().len();
    place.snapshot("migrate-again", &migrate(&place, &database, &[]).expect(0).screen());
    assert_eq!(everything(&database), before);
    assert_eq!(place.state().len(), files, "no second copy is taken");
}

#[test]
fn every_access_token_decrypts_after_the_move() {
    #[derive(QueryableByName)]
    struct Stored {
        #[diesel(sql_type = Text)]
        user_id: String,
        #[diesel(sql_type = Text)]
        tool_name: String,
        #[diesel(sql_type = Text)]
        access_token: String,
        #[diesel(sql_type = Text)]
        iv_access: String,
    }
    let (place, database) = prepared();
    migrate(&place, &database, &["--quiet"]).expect(0);
    let stored: Vec<Stored> =
        diesel::sql_query("SELECT user_id, tool_name, access_token, iv_access FROM public.oauth_tokens")
            .load(&mut connect(&database))
            .unwrap();
    assert!(!stored.is_empty());
    let key = EncryptionKey::from_hex(SAMPLE_ENCRYPTION_KEY_HEX).unwrap();
    for row in &stored {
        assert_eq!(
            *token_cipher::decrypt(&key, &row.access_token, &row.iv_access).unwrap(),
            tokens::sample_access_token(&row.user_id, &row.tool_name),
            "{} {}",
            row.user_id,
            row.tool_name
        );
    }
}

#[test]
fn standard_output_contains_only_json() {
    let place = Place::new();
    let summary = place.sample();
    let database = TestDatabase::create();
    let output = migrate(&place, &database, &["--json"]).expect(0);
    assert!(output.stderr.contains("preflight"), "progress is on standard error: {}", output.stderr);
    let found = output.json();
    assert_eq!(
        fields(&found),
        [
            "format",
            "command",
            "target",
            "plan_sha256",
            "left_behind",
            "breaches",
            "report",
            "result",
            "proven"
        ]
    );
    assert_eq!(
        (&found["format"], &found["command"], &found["proven"]),
        (&json!(1), &json!("migrate"), &json!(true))
    );
    assert!(found["target"].as_str().unwrap().ends_with(database.name()), "{}", found["target"]);
    assert_eq!(found["plan_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(found["left_behind"][0]["name"], "schema_migrations");
    let result = &found["result"];
    assert_eq!(
        fields(result),
        ["outcome", "run", "seal", "phases", "tables", "rejected", "validation", "source_changed_since"]
    );
    assert_eq!((&result["outcome"], &result["run"]), (&json!("moved"), &json!(1)));
    assert_eq!(
        fields(&result["seal"]),
        ["path", "sha256", "bytes", "source_path", "sealed_at", "source_state", "read_method"]
    );
    let phases: Vec<&Value> =
        result["phases"].as_array().unwrap().iter().map(|done| &done["phase"]).collect();
    assert_eq!(phases, ["preflight", "seal", "schema", "rows", "constraints", "validate"]);
    for made in &summary.tables {
        let moved = result["tables"].as_array().unwrap().iter().find(|moved| moved["table"] == made.table);
        let moved = moved.unwrap();
        assert_eq!(fields(moved), ["table", "rows", "bytes", "seconds"]);
        assert_eq!(moved["rows"], made.rows);
        assert!(moved["bytes"].as_u64().unwrap() > made.rows);
        let compared = result["validation"]["tables"].as_array().unwrap().iter();
        let compared = compared.filter(|compared| compared["table"] == made.table).collect::<Vec<_>>();
        assert_eq!(compared.len(), 1);
        assert_eq!(
            (&compared[0]["equal"], &compared[0]["source_rows"]),
            (&json!(made.rows), &json!(made.rows))
        );
    }
    let again = migrate(&place, &database, &["--json", "--quiet"]).expect(0);
    assert_eq!(again.stderr, "");
    let again = again.json();
    assert_eq!(again["result"]["outcome"], "already_done");
    assert_eq!(again["result"]["source_changed_since"], false);
    assert_eq!(again["result"]["seal"], found["result"]["seal"]);
}

/// `proven` must be in the result, whatever the run did.
#[test]
fn json_has_the_proof_even_if_nothing_was_left_to_do() {
    let (place, database) = prepared();
    let proven = |more: &[&str]| migrate(&place, &database, more).expect(0).json()["proven"].clone();
    assert_eq!(proven(&["--json", "--dry-run"]), Value::Null);
    assert_eq!(proven(&["--json"]), true);
    assert_eq!(proven(&["--json"]), true, "the earlier run was validated");
}

#[test]
fn a_dry_run_changes_nothing() {
    let (place, database) = prepared();
    let before = (everything(&database), place.state());
    let output = migrate(&place, &database, &["--dry-run"]).expect(0);
    place.snapshot("migrate-dry_run", &output.screen());
    assert_eq!((everything(&database), place.state()), before);

    let found = migrate(&place, &database, &["--dry-run", "--json"]).expect(0).json();
    assert_eq!(found["result"]["outcome"], "dry_run");
    assert_eq!(found["plan"]["tables"].as_array().unwrap().len(), TABLES.len());
    assert_eq!((everything(&database), place.state()), before);
}

#[test]
fn the_tables_that_are_named_move_alone() {
    let (place, database) = prepared();
    let output = migrate(&place, &database, &["--tables", "users,oauth_tokens"]).expect(0);
    place.snapshot("migrate-two_tables", &output.screen());
    for table in TABLES {
        let is_named = ["users", "oauth_tokens"].contains(&table);
        assert_eq!(rows(&database, table) > 0, is_named, "{table}");
    }
}

#[test]
fn tables_that_cannot_move_alone_are_refused() {
    let (place, database) = prepared();
    let before = (everything(&database), place.state());
    for (name, tables) in [("child", "job_history"), ("unknown", "nope"), ("empty", ""), ("half", "users,")] {
        let output = migrate(&place, &database, &["--tables", tables]).expect(2);
        place.snapshot(&format!("migrate-tables_{name}"), &output.screen());
        assert_eq!((everything(&database), place.state()), before, "{tables:?} changed something");
    }
}

#[test]
fn another_selection_is_refused_after_a_run() {
    let (place, database) = prepared();
    migrate(&place, &database, &["--tables", "users"]).expect(0);
    let before = everything(&database);
    let output = migrate(&place, &database, &[]).expect(2);
    place.snapshot("migrate-other_selection", &output.screen());
    assert_eq!(everything(&database), before);
}

#[test]
fn a_restart_drops_our_objects_and_moves_new_rows() {
    let (place, database) = prepared();
    migrate(&place, &database, &[]).expect(0);
    let users = rows(&database, "users");
    execute(
        &database,
        "CREATE SCHEMA other; CREATE TABLE other.theirs (id int); INSERT INTO other.theirs VALUES (1)",
    );
    let source = rusqlite::Connection::open(place.path().join("hyperpage.db")).unwrap();
    source
        .execute_batch(
            "INSERT INTO users (id, provider, provider_user_id) VALUES ('later', 'github', 'later')",
        )
        .unwrap();
    source.close().unwrap();

    let stale = migrate(&place, &database, &[]).expect(0);
    place.snapshot("migrate-source_changed", &stale.screen());
    assert_eq!(rows(&database, "users"), users, "nothing moves by itself");
    let output = migrate(&place, &database, &["--restart"]).expect(0);
    place.snapshot("migrate-restart", &output.stderr);
    assert_eq!(rows(&database, "users"), users + 1);
    assert_eq!(value(&database, "SELECT count(*) FROM migration.runs"), "1");
    assert_eq!(value(&database, "SELECT count(*) FROM other.theirs"), "1", "what is not ours stays");
}

#[test]
fn a_target_with_foreign_tables_is_refused_by_name() {
    let (place, database) = prepared();
    execute(
        &database,
        "CREATE TABLE invoices (id serial PRIMARY KEY, note text); CREATE VIEW overdue AS SELECT * FROM invoices; \
         CREATE TABLE jobs (id int); INSERT INTO jobs VALUES (1)",
    );
    let before = (everything(&database), place.state());
    let output = migrate(&place, &database, &[]).expect(2);
    place.snapshot("migrate-foreign_tables", &output.screen());
    for option in ["--restart", "--dry-run"] {
        migrate(&place, &database, &[option]).expect(2);
    }
    assert_eq!((everything(&database), place.state()), before);
}

/// Names from the source can be hostile.
#[test]
fn names_do_not_reach_the_terminal_as_they_are() {
    let (place, database) = (Place::new(), TestDatabase::create());
    let table = "a\u{1b}[31m\nProven: b\u{202e}";
    let source = rusqlite::Connection::open(place.path().join("odd.db")).unwrap();
    source
        .execute_batch(&format!(
            "CREATE TABLE \"{table}\" (\"k\u{1b}]0;x\u{7}\" INTEGER PRIMARY KEY, \"v\nw\" TEXT NOT NULL); \
             INSERT INTO \"{table}\" VALUES (1, 'x'); CREATE VIEW \"v\u{1b}c\" AS SELECT sqlite_version()"
        ))
        .unwrap();
    let plain = |output: Output| {
        for deceptive in ["\u{1b}", "\u{7}", "\u{202e}", "\nProven: b"] {
            assert!(!output.screen().contains(deceptive), "{:?}", output.screen());
        }
        output
    };
    let generate = ["generate", "--sqlite", "odd.db", "--out", "plan"];
    plain(place.run(generate.iter().chain(&["--dry-run"])).expect(0));
    plain(place.run(generate).expect(0));
    let migrate = ["migrate", "--sqlite", "odd.db", "--plan", "plan", "--postgres", database.url()];
    plain(place.run(migrate.iter().chain(&["--dry-run"])).expect(0));
    plain(place.run(migrate.iter().chain(&["--tables", "none"])).expect(2));
    source.execute_batch(&format!("INSERT INTO \"{table}\" VALUES (2, x'00')")).unwrap();
    plain(place.run(migrate).expect(1));
    source.execute_batch(&format!("DELETE FROM \"{table}\" WHERE rowid = 2")).unwrap();
    let moved = plain(place.run(migrate).expect(0));
    place.snapshot("migrate-odd_names", &moved.screen());
    let odd = value(
        &database,
        "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relname LIKE 'a%Proven%'",
    );
    execute(
        &database,
        &format!("UPDATE {odd} SET \"v\nw\" = 'y'; ALTER TABLE {odd} ALTER \"v\nw\" DROP NOT NULL"),
    );
    let validate = ["validate", "--quiet", "--plan", "plan", "--postgres", database.url()];
    place.snapshot("validate-odd_names", &plain(place.run(validate).expect(1)).screen());
    let json = place.run(validate.iter().chain(&["--json"])).expect(1).json();
    assert_eq!(json["result"]["tables"][0]["table"], table, "JSON stays exact");
}

#[test]
fn quiet_prints_only_the_result() {
    let (place, database) = prepared();
    let dry_run = migrate(&place, &database, &["--quiet", "--dry-run"]).expect(0);
    assert_eq!((dry_run.stdout.lines().count(), dry_run.stderr.as_str()), (3, ""), "{}", dry_run.screen());
    for _ in 0..2 {
        let output = migrate(&place, &database, &["--quiet"]).expect(0);
        assert_eq!(output.stderr, "");
        assert!(!output.stdout.is_empty() && !output.stdout.contains("Look at it"), "{}", output.screen());
    }
}

/// As in `… | head -0`: the reader has closed the pipe before the first output.
#[test]
fn a_closed_pipe_is_no_failure() {
    let (place, database) = prepared();
    for more in [&["--json"][..], &[]] {
        let mut command = place.command(arguments(&database, more));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    assert_eq!(value(&database, "SELECT count(*) FROM migration.phases"), "6");
}

#[test]
fn the_environment_names_source_and_target() {
    let (place, database) = prepared();
    let mut command = place.command(["migrate", "--backup-dir", "sealed"]);
    command.env("DATABASE_PATH", "hyperpage.db").env("DATABASE_URL", database.url());
    output(&mut command).expect(0);
    assert!(rows(&database, "jobs") > 0);
    let sealed = place.state().into_iter().filter(|path| path.starts_with("sealed"));
    assert!(sealed.count() > 2, "the copy and its manifest lie in --backup-dir");
    assert!(!place.path().join("backups").exists());
    for (path, _) in contents(&place.path().join("sealed")).into_iter().skip(1) {
        let path = place.path().join("sealed").join(path);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o400 }, "{}", path.display());
    }
}

#[test]
fn the_sample_is_made_in_the_checkout_and_moves() {
    let place = Place::new();
    let database = TestDatabase::create();
    let plan = checkout().join("schema-pg");
    let plan = plan.to_str().unwrap();
    let arguments = ["migrate", "--sample", "--rows", "10", "--postgres", database.url(), "--plan", plan];
    // Cargo sets this to the checkout from which it runs the program.
    let run = |more: &[&str]| {
        let mut command = place.command(arguments.iter().chain(more));
        output(command.env("CARGO_MANIFEST_DIR", place.path().join("xtask"))).expect(0)
    };
    assert!(run(&["--dry-run"]).stderr.contains(".sample/hyperpage-10.db"), "it says where the sample lies");
    assert!(place.path().join(".sample/hyperpage-10.db").exists());
    assert_eq!(run(&["--quiet"]).stderr, "", "nothing but the result");
    assert!(rows(&database, "jobs") >= 10);
    assert_eq!(lines(&database, "SELECT phase FROM migration.phases").len(), 6);
}
