//! The words of a rollback: what is printed while it works, and its result as text and as JSON.

use std::path::{Path, PathBuf};

use ::report::figures::{count, counted};
use migrate_core::cutover::{Archive, RollbackStep, Switch};
use postgres_client::TargetUrl;
use row_mover::rollback::{Closed, Counted, Loss, Opened, Reopened, Rollback, TableLoss};
use row_mover::source::integrity_check::Integrity;
use row_mover::source::seal::Seal;
use row_mover::validate::DifferenceKind;
use serde_json::json;

use crate::display::{printable, shell_word};

/// The version of the JSON.
const JSON_FORMAT: u32 = 1;

/// How long the steps take that a rehearsal does not execute: closing, renaming and recording.
const OTHER_STEPS_SECONDS: f64 = 1.0;

/// The steps of an emergency without PostgreSQL.
pub(super) const OFFLINE_STEPS: [&str; 2] = ["open SQLite for writing", "switch the app to SQLite"];

/// The result of a rollback, or of its rehearsal.
pub(super) struct Summary {
    target: String,
    /// The run; none where PostgreSQL could not be asked.
    run: Option<i64>,
    source: PathBuf,
    copy: Seal,
    /// What `integrity_check` found in the copy; none where an earlier run of the command has verified it.
    pub(super) integrity: Option<Integrity>,
    /// What a rehearsal found that would be done; none where it was done.
    pub(super) next_steps: Option<Vec<String>>,
    pub(super) switch_plan: Option<String>,
    pub(super) loss: Option<Loss>,
    pub(super) export: Option<PathBuf>,
    pub(super) archive: Option<Archive>,
    pub(super) opened: Option<Opened>,
    pub(super) switch: Option<Switch>,
    pub(super) seconds: f64,
}

impl Summary {
    pub(super) fn new(rollback: &Rollback<'_>, url: &TargetUrl) -> Summary {
        let run = rollback.run();
        Summary { run: Some(run.id), ..Summary::empty(rollback.source(), run.seal.clone(), url) }
    }

    pub(super) fn offline(source: &Path, reopened: &Reopened, url: &TargetUrl) -> Summary {
        Summary {
            opened: reopened.opened.clone(),
            integrity: Some(reopened.integrity.clone()),
            ..Summary::empty(source, reopened.copy.clone(), url)
        }
    }

    fn empty(source: &Path, copy: Seal, url: &TargetUrl) -> Summary {
        Summary {
            target: url.to_string(),
            run: None,
            source: source.to_owned(),
            copy,
            integrity: None,
            next_steps: None,
            switch_plan: None,
            loss: None,
            export: None,
            archive: None,
            opened: None,
            switch: None,
            seconds: 0.0,
        }
    }

    /// Whether this run of the command has opened SQLite.
    pub(super) fn is_opened(&self) -> bool {
        self.opened.is_some()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line =
            |name: &str, words: &str| text.push_str(&format!("  {name:<9} {}\n", printable(words)));
        let problems = self.integrity.as_ref().map_or(0, |found| found.problems.len());
        let verified = match (&self.integrity, problems) {
            (None, _) => "verified by an earlier run of the command".to_owned(),
            (Some(_), 0) => "SHA-256 and integrity verified".to_owned(),
            (Some(_), problems) => format!(
                "SHA-256 verified; integrity_check found {}, accepted by --accept-damaged-indexes",
                counted(problems as u64, "problem")
            ),
        };
        line("copy", &format!("{}, {verified}", self.copy.path.display()));
        if let Some(loss) = &self.loss {
            line("lost", &lost(loss));
        }
        if let Some(path) = &self.export {
            line("export", &path.display().to_string());
        }
        if let Some(archive) = &self.archive {
            line("archive", &archive_words(archive));
        }
        match (&self.opened, &self.next_steps) {
            (Some(opened), _) => line("file", &opened_words(opened)),
            (None, Some(_)) => line("file", &format!("{} equals the copy", self.source.display())),
            (None, None) => {}
        }
        if let Some(switch) = &self.switch {
            line("app", &switch_words(switch));
        }
        let Some(steps) = &self.next_steps else {
            let head =
                format!("SQLite is in charge again: {}\n", printable(&self.source.display().to_string()));
            let rest = match self.run {
                Some(_) => String::new(),
                None => format!(
                    "PostgreSQL was not reached: run `cargo xtask rollback` once it can be. It closes {}, counts what is lost, \
                     and archives it.\n",
                    self.target
                ),
            };
            let reindex = match problems {
                0 => String::new(),
                _ => format!(
                    "The indexes are damaged as before: `sqlite3 {} 'REINDEX'` builds them again, also while the app works; check what the \
                     app did through them.\n",
                    shell_word(&self.source.display().to_string())
                ),
            };
            return format!("{head}{text}{reindex}{rest}It took {:.2} s in all.\n", self.seconds);
        };
        let mut words = format!("A rehearsal: nothing was changed. A rollback of {} would\n", self.target);
        for (number, step) in steps.iter().enumerate() {
            words.push_str(&format!("  {}. {step}\n", number + 1));
        }
        if let Some(plan) = self.switch_plan.as_ref().filter(|plan| !plan.is_empty()) {
            words.push_str(&format!("     {}\n", plan.trim_end().replace('\n', "\n     ")));
        }
        let expected = self.seconds + OTHER_STEPS_SECONDS;
        let accept = match self.loss.as_ref().map_or(0, Loss::rows) {
            0 => String::new(),
            rows => format!("Give up what is lost with --accept-loss {rows}.\n"),
        };
        format!("{words}{text}{accept}Expected duration: {expected:.2} s and the restart of the app.\n")
    }

