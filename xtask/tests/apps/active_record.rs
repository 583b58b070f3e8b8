//! An app on Active Record: inheritance in one table, counters, join tables, documents, and rows that migrations insert.

use crate::place::{Place, checkout};
use crate::support::{App, ruby};

#[test]
#[ignore = "needs ruby with activerecord, sqlite3 and pg"]
fn an_app_on_active_record_moves() {
    let ruby = |place: &Place| {
        let mut ruby = ruby(&["active_record", "sqlite3", "pg"], place.path());
        ruby.env("LANG", "C.UTF-8").arg(checkout().join("xtask/tests/apps/active_record/app.rb"));
        ruby
    };
    App {
        place: Place::new(),
        recipe: "rails",
        task: &|place, task| {
            let mut command = ruby(place);
            command.arg(task);
            command
        },
        program: &|place, program| {
            assert_eq!(program, "bin/rails");
            ruby(place)
        },
        file: "storage/production.sqlite3",
        file_scheme: "sqlite3:",
    }
    .run_through();
}
