//! An app on SQLAlchemy: Alembic makes the tables in both databases, `docs/recipes/alembic.md` moves the rows, and the app's models read
//! all of them back as they were and insert more.

use test_database::TestDatabase;

use crate::place::{Place, checkout, copy_folder};
use crate::support::{Commands, decide, python, run, schema_dump};

#[test]
#[ignore = "needs python3 with venv, and pg_dump"]
fn an_app_on_sqlalchemy_moves_by_its_recipe() {
    let source = checkout().join("xtask/tests/apps/alembic");
    let (place, database, recipe) = (Place::new(), TestDatabase::create(), Commands::read("alembic.md"));
    let environment = python(&source.join("requirements.txt"));
    copy_folder(&source, place.path());
    let (folder, url) = (place.path(), database.url());
    let app = |program: &str, arguments: &[&str], url: &str| {
        let mut command = environment.program(program, folder);
        run(command.args(arguments).env("DATABASE_URL", url).env("SQLITE", "app.db"))
    };
    app("alembic", &["upgrade", "head"], "sqlite:///app.db");
    app("python", &["-m", "shop.fill"], "sqlite:///app.db");

    let programs = environment.programs();
    let step = |index: usize, beginning: &str| recipe.run(index, beginning, folder, &programs, url);
    step(0, "alembic upgrade head").expect(0);
    let before = schema_dump(&database, &["migration"]);
    let refused = step(1, "cargo xtask migrate --sqlite app.db");
    assert_ne!(refused.code, Some(0));
    decide(&folder.join("plans/app"), &refused);
    let moved = step(2, "cargo xtask migrate --sqlite app.db").expect(0);
    assert!(moved.stdout.contains("Proven: all 1,330 rows in 9 tables"), "{}", moved.stdout);
    assert_eq!(schema_dump(&database, &["migration"]), before);
    step(3, "cargo xtask validate").expect(0);
    step(4, "alembic check").expect(0);
    assert_eq!(recipe.len(), 5);

    assert_eq!(app("python", &["-m", "shop.compare"], url), "1330 rows are equal\n");
    assert_eq!(app("python", &["-m", "shop.insert"], url), "inserted\n");
}
