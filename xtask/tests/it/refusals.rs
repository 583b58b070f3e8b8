//! Bad sources, options and plans: each has a specific exit status and message, and leaves no partial work.

use std::fs;

use fixtures::hostile::{CASES, HostileCase, HostileKind, IN_USE_COMMITTED_JOBS};
use test_database::TestDatabase;

use crate::place::{Output, Place, checkout, copy_folder, output};
use crate::server::{everything, value};

/// Runs `migrate` from `source` into the database. Afterwards, nothing may have changed on either side.
#[track_caller]
fn refused(place: &Place, database: &TestDatabase, source: &str, more: &[&str], code: i32) -> Output {
    let before = (everything(database), place.state());
    let mut arguments = vec!["migrate", "--sqlite", source, "--postgres", database.url()];
    arguments.extend_from_slice(more);
    let output = place.run(arguments).expect(code);
    assert_eq!((everything(database), place.state()), before, "{source} {more:?} changed something");
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    output
}

/// The hostile databases that are readable, each with its number of jobs.
const READABLE: &[(&str, u64)] = &[("in-use-by-a-writer", IN_USE_COMMITTED_JOBS), ("swapped-indexes", 3)];

#[test]
fn unusual_but_readable_databases_move() {
    for (name, jobs) in READABLE {
        let (place, database) = (Place::new(), TestDatabase::create());
        let built = HostileCase::named(name).unwrap().build(place.path()).unwrap();
        let source = format!("{name}.db");
        let migrate = ["migrate", "--sqlite", &source, "--integrity-check", "--postgres", database.url()];
        let output = place.run(migrate);
        drop(built);
        place.snapshot(&format!("refusals-readable_{name}"), &output.screen());
        let moved = value(&database, "SELECT count(*) FROM public.jobs");
        assert_eq!(moved, jobs.to_string(), "{name}");
    }
}

#[test]
fn every_hostile_database_is_refused_with_its_own_message() {
    let database = TestDatabase::create();
    for case in CASES.iter().filter(|case| !READABLE.iter().any(|(name, _)| *name == case.name)) {
        let place = Place::new();
        let built = case.build(place.path()).unwrap();
        let source = format!("{}.db", case.name);
        let code = if matches!(case.kind, HostileKind::BadValues(_)) { 1 } else { 2 };
        let output = refused(&place, &database, &source, &[], code);
        place.snapshot(&format!("refusals-source_{}", case.name), &output.screen());
        if let HostileKind::BadValues(offenders) = case.kind {
            let found = refused(&place, &database, &source, &["--json", "--quiet"], 1).json();
            assert_eq!((&found["result"]["outcome"], &found["proven"]), (&"rejected".into(), &false.into()));
            let tables = found["result"]["findings"]["tables"].as_array().unwrap();
            let mut named: Vec<String> = (tables.iter())
                .flat_map(|table| {
                    table["offenders"].as_array().unwrap().iter().map(move |each| (table, each))
                })
                .map(|(table, each)| {
                    let [table, column] =
                        [&table["table"], &each["column"]].map(|name| name.as_str().unwrap());
                    format!("{table}.{column} {}", each["count"])
                })
                .collect();
            named.sort();
            let mut expected = std::collections::BTreeMap::new();
            for offender in offenders {
                *expected.entry((offender.table, offender.column)).or_insert(0) += 1;
            }
            let expected: Vec<String> =
                expected.iter().map(|((table, column), count)| format!("{table}.{column} {count}")).collect();
            assert_eq!(named, expected, "{}", case.name);
        }
        drop(built);
    }
}

