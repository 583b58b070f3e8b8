//! The generated migrator: several at once, production, rights, and what it says when it fails.

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use test_database::TestDatabase;

use super::App;
use crate::place::{Place, checkout, output};
use crate::server::{execute, lines, value};
use crate::support::{run, tool};

#[test]
#[ignore = "needs node and npm"]
fn of_several_migrators_one_migrates() {
    let app = App::new();
    for _ in 0..3 {
        let database = TestDatabase::create();
        let start = || {
            let mut command = app.node("db/migrate.js", database.url(), &[]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let started: Vec<Child> = (0..4).map(|_| start()).collect();
        let mut printed: Vec<String> = (started.into_iter())
            .map(|child| {
                let ended = child.wait_with_output().unwrap();
                assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
                String::from_utf8(ended.stdout).unwrap()
            })
            .collect();
        printed.sort();
        let nothing = "no migration was pending\n";
        assert_eq!(
            printed,
            ["applied: 0000_create_tables, 0001_add_constraints\n", nothing, nothing, nothing]
        );
        let recorded = lines(&database, "SELECT created_at FROM drizzle.__drizzle_migrations ORDER BY 1");
        assert_eq!(recorded, ["1793491201000", "1793491202000"]);
    }
}

#[test]
#[ignore = "needs node and npm"]
fn production_asks_and_a_current_database_needs_no_rights() {
    let (app, database) = (App::new(), TestDatabase::create());
    let production = [("NODE_ENV", "production")];
    let refused = app.migrate(&database, &[], &production).expect(2);
    assert_eq!(refused.stdout, "pending: 0000_create_tables, 0001_add_constraints\n");
    assert_eq!(
        refused.stderr,
        "error: this is production, and nothing was applied\n  next: run the same command with --yes\n"
    );
    assert_eq!(value(&database, "SELECT to_regclass('public.jobs') IS NULL"), "true");
    app.migrate(&database, &["--yes"], &production).expect(0);
    app.migrate(&database, &["--now"], &[]).expect(2);

    // Another role than the owner, which gets the rights that the message names.
    let role = format!("\"Reader of {}\"", database.name());
    execute(&database, &format!("CREATE ROLE {role} LOGIN PASSWORD 'reader'"));
    let server = database.url().rsplit('@').next().unwrap();
    let as_role = format!("postgres://{}:reader@{server}", role.replace('"', "").replace(' ', "%20"));
    let refused = output(&mut app.node("db/migrate.js", &as_role, &[])).expect(2);
    let next = refused.stderr.lines().last().unwrap().strip_prefix("  next: as its owner: ").unwrap();
    let (found, _) = app.sees("readiness", &as_role, &[]);
    let found = &found["found"];
    assert_eq!((&found["reason"], &found["code"]), (&json!("migrations unreadable"), &json!("42501")));
    assert_eq!(
        found["next"].as_str().unwrap(),
        format!("as the owner of the list, for the role of the app: {}", next.replace(&role, "app"))
    );
    execute(&database, next);
    let (found, _) = app.sees("readiness", &as_role, &[]);
    assert_eq!(found["found"]["ready"], json!(true), "{found}");
    for arguments in [&["--check"][..], &[]] {
        output(app.node("db/migrate.js", &as_role, &[]).args(arguments)).expect(0);
    }
    // It may not migrate.
    execute(&database, "DELETE FROM drizzle.__drizzle_migrations");
    let refused = output(&mut app.node("db/migrate.js", &as_role, &[])).expect(2);
    assert!(refused.stderr.contains("(42501)") && !refused.stderr.contains("CREATE"), "{}", refused.stderr);
    assert!(
        refused.stderr.ends_with("next: run the same command as the owner of the database and its tables\n")
    );
    execute(&database, &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
#[ignore = "needs node and npm"]
fn a_script_that_is_called_migrate_applies_nothing() {
    let (app, database) = (App::new(), TestDatabase::create());
    let found = output(&mut app.node("test/migrate.js", database.url(), &[])).expect(0);
    assert_eq!(found.stdout, "found: 0000_create_tables, 0001_add_constraints\n");
    assert_eq!(value(&database, "SELECT to_regclass('public.jobs') IS NULL"), "true");
}

#[test]
#[ignore = "needs node and npm"]
fn the_migrator_says_what_to_do() {
    let (app, database) = (App::new(), TestDatabase::create());
    let elsewhere = Place::new();
    let mut command = app.node("db/migrate.js", database.url(), &[]);
    let refused = output(command.arg("--check").current_dir(elsewhere.path())).expect(2);
    let folder = fs::canonicalize(elsewhere.path()).unwrap();
    assert_eq!(
        refused.stderr,
        format!(
            "error: it is not known whether migrations are pending\n  because: there is no drizzle/meta/_journal.json in {}\n  \
             next: run it in the folder that has drizzle/\n",
            folder.display()
        )
    );
    let unset = output(app.node("db/migrate.js", "", &[]).arg("--check")).expect(2);
    assert_eq!(
        unset.stderr,
        "error: it is not known whether migrations are pending\n  because: no database is named; set DATABASE_URL, or \
         POSTGRES_HOST and the variables like it\n"
    );
    let limit = |to: &str| {
        execute(&database, &format!("ALTER DATABASE \"{}\" SET lock_timeout = '{to}'", database.name()))
    };
    limit("200ms");
    let (found, _) = app.sees("table_locked", database.url(), &[]);
    assert_eq!(
        found,
        json!({"failed": "a table is in use: canceling statement due to lock timeout (55P03)"})
    );
    limit("0");
    let (found, _) = app.sees("locked", database.url(), &[]);
    let held = "another process migrates this database, and did not end within 200 ms: session PID, node";
    assert_eq!(found, json!({"failed": held, "later": "done"}));

    // Tables without a baseline, as `migrate --no-baseline` leaves them. The printed statements write one.
    execute(&database, "DROP SCHEMA drizzle CASCADE");
    let refused = app.migrate(&database, &[], &[]).expect(2);
    assert!(refused.stderr.contains("has no baseline: relation \"app_state\" already exists (42P07)"));
    let statements: Vec<&str> =
        refused.stderr.lines().filter_map(|line| line.trim().strip_prefix("INSERT")).collect();
    assert_eq!(statements.len(), 2, "{}", refused.stderr);
    statements.iter().for_each(|statement| execute(&database, &format!("INSERT{statement}")));
    assert_eq!(app.migrate(&database, &["--check"], &[]).expect(0).stdout, "no migration is pending\n");
}

/// The command of docs/app.md for an image without the packages of development.
#[test]
#[ignore = "needs node and npm"]
fn a_bundle_migrates_without_packages() {
    let (app, database, image) = (App::new(), TestDatabase::create(), Place::new());
    let page = fs::read_to_string(checkout().join("docs/app.md")).unwrap();
    let words = "db/migrate.ts --bundle --platform=node --outfile=migrate.js";
    assert!(page.contains(&format!("npx esbuild {words}")));
    let mut bundle = app.project.program("esbuild", &app.folder);
    let file = image.path().join("migrate.js");
    run(bundle.args(words.split(' ').map(|word| word.replace("migrate.js", &file.display().to_string()))));
    let drizzle = image.path().join("drizzle");
    run(Command::new("cp").arg("-r").arg(app.folder.join("drizzle")).arg(&drizzle));
    let mut migrate = Command::new(tool("node"));
    migrate.arg(&file).current_dir(image.path()).env("DATABASE_URL", database.url());
    assert_eq!(run(&mut migrate), "applied: 0000_create_tables, 0001_add_constraints\n");
}
