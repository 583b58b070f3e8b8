//! The stand-in for Hyperpage, `fixtures/app`, compiled once: its programs write SQLite, and read SQLite and PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fixtures::hyperpage::SAMPLE_ENCRYPTION_KEY_HEX;

use super::cache::filled;
use super::node::{NodeProject, npm_project};
use super::program::succeeded;
use crate::place::{checkout, contents, output};

/// The compiled app.
#[derive(Debug)]
pub(crate) struct StandIn {
    project: NodeProject,
    folder: PathBuf,
}

/// Compiles the app with its packages, unless it is compiled already.
///
/// # Panics
/// When the packages cannot be installed, or TypeScript finds an error.
#[track_caller]
pub(crate) fn stand_in() -> StandIn {
    let source = checkout().join("fixtures/app");
    let project = npm_project(&source);
    let is_source = |path: &Path| !path.starts_with("node_modules") && !path.starts_with("dist");
    let files: Vec<_> = contents(&source).into_iter().filter(|(path, _)| is_source(path)).collect();
    let inputs = files.iter().flat_map(|(path, content)| [path.as_os_str().as_encoded_bytes(), content]);
    let folder = filled("stand-in", &inputs.collect::<Vec<_>>(), |folder| {
        for (path, content) in &files {
            let (from, to) = (source.join(path), folder.join(path));
            if from.is_dir() {
                fs::create_dir_all(to).map_err(|error| error.to_string())?;
            } else {
                fs::write(to, content).map_err(|error| error.to_string())?;
            }
        }
        project.link_into(folder);
        let mut compile = project.program("tsc", folder);
        succeeded(output(&mut compile), &compile).map(|_| ())
    });
    StandIn { project, folder }
}

impl StandIn {
    /// Returns a command that runs one of the programs in `fixtures/app/src/bin` in a folder, with the sample's encryption key.
    #[track_caller]
    pub(crate) fn program(&self, name: &str, folder: &Path) -> Command {
        let mut command = self.project.node(folder);
        command.arg(self.folder.join("dist/src/bin").join(name).with_extension("js"));
        command.env("OAUTH_ENCRYPTION_KEY", SAMPLE_ENCRYPTION_KEY_HEX);
        command
    }
}
