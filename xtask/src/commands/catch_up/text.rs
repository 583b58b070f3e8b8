//! The result of a catch-up in words, and as JSON.

use ::report::figures::{count, counted};
use row_mover::catch_up::{AppliedTable, CatchUpOutcome, CatchUpRequest, CaughtUp};
use serde_json::json;

use crate::display::printable;
use crate::report::new_table;

/// A result for people; one line where it is one of many.
pub(super) fn text(outcome: &CatchUpOutcome, request: &CatchUpRequest, is_one_of_many: bool) -> String {
    let caught_up = match outcome {
        CatchUpOutcome::Unchanged if is_one_of_many => {
            return format!("{} nothing has changed\n", now());
        }
        CatchUpOutcome::Unchanged => {
            return format!("nothing has changed: {} equals the SQLite file\n", request.target);
        }
        CatchUpOutcome::Applied(caught_up) => caught_up,
    };
    if is_one_of_many {
        return format!("{} {}\n", now(), summary(caught_up));
    }
    let mut text = String::new();
    if !caught_up.applied.tables.is_empty() {
        text.push_str(&format!("{}\n", table(&caught_up.applied.tables)));
    }
    for rejected in &caught_up.rejected {
        text.push_str(&format!(
            "rejected: {} skipped and {} NULL in {}: {}\n",
            counted(rejected.skipped, "row"),
            counted(rejected.nulled, "value"),
            printable(&rejected.table),
            rejected.file.display()
        ));
    }
    match &caught_up.seal {
        None => {
            text.push_str(&format!("dry run: {} would be applied; nothing was changed\n", summary(caught_up)))
        }
        Some(seal) => text.push_str(&format!(
            "{}; what changed was read back and compared\n{} equals {}, sealed at {}\n",
            summary(caught_up),
            request.target,
            seal.path.display(),
            seal.sealed_at
        )),
    }
    text
}

fn summary(caught_up: &CaughtUp) -> String {
    let sum = |of: fn(&AppliedTable) -> u64| count(caught_up.applied.tables.iter().map(of).sum());
    format!(
        "{} inserted, {} updated, {} deleted in {:.1} s",
        sum(|table| table.inserted),
        sum(|table| table.updated),
        sum(|table| table.deleted),
        caught_up.seconds
    )
}

fn table(tables: &[AppliedTable]) -> comfy_table::Table {
    let mut shown = new_table(&["table", "inserted", "updated", "deleted", "rejected"]);
    for table in tables {
        let mut row = vec![printable(&table.table)];
        row.extend([table.inserted, table.updated, table.deleted, table.rejected].map(count));
        shown.add_row(row);
    }
    shown
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A result for scripts; in one line where it is one of many.
pub(super) fn json(
    outcome: &CatchUpOutcome,
    request: &CatchUpRequest,
    is_one_of_many: bool,
) -> anyhow::Result<String> {
    let found = match outcome {
        CatchUpOutcome::Unchanged => json!({
            "format": 1,
            "command": "catch-up",
            "target": request.target.to_string(),
            "changed": false,
            "dry_run": request.dry_run,
        }),
        CatchUpOutcome::Applied(caught_up) => json!({
            "format": 1,
            "command": "catch-up",
            "target": request.target.to_string(),
            "changed": true,
            "dry_run": request.dry_run,
            "run": caught_up.run,
            "tables": caught_up.applied.tables,
            "rejected": caught_up.rejected,
            "seal": caught_up.seal,
            "seconds": caught_up.seconds,
        }),
    };
    let text = match is_one_of_many {
        true => serde_json::to_string(&found)?,
        false => serde_json::to_string_pretty(&found)?,
    };
    Ok(text + "\n")
}
