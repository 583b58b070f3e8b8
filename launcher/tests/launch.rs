//! The launcher with scripts in place of cargo and `xtask`: what it passes on, and what it never prints.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

const URL: &str = "postgres://user:hunter2@host/database";

/// Held while a program is written, and while a process is started: between fork and exec, a process of another test holds what this one
/// has open for writing, and nothing can execute that.
static WRITING_OR_STARTING: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    WRITING_OR_STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A checkout with a launcher in its target folder and a script in place of cargo.
struct Checkout {
    folder: TempDir,
}

impl Checkout {
    /// `cargo` is the script in place of `cargo build`; it runs in the target folder's parent with the arguments of cargo.
    fn new(cargo: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let checkout = Self { folder };
        fs::create_dir_all(checkout.path("launcher")).unwrap();
        fs::create_dir_all(checkout.path("target")).unwrap();
        {
            let _alone = alone();
            fs::copy(env!("CARGO_BIN_EXE_launcher"), checkout.path("target/launcher")).unwrap();
        }
        script(&checkout.path("cargo"), &format!("echo \"cargo $*\" >&2\n{cargo}"));
        checkout
    }

    fn with_program(self, program: &str) -> Self {
        script(&self.path("target/xtask"), program);
        self
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.path("target/launcher"));
        command
            .args(["migrate", "--postgres", URL])
            .env("CARGO", self.path("cargo"))
            .env("CARGO_MANIFEST_DIR", self.path("launcher"))
            .env_remove("CI")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self) -> Ended {
        run_to_end(&mut self.command())
    }
}

fn started(command: &mut Command) -> Child {
    let _alone = alone();
    command.spawn().unwrap()
}

fn run_to_end(command: &mut Command) -> Ended {
    ended(started(command))
}

fn script(path: &Path, body: &str) {
    let _alone = alone();
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

struct Ended {
    code: Option<i32>,
    signal: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

#[test]
fn arguments_standard_output_and_exit_status_are_the_programs() {
    let checkout = Checkout::new("echo from cargo").with_program(
        "printf '%s\\n' \"$@\" >seen; echo from xtask; echo \"$CARGO_MANIFEST_DIR\" >manifest; exit 7",
    );
    let mut command = checkout.command();
    let ended = run_to_end(command.arg("a b").arg("").current_dir(checkout.folder.path()));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(7), "from xtask\n"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("from cargo"),
        "cargo's output belongs to standard error: {}",
        ended.stderr
    );
    assert_eq!(
        fs::read_to_string(checkout.path("seen")).unwrap(),
        format!("migrate\n--postgres\n{URL}\na b\n\n")
    );
    let manifest = fs::read_to_string(checkout.path("manifest")).unwrap();
    assert_eq!(manifest.trim_end(), checkout.path("xtask").to_str().unwrap());
}

#[test]
fn a_first_build_is_announced_and_shown() {
    let checkout = Checkout::new("mv ready target/xtask");
    script(&checkout.path("ready"), "exit 0");
    let mut command = checkout.command();
    let ended = run_to_end(command.current_dir(checkout.folder.path()));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("Building cargo xtask for the first time; this takes about "));
    assert!(!ended.stderr.contains("--quiet"), "{}", ended.stderr);
}

#[test]
fn nothing_is_printed_while_nothing_has_changed() {
    let checkout = Checkout::new("").with_program("exit 0");
    fs::create_dir_all(checkout.path(".cargo")).unwrap();
    for name in ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "main.rs"] {
        fs::write(checkout.path(name), "").unwrap();
    }
    let source = checkout.path("main.rs");
    let list = format!("{}: {}\n", checkout.path("target/xtask").display(), source.display());
    fs::write(checkout.path("target/xtask.d"), list).unwrap();
    assert!(!checkout.run().stderr.contains("--quiet"), "nothing is known of earlier builds");
    let built = SystemTime::now() + Duration::from_secs(10);
    fs::File::open(checkout.path("target/xtask.built")).unwrap().set_modified(built).unwrap();
    assert!(checkout.run().stderr.contains("--quiet"), "nothing has changed");
    for name in ["main.rs", "Cargo.lock", "target/launcher"] {
        let file = fs::File::open(checkout.path(name)).unwrap();
        let before = file.metadata().unwrap().modified().unwrap();
        file.set_modified(built + Duration::from_secs(1)).unwrap();
        assert!(!checkout.run().stderr.contains("--quiet"), "{name} has changed");
        file.set_modified(before).unwrap();
        fs::File::open(checkout.path("target/xtask.built")).unwrap().set_modified(built).unwrap();
    }
}

#[test]
fn a_build_that_fails_is_status_2_and_runs_nothing() {
    let checkout = Checkout::new("echo 'error: E0308' >&2; exit 101").with_program("echo ran");
    let ended = checkout.run();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("error: E0308\n"), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("error: cargo xtask could not be built, see above\n"), "{}", ended.stderr);
}

#[test]
fn no_output_holds_the_command_line() {
    let missing_program = Checkout::new("");
    let missing_cargo = Checkout::new("").with_program("exit 0");
    fs::remove_file(missing_cargo.path("cargo")).unwrap();
    let no_program = Checkout::new("").with_program("");
    fs::set_permissions(no_program.path("target/xtask"), fs::Permissions::from_mode(0o600)).unwrap();
    for (case, checkout, code) in [
        ("a build that fails", Checkout::new("exit 101"), 2),
        ("cargo is missing", missing_cargo, 2),
        ("cargo builds nothing", missing_program, 2),
        ("the program cannot be executed", no_program, 2),
        ("the program fails", Checkout::new("").with_program("exit 1"), 1),
        ("the program succeeds", Checkout::new("").with_program("exit 0"), 0),
    ] {
        let ended = checkout.run();
        assert_eq!(ended.code, Some(code), "{case}: {}", ended.stderr);
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains("hunter2") && !text.contains("migrate"), "{case}: {text}");
        }
    }
}

#[test]
fn a_lock_file_out_of_step_fails_in_ci() {
    let checkout = Checkout::new("").with_program("exit 0");
    for (value, is_locked) in [("true", true), ("1", true), ("false", false), ("", false)] {
        let ended = run_to_end(checkout.command().env("CI", value));
        assert_eq!(ended.stderr.contains(" --locked"), is_locked, "CI={value}: {}", ended.stderr);
    }
}

#[test]
fn signals_reach_the_program_itself() {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let checkout = Checkout::new("").with_program(&format!(
            "trap 'kill $!; exit 40' {name}\nsleep 600 >/dev/null 2>&1 &\n: >ready\nwait"
        ));
        let mut command = checkout.command();
        let child = started(command.current_dir(checkout.folder.path()));
        wait_for(&checkout.path("ready"));
        assert!(
            Command::new("kill")
                .args([format!("-{name}"), child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let ended = ended(child);
        assert_eq!((ended.code, ended.signal), (Some(40), None), "signal {number}: {}", ended.stderr);
    }
    let checkout = Checkout::new("").with_program("kill -9 $$");
    assert_eq!(checkout.run().signal, Some(9), "an end by a signal is passed on");
}

fn ended(child: Child) -> Ended {
    Ended::from(child.wait_with_output().unwrap())
}

fn wait_for(path: &Path) {
    // A guard against a hang, not a measurement.
    for _ in 0..6_000 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} does not appear", path.display());
}
