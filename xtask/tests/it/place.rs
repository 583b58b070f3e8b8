//! A folder of a test's own in which the program runs, and what a run of it gave.
//!
//! The environment of a run is empty but for what the program cannot do without: no variable of whoever starts the tests
//! names a source or a target.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fixtures::hyperpage::{SampleOptions, SampleSummary, create_sample};
use tempfile::TempDir;

/// Columns of the screen that help is wrapped to.
const COLUMNS: &str = "100";

/// The root of this checkout.
pub(crate) fn checkout() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// A folder of a test's own; the program runs in it.
pub(crate) struct Place {
    /// Removed with it.
    _folder: TempDir,
    path: PathBuf,
}

/// What a run of the program gave.
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

    /// The sample with as few rows as its nasty values need, as `hyperpage.db`.
    pub(crate) fn sample(&self) -> SampleSummary {
        create_sample(&self.path.join("hyperpage.db"), &SampleOptions { rows: 10, seed: 7 }).unwrap()
    }

    /// The program, to run here with these arguments.
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

    /// Every path below this folder with a hash of its content, to see that nothing has changed. What SQLite itself puts
    /// beside a database in WAL mode that is only read, an empty `-wal` and its index, counts for nothing.
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

    /// Compares with a snapshot, with what differs from run to run masked.
    #[track_caller]
    pub(crate) fn snapshot(&self, name: &str, text: &str) {
        let mut settings = snapshot_settings();
        for (pattern, mask) in [
            // A server's address stands in URLs and in libpq's own words.
            (r#"server at "[^"]+"(?: \([^)]+\))?, port \d+"#, "server at [SERVER]"),
            (r#"for user "[^"]+""#, "for user [USER]"),
            (r#"socket "[^"]+""#, "socket [SOCKET]"),
            (r"postgres://[^/\s']*/test_[0-9a-z_]+", "[TARGET]"),
            (r"postgres://[^/\s']*/", "[SERVER]/"),
            (r"test_\d+_\d+_[0-9a-f]{16}", "[DATABASE]"),
            (r"-\d{8}T\d{9}Z", "-[STAMP]"),
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

/// Compares with a snapshot as it is.
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
    /// All that a person would see, for a snapshot.
    pub(crate) fn screen(&self) -> String {
        let code = self.code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let part = |name: &str, text: &str| {
            if text.is_empty() { format!("-- {name}: nothing\n") } else { format!("-- {name}\n{text}") }
        };
        format!("exit {code}\n{}{}", part("stdout", &self.stdout), part("stderr", &self.stderr))
    }

    /// Fails unless the program ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Output {
        assert_eq!(self.code, Some(code), "{}", self.screen());
        self
    }

    /// Its standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}", self.screen()))
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Every file below a folder with its content, and every folder, by path.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let walk = ignore::WalkBuilder::new(folder).standard_filters(false).sort_by_file_path(Path::cmp).build();
    walk.map(|entry| entry.unwrap().into_path())
        .map(|path| {
            let content = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            (path.strip_prefix(folder).unwrap().to_owned(), content)
        })
        .collect()
}

/// Copies a folder with all that is in it.
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
