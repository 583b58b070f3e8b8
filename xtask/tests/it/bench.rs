//! `bench`: its measurements and output, its clean-up, and the servers that it refuses. The figures are not checked, which would need a
//! quiet machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::Value;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{execute, value};

/// Runs `bench` with a temporary folder that the server can read, and asserts that nothing is left there or in the server.
#[track_caller]
fn bench(database: &TestDatabase, url: &str, more: &[&str]) -> Output {
    let place = Place::new();
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["bench", "--rounds", "1", "--no-peers", "--json", "--postgres", url];
    let mut command = place.command(arguments.iter().chain(more));
    command.env("TMPDIR", scratch.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let like = format!("hyperpage_bench\\_{}\\_%", child.id());
    let output = child.wait_with_output().unwrap();
    let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    let databases = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{like}'");
    assert_eq!(value(database, &databases), "0");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Whether the server is an external one, perhaps on a different machine.
fn is_given() -> bool {
    std::env::var_os(test_database::URL_VARIABLE).is_some_and(|url| !url.is_empty())
}

/// Whether an external server runs on a different machine, so that `bench` refuses it.
fn is_elsewhere(output: &Output) -> bool {
    is_given() && output.code == Some(2) && output.stderr.contains("the server cannot read files")
}

/// The figures of a database by the name of what is measured, and the database itself.
fn subject<'a>(said: &'a Value, name: &str) -> &'a Value {
    let subjects = said["subjects"].as_array().unwrap();
    subjects.iter().find(|subject| subject["name"] == name).unwrap_or_else(|| panic!("{name}: {subjects:?}"))
}

fn measured<'a>(subject: &'a Value, name: &str) -> &'a Value {
    let measured = subject["measured"].as_array().unwrap();
    measured.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {measured:?}"))
}

/// The single round's seconds of what is measured.
fn seconds(subject: &Value, name: &str) -> f64 {
    let seconds = measured(subject, name)["seconds"].as_array().unwrap();
    assert_eq!(seconds.len(), 1, "{name}");
    seconds[0].as_f64().unwrap()
}

/// Asserts that a migration has figures of its process, on Linux also memory over time.
fn assert_has_usage(subject: &Value) {
    let whole = measured(subject, "ours.whole");
    if cfg!(target_os = "linux") {
        let figure = |name: &str| whole[name][0].as_f64().unwrap_or_else(|| panic!("{name}: {whole}"));
        assert!(figure("private_bytes") > 1e6 && figure("private_bytes") < figure("peak_bytes"), "{whole}");
        assert!(figure("processor_seconds") > 0.0, "{whole}");
        let curve = whole["memory_curve"][0].as_array().unwrap();
        assert!((1..=40).contains(&curve.len()), "{curve:?}");
        let megabytes = curve.iter().map(|point| point[1].as_f64().unwrap()).fold(0.0, f64::max);
        assert!((megabytes * 1e6 - figure("private_bytes")).abs() < 1e3, "the curve lacks the peak: {whole}");
    }
}

/// Asserts that all goals are there, each met, missed or not measured with words.
fn assert_judged(said: &Value) -> Vec<&Value> {
    let goals: Vec<&Value> = said["goals"].as_array().unwrap().iter().collect();
    let bounds: Vec<f64> = goals
        .iter()
        .map(|goal| goal["most"].as_f64().or(goal["least"].as_f64()).unwrap_or_else(|| panic!("{goal}")))
        .collect();
    assert_eq!(bounds, [1.6, 1.3, 1.08, 1.5, 0.45, 2.4, 1.2, 1.1, 1.2, 64.0]);
    for goal in &goals {
        let is_wanted = |value: f64| match goal["most"].as_f64() {
            Some(most) => value <= most,
            None => value >= goal["least"].as_f64().unwrap(),
        };
        match goal["is_met"].as_bool() {
            Some(is_met) => assert_eq!(is_met, is_wanted(goal["value"].as_f64().unwrap()), "{goal}"),
            None => assert!(goal["obstacle"].as_str().unwrap().contains("measures it"), "{goal}"),
        }
        assert_eq!(goal["obstacle"].is_null(), goal["is_met"] == true, "{goal}");
    }
    goals
}

