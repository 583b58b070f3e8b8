//! Python environments: the packages of a list of requirements, installed once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::filled;
use super::program::{command, run, succeeded, tool};
use crate::place::output;

/// A virtual environment.
#[derive(Debug, Clone)]
pub(crate) struct PythonEnvironment {
    folder: PathBuf,
}

/// Makes an environment with these requirements (`NAME==VERSION`, one a line), unless there is one already.
///
/// # Panics
/// When Python or its module venv is missing, or pip fails.
#[track_caller]
pub(crate) fn python(requirements: &Path) -> PythonEnvironment {
    let python = tool("python3");
    let list = fs::read(requirements).unwrap();
    let version = run(Command::new(&python).arg("--version"));
    let folder = filled("python", &[list.as_slice(), version.as_bytes()], |folder| {
        let mut create = Command::new(&python);
        create.args(["-m", "venv"]).arg(folder);
        succeeded(output(&mut create), &create).map_err(|problem| {
            format!("{problem}\npython3 has no module venv; on Debian: apt-get install python3-venv")
        })?;
        let mut install = Command::new(folder.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        install.arg(requirements);
        succeeded(output(&mut install), &install).map(|_| ()).map_err(|problem| {
            format!(
                "the packages of {} cannot be installed: {problem}\n\
                 The first run needs Python's package index; later runs do not.",
                requirements.display()
            )
        })
    });
    PythonEnvironment { folder }
}

impl PythonEnvironment {
    /// Returns the folder of the environment's programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Returns a command that runs a program of the environment in a folder, such as `python` or `alembic`.
    pub(crate) fn program(&self, name: &str, folder: &Path) -> Command {
        let program = self.programs().join(name);
        assert!(program.exists(), "no package of the environment has the program {name}");
        let mut command = command(program, folder);
        // Sources of the checkout stay as they are.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}
