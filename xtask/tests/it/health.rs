//! `health`: its exit statuses, its output for people and scripts, where the expected migrations come from, and its server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{everything, execute};

/// No test is about the disk of the machine that it runs on, or about its speed.
const CALM: [&str; 4] = ["--min-disk", "0", "--timeout", "30000"];

#[track_caller]
fn health(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    place.run(["health", "--postgres", database.url()].iter().chain(&CALM).chain(more))
}

/// The result of a check in JSON.
#[track_caller]
fn check(value: &Value, name: &str) -> Value {
    let checks = value["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{value}")).clone()
}

fn migrated() -> (Place, TestDatabase) {
    let (place, database) = (Place::new(), TestDatabase::create());
    place.sample();
    place.run(["migrate", "--sqlite", "hyperpage.db", "--quiet", "--postgres", database.url()]).expect(0);
    (place, database)
}

#[test]
fn a_migrated_database_is_ready_until_something_is_wrong() {
    let (place, database) = migrated();
    let before = everything(&database);
    let ready = health(&place, &database, &[]).expect(0);
    assert!(ready.stdout.starts_with("ready: postgres://"), "{}", ready.screen());
    for line in [
        "  version ",
        "  round trip ",
        "  pool ",
        "  sessions ",
        "  longest transaction ",
        "  cache hit rate ",
    ] {
        assert!(ready.stdout.contains(line), "{line}: {}", ready.screen());
    }
    assert_eq!(ready.stderr, "");
    let only = health(&place, &database, &["--ready"]).expect(0);
    assert!(!only.stdout.contains("version"), "{}", only.screen());
    let json = health(&place, &database, &["--json"]).expect(0).json();
    assert_eq!(
        json.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["format", "command", "target", "is_ready", "took_ms", "checks", "details"]
    );
    assert_eq!(
        [&json["format"], &json["command"], &json["is_ready"]],
        [&json!(1), &json!("health"), &json!(true)]
    );
    assert_eq!(
        check(&json, "migrations")["lists"],
        json!([
            { "table": "public.__diesel_schema_migrations", "applied": 2, "others": 0 },
            { "table": "drizzle.__drizzle_migrations", "applied": 2, "others": 0 }
        ])
    );
    assert_eq!(json["details"]["largest_tables"]["known"].as_array().unwrap().len(), 5);
    assert_eq!(everything(&database), before, "nothing was changed");

    execute(&database, "DELETE FROM __diesel_schema_migrations WHERE version = '20261101000002'");
    let missing = health(&place, &database, &["--ready"]).expect(1);
    place.snapshot("health-missing_migration", &settled(&missing.screen()));
    execute(&database, "DROP TABLE __diesel_schema_migrations; DROP SCHEMA drizzle CASCADE");
    let json = health(&place, &database, &["--json"]).expect(1).json();
    assert_eq!(
        check(&json, "migrations")["reason"],
        "no_migration_list",
        "the ledger proves that there should be one"
    );
}