#[test]
fn a_source_that_is_no_file_is_refused() {
    let database = TestDatabase::create();
    let place = Place::new();
    fs::create_dir(place.path().join("folder.db")).unwrap();
    for (name, source) in
        [("no_file", "nowhere.db"), ("no_folder", "no/where.db"), ("folder", "folder.db"), ("unnamed", "")]
    {
        let output = refused(&place, &database, source, &[], 2);
        place.snapshot(&format!("refusals-{name}"), &output.screen());
    }
    let output = place.run(["migrate", "--postgres", database.url()]).expect(2);
    place.snapshot("refusals-default_source", &output.screen());
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let place = Place::new();
    for (name, arguments) in [
        ("unknown_option", &["migrate", "--sqllite", "a.db"][..]),
        ("unknown_command", &["migrat"]),
        ("rows_without_sample", &["migrate", "--rows", "5"]),
        ("sqlite_with_sample", &["migrate", "--sqlite", "a.db", "--sample"]),
        ("rows_no_number", &["migrate", "--sample", "--rows", "many"]),
        ("version_with_url", &["migrate", "--pg-version", "17", "--postgres", "postgres://h/d"]),
        ("version_too_old", &["migrate", "--pg-version", "14"]),
        ("no_workers", &["migrate", "--workers", "0"]),
        ("yes_without_apply", &["cleanup", "--app", ".", "--yes"]),
    ] {
        let output = place.run(arguments).expect(2);
        assert_eq!(output.stdout, "", "{name}");
        place.snapshot(&format!("refusals-{name}"), &output.screen());
    }
    assert_eq!(place.state().len(), 1, "nothing but the folder itself");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let database = TestDatabase::create();
    let place = Place::new();
    place.sample();
    let before = (everything(&database), place.state());
    for (name, variable, value) in [
        ("pool_of_none", "DB_POOL_MAX", "0"),
        ("pool_no_number", "DB_POOL_MAX", "ten"),
        ("pool_min_above_max", "DB_POOL_MIN", "11"),
        ("timeout_of_none", "DB_CONNECTION_TIMEOUT", "0"),
        ("timeout_with_unit", "DB_STATEMENT_TIMEOUT", "30s"),
    ] {
        for command in [&["migrate", "--sqlite", "hyperpage.db"][..], &["validate"]] {
            let mut arguments = command.to_vec();
            arguments.extend(["--postgres", database.url()]);
            let output = output(place.command(arguments).env(variable, value)).expect(2);
            place.snapshot(&format!("refusals-{name}"), &output.screen());
        }
    }
    assert_eq!((everything(&database), place.state()), before);
}

#[test]
fn a_backup_folder_that_cannot_be_is_refused() {
    let database = TestDatabase::create();
    let place = Place::new();
    place.sample();
    fs::write(place.path().join("taken"), "a file").unwrap();
    for (name, folder) in [("backup_is_file", "taken"), ("backup_in_file", "taken/backups")] {
        let output = refused(&place, &database, "hyperpage.db", &["--backup-dir", folder], 2);
        place.snapshot(&format!("refusals-{name}"), &output.screen());
    }
}

#[test]
fn a_plan_that_does_not_hold_together_is_refused() {
    let database = TestDatabase::create();
    type Spoil = fn(&std::path::Path);
    let cases: [(&str, Spoil); 7] = [
        ("missing", |plan| fs::remove_file(plan.join("plan.json")).unwrap()),
        ("empty", |plan| fs::write(plan.join("plan.json"), "").unwrap()),
        ("broken", |plan| fs::write(plan.join("plan.json"), "{\"format\": 1, \"tables\": [").unwrap()),
        ("other_format", |plan| change(&plan.join("plan.json"), "\"format\": 2", "\"format\": 99")),
        ("unreviewed", |plan| change(&plan.join(UP), "name text COLLATE \"C\" NOT NULL", "name text")),
        ("no_migrations", |plan| fs::remove_dir_all(plan.join("migrations")).unwrap()),
        ("one_migration", |plan| {
            fs::remove_dir_all(plan.join("migrations/2026-11-01-000002_add_constraints")).unwrap();
        }),
    ];
    for (name, spoil) in cases {
        let place = Place::new();
        place.sample();
        let plan = place.path().join("plan");
        copy_folder(&checkout().join("schema-pg/migrations"), &plan.join("migrations"));
        fs::copy(checkout().join("schema-pg/plan.json"), plan.join("plan.json")).unwrap();
        spoil(&plan);
        let output = refused(&place, &database, "hyperpage.db", &["--plan", "plan"], 2);
        place.snapshot(&format!("refusals-plan_{name}"), &output.screen());
    }
    let place = Place::new();
    place.sample();
    let output = refused(&place, &database, "hyperpage.db", &["--plan", "nowhere"], 2);
    place.snapshot("refusals-plan_nowhere", &output.screen());
}

/// Files of a file manager or of git in `migrations/` are not migrations.
#[test]
fn stray_files_in_a_plan_are_no_migrations() {
    let database = TestDatabase::create();
    let place = Place::new();
    place.sample();
    let plan = place.path().join("plan");
    copy_folder(&checkout().join("schema-pg"), &plan);
    fs::write(plan.join("migrations/.DS_Store"), "").unwrap();
    fs::write(plan.join("migrations/.gitkeep"), "").unwrap();
    fs::create_dir(plan.join("migrations/.idea")).unwrap();
    fs::write(plan.join("migrations/README.md"), "").unwrap();
    let mut arguments = vec!["migrate", "--sqlite", "hyperpage.db", "--plan", "plan"];
    arguments.extend(["--postgres", database.url()]);
    place.run(arguments).expect(0);
}

/// The migration that creates the tables.
const UP: &str = "migrations/2026-11-01-000001_create_tables/up.sql";

/// Replaces a part of a file. The part must exist.
fn change(path: &std::path::Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}
