//! The private PostgreSQL as a target: the last migrations into it are recorded, and `validate` finds them.

use std::fs;
use std::process::Command;

use test_database::TestDatabase;

use crate::place::{Place, checkout, copy_folder, output};
use crate::server::value;

/// A temporary checkout with its own private PostgreSQL, removed on drop.
struct Checkout {
    place: Place,
    bindir: String,
}

impl Checkout {
    fn new() -> Checkout {
        let place = Place::new();
        fs::create_dir(place.path().join("xtask")).unwrap();
        fs::copy(checkout().join("xtask/Cargo.toml"), place.path().join("xtask/Cargo.toml")).unwrap();
        copy_folder(&checkout().join("schema-pg"), &place.path().join("schema-pg"));
        // The server programs of the tests, so that none are downloaded.
        let bindir = value(&TestDatabase::create(), "SELECT setting FROM pg_config WHERE name = 'BINDIR'");
        Checkout { place, bindir }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env("CARGO_MANIFEST_DIR", self.place.path().join("xtask")).env("PG_BINDIR", &self.bindir);
        command
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let removed = self.command(&["postgres", "remove", "--yes"]).status();
        assert!(std::thread::panicking() || removed.unwrap().success(), "the server is still there");
    }
}

#[test]
fn validate_finds_the_last_migration_and_its_plan() {
    let checkout = Checkout::new();
    let elsewhere = "postgres://nobody@127.0.0.1:1/production";
    let run = |arguments: &[&str], url: Option<&str>| {
        let mut command = checkout.command(arguments);
        url.map(|url| command.env("DATABASE_URL", url));
        output(&mut command).expect(0)
    };
    let sample = ["migrate", "--sample", "--rows", "10"];
    let told = "DATABASE_URL is set and not used: the sample goes to the private PostgreSQL";
    let moved = run(&sample, Some(elsewhere));
    assert!(moved.stderr.contains(told), "{}", moved.screen());
    assert!(
        moved.stdout.ends_with("  cargo xtask postgres psql --database hyperpage_sample_10\n"),
        "{}",
        moved.screen()
    );
    assert!(!run(&sample, None).stderr.contains(told));
    assert_eq!(run(&["migrate", "--sample", "--rows", "10", "--quiet"], Some(elsewhere)).stderr, "");

    let source = rusqlite::Connection::open(checkout.place.path().join("one.db")).unwrap();
    source.execute_batch("CREATE TABLE one (id INTEGER PRIMARY KEY); INSERT INTO one VALUES (1)").unwrap();
    run(&["generate", "--sqlite", "one.db", "--out", "plan"], None);
    run(&["migrate", "--sqlite", "one.db", "--plan", "plan"], None);

    let last = run(&["validate"], None);
    assert!(last.stdout.contains("Proven: the 1 row in 1 table equals"), "{}", last.screen());
    assert!(!last.stderr.contains("warning"), "its own Diesel schema was compared: {}", last.screen());
    let sample = run(&["validate", "--sample-database"], Some(elsewhere));
    assert!(sample.stdout.contains("/hyperpage_sample_10\n"), "{}", sample.screen());
}

#[test]
fn smoke_and_health_judge_the_database_of_the_last_migration_and_no_stand_in() {
    let checkout = Checkout::new();
    let run = |arguments: &[&str]| output(&mut checkout.command(arguments));
    let health = ["health", "--sample", "--ready", "--min-disk", "0", "--timeout", "30000"];
    run(&["migrate", "--sample", "--rows", "10", "--quiet"]).expect(0);
    run(&["smoke", "--sample"]).expect(0);
    run(&health).expect(0);

    // A server that is stopped is not ready, and stays stopped.
    run(&["postgres", "stop"]).expect(0);
    for _ in 0..2 {
        let stopped = run(&health).expect(1);
        assert!(stopped.stdout.contains("not ready: "), "{}", stopped.screen());
        assert!(stopped.stderr.contains("`cargo xtask postgres start` starts it"), "{}", stopped.screen());
    }
    let smoke = run(&["smoke", "--sample"]).expect(0);
    assert!(smoke.stderr.contains("starting the private PostgreSQL"), "{}", smoke.screen());

    let drop = ["-c", "DROP DATABASE hyperpage_sample_10"];
    run(&[&["postgres", "psql", "--database", "postgres", "--"][..], &drop].concat()).expect(0);
    let gone = run(&health).expect(1);
    assert!(gone.stdout.contains("the database does not exist"), "{}", gone.screen());
    let gone = run(&["smoke", "--sample"]).expect(2);
    assert!(gone.stderr.contains("hyperpage_sample_10"), "{}", gone.screen());
}
