//! Turns the mechanical findings into a plan: the new text of each file, and the target of each database. The plan is the same
//! value for a dry run and for the real one, and making it changes nothing.

use crate::area::Area;
use crate::finding::{Fact, Kind, Listing};
use crate::{Manager, backup, database, env_file, package_json, text};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A text that loses lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Relative to the checkout.
    pub path: PathBuf,
    /// The present text.
    pub before: String,
    /// The new text.
    pub after: String,
    /// Whether its lines may contain secrets, so that only what is removed may be shown.
    pub has_secrets: bool,
}

/// A file that is moved into the backup folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Relative to the checkout.
    pub source: PathBuf,
    /// In the backup folder.
    pub target: PathBuf,
}

/// What [`crate::apply()`] would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Texts to change.
    pub edits: Vec<Edit>,
    /// Files to move: a database comes before its companions.
    pub moves: Vec<Move>,
    /// Lock files that still name a package, for the package manager to rewrite.
    pub lockfiles: BTreeSet<(PathBuf, Manager)>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.moves.is_empty()
    }

    /// The databases that the plan moves, each once, relative to the checkout.
    pub fn databases(&self) -> BTreeSet<PathBuf> {
        let main = |each: &Move| database::main_of(&each.source).unwrap_or_else(|| each.source.clone());
        self.moves.iter().map(main).collect()
    }
}

/// What belongs into one commit, in the order of the commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Packages in package.json.
    Dependencies,
    /// Variables in env files.
    Environment,
    /// Database files.
    Databases,
}

/// The part of a plan that belongs into one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// Which.
    pub kind: ChangeKind,
    /// Texts to change.
    pub edits: Vec<&'a Edit>,
    /// Files to move.
    pub moves: Vec<&'a Move>,
}

impl Change<'_> {
    /// The files, relative to the checkout.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let edits = self.edits.iter().map(|edit| edit.path.as_path());
        edits.chain(self.moves.iter().map(|each| each.source.as_path()))
    }
}

impl Plan {
    /// The parts of the plan, one for each commit; none is empty.
    pub fn changes(&self) -> Vec<Change<'_>> {
        let edits =
            |has_secrets| self.edits.iter().filter(move |edit| edit.has_secrets == has_secrets).collect();
        let changes = [
            Change { kind: ChangeKind::Dependencies, edits: edits(false), moves: Vec::new() },
            Change { kind: ChangeKind::Environment, edits: edits(true), moves: Vec::new() },
            Change { kind: ChangeKind::Databases, edits: Vec::new(), moves: self.moves.iter().collect() },
        ];
        changes.into_iter().filter(|change| change.paths().next().is_some()).collect()
    }

    /// The files that change, relative to the checkout.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let edits = self.edits.iter().map(|edit| edit.path.as_path());
        edits.chain(self.moves.iter().map(|each| each.source.as_path()))
    }
}

/// Plans the mechanical changes.
///
/// # Errors
/// Where a file cannot be read again, or the backup folder has no free name.
pub fn plan(area: &Area, listing: &Listing) -> anyhow::Result<Plan> {
    let mut plan = Plan::default();
    let (mut texts, mut groups) = (BTreeSet::new(), BTreeMap::<PathBuf, Vec<&Path>>::new());
    for finding in &listing.findings {
        let path = finding.path.as_path();
        if let Fact::Locked(_, manager) = finding.fact {
            plan.lockfiles.insert((path.to_owned(), manager));
        } else if finding.is_mechanical && finding.kind == Kind::Database {
            let main = database::main_of(path).unwrap_or_else(|| path.to_owned());
            groups.entry(main).or_default().push(path);
        } else if finding.is_mechanical {
            texts.insert(path);
        }
    }
    for path in texts {
        plan.edits.extend(edit(area, path)?);
    }
    let mut taken = BTreeSet::new();
    for (main, mut members) in groups {
        members.sort_by_key(|member| (member.as_os_str().len(), *member));
        let target = backup::free_target(&area.root, &area.backup_dir, &main, &taken)?;
        for member in members {
            let is_of = |suffix: &&str| database::suffixed(&main, suffix) == member;
            let suffix = database::COMPANIONS.iter().copied().find(is_of).unwrap_or_default();
            let target = database::suffixed(&target, suffix);
            taken.insert(target.clone());
            plan.moves.push(Move { source: member.to_owned(), target });
        }
    }
    Ok(plan)
}

fn edit(area: &Area, path: &Path) -> anyhow::Result<Option<Edit>> {
    let bytes = std::fs::read(area.root.join(path))
        .with_context(|| format!("cannot read {} again", path.display()))?;
    let Some(text) = text::decode(bytes).filter(|text| text.is_exact) else { return Ok(None) };
    let before = text.content;
    let has_secrets = path.file_name().is_none_or(|name| name != "package.json");
    let after =
        if has_secrets { env_file::without_sqlite(&before) } else { package_json::without_sqlite(&before) };
    Ok((before != after).then(|| Edit { path: path.to_owned(), before, after, has_secrets }))
}
