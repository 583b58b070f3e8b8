//! `generate`: it writes what was reviewed, the same each time, and nothing else.

use std::fs;
use std::path::Path;

use crate::place::{Place, checkout, contents, copy_folder, exact_snapshot};

/// Creates a folder with Hyperpage's mapping in `plan`.
fn with_mapping() -> Place {
    let place = Place::new();
    fs::create_dir(place.path().join("plan")).unwrap();
    fs::copy(checkout().join("schema-pg/mapping.toml"), place.path().join("plan/mapping.toml")).unwrap();
    place
}

/// Creates a folder with the complete output of `generate` for Hyperpage in `plan`.
fn generated() -> Place {
    let place = with_mapping();
    place.run(["generate", "--out", "plan"]).expect(0);
    place
}

/// Replaces a part of `plan/mapping.toml`. The part must exist.
fn change_mapping(place: &Place, from: &str, to: &str) {
    let path = place.path().join("plan/mapping.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_checkout_is_up_to_date() {
    let place = Place::new();
    let output = place.run(["generate", "--check"]).expect(0);
    assert_eq!(output.stdout, "");
    assert_eq!(output.stderr, "8 files are up to date\n");
}

#[test]
fn the_plan_is_a_line_for_each_column() {
    let place = Place::new();
    let output = place.run(["generate", "--dry-run"]).expect(0);
    place.snapshot("generate-plan", &output.stdout);
}

#[test]
fn the_files_are_those_that_were_reviewed() {
    let place = generated();
    for (name, apart, in_checkout) in [
        ("create_tables_up", "migrations/2026-11-01-000001_create_tables/up.sql", None),
        ("create_tables_down", "migrations/2026-11-01-000001_create_tables/down.sql", None),
        ("add_constraints_up", "migrations/2026-11-01-000002_add_constraints/up.sql", None),
        ("add_constraints_down", "migrations/2026-11-01-000002_add_constraints/down.sql", None),
        ("schema_pg", "schema.rs", Some("schema-pg/src/schema.rs")),
        ("schema_sqlite", "source_schema.rs", Some("schema-sqlite/src/schema.rs")),
    ] {
        let text = fs::read_to_string(place.path().join("plan").join(apart)).unwrap();
        let reviewed = in_checkout.map_or_else(|| Path::new("schema-pg").join(apart), Into::into);
        assert_eq!(fs::read_to_string(checkout().join(reviewed)).unwrap(), text, "{apart}");
        exact_snapshot(&format!("generate-{name}"), &text);
    }
}

#[test]
fn two_runs_write_the_same_bytes() {
    let place = generated();
    fs::create_dir(place.path().join("again")).unwrap();
    fs::copy(place.path().join("plan/mapping.toml"), place.path().join("again/mapping.toml")).unwrap();
    place.run(["generate", "--out", "again"]).expect(0);
    let first = contents(&place.path().join("plan"));
    assert_eq!(first, contents(&place.path().join("again")));
    assert_eq!(first.iter().filter(|(_, content)| !content.is_empty()).count(), 8);

    let output = place.run(["generate", "--out", "plan"]).expect(0);
    assert_eq!(output.stderr, "8 files are up to date\n", "a second run has nothing to write");
}

#[test]
fn a_changed_mapping_makes_files_stale() {
    let place = generated();
    change_mapping(&place, "priority = { as = \"integer\"", "priority = { as = \"bigint\"");
    let before = place.state();

    let check = place.run(["generate", "--out", "plan", "--check"]).expect(1);
    place.snapshot("generate-stale", &check.screen());
    let dry_run = place.run(["generate", "--out", "plan", "--dry-run"]).expect(0);
    assert!(dry_run.stdout.starts_with("Plan\n") && !dry_run.stdout.contains("@@"), "{}", dry_run.stdout);
    assert!(dry_run.stderr.contains("would write plan/plan.json\n"), "{}", dry_run.stderr);
    assert_eq!(place.state(), before, "neither changes anything");

    let written = place.run(["generate", "--out", "plan"]).expect(0);
    place.snapshot("generate-written", &written.screen());
    place.run(["generate", "--out", "plan", "--check"]).expect(0);
}

#[test]
fn a_file_that_is_missing_is_stale() {
    let place = generated();
    fs::remove_file(place.path().join("plan/schema.rs")).unwrap();
    let output = place.run(["generate", "--out", "plan", "--check"]).expect(1);
    assert!(output.stdout.starts_with("--- plan/schema.rs\n"), "{}", output.stdout);
    assert!(!place.path().join("plan/schema.rs").exists());
}

#[test]
fn check_and_dry_run_exclude_each_other() {
    Place::new().run(["generate", "--check", "--dry-run"]).expect(2);
}

#[test]
fn a_mapping_that_does_not_fit_is_refused_with_the_nearest_name() {
    for (name, from, to, nearest) in [
        (
            "unknown_table",
            "[tables.job_history.columns]",
            "[tables.job_histori.columns]",
            "did you mean job_history?",
        ),
        ("unknown_column", "priority = {", "prioritty = {", "did you mean priority?"),
        ("unknown_conversion", "as = \"jsonb\"", "as = \"jsonbb\"", "did you mean `jsonb`?"),
        ("unknown_key", "secret = true", "secrets = true", "did you mean `secret`?"),
        (
            "unknown_left_behind",
            "schema_migrations =",
            "schema_migration =",
            "did you mean schema_migrations?",
        ),
        (
            "unknown_index_column",
            "columns = [\"provider\"]",
            "columns = [\"providr\"]",
            "did you mean provider?",
        ),
        ("no_toml", "format = 1", "format = ", ""),
        ("other_format", "format = 1", "format = 2", ""),
    ] {
        let place = with_mapping();
        change_mapping(&place, from, to);
        let before = place.state();
        let output = place.run(["generate", "--out", "plan"]).expect(2);
        assert!(output.stderr.contains(nearest), "{name}: {}", output.stderr);
        assert_eq!(place.state(), before, "{name} wrote something");
        place.snapshot(&format!("generate-{name}"), &output.screen());
    }
}

#[test]
fn a_profile_holds_counts_and_never_a_value() {
    let place = Place::new();
    let path = place.path().join("app.db");
    let source = rusqlite::Connection::open(&path).unwrap();
    source
        .execute_batch(
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, size INTEGER, share REAL, raw BLOB, loose);
             INSERT INTO notes VALUES
               (7215398046, 'canary-text', 7215398046, 7215398046.5, x'63616e617279', 'canary-loose'),
               (7215398047, NULL, -7215398046, 0.72153980461, NULL, 'canary-more');",
        )
        .unwrap();
    source.close().unwrap();
    let sqlite = path.to_str().unwrap();
    let output = place.run(["generate", "--sqlite", sqlite, "--out", "plan"]).expect(0);
    let shown = place.run(["generate", "--sqlite", sqlite, "--out", "plan", "--dry-run"]).expect(0);

    let plan: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path().join("plan/plan.json")).unwrap()).unwrap();
    assert_eq!(plan["tables"][0]["profile_rows"], 2);
    place.snapshot("generate-profile", &shown.stdout);

    let mut words = vec![output.screen(), shown.screen()];
    let written = contents(&place.path().join("plan"));
    words.extend(written.into_iter().map(|(_, content)| String::from_utf8(content).unwrap()));
    for canary in ["canary", "7215398046", "7215398047", "721539", "63616e617279"] {
        assert!(!words.iter().any(|text| text.to_lowercase().contains(canary)), "{canary} is shown");
    }
}

#[test]
fn a_source_that_cannot_be_read_writes_nothing() {
    let place = Place::new();
    fs::write(place.path().join("list.db"), "id,name\n").unwrap();
    for file in ["nowhere.db", "list.db"] {
        let output = place.run(["generate", "--sqlite", file, "--out", "plan"]).expect(2);
        assert!(output.stderr.contains(file), "{}", output.stderr);
    }
    assert!(!place.path().join("plan").exists());
}

#[test]
fn a_plan_folder_that_was_copied_is_still_up_to_date() {
    let place = generated();
    copy_folder(&place.path().join("plan"), &place.path().join("copy"));
    place.run(["generate", "--out", "copy", "--check"]).expect(0);
}
