//! What a cutover prints: its remarks, its summary as text and as JSON.

use std::fmt::Write;

use ::report::figures::counted;
use migrate_core::cutover::{Event, Fence, Switch};
use migrate_core::rollout::Reason;
use postgres_client::TargetUrl;
use row_mover::catch_up::CaughtUp;
use row_mover::cutover::{Closed, Cutover, NotFrozen, Rehearsal};
use row_mover::source::integrity_check::Integrity;
use serde::Serialize;

use super::gates::GateFailure;
use crate::switch::rollout::ReasonWords;

/// What a cutover amounts to, from the ledger.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// The version of this form.
    format: u32,
    command: &'static str,
    /// The run.
    run: i64,
    target: String,
    source: String,
    is_finished: bool,
    fence: Option<Fence>,
    /// For how long writers waited.
    pause_ms: Option<u64>,
    /// SHA-256 of the final sealed copy, and the copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    sealed_copy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    switched_by: Option<Switch>,
    /// What did not hold, so that the cutover is not finished.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) failed: Vec<String>,
    /// What a rehearsal measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rehearsal: Option<Rehearsal>,
    /// What the switch would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) switch_plan: Option<String>,
}

impl Summary {
    pub(super) fn read(&mut self, cutover: &Cutover<'_>, url: &TargetUrl) {
        (self.format, self.command) = (1, "cutover");
        self.run = cutover.run().id;
        self.target = url.to_string();
        self.source = cutover.run().seal.source_path.display().to_string();
        self.sealed_copy = cutover.run().seal.path.display().to_string();
        self.is_finished = cutover.progress().is_finished();
        self.fence = cutover.progress().fence();
        self.sha256 = cutover.progress().complete_sha256().map(str::to_owned);
        for recorded in cutover.events() {
            match &recorded.event {
                Event::SourceClosed { pause_ms, .. } => self.pause_ms = *pause_ms,
                Event::AppSwitched { switch, .. } => self.switched_by = Some(switch.clone()),
                _ => {}
            }
        }
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("done      the app works with {} (run {})\n", self.target, self.run);
        let closed = match self.fence {
            None => "by stopping the app".to_owned(),
            Some(fence) => format!("by {}", fence_words(fence)),
        };
        let _ = writeln!(text, "closed    {} {closed}", self.source);
        match self.pause_ms {
            Some(pause_ms) => {
                let _ = writeln!(text, "pause     writers waited {}", seconds(pause_ms));
            }
            None if self.fence.is_some() => {
                let _ = writeln!(text, "pause     not measured: the cutover was interrupted just then");
            }
            None => {}
        }
        let _ = writeln!(text, "copy      {}", self.sealed_copy);
        let _ = writeln!(text, "back      cargo xtask rollback");
        text
    }

    pub(super) fn rehearsal_text(&self, is_fenced: bool) -> String {
        let mut text =
            format!("rehearsed the cutover of run {} to {}; nothing was changed\n", self.run, self.target);
        match &self.rehearsal {
            Some(rehearsal) => {
                let rows = counted(rehearsal.applied.rows(), "changed row");
                let _ = writeln!(text, "changes   {rows} since the last copy");
                if let Some(found) = &rehearsal.integrity {
                    let _ = writeln!(
                        text,
                        "check     sound: integrity_check took {:.1} s, before the pause",
                        found.seconds
                    );
                }
                let part = |name: &str, took: f64| format!("{name} {took:.2} s");
                let parts = [
                    part("copy", rehearsal.copy_seconds),
                    part("difference", rehearsal.difference_seconds),
                    part("apply", rehearsal.apply_seconds),
                    part("fence", rehearsal.fence_seconds),
                ];
                if is_fenced {
                    let _ = writeln!(
                        text,
                        "pause     {:.2} s to expect: {}",
                        rehearsal.pause().as_secs_f64(),
                        parts.join(", ")
                    );
                } else {
                    let _ = writeln!(text, "steps     {}", parts[..3].join(", "));
                }
            }
            None => {
                let _ = writeln!(text, "freeze    done already: {} is closed", self.source);
            }
        }
        if let Some(plan) = self.switch_plan.as_ref().filter(|plan| !plan.is_empty()) {
            let _ = writeln!(text, "switch    {plan}");
        }
        text
    }
}

