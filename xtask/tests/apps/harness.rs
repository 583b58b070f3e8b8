//! The tools themselves: each is there, and runs. A failure here explains those of the other tests.

use std::fs;

use test_database::TestDatabase;

use crate::place::{Place, checkout};
use crate::server::execute;
use crate::support::{npm_project, python, ruby, run, schema_dump};

#[test]
#[ignore = "needs node and npm"]
fn a_node_program_uses_the_packages_of_a_project() {
    let place = Place::new();
    let project = npm_project(&checkout().join("fixtures/app"));
    project.link_into(place.path());
    let program = "const Database = require('better-sqlite3');
        const answer = new Database(':memory:').prepare('SELECT 6 * 7').pluck().get();
        console.log(answer, typeof require('pg').Pool);";
    fs::write(place.path().join("program.js"), program).unwrap();
    assert_eq!(run(project.node(place.path()).arg("program.js")), "42 function\n");
    assert!(run(project.program("tsc", place.path()).arg("--version")).starts_with("Version "));
}

#[test]
#[ignore = "needs python3 with venv"]
fn python_runs_in_an_environment_of_its_own() {
    let place = Place::new();
    let requirements = place.path().join("requirements.txt");
    fs::write(&requirements, "# Nothing.\n").unwrap();
    let program = "import sys; print(sys.prefix != sys.base_prefix)";
    let mut python = python(&requirements).program("python", place.path());
    assert_eq!(run(python.args(["-c", program])), "True\n");
}

#[test]
#[ignore = "needs ruby"]
fn ruby_runs() {
    let place = Place::new();
    assert_eq!(run(ruby(&["json"], place.path()).args(["-e", "puts 6 * 7"])), "42\n");
}

#[test]
#[ignore = "needs pg_dump"]
fn a_dump_leaves_out_the_schemas_named() {
    let database = TestDatabase::create();
    let empty = schema_dump(&database, &[]);
    execute(&database, "CREATE SCHEMA \"Other\"; CREATE TABLE \"Other\".t (a int); CREATE TABLE u (a int)");
    let dump = schema_dump(&database, &["Other"]);
    assert!(dump.contains("CREATE TABLE public.u"), "{dump}");
    assert!(!dump.contains("Other"), "{dump}");
    execute(&database, "DROP TABLE u");
    assert_eq!(schema_dump(&database, &["Other"]), empty);
}
