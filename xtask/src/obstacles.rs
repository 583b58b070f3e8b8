//! What a command shows and writes when no plan can be made: the plan of what fits, the obstacles with the path of `mapping.toml`, and
//! that file as a skeleton whose comments are the decisions.

use std::path::{Path, PathBuf};

use migrate_core::mapping::Mapping;
use migrate_core::planner::{ObstructedPlan, PlanningError};

use crate::generated::{self, GeneratedFile};
use crate::plan_text::plan_text;
use crate::{output, plan_folder, workspace};

/// The circumstances in which a plan is made.
pub(crate) struct Planning<'a> {
    /// The folder of the plan, with its `mapping.toml`.
    pub(crate) folder: &'a Path,
    /// The decisions.
    pub(crate) mapping: &'a Mapping,
    /// Whether the plan of what fits is printed to standard output.
    pub(crate) is_shown: bool,
    /// Whether files may be written.
    pub(crate) may_write: bool,
    /// Whether every detail of the plan is printed.
    pub(crate) is_verbose: bool,
}

impl Planning<'_> {
    /// Prints what fits and writes the skeleton where there is no `mapping.toml`. Returns the error with the path of that file, where it
    /// is one of planning.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let Some(planning) = error.chain().find_map(|cause| cause.downcast_ref::<PlanningError>()) else {
            return error;
        };
        match planning {
            PlanningError::UnreadableSql(_) => error,
            PlanningError::Obstructed(obstructed) => {
                let fitting = obstructed.fitting.as_deref().filter(|_| self.is_shown);
                let shown = fitting
                    .map_or(Ok(()), |plan| output::stdout(&plan_text(plan, self.mapping, self.is_verbose)?));
                shown.err().unwrap_or_else(|| self.obstructed(obstructed))
            }
            other => self.with_path(other, None),
        }
    }

    fn obstructed(&self, found: &ObstructedPlan) -> anyhow::Error {
        // The lines are printed as the remedy, with the path of the file.
        match found.other {
            None => self.with_path(found.obstacles.list(), Some(found)),
            Some(_) => self.with_path(found, Some(found)),
        }
    }

    fn with_path(&self, why: impl ToString, found: Option<&ObstructedPlan>) -> anyhow::Error {
        let error = row_mover::Error::new("no plan can be made").caused_by(why.to_string());
        match self.next(found) {
            Ok(next) => error.with_remedy_text(next).into(),
            Err(failed) => failed.context(error.to_string()),
        }
    }

    /// What to do next: the file, and the lines to paste.
    fn next(&self, found: Option<&ObstructedPlan>) -> anyhow::Result<String> {
        let path = self.folder.join("mapping.toml");
        let shown = workspace::shown(&path);
        let lines = found.map(ObstructedPlan::mapping_lines).unwrap_or_default();
        let before = std::fs::read_to_string(&path).ok();
        let is_new = before.is_none() && self.may_write;
        if is_new {
            generated::write_stale(&[skeleton(path, &lines)])?;
        }
        match found {
            None => return Ok(format!("change {shown}, and run the same command again")),
            Some(found) if found.obstacles.mapping_lines().is_empty() => {
                return Ok(format!(
                    "solve it in the target, or change {shown}, and run the same command again"
                ));
            }
            Some(_) => {}
        }
        Ok(match before {
            None if is_new => format!(
                "{shown} has these lines as comments: remove the # of those that you want, and run the same command again\n{lines}"
            ),
            None => format!(
                "write these lines, or those that you want of them, to {shown}, and run the same command again\nformat = 1\n\n{lines}"
            ),
            Some(before) => {
                let is_valid = Mapping::from_toml(&format!("{before}\n{lines}")).is_ok();
                let how = match is_valid {
                    true => "",
                    false => " (below the heading that the file already has, where it has one)",
                };
                format!("add these lines to {shown}{how}, and run the same command again\n{lines}")
            }
        })
    }
}

/// A `mapping.toml` with the decisions as comments.
fn skeleton(path: PathBuf, lines: &str) -> GeneratedFile {
    let comment = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("# {line}\n") };
    let comments: String = lines.lines().map(comment).collect();
    let lead = if lines.is_empty() {
        ""
    } else {
        "\n# What prevents a plan or would be missing after it, and the decisions that solve it.\n\n"
    };
    GeneratedFile { path, content: format!("{}{lead}{comments}", plan_folder::EMPTY_MAPPING) }
}
