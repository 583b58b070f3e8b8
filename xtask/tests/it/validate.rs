//! `validate`: differences to the sealed copy are named by table, key and column. Once they are fixed, the migration is proven again.

use serde_json::{Value, json};
use test_database::TestDatabase;

use crate::place::{Output, Place, output};
use crate::server::{everything, execute, value};

/// Creates a folder and a database into which its sample was migrated.
fn moved() -> (Place, TestDatabase) {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let arguments = ["migrate", "--sqlite", "hyperpage.db", "--quiet", "--postgres", database.url()];
    place.run(arguments).expect(0);
    (place, database)
}

#[track_caller]
fn validate(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    place.run(["validate", "--postgres", database.url()].iter().chain(more))
}

/// Whether the run is validated, by the ledger.
fn is_validated(database: &TestDatabase) -> bool {
    value(database, "SELECT count(*) FROM migration.phases WHERE phase = 'validate'") == "1"
}

#[test]
fn each_damage_is_named_and_its_repair_is_proven() {
    let (place, database) = moved();
    place.snapshot("validate-proven", &validate(&place, &database, &[]).expect(0).screen());
    let job = value(&database, "SELECT min(id) FROM public.jobs WHERE name <> ''");
    let keep = "CREATE SCHEMA kept; CREATE TABLE kept.jobs AS SELECT * FROM public.jobs; \
                CREATE TABLE kept.users AS SELECT * FROM public.users";
    execute(&database, keep);
    let job = job.replace('\'', "''");
    let mend_jobs = "DELETE FROM public.jobs j WHERE NOT EXISTS (SELECT 1 FROM kept.jobs k WHERE k.id = j.id); \
                     UPDATE public.jobs j SET name = k.name, created_at = k.created_at, payload = k.payload, \
                     result = k.result FROM kept.jobs k WHERE k.id = j.id";
    for (name, damage, mend) in [
        ("value", format!("UPDATE public.jobs SET name = 'damaged' WHERE id = '{job}'"), mend_jobs),
        (
            "millisecond",
            format!("UPDATE public.jobs SET created_at = created_at + '1 millisecond' WHERE id = '{job}'"),
            mend_jobs,
        ),
        (
            "microsecond",
            format!("UPDATE public.jobs SET created_at = created_at + '1 microsecond' WHERE id = '{job}'"),
            mend_jobs,
        ),
        ("json", format!("UPDATE public.jobs SET payload = '{{\"n\": 1.0}}' WHERE id = '{job}'"), mend_jobs),
        (
            "added_row",
            "INSERT INTO public.jobs (id, type, name, priority, status, payload, created_at, updated_at) \
             VALUES ('added', 'sync', 'added', 1, 'pending', '{}', now(), now())"
                .to_owned(),
            mend_jobs,
        ),
        (
            "deleted_row",
            "DELETE FROM public.users WHERE id = (SELECT min(id) FROM public.users)".to_owned(),
            "INSERT INTO public.users SELECT * FROM kept.users k \
             WHERE NOT EXISTS (SELECT 1 FROM public.users u WHERE u.id = k.id)",
        ),
        (
            "many",
            "UPDATE public.jobs SET name = name || '!', created_at = created_at + '1 s'".to_owned(),
            mend_jobs,
        ),
    ] {
        execute(&database, &damage);
        let found = validate(&place, &database, &["--quiet"]).expect(1);
        place.snapshot(&format!("validate-{name}"), &found.screen());
        assert!(!is_validated(&database), "{name}: a failed validation is no longer a validated migration");
        execute(&database, mend);
        validate(&place, &database, &["--quiet"]).expect(0);
        assert!(is_validated(&database), "{name}");
    }
}

#[test]
fn a_schema_that_was_changed_is_named() {
    let (place, database) = moved();
    for (name, damage, mend) in [
        ("index", "DROP INDEX idx_jobs_status", "CREATE INDEX idx_jobs_status ON jobs (status)"),
        (
            "foreign_key",
            "ALTER TABLE job_history DROP CONSTRAINT job_history_job_id_fkey",
            "ALTER TABLE job_history ADD CONSTRAINT job_history_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs (id)",
        ),
        (
            "nullable",
            "ALTER TABLE users ALTER COLUMN provider DROP NOT NULL",
            "ALTER TABLE users ALTER COLUMN provider SET NOT NULL",
        ),
        (
            "default",
            "ALTER TABLE jobs ALTER COLUMN retry_count DROP DEFAULT",
            "ALTER TABLE jobs ALTER COLUMN retry_count SET DEFAULT 0",
        ),
        (
            "sequence",
            "CREATE TABLE kept AS SELECT last_value FROM oauth_tokens_id_seq; SELECT setval('oauth_tokens_id_seq', 1)",
            "SELECT setval('oauth_tokens_id_seq', last_value) FROM kept; DROP TABLE kept",
        ),
        (
            "bookkeeping",
            "CREATE TABLE kept AS SELECT * FROM __diesel_schema_migrations; DELETE FROM __diesel_schema_migrations",
            "INSERT INTO __diesel_schema_migrations SELECT * FROM kept; DROP TABLE kept",
        ),
    ] {
        execute(&database, damage);
        let found = validate(&place, &database, &["--quiet"]).expect(1);
        place.snapshot(&format!("validate-schema_{name}"), &found.screen());
        execute(&database, mend);
        validate(&place, &database, &["--quiet"]).expect(0);
    }
}

