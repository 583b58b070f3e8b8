//! Turns the mechanical findings into a plan: which text each file would have, and where each database would go. The plan is the
//! same value for a dry run and for the run, and making it changes nothing.

use super::finding::{Kind, Listing};
use super::lockfile::Manager;
use super::walk::Area;
use super::{backup, database, env_file, package_json, text};
use anyhow::Context as _;
use similar::TextDiff;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A text that loses lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Relative to the checkout.
    pub(crate) path: PathBuf,
    /// The file as it is.
    pub(crate) before: String,
    /// The file as it will be.
    pub(crate) after: String,
    /// Whether its lines may hold secrets, so that only what goes is shown.
    secret: bool,
}

/// A file that goes into the backup folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    /// Relative to the checkout.
    pub(crate) source: PathBuf,
    /// In the backup folder.
    pub(crate) target: PathBuf,
}

/// All that `apply` would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Texts to change.
    pub(crate) edits: Vec<Edit>,
    /// Files to move: a database comes before its companions.
    pub(crate) moves: Vec<Move>,
    /// Commands for a person to run afterwards.
    pub(crate) next: Vec<String>,
}

/// Plans what the listing calls mechanical.
///
/// # Errors
/// Where a file cannot be read again, or the backup folder has no free name.
pub(crate) fn plan(area: &Area, backup_dir: &Path, listing: &Listing) -> anyhow::Result<Plan> {
    let mechanical = || listing.findings.iter().filter(|finding| finding.hit.mechanical);
    let mut edits = Vec::new();
    let texts: BTreeSet<&Path> =
        mechanical().filter(|each| each.hit.kind != Kind::Database).map(|each| each.path.as_path()).collect();
    for path in texts {
        edits.extend(edit(area, path)?);
    }
    let databases =
        mechanical().filter(|each| each.hit.kind == Kind::Database).map(|each| each.path.as_path());
    let mut groups: BTreeMap<PathBuf, Vec<&Path>> = BTreeMap::new();
    for path in databases {
        let main = database::main_of(path).unwrap_or_else(|| path.to_path_buf());
        groups.entry(main).or_default().push(path);
    }
    let mut moves = Vec::new();
    let mut taken = BTreeSet::new();
    for (main, mut members) in groups {
        members.sort_by_key(|member| (member.as_os_str().len(), *member));
        let target = backup::free_target(backup_dir, &main, &taken)?;
        for member in members {
            let bytes = member.as_os_str().as_encoded_bytes();
            let ending = database::COMPANIONS
                .iter()
                .find(|ending| main != member && bytes.ends_with(ending.as_bytes()));
            let target = database::suffixed(&target, ending.copied().unwrap_or_default());
            taken.insert(target.clone());
            moves.push(Move { source: member.to_path_buf(), target });
        }
    }
    Ok(Plan { edits, moves, next: next(listing) })
}

fn edit(area: &Area, path: &Path) -> anyhow::Result<Option<Edit>> {
    let bytes = std::fs::read(area.root.join(path))
        .with_context(|| format!("cannot read {} again", text::shown(path)))?;
    let Some(before) = text::decode(bytes).filter(|text| text.exact).map(|text| text.content) else {
        return Ok(None);
    };
    let package = path.file_name().is_some_and(|name| name == "package.json");
    let after =
        if package { package_json::without_sqlite(&before) } else { env_file::without_sqlite(&before) };
    let changed = before != after;
    Ok(changed.then(|| Edit { path: path.to_path_buf(), before, after, secret: !package }))
}

/// What brings the lock files up to date.
fn next(listing: &Listing) -> Vec<String> {
    let locked = listing.findings.iter().filter(|finding| finding.hit.kind == Kind::Lockfile);
    let command = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let place = folder.map_or_else(|| "the checkout".to_owned(), text::shown);
        Some(format!("`{}` in {place}, which rewrites {}", Manager::of(path)?.command(), text::shown(path)))
    };
    let commands: BTreeSet<String> = locked.filter_map(|finding| command(&finding.path)).collect();
    commands.into_iter().collect()
}

impl Plan {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.moves.is_empty()
    }

    /// The plan for a person: a unified diff of every text, then the moves. Secrets and control characters do not show in it.
    pub(crate) fn diff(&self) -> String {
        let mut out: String = self.edits.iter().map(Edit::diff).collect();
        for each in &self.moves {
            out.push_str(&format!(
                "move {}\n  to {}\n",
                text::shown(&each.source),
                text::shown(&each.target)
            ));
        }
        out
    }
}

impl Edit {
    fn diff(&self) -> String {
        let line = |line: &str| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let line = if self.secret { without_value(line) } else { text::scrubbed(line) };
            text::printable(&line.replace('\t', "    "))
        };
        let shown = |text: &str| {
            let ended = text.split_inclusive('\n').map(|each| match each.strip_suffix('\n') {
                Some(body) => line(body) + "\n",
                None => line(each),
            });
            ended.collect::<String>()
        };
        let (before, after) = (shown(&self.before), shown(&self.after));
        let path = text::shown(&self.path);
        let diff = TextDiff::from_lines(before.as_str(), after.as_str());
        // The lines around a variable are other people's secrets.
        let context_lines = if self.secret { 0 } else { 3 };
        diff.unified_diff()
            .context_radius(context_lines)
            .header(&format!("a/{path}"), &format!("b/{path}"))
            .to_string()
    }
}

/// A line of a `.env` file with its value, if that is a mere path, else without.
fn without_value(line: &str) -> String {
    let plain = |each: char| each.is_ascii_alphanumeric() || "./-_~\"' ".contains(each);
    match line.split_once('=') {
        Some((key, value)) if key.trim().ends_with("DATABASE_PATH") && value.chars().all(plain) => {
            line.to_owned()
        }
        Some((key, _)) => format!("{key}=***"),
        None => line.to_owned(),
    }
}
