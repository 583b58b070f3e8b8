//! The words of `guide`.

use ::report::figures::count;
use migrate_core::cutover::{Event, Fence, Switch};
use migrate_core::stage::{Checklist, PlanFiles, SchemaState, Stage, StageState, Switchover, TargetAnswer};
use row_mover::ledger::RecordedEvent;
use row_mover::schema::{Entry, State};
use row_mover::status::RunStatus;
use serde_json::json;

use super::evidence::{Found, TargetFound, last};
use crate::display::printable;
use crate::report::{self, counted};

/// What to do next: a command, and why.
struct NextCommand {
    command: String,
    reason: String,
}

/// The checklist for people.
pub(super) fn checklist(found: &Found, list: &Checklist) -> String {
    let mut text = String::new();
    if let Some(run) = run(found) {
        text.push_str(&format!("source {}\n", printable(&run.source_path)));
    }
    if let Some(url) = &found.url {
        text.push_str(&format!("target {}\n", printable(url)));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let mut phase = 0;
    for (stage, state) in list.stages {
        let number =
            if stage.phase_number() == phase { " ".to_owned() } else { stage.phase_number().to_string() };
        phase = stage.phase_number();
        let line =
            format!("{number} {:9} {:15} {}", stage.name(), state_text(state), evidence(found, stage, state));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for (done, needed) in &list.out_of_order {
        text.push_str(&format!("note: {} is done, and {} is not\n", done.name(), needed.name()));
    }
    text.push_str(&match next(found, list) {
        Some(next) => format!("next: `{}`: {}\n", next.command, next.reason),
        None => "next: nothing: the migration is complete\n".to_owned(),
    });
    text
}

/// The checklist for programs.
pub(super) fn json(found: &Found, list: &Checklist) -> anyhow::Result<String> {
    let stages: Vec<_> = list
        .stages
        .iter()
        .map(|(stage, state)| {
            let (state, by) = match state {
                StageState::Done => ("done", None),
                StageState::Next => ("next", None),
                StageState::Blocked { by } => ("blocked", Some(by.name())),
                StageState::Optional => ("optional", None),
                StageState::NotNeeded => ("not_needed", None),
            };
            json!({
                "phase": stage.phase_number(),
                "stage": stage.name(),
                "state": state,
                "blocked_by": by,
                "evidence": evidence(found, *stage, list.state(*stage)),
            })
        })
        .collect();
    let out_of_order: Vec<_> = list
        .out_of_order
        .iter()
        .map(|(done, needed)| json!({ "done": done.name(), "missing": needed.name() }))
        .collect();
    let next = next(found, list).map(|next| json!({ "command": next.command, "reason": next.reason }));
    Ok(serde_json::to_string_pretty(&json!({
        "format": report::JSON_FORMAT,
        "command": "guide",
        "target": found.url,
        "source": run(found).map(|run| &run.source_path),
        "stages": stages,
        "out_of_order": out_of_order,
        "switchover": found.evidence.switchover,
        "next": next,
    }))?)
}

fn state_text(state: StageState) -> String {
    match state {
        StageState::Done => "done".to_owned(),
        StageState::Next => "next".to_owned(),
        StageState::Blocked { by } => format!("after {}", by.name()),
        StageState::Optional => "optional".to_owned(),
        StageState::NotNeeded => "-".to_owned(),
    }
}

fn run(found: &Found) -> Option<&RunStatus> {
    found.target.as_ref().ok()?.run.as_ref()
}

/// What is known of a stage.
fn evidence(found: &Found, stage: Stage, state: StageState) -> String {
    let target = found.target.as_ref();
    match stage {
        Stage::Audit => match found.app_findings {
            Some(1) => "1 place in the app depends on SQLite".to_owned(),
            Some(findings) => counted(findings as u64, "place") + " in the app depend on SQLite",
            None => "name the app with --app to count what depends on SQLite".to_owned(),
        },
        Stage::Generate => plan_text(found),
        Stage::Health => match target {
            Ok(answer) => format!("PostgreSQL {} answers", version(answer.server_version)),
            // Its lines would look like ours.
            Err(error) => printable(error.lines().next().unwrap_or_default()),
        },
        Stage::Schema => target.map_or_else(|_| String::new(), |answer| schema_text(&answer.schema)),
        Stage::Deploy => match found.manifests {
            Some(files) => counted(files as u64, "manifest"),
            None => "for Kubernetes: name the folder with --manifests".to_owned(),
        },
        Stage::Migrate => target.map_or_else(|_| String::new(), rows_text),
        Stage::Validate => match run(found).and_then(|run| run.validated_at.as_ref()) {
            Some(at) => format!("at {}", printable(at)),
            None => String::new(),
        },
        Stage::Cutover => target.map_or_else(|_| String::new(), cutover_text),
        Stage::Rollback => target.map_or_else(|_| String::new(), |answer| rollback_text(answer, state)),
        Stage::Cleanup => {
            let is_cleanup = |event: &Event| matches!(event, Event::CleanupFinished { .. });
            target.ok().and_then(|answer| last(answer, is_cleanup)).map(by_whom).unwrap_or_default()
        }
    }
}

fn plan_text(found: &Found) -> String {
    match &found.plan_files {
        Ok((current, all)) if current == all => {
            format!("{}: {} up to date", printable(&found.plan_folder), counted(*all as u64, "file"))
        }
        Ok((current, all)) => {
            format!(
                "{}: {} of {} stale",
                printable(&found.plan_folder),
                all - current,
                counted(*all as u64, "file")
            )
        }
        Err(error) => printable(error.lines().next().unwrap_or_default()),
    }
}

fn version(number: i32) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}

fn schema_text(entries: &[Entry]) -> String {
    let of = |states: &[State]| entries.iter().filter(|entry| states.contains(&entry.state)).count() as u64;
    let parts = [
        (of(&[State::Applied, State::AppliedByOthers]), "applied"),
        (of(&[State::Pending]), "pending"),
        (of(&[State::Edited]), "edited since"),
        (of(&[State::Missing]), "without a folder"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if parts.is_empty() { String::new() } else { format!("migrations: {}", parts.join(", ")) }
}

fn rows_text(found: &TargetFound) -> String {
    let Some(run) = &found.run else {
        return if found.is_at_work { "a migration is at work".to_owned() } else { String::new() };
    };
    let rows: u64 = run.tables.iter().map(|table| table.rows).sum();
    let mut text =
        format!("run {}: {} in {}", run.id, counted(rows, "row"), counted(run.tables.len() as u64, "table"));
    if let Some(phase) = run.next_phase.filter(|phase| *phase != migrate_core::phase::Phase::Validate) {
        text.push_str(&format!(" so far, not finished: {}", phase.name()));
    }
    if found.catch_ups > 0 {
        text.push_str(&format!(", {}", counted(found.catch_ups as u64, "catch-up")));
    }
    text
}

fn by_whom(recorded: &RecordedEvent) -> String {
    format!("at {} by {}", printable(&recorded.recorded_at), printable(&recorded.recorded_by))
}

fn cutover_text(found: &TargetFound) -> String {
    if let Some(finished) = last(found, |event| matches!(event, Event::CutoverFinished)) {
        let closed = last(found, |event| matches!(event, Event::SourceClosed { .. }));
        let pause = match closed.map(|recorded| &recorded.event) {
            Some(Event::SourceClosed { pause_ms: Some(pause), .. }) => {
                format!(", writers waited {} ms", count(*pause))
            }
            _ => String::new(),
        };
        return by_whom(finished) + &pause;
    }
    found
        .events
        .last()
        .map(|recorded| format!("{} {}", event_text(&recorded.event), by_whom(recorded)))
        .unwrap_or_default()
}

fn rollback_text(found: &TargetFound, state: StageState) -> String {
    if state == StageState::Optional {
        return "possible until cleanup".to_owned();
    }
    if let Some(finished) = last(found, |event| matches!(event, Event::RollbackFinished)) {
        return by_whom(finished);
    }
    match (state, found.events.last()) {
        (StageState::Next, Some(recorded)) => {
            format!("{} {}", event_text(&recorded.event), by_whom(recorded))
        }
        _ => String::new(),
    }
}

/// The last step that is done, in a few words.
fn event_text(event: &Event) -> String {
    match event {
        Event::CutoverBegun => "begun".to_owned(),
        Event::TargetComplete { .. } => "PostgreSQL has the last copy".to_owned(),
        Event::SourceClosed { fence: Some(Fence::Triggers | Fence::TriggersAndReadOnlyMark), .. } => {
            "SQLite is fenced".to_owned()
        }
        Event::SourceClosed { fence: None, .. } => "SQLite is closed".to_owned(),
        Event::AppSwitched { share_percent, .. } => format!("{share_percent} % of requests reach PostgreSQL"),
        Event::CutoverFinished => "finished".to_owned(),
        Event::RollbackBegun { .. } => "begun".to_owned(),
        Event::TargetClosed => "PostgreSQL is closed".to_owned(),
        Event::TargetArchived { .. } => "PostgreSQL is archived".to_owned(),
        Event::SourceOpened => "SQLite is open".to_owned(),
        Event::AppSwitchedBack { .. } => "the app is switched back".to_owned(),
        Event::RollbackFinished => "finished".to_owned(),
        Event::CleanupFinished { .. } => "cleaned up".to_owned(),
    }
}

/// What to do next, as a command that can be typed.
fn next(found: &Found, list: &Checklist) -> Option<NextCommand> {
    let stage = list.next()?;
    // Without the password, if it had one.
    let postgres = match found.url.as_ref().filter(|_| found.is_url_named) {
        Some(url) => format!(" --postgres {}", shell_word(url)),
        None => String::new(),
    };
    let source = run(found).map_or_else(|| "FILE".to_owned(), |run| shell_word(&run.source_path));
    let app = found.app.as_ref().map_or_else(|| "DIR".to_owned(), |app| shell_word(&app.to_string_lossy()));
    let (command, reason) = match stage {
        Stage::Audit => (format!("audit --app {app}"), "it lists what depends on SQLite"),
        Stage::Generate => ("generate".to_owned(), generate_reason(found)),
        Stage::Health => (format!("health{postgres}"), "the target does not answer"),
        Stage::Schema if found.evidence.schema == Some(SchemaState::Edited) => (
            format!("schema status{postgres}"),
            "a migration was edited after it was applied, or its folder is gone",
        ),
        Stage::Schema => (format!("schema up{postgres}"), "migrations are pending"),
        Stage::Deploy => ("deploy render".to_owned(), "it writes the manifests"),
        Stage::Migrate if found.evidence.switchover == Switchover::RolledBack => (
            format!("migrate --sqlite {source}{postgres}"),
            "the app runs on SQLite again, and PostgreSQL is archived",
        ),
        Stage::Migrate if found.evidence.target == TargetAnswer::NotNamed => (
            format!("migrate --sqlite {source}"),
            "it moves the rows into the private PostgreSQL of this checkout; set DATABASE_URL first to name another one",
        ),
        Stage::Migrate => (format!("migrate --sqlite {source}{postgres}"), "the rows are not all moved"),
        Stage::Validate => (format!("validate{postgres}"), "the rows are moved, and not proven"),
        Stage::Cutover if found.evidence.switchover == Switchover::CutoverBegun => (
            format!("cutover --fence{postgres}"),
            "a cutover has begun, and SQLite still takes writes; repeat it with the options of its first call",
        ),
        Stage::Cutover if found.evidence.switchover != Switchover::NotBegun => (
            format!("cutover{}{postgres}", switch_options(found)),
            "a cutover is not finished; the same command continues it",
        ),
        Stage::Cutover => (
            format!("cutover --dry-run --fence{postgres}"),
            "it rehearses the cutover and prints the expected pause",
        ),
        Stage::Rollback => (
            format!("rollback{}{postgres}", switch_options(found)),
            "a rollback is not finished; the same command continues it",
        ),
        Stage::Cleanup if found.app_findings == Some(0) => (
            format!("cleanup --app {app} --apply{postgres}"),
            "nothing of SQLite is left in the app; it archives the last copy, and records the end of the way back",
        ),
        Stage::Cleanup => (
            format!("cleanup --app {app}{postgres}"),
            "the app runs on PostgreSQL; once that has proven itself, it lists what is left of SQLite",
        ),
    };
    Some(NextCommand { command: format!("cargo xtask {command}"), reason: reason.to_owned() })
}

fn generate_reason(found: &Found) -> &'static str {
    match found.evidence.plan {
        PlanFiles::Unreadable => "there is no plan that can be read",
        PlanFiles::Stale | PlanFiles::Current => "files of the plan are stale",
    }
}

/// The options of the cutover or rollback that is not finished, as far as its events have them.
fn switch_options(found: &Found) -> String {
    let Ok(answer) = &found.target else { return String::new() };
    let fence = last(answer, |event| matches!(event, Event::SourceClosed { fence: Some(_), .. }));
    let switched = answer.events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::AppSwitched { switch, .. } | Event::AppSwitchedBack { switch } => Some(switch),
        _ => None,
    });
    let fence = match (fence, found.evidence.switchover) {
        (Some(_), Switchover::SourceClosed) => " --fence",
        _ => "",
    };
    let switch = match switched {
        Some(Switch::EnvFile(path)) => format!(" --env-file {}", shell_word(&path.to_string_lossy())),
        Some(Switch::Manifests(path)) => format!(" --manifests {}", shell_word(&path.to_string_lossy())),
        Some(Switch::ByHand) | None => String::new(),
    };
    format!("{fence}{switch}")
}

/// A word of a shell's command, in quotes where it needs them.
fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@=,+%".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", printable(text).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_shell_is_quoted_where_it_needs_it() {
        assert_eq!(shell_word("/a/b.db"), "/a/b.db");
        assert_eq!(shell_word("postgres://h/d?sslmode=require&x=1"), "'postgres://h/d?sslmode=require&x=1'");
        assert_eq!(shell_word("it's"), "'it'\\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
