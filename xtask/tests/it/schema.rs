//! `schema`: applying, reverting and checking migrations, and that Diesel's own runner and the app's migrator see the same database.

use std::fs;
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use test_database::TestDatabase;

use crate::place::{Output, Place, checkout, copy_folder};
use crate::server::{connect, everything, execute, lines, value};

/// A folder with this checkout's migrations, and a database.
struct Schema {
    place: Place,
    database: TestDatabase,
}

impl Schema {
    fn new() -> Schema {
        let place = Place::new();
        copy_folder(&checkout().join("schema-pg/migrations"), &place.path().join("plan/migrations"));
        fs::copy(checkout().join("schema-pg/plan.json"), place.path().join("plan/plan.json")).unwrap();
        Schema { place, database: TestDatabase::create() }
    }

    #[track_caller]
    fn run(&self, action: &str, more: &[&str]) -> Output {
        let all = ["schema", action, "--plan", "plan", "--postgres", self.database.url()];
        self.place.run(all.iter().chain(more))
    }

    /// Writes a migration of a person.
    fn write(&self, name: &str, up: &str, down: &str) {
        let folder = self.place.path().join("plan/migrations").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("up.sql"), up).unwrap();
        fs::write(folder.join("down.sql"), down).unwrap();
    }

    fn states(&self) -> Vec<(String, String)> {
        let json = self.run("status", &["--json"]).json();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        let entries = json["migrations"].as_array().unwrap();
        entries.iter().map(|entry| (text(&entry["name"]), text(&entry["state"]))).collect()
    }

    #[track_caller]
    fn assert_last(&self, name: &str, state: &str) {
        assert_eq!(self.states().pop().unwrap(), (name.to_owned(), state.to_owned()));
    }

    /// Diesel's own runner over the same folder.
    fn diesel(&self) -> FileBasedMigrations {
        FileBasedMigrations::from_path(self.place.path().join("plan/migrations")).unwrap()
    }
}

const OWNER: &str = "2026-12-01-000001_add_job_owner";

#[test]
fn a_clean_database_gets_every_migration_and_diesel_sees_them() {
    let schema = Schema::new();
    let before = everything(&schema.database);
    let pending = schema.run("status", &[]).expect(1);
    schema.place.snapshot("schema-status-pending", &pending.screen());
    let tried = schema.run("up", &["--dry-run"]).expect(0);
    schema.place.snapshot("schema-up-dry-run", &tried.screen());
    assert_eq!(everything(&schema.database), before, "a dry run changes nothing");

    let done = schema.run("up", &[]).expect(0);
    schema.place.snapshot("schema-up", &done.screen());
    schema.place.snapshot("schema-status", &schema.run("status", &[]).expect(0).screen());
    let again = schema.run("up", &[]).expect(0);
    assert_eq!(again.stdout, "", "{}", again.screen());

    let mut connection = connect(&schema.database);
    assert!(!connection.has_pending_migration(schema.diesel()).unwrap());
    assert_eq!(connection.applied_migrations().unwrap().len(), 2);
    let from_diesel = TestDatabase::create();
    connect(&from_diesel).run_pending_migrations(schema.diesel()).unwrap();
    let of_app = |database: &TestDatabase| {
        let mut all = everything(database);
        all.retain(|line| !line.contains("migration."));
        all.retain(|line| line != "schema migration" && !line.starts_with("constraint "));
        all
    };
    assert_eq!(of_app(&schema.database), of_app(&from_diesel), "the same as Diesel makes");
}

#[test]
fn what_diesel_applies_or_reverts_is_seen() {
    let schema = Schema::new();
    schema.run("up", &[]).expect(0);
    // As Diesel writes a migration: without a search path, so that the table is in the first schema of the role's.
    schema.write(OWNER, "ALTER TABLE jobs ADD COLUMN owner text;", "ALTER TABLE jobs DROP COLUMN owner;");
    let found: Vec<Box<dyn Migration<Pg>>> = schema.diesel().migrations().unwrap();
    let mut connection = connect(&schema.database);
    assert_eq!(connection.run_pending_migrations(schema.diesel()).unwrap().len(), 1);
    schema.assert_last(OWNER, "applied_by_others");
    schema.run("status", &[]).expect(0);
    connection
        .revert_migration(found.iter().max_by_key(|each| each.name().version().to_string()).unwrap())
        .unwrap();
    schema.assert_last(OWNER, "pending");
    // The same file by us: Diesel reverts it, and no trace remains that would call the next one edited.
    schema.run("up", &[]).expect(0);
    schema.assert_last(OWNER, "applied");
    connection.revert_last_migration(schema.diesel()).unwrap();
    schema.write(
        OWNER,
        "ALTER TABLE jobs ADD COLUMN owner varchar(9);",
        "ALTER TABLE jobs DROP COLUMN owner;",
    );
    schema.assert_last(OWNER, "pending");
    schema.run("up", &[]).expect(0);
    schema.assert_last(OWNER, "applied");
    // Applied again by Diesel with another content, which is not called edited.
    connection.revert_last_migration(schema.diesel()).unwrap();
    schema.write(OWNER, "ALTER TABLE jobs ADD COLUMN owner int;", "ALTER TABLE jobs DROP COLUMN owner;");
    connection.run_pending_migrations(schema.diesel()).unwrap();
    schema.assert_last(OWNER, "applied_by_others");
}

