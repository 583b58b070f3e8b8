//! The details in words.

use ::health::{Details, DetailsFound as Found, Known, LockWait, Sessions, Statistics, Transaction};
use ::report::figures::{count, size};

use super::text::{failure_words, pool_words, unknown_words};
use crate::display::printable;

/// The age at which a server accepts no more writes, in transactions; PostgreSQL stops three million before it.
const WRAPAROUND_AGE: f64 = 2_147_483_648.0;

/// Returns the details as text: a line for each.
pub(super) fn details_text(details: &Details) -> String {
    let mut text = String::from("\n");
    let mut line = |name: &str, words: &str| {
        text.push_str(&format!("  {name:20} {}\n", printable(words)));
    };
    if let Some(failure) = &details.failure {
        line("details", &format!("not known: {}", failure_words(failure)));
    }
    if let Some(found) = &details.found {
        server_lines(found, &mut line);
        activity_lines(found, &mut line);
        replication_lines(found, &mut line);
        storage_lines(found, &mut line);
    }
    text
}

type Line<'a> = dyn FnMut(&str, &str) + 'a;

fn server_lines(found: &Found, line: &mut Line<'_>) {
    line("version", &found.version);
    line("up for", &age(found.uptime_seconds));
    let latency = found.latency;
    line(
        "round trip",
        &format!(
            "min {:.2} ms, median {:.2} ms, max {:.2} ms of {}",
            latency.min_ms, latency.median_ms, latency.max_ms, latency.round_trips
        ),
    );
    if let Some(pool) = found.pool {
        line("pool", &pool_words(pool));
    }
}

fn activity_lines(found: &Found, line: &mut Line<'_>) {
    line("sessions", &known(&found.sessions, sessions));
    line("longest transaction", &known(&found.longest_transaction, |longest| optional(longest, transaction)));
    line("oldest lock wait", &known(&found.oldest_lock_wait, |oldest| optional(oldest, lock_wait)));
}

fn sessions(sessions: &Sessions) -> String {
    let states = sessions.by_state.iter().filter(|(_, number)| **number > 0);
    let states: Vec<String> = states
        .map(|(state, number)| format!("{} {}", count(*number), state.name().replace('_', " ")))
        .collect();
    states.join(", ")
}

fn transaction(longest: &Transaction) -> String {
    let role = longest.role.as_deref().unwrap_or("an unknown role");
    let state = longest.state.name().replace('_', " ");
    format!("{}: process {} of {role}, {state}", age(longest.seconds), longest.pid)
}

fn lock_wait(oldest: &LockWait) -> String {
    let object = oldest.relation.as_deref().unwrap_or("another transaction");
    let blockers: Vec<String> = oldest.blocked_by.iter().map(ToString::to_string).collect();
    format!(
        "{}: process {} waits for {} on {object}, blocked by {}",
        age(oldest.seconds),
        oldest.pid,
        oldest.mode,
        if blockers.is_empty() { "nobody any more".to_owned() } else { blockers.join(", ") }
    )
}

fn replication_lines(found: &Found, line: &mut Line<'_>) {
    if let Known::Known(Some(lag)) = &found.replay_lag_seconds {
        line("replay lag", &age(*lag));
    }
    match &found.standbys {
        Known::Known(standbys) if standbys.is_empty() => line("standbys", "none"),
        Known::NotKnown(unknown) => line("standbys", &not_known(unknown)),
        Known::Known(standbys) => standbys.iter().for_each(|standby| {
            let behind = standby.lag_bytes.map_or("unknown".to_owned(), bytes);
            let lag = standby.lag_seconds.map(|lag| format!(", {}", age(lag))).unwrap_or_default();
            let state = if standby.is_streaming { "" } else { ", not streaming" };
            line("standby", &format!("{}: {behind} behind{lag}{state}", standby.name));
        }),
    }
    match &found.replication_slots {
        Known::NotKnown(unknown) => line("replication slots", &not_known(unknown)),
        Known::Known(slots) => slots.iter().for_each(|slot| {
            let retained = slot.retained_bytes.map_or("unknown".to_owned(), bytes);
            let state = match (slot.is_lost, slot.is_active) {
                (true, _) => ", lost",
                (false, true) => "",
                (false, false) => ", nobody reads it",
            };
            line("replication slot", &format!("{}: keeps {retained} of log{state}", slot.name));
        }),
    }
}

fn storage_lines(found: &Found, line: &mut Line<'_>) {
    line("database size", &known(&found.database_bytes, |bytes| size(*bytes)));
    match &found.statistics {
        Known::Known(statistics) => statistics_lines(statistics, line),
        Known::NotKnown(unknown) => line("statistics", &not_known(unknown)),
    }
    line(
        "oldest transaction id",
        &known(&found.freezing, |freezing| {
            #[allow(clippy::cast_precision_loss, reason = "a share needs no more digits")]
            let share = freezing.oldest_xid_age as f64 / WRAPAROUND_AGE * 100.0;
            let number = |age: i64| count(u64::try_from(age).unwrap_or(0));
            format!(
                "{} transactions old, {share:.1} % of what is possible; autovacuum freezes by force at {}",
                number(freezing.oldest_xid_age),
                number(freezing.forced_at)
            )
        }),
    );
    match &found.largest_tables {
        Known::NotKnown(unknown) => line("largest tables", &not_known(unknown)),
        Known::Known(tables) => tables.iter().for_each(|table| {
            let ago =
                |seconds: Option<f64>| seconds.map_or("never".to_owned(), |seconds| age(seconds) + " ago");
            line(
                "large table",
                &format!(
                    "{}: {}, {} dead of {} rows, vacuumed {}, analyzed {}",
                    table.table,
                    size(table.bytes),
                    count(table.dead_rows),
                    count(table.dead_rows.saturating_add(table.live_rows)),
                    ago(table.seconds_since_vacuum),
                    ago(table.seconds_since_analyze)
                ),
            );
        }),
    }
}

fn statistics_lines(statistics: &Statistics, line: &mut Line<'_>) {
    let ratio = statistics.cache_hit_ratio;
    line(
        "cache hit rate",
        &ratio.map_or("no page was read yet".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0)),
    );
    line(
        "transactions",
        &format!("{} committed, {} rolled back", count(statistics.commits), count(statistics.rollbacks)),
    );
    line("deadlocks", &count(statistics.deadlocks));
    line("temporary files", &format!("{}, {}", count(statistics.temp_files), size(statistics.temp_bytes)));
}

fn known<T>(known: &Known<T>, words: impl FnOnce(&T) -> String) -> String {
    match known {
        Known::Known(value) => words(value),
        Known::NotKnown(unknown) => not_known(unknown),
    }
}

fn not_known(unknown: &::health::Unknown) -> String {
    format!("not known: {}", unknown_words(unknown))
}

fn optional<T>(value: &Option<T>, words: impl FnOnce(&T) -> String) -> String {
    value.as_ref().map_or("none".to_owned(), words)
}

fn bytes(bytes: i64) -> String {
    size(u64::try_from(bytes).unwrap_or(0))
}

/// A duration, in the unit that a person thinks in.
fn age(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    match seconds {
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}
