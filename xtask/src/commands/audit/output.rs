//! The forms of an audit: lines for a terminal, a page in Markdown, and a JSON document.

use std::collections::BTreeMap;
use std::path::Path;

use app_checkout::{Finding, Kind};
use serde_json::json;

use super::{Audit, GeneratedState};
use crate::app_findings::{self, Effort, counted, effort, replacement, shown, what};
use crate::display::printable;
use crate::report::JSON_FORMAT;

/// The efforts with their names in JSON and the sentence of the summary.
const EFFORTS: [(Effort, &str, &str); 4] = [
    (Effort::Cleanup, "cleanup", "`cleanup --apply` removes after the cutover"),
    (Effort::Generate, "generate", "`generate --drizzle` writes the replacement"),
    (Effort::Edit, "edit", "to edit by hand, as the replacement says"),
    (Effort::Decision, "decision", "to decide first"),
];

/// Uses of one file with the same description and replacement.
struct Row<'a> {
    first: &'a Finding,
    lines: Vec<usize>,
}

/// The findings of a kind, by file, and within it by what is there.
fn files_of_kind<'a>(audit: &'a Audit<'_>, kind: Kind) -> BTreeMap<&'a Path, Vec<Row<'a>>> {
    let mut files: BTreeMap<&Path, Vec<Row<'_>>> = BTreeMap::new();
    for finding in audit.listing.findings.iter().filter(|finding| finding.kind == kind) {
        let rows = files.entry(&finding.path).or_default();
        let is_same = |row: &&mut Row<'_>| {
            row.first.fact == finding.fact && row.first.is_mechanical == finding.is_mechanical
        };
        match rows.iter_mut().find(is_same) {
            Some(row) => row.lines.push(finding.line),
            None => rows.push(Row { first: finding, lines: vec![finding.line] }),
        }
    }
    files
}

/// The lines of a row, each once; a complete file and a finding on the first line look the same.
fn line_numbers(row: &Row<'_>) -> String {
    let mut lines = row.lines.clone();
    lines.dedup();
    lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// The heading of a kind.
fn heading(count: usize, files: usize, kind: Kind) -> String {
    let (one, many) = app_findings::nouns(kind);
    format!("{} in {}", counted(count, one, many), counted(files, "file", "files"))
}

/// The list for a terminal.
pub(super) fn text(audit: &Audit<'_>) -> String {
    let mut out = String::new();
    for kind in app_findings::all_kinds() {
        let files = files_of_kind(audit, kind);
        let count = files.values().flatten().map(|row| row.lines.len()).sum();
        if count == 0 {
            continue;
        }
        let gap = if out.is_empty() { "" } else { "\n" };
        out += &format!("{gap}{}\n", heading(count, files.len(), kind));
        for (path, rows) in &files {
            out += &format!("  {}\n", shown(path));
            for row in rows {
                let (what, words) = (printable(&what(row.first)), printable(&replacement(row.first)));
                out += &format!("    {}: {what}\n      -> {words}\n", line_numbers(row));
            }
        }
    }
    out
}

/// The number of uses for each effort, and the state of the generated files.
pub(super) fn summary(audit: &Audit<'_>) -> String {
    let searched = counted(audit.listing.files_read, "file", "files");
    let total = audit.listing.findings.len();
    if total == 0 {
        return format!("nothing depends on SQLite: {searched} searched");
    }
    let mut lines = vec![format!("{} of SQLite in {searched}:", counted(total, "use", "uses"))];
    for (effort, _, words) in EFFORTS {
        let count = audit.count(effort);
        if count > 0 {
            lines.push(format!("{count:>5}  {words}"));
        }
    }
    for (state, words) in [
        (GeneratedState::Generated, "generated already"),
        (GeneratedState::Own, "the app's own, in the place of a generated file"),
    ] {
        let found = audit.generated.iter().filter(|file| file.state == state);
        let paths: Vec<&str> = found.map(|file| file.path).collect();
        if !paths.is_empty() {
            lines.push(format!("{words}: {}", paths.join(", ")));
        }
    }
    lines.join("\n")
}

/// The page: a table for each kind, after the numbers.
pub(super) fn markdown(audit: &Audit<'_>) -> String {
    let mut out = format!("# What depends on SQLite in {}\n\n", markdown_text(&shown(audit.app)));
    out += &format!("{}\n", markdown_text(&summary(audit)).replace('\n', "  \n"));
    for kind in app_findings::all_kinds() {
        let files = files_of_kind(audit, kind);
        let count = files.values().flatten().map(|row| row.lines.len()).sum();
        if count == 0 {
            continue;
        }
        out += &format!("\n## {}\n\n", heading(count, files.len(), kind));
        out += "| file | line | use | replacement |\n| --- | --- | --- | --- |\n";
        for (path, rows) in &files {
            for row in rows {
                let cells = [
                    shown(path),
                    line_numbers(row),
                    printable(&what(row.first)),
                    printable(&replacement(row.first)),
                ];
                out += &format!("| {} |\n", cells.map(|cell| markdown_text(&cell)).join(" | "));
            }
        }
    }
    out += &format!("\nNext: `{}`\n", audit.next());
    out
}

/// A text that opens no other cell and no element.
fn markdown_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
}

/// The document, whose fields the command's help lists.
///
/// # Errors
/// None that is known; `serde_json` declares one.
pub(super) fn json(audit: &Audit<'_>) -> anyhow::Result<String> {
    // JSON has its own escapes, so that a name stays exact wherever it is text.
    let name = |path: &Path| path.to_str().map_or_else(|| shown(path), str::to_owned);
    let effort_name =
        |wanted| EFFORTS.iter().find(|(each, ..)| *each == wanted).map_or("", |(_, name, _)| name);
    let findings = audit.listing.findings.iter().map(|finding| {
        json!({
            "path": name(&finding.path), "line": finding.line, "kind": app_findings::kind(finding.kind),
            "what": what(finding), "replacement": replacement(finding), "effort": effort_name(effort(finding)),
        })
    });
    let counts = app_findings::counts(audit.listing)
        .into_iter()
        .map(|(kind, count, _)| (kind.to_owned(), count.into()));
    let efforts = EFFORTS.iter().map(|(effort, name, _)| ((*name).to_owned(), audit.count(*effort).into()));
    let state = |state| match state {
        GeneratedState::Generated => "generated",
        GeneratedState::Own => "own",
        GeneratedState::Missing => "missing",
    };
    let generated =
        audit.generated.iter().map(|file| json!({ "path": file.path, "state": state(file.state) }));
    let document = json!({
        "format": JSON_FORMAT, "command": "audit", "app": name(audit.app), "clean": audit.listing.findings.is_empty(),
        "files_read": audit.listing.files_read, "counts": counts.collect::<serde_json::Map<_, _>>(),
        "efforts": efforts.collect::<serde_json::Map<_, _>>(), "findings": findings.collect::<Vec<_>>(),
        "generated": generated.collect::<Vec<_>>(), "next": audit.next(),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
