//! Programs of the system: whether they are installed, and running them in a clean environment.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::place::{Output, output};

/// Variables that a child keeps: where programs and their data are, and nothing that names a database.
const KEPT: [&str; 4] = ["PATH", "LANG", "LC_ALL", "TMPDIR"];

/// Returns the path of a program.
///
/// # Panics
/// When it is not installed, with the Debian package that it is in.
#[track_caller]
pub(crate) fn tool(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| {
        let package = match name {
            "node" => "nodejs",
            "pg_dump" | "psql" => "postgresql-client",
            other => other,
        };
        panic!("{name} is not installed; on Debian: apt-get install {package} (`.ci/run` installs it)")
    })
}

/// Returns the path of a program, or `None` if it is not installed.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Returns a command that runs a program in a folder, which is its home as well. Its environment names no database.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1").stdin(Stdio::null());
    for name in KEPT {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs a command to completion and returns its standard output.
///
/// # Panics
/// When it fails, with everything that it printed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    succeeded(output(command), command).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Returns the standard output of a command that succeeded.
///
/// # Errors
/// When it failed, with everything that it printed.
pub(super) fn succeeded(output: Output, command: &Command) -> Result<String, String> {
    if output.code == Some(0) {
        return Ok(output.stdout);
    }
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    Err(format!("{program} {} failed\n{}", arguments.join(" "), output.screen()))
}
