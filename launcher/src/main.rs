//! `cargo xtask`: builds the program of that name where anyone can watch, then becomes it.
//!
//! The first build takes minutes. `cargo run` would either print nothing for all of that time (`--quiet`) or print the command
//! line, which may hold a password. This program has no dependencies, so it starts at once; it knows nothing of the commands.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::SystemTime;

/// The exit status of a command that could not run, as in `xtask`.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match launch() {
        Ok(never) => match never {},
        Err(problem) => {
            note(&format!("error: {problem}"));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

/// Builds and executes the program; returns only a problem.
fn launch() -> Result<std::convert::Infallible, String> {
    let launcher = env::current_exe().map_err(|error| format!("cannot find this program's file: {error}"))?;
    // Cargo builds both into one folder, whichever `CARGO_TARGET_DIR` or a configuration names.
    let program = launcher.with_file_name("xtask");
    let root = root();
    build(&launcher, &program, &root)?;
    // Exec, so that signals, terminal and exit status are the program's own. It finds the checkout by this variable.
    let error = Command::new(&program)
        .args(env::args_os().skip(1))
        .env("CARGO_MANIFEST_DIR", root.join("xtask"))
        .exec();
    Err(format!("cannot execute {}: {error}", program.display()))
}

/// Returns the root of the checkout, which `cargo run` names; a binary that was started by itself knows where it was built.
fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Runs `cargo build`, silently where nothing seems to have changed. Cargo itself decides what has to be built.
fn build(launcher: &Path, program: &Path, root: &Path) -> Result<(), String> {
    if !program.exists() {
        note(
            "Building cargo xtask for the first time; this takes about three and a half minutes on two cores.",
        );
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--package", "xtask", "--manifest-path"]).arg(root.join("Cargo.toml"));
    let stamp = program.with_extension("built");
    let is_current = program.exists() && is_current(launcher, program, &stamp, root);
    if is_current {
        cargo.arg("--quiet");
    }
    if env::var_os("CI").is_some_and(|value| !["", "0", "false"].iter().any(|off| value == *off)) {
        cargo.arg("--locked");
    }
    // Standard output belongs to the command, which may print JSON there.
    let status = cargo
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err("cargo xtask could not be built, see above".to_owned());
    }
    if !is_current {
        // Without the stamp the next start prints cargo's line `Finished`, and nothing else differs.
        _ = fs::write(&stamp, "");
    }
    Ok(())
}

/// Returns whether the last build, which the stamp dates, is newer than all known inputs of the program. The launcher stands for
/// compiler and flags: when these change, cargo has just rebuilt it.
fn is_current(launcher: &Path, program: &Path, stamp: &Path, root: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let Some(built) = modified(stamp) else { return false };
    let is_older = |path: &Path| modified(path).is_some_and(|time: SystemTime| time <= built);
    // One line, `PROGRAM: SOURCE SOURCE …`, in which a blank within a name is escaped.
    let Ok(sources) = fs::read_to_string(program.with_extension("d")) else { return false };
    let mut sources =
        sources.lines().flat_map(|line| line.split(' ')).skip(1).filter(|name| !name.is_empty());
    let manifests = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"];
    is_older(launcher)
        && manifests.iter().all(|name| is_older(&root.join(name)))
        && sources.all(|source| is_older(Path::new(source)))
}

/// Prints a line to standard error, where nobody may be listening.
fn note(line: &str) {
    _ = writeln!(io::stderr(), "{line}");
}
