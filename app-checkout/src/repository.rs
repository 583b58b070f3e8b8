//! The checkout as a git repository: whether changes can be committed on a branch of their own, and the commits. A record in the folder
//! `.git` tells the commit that was being made, so that a later call completes it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::git::{arguments, names, run};

/// The record, below git's folder.
const RECORD: &str = "sqlite-cleanup.json";
/// What git has in its folder while something else is under way, and its name.
const UNDERWAY: [(&str, &str); 6] = [
    ("MERGE_HEAD", "merge"),
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
];

/// Why changes cannot be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Tracked files have changes that are not committed; the first few.
    Dirty(Vec<PathBuf>),
    /// The branch exists, and is not the present one.
    BranchExists(String),
    /// The name is none for a branch.
    NoBranchName(String),
    /// A merge or the like is under way.
    Underway(&'static str),
    /// There is no commit to start from.
    NoCommit,
    /// A file that would change lies in another repository: a submodule, for one.
    OtherRepository(PathBuf),
}

/// A checkout that git tracks.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    /// The path of `root` within the work tree.
    prefix: PathBuf,
    record: PathBuf,
}

/// A commit that was being made when a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    branch: String,
    pub(crate) title: String,
    /// The files, relative to the work tree, with the SHA-256 that they get; none for those that are removed.
    files: Vec<(PathBuf, Option<String>)>,
}

impl Repository {
    /// The repository that tracks files of a folder; none where git tracks none of them.
    ///
    /// # Errors
    /// Where git cannot be asked.
    pub fn open(root: &Path) -> anyhow::Result<Option<Self>> {
        if crate::git::tracked(root).map_err(|reason| anyhow::anyhow!("git: {reason}"))?.is_empty() {
            return Ok(None);
        }
        let prefix = line(run(root, ["rev-parse".into(), "--show-prefix".into()])?);
        let record = line(run(root, ["rev-parse", "--git-path", RECORD].map(OsString::from))?);
        Ok(Some(Self { root: root.to_owned(), prefix: prefix.into(), record: root.join(record) }))
    }

