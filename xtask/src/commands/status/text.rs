//! A status as text for people.

use ::report::figures::{count, size};
use migrate_core::phase::Phase;
use postgres_client::TargetUrl;
use row_mover::status::{RunStatus, SessionStatus, Status, TableStatus};

use crate::display::printable;
use crate::remedy;
use crate::report::{counted, new_table};
use crate::screen::seconds_left;

/// Returns a status as text.
pub(crate) fn status_text(status: &Status, url: &TargetUrl) -> String {
    let mut text = match &status.run {
        None => format!("no run in {url}\n"),
        Some(run) => run_text(run, url, status.is_at_work),
    };
    text.push_str(&work_text(status));
    text.push_str(&format!("next: {}\n", remedy::next_step(&status.next)));
    text
}

fn run_text(run: &RunStatus, url: &TargetUrl, is_at_work: bool) -> String {
    let mut text = format!(
        "run {} in {url}\nbegun {} by version {}\nsource {}",
        run.id,
        run.started_at,
        printable(&run.tool_version),
        printable(&run.source_path)
    );
    if let Some(sealed_at) = &run.sealed_at {
        text.push_str(&format!(", sealed at {}", printable(sealed_at)));
    }
    text.push_str("\n\n");
    for phase in Phase::ALL {
        text.push_str(&phase_line(run, phase, is_at_work));
    }
    if let Some(caught_up) = &run.caught_up {
        text.push_str(&format!(
            "{:11} {}, last at {} with {}\n",
            "caught up",
            counted(caught_up.times, "time"),
            caught_up.applied_at,
            counted(caught_up.rows, "row")
        ));
    }
    if let Some(baseline) = &run.baseline {
        text.push_str(&format!(
            "{:11} {} lists {}\n",
            "baseline",
            baseline.name(),
            counted(baseline.rows.len() as u64, "migration")
        ));
    }
    if run.lacks_baseline {
        text.push_str(&format!("{:11} {}\n", "baseline", crate::report::lacks_baseline(run.id)));
    }
    text.push_str(&format!("\n{}\n", tables(run)));
    let sum = |count: fn(&TableStatus) -> u64| run.tables.iter().map(count).sum::<u64>();
    let (rejected, nulled) = (sum(|table| table.rejected), sum(|table| table.nulled));
    if rejected + nulled > 0 {
        text.push_str(&format!(
            "rejected: {} skipped, {} became NULL\n",
            counted(rejected, "row"),
            counted(nulled, "value")
        ));
    }
    text
}

/// Returns a phase and how far it is. Rows and constraints overlap: either may begin before the other is done.
fn phase_line(run: &RunStatus, phase: Phase, is_at_work: bool) -> String {
    let line = |state: &str| format!("{:11} {state}", phase.name()).trim_end().to_owned() + "\n";
    if let Some(done) = run.phases.iter().find(|done| done.phase == phase) {
        return line(&format!("done in {:.2} s at {}", done.seconds, done.finished_at));
    }
    let mut parts = Vec::new();
    if run.next_phase == Some(phase) {
        parts.push(if is_at_work { "at work".to_owned() } else { "not done".to_owned() });
    }
    let (chunks_done, chunks) = run.chunks();
    let (builds_done, builds) = run.builds();
    if phase == Phase::Rows && chunks > 0 {
        parts.push(format!("{chunks_done} of {}", counted(chunks, "chunk")));
        parts.push(match run.bytes() {
            (done, Some(all)) => format!("{} of {}{}", size(done), size(all), percent_of(done, all)),
            (done, None) => size(done),
        });
    }
    if phase == Phase::Constraints && builds > 0 {
        parts.push(format!("{builds_done} of {} done", counted(builds as u64, "statement")));
    }
    line(&parts.join(", "))
}

fn tables(run: &RunStatus) -> comfy_table::Table {
    let mut table = new_table(&["table", "chunks", "rows", "bytes", "done", "bytes/s"]);
    for found in &run.tables {
        let of = |done: String, all: Option<String>| match all {
            Some(all) if all != done => format!("{done} of {all}"),
            _ => done,
        };
        table.add_row([
            printable(&found.table),
            of(count(found.chunks_done), Some(count(found.chunks))),
            of(count(found.rows), found.rows_all.map(count)),
            of(size(found.bytes), found.bytes_all.map(size)),
            found.share().map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", (share * 100.0).floor())),
            found.bytes_per_second().map_or_else(|| "-".to_owned(), |rate| size(rate as u64)),
        ]);
    }
    table
}

fn work_text(status: &Status) -> String {
    let mut text = String::new();
    if status.is_at_work {
        text.push_str("a migration is at work\n");
    } else if !status.sessions.is_empty() {
        text.push_str("no migration is at work; these sessions are a validation's, or end soon\n");
    }
    for session in &status.sessions {
        text.push_str(&format!("  {}\n", printable(&session_text(session))));
    }
    if let Some(estimate) = &status.estimate {
        let left = match estimate.rows_seconds_left {
            Some(seconds) => format!(", {} left; keys, indexes and validation follow", seconds_left(seconds)),
            None => String::new(),
        };
        text.push_str(&format!("rows move at {}/s{left}\n", size(estimate.bytes_per_second as u64)));
    }
    text
}

fn session_text(session: &SessionStatus) -> String {
    let mut text = format!("process {}: {} for {:.1} s", session.pid, session.state, session.seconds);
    if let Some(doing) = &session.doing {
        text.push_str(&format!("; {doing}"));
    }
    if let Some(waits_for) = &session.waits_for {
        text.push_str(&format!("; waits for {waits_for}"));
    }
    if !session.blocked_by.is_empty() {
        let pids: Vec<String> = session.blocked_by.iter().map(i64::to_string).collect();
        text.push_str(&format!("; blocked by process {}", pids.join(", ")));
    }
    text
}

/// Returns a share in percent, in brackets, rounded down so that it is 100 only at the end.
fn percent_of(done: u64, all: u64) -> String {
    match u128::from(done.min(all)) * 100 {
        _ if all == 0 => String::new(),
        done => format!(" ({} %)", done / u128::from(all)),
    }
}