#[test]
fn a_table_or_column_that_is_gone_is_named() {
    for (name, damage) in [
        ("no_table", "DROP TABLE app_state"),
        ("no_column", "ALTER TABLE jobs DROP COLUMN tool"),
        ("other_type", "ALTER TABLE jobs ALTER COLUMN priority TYPE bigint"),
    ] {
        let (place, database) = moved();
        execute(&database, damage);
        let found = validate(&place, &database, &["--quiet"]).expect(1);
        place.snapshot(&format!("validate-{name}"), &found.screen());
    }
}

#[test]
fn json_names_the_differences() {
    let (place, database) = moved();
    execute(&database, "DELETE FROM public.app_state WHERE key = (SELECT min(key) FROM public.app_state)");
    let output = validate(&place, &database, &["--json"]).expect(1);
    assert!(output.stderr.contains("validate"), "progress is on standard error");
    let found = output.json();
    let fields: Vec<&String> = found.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "format",
            "command",
            "target",
            "run",
            "seal",
            "proven",
            "diesel_schema_compared",
            "breaches",
            "report",
            "result"
        ]
    );
    assert!(place.path().join(found["report"].as_str().unwrap()).join("report.json").exists());
    assert_eq!(found["diesel_schema_compared"], true);
    assert_eq!(
        [&found["format"], &found["command"], &found["run"], &found["proven"]],
        [&json!(1), &json!("validate"), &json!(1), &json!(false)]
    );
    let result = &found["result"];
    let fields: Vec<&String> = result.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "tables",
            "schema",
            "sequences",
            "missing_migrations",
            "views",
            "defaults",
            "behaviour",
            "integrity",
            "seconds",
            "baseline",
            "integrity_check",
            "findings"
        ]
    );
    let table =
        result["tables"].as_array().unwrap().iter().find(|table| table["table"] == "app_state").unwrap();
    let fields: Vec<&String> = table.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "table",
            "source_rows",
            "target_rows",
            "equal",
            "missing",
            "extra",
            "different",
            "rejected",
            "nulled",
            "first",
            "seconds"
        ]
    );
    assert_eq!([&table["missing"], &table["extra"], &table["different"]], [&json!(1), &json!(0), &json!(0)]);
    assert_eq!(table["first"][0]["kind"], "missing");
    assert_eq!(table["first"][0]["columns"], Value::Array(Vec::new()));
}

#[test]
fn values_are_shown_only_when_asked_for_and_secrets_never() {
    let (place, database) = moved();
    execute(
        &database,
        "UPDATE public.users SET username = 'canary-name' WHERE id = (SELECT min(id) FROM public.users); \
         UPDATE public.oauth_tokens SET access_token = 'canary-secret', token_type = 'canary-type' \
         WHERE id = (SELECT min(id) FROM public.oauth_tokens); \
         UPDATE public.user_sessions SET session_id = 'canary-session' \
         WHERE session_id = (SELECT min(session_id) FROM public.user_sessions)",
    );
    let token = rusqlite::Connection::open(place.path().join("hyperpage.db"))
        .unwrap()
        .query_row("SELECT access_token FROM oauth_tokens ORDER BY id LIMIT 1", [], |row| {
            row.get::<_, String>(0)
        })
        .unwrap();
    for json in [&[][..], &["--json"]] {
        let hidden = validate(&place, &database, json).expect(1).screen();
        assert!(!hidden.contains("canary"), "{hidden}");
        let shown = validate(&place, &database, &[json, &["--show-values"]].concat()).expect(1).screen();
        for value in ["canary-name", "canary-type"] {
            assert!(shown.contains(value), "{value} is not shown: {shown}");
        }
        for secret in ["canary-secret", "canary-session", &token[..16]] {
            assert!(!shown.contains(secret), "{secret} is shown: {shown}");
        }
    }
    let shown = validate(&place, &database, &["--show-values", "--quiet"]).expect(1);
    place.snapshot("validate-show_values", &shown.screen());
}