    /// What keeps changes of `paths`, relative to the folder, from being committed on a branch.
    ///
    /// # Errors
    /// Where git cannot be asked.
    pub fn obstacle<'a>(
        &self,
        branch: &str,
        paths: impl IntoIterator<Item = &'a Path>,
    ) -> anyhow::Result<Option<Obstacle>> {
        if run(&self.root, ["check-ref-format", "--branch", branch].map(OsString::from)).is_err() {
            return Ok(Some(Obstacle::NoBranchName(branch.to_owned())));
        }
        if run(&self.root, ["rev-parse", "--verify", "--quiet", "HEAD"].map(OsString::from)).is_err() {
            return Ok(Some(Obstacle::NoCommit));
        }
        for (file, name) in UNDERWAY {
            let path = line(run(&self.root, ["rev-parse", "--git-path", file].map(OsString::from))?);
            if self.root.join(path).exists() {
                return Ok(Some(Obstacle::Underway(name)));
            }
        }
        let is_other = |path: &&Path| {
            let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
            folders.into_iter().any(|folder| self.root.join(folder).join(".git").symlink_metadata().is_ok())
        };
        if let Some(other) = paths.into_iter().find(is_other) {
            return Ok(Some(Obstacle::OtherRepository(other.to_owned())));
        }
        let mut dirty = self.dirty()?;
        if self.is_on(branch)? {
            if let Some(record) = self.record(branch)? {
                let top = self.top()?;
                dirty.retain(|path| !record.explains(&top, path));
            }
        } else {
            let name = format!("refs/heads/{branch}");
            if run(&self.root, ["show-ref", "--verify", "--quiet", &name].map(OsString::from)).is_ok() {
                return Ok(Some(Obstacle::BranchExists(branch.to_owned())));
            }
        }
        Ok((!dirty.is_empty()).then_some(Obstacle::Dirty(dirty)))
    }

    /// Whether a commit on the branch was being made when an earlier call ended.
    ///
    /// # Errors
    /// Where git cannot be asked, or the record cannot be read.
    pub fn is_interrupted(&self, branch: &str) -> anyhow::Result<bool> {
        Ok(self.is_on(branch)? && self.record(branch)?.is_some())
    }

    /// Switches to the branch, which is created where it is not the present one.
    pub(crate) fn begin(&self, branch: &str) -> anyhow::Result<()> {
        if !self.is_on(branch)? {
            run(&self.root, ["switch", "--quiet", "--create", branch].map(OsString::from))?;
        }
        Ok(())
    }

    /// The files among `paths`, relative to the folder, that git tracks.
    pub(crate) fn tracked<'a>(&self, paths: impl Iterator<Item = &'a Path>) -> anyhow::Result<Vec<PathBuf>> {
        let tracked = crate::git::tracked(&self.root).map_err(|reason| anyhow::anyhow!("git: {reason}"))?;
        Ok(paths.filter(|path| tracked.contains(*path)).map(Path::to_owned).collect())
    }

    /// The record of a commit on the branch that is being made.
    pub(crate) fn record(&self, branch: &str) -> anyhow::Result<Option<Record>> {
        let bytes = match std::fs::read(&self.record) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", self.record.display()));
            }
        };
        let record = Record::parse(&bytes)
            .with_context(|| format!("{} is damaged: remove it", self.record.display()))?;
        Ok(Some(record).filter(|record| record.branch == branch))
    }

    /// Writes the record of the next commit, before its files change. Files of an earlier record with the same title stay in it.
    pub(crate) fn write_record(
        &self,
        branch: &str,
        title: &str,
        files: impl Iterator<Item = (PathBuf, Option<String>)>,
    ) -> anyhow::Result<()> {
        let earlier = self.record(branch)?.filter(|earlier| earlier.title == title);
        let files = files.map(|(path, sha256)| (self.prefix.join(path), sha256));
        let files = earlier.into_iter().flat_map(|earlier| earlier.files).chain(files).collect();
        let record = Record { branch: branch.to_owned(), title: title.to_owned(), files };
        let written = || {
            let folder = self.record.parent().unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            std::io::Write::write_all(&mut file, record.text().as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&self.record)?;
            std::io::Result::Ok(())
        };
        written().with_context(|| format!("cannot write {}", self.record.display()))
    }

    /// Commits the files of the record with its title and a text, and removes the record; the abbreviated hash of the commit. None
    /// where nothing is to commit. Hooks run, and the identity is the user's.
    pub(crate) fn commit(&self, branch: &str, text: &str) -> anyhow::Result<Option<String>> {
        let Some(record) = self.record(branch)? else { return Ok(None) };
        let top = self.top()?;
        let paths: Vec<&Path> = record.files.iter().map(|(path, _)| path.as_path()).collect();
        // A file that was removed and committed is unknown to git.
        let known = run(&top, arguments(&["ls-files", "-z", "--cached"], paths))?;
        let known: Vec<PathBuf> = names(&known).collect();
        if !known.is_empty() {
            run(&top, arguments(&["add", "--update"], known.iter().map(PathBuf::as_path)))?;
        }
        let mut commit = None;
        if !run(&top, ["diff", "--cached", "--name-only", "-z"].map(OsString::from))?.is_empty() {
            let mut message = vec!["commit", "--quiet", "-m", &record.title];
            message.extend(["-m", text].into_iter().filter(|_| !text.is_empty()));
            run(&top, message.into_iter().map(OsString::from))?;
            commit = Some(
                line(run(&top, ["rev-parse", "--short", "HEAD"].map(OsString::from))?)
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        std::fs::remove_file(&self.record)
            .with_context(|| format!("cannot remove {}", self.record.display()))?;
        Ok(commit)
    }

    fn is_on(&self, branch: &str) -> anyhow::Result<bool> {
        // Fails where HEAD is detached.
        let head =
            run(&self.root, ["symbolic-ref", "--quiet", "HEAD"].map(OsString::from)).unwrap_or_default();
        Ok(line(head).to_str() == Some(&format!("refs/heads/{branch}")))
    }

    /// The root of the work tree.
    fn top(&self) -> anyhow::Result<PathBuf> {
        Ok(line(run(&self.root, ["rev-parse", "--show-toplevel"].map(OsString::from))?).into())
    }

    /// Tracked files with changes that are not committed, relative to the work tree.
    fn dirty(&self) -> anyhow::Result<Vec<PathBuf>> {
        let status =
            ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no"].map(OsString::from);
        let status = run(&self.root, status)?;
        let path = |entry: PathBuf| {
            let bytes = entry.as_os_str().as_bytes().get(3..)?.to_owned();
            Some(PathBuf::from(OsString::from_vec(bytes)))
        };
        Ok(names(&status).filter_map(path).collect())
    }
}

impl Record {
    /// Whether a change of a file is the one that was being committed.
    fn explains(&self, top: &Path, path: &Path) -> bool {
        let content = std::fs::read(top.join(path)).ok().map(|bytes| sha256(&bytes));
        self.files.iter().any(|(known, expected)| known == path && *expected == content)
    }

    fn text(&self) -> String {
        // A path may be no text.
        let files = self.files.iter().map(|(path, sha256)| json!([path.as_os_str().as_bytes(), sha256]));
        json!({ "branch": self.branch, "title": self.title, "files": files.collect::<Vec<_>>() }).to_string()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let file = |file: &Value| {
            let bytes = file.get(0)?.as_array()?.iter().map(|byte| byte.as_u64()?.try_into().ok());
            let path = OsString::from_vec(bytes.collect::<Option<Vec<u8>>>()?);
            Some((PathBuf::from(path), file.get(1)?.as_str().map(str::to_owned)))
        };
        let files = value.get("files")?.as_array()?.iter().map(file).collect::<Option<_>>()?;
        Some(Self { branch: text("branch")?, title: text("title")?, files })
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An output of one line, without its end.
fn line(mut output: Vec<u8>) -> OsString {
    if output.last() == Some(&b'\n') {
        output.pop();
    }
    OsString::from_vec(output)
}
