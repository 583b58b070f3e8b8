//! `generate --drizzle`: the files of an app, types of its documents, and what happens to files that are there already. Each printed
//! remedy is followed to the letter.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use crate::place::{Output, Place, checkout, output};

const FILES: [&str; 13] = [
    "db/client.ts",
    "db/health.ts",
    "db/migrate.ts",
    "db/migrations.ts",
    "db/settings.ts",
    "drizzle.config.ts",
    "drizzle/0000_create_tables.sql",
    "drizzle/0001_add_constraints.sql",
    "drizzle/documents.ts",
    "drizzle/meta/0000_snapshot.json",
    "drizzle/meta/0001_snapshot.json",
    "drizzle/meta/_journal.json",
    "drizzle/schema.ts",
];

/// Creates `any.db` with a table of documents.
fn with_documents(place: &Place, documents: &[&str]) {
    let connection = Connection::open(place.path().join("any.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, body TEXT, token TEXT); DELETE FROM notes")
        .unwrap();
    for document in documents {
        connection.execute("INSERT INTO notes (body, token) VALUES (?1, ?1)", [document]).unwrap();
    }
    fs::create_dir_all(place.path().join("plan")).unwrap();
    let mapping = "format = 1\n[tables.notes.columns]\nbody = { as = \"jsonb\" }\ntoken = { as = \"jsonb\", secret = true }\n";
    fs::write(place.path().join("plan/mapping.toml"), mapping).unwrap();
}

const ANY: [&str; 6] = ["generate", "--sqlite", "any.db", "--out", "plan", "--drizzle"];

fn text(place: &Place, path: &str) -> String {
    fs::read_to_string(place.path().join(path)).unwrap()
}

fn write(place: &Place, path: &str, content: &str) {
    let path = place.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Runs the commands of a refusal's last lines, here.
#[track_caller]
fn follow(place: &Place, refused: &Output) {
    let commands: Vec<&str> =
        refused.stderr.lines().map(str::trim).filter(|line| line.starts_with("mv ")).collect();
    assert!(!commands.is_empty(), "{}", refused.stderr);
    for command in commands {
        let moved = output(Command::new("sh").args(["-c", command]).current_dir(place.path()));
        assert_eq!(moved.code, Some(0), "{command}: {}", moved.stderr);
    }
}

#[test]
fn the_files_of_the_app_are_written_once() {
    let place = Place::new();
    let written = place.run(["generate", "--drizzle", "app"]).expect(0);
    for path in FILES {
        assert!(place.path().join("app").join(path).is_file(), "{path}");
        assert!(written.stderr.contains(&format!("wrote app/{path}\n")), "{}", written.stderr);
    }
    let again = place.run(["generate", "--drizzle", "app", "--check"]).expect(0);
    assert!(again.stderr.contains("files are up to date"), "{}", again.stderr);
    let schema = "app/drizzle/schema.ts";
    write(&place, schema, &text(&place, schema).replace("pgTable('jobs'", "pgTable('job'"));
    let before = place.state();
    let stale = place.run(["generate", "--drizzle", "app", "--check"]).expect(1);
    assert!(stale.stdout.contains("-export const jobs = pgTable('job'"), "{}", stale.stdout);
    let dry_run = place.run(["generate", "--drizzle", "app", "--dry-run"]).expect(0);
    assert!(dry_run.stderr.contains("would write app/drizzle/schema.ts\n"), "{}", dry_run.stderr);
    assert_eq!(place.state(), before);
    place.run(["generate", "--drizzle", "app"]).expect(0);
    place.run(["generate", "--drizzle", "app", "--check"]).expect(0);
}

#[test]
fn moments_are_dates_or_milliseconds() {
    let place = Place::new();
    place.run(["generate", "--drizzle", "dates"]).expect(0);
    place.run(["generate", "--check", "--drizzle", "dates", "--dates", "date"]).expect(0);
    // The plan of this workspace has decided for dates.
    let refused = place.run(["generate", "--drizzle", "dates", "--dates", "milliseconds"]).expect(2);
    assert!(
        refused.stderr.contains("schema-pg/mapping.toml, line 8: dates = \"date\""),
        "{}",
        refused.stderr
    );
    with_documents(&place, &[]);
    place.run(ANY).expect(0);
    let before = ["db/client.ts", "drizzle/schema.ts"].map(|path| text(&place, &format!("plan/{path}")));
    write(&place, "plan/mapping.toml", &text(&place, "plan/mapping.toml").replace("[drizzle]\n", ""));
    place.run([&ANY[..], &["--dates", "milliseconds"]].concat()).expect(0);
    let after = ["db/client.ts", "drizzle/schema.ts"].map(|path| text(&place, &format!("plan/{path}")));
    assert!(before[0] != after[0] && before[1] == after[1], "the table has no moments");
}

#[test]
fn documents_have_types_and_no_values() {
    let place = Place::new();
    with_documents(
        &place,
        &[r#"{"id": 1, "title": "private words"}"#, r#"{"id": 2, "tags": ["more words"]}"#],
    );
    place.run(ANY).expect(0);
    let types = text(&place, "plan/drizzle/documents.ts");
    let body = "export type NotesBody = {\n  id: number;\n  tags?: string[];\n  title?: string;\n};\n";
    assert!(types.contains(body), "{types}");
    assert!(
        types.contains("Not inferred: the column is secret. */\nexport type NotesToken = unknown;\n"),
        "{types}"
    );
    assert!(!types.contains("words"), "{types}");
    assert!(text(&place, "plan/drizzle/schema.ts").contains("$type<NotesBody>()"));

    with_documents(&place, &["[1, null]"]);
    let stale = place.run([&ANY[..], &["--check"]].concat()).expect(1);
    assert!(stale.stdout.contains("+export type NotesBody = (number | null)[];"), "{}", stale.stdout);
}

#[test]
fn without_a_database_the_types_that_are_there_stay() {
    let place = Place::new();
    let unknown = place.run(["generate", "--drizzle", "app"]).expect(0);
    let note = "app/drizzle/documents.ts: JobsPayload, JobsResult, OauthTokensMetadata, ToolConfigsConfig can be inferred from a \
                database: name one with --documents\n";
    assert!(unknown.stderr.contains(note), "{}", unknown.stderr);
    place.sample();
    let named = place.run(["generate", "--drizzle", "app", "--documents", "hyperpage.db"]).expect(0);
    assert_eq!(named.stderr, "wrote app/drizzle/documents.ts\n");
    let types = text(&place, "app/drizzle/documents.ts");
    place.run(["generate", "--drizzle", "app", "--check"]).expect(0);
    fs::create_dir(place.path().join("app/data")).unwrap();
    fs::rename(place.path().join("hyperpage.db"), place.path().join("app/data/hyperpage.db")).unwrap();
    place.run(["generate", "--drizzle", "app", "--check"]).expect(0);
    assert_eq!(text(&place, "app/drizzle/documents.ts"), types);

    // Types of the app's own are kept as long as none is missing.
    let own = types.replacen("// @generated", "// Ours, once @generated", 1);
    write(&place, "app/drizzle/documents.ts", &own);
    place.run(["generate", "--drizzle", "app"]).expect(0);
    assert_eq!(text(&place, "app/drizzle/documents.ts"), own);
    write(&place, "app/drizzle/documents.ts", &own.replace("type JobsResult ", "type JobResult "));
    let refused = place.run(["generate", "--drizzle", "app"]).expect(2);
    follow(&place, &refused);
    place.run(["generate", "--drizzle", "app"]).expect(0);
    assert_eq!(text(&place, "app/drizzle/documents.ts"), types);
}

#[test]
fn a_database_of_another_app_is_refused() {
    let place = Place::new();
    with_documents(&place, &["{}"]);
    let before = place.state();
    let refused = place.run(["generate", "--drizzle", "app", "--documents", "any.db"]).expect(2);
    assert!(refused.stderr.contains("any.db has no column jobs.payload"), "{}", refused.stderr);
    assert_eq!(place.state(), before);
}

#[test]
fn files_of_the_app_are_not_overwritten() {
    let place = Place::new();
    let journal =
        r#"{"version": "7", "dialect": "sqlite", "entries": [{"idx": 0, "when": 1, "tag": "0000_old"}]}"#;
    for (path, content) in [
        ("app/drizzle/meta/_journal.json", journal),
        ("app/drizzle/schema.ts", "export const jobs = 1;\n"),
        ("app/drizzle.config.ts", "export default {};\n"),
        ("app/db/client.ts", "export const db = 1;\n"),
    ] {
        write(&place, path, content);
    }
    let before = place.state();
    for options in [&[][..], &["--keep-own"], &["--check"], &["--dry-run"]] {
        let refused = place.run([&["generate", "--drizzle", "app"], options].concat()).expect(2);
        assert!(
            refused.stderr.contains("drizzle/ has the app's migrations for sqlite"),
            "{}",
            refused.stderr
        );
        assert!(!refused.stderr.contains("kept "), "{}", refused.stderr);
        assert_eq!(place.state(), before);
    }
    let refused = place.run(["generate", "--drizzle", "app"]).expect(2);
    place.snapshot("generate_drizzle-own_files", &refused.screen());
    follow(&place, &refused);
    place.run(["generate", "--drizzle", "app"]).expect(0);
    assert_eq!(text(&place, "app/drizzle-sqlite/meta/_journal.json"), journal);
    assert_eq!(text(&place, "app/db/client.ts.before"), "export const db = 1;\n");
    assert_eq!(text(&place, "app/drizzle.config.ts.before"), "export default {};\n");
    place.run(["generate", "--drizzle", "app", "--check"]).expect(0);
}

#[test]
fn a_file_that_the_app_took_over_is_kept_on_request() {
    let place = Place::new();
    place.run(["generate", "--drizzle", "app"]).expect(0);
    write(&place, "app/db/client.ts", "// Ours now.\nexport {};\n");
    let refused = place.run(["generate", "--drizzle", "app"]).expect(2);
    assert!(refused.stderr.contains("this command did not write db/client.ts"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--keep-own"), "{}", refused.stderr);
    let kept = place.run(["generate", "--drizzle", "app", "--keep-own"]).expect(0);
    assert!(kept.stderr.contains("kept app/db/client.ts\n"), "{}", kept.stderr);
    assert_eq!(text(&place, "app/db/client.ts"), "// Ours now.\nexport {};\n");
}

#[test]
fn what_is_no_text_or_no_folder_is_the_apps_too() {
    let bytes = |place: &Place| {
        write(place, "app/db/client.ts", "");
        fs::write(place.path().join("app/db/client.ts"), [0xff, 0xfe, 0x00]).unwrap();
    };
    type Prepare = fn(&Place);
    let cases: [(Prepare, &str, bool); 5] = [
        (bytes, "this command did not write db/client.ts", true),
        (
            |place| write(place, "app/drizzle/schema.ts/index.ts", ""),
            "this command did not write drizzle/schema.ts",
            true,
        ),
        (
            |place| write(place, "app/drizzle", ""),
            "this command needs a folder in the place of drizzle",
            false,
        ),
        (|place| write(place, "app/db", ""), "this command needs a folder in the place of db", false),
        (
            |place| write(place, "app/drizzle/meta/_journal.json/x", ""),
            "drizzle/ has other migrations than the generated ones",
            false,
        ),
    ];
    for (prepare, reason, can_be_kept) in cases {
        let place = Place::new();
        prepare(&place);
        let before = place.state();
        let refused = place.run(["generate", "--drizzle", "app"]).expect(2);
        assert!(refused.stderr.contains(reason), "{}", refused.screen());
        assert_eq!(refused.stderr.contains("--keep-own"), can_be_kept, "{}", refused.screen());
        assert_eq!(place.state(), before);
        if can_be_kept {
            let kept = place.run(["generate", "--drizzle", "app", "--keep-own"]).expect(0);
            assert_eq!(kept.stderr.matches("kept ").count(), 1, "{}", kept.screen());
        }
        follow(&place, &refused);
        place.run(["generate", "--drizzle", "app"]).expect(0);
    }
    let place = Place::new();
    write(&place, "app", "");
    let refused = place.run(["generate", "--drizzle", "app"]).expect(2);
    assert!(
        refused.stderr.ends_with("app is no folder\n  next: name the folder of the app: `--drizzle DIR`\n"),
        "{}",
        refused.screen()
    );
}

#[test]
fn the_schema_is_the_apps_once_it_has_migrations_of_its_own() {
    let place = Place::new();
    place.run(["generate", "--drizzle", "app"]).expect(0);
    let journal = "app/drizzle/meta/_journal.json";
    let extended = text(&place, journal).replacen(
        "\n  ]",
        ",\n    {\"idx\": 2, \"version\": \"7\", \"when\": 1793500000000, \"tag\": \"0002_wise_owl\", \"breakpoints\": true}\n  ]",
        1,
    );
    write(&place, journal, &extended);
    write(&place, "app/drizzle/schema.ts", "export const evolved = 1;\n");
    let before = place.state();
    let refused = place.run(["generate", "--drizzle", "app"]).expect(2);
    assert_eq!(place.state(), before);
    place.snapshot("generate_drizzle-own_migrations", &refused.screen());
    let (_, folder) = refused.stderr.split_once("`--drizzle ").unwrap();
    place.run(["generate", "--drizzle", folder.split('`').next().unwrap()]).expect(0);
    assert!(place.path().join("app-generated/drizzle/schema.ts").is_file());
}

#[test]
fn other_migrations_are_renamed_like_those_of_another_dialect() {
    let place = Place::new();
    write(
        &place,
        "app/drizzle/meta/_journal.json",
        r#"{"version": "7", "dialect": "postgresql", "entries": []}"#,
    );
    write(&place, "app/drizzle-before/README", "taken");
    let refused = place.run(["generate", "--drizzle", "app"]).expect(2);
    follow(&place, &refused);
    assert!(place.path().join("app/drizzle-before-2/meta/_journal.json").is_file());
    place.run(["generate", "--drizzle", "app"]).expect(0);
}

#[test]
fn a_plan_for_tables_of_the_app_has_no_files() {
    let place = Place::new();
    for (options, message) in [
        (&["generate", "--drizzle"][..], "--drizzle needs the folder of the app"),
        (&["generate", "--drizzle", "app", "--into-existing"], "cannot be used with"),
        (&["generate", "--keep-own"], "--drizzle"),
    ] {
        let refused = place.run(options).expect(2);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
    }
    assert!(!Path::new(&place.path().join("app")).exists());
    assert!(checkout().join("schema-pg/plan.json").is_file());
}
