//! Carries a plan out. Everything is prepared beside its place first: new texts in temporary files, databases in the backup
//! folder. Only when all of that has worked are texts renamed and databases removed, so that a failure before leaves the checkout
//! as it was, and one after says what has been done.

use super::backup::{self, Placed};
use super::database;
use super::in_use::{self, InUse};
use super::plan::{Edit, Move, Plan};
use super::text::shown;
use super::walk::Area;
use anyhow::Context as _;
use row_mover::source::seal::Seal;
use row_mover::source::sealed_content::is_sealed_content;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What the ledger says about the app's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MigrationProof {
    /// A migration was validated, so that the SQLite file has served.
    Validated {
        /// The run that was validated.
        run: String,
        /// When its validation ended, for a person.
        finished_at: String,
        /// The database it went to, without a password.
        target: String,
        /// The copy whose rows are there: which file it was taken of, and what that file looked like then.
        seal: Box<Seal>,
    },
    /// None was.
    NotValidated {
        /// What the ledger lacks.
        reason: String,
        /// What to run next.
        next: String,
    },
}

/// Why a plan is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The rows have not been shown to be in PostgreSQL.
    NotValidated {
        /// What the ledger lacks.
        reason: String,
        /// What to run next.
        next: String,
    },
    /// Databases that are not the one that was migrated, or are no longer what was.
    NotMigrated {
        /// Each with what is wrong with it, relative to the checkout.
        databases: Vec<(PathBuf, NotMigrated)>,
        /// The file that was migrated.
        migrated: PathBuf,
    },
    /// Something works with a database.
    InUse(Vec<InUse>),
}

/// Why a database must stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotMigrated {
    /// It is the sealed copy.
    SealedCopy,
    /// It is another one than was migrated.
    Other,
    /// It holds something else than what was sealed.
    Written,
    /// It could not be compared with the sealed copy.
    Unknown(String),
}

impl fmt::Display for NotMigrated {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SealedCopy => out.write_str("is the sealed copy, which `cargo xtask validate` reads"),
            Self::Other => out.write_str("is not the database that was migrated"),
            Self::Written => out.write_str("was written to since it was sealed"),
            Self::Unknown(why) => write!(out, "cannot be compared with the sealed copy: {why}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotValidated { reason, next } => write!(out, "{reason}; next: {next}"),
            Self::NotMigrated { databases, migrated } => {
                for (path, why) in databases {
                    write!(out, "{} {why}; ", shown(path))?;
                }
                write!(
                    out,
                    "what was migrated is {}; next: migrate each database that the app needs (`cargo xtask migrate --sqlite \
                     FILE`, with --restart where it was migrated before), and leave the others where they are with --exclude",
                    shown(migrated)
                )
            }
            Self::InUse(uses) => {
                let lines: Vec<String> =
                    uses.iter().map(|each| format!("{} {}", shown(&each.path), each.why)).collect();
                out.write_str(&lines.join("\n  "))
            }
        }
    }
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Texts that were changed, relative to the checkout.
    pub(crate) edited: Vec<PathBuf>,
    /// Files that were moved.
    pub(crate) moved: Vec<Move>,
}

impl Applied {
    /// What was done, a line for each file.
    pub(crate) fn lines(&self) -> Vec<String> {
        let edits = self.edited.iter().map(|path| format!("changed {}", shown(path)));
        let moves =
            self.moved.iter().map(|each| format!("moved {} to {}", shown(&each.source), shown(&each.target)));
        edits.chain(moves).collect()
    }
}

/// Whether a plan may be carried out now.
pub(crate) fn permitted(area: &Area, plan: &Plan, proof: &MigrationProof) -> Result<(), Refusal> {
    match proof {
        MigrationProof::NotValidated { reason, next } => {
            Err(Refusal::NotValidated { reason: reason.clone(), next: next.clone() })
        }
        MigrationProof::Validated { seal, .. } => {
            // What is in a log is not compared, so that a log comes first.
            let uses = in_use::look(&area.root, plan.moves.iter().map(|each| each.source.as_path()));
            if uses.is_empty() { all_migrated(area, plan, seal) } else { Err(Refusal::InUse(uses)) }
        }
    }
}

