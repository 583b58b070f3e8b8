//! Apps on Node's frameworks, which share one set of packages.

use std::fs;
use std::path::Path;

use super::node::npm_project;
use super::recipe::App;
use crate::place::{Place, checkout};

/// Runs an app of `xtask/tests/apps/node` through, whose recipe has its name.
#[track_caller]
pub(crate) fn node_app(name: &str, file: &str) {
    let sources = checkout().join("xtask/tests/apps/node");
    let project = npm_project(&sources);
    let place = Place::new();
    copy(&sources.join(name), place.path());
    project.link_into(place.path());
    App {
        place,
        recipe: name,
        task: &|place, task| {
            let mut node = project.node(place.path());
            // Dates without a zone are in the zone of the process.
            node.env("TZ", "UTC").arg("app.js").arg(task);
            node
        },
        program: &|place, program| {
            let mut program = project.program(program, place.path());
            program.env("TZ", "UTC");
            program
        },
        file,
        file_scheme: "",
    }
    .run_through();
}

/// Copies the files of a folder and of those in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
