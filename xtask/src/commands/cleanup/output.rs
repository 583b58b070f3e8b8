//! The two forms of a result that are more than lines: the diff of a plan, and the JSON document.

use super::{Changes, words};
use crate::app_findings::{self, shown};
use crate::display::printable;
use app_checkout::{Edit, Listing, Plan};
use serde_json::json;
use similar::TextDiff;
use std::path::Path;

/// The outcome as one JSON object: the remaining findings, and the plan with whether it was carried out, or why not. The command's help
/// describes the fields; new ones may be added within a version.
///
/// # Errors
/// None that is known; `serde_json` declares one.
pub(super) fn json(
    app: &Path,
    listing: &Listing,
    changes: Option<Changes<'_>>,
    refused: Option<&str>,
) -> anyhow::Result<String> {
    // JSON has its own escapes, so that a name stays exact wherever it is text.
    let name = |path: &Path| path.to_str().map_or_else(|| shown(path), str::to_owned);
    let counts =
        app_findings::counts(listing).into_iter().map(|(kind, count, _)| (kind.to_owned(), count.into()));
    let findings = listing.findings.iter().map(|finding| {
        json!({
            "path": name(&finding.path), "line": finding.line, "kind": app_findings::kind(finding.kind),
            "what": app_findings::what(finding), "remedy": app_findings::replacement(finding), "mechanical": finding.is_mechanical,
        })
    });
    let changes = changes.map(|Changes { plan, done }| {
        let moved =
            |each: &app_checkout::Move| json!({ "from": name(&each.source), "to": name(&each.target) });
        let commits = done.map_or(&[][..], |(applied, _)| &applied.commits[..]);
        let archive = done.map(|(_, archive)| json!({ "path": name(&archive.path), "sha256": archive.sha256 }));
        json!({
            "applied": done.is_some(), "diff": diff(plan, false),
            "edited": plan.edits.iter().map(|edit| name(&edit.path)).collect::<Vec<_>>(),
            "moved": plan.moves.iter().map(moved).collect::<Vec<_>>(),
            "commits": commits.iter().map(|(hash, title)| json!({ "hash": hash, "title": title })).collect::<Vec<_>>(),
            "archive": archive,
            "next": plan.lockfiles.iter().map(words::next).collect::<Vec<_>>(),
        })
    });
    let document = json!({
        "version": 1, "app": shown(app), "clean": listing.findings.is_empty(),
        "files_read": listing.files_read, "counts": counts.collect::<serde_json::Map<_, _>>(),
        "findings": findings.collect::<Vec<_>>(), "changes": changes, "refused": refused,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// The plan for a person: a unified diff of every text, and the moves, without secrets and control characters; by commit where there are
/// commits.
pub(super) fn diff(plan: &Plan, has_commits: bool) -> String {
    let part = |change: &app_checkout::Change<'_>| {
        let title =
            if has_commits { format!("commit: {}\n", words::commit(change.kind).0) } else { String::new() };
        let moves = change
            .moves
            .iter()
            .map(|each| format!("move {}\n  to {}\n", shown(&each.source), shown(&each.target)));
        let edits = change.edits.iter().map(|edit| diff_of_edit(edit));
        title + &edits.chain(moves).collect::<String>()
    };
    plan.changes().iter().map(part).collect()
}

/// The findings as annotations of GitHub Actions, whose paths are relative to the repository.
pub(super) fn annotations(app: &Path, listing: &Listing) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let line = |finding: &app_checkout::Finding| {
        let path = app.join(&finding.path);
        let path = path.strip_prefix("./").unwrap_or(&path).to_string_lossy().into_owned();
        let words = format!("{}; {}", app_findings::what(finding), app_findings::replacement(finding));
        format!("::error file={},line={}::{}\n", property(&path), finding.line, escaped(&words))
    };
    listing.findings.iter().map(line).collect()
}

fn diff_of_edit(edit: &Edit) -> String {
    let line = |line: &str| {
        let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
        let body = body.strip_suffix('\r').unwrap_or(body);
        let body = if edit.has_secrets { without_value(body) } else { words::without_passwords(body) };
        printable(&body.replace('\t', "    ")) + end
    };
    let safe = |text: &str| text.split_inclusive('\n').map(line).collect::<String>();
    let (before, after, path) = (safe(&edit.before), safe(&edit.after), shown(&edit.path));
    // The lines around a variable are other people's secrets.
    let context_lines = if edit.has_secrets { 0 } else { 3 };
    TextDiff::from_lines(before.as_str(), after.as_str())
        .unified_diff()
        .context_radius(context_lines)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string()
}

/// A line of an env file with its value if that is only a path, else without.
fn without_value(line: &str) -> String {
    let is_plain = |each: char| each.is_ascii_alphanumeric() || "./-_~\"' ".contains(each);
    match line.split_once('=') {
        Some((key, value)) if key.trim().ends_with("DATABASE_PATH") && value.chars().all(is_plain) => {
            line.to_owned()
        }
        Some((key, _)) => format!("{key}=***"),
        None => line.to_owned(),
    }
}