/// The `diesel` program is installed where CI runs; elsewhere its library stands for it, in the tests above.
#[test]
#[allow(clippy::print_stderr, reason = "a test that cannot run says why")]
fn the_diesel_program_lists_the_same_migrations() {
    if let Err(error) = Command::new("diesel").arg("--version").output() {
        assert!(!test_database::is_ci(), "the diesel program, which CI installs: {error}");
        eprintln!("not run: the diesel program is not installed");
        return;
    }
    let schema = Schema::new();
    schema.run("up", &[]).expect(0);
    schema.write(OWNER, "SELECT 1;", "SELECT 1;");
    let config = schema.place.path().join("diesel.toml");
    fs::write(&config, "").unwrap();
    let listed = Command::new("diesel")
        .args(["migration", "list", "--config-file"])
        .arg(&config)
        .arg("--migration-dir")
        .arg(schema.place.path().join("plan/migrations"))
        .env("DATABASE_URL", schema.database.url())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let applied = listed.lines().filter(|line| line.contains("[X]")).count();
    assert_eq!((applied, listed.contains(&format!("[ ] {OWNER}"))), (2, true), "{listed}");
}

#[test]
fn an_edited_file_is_noticed_and_the_printed_remedies_work() {
    let schema = Schema::new();
    schema.write(
        OWNER,
        "ALTER TABLE public.jobs ADD COLUMN owner text;",
        "ALTER TABLE public.jobs DROP COLUMN owner;",
    );
    schema.run("up", &[]).expect(0);
    let path = schema.place.path().join("plan/migrations/2026-11-01-000001_create_tables/up.sql");
    let original = fs::read_to_string(&path).unwrap();
    fs::write(&path, original.replace('\n', "\r\n")).unwrap();
    schema.run("status", &[]).expect(0);
    fs::write(&path, original.replace("priority integer", "priority bigint")).unwrap();
    schema.place.snapshot("schema-status-edited", &schema.run("status", &[]).expect(1).screen());
    schema.place.snapshot("schema-up-edited", &schema.run("up", &[]).expect(2).screen());
    fs::write(&path, original).unwrap();
    schema.run("status", &[]).expect(0);

    schema.write(
        OWNER,
        "ALTER TABLE public.jobs ADD COLUMN owner uuid;",
        "ALTER TABLE public.jobs DROP COLUMN owner;",
    );
    let refused = schema.run("up", &[]).expect(2);
    assert!(refused.stderr.contains("`cargo xtask schema redo`"), "{}", refused.screen());
    schema.run("redo", &[]).expect(0);
    schema.run("status", &[]).expect(0);
    let type_sql = "SELECT data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'jobs' AND column_name = 'owner'";
    assert_eq!(value(&schema.database, type_sql), "uuid");

    fs::remove_dir_all(schema.place.path().join("plan/migrations").join(OWNER)).unwrap();
    let missing = schema.run("status", &[]).expect(1);
    assert!(missing.stdout.contains("its folder is gone"), "{}", missing.screen());
    schema.run("down", &[]).expect(2);
}

