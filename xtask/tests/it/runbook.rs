//! The whole story as `docs/runbook.md` tells it: every command of the page is run in its order by a shell, on a sample and a real
//! PostgreSQL, while a thread writes to SQLite as the app does, and to PostgreSQL after the switch.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use fixtures::hyperpage::{SampleOptions, create_sample};
use rusqlite::Connection;
use test_database::TestDatabase;

use crate::place::{Place, checkout, output};
use crate::server::{connect, execute, lines};

/// The app's database, in its checkout.
const DATABASE: &str = "hyperpage/data/hyperpage.db";

/// A command of the page.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    heading: String,
    command: String,
    exit: i32,
}

/// The commands in the blocks for a shell, with the heading above each.
fn steps(page: &str) -> Vec<Step> {
    let (mut heading, mut is_shell, mut found) = (String::new(), false, Vec::new());
    for line in page.lines() {
        let line = line.trim();
        match line.strip_prefix("## ") {
            Some(title) if !is_shell => title.clone_into(&mut heading),
            _ if line == "```sh" => is_shell = true,
            _ if line.starts_with("```") => is_shell = false,
            _ if is_shell && !line.is_empty() => {
                let exit = line
                    .split_once("# exit status ")
                    .and_then(|(_, rest)| rest.split(':').next()?.parse().ok());
                found.push(Step {
                    heading: heading.clone(),
                    command: line.to_owned(),
                    exit: exit.unwrap_or(0),
                });
            }
            _ => {}
        }
    }
    found
}

/// The part of the app that writes to SQLite all the time, until it is stopped or refused.
struct Writer {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<(BTreeSet<String>, bool)>,
}

impl Writer {
    fn start(database: PathBuf, name: &'static str) -> Writer {
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let thread = spawn(move || {
            let app = Connection::open(database).unwrap();
            app.busy_timeout(Duration::from_secs(5)).unwrap();
            let mut written = BTreeSet::new();
            for number in 0.. {
                if flag.load(Ordering::Relaxed) {
                    break;
                }
                let key = format!("{name}-{number}");
                match app.execute("INSERT INTO app_state (key, value) VALUES (?1, '1')", [&key]) {
                    Ok(_) => drop(written.insert(key)),
                    Err(error) if error.to_string().contains("moved to PostgreSQL") => {
                        return (written, true);
                    }
                    Err(error) => panic!("{key}: {error}"),
                }
                sleep(Duration::from_millis(5));
            }
            (written, false)
        });
        Writer { is_over, thread }
    }

    /// Waits for its end, and returns the keys of the writes that SQLite accepted, and whether the fence refused the last one.
    fn finish(self) -> (BTreeSet<String>, bool) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

struct Story {
    place: Place,
    database: TestDatabase,
    /// The target without its password, which is in a file, as the page says.
    url: String,
}

impl Story {
    fn new() -> Story {
        let place = Place::new();
        let at = |path: &str| place.path().join(path);
        fs::create_dir_all(at("hyperpage/data")).unwrap();
        fs::create_dir_all(at("bin")).unwrap();
        create_sample(&at(DATABASE), &SampleOptions { rows: 10, seed: 7 }).unwrap();
        fs::write(
            at("hyperpage/package.json"),
            "{\n  \"dependencies\": {\n    \"better-sqlite3\": \"^12.0.0\",\n    \"next\": \"^15.0.0\"\n  }\n}\n",
        )
        .unwrap();
        fs::write(at("hyperpage/.env"), "SESSION_SECRET=x\nDATABASE_PATH=./data/hyperpage.db\n").unwrap();
        // `cargo xtask` is the program of this build.
        let cargo = at("bin/cargo");
        fs::write(&cargo, format!("#!/bin/sh\nshift\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_xtask")))
            .unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        let database = TestDatabase::create();
        let (user, rest) = database.url().strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (user, password) = user.split_once(':').unwrap();
        let url = format!("postgres://{user}@{rest}");
        fs::write(at("pgpass"), format!("*:*:*:*:{password}\n")).unwrap();
        fs::set_permissions(at("pgpass"), fs::Permissions::from_mode(0o600)).unwrap();
        Story { place, database, url }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    #[track_caller]
    fn run(&self, step: &Step) {
        // The app has restarted: a cutover waits for one of its sessions.
        let _app = step.command.contains("xtask cutover --fence").then(|| connect(&self.database));
        let mut command = Command::new("sh");
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command
            .args(["-eu", "-c", &step.command])
            .current_dir(self.place.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.place.path())
            .env("NO_COLOR", "1")
            .env("DATABASE_URL", &self.url)
            .env("PGPASSFILE", self.path("pgpass"))
            .stdin(std::process::Stdio::null());
        let output = output(&mut command);
        assert_eq!(output.code, Some(step.exit), "{}\n{}", step.command, output.screen());
    }

