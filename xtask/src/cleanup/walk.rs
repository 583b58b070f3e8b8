//! Lists the files of a checkout: those that git would show, and all of them, as databases and `.env` files hide where git
//! ignores them. Symbolic links are listed, never followed.

use super::finding::{Finding, Hit, Kind};
use anyhow::Context as _;
use ignore::overrides::{Override, OverrideBuilder};
use ignore::{DirEntry, WalkBuilder};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders that hold what was installed, built or cached.
pub(super) const NEVER_ENTERED: [&str; 13] = [
    "node_modules",
    ".git",
    ".next",
    "dist",
    "build",
    "target",
    "coverage",
    ".nx",
    ".turbo",
    ".cache",
    ".parcel-cache",
    ".pnpm-store",
    ".vercel",
];

/// What is searched, and what is not.
pub(crate) struct Area {
    /// The checkout, canonical.
    pub(crate) root: PathBuf,
    /// The backup folder, canonical, where it lies within the checkout.
    pub(crate) backup: Option<PathBuf>,
    excluded: Override,
}

impl Area {
    /// A checkout to search, without its backup folder and without what the globs match.
    ///
    /// # Errors
    /// Where the folder is missing, is none, is the backup folder, or a glob is malformed.
    pub(crate) fn new(app: &Path, backup_dir: &Path, exclude: &[String]) -> anyhow::Result<Self> {
        let root = app
            .canonicalize()
            .with_context(|| format!("cannot open the app's checkout {}", super::text::shown(app)))?;
        anyhow::ensure!(
            root.is_dir(),
            "{} is no folder: give the folder with the app's package.json",
            super::text::shown(app)
        );
        let backup = absolute(backup_dir)?;
        anyhow::ensure!(
            !root.starts_with(&backup),
            "the backup folder {} holds the checkout itself: give another one with --backup-dir",
            super::text::shown(backup_dir)
        );
        let mut globs = OverrideBuilder::new(&root);
        for glob in exclude {
            anyhow::ensure!(
                !glob.starts_with('!'),
                "--exclude {glob}: a glob that begins with ! would include"
            );
            globs.add(&format!("!{glob}")).with_context(|| format!("--exclude {glob} is no glob"))?;
        }
        let backup = backup.starts_with(&root).then_some(backup);
        Ok(Self {
            root,
            backup,
            excluded: globs.build().context("the globs of --exclude do not fit together")?,
        })
    }

    /// Whether a path within the checkout is searched at all; `node_modules` only.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        let installed =
            path.components().any(|each| each.as_os_str() == "node_modules" || each.as_os_str() == ".git");
        let in_backup = self.backup.as_ref().is_some_and(|backup| self.root.join(path).starts_with(backup));
        let excluded = path.ancestors().filter(|each| !each.as_os_str().is_empty()).enumerate();
        !installed
            && !in_backup
            && !excluded.into_iter().any(|(above, each)| self.excluded.matched(each, above > 0).is_ignore())
    }
}

/// The absolute path of a folder that may not be there yet, with the links of what is there resolved.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    let full =
        std::path::absolute(path).with_context(|| format!("{} is no path", super::text::shown(path)))?;
    for above in full.ancestors() {
        if let Ok(real) = above.canonicalize() {
            let below = full.strip_prefix(above).unwrap_or(Path::new(""));
            return Ok(if below.as_os_str().is_empty() { real } else { real.join(below) });
        }
    }
    Ok(full)
}

/// What a checkout holds; all paths relative to it.
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

/// Lists a checkout.
pub(crate) fn files(area: &Area) -> Files {
    let mut out = Files::default();
    for respect_ignored in [true, false] {
        for entry in walker(area, respect_ignored) {
            match entry {
                Ok(entry) => {
                    let Ok(path) = entry.path().strip_prefix(&area.root).map(Path::to_path_buf) else {
                        continue;
                    };
                    let Some(kind) = entry.file_type() else { continue };
                    if kind.is_symlink() {
                        out.links.insert(path);
                    } else if kind.is_file() {
                        let listed = if respect_ignored { &mut out.shown } else { &mut out.all };
                        listed.insert(path);
                    }
                }
                Err(error) => out.problems.push(problem(area, &error)),
            }
        }
    }
    // What was created between the two walks.
    out.all.extend(out.shown.iter().cloned());
    out
}

fn walker(area: &Area, respect_ignored: bool) -> ignore::Walk {
    let backup = area.backup.clone();
    let enters = move |entry: &DirEntry| {
        let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let named = NEVER_ENTERED.iter().any(|name| entry.file_name() == *name);
        let skipped = entry.depth() > 0 && ((folder && named) || entry.file_name() == ".git");
        !skipped && backup.as_deref() != Some(entry.path())
    };
    WalkBuilder::new(&area.root)
        .standard_filters(false)
        .git_ignore(respect_ignored)
        .require_git(false)
        .follow_links(false)
        .overrides(area.excluded.clone())
        .filter_entry(enters)
        .build()
}

fn problem(area: &Area, error: &ignore::Error) -> Finding {
    let path = path_of(error).and_then(|path| path.strip_prefix(&area.root).ok()).unwrap_or(Path::new(""));
    let path = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_path_buf() };
    let reason = error.io_error().map_or_else(|| "cannot be walked".to_owned(), |error| reason(error.kind()));
    Finding { path, hit: unreadable(&reason) }
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

/// A failure in few words, the same on every system.
pub(crate) fn reason(kind: std::io::ErrorKind) -> String {
    kind.to_string()
}

/// The finding for what could not be read: nobody can say that it is clean.
pub(crate) fn unreadable(reason: &str) -> Hit {
    let remedy = "make it readable and search again, or leave it out with --exclude";
    Hit::new(1, Kind::Unreadable, format!("cannot be read: {reason}"), remedy)
}
