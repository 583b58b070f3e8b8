//! `bench app`: a tiny run of everything, the page and charts that it writes, and the servers that it refuses. The figures are not checked,
//! which would need a quiet machine.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{execute, value};

/// Runs `bench app` with a temporary folder, and asserts that nothing is left there or in the server.
#[track_caller]
fn bench_app(database: &TestDatabase, more: &[&str]) -> Output {
    let place = Place::new();
    let scratch = tempfile::tempdir().unwrap();
    let arguments = ["bench", "app", "--postgres", database.url()];
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

/// The smallest run of everything.
const TINY: [&str; 14] = [
    "--seconds",
    "0.1",
    "--users",
    "2,1",
    "--rounds",
    "1",
    "--think-ms",
    "20",
    "--jobs",
    "300",
    "--json-jobs",
    "300",
    "--growth-jobs",
    "300,600",
];

fn durable(database: &TestDatabase) -> bool {
    ["fsync", "synchronous_commit", "full_page_writes"]
        .iter()
        .all(|name| value(database, &format!("SELECT current_setting('{name}')")) == "on")
}

#[test]
fn everything_is_measured_and_judged() {
    let database = TestDatabase::create();
    let flags = ["--pool-max", "4", "--allow-not-durable", "--json"];
    let output = bench_app(&database, &[&TINY[..], &flags].concat()).expect(0);
    assert!(output.stderr.contains("round 1 of 1: point reads, no think time, 2 users"), "{}", output.stderr);
    let said = output.json();
    assert_eq!((&said["command"], &said["parameters"]["pool_max"]), (&"bench app".into(), &4.into()));
    assert_eq!(said["is_durable"], durable(&database));
    assert_eq!(said["parameters"]["users"], serde_json::json!([1, 2]));
    let loads = said["loads"].as_array().unwrap();
    for workload in ["queue", "sessions", "rate_limits", "mixed", "reads"] {
        for backend in ["sqlite_full", "sqlite_normal", "postgresql"] {
            let of = |load: &&Value| load["workload"] == workload && load["database"] == backend;
            let found: Vec<_> = loads.iter().filter(of).collect();
            assert!(
                found.iter().any(|load| load["pacing"] == "no_think_time" && load["users"] == 2),
                "{workload}"
            );
            let with_think_time = found.iter().any(|load| load["pacing"] == "think_time");
            assert_eq!(with_think_time, workload != "reads", "{workload}");
            for load in found {
                assert!(load["latency"]["p99_ms"].as_f64() >= load["latency"]["p50_ms"].as_f64(), "{load}");
                if workload != "mixed" {
                    assert_eq!(load["claim"].is_object(), workload == "queue", "{load}");
                }
            }
        }
    }
    let patterns = said["documents"]["patterns"].as_array().unwrap();
    let matches: Vec<_> = patterns.iter().map(|pattern| pattern["matches"].as_u64().unwrap()).collect();
    assert_eq!(matches, [1, 1, 225]);
    assert_eq!(said["growth"]["operations"].as_array().unwrap().len(), 18);
    assert_eq!(said["connections"][1]["threads"], 4);
    let promises = said["promises"].as_array().unwrap();
    let verdict =
        |name: &str| &promises.iter().find(|promise| promise["promise"] == name).unwrap()["verdict"];
    assert_eq!(promises.len(), 7);
    assert_eq!((verdict("acid"), verdict("concurrent_users")), (&"met".into(), &"not_measured".into()));
}

/// Reads a file as XML to its end.
fn assert_is_xml(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let mut reader = quick_xml::Reader::from_str(&text);
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    assert!(text.starts_with("<svg"), "{text}");
}

#[test]
fn the_page_and_its_charts_are_written() {
    let database = TestDatabase::create();
    let docs = tempfile::tempdir().unwrap();
    let page = docs.path().join("app-performance.md");
    let folder = docs.path().to_str().unwrap();
    let few = ["--only", "sessions,reads", "--docs", folder, "--write"];
    if !durable(&database) {
        let refused = bench_app(&database, &few).expect(2);
        assert!(refused.stderr.contains("app-performance.md cannot be read"), "{}", refused.stderr);
        fs::write(&page, "# Page\n").unwrap();
        let refused = bench_app(&database, &few).expect(2);
        assert!(
            refused.stderr.contains("lacks the lines between which figures are written"),
            "{}",
            refused.stderr
        );
    }
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/app-performance.md");
    let before = fs::read_to_string(real).unwrap();
    fs::write(&page, &before).unwrap();
    if !durable(&database) {
        let refused = bench_app(&database, &few).expect(2);
        assert!(
            refused.stderr.contains("fsync, synchronous_commit, full_page_writes is not on"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("--allow-not-durable"), "{}", refused.stderr);
        assert_eq!(fs::read_to_string(&page).unwrap(), before);
    }
    // Figures of a server that is not durable go to no page but a test's.
    let trial = ["--only", "sessions,reads", "--docs", folder, "--allow-not-durable"];
    bench_app(&database, &[&TINY[..], &trial].concat()).expect(0);
    let after = fs::read_to_string(&page).unwrap();
    let head = before.split("<!-- begin").next().unwrap();
    assert!(after.starts_with(head), "{after}");
    for words in [
        "### Promises",
        "![Session touches: latency and throughput against users](app-performance/sessions.svg)",
        "not measured",
    ] {
        assert!(after.contains(words), "{words}: {after}");
    }
    assert_eq!(after.contains("PostgreSQL's figures mean nothing"), !durable(&database));
    for name in ["sessions.svg", "reads.svg"] {
        assert_is_xml(&docs.path().join("app-performance").join(name));
    }
    assert!(!docs.path().join("app-performance/queue.svg").exists());
}

#[test]
fn a_server_with_too_few_connections_is_refused() {
    let database = TestDatabase::create();
    let refused = bench_app(&database, &["--pool-max", "1000", "--allow-not-durable"]).expect(2);
    assert!(refused.stderr.contains("pass a smaller --pool-max"), "{}", refused.stderr);
    let role = format!("{}_role", database.name());
    execute(&database, &format!("CREATE ROLE {role} LOGIN PASSWORD 'no-secret'"));
    let (scheme, rest) = database.url().split_once("://").unwrap();
    let url = format!("{scheme}://{role}:no-secret@{}", rest.rsplit_once('@').unwrap().1);
    let more = ["bench", "app", "--only", "connections", "--allow-not-durable", "--postgres", url.as_str()];
    let refused = Place::new().run(more).expect(2);
    execute(&database, &format!("DROP ROLE {role}"));
    assert!(refused.stderr.contains("the role needs CREATEDB"), "{}", refused.stderr);
    assert!(!refused.screen().contains("no-secret"), "{}", refused.stderr);
}
