//! Carries out a plan. Everything is prepared first: new texts in temporary files beside the old ones, databases in the backup
//! folder, and with them the old texts that git does not have. Only when all of that has worked are texts replaced and databases removed,
//! so that an earlier failure leaves the checkout unchanged, and a later one reports what has been done. In a repository each kind of
//! change is one commit on a branch; what git does not track changes without a commit.

use crate::area::Area;
use crate::backup::{self, Backup};
use crate::in_use::{InUse, in_use};
use crate::plan::{Change, ChangeKind, Edit, Move, Plan};
use crate::repository::{Repository, sha256};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Texts that were changed, relative to the checkout.
    pub edited: Vec<PathBuf>,
    /// Files that were moved.
    pub moved: Vec<Move>,
    /// Copies of texts that git does not have, in the backup folder.
    pub kept: Vec<PathBuf>,
    /// The commits, by their abbreviated hashes and titles.
    pub commits: Vec<(String, String)>,
}

/// Where changes are committed.
pub struct Branch<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The name of the branch.
    pub name: &'a str,
    /// The title and the text of a commit.
    pub message: &'a dyn Fn(ChangeKind) -> (&'static str, String),
}

impl Plan {
    /// The databases of the plan that something still works with.
    pub fn in_use(&self, area: &Area) -> Vec<InUse> {
        in_use(&area.root, self.databases().into_iter())
    }
}

/// Carries out a plan, on a branch where there is one. `check` is called before the first preparation and again before the first change,
/// since an app may have started while files were copied. A commit that an earlier call began is completed.
///
/// # Errors
/// Where the check fails, a file has changed since the plan was made, or git or the file system fails. The message lists what had been
/// done by then.
pub fn apply(
    area: &Area,
    plan: &Plan,
    check: impl Fn() -> anyhow::Result<()>,
    branch: Option<&Branch<'_>>,
) -> anyhow::Result<Applied> {
    check().context("nothing was changed")?;
    let stage = |edit: &Edit| Ok((edit.path.clone(), stage(area, edit)?));
    let texts: anyhow::Result<BTreeMap<_, _>> = plan.edits.iter().map(stage).collect();
    let mut texts = texts.context("nothing was changed")?;
    let tracked = match branch {
        Some(branch) => branch.repository.tracked(plan.paths()).context("nothing was changed")?,
        None => Vec::new(),
    };
    let (mut backups, mut copies) = (Vec::new(), Vec::new());
    let prepared = back_up(area, plan, &mut backups)
        .and_then(|()| keep_texts(area, plan, &tracked, &mut copies))
        .and_then(|()| check())
        .and_then(|()| branch.map_or(Ok(()), |branch| branch.repository.begin(branch.name)));
    if let Err(error) = prepared {
        let note = undo(backups.iter().chain(&copies));
        return Err(error.context(format!("nothing was changed in the checkout{note}")));
    }
    let mut done =
        Applied { kept: copies.into_iter().map(|copy| copy.target).collect(), ..Applied::default() };
    let mut commit_all = || {
        let changes = plan.changes();
        if let Some(branch) = branch {
            complete_earlier(branch, &changes, &mut done)?;
        }
        for change in &changes {
            commit(area, plan, change, &mut texts, &backups, branch, &tracked, &mut done)?;
        }
        anyhow::Ok(())
    };
    commit_all().with_context(|| {
        let names: Vec<String> = done
            .edited
            .iter()
            .chain(done.moved.iter().map(|each| &each.source))
            .map(|path| path.display().to_string())
            .collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        format!("stopped midway; done so far: {names}")
    })?;
    Ok(done)
}
/// Writes the new text beside the old one.
fn stage(area: &Area, edit: &Edit) -> anyhow::Result<NamedTempFile> {
    let path = area.root.join(&edit.path);
    let failed = || format!("cannot prepare the new {}", edit.path.display());
    let is_same = std::fs::read(&path).with_context(failed)? == edit.before.as_bytes();
    anyhow::ensure!(is_same, "{} has changed since the diff was made: run it again", edit.path.display());
    let written = || {
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(edit.after.as_bytes())?;
        file.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
        file.as_file().sync_all()?;
        std::io::Result::Ok(file)
    };
    written().with_context(failed)
}

