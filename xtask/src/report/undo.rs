//! The words for a target that is put back.

use postgres_client::TargetUrl;
use row_mover::run::{OpenTables, Undone};
use row_mover::target::migrator_list::WrittenBaseline;
use serde_json::json;

use super::{JSON_FORMAT, counted};
use crate::open_tables::listed;

/// The output of `migrate --undo`.
pub(crate) fn undo_text(undone: Option<&Undone>, url: &TargetUrl, is_dry_run: bool) -> String {
    let Some(undone) = undone else {
        return format!("Nothing to undo: {url} holds no migration.\n");
    };
    let OpenTables { foreign_keys, triggers, replaced, loaded } = &undone.open;
    let mut text = match is_dry_run {
        true => format!("Run {} in {url} would be undone:\n", undone.run),
        false => format!("Run {} is undone: {url} is as it was before.\n", undone.run),
    };
    let lines = [
        ("rows of the run deleted", "table", loaded),
        ("the app's own rows restored", "table", replaced),
        ("foreign keys added again", "foreign key", foreign_keys),
        ("triggers enabled again", "trigger", triggers),
        ("tables of the run dropped", "table", &undone.created),
    ];
    for (what, noun, names) in lines.into_iter().filter(|(.., names)| !names.is_empty()) {
        text.push_str(&format!("  {what}: {} ({})\n", counted(names.len() as u64, noun), listed(names)));
    }
    if let Some(written) = &undone.baseline {
        text.push_str(&baseline(written));
    }
    text.push_str("  sequences where they were before, and the schema migration dropped\n");
    if is_dry_run {
        text.push_str("Nothing was changed.\n");
    }
    text
}

/// What happens to the list of the app's own migrator.
fn baseline(written: &WrittenBaseline) -> String {
    let name = written.baseline.name();
    match written.made_table {
        true => format!("  the list of the app's migrator dropped: {name}\n"),
        false => format!("  the run's rows deleted from the list of the app's migrator: {name}\n"),
    }
}

/// The output of `migrate --undo --json`.
pub(crate) fn undo_json(
    undone: Option<&Undone>,
    url: &TargetUrl,
    is_dry_run: bool,
) -> anyhow::Result<String> {
    let value = json!({
        "format": JSON_FORMAT,
        "command": "undo",
        "target": url.to_string(),
        "dry_run": is_dry_run,
        "result": undone,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}
