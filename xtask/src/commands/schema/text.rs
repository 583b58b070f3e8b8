//! The words of `schema`.

use postgres_client::TargetUrl;
use row_mover::schema::{Entry, Loss, SchemaMigration, State};

use crate::display::printable;
use crate::report::{counted, new_table};

/// The migrations with their states, and what to do.
pub(super) fn status(entries: &[Entry], url: &TargetUrl) -> String {
    if entries.is_empty() {
        return format!("no migrations for {url}\n");
    }
    let mut table = new_table(&["version", "migration", "state"]);
    for entry in entries {
        table.add_row([
            printable(&entry.version),
            printable(entry.name.as_deref().unwrap_or("-")),
            state(entry.state).to_owned(),
        ]);
    }
    let count = |state| entries.iter().filter(|entry| entry.state == state).count();
    let next = match (count(State::Edited), count(State::Missing), count(State::Pending)) {
        (1.., _, _) => {
            "restore the edited file from version control, and write the change as a migration of its own with `cargo xtask schema new NAME`"
        }
        (_, 1.., _) => "restore the folder that is gone from version control",
        (_, _, 1..) => "`cargo xtask schema up` applies what is pending",
        _ => "nothing: every migration is applied",
    };
    format!("{table}\nin {url}\nnext: {next}\n")
}

fn state(state: State) -> &'static str {
    match state {
        State::Applied => "applied",
        State::Edited => "edited after it was applied",
        State::AppliedByOthers => "applied by another program; its content then is not known",
        State::Missing => "applied, and its folder is gone",
        State::Pending => "pending",
    }
}

/// A migration that was applied.
pub(super) fn applied(migration: &SchemaMigration, is_dry_run: bool) -> String {
    let name = printable(&migration.name);
    match (is_dry_run, migration.is_in_transaction) {
        (false, _) => format!("applied {name}"),
        (true, true) => format!("would apply {name}"),
        (true, false) => format!("would apply {name}, which was not tried: it runs in no transaction"),
    }
}

/// What `up` did.
pub(super) fn up_summary(count: usize, url: &TargetUrl, is_dry_run: bool) -> String {
    match (count, is_dry_run) {
        (0, _) => format!("nothing is pending in {url}"),
        (_, true) => format!("a dry run: nothing was changed in {url}"),
        (count, false) => format!("applied {} in {url}", counted(count as u64, "migration")),
    }
}

/// A migration that was reverted, and perhaps applied again.
pub(super) fn reverted(name: &str, losses: Option<&[Loss]>, is_redo: bool, is_dry_run: bool) -> String {
    let name = printable(name);
    let mut text = match (is_dry_run, is_redo) {
        (false, false) => format!("reverted {name}\n"),
        (false, true) => format!("reverted {name} and applied it again\n"),
        (true, false) => format!("would revert {name}\n"),
        (true, true) => format!("would revert {name} and apply it again\n"),
    };
    for loss in losses.unwrap_or_default() {
        let verb = if is_dry_run { "would delete" } else { "deleted" };
        text.push_str(&format!("{verb} {}\n", loss_text(loss)));
    }
    text
}

/// Why a migration is not reverted.
pub(super) fn refusal(name: &str, losses: Option<&[Loss]>) -> String {
    let name = printable(name);
    let Some(losses) = losses else {
        return format!(
            "{name} is not reverted: it runs in no transaction, so that nobody knows what it would delete; add --lose-rows to revert it"
        );
    };
    let listed: Vec<String> = losses.iter().map(loss_text).collect();
    format!("{name} is not reverted: it would delete {}; add --lose-rows to delete them", listed.join(", "))
}

fn loss_text(loss: &Loss) -> String {
    let rows = u64::try_from(loss.rows).unwrap_or(0);
    match &loss.column {
        None => format!("{} of {}", counted(rows, "row"), printable(&loss.table)),
        Some(column) => {
            format!(
                "{} of column {} of {}",
                counted(rows, "value"),
                printable(column),
                printable(&loss.table)
            )
        }
    }
}

/// What follows for a run whose migration was reverted.
pub(super) fn validate_again(run: i64, is_redo: bool) -> String {
    match is_redo {
        true => format!("run {run} is no longer validated; next: `cargo xtask validate`"),
        false => format!(
            "run {run} is no longer validated; next: `cargo xtask schema up`, then `cargo xtask validate`"
        ),
    }
}