fn back_up(area: &Area, plan: &Plan, backups: &mut Vec<Backup>) -> anyhow::Result<()> {
    if let (Some(folder), false) = (&area.inner_backup, plan.moves.is_empty()) {
        backup::keep_from_git(folder)?;
    }
    for each in &plan.moves {
        backups.push(backup::create(&area.root.join(&each.source), &each.target)?);
    }
    Ok(())
}

/// Copies the texts that git does not have into the backup folder.
fn keep_texts(area: &Area, plan: &Plan, tracked: &[PathBuf], copies: &mut Vec<Backup>) -> anyhow::Result<()> {
    let untracked: Vec<&Edit> = plan.edits.iter().filter(|edit| !tracked.contains(&edit.path)).collect();
    if let (Some(folder), false) = (&area.inner_backup, untracked.is_empty()) {
        backup::keep_from_git(folder)?;
    }
    let mut taken: BTreeSet<PathBuf> = plan.moves.iter().map(|each| each.target.clone()).collect();
    for edit in untracked {
        let target = backup::free_target(&area.root, &area.backup_dir, &edit.path, &taken)?;
        copies.push(backup::create(&area.root.join(&edit.path), &target)?);
        taken.insert(target);
    }
    Ok(())
}

/// Removes backups whose sources are intact; returns a note on those that could not be removed.
fn undo<'a>(backups: impl Iterator<Item = &'a Backup>) -> String {
    let failed = |backup: &Backup| {
        let error = std::fs::remove_file(&backup.target).err()?;
        Some(format!("; the copy {} could not be removed: {error}", backup.target.display()))
    };
    backups.filter_map(failed).collect()
}

/// Completes the commit that an earlier call began, unless the present plan has more of its kind.
fn complete_earlier(branch: &Branch<'_>, changes: &[Change<'_>], done: &mut Applied) -> anyhow::Result<()> {
    let Some(record) = branch.repository.record(branch.name)? else { return Ok(()) };
    if changes.iter().any(|change| (branch.message)(change.kind).0 == record.title) {
        return Ok(());
    }
    let text = [ChangeKind::Dependencies, ChangeKind::Environment, ChangeKind::Databases].map(branch.message);
    let text = text.into_iter().find(|(title, _)| *title == record.title).unwrap_or_default().1;
    let commit = branch.repository.commit(branch.name, &text)?;
    done.commits.extend(commit.map(|hash| (hash, record.title)));
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "one step of one loop")]
fn commit(
    area: &Area,
    plan: &Plan,
    change: &Change<'_>,
    texts: &mut BTreeMap<PathBuf, NamedTempFile>,
    backups: &[Backup],
    branch: Option<&Branch<'_>>,
    tracked: &[PathBuf],
    done: &mut Applied,
) -> anyhow::Result<()> {
    let message = branch.map(|branch| (branch, (branch.message)(change.kind)));
    if let Some((branch, (title, _))) = &message {
        let edited = change.edits.iter().map(|edit| (edit.path.clone(), Some(sha256(edit.after.as_bytes()))));
        let moved = change.moves.iter().map(|each| (each.source.clone(), None));
        let files = edited.chain(moved).filter(|(path, _)| tracked.contains(path));
        branch.repository.write_record(branch.name, title, files)?;
    }
    for edit in &change.edits {
        let path = area.root.join(&edit.path);
        let failed = || format!("cannot replace {}", edit.path.display());
        if let Some(text) = texts.remove(&edit.path) {
            text.persist(&path).with_context(failed)?;
            done.edited.push(edit.path.clone());
            backup::sync_folder(path.parent().unwrap_or(Path::new("."))).with_context(failed)?;
        }
    }
    for (each, backup) in plan.moves.iter().zip(backups).filter(|(each, _)| change.moves.contains(each)) {
        backup.remove_source()?;
        done.moved.push(each.clone());
    }
    if let Some((branch, (title, text))) = message {
        let commit = branch.repository.commit(branch.name, &text)?;
        done.commits.extend(commit.map(|hash| (hash, title.to_owned())));
    }
    Ok(())
}