/// What a `down.sql` deletes, and how it is named.
#[test]
fn down_refuses_to_lose_rows() {
    let cases = [
        ("ALTER TABLE public.t DROP COLUMN b;", Some("it would delete 2 values of column b of public.t;")),
        // Renaming keeps everything; a column that is made again under its name does not.
        ("ALTER TABLE public.t RENAME COLUMN b TO c;", None),
        (
            "ALTER TABLE public.t DROP COLUMN b; ALTER TABLE public.t ADD COLUMN b int;",
            Some("it would delete 2 values of column b of public.t;"),
        ),
        ("DROP TABLE public.t;", Some("it would delete 3 rows of public.t;")),
        ("DELETE FROM public.t WHERE a = 1;", Some("it would delete 1 row of public.t;")),
        ("TRUNCATE public.t;", Some("it would delete 3 rows of public.t;")),
        ("DROP TABLE public.empty;", None),
        ("DROP SCHEMA apart CASCADE;", Some("it would delete 1 row of apart.\"T x\";")),
        // Rewritten, with all its rows.
        ("ALTER TABLE public.t ALTER COLUMN a TYPE bigint;", None),
        ("DROP INDEX public.i;", None),
    ];
    for (down, refusal) in cases {
        let schema = Schema::new();
        fs::remove_dir_all(schema.place.path().join("plan")).unwrap();
        execute(
            &schema.database,
            "CREATE TABLE public.t (a int, b int); INSERT INTO public.t VALUES (1, 1), (2, 2), (3, NULL); \
             CREATE INDEX i ON public.t (a); CREATE TABLE public.empty (a int); CREATE SCHEMA apart; \
             CREATE TABLE apart.\"T x\" (a int); INSERT INTO apart.\"T x\" VALUES (1)",
        );
        schema.write("1_first", "SELECT 1;", down);
        schema.run("up", &[]).expect(0);
        let before = everything(&schema.database);
        match refusal {
            Some(refusal) => {
                let refused = schema.run("down", &[]).expect(2);
                assert!(refused.stderr.contains(refusal), "{down}: {}", refused.screen());
                assert_eq!(everything(&schema.database), before, "{down}");
                schema.run("down", &["--lose-rows", "--dry-run"]).expect(0);
                assert_eq!(everything(&schema.database), before, "{down}");
                schema.run("down", &["--lose-rows"]).expect(0);
            }
            None => drop(schema.run("down", &[]).expect(0)),
        }
        assert_eq!(schema.states(), [("1_first".to_owned(), "pending".to_owned())], "{down}");
    }
}

#[test]
fn a_migration_that_fails_leaves_nothing() {
    let schema = Schema::new();
    schema.write(OWNER, "CREATE TABLE public.a (a int); SELECT 1 / 0;", "");
    let refused = schema.run("up", &[]).expect(2);
    assert_eq!(refused.stdout.lines().count(), 2, "those before it are applied: {}", refused.screen());
    assert!(refused.stderr.contains(OWNER), "{}", refused.screen());
    assert!(!everything(&schema.database).contains(&"relation a".to_owned()));
    schema.assert_last(OWNER, "pending");
    // An index that is built beside writers needs to run outside of a transaction.
    schema.write(OWNER, "CREATE INDEX CONCURRENTLY i ON public.jobs (name);", "DROP INDEX public.i;");
    fs::write(
        schema.place.path().join("plan/migrations").join(OWNER).join("metadata.toml"),
        "run_in_transaction = false\n",
    )
    .unwrap();
    schema.run("up", &[]).expect(0);
    schema.assert_last(OWNER, "applied");
    let redo = schema.run("redo", &[]).expect(2);
    assert!(redo.stderr.contains("`cargo xtask schema down`"), "{}", redo.screen());
    schema.run("down", &[]).expect(2);
    schema.run("down", &["--lose-rows"]).expect(0);
    schema.run("up", &[]).expect(0);
}

#[test]
fn a_new_migration_is_in_diesels_layout_and_generate_leaves_it_alone() {
    let place = Place::new();
    place.sample();
    let generate = |more: &[&str]| {
        place.run(["generate", "--sqlite", "hyperpage.db", "--out", "plan"].iter().chain(more))
    };
    generate(&[]).expect(0);
    let refused = place.run(["schema", "new", "Add owner", "--plan", "plan"]).expect(2);
    assert!(refused.stderr.contains("lower-case letters"), "{}", refused.screen());
    let written = place.run(["schema", "new", "add_job_owner", "--plan", "plan"]).expect(0);
    let folder = place.path().join(written.stdout.trim());
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let before = place.state();
    generate(&["--check"]).expect(0);
    generate(&[]).expect(0);
    assert_eq!(place.state(), before);
    let database = TestDatabase::create();
    place
        .run([
            "migrate",
            "--sqlite",
            "hyperpage.db",
            "--plan",
            "plan",
            "--quiet",
            "--postgres",
            database.url(),
        ])
        .expect(0);
    let status = place.run(["schema", "status", "--plan", "plan", "--postgres", database.url()]).expect(1);
    assert_eq!(
        status.stdout.matches("| applied |").count(),
        2,
        "as migrate applied them: {}",
        status.screen()
    );
    assert!(
        status.stdout.contains("add_job_owner") && status.stdout.contains("| pending |"),
        "{}",
        status.screen()
    );
    place.run(["schema", "up", "--plan", "plan", "--postgres", database.url()]).expect(0);
    place.run(["schema", "status", "--plan", "plan", "--postgres", database.url()]).expect(0);
}

