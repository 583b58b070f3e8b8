//! Asks git what it tracks in the checkout. Nothing is run that the checkout could have configured, and a checkout without git is
//! an ordinary folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The files that git tracks below a folder, relative to it; none where it is in no work tree.
///
/// # Errors
/// Where git is missing or refuses to answer; the reason in its words.
pub(crate) fn tracked(root: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]);
    // A hook of another repository may have set these, and they would name that repository.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(variable);
    }
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C").stdin(Stdio::null());
    let output = git.args(["ls-files", "-z", "--cached", "--", "."]).output();
    let output = output.map_err(|error| format!("git cannot be run: {error}"))?;
    let message = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || message.contains("not a git repository") {
        let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        return Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect());
    }
    Err(message.lines().next().unwrap_or("git failed without a message").to_owned())
}
