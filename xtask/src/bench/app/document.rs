//! Writes the generated part of `docs/app-performance.md` and its charts. What stands around that part is kept.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use super::plots;
use super::report::Report;
use super::workload::Workload;
use crate::workspace;

/// The line above the generated part.
const BEGIN: &str = "<!-- begin: written by `cargo xtask bench app --write` -->";

/// The line below it.
const END: &str = "<!-- end -->";

/// The page, in `docs`.
pub(crate) const PAGE: &str = "app-performance.md";

/// The folder of the charts, relative to the page.
const CHARTS: &str = "app-performance";

/// Replaces the generated part of the page in `docs`, and writes the charts.
///
/// # Errors
/// When the page lacks the marks, or a file cannot be written.
pub(crate) fn write(report: &Report, docs: &Path) -> anyhow::Result<()> {
    let path = docs.join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let Some(page) = with_part(&page, &report.text(Some(CHARTS))) else {
        bail!("{} lacks the lines between which figures are written: {BEGIN} and {END}", path.display());
    };
    let folder = docs.join(CHARTS);
    workspace::create_folder(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    for workload in Workload::ALL {
        if let Some(svg) = plots::svg(&report.results, workload)? {
            let path = folder.join(format!("{}.svg", workload.name()));
            fs::write(&path, svg).with_context(|| format!("{} cannot be written", path.display()))?;
        }
    }
    fs::write(&path, page).with_context(|| format!("{} cannot be written", path.display()))
}

/// Returns whether the page can hold figures.
///
/// # Errors
/// When it cannot be read or lacks the marks.
pub(crate) fn check(docs: &Path) -> anyhow::Result<()> {
    let path = docs.join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    if with_part(&page, "").is_none() {
        bail!("{} lacks the lines between which figures are written: {BEGIN} and {END}", path.display());
    }
    Ok(())
}

/// The page with another generated part; none if it lacks the marks.
fn with_part(page: &str, part: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", part.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_generated_part_is_replaced() {
        let page = format!("# Page\n\n{BEGIN}\nold\n{END}\n\nafter\n");
        let expected = format!("# Page\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n");
        assert_eq!(with_part(&page, "new\n").as_deref(), Some(expected.as_str()));
        assert_eq!(with_part(&expected, "new").as_deref(), Some(expected.as_str()));
        assert_eq!(with_part("# Page\n", "new"), None);
        assert_eq!(with_part(&format!("{END}\n{BEGIN}"), "new"), None);
    }
}
