//! Runs git on the checkout. Every call has literal paths, and no variable of another repository's hook reaches
//! it. This is the only place that starts git: a checkout without it is an ordinary folder.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A git command for a folder. Nothing that a search runs may be configured by the checkout, the monitor of its files for one.
pub(crate) fn command(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("--literal-pathspecs").arg("-C").arg(root);
    git.args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]);
    // A hook of another repository may have set these, and they would name that repository.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"] {
        git.env_remove(variable);
    }
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C").stdin(Stdio::null());
    git
}

/// Runs git, and returns its output if it succeeds.
///
/// # Errors
/// Where git is missing or fails; with its own words.
pub(crate) fn run(root: &Path, arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Vec<u8>> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let name = arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Output { status, stdout, stderr } = command(root)
        .args(&arguments)
        .output()
        .map_err(|error| anyhow::anyhow!("git cannot be run: {error}"))?;
    if status.success() {
        return Ok(stdout);
    }
    // A hook prints to either.
    let words: Vec<String> =
        [stderr, stdout].iter().map(|text| String::from_utf8_lossy(text).trim().to_owned()).collect();
    Err(anyhow::anyhow!("{}", words.join("\n").trim()).context(format!("git {name} failed")))
}

/// Arguments of a command, in which `--` ends the options.
pub(crate) fn arguments<'a>(options: &[&str], paths: impl IntoIterator<Item = &'a Path>) -> Vec<OsString> {
    let paths = paths.into_iter().map(|path| path.as_os_str().to_owned());
    options.iter().map(OsString::from).chain(["--".into()]).chain(paths).collect()
}

/// The names in an output that ends each with a zero byte.
pub(crate) fn names(output: &[u8]) -> impl Iterator<Item = PathBuf> {
    let names = output.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsStr::from_bytes(name)))
}

/// The files that git tracks below a folder and has in the work tree, relative to the folder; none where it is in no work tree. Files
/// that a sparse checkout leaves out are not there on purpose.
///
/// # Errors
/// Where git is missing or refuses to answer; the reason in its words.
pub(crate) fn tracked(root: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let output = command(root).args(["ls-files", "-z", "-t", "--cached", "--", "."]).output();
    let output = output.map_err(|error| format!("git cannot be run: {error}"))?;
    let message = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || message.contains("not a git repository") {
        let present = names(&output.stdout).filter_map(|line| {
            let name = line.as_os_str().as_bytes().strip_prefix(b"H ")?;
            Some(PathBuf::from(OsStr::from_bytes(name)))
        });
        return Ok(present.collect());
    }
    Err(message.lines().next().unwrap_or("git failed without a message").to_owned())
}
