//! drizzle-kit's own judgement of the generated files: its snapshots agree with the schema, the schema with the database that `migrate`
//! made, and that database with the one that Drizzle's migrator makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use migrate_core::plan::{LeftOut, Numbering, Plan, PlannedTable};
use test_database::TestDatabase;

use crate::databases::{App, Database, HOSTILE, of_frameworks};
use crate::place::{Place, checkout, output};
use crate::server::execute;
use crate::support::{npm_project, run, schema_dump};

/// Where the ledger, and the migrator's list, are.
const BOOKKEEPING: [&str; 2] = ["drizzle", "migration"];

/// Runs Drizzle's migrator.
const MIGRATOR: &str = "import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await migrate(drizzle(client), { migrationsFolder: 'drizzle' });
await client.end();
";

#[test]
#[ignore = "needs node and npm"]
fn it_agrees_for_hyperpage() {
    let place = Place::new();
    place.sample();
    fs::rename(place.path().join("hyperpage.db"), place.path().join("source.db")).unwrap();
    let mapping = fs::read_to_string(checkout().join("schema-pg/mapping.toml")).unwrap();
    let app = App::planned(&place, &mapping);
    assert_eq!(app.plan.drizzle.clone().unwrap().left_out, []);
    judge("hyperpage", &place, &app);
}

#[test]
#[ignore = "needs node and npm"]
fn it_agrees_for_the_databases_of_frameworks() {
    of_frameworks().for_each(judge_database);
}

#[test]
#[ignore = "needs node and npm"]
fn the_migrators_list_of_sqlite_is_not_migrated_and_rows_are_numbered_by_serials() {
    let drizzle = of_frameworks().find(|database| database.name == "drizzle").unwrap();
    let plan = drizzle.generate(&Place::new()).plan;
    assert!(plan.table("__drizzle_migrations").is_none());
    assert!(plan.left_behind.iter().any(|item| item.name == "__drizzle_migrations"));
    let numbered = plan.tables.iter().filter_map(PlannedTable::sequence_column);
    let numberings: Vec<_> = numbered.map(|(column, _)| column.numbering).collect();
    assert!(!numberings.is_empty() && numberings.iter().all(Numbering::is_serial));
}

#[test]
#[ignore = "needs node and npm"]
fn it_agrees_for_hostile_databases_but_for_what_the_plan_lists() {
    HOSTILE.into_iter().for_each(judge_database);
}

#[test]
#[ignore = "needs node and npm"]
fn push_finds_the_database_by_the_variables_of_the_client() {
    let place = Place::new();
    let app = HOSTILE[0].generate(&place);
    let database = app.migrate(&place);
    let (login, address) = database.url().split_once("://").unwrap().1.split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = address.split(['/', '?']).next().unwrap().split_once(':').unwrap();
    let push = |variables: &[(&str, &str)]| {
        let project = npm_project(&checkout().join("fixtures/app"));
        let mut command = project.program("drizzle-kit", &app.folder);
        command.args(["push", "--strict", "--verbose"]).envs(variables.iter().copied());
        output(&mut command).screen()
    };
    let variables = [
        ("POSTGRES_HOST", host),
        ("POSTGRES_PORT", port),
        ("POSTGRES_USER", user),
        ("POSTGRES_PASSWORD", password),
        ("POSTGRES_DB", database.name()),
    ];
    let pushed = push(&variables);
    assert!(pushed.contains("No changes detected"), "{pushed}");
    // DATABASE_URL comes first, and an empty one is none.
    let pushed =
        push(&[&variables[..4], &[("POSTGRES_DB", "nowhere"), ("DATABASE_URL", database.url())]].concat());
    assert!(pushed.contains("No changes detected"), "{pushed}");
    let pushed = push(&[&variables[..], &[("DATABASE_URL", "")]].concat());
    assert!(pushed.contains("No changes detected"), "{pushed}");
    let pushed = push(&[]);
    assert!(pushed.contains("url: ''"), "{pushed}");
}

fn judge_database(database: Database) {
    let place = Place::new();
    let app = database.generate(&place);
    judge(database.name, &place, &app);
}

