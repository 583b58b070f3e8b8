//! Prints what was found: lines for a person, one JSON object for a script. It decides nothing.

use super::apply::Applied;
use super::finding::{Finding, Kind, Listing};
use super::plan::Plan;
use super::text::{printable, shown};
use serde::Serialize;
use std::collections::BTreeMap;

/// `path:line: what; what to do`, a line for each finding.
pub(crate) fn lines(listing: &Listing) -> String {
    let line = |finding: &Finding| {
        let (what, remedy) = (printable(&finding.hit.what), printable(&finding.hit.remedy));
        format!("{}:{}: {what}; {remedy}\n", shown(&finding.path), finding.hit.line)
    };
    listing.findings.iter().map(line).collect()
}

/// One line: how much is left, of what kind.
pub(crate) fn summary(listing: &Listing) -> String {
    let files = listing.files_read;
    if listing.findings.is_empty() {
        return format!("nothing of SQLite is left: {files} files searched");
    }
    let counts: Vec<String> = counts(listing).into_iter().map(|(kind, count)| kind.counted(count)).collect();
    let mechanical = listing.findings.iter().filter(|finding| finding.hit.mechanical).count();
    let total = listing.findings.len();
    format!("{total} left in {files} files: {}; --apply does {mechanical}", counts.join(", "))
}

fn counts(listing: &Listing) -> BTreeMap<Kind, usize> {
    let mut counts = BTreeMap::new();
    for finding in &listing.findings {
        *counts.entry(finding.hit.kind).or_insert(0) += 1;
    }
    counts
}

/// What one call of the command came to.
pub(crate) struct Outcome<'a> {
    /// The checkout, as it was named.
    pub(crate) app: String,
    /// What is left at the end.
    pub(crate) listing: &'a Listing,
    /// The plan, where one was asked for.
    pub(crate) plan: Option<&'a Plan>,
    /// What was done of it.
    pub(crate) applied: Option<&'a Applied>,
    /// Why it was not carried out.
    pub(crate) refused: Option<String>,
}

/// The fields are described in the command's help; new ones may be added within a version.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    app: &'a str,
    clean: bool,
    files_read: usize,
    counts: BTreeMap<Kind, usize>,
    findings: Vec<Row<'a>>,
    changes: Option<Changes<'a>>,
    refused: Option<&'a str>,
}

#[derive(Serialize)]
struct Row<'a> {
    path: String,
    line: usize,
    kind: Kind,
    what: &'a str,
    remedy: &'a str,
    mechanical: bool,
}

#[derive(Serialize)]
struct Changes<'a> {
    applied: bool,
    diff: String,
    edited: Vec<String>,
    moved: Vec<Moved>,
    next: &'a [String],
}

#[derive(Serialize)]
struct Moved {
    from: String,
    to: String,
}

/// The outcome as one JSON object.
///
/// # Errors
/// None that is known; it is `serde_json`'s to say.
pub(crate) fn json(outcome: &Outcome<'_>) -> anyhow::Result<String> {
    // JSON has its own escapes, so a name is given as it is wherever it is text.
    let name = |path: &std::path::Path| path.to_str().map_or_else(|| shown(path), str::to_owned);
    let row = |finding: &'_ Finding| (name(&finding.path), finding.hit.line);
    let findings = outcome.listing.findings.iter().map(|finding| {
        let (path, line) = row(finding);
        let hit = &finding.hit;
        Row { path, line, kind: hit.kind, what: &hit.what, remedy: &hit.remedy, mechanical: hit.mechanical }
    });
    let changes = outcome.plan.map(|plan| Changes {
        applied: outcome.applied.is_some(),
        diff: plan.diff(),
        edited: plan.edits.iter().map(|edit| name(&edit.path)).collect(),
        moved: plan
            .moves
            .iter()
            .map(|each| Moved { from: name(&each.source), to: name(&each.target) })
            .collect(),
        next: &plan.next,
    });
    let document = Document {
        version: 1,
        app: &outcome.app,
        clean: outcome.listing.findings.is_empty(),
        files_read: outcome.listing.files_read,
        counts: counts(outcome.listing),
        findings: findings.collect(),
        changes,
        refused: outcome.refused.as_deref(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
