//! The report of `migrate` and `validate`, its forms for pipelines, and a plan as Markdown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use test_database::TestDatabase;

use crate::place::{Place, output};
use crate::server::{everything, execute};

/// Returns the only folder in `reports`.
fn run_folder(place: &Place, reports: &str) -> PathBuf {
    let folders: Vec<PathBuf> =
        fs::read_dir(place.path().join(reports)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].clone()
}

fn report(place: &Place) -> Value {
    let text = fs::read_to_string(run_folder(place, "reports").join("report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_report_is_private_in_its_runs_folder_and_has_remedies() {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let migrate = ["migrate", "--sqlite", "hyperpage.db", "--postgres", database.url()];
    let moved = place.run(migrate.iter().chain(&["--quiet"])).expect(0);
    let folder = run_folder(&place, "reports");
    let sealed = run_folder(&place, "backups");
    assert_eq!(folder.file_name(), sealed.file_name());
    assert_eq!([mode(&folder), mode(&folder.join("report.json"))], [0o700, 0o600]);
    assert!(moved.stdout.contains("\nReport: "), "{}", moved.stdout);
    let found = report(&place);
    assert_eq!(
        [&found["format"], &found["command"], &found["verdict"]],
        [&json!(1), &json!("migrate"), &json!("proven")]
    );
    assert!(found["source"]["sealed_path"].as_str().unwrap().starts_with(sealed.to_str().unwrap()));
    assert!(found["timeline"].as_array().unwrap().iter().any(|span| span["kind"] == "rows"));
    assert_eq!(found["source_tables"].as_array().unwrap().len(), 9);

    // Nothing is compared, so there is nothing to report.
    fs::remove_dir_all(place.path().join("reports")).unwrap();
    let again = place.run(migrate.iter().chain(&["--json", "--github"])).expect(0);
    assert_eq!(again.json()["report"], Value::Null);
    assert!(!place.path().join("reports").exists());
    assert!(again.stderr.contains("::notice title=No new migration::Nothing to do"), "{}", again.stderr);

    execute(
        &database,
        "UPDATE public.users SET username = 'canary-name' WHERE id = (SELECT min(id) FROM public.users); \
         DROP INDEX idx_jobs_status; SELECT setval('oauth_tokens_id_seq', 1)",
    );
    let validate = ["validate", "--show-values", "--postgres", database.url()];
    let text = place.run(validate).expect(1).stdout;
    assert!(text.contains("canary-name"), "{text}");
    let written = fs::read_to_string(run_folder(&place, "reports").join("report.json")).unwrap();
    assert!(!written.contains("canary"), "a report holds no value of a row");
    let found = report(&place);
    assert_eq!([&found["command"], &found["verdict"]], [&json!("validate"), &json!("not_proven")]);
    let schema = &check(&found, "schema")["problems"][0];
    assert!(schema["next"].as_str().unwrap().contains("CREATE INDEX"), "{schema}");
    let sequence = &check(&found, "sequences")["problems"][0];
    assert!(sequence["next"].as_str().unwrap().contains("SELECT pg_catalog.setval("), "{sequence}");
    assert_eq!(check(&found, "diesel_schema")["is_done"], true);

    place.run(validate.iter().chain(&["--read-only"])).expect(1);
    let found = report(&place);
    assert_eq!(check(&found, "behaviour")["is_done"], false);
    assert_eq!(check(&found, "behaviour")["left_out"][0]["reason"], "--read-only");
}

/// The statements in a report have the described effect when pasted.
#[test]
fn remedies_of_a_report_work_and_its_statements_return_the_same_on_both_sides() {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let migrate = ["migrate", "--sqlite", "hyperpage.db", "--quiet", "--postgres", database.url()];
    place.run(migrate).expect(0);
    let found = report(&place);
    let sealed = rusqlite::Connection::open_with_flags(
        found["source"]["sealed_path"].as_str().unwrap(),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    for table in found["tables"].as_array().unwrap() {
        let recipes = table["by_hand"].as_array().unwrap();
        let text = |place: usize| recipes[place]["text"].as_str().unwrap().trim_end_matches(';');
        let mut statement = sealed.prepare(text(0)).unwrap();
        let columns = statement.column_count();
        let counted: Vec<String> = statement
            .query_row([], |row| {
                (0..columns).map(|place| row.get::<_, i64>(place)).collect::<Result<Vec<_>, _>>()
            })
            .unwrap()
            .iter()
            .map(i64::to_string)
            .collect();
        let asked = format!(
            "SELECT concat_ws(' ', VARIADIC array(SELECT value FROM json_each_text(row_to_json(t)))) FROM ({}) t",
            text(1)
        );
        assert_eq!(crate::server::value(&database, &asked), counted.join(" "), "{}", table["table"]);
        sealed.prepare(text(2)).unwrap();
        execute(&database, text(3));
    }

    execute(
        &database,
        "DROP INDEX idx_jobs_status; SELECT setval('oauth_tokens_id_seq', 1); \
         ALTER TABLE job_history DROP CONSTRAINT job_history_job_id_fkey; \
         ALTER TABLE users ALTER COLUMN provider DROP NOT NULL; CREATE INDEX extra ON users (provider); \
         ALTER TABLE jobs ALTER COLUMN retry_count DROP DEFAULT; DELETE FROM __diesel_schema_migrations",
    );
    place.run(["validate", "--quiet", "--postgres", database.url()]).expect(1);
    let found = report(&place);
    let mut mended = 0;
    let checks = found["checks"].as_array().unwrap();
    // Damage that PostgreSQL does not refuse is fixed together with the schema.
    let of_behaviour = checks.iter().find(|check| check["name"] == "behaviour").unwrap();
    assert_eq!(of_behaviour["problems"].as_array().unwrap().len(), 2, "{of_behaviour:#}");
    let others = checks.iter().filter(|check| check["name"] != "behaviour");
    for problem in others.flat_map(|check| check["problems"].as_array().unwrap()) {
        let next = problem["next"].as_str().unwrap();
        let (_, sql) = next.split_once("in psql: ").unwrap_or_else(|| panic!("{problem}"));
        execute(&database, sql.strip_suffix(" then cargo xtask validate").unwrap());
        mended += 1;
    }
    assert_eq!(mended, 9, "{found:#}");
    place.run(["validate", "--quiet", "--postgres", database.url()]).expect(0);
}

#[test]
fn unwritable_outputs_are_refused_before_anything_is_done() {
    let place = Place::new();
    place.sample();
    fs::write(place.path().join("file"), "").unwrap();
    let database = TestDatabase::create();
    let before = everything(&database);
    for (name, more) in [
        ("report_dir_in_file", &["--report-dir", "file/reports"][..]),
        ("junit_nowhere", &["--junit", "no/such/folder/x.xml"]),
        ("junit_is_folder", &["--junit", "."]),
        ("no_report_with_dir", &["--no-report", "--report-dir", "x"]),
    ] {
        let arguments = ["migrate", "--sqlite", "hyperpage.db", "--postgres", database.url()];
        let refused = place.run(arguments.iter().chain(more)).expect(2);
        place.snapshot(&format!("report-{name}"), &refused.screen());
        assert_eq!(everything(&database), before, "{name}");
    }
    assert!(!place.path().join("backups").exists());
}

#[test]
fn pipelines_get_annotations_a_summary_and_junit() {
    let place = Place::new();
    let source = rusqlite::Connection::open(place.path().join("shop.db")).unwrap();
    source
        .execute_batch(
            "CREATE TABLE \"::error title=x::y\" (id INTEGER PRIMARY KEY, \"a|b\" TEXT); \
             INSERT INTO \"::error title=x::y\" VALUES (1, 'a'), (2, 'b'); \
             CREATE TABLE \"<script>\" (id INTEGER PRIMARY KEY); \
             CREATE VIEW v AS SELECT sqlite_version()",
        )
        .unwrap();
    let database = TestDatabase::create();
    let run = |arguments: &[&str], code: i32| {
        let mut command = place.command(arguments.iter().chain(&["--postgres", database.url(), "--quiet"]));
        output(command.env("GITHUB_STEP_SUMMARY", place.path().join("summary.md"))).expect(code)
    };
    let moved =
        run(&["migrate", "--sqlite", "shop.db", "--github", "--junit", "moved.xml", "--no-report"], 0);
    let lines: Vec<&str> = moved.stdout.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").unwrap();
    let resumed = lines.iter().position(|line| *line == format!("::{token}::")).unwrap();
    assert!(lines[resumed + 1].starts_with("::notice title=Migration proven::"), "{}", moved.stdout);
    assert_eq!(lines.len(), resumed + 2, "{}", moved.stdout);
    assert!(!place.path().join("reports").exists());
    let xml = fs::read_to_string(place.path().join("moved.xml")).unwrap();
    assert!(xml.contains("failures=\"0\"") && xml.contains("name=\"view v\""), "{xml}");

    execute(&database, "DELETE FROM public.\"::error title=x::y\" WHERE id = 2");
    let found = run(&["validate", "--plan", "plans/shop", "--json", "--github", "--junit", "found.xml"], 1);
    assert_eq!(found.json()["proven"], false, "annotations go elsewhere beside JSON");
    let errors: Vec<&str> = found.stderr.lines().filter(|line| line.starts_with("::error")).collect();
    assert_eq!(errors.len(), 2, "{}", found.stderr);
    assert!(
        errors[1].starts_with("::error title=table %3A%3Aerror title=x%3A%3Ay::1 row missing in PostgreSQL"),
        "{errors:?}"
    );
    let xml = fs::read_to_string(place.path().join("found.xml")).unwrap();
    assert!(xml.contains("failures=\"1\"") && xml.contains("row id=2 is missing"), "{xml}");
    let summary = fs::read_to_string(place.path().join("summary.md")).unwrap();
    assert!(summary.starts_with("## ✅ Migration proven"), "{summary}");
    assert!(summary.contains("\n## ❌ Migration NOT proven"), "{summary}");

    // An error that prevents a command from running is an annotation, too.
    let mut command = place.command(["validate", "--github", "--sample-database"]);
    let refused = output(command.env("CARGO_MANIFEST_DIR", place.path().join("xtask"))).expect(2);
    assert!(
        refused.stdout.contains("::error title=It could not run::no sample was moved"),
        "{}",
        refused.stdout
    );

    // A migration that is refused for its values has no report, but still an annotation.
    source.execute_batch("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('a' || char(0) || 'b')").unwrap();
    let mut command = place.command([
        "migrate",
        "--sqlite",
        "shop.db",
        "--restart",
        "--discard",
        "--github",
        "--quiet",
        "--postgres",
        database.url(),
    ]);
    let refused = output(&mut command).expect(1);
    assert!(
        refused.stdout.contains("::error title=Nothing was moved::1 value cannot move"),
        "{}",
        refused.stdout
    );
}

#[test]
fn a_plan_is_written_as_markdown_and_checked_like_any_other_file() {
    let place = Place::new();
    let arguments = |more: &[&'static str]| -> Vec<&'static str> { [&["generate"], more].concat() };
    let printed = place.run(arguments(&["--dry-run", "--markdown", "-"])).expect(0);
    assert!(printed.stdout.starts_with("## Migration plan\n"), "{}", printed.stdout);
    assert_eq!(printed.stderr, "");
    for part in ["erDiagram", "| `payload` | `TEXT not null` | `jsonb not null` |", "schema_migrations"] {
        assert!(printed.stdout.contains(part), "{part}");
    }
    let stale = place.run(arguments(&["--check", "--markdown", "plan.md"])).expect(1);
    assert!(stale.stdout.starts_with("--- plan.md\n"), "{}", stale.stdout);
    assert!(!place.path().join("plan.md").exists());
    fs::write(place.path().join("plan.md"), &printed.stdout).unwrap();
    place.run(arguments(&["--check", "--markdown", "plan.md"])).expect(0);
    let refused = place.run(arguments(&["--check", "--markdown", "-"])).expect(2);
    place.snapshot("report-markdown_check", &refused.screen());
    fs::write(place.path().join("file"), "").unwrap();
    place.run(arguments(&["--markdown", "file/plan.md"])).expect(2);
}
