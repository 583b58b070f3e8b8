//! Asks git what it tracks in the checkout. Nothing is run that the checkout could have configured, and a checkout without git
//! is an ordinary folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What git says about a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tracked {
    /// The files in its index, relative to the folder that was asked about.
    Files(BTreeSet<PathBuf>),
    /// It is in no git work tree.
    NoCheckout,
    /// Git is missing or refuses to answer; the reason in its words.
    Unknown(String),
}

impl Tracked {
    /// Whether git tracks a file.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        matches!(self, Self::Files(files) if files.contains(path))
    }

    /// All tracked files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = match self {
            Self::Files(files) => Some(files),
            _ => None,
        };
        files.into_iter().flatten().map(PathBuf::as_path)
    }
}

fn git(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]);
    // A hook of another repository may have set these, and they would name that repository.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(variable);
    }
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C").stdin(Stdio::null());
    git
}

/// The files that git tracks below a folder.
pub(crate) fn tracked(root: &Path) -> Tracked {
    let output = match git(root).args(["ls-files", "-z", "--cached", "--", "."]).output() {
        Ok(output) => output,
        Err(error) => return Tracked::Unknown(format!("git cannot be run: {error}")),
    };
    if output.status.success() {
        let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        return Tracked::Files(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    if words.contains("not a git repository") {
        return Tracked::NoCheckout;
    }
    Tracked::Unknown(words.lines().next().unwrap_or("git failed without a word").to_owned())
}

/// The first bytes of a file as it stands in the index, for one that is gone from the work tree.
pub(crate) fn indexed_start(root: &Path, path: &Path, bytes: u64) -> Option<Vec<u8>> {
    let mut object = std::ffi::OsString::from(":./");
    object.push(path);
    let mut child = git(root)
        .args(["cat-file", "blob"])
        .arg(object)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut start = Vec::new();
    let read = child.stdout.take().and_then(|out| out.take(bytes).read_to_end(&mut start).ok());
    // With its reader gone git ends by itself; only its state is collected here.
    child.wait().ok()?;
    read.map(|_| start)
}
