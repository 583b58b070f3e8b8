//! Hyperpage's database as `migrate` makes it and as Drizzle's migrator makes it are one and the same, in both directions: neither tool
//! has anything to do after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_database::TestDatabase;

use crate::place::{Output, Place, checkout, output};
use crate::server::{execute, lines, value};
use crate::support::{NodeProject, npm_project, run, schema_dump};

/// Drizzle's migrator as an app calls it.
const MIGRATE: &str = "
    const { drizzle } = require('drizzle-orm/node-postgres');
    const { migrate } = require('drizzle-orm/node-postgres/migrator');
    const { Client } = require('pg');
    (async () => {
      const client = new Client({ connectionString: process.env.DATABASE_URL });
      await client.connect();
      try { await migrate(drizzle(client), { migrationsFolder: 'drizzle' }); } finally { await client.end(); }
    })().catch((error) => { console.error(String(error.cause ?? error)); process.exitCode = 1; });
";

const LIST: &str = "SELECT t::text FROM drizzle.__drizzle_migrations AS t ORDER BY id";

/// Hyperpage with the generated files and the packages of the stand-in, and its sample in SQLite.
struct App {
    place: Place,
    folder: PathBuf,
    packages: NodeProject,
}

impl App {
    fn new() -> App {
        let place = Place::new();
        place.sample();
        place.run(["generate", "--drizzle", "app"]).expect(0);
        let folder = place.path().join("app");
        let packages = npm_project(&checkout().join("fixtures/app"));
        packages.link_into(&folder);
        fs::copy(checkout().join("fixtures/app/package.json"), folder.join("package.json")).unwrap();
        fs::write(folder.join("migrate.js"), MIGRATE).unwrap();
        App { place, folder, packages }
    }

    /// Starts the app's migrator.
    fn node(&self, database: &TestDatabase, script: &str) -> Command {
        let mut command = self.packages.node(&self.folder);
        command.arg(script).env("DATABASE_URL", database.url());
        command
    }

    fn drizzle_kit(&self, database: &TestDatabase, arguments: &[&str]) -> Command {
        let mut command = self.packages.program("drizzle-kit", &self.folder);
        command.args(arguments).env("DATABASE_URL", database.url());
        command
    }

    /// Moves the sample with these options.
    #[track_caller]
    fn migrate(&self, database: &TestDatabase, options: &[&str]) -> Output {
        let common = ["migrate", "--sqlite", "hyperpage.db", "--postgres", database.url(), "--no-report"];
        self.place.run(common.iter().chain(options)).expect(0)
    }

    /// A database that `migrate` made.
    #[track_caller]
    fn migrated(&self) -> TestDatabase {
        let database = TestDatabase::create();
        self.migrate(&database, &[]);
        database
    }

    /// An empty database that Drizzle's migrator made.
    #[track_caller]
    fn made_by_drizzle(&self) -> TestDatabase {
        let database = TestDatabase::create();
        run(&mut self.node(&database, "migrate.js"));
        database
    }

    /// Compiles the generated programs.
    fn compile(&self) {
        let settings = r#"{ "compilerOptions": { "target": "ES2022", "module": "NodeNext", "strict": true, "skipLibCheck": true,
            "types": ["node"], "rootDir": ".", "outDir": "dist" }, "include": ["db", "drizzle"] }"#;
        fs::write(self.folder.join("tsconfig.json"), settings).unwrap();
        run(&mut self.packages.program("tsc", &self.folder));
    }
}

/// All definitions, Drizzle's list among them; without our ledger, and without Diesel's list, which only our migration has.
#[track_caller]
fn definitions(database: &TestDatabase) -> String {
    let dump = schema_dump(database, &["migration"]);
    let is_diesel = |statement: &&str| !statement.contains("__diesel_schema_migrations");
    dump.split("\n--\n").filter(is_diesel).collect::<Vec<_>>().join("\n--\n")
}

/// Everything that the app's first start could change.
fn state(database: &TestDatabase) -> (String, Vec<String>) {
    (schema_dump(database, &[]), lines(database, LIST))
}

