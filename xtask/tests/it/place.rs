//! A temporary folder in which a test runs the program, and the result of a run.
//!
//! The environment of a run contains only what the program needs, so that no variable of the caller
//! names a source or a target.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fixtures::hyperpage::{SampleOptions, SampleSummary, create_sample};
use tempfile::TempDir;

/// Screen width that help is wrapped to, in columns.
const COLUMNS: &str = "100";

/// Returns the root of this checkout.
pub(crate) fn checkout() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// A temporary folder; the program runs in it.
pub(crate) struct Place {
    /// Removes the folder on drop.
    _folder: TempDir,
    path: PathBuf,
}

/// The result of a run of the program.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(folder.path()).unwrap();
        Place { _folder: folder, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates `hyperpage.db`: the sample, with as few rows as its difficult values need.
    pub(crate) fn sample(&self) -> SampleSummary {
        create_sample(&self.path.join("hyperpage.db"), &SampleOptions { rows: 10, seed: 7 }).unwrap()
    }

    /// Returns a command that runs the program here with these arguments.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .current_dir(&self.path)
            .env_clear()
            .env("HOME", &self.path)
            .env("COLUMNS", COLUMNS)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    /// Runs the program here.
    #[track_caller]
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        output(&mut self.command(arguments))
    }

    /// Returns every path below this folder with a hash of its content, to detect changes. Ignores the files that SQLite
    /// creates next to a database in WAL mode that is only read: an empty `-wal` and its index.
    pub(crate) fn state(&self) -> Vec<String> {
        let is_left_by_reading = |(path, content): &(PathBuf, Vec<u8>)| {
            let name = path.to_string_lossy();
            name.ends_with("-shm") || (name.ends_with("-wal") && content.is_empty())
        };
        let kept = contents(&self.path).into_iter().filter(|file| !is_left_by_reading(file));
        kept.map(|(path, content)| {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            format!("{} {:016x}", path.display(), hasher.finish())
        })
        .collect()
    }

    /// Compares with a snapshot, after masking the parts that differ between runs.
    #[track_caller]
    pub(crate) fn snapshot(&self, name: &str, text: &str) {
        let mut settings = snapshot_settings();
        for (pattern, mask) in [
            // A server's address occurs in URLs and in libpq's messages.
            (r#"server at "[^"]+"(?: \([^)]+\))?, port \d+"#, "server at [SERVER]"),
            (r#"for user "[^"]+""#, "for user [USER]"),
            (r#"socket "[^"]+""#, "socket [SOCKET]"),
            (r"postgres://[^/\s']*/test_[0-9a-z_]+", "[TARGET]"),
            (r"postgres://[^/\s']*/", "[SERVER]/"),
            (r"test_\d+_\d+_[0-9a-f]{16}", "[DATABASE]"),
            (r"-\d{8}T\d{9}Z", "-[STAMP]"),
            (r"_until_\d{8}t\d{6}z", "_until_[STAMP]"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[TIME]"),
            (r" +\d+\.\d\d s ", " #.## s "),
            (r" +\d+\.\d\d \|", " #.## |"),
        ] {
            settings.add_filter(pattern, mask);
        }
        let masked = text
            .replace(&self.path.display().to_string(), "[HERE]")
            .replace(&checkout().display().to_string(), "[CHECKOUT]");
        settings.bind(|| insta::assert_snapshot!(name, masked));
    }
}

/// Compares with a snapshot, without masking.
#[track_caller]
pub(crate) fn exact_snapshot(name: &str, text: &str) {
    snapshot_settings().bind(|| insta::assert_snapshot!(name, text));
}

fn snapshot_settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings
}

impl Output {
    /// Returns everything that a person would see, for a snapshot.
    pub(crate) fn screen(&self) -> String {
        let code = self.code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let part = |name: &str, text: &str| {
            if text.is_empty() { format!("-- {name}: nothing\n") } else { format!("-- {name}\n{text}") }
        };
        format!("exit {code}\n{}{}", part("stdout", &self.stdout), part("stderr", &self.stderr))
    }

    /// Fails unless the program exited with this status.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Output {
        assert_eq!(self.code, Some(code), "{}", self.screen());
        self
    }

    /// Parses its standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}", self.screen()))
    }
}

/// Runs a command to completion.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Returns every file below a folder with its content, and every folder, by path.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let walk = ignore::WalkBuilder::new(folder).standard_filters(false).sort_by_file_path(Path::cmp).build();
    walk.map(|entry| entry.unwrap().into_path())
        .map(|path| {
            let content = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            (path.strip_prefix(folder).unwrap().to_owned(), content)
        })
        .collect()
}

/// Copies a folder recursively.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for (path, content) in contents(from) {
        let (from, to) = (from.join(&path), to.join(&path));
        if from.is_dir() {
            fs::create_dir_all(to).unwrap();
        } else {
            fs::write(to, content).unwrap();
        }
    }
}