#[test]
fn without_a_migration_there_is_nothing_to_validate() {
    let place = Place::new();
    let database = TestDatabase::create();
    let before = everything(&database);
    let refused = validate(&place, &database, &[]).expect(2);
    place.snapshot("validate-no_migration", &refused.screen());
    assert_eq!(everything(&database), before);

    // In a checkout without a migration, and without a URL.
    let mut command = place.command(["validate", "--plan", "/"]);
    let refused = output(command.env("CARGO_MANIFEST_DIR", place.path().join("xtask"))).expect(2);
    place.snapshot("validate-nothing_remembered", &refused.screen());
    let mut command = place.command(["validate", "--sample-database"]);
    command.env("CARGO_MANIFEST_DIR", place.path().join("xtask")).env("DATABASE_URL", database.url());
    place.snapshot("validate-no_sample", &output(&mut command).expect(2).screen());
}

/// The Diesel schema of one plan is not compared with a run of another plan.
#[test]
fn a_run_of_another_plan_is_validated_without_the_diesel_schema() {
    let place = Place::new();
    let database = TestDatabase::create();
    let source = rusqlite::Connection::open(place.path().join("one.db")).unwrap();
    source.execute_batch("CREATE TABLE one (id INTEGER PRIMARY KEY); INSERT INTO one VALUES (1)").unwrap();
    place.run(["generate", "--sqlite", "one.db", "--out", "plan"]).expect(0);
    let migrate =
        ["migrate", "--quiet", "--sqlite", "one.db", "--plan", "plan", "--postgres", database.url()];
    place.run(migrate).expect(0);

    let found = validate(&place, &database, &["--quiet"]).expect(0);
    place.snapshot("validate-other_plan", &found.screen());
    let json = validate(&place, &database, &["--json"]).expect(0).json();
    assert_eq!([&json["proven"], &json["diesel_schema_compared"]], [&json!(true), &json!(false)]);

    let told = ["--plan", "plan"];
    assert!(!validate(&place, &database, &told).expect(0).stderr.contains("warning"));
    std::fs::write(place.path().join("plan/schema.rs"), "").unwrap();
    assert!(
        validate(&place, &database, &told)
            .expect(1)
            .stdout
            .contains("plan/schema.rs is not the Diesel schema")
    );
}

/// A stale Diesel schema is refused before anything moves, and the command that is printed repairs it.
#[test]
fn a_stale_diesel_schema_is_refused_and_written_again() {
    let place = Place::new();
    let database = TestDatabase::create();
    let source = rusqlite::Connection::open(place.path().join("one.db")).unwrap();
    source.execute_batch("CREATE TABLE one (id INTEGER PRIMARY KEY); INSERT INTO one VALUES (1)").unwrap();
    place.run(["generate", "--sqlite", "one.db", "--out", "plan"]).expect(0);
    std::fs::write(place.path().join("plan/schema.rs"), "").unwrap();
    let migrate =
        ["migrate", "--quiet", "--sqlite", "one.db", "--plan", "plan", "--postgres", database.url()];
    let refused = place.run(migrate).expect(2).stderr;
    let command = refused.split('`').nth(1).unwrap();
    let words = command.strip_prefix("cargo xtask ").unwrap().replace("FILE", "one.db");
    place.run(words.split(' ')).expect(0);
    place.run(migrate).expect(0);
}

#[test]
fn a_sealed_copy_that_is_gone_or_changed_is_refused() {
    let (place, database) = moved();
    let sealed = value(&database, "SELECT seal::json->>'path' FROM migration.runs");
    std::fs::rename(&sealed, format!("{sealed}.kept")).unwrap();
    place.snapshot("validate-seal_gone", &validate(&place, &database, &[]).expect(2).screen());
    // What it advises works: the copy is known by its hash.
    let kept = format!("{sealed}.kept");
    let found = validate(&place, &database, &["--sealed-copy", &kept]).expect(0);
    assert!(found.stdout.contains("Proven: ") && found.stdout.contains(".kept"), "{}", found.stdout);
    let other = place.path().join("hyperpage.db");
    let refused = validate(&place, &database, &["--sealed-copy", other.to_str().unwrap()]).expect(2);
    assert!(refused.stderr.contains("is not the sealed copy of run 1"), "{}", refused.stderr);

    let mut bytes = std::fs::read(format!("{sealed}.kept")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&sealed, bytes).unwrap();
    place.snapshot("validate-seal_changed", &validate(&place, &database, &[]).expect(2).screen());
}