pub(super) fn without_fence(source: &str) -> String {
    format!("without --fence, {source} is not written to: the app must be stopped, or its volume read-only")
}

pub(super) fn fence_announced(source: &str, pause_max_seconds: u64) -> String {
    format!(
        "{source} will be written to: the fence adds triggers that refuse every write, and `cargo xtask rollback` removes them. \
         Before that, writers wait for at most {}",
        counted(pause_max_seconds, "second")
    )
}

pub(super) fn checking(is_fenced: bool) -> String {
    let meanwhile = match is_fenced {
        true => "while the app works",
        false => "while the app is stopped: `cargo xtask validate --integrity-check` does it before",
    };
    format!("check     integrity_check of the newest copy, {meanwhile}")
}

pub(super) fn checked(found: &Integrity) -> String {
    let result = match found.problems.len() as u64 {
        0 => "sound".to_owned(),
        problems => counted(problems, "problem"),
    };
    format!("checked   {result}, in {:.1} s", found.seconds)
}

pub(super) fn caught_up(caught_up: &CaughtUp) -> String {
    format!("catch-up  {} in {:.1} s", counted(caught_up.applied.rows(), "changed row"), caught_up.seconds)
}

pub(super) fn closed(closed: &Closed) -> String {
    let rows = counted(closed.applied.rows(), "changed row");
    match (closed.fence, closed.pause) {
        (Some(fence), Some(pause)) => {
            let waited = seconds(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            format!("closed    by {}; the last {rows} applied; writers waited {waited}", fence_words(fence))
        }
        _ => format!("closed    nobody writes; the last {rows} applied"),
    }
}

pub(super) fn not_frozen(reason: NotFrozen, attempt: u32, attempts: u32) -> String {
    let reason = match reason {
        NotFrozen::NeverIdle => "other programs wrote all the time".to_owned(),
        NotFrozen::TooLong { pause } => {
            format!("writers would have waited too long, and continue after {:.1} s", pause.as_secs_f64())
        }
        NotFrozen::Readers { pause } => {
            format!(
                "readers kept the file from being closed, and writers continue after {:.1} s",
                pause.as_secs_f64()
            )
        }
    };
    format!("attempt {attempt} of {attempts}: {reason}")
}

pub(super) fn went_back_before(share_percent: u8, reason: &Reason) -> String {
    format!(
        "failed    the app did not hold with {share_percent} % of its reading requests on PostgreSQL, and SQLite has all of them again: {}\n\
         next      repair it and run the same command again\n",
        ReasonWords(reason)
    )
}

pub(super) fn observation_failed(reason: &Reason) -> String {
    format!(
        "failed    the app does not hold on PostgreSQL: {}\n\
         next      repair it and run the same command again; or go back: cargo xtask rollback\n",
        ReasonWords(reason)
    )
}

pub(super) fn gates_failed(failures: &[GateFailure]) -> String {
    let mut text = String::from("failed    the gates do not hold; the app works with PostgreSQL\n");
    for failure in failures {
        let _ = writeln!(text, "gate      {failure}");
    }
    text.push_str("next      repair it and run the same command again; or go back: cargo xtask rollback\n");
    text
}

fn fence_words(fence: Fence) -> &'static str {
    match fence {
        Fence::Triggers => "triggers",
        Fence::TriggersAndReadOnlyMark => "triggers and the read-only mark",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for a person")]
fn seconds(ms: u64) -> String {
    format!("{:.2} s", ms as f64 / 1000.0)
}