    fn keys_in_postgres(&self, name: &str) -> BTreeSet<String> {
        let sql = format!("SELECT key FROM public.app_state WHERE key LIKE '{name}-%'");
        lines(&self.database, &sql).into_iter().collect()
    }

    fn keys_in_sqlite(&self, name: &str) -> BTreeSet<String> {
        let connection = Connection::open(self.path(DATABASE)).unwrap();
        let mut statement = connection.prepare("SELECT key FROM app_state WHERE key LIKE ?1").unwrap();
        let found = statement.query_map([format!("{name}-%")], |row| row.get(0)).unwrap();
        found.map(Result::unwrap).collect()
    }

    fn env(&self) -> String {
        fs::read_to_string(self.path("hyperpage/.env")).unwrap()
    }
}

fn page() -> String {
    fs::read_to_string(checkout().join("docs/runbook.md")).unwrap()
}

#[test]
fn every_command_of_the_runbook_works_in_its_order() {
    let story = Story::new();
    let steps = steps(&page());
    let headings = ["Days before", "During", "Back", "Afterwards"];
    let under = |heading: &'static str| steps.iter().filter(move |step| step.heading == heading);
    assert_eq!(
        headings.map(|heading| under(heading).count()).iter().sum::<usize>(),
        steps.len(),
        "{steps:#?}"
    );

    let writer = Writer::start(story.path(DATABASE), "first");
    for step in under("Days before") {
        story.run(step);
    }
    for step in under("During") {
        story.run(step);
    }
    let (written, is_refused) = writer.finish();
    assert!(is_refused, "the fence refuses a write");
    assert!(written.len() > 10, "{}", written.len());
    assert_eq!(story.keys_in_postgres("first"), written, "no write is lost, and none is doubled");
    assert!(story.env().contains("DATABASE_URL"), "{}", story.env());

    for key in ["later-1", "later-2", "later-3"] {
        execute(&story.database, &format!("INSERT INTO public.app_state (key, value) VALUES ('{key}', '1')"));
    }
    let mut writer = None;
    for step in under("Back") {
        if step.command.contains("xtask migrate") {
            assert_eq!(story.keys_in_sqlite("first"), written, "SQLite is as it was at the fence");
            assert_eq!(story.keys_in_sqlite("later"), BTreeSet::new());
            let lost = fs::read_to_string(story.path("lost.jsonl")).unwrap();
            assert_eq!(lost.lines().count(), 3, "{lost}");
            assert!(story.env().contains("DATABASE_PATH"), "{}", story.env());
            writer = Some(Writer::start(story.path(DATABASE), "second"));
        }
        story.run(step);
    }
    let (again, is_refused) = writer.unwrap().finish();
    assert!(is_refused);
    assert_eq!(story.keys_in_postgres("second"), again);
    assert_eq!(story.keys_in_postgres("first"), written);
    for step in under("Afterwards") {
        story.run(step);
    }
    assert!(!story.path(DATABASE).exists(), "the database is in the backup folder");
    assert!(!story.env().lines().any(|line| line.starts_with("DATABASE_PATH")), "{}", story.env());
}

#[test]
fn the_blocks_for_a_shell_are_found() {
    let found = steps(
        "## A\n```sh\nx\n  y  # exit status 1: why\n```\n```text\nz\n```\n## B\n   ```sh\n   w\n   ```\n",
    );
    let all: Vec<(&str, &str, i32)> =
        found.iter().map(|step| (&*step.heading, &*step.command, step.exit)).collect();
    assert_eq!(all, [("A", "x", 0), ("A", "y  # exit status 1: why", 1), ("B", "w", 0)]);
    assert!(Path::new(&checkout()).join("docs/runbook.md").exists());
}