    /// For scripts.
    pub(super) fn json(&self) -> anyhow::Result<String> {
        let value = json!({
            "format": JSON_FORMAT,
            "command": "rollback",
            "dry_run": self.next_steps.is_some(),
            "target": self.target,
            "run": self.run,
            "source": self.source,
            "copy": self.copy,
            "steps": self.next_steps,
            "lost_rows": self.loss.as_ref().map(Loss::rows),
            "loss": self.loss,
            "export": self.export,
            "archive": self.archive,
            "opened": self.opened,
            "switch": self.switch,
            "seconds": self.seconds,
        });
        Ok(serde_json::to_string_pretty(&value)?)
    }
}

/// What is left to do from a step on, in order.
pub(super) fn steps_from(step: RollbackStep, is_emergency: bool) -> Vec<String> {
    let close = "close PostgreSQL to the app, and count what was written since the cutover";
    let archive = "archive what PostgreSQL contains: rename its schemas";
    let open = "open SQLite for writing, once it is proved to equal the final copy";
    let switch = "switch the app to SQLite";
    let check = "check the file and the app, and record it";
    let order = match is_emergency {
        false => [close, archive, open, switch, check],
        true => [close, open, switch, archive, check],
    };
    let first = match step {
        RollbackStep::RecordClosed(_) | RollbackStep::Begin | RollbackStep::CloseTarget => close,
        RollbackStep::Archive => archive,
        RollbackStep::OpenSource | RollbackStep::RecordOpened => open,
        RollbackStep::SwitchBack => switch,
        RollbackStep::Finish | RollbackStep::Done => check,
    };
    order.into_iter().skip_while(|words| *words != first).map(str::to_owned).collect()
}

/// A line for PostgreSQL that is closed.
pub(super) fn closed(closed: Closed) -> String {
    let tables = counted(closed.tables as u64, "table");
    let ended = match closed.ended_sessions {
        0 => String::new(),
        sessions => format!("; {} with open transactions were ended", counted(sessions as u64, "session")),
    };
    format!("PostgreSQL takes no more writes in {tables}{ended}")
}

/// A line for the archive.
pub(super) fn archived(archive: &Archive) -> String {
    format!("archived: {}", archive_words(archive))
}

fn archive_words(archive: &Archive) -> String {
    match archive {
        Archive::Schemas(schemas) => format!("PostgreSQL's rows, in schema {}", schemas.join(", ")),
        Archive::Dump(path) => format!("PostgreSQL's rows, in {}", path.display()),
    }
}

/// A line for the file.
pub(super) fn opened(opened: &Opened) -> String {
    format!("SQLite: {}", opened_words(opened))
}

fn opened_words(opened: &Opened) -> String {
    match opened {
        Opened::Proved => "open for writes; it equals the final copy".to_owned(),
        Opened::Earlier => {
            "open for writes already; it may have been written to since the cutover".to_owned()
        }
        Opened::Restored(restored) => match &restored.kept {
            Some(kept) => {
                format!("the final copy was restored; the file that was there is {}", kept.display())
            }
            None => "the final copy was restored; there was no file".to_owned(),
        },
    }
}

/// A line for the app.
pub(super) fn switched(switch: &Switch) -> String {
    format!("app: {}", switch_words(switch))
}

fn switch_words(switch: &Switch) -> String {
    match switch {
        Switch::EnvFile(path) => format!("switched to SQLite by {}", path.display()),
        Switch::Manifests(path) => format!("switched to SQLite by the manifests in {}", path.display()),
        Switch::ByHand => "started by hand; it must use this SQLite file".to_owned(),
    }
}

/// A line for the file of lost rows.
pub(super) fn exported(path: &Path, rows: u64) -> String {
    format!("{} written to {}", counted(rows, "row"), path.display())
}

fn lost(loss: &Loss) -> String {
    match loss.rows() {
        0 => "nothing: nothing was written to PostgreSQL since the cutover".to_owned(),
        rows => format!("{} in {}", counted(rows, "changed row"), counted(loss.tables.len() as u64, "table")),
    }
}

/// What is lost, by table, with the first keys.
pub(super) fn loss(loss: &Loss) -> String {
    let mut text = format!("written to PostgreSQL since the cutover, and not in SQLite: {}\n", lost(loss));
    for table in &loss.tables {
        text.push_str(&format!("  {}: {}\n", printable(&table.table), table_words(table)));
        for difference in &table.first {
            let kind = match difference.kind {
                DifferenceKind::Extra => "inserted",
                DifferenceKind::Different => "changed",
                DifferenceKind::Missing => "deleted",
            };
            text.push_str(&format!("    {kind} {}\n", printable(&difference.key)));
        }
        if table.rows() > table.first.len() as u64 && !table.first.is_empty() {
            text.push_str("    …\n");
        }
    }
    for table in &loss.not_compared {
        text.push_str(&format!("  {}: not compared; it is no table of the migration\n", printable(table)));
    }
    text
}

fn table_words(table: &TableLoss) -> String {
    match table.counted {
        Counted::Compared => format!(
            "{} inserted, {} changed, {} deleted",
            count(table.inserted),
            count(table.changed),
            count(table.deleted)
        ),
        Counted::NewTable => format!("a new table with {}", counted(table.inserted, "row")),
        Counted::ColumnsChanged => {
            format!("its columns were changed, so that all of its {} count", counted(table.inserted, "row"))
        }
    }
}
