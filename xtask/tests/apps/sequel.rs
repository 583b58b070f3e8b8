//! An app on Sequel: generated columns, composite keys, enums, intervals, times with and without an offset.

use crate::place::{Place, checkout};
use crate::support::{App, command, ruby, tool};

#[test]
#[ignore = "needs ruby with sequel, sqlite3 and pg"]
fn an_app_on_sequel_moves() {
    let sources = checkout().join("xtask/tests/apps/sequel");
    App {
        place: Place::new(),
        recipe: "sequel",
        task: &|place, task| {
            let mut ruby = ruby(&["sequel", "sqlite3", "pg"], place.path());
            ruby.env("LANG", "C.UTF-8").arg(sources.join("app.rb")).arg(task);
            ruby
        },
        program: &|_, program| {
            assert_eq!(program, "sequel");
            let mut sequel = command(tool("sequel"), &sources);
            sequel.env("LANG", "C.UTF-8");
            sequel
        },
        file: "data/shop.db",
        file_scheme: "sqlite://",
    }
    .run_through();
}
