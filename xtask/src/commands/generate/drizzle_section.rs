//! The section `[drizzle]` of `mapping.toml`: `generate --drizzle` adds it, so that `migrate` and every later command make the same plan.

use std::ops::Range;
use std::path::Path;

use migrate_core::mapping::Mapping;
use migrate_core::terms::DrizzleDates;
use serde::Deserialize;
use toml::Spanned;

use super::app_files::AppArgs;
use crate::generated::Mode;
use crate::{output, workspace};

/// Where the section is in the text.
#[derive(Deserialize)]
struct Located {
    drizzle: Option<Spanned<LocatedSection>>,
}

/// Where its values are.
#[derive(Deserialize)]
struct LocatedSection {
    dates: Option<Spanned<DrizzleDates>>,
}

/// Returns what `generate` adds to the text of a `mapping.toml`; nothing where the section is there, or no files for an app are asked for.
///
/// # Errors
/// When the section contradicts the options, with its line.
pub(super) fn missing(
    args: &AppArgs,
    folder: &Path,
    text: &str,
    mapping: &Mapping,
) -> anyhow::Result<Option<String>> {
    if !args.is_for_app() || mapping.into_existing {
        return Ok(None);
    }
    let Some(decided) = &mapping.drizzle else {
        let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let dates = args.dates().map_or_else(String::new, |dates| format!("dates = \"{}\"\n", dates.name()));
        return Ok(Some(format!("{line_end}\n[drizzle]\n{dates}")));
    };
    match args.dates().filter(|dates| *dates != decided.dates) {
        Some(asked) => Err(contradiction(folder, text, decided.dates, asked)),
        None => Ok(None),
    }
}

fn contradiction(folder: &Path, text: &str, decided: DrizzleDates, asked: DrizzleDates) -> anyhow::Error {
    let section = toml::from_str::<Located>(text).ok().and_then(|located| located.drizzle);
    let dates = section.as_ref().and_then(|section| section.get_ref().dates.as_ref());
    let (span, found) = match dates {
        Some(dates) => (dates.span(), format!("dates = \"{}\"", decided.name())),
        None => (
            section.as_ref().map(Spanned::span).unwrap_or_default(),
            format!("[drizzle] says nothing of dates, so that moments are {}s", decided.name()),
        ),
    };
    let shown = workspace::shown(&folder.join("mapping.toml"));
    row_mover::Error::new(format!("--dates {} contradicts {shown}", asked.name()))
        .caused_by(format!("{shown}, line {}: {found}", line(text, &span)))
        .with_remedy_text(format!("leave out --dates, or say `dates = \"{}\"` there", asked.name()))
        .into()
}

/// The number of the line on which a part of the text begins.
fn line(text: &str, part: &Range<usize>) -> usize {
    text.bytes().take(part.start).filter(|byte| *byte == b'\n').count() + 1
}

/// Says that the section was added. With `--check` it is a difference of the file, and shown as one.
pub(super) fn note_added(folder: &Path, mode: Mode) {
    let verb = match mode {
        Mode::Write => "added",
        Mode::DryRun => "would add",
        Mode::Check => return,
    };
    let shown = workspace::shown(&folder.join("mapping.toml"));
    output::note(&format!("{verb} [drizzle] to {shown}, where migrate and every later command read it"));
}