fn judge(name: &str, place: &Place, app: &App) {
    let check = kit(app, None, &["check"]);
    assert!(check.contains("Everything's fine"), "{name}: {check}");
    let before = files(&app.folder.join("drizzle"));
    let generate = kit(app, None, &["generate"]);
    assert!(generate.contains("No schema changes"), "{name}: {generate}");
    assert_eq!(before, files(&app.folder.join("drizzle")), "{name}");
    let database = app.migrate(place);
    // Standard input is closed: `--strict` asks before it changes anything, and cannot.
    let push = kit(app, Some(&database), &["push", "--strict", "--verbose"]);
    assert_eq!(statements(name, &push), expected(&app.plan), "{name}: {push}");
    let by_migrator = TestDatabase::create();
    fs::write(app.folder.join("migrator.mjs"), MIGRATOR).unwrap();
    let project = npm_project(&checkout().join("fixtures/app"));
    run(project.node(&app.folder).arg("migrator.mjs").env("DATABASE_URL", by_migrator.url()));
    execute(
        &database,
        &format!("DROP TABLE IF EXISTS \"{}\".__diesel_schema_migrations", app.plan.target_schema),
    );
    assert_eq!(schema_dump(&by_migrator, &BOOKKEEPING), schema_dump(&database, &BOOKKEEPING), "{name}");
}

/// Everything that drizzle-kit prints. Its exit status says nothing.
fn kit(app: &App, database: Option<&TestDatabase>, arguments: &[&str]) -> String {
    let project = npm_project(&checkout().join("fixtures/app"));
    let mut command: Command = project.program("drizzle-kit", &app.folder);
    command.args(arguments);
    if let Some(database) = database {
        command.env("DATABASE_URL", database.url());
    }
    output(&mut command).screen()
}

/// The files below a folder, with their content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => {
                found.insert(path.display().to_string(), fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The beginnings of the statements that `push` would execute, in their order by name; none where it finds no changes.
fn statements(name: &str, push: &str) -> Vec<String> {
    if push.contains("No changes detected") {
        return Vec::new();
    }
    let list = push.split_once("You are about to execute current statements:").map(|(_, rest)| rest);
    let list = list.and_then(|rest| rest.split_once("-- stderr").map(|(list, _)| list));
    let list = list.unwrap_or_else(|| {
        panic!("{name}: drizzle-kit printed neither statements nor that there are none: {push}")
    });
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut found: Vec<String> = lines.map(beginning).collect();
    found.sort();
    found
}

/// A statement up to what follows the names in it.
fn beginning(statement: &str) -> String {
    let ends = [" SET DEFAULT ", " ON ", " SET CACHE 1", ";"];
    let end = ends.iter().filter_map(|end| Some(statement.find(end)? + end.len())).min();
    statement[..end.unwrap_or(statement.len())].trim_end_matches([' ', ';']).to_owned()
}

/// The beginnings of the statements that the plan says `push` repeats.
fn expected(plan: &Plan) -> Vec<String> {
    let name = |target: &str| {
        let table = plan.tables.iter().find(|table| table.target == target).unwrap();
        match table.schema_name() {
            "public" => format!("\"{target}\""),
            schema => format!("\"{schema}\".\"{target}\""),
        }
    };
    let mut found = Vec::new();
    for item in &plan.drizzle.as_ref().unwrap().left_out {
        match item {
            LeftOut::ForeignKey { table, key } => {
                found.push(format!("ALTER TABLE {} DROP CONSTRAINT \"{key}\"", name(table)));
            }
            LeftOut::DescendingExpression { index, .. } => {
                found.push(format!("DROP INDEX \"{index}\""));
                found.push(format!("CREATE INDEX \"{index}\" ON"));
            }
            LeftOut::DefaultUnknown { table, column } => {
                found.push(format!("ALTER TABLE {} ALTER COLUMN \"{column}\" SET DEFAULT", name(table)));
            }
            LeftOut::Identity { table, column } => {
                found.push(format!("ALTER TABLE {} ALTER COLUMN \"{column}\" SET CACHE 1", name(table)));
            }
            LeftOut::DefaultUnreadable { .. }
            | LeftOut::Table { .. }
            | LeftOut::View { .. }
            | LeftOut::Trigger { .. }
            | LeftOut::Deferred { .. }
            | LeftOut::KeyOrder { .. }
            | LeftOut::ForeignKeyOrder { .. }
            | LeftOut::ReferencedIndex { .. }
            | LeftOut::DefaultMisread { .. } => {}
        }
    }
    found.sort();
    found
}
