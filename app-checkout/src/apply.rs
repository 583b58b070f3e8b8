//! Carries out a plan. Everything is prepared first: new texts in temporary files beside the old ones, databases in the backup
//! folder. Only when all of that has worked are texts replaced and databases removed, so that an earlier failure leaves the
//! checkout unchanged, and a later one reports what has been done.

use crate::area::Area;
use crate::backup::{self, Backup};
use crate::in_use::{InUse, in_use};
use crate::plan::{Edit, Move, Plan};
use anyhow::Context as _;
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
}

impl Plan {
    /// The databases of the plan that something still works with.
    pub fn in_use(&self, area: &Area) -> Vec<InUse> {
        in_use(&area.root, self.databases().into_iter())
    }
}

/// Carries out a plan. `check` is called before the first preparation and again before the first change, since an app may have
/// started while files were copied.
///
/// # Errors
/// Where the check fails, a file has changed since the plan was made, or the file system fails. The message lists what had been
/// done by then.
pub fn apply(area: &Area, plan: &Plan, check: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<Applied> {
    check().context("nothing was changed")?;
    let texts: anyhow::Result<Vec<_>> = plan.edits.iter().map(|edit| stage(area, edit)).collect();
    let texts = texts.context("nothing was changed")?;
    let mut backups = Vec::new();
    if let Err(error) = back_up(area, plan, &mut backups).and_then(|()| check()) {
        return Err(error.context(format!("nothing was changed in the checkout{}", undo(&backups))));
    }
    let mut done = Applied::default();
    commit(area, plan, texts, &backups, &mut done).with_context(|| {
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

/// Removes backups whose sources are intact; returns a note on those that could not be removed.
fn undo(backups: &[Backup]) -> String {
    let failed = |backup: &Backup| {
        let error = std::fs::remove_file(&backup.target).err()?;
        Some(format!("; the copy {} could not be removed: {error}", backup.target.display()))
    };
    backups.iter().filter_map(failed).collect()
}

fn commit(
    area: &Area,
    plan: &Plan,
    texts: Vec<NamedTempFile>,
    backups: &[Backup],
    done: &mut Applied,
) -> anyhow::Result<()> {
    for (edit, text) in plan.edits.iter().zip(texts) {
        let path = area.root.join(&edit.path);
        let failed = || format!("cannot replace {}", edit.path.display());
        text.persist(&path).with_context(failed)?;
        done.edited.push(edit.path.clone());
        backup::sync_folder(path.parent().unwrap_or(Path::new("."))).with_context(failed)?;
    }
    for (each, backup) in plan.moves.iter().zip(backups) {
        backup.remove_source()?;
        done.moved.push(each.clone());
    }
    Ok(())
}