#[test]
#[ignore = "needs node, npm and pg_dump"]
fn the_first_start_of_the_app_applies_nothing() {
    let app = App::new();
    let database = app.migrated();
    let before = state(&database);
    assert_eq!(before.1.len(), 2, "{before:?}");
    run(&mut app.node(&database, "migrate.js"));
    assert_eq!(state(&database), before);
    let kit = run(&mut app.drizzle_kit(&database, &["migrate"]));
    assert!(kit.contains("migrations applied successfully"), "{kit}");
    assert_eq!(state(&database), before);
    // Four at once, by Drizzle's migrator and by the app's program.
    app.compile();
    for script in ["migrate.js", "dist/db/migrate.js"] {
        let starts: Vec<_> = (0..4).map(|_| app.node(&database, script)).collect();
        let answers = std::thread::scope(|scope| {
            let starts: Vec<_> =
                starts.into_iter().map(|mut start| scope.spawn(move || run(&mut start))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect::<Vec<_>>()
        });
        if script.starts_with("dist") {
            assert_eq!(answers, ["no migration was pending\n"; 4]);
        }
        assert_eq!(state(&database), before, "{script}");
    }
    app.place.run(["validate", "--postgres", database.url(), "--no-report"]).expect(0);
}

#[test]
#[ignore = "needs node, npm and pg_dump"]
fn without_a_baseline_the_app_would_create_its_tables_again() {
    let app = App::new();
    let database = TestDatabase::create();
    let moved = app.migrate(&database, &["--no-baseline"]);
    assert!(!moved.stdout.contains("drizzle"), "{}", moved.screen());
    assert_eq!(value(&database, "SELECT to_regnamespace('drizzle') IS NULL"), "true");
    let public = |database: &TestDatabase| schema_dump(database, &["drizzle"]);
    let before = public(&database);
    let refused = output(&mut app.node(&database, "migrate.js")).expect(1);
    assert!(refused.stderr.contains("already exists"), "{}", refused.screen());
    assert_eq!(public(&database), before);
    // The start has left an empty list; a baseline is written into it.
    assert_eq!(lines(&database, LIST), [""; 0]);
    let moved = app.migrate(&database, &["--restart"]);
    let words = "drizzle.__drizzle_migrations lists 2 migrations: the app's first start runs none of them.";
    assert!(moved.stdout.contains(words), "{}", moved.screen());
    let before = state(&database);
    run(&mut app.node(&database, "migrate.js"));
    assert_eq!(state(&database), before);
}

#[test]
#[ignore = "needs node, npm and pg_dump"]
fn both_make_the_same_database() {
    let app = App::new();
    let (ours, drizzles) = (app.migrated(), app.made_by_drizzle());
    assert_eq!(definitions(&ours), definitions(&drizzles));
    assert_eq!(lines(&ours, LIST), lines(&drizzles, LIST));
}

#[test]
#[ignore = "needs node, npm and pg_dump"]
fn what_drizzle_made_is_filled_and_proven() {
    let app = App::new();
    let database = app.made_by_drizzle();
    let before = state(&database);
    app.migrate(&database, &["--into-existing"]);
    app.place.run(["validate", "--postgres", database.url(), "--no-report"]).expect(0);
    assert_eq!((schema_dump(&database, &["migration"]), lines(&database, LIST)), before);
    run(&mut app.node(&database, "migrate.js"));
    assert_eq!((schema_dump(&database, &["migration"]), lines(&database, LIST)), before);
    // The same rows as in a database that `migrate` made.
    let ours = app.migrated();
    let tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
                  AND relname <> '__diesel_schema_migrations' ORDER BY relname";
    for table in lines(&database, tables) {
        let rows = format!("SELECT t::text FROM {table} AS t ORDER BY t::text COLLATE \"C\"");
        assert_eq!(lines(&database, &rows), lines(&ours, &rows), "{table}");
    }
    // Sequences continue after the numbers that SQLite gave.
    for (database, name) in [(&database, "filled"), (&ours, "ours")] {
        let next = "SELECT max(id) + 1 FROM job_history";
        let expected = value(database, next);
        execute(
            database,
            "INSERT INTO job_history (job_id, attempt, status, started_at) \
             SELECT id, 1, 'done', now() FROM jobs LIMIT 1",
        );
        assert_eq!(value(database, "SELECT max(id) FROM job_history"), expected, "{name}");
    }
}

#[test]
#[ignore = "needs node, npm and pg_dump"]
fn the_next_migration_of_the_app_applies_to_both() {
    let app = App::new();
    let (ours, drizzles) = (app.migrated(), app.made_by_drizzle());
    app.migrate(&drizzles, &["--into-existing"]);
    let schema = app.folder.join("drizzle/schema.ts");
    add_column(&schema);
    let generated = run(&mut app.drizzle_kit(&ours, &["generate", "--name", "notes"]));
    assert!(generated.contains("0002_notes.sql"), "{generated}");
    let sql = fs::read_to_string(app.folder.join("drizzle/0002_notes.sql")).unwrap();
    assert_eq!(sql, "ALTER TABLE \"jobs\" ADD COLUMN \"note\" text;");
    run(&mut app.node(&ours, "migrate.js"));
    run(&mut app.drizzle_kit(&drizzles, &["migrate"]));
    for database in [&ours, &drizzles] {
        assert_eq!(lines(database, LIST).len(), 3);
        assert_eq!(value(database, "SELECT count(note) FROM jobs"), "0");
    }
    assert_eq!(definitions(&ours), definitions(&drizzles));
    // Validation names the column, and takes the app's own row in the list for granted.
    let found =
        app.place.run(["validate", "--postgres", ours.url(), "--no-report", "--json"]).expect(1).json();
    assert_eq!(found["result"]["baseline"]["problems"], serde_json::json!([]));
    assert_eq!(found["result"]["findings"].as_array().unwrap().len(), 1, "{found}");
    // What the app has changed is not dropped unasked.
    let common =
        ["migrate", "--sqlite", "hyperpage.db", "--postgres", ours.url(), "--no-report", "--restart"];
    let refused = app.place.run(common).expect(2);
    assert!(refused.stderr.contains("lists 1 migration that the app has run since"), "{}", refused.screen());
}

/// Adds a column to the table of jobs.
fn add_column(schema: &Path) {
    let text = fs::read_to_string(schema).unwrap();
    let table = "export const jobs = pgTable('jobs', {\n";
    assert!(text.contains(table), "{text}");
    fs::write(schema, text.replace(table, &format!("{table}  note: text('note'),\n"))).unwrap();
}
