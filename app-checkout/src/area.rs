//! The part of the file system that is searched: the files that git would show, and all of them, since databases and env files
//! are often ignored by git. Symbolic links are listed, never followed.

use crate::finding::{Fact, Finding, Kind};
use crate::text::Pattern;
use anyhow::Context as _;
use ignore::overrides::{Override, OverrideBuilder};
use ignore::{DirEntry, WalkBuilder};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders of installed, built or cached files.
static NEVER_ENTERED: Pattern = Pattern::new(
    r"^(?:node_modules|dist|build|target|coverage|\.(?:git|next|nx|turbo|cache|parcel-cache|pnpm-store|vercel))$",
);

/// What is searched, and what is not.
pub struct Area {
    /// The checkout, canonical.
    pub(crate) root: PathBuf,
    /// The backup folder, as it was given.
    pub(crate) backup_dir: PathBuf,
    /// The backup folder, canonical, where it lies within the checkout.
    pub(crate) inner_backup: Option<PathBuf>,
    excluded: Override,
}

impl Area {
    /// A checkout to search, without its backup folder and without what the globs match.
    ///
    /// # Errors
    /// Where the folder is missing, is not a folder, or lies in the backup folder, or a glob is malformed.
    pub fn new(app: &Path, backup_dir: &Path, exclude: &[String]) -> anyhow::Result<Self> {
        let root = app
            .canonicalize()
            .with_context(|| format!("cannot open the app's checkout {}", app.display()))?;
        anyhow::ensure!(
            root.is_dir(),
            "{} is not a folder: give the folder with the app's package.json",
            app.display()
        );
        let backup = canonical(backup_dir)?;
        anyhow::ensure!(
            !root.starts_with(&backup),
            "the backup folder {} contains the checkout itself: give another one with --backup-dir",
            backup_dir.display()
        );
        let mut globs = OverrideBuilder::new(&root);
        for glob in exclude {
            anyhow::ensure!(
                !glob.starts_with('!'),
                "--exclude {glob}: a glob that begins with ! would include"
            );
            globs.add(&format!("!{glob}")).with_context(|| format!("--exclude {glob} is not a glob"))?;
        }
        Ok(Self {
            inner_backup: Some(backup).filter(|backup| backup.starts_with(&root)),
            backup_dir: backup_dir.to_owned(),
            root,
            excluded: globs.build().context("the globs of --exclude do not fit together")?,
        })
    }

    /// The checkout, canonical.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a path within the checkout, of a file that git tracks, is searched.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        let is_installed = path.iter().any(|part| part == "node_modules" || part == ".git");
        let full = self.root.join(path);
        let in_backup = self.inner_backup.as_ref().is_some_and(|backup| full.starts_with(backup));
        let mut parts = path.ancestors().filter(|part| !part.as_os_str().is_empty()).enumerate();
        !is_installed
            && !in_backup
            && !parts.any(|(above, part)| self.excluded.matched(part, above > 0).is_ignore())
    }

    fn walk(&self, respects_gitignore: bool) -> ignore::Walk {
        let backup = self.inner_backup.clone();
        let enters = move |entry: &DirEntry| {
            let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
            let is_skipped = (is_dir && is_never_entered(Path::new(entry.file_name())))
                || entry.file_name() == ".git"
                || backup.as_deref() == Some(entry.path());
            entry.depth() == 0 || !is_skipped
        };
        WalkBuilder::new(&self.root)
            .standard_filters(false)
            .git_ignore(respects_gitignore)
            .require_git(false)
            .follow_links(false)
            .overrides(self.excluded.clone())
            .filter_entry(enters)
            .build()
    }

    /// Lists the checkout.
    pub(crate) fn files(&self) -> Files {
        let mut out = Files::default();
        for respects_gitignore in [true, false] {
            for entry in self.walk(respects_gitignore) {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        out.problems.push(self.problem(&error));
                        continue;
                    }
                };
                let (Ok(path), Some(kind)) = (entry.path().strip_prefix(&self.root), entry.file_type())
                else {
                    continue;
                };
                let list = match kind {
                    _ if kind.is_symlink() => &mut out.links,
                    _ if !kind.is_file() => continue,
                    _ if respects_gitignore => &mut out.shown,
                    _ => &mut out.all,
                };
                list.insert(path.to_owned());
            }
        }
        out
    }

    fn problem(&self, error: &ignore::Error) -> Finding {
        let path = path_of(error).and_then(|path| path.strip_prefix(&self.root).ok());
        let path = path.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let reason =
            error.io_error().map_or_else(|| "cannot be walked".to_owned(), |error| error.kind().to_string());
        Finding {
            path: path.to_owned(),
            line: 1,
            kind: Kind::Unreadable,
            fact: Fact::CannotRead(reason),
            is_mechanical: false,
        }
    }
}

/// Whether a path goes through a folder that is never entered.
pub(crate) fn is_never_entered(path: &Path) -> bool {
    path.iter().any(|part| part.to_str().is_some_and(|name| NEVER_ENTERED.is_match(name)))
}

/// The absolute path of a folder that may not exist yet, with the links of the existing part resolved.
fn canonical(path: &Path) -> anyhow::Result<PathBuf> {
    let full = std::path::absolute(path).with_context(|| format!("{} is not a path", path.display()))?;
    let existing = full.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = existing else { return Ok(full) };
    Ok(real.components().chain(full.strip_prefix(above).unwrap_or(Path::new("")).components()).collect())
}

/// The files of a checkout; all paths relative to it.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Every regular file.
    pub(crate) all: BTreeSet<PathBuf>,
    /// Those that git does not ignore.
    pub(crate) shown: BTreeSet<PathBuf>,
    /// Symbolic links.
    pub(crate) links: BTreeSet<PathBuf>,
    /// Folders that could not be read.
    pub(crate) problems: Vec<Finding>,
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::Partial(errors) => errors.iter().find_map(path_of),
        _ => None,
    }
}
