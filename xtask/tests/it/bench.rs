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

#[test]
fn floors_and_phases_are_measured_with_every_database() {
    let database = TestDatabase::create();
    let output = bench(&database, database.url(), &["--rows", "200"]);
    if is_given() && output.code == Some(2) {
        assert!(output.stderr.contains("the server cannot read files"), "{}", output.stderr);
        return;
    }
    let said = output.expect(0).json();
    assert_eq!((&said["command"], &said["rows"], &said["rounds"]), (&"bench".into(), &200.into(), &1.into()));
    assert!(said["server"]["server_version"].is_string());
    let subjects = said["subjects"].as_array().unwrap();
    let names: Vec<_> = subjects.iter().map(|subject| subject["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["hyperpage", "wide", "narrow", "blob", "json"]);
    let rows: Vec<_> = subjects.iter().map(|subject| subject["rows"].as_u64().unwrap()).collect();
    assert_eq!(rows[1..], [50, 2_000, 2, 200]);
    for subject in subjects {
        let seconds = |name: &str| {
            let measured = subject["measured"].as_array().unwrap();
            let found: &Value = measured.iter().find(|one| one["name"] == name).unwrap();
            let seconds = found["seconds"].as_array().unwrap();
            assert_eq!(seconds.len(), 1, "{name}");
            seconds[0].as_f64().unwrap()
        };
        for name in [
            "floor.rows.one",
            "floor.rows.two",
            "floor.constraints.one",
            "floor.constraints.two",
            "floor.apart",
            "floor.overlapped",
            "ours.whole",
            "ours.load",
            "ours.phase.preflight",
            "ours.phase.rows",
            "ours.phase.validate",
        ] {
            assert!(seconds(name) > 0.0, "{name}: {subject}");
        }
        assert!(seconds("ours.whole") > seconds("ours.load"));
        assert!(subject["copy_bytes"].as_u64().unwrap() > 0);
        let goals = subject["goals"].as_array().unwrap();
        assert!(
            goals.iter().any(|goal| goal["most"] == 1.1 && goal["value"].as_f64().unwrap() > 0.0),
            "{goals:?}"
        );
    }
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
