//! Databases with rich schemas for an app that uses Drizzle ORM: those of frameworks, and hostile ones. Here they are made, planned with
//! `generate --drizzle`, and moved.

use std::fs;
use std::path::PathBuf;

use fixtures::frameworks::FRAMEWORKS;
use migrate_core::plan::Plan;
use test_database::TestDatabase;

use crate::place::{Place, checkout};
use crate::support::npm_project;

/// The app's folder, below the place of a test.
pub(crate) const APP: &str = "app";

/// A database, and the decisions about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Database {
    pub(crate) name: &'static str,
    sql: &'static str,
    /// More lines of `mapping.toml`.
    mapping: &'static str,
}

macro_rules! database {
    ($name:literal, $sql:literal) => {
        database!($name, $sql, "")
    };
    ($name:literal, $sql:literal, $mapping:expr) => {
        Database { name: $name, sql: include_str!(concat!("databases/", $sql, ".sql")), mapping: $mapping }
    };
}

/// Those of no framework.
pub(crate) const HOSTILE: [Database; 7] = [
    database!("chinook", "chinook"),
    database!("constraints", "constraints", include_str!("databases/constraints.toml")),
    database!("names", "names"),
    database!("unreadable", "unreadable"),
    database!("schemas", "schemas", include_str!("databases/schemas.toml")),
    database!("identity", "schemas", include_str!("databases/identity.toml")),
    database!("types", "types", include_str!("databases/types.toml")),
];

/// Those that frameworks make.
pub(crate) fn of_frameworks() -> impl Iterator<Item = Database> {
    FRAMEWORKS.iter().map(|framework| Database { name: framework.name, sql: framework.sql, mapping: "" })
}

impl Database {
    /// Makes the SQLite file, the plan and the files of the app.
    #[track_caller]
    pub(crate) fn generate(&self, place: &Place) -> App {
        let file = place.path().join("source.db");
        let source = rusqlite::Connection::open(&file).unwrap();
        source.pragma_update(None, "foreign_keys", false).unwrap();
        source.execute_batch(self.sql).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        drop(source);
        App::planned(place, &format!("format = 1\n{}", self.mapping))
    }
}

/// An app's folder with the generated files and the packages that they need.
pub(crate) struct App {
    pub(crate) folder: PathBuf,
    pub(crate) plan: Plan,
}

impl App {
    /// Generates the app for `source.db` with these decisions; the plan is in its folder, too.
    #[track_caller]
    pub(crate) fn planned(place: &Place, mapping: &str) -> App {
        let folder = place.path().join(APP);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("mapping.toml"), mapping).unwrap();
        let output = place.run(["generate", "--sqlite", "source.db", "--out", APP, "--drizzle"]);
        assert_eq!(output.code, Some(0), "{}", output.screen());
        let plan = Plan::from_json(&fs::read_to_string(folder.join("plan.json")).unwrap()).unwrap();
        npm_project(&checkout().join("fixtures/app")).link_into(&folder);
        fs::write(folder.join("package.json"), "{ \"type\": \"module\" }\n").unwrap();
        App { folder, plan }
    }

    /// Moves the rows of `source.db` into a new database.
    #[track_caller]
    pub(crate) fn migrate(&self, place: &Place) -> TestDatabase {
        let database = TestDatabase::create();
        let arguments =
            ["migrate", "--sqlite", "source.db", "--plan", APP, "--accept-broken-constraints", "--postgres"];
        let output = place.run(arguments.into_iter().chain([database.url()]));
        assert_eq!(output.code, Some(0), "{}", output.screen());
        database
    }
}