#[test]
fn the_migrations_of_a_run_are_proven_again_and_drizzles_list_stays() {
    let schema = Schema::new();
    schema.place.sample();
    let url = schema.database.url();
    schema.place.run(["migrate", "--sqlite", "hyperpage.db", "--quiet", "--postgres", url]).expect(0);
    // The plan is for an app with Drizzle, so that the run has written its list.
    let list = "SELECT t FROM drizzle.__drizzle_migrations t";
    let before = lines(&schema.database, list);
    assert!(!before.is_empty());
    schema.run("status", &[]).expect(0);
    let redone = schema.run("redo", &[]).expect(0);
    assert!(redone.stderr.contains("next: `cargo xtask validate`"), "{}", redone.screen());
    schema.place.run(["status", "--postgres", url]).expect(1);
    schema.place.run(["validate", "--quiet", "--postgres", url]).expect(0);
    schema.place.run(["status", "--postgres", url]).expect(0);
    schema.run("down", &[]).expect(0);
    let refused = schema.run("down", &[]).expect(2);
    assert!(refused.stderr.contains("rows of public.jobs"), "{}", refused.screen());
    schema.run("up", &[]).expect(0);
    schema.place.run(["validate", "--quiet", "--postgres", url]).expect(0);
    assert_eq!(lines(&schema.database, list), before);
    // Half a migration is not completed behind its back.
    execute(&schema.database, "DELETE FROM migration.phases WHERE phase IN ('constraints', 'validate')");
    let refused = schema.run("up", &[]).expect(2);
    assert!(refused.stderr.contains("is not finished"), "{}", refused.screen());
}

#[test]
fn one_change_at_a_time() {
    let schema = Schema::new();
    let mut other = connect(&schema.database);
    other.batch_execute("SELECT pg_advisory_lock(7237971062)").unwrap();
    let refused = schema.run("up", &[]).expect(2);
    assert!(refused.stderr.contains("another migration is at work"), "{}", refused.screen());
    drop(other);
    schema.run("up", &[]).expect(0);
}

#[test]
fn each_environment_has_an_env_file() {
    let schema = Schema::new();
    let url = schema.database.url();
    let run = |action: &str, env: &str, more: &[&str]| {
        let all = ["schema", action, "--plan", "plan", "--env", env, "--env-dir", "."];
        schema.place.run(all.iter().chain(more))
    };
    let missing = run("status", "test", &[]).expect(2);
    assert!(missing.stderr.contains("./.env.test cannot be read"), "{}", missing.screen());
    let file = |name: &str| schema.place.path().join(name);
    fs::write(file(".env.test"), "DB_POOL_MAX=3\n").unwrap();
    let unnamed = run("status", "test", &[]).expect(2);
    assert!(unnamed.stderr.contains("names no target"), "{}", unnamed.screen());
    fs::write(file(".env.test"), format!("# of the tests\nexport DATABASE_URL='{url}'\n")).unwrap();
    run("status", "test", &[]).expect(1);
    fs::write(file(".env.production"), format!("DATABASE_URL=\"{url}\"\n")).unwrap();

    let asked = run("up", "production", &[]).expect(2);
    assert!(asked.stderr.contains("add --yes"), "{}", asked.screen());
    assert_eq!(run("status", "production", &[]).expect(1).stderr.matches("chmod 600").count(), 1);
    run("up", "production", &["--dry-run"]).expect(0);
    run("up", "production", &["--yes"]).expect(0);
    run("status", "test", &[]).expect(0);

    // As Next.js does: the environment's own variable wins, and it is said so.
    let other = TestDatabase::create();
    let mut command =
        schema.place.command(["schema", "status", "--plan", "plan", "--env", "test", "--env-dir", "."]);
    let won = crate::place::output(command.env("DATABASE_URL", other.url())).expect(1);
    assert!(
        won.stderr.contains("DATABASE_URL is set in the environment, which wins over .env.test"),
        "{}",
        won.screen()
    );
}
