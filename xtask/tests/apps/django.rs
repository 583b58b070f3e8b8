//! A Django app: its `manage.py migrate` makes the tables in both databases, `docs/recipes/django.md` moves the rows, and the app reads all
//! of them back as they were and works.

use std::fs;
use std::path::Path;

use test_database::TestDatabase;

use crate::place::{Place, checkout, copy_folder};
use crate::support::{Commands, PythonEnvironment, decide, python, run, schema_dump};

/// A place with the app, and its environment.
struct App {
    place: Place,
    environment: PythonEnvironment,
    settings: &'static [(&'static str, &'static str)],
}

impl App {
    /// Copies the app; `settings` are variables that its settings read.
    fn new(settings: &'static [(&'static str, &'static str)]) -> App {
        let source = checkout().join("xtask/tests/apps/django");
        let place = Place::new();
        copy_folder(&source, place.path());
        let environment = python(&source.join("requirements.txt"));
        App { place, environment, settings }
    }

    /// Runs `manage.py` with variables.
    #[track_caller]
    fn manage(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = self.environment.program("python", self.place.path());
        command.arg("manage.py").args(arguments);
        command.envs(self.settings.iter().copied()).envs(variables.iter().copied());
        run(&mut command)
    }

    /// Makes `db.sqlite3` as an installation of the first release that was upgraded, and fills it.
    fn fill(&self) {
        let sqlite = ("DATABASE_URL", "sqlite:///db.sqlite3");
        self.manage(&["migrate", "-v0"], &[sqlite, ("RELEASE", "first")]);
        self.manage(&["migrate", "-v0"], &[sqlite]);
        self.manage(&["fill"], &[sqlite]);
    }
}

#[test]
#[ignore = "needs python3 with venv, and pg_dump"]
fn an_app_on_django_moves_by_its_recipe() {
    moves(&App::new(&[]), |_, _| {});
}

#[test]
#[ignore = "needs python3 with venv, and pg_dump"]
fn local_times_of_django_are_those_of_its_time_zone() {
    moves(&App::new(&[("USE_TZ", "no"), ("APP_TIME_ZONE", "Europe/Berlin")]), |recipe, folder| {
        let file = folder.join("mapping.toml");
        let decided = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{decided}\n{}", recipe.mapping())).unwrap();
    });
}

/// Follows the recipe; `decide_more` adds to the decisions that the program prints.
#[track_caller]
fn moves(app: &App, decide_more: impl Fn(&Commands, &Path)) {
    let (database, recipe) = (TestDatabase::create(), Commands::read("django.md"));
    app.fill();
    let (folder, url) = (app.place.path(), database.url());
    let programs = app.environment.programs();
    let step = |index: usize, beginning: &str| recipe.run(index, beginning, folder, &programs, url);
    step(0, "python manage.py migrate").expect(0);
    let before = schema_dump(&database, &["migration"]);

    let refused = step(1, "cargo xtask migrate --sqlite db.sqlite3");
    assert_ne!(refused.code, Some(0));
    decide(&folder.join("plans/db"), &refused);
    decide_more(&recipe, &folder.join("plans/db"));
    let moved = step(2, "cargo xtask migrate --sqlite db.sqlite3").expect(0);
    assert!(moved.stdout.contains("Proven: all 2,652 rows in 23 tables"), "{}", moved.stdout);
    assert_eq!(schema_dump(&database, &["migration"]), before);
    step(3, "cargo xtask validate").expect(0);
    step(4, "python manage.py migrate --check").expect(0);
    assert_eq!(recipe.len(), 5);

    let compared = app.manage(&["compare_rows"], &[("DATABASE_URL", url), ("SQLITE", "db.sqlite3")]);
    assert_eq!(compared, "2652 rows are equal\n");
    assert_eq!(app.manage(&["use_app"], &[("DATABASE_URL", url)]), "the app works\n");
}