/// Whether every database that would be moved is the file that was sealed, and holds what was sealed.
fn all_migrated(area: &Area, plan: &Plan, seal: &Seal) -> Result<(), Refusal> {
    let main = |each: &Move| database::main_of(&each.source).unwrap_or_else(|| each.source.clone());
    let mains: BTreeSet<PathBuf> = plan.moves.iter().map(main).collect();
    let sealed = seal.source_path.canonicalize().ok();
    let wrong = |path: PathBuf| {
        let found = area.root.join(&path);
        let real = found.canonicalize().ok();
        if real.is_some() && real == seal.path.canonicalize().ok() {
            Some((path, NotMigrated::SealedCopy))
        } else if sealed.is_none() || real != sealed {
            Some((path, NotMigrated::Other))
        } else {
            match is_sealed_content(&found, seal) {
                Ok(true) => None,
                Ok(false) => Some((path, NotMigrated::Written)),
                Err(error) => Some((path, NotMigrated::Unknown(format!("{:#}", anyhow::Error::new(error))))),
            }
        }
    };
    let databases: Vec<_> = mains.into_iter().filter_map(wrong).collect();
    if databases.is_empty() {
        Ok(())
    } else {
        Err(Refusal::NotMigrated { databases, migrated: seal.source_path.clone() })
    }
}

/// Carries a plan out.
///
/// # Errors
/// Where it is not permitted, where a file has changed since the plan was made, or the file system fails. The message says what
/// had been done by then.
pub(crate) fn apply(area: &Area, plan: &Plan, proof: &MigrationProof) -> anyhow::Result<Applied> {
    permitted(area, plan, proof).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let texts = plan.edits.iter().map(|edit| stage(area, edit)).collect::<anyhow::Result<Vec<_>>>();
    let texts = texts.context("nothing was changed")?;
    let mut placed = Vec::new();
    let prepared = place_all(area, plan, &mut placed).and_then(|()| {
        // Copying takes time, in which an app may have started.
        permitted(area, plan, proof).map_err(|refusal| anyhow::anyhow!("{refusal}"))
    });
    if let Err(error) = prepared {
        return Err(error.context(format!("nothing was changed in the checkout{}", undo(&placed))));
    }
    let mut applied = Applied::default();
    match commit(area, plan, texts, &placed, &mut applied) {
        Ok(()) => Ok(applied),
        Err(error) => {
            let done = applied.lines();
            let done = if done.is_empty() { "nothing".to_owned() } else { done.join(", ") };
            Err(error.context(format!("stopped midway; done so far: {done}")))
        }
    }
}

/// Writes the new text beside the old one.
fn stage(area: &Area, edit: &Edit) -> anyhow::Result<NamedTempFile> {
    let path = area.root.join(&edit.path);
    let failed = || format!("cannot prepare the new {}", shown(&edit.path));
    let now = std::fs::read(&path).with_context(failed)?;
    anyhow::ensure!(
        now == edit.before.as_bytes(),
        "{} has changed since the diff was made: run it again",
        shown(&edit.path)
    );
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).with_context(failed)?;
    file.write_all(edit.after.as_bytes()).with_context(failed)?;
    let permissions = std::fs::metadata(&path).with_context(failed)?.permissions();
    file.as_file().set_permissions(permissions).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    Ok(file)
}

fn place_all(area: &Area, plan: &Plan, placed: &mut Vec<Placed>) -> anyhow::Result<()> {
    if let (Some(folder), false) = (&area.backup, plan.moves.is_empty()) {
        backup::keep_from_git(folder)?;
    }
    for each in &plan.moves {
        placed.push(backup::place(&area.root.join(&each.source), &each.target)?);
    }
    Ok(())
}

/// Takes backups away again whose sources are whole, and says which stayed.
fn undo(placed: &[Placed]) -> String {
    let stayed = placed
        .iter()
        .filter_map(|each| each.undo().err().map(|error| format!("{}: {error}", shown(each.target()))));
    let stayed: Vec<String> = stayed.collect();
    if stayed.is_empty() {
        String::new()
    } else {
        format!(", but copies stayed in the backup folder: {}", stayed.join(", "))
    }
}

fn commit(
    area: &Area,
    plan: &Plan,
    texts: Vec<NamedTempFile>,
    placed: &[Placed],
    done: &mut Applied,
) -> anyhow::Result<()> {
    for (edit, text) in plan.edits.iter().zip(texts) {
        let path = area.root.join(&edit.path);
        text.persist(&path).with_context(|| format!("cannot replace {}", shown(&edit.path)))?;
        backup::sync_folder(path.parent().unwrap_or(Path::new(".")))
            .with_context(|| format!("cannot flush {}", shown(&edit.path)))?;
        done.edited.push(edit.path.clone());
    }
    for (each, file) in plan.moves.iter().zip(placed) {
        file.remove_source()?;
        done.moved.push(each.clone());
    }
    Ok(())
}