#[test]
fn floors_and_phases_are_measured_with_every_database() {
    let database = TestDatabase::create();
    let output = bench(&database, database.url(), &["--rows", "200"]);
    if is_elsewhere(&output) {
        return;
    }
    let said = output.expect(0).json();
    assert_eq!((&said["command"], &said["rows"], &said["rounds"]), (&"bench".into(), &200.into(), &1.into()));
    assert!(said["server"]["server_version"].is_string());
    let subjects = said["subjects"].as_array().unwrap();
    let sizes: Vec<_> = subjects
        .iter()
        .map(|subject| {
            (
                subject["name"].as_str().unwrap(),
                subject["tables"].as_u64().unwrap(),
                subject["rows"].as_u64().unwrap(),
            )
        })
        .collect();
    let hyperpage = sizes[0].2;
    assert!((1_400..2_000).contains(&hyperpage), "{sizes:?}");
    assert_eq!(
        sizes,
        [
            ("hyperpage", 8, hyperpage),
            ("hyperpage-source-indexes", 8, hyperpage),
            ("wide", 1, 50),
            ("narrow", 1, 2_000),
            ("blob", 1, 2),
            ("json", 1, 200),
            ("few-tables", 2, 20),
            ("many-tables", 20, 200),
            ("rowids", 1, 5_000),
            ("without-rowid", 1, 5_000),
        ]
    );
    for subject in subjects {
        for name in
            ["ours.load", "ours.phase.preflight", "ours.phase.seal", "ours.phase.rows", "ours.phase.validate"]
        {
            assert!(seconds(subject, name) > 0.0, "{name}: {subject}");
        }
        assert!(seconds(subject, "ours.whole") > seconds(subject, "ours.load"));
        assert_has_usage(subject);
    }
    let floors =
        ["floor.rows.one", "floor.rows.two", "floor.constraints.one", "floor.constraints.two", "floor.apart"];
    for name in ["hyperpage", "wide", "narrow", "blob", "json"] {
        let subject = subject(&said, name);
        for floor in floors.into_iter().chain(["floor.overlapped", "floor.best"]) {
            assert!(seconds(subject, floor) > 0.0, "{floor}: {subject}");
        }
        assert!(subject["copy_bytes"].as_u64().unwrap() > 0);
    }
    let second = subject(&said, "hyperpage-source-indexes");
    assert!(seconds(second, "floor.overlapped") > 0.0);
    if said["sha256sum"].is_null() {
        assert!(seconds(second, "sha256sum") > 0.0);
    }
    let goals = assert_judged(&said);
    let is_measured: Vec<bool> = goals.iter().map(|goal| !goal["value"].is_null()).collect();
    let is_read = said["sha256sum"].is_null();
    assert_eq!(
        is_measured,
        [false, false, true, true, true, is_read, true, false, true, cfg!(target_os = "linux")]
    );
}

#[test]
fn large_databases_complete_the_goals() {
    let database = TestDatabase::create();
    let output =
        bench(&database, database.url(), &["--rows", "100", "--only", "hyperpage,tables", "--large"]);
    if is_elsewhere(&output) {
        return;
    }
    let said = output.expect(0).json();
    let large = subject(&said, "large-hyperpage");
    assert!(large["rows"].as_u64().unwrap() > 8 * subject(&said, "hyperpage")["rows"].as_u64().unwrap());
    assert!(large["copy_bytes"].is_null());
    assert_eq!(subject(&said, "most-tables")["tables"], 100);
    let goals = assert_judged(&said);
    assert!(goals[7]["value"].as_f64().unwrap() > 0.0, "{goals:?}");
    assert_eq!(goals[8]["obstacle"], "--rows 200000 --only without-rowid measures it");
    // Goals about growth and memory are judged at their own size only.
    for (place, words) in [
        (6, "--rows 200000 measures it"),
        (7, "--rows 200000 --large measures it"),
        (9, "--rows 200000 --large without --only measures it"),
    ] {
        let reason = goals[place]["obstacle"].as_str().unwrap();
        assert!(goals[place]["is_met"].is_null() && (reason.ends_with(words) || place == 9), "{goals:?}");
        assert!(!cfg!(target_os = "linux") || reason.ends_with(words), "{goals:?}");
    }
}

#[test]
fn large_without_a_database_that_has_a_large_form_is_refused() {
    for only in ["wide", "wide,without-rowid"] {
        let refused =
            bench(&TestDatabase::create(), "postgres://localhost/none", &["--only", only, "--large"]);
        let refused = refused.expect(2);
        let words = format!(
            "--large measures nothing with --only {only}; add hyperpage or tables to --only, or leave --large out"
        );
        assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    }
}

#[test]
fn large_databases_without_room_are_refused() {
    let database = TestDatabase::create();
    let disk = rustix::fs::statvfs(tempfile::tempdir().unwrap().path()).unwrap();
    if disk.f_bavail.saturating_mul(disk.f_frsize) > 2_000_000_000_000 {
        // A terabyte of rows would fit here.
        return;
    }
    let output = bench(&database, database.url(), &["--rows", "50000000", "--only", "hyperpage", "--large"]);
    if is_elsewhere(&output) {
        return;
    }
    let refused = output.expect(2);
    assert!(refused.stderr.contains("--large needs"), "{}", refused.stderr);
    assert!(refused.stderr.contains("leave --large out"), "{}", refused.stderr);
}

#[test]
fn a_server_that_cannot_read_the_files_is_refused() {
    let database = TestDatabase::create();
    let role = format!("{}_role", database.name());
    execute(&database, &format!("CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'no-secret'"));
    let (scheme, rest) = database.url().split_once("://").unwrap();
    let host = rest.rsplit_once('@').unwrap().1;
    let url = format!("{scheme}://{role}:no-secret@{host}");
    let refused = bench(&database, &url, &["--rows", "20"]);
    execute(&database, &format!("DROP ROLE {role}"));
    let refused = refused.expect(2);
    assert!(refused.stderr.contains("the server cannot read files in"), "{}", refused.stderr);
    assert!(refused.stderr.contains("pg_read_server_files"), "{}", refused.stderr);
    assert!(!refused.screen().contains("no-secret"), "{}", refused.stderr);
}

#[test]
fn a_keyword_string_is_refused() {
    let refused = bench(&TestDatabase::create(), "host=localhost dbname=postgres", &[]).expect(2);
    assert!(refused.stderr.contains("bench needs a URL"), "{}", refused.stderr);
}