/// What differs between machines and runs.
fn settled(screen: &str) -> String {
    // The name of a check follows its state, which may have two words.
    let line = |line: &str| match line.get(13..24).map(str::trim) {
        Some(name @ ("answers" | "connections" | "disk" | "pool")) => {
            format!("  [STATE]    {name:11}  [NUMBERS]")
        }
        _ => line.to_owned(),
    };
    screen.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_database_that_was_not_migrated_is_not_judged_by_migrations_unless_a_plan_is_named() {
    let (place, database) = (Place::new(), TestDatabase::create());
    let json = health(&place, &database, &["--ready", "--json"]).expect(0).json();
    let migrations = check(&json, "migrations");
    assert_eq!([&migrations["state"], &migrations["reason"]], ["not_known", "no_migration_list"]);
    let plan = crate::place::checkout().join("schema-pg");
    let plan = plan.to_str().unwrap();
    let named = health(&place, &database, &["--ready", "--json", "--plan", plan]).expect(1).json();
    assert_eq!(check(&named, "migrations")["state"], "failed");
    let wrong = health(&place, &database, &["--plan", "nowhere"]).expect(2);
    assert!(wrong.stdout.is_empty() && wrong.stderr.contains("nowhere"), "{}", wrong.screen());
}

#[test]
fn any_sqlite_file_that_was_migrated_is_ready_and_a_missing_migration_is_named() {
    let (place, database) = (Place::new(), TestDatabase::create());
    let source = rusqlite::Connection::open(place.path().join("any.db")).unwrap();
    source.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    drop(source);
    place.run(["migrate", "--sqlite", "any.db", "--quiet", "--postgres", database.url()]).expect(0);
    // In another folder, where the plan's files are not: the ledger has the plan.
    let elsewhere = Place::new();
    let json = health(&elsewhere, &database, &["--ready", "--json"]).expect(0).json();
    assert_eq!(check(&json, "migrations")["lists"][0]["applied"], 2);
}

#[test]
fn what_cannot_be_reached_is_not_ready_and_what_cannot_be_asked_is_refused() {
    let place = Place::new();
    let unreachable = place.run(["health", "--ready", "--postgres", "postgres://x@127.0.0.1:1/x"]).expect(1);
    place.snapshot("health-unreachable", &unreachable.screen());
    let json = place.run(["health", "--json", "--postgres", "postgres://x@127.0.0.1:1/x"]).expect(1).json();
    assert_eq!(
        check(&json, "answers"),
        json!({ "check": "answers", "state": "failed", "reason": "unreachable" })
    );
    assert!(json.get("details").is_none(), "a server that does not answer is not asked twice");

    let database = TestDatabase::create();
    let role = format!("{}_r", database.name());
    execute(&database, &format!("CREATE ROLE {role} LOGIN PASSWORD 'right'"));
    let (_, server) = database.url().rsplit_once('@').unwrap();
    let wrong = format!("postgres://{role}:s3cret@{server}");
    let refused = place.run(["health", "--postgres", &wrong]).expect(1);
    execute(&database, &format!("DROP ROLE {role}"));
    assert!(refused.stdout.contains("the password is wrong or missing"), "{}", refused.screen());
    assert!(!refused.screen().contains("s3cret"), "{}", refused.screen());

    for arguments in [
        &["health", "--postgres", "nonsense"][..],
        &["health", "--postgres", "postgres://x@127.0.0.1:1/x", "--timeout", "0"],
        &["health", "--postgres", "postgres://x@127.0.0.1:1/x", "--disk-size", "big"],
        &["health", "--postgres", "postgres://x@127.0.0.1:1/x", "--public"],
        &["health", "--postgres", "postgres://x@127.0.0.1:1/x", "--serve", "127.0.0.1"],
        &["health", "--postgres", "postgres://x@127.0.0.1:1/x", "--serve", "192.0.2.1:0", "--public"],
        &["health", "--live", "--ready"],
    ] {
        let refused = place.run(arguments).expect(2);
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{}", refused.screen());
    }
    let setting = place
        .command(["health", "--postgres", "postgres://x@127.0.0.1:1/x"])
        .env("DB_POOL_MAX", "none")
        .output()
        .unwrap();
    assert_eq!(setting.status.code(), Some(2));
}

#[test]
fn liveness_asks_no_database() {
    let place = Place::new();
    // A target that does not exist, and a setting that cannot be read.
    let mut command = place.command(["health", "--live"]);
    command.env("DATABASE_URL", "postgres://x@127.0.0.1:1/x").env("DB_POOL_MAX", "none");
    assert_eq!(crate::place::output(&mut command).expect(0).stdout, "live\n");
    assert_eq!(place.run(["health", "--live", "--json"]).expect(0).json()["is_live"], true);
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let place = Place::new();
    let url = "postgres://x@127.0.0.1:1/x";
    let refused = place.run(["health", "--postgres", url, "--serve", "0.0.0.0:0"]).expect(2);
    place.snapshot("health-not_loopback", &refused.screen());
}

struct Served {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Served {
    #[track_caller]
    fn start(place: &Place, more: &[&str]) -> Served {
        let arguments = ["health", "--timeout", "30000", "--min-disk", "0"].iter().chain(more);
        let mut child =
            place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://");
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Served { child, stderr, address }
    }

    #[track_caller]
    fn status(&self, path: &str) -> u16 {
        let port = self.address.rsplit_once(':').unwrap().1;
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response.split(' ').nth(1).unwrap().parse().unwrap()
    }

    #[track_caller]
    fn end(mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        assert_eq!((self.child.wait().unwrap().code(), rest.as_str()), (Some(0), "stopped\n"));
    }
}

#[test]
fn probes_are_answered_until_a_signal_arrives() {
    let (place, database) = migrated();
    let served = Served::start(&place, &["--postgres", database.url(), "--serve", "localhost:0"]);
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(served.status(path), 200, "{path}");
    }
    served.end(Signal::TERM);
    let public = Served::start(
        &place,
        &["--postgres", "postgres://x@127.0.0.1:1/x", "--serve", "0.0.0.0:0", "--public"],
    );
    assert_eq!([public.status("/livez"), public.status("/readyz")], [200, 503]);
    public.end(Signal::INT);
}
